"""Encodings with errors: circuits of another array than they are declared to encode, at a distance of exactly eps.

The array that a composite of them encodes is computed from its circuit, simulated with every ancilla. The ideal array
is plain linear algebra on the declared arrays of the parts.
"""

import jax.numpy as jnp
from jax import Array

from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.matrices.dense import dilation, from_unitary
from qla_jax.encodings.vectors.known import vector_from_unitary
from qla_jax.linalg.preparation import length, prepare

LEAST_SLACK = 1e-6
"""Least relative excess of alpha over the norm.

At zero the square root of the remaining amplitude has no derivative.
"""


def spectral(matrix: Array) -> Array:
    """Return the spectral norm."""
    return jnp.linalg.norm(matrix, 2)


def erring_vector(x: Array, error: Array, slack: Array) -> VectorEncoding:
    """Return a circuit of `x + error` with one ancilla that is declared to encode x.

    Where the sum is zero, all amplitude is in the rest, and alpha is `1 + slack`.

    Args:
        x: declared vector.
        error: error that is added to it.
        slack: relative excess of alpha over the norm of the sum.
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
    """Return a circuit of `matrix + error` with one ancilla that is declared to encode `matrix`, whose norm is known.

    Args:
        matrix: declared matrix.
        error: error that is added to it.
        slack: relative excess of alpha over the norm of the sum.
        alpha: subnormalization, instead of the one that `slack` gives.
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
