"""Checks that the files of this room share: sizes and amplitudes, and NaN for faults that only appear inside jit."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._checks import ROUNDING, as_numeric, is_concrete, require


def as_whole_numbers(name: str, value: Any, *, bits: bool = False) -> np.ndarray | Array:
    """Return an array of integers, a NumPy array where the value is known; truth values are accepted if `bits` is set.

    Args:
        name: name of the argument, for error messages.
        value: integers of any shape.
        bits: whether truth values are accepted.

    Raises:
        ValueError: no integers.
    """
    array = np.asarray(value) if is_concrete(*jax.tree.leaves(value)) else jnp.asarray(value)
    whole = jnp.issubdtype(array.dtype, jnp.integer) or (bits and array.dtype == np.dtype(bool))
    require(whole, f"`{name}` must be integers, but are {array.dtype}.")
    return array


def as_amplitudes(
    address_bits: int, amplitudes: ArrayLike | Sequence[ArrayLike] | None, dtype: jnp.dtype
) -> Num[Array, " addresses"]:
    """Return the amplitudes of 2^n addresses, all equal by default.

    Traced amplitudes that are no unit vector become NaN.

    Args:
        address_bits: number n of address bits.
        amplitudes: unit vector of 2^n entries; None for equal ones.
        dtype: dtype that sets the precision.

    Raises:
        ValueError: another shape, or no unit vector where that can be seen.
    """
    size = 1 << address_bits
    if amplitudes is None:
        return jnp.full(size, size**-0.5, dtype)
    array = as_numeric("amplitudes", amplitudes, ndim=1, like=jnp.zeros((), dtype))
    require(array.shape == (size,), f"`amplitudes` must have shape ({size},), but has {array.shape}.")
    reach = ROUNDING * float(jnp.finfo(array.dtype).eps)
    if is_concrete(*jax.tree.leaves(amplitudes)):
        norm = float(np.linalg.norm(np.asarray(amplitudes)))
        require(abs(norm - 1) <= reach, f"`amplitudes` must be a unit vector, but has the norm {norm}.")
    rows = jnp.square(jnp.abs(array)).reshape(1 << address_bits // 2, -1)  # two nested sums have less rounding than one
    unit = jnp.abs(jnp.sqrt(rows.sum(axis=1).sum()) - 1) <= reach
    return array if is_concrete(array) else jnp.where(unit, array, jnp.nan)


def nan_unless_finite(value: Array, *inputs: Any) -> Array:
    """Return `value`, or NaN if any input is not finite.

    Simulations only compare rates with random numbers, so a NaN in a rate would not reach their results.
    """
    finite = [jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(inputs)]
    return jnp.where(functools.reduce(jnp.logical_and, finite), value, jnp.nan)
