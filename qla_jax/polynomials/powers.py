r"""Approximants of powers of |x| outside a gap, by one Chebyshev series in a variable that maps the gap away.

The even polynomial is P = Q(y) and the odd one is P = x Q(y). Q is the truncated series of $s^q$ in
$y = (2s - 1 - a^2)/(1 - a^2)$, which maps $[a^2, 1]$ to [-1, 1], with $s = x^2$ and q = p/2 or (p - 1)/2. The
coefficients of Q fall like $r^n$ with $r = (1 - a)/(1 + a)$, the best rate that a polynomial of degree 2n can have on
both sides of a gap. The construction of the textbooks, a product with a rectangle, needs at least twice the degree.
With $s = \frac{(1+a)^2}4|1 + re^{i\theta}|^2$ at $y = \cos\theta$, the truncation error of the odd polynomial is
$$|x|\,\Big|\sum_{k>n}c_k\cos k\theta\Big| \le \tfrac{1+a}2\Big|(1 + re^{i\theta})\sum_{k>n}c_ke^{ik\theta}\Big|
\le \tfrac{1+a}2\Big(|c_{n+1}| + \sum_{k>n}|c_{k+1} + rc_k|\Big).$$
For $q < 0$ all terms of $Q$ have the same sign at $y \le -1$. In the gap, |P| is hence below $|x|^p$ up to rounding, at
most machine epsilon / eps.

References:
    Gilyen, Su, Low, Wiebe (2018), Corollary 67, negative powers by a rectangle. https://arxiv.org/abs/1806.01838
"""

from typing import Any

import jax
import numpy as np
from jax.typing import ArrayLike

from qla_jax.polynomials import chebyshev
from qla_jax.polynomials.approximant import ROUNDINGS, Library, Proven, approximant, finite, fraction
from qla_jax.polynomials.ellipse import FRACTIONS, interpolation_error, samples
from qla_jax.polynomials.gap import height, log_rho
from qla_jax.polynomials.polynomial import Polynomial

POWER_DEGREE = 20_001
"""Largest degree, since the coefficients take O(d^2) operations."""


def power(
    exponent: ArrayLike,
    cutoff: ArrayLike,
    *,
    parity: str = "even",
    degree: int | None = None,
    eps: float | None = None,
) -> Polynomial:
    r"""Return a polynomial for $|x|^p$ (even) or $\mathrm{sgn}(x)|x|^p$ (odd) on cutoff <= |x| <= 1.

    Between -cutoff and cutoff nothing is approximated, but `sup_bound` holds there, too. For p < 0 this bound is about
    $\text{cutoff}^p$ times a power of a logarithm; `scaled` returns a polynomial below one.

    Args:
        exponent: exponent p of either sign; it may be traced if `degree` is given.
        cutoff: number between 0 and 1; it may be traced if `degree` is given.
        parity: "even" or "odd".
        degree: degree of this parity, up to 20001, given instead of `eps`.
        eps: absolute error; the smallest such degree proven to reach it is used, about log(1/eps)/cutoff.

    Raises:
        ValueError: neither or both of degree and eps, a degree of the other parity, a cutoff outside (0, 1), a traced
            parameter with eps, or an eps below rounding.

    Example:
        >>> bool(abs(power(-0.5, 0.1, eps=1e-4)(0.25) - 2.0) <= 1e-4)
        True
    """
    if parity not in ("odd", "even"):
        raise ValueError(f"`parity` must be 'odd' or 'even', but is {parity!r}.")
    finite("exponent", exponent), fraction("cutoff", cutoff)
    build = even_power if parity == "even" else odd_power
    return approximant(build, exponent, cutoff, parity=parity, degree=degree, eps=eps, highest=POWER_DEGREE)


def sqrt(cutoff: ArrayLike, *, parity: str = "even", degree: int | None = None, eps: float | None = None) -> Polynomial:
    r"""Return a polynomial for $\sqrt{|x|}$ (even) or $\mathrm{sgn}(x)\sqrt{|x|}$ (odd) on cutoff <= |x| <= 1.

    Args:
        cutoff: number between 0 and 1; it may be traced if `degree` is given.
        parity: "even" or "odd".
        degree: degree of this parity, up to 20001, given instead of `eps`.
        eps: absolute error; the smallest such degree proven to reach it is used.

    Raises:
        ValueError: the conditions of `power`.

    Example:
        >>> bool(abs(sqrt(0.1, eps=1e-4)(0.25) - 0.5) <= 1e-4)
        True
    """
    return power(0.5, cutoff, parity=parity, degree=degree, eps=eps)


def even_power(lib: Library, degree: int, exponent: Any, cutoff: Any) -> Proven:
    """Return the series of the even polynomial of `power`.

    Args:
        lib: array modules and precision.
        degree: even degree.
        exponent: exponent p.
        cutoff: half width of the gap.
    """
    return _series(lib, degree, exponent / 2, cutoff, odd=False)


