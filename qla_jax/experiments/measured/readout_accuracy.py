"""Accuracy of a trained network under many readouts, with one compile for each kind of readout, and weights as a row.

Example:
    >>> from flax import nnx
    >>> from qla_jax.nn import QResNet
    >>> net = QResNet(1, 10, width=2, stages=1, blocks=1, rngs=nnx.Rngs(0))
    >>> same = restored(QResNet(1, 10, width=2, stages=1, blocks=1, rngs=nnx.Rngs(1)), weights_of(net))
    >>> bool((same(jnp.ones((1, 1, 4, 4))) == net(jnp.ones((1, 1, 4, 4)))).all())
    True
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

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


class Judged(NamedTuple):
    """Accuracies of a network under each of a stack of readouts, and fidelities of its states.

    Attributes:
        accuracies: shares of images classified correctly.
        infidelities: infidelities of the states read out, means over all transfers and images.
    """

    accuracies: list[float]
    infidelities: list[float]


def accuracies(
    model: MeasuredNetwork, images: np.ndarray, labels: np.ndarray, readouts: ReadoutMethod, *, key: Array
) -> list[float]:
    """Return the share of images classified correctly with each of a stack of readouts, with one draw for each image.

    Arithmetic between readouts is real.

    Args:
        model: trained network in evaluation mode.
        images: images of shape (count, channel, row, column).
        labels: class of each image.
        readouts: one pytree with a leading axis on its leaves, as in `traced_readouts`.
        key: random key, split into one for each image and readout.
    """
    (right,) = _judged(model, images, labels, readouts, key, infidelity=False)
    return right


def judged(
    model: MeasuredNetwork, images: np.ndarray, labels: np.ndarray, readouts: ReadoutMethod, *, key: Array
) -> Judged:
    """Return accuracies as `accuracies` does, with infidelities of the same draws.

    Args:
        model: trained network in evaluation mode.
        images: images of shape (count, channel, row, column).
        labels: class of each image.
        readouts: one pytree with a leading axis on its leaves, as in `traced_readouts`.
        key: random key, split into one for each image and readout.
    """
    return Judged(*_judged(model, images, labels, readouts, key, infidelity=True))


def _judged(model: Any, images: Any, labels: Any, readouts: Any, key: Array, *, infidelity: bool) -> list[list[float]]:
    graph, state = nnx.split(model)
    keys = jax.random.split(key, (len(jax.tree.leaves(readouts)[0]), len(images)))
    judge = _judge(graph, infidelity)
    found = judge(state, readouts, keys, jnp.asarray(images), jnp.asarray(labels))
    return [(np.asarray(part, np.float64) / len(images)).tolist() for part in found]


@once_for_each_build
def _judge(graph: Any, infidelity: bool) -> Callable:
    """Return a function that counts images classified correctly and, if asked for, sums their mean infidelities."""

    def one(state: Any, readout: ReadoutMethod, image: Array, label: Array, key: Array) -> tuple[Array, ...]:
        flow = Pass(readout, Arithmetic(), key=key)
        right = nnx.merge(graph, state).forward(image, flow).values.argmax() == label
        if not infidelity:
            return (right,)
        return right, jnp.stack([transfer.infidelity for transfer in flow.transfers]).mean()

    @jax.jit
    def judge(state: Any, readouts: Any, keys: Array, images: Array, labels: Array) -> tuple[Array, ...]:
        def all_images(task: tuple) -> tuple[Array, ...]:
            told = jax.vmap(one, in_axes=(None, None, 0, 0, 0))(state, task[0], images, labels, task[1])
            return tuple(part.sum(axis=0) for part in told)

        return jax.lax.map(all_images, (readouts, keys))

    return judge


def weights_of(model: nnx.Module) -> list[list[float]]:
    """Return parameters and running statistics as flat lists, as plain JSON."""
    leaves = jax.tree.leaves(nnx.state(model, (nnx.Param, nnx.BatchStat)))
    return [np.asarray(leaf, np.float64).reshape(-1).tolist() for leaf in leaves]


def restored(model: Network, weights: Sequence[Sequence[float]]) -> Network:
    """Return a network of the same structure with given weights.

    Args:
        model: network of the structure.
        weights: weights as `weights_of` returns them.

    Raises:
        ValueError: weights of another network.
    """
    graph, kept, rest = nnx.split(model, (nnx.Param, nnx.BatchStat), ...)  # type: ignore[misc]
    leaves, structure = jax.tree.flatten(kept)
    if [leaf.size for leaf in leaves] != [len(part) for part in weights]:
        raise ValueError(f"`weights` must hold {[leaf.size for leaf in leaves]} numbers, but hold others.")
    filled = [jnp.asarray(part, leaf.dtype).reshape(leaf.shape) for part, leaf in zip(weights, leaves, strict=True)]
    return nnx.merge(graph, jax.tree.unflatten(structure, filled), rest)
