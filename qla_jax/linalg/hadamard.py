r"""Hadamard gate, which maps the basis states to $(|0\rangle \pm |1\rangle)/\sqrt2$.

Example:
    >>> hadamard(jnp.array([1.0, 0.0]))
    Array([0.70710678, 0.70710678], dtype=...)
    >>> hadamard_on_all(jnp.array([1.0, 0.0, 0.0, 0.0]))
    Array([0.5, 0.5, 0.5, 0.5], dtype=...)
"""

import math

import jax.numpy as jnp
from jax import Array
from jaxtyping import Num

_HALF = math.sqrt(0.5)


def mixed(zero: Array, one: Array) -> tuple[Array, Array]:
    """Return both halves of a state after a Hadamard gate.

    Args:
        zero: half of the state where the qubit is 0.
        one: half of the state where the qubit is 1, of the same shape.
    """
    return _HALF * (zero + one), _HALF * (zero - one)


def hadamard(state: Array, axis: int = 0) -> Array:
    """Return the state after a Hadamard gate on one qubit.

    Args:
        state: state of any shape.
        axis: axis of the qubit, of length 2.
    """
    zero, one = jnp.split(state, 2, axis=axis)
    return jnp.concatenate(mixed(zero, one), axis=axis)


def hadamard_on_all(state: Num[Array, "... system"]) -> Num[Array, "... system"]:
    """Return the state after a Hadamard gate on each qubit of the last axis.

    Args:
        state: state of any shape, with a last axis of length 2^n.
    """
    qubits = state.shape[-1].bit_length() - 1
    grid = state.reshape(*state.shape[:-1], *(2,) * qubits)
    for axis in range(grid.ndim - qubits, grid.ndim):
        zero, one = jnp.split(grid, 2, axis=axis)
        grid = jnp.concatenate([zero + one, zero - one], axis=axis)
    # One division at the end rounds once; a factor sqrt(1/2) for each qubit would round n times.
    return grid.reshape(state.shape) / jnp.sqrt(jnp.asarray(state.shape[-1], state.real.dtype))
