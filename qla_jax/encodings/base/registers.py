r"""Registers: where the entries of a vector sit among the basis states of a few qubits.

A tuple of sizes such as `(3, 5, 5)` (three channels of a 5 x 5 image) names one register per axis, the leading axis
most significant. A register of size $s$ takes $\lceil\log_2 s\rceil$ qubits and uses its first $s$ basis states; the
others are padding, which every encoding of this package leaves at amplitude zero. So nobody pads by hand:

Example:
    >>> num_qubits((3, 5, 5))
    8
    >>> state = embed(jnp.ones(75), (3, 5, 5), 8)
    >>> state.shape, float(state.sum()), extract(state, (3, 5, 5)).shape
    ((256,), 75.0, (75,))
"""

import math

import jax
import jax.numpy as jnp
from jax import Array

Sizes = tuple[int, ...]


def num_qubits(sizes: Sizes) -> int:
    """Qubits of the registers together."""
    return sum(_qubits(size) for size in sizes)


def canonical(sizes: Sizes) -> Sizes:
    """The shortest tuple with the same positions: full registers merge into those before, `(4, 8, 8) -> (256,)`."""
    merged: list[int] = []
    for size in reversed(sizes):
        if size == 1:
            continue
        if merged and merged[0] == 1 << _qubits(merged[0]):
            merged[0] *= size
        else:
            merged.insert(0, size)
    return tuple(merged)


@jax.jit(static_argnames=("sizes", "qubits"))
def embed(x: Array, sizes: Sizes, qubits: int) -> Array:
    """Place the entries of `x`, shape (prod(sizes),), among 2^qubits basis states."""
    if len(sizes) > 1:
        widths = [(0, (1 << _qubits(size)) - size) for size in sizes]
        x = jnp.pad(x.reshape(sizes), widths).reshape(-1)
    return jnp.pad(x, (0, (1 << qubits) - x.size))


@jax.jit(static_argnames="sizes")
def extract(state: Array, sizes: Sizes) -> Array:
    """Read the entries back, shape (prod(sizes),): the left inverse of `embed`."""
    if len(sizes) > 1:
        padded = tuple(1 << _qubits(size) for size in sizes)
        window = state[: math.prod(padded)].reshape(padded)
        return window[tuple(slice(size) for size in sizes)].reshape(-1)
    return state[: math.prod(sizes)]


def same_place(sizes: Sizes, other: Sizes) -> bool:
    """Whether two tuples of registers put their entries at the same basis states."""
    return math.prod(sizes) == math.prod(other) and canonical(sizes) == canonical(other)


def _qubits(size: int) -> int:
    return (size - 1).bit_length()
