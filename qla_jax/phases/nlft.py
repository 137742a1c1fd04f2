r"""Nonlinear Fourier transform on SU(2) and its inverse, both in $O(d\log^2 d)$ operations.

The transform maps a sequence $\gamma_0, \dots, \gamma_{m-1}$ to the product
$$\prod_{k=0}^{m-1}\frac{1}{\sqrt{1+|\gamma_k|^2}}
\begin{pmatrix}1 & \gamma_k z^k\\ -\bar\gamma_k z^{-k} & 1\end{pmatrix}
= \begin{pmatrix}a & b\\ -b^* & a^*\end{pmatrix}$$
and returns $(a^*, b)$, polynomials in $z$ of degree below m, with $f^*(z) = \overline{f(1/\bar z)}$. Quantum signal
processing is this product in other coordinates. Layer stripping inverts the transform: $\gamma_0 = b(0)/a^*(0)$, then
the first factor is removed, and so on. The inversion is stable where $a^*$ has no zeros in the unit disk.

References:
    Alexis, Lin, Mnatsakanyan, Thiele, Wang (2024), stability for outer a. https://arxiv.org/abs/2407.05634
"""

from collections.abc import Callable
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Inexact

from qla_jax._modes import default_promotion
from qla_jax.phases.blocks import Either, advance, fft, halvings, ifft, joined
from qla_jax.phases.splitting import split
from qla_jax.phases.stripping import strip, strip_numpy

Series = Inexact[Array, " n"]

TILE = 16
"""Largest length of the blocks of the forward transform that are multiplied out factor by factor."""


@jax.custom_vjp
def inverse(u: Series, v: Series) -> Series:
    r"""Return the sequence $\gamma$ of $(a^*, b)$ from the leading m coefficients of each, in a compiled program.

    The program uses stripping on a CPU and splitting elsewhere, whatever the machine on which it is compiled. It is
    differentiable in reverse mode only.

    Args:
        u: leading coefficients of $a^*$, which has no zeros in the unit disk; real or complex, with positive `u[0]`.
        v: leading coefficients of b.

    Returns:
        The first m entries of the sequence, which may be longer.
    """
    return jax.lax.platform_dependent(u, v, cpu=strip, default=split)


@default_promotion
def _inverse_forward(u: Series, v: Series) -> tuple[Series, tuple[Series, Series]]:
    return inverse(u, v), (u, v)


@default_promotion
def _inverse_backward(place: tuple[Series, Series], weights: Series) -> tuple[Series, Series]:
    def pull(way: Callable) -> Callable:
        return lambda place, weights: jax.vjp(way, *place)[1](weights)

    return jax.lax.platform_dependent(place, weights, cpu=pull(strip), default=pull(split))


inverse.defvjp(_inverse_forward, _inverse_backward)


def inverse_numpy(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return the sequence of $(a^*, b)$ in NumPy, without compilation.

    Args:
        u: leading coefficients of $a^*$.
        v: leading coefficients of b.
    """
    return strip_numpy(u, v)


def forward(cos: Series, sin: Series) -> tuple[Series, Series]:
    r"""Return the polynomials $(a^*, b)$ of a sequence $\gamma$ of length m.

    Args:
        cos: cosines $1/\sqrt{1+|\gamma|^2}$ of the sequence.
        sin: sines $\gamma/\sqrt{1+|\gamma|^2}$ of the sequence.

    Returns:
        The m coefficients of each, lowest degree first.
    """
    return _multiply_out(cos, sin, jnp)


def forward_numpy(cos: np.ndarray, sin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Return the polynomials $(a^*, b)$ of a sequence in NumPy, without compilation.

    Args:
        cos: cosines $1/\sqrt{1+|\gamma|^2}$ of the sequence.
        sin: sines $\gamma/\sqrt{1+|\gamma|^2}$ of the sequence.
    """
    return _multiply_out(cos, sin, np)


def _multiply_out(cos: Either, sin: Either, xp: ModuleType) -> tuple[Either, Either]:
    count, real = len(cos), not xp.iscomplexobj(sin)
    length, levels = halvings(count, TILE)
    padding = (0, (length << levels) - count)
    cos = xp.pad(cos, padding, constant_values=1).reshape(-1, length)
    sin = xp.pad(sin, padding).reshape(-1, length)
    one = xp.broadcast_to(xp.asarray(np.eye(1, length), sin.dtype), sin.shape)
    upper, lower = xp.stack([one, 0 * one]), xp.stack([0 * one, one])
    for k in range(length):
        upper, lower = advance(upper, lower, cos[None, :, k, None], sin[None, :, k, None], xp)
    product = xp.stack([upper[0], -upper[1]])
    # A binary tree of products by FFT over all blocks: log2 levels of O(d log d) operations each.
    while product.shape[1] > 1:
        size = 2 * product.shape[2]
        spectrum = fft(product, size, real, xp)
        product = ifft(joined(spectrum[:, ::2], spectrum[:, 1::2], xp), size, real, xp)
    return product[0, 0, :count], product[1, 0, :count]
