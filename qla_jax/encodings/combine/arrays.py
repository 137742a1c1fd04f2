r"""Block encodings of block matrices whose blocks are encoded: rows, columns, diagonals, any arrangement.

For blocks $A_{ij}$ with subnormalizations $\alpha_{ij}$, the circuit loads $\sum_i r_{ij}|i\rangle$ into an ancilla
register where the input index is j, runs the circuit of the block $(i, j)$, swaps the two index registers, and unloads
$\sum_j l_{ij}|j\rangle$ where the index is now i. Unit vectors $l_i$ and $r_{ij} = \alpha_{ij}/(\alpha\,l_{ij})$ encode
the array at
$$\alpha = \max_j \sqrt{\textstyle\sum_i \alpha_{ij}^2/l_{ij}^2}, \qquad
  l_{ij}^2 = \alpha_{ij}^p/\textstyle\sum_k\alpha_{ik}^p,$$
with the best of p = 0, 1, 2. This is $\sqrt{\sum\alpha^2}$ for one row or one column, $\max\alpha$ for a diagonal, and
at most $\sqrt{\|\alpha\|_1\|\alpha\|_\infty}$, the value of sparse access, for all others.

Example:
    >>> a, b = block_encode(jnp.eye(2)), block_encode(2 * jnp.eye(2))
    >>> float(block_array([[a, None], [None, b]]).alpha), block_array([[a], [b]]).shape
    (2.0, (4, 2))

References:
    Gilyen, Su, Low, Wiebe (2018), Lemma 48: the loading of rows and columns, here with circuits in place of entries.
    https://arxiv.org/abs/1806.01838
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jaxtyping import Float, Num

from qla_jax._bounds import times
from qla_jax._checks import require, require_kind
from qla_jax._modes import default_promotion, promoted
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates, multiplexed, select
from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.composites import inverted, rearranged
from qla_jax.circuits.operations import Operation
from qla_jax.circuits.preparation import tree_operations
from qla_jax.circuits.select import Select
from qla_jax.encodings.base import registers
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import State, apply_adjoint_of, apply_of, run_on, swap_qubits
from qla_jax.encodings.base.lcu import stacked
from qla_jax.encodings.base.registers import same_place
from qla_jax.encodings.combine.algebra import adjoint, product
from qla_jax.encodings.matrices.selection import selection
from qla_jax.linalg.preparation import length, unit_vector
from qla_jax.linalg.trees import load, unload

Vector = Num[Array, " n"]
Grid = Float[Array, "rows columns"]


class BlockArray(BlockEncoding, kw_only=True):
    """Block encoding of a matrix of blocks of one shape; `places` are the row and the column of each of the parts."""

    parts: tuple[BlockEncoding, ...]
    places: tuple[tuple[int, int], ...] = struct.field(pytree_node=False)
    rows: int = struct.field(pytree_node=False)
    columns: int = struct.field(pytree_node=False)

    def apply(self, state: State) -> State:
        left, right = self._loaded()
        grid = self._index_first(state, self.parts[0].domain)
        grid = jax.vmap(load, in_axes=(0, 1), out_axes=1)(right, grid)
        grid = self._swap(self._select(grid, apply_of))
        grid = jax.vmap(unload, in_axes=(0, 1), out_axes=1)(left, grid)
        return self._index_back(grid, state.shape, self.parts[0].codomain)

    def apply_adjoint(self, state: State) -> State:
        left, right = self._loaded()
        grid = self._index_first(state, self.parts[0].codomain)
        grid = jax.vmap(load, in_axes=(0, 1), out_axes=1)(left, grid)
        grid = self._select(self._swap(grid), apply_adjoint_of)
        grid = jax.vmap(unload, in_axes=(0, 1), out_axes=1)(right, grid)
        return self._index_back(grid, state.shape, self.parts[0].domain)

    def _loaded(self) -> tuple[Array, Array]:
        """Return the unit vectors that are unloaded for each index i and those that are loaded for each j.

        A loaded vector of length below 1 is completed by an amplitude where the top bit of its register is set.
        """
        size = 1 << self._bits
        alphas = self._table([part.alpha for part in self.parts])
        left, _ = lengths(alphas)
        # r_ij = alpha_ij / (alpha l_ij) has length at most 1 for each j, by the choice of alpha; `rest` completes it.
        right = _divided(alphas, left) / jnp.where(self.alpha == 0, 1, self.alpha)
        rest = jnp.sqrt(jnp.maximum(1 - jnp.sum(jnp.square(right), axis=0), 0))
        lefts = jnp.zeros((size, 2 * size), alphas.dtype).at[: self.rows, : self.columns].set(left)
        empty = jnp.sum(lefts, axis=1) == 0
        lefts = lefts.at[:, 0].set(jnp.where(empty, 1, lefts[:, 0]))
        rights = jnp.zeros((size, 2 * size), alphas.dtype).at[: self.columns, : self.rows].set(right.T)
        rights = rights.at[:, size].set(1).at[: self.columns, size].set(rest)
        return lefts, jax.vmap(lambda row: unit_vector(row)[0])(rights)

    def _select(self, grid: Array, way: Callable) -> Array:
        chosen = [run_on(way(part), part, grid[place]) for part, place in zip(self.parts, self.places, strict=True)]
        grid, *chosen = promoted(grid, *chosen)
        for place, branch in zip(self.places, chosen, strict=True):
            grid = grid.at[place].set(branch)
        return grid

    def _swap(self, grid: Array) -> Array:
        size = 1 << self._bits
        halves = grid.reshape(2, size, size, *grid.shape[2:])
        return jnp.swapaxes(halves, 1, 2).reshape(grid.shape)

    # Registers as (loaded index, index of the block, ancillas of the parts, system of the parts).
    def _index_first(self, state: State, sizes: tuple[int, ...]) -> Array:
        inner = registers.num_qubits(sizes)
        state = swap_qubits(state, self.num_qubits - self._bits - inner, self._bits, inner)
        grid = state.reshape(2 << self._bits, -1, 1 << self._bits, state.shape[1] >> self._bits)
        return jnp.swapaxes(grid, 1, 2)

    def _index_back(self, grid: Array, shape: tuple[int, ...], sizes: tuple[int, ...]) -> State:
        inner = registers.num_qubits(sizes)
        state = jnp.swapaxes(grid, 1, 2).reshape(shape)
        return swap_qubits(state, self._bits, self.num_qubits - self._bits - inner, inner)

    @property
    def _bits(self) -> int:
        return (max(self.rows, self.columns) - 1).bit_length()

    def _table(self, numbers: Sequence[Array]) -> Grid:
        return table(numbers, self.places, (self.rows, self.columns))

    def _matvec(self, x: Vector) -> Vector:
        pieces = x.reshape(self.columns, -1)
        found = [(i, part.matvec(pieces[j])) for part, (i, j) in zip(self.parts, self.places, strict=True)]
        return _added(found, self.rows)

    def _rmatvec(self, y: Vector) -> Vector:
        pieces = y.reshape(self.rows, -1)
        found = [(j, part.rmatvec(pieces[i])) for part, (i, j) in zip(self.parts, self.places, strict=True)]
        return _added(found, self.columns)

    def uses(self) -> tuple[Use, ...]:
        return tuple(Use(part, controlled=True) for part in self.parts)

    def gates(self) -> Gates:
        load = sum((multiplexed(self._bits + level) for level in range(self._bits + 1)), Gates())
        return 2 * load + select(len(self.parts)) + Gates(cnot=3 * self._bits)

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        left, right = (np.asarray(side) for side in self._loaded())
        loaded, ancillas = self.ancilla_wires[: self._bits + 1], self.ancilla_wires[self._bits + 1 :]
        (index, system), ends = self._placed("domain"), self._placed("codomain")
        found = list(tree_operations(right, loaded, index))
        calls = {}
        for (row, column), part, circuit in zip(self.places, self.parts, parts, strict=True):
            inner = system[len(system) - part.num_qubits :]
            call = Call(circuit, (*ancillas[len(ancillas) - part.num_ancillas :], *inner))
            calls[row << self._bits | column] = (call,)
        numbers = tuple(sorted(calls))
        found.append(Select((*loaded, *index), numbers, tuple(calls[number] for number in numbers)))
        found += rearranged((*loaded[1:], *index), (*index, *loaded[1:]))
        found += inverted(tree_operations(left, loaded, index))
        return [*found, *rearranged((*index, *system), (*ends[0], *ends[1]))]

    def _placed(self, side: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the wires of the index of blocks and of the parts' system, before or after the circuit."""
        inner = registers.num_qubits(getattr(self.parts[0], side))
        idle = self.num_qubits - self._bits - inner
        wires = self.system_wires
        return wires[idle : idle + self._bits], (*wires[:idle], *wires[idle + self._bits :])


