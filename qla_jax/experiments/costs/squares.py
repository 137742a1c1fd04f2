r"""$W|x|^2$ by Theorem 1 and through a dense encoding of $W$, on matrices of three kinds.

The second route multiplies the diagonal of amplitudes by the vector and then by an encoding of $W$ from a quantum
memory, whose $\alpha$ is $\|W\|_F$: $\sqrt N$ of an orthogonal matrix, about half of it of a random one, a constant
where the rank is. Theorem 1 has the longest column there. Both call the vector twice; what counts is the amplitude.
What is left then is the length of the product itself, about $N^{-1/2}$ where all entries of x are alike.
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
    """Calls of the vector over the amplitude, by Theorem 1 and through the Frobenius norm; rank of the matrix."""

    kind: str
    entries: int
    rank: int
    theorem: float
    frobenius: float

    @property
    def ratio(self) -> float:
        """How much more the Frobenius norm takes."""
        return self.frobenius / self.theorem


def squares(entries: Sequence[int]) -> list[CountedSquare]:
    """Count both routes, N by N and kind by kind."""
    rows = []
    for size in entries:
        draw = np.random.default_rng(size)
        psi = jnp.asarray(draw.normal(size=size))
        for kind, matrix in matrices(size, draw).items():
            found = {name: float(calls) for name, calls in _both(jnp.asarray(matrix), psi).items()}
            rows.append(CountedSquare(kind, size, int(np.linalg.matrix_rank(matrix)), **found))
    return rows


def matrices(size: int, draw: np.random.Generator) -> dict[str, np.ndarray]:
    """An orthogonal matrix, a random one, one of rank two; each of norm 1."""
    square = draw.normal(size=(size, size))
    low = draw.normal(size=(size, RANK)) @ draw.normal(size=(RANK, size))
    found = np.linalg.qr(square)[0], square, low
    return {name: matrix / np.linalg.norm(matrix, 2) for name, matrix in zip(KINDS, found, strict=True)}


def routes(matrix: Array, psi: Array) -> dict[str, VectorEncoding]:
    """Both encodings of the same vector."""
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
