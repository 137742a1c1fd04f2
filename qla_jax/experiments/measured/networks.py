"""Small measured networks of the studies: construction, training and evaluation.

Sizes are chosen so that a study of minutes on a laptop shows the effect of readouts on a network; they are not
published ones. Networks are read out after each block, which is the least number of readouts.

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
"""Format of the registers whose T-depth is counted."""


@dataclass(frozen=True)
class NetworkSetting:
    """Residual network and its training.

    Attributes:
        side: side of the images.
        stages: number of stages of one block each; from one to the next sides are halved and channels doubled.
        epochs: number of epochs of training.
        width: number of channels of the first stage.
        learning_rate: learning rate at its peak.
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
    """Return a fresh network in evaluation mode, with exact readouts.

    Args:
        images: images that it is for.
        setting: sizes of the network.
        seed: seed of the weights.
    """
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
    """Train with exact readouts.

    Args:
        model: fresh network.
        images: images for training and testing.
        epochs: number of epochs.
        learning_rate: learning rate at its peak.
        seed: seed of the shuffles.

    Returns:
        The network, its last loss, and its accuracy on all test images.
    """
    config = TrainingConfig(epochs=epochs, learning_rate=learning_rate, seed=seed)
    model, history = fit(model, images.train_images, images.train_labels, config)
    exact = accuracy(model, images.test_images, images.test_labels, batch_size=len(images.test_images))
    return model, history[-1].loss, exact


def layers_of(model: MeasuredNetwork, images: ImageSet) -> list[Layer]:
    """Return the transfers of a network, counted on circuits; nothing is run.

    Args:
        model: network to count.
        images: images that it is for.
    """
    told = overhead(model, images.train_images.shape[1:], FORMAT)
    return [Layer(layer.name, layer.shape, layer.depth) for layer in told.layers]


def shapes_of(model: MeasuredNetwork, images: ImageSet) -> list[tuple[int, ...]]:
    """Return the shapes of the tensors of all transfers.

    Args:
        model: network to examine.
        images: images that it is for.
    """
    image = jax.ShapeDtypeStruct(images.train_images.shape[1:], jnp.float32)
    return [transfer.shape for transfer in jax.eval_shape(model.run, image).transfers]
