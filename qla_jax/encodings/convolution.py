r"""Lemma 5: the two-dimensional multi-filter convolution without QRAM.

$$C = \sum_{ijkl} K_{ijkl}\; |i\rangle\langle j| \otimes S^{r_k} \otimes S^{c_l}$$
on registers (channel, row, column), $S^m$ the shift by m that drops what leaves the image. A linear combination over
the taps with exact parts: a shift is an adder with one more bit, whose top bit flags what left; $|i\rangle\langle j|$
is a comparison with j, flagged, and an exclusive or with i and j. Sizes that are not powers of two are padded inside:
the adder then first adds the padding, so that it overflows at the image's edge, and takes it off again.

References:
    Rattew et al. (2025), Lemmas B.14 to B.17 and Lemma 5. https://arxiv.org/abs/2510.07195
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax.encodings.block import BlockEncoding
from qla_jax.encodings.checks import as_numeric, require
from qla_jax.encodings.encoding import State
from qla_jax.encodings.lcu import amplitudes, phases
from qla_jax.encodings.preparation import prepare, unprepare
from qla_jax.encodings.spectral import convolution_norm_bound

# Axes of a state: index registers of the taps, flags, system.
OUT, IN, ROW_TAP, COLUMN_TAP, CHANNEL_FLAG, ROW_FLAG, COLUMN_FLAG, CHANNEL, ROW, COLUMN = range(10)


class Convolution(BlockEncoding, kw_only=True):
    """Ancillas: taps (out, in, row, column), then a flag each for channel, row and column where it can be set."""

    kernel: Num[Array, "out in rows columns"]
    row_shifts: tuple[int, ...] = struct.field(pytree_node=False)
    column_shifts: tuple[int, ...] = struct.field(pytree_node=False)

    def apply(self, state: State) -> State:
        return self._between_prepares(state, inverse=False)

    def apply_adjoint(self, state: State) -> State:
        return self._between_prepares(state, inverse=True)

    def _between_prepares(self, state: State, inverse: bool) -> State:
        taps = self._padded_taps()
        loaded = amplitudes(jnp.abs(taps).reshape(-1))
        grid = prepare(loaded, state.reshape(loaded.size, -1)).reshape(self._grid_shape)
        grid = self._select_adjoint(grid) if inverse else self._select(grid)
        turned = phases(taps.reshape(-1))[:, None]
        grid = (turned.conj() if inverse else turned) * grid.reshape(loaded.size, -1)
        return unprepare(loaded, grid).reshape(state.shape)

    def _select(self, grid: Array) -> Array:
        grid = _shift_selected(grid, (ROW_TAP, ROW_FLAG, ROW), self.row_shifts, self.domain[1])
        grid = _shift_selected(grid, (COLUMN_TAP, COLUMN_FLAG, COLUMN), self.column_shifts, self.domain[2])
        grid = _exclusive_or(grid, IN, CHANNEL)
        grid = _flag_nonzero(grid, CHANNEL, CHANNEL_FLAG)
        return _exclusive_or(grid, OUT, CHANNEL)

    def _select_adjoint(self, grid: Array) -> Array:
        grid = _exclusive_or(grid, OUT, CHANNEL)
        grid = _flag_nonzero(grid, CHANNEL, CHANNEL_FLAG)
        grid = _exclusive_or(grid, IN, CHANNEL)
        back = [tuple(-shift for shift in shifts) for shifts in (self.column_shifts, self.row_shifts)]
        grid = _shift_selected(grid, (COLUMN_TAP, COLUMN_FLAG, COLUMN), back[0], self.domain[2])
        return _shift_selected(grid, (ROW_TAP, ROW_FLAG, ROW), back[1], self.domain[1])

    def _matvec(self, x: Num[Array, " columns"]) -> Num[Array, " rows"]:
        return _real_parts(self._convolve, x.reshape(self.domain), self.kernel).reshape(-1)

    def _rmatvec(self, y: Num[Array, " rows"]) -> Num[Array, " columns"]:
        def transposed(y: Array, kernel: Array) -> Array:
            image = jax.ShapeDtypeStruct(self.domain, y.dtype)
            return jax.linear_transpose(lambda x: self._convolve(x, kernel), image)(y)[0]

        return _real_parts(transposed, y.reshape(self.codomain), self.kernel.conj()).reshape(-1)

    def _convolve(self, x: Array, kernel: Array) -> Array:
        # lax correlates: y[r] = sum_t kernel[t] x[r + t - low]. Taps in order of falling shift, low the largest shift.
        both = (self.row_shifts, self.column_shifts)
        flips = [axis for axis, shifts in enumerate(both, 2) if shifts[0] < shifts[-1]]
        kernel = jnp.flip(kernel, flips)
        margins = [(max(shifts), -min(shifts)) for shifts in both]
        return jax.lax.conv_general_dilated(x[None], kernel.astype(x.dtype), (1, 1), margins)[0]

    @property
    def _grid_shape(self) -> tuple[int, ...]:
        taps = tuple(_padded(size) for size in self.kernel.shape)
        channels = _padded(max(self.domain[0], self.codomain[0]))
        moving = (channels > 1, len(self.row_shifts) > 1, len(self.column_shifts) > 1)
        return (*taps, *(2 if moves else 1 for moves in moving), channels, *(_padded(size) for size in self.domain[1:]))

    def _padded_taps(self) -> Array:
        return jnp.pad(self.kernel, [(0, _padded(size) - size) for size in self.kernel.shape])


def block_encode_convolution(kernel: ArrayLike, image: tuple[int, int], *, padding: str = "same") -> Convolution:
    r"""Encode the convolution layer exactly.

    A $(\|K\|_1,\ a,\ 0)$-block-encoding with
    $a = \lceil\log_2 C_{out}\rceil + \lceil\log_2 C_{in}\rceil + 2\lceil\log_2 D\rceil + 3$. Acts on vectors of
    C_in images in (channel, row, column) order and gives C_out images of the same size. Ancillas
    that can never be set are left out (one channel, one tap). The paper reaches $(1, 3 + 8D + 2\log CD, 0)$ for
    $C/2\|C\|$ with amplification of the whole; `norm_bound` is what that step needs.

    Args:
        kernel: shape (C_out, C_in, rows, columns), real or complex.
        image: rows and columns of the images.
        padding: "same" is the zero-padded cross-correlation of neural networks,
            $y_{irs} = \sum K_{ijkl}x_{j,r+k-p,s+l-p}$ with $p = \lfloor(D-1)/2\rfloor$; "top-left" is the paper's
            convolution $y_{irs} = \sum K_{ijkl}x_{j,r-k,s-l}$.

    Raises:
        ValueError: wrong rank, entries that are not finite, an unknown padding, or a kernel that reaches over the
        image.
    """
    kernel = as_numeric("kernel", kernel, ndim=4)
    require(padding in ("same", "top-left"), f"`padding` must be 'same' or 'top-left', but is {padding!r}.")
    require(len(image) == 2 and min(image) >= 1, f"`image` must be (rows, columns), both positive, but is {image}.")
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
        eps=jnp.zeros_like(alpha),
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


def _padded(size: int) -> int:
    return 1 << (size - 1).bit_length()


def _shift_selected(grid: Array, axes: tuple[int, int, int], shifts: tuple[int, ...], length: int) -> Array:
    """Where the tap register holds k, shift the position by `shifts[k]`; other values leave it alone."""
    tap, flag, position = axes
    if not any(shifts):
        return grid
    parts = jnp.split(grid, grid.shape[tap], axis=tap)
    moved = [
        _shift(part, shifts[k], flag, position, length) if k < len(shifts) else part for k, part in enumerate(parts)
    ]
    return jnp.concatenate(moved, axis=tap)


def _shift(grid: Array, shift: int, flag: int, position: int, length: int) -> Array:
    """Move positions 0..length-1 by `shift`, flag what would leave. Unitary; -m inverts m."""
    spare = grid.shape[position] - length
    if shift >= 0:
        grid = _add(grid, shift + spare if shift else 0, flag, position)
        return jnp.roll(grid, -spare if shift else 0, position)
    grid = jnp.roll(grid, spare, position)
    return _add(grid, shift - spare, flag, position)


def _add(grid: Array, amount: int, flag: int, position: int) -> Array:
    """Add modulo twice the register: the flag is the top bit of the sum."""
    size = grid.shape[position]
    amount %= 2 * size
    carry_all, low = divmod(amount, size)
    rolled = jnp.roll(grid, low, position)
    wrapped = (np.arange(size) < low) ^ bool(carry_all)
    return jnp.where(_along(wrapped, position, grid.ndim), jnp.flip(rolled, flag), rolled)


def _exclusive_or(grid: Array, control: int, target: int) -> Array:
    """CNOTs from each bit of the control register onto the same bit of the target register."""
    for bit in range(grid.shape[control].bit_length() - 1):
        split = grid.reshape(*grid.shape[:target], -1, 2, 1 << bit, *grid.shape[target + 1 :])
        flipped = jnp.flip(split, target + 1).reshape(grid.shape)
        set_bits = (np.arange(grid.shape[control]) >> bit) & 1 == 1
        grid = jnp.where(_along(set_bits, control, grid.ndim), flipped, grid)
    return grid


def _flag_nonzero(grid: Array, register: int, flag: int) -> Array:
    """Flip the flag unless the register holds 0."""
    if grid.shape[flag] == 1:
        return grid
    return jnp.where(_along(np.arange(grid.shape[register]) != 0, register, grid.ndim), jnp.flip(grid, flag), grid)


def _along(values: np.ndarray, axis: int, ndim: int) -> np.ndarray:
    return values.reshape([-1 if i == axis else 1 for i in range(ndim)])


def _real_parts(linear: Callable[[Array, Array], Array], x: Array, kernel: Array) -> Array:
    """A bilinear map of real arrays on complex ones, part by part: XLA's complex convolutions are not everywhere."""
    if jnp.iscomplexobj(kernel):
        return _real_parts(linear, x, kernel.real) + 1j * _real_parts(linear, x, kernel.imag)
    if jnp.iscomplexobj(x):
        return linear(x.real, kernel) + 1j * linear(x.imag, kernel)
    return linear(x, kernel.astype(x.dtype))
