r"""Certified upper bounds on spectral norms, differentiable everywhere and without a decomposition.

Power iteration approaches the norm from below and certifies nothing. Gram iteration approaches it from above:
$\|A\| \le \|(A^\dagger A)^{2^t}\|_F^{1/2^{t+1}}$, at most a factor $\text{rank}^{1/2^{t+2}}$ too large.

References:
    Delattre, Barthelemy, Araujo, Allauzen (2023), Theorem 3.2. https://arxiv.org/abs/2305.16173
"""

import math
from functools import partial, reduce

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._checks import ROUNDING, as_image, as_inexact, as_integer, is_concrete, require
from qla_jax._modes import default_promotion
from qla_jax.linalg.products import einsum, matmul


@default_promotion
def spectral_norm_bound(matrix: Num[Array, "... rows columns"], *, iterations: int = 5) -> Num[Array, "..."]:
    r"""Return a certified upper bound on the spectral norm $\|A\|_2$ for each matrix of a stack.

    The bound is differentiable everywhere, with derivative zero at zero. It includes rounding, as it is raised by a few
    units in the last place times the dimension. A norm beyond the largest float gives `inf`. Denormal entries, which
    XLA treats as zero, count as the smallest normal number.

    Args:
        matrix: stack of real or complex matrices.
        iterations: number t of matrix squarings; the excess is at most rank^(1/2^(t+2)) - 1, which is 4.4% for rank 256
            and t = 5.

    Raises:
        ValueError: no numbers, fewer than two axes, or iterations below 0.

    Example:
        >>> bound = spectral_norm_bound(jnp.array([[3.0, 0.0], [0.0, 4.0]]))
        >>> bool(4 <= bound < 4.1)
        True

    References:
        Delattre, Barthelemy, Araujo, Allauzen (2023), Theorem 3.2. https://arxiv.org/abs/2305.16173
    """
    matrix = as_inexact("matrix", matrix)
    require(
        matrix.ndim >= 2 and 0 not in matrix.shape[-2:], f"`matrix` must be a matrix, but has shape {matrix.shape}."
    )
    return _bound(matrix, as_integer("iterations", iterations, least=0))


@partial(jax.jit, static_argnums=1)
def _bound(matrix: Array, iterations: int) -> Array:
    slack = 1 + 8 * max(matrix.shape[-2:]) * jnp.finfo(matrix.dtype).eps
    tall = matrix.mT if matrix.shape[-2] < matrix.shape[-1] else matrix
    return _gram_iteration(tall, iterations) * slack + _denormals(matrix)


def _denormals(matrix: Array) -> Array:
    """Return a bound on the norm of the denormal entries, each counted as the smallest normal number."""
    # Comparisons of floats see a denormal number as zero under XLA, so that the bits are compared.
    parts = [matrix.real, matrix.imag] if jnp.iscomplexobj(matrix) else [matrix]
    width = jnp.uint64 if parts[0].dtype.itemsize == 8 else jnp.uint32
    bits = [jax.lax.bitcast_convert_type(jax.lax.stop_gradient(part), width) << 1 for part in parts]
    tiny = jnp.finfo(matrix.dtype).tiny
    some = [(b != 0) & (jnp.abs(part) < tiny) for b, part in zip(bits, parts, strict=True)]
    count = sum(jnp.sum(one, axis=(-2, -1)) for one in some)
    return jnp.asarray(count, parts[0].dtype) * tiny


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _gram_iteration(matrix: Array, iterations: int) -> Array:
    return _gram_powers(matrix, iterations)[0]


