"""The main job: train coherent residual networks on real images and hold every claim about them to measurement."""

import math
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from qla_jax.accounting import cost
from qla_jax.data import ImageSet
from qla_jax.encodings.convolution import Convolution
from qla_jax.encodings.dense import Dense
from qla_jax.networks.residual import chain
from qla_jax.nn import CoherentResNet, ConvolutionWeight, DenseWeight, PlainCNN, PlainMLP, count_parameters
from qla_jax.studies.circuit_check import Instance, circuit_check, convolution_instances, dense_instances
from qla_jax.studies.evaluation import accuracies, error_rows, norm_rows, output_error, trace
from qla_jax.training import Epoch, Model, TrainingConfig, fit

KINDS = ("dense", "convolutional")
MIN_OUTCOMES = 16
CHECK_DEGREE = 5
"""Degree of the polynomial in the circuit check: 19 qubits for two blocks on one."""


@dataclass(frozen=True)
class Recipe:
    """A network and how it is trained."""

    blocks: int
    training: TrainingConfig
    degree: int = 9


RECIPES = {
    "dense": Recipe(blocks=6, training=TrainingConfig(epochs=40, learning_rate=5e-4, noise=0.2)),
    "convolutional": Recipe(blocks=6, training=TrainingConfig(epochs=30, learning_rate=3e-3, noise=0.2)),
}


@dataclass(frozen=True)
class Job:
    """What to run: the recipes of both kinds, the kind that stands at the top of the report, and where it all goes."""

    images: ImageSet
    directory: Path
    kind: str = "dense"
    epochs: int | None = None
    seed: int = 0
    resume: bool = False

    def recipe(self, kind: str) -> Recipe:
        """The kind's recipe with this job's epochs and seed."""
        recipe = RECIPES[kind]
        epochs = self.epochs or recipe.training.epochs
        return replace(recipe, training=replace(recipe.training, epochs=epochs, seed=self.seed))


