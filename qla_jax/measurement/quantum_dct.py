r"""The discrete cosine transform as a circuit and as an encoded map: the discrete Chebyshev basis.

Identify the index i of an axis of length N with the Chebyshev node $x_i = \cos(\pi(i + \frac12)/N)$. The vectors
$$|t_k\rangle = \sum_i\sqrt{\tfrac{2 - [k = 0]}N}\,T_k(x_i)\,|i\rangle, \qquad
T_k(x_i) = \cos\tfrac{\pi k(i + \frac12)}N,$$
are orthonormal; they are the rows of the orthonormal DCT-II. The index is not resampled. Truncation gives the best
approximation by the first few vectors in the Euclidean norm, not in the maximum norm.

The circuit extends a vector evenly to twice its length by one ancilla, takes the Fourier transform there, and undoes
the symmetry: entries k and 2N - k are opposite, so a Hadamard gate brings both to one place, controlled by $k \ne 0$.
The ancilla starts and ends in 0.

References:
    Klappenecker, Rotteler (2001), the circuit for the DCT of type II. https://arxiv.org/abs/quant-ph/0111038
    Ahmed, Natarajan, Rao (1974), the transform. https://doi.org/10.1109/T-C.1974.223784
"""

import math
from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._checks import as_inexact, as_numeric, require
from qla_jax.accounting.gates import Gates, adder, fourier
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import State
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.vectors.loading import qram_encode
from qla_jax.linalg.hadamard import mixed
from qla_jax.linalg.sampling import as_whole

Axes = tuple[int, ...]


def dct(x: Num[Array, "..."], axes: Axes) -> Num[Array, "..."]:
    """Apply the orthonormal DCT-II along some axes, of any lengths.

    Args:
        x: real or complex tensor.
        axes: axes of the transform.

    Returns:
        Coefficients, in the shape of `x`.
    """
    return _along(partial(jax.scipy.fft.dct, norm="ortho"), x, axes)


def inverse_dct(c: Num[Array, "..."], axes: Axes) -> Num[Array, "..."]:
    """Apply the inverse of `dct`, which is its transpose.

    Args:
        c: coefficients.
        axes: axes of the transform.

    Returns:
        Tensor in the shape of `c`.
    """
    return _along(partial(jax.scipy.fft.idct, norm="ortho"), c, axes)


def chebyshev_coefficients(x: ArrayLike, rank: int | tuple[int, ...], axes: int | Axes) -> Num[Array, "..."]:
    r"""Return $\langle t_k|x\rangle$ for the first `rank` vectors along each axis; other axes are kept.

    Args:
        x: real or complex tensor.
        rank: number of coefficients along each of `axes`.
        axes: axes of the transform.

    Returns:
        Tensor whose lengths along `axes` are the ranks.

    Raises:
        ValueError: ranks and axes that are no integers or do not match, axes that `x` does not have, or a rank below 1
            or above the length of its axis.

    Example:
        >>> chebyshev_coefficients(jnp.ones((2, 4)), (2,), (1,)).round(6).tolist()
        [[2.0, 0.0], [2.0, 0.0]]
    """
    x = as_inexact("x", x)
    rank, axes = checked_rank(x.shape, rank, axes)
    return dct(x, axes)[tuple(slice(size) for size in kept_shape(x.shape, rank, axes))]


def from_chebyshev(c: ArrayLike, shape: int | tuple[int, ...], axes: int | Axes) -> Num[Array, "..."]:
    r"""Return $\sum_kc_k|t_k\rangle$ along axes: the transpose of `chebyshev_coefficients`.

    Args:
        c: first coefficients along each of `axes`, all entries along other axes.
        shape: shape of the result.
        axes: axes of the transform.

    Raises:
        ValueError: coefficients that are no such part of a tensor of that shape.

    Example:
        >>> from_chebyshev(jnp.array([[2.0], [4.0]]), (2, 4), 1).round(6).tolist()
        [[1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, 2.0]]
    """
    c, shape = as_inexact("c", c), as_wholes("shape", shape)
    axes = _axes_of_coefficients("c", c, shape, axes)
    return inverse_dct(_padded(c, shape), axes)


def as_wholes(name: str, value: int | Sequence[int]) -> tuple[int, ...]:
    """Return one integer or several as a tuple of ints.

    Args:
        name: name of the argument, for the error.
        value: integer or sequence of integers.
    """
    return tuple(as_whole(name, one) for one in (value if np.ndim(value) > 0 else (value,)))  # type: ignore[union-attr]


