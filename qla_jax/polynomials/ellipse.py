r"""Truncated Chebyshev series of functions that are analytic around [-1, 1], with proven error bounds.

The proof needs no values of f between samples. Let $p_N$ interpolate f at N Chebyshev nodes and let $|f| \le M$
inside the ellipse with foci $\pm1$ and semi-axes $\cosh\eta$, $\sinh\eta$ ($\rho = e^\eta$). Then for the truncation
$P = \sum_{k\le d}\tilde c_kT_k$ of $p_N = \sum_{k<N}\tilde c_kT_k$
$$|f - P| \le |f - p_N| + |p_N - P| \le \min_\eta\frac{4M\rho^{1-N}}{\rho - 1} + \sum_{d<k<N}|\tilde c_k|.$$
With N a few times d the first term is far below the second, which is the actual truncation error. From some k on,
computed coefficients consist of rounding errors. There the bound $|\tilde c_k| \le 10M\rho^{-k}$ is smaller. It follows
from $|c_k| \le 2M\rho^{-k}$ and from aliasing, $\tilde c_k = c_k \pm c_{2N-k} \pm c_{2N+k} \pm \dots$.

References:
    Trefethen (2019), Approximation Theory and Approximation Practice, Theorems 8.1 and 8.2 (the factor of
    interpolation by aliasing, Theorem 4.2, is the same at the zeros of $T_N$).
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.fft

from qla_jax.polynomials import chebyshev
from qla_jax.polynomials.approximant import ROUNDINGS, Library, Proven, of_parity
from qla_jax.polynomials.polynomial import EVERYWHERE

ENTIRE = np.geomspace(1e-4, 12, 300)
"""Ellipses, as values of eta, that are tried for an entire function."""

FRACTIONS = np.r_[np.geomspace(1e-3, 0.5, 40)[:-1], 1 - np.geomspace(1e-4, 0.5, 60)]
"""Ellipses that are tried for a function with a singularity, as fractions of the largest eta."""


SAMPLED = 3
"""Rounding of coefficients, in units of that of the samples: at most 1.7 was measured, for exponentials close to 1."""

TAIL_PLACES = 48
"""Number of places that are tried for the change from computed coefficients to proven bounds on them."""


class Target(NamedTuple):
    r"""Function on [-1, 1] with the bounds that prove its interpolation.

    Attributes:
        function: map from a vector of points to the values of f.
        etas: ellipses that are tried, as values of $\eta = \log\rho$.
        log_bounds: $\log M$ on each ellipse.
        slope: bound on |f'| over [-1, 1], which determines the effect of rounded nodes.
        sup: bound on |f| over [-1, 1].
        lipschitz: Lipschitz constant of the ideal function on the real line.
        remainder: bound on |f - ideal function| over the domain, where f is a smooth substitute.
        domain: domain of the ideal function.
    """

    function: Callable[[Any], Any]
    etas: Any
    log_bounds: Any
    slope: Any
    sup: Any
    lipschitz: Any = np.inf
    remainder: Any = 0.0
    domain: tuple[tuple[Any, Any], ...] = EVERYWHERE


def truncation(lib: Library, degree: int, parity: str, target: Target) -> Proven:
    """Return the truncated series of a target with its bounds.

    Only odd series have a relative bound, since P - f vanishes at 0 for them.

    Args:
        lib: array modules and precision.
        degree: degree of the series.
        parity: "odd", "even" or "none".
        target: function with its bounds.
    """
    xp, count = lib.xp, samples(degree)
    coeffs = chebyshev.interpolate(target.function(lib.array(chebyshev.nodes(count))))
    coeffs = of_parity(lib, coeffs, parity)
    kept, tail = coeffs[: degree + 1], xp.abs(coeffs[degree + 1 :])
    error = _tail(lib, tail, degree, target) + target.remainder
    error = error + interpolation_error(lib, count, target.etas, target.log_bounds)
    rounding = ROUNDINGS * lib.epsilon * (SAMPLED * xp.abs(kept).sum() + target.slope)
    relative: Any = np.inf
    if parity == "odd":  # |T_k(x)| <= k|x| for odd k
        weights = lib.array(np.arange(degree + 1, count))
        relative = (
            _tail(lib, weights * tail, degree, target, weighted=True)
            + _relative_interpolation_error(lib, count, target.etas, target.log_bounds)
            + degree * rounding
        )
    return Proven(
        coeffs=lambda: kept,
        truncation=error,
        rounding=rounding,
        relative=relative,
        lipschitz=target.lipschitz,
        sup=target.sup + error,
        domain=target.domain,
    )


def _tail(lib: Library, sizes: Any, degree: int, target: Target, weighted: bool = False) -> Any:
    r"""Return a bound on $\sum_{d<k<N}|\tilde c_k|$, or on $\sum_{d<k<N}k|\tilde c_k|$, from the computed terms."""
    # Terms up to K are the computed ones, terms beyond are bounded; K is the best of a few places from d to N - 1.
    xp, count = lib.xp, degree + 1 + len(sizes)
    places = np.unique(np.geomspace(degree + 1, count, TAIL_PLACES).astype(int)) - 1
    computed = xp.concatenate([0 * sizes[:1], xp.cumsum(sizes)])[places - degree]
    etas, at = target.etas[None, :], lib.array(places)[:, None]
    logs = math.log(10) + target.log_bounds[None, :] - at * etas - xp.log(xp.expm1(etas))
    if weighted:  # sum_{k>K} k rho^-k = rho^-K / (rho - 1) (K + rho / (rho - 1))
        logs = logs + xp.log(at - 1 / xp.expm1(-etas))
    logs = xp.where(2 * count * etas > math.log(2), logs, np.inf)  # the factor 10 of the proof assumes rho^2N > 2
    return (computed + xp.exp(logs.min(axis=1))).min()


def samples(degree: int) -> int:
    """Return a number of nodes that makes the interpolation error negligible compared with the truncation error.

    This holds also for functions with a singularity close to [-1, 1].
    """
    return scipy.fft.next_fast_len(8 * degree + 512)


def interpolation_error(lib: Library, count: int, etas: Any, log_bounds: Any) -> Any:
    r"""Return the interpolation error $4M\rho^{-n}/(\rho - 1)$ for degree n = count - 1 on the best ellipse.

    Args:
        lib: array modules and precision.
        count: number of nodes.
        etas: ellipses, as values of $\log\rho$.
        log_bounds: $\log M$ on each ellipse.
    """
    xp = lib.xp
    return xp.exp((math.log(4) + log_bounds - (count - 1) * etas - xp.log(xp.expm1(etas))).min())


def _relative_interpolation_error(lib: Library, count: int, etas: Any, log_bounds: Any) -> Any:
    r"""Return the interpolation error relative to |x|, $\sum_{k\ge N}2k\,2M\rho^{-k}$, for an odd function."""
    # A coefficient |c_k| <= 2 M rho^-k aliases onto a degree below k of the same parity; |T_k(x)| <= k|x|: hence 2k.
    xp = lib.xp
    rest = -xp.expm1(-etas)
    series = count / rest + xp.exp(-etas) / xp.square(rest)
    return xp.exp((math.log(4) + log_bounds - count * etas + xp.log(series)).min())
