"""Inverse nonlinear Fourier transform by layer stripping, in one pass from left to right.

A block of n entries of the sequence depends on the n leading coefficients only. The algorithm is hence recursive: strip
the first half, apply the inverse of its product to the coefficients (a middle product), and strip the second half. It
takes the fewest operations, but one step after another, and is meant for processors with few cores.

References:
    Ni, Sarkar, Ying, Lin (2025), inverse nonlinear fast Fourier transform on SU(2). https://arxiv.org/abs/2505.12615
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Inexact

from qla_jax.phases.blocks import Either, advance, fft, halvings, ifft, joined, rest, rows

Series = Inexact[Array, " n"]

LEAF = 128
"""Largest length of blocks that are stripped entry by entry: a step on so few entries costs no more than on one."""


def strip(u: Series, v: Series) -> Series:
    """Return the sequence of $(a^*, b)$ from the leading coefficients of each, in a compiled program.

    Args:
        u: leading coefficients of $a^*$.
        v: leading coefficients of b.
    """
    length, levels = halvings(len(u), LEAF)
    padding = (0, (length << levels) - len(u))
    return _strip(jnp.pad(u, padding), jnp.pad(v, padding), length, transfer=False)[0][: len(u)]


def strip_numpy(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the sequence of $(a^*, b)$ in NumPy, without compilation.

    Args:
        u: leading coefficients of $a^*$.
        v: leading coefficients of b.
    """
    length, levels = halvings(len(u), LEAF)
    padding = (0, (length << levels) - len(u))
    return _strip_numpy(np.pad(u, padding), np.pad(v, padding), length, transfer=False)[0][: len(u)]


def _strip(u: Array, v: Array, leaf: int, transfer: bool) -> tuple[Array, Array, Array]:
    """Return the sequence of u and v, and the product over the sequence where `transfer` is True."""
    # A scan over the two halves has one body for both, so that the program grows like log(d) instead of d.
    size, real = len(u), not jnp.iscomplexobj(u)
    if size == leaf:
        return strip_leaf(u, v)
    half, spectrum = size // 2, fft(jnp.stack([u, v]), size, real, jnp)
    nothing = jnp.zeros_like(spectrum)

    def strip_half(carry: tuple, first: Array) -> tuple[tuple, Array]:
        (left, coeffs) = carry
        sequence, *product = _strip(coeffs[0], coeffs[1], leaf, transfer=True)
        now = fft(jnp.stack(product), size, real, jnp)

        def go_on() -> tuple[Array, Array]:
            return now, rest(now, spectrum, real, jnp)

        def finish() -> tuple[Array, Array]:
            return (joined(left, now, jnp) if transfer else nothing), coeffs

        return jax.lax.cond(first, go_on, finish), sequence

    start = (nothing, jnp.stack([u, v])[:, :half])
    (product, _), sequence = jax.lax.scan(strip_half, start, jnp.array([True, False]))
    return sequence.reshape(-1), *ifft(product, size, real, jnp)


@jax.checkpoint
def strip_leaf(u: Array, v: Array) -> tuple[Array, Array, Array]:
    """Return the sequence and the product over it, entry by entry, for as many entries as there are coefficients.

    Args:
        u: leading coefficients of $a^*$.
        v: leading coefficients of b.
    """

    def step(rows: tuple[Array, Array], k: Array) -> tuple[tuple[Array, Array], Array]:
        upper, lower = rows
        gamma = upper[0, k] / lower[0, k]
        cos = jax.lax.rsqrt(1 + jnp.square(jnp.abs(gamma)))
        return advance(upper, lower, cos, cos * gamma, jnp), gamma

    (upper, _), sequence = jax.lax.scan(step, rows(u, v, jnp), jnp.arange(len(u)), unroll=2 if len(u) > 1 else 1)
    return sequence, upper[1], -upper[2]


def _strip_numpy(u: Either, v: Either, leaf: int, transfer: bool) -> tuple:
    size, real = len(u), not np.iscomplexobj(u)
    if size == leaf:
        return _strip_leaf_numpy(u, v, transfer)
    half, coeffs = size // 2, np.stack([u, v])
    first, *product = _strip_numpy(u[:half], v[:half], leaf, True)
    left = fft(np.stack(product), size, real, np)
    others = rest(left, fft(coeffs, size, real, np), real, np)
    second, *product = _strip_numpy(others[0], others[1], leaf, transfer)
    sequence = np.concatenate([first, second])
    if not transfer:
        return (sequence,)
    return sequence, *ifft(joined(left, fft(np.stack(product), size, real, np), np), size, real, np)


def _strip_leaf_numpy(u: Either, v: Either, transfer: bool) -> tuple:
    upper, lower = rows(u, v, np)
    if not transfer:
        upper, lower = upper[:1], lower[:1]
    sequence = np.empty_like(v)
    for k in range(len(u)):
        gamma = sequence[k] = upper[0, k] / lower[0, k]
        cos = 1 / np.sqrt(1 + abs(gamma) ** 2)
        upper, lower = advance(upper, lower, cos, cos * gamma, np)
    return (sequence, upper[1], -upper[2]) if transfer else (sequence,)
