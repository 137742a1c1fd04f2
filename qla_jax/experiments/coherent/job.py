"""The main job: train coherent residual networks on real images and hold every claim about them to measurement.

Every finished part is kept in the job's items: training by epochs, then evaluation, claims, costs and circuits.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from qla_jax.accounting.costs import cost
from qla_jax.data import ImageSet
from qla_jax.encodings.matrices.convolution import Convolution
from qla_jax.encodings.matrices.dense import Dense
from qla_jax.experiments.coherent.circuit_check import (
    Instance,
    bilinear_instances,
    circuit_check,
    convolution_instances,
    dense_instances,
    terminal_instances,
)
from qla_jax.experiments.coherent.evaluation import accuracies, error_rows, norm_rows, output_error, terminal_row, trace
from qla_jax.experiments.coherent.own_claims import own_claims
from qla_jax.experiments.coherent.own_costs import own_costs
from qla_jax.experiments.coherent.recipes import RECIPES, REGIMES, Recipe, arranged, build
from qla_jax.experiments.core.items import Items
from qla_jax.networks.residual import SCALE, chain
from qla_jax.nn import CoherentResNet, PlainCNN, PlainMLP, count_parameters
from qla_jax.polynomials import chebyshev, erf
from qla_jax.training import Epoch, Model, TrainingConfig, accuracy, fit

CHECK_DEGREE = 5
"""Degree of the polynomial in the circuit check: 19 qubits for two blocks on one."""


@dataclass(frozen=True)
class Job:
    """Networks to train and the data, and where checkpoints and finished parts go.

    Attributes:
        images: the data.
        directory: directory whose subdirectory `checkpoints` takes an epoch of each training at a time.
        kind: network at the top of the report; the regime's first unless given.
        regime: regime of the paper, or None.
        epochs: epochs of each training; the recipe's own unless given.
        seed: seed of weights, shuffles and samples.
        resume: whether to go on with checkpoints in the directory.
        items: finished parts; those that are there are not run again.
    """

    images: ImageSet
    directory: Path
    kind: str | None = None
    regime: str | None = None
    epochs: int | None = None
    seed: int = 0
    resume: bool = False
    items: Items = field(default_factory=Items)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of the regime's networks.

        Raises:
            ValueError: an unknown regime, or a `kind` that is not one of them.
        """
        if self.regime not in REGIMES:
            raise ValueError(f"`regime` must be one of {tuple(filter(None, REGIMES))}, but is {self.regime!r}.")
        kinds = REGIMES[self.regime]
        if self.kind not in (None, *kinds):
            raise ValueError(f"`kind` must be one of {kinds}, but is {self.kind!r}.")
        return kinds

    def recipe(self, kind: str) -> Recipe:
        """Return the recipe of a kind with the epochs and the seed of this job."""
        recipe = RECIPES[kind]
        epochs = self.epochs or recipe.training.epochs
        return replace(recipe, training=replace(recipe.training, epochs=epochs, seed=self.seed))


class Progress(Protocol):
    """Receiver of what a job says while it runs; the command line draws it."""

    def stage(self, text: str) -> None:
        """Take note of a stage that begins."""

    def epoch(self, epoch: Epoch, total: int) -> None:
        """Take note of an epoch that is done."""


class _Silent:
    def stage(self, text: str) -> None:
        pass

    def epoch(self, epoch: Epoch, total: int) -> None:
        pass


def run(job: Job, progress: Progress | None = None) -> dict:
    """Train, measure, check; checkpoints go into the job's directory.

    Returns:
        The report. `failures` lists each violated bound or failed check in a line; empty is good.
    """
    progress = progress or _Silent()
    started = time.perf_counter()
    networks = [_network(job, kind, progress) for kind in job.kinds]
    top = next(network for network in networks if network["kind"] == (job.kind or job.kinds[0]))
    images = job.images
    return {
        **top,
        "regime": job.regime,
        "dataset": {
            "name": images.name,
            "train": len(images.train_labels),
            "test": len(images.test_labels),
            "source": images.source,
        },
        "networks": networks,
        "failures": [failure for network in networks for failure in failures(network)],
        "seconds": {**top["seconds"], "total": time.perf_counter() - started},
    }


