r"""The nonlinear Fourier transform on SU(2) and its inverse, both in $O(d\log^2 d)$.

A sequence $\gamma_0, \dots, \gamma_{m-1}$ is taken to the product
$$\prod_{k=0}^{m-1}\frac{1}{\sqrt{1+|\gamma_k|^2}}
\begin{pmatrix}1 & \gamma_k z^k\\ -\bar\gamma_k z^{-k} & 1\end{pmatrix}
= \begin{pmatrix}a & b\\ -b^* & a^*\end{pmatrix}$$
of which $(a^*, b)$, polynomials in $z$ of degree below m, are kept; $f^*(z) = \overline{f(1/\bar z)}$. Quantum signal
processing is this product in other coordinates. Layer stripping inverts it: $\gamma_0 = b(0)/a^*(0)$, and the first
factor is taken off. A block of the sequence depends on as many leading coefficients only, so the work is halved and
halved again: strip the first half, apply the inverse of its product to the coefficients (a middle product), strip the
rest. Stripping is stable where $a^*$ has no zeros in the unit disk.

References:
    Ni, Sarkar, Ying, Lin (2025), inverse nonlinear fast Fourier transform on SU(2). https://arxiv.org/abs/2505.12615
    Alexis, Lin, Mnatsakanyan, Thiele, Wang (2024), stability for outer a. https://arxiv.org/abs/2407.05634
"""

from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Inexact

Series = Inexact[Array, " n"]
Either = Any
"""An array of NumPy or of JAX: one formula serves the immediate and the compiled path."""

LEAF = 128
"""Blocks up to this length are stripped one by one: a step on so few entries costs no more than on one."""
TILE = 16
"""Blocks of the forward transform that are multiplied out one by one."""


def inverse(u: Series, v: Series) -> Series:
    r"""The sequence $\gamma$ of $(a^*, b)$ from the leading m coefficients of each, compiled.

    Args:
        u: of $a^*$, which has no zeros in the unit disk; real or complex, `u[0]` positive.
        v: of b.

    Returns:
        The first m entries; of a longer sequence, too.
    """
    length, levels = _halvings(len(u), LEAF)
    padding = (0, (length << levels) - len(u))
    return _strip(jnp.pad(u, padding), jnp.pad(v, padding), length, transfer=False)[0][: len(u)]


