"""Bounds on errors: `inf` is unknown, and unknown it stays.

An error of 0 belongs to an exact construction. Inside jit, where no check can raise, an argument that breaks its rule
gives a bound of `inf`.

Example:
    >>> float(times(0.0, jnp.inf)), float(known(jnp.asarray(1e-3), jnp.array([1.0, jnp.nan])))
    (inf, inf)
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from qla_jax._checks import ROUNDING, is_concrete, is_number, kind_of, require


def as_alpha(alpha: ArrayLike | None, norm: Array, rule: str, *, name: str = "alpha") -> tuple[Array, Array]:
    """Return the subnormalization of an exact encoding, by default its norm, and the error of the encoding.

    An alpha below the norm, or one that is not finite, raises outside jit and gives `eps = inf` inside.

    Args:
        alpha: subnormalization, or None for the norm.
        norm: smallest allowed subnormalization.
        rule: description of the norm, for error messages.
        name: name of the argument, for error messages.
    """
    if alpha is None:
        return norm, exact(norm)
    alpha, unknown = as_subnormalization(name, alpha, norm.dtype)
    enough = norm <= alpha * (1 + ROUNDING * jnp.finfo(norm.dtype).eps)
    if is_concrete(enough):
        require(bool(enough), f"`{name}` must be at least {rule}, but {name} = {alpha} < {norm}.")
    return alpha, jnp.where(enough, unknown, jnp.inf).astype(norm.dtype)


def as_subnormalization(name: str, alpha: ArrayLike, dtype: jnp.dtype) -> tuple[Array, Array]:
    """Return a checked subnormalization, and the error 0, or `inf` for a traced one that is negative or not finite.

    Args:
        name: name of the argument, for error messages.
        alpha: real scalar, finite and not negative.
        dtype: real or complex dtype that sets the precision.
    """
    alpha = as_bound(name, alpha, dtype)
    if is_concrete(alpha):
        # NumPy's function: inside jit every operation of JAX is traced, also on concrete numbers.
        require(bool(np.isfinite(np.asarray(alpha))), f"`{name}` must be finite, but is {alpha}.")
    return alpha, exact(alpha)


def as_bound(name: str, value: ArrayLike, dtype: jnp.dtype) -> Array:
    """Return a bound as a non-negative real scalar, where `inf` means unknown.

    Inside jit a negative number or NaN becomes `inf`.

    Args:
        name: name of the argument, for error messages.
        value: real scalar, absolute in units of the bounded quantity.
        dtype: real or complex dtype that sets the precision.
    """
    real = is_number(value) and np.ndim(value) == 0 and not jnp.iscomplexobj(value)
    require(real, f"`{name}` must be a real scalar, but is {kind_of(value)} of shape {np.shape(value)}.")
    if is_concrete(value):
        require(bool(np.asarray(value) >= 0), f"`{name}` must not be negative or NaN, but is {value}.")
        return jnp.asarray(value, real_dtype(dtype))
    bound = jnp.asarray(value, real_dtype(dtype))
    return jnp.where(bound >= 0, bound, jnp.inf)


@jax.jit
def exact(size: Array) -> Array:
    """Return the error 0 of an exact encoding, or `inf` where its alpha or its norm, `size`, is not finite."""
    # Inside jit no check can reject NaN or infinite entries, but a sum or maximum over them is not finite either.
    return jnp.where(jnp.isfinite(size), 0.0, jnp.inf).astype(size.dtype)


@jax.jit
def known(eps: Array, *values: Array) -> Array:
    """Return an error bound, `inf` where the bound is NaN or where an encoded entry is not finite.

    Args:
        eps: error bound, absolute in units of the values.
        values: encoded arrays.
    """
    finite = [jnp.all(jnp.isfinite(value)) for value in values]
    return jnp.where(jnp.all(jnp.stack([~jnp.isnan(eps), *finite])), eps, jnp.inf)


@jax.jit
def times(factor: ArrayLike, bound: ArrayLike) -> Array:
    """Return the product of an error bound with a factor, `inf` where either is unknown, also times zero.

    Args:
        factor: non-negative number or array, `inf` or NaN where unknown.
        bound: error bound, `inf` or NaN where unknown.
    """
    unknown = ~(jnp.isfinite(factor) & jnp.isfinite(bound))
    product = jnp.where(unknown, 0.0, factor) * jnp.where(unknown, 0.0, bound)
    return jnp.where(unknown, jnp.inf, product)


def real_dtype(dtype: jnp.dtype) -> jnp.dtype:
    """Return the real dtype of the same precision as a real or complex dtype."""
    return jnp.zeros((), dtype).real.dtype