def failures(network: dict) -> list[str]:
    """Return a line for each violated bound or failed check of one network."""
    lines = []
    for name in ("norms", "errors"):
        for row in network[name]:
            if row["violations"]:
                lines.append(
                    f"{network['kind']}: {name} of block {row['block']} violated on {row['violations']} images."
                )
    if network["output_error"]["violations"]:
        lines.append(f"{network['kind']}: output error violated on {network['output_error']['violations']} images.")
    for row in network.get("claims", ()):
        if row["violated"]:
            lines.append(
                f"{network['kind']}: claim {row['claim']} violated by {row['where']}, ratio {row['ratio']:.6g}."
            )
    terminal = network.get("terminal")
    if terminal and terminal["violations"]:
        lines.append(f"{network['kind']}: norm of the terminal block violated on {terminal['violations']} images.")
    check = network["circuit_check"]
    if not check["max_deviation"] <= check["tolerance"]:
        lines.append(
            f"{network['kind']}: circuit check failed, {check['max_deviation']:.3g} > {check['tolerance']:.3g}."
        )
    return lines


def _network(job: Job, kind: str, progress: Progress) -> dict:
    return job.items.result(kind, lambda: _measured(job, kind, progress))


def _measured(job: Job, kind: str, progress: Progress) -> dict:
    recipe, images = job.recipe(kind), job.images
    shape = images.train_images.shape[1:]
    model = build(shape, images.num_classes, recipe)
    train, test = (arranged(model, x) for x in (images.train_images, images.test_images))

    progress.stage(f"{kind}: training {recipe.blocks} blocks, {count_parameters(model)} parameters")
    started = time.perf_counter()
    model, history = _fit(job, recipe.training, model, train, f"{kind}", progress)
    seconds = {"train": time.perf_counter() - started}

    progress.stage(f"{kind}: training the plain baseline")
    baseline = _baseline(shape, model, recipe)
    baseline, _ = _fit(job, recipe.training, baseline, images.train_images, f"{kind}-baseline", progress)

    def part(name: str, told: str, make: Callable[[], Any]) -> Any:
        if f"{kind}: {name}" not in job.items.rows:
            progress.stage(f"{kind}: {told}")
        return job.items.result(f"{kind}: {name}", make)

    evaluated = part(
        "evaluation",
        "every test image against the ideal network, in float64",
        lambda: _evaluated(model, baseline, test, images, job.seed),
    )
    return {
        "kind": kind,
        "description": _description(model, recipe),
        "recipe": asdict(recipe),
        "parameters": {"coherent": count_parameters(model), "baseline": count_parameters(baseline)},
        **evaluated,
        "claims": part("claims", "claims on its own weights and images", lambda: own_claims(model, test)),
        "regime_costs": part(
            "regime costs",
            "costs in its regime",
            lambda: None if job.regime is None else own_costs(model, job.regime),
        ),
        "circuit_check": part(
            "circuits", "two blocks as one circuit", lambda: circuit_check(_instances(model), CHECK_DEGREE)
        ),
        "training": [{"epoch": e.number + 1, "loss": e.loss, "accuracy": e.accuracy} for e in history],
        "seconds": seconds,
    }


def _evaluated(
    model: CoherentResNet, baseline: nnx.Module, test: np.ndarray, images: ImageSet, seed: int
) -> dict[str, Any]:
    """Return what every test image says about the network, beside its plain baseline."""
    found, labels = trace(model, test), images.test_labels
    plain = accuracy(baseline, images.test_images, labels)
    return {
        "accuracy": {**accuracies(found, labels, seed), "baseline": plain},
        "norms": norm_rows(found.norm),
        "norms_without_skip": norm_rows(found.bare_norm),
        "errors": error_rows(found),
        "output_error": output_error(found),
        "terminal": None if model.terminal is None else terminal_row(found, labels, model.terminal.tau),
        "costs": _costs(model, test[0], found.norm.mean(0), found.alone.mean(0), found.log_alpha),
    }


