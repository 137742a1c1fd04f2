"""Accuracy of a trained network under many readouts, a compile for each kind of readout; and its weights as a row.

Example:
    >>> from flax import nnx
    >>> from qla_jax.nn import QResNet
    >>> net = QResNet(1, 10, width=2, stages=1, blocks=1, rngs=nnx.Rngs(0))
    >>> same = restored(QResNet(1, 10, width=2, stages=1, blocks=1, rngs=nnx.Rngs(1)), weights_of(net))
    >>> bool((same(jnp.ones((1, 1, 4, 4))) == net(jnp.ones((1, 1, 4, 4)))).all())
    True
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax import Array

from qla_jax.measurement import ReadoutMethod
from qla_jax.nn import MeasuredNetwork
from qla_jax.nn.measured import Pass
from qla_jax.nn.qam import Arithmetic
from qla_jax.training import once_for_each_build

Network = TypeVar("Network", bound=MeasuredNetwork)


def accuracies(
    model: MeasuredNetwork, images: np.ndarray, labels: np.ndarray, readouts: ReadoutMethod, key: Array
) -> list[float]:
    """Share of images told right, with each of a stack of readouts; in real arithmetic, one draw for each image.

    Args:
        model: trained, in evaluation mode.
        images: shape (count, channel, row, column).
        labels: as many.
        readouts: one pytree with a leading axis on its leaves, as `traced_readouts` makes them.
        key: each image and readout gets its own.
    """
    graph, state = nnx.split(model)
    keys = jax.random.split(key, (len(jax.tree.leaves(readouts)[0]), len(images)))
    right = _judge(graph)(state, readouts, keys, jnp.asarray(images), jnp.asarray(labels))
    return [int(number) / len(images) for number in np.asarray(right)]


@once_for_each_build
def _judge(graph: Any) -> Callable:
    """Compiled once for networks of one build, whatever their weights."""

    @jax.jit
    def right(state: Any, readouts: Any, keys: Array, images: Array, labels: Array) -> Array:
        def one(readout: ReadoutMethod, image: Array, key: Array) -> Array:
            network = nnx.merge(graph, state)
            return network.forward(image, Pass(readout, Arithmetic(), key)).argmax()

        def all_images(task: tuple) -> Array:
            readout, keys = task
            found = jax.vmap(one, in_axes=(None, 0, 0))(readout, images, keys)
            return (found == labels).sum()

        return jax.lax.map(all_images, (readouts, keys))

    return right


def weights_of(model: nnx.Module) -> list[list[float]]:
    """Parameters and running statistics, flat, as JSON has them."""
    leaves = jax.tree.leaves(nnx.state(model, (nnx.Param, nnx.BatchStat)))
    return [np.asarray(leaf, np.float64).reshape(-1).tolist() for leaf in leaves]


def restored(model: Network, weights: Sequence[Sequence[float]]) -> Network:
    """A network of the same build with those weights.

    Raises:
        ValueError: weights of another network.
    """
    graph, kept, rest = nnx.split(model, (nnx.Param, nnx.BatchStat), ...)  # type: ignore[misc]
    leaves, structure = jax.tree.flatten(kept)
    if [leaf.size for leaf in leaves] != [len(part) for part in weights]:
        raise ValueError(f"`weights` must hold {[leaf.size for leaf in leaves]} numbers, but hold others.")
    filled = [jnp.asarray(part, leaf.dtype).reshape(leaf.shape) for part, leaf in zip(weights, leaves, strict=True)]
    return nnx.merge(graph, jax.tree.unflatten(structure, filled), rest)
