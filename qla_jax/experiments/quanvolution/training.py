"""Protocol of training and evaluating residual quanvolutional networks: images, networks, and a run.

Networks have ten classes with a dense layer, or four with a circuit of ten qubits after the features. Training takes
batches of 16 and 30 epochs of Adam at a constant rate of 0.01. Pixels from 0 to 1 are angles in radians, as in equation
(2) of the reference. The reference uses MNIST. `prepared_images` takes MNIST where it is prepared, and otherwise the
digits of scikit-learn, scaled to 28 x 28, of which there are fewer. The source of the images says which.

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
    """Network that was trained and evaluated.

    Attributes:
        parameters: number of its parameters.
        losses: mean loss of each epoch's steps.
        curve: mean accuracy of each epoch's steps.
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
    """Settings of the training.

    Attributes:
        epochs: number of epochs.
        batch_size: number of images in a step.
        learning_rate: learning rate of Adam, constant.
    """

    epochs: int = 30
    batch_size: int = 16
    learning_rate: float = 0.01

    def run(self, model: nnx.Module, images: ImageSet, seed: int) -> Trained:
        """Train, then evaluate on all images for training and for testing."""
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
    """Return a fresh network, with the same angles in all modes of a seed.

    Args:
        images: images that it is for.
        placement: residual connections of the layers.
        specs: settings of the layers.
        mode: mode of gradients.
        seed: seed of the weights.
        quantum: whether the network ends in a circuit instead of a dense layer.
    """
    shape, rngs = images.train_images.shape[1:], nnx.Rngs(seed)
    outcomes, size = images.num_classes, int(np.prod(feature_shape(shape, specs, placement)))
    head = QuantumHead(outcomes, rngs=rngs) if quantum else DenseHead(size, outcomes, rngs=rngs)
    trainable, detached = mode != FROZEN, mode == DETACHED
    return ResQuNN(shape, placement, specs, head=head, trainable=trainable, detach_data=detached, rngs=rngs)


def prepared_images(options: Options, *, classes: int, train: int, test: int) -> ImageSet:
    """Return 28 x 28 images, so many of each of the first classes, of the set asked for, or of MNIST or the digits.

    Where a set has fewer images of a class, all of them are taken. Images have to be gray.

    Args:
        options: options of the command, with the name of a set.
        classes: number of classes.
        train: number of images of each class for training.
        test: number of images of each class for testing.

    Raises:
        DatasetUnavailable: images that were asked for and are not there.
        ValueError: images of several channels, or fewer classes than asked for.
    """
    found = _loaded(options.dataset, options.data_dir, options.seed)
    channels, *sides = found.train_images.shape[1:]
    if channels != 1:
        raise ValueError(f"`dataset` must be of gray images, but has {channels} channels.")
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
    """Return the mean accuracy of networks.

    Args:
        rows: trained networks.
        kind: "train" or "test".
    """
    return float(np.mean([getattr(row, kind) for row in rows]))


def told(rows: Sequence[Trained], kind: str) -> str:
    """Return mean and range of an accuracy in percent, as text.

    Args:
        rows: trained networks.
        kind: "train" or "test".
    """
    values = [100 * getattr(row, kind) for row in rows]
    if len(values) == 1:
        return f"{values[0]:.1f}"
    return f"{100 * mean(rows, kind):.1f} ({min(values):.1f}-{max(values):.1f})"


def curve(label: str, rows: Sequence[Trained], style: str = "-") -> Series:
    """Return the mean accuracy of training steps by epoch.

    Args:
        label: name in the legend.
        rows: trained networks.
        style: marker and line as matplotlib writes them.
    """
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
    """Return the places of the first so many images of each class, in their order."""
    places = [np.flatnonzero(labels == label)[:count] for label in range(classes)]
    return np.sort(np.concatenate(places))