def odd_power(lib: Library, degree: int, exponent: Any, cutoff: Any) -> Proven:
    """Return the series of the odd polynomial of `power`.

    Args:
        lib: array modules and precision.
        degree: odd degree.
        exponent: exponent p.
        cutoff: half width of the gap.
    """
    return _series(lib, degree, (exponent - 1) / 2, cutoff, odd=True)


def _series(lib: Library, degree: int, q: Any, a: Any, odd: bool) -> Proven:
    xp, n = lib.xp, degree // 2
    count = samples(n)
    # 1 + y = 2 cos^2(theta / 2) is accurate at the end y = -1, where s is smallest.
    rise = lib.array(np.square(np.cos(np.pi * (np.arange(count) + 0.5) / (2 * count))))
    coeffs = chebyshev.interpolate((a * a + (1 - a * a) * rise) ** q)
    # Coefficients that are rounding noise would grow in the gap like rho^k and are cut off, too.
    size = xp.abs(coeffs)
    known = (np.arange(count) <= n) & (size > lib.epsilon * size.max())
    kept, tail, r = xp.where(known, coeffs, 0)[: n + 1], xp.where(known, 0, coeffs), (1 - a) / (1 + a)
    if odd:
        left = (1 + a) / 2 * (xp.abs(tail[0]) + xp.abs(tail[1:] + r * tail[:-1]).sum() + r * xp.abs(tail[-1]))
    else:
        left = xp.abs(tail).sum()
    gap = xp.abs(kept) * xp.exp(xp.where(kept == 0, 0, log_rho(lib, a) * lib.array(np.arange(n + 1))))
    rounding = ROUNDINGS * lib.epsilon * (size.sum() + 16 * gap.sum() * a**odd)
    return Proven(
        coeffs=lambda: _in_x(lib, kept, a, odd),
        truncation=left + interpolation_error(lib, count, *_ellipses(lib, q, a)),
        rounding=rounding,
        domain=((-1.0, -a), (a, 1.0)),
    )


def _ellipses(lib: Library, q: Any, a: Any) -> tuple[Any, Any]:
    r"""Return ellipses in y and bounds on $\log|s^q|$ inside them."""
    # s = (1 - a^2)/2 (cosh(last) + y) lies between its values at y = -cosh(eta) and y = cosh(eta).
    xp = lib.xp
    whole = (q >= 0) & (q == xp.floor(q))  # a polynomial, without the branch point at `last`
    last = log_rho(lib, a)
    inside = last * lib.array(FRACTIONS)
    etas = xp.where(whole, lib.array(np.geomspace(1e-3, 12, len(FRACTIONS))), inside)
    nearest = xp.log((1 - a * a) * xp.sinh((last + inside) / 2) * xp.sinh((last - inside) / 2))
    farthest = xp.log((1 - a * a) / 2 * (xp.cosh(last) + xp.cosh(etas)))
    return etas, q * xp.where(q < 0, nearest, farthest)


def _in_x(lib: Library, coeffs: Any, a: Any, odd: bool) -> Any:
    """Return the Chebyshev coefficients of Q(y(x^2)) or x Q(y(x^2)) from values at the non-negative nodes."""
    xp, count = lib.xp, 2 * len(coeffs) - 1 + odd
    x = lib.array(chebyshev.nodes(count)[: (count + 1) // 2])
    values = _clenshaw(lib, coeffs, height(x, a)) * (x if odd else 1)
    mirrored = values[: count // 2][::-1]
    found = chebyshev.interpolate(xp.concatenate([values, -mirrored if odd else mirrored]))
    return xp.where(np.arange(count) % 2 == odd, found, 0)


def _clenshaw(lib: Library, coeffs: Any, rise: Any) -> Any:
    r"""Return the series at $y = \text{rise} - 1$ by Reinsch's modification of Clenshaw's recurrence.

    The modification loses no digits near $y = \pm1$.

    References:
        Oliver (1977), An error analysis of the modified Clenshaw method, J. Inst. Maths Applics 20, 379.
    """
    xp = lib.xp
    end = xp.where(rise < 1, -1, 1)  # the closer end of [-1, 1]
    above = xp.where(rise < 1, rise, rise - 2)  # y - end

    def step(carry: Any, c: Any) -> Any:
        b, d = carry
        d = c + 2 * above * b + end * d
        return (d + end * b, d), None

    carry = (xp.zeros_like(rise), xp.zeros_like(rise))
    if xp is np:
        for c in coeffs[:0:-1]:
            carry, _ = step(carry, c)
    else:
        carry, _ = jax.lax.scan(step, carry, coeffs[:0:-1])
    return coeffs[0] + above * carry[0] + end * carry[1]