def inverse_numpy(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The same in NumPy, without a compile."""
    length, levels = _halvings(len(u), LEAF)
    padding = (0, (length << levels) - len(u))
    return _strip_numpy(np.pad(u, padding), np.pad(v, padding), length, transfer=False)[0][: len(u)]


def forward(cos: Series, sin: Series) -> tuple[Series, Series]:
    r"""$(a^*, b)$ of a sequence by its cosines $1/\sqrt{1+|\gamma|^2}$ and sines $\gamma/\sqrt{1+|\gamma|^2}$.

    Returns:
        m coefficients each, low to high.
    """
    return _multiply_out(cos, sin, jnp)


def forward_numpy(cos: np.ndarray, sin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same in NumPy, without a compile."""
    return _multiply_out(cos, sin, np)


def _halvings(count: int, longest: int) -> tuple[int, int]:
    """The length of a block, and how often it is doubled to cover the sequence."""
    levels = max(0, -(-count // longest) - 1).bit_length()
    return -(-count // (1 << levels)), levels


def _strip(u: Array, v: Array, leaf: int, transfer: bool) -> tuple[Array, Array, Array]:
    """The sequence of u and v, and, if asked for, the product over it. One body serves both halves: a small program."""
    size, real = len(u), not jnp.iscomplexobj(u)
    if size == leaf:
        return _strip_leaf(u, v)
    half, spectrum = size // 2, _fft(jnp.stack([u, v]), size, real, jnp)
    nothing = jnp.zeros_like(spectrum)

    def strip_half(carry: tuple, first: Array) -> tuple[tuple, Array]:
        (left, coeffs) = carry
        sequence, *product = _strip(coeffs[0], coeffs[1], leaf, transfer=True)
        now = _fft(jnp.stack(product), size, real, jnp)

        def go_on() -> tuple[Array, Array]:
            return now, _rest(now, spectrum, real, jnp)

        def finish() -> tuple[Array, Array]:
            return (_joined(left, now, jnp) if transfer else nothing), coeffs

        return jax.lax.cond(first, go_on, finish), sequence

    start = (nothing, jnp.stack([u, v])[:, :half])
    (product, _), sequence = jax.lax.scan(strip_half, start, jnp.array([True, False]))
    return sequence.reshape(-1), *_ifft(product, size, real, jnp)


@jax.checkpoint
def _strip_leaf(u: Array, v: Array) -> tuple[Array, Array, Array]:
    def step(rows: tuple[Array, Array], k: Array) -> tuple[tuple[Array, Array], Array]:
        upper, lower = rows
        gamma = upper[0, k] / lower[0, k]
        cos = jax.lax.rsqrt(1 + jnp.square(jnp.abs(gamma)))
        return _advance(upper, lower, cos, cos * gamma, jnp), gamma

    (upper, _), sequence = jax.lax.scan(step, _rows(u, v, jnp), jnp.arange(len(u)), unroll=2 if len(u) > 1 else 1)
    return sequence, upper[1], -upper[2]


def _strip_numpy(u: Either, v: Either, leaf: int, transfer: bool) -> tuple:
    size, real = len(u), not np.iscomplexobj(u)
    if size == leaf:
        return _strip_leaf_numpy(u, v, transfer)
    half, coeffs = size // 2, np.stack([u, v])
    first, *product = _strip_numpy(u[:half], v[:half], leaf, True)
    left = _fft(np.stack(product), size, real, np)
    rest = _rest(left, _fft(coeffs, size, real, np), real, np)
    second, *product = _strip_numpy(rest[0], rest[1], leaf, transfer)
    sequence = np.concatenate([first, second])
    if not transfer:
        return (sequence,)
    return sequence, *_ifft(_joined(left, _fft(np.stack(product), size, real, np), np), size, real, np)


def _strip_leaf_numpy(u: Either, v: Either, transfer: bool) -> tuple:
    upper, lower = _rows(u, v, np)
    if not transfer:
        upper, lower = upper[:1], lower[:1]
    sequence = np.empty_like(v)
    for k in range(len(u)):
        gamma = sequence[k] = upper[0, k] / lower[0, k]
        cos = 1 / np.sqrt(1 + abs(gamma) ** 2)
        upper, lower = _advance(upper, lower, cos, cos * gamma, np)
    return (sequence, upper[1], -upper[2]) if transfer else (sequence,)


def _rows(u: Either, v: Either, xp: ModuleType) -> tuple[Either, Either]:
    """What one step acts on: b over $z^ka^*$, and beside them the identity, which becomes the inverse product."""
    zero = xp.zeros_like(u)
    one = xp.concatenate([xp.ones_like(u[:1]), zero[1:]])
    return xp.stack([v, one, zero]), xp.stack([u, zero, one])


def _advance(upper: Either, lower: Either, cos: Either, sin: Either, xp: ModuleType) -> tuple[Either, Either]:
    """One factor off: the k-th coefficient of b vanishes, and the lower row, kept times $z^k$, moves on by one."""
    moved = cos * lower + sin.conj() * upper
    moved = xp.concatenate([xp.zeros_like(moved[..., :1]), moved[..., :-1]], axis=-1)
    return cos * upper - sin * lower, moved


def _rest(product: Either, spectrum: Either, real: bool, xp: ModuleType) -> Either:
    r"""The coefficients that remain once the product L of the first half is off: those of $L^{-1}(b, a^*)^T$.

    Cyclic of the whole length: what wraps around misses the entries that are read.
    """
    (a, b), (u, v) = product, spectrum
    size = _length(u, real)
    lower, upper = _ifft(xp.stack([b.conj() * v + a.conj() * u, a * v - b * u]), size, real, xp)
    return xp.stack([lower[: size // 2], upper[size // 2 :]])


def _joined(left: Either, right: Either, xp: ModuleType) -> Either:
    """The product of two halves; at the roots of unity of twice their length, $z^h$ is 1 and -1 in turn."""
    (a, b), (c, d) = left, right
    shift = xp.broadcast_to(xp.asarray(1 - 2 * (np.arange(left.shape[-1]) % 2), a.real.dtype), a.shape)
    return xp.stack([a * c - shift * b.conj() * d, shift * a.conj() * d + b * c])


def _multiply_out(cos: Either, sin: Either, xp: ModuleType) -> tuple[Either, Either]:
    count, real = len(cos), not xp.iscomplexobj(sin)
    length, levels = _halvings(count, TILE)
    padding = (0, (length << levels) - count)
    cos = xp.pad(cos, padding, constant_values=1).reshape(-1, length)
    sin = xp.pad(sin, padding).reshape(-1, length)
    one = xp.broadcast_to(xp.asarray(np.eye(1, length), sin.dtype), sin.shape)
    upper, lower = xp.stack([one, 0 * one]), xp.stack([0 * one, one])
    for k in range(length):
        upper, lower = _advance(upper, lower, cos[None, :, k, None], sin[None, :, k, None], xp)
    product = xp.stack([upper[0], -upper[1]])
    while product.shape[1] > 1:
        size = 2 * product.shape[2]
        spectrum = _fft(product, size, real, xp)
        product = _ifft(_joined(spectrum[:, ::2], spectrum[:, 1::2], xp), size, real, xp)
    return product[0, 0, :count], product[1, 0, :count]


def _fft(x: Either, size: int, real: bool, xp: ModuleType) -> Either:
    return xp.fft.rfft(x, size) if real else xp.fft.fft(x, size)


def _ifft(x: Either, size: int, real: bool, xp: ModuleType) -> Either:
    return xp.fft.irfft(x, size) if real else xp.fft.ifft(x, size)


def _length(spectrum: Either, real: bool) -> int:
    return 2 * (spectrum.shape[-1] - 1) if real else spectrum.shape[-1]
