r"""Two-dimensional convolution with several filters as a block encoding without QRAM: Lemma 5.

$$C = \sum_{ijkl} K_{ijkl}\; |i\rangle\langle j| \otimes S^{r_k} \otimes S^{c_l}$$
on registers (channel, row, column), where $S^m$ shifts by m and drops the pixels that leave the image. The circuit is a
linear combination over the taps of the kernel, with exact parts. A shift is an adder with one more bit, whose top bit
flags the pixels that left (`shifts.py`). $|i\rangle\langle j|$ is a flagged comparison with j and an exclusive or with
i and j.

References:
    Rattew et al. (2025), Lemmas B.14 to B.17 and Lemma 5. https://arxiv.org/abs/2510.07195
"""

import math
from collections.abc import Callable, Sequence
from functools import partial, reduce
from itertools import accumulate, pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._bounds import exact
from qla_jax._checks import as_image, as_numeric, has_numbers, require
from qla_jax._modes import default_promotion, reshaped
from qla_jax.accounting.gates import Gates, diagonal, reflection, select, tree
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.composites import DiagonalPhases, Within
from qla_jax.circuits.counting import gates_of
from qla_jax.circuits.integers import Bound, Flip
from qla_jax.circuits.operations import Gate, Operation, Phase
from qla_jax.circuits.preparation import lean_tree_gates, lean_tree_operations, reflection_operations
from qla_jax.circuits.select import Select
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import State
from qla_jax.encodings.base.lcu import amplitudes, angles, double_amplitudes, phases
from qla_jax.encodings.matrices.shifts import continued, shift_operations, shifted
from qla_jax.linalg.norms import convolution_norm_bound
from qla_jax.linalg.preparation import prepare, unprepare
from qla_jax.linalg.products import FULL, correlate
from qla_jax.linalg.trees import load, unload
from qla_jax.meshes import divided, local, shards

MOST_IN_A_TREE = 16
"""Number of taps up to which PREPARE is one tree of rotations.

A reflection has two trees. For more taps the simulation of a reflection is 1.5 to 1.9 times as fast (18 and 22 qubits,
2 cores, jax 0.10.2).
"""
# Axes of a state: index registers of the taps, flags, system.
OUT, IN, ROW_TAP, COLUMN_TAP, CHANNEL_FLAG, ROW_FLAG, COLUMN_FLAG, CHANNEL, ROW, COLUMN = range(10)


Index = Any
"""Array of integers, of NumPy where they are known and of JAX on devices that divide the taps among them."""

MOST_PLACES = 2**31
"""Largest number of amplitudes that one index of 32 bits addresses; beyond it, each tap has an index of its own."""


