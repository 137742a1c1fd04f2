"""Functions whose derivative differs from that of their value, such as the straight-through estimator."""

import jax
from jax import Array


# Samples are piecewise constant in the parameters, so that their own derivative is zero almost everywhere. Their mean
# is the exact value, whose derivative is used in its place.
@jax.custom_jvp
def straight_through(exact: Array, sampled: Array) -> Array:
    """Return the value of `sampled` with the derivative of `exact`.

    Args:
        exact: differentiable array.
        sampled: array of the same shape, the value of the result.
    """
    return sampled


@straight_through.defjvp
def _straight_through_jvp(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    return primals[1], tangents[0]
