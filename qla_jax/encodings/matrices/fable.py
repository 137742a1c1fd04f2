r"""Dense matrices by one multiplexed rotation (FABLE): $\alpha = 2^n\max_{ij}|a_{ij}|$.

Hadamard gates put the ancillas into all rows at once. A rotation of one more ancilla, with an angle for each entry,
writes $a_{ij}/\max|a|$ into its amplitude. Row and column are then exchanged, and the ancillas return to 0 by Hadamard
gates:
$$|0\rangle|0\rangle|j\rangle \mapsto 2^{-n/2}\sum_i|0\rangle|i\rangle|j\rangle \mapsto
2^{-n/2}\sum_i\frac{a_{ij}}{\max|a|}|0\rangle|i\rangle|j\rangle + \dots \mapsto
2^{-n}\sum_i\frac{a_{ij}}{\max|a|}|0\rangle|0\rangle|i\rangle + \dots$$
The gates of the rotation are a Walsh-Hadamard transform of the angles. Small ones are left out, within a given error:
few remain for smooth and for structured matrices.

Example:
    >>> grid = jnp.linspace(0, 1, 16)
    >>> matrix = jnp.exp(-((grid[:, None] - grid) ** 2))
    >>> [cost(block_encode_fable(matrix, eps=eps)).gates.rotations for eps in (0.0, 0.01)]
    [256, 77]

References:
    Camps, Van Beeumen (2022), FABLE. https://arxiv.org/abs/2205.00081
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Num

from qla_jax._bounds import exact
from qla_jax._checks import as_numeric, as_real, is_concrete, require
from qla_jax._modes import default_promotion, reshaped
from qla_jax.accounting.gates import Gates, multiplexed
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.composites import MultiplexedRotation, exchanged
from qla_jax.circuits.compressed import CompressedRotation, compressed, kept_within
from qla_jax.circuits.counting import gates_of
from qla_jax.circuits.operations import Gate, Operation
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import State
from qla_jax.encodings.base.lcu import phases as phases_of
from qla_jax.encodings.matrices.dense import stored_defect, stored_values
from qla_jax.encodings.matrices.diagonal import complement, ratio
from qla_jax.linalg.hadamard import hadamard_on_all
from qla_jax.linalg.norms import spectral_norm_bound
from qla_jax.linalg.products import matmul


class Fable(BlockEncoding, kw_only=True):
    """Block encoding of a stored matrix by one rotation for each entry. The rotated ancilla precedes those of the rows.

    Attributes:
        matrix: encoded matrix.
        angles: angles of compressed rotations, about Y and for complex matrices about Z; None if they are all kept.
        kept: bytes of the marks of the kept rotations; None if they are all kept.
    """

    matrix: Num[Array, "rows columns"]
    angles: Float[Array, "axis entries"] | None = None
    kept: bytes | None = struct.field(pytree_node=False, default=None)

    zero_without_alpha = True

    def apply(self, state: State) -> State:
        rows, columns = self._sizes
        grid = reshaped(state, (2, *(1 << self.num_qubits,) * 2))
        rotated = self._rotated(_mixed(grid, rows), back=False)
        return reshaped(_mixed(rotated.swapaxes(1, 2), columns), state.shape)

    def apply_adjoint(self, state: State) -> State:
        rows, columns = self._sizes
        grid = _mixed(reshaped(state, (2, *(1 << self.num_qubits,) * 2)), columns)
        return reshaped(_mixed(self._rotated(grid.swapaxes(1, 2), back=True), rows), state.shape)

    def _rotated(self, grid: Num[Array, "2 row column"], *, back: bool) -> Num[Array, "2 row column"]:
        """Apply the rotation or its inverse, which depend on the lower bits of row and column."""
        rows, columns = self._sizes
        high = grid.shape[1] >> rows, grid.shape[2] >> columns
        cos, sin, phases = (jnp.tile(table.reshape(1 << rows, 1 << columns), high) for table in self._tables())
        if back:
            up, down = phases.conj() * grid[0], phases * grid[1]
            return jnp.stack([cos * up + sin * down, cos * down - sin * up])
        up, down = cos * grid[0] - sin * grid[1], sin * grid[0] + cos * grid[1]
        return jnp.stack([phases * up, phases.conj() * down])

    def _tables(self) -> tuple[Array, Array, Array]:
        """Return cosines, sines and phases of the rotations, one for each padded entry."""
        if self.angles is not None:
            turned, *phased = self.angles
            phase = jnp.exp(-0.5j * phased[0]) if phased else jnp.ones_like(turned)
            return jnp.cos(turned / 2), jnp.sin(turned / 2), phase
        rows, columns = self._sizes
        room = (1 << rows) - self.matrix.shape[0], (1 << columns) - self.matrix.shape[1]
        ratios = jnp.pad(ratio(self.matrix, self.alpha / _spread(rows, columns)), [(0, each) for each in room])
        ratios = ratios.reshape(-1)
        if jnp.isrealobj(ratios):
            return ratios, complement(ratios), jnp.ones_like(ratios)
        return jnp.abs(ratios), complement(ratios), phases_of(ratios)

    @property
    def _sizes(self) -> tuple[int, int]:
        rows, columns = ((size - 1).bit_length() for size in self.matrix.shape)
        return rows, columns

    def _matvec(self, x: Num[Array, " columns"]) -> Num[Array, " rows"]:
        return matmul(self.matrix, x)

    def _rmatvec(self, y: Num[Array, " rows"]) -> Num[Array, " columns"]:
        return matmul(y, self.matrix.conj())

    def hermitian_defect(self) -> Array | None:
        return stored_defect(self.matrix)

    def singular_values(self) -> Num[Array, " values"] | None:
        return stored_values(self.matrix)

    def gates(self) -> Gates:
        axes = 2 if jnp.iscomplexobj(self.matrix) else 1
        before, after = self._around()
        if self.kept is None:
            return gates_of([*before, *after]) + axes * multiplexed(sum(self._sizes))
        return gates_of([*before, *self._rotations([np.zeros(1 << sum(self._sizes))] * axes), *after])

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        before, after = self._around()
        return [*before, *self._rotations(self._angles()), *after]

    def _around(self) -> tuple[list[Operation], list[Operation]]:
        """Return the operations before and after the rotations."""
        front, back = self.ancilla_wires[1:], self.system_wires
        mixed = ([Gate("h", wire) for wire in front[len(front) - size :]] for size in self._sizes)
        before, after = mixed
        return [*before], [*exchanged(front, back), *after]

    def _angles(self) -> list[np.ndarray]:
        """Return the angles about Y, and for a complex matrix those about Z."""
        if self.angles is not None:
            return list(np.asarray(self.angles))
        cos, sin, phase = map(np.asarray, self._tables())
        return [2 * np.arctan2(sin, cos), *([-2 * np.angle(phase)] if np.iscomplexobj(phase) else [])]

    def _rotations(self, tables: Sequence[np.ndarray]) -> list[Operation]:
        rows, columns = self._sizes
        front, back = self.ancilla_wires[1:], self.system_wires
        index = (*front[len(front) - rows :], *back[len(back) - columns :])
        if self.kept is None:
            return [MultiplexedRotation(axis, table, index, 0) for axis, table in zip("yz", tables, strict=False)]
        marks = np.frombuffer(self.kept, bool).reshape(len(tables), -1)
        parts = zip("yz", tables, marks, strict=False)
        return [CompressedRotation(axis, table, index, 0, kept) for axis, table, kept in parts]


def _spread(rows: int, columns: int) -> float:
    """Return the square root of the number of padded entries."""
    return 2 ** ((rows + columns) / 2)


def _mixed(grid: Num[Array, "2 row column"], qubits: int) -> Num[Array, "2 row column"]:
    """Apply Hadamard gates to the last qubits of the middle axis."""
    moved = grid.swapaxes(1, 2)
    split = reshaped(moved, (*moved.shape[:2], -1, 1 << qubits))
    return reshaped(hadamard_on_all(split), moved.shape).swapaxes(1, 2)


@default_promotion
def block_encode_fable(matrix: ArrayLike, *, eps: ArrayLike = 0.0) -> Fable:
    r"""Encode any matrix by one rotation for each entry: a $(\sqrt{2^{r+c}}\max|a_{ij}|,\ n + 1,\ \epsilon)$-encoding.

    The matrix has at most $2^r$ rows and $2^c$ columns, and $n = \max(r, c)$. A real matrix takes $2^{r+c}$ rotations,
    a complex one twice as many. With an error, as many of them as it allows are left out, the smallest first.

    Args:
        matrix: matrix A, real or complex, of any shape.
        eps: largest allowed error $\|A - \tilde A\|_F$, absolute in units of A. The attribute `eps` of the result is
            the error that the compression has made.

    Raises:
        ValueError: wrong rank, no entries, an entry that is not finite, a negative error, or an error inside jit, where
            the rotations that are left out would depend on traced numbers.

    Example:
        >>> enc = block_encode_fable(jnp.array([[1.0, 2.0], [3.0, -4.0]]))
        >>> float(enc.alpha), enc.num_ancillas, block(enc).tolist()
        (8.0, 2, [[1.0, 2.0], [3.0, -4.0]])

    References:
        Camps, Van Beeumen (2022), Theorem 1 and section III C. https://arxiv.org/abs/2205.00081
    """
    matrix = as_numeric("matrix", matrix, ndim=2)
    rows, columns = ((size - 1).bit_length() for size in matrix.shape)
    largest = jnp.abs(matrix).max()
    alpha = _spread(rows, columns) * largest
    enc = Fable(
        alpha=alpha,
        eps=exact(alpha),
        num_ancillas=max(rows, columns) + 1,
        num_qubits=max(rows, columns),
        norm_bound=spectral_norm_bound(matrix),
        domain=(matrix.shape[1],),
        codomain=(matrix.shape[0],),
        matrix=matrix,
    )
    require(is_concrete(eps), "`eps` must be known outside jit, but is traced.")
    bound = as_real("eps", eps)
    require(bound >= 0, f"`eps` must not be negative, but is {bound}.")
    if bound == 0:
        return enc
    require(is_concrete(matrix), "`matrix` must be known outside jit where `eps` is not 0, but is traced.")
    full = matrix.shape == (1 << rows, 1 << columns)
    told = "`matrix` must have powers of two as its sizes where `eps` is not 0, but has shape"
    require(full, f"{told} {matrix.shape}; pad it by zeros.")
    return _compressed(enc, bound) if float(largest) else enc


def _compressed(enc: Fable, bound: float) -> Fable:
    """Return the encoding with as few rotations as a bound on the Frobenius norm of the error allows."""
    matrix, tables = np.asarray(enc.matrix), np.stack(enc._angles()).astype(float)
    largest = float(np.abs(matrix).max())
    # An entry moves by at most half of the change of either angle, in units of the largest one.
    kept = kept_within(tables, 2 * bound / largest / len(tables) ** 0.5)
    angles = compressed(tables, kept)
    entries = largest * np.cos(angles[0] / 2) * (np.exp(-0.5j * angles[1]) if len(angles) > 1 else 1)
    entries = entries.reshape(matrix.shape)
    dtype = enc.alpha.dtype
    return enc.replace(
        matrix=jnp.asarray(entries, enc.matrix.dtype),
        eps=jnp.asarray(np.linalg.norm(entries - matrix), dtype),
        angles=jnp.asarray(angles, dtype),
        kept=kept.tobytes(),
    )