def checked_rank(shape: tuple[int, ...], rank: int | tuple[int, ...], axes: int | Axes) -> tuple[tuple[int, ...], Axes]:
    """Return ranks and non-negative axes that fit a shape; see `chebyshev_coefficients` for the errors.

    Args:
        shape: shape of the tensor.
        rank: number of coefficients along each of `axes`.
        axes: axes of the transform.
    """
    rank, axes = as_wholes("rank", rank), as_wholes("axes", axes)
    require(len(rank) == len(axes), f"`rank` must have an entry for each axis of {axes}, but is {rank}.")
    for axis in axes:
        require(-len(shape) <= axis < len(shape), f"`axes` must be axes of a tensor of shape {shape}, but are {axes}.")
    axes = tuple(axis % len(shape) for axis in axes)
    require(len(set(axes)) == len(axes), f"`axes` must be different, but are {axes}.")
    for r, axis in zip(rank, axes, strict=True):
        length = shape[axis]
        require(1 <= r <= length, f"`rank` must be between 1 and the axis length {length}, but is {r} on axis {axis}.")
    return rank, axes


def kept_shape(shape: tuple[int, ...], rank: tuple[int, ...], axes: Axes) -> tuple[int, ...]:
    """Return the shape of the kept coefficients.

    Args:
        shape: shape of the tensor.
        rank: number of coefficients along each of `axes`.
        axes: non-negative axes of the transform.
    """
    ranks = dict(zip(axes, rank, strict=True))
    return tuple(ranks.get(axis, size) for axis, size in enumerate(shape))


class QuantumDCT(BlockEncoding, kw_only=True):
    """Block encoding of the DCT-II along some axes of a tensor, by its circuit.

    The circuit transforms one axis after another. Each axis has one ancilla, which comes back as 0.
    """

    axes: Axes = struct.field(pytree_node=False)

    def apply(self, state: State) -> State:
        for ancilla in range(len(self.axes)):
            state = self._on(ancilla, _forward, state)
        return state

    def apply_adjoint(self, state: State) -> State:
        for ancilla in reversed(range(len(self.axes))):
            state = self._on(ancilla, _backward, state)
        return state

    def _matvec(self, x: Num[Array, " n"]) -> Num[Array, " n"]:
        return dct(x.reshape(self.domain), self.axes).reshape(-1)

    def _rmatvec(self, y: Num[Array, " n"]) -> Num[Array, " n"]:
        return inverse_dct(y.reshape(self.domain), self.axes).reshape(-1)

    def gates(self) -> Gates:
        return sum((_gates((self.domain[axis] - 1).bit_length()) for axis in self.axes), Gates())

    def _on(self, ancilla: int, transform: object, state: State) -> State:
        grid = state.reshape(*(2 for _ in self.axes), *self.domain)
        places = (ancilla, len(self.axes) + self.axes[ancilla])
        front = jnp.moveaxis(grid, places, (0, 1))
        turned = transform(front.reshape(*front.shape[:2], -1)).reshape(front.shape)  # type: ignore[operator]
        return jnp.moveaxis(turned, (0, 1), places).reshape(state.shape)


def quantum_dct(
    sizes: int | tuple[int, ...], *, axes: int | Axes | None = None, dtype: jnp.dtype | None = None
) -> QuantumDCT:
    r"""Encode the orthonormal DCT-II along axes of a tensor exactly, as a $(1, m, 0)$-block-encoding for m axes.

    The adjoint of the encoding takes the basis state $|k\rangle$ to $|t_k\rangle$.

    Args:
        sizes: lengths of the tensor's axes, each a power of two.
        axes: axes of the transform, all of them by default.
        dtype: real dtype; by default that of floats in this precision.

    Raises:
        ValueError: a size that is not a power of two (`dct` takes any; the circuit would need a Fourier transform of
            another length), axes that are none of the tensor, or a dtype that is not real.

    Example:
        >>> enc = quantum_dct(4)
        >>> enc.num_ancillas, enc.adjoint().matvec(jnp.array([1.0, 0.0, 0.0, 0.0])).round(6).tolist()
        (1, [0.5, 0.5, 0.5, 0.5])
    """
    sizes = as_wholes("sizes", sizes)
    for size in sizes:
        fits = size >= 1 and size & (size - 1) == 0
        require(fits, f"`sizes` must be powers of two for the circuit, but are {sizes}; `dct` takes any length.")
    axes = tuple(range(len(sizes))) if axes is None else as_wholes("axes", axes)
    _, axes = checked_rank(sizes, (1,) * len(axes), axes)
    try:
        one = jnp.ones((), dtype)
    except TypeError:
        raise TypeError(f"`dtype` must be a dtype, but is of type {type(dtype).__name__}.") from None
    require(jnp.issubdtype(one.dtype, jnp.floating), f"`dtype` must be real, but is {one.dtype}.")
    return QuantumDCT(
        alpha=one,
        eps=0 * one,
        num_ancillas=len(axes),
        num_qubits=math.prod(sizes).bit_length() - 1,
        norm_bound=one,
        domain=sizes,
        codomain=sizes,
        axes=axes,
    )


