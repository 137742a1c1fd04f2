"""The protocol in which residual quanvolutional networks are trained and judged: images, networks, and a run.

Ten classes with a dense layer, or four with a circuit of ten qubits behind the features; batches of 16, Adam at a
constant rate of 0.01, 30 epochs. Pixels from 0 to 1 are angles in radians, as equation (2) of the reference has it. Its
images are MNIST; `prepared_images` takes them where they are prepared, and otherwise the digits of scikit-learn, scaled
to 28 x 28, of which there are fewer. The source says which.

References:
    Kashif, Shafique (2024), ResQuNNs, Tables 2 and 3. https://arxiv.org/abs/2402.09146
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from flax import nnx

from qla_jax.data import DatasetUnavailable, ImageSet, load, resized
from qla_jax.experiments.core.figures import Series
from qla_jax.experiments.core.study import Options
from qla_jax.nn import count_parameters
from qla_jax.nn.quanvolution import DenseHead, QuantumHead, ResQuNN
from qla_jax.training import TrainingConfig, accuracy, fit
from qla_jax.variational.placements import Placement
from qla_jax.variational.quanvolution import QuanvolutionSpec
from qla_jax.variational.resqunn import feature_shape

SIDE = 28
FULL, DETACHED, FROZEN = "full", "detached", "frozen"
"""Gradients everywhere, gradients that stop at the input of each layer, and layers that are not trained."""
MODES = (FULL, DETACHED, FROZEN)


@dataclass(frozen=True)
class Trained:
    """A network that was trained and judged.

    Attributes:
        parameters: number of its parameters.
        losses: loss of each epoch's steps.
        curve: accuracy of each epoch's steps.
        train: accuracy on all images for training.
        test: accuracy on all images for testing.
    """

    parameters: int
    losses: list[float]
    curve: list[float]
    train: float
    test: float


@dataclass(frozen=True)
class Protocol:
    """How networks are trained.

    Attributes:
        epochs: of training.
        batch_size: images a step.
        learning_rate: of Adam, constant.
    """

    epochs: int = 30
    batch_size: int = 16
    learning_rate: float = 0.01

    def run(self, model: nnx.Module, images: ImageSet, seed: int) -> Trained:
        """Train, then judge on all images of either kind."""
        config = TrainingConfig(self.epochs, self.batch_size, self.learning_rate, constant=True, seed=seed)
        trained, history = fit(model, images.train_images, images.train_labels, config)
        return Trained(
            count_parameters(model),
            [epoch.loss for epoch in history],
            [epoch.accuracy for epoch in history],
            accuracy(trained, images.train_images, images.train_labels),
            accuracy(trained, images.test_images, images.test_labels),
        )


def network(
    images: ImageSet, placement: Placement, specs: tuple[QuanvolutionSpec, ...], mode: str, seed: int, *, quantum: bool
) -> ResQuNN:
    """Return a fresh network, the same angles in all modes of a seed."""
    shape, rngs = images.train_images.shape[1:], nnx.Rngs(seed)
    outcomes, size = images.num_classes, int(np.prod(feature_shape(shape, specs, placement)))
    head = QuantumHead(outcomes, rngs=rngs) if quantum else DenseHead(size, outcomes, rngs=rngs)
    trainable, detached = mode != FROZEN, mode == DETACHED
    return ResQuNN(shape, placement, specs, head=head, trainable=trainable, detach_data=detached, rngs=rngs)


def prepared_images(options: Options, *, classes: int, train: int, test: int) -> ImageSet:
    """Return the first classes of MNIST, of a set that is asked for, or of the digits: 28 x 28, so many of each class.

    Where a set has fewer, all of them; grey images only.

    Raises:
        DatasetUnavailable: images that were asked for and are not there.
        ValueError: images of several channels, or fewer classes than asked for.
    """
    found = _loaded(options.dataset, options.data_dir, options.seed)
    channels, *sides = found.train_images.shape[1:]
    if channels != 1:
        raise ValueError(f"`dataset` must be of grey images, but has {channels} channels.")
    if found.num_classes < classes:
        raise ValueError(f"`dataset` must have {classes} classes, but has {found.num_classes}.")
    scaled = found if sides == [SIDE, SIDE] else resized(found, SIDE)
    kept = {
        kind: _of_each(getattr(scaled, f"{kind}_labels"), classes, count)
        for kind, count in (("train", train), ("test", test))
    }
    about = f"{classes} classes, {len(kept['train'])} for training and {len(kept['test'])} for testing"
    return replace(
        scaled,
        train_images=scaled.train_images[kept["train"]],
        train_labels=scaled.train_labels[kept["train"]],
        test_images=scaled.test_images[kept["test"]],
        test_labels=scaled.test_labels[kept["test"]],
        num_classes=classes,
        source=f"{scaled.source}; {about}",
    )


def mean(rows: Sequence[Trained], kind: str) -> float:
    """Return the mean accuracy in "train" or "test"."""
    return float(np.mean([getattr(row, kind) for row in rows]))


def told(rows: Sequence[Trained], kind: str) -> str:
    """Return mean and range of an accuracy in percent."""
    values = [100 * getattr(row, kind) for row in rows]
    return f"{100 * mean(rows, kind):.1f} ({min(values):.1f}-{max(values):.1f})"


def curve(label: str, rows: Sequence[Trained], style: str = "-") -> Series:
    """Return the mean accuracy of training steps by epoch."""
    means = np.mean([row.curve for row in rows], axis=0).tolist()
    return Series(label, [*range(1, len(means) + 1)], means, style=style)


def _loaded(name: str | None, data_dir: Path | None, seed: int) -> ImageSet:
    if name is not None:
        return load(name, data_dir=data_dir, seed=seed)
    try:
        return load("mnist", data_dir=data_dir, seed=seed)
    except DatasetUnavailable:
        return load("digits", seed=seed)


def _of_each(labels: np.ndarray, classes: int, count: int) -> np.ndarray:
    """Return the places of the first so many of each class, in their order."""
    places = [np.flatnonzero(labels == label)[:count] for label in range(classes)]
    return np.sort(np.concatenate(places))