def _added(found: list[tuple[int, Array]], count: int) -> Vector:
    arrays = promoted(*[array for _, array in found])
    rows: list[Array] = [jnp.zeros_like(arrays[0])] * count
    for (place, _), array in zip(found, arrays, strict=True):
        rows[place] = rows[place] + array
    return jnp.concatenate(rows)


def table(numbers: Sequence[Array], places: Sequence[tuple[int, int]], shape: tuple[int, int]) -> Grid:
    """Return a matrix with given scalars at given places and zeros elsewhere.

    Args:
        numbers: scalars.
        places: row and column of each scalar.
        shape: shape of the matrix.
    """
    at = np.array(places).T
    values = stacked(numbers)
    return jnp.zeros(shape, values.dtype).at[at[0], at[1]].set(values)


def lengths(alphas: Grid) -> tuple[Grid, Array]:
    """Return the unit vectors l that are unloaded, and alpha, from the choice of p with the smallest alpha."""
    choices = []
    # The shares alpha^p for p = 0, 1, 2 of the module's formula; zero blocks get no share for p = 0 either.
    for shares in (jnp.where(alphas > 0, 1.0, 0.0).astype(alphas.dtype), alphas, jnp.square(alphas)):
        total = shares.sum(axis=1, keepdims=True)
        left = jnp.sqrt(jnp.where(shares > 0, shares / jnp.where(total > 0, total, 1), 0))
        right = _divided(alphas, left)
        choices.append((left, jnp.max(jax.vmap(length, in_axes=1)(right))))
    best = jnp.argmin(jnp.stack([alpha for _, alpha in choices]))
    return jnp.stack([left for left, _ in choices])[best], jnp.stack([alpha for _, alpha in choices])[best]


