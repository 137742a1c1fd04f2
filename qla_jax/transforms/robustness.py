r"""What the error of a part becomes in a polynomial of it.

All rules ask for $\|A\| \le \alpha$: where `norm_bound` does not show that, the error is unknown, `inf`. They are
compiled, since an eager call would compile every operation apart.

References:
    Gilyen, Su, Low, Wiebe (2018), Lemmas 22 and 23. https://arxiv.org/abs/1806.01838
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._checks import ROUNDING, is_concrete
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import contraction
from qla_jax.encodings.base.rounding import unit
from qla_jax.polynomials import chebyshev
from qla_jax.polynomials.polynomial import Polynomial


def transformed_error(enc: BlockEncoding, poly: Polynomial, residual: ArrayLike, proven: ArrayLike) -> Array:
    """The polynomial's error where it is proven, the residual of its phases, and the part's error in it."""
    return _transformed_error(enc.alpha, enc.eps, enc.norm_bound, poly, residual, proven) + contraction(enc)[1]


def target_bound(poly: Polynomial) -> Array:
    r"""Return a bound on $|f|$ over the domain for the ideal f that the polynomial approximates.

    $|P| \le 1$ where phases exist, and never above `sup_bound`; the ideal f may exceed both by the error.
    """
    return jnp.minimum(1, poly.sup_bound) + poly.error_bound


def steepest(poly: Polynomial) -> Array:
    """Return the largest $|P'|$ seen at Chebyshev nodes within the domain: an estimate, no bound."""
    traced = not is_concrete(poly)
    coeffs: Any = poly.coeffs if traced else np.asarray(poly.coeffs)
    xp: Any = jnp if traced else np  # which compiles nothing
    slopes: Any = chebyshev.derivative(coeffs)
    count = 2 * len(slopes) + 64
    x = chebyshev.nodes(count)
    inside: Any = sum((xp.asarray(low) <= x) & (x <= xp.asarray(high)) for low, high in poly.domain) > 0
    return jnp.asarray(xp.max(xp.where(inside, xp.abs(chebyshev.at_nodes(slopes, count)), 0)))


def recurrence_rounding(enc: BlockEncoding, calls: int, steepest: Array, part: Array) -> Array:
    r"""Estimate what rounding moves a polynomial of a part by, relative to alpha: own steps, and the part's rounding.

    Steps of unitaries add up like a random walk: below $0.9\sqrt d$ machine epsilons were measured for the registry's
    leaves at degree $10^4$. The part's relative rounding is multiplied by the slope of P.
    """
    return unit(enc) * math.sqrt(1 + calls) + steepest * part


def robust_error(enc: BlockEncoding, coeffs: Num[Array, " d_plus_1"]) -> Array:
    r"""Of the part alone, for a polynomial of size at most 1: the smallest of three, $\delta = \epsilon/\alpha$.

    $4d\sqrt\delta$; $d\sqrt{2/(1-\mu^2)}\,\delta$ if $\delta + \mu^2 \le 1$, $\mu$ a bound on the norm of the mean of
    ideal and encoded matrix; `chebyshev_error`.
    """
    return _robust_error(enc.alpha, enc.eps, enc.norm_bound, coeffs) + contraction(enc)[1]


def chebyshev_error(enc: BlockEncoding, coeffs: Num[Array, " terms"], order: int = 1) -> Array:
    r"""$\sum_k|c_k|\min(k^2\delta, 2)$ of $\sum_kc_kT_k$, every `order`-th k: the recurrence perturbed term by term.

    With X the ideal and Y the encoded matrix, Hermitian or its Hermitian dilation, $\|X - Y\| \le \delta$ and
    $$T_k(X) - T_k(Y) = U_{k-1}(Y)(X - Y) + 2\sum_{j=1}^{k-1} U_{k-1-j}(Y)(X - Y)\,T_j(X),\; \|U_i\| \le i + 1.$$
    """
    return _chebyshev_error(enc.alpha, enc.eps, enc.norm_bound, coeffs, order) + contraction(enc)[1]


@jax.jit
def _transformed_error(
    alpha: Array, eps: Array, norm_bound: Array, poly: Polynomial, residual: Array, proven: ArrayLike
) -> Array:
    own = jnp.where(proven, poly.error_bound, jnp.inf)
    return (own + residual + _robust_error(alpha, eps, norm_bound, poly.coeffs)).astype(alpha.dtype)


@jax.jit
def _robust_error(alpha: Array, eps: Array, norm_bound: Array, coeffs: Array) -> Array:
    degree = len(coeffs) - 1
    known, delta = _relative_error(alpha, eps, norm_bound)
    norm = jnp.minimum(1, norm_bound / jnp.where(alpha == 0, 1, alpha))
    mean = jnp.minimum(1, norm + delta / 2)
    linear = degree * jnp.sqrt(2 / jnp.where(mean < 1, 1 - jnp.square(mean), 1)) * delta
    linear = jnp.where((mean < 1) & (delta + jnp.square(mean) <= 1), linear, jnp.inf)
    smallest = jnp.minimum(4 * degree * jnp.sqrt(delta), linear)
    return jnp.minimum(jnp.where(known, smallest, jnp.inf), _chebyshev_error(alpha, eps, norm_bound, coeffs))


@jax.jit(static_argnames="order")
def _chebyshev_error(alpha: Array, eps: Array, norm_bound: Array, coeffs: Array, order: int = 1) -> Array:
    known, delta = _relative_error(alpha, eps, norm_bound)
    squares = jnp.square(order * jnp.arange(len(coeffs), dtype=delta.dtype))
    total = jnp.sum(jnp.abs(coeffs) * jnp.minimum(squares * delta, 2))
    return jnp.where(known & jnp.isfinite(total), total, jnp.inf)


def _relative_error(alpha: Array, eps: Array, norm_bound: Array) -> tuple[Array, Array]:
    """Whether it is known, and then what it is."""
    slack = 1 + ROUNDING * jnp.finfo(alpha.dtype).eps
    known = (eps == 0) | (jnp.isfinite(eps) & (norm_bound <= slack * alpha))
    return known, jnp.where(known, eps, 0) / jnp.where(alpha == 0, 1, alpha)