@_gram_iteration.defjvp
@default_promotion
def _gram_iteration_jvp(iterations: int, primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    # b^{2m} = tr G^m with m = 2^{t+1}, so the gradient is along A G^{m-1} = A G G^2 G^4 ..., and by Euler's theorem for
    # functions of degree one its product with A is b itself: no derivative of the iteration, half of the work.
    (matrix,), (tangent,) = primals, tangents
    bound, powers = _gram_powers(matrix, iterations)
    largest = _power_of_two(_largest(matrix))  # the gradient is the same at any scale, its parts are not
    scaled = _over(matrix, largest)
    direction = matmul(scaled, reduce(matmul, powers))
    along = jnp.sum((direction.conj() * scaled).real, axis=(-2, -1))
    rate = jnp.where(along == 0, 0, bound / largest[..., 0, 0] / jnp.where(along == 0, 1, along))
    return bound, rate * jnp.sum((direction.conj() * tangent).real, axis=(-2, -1))


def _gram_powers(matrix: Array, iterations: int) -> tuple[Array, list[Array]]:
    """Return the bound, and G, G^2, G^4, ..., each scaled to Frobenius norm 1."""
    # Scaled by a power of two first: squares of tiny or huge entries leave the range of floats, as does 1 / 1e308.
    largest = _power_of_two(_largest(matrix))
    scaled = _over(matrix, largest)
    gram, size = _unit(matmul(scaled.conj().mT, scaled))
    logarithm, weight, powers = jnp.log(size) / 2, 0.25, [gram]
    for _ in range(iterations):
        gram, size = _unit(matmul(gram, gram))
        logarithm, weight = logarithm + weight * jnp.log(size), weight / 2
        powers.append(gram)
    zero = jnp.all(matrix == 0, axis=(-2, -1))
    return jnp.where(zero, 0, jnp.exp(logarithm)) * largest[..., 0, 0], powers


def _largest(matrix: Array) -> Array:
    """Return the largest real or imaginary part of each matrix."""
    return jnp.maximum(jnp.abs(matrix.real), jnp.abs(matrix.imag)).max(axis=(-2, -1), keepdims=True)


def _power_of_two(size: Array) -> Array:
    """Return the power of two at or below each size, restricted to those with a normal inverse; 1 for zero."""
    # By comparisons, from large steps to small ones: a TPU cannot take the exponent of a float64 from its bits.
    most = jnp.finfo(size.dtype).maxexp - 2
    wanted = jnp.clip(jnp.where((size > 0) & jnp.isfinite(size), size, 1), 2.0**-most, 2.0**most)
    power = jnp.ones_like(size)
    for step in (2.0 ** (1 << k) for k in reversed(range(most.bit_length()))):
        power = jnp.where(wanted >= power * step, power * step, power)
        power = jnp.where((wanted < power) & (power / step > 0), power / step, power)  # its range is that of float32
    return jax.lax.stop_gradient(jnp.where(jnp.isnan(size), size, power))


def _unit(gram: Array) -> tuple[Array, Array]:
    """Return a stack of matrices divided by their Frobenius norms, and the norms; zero matrices have norm 1."""
    square = jnp.sum(jnp.square(gram.real) + jnp.square(gram.imag), axis=(-2, -1))
    size = jnp.sqrt(jnp.where(square == 0, 1, square))
    return _over(gram, size[..., None, None]), size


def _over(array: Array, divisor: Array) -> Array:
    """Return an array divided by real numbers, which are not converted to complex ones: a TPU has no such float64."""
    if not jnp.iscomplexobj(array):
        return array / divisor
    return jax.lax.complex(array.real / divisor, array.imag / divisor)


def require_norm_bound(norm_bound: ArrayLike, matrix: Num[Array, "rows columns"], eps: ArrayLike = 0.0) -> None:
    """Raise an error where a bound that a caller states is too small by more than `eps`, outside jit.

    Args:
        norm_bound: stated upper bound on the norm.
        matrix: encoded matrix.
        eps: distance of the encoded matrix from the ideal one, absolute.

    Raises:
        ValueError: a bound below the norm of the matrix less `eps`.
    """
    norm, slack = jnp.linalg.norm(matrix, 2), 1 + ROUNDING * jnp.finfo(matrix.dtype).eps
    fits = norm <= (norm_bound + eps) * slack
    if is_concrete(fits):  # inside jit even the norm of a constant matrix is traced
        require(bool(fits), f"`norm_bound` must be at least {norm - eps}, but is {norm_bound}.")


@default_promotion
def convolution_norm_bound(
    kernel: Num[Array, "out in rows columns"],
    image: tuple[int, int] | None = None,
    *,
    grid: int = 16,
    iterations: int = 5,
) -> Num[Array, ""]:
    r"""Return a certified upper bound on the spectral norm of a zero-padded convolution, from its symbol.

    The symbol is $\hat K(\theta,\phi) = \sum_{kl} K_{kl}e^{-i(k\theta + l\phi)}$. An image of M pixels along an axis is
    part of a torus of $M + D - 1$ pixels, so that the maximum of $\|\hat K\|$ over the frequencies of this torus is a
    bound. Where the torus is larger than the grid, or without an image (any size, also periodic), the bound is the
    maximum over the grid divided by $\cos(\pi d/G)$ with $d = \lceil(D-1)/2\rceil$: between grid points a trigonometric
    polynomial of degree d decreases no faster than a cosine (Riesz 1914).

    Args:
        kernel: real or complex array of shape (C_out, C_in, rows, columns).
        image: rows and columns of the images, or None for images of any size.
        grid: number G of frequencies along each axis, at least the kernel's size.
        iterations: number of squarings in `spectral_norm_bound` for each frequency.

    Raises:
        ValueError: a grid smaller than the kernel, or a kernel without four axes.

    Example:
        >>> bool(9 <= convolution_norm_bound(jnp.ones((1, 1, 3, 3))) < 10)
        True
    """
    kernel = as_inexact("kernel", kernel)
    require(kernel.ndim == 4, f"`kernel` must have 4 axes, but has shape {kernel.shape}.")
    image = None if image is None else as_image("image", image)
    grid, iterations = as_integer("grid", grid, least=1), as_integer("iterations", iterations, least=0)
    if grid < max(kernel.shape[2:]):
        raise ValueError(f"`grid` must be at least the kernel size {max(kernel.shape[2:])}, but is {grid}.")
    return _convolution_norm_bound(kernel, image, grid, iterations)


@partial(jax.jit, static_argnums=(1, 2, 3))
def _convolution_norm_bound(kernel: Array, image: tuple[int, int] | None, grid: int, iterations: int) -> Array:
    sizes, between = [], 1.0
    for taps, length in zip(kernel.shape[2:], image or (math.inf, math.inf), strict=True):
        if length + taps - 1 <= grid:
            sizes.append(int(length) + taps - 1)
        else:
            sizes.append(grid)
            between *= math.cos(math.pi * -(-(taps - 1) // 2) / grid)
    return spectral_norm_bound(_symbol(kernel, *sizes), iterations=iterations).max() / between


def _symbol(kernel: Array, rows: int, columns: int) -> Array:
    """Return the Fourier transform of a kernel on a torus, shape (rows, columns, out, in)."""
    # By matrices, axis by axis: a kernel has few taps, and a TPU has no Fourier transform in double precision.
    real = not jnp.iscomplexobj(kernel)
    # A real kernel needs only half of the frequencies: the others are complex conjugate.
    along_columns = _waves(columns, kernel.shape[3], columns // 2 + 1 if real else columns)
    re, im = _transformed(kernel.real, None if real else kernel.imag, "oirk,ak->oira", along_columns)
    re, im = _transformed(re, im, "oikb,ak->aboi", _waves(rows, kernel.shape[2], rows))
    return jax.lax.complex(re, im)


def _waves(size: int, taps: int, frequencies: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the real and imaginary parts of e^{-2 pi i a k / size}, for frequencies a and taps k."""
    angles = 2 * np.pi / size * (np.outer(np.arange(frequencies), np.arange(taps)) % size)
    return np.cos(angles), -np.sin(angles)


def _transformed(
    re: Array, im: Array | None, formula: str, waves: tuple[np.ndarray, np.ndarray]
) -> tuple[Array, Array]:
    """Return the real and imaginary parts of re + i im, summed along one axis with waves."""
    cosines, sines = (jnp.asarray(part, re.dtype) for part in waves)
    if im is None:
        return einsum(formula, re, cosines), einsum(formula, re, sines)
    return (
        einsum(formula, re, cosines) - einsum(formula, im, sines),
        einsum(formula, re, sines) + einsum(formula, im, cosines),
    )
