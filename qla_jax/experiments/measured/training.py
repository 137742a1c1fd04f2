"""Training of measured networks, compared with classical twins, with estimated gradients, and on short registers.

With exact readouts in real arithmetic a network and its twin are the same function of the same parameters, up to
rounding. They start from different initial values, so accuracies of single seeds differ by chance. The result is the
mean difference over seeds, with its standard error. Estimated gradients are those of appendix E: gradients of weights
are inner products from single runs of amplitude estimation, for each image separately. Registers are evaluated on a
network trained in real numbers.

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, sections III.1, III.2 and appendix E.
    https://arxiv.org/abs/2402.18940
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from flax import nnx
from jax import Array

from qla_jax.arithmetic import Format
from qla_jax.data import ImageSet
from qla_jax.experiments.core.figures import Plot, Series
from qla_jax.experiments.core.study import Findings, Options, Study, settings_of
from qla_jax.experiments.core.tables import Column, table
from qla_jax.experiments.measured.readout_accuracy import restored, weights_of
from qla_jax.nn import MeasuredNetwork, PlainResNet, PlainTransformer, QResNet, QTransformer, weight_gradients
from qla_jax.training import TrainingConfig, accuracy, fit

POINT = 0.01
"""Accuracy by which a measured network may be lower than its twin on average."""
RESNET, TRANSFORMER = "residual network", "transformer"


@dataclass(frozen=True)
class Pair:
    """Accuracies of a measured network and of its twin, and the weights of the measured one."""

    measured: float
    twin: float
    weights: list[list[float]]


@dataclass(frozen=True)
class Estimated:
    """Network trained with gradients to a precision, None for exact ones: losses by epoch, and accuracy."""

    eps: float | None
    losses: list[float]
    accuracy: float


@dataclass(frozen=True)
class OnRegisters:
    """Accuracy of a network on fixed-point numbers."""

    accuracy: float


@dataclass(frozen=True)
class ReadoutsCompared:
    """Mean accuracies of measured networks and of their twins, the difference, and its standard error."""

    measured: float
    twin: float
    difference: float
    error: float | None

    @property
    def behind(self) -> bool:
        """True if the measured networks are less accurate by more than a point."""
        return self.difference < -POINT


@dataclass(frozen=True)
class Training:
    """Networks and their training.

    Attributes:
        images: images for training and evaluation.
        seeds: seeds of weights and shuffles, with one pair of networks each.
        width: number of channels of the residual network's first stage.
        stages: number of stages of that network.
        epochs: number of epochs of each kind of network that is trained.
        features: number of features of the transformer's tokens.
        gradient_epochs: number of epochs of the trainings with estimated gradients, and of the exact one.
        precisions: precisions of estimated gradients.
        noise: model of their estimation.
        registers: (bits, fraction) of the numbers that a trained residual network is run on; they saturate.
    """

    images: ImageSet
    seeds: Sequence[int]
    width: int = 8
    stages: int = 2
    epochs: Mapping[str, int] = field(default_factory=lambda: {RESNET: 15, TRANSFORMER: 30})
    features: int = 32
    gradient_epochs: int = 5
    precisions: Sequence[float] = (0.02, 0.1, 0.4)
    noise: str = "qae"
    registers: Sequence[tuple[int, int]] = ((6, 3), (8, 4), (10, 6), (12, 7), (16, 10))

    def pair(self, rows: object, kind: str, seed: int) -> Pair:
        """Train a measured network and its twin with the same settings."""
        measured, twin = self._pair(kind, seed)
        config = TrainingConfig(
            epochs=self.epochs[kind], learning_rate=3e-3, noise=0.3 if kind == TRANSFORMER else 0.0, seed=seed
        )
        images = self.images
        measured, _ = fit(measured, images.train_images, images.train_labels, config)
        twin, _ = fit(twin, images.train_images, images.train_labels, config)
        tests = images.test_images, images.test_labels
        return Pair(accuracy(measured, *tests), accuracy(twin, *tests), weights_of(measured))

    def estimated(self, rows: object, eps: float | None) -> Estimated:
        """Train a residual network with gradients to this precision, or exact ones for None."""
        model = self._resnet(self.seeds[0])
        if eps is not None:
            model = model.with_gradients(weight_gradients(relative_eps=eps, noise=self.noise))
        config = TrainingConfig(epochs=self.gradient_epochs, learning_rate=3e-3, seed=self.seeds[0])
        images = self.images
        trained, history = fit(model, images.train_images, images.train_labels, config, call=_with_key)
        found = accuracy(trained.with_gradients(None), images.test_images, images.test_labels)
        return Estimated(eps, [epoch.loss for epoch in history], found)

    def on_registers(self, rows: Mapping[str, Any], bits: int, fraction: int) -> OnRegisters:
        """Run the first trained residual network on fixed-point numbers."""
        fresh = self._resnet(self.seeds[0])
        model = restored(fresh, rows[pair_key(RESNET, self.seeds[0])].weights)
        short = model.with_format(Format(bits, fraction, "saturate"))
        return OnRegisters(accuracy(short, self.images.test_images, self.images.test_labels, batch_size=120))

    def _resnet(self, seed: int) -> QResNet:
        shape, rngs = self.images.train_images.shape[1:], nnx.Rngs(seed)
        return QResNet(shape[0], self.images.num_classes, width=self.width, stages=self.stages, blocks=1, rngs=rngs)

    def _pair(self, kind: str, seed: int) -> tuple[MeasuredNetwork, nnx.Module]:
        """Return a fresh measured network and its twin."""
        shape, outcomes = self.images.train_images.shape[1:], self.images.num_classes
        if kind == RESNET:
            twin = PlainResNet(shape[0], outcomes, width=self.width, stages=self.stages, blocks=1, rngs=nnx.Rngs(seed))
            return self._resnet(seed), twin
        sizes = {"patch": 2, "width": self.features, "heads": 4, "depth": 2, "hidden": 2 * self.features}
        builds: tuple[Callable, Callable] = QTransformer, PlainTransformer
        measured, twin = (build(shape, outcomes, **sizes, rngs=nnx.Rngs(seed)) for build in builds)
        return measured, twin


def _with_key(model: MeasuredNetwork, images: Array, key: Array) -> Array:
    return model(images, key=key)


def pair_key(kind: str, seed: int) -> str:
    """Return the key of the item that trains a pair.

    Args:
        kind: kind of the networks.
        seed: seed of the pair.
    """
    return f"{kind}, seed {seed}"


def study(options: Options) -> Study:
    """Build the study of pairs for each seed, then of gradients, then of registers."""
    images = options.images(**({"max_train": 128, "max_test": 40} if options.quick else {}))
    training = Training(images, options.seeds(1 if options.quick else 6))
    if options.quick:
        training = replace(training, width=2, stages=1, epochs={RESNET: 1}, registers=((8, 4),))
        training = replace(training, gradient_epochs=1, precisions=(0.4,), noise="uniform")
    items: dict = {
        pair_key(kind, seed): partial(training.pair, kind=kind, seed=seed)
        for kind in training.epochs
        for seed in training.seeds
    }
    items |= {_gradients(eps): partial(training.estimated, eps=eps) for eps in (None, *training.precisions)}
    for bits, fraction in training.registers:
        items[f"registers, {bits} bits"] = partial(training.on_registers, bits=bits, fraction=fraction)
    title, found = "Training of measured networks", partial(summary, training=training)
    return Study("training", title, settings_of(training), items, found, row=Pair | Estimated | OnRegisters)


TWINS = [
    Column("network", "{0}", "kind of network"),
    Column("measured", "{1}", "mean test accuracy of the measured network"),
    Column("twin", "{2}", "mean test accuracy of its classical twin"),
    Column("difference", "{3}", "the first less the second"),
    Column("+-", "{4}", "standard error of the difference"),
    Column("seeds", "{5}", "number of pairs"),
]
ESTIMATED = [
    Column("", "{0}", "how gradients of weights are computed"),
    Column("last loss", "{1:.3f}", "mean loss of the last epoch"),
    Column("accuracy", "{2:.3f}", "test accuracy with exact readouts"),
]
REGISTERS = [
    Column("bits", "{0}", "bits of a register"),
    Column("after the point", "{1}", "bits after the binary point"),
    Column("accuracy", "{2:.3f}", "test accuracy"),
]


def summary(rows: Mapping[str, Any], training: Training) -> Findings:
    """Return differences with their errors, losses by epoch, and accuracy by register.

    Args:
        rows: rows of the study.
        training: settings of the study.
    """
    numbers, gradients = {}, {_gradients(eps): rows[_gradients(eps)] for eps in (None, *training.precisions)}
    for kind in training.epochs:
        found = [rows[pair_key(kind, seed)] for seed in training.seeds]
        numbers[kind] = compared([row.measured for row in found], [row.twin for row in found])
    pairs = [(kind, *map(_told, vars(one).values()), len(training.seeds)) for kind, one in numbers.items()]
    losses = [(name, row.losses[-1], row.accuracy) for name, row in gradients.items()]
    registers: list[tuple] = [("real numbers", "", rows[pair_key(RESNET, training.seeds[0])].measured)]
    registers += [(bits, behind, rows[f"registers, {bits} bits"].accuracy) for bits, behind in training.registers]
    epochs = [*range(1, training.gradient_epochs + 1)]
    series = [Series(name, epochs, row.losses) for name, row in gradients.items()]
    return Findings(
        numbers={"pairs": numbers, "behind": [kind for kind, one in numbers.items() if one.behind]},
        conclusions=[_remark(kind, one) for kind, one in numbers.items()],
        tables={
            "compared with their twins": table(
                TWINS,
                pairs,
                caption="Mean test accuracy of measured networks and of their classical twins.",
            ),
            "estimated gradients": table(
                ESTIMATED, losses, caption="Training of a residual network with exact and with estimated gradients."
            ),
            "residual network on registers": table(
                REGISTERS, registers, caption="Test accuracy of the first residual network in fixed-point arithmetic."
            ),
        },
        plots=[
            Plot(
                "gradients",
                "epoch",
                "mean loss",
                series,
                title="training with estimated gradients",
                caption="Mean loss of each epoch with exact gradients and with gradients estimated to a precision eps.",
            )
        ],
    )


def compared(measured: Sequence[float], twins: Sequence[float]) -> ReadoutsCompared:
    """Return means, their difference, and its standard error, which is None for a single pair.

    Args:
        measured: accuracies of measured networks.
        twins: accuracies of their twins.
    """
    gaps = np.subtract(measured, twins)
    error = float(gaps.std(ddof=1) / math.sqrt(len(gaps))) if len(gaps) > 1 else None
    return ReadoutsCompared(float(np.mean(measured)), float(np.mean(twins)), float(gaps.mean()), error)


def _gradients(eps: float | None) -> str:
    return "exact gradients" if eps is None else f"gradients, eps {eps:g}"


def _told(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4f}"


def _remark(kind: str, told: ReadoutsCompared) -> str:
    verdict = "more than a point below" if told.behind else "within a point of"
    gap = f"{told.difference:+.4f} +- {_told(told.error)}"
    return f"The accuracy of the {kind} is on average {verdict} that of its twin: {gap}."
