"""Main job: training of coherent residual networks on real images, and a check of every claim about them.

Every finished part is an item: training by epochs, the plain baseline, evaluation, claims, costs and circuits. The
trained network is built once in double precision, and all parts share its states between blocks.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

import jax
from flax import nnx

from qla_jax.circuits import draw
from qla_jax.circuits.files import require_format
from qla_jax.data import ImageSet
from qla_jax.encodings.emission import to_circuit
from qla_jax.experiments.coherent.exported import exported
from qla_jax.experiments.coherent.outcomes import confusion, examples
from qla_jax.experiments.coherent.own_claims import own_claims
from qla_jax.experiments.coherent.recipes import RECIPES, REGIMES, Recipe, build
from qla_jax.experiments.coherent.results import (
    Baseline,
    Dataset,
    EpochResult,
    Evaluated,
    ExportedBlock,
    InRegime,
    MainReport,
    Network,
    OwnClaims,
    Parameters,
    Part,
    Seconds,
    TrainedNetwork,
)
from qla_jax.experiments.coherent.summary import failures, summary
from qla_jax.experiments.core.progress import Progress
from qla_jax.experiments.core.study import Study
from qla_jax.nn import CoherentResNet, PlainCNN, PlainMLP, count_parameters
from qla_jax.nn.circuit_check import CircuitCheck, circuit_check, instances_of
from qla_jax.nn.coherent_costs import costs, regime_costs
from qla_jax.nn.evaluation import accuracies, errors, norms, output_error, terminal_norm
from qla_jax.nn.images import arranged
from qla_jax.nn.trace import Traced
from qla_jax.training import Epoch, Model, accuracy, fit

CHECK_DEGREE = 5
"""Degree of the polynomial in the circuit check: 13 qubits for two blocks on one."""


@dataclass(frozen=True)
class Job:
    """Networks to train, their data, and the directory of checkpoints.

    Attributes:
        images: images for training and testing.
        directory: directory whose subdirectory `checkpoints` holds the last epoch of each training.
        kind: network at the top of the report, by default the regime's first.
        regime: regime of the paper, or None.
        epochs: number of epochs of each training, by default the recipe's own.
        seed: seed of weights, shuffles and samples.
        resume: whether to go on with checkpoints in the directory.
        export: format of the file with the circuit of one block, or None for no file.
    """

    images: ImageSet
    directory: Path
    kind: str | None = None
    regime: str | None = None
    epochs: int | None = None
    seed: int = 0
    resume: bool = False
    export: str | None = None

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


class Subject:
    """Network of the job and its parts, each a function of the rows of earlier items."""

    def __init__(self, job: Job, kind: str, progress: Progress) -> None:
        self.job, self.kind, self.progress = job, kind, progress
        self.recipe, self.images = job.recipe(kind), job.images
        self.shape = self.images.train_images.shape[1:]
        self.trained = False

    def training(self, rows: object) -> TrainedNetwork:
        """Train the network, or go on with its last checkpoint."""
        model, history = self._trained
        training = [EpochResult(epoch.number + 1, epoch.loss, epoch.accuracy) for epoch in history]
        return TrainedNetwork(_description(model, self.recipe), count_parameters(model), training)

    def baseline(self, rows: object) -> Baseline:
        """Train a plain network of the same size."""
        rngs, (model, _) = nnx.Rngs(self.recipe.training.seed), self._trained
        if self.recipe.weights == "dense":
            sizes = [math.prod(self.shape), *[math.prod(model.sizes)] * self.recipe.blocks, model.outcomes]
            plain: nnx.Module = PlainMLP(sizes, rngs=rngs)
        else:
            plain = PlainCNN(model.outcomes, self.recipe.blocks, self.shape, model.outcomes, rngs=rngs)
        plain, _ = self._fit(plain, self.images.train_images, f"{self.kind}-baseline")
        return Baseline(count_parameters(plain), accuracy(plain, self.images.test_images, self.images.test_labels))

    def evaluation(self, rows: Mapping[str, Any]) -> Evaluated:
        """Compare the outputs on all test images with the ideal network."""
        baseline = rows[key(self.kind, "baseline")].accuracy
        found, terminal, labels = self._traced.trace, self._traced.model.terminal, self.images.test_labels
        return Evaluated(
            accuracies(found, labels, baseline, self.job.seed),
            norms(found.norm),
            norms(found.bare_norm),
            errors(found),
            output_error(found),
            None if terminal is None else terminal_norm(found, labels, terminal.tau),
            costs(self._traced),
            confusion(found.outcomes, labels, self.images.num_classes),
            examples(found.outcomes, self.images.test_images, labels),
            str(self._traced.first_block.tree()),
            drawing(self._traced),
        )

    def claims(self, rows: object) -> OwnClaims:
        """Examine claims on the network's own weights and images."""
        return OwnClaims(own_claims(self._traced))

    def regime(self, rows: object) -> InRegime:
        """Count the costs of the amplified network."""
        return InRegime(regime_costs(self._traced, str(self.job.regime)))

    def circuits(self, rows: object) -> CircuitCheck:
        """Run small networks of slices of the weights as circuits."""
        return circuit_check(instances_of(self._traced), CHECK_DEGREE)

    def exported(self, rows: object) -> ExportedBlock:
        """Write the circuit of the first block as a file."""
        return exported(self._traced.first_block, self.job.directory, self.kind, str(self.job.export))

    @cached_property
    def _trained(self) -> tuple[CoherentResNet, list[Epoch]]:
        model = build(self.shape, self.images.num_classes, self.recipe)
        return self._fit(model, arranged(model, self.images.train_images), self.kind, done=self.trained)

    @cached_property
    def _traced(self) -> Traced:
        model, _ = self._trained
        return Traced(model, arranged(model, self.images.test_images))

    def _fit(self, model: Model, images: Any, name: str, *, done: bool = False) -> tuple[Model, list[Epoch]]:
        """Train a model, or load it from its checkpoints; a finished training is loaded without a word."""
        config = self.recipe.training
        return fit(
            model,
            images,
            self.images.train_labels,
            config,
            directory=self.job.directory / "checkpoints" / name,
            resume=self.job.resume,
            report=lambda epoch: None if done else self.progress.epoch(epoch, config.epochs),
            notice=self.progress.note,
        )


