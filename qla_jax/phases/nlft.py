r"""The nonlinear Fourier transform on SU(2) and its inverse, both in $O(d\log^2 d)$.

A sequence $\gamma_0, \dots, \gamma_{m-1}$ is taken to the product
$$\prod_{k=0}^{m-1}\frac{1}{\sqrt{1+|\gamma_k|^2}}
\begin{pmatrix}1 & \gamma_k z^k\\ -\bar\gamma_k z^{-k} & 1\end{pmatrix}
= \begin{pmatrix}a & b\\ -b^* & a^*\end{pmatrix}$$
of which $(a^*, b)$, polynomials in $z$ of degree below m, are kept; $f^*(z) = \overline{f(1/\bar z)}$. Quantum signal
processing is this product in other coordinates. Layer stripping inverts it: $\gamma_0 = b(0)/a^*(0)$, and the first
factor is taken off. It is stable where $a^*$ has no zeros in the unit disk.

References:
    Alexis, Lin, Mnatsakanyan, Thiele, Wang (2024), stability for outer a. https://arxiv.org/abs/2407.05634
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

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
"""Blocks of the forward transform that are multiplied out one by one."""


@jax.custom_vjp
def inverse(u: Series, v: Series) -> Series:
    r"""The sequence $\gamma$ of $(a^*, b)$ from the leading m coefficients of each, compiled.

    By stripping on a CPU, by splitting elsewhere. Derivatives in reverse mode only.

    Args:
        u: of $a^*$, which has no zeros in the unit disk; real or complex, `u[0]` positive.
        v: of b.

    Returns:
        The first m entries; of a longer sequence, too.
    """
    return _on_platform(strip, split, u, v)


@default_promotion
def _inverse_forward(u: Series, v: Series) -> tuple[Series, tuple[Series, Series]]:
    return inverse(u, v), (u, v)


@default_promotion
def _inverse_backward(place: tuple[Series, Series], weights: Series) -> tuple[Series, Series]:
    def pull(way: Callable) -> Callable:
        return lambda place, weights: jax.vjp(way, *place)[1](weights)

    return _on_platform(pull(strip), pull(split), place, weights)


inverse.defvjp(_inverse_forward, _inverse_backward)


def _on_platform(few_cores: Callable, many_cores: Callable, *args: Any) -> Any:
    """The one or the other, when the program is compiled; both are traced only where there is an accelerator."""
    if jax.default_backend() == "cpu":
        return few_cores(*args)
    return jax.lax.platform_dependent(*args, cpu=few_cores, default=many_cores)


def inverse_numpy(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The same in NumPy, without a compile."""
    return strip_numpy(u, v)


def forward(cos: Series, sin: Series) -> tuple[Series, Series]:
    r"""$(a^*, b)$ of a sequence by its cosines $1/\sqrt{1+|\gamma|^2}$ and sines $\gamma/\sqrt{1+|\gamma|^2}$.

    Returns:
        m coefficients each, low to high.
    """
    return _multiply_out(cos, sin, jnp)


def forward_numpy(cos: np.ndarray, sin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same in NumPy, without a compile."""
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
    while product.shape[1] > 1:
        size = 2 * product.shape[2]
        spectrum = fft(product, size, real, xp)
        product = ifft(joined(spectrum[:, ::2], spectrum[:, 1::2], xp), size, real, xp)
    return product[0, 0, :count], product[1, 0, :count]