def chebyshev_state(coefficients: ArrayLike, sizes: int | tuple[int, ...], *, axes: int | Axes) -> VectorEncoding:
    r"""Prepare $\sum_kc_k|t_k\rangle$ from its coefficients: a memory holds them, and the inverse transform follows.

    The encoding turns coefficients that were read out after one layer into the input of the next. With a single
    coefficient of 1 it prepares $|t_k\rangle$. Ancillas come back as 0, as a Hadamard test requires.

    Args:
        coefficients: first coefficients along each of `axes`, all entries along other axes.
        sizes: lengths of the tensor's axes, powers of two.
        axes: axes of the transform.

    Raises:
        ValueError: axes that the tensor does not have, more coefficients than entries along one, or what `quantum_dct`
            and `qram_encode` raise.

    Example:
        >>> vec = chebyshev_state(jnp.array([2.0, 0.0]), (4,), axes=(0,))
        >>> vec.encoded.round(6).tolist(), float(vec.alpha), vec.eps == 0
        ([1.0, 1.0, 1.0, 1.0], 2.0, Array(True, dtype=bool))
    """
    sizes = as_wholes("sizes", sizes)
    c = as_numeric("coefficients", coefficients, ndim=len(sizes))
    axes = _axes_of_coefficients("coefficients", c, sizes, axes)
    return quantum_dct(sizes, axes=axes, dtype=c.real.dtype).adjoint() @ qram_encode(_padded(c, sizes))


def _axes_of_coefficients(name: str, c: Array, shape: tuple[int, ...], axes: int | Axes) -> Axes:
    """Check the shape of `c` and return non-negative axes.

    Along these axes `c` may hold only the first few coefficients. Along others it has full length.
    """
    require(c.ndim == len(shape), f"`{name}` must have an axis for each of {shape}, but has shape {c.shape}.")
    axes = as_wholes("axes", axes)
    _, axes = checked_rank(shape, (1,) * len(axes), axes)
    for axis, (kept, full) in enumerate(zip(c.shape, shape, strict=True)):
        fits = 1 <= kept <= full if axis in axes else kept == full
        rule = f"at most {full}" if axis in axes else f"all {full}"
        require(fits, f"`{name}` must have {rule} entries on axis {axis}, but has {kept}.")
    return axes


def _padded(c: Array, shape: tuple[int, ...]) -> Array:
    return jnp.pad(c, [(0, full - kept) for full, kept in zip(shape, c.shape, strict=True)])


def _along(transform: object, x: Array, axes: Axes) -> Array:
    if jnp.iscomplexobj(x):
        return _along(transform, x.real, axes) + 1j * _along(transform, x.imag, axes)
    for axis in axes:
        x = transform(x, axis=axis)  # type: ignore[operator]
    return x


def _forward(state: Num[Array, "2 n rest"]) -> Num[Array, "2 n rest"]:
    n = state.shape[1]
    # The phase gate i makes the whole unitary real, rather than only its block.
    even, odd = mixed(state[0], 1j * state[1])
    spectrum = _phases(n) * jnp.fft.fft(jnp.concatenate([even, odd[::-1]]), axis=0, norm="ortho")
    low, high = spectrum[:n], _negated(spectrum[n:])
    same, opposite = mixed(low[1:], high[1:])
    turned = jnp.stack([jnp.concatenate([low[:1], opposite]), jnp.concatenate([high[:1], same])])
    return turned if jnp.iscomplexobj(state) else turned.real


def _backward(state: Num[Array, "2 n rest"]) -> Num[Array, "2 n rest"]:
    n = state.shape[1]
    low, high = mixed(state[1, 1:], state[0, 1:])
    low, high = jnp.concatenate([state[0, :1], low]), _negated(jnp.concatenate([state[1, :1], high]))
    both = jnp.fft.ifft(_phases(n).conj() * jnp.concatenate([low, high]), axis=0, norm="ortho")
    up, down = mixed(both[:n], both[n:][::-1])
    turned = jnp.stack([up, -1j * down])
    return turned if jnp.iscomplexobj(state) else turned.real


def _negated(rows: Array) -> Array:
    """Move row k to row -k mod n."""
    return jnp.roll(rows[::-1], 1, axis=0)


def _phases(n: int) -> Array:
    """Return the diagonal exp(-i pi k / 2n), which is a product of one phase gate on each qubit."""
    return jnp.exp(-0.5j * jnp.pi * jnp.arange(2 * n) / n)[:, None]


def _gates(qubits: int) -> Gates:
    """Count the gates of the transform along one axis of so many qubits.

    They are two complements under control, the Fourier transform, phases, an increment, and the gate for all k but 0.
    """
    if qubits == 0:
        return fourier(1) + Gates(rotations=1)
    unless_zero = Gates(rotations=2, cnot=2, toffoli=qubits - 1)
    return Gates(cnot=2 * qubits) + fourier(qubits + 1) + Gates(rotations=qubits + 1) + adder(qubits) + unless_zero
