r"""The constructors that encode one matrix, side by side: subnormalization, ancillas and T gates of one call.

No constructor is best in all respects. A dilation has the smallest alpha, the spectral norm, and the most rotations.
Trees of rotations and FABLE take a rotation for each entry, with a larger alpha. A polynomial of degree d calls the
circuit d times, and its degree grows with alpha: the product of T gates and alpha is a measure for both.

Example:
    >>> found = compare_encodings(np.diag(np.ones(7), 1) + np.diag(np.ones(7), -1))
    >>> print(found)
    constructor               alpha  ancillas  T gates  T gates x alpha
    block_encode              1.879         1    12135            22806
    block_encode_bitble       3.742         3     2987            11176
    block_encode_fable            8         4     3034            24272
    block_encode_sparse           2         2      767             1534
    block_encode_toeplitz         2         2     2423             4846
    block_encode_pauli            3         3      115              345
    block_encode_foqcs            3         8      127              381
    >>> found.best("gates").constructor, found.best("alpha").constructor
    ('block_encode_pauli', 'block_encode')

References:
    Li, Zhang, Yang, Zhang (2025), the product as a measure. https://arxiv.org/abs/2504.05624
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from jax.typing import ArrayLike

from qla_jax._checks import as_numeric, is_concrete, require
from qla_jax._modes import default_promotion
from qla_jax.accounting.gates import Gates, t_per_rotation
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.operators import rule
from qla_jax.encodings.matrices.bitble import block_encode_bitble
from qla_jax.encodings.matrices.circulant import block_encode_circulant, block_encode_toeplitz
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.matrices.diagonal import block_encode_diagonal
from qla_jax.encodings.matrices.fable import block_encode_fable
from qla_jax.encodings.matrices.foqcs import block_encode_foqcs
from qla_jax.encodings.matrices.hamiltonians import pauli_terms, words_of
from qla_jax.encodings.matrices.pauli import block_encode_pauli
from qla_jax.encodings.matrices.sparse import block_encode_sparse

ROTATION_EPS = 1e-10
"""Error of each rotation at which T gates are counted."""
SAME = 1e-9
"""Relative difference below which two subnormalizations are equal."""
PAULI_QUBITS = 8
"""Largest number of qubits of matrices that are written in Pauli words."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One encoding of a matrix.

    Attributes:
        constructor: name of the public function that made the encoding.
        encoding: the encoding.
        alpha: subnormalization.
        gates: gates of one call.
        t_gates: T gates of one call.
    """

    constructor: str
    encoding: BlockEncoding
    alpha: float
    gates: Gates
    t_gates: int


@dataclass(frozen=True, eq=False)
class EncodingComparison:
    """Encodings of one matrix, which print as a table.

    Attributes:
        candidates: one candidate for each constructor that can encode the matrix.
        rotation_eps: error of each rotation in operator norm, at which T gates are counted.
    """

    candidates: tuple[Candidate, ...]
    rotation_eps: float

    def best(self, optimize: str) -> Candidate:
        """Return the candidate with the fewest T gates of one call, or with the smallest subnormalization.

        Args:
            optimize: "gates" or "alpha"; among equals the other measure decides.

        Raises:
            ValueError: another word.

        Example:
            >>> compare_encodings(np.diag([1.0, 2.0, 3.0])).best("gates").constructor
            'block_encode_diagonal'
        """
        told = f'`optimize` must be "gates" or "alpha", but is {optimize!r}.'
        require(optimize in ("gates", "alpha"), told)
        least = min(each.alpha for each in self.candidates)
        if optimize == "alpha":
            return min((each for each in self.candidates if each.alpha <= least * (1 + SAME)), key=lambda e: e.t_gates)
        return min(self.candidates, key=lambda each: (each.t_gates, each.alpha))

    def __str__(self) -> str:
        """Return the candidates as a table."""
        width = max(len(each.constructor) for each in self.candidates)
        lines = [f"{'constructor':<{width}}  {'alpha':>8}  ancillas  T gates  T gates x alpha"]
        for each in self.candidates:
            product = f"{each.t_gates * each.alpha:.0f}"
            numbers = f"{each.alpha:>8.4g}  {each.encoding.num_ancillas:>8}  {each.t_gates:>7}  {product:>15}"
            lines.append(f"{each.constructor:<{width}}  {numbers}")
        return "\n".join(lines)

    __repr__ = __str__


@default_promotion
def compare_encodings(
    matrix: ArrayLike | Mapping[str, ArrayLike] | Any, *, rotation_eps: float = ROTATION_EPS
) -> EncodingComparison:
    """Encode a matrix by each constructor that can, without a memory and without an error, and compare the costs.

    Args:
        matrix: matrix, real or complex, of any shape; or Pauli words with coefficients, as for `block_encode_pauli`,
            which are encoded as sums of words alone.
        rotation_eps: error of each rotation in operator norm, at which T gates are counted.

    Returns:
        Candidates with their alpha, ancillas and gates; the result prints as a table.

    Raises:
        ValueError: a traced matrix, an entry that is not finite, or `rotation_eps` that is not between 0 and 1.

    Example:
        >>> found = compare_encodings({"XX": 1.0, "YY": 1.0, "ZZ": 1.0, "ZI": 1.0})
        >>> [(each.constructor, each.alpha, each.t_gates) for each in found.candidates]
        [('block_encode_pauli', 4.0, 8), ('block_encode_foqcs', 4.0, 16)]

    References:
        Li, Zhang, Yang, Zhang (2025). https://arxiv.org/abs/2504.05624
    """
    t_per_rotation(rotation_eps)  # raises for an error that no rotation has
    terms = pauli_terms(matrix)
    if isinstance(terms, Mapping):
        made = _of_words(terms)
    else:
        made = _of_matrix(as_numeric("matrix", terms, ndim=2))
    found = []
    for constructor, build in made:
        enc = build()
        gates = enc.cost().gates
        found.append(Candidate(constructor, enc, float(enc.alpha), gates, gates.t_count(rotation_eps)))
    return EncodingComparison(tuple(found), rotation_eps)


@rule("optimize", object, object)
def best_encoding(matrix: Any, optimize: str) -> BlockEncoding:
    """Return the best encoding of a matrix by `compare_encodings`.

    Args:
        matrix: matrix, or Pauli words with coefficients.
        optimize: "gates" or "alpha".
    """
    return compare_encodings(matrix).best(optimize).encoding


def _of_words(terms: Mapping[str, Any]) -> Iterator[tuple[str, Callable[[], BlockEncoding]]]:
    require(is_concrete(*terms.values()), "`matrix` must be known outside jit to be compared, but is traced.")
    yield "block_encode_pauli", lambda: block_encode_pauli(terms)
    if all(np.isrealobj(np.asarray(factor)) for factor in terms.values()):
        yield "block_encode_foqcs", lambda: block_encode_foqcs(terms)


def _of_matrix(matrix: Any) -> Iterator[tuple[str, Callable[[], BlockEncoding]]]:
    require(is_concrete(matrix), "`matrix` must be known outside jit to be compared, but is traced.")
    array = np.asarray(matrix)
    (rows, columns), square = array.shape, array.shape[0] == array.shape[1]
    yield "block_encode", lambda: block_encode(matrix)
    yield "block_encode_bitble", lambda: block_encode_bitble(matrix)
    yield "block_encode_fable", lambda: block_encode_fable(matrix)
    if square and np.count_nonzero(array - np.diag(np.diagonal(array))) == 0:
        yield "block_encode_diagonal", lambda: block_encode_diagonal(np.diagonal(array))
    entries = array != 0
    most = max(int(entries.sum(axis=axis).max()) for axis in (0, 1))
    if 0 < 2 * most <= max(rows, columns):  # beyond that the trees of rotations have fewer gates
        yield "block_encode_sparse", lambda: block_encode_sparse(scipy.sparse.coo_array(array))
    yield from _of_shifts(array)
    if square and rows & (rows - 1) == 0 and 1 < rows <= 1 << PAULI_QUBITS:
        terms = words_of(array)
        if 0 < len(terms) <= 4 * rows:
            yield from _of_words(terms)


def _of_shifts(array: np.ndarray) -> Iterator[tuple[str, Callable[[], BlockEncoding]]]:
    """Yield the constructors of matrices whose entries depend on the difference of row and column alone."""
    first, top = array[:, 0], array[0]  # the first column and the first row
    if not np.array_equal(array[1:, 1:], array[:-1, :-1]):
        return
    if 1 < len(first) == len(top) == 1 << len(first).bit_length() - 1 and np.array_equal(first[1:], top[:0:-1]):
        yield "block_encode_circulant", lambda: block_encode_circulant(first)
    yield "block_encode_toeplitz", lambda: block_encode_toeplitz(first, top)
