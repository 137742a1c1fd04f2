"""Neural-network layers on fixed-point numbers: the integers of the circuits, computed by vectorized code.

A sum of products is computed in full and brought into the format once: no partial sum is rounded, and none overflows.
Each factor is cut into bytes. Products of bytes are integer matrix products in int32, and their sums carry over into as
many digits as the result has. So 32-bit layers are exact without 64-bit integers, by the same code as with them.
`layer_circuits` has the circuits.

Example:
    >>> from qla_jax.arithmetic import Format, decode, encode
    >>> format = Format(bits=8, fraction=4)
    >>> image, kernel = encode(jnp.ones((1, 3, 3)), format), encode(jnp.full((1, 1, 3, 3), 0.5), format)
    >>> decode(convolve(image, kernel)).tolist()
    [[[2.0, 3.0, 2.0], [3.0, 4.5, 3.0], [2.0, 3.0, 2.0]]]

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, appendices B and C. https://arxiv.org/abs/2402.18940
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Int

from qla_jax._checks import as_integer, as_numeric, is_concrete, require, require_kind
from qla_jax._modes import default_promotion, varying_like
from qla_jax._modes import reshaped as in_two_steps
from qla_jax.arithmetic import digits as wide
from qla_jax.arithmetic.elementwise import add, fitted
from qla_jax.arithmetic.formats import FixedPoint, Format, encode, same_format
from qla_jax.linalg.patches import windows
from qla_jax.linalg.products import einsum

CHUNK = 4096
"""Number of terms whose products of bytes fit into an int32, four products at a time."""


@default_promotion
def dot(x: FixedPoint, y: FixedPoint) -> FixedPoint:
    """Contract the last axis of x with the first axis of y, with a single rounding down after the sum.

    Args:
        x: first factor.
        y: second factor, of the same format.

    Raises:
        TypeError: not numbers in fixed point. All functions of this module raise it.
        ValueError: formats or the lengths of these axes differ, or these are 0.

    Example:
        >>> from qla_jax.arithmetic import Format, decode, encode
        >>> x, y = (encode(jnp.array(v), Format(bits=8, fraction=4)) for v in ([1.0, 0.5], [2.0, -1.0]))
        >>> float(decode(dot(x, y)))
        1.5
    """
    same_format("y", x, y)
    fits = x.shape[-1:] == y.shape[:1] != ()
    require(fits, f"`y` must have a first axis like the last one of `x`, but the shapes are {x.shape} and {y.shape}.")
    require(y.shape[0] >= 1, f"`x` must have a last axis of at least 1, but has shape {x.shape}.")
    return _dot(x, y)


@jax.jit
def _dot(x: FixedPoint, y: FixedPoint) -> FixedPoint:
    n, format = y.shape[0], x.format
    total = _dot_in_full(x.integers.reshape(-1, n), y.integers.reshape(n, -1), format)
    flags = x.overflow.reshape(-1, n).any(axis=1)[:, None] | y.overflow.reshape(n, -1).any(axis=0)[None, :]
    return reshaped(fitted(total, format.fraction, format, flags), (*x.shape[:-1], *y.shape[1:]))


def reshaped(x: FixedPoint, shape: tuple[int, ...]) -> FixedPoint:
    """Return the numbers in another shape.

    Args:
        x: numbers in fixed point.
        shape: shape of the result.
    """
    return jax.tree.map(lambda a: in_two_steps(a, shape), x)


def _dot_in_full(x: Int[Array, "m n"], y: Int[Array, "n k"], format: Format) -> wide.Digits:
    """Return the product of two integer matrices in full.

    Products of bytes i and j add to column i + j of the digits. Each chunk of terms carries for itself, so that no
    column overflows.
    """
    terms = x.shape[1]
    length = wide.count(2 * format.bits + max(terms, 1).bit_length() + 1)
    chunks = max(-(-terms // CHUNK), 1)
    missing = chunks * -(-terms // chunks) - terms
    left = _bytes(jnp.pad(x, ((0, 0), (0, missing))).reshape(len(x), chunks, -1), format)
    right = _bytes(jnp.pad(y, ((0, missing), (0, 0))).reshape(chunks, -1, y.shape[1]), format)
    nothing = varying_like(jnp.zeros((chunks, len(x), y.shape[1]), jnp.int32), x, y)
    columns = [nothing for _ in range(max(length, 2 * len(left)))]
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            columns[i + j] += einsum("mcn,cnk->cmk", a, b)
    # Chunks carry before they are summed, so that no column exceeds an int32.
    return wide.carried(wide.carried(jnp.stack(columns)).sum(axis=1))


def _bytes(x: Int[Array, "..."], format: Format) -> list[Int[Array, "..."]]:
    """Return the bytes of a number, the top one with its sign."""
    count = wide.count(format.bits)
    return [x >> 8 * i & 255 if i < count - 1 else x >> 8 * i for i in range(count)]


@default_promotion
def convolve(x: FixedPoint, kernel: FixedPoint, *, padding: str = "same", stride: int = 1) -> FixedPoint:
    """Compute the cross-correlation of a (C, H, W) image with a (C_out, C, K, K) kernel.

    Args:
        x: image.
        kernel: kernel, of the same format.
        padding: "same" for zeros around the image, or "valid" for none.
        stride: distance from one window to the next.

    Raises:
        ValueError: formats or channels differ, another padding, a stride below 1, a kernel larger than the image.

    Example:
        >>> from qla_jax.arithmetic import Format, decode, encode
        >>> format = Format(bits=8, fraction=4)
        >>> image, kernel = encode(jnp.ones((1, 2, 2)), format), encode(jnp.full((1, 1, 2, 2), 0.5), format)
        >>> decode(convolve(image, kernel, padding="valid")).tolist()
        [[[2.0]]]
    """
    same_format("kernel", x, kernel)
    right = x.integers.ndim == 3 and kernel.integers.ndim == 4 and kernel.shape[1] == x.shape[0]
    require(right, f"`kernel` must be (C_out, C, K, K) for `x` (C, H, W), but they are {kernel.shape} and {x.shape}.")
    require(padding in ("same", "valid"), f"`padding` must be 'same' or 'valid', but is {padding!r}.")
    stride = as_integer("stride", stride, least=1)
    taps = kernel.shape[2:]
    around = tuple(((k - 1) // 2, k // 2) if padding == "same" else (0, 0) for k in taps)
    room = tuple(size + sum(edge) for size, edge in zip(x.shape[1:], around, strict=True))
    fits = all(tap <= size for tap, size in zip(taps, room, strict=True))
    require(fits, f"`kernel` must fit into the image, but is {taps} on {room}.")
    return _convolved(x, kernel, around, stride)


@jax.jit(static_argnames=("around", "stride"))
def _convolved(x: FixedPoint, kernel: FixedPoint, around: tuple[tuple[int, int], ...], stride: int) -> FixedPoint:
    cut = jax.tree.map(lambda part: windows(part, kernel.shape[2:], stride=stride, around=around), x)
    rows, columns = cut.shape[-2:]
    found = dot(reshaped(kernel, (kernel.shape[0], -1)), reshaped(cut, (-1, rows * columns)))
    return reshaped(found, (kernel.shape[0], rows, columns))


def add_bias(x: FixedPoint, bias: FixedPoint) -> FixedPoint:
    """Add one number to all entries with the same index along the first axis.

    Args:
        x: numbers in fixed point.
        bias: one number for each index of the first axis, of the same format.

    Raises:
        ValueError: formats or lengths differ.

    Example:
        >>> from qla_jax.arithmetic import Format, decode, encode
        >>> x, bias = (encode(jnp.array(v), Format(bits=8, fraction=4)) for v in ([[1.0, 2.0]], [0.5]))
        >>> decode(add_bias(x, bias)).tolist()
        [[1.5, 2.5]]
    """
    require_kind("x", x, FixedPoint)
    require_kind("bias", bias, FixedPoint)
    return add(x, _along_first("bias", bias, x.shape))


@default_promotion
def batch_norm(
    x: FixedPoint, mean: ArrayLike, variance: ArrayLike, gamma: ArrayLike, beta: ArrayLike, *, epsilon: float = 1e-5
) -> FixedPoint:
    r"""Normalize each channel, $\gamma(x - \mu)/\sqrt{\sigma^2 + \epsilon} + \beta$, by a constant product and sum.

    The statistics are classical numbers, measured before. Factor and offset are computed in floats and then brought
    into the format; the result is flagged where they do not fit. The sum is computed in full, so there is one rounding
    down and one check for overflow.

    Args:
        x: numbers in fixed point, channels along the first axis.
        mean: mean $\mu$ of each channel.
        variance: variance $\sigma^2$ of each channel.
        gamma: factor $\gamma$ of each channel.
        beta: offset $\beta$ of each channel.
        epsilon: number $\epsilon$ added to the variance.

    Raises:
        ValueError: not one number for each channel; where it can be seen, statistics that are not finite, or a
            $\sigma^2 + \epsilon$ that is not positive.

    Example:
        >>> from qla_jax.arithmetic import Format, decode, encode
        >>> x, one = encode(jnp.array([[1.0, 3.0]]), Format(bits=8, fraction=4)), jnp.ones(1)
        >>> decode(batch_norm(x, 2 * one, one, one, 0 * one, epsilon=0.0)).tolist()
        [[-1.0, 1.0]]
    """
    require_kind("x", x, FixedPoint)
    constants = batch_norm_constants(mean, variance, gamma, beta, x.format, epsilon=epsilon)
    return _scaled(x, *(_along_first(name, c, x.shape) for name, c in zip(("gamma", "beta"), constants, strict=True)))


@jax.jit
def _scaled(x: FixedPoint, scale: FixedPoint, shift: FixedPoint) -> FixedPoint:
    """Return the product with a scale plus a shift, with one rounding down.

    Digits have a leading axis, so the constants are broadcast before they become digits.
    """
    scale, shift = jax.tree.map(lambda part: jnp.broadcast_to(part, x.shape), (scale, shift))
    length = wide.count(2 * x.format.bits + 1)
    factor, offset, number = (wide.digits(part.integers, length) for part in (scale, shift, x))
    total = wide.add(wide.multiply(number, factor), wide.shift_left(offset, x.format.fraction))
    return fitted(total, x.format.fraction, x.format, x.overflow, scale.overflow, shift.overflow)


@default_promotion
def batch_norm_constants(
    mean: ArrayLike, variance: ArrayLike, gamma: ArrayLike, beta: ArrayLike, format: Format, *, epsilon: float = 1e-5
) -> tuple[FixedPoint, FixedPoint]:
    r"""Return $\gamma/\sqrt{\sigma^2 + \epsilon}$ and $\beta - \mu\gamma/\sqrt{\sigma^2 + \epsilon}$ in fixed point.

    Args:
        mean: mean $\mu$ of each channel.
        variance: variance $\sigma^2$ of each channel.
        gamma: factor $\gamma$ of each channel.
        beta: offset $\beta$ of each channel.
        format: format of the constants.
        epsilon: number $\epsilon$ added to the variance.

    Returns:
        Factor and offset in fixed point.

    Raises:
        ValueError: where it can be seen, statistics that are not finite, or a $\sigma^2 + \epsilon$ not positive.

    Example:
        >>> from qla_jax.arithmetic import Format, decode
        >>> factor, offset = batch_norm_constants(2.0, 4.0, 1.0, 0.0, Format(bits=8, fraction=4), epsilon=0.0)
        >>> float(decode(factor)), float(decode(offset))
        (0.5, -1.0)
    """
    names = {"mean": mean, "variance": variance, "gamma": gamma, "beta": beta, "epsilon": epsilon}
    given = {name: as_numeric(name, value, ndim=None) for name, value in names.items()}
    width = given["variance"] + given["epsilon"]
    if is_concrete(width):
        least = float(np.asarray(width).min())
        require(least > 0, f"`variance` + `epsilon` must be positive, but its least is {least:g}.")
    factor = given["gamma"] / jnp.sqrt(width)
    return encode(factor, format), encode(given["beta"] - given["mean"] * factor, format)


def _along_first(name: str, constants: FixedPoint, shape: tuple[int, ...]) -> FixedPoint:
    fits = constants.shape == shape[:1]
    require(fits, f"`{name}` must have shape {shape[:1]}, but has shape {constants.shape}.")
    return reshaped(constants, (-1,) + (1,) * (len(shape) - 1))


def max_pool(x: FixedPoint, window: int) -> FixedPoint:
    """Return the largest number of each square window of a (C, H, W) image, without overlap; a remainder is left out.

    Args:
        x: image in fixed point.
        window: side of a window.

    Raises:
        ValueError: no image, or a window that is no integer of at least 1 or larger than the image.

    Example:
        >>> from qla_jax.arithmetic import Format, decode, encode
        >>> image = encode(jnp.array([[[1.0, 5.0], [-3.0, 2.0]]]), Format(bits=8, fraction=4))
        >>> decode(max_pool(image, 2)).tolist()
        [[[5.0]]]
    """
    require_kind("x", x, FixedPoint)
    window = as_integer("window", window, least=1)
    require(len(x.shape) == 3, f"`x` must be an image (C, H, W), but has shape {x.shape}.")
    require(window <= min(x.shape[1:]), f"`window` must fit into the image, but is {window} on {x.shape[1:]}.")
    return _pooled(x, window)


@jax.jit(static_argnames="window")
def _pooled(x: FixedPoint, window: int) -> FixedPoint:
    cut = jax.tree.map(lambda part: windows(part, (window, window), stride=window, around=((0, 0), (0, 0))), x)
    return FixedPoint(cut.integers.max(axis=(1, 2)), cut.overflow.any(axis=(1, 2)), x.format)
