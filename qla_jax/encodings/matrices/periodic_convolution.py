r"""Periodic convolutions as block encodings with one ancilla and alpha equal to the norm.

A periodic convolution is block diagonal in the Fourier basis:
$C = F^\dagger\,\big(\bigoplus_{\theta\phi}\hat K(\theta,\phi)\big)\,F$ with the quantum Fourier transform $F$ on the
row and column registers. The circuit selects the unitary dilation of the small symbol matrix of each frequency.

Example:
    >>> kernel = jnp.array([[[[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]]])
    >>> enc = block_encode_periodic_convolution(kernel, (2, 4))
    >>> round(float(enc.alpha), 6), enc.num_ancillas, enc.shape
    (4.0, 1, (8, 8))

References:
    Rattew et al. (2025), Lemma B.14 and the remark on circulant convolutions. https://arxiv.org/abs/2510.07195
"""

from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._bounds import exact
from qla_jax._checks import as_image, as_numeric, require
from qla_jax._modes import default_promotion
from qla_jax.accounting.gates import Gates, fourier, synthesized
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.composites import Within, inverted
from qla_jax.circuits.fourier import fourier_operations
from qla_jax.circuits.operations import Operation
from qla_jax.circuits.synthesis import MatrixGate
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import State
from qla_jax.encodings.matrices.dense import dilation
from qla_jax.linalg.fourier import undivided
from qla_jax.linalg.products import einsum
from qla_jax.meshes import local, shards


class PeriodicConvolution(BlockEncoding, kw_only=True):
    """Block encoding of a periodic convolution by dilations that are selected in the Fourier basis."""

    symbol: Num[Array, "rows columns out in"]
    dilations: Num[Array, "rows columns m m"]
    real: bool = struct.field(pytree_node=False)

    zero_without_alpha = True

    def apply(self, state: State) -> State:
        return self._in_fourier_basis(state, self.dilations)

    def apply_adjoint(self, state: State) -> State:
        return self._in_fourier_basis(state, self.dilations.conj().mT)

    def _in_fourier_basis(self, state: State, unitaries: Array) -> State:
        state = state.astype(jnp.result_type(state, self.alpha))  # an FFT rounds to the precision of its input
        if self._in_parts:
            out = self._in_divided_basis(state, unitaries)
            return out.real if self.real and not jnp.iscomplexobj(state) else out
        grid = state.reshape(self.dilations.shape[-1], *self.domain[1:])
        grid = einsum("rsij,jrs->irs", unitaries, undivided(jnp.fft.fft2, grid, norm="ortho"))
        out = undivided(jnp.fft.ifft2, grid, norm="ortho").reshape(state.shape)
        return out.real if self.real and not jnp.iscomplexobj(state) else out

    def _in_divided_basis(self, state: State, unitaries: Array) -> State:
        """Return the state after the circuit; a device holds whole rows, then whole columns, and transforms these."""
        row, column = 2, 3
        # Ancilla and channel stay apart: at rest, the state may be divided among devices between them.
        joint = 2, unitaries.shape[-1] // 2
        grid = state.reshape(*joint, *self.domain[1:])
        grid = _transformed(jnp.fft.fft, _transformed(jnp.fft.fft, grid, column, row), row, column)
        matrices = unitaries.reshape(*unitaries.shape[:2], *joint, *joint)
        grid = einsum("rsaibj,bjrs->airs", matrices, grid)
        grid = _transformed(jnp.fft.ifft, _transformed(jnp.fft.ifft, grid, row, column), column, row)
        return grid.reshape(state.shape)

    @property
    def _in_parts(self) -> bool:
        return 1 < shards() <= min(self.domain[1:])

    @property
    def stays_divided(self) -> bool:
        return self._in_parts

    def hermitian_defect(self) -> Array | None:
        square = self.symbol.shape[-1] == self.symbol.shape[-2]
        return jnp.linalg.norm(self.symbol - self.symbol.conj().mT, axis=(-2, -1)).max() if square else None

    def singular_values(self) -> Num[Array, " values"]:
        return jnp.linalg.svd(self.symbol, compute_uv=False).reshape(-1)

    def gates(self) -> Gates:
        rows, columns, channels, _ = (size.bit_length() - 1 for size in self.dilations.shape)
        return 2 * (fourier(rows) + fourier(columns)).around + synthesized(channels, index=rows + columns)

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        wires = (*self.ancilla_wires, *self.system_wires)
        rows, columns = ((size - 1).bit_length() for size in self.domain[1:])
        channels, row, column = (wires[: len(wires) - rows - columns], *_last_two(wires, rows, columns))
        middle = MatrixGate(np.asarray(self.dilations), channels, (*row, *column))
        return [Within(inverted((*fourier_operations(row), *fourier_operations(column))), (middle,))]

    def _matvec(self, x: Num[Array, " columns"]) -> Num[Array, " rows"]:
        return self._multiply(self.symbol, x.reshape(self.domain))

    def _rmatvec(self, y: Num[Array, " rows"]) -> Num[Array, " columns"]:
        return self._multiply(self.symbol.conj().mT, y.reshape(self.codomain))

    def _multiply(self, symbol: Array, x: Array) -> Array:
        product = undivided(jnp.fft.ifft2, einsum("rsij,jrs->irs", symbol, undivided(jnp.fft.fft2, x))).reshape(-1)
        return product.real if self.real and not jnp.iscomplexobj(x) else product