PARTS = {
    "training": "training",
    "baseline": "training the plain baseline",
    "evaluation": "every test image against the ideal network, in float64",
    "claims": "claims on its own weights and images",
    "regime": "costs in its regime",
    "circuits": "two blocks as one circuit",
    "exported": "one block as a file",
}
"""Parts of a network by method of `Subject`, in words."""
NEEDS = {"regime": "regime", "exported": "export"}
"""Parts that are done only where an option of the job asks for them."""


def key(kind: str, part: str) -> str:
    """Return the key of an item.

    Args:
        kind: name of the network.
        part: name of the part.
    """
    return f"{kind}: {PARTS[part]}"


def study(job: Job, progress: Progress | None = None) -> Study:
    """Build the study that trains, measures and checks; checkpoints go into the job's directory.

    Args:
        job: networks to train and their data.
        progress: receiver of progress.

    Raises:
        ValueError: an unknown regime, kind or format.
        MissingExtra: a format that needs a package which is not installed.
    """
    if job.export is not None:
        require_format(job.export)
    # One network at a time, since its states on all images are large.
    subject = lru_cache(maxsize=1)(lambda kind: Subject(job, kind, progress or Progress()))

    def item(rows: Mapping[str, Part], kind: str, part: str) -> Part:
        chosen = subject(kind)
        chosen.trained = key(kind, "training") in rows
        found: Part = getattr(chosen, part)(rows)
        return found

    parts = [part for part in PARTS if part not in NEEDS or getattr(job, NEEDS[part]) is not None]
    items = {key(kind, part): partial(item, kind=kind, part=part) for kind in job.kinds for part in parts}
    title = f"Coherent residual networks on {job.images.name}"
    settings = {name: getattr(job, name) for name in ("kind", "regime", "epochs", "seed", "export")}
    return Study("run", title, settings, items, summary, Part, "report", partial(_report, job), bounded=False)


def _report(job: Job, rows: Mapping[str, Any], seconds: Mapping[str, float]) -> MainReport:
    networks = [_network(job, kind, rows, seconds) for kind in job.kinds]
    top = next(one for one in networks if one.kind == (job.kind or job.kinds[0]))
    images, total = job.images, sum(seconds.values())
    return MainReport(
        **vars(replace(top, seconds=Seconds(top.seconds.train, total))),
        regime=job.regime,
        dataset=Dataset(images.name, len(images.train_labels), len(images.test_labels), images.source),
        networks=networks,
        failures=[line for one in networks for line in failures(one)],
    )


def _network(job: Job, kind: str, rows: Mapping[str, Any], seconds: Mapping[str, float]) -> Network:
    found = {part: rows[key(kind, part)] for part in PARTS if key(kind, part) in rows}
    return Network(
        **vars(found["evaluation"]),
        kind=kind,
        description=found["training"].description,
        recipe=job.recipe(kind),
        parameters=Parameters(found["training"].parameters, found["baseline"].parameters),
        claims=found["claims"].claims,
        regime_costs=found["regime"].costs if "regime" in found else None,
        circuit_check=found["circuits"],
        exported=found.get("exported"),
        training=found["training"].training,
        seconds=Seconds(seconds[key(kind, "training")]),
    )


def drawing(traced: Traced) -> str:
    """Return a drawing of the first block's circuit: the skip connection and the activation under one ancilla.

    Args:
        traced: the network in double precision.
    """
    with jax.enable_x64(True):
        return draw(to_circuit(traced.first_block), depth=2, fold=True)


def _description(model: CoherentResNet, recipe: Recipe) -> str:
    entries = math.prod(model.sizes)
    start = f"{recipe.paths} paths of {round(entries ** (1 / recipe.paths))} entries, " if recipe.paths else ""
    end = " and a terminal block" if recipe.terminal else ""
    return f"{start}{recipe.blocks} {recipe.weights} blocks{end} on {entries} amplitudes, degree {recipe.degree}"