def _divided(alphas: Grid, left: Grid) -> Grid:
    return jnp.where(left > 0, alphas / jnp.where(left > 0, left, 1), 0)


def norm_of(norms: Grid) -> Array:
    r"""Return a bound on a norm from the norms N of the blocks, $\min(\|N\|_F, \sqrt{\|N\|_1\|N\|_\infty})$."""
    bound = jnp.sqrt(norms.sum(axis=0).max()) * jnp.sqrt(norms.sum(axis=1).max())
    return jnp.minimum(bound, length(norms.reshape(-1)))


@default_promotion
def block_array(blocks: Sequence[Sequence[BlockEncoding | None]]) -> BlockEncoding:
    r"""Return a block encoding of a block matrix from encodings of its blocks, where `None` is a block of zeros.

    Alpha is $\sqrt{\sum\alpha_{ij}^2}$ for one row or one column, $\max\alpha_{ij}$ for a diagonal, and at most
    $\sqrt{\|\alpha\|_1\|\alpha\|_\infty}$ for other arrangements. Eps is the smaller of $\sqrt{\sum\epsilon_{ij}^2}$
    and $\sqrt{\|\epsilon\|_1\|\epsilon\|_\infty}$. The number of ancillas is that of the largest part, plus one more
    than the index has qubits, plus two where the blocks have different shapes.

    Args:
        blocks: rows of block encodings, as for `numpy.block`. Blocks in one row have equally many rows, blocks in one
            column equally many columns; each row and each column has a block that is not None.

    Raises:
        ValueError: no blocks, rows of different lengths, a row or a column of None, or shapes that do not fit.
        TypeError: a block that is neither an encoding nor None.

    Example:
        >>> x = block_encode_pauli({"X": 1.0})
        >>> block(block_array([[None, x], [2.0 * x, None]])).round(6).tolist()
        [[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0], [0.0, 2.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0]]

    References:
        Gilyen, Su, Low, Wiebe (2018), Lemma 48. https://arxiv.org/abs/1806.01838
    """
    if not isinstance(blocks, list | tuple) or not all(isinstance(row, list | tuple) for row in blocks):
        raise TypeError("`blocks` must be rows of block encodings or None, such as [[a, b], [None, c]], but is not.")
    grid = [tuple(row) for row in blocks]
    require(len(grid) > 0 and len(grid[0]) > 0, "`blocks` must hold at least one block, but is empty.")
    require(len({len(row) for row in grid}) == 1, "`blocks` must be rows of one length, but they differ in length.")
    places = [(i, j) for i, row in enumerate(grid) for j, part in enumerate(row) if part is not None]
    for i, j in places:
        require_kind("blocks", grid[i][j], BlockEncoding)
    heights = [_size("row", i, {grid[a][b].shape[0] for a, b in places if a == i}) for i in range(len(grid))]
    widths = [_size("column", j, {grid[a][b].shape[1] for a, b in places if b == j}) for j in range(len(grid[0]))]
    parts = [grid[i][j] for i, j in places]
    alike = all(
        same_place(part.domain, parts[0].domain) and same_place(part.codomain, parts[0].codomain) for part in parts
    )
    if not alike:
        parts = [_padded(part, max(heights), max(widths)) for part in parts]
    found = _of_equal_shapes(parts, places, (len(grid), len(grid[0])))
    if len(set(heights)) == len(set(widths)) == 1:
        return found
    # Blocks of unequal shapes were padded to the largest one; two isometries now cut the padding out of the whole.
    kept = [_kept(sizes) for sizes in (heights, widths)]
    rows = adjoint(selection(kept[0], found.codomain, (len(kept[0]),)))
    return product(rows, found, selection(kept[1], found.domain, (len(kept[1]),)))