class Progress(Protocol):
    """What a job tells while it runs; the command line draws it."""

    def stage(self, text: str) -> None:
        """A new stage begins."""

    def epoch(self, epoch: Epoch, total: int) -> None:
        """An epoch of training is done."""


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
    if job.kind not in KINDS:
        raise ValueError(f"`kind` must be one of {KINDS}, but is {job.kind!r}.")
    networks = [_network(job, kind, progress) for kind in KINDS]
    top = next(network for network in networks if network["kind"] == job.kind)
    images = job.images
    return {
        **top,
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
    """A line for each violated bound or failed check of one network."""
    lines = []
    for name in ("norms", "errors"):
        for row in network[name]:
            if row["violations"]:
                lines.append(
                    f"{network['kind']}: {name} of block {row['block']} violated on {row['violations']} images."
                )
    if network["output_error"]["violations"]:
        lines.append(f"{network['kind']}: output error violated on {network['output_error']['violations']} images.")
    check = network["circuit_check"]
    if not check["max_deviation"] <= check["tolerance"]:
        lines.append(
            f"{network['kind']}: circuit check failed, {check['max_deviation']:.3g} > {check['tolerance']:.3g}."
        )
    return lines


def build(kind: str, shape: tuple[int, int, int], classes: int, recipe: Recipe) -> CoherentResNet:
    """A fresh network for images of a shape (channel, row, column)."""
    rngs = nnx.Rngs(recipe.training.seed)
    outcomes = max(MIN_OUTCOMES, 1 << (max(classes, shape[0]) - 1).bit_length())
    if kind == "dense":
        size = max(16 * outcomes, 1 << (math.prod(shape) - 1).bit_length())
        dense = [DenseWeight(size, rngs=rngs) for _ in range(recipe.blocks)]
        return CoherentResNet(dense, sizes=(size,), outcomes=outcomes, degree=recipe.degree)
    image = shape[1:]
    weights = [ConvolutionWeight(outcomes, image, rngs=rngs) for _ in range(recipe.blocks)]
    return CoherentResNet(weights, sizes=(outcomes, *image), outcomes=outcomes, degree=recipe.degree)


def stride(channels: int, outcomes: int) -> int:
    """The largest power of two whose square times the channels fits in the outcomes; there are as many at least."""
    return 1 << ((outcomes // channels).bit_length() - 1) // 2


def space_to_depth(images: np.ndarray, outcomes: int) -> np.ndarray:
    """Load images as channels of a coarser grid.

    Pixel (r, c) goes to channel (r mod f, c mod f) at place (r // f, c // f), f the `stride`. A permutation of basis
    states, so no cost to the circuit; it spreads an image over the channels, which the outcomes are read from, and
    leaves the rest of the grid to the network as null amplitudes.
    """
    factor = stride(images.shape[1], outcomes)
    count, channels, rows, columns = images.shape
    margins = [(0, -size % factor) for size in (rows, columns)]
    padded = np.pad(images, [(0, 0), (0, 0), *margins])
    split = padded.reshape(count, channels, padded.shape[2] // factor, factor, padded.shape[3] // factor, factor)
    return split.transpose(0, 1, 3, 5, 2, 4).reshape(count, channels * factor**2, *split.shape[2:5:2])


def _network(job: Job, kind: str, progress: Progress) -> dict:
    recipe, images = job.recipe(kind), job.images
    shape = images.train_images.shape[1:]
    model = build(kind, shape, images.num_classes, recipe)
    train, test = (_arranged(model, x) for x in (images.train_images, images.test_images))

    progress.stage(f"{kind}: training {recipe.blocks} blocks, {count_parameters(model)} parameters")
    started = time.perf_counter()
    model, history = _fit(job, recipe.training, model, train, f"{kind}", progress)
    seconds = {"train": time.perf_counter() - started}

    progress.stage(f"{kind}: training the plain baseline")
    baseline = _baseline(kind, shape, model.outcomes, model, recipe)
    baseline, _ = _fit(job, recipe.training, baseline, images.train_images, f"{kind}-baseline", progress)
    right = jax.jit(lambda x: baseline(x).argmax(1))(jnp.asarray(images.test_images)) == images.test_labels

    progress.stage(f"{kind}: every test image against the ideal network, in float64")
    found = trace(model, test)
    progress.stage(f"{kind}: two blocks as one circuit")
    instances = _instances(model)
    return {
        "kind": kind,
        "description": f"{recipe.blocks} {kind} blocks on {math.prod(model.sizes)} amplitudes, degree {recipe.degree}",
        "recipe": asdict(recipe),
        "parameters": {"coherent": count_parameters(model), "baseline": count_parameters(baseline)},
        "accuracy": {**accuracies(found, images.test_labels, job.seed), "baseline": float(right.mean())},
        "norms": norm_rows(found.norm),
        "norms_without_skip": norm_rows(found.bare_norm),
        "errors": error_rows(found),
        "output_error": output_error(found),
        "circuit_check": circuit_check(instances, CHECK_DEGREE),
        "costs": _costs(model, test[0], found.alone.mean(0), found.alpha),
        "training": [{"epoch": e.number + 1, "loss": e.loss, "accuracy": e.accuracy} for e in history],
        "seconds": seconds,
    }


def _arranged(model: CoherentResNet, images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1) if len(model.sizes) == 1 else space_to_depth(images, model.outcomes)


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
    )


def _baseline(
    kind: str, shape: tuple[int, int, int], outcomes: int, model: CoherentResNet, recipe: Recipe
) -> nnx.Module:
    rngs = nnx.Rngs(recipe.training.seed)
    if kind == "dense":
        size = math.prod(model.sizes)
        return PlainMLP([math.prod(shape), *[size] * recipe.blocks, outcomes], rngs=rngs)
    return PlainCNN(outcomes, recipe.blocks, shape, outcomes, rngs=rngs)


def _instances(model: CoherentResNet) -> list[Instance]:
    encodings = model.encodings()
    dense = [np.asarray(enc.matrix) for enc in encodings if isinstance(enc, Dense)]
    kernels = [np.asarray(enc.kernel) for enc in encodings if isinstance(enc, Convolution)]
    return (dense_instances(dense) if len(dense) > 1 else []) + (convolution_instances(kernels) if kernels else [])


def _costs(model: CoherentResNet, image: np.ndarray, alone: np.ndarray, alpha: np.ndarray) -> dict:
    """Costs of the circuit up to each block, unamplified, and each block's own amplitude on an amplified input."""
    network = jax.eval_shape(model.encode, jnp.asarray(image))
    rows = []
    for number, block in enumerate(chain(network)):
        total = cost(block)
        with np.errstate(divide="ignore"):
            size = -np.log10(alpha[:, number])
        rows.append(
            {
                "block": number + 1,
                "num_ancillas": total.num_ancillas,
                "num_qubits": total.num_qubits,
                "queries": sum(total.num_queries.values()),
                "num_queries": total.num_queries,
                "amplitude_alone": float(alone[number]),
                "log10_amplitude_unamplified": float(np.median(size)) if np.isfinite(size).all() else None,
            }
        )
    return {"blocks": rows, "note": "queries to the weights and the input, their adjoints included; no amplification"}