@default_promotion
def block_encode_periodic_convolution(kernel: ArrayLike, image: tuple[int, int]) -> PeriodicConvolution:
    r"""Encode a periodic convolution layer exactly: a $(\|C\|, 1, 0)$-block-encoding.

    The layer is $y_{irs} = \sum K_{ijkl}\,x_{j,\,r+k-p,\,s+l-p}$ with $p = \lfloor(D-1)/2\rfloor$ and positions modulo
    the image. The norm of the layer is $\|C\| = \max_{\theta\phi}\|\hat K(\theta, \phi)\|$.

    Args:
        kernel: shape (C_out, C_in, rows, columns), real or complex.
        image: rows and columns of the images, powers of two because the transform acts on whole registers.

    Raises:
        ValueError: wrong rank, an entry that is not finite, or image sides that are not powers of two.

    Example:
        >>> enc = block_encode_periodic_convolution(jnp.ones((1, 1, 1, 2)), (1, 2))
        >>> round(float(enc.alpha), 6), enc.matvec(jnp.array([1.0, 10.0])).round(6).tolist()
        (2.0, [11.0, 11.0])

    References:
        Rattew et al. (2025), Lemma B.14. https://arxiv.org/abs/2510.07195
    """
    kernel, image = as_numeric("kernel", kernel, ndim=4), as_image("image", image)
    for size in image:
        require(size > 0 and size & (size - 1) == 0, f"`image` must have power-of-two sides, but is {image}.")
    symbol = _symbol(kernel, image)
    channels = 1 << (max(kernel.shape[:2]) - 1).bit_length()
    square = jnp.zeros((*image, channels, channels), symbol.dtype)
    square = square.at[..., : kernel.shape[0], : kernel.shape[1]].set(symbol)
    alpha = jnp.linalg.norm(symbol, 2, axis=(-2, -1)).max()
    dilations = jax.vmap(jax.vmap(dilation))(square / jnp.where(alpha == 0, 1, alpha))
    return PeriodicConvolution(
        alpha=alpha,
        eps=exact(alpha),
        num_ancillas=1,
        num_qubits=(channels * image[0] * image[1]).bit_length() - 1,
        norm_bound=alpha,
        domain=(kernel.shape[1], *image),
        codomain=(kernel.shape[0], *image),
        symbol=symbol,
        dilations=dilations,
        real=not jnp.iscomplexobj(kernel),
    )


def _transformed(transform: Callable[..., Array], grid: Array, along: int, among: int) -> Array:
    """Return a grid transformed along one axis; each device transforms it for its values of another axis."""
    return local(partial(transform, axis=along, norm="ortho"), among, out=among)(grid)


def _last_two(wires: tuple[int, ...], rows: int, columns: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    start = len(wires) - rows - columns
    return wires[start : start + rows], wires[start + rows :]


def _symbol(kernel: Array, image: tuple[int, int]) -> Array:
    """Return the matrix that multiplies each frequency, shape (rows, columns, C_out, C_in)."""
    placed = jnp.zeros((*kernel.shape[:2], *image), kernel.dtype)
    for k in range(kernel.shape[2]):
        for m in range(kernel.shape[3]):
            # x[r + k - p] is a shift by p - k. Taps that coincide on a small torus are added.
            place = (kernel.shape[2] - 1) // 2 - k, (kernel.shape[3] - 1) // 2 - m
            placed = placed.at[:, :, place[0] % image[0], place[1] % image[1]].add(kernel[:, :, k, m])
    return jnp.moveaxis(undivided(jnp.fft.fft2, placed), (0, 1), (-2, -1))
