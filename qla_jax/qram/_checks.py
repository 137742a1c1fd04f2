"""What this room checks alike: sizes, and amplitudes; and how what could not be seen inside jit shows, as NaN."""

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
    """Return an array of integers, of NumPy where it can be seen; truth values count where `bits` says so.

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
    """The amplitudes of 2^n addresses, all equal unless given; NaN where they are traced and no unit vector.

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
    rows = jnp.square(jnp.abs(array)).reshape(1 << address_bits // 2, -1)  # in two sums: less rounding than in one
    unit = jnp.abs(jnp.sqrt(rows.sum(axis=1).sum()) - 1) <= reach
    return array if is_concrete(array) else jnp.where(unit, array, jnp.nan)


def nan_unless_finite(value: Array, *inputs: Any) -> Array:
    """`value`, but NaN if anything in the inputs is not finite: simulations only compare rates, which NaN outlives."""
    finite = [jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(inputs)]
    return jnp.where(functools.reduce(jnp.logical_and, finite), value, jnp.nan)
