r"""Interpolation of a user's function on [-1, 1] at as many Chebyshev nodes as it needs.

The number of nodes is doubled until the last quarter of the coefficients is rounding, as in Chebfun. Samples prove
nothing about a function between them. The `error_bound` is hence `inf` unless the caller states an ellipse inside which
the function is analytic (`ellipse`).

References:
    Battles, Trefethen (2004), SIAM Journal on Scientific Computing 25, 1743.
    Trefethen (2019), Approximation Theory and Approximation Practice, Theorem 8.2.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from qla_jax._checks import require_callable
from qla_jax.polynomials import chebyshev
from qla_jax.polynomials.polynomial import Polynomial, from_numpy

FIRST_COUNT = 32
PROBES = np.sin(np.arange(1, 30) ** 2)  # irregular points, none of which is a node at any count
PROBE_ROUNDINGS = 1000


def interpolant(
    function: Callable[[np.ndarray], Any],
    *,
    parity: str = "none",
    ellipse: tuple[float, float] | None = None,
    max_degree: int = 2**16,
) -> Polynomial:
    r"""Return the Chebyshev interpolant of a function, accurate to the rounding of the function's values.

    Args:
        function: map from a NumPy vector of points in [-1, 1] to as many values, real or complex.
        parity: "odd" or "even" for a function of this parity, whose other coefficients are set to zero; or "none".
        ellipse: pair $(\rho, M)$ for a function that is analytic and at most M in modulus inside the ellipse with foci
            $\pm1$ whose semi-axes add up to $\rho > 1$. The statement is trusted, but raises if values or coefficients
            contradict it. It proves the error $4M\rho^{-n}/(\rho - 1)$ of interpolation at degree n and makes
            `error_bound` finite.
        max_degree: largest degree that is tried.

    Raises:
        ValueError: values that are not finite or not one for each point, a function that is not of the parity, or that
            `max_degree` does not resolve (a kink, a jump, noise).

    Example:
        >>> poly = interpolant(lambda x: np.exp(-x) * np.sin(20 * x))
        >>> bool(abs(poly(0.3) - np.exp(-0.3) * np.sin(6.0)) < 1e-12)
        True
    """
    require_callable("function", function)
    if parity not in ("odd", "even", "none"):
        raise ValueError(f"`parity` must be 'odd', 'even' or 'none', but is {parity!r}.")
    if ellipse is not None and not (ellipse[0] > 1 and 0 <= ellipse[1] < math.inf):
        raise ValueError(f"`ellipse` must be (rho, bound) with rho above 1 and a finite bound, but is {ellipse}.")
    coeffs, noise, largest = _resolve(function, max_degree)
    count = len(coeffs)
    other = np.arange(count) % 2 == (parity == "even")
    if parity != "none" and np.abs(coeffs[other]).max() > PROBE_ROUNDINGS * noise:
        raise ValueError(f"`function` must be {parity}, but its other part is {np.abs(coeffs[other]).max():.1e}.")
    dropped = np.abs(coeffs)
    if parity != "none":
        coeffs = np.where(other, 0, coeffs)
    floor = max(8 * np.finfo(coeffs.dtype).eps * np.abs(coeffs).max(), noise / math.sqrt(count))
    kept = max(np.flatnonzero(np.abs(coeffs) > floor), default=0) + 1
    dropped[:kept][coeffs[:kept] != 0] = 0
    error = math.inf
    if ellipse is not None:
        rho, bound = ellipse
        _require_ellipse(np.abs(coeffs), largest, rho, bound, noise)
        proven = 4 * bound * math.exp(-(count - 1) * math.log(rho)) / (rho - 1)
        error = proven + float(dropped.sum()) + math.log(count) * noise  # times the Lebesgue constant
    kept_coeffs = coeffs[:kept].astype(jax.dtypes.canonicalize_dtype(coeffs.dtype))
    rounding = np.finfo(kept_coeffs.dtype).eps * np.abs(coeffs).sum()  # rounding of the stored coefficients
    return from_numpy(
        kept_coeffs, parity=parity, error=error + float(rounding), sup=float(chebyshev.sup_bound(kept_coeffs))
    )


def _require_ellipse(sizes: np.ndarray, largest: float, rho: float, bound: float, noise: float) -> None:
    r"""Raise an error unless $|f| \le M$ at the samples and $|c_k| \le 2M\rho^{-k}$, which the ellipse implies."""
    allowed = 2 * bound * np.exp(-np.arange(len(sizes)) * math.log(rho))
    excess = sizes - allowed
    worst = int(excess.argmax())
    if largest > bound + noise or excess[worst] > PROBE_ROUNDINGS * noise:
        raise ValueError(
            f"`ellipse` must bound the function inside it, but |f| reaches {largest:.6g} and coefficient {worst} is "
            f"{sizes[worst]:.3g}, which ({rho}, {bound}) leaves no room for."
        )


def _resolve(function: Callable, max_degree: int) -> tuple[Any, float, float]:
    """Return the coefficients, the rounding of the values including that of the nodes, and the largest value."""
    count = FIRST_COUNT
    while True:
        x = chebyshev.nodes(count)
        values = _values(function, x)
        coeffs = chebyshev.interpolate(values)
        slope = np.abs(np.diff(values) / np.diff(x)).max()
        # A node that is rounded by one epsilon moves the value by the slope times epsilon.
        noise = float(np.finfo(values.dtype).eps * (np.abs(values).max() + slope))
        tail = np.abs(coeffs[3 * count // 4 :]).max()
        if tail <= noise:
            missed = np.abs(np.polynomial.chebyshev.chebval(PROBES, coeffs) - _values(function, PROBES)).max()
            if missed <= PROBE_ROUNDINGS * noise:
                return coeffs, noise, float(np.abs(values).max())
        if 2 * count > max_degree + 1:
            raise ValueError(
                f"`function` must be resolved by a degree of at most {max_degree}, but its coefficients are still "
                f"{tail:.1e} at degree {count - 1}, rounding {noise:.1e}."
            )
        count *= 2


def _values(function: Callable, x: np.ndarray) -> Any:
    values = np.asarray(function(x))
    if values.shape != x.shape or values.dtype.kind not in "iufc":
        raise ValueError(f"`function` must give one number for each of {len(x)} points, but gave {values.shape}.")
    if not np.isfinite(values).all():
        raise ValueError(f"`function` must be finite, but at {x[~np.isfinite(values)][0]} it is not.")
    return values.astype(np.result_type(values.dtype, np.float32) if values.dtype.kind in "fc" else float)
