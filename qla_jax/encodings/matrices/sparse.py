r"""Block encodings of sparse matrices: $s$ entries in each row and column make a sum of $s$ weighted permutations.

Rows and columns are the two sides of a bipartite graph whose edges are the entries. Padded with edges of value zero the
graph is $s$-regular, and a regular bipartite graph splits into perfect matchings (Koenig 1916):
$$A = \sum_{l < s} P_l\,\mathrm{diag}(v_l), \qquad P_l|j\rangle = |c(l, j)\rangle.$$
Here $c(l, j)$ is the column oracle of the sparse-access model: the $l$-th entry of column $j$ is in row $c(l, j)$. The
oracle is chosen to be a permutation for each $l$. Where the entries lie on $s$ cyclic diagonals, the $P_l$ are shifts.

Example:
    >>> enc = block_encode_sparse([0, 1, 2], [1, 1, 0], [3.0, 1.0, 2.0], shape=(3, 2))
    >>> float(enc.alpha), enc.num_ancillas, enc.matvec(jnp.array([1.0, 10.0])).tolist()
    (4.0, 2, [30.0, 10.0, 2.0])

References:
    Gilyen, Su, Low, Wiebe (2018), Lemma 48. https://arxiv.org/abs/1806.01838
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num
from scipy.sparse.csgraph import maximum_bipartite_matching

from qla_jax._bounds import exact
from qla_jax._checks import as_image, as_numeric, has_numbers, is_concrete, require
from qla_jax._modes import default_promotion
from qla_jax.accounting.gates import Gates, multiplexed, tree
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.composites import Within
from qla_jax.circuits.counting import gates_of
from qla_jax.circuits.integers import Add
from qla_jax.circuits.operations import Operation
from qla_jax.circuits.permutation import Permutation
from qla_jax.circuits.preparation import lean_tree_gates, lean_tree_operations
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import State
from qla_jax.encodings.base.lcu import amplitudes, double_amplitudes, index_qubits
from qla_jax.encodings.matrices.diagonal import ratio, rotate, rotate_back, rotations
from qla_jax.linalg.rolls import rolled_each
from qla_jax.linalg.trees import load, unload
from qla_jax.meshes import divided, local, shards

ROLLED = 64
"""Largest number of cyclic shifts that are one operation each; more of them are read from a table."""


@dataclass(frozen=True)
class Pattern:
    """Sparsity pattern of a matrix: the places of its entries and the permutations they belong to.

    Attributes:
        size: number $2^n$ of rows and columns after padding.
        entry_table: bytes of an int32 array of shape (3, entries): row, column and permutation of each entry.
        row_table: bytes of an int32 array of shape (s, size): the row $c(l, j)$.
    """

    # Bytes rather than arrays, because a static field of a node must hash and compare by content, and quickly.
    size: int
    entry_table: bytes
    row_table: bytes

    @property
    def entries(self) -> np.ndarray:
        return np.frombuffer(self.entry_table, np.int32).reshape(3, -1)

    @property
    def cyclic(self) -> bool:
        """True where every permutation is a cyclic shift."""
        rows = self.rows
        return bool(np.all(rows == (rows[:, :1] + np.arange(self.size)) % self.size))

    @property
    def rows(self) -> np.ndarray:
        """Row $c(l, j)$ for all values l of the index register; unused values map j to itself."""
        used = np.frombuffer(self.row_table, np.int32).reshape(-1, self.size)
        unused = np.arange(self.size, dtype=np.int32)[None].repeat((1 << index_qubits(len(used))) - len(used), axis=0)
        return np.concatenate([used, unused])


class Sparse(BlockEncoding, kw_only=True):
    """Block encoding of a sparse matrix by an LCU over permutations with weighted columns.

    The ancillas are the index of the permutation, then one qubit for the weights.
    """

    values: Num[Array, " entries"]
    pattern: Pattern = struct.field(pytree_node=False)

    zero_without_alpha = True

    def apply(self, state: State) -> State:
        loaded, ratios, rows = self._tables()
        branches = jax.vmap(rotate)(ratios, load(loaded, _grid(state, rows)))
        return unload(loaded, self._moved(branches, forward=True)).reshape(state.shape)

    def apply_adjoint(self, state: State) -> State:
        loaded, ratios, rows = self._tables()
        branches = self._moved(load(loaded, _grid(state, rows)), forward=False)
        return unload(loaded, jax.vmap(rotate_back)(ratios, branches)).reshape(state.shape)

    def _moved(self, branches: Num[Array, "index 2 system"], *, forward: bool) -> Num[Array, "index 2 system"]:
        """Move the system by the permutation of each value of the index, from column j to row c(l, j) if forward."""
        rows = self.pattern.rows
        if self.pattern.cyclic and len(rows) <= ROLLED:
            return rolled_each([int(shift) if forward else -int(shift) for shift in rows[:, 0]], branches)
        source = np.repeat(np.argsort(rows, axis=1) if forward else rows, 2, axis=0)
        flat = branches.reshape(len(source), -1)
        if 1 < shards() <= len(source):  # the index and the weights' qubit are idle: one exchange there and one back
            moved = divided(local(_gather, 0, 0, out=0)(flat, source))
        else:
            moved = _gather(flat, source)
        return moved.reshape(branches.shape)

    @property
    def stays_divided(self) -> bool:
        return (self.pattern.cyclic and len(self.pattern.rows) <= ROLLED) or 2 * len(self.pattern.rows) >= shards()

    def hermitian_defect(self) -> Array | None:
        r"""Return $\|A - A^\dagger\|_F$, where an entry that is not stored is zero."""
        if self.shape[0] != self.shape[1]:
            return None
        rows, columns, _ = self.pattern.entries
        places, mirrored = _places(rows, columns, self.shape[1]), _places(columns, rows, self.shape[1])
        order = np.argsort(places)
        found = np.minimum(np.searchsorted(places[order], mirrored), len(order) - 1)
        there = places[order][found] == mirrored
        mirror = jnp.where(there, self.values[order[found]].conj(), 0)
        return jnp.sqrt(jnp.sum(jnp.square(jnp.abs(self.values - mirror)) * np.where(there, 1, 2)))

    def gates(self) -> Gates:
        """Return the gates: cyclic shifts add one number for each index, other permutations take a table."""
        index, system = len(self.pattern.rows).bit_length() - 1, self.num_qubits
        weights = (3 if jnp.iscomplexobj(self.values) else 1) * multiplexed(index + system)
        prepare = lean_tree_gates(double_amplitudes(self._sizes())) if has_numbers(self.values, 1) else tree(index)
        return 2 * prepare.around + weights + gates_of([self._move()])

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        ratios, loaded = np.asarray(self._tables()[1]), double_amplitudes(self._sizes())
        *index, flag = self.ancilla_wires
        weigh = rotations(ratios.reshape(-1), flag, (*index, *self.system_wires))
        return [Within(lean_tree_operations(loaded, index), (*weigh, self._move()))]

    def _move(self) -> Operation:
        """Return the operation that moves column j to row c(l, j)."""
        rows, index = self.pattern.rows, self.ancilla_wires[:-1]
        if self.pattern.cyclic:
            return Add(self.system_wires, tuple(rows[:, 0].tolist()), index)
        targets = rows + np.arange(len(rows))[:, None] * rows.shape[1]
        return Permutation(targets.reshape(-1), (*index, *self.system_wires))

    def _tables(self) -> tuple[Array, Array, np.ndarray]:
        rows, sizes = self.pattern.rows, self._sizes()
        weights = _spread(self.values, self.pattern)
        return amplitudes(sizes), jax.vmap(ratio)(weights, sizes), rows

    def _sizes(self) -> Array:
        return jnp.abs(_spread(self.values, self.pattern)).max(axis=1)

    def _matvec(self, x: Num[Array, " columns"]) -> Num[Array, " rows"]:
        rows, columns, _ = self.pattern.entries
        terms = self.values * x[columns]
        return jnp.zeros(self.shape[0], terms.dtype).at[rows].add(terms)

    def _rmatvec(self, y: Num[Array, " rows"]) -> Num[Array, " columns"]:
        rows, columns, _ = self.pattern.entries
        terms = self.values.conj() * y[rows]
        return jnp.zeros(self.shape[1], terms.dtype).at[columns].add(terms)


@default_promotion
def block_encode_sparse(
    rows: ArrayLike | scipy.sparse.sparray | scipy.sparse.spmatrix,
    columns: ArrayLike | None = None,
    values: ArrayLike | None = None,
    shape: tuple[int, int] | None = None,
) -> Sparse:
    r"""Encode a sparse matrix exactly: a $(\sum_l \max_j|v_l(j)|,\ \lceil\log_2 s\rceil + 1,\ 0)$-block-encoding.

    Here $s$ is the largest number of entries in a row or column, $v_l$ are the entries of the l-th permutation, and
    $\alpha \le s\max|A_{ij}|$. For $s_r$ entries per row and $s_c$ per column, Lemma 48 of Gilyen et al. has
    $\alpha = \sqrt{s_r s_c}\max|A_{ij}|$ and $n + 3$ ancillas. This alpha is smaller where $s_r$ and $s_c$ differ,
    larger where whole permutations have small entries (a band with a dominant diagonal), and equal for $s_r = s_c$ and
    entries of one modulus.

    The pattern is static and is decomposed once, outside jit. Values are traced, may be zero, and are differentiable.

    Args:
        rows: row of each entry; or a `scipy.sparse` matrix as the only argument.
        columns: column of each entry.
        values: entries, real or complex.
        shape: rows and columns; padded inside to $n = \lceil\log_2\max(\text{rows, columns})\rceil$ qubits.

    Raises:
        ValueError: indices that are traced, repeated, outside `shape` or no integers, or values that do not match them.

    Example:
        >>> enc = block_encode_sparse([0, 1, 2], [1, 2, 0], [5.0, 6.0, 7.0], (3, 3))
        >>> float(enc.alpha), block(enc).tolist()
        (7.0, [[0.0, 5.0, 0.0], [0.0, 0.0, 6.0], [7.0, 0.0, 0.0]])

    References:
        Gilyen, Su, Low, Wiebe (2018), Lemma 48. https://arxiv.org/abs/1806.01838
    """
    if scipy.sparse.issparse(rows):
        alone = all(part is None for part in (columns, values, shape))
        require(alone, "`rows` must be the only argument when it is a scipy.sparse matrix, but others are given.")
        rows, columns, values, shape = _coordinates(rows)
    if columns is None or values is None or shape is None:
        raise ValueError("`columns`, `values` and `shape` must be given unless `rows` is a scipy.sparse matrix.")
    shape = _as_shape(shape)
    rows, columns = _as_index("rows", rows, shape[0]), _as_index("columns", columns, shape[1])
    values = as_numeric("values", values, ndim=1)
    lengths = len(rows), len(columns), len(values)
    require(len(set(lengths)) == 1, f"`rows`, `columns`, `values` must be equally long, but have lengths {lengths}.")
    _require_distinct(rows, columns, shape)
    qubits = (max(shape) - 1).bit_length()
    pattern = _decompose(rows, columns, 1 << qubits)
    sizes = jnp.abs(_spread(values, pattern)).max(axis=1)
    alpha = sizes.sum()
    return Sparse(
        alpha=alpha,
        eps=exact(alpha),
        num_ancillas=index_qubits(len(sizes)) + 1,
        num_qubits=qubits,
        norm_bound=jnp.minimum(alpha, _schur_bound(rows, columns, values, shape)),
        domain=(shape[1],),
        codomain=(shape[0],),
        values=values,
        pattern=pattern,
    )


def _coordinates(matrix: scipy.sparse.sparray) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, int]]:
    matrix = scipy.sparse.coo_array(matrix, copy=True)
    matrix.sum_duplicates()  # SciPy's convention: entries stored twice at one place are summed
    return *matrix.coords, matrix.data, matrix.shape


def _as_shape(shape: tuple[int, int]) -> tuple[int, int]:
    return as_image("shape", shape)


def _as_index(name: str, index: ArrayLike, size: int) -> np.ndarray:
    require(is_concrete(index), f"`{name}` must be known outside jit, because the pattern is static, but is {index}.")
    index = np.asarray(index)
    fits = index.ndim == 1 and np.issubdtype(index.dtype, np.integer)
    require(fits, f"`{name}` must be one-dimensional integers, but has shape {index.shape} and dtype {index.dtype}.")
    outside = index[(index < 0) | (index >= size)]
    require(len(outside) == 0, f"`{name}` must lie between 0 and {size - 1}, but holds {outside[:1]}.")
    return index.astype(np.int32)


def _require_distinct(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> None:
    places, counts = np.unique(_places(rows, columns, shape[1]), return_counts=True)
    repeated = [divmod(int(place), shape[1]) for place in places[counts > 1][:1]]
    require(not repeated, f"`rows` and `columns` must name each entry once, but repeat {repeated}; add them up first.")


def _places(rows: np.ndarray, columns: np.ndarray, width: int) -> np.ndarray:
    return rows.astype(np.int64) * width + columns


def _decompose(rows: np.ndarray, columns: np.ndarray, size: int) -> Pattern:
    degrees = np.stack([np.bincount(side, minlength=size) for side in (rows, columns)])
    # Cyclic diagonals are shifts of one number each, far cheaper than tables; they are used where s of them suffice.
    shifts, labels = np.unique((rows - columns) % size, return_inverse=True)
    if len(shifts) == degrees.max():
        row_table = (np.arange(size) + shifts[:, None]) % size
    else:
        row_table, labels = _matchings(rows, columns, degrees.max() - degrees)
    entries = np.stack([rows, columns, labels])
    return Pattern(size, entries.astype(np.int32).tobytes(), row_table.astype(np.int32).tobytes())


def _matchings(rows: np.ndarray, columns: np.ndarray, deficits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return Koenig's edge coloring: perfect matchings are removed from a regular bipartite multigraph one by one."""
    size = deficits.shape[1]
    dummies = [np.repeat(np.arange(size), deficit) for deficit in deficits]
    edges = _places(np.concatenate([rows, dummies[0]]), np.concatenate([columns, dummies[1]]), size)
    places, place_of, left = np.unique(edges, return_inverse=True, return_counts=True)
    labels = np.zeros(len(places), int)
    chosen: list[np.ndarray] = []
    while left.any():
        some = np.flatnonzero(left)
        graph = scipy.sparse.csr_array((left[some], divmod(places[some], size)), shape=(size, size))
        chosen.append(maximum_bipartite_matching(graph, perm_type="row"))
        taken = np.searchsorted(places, _places(chosen[-1], np.arange(size), size))
        left[taken] -= 1
        # A padding edge may coincide with an entry, in another permutation; then either label is correct.
        labels[taken] = len(chosen) - 1
    return np.stack(chosen), labels[place_of[: len(rows)]]


def _spread(values: Num[Array, " entries"], pattern: Pattern) -> Num[Array, "index system"]:
    """Return the weights $v_l(j)$, zero for padding edges."""
    _, columns, labels = pattern.entries
    return jnp.zeros(pattern.rows.shape, values.dtype).at[labels, columns].set(values)


def _schur_bound(rows: np.ndarray, columns: np.ndarray, values: Array, shape: tuple[int, int]) -> Array:
    r"""Return Schur's bound $\|A\| \le \sqrt{\|A\|_1\|A\|_\infty}$, with zero derivative at zero."""
    sizes = jnp.abs(values)
    sums = [jnp.zeros(n, sizes.dtype).at[side].add(sizes).max() for n, side in zip(shape, (rows, columns), strict=True)]
    zero = sums[0] == 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, sums[0])) * jnp.sqrt(jnp.where(zero, 1, sums[1])))


def _grid(state: State, rows: np.ndarray) -> Num[Array, "index 2 system"]:
    return state.reshape(len(rows), 2, -1)


def _gather(states: Num[Array, "branch system"], source: ArrayLike) -> Num[Array, "branch system"]:
    return jnp.take_along_axis(states, jnp.asarray(source), axis=1)
