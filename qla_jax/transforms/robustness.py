r"""Error bounds for polynomials of an encoding, given the error of the encoding.

All rules assume $\|A\| \le \alpha$. Where `norm_bound` does not prove this, the error is unknown and returned as `inf`.

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
    """Return the total error of a transformed encoding: polynomial, phase factors, and part.

    Args:
        enc: part that is transformed.
        poly: polynomial with its error bound.
        residual: residual of the phase factors.
        proven: True where the spectrum lies in the polynomial's domain, so that its error bound holds.
    """
    return _transformed_error(enc.alpha, enc.eps, enc.norm_bound, poly, residual, proven) + contraction(enc)[1]


def target_bound(poly: Polynomial) -> Array:
    r"""Return a bound on $|f|$ over the domain for the ideal f that the polynomial P approximates.

    $|P|$ is at most 1, as phase factors exist, and at most `sup_bound`. The ideal f may exceed both by the error.
    """
    return jnp.minimum(1, poly.sup_bound) + poly.error_bound


def steepest(poly: Polynomial) -> Array:
    """Return the largest $|P'|$ at Chebyshev nodes within the domain, which is an estimate of the slope, no bound."""
    traced = not is_concrete(poly)
    coeffs: Any = poly.coeffs if traced else np.asarray(poly.coeffs)
    xp: Any = jnp if traced else np  # NumPy compiles nothing
    slopes: Any = chebyshev.derivative(coeffs)
    count = 2 * len(slopes) + 64
    x = chebyshev.nodes(count)
    inside: Any = sum((xp.asarray(low) <= x) & (x <= xp.asarray(high)) for low, high in poly.domain) > 0
    return jnp.asarray(xp.max(xp.where(inside, xp.abs(chebyshev.at_nodes(slopes, count)), 0)))


def recurrence_rounding(enc: BlockEncoding, calls: int, steepest: Array, part: Array) -> Array:
    r"""Return an estimate of the rounding error of a polynomial of a part, relative to alpha.

    Rounding errors of the steps add up like a random walk: below $0.9\sqrt d$ machine epsilons were measured for the
    leaves of the test registry at degree $d = 10^4$. The part's relative rounding is multiplied by the slope of P.

    Args:
        enc: resulting encoding.
        calls: number of calls of the part.
        steepest: largest slope $|P'|$ on the domain.
        part: rounding estimate of the part, relative to its alpha.
    """
    return unit(enc) * math.sqrt(1 + calls) + steepest * part


def robust_error(enc: BlockEncoding, coeffs: Num[Array, " d_plus_1"]) -> Array:
    r"""Return a bound on the effect of the part's error on a polynomial P with $|P| \le 1$ of degree d.

    With $\delta = \epsilon/\alpha$ the bound is the smallest of $4d\sqrt\delta$ (Lemma 22), of
    $d\sqrt{2/(1-\mu^2)}\,\delta$ if $\delta + \mu^2 \le 1$ (Lemma 23), and of `chebyshev_error`. Here $\mu$ bounds the
    norm of the mean of ideal and encoded matrix over alpha.

    Args:
        enc: part that is transformed.
        coeffs: Chebyshev coefficients of P.
    """
    return _robust_error(enc.alpha, enc.eps, enc.norm_bound, coeffs) + contraction(enc)[1]


def chebyshev_error(enc: BlockEncoding, coeffs: Num[Array, " terms"], order: int = 1) -> Array:
    r"""Return the bound $\sum_k|c_k|\min(k^2\delta, 2)$ on the effect of the part's error on $\sum_kc_kT_k$.

    The bound perturbs the Chebyshev recurrence term by term, with $\delta = \epsilon/\alpha$. Let X be the ideal and Y
    the encoded matrix over alpha, or their Hermitian dilations. Then $\|X - Y\| \le \delta$ and
    $$T_k(X) - T_k(Y) = U_{k-1}(Y)(X - Y) + 2\sum_{j=1}^{k-1} U_{k-1-j}(Y)(X - Y)\,T_j(X),\; \|U_i\| \le i + 1.$$

    Args:
        enc: part that is transformed.
        coeffs: Chebyshev coefficients of degrees 0, `order`, 2 `order` and so on.
        order: step of the degrees, 2 for an even polynomial.
    """
    return _chebyshev_error(enc.alpha, enc.eps, enc.norm_bound, coeffs, order) + contraction(enc)[1]


# The rules are compiled, since an eager call would compile every operation separately.
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
    """Return whether the error over alpha is known, and its value where it is."""
    slack = 1 + ROUNDING * jnp.finfo(alpha.dtype).eps
    known = (eps == 0) | (jnp.isfinite(eps) & (norm_bound <= slack * alpha))
    return known, jnp.where(known, eps, 0) / jnp.where(alpha == 0, 1, alpha)
