r"""Costs of $W|x|^2$ by Theorem 1 and through a dense encoding of $W$, on matrices of three kinds.

The second route multiplies the diagonal of amplitudes by the vector and then by an encoding of $W$ from a quantum
memory, whose $\alpha$ is $\|W\|_F$: $\sqrt N$ for an orthogonal matrix, about half of that for a random one, and a
constant for constant rank. Theorem 1 has the norm of the longest column instead. Both routes call the vector twice, so
the difference is in the success amplitude. The amplitude also contains the norm of the product itself, about $N^{-1/2}$
where all entries of x are equal.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qla_jax.accounting.costs import cost
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.combine.normalized import normalize
from qla_jax.encodings.combine.squares import square_product
from qla_jax.encodings.matrices.amplitudes import diagonal_of_amplitudes
from qla_jax.encodings.matrices.frobenius import block_encode_frobenius
from qla_jax.encodings.vectors.loading import load_vector

KINDS = ("orthogonal", "random", "of rank two")
RANK = 2


@dataclass(frozen=True)
class CountedSquare:
    """Calls of the vector over the success amplitude, by Theorem 1 and through the Frobenius norm, and the rank."""

    kind: str
    entries: int
    rank: int
    theorem: float
    frobenius: float

    @property
    def ratio(self) -> float:
        """Ratio of the calls through the Frobenius norm to those of Theorem 1."""
        return self.frobenius / self.theorem


def squares(entries: Sequence[int]) -> list[CountedSquare]:
    """Count both routes for every N and every kind of matrix."""
    rows = []
    for size in entries:
        draw = np.random.default_rng(size)
        psi = jnp.asarray(draw.normal(size=size))
        for kind, matrix in matrices(size, draw).items():
            found = {name: float(calls) for name, calls in _both(jnp.asarray(matrix), psi).items()}
            rows.append(CountedSquare(kind, size, int(np.linalg.matrix_rank(matrix)), **found))
    return rows


def matrices(size: int, draw: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw an orthogonal matrix, a random one and one of rank two, each of norm 1.

    Args:
        size: dimension N.
        draw: generator of random numbers.
    """
    square = draw.normal(size=(size, size))
    low = draw.normal(size=(size, RANK)) @ draw.normal(size=(RANK, size))
    found = np.linalg.qr(square)[0], square, low
    return {name: matrix / np.linalg.norm(matrix, 2) for name, matrix in zip(KINDS, found, strict=True)}


def routes(matrix: Array, psi: Array) -> dict[str, VectorEncoding]:
    """Encode $W|x|^2$ by both routes.

    Args:
        matrix: matrix W.
        psi: vector x.
    """
    vec = normalize(load_vector(psi))
    return {
        "theorem": square_product(matrix, vec),
        "frobenius": block_encode_frobenius(matrix) @ (diagonal_of_amplitudes(vec) @ vec),
    }


@jax.jit
def _both(matrix: Array, psi: Array) -> dict[str, Array]:
    return {name: _calls(route) / route.amplitude for name, route in routes(matrix, psi).items()}


def _calls(route: VectorEncoding) -> int:
    return cost(route).num_queries["TreePreparation[0]"]
