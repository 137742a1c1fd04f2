"""What the builders share: the grammar of their error messages, and error arithmetic in which unknown stays unknown.

Messages name the argument, the rule and the value. Values can only be looked at when they are concrete: inside jit,
vmap and grad a check on values is left out, and its outcome shows in `eps` instead.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike


def require(condition: bool, message: str) -> None:
    """Raise ValueError with `message` unless the condition holds."""
    if not condition:
        raise ValueError(message)


def is_concrete(*values: ArrayLike) -> bool:
    """Whether all values can be looked at now, outside any transformation."""
    return not any(isinstance(value, jax.core.Tracer) for value in values)


def as_numeric(name: str, value: ArrayLike, ndim: int) -> Array:
    """`value` as a floating or complex array of the given rank, entries finite where that can be seen."""
    array = jnp.asarray(value)
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


def as_bound(name: str, value: ArrayLike, dtype: jnp.dtype) -> Array:
    """`value` as a non-negative real scalar in the real counterpart of `dtype` (`inf` means unknown)."""
    if is_concrete(value):
        require(np.ndim(value) == 0, f"`{name}` must be a scalar, but has shape {np.shape(value)}.")
        require(bool(np.asarray(value) >= 0), f"`{name}` must not be negative or NaN, but is {value}.")
    return jnp.asarray(value, real_dtype(dtype))


def real_dtype(dtype: jnp.dtype) -> jnp.dtype:
    """The real dtype of the same precision."""
    return jnp.zeros((), dtype).real.dtype


def times(factor: ArrayLike, bound: ArrayLike) -> Array:
    """`factor * bound` for error bounds: an unknown (`inf`) stays unknown, also when the other is zero."""
    unknown = jnp.isinf(factor) | jnp.isinf(bound)
    product = jnp.where(unknown, 0.0, factor) * jnp.where(unknown, 0.0, bound)
    return jnp.where(unknown, jnp.inf, product)
