r"""Minimax fit of a user's own target by a linear program, with a bound that holds between the nodes, too.

$$\min_{c,t}\ t\quad\text{with}\quad |P(x_i) - f(x_i)| \le t,\qquad |P(z_j)| \le M\cos\frac{\pi d}{2N}$$
at points $x_i$ of the domain and at the N Chebyshev nodes $z_j$. By Ehlich and Zeller (`chebyshev.sup_bound`) the
second condition implies |P| <= M on all of [-1, 1]. The price is the factor cos, half a percent for N = 16(d + 1).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.optimize

from qla_jax._checks import as_integer, as_real, require_callable
from qla_jax.polynomials import chebyshev
from qla_jax.polynomials.polynomial import EVERYWHERE, Polynomial, from_numpy

FEASIBILITY = 1e-10
"""Tolerance of the solver, which cannot reach errors below about 1e-9."""

CHECKS = 20_001
"""Number of points of the domain at which the error is checked to bound it everywhere."""


def minimax_fit(
    function: Callable[[np.ndarray], Any],
    degree: int,
    *,
    parity: str = "none",
    domain: Sequence[tuple[float, float]] = EVERYWHERE,
    max_norm: float = 1.0,
    lipschitz: float | None = None,
    oversampling: int = 16,
) -> Polynomial:
    """Return the polynomial closest to a real function on a domain among those with |P| <= max_norm on [-1, 1].

    Args:
        function: map from a NumPy vector of points of the domain to as many real values.
        degree: degree, up to a few hundred; the linear program has 20 to 40 dense rows for each degree.
        parity: "odd", "even" or "none"; a definite parity includes the mirror image of the domain.
        domain: intervals within [-1, 1] on which the function is approximated.
        max_norm: positive bound on |P| over [-1, 1].
        lipschitz: Lipschitz constant of the function on each interval. A constant that the checked values contradict
            raises; between these values it is trusted. It makes `error_bound` finite: between checked points the error
            grows by at most (lipschitz + |P'|) times half their distance.
        oversampling: number of nodes for each degree at which the polynomial is held below `max_norm`.

    Raises:
        ValueError: a degree of the other parity, a domain outside [-1, 1], values that are not finite and real, or
            values that are steeper than `lipschitz`.
        RuntimeError: the solver fails.

    Example:
        >>> poly = minimax_fit(lambda x: 0.2 / x, 21, parity="odd", domain=[(0.25, 1.0)])
        >>> bool(abs(poly(0.5) - 0.4) < 0.01), bool(poly.sup_bound <= 1)
        (True, True)
    """
    require_callable("function", function)
    parity_of = {"odd": 1, "even": 0, "none": None}
    if parity not in parity_of:
        raise ValueError(f"`parity` must be 'odd', 'even' or 'none', but is {parity!r}.")
    degree, oversampling = as_integer("degree", degree, least=0), as_integer("oversampling", oversampling, least=2)
    if parity != "none" and degree % 2 != parity_of[parity]:
        raise ValueError(f"`degree` must be an integer of `parity` {parity}, but is {degree}.")
    if not domain or not all(-1 <= low < high <= 1 for low, high in domain):
        raise ValueError(f"`domain` must be intervals (low, high) within [-1, 1], but is {domain}.")
    if not 0 < max_norm < math.inf:
        raise ValueError(f"`max_norm` must be positive and finite, but is {max_norm}.")
    if lipschitz is not None:
        lipschitz = as_real("lipschitz", lipschitz)
        steepest = max(_steepest(function, low, high) for low, high in domain)
        if lipschitz < steepest * (1 - FEASIBILITY) - FEASIBILITY:
            raise ValueError(f"`lipschitz` must be at least {steepest:.6g}, as values show, but is {lipschitz}.")
    powers = np.arange(degree + 1)
    powers = powers if parity == "none" else powers[degree % 2 :: 2]
    points = np.concatenate([_points(low, high, 4 * degree + 16) for low, high in domain])
    held = chebyshev.nodes(oversampling * (degree + 1))
    held = held if parity == "none" else held[held >= 0]
    # The solver may violate a constraint by its tolerance; ten tolerances below the limit the bound holds all the same.
    limit = max_norm * math.cos(math.pi * degree / (2 * oversampling * (degree + 1))) - 10 * FEASIBILITY * max_norm
    found = _solve(_chebyshev(points, powers), _values(function, points), _chebyshev(held, powers), limit)
    coeffs: Any = np.zeros(degree + 1)
    coeffs[powers] = found
    coeffs = coeffs.astype(jnp.result_type(float))
    return from_numpy(
        coeffs,
        parity=parity,
        error=math.inf if lipschitz is None else _error(function, coeffs, domain, float(lipschitz)),
        sup=float(chebyshev.sup_bound(coeffs, oversampling=oversampling)),
        domain=tuple((float(low), float(high)) for low, high in domain),
    )


def _solve(near: np.ndarray, values: np.ndarray, held: np.ndarray, limit: float) -> np.ndarray:
    one, none = np.ones((len(near), 1)), np.zeros((len(held), 1))
    rows = np.block([[near, -one], [-near, -one], [held, none], [-held, none]])
    right = np.concatenate([values, -values, np.full(2 * len(held), limit)])
    cost = np.append(np.zeros(near.shape[1]), 1)
    tight = {"primal_feasibility_tolerance": FEASIBILITY, "dual_feasibility_tolerance": FEASIBILITY}
    bounds = [(None, None)] * near.shape[1] + [(0, None)]
    result = scipy.optimize.linprog(cost, A_ub=rows, b_ub=right, bounds=bounds, method="highs", options=tight)
    if result.x is None:
        raise RuntimeError(f"the linear programme failed: {result.message}")
    return result.x[:-1]


def _error(function: Callable, coeffs: Any, domain: Sequence[tuple[float, float]], lipschitz: float) -> float:
    slope = float(chebyshev.sup_bound(chebyshev.derivative(coeffs.astype(float))))
    errors = []
    for low, high in domain:
        x = np.linspace(low, high, CHECKS)
        off = np.abs(np.polynomial.chebyshev.chebval(x, coeffs.astype(float)) - _values(function, x)).max()
        errors.append(off + (lipschitz + slope) * (high - low) / (2 * (CHECKS - 1)))
    return max(errors) + len(coeffs) * float(np.finfo(float).eps) * float(np.abs(coeffs).sum())


def _steepest(function: Callable, low: float, high: float) -> float:
    """Return the steepest slope between adjacent points at which the error is checked."""
    x = np.linspace(low, high, CHECKS)
    return float(np.abs(np.diff(_values(function, x)) / np.diff(x)).max())


def _points(low: float, high: float, count: int) -> np.ndarray:
    """Return the Chebyshev points of an interval, ends included."""
    return np.clip((low + high) / 2 + (high - low) / 2 * np.cos(np.linspace(0, np.pi, count)), low, high)


def _chebyshev(x: np.ndarray, k: np.ndarray) -> np.ndarray:
    return np.cos(np.outer(np.arccos(x), k))


def _values(function: Callable, x: np.ndarray) -> np.ndarray:
    values = np.asarray(function(x))
    if values.shape != x.shape or values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise ValueError(f"`function` must give a finite real number for each of {len(x)} points.")
    return values.astype(float)