def _of_equal_shapes(parts: list[BlockEncoding], places: list[tuple[int, int]], shape: tuple[int, int]) -> BlockArray:
    bits = (max(shape) - 1).bit_length()
    inner = max(part.num_qubits for part in parts)
    _, alpha = lengths(table([part.alpha for part in parts], places, shape))
    return BlockArray(
        alpha=alpha,
        eps=norm_of(table([part.eps for part in parts], places, shape)),
        num_ancillas=bits + 1 + max(part.num_ancillas for part in parts),
        num_qubits=bits + inner,
        norm_bound=norm_of(table([times(part.norm_bound, 1.0) for part in parts], places, shape)),
        domain=(shape[1], *parts[0].domain),
        codomain=(shape[0], *parts[0].codomain),
        parts=tuple(parts),
        places=tuple(places),
        rows=shape[0],
        columns=shape[1],
    )


def _size(side: str, number: int, sizes: set[int]) -> int:
    require(len(sizes) > 0, f"`blocks` must hold a block in every {side}, but {side} {number} has None only.")
    told = " and ".join(map(str, sorted(sizes)))
    require(len(sizes) == 1, f"`blocks` must fit together, but in {side} {number} they have {told} {side}s.")
    return sizes.pop()


def _padded(part: BlockEncoding, height: int, width: int) -> BlockEncoding:
    """Return the encoding of a larger matrix with this block in its leading corner and zeros elsewhere."""
    into = selection(range(part.shape[0]), (height,), part.codomain)
    out_of = selection(range(part.shape[1]), (width,), part.domain)
    return product(into, part, adjoint(out_of))


def _kept(sizes: list[int]) -> tuple[int, ...]:
    largest = max(sizes)
    return tuple(place * largest + i for place, size in enumerate(sizes) for i in range(size))
