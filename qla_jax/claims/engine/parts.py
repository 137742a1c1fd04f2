r"""Parts that err: circuits of something else than they are declared to encode, at a distance of exactly eps.

What a composite of them really encodes is read off its circuit, every ancilla simulated; what it should encode is
plain linear algebra on what the parts were declared to be.
"""

import jax.numpy as jnp
from jax import Array

from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.matrices.dense import dilation, from_unitary
from qla_jax.encodings.vectors.known import vector_from_unitary
from qla_jax.linalg.preparation import length, prepare

LEAST_SLACK = 1e-6
"""Alpha stays this far above the norm: the square root of what is left has no slope at zero."""


def spectral(matrix: Array) -> Array:
    """The spectral norm."""
    return jnp.linalg.norm(matrix, 2)


def erring_vector(x: Array, error: Array, slack: Array) -> VectorEncoding:
    """Return a circuit of `x + error`, one ancilla, declared to encode x; alpha is `1 + slack` times its length.

    A sum of zero, as a number and its opposite make, is all in the rest, with `1 + slack` for alpha.
    """
    encoded, share = x + error, 1 + jnp.maximum(slack, LEAST_SLACK)
    size = length(encoded)
    alpha = share * jnp.where(size > 0, size, 1)
    lost = jnp.where(size > 0, jnp.sqrt((1 - 1 / share) * (1 + 1 / share)), 1)
    rest = jnp.zeros_like(x).at[0].set(lost)
    column = jnp.concatenate([encoded / alpha, rest])
    unitary = prepare(column, jnp.eye(len(column)))
    return vector_from_unitary(unitary, num_ancillas=1, alpha=alpha, eps=length(error))


def erring_matrix(matrix: Array, error: Array, slack: Array, *, alpha: float | None = None) -> BlockEncoding:
    """A circuit of `matrix + error`, one ancilla, declared to encode `matrix`, whose norm is known.

    Alpha is `1 + slack` times the norm of what is encoded unless given.
    """
    encoded = matrix + error
    subnormalization = (1 + jnp.maximum(slack, LEAST_SLACK)) * spectral(encoded) if alpha is None else alpha
    return from_unitary(
        dilation(encoded / subnormalization),
        num_ancillas=1,
        alpha=subnormalization,
        eps=spectral(error),
        norm_bound=spectral(matrix),
    )
