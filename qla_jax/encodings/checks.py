"""What the builders share: the grammar of their error messages, and error arithmetic in which unknown stays unknown.

Messages name the argument, the rule and the value. Values can only be looked at when they are concrete: inside jit,
vmap and grad a check on values is left out, and its outcome shows in `eps` instead.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

ROUNDING = 64
"""How many units of rounding a norm may exceed alpha by and still count as equal: a few operations, or one FFT."""


def require(condition: bool, message: str) -> None:
    """Raise ValueError with `message` unless the condition holds."""
    if not condition:
        raise ValueError(message)


def is_concrete(*values: ArrayLike) -> bool:
    """Whether all values can be looked at now, outside any transformation."""
    return not any(isinstance(value, jax.core.Tracer) for value in values)


def as_integer(name: str, value: Any, least: int | None = None) -> int:
    """`value` as a Python integer; floats and booleans, which Python lets pass for one, are none.

    Raises:
        ValueError: not an integer, or one below `least`.
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    require(whole, f"`{name}` must be an integer, but is {value!r}.")
    require(least is None or value >= least, f"`{name}` must be at least {least}, but is {value}.")
    return int(value)


def as_numeric(name: str, value: ArrayLike | Sequence[ArrayLike], ndim: int, like: Array | None = None) -> Array:
    """`value` as a floating or complex array of the given rank, entries finite where that can be seen.

    Python numbers take the precision of `like`, as they would in arithmetic with it.
    """
    array = jnp.asarray(value)
    if like is not None and not any(hasattr(part, "dtype") for part in jax.tree.leaves(value)):
        array = array.astype(like.dtype) if jnp.isrealobj(array) else array.astype(jnp.result_type(like, jnp.complex64))
    if not jnp.issubdtype(array.dtype, jnp.inexact):
        array = array.astype(jnp.result_type(float))
    require(array.ndim == ndim, f"`{name}` must have {ndim} axes, but has shape {array.shape}.")
    require(0 not in array.shape, f"`{name}` must not be empty, but has shape {array.shape}.")
    if is_concrete(array):
        bad = np.argwhere(~np.isfinite(np.asarray(array)))
        if len(bad):
            where = tuple(int(i) for i in bad[0])
            raise ValueError(f"`{name}` must be finite, but entry {where} is {np.asarray(array)[where]}.")
    return array


def as_alpha(alpha: ArrayLike | None, norm: Array, rule: str, *, name: str = "alpha") -> tuple[Array, Array]:
    """Alpha (`norm` unless given) and eps: an alpha below `norm` raises where it can be seen and is `inf` elsewhere."""
    if alpha is None:
        return norm, jnp.zeros_like(norm)
    alpha = as_bound(name, alpha, norm.dtype)
    if is_concrete(alpha):
        require(bool(jnp.isfinite(alpha)), f"`{name}` must be finite, but is {alpha}.")
    enough = norm <= alpha * (1 + ROUNDING * jnp.finfo(norm.dtype).eps)
    if is_concrete(enough):
        require(bool(enough), f"`{name}` must be at least {rule}, but {name} = {alpha} < {norm}.")
    return alpha, jnp.where(enough, 0.0, jnp.inf).astype(norm.dtype)


def require_kind(name: str, value: object, kind: type) -> None:
    """Raise TypeError unless `value` is of the kind."""
    if not isinstance(value, kind):
        raise TypeError(f"`{name}` must be of type {kind.__name__}, but is of type {type(value).__name__}.")


def as_bound(name: str, value: ArrayLike, dtype: jnp.dtype) -> Array:
    """`value` as a non-negative real scalar in the real counterpart of `dtype` (`inf` means unknown)."""
    if is_concrete(value):
        require(np.ndim(value) == 0, f"`{name}` must be a scalar, but has shape {np.shape(value)}.")
        require(bool(np.asarray(value) >= 0), f"`{name}` must not be negative or NaN, but is {value}.")
    return jnp.asarray(value, real_dtype(dtype))


def real_dtype(dtype: jnp.dtype) -> jnp.dtype:
    """The real dtype of the same precision."""
    return jnp.zeros((), dtype).real.dtype


@jax.jit
def times(factor: ArrayLike, bound: ArrayLike) -> Array:
    """`factor * bound` for error bounds: an unknown (`inf`) stays unknown, also when the other is zero."""
    unknown = jnp.isinf(factor) | jnp.isinf(bound)
    product = jnp.where(unknown, 0.0, factor) * jnp.where(unknown, 0.0, bound)
    return jnp.where(unknown, jnp.inf, product)
