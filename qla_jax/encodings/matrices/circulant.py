r"""Circulant and Toeplitz matrices by two quantum Fourier transforms around one rotation.

A circulant matrix $C_{ij} = c_{i - j \bmod N}$ is $C = F\,\mathrm{diag}(\hat c)\,F^\dagger$. $F$ is the quantum Fourier
transform, $F|j\rangle = N^{-1/2}\sum_k e^{2\pi i jk/N}|k\rangle$, and $\hat c$ is the discrete one of the first column.
Hence $\|C\| = \max|\hat c|$. A Toeplitz matrix is a corner of a larger circulant matrix.

Example:
    >>> enc = block_encode_circulant(jnp.array([1.0, 2.0, 0.0, 0.0]))
    >>> float(enc.alpha), enc.num_ancillas, enc.matvec(jnp.array([0.0, 1.0, 0.0, 0.0])).round(6).tolist()
    (3.0, 1, [0.0, 1.0, 2.0, 0.0])

References:
    Zhou, Wang (2017), an LCU of cyclic shifts with alpha = sum(abs(c)). https://arxiv.org/abs/1607.07149
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._bounds import as_alpha
from qla_jax._checks import as_numeric, is_concrete, measured, require
from qla_jax._modes import default_promotion, reshaped
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates, multiplexed
from qla_jax.accounting.gates import fourier as fourier_gates
from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.composites import Within, inverted
from qla_jax.circuits.counting import gates_of
from qla_jax.circuits.fourier import fourier_operations
from qla_jax.circuits.integers import Bound, Flip
from qla_jax.circuits.operations import Operation
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import State
from qla_jax.encodings.matrices.diagonal import ratio, rotate, rotate_back, rotations
from qla_jax.linalg import fourier
from qla_jax.meshes import local

Vector = Num[Array, " n"]
Action = Callable[[Array, Array], Array]
"""Function of the spectrum and of an array in the Fourier basis."""


class Circulant(BlockEncoding, kw_only=True):
    """Block encoding of a circulant matrix: QFT-adjoint, the diagonal of the spectrum, QFT.

    A real matrix takes real states to real states.
    """

    column: Vector

    zero_without_alpha = True

    def apply(self, state: State) -> State:
        return self._in_fourier_basis(self._rotated, state)

    def apply_adjoint(self, state: State) -> State:
        return self._in_fourier_basis(self._rotated_back, state)

    def _matvec(self, x: Vector) -> Vector:
        return self._in_fourier_basis(jnp.multiply, x)

    def _rmatvec(self, y: Vector) -> Vector:
        return self._in_fourier_basis(lambda spectrum, s: spectrum.conj() * s, y)

    @property
    def stays_divided(self) -> bool:
        return fourier.is_divided(self.column.size)

    def hermitian_defect(self) -> Array:
        return 2 * jnp.abs(self._spectrum.imag).max()

    def singular_values(self) -> Vector:
        return jnp.abs(self._spectrum)

    def gates(self) -> Gates:
        return 2 * fourier_gates(self.num_qubits).around + 3 * multiplexed(self.num_qubits)

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        ratios = np.asarray(ratio(self._spectrum, self.alpha))
        middle = rotations(ratios, self.ancilla_wires[0], self.system_wires)
        return [Within(inverted(fourier_operations(self.system_wires)), tuple(middle))]

    @property
    def _spectrum(self) -> Vector:
        return fourier.undivided(jnp.fft.fft, self.column)

    def _rotated(self, spectrum: Array, state: State) -> State:
        return rotate(ratio(spectrum, self.alpha), state)

    def _rotated_back(self, spectrum: Array, state: State) -> State:
        return rotate_back(ratio(spectrum, self.alpha), state)

    def _in_fourier_basis(self, act: Action, array: Array) -> Array:
        # The forward FFT (minus in the exponent) is the adjoint of the QFT. It rounds to the precision of its input.
        array = array.astype(jnp.result_type(array, self.column))
        if fourier.is_divided(array.shape[-1]):
            return self.in_parts(act, array.reshape(*array.shape[:-1], 1, -1)).reshape(array.shape)
        acted = act(self._spectrum, fourier.undivided(jnp.fft.fft, array, norm="ortho"))
        return self._as_real(array, fourier.undivided(jnp.fft.ifft, acted, norm="ortho"))

    def in_parts(self, act: Action, grid: Num[Array, "... bits system"]) -> Array:
        """Return an action in the Fourier basis on a state whose last axis is divided among devices.

        Args:
            act: function of a part of the spectrum and the same part of the state.
            grid: state, the index of the circulant split into its leading bits and the qubits that are divided.
        """

        def on_device(column: Array, part: Array) -> Array:
            spectrum = math.sqrt(self.column.size) * fourier.forward(column)
            return self._as_real(part, fourier.backward(act(spectrum, fourier.forward(part))))

        return local(on_device, 1, grid.ndim - 1, out=grid.ndim - 1)(self.column.reshape(grid.shape[-2:]), grid)

    def _as_real(self, before: Array, after: Array) -> Array:
        return after if jnp.iscomplexobj(self.column) or jnp.iscomplexobj(before) else after.real


@default_promotion
def block_encode_circulant(column: ArrayLike, *, alpha: ArrayLike | None = None) -> Circulant:
    r"""Encode the circulant matrix with a given first column exactly: an $(\alpha, 1, 0)$-block-encoding.

    Args:
        column: first column $c$, real or complex, of power-of-two length.
        alpha: subnormalization, at least $\|C\| = \max|\hat c|$, which is the default. Inside jit a smaller one gives
            `eps = inf`.

    Raises:
        ValueError: a length that is not a power of two, an entry that is not finite, or `alpha` below $\|C\|$.

    Example:
        >>> block(block_encode_circulant(jnp.array([1.0, 2.0]))).round(6).tolist()
        [[1.0, 2.0], [2.0, 1.0]]

    References:
        Zhou, Wang (2017). https://arxiv.org/abs/1607.07149
    """
    column = as_numeric("column", column, ndim=1)
    size = column.size
    require(
        size & (size - 1) == 0,
        f"`column` must have a power-of-two length, but has {size} entries; any other circulant is the Toeplitz matrix "
        "`block_encode_toeplitz(column, roll(column[::-1], 1))`.",
    )
    norm = jnp.abs(fourier.undivided(jnp.fft.fft, column)).max()
    alpha, eps = as_alpha(alpha, norm, "the spectral norm max|fft(column)|")
    return Circulant(
        alpha=alpha,
        eps=eps,
        num_ancillas=1,
        num_qubits=size.bit_length() - 1,
        norm_bound=norm,
        domain=(size,),
        codomain=(size,),
        column=column,
    )


class Toeplitz(BlockEncoding, kw_only=True):
    """Block encoding of a Toeplitz matrix as the leading corner of a circulant matrix.

    The ancillas are the comparator, if any, that of the circulant, and the top bits of its index beyond the system's,
    if any. The comparator flips where the input is beyond the last column and where the output is beyond the last row,
    so that padding is flagged in both directions.
    """

    circulant: Circulant

    zero_without_alpha = True

    def apply(self, state: State) -> State:
        rows, columns = self.shape
        return self._compared(self.circulant.apply, self.circulant._rotated, columns, rows, state)

    def apply_adjoint(self, state: State) -> State:
        rows, columns = self.shape
        return self._compared(self.circulant.apply_adjoint, self.circulant._rotated_back, rows, columns, state)

    def _compared(self, run: Callable[[State], State], act: Action, size_in: int, size_out: int, state: State) -> State:
        if fourier.is_divided(state.shape[1]):
            bits = self.circulant.shape[0] // state.shape[1]
            grid = _flip_beyond_in_parts(size_in, state.reshape(-1, 2, bits, state.shape[1]))
            grid = jax.vmap(partial(self.circulant.in_parts, act))(grid.astype(jnp.result_type(grid, self.alpha)))
            return _flip_beyond_in_parts(size_out, grid).reshape(state.shape)
        grid = _flip_beyond(size_in, reshaped(state, (-1, 2, self.circulant.shape[0])))
        return reshaped(_flip_beyond(size_out, jax.vmap(run)(grid)), state.shape)

    def _matvec(self, x: Num[Array, " columns"]) -> Num[Array, " rows"]:
        rows, columns = self.shape
        return self.circulant.matvec(jnp.pad(x, (0, self.circulant.shape[1] - columns)))[:rows]

    def _rmatvec(self, y: Num[Array, " rows"]) -> Num[Array, " columns"]:
        rows, columns = self.shape
        return self.circulant.rmatvec(jnp.pad(y, (0, self.circulant.shape[0] - rows)))[:columns]

    @property
    def stays_divided(self) -> bool:
        return fourier.is_divided(1 << self.num_qubits)

    def hermitian_defect(self) -> Array:
        r"""Return the sum of |t_k - conj(t_-k)| over all diagonals, a bound on $\|A - A^\dagger\|$."""
        rows, columns = self.shape
        down, across = self.circulant.column[:rows], jnp.roll(self.circulant.column[::-1], 1)[:columns]
        size = min(rows, columns)
        return 2 * jnp.abs(down[:size] - across[:size].conj()).sum()

    def uses(self) -> tuple[Use, ...]:
        return (Use(self.circulant),)

    def gates(self) -> Gates:
        """Return the gates of two comparisons with a constant."""
        before, after = self._comparisons()
        return gates_of([*before, *after])

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        before, after = self._comparisons()
        wires = (*self.ancilla_wires, *self.system_wires)
        return [*before, Call(parts[0], wires[len(wires) - parts[0].num_wires :]), *after]

    def _comparisons(self) -> list[list[Operation]]:
        """Return the operations that flip the comparator beyond the last column, and beyond the last row."""
        rows, columns = self.shape
        if rows == columns == 1 << self.num_qubits:
            return [[], []]
        wires = (*self.ancilla_wires, *self.system_wires)
        index = wires[len(wires) - self.circulant.num_qubits :]
        bounds = (Bound(index, size) for size in (columns, rows))
        return [[Flip(wires[0], (bound,))] if bound.depth else [] for bound in bounds]


@default_promotion
def block_encode_toeplitz(column: ArrayLike, row: ArrayLike) -> Toeplitz:
    r"""Encode the Toeplitz matrix with given first column and first row exactly, with at most three ancillas.

    The result is an $(\alpha, a, 0)$-block-encoding with $a \le 3$. The matrix is the corner of a circulant matrix,
    whose length is the least power of two that holds $m + k - 1$ entries. $\alpha = \max|\hat c|$ is the norm of the
    circulant matrix and may exceed the norm of the Toeplitz matrix.
    One ancilla is that of the circulant, one is the top bit of its index where $m + k - 1 > 2^n$, and one is a
    comparator unless $m = k = 2^n$.

    Args:
        column: first column, $m$ entries, real or complex.
        row: first row, $k$ entries; its first entry equals that of `column`.

    Raises:
        ValueError: an entry that is not finite, or different corner entries outside jit; inside jit `column` counts.

    Example:
        >>> enc = block_encode_toeplitz(jnp.array([1.0, 2.0]), jnp.array([1.0, 0.0, -1.0]))
        >>> enc.shape, enc.matvec(jnp.array([1.0, 1.0, 1.0])).round(6).tolist()
        ((2, 3), [0.0, 3.0])

    References:
        Zhou, Wang (2017). https://arxiv.org/abs/1607.07149
    """
    column, row = as_numeric("column", column, ndim=1), as_numeric("row", row, ndim=1)
    if is_concrete(column, row):
        corners = [measured(lambda xp, values: values[0], side) for side in (column, row)]
        require(corners[0] == corners[1], f"`row` must start like `column`, but {corners[1]} is not {corners[0]}.")
    rows, columns = column.size, row.size
    qubits = (max(rows, columns) - 1).bit_length()
    index_qubits = max(qubits, (rows + columns - 2).bit_length())
    dtype = jnp.result_type(column, row)
    # c = (column, zeros, the row backward): the wrap-around of the circulant supplies the entries above the diagonal.
    column, row = column.astype(dtype), row.astype(dtype)
    between = jnp.zeros((1 << index_qubits) - rows - columns + 1, dtype)
    circulant = block_encode_circulant(jnp.concatenate([column, between, row[:0:-1]]))
    comparator = 0 if rows == columns == 1 << qubits else 1
    return Toeplitz(
        alpha=circulant.alpha,
        eps=circulant.eps,
        num_ancillas=comparator + circulant.num_ancillas + index_qubits - qubits,
        num_qubits=qubits,
        norm_bound=circulant.norm_bound,
        domain=(columns,),
        codomain=(rows,),
        circulant=circulant,
    )


def _flip_beyond(size: int, grid: Num[Array, "comparator 2 index"]) -> Num[Array, "comparator 2 index"]:
    return jnp.concatenate([grid[..., :size], grid[::-1, :, size:]], axis=-1)


def _flip_beyond_in_parts(size: int, grid: Num[Array, "comparator 2 bits system"]) -> Array:
    place = jax.lax.broadcasted_iota(jnp.uint32, grid.shape[2:], 0) * grid.shape[3]
    place = place + jax.lax.broadcasted_iota(jnp.uint32, grid.shape[2:], 1)
    return jnp.where(place < size, grid, grid[::-1])
