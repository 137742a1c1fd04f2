r"""Cyclic shifts along the last axis of a state, which may be divided among the devices of a mesh.

A device needs the entries of at most two others for a shift: those that it holds come from one block of the axis, or
from two neighboring ones.

Example:
    >>> rolled_each((1, -1), jnp.array([[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]])).tolist()
    [[4.0, 1.0, 2.0, 3.0], [2.0, 3.0, 4.0, 1.0]]
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Num

from qla_jax.meshes import SHARDS, local, shards


def rolled_each(amounts: Sequence[int], states: Num[Array, "shifts ... length"]) -> Num[Array, "shifts ... length"]:
    """Return states whose entries are moved cyclically, each by an amount of its own.

    Args:
        amounts: number of places by which the entries of each state move up.
        states: one state for each amount, on the last axis.
    """
    last = states.ndim - 1
    if not 1 < shards() <= states.shape[last]:
        return _stacked(jnp.roll, amounts, states)
    return local(lambda parts: _stacked(_rolled, amounts, parts), last, out=last)(states)


def _stacked(roll: Callable[[Array, int, int], Array], amounts: Sequence[int], states: Array) -> Array:
    return jnp.stack([roll(state, amount, -1) for amount, state in zip(amounts, states, strict=True)])


def _rolled(part: Array, amount: int, axis: int) -> Array:
    """Return the part of a device after a shift of all parts together."""
    count, held = jax.lax.axis_size(SHARDS), part.shape[axis]
    blocks, over = divmod(amount % (count * held), held)
    kept = _from_device(jax.lax.slice_in_dim(part, 0, held - over, axis=-1), blocks)
    if not over:
        return kept
    entered = _from_device(jax.lax.slice_in_dim(part, held - over, held, axis=-1), blocks + 1)
    return jnp.concatenate([entered, kept], axis)


def _from_device(part: Array, before: int) -> Array:
    """Return what the device so many numbers before this one holds."""
    count = jax.lax.axis_size(SHARDS)
    if before % count == 0:
        return part
    return jax.lax.ppermute(part, SHARDS, [(device, (device + before) % count) for device in range(count)])