class Convolution(BlockEncoding, kw_only=True):
    """Block encoding of a convolution by a linear combination over the taps of its kernel.

    The ancillas are the tap registers (out, in, row, column), then one flag for each of channel, row and column that
    can leave its range.
    """

    kernel: Num[Array, "out in rows columns"]
    row_shifts: tuple[int, ...] = struct.field(pytree_node=False)
    column_shifts: tuple[int, ...] = struct.field(pytree_node=False)
    precision: jax.lax.Precision = struct.field(pytree_node=False, default=FULL)
    """Precision of the products of the encoded view; the circuit has full precision."""

    def apply(self, state: State) -> State:
        return self._between_prepares(state, inverse=False)

    def apply_adjoint(self, state: State) -> State:
        return self._between_prepares(state, inverse=True)

    def _between_prepares(self, state: State, inverse: bool) -> State:
        taps = self._padded_taps().reshape(-1)
        loaded = amplitudes(jnp.abs(taps))
        turned = phases(taps)[:, None, None]
        ahead, back = (load, unload) if taps.size <= MOST_IN_A_TREE else (prepare, unprepare)
        # SELECT leaves the taps alone, so their phases may come first, in the same loop as the first PREPARE.
        grid = ahead(loaded, reshaped(state, (loaded.size, -1, state.shape[1])))
        grid = self._selected((turned.conj() if inverse else turned) * grid, inverse)
        return reshaped(back(loaded, grid), state.shape)

    def _selected(self, grid: Num[Array, "tap flag system"], inverse: bool) -> Num[Array, "tap flag system"]:
        """Return the state after SELECT, a permutation of flags and system for each value of the tap registers."""
        numbers = np.arange(len(grid))
        if self.stays_divided and shards() > 1:  # the taps are idle, so that one exchange there and one back suffice
            moved = local(partial(self._permuted, inverse), 0, 0, out=0)(numbers, divided(grid))
            return divided(moved)
        return self._permuted(inverse, numbers, grid)

    def _permuted(self, inverse: bool, taps: Index, grid: Num[Array, "tap flag system"]) -> Array:
        sources = self._sources(taps, inverse)
        if grid.size > MOST_PLACES:
            return jnp.take_along_axis(grid.reshape(len(grid), -1), sources, 1).reshape(grid.shape)
        first = np.arange(len(grid), dtype=np.int32) * (grid.size // len(grid))
        places = (first[:, None] + sources).reshape(-1)
        return grid.reshape(-1).at[places].get(mode="promise_in_bounds", unique_indices=True).reshape(grid.shape)

    def _sources(self, taps: Index, inverse: bool) -> Num[Array, "tap place"]:
        """Return, for each basis state of flags and system, the one that SELECT moves there for each of some taps."""
        # The index is a sum of three small tables on different axes, which XLA adds up inside the gather. Written gate
        # by gate, as `where(bit, flipped, grid)`, XLA fuses all gates into one loop that evaluates both sides of every
        # choice.
        shape = (1,) * CHANNEL_FLAG + self._grid_shape[CHANNEL_FLAG:]
        index: list[Index] = list(np.ogrid[tuple(slice(size) for size in shape)])
        index[:CHANNEL_FLAG] = [tap[:, *(None,) * (len(shape) - 1)] for tap in self._tap_values(taps)]
        place = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
        # The tables hold sources, not destinations: hence the channel order and the shifts of the inverse circuit.
        first, second = (IN, OUT) if inverse else (OUT, IN)
        middle = index[CHANNEL] ^ index[first]
        set_flag = index[CHANNEL_FLAG] ^ ((middle != 0) & (shape[CHANNEL_FLAG] > 1))
        tables = [place[CHANNEL_FLAG] * set_flag + place[CHANNEL] * (middle ^ index[second])]
        sign = 1 if inverse else -1
        for tap, flag, position, shifts, length in self._axes:
            amount = sign * _table(continued(shifts, self._grid_shape[tap]), index[tap])
            set_flag, where = shifted(index[flag], index[position], amount, length, shape[position])
            tables.append(place[flag] * set_flag + place[position] * where)
        return reduce(jnp.add, [jnp.asarray(table, jnp.int32) for table in tables]).reshape(len(taps), -1)

    def _tap_values(self, taps: Index) -> list[Index]:
        """Return the values of the four tap registers for joint values of all of them."""
        sizes = self._grid_shape[:CHANNEL_FLAG]
        return [taps // math.prod(sizes[axis + 1 :]) % size for axis, size in enumerate(sizes)]

    @property
    def stays_divided(self) -> bool:
        return math.prod(self._grid_shape[:CHANNEL_FLAG]) >= shards()

    def hermitian_defect(self) -> Array | None:
        r"""Return $\|K - K^\dagger\|_1$ for centered taps; $K^\dagger$ is mirrored and has its channels swapped."""
        centred = all(shifts == tuple(-m for m in reversed(shifts)) for shifts in (self.row_shifts, self.column_shifts))
        if not centred or self.kernel.shape[0] != self.kernel.shape[1]:
            return None
        return jnp.abs(self.kernel - self.kernel.conj().swapaxes(0, 1)[..., ::-1, ::-1]).sum()

    def gates(self) -> Gates:
        """Return the gates of both PREPARE, of the phases of the taps, and of SELECT."""
        taps = sum(size.bit_length() - 1 for size in self._grid_shape[:CHANNEL_FLAG])
        prepared = tree(taps) if 1 << taps <= MOST_IN_A_TREE else 2 * tree(taps) + reflection(taps)
        turned = diagonal(taps) if jnp.iscomplexobj(self.kernel) else select(1 << taps)
        if has_numbers(self.kernel, 4):
            turned = gates_of([self._turned()])
            if 1 << taps <= MOST_IN_A_TREE:
                prepared = lean_tree_gates(double_amplitudes(np.abs(self._padded_taps().reshape(-1))))
        return 2 * prepared.around + turned + gates_of(self._moves())

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        sizes = double_amplitudes(np.abs(self._padded_taps().reshape(-1)))
        index = self.ancilla_wires[: (sizes.size - 1).bit_length()]
        few = sizes.size <= MOST_IN_A_TREE
        compute = lean_tree_operations(sizes, index) if few else reflection_operations(sizes, index)
        return [Within(compute, (self._turned(), *self._moves()))]

    def _turned(self) -> Operation:
        """Return the phases of the taps."""
        turns = angles(self._padded_taps().reshape(-1))
        index = self.ancilla_wires[: (turns.size - 1).bit_length()]
        if jnp.iscomplexobj(self.kernel):
            return DiagonalPhases(turns, index)
        negative = tuple(np.flatnonzero(turns).tolist())
        return Select(index, negative, ((Phase(np.pi),),) * len(negative))

    def _moves(self) -> list[Operation]:
        """Return the operations of SELECT."""
        wires = self._wires
        channel = wires[CHANNEL]
        # Registers of unequal size meet at their lowest bits.
        turns = [
            [Gate("x", to, None, (of,)) for of, to in zip(wires[tap][::-1], channel[::-1], strict=False)]
            for tap in (IN, OUT)
        ]
        flag = [Flip(wires[CHANNEL_FLAG][0], (Bound(channel, 1),))] if channel else []
        found: list[Operation] = [*turns[0], *flag, *turns[1]]
        for tap, flagged, position, shifts, length in self._axes:
            if wires[tap]:
                found += shift_operations(wires[tap], wires[flagged][0], wires[position], shifts, length)
        return found

    def _matvec(self, x: Num[Array, " columns"]) -> Num[Array, " rows"]:
        return self._matvec_tensor(x.reshape(self.domain)).reshape(-1)

    def _rmatvec(self, y: Num[Array, " rows"]) -> Num[Array, " columns"]:
        return self._rmatvec_tensor(y.reshape(self.codomain)).reshape(-1)

    # Under a mesh each device holds some rows, and a convolution exchanges those at their edges.
    def _matvec_tensor(self, x: Num[Array, "channel row column"]) -> Num[Array, "channel row column"]:
        return divided(_real_parts(self._convolve, divided(x, 1), self.kernel), 1)

    def _rmatvec_tensor(self, y: Num[Array, "channel row column"]) -> Num[Array, "channel row column"]:
        kernel = self.kernel.conj().swapaxes(0, 1)
        return divided(_real_parts(partial(self._convolve, sign=-1), divided(y, 1), kernel), 1)

    def _convolve(self, x: Array, kernel: Array, sign: int = 1) -> Array:
        # lax correlates: y[r] = sum_t kernel[t] x[r + t - low]. Taps in order of falling shift, low the largest shift.
        both = [[sign * shift for shift in shifts] for shifts in (self.row_shifts, self.column_shifts)]
        flips = [axis for axis, shifts in enumerate(both, 2) if shifts[0] < shifts[-1]]
        kernel = jnp.flip(kernel, flips)
        margins = [(max(shifts), -min(shifts)) for shifts in both]
        return correlate(x[None], kernel.astype(x.dtype), (1, 1), margins, precision=self.precision)[0]

    @property
    def _grid_shape(self) -> tuple[int, ...]:
        taps = tuple(_padded(size) for size in self.kernel.shape)
        channels = _padded(max(self.domain[0], self.codomain[0]))
        moving = (channels > 1, len(self.row_shifts) > 1, len(self.column_shifts) > 1)
        return (*taps, *(2 if moves else 1 for moves in moving), channels, *(_padded(size) for size in self.domain[1:]))

    @property
    def _axes(self) -> tuple[tuple[int, int, int, tuple[int, ...], int], ...]:
        """Tap register, flag, position, shifts and number of rows, and the same of columns."""
        return (
            (ROW_TAP, ROW_FLAG, ROW, self.row_shifts, self.domain[1]),
            (COLUMN_TAP, COLUMN_FLAG, COLUMN, self.column_shifts, self.domain[2]),
        )

    @property
    def _wires(self) -> list[tuple[int, ...]]:
        """Wires of each axis of the grid."""
        ends = list(accumulate((size.bit_length() - 1 for size in self._grid_shape), initial=0))
        return [tuple(range(*pair)) for pair in pairwise(ends)]

    def _padded_taps(self) -> Array:
        return jnp.pad(self.kernel, [(0, _padded(size) - size) for size in self.kernel.shape])


@default_promotion
def block_encode_convolution(kernel: ArrayLike, image: tuple[int, int], *, padding: str = "same") -> Convolution:
    r"""Encode a zero-padded convolution layer exactly: a $(\|K\|_1,\ a,\ 0)$-block-encoding without QRAM.

    The number of ancillas is
    $a = \lceil\log_2 C_{out}\rceil + \lceil\log_2 C_{in}\rceil + 2\lceil\log_2 D\rceil + 3$, less the ancillas that can
    never be set (one channel, one tap). The matrix maps C_in images in (channel, row, column) order to C_out images of
    the same size. The paper reaches $(1, 3 + 8D + 2\log CD, 0)$ for $C/2\|C\|$ by amplifying the whole; that step needs
    `norm_bound`.

    Args:
        kernel: shape (C_out, C_in, rows, columns), real or complex.
        image: rows and columns of the images.
        padding: "same" is the zero-padded cross-correlation of neural networks,
            $y_{irs} = \sum K_{ijkl}x_{j,r+k-p,s+l-p}$ with $p = \lfloor(D-1)/2\rfloor$; "top-left" is the paper's
            convolution $y_{irs} = \sum K_{ijkl}x_{j,r-k,s-l}$.

    Raises:
        ValueError: wrong rank, an entry that is not finite, an unknown padding, or a kernel larger than the image.

    Example:
        >>> enc = block_encode_convolution(jnp.ones((2, 1, 3, 3)), (4, 4))
        >>> enc.shape, float(enc.alpha), enc.matvec(jnp.ones(16))[:4].round(6).tolist()
        ((32, 16), 18.0, [4.0, 6.0, 6.0, 4.0])

    References:
        Rattew et al. (2025), Lemma 5. https://arxiv.org/abs/2510.07195
    """
    kernel = as_numeric("kernel", kernel, ndim=4)
    require(padding in ("same", "top-left"), f"`padding` must be 'same' or 'top-left', but is {padding!r}.")
    image = as_image("image", image)
    out_channels, in_channels, *size = kernel.shape
    shifts = []
    for taps, length in zip(size, image, strict=True):
        shift = [(taps - 1) // 2 - k if padding == "same" else k for k in range(taps)]
        reach = max(abs(m) for m in shift)
        require(
            reach < length or reach == 0, f"`kernel` must not reach over the image, but reaches {reach} of {length}."
        )
        shifts.append(tuple(shift))
    alpha = jnp.sum(jnp.abs(kernel))
    node = Convolution(
        alpha=alpha,
        eps=exact(alpha),
        num_ancillas=0,
        num_qubits=0,
        norm_bound=jnp.minimum(convolution_norm_bound(kernel, (image[0], image[1])), alpha),
        domain=(in_channels, *image),
        codomain=(out_channels, *image),
        kernel=kernel,
        row_shifts=shifts[0],
        column_shifts=shifts[1],
    )
    qubits = [size.bit_length() - 1 for size in node._grid_shape]
    return node.replace(num_ancillas=sum(qubits[:CHANNEL]), num_qubits=sum(qubits[CHANNEL:]))


def _table(entries: tuple[int, ...], index: Index) -> Index:
    """Return entries of a table by their index, which is traced on devices that share the taps."""
    return np.array(entries)[index] if isinstance(index, np.ndarray) else jnp.array(entries)[index]


def _padded(size: int) -> int:
    return 1 << (size - 1).bit_length()


def _real_parts(linear: Callable[[Array, Array], Array], x: Array, kernel: Array) -> Array:
    """Apply a bilinear map of real arrays to complex ones by parts, since some backends lack complex convolutions."""
    if jnp.iscomplexobj(kernel):
        return _real_parts(linear, x, kernel.real) + 1j * _real_parts(linear, x, kernel.imag)
    if jnp.iscomplexobj(x):
        return linear(x.real, kernel) + 1j * linear(x.imag, kernel)
    return linear(x, kernel.astype(x.dtype))
