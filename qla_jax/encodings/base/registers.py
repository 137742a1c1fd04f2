r"""Registers: the positions of a vector's entries among the basis states of a few qubits.

A tuple of sizes such as `(3, 5, 5)` (three channels of a 5 x 5 image) names one register per axis, the leading axis
most significant. A register of size $s$ takes $\lceil\log_2 s\rceil$ qubits and uses its first $s$ basis states. The
others are padding, which every encoding of this package leaves at amplitude zero, so that callers never pad by hand.

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
    """Return the total number of qubits of registers."""
    return sum(_qubits(size) for size in sizes)


def canonical(sizes: Sizes) -> Sizes:
    """Return the shortest tuple with the same positions: full registers merge with the ones before them.

    Example:
        >>> canonical((4, 8, 8)), canonical((3, 5, 5)), canonical((3, 4))
        ((256,), (3, 5, 5), (12,))
    """
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
    """Place the entries of a vector among the basis states of its registers.

    Args:
        x: vector of prod(sizes) entries.
        sizes: sizes of the registers.
        qubits: number of qubits of the result, at least `num_qubits(sizes)`.
    """
    if len(sizes) > 1:
        widths = [(0, (1 << _qubits(size)) - size) for size in sizes]
        x = jnp.pad(x.reshape(sizes), widths).reshape(-1)
    return jnp.pad(x, (0, (1 << qubits) - x.size))


@jax.jit(static_argnames="sizes")
def extract(state: Array, sizes: Sizes) -> Array:
    """Return the prod(sizes) entries of a vector from basis states: the left inverse of `embed`.

    Args:
        state: amplitudes of the basis states.
        sizes: sizes of the registers.
    """
    if len(sizes) > 1:
        padded = tuple(1 << _qubits(size) for size in sizes)
        window = state[: math.prod(padded)].reshape(padded)
        return window[tuple(slice(size) for size in sizes)].reshape(-1)
    return state[: math.prod(sizes)]


def same_place(sizes: Sizes, other: Sizes) -> bool:
    """Return whether two tuples of registers put their entries at the same basis states.

    Args:
        sizes: sizes of the first registers.
        other: sizes of the second registers.
    """
    return math.prod(sizes) == math.prod(other) and canonical(sizes) == canonical(other)


def _qubits(size: int) -> int:
    return (size - 1).bit_length()
