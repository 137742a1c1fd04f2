"""Products over blocks of a sequence, as coefficients and as values at roots of unity.

A product L over a block is stored as $(a^*, b)$. `rest` removes L from the left, `joined` multiplies two products, and
`advance` removes a single factor.
"""

from types import ModuleType
from typing import Any

import numpy as np

Either = Any
"""Array of NumPy or of JAX: one formula serves the immediate and the compiled path."""


def halvings(count: int, longest: int) -> tuple[int, int]:
    """Return the length of a block, and the number of doublings with which it covers a sequence.

    Args:
        count: length of the sequence.
        longest: largest length of a block.
    """
    levels = max(0, -(-count // longest) - 1).bit_length()
    return -(-count // (1 << levels)), levels


def rows(u: Either, v: Either, xp: ModuleType) -> tuple[Either, Either]:
    """Return the two rows on which the steps act: b over $z^ka^*$, followed by the identity.

    The identity becomes the inverse of the product of the factors that the steps remove.

    Args:
        u: coefficients of $a^*$.
        v: coefficients of b.
        xp: array module.
    """
    zero = xp.zeros_like(u)
    one = xp.concatenate([xp.ones_like(u[:1]), zero[1:]])
    return xp.stack([v, one, zero]), xp.stack([u, zero, one])


def advance(upper: Either, lower: Either, cos: Either, sin: Either, xp: ModuleType) -> tuple[Either, Either]:
    r"""Remove the k-th factor: the k-th coefficient of b vanishes, and the lower row is multiplied by z.

    Args:
        upper: upper row.
        lower: lower row, times $z^k$.
        cos: cosine $1/\sqrt{1+|\gamma_k|^2}$ of the factor.
        sin: sine $\gamma_k/\sqrt{1+|\gamma_k|^2}$ of the factor.
        xp: array module.
    """
    moved = cos * lower + sin.conj() * upper
    moved = xp.concatenate([xp.zeros_like(moved[..., :1]), moved[..., :-1]], axis=-1)
    return cos * upper - sin * lower, moved


def rest(product: Either, spectrum: Either, real: bool, xp: ModuleType) -> Either:
    r"""Return the coefficients of $L^{-1}(b, a^*)^T$, what remains after removing the product L of the first half.

    Args:
        product: values of L.
        spectrum: values of $(a^*, b)$.
        real: True where the coefficients are real.
        xp: array module.
    """
    # A cyclic convolution of the whole length suffices: the entries that wrap around are not the ones that are read.
    (a, b), (u, v) = product, spectrum
    size = _length(u, real)
    lower, upper = ifft(xp.stack([b.conj() * v + a.conj() * u, a * v - b * u]), size, real, xp)
    return xp.stack([lower[: size // 2], upper[size // 2 :]])


def joined(left: Either, right: Either, xp: ModuleType) -> Either:
    """Return the product of two halves, as values at the roots of unity of twice their length h.

    Args:
        left: values of the product over the left half.
        right: values of the product over the right half.
        xp: array module.
    """
    # At these roots z^h alternates between 1 and -1, so that the shift of the right half is a sign.
    (a, b), (c, d) = left, right
    shift = xp.broadcast_to(xp.asarray(1 - 2 * (np.arange(left.shape[-1]) % 2), a.real.dtype), a.shape)
    return xp.stack([a * c - shift * b.conj() * d, shift * a.conj() * d + b * c])


def fft(x: Either, size: int, real: bool, xp: ModuleType) -> Either:
    """Return values at roots of unity, only half of them where the coefficients are real.

    Args:
        x: coefficients, on the last axis.
        size: number of roots of unity.
        real: True where the coefficients are real.
        xp: array module.
    """
    return xp.fft.rfft(x, size) if real else xp.fft.fft(x, size)


def ifft(x: Either, size: int, real: bool, xp: ModuleType) -> Either:
    """Return the cyclic coefficients of values at roots of unity, the inverse of `fft`.

    Args:
        x: values, on the last axis.
        size: number of roots of unity.
        real: True where the coefficients are real.
        xp: array module.
    """
    return xp.fft.irfft(x, size) if real else xp.fft.ifft(x, size)


def _length(spectrum: Either, real: bool) -> int:
    return 2 * (spectrum.shape[-1] - 1) if real else spectrum.shape[-1]