def _description(model: CoherentResNet, recipe: Recipe) -> str:
    entries = math.prod(model.sizes)
    start = f"{recipe.paths} paths of {round(entries ** (1 / recipe.paths))} entries, " if recipe.paths else ""
    end = " and a terminal block" if recipe.terminal else ""
    return f"{start}{recipe.blocks} {recipe.weights} blocks{end} on {entries} amplitudes, degree {recipe.degree}"


def _fit(
    job: Job, config: TrainingConfig, model: Model, images: np.ndarray, name: str, progress: Progress
) -> tuple[Model, list[Epoch]]:
    return fit(
        model,
        images,
        job.images.train_labels,
        config,
        directory=job.directory / "checkpoints" / name,
        resume=job.resume,
        report=lambda epoch: progress.epoch(epoch, config.epochs),
        notice=progress.stage,
    )


def _baseline(shape: tuple[int, int, int], model: CoherentResNet, recipe: Recipe) -> nnx.Module:
    rngs = nnx.Rngs(recipe.training.seed)
    if recipe.weights == "dense":
        size = math.prod(model.sizes)
        return PlainMLP([math.prod(shape), *[size] * recipe.blocks, model.outcomes], rngs=rngs)
    return PlainCNN(model.outcomes, recipe.blocks, shape, model.outcomes, rngs=rngs)


def _instances(model: CoherentResNet) -> list[Instance]:
    encodings = model.encodings()
    dense = [np.asarray(enc.matrix) for enc in encodings if isinstance(enc, Dense)]
    kernels = [np.asarray(enc.kernel) for enc in encodings if isinstance(enc, Convolution)]
    found = dense_instances(dense) if len(dense) > 1 else []
    if kernels:
        found += bilinear_instances(kernels) if len(model.paths) else convolution_instances(kernels)
    matrix = model.terminal_matrix()
    if matrix is not None:
        found += terminal_instances(dense or [kernel[:, :, 1, 1] for kernel in kernels], np.asarray(matrix))
    return found


def _activation_size(degree: int) -> float:
    """The normalisation of the activation of a weight with alpha 2, as Lemma 5 leaves it."""
    coeffs = erf(SCALE, degree=degree).coeffs
    return float(np.abs(chebyshev.quotient(chebyshev.rescale(coeffs, 2.0))).sum())


def _costs(
    model: CoherentResNet, image: np.ndarray, norm: np.ndarray, alone: np.ndarray, log_alpha: np.ndarray
) -> dict:
    """Costs of the circuit up to each block, unamplified, and each block's own amplitude on an amplified input.

    The amplitude is that of the weights as they are, and that of weights amplified to twice their norm: of a
    convolution the former vanishes, since its alpha is the 1-norm of its kernel.
    """
    network = jax.eval_shape(model.encode, jnp.asarray(image))
    rows = []
    for number, block in enumerate(chain(network)):
        total = cost(block)
        size = -log_alpha[:, number] / math.log(10)
        rows.append(
            {
                "block": number + 1,
                "num_ancillas": total.num_ancillas,
                "num_qubits": total.num_qubits,
                "queries": sum(total.num_queries.values()),
                "num_queries": total.num_queries,
                "amplitude_alone": float(alone[number]),
                "amplitude_of_amplified_weight": float(norm[number]) / (1 + _activation_size(model.degree)),
                "log10_amplitude_unamplified": float(np.median(size)) if np.isfinite(size).all() else None,
            }
        )
    return {"blocks": rows, "note": "queries to the weights and the input, their adjoints included; no amplification"}
