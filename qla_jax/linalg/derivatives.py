"""Derivatives that are not those of what is computed."""

import jax
from jax import Array


@jax.custom_jvp
def straight_through(exact: Array, sampled: Array) -> Array:
    """The value of `sampled` with the derivative of `exact`.

    Args:
        exact: what has a derivative.
        sampled: what is returned, of the same shape.
    """
    return sampled


@straight_through.defjvp
def _straight_through_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    return primals[1], tangents[0]
