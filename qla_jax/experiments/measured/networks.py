"""The small measured networks of the studies: how they are built, trained and judged.

Sizes are those at which a study of minutes on a laptop shows what readouts do to a network; they are no one's published
ones. Networks are read out behind each block, the least that a block takes.

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, sections III.1 and III.2.
    https://arxiv.org/abs/2402.18940
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from qla_jax.arithmetic import Format
from qla_jax.data import ImageSet
from qla_jax.experiments.measured.readout_accuracy import Network
from qla_jax.nn import EVERY_BLOCK, MeasuredNetwork, QResNet, overhead
from qla_jax.training import TrainingConfig, accuracy, fit

FORMAT = Format(bits=16, fraction=8)
"""Registers whose T-depth is counted."""


@dataclass(frozen=True)
class NetworkSetting:
    """A residual network and its training.

    Attributes:
        side: of the images.
        stages: of one block each; sides are halved and channels doubled from one to the next.
        epochs: of training.
        width: channels of the first stage.
        learning_rate: at its peak.
    """

    side: int
    stages: int
    epochs: int
    width: int = 4
    learning_rate: float = 1e-2


class Layer(NamedTuple):
    """Name, shape and T-depth of a transfer."""

    name: str
    shape: tuple[int, ...]
    depth: int


def residual_network(images: ImageSet, setting: NetworkSetting, seed: int) -> QResNet:
    """Return a fresh network in evaluation mode, with exact readouts."""
    return QResNet(
        images.train_images.shape[1],
        images.num_classes,
        width=setting.width,
        stages=setting.stages,
        blocks=1,
        transfers=EVERY_BLOCK,
        rngs=nnx.Rngs(seed),
    )


def train(
    model: Network, images: ImageSet, epochs: int, learning_rate: float, seed: int
) -> tuple[Network, float, float]:
    """Train with exact readouts: the network, its last loss, its accuracy on all test images."""
    config = TrainingConfig(epochs=epochs, learning_rate=learning_rate, seed=seed)
    model, history = fit(model, images.train_images, images.train_labels, config)
    exact = accuracy(model, images.test_images, images.test_labels, batch_size=len(images.test_images))
    return model, history[-1].loss, exact


def layers_of(model: MeasuredNetwork, images: ImageSet) -> list[Layer]:
    """Return the transfers, counted on circuits; nothing is run."""
    told = overhead(model, images.train_images.shape[1:], FORMAT)
    return [Layer(layer.name, layer.shape, layer.depth) for layer in told.layers]


def shapes_of(model: MeasuredNetwork, images: ImageSet) -> list[tuple[int, ...]]:
    """Return the shapes of the tensors of all transfers."""
    image = jax.ShapeDtypeStruct(images.train_images.shape[1:], jnp.float32)
    return [transfer.shape for transfer in jax.eval_shape(model.run, image).transfers]
