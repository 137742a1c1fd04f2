"""Products over blocks of a sequence, by their coefficients and by their values at roots of unity.

A product L over a block is kept as $(a^*, b)$; "rest" takes it off from the left, "joined" multiplies two. One factor
alone is taken off by "advance".
"""

from types import ModuleType
from typing import Any

import numpy as np

Either = Any
"""An array of NumPy or of JAX: one formula serves the immediate and the compiled path."""


def halvings(count: int, longest: int) -> tuple[int, int]:
    """The length of a block, and how often it is doubled to cover the sequence."""
    levels = max(0, -(-count // longest) - 1).bit_length()
    return -(-count // (1 << levels)), levels


def rows(u: Either, v: Either, xp: ModuleType) -> tuple[Either, Either]:
    """What one step acts on: b over $z^ka^*$, and beside them the identity, which becomes the inverse product."""
    zero = xp.zeros_like(u)
    one = xp.concatenate([xp.ones_like(u[:1]), zero[1:]])
    return xp.stack([v, one, zero]), xp.stack([u, zero, one])


def advance(upper: Either, lower: Either, cos: Either, sin: Either, xp: ModuleType) -> tuple[Either, Either]:
    """One factor off: the k-th coefficient of b vanishes, and the lower row, kept times $z^k$, moves on by one."""
    moved = cos * lower + sin.conj() * upper
    moved = xp.concatenate([xp.zeros_like(moved[..., :1]), moved[..., :-1]], axis=-1)
    return cos * upper - sin * lower, moved


def rest(product: Either, spectrum: Either, real: bool, xp: ModuleType) -> Either:
    r"""The coefficients that remain once the product L of the first half is off: those of $L^{-1}(b, a^*)^T$.

    Cyclic of the whole length: what wraps around misses the entries that are read.
    """
    (a, b), (u, v) = product, spectrum
    size = _length(u, real)
    lower, upper = ifft(xp.stack([b.conj() * v + a.conj() * u, a * v - b * u]), size, real, xp)
    return xp.stack([lower[: size // 2], upper[size // 2 :]])


def joined(left: Either, right: Either, xp: ModuleType) -> Either:
    """The product of two halves; at the roots of unity of twice their length, $z^h$ is 1 and -1 in turn."""
    (a, b), (c, d) = left, right
    shift = xp.broadcast_to(xp.asarray(1 - 2 * (np.arange(left.shape[-1]) % 2), a.real.dtype), a.shape)
    return xp.stack([a * c - shift * b.conj() * d, shift * a.conj() * d + b * c])


def fft(x: Either, size: int, real: bool, xp: ModuleType) -> Either:
    """Values at the `size` roots of unity, half of them where the coefficients are real."""
    return xp.fft.rfft(x, size) if real else xp.fft.fft(x, size)


def ifft(x: Either, size: int, real: bool, xp: ModuleType) -> Either:
    """The coefficients of `size` values, cyclic."""
    return xp.fft.irfft(x, size) if real else xp.fft.ifft(x, size)


def _length(spectrum: Either, real: bool) -> int:
    return 2 * (spectrum.shape[-1] - 1) if real else spectrum.shape[-1]
