"""Every approximant against mpmath: errors never above their bounds, bounds never far above, degrees the smallest.

A line in CASES is one more case of every law.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from numpy.polynomial import chebyshev as series

from qla_jax import polynomials
from qla_jax.polynomials import Polynomial
from tests.cases import real

EPS = (0.1, 1e-4, 1e-10)
TIGHT = 100  # a bound is at most so many times the error
POINTS = 400  # of each interval
STEP = {"odd": 2, "even": 2, "none": 1}


@dataclass(frozen=True, eq=False)
class Case:
    """An approximant, parameters, its target f(x, *parameters), and what is true of this family."""

    build: Callable[..., Polynomial]
    parameters: tuple[float, ...]
    target: Callable
    parity: str
    traced: int = 1  # how many of the parameters may be traced
    options: dict = field(default_factory=dict)

    def __call__(self, *parameters, **accuracy) -> Polynomial:
        return self.build(*(parameters or self.parameters), **self.options, **accuracy)

    def __str__(self) -> str:
        return f"{self.build.__name__}{self.parameters}{''.join(self.options.values())}"


CASES = [
    Case(polynomials.cos, (0.3,), lambda x, t: mpmath.cos(t * x), "even"),
    Case(polynomials.cos, (-40.0,), lambda x, t: mpmath.cos(t * x), "even"),
    Case(polynomials.sin, (0.3,), lambda x, t: mpmath.sin(t * x), "odd"),
    Case(polynomials.sin, (40.0,), lambda x, t: mpmath.sin(t * x), "odd"),
    Case(polynomials.exp, (1.5,), lambda x, b: mpmath.exp(-b * x), "none"),
    Case(polynomials.exp, (-3.0,), lambda x, b: mpmath.exp(-b * x), "none"),
    Case(polynomials.exp_decay, (2.0,), lambda x, b: mpmath.exp(-b * (1 + x)), "none"),
    Case(polynomials.exp_decay, (150.0,), lambda x, b: mpmath.exp(-b * (1 + x)), "none"),
    Case(polynomials.gaussian, (0.7,), lambda x, m: mpmath.exp(-((m * x) ** 2)), "even"),
    Case(polynomials.gaussian, (20.0,), lambda x, m: mpmath.exp(-((m * x) ** 2)), "even"),
    Case(polynomials.erf, (0.8,), lambda x, m: mpmath.erf(m * x), "odd"),
    Case(polynomials.erf, (12.0,), lambda x, m: mpmath.erf(m * x), "odd"),
    Case(polynomials.tanh, (0.8,), lambda x, k: mpmath.tanh(k * x), "odd"),
    Case(polynomials.tanh, (15.0,), lambda x, k: mpmath.tanh(k * x), "odd"),
    Case(polynomials.softplus, (1.0,), lambda x, k: mpmath.log1p(mpmath.exp(k * x)) / k, "none"),
    Case(polynomials.softplus, (15.0,), lambda x, k: mpmath.log1p(mpmath.exp(k * x)) / k, "none"),
    Case(polynomials.sign, (0.5,), lambda x, g: mpmath.sign(x), "odd"),
    Case(polynomials.sign, (0.05,), lambda x, g: mpmath.sign(x), "odd"),
    Case(polynomials.step, (0.2, 0.3), lambda x, t, g: mpmath.mpf(x > t), "none", traced=2),
    Case(polynomials.step, (-0.6, 0.05), lambda x, t, g: mpmath.mpf(x > t), "none", traced=2),
    Case(polynomials.rectangle, (0.5, 0.3), lambda x, t, g: mpmath.mpf(abs(x) < t), "even", traced=2),
    Case(polynomials.rectangle, (0.2, 0.05), lambda x, t, g: mpmath.mpf(abs(x) < t), "even", traced=2),
    Case(polynomials.inverse, (1.5,), lambda x, k: 1 / x, "odd"),
    Case(polynomials.inverse, (30.0,), lambda x, k: 1 / x, "odd"),
    Case(polynomials.inverse_cks, (1.5,), lambda x, k: 1 / x, "odd"),
    Case(polynomials.inverse_cks, (30.0,), lambda x, k: 1 / x, "odd"),
    Case(polynomials.sqrt, (0.05,), lambda x, a: mpmath.sqrt(abs(x)), "even"),
    Case(polynomials.power, (0.3, 0.5), lambda x, p, a: abs(x) ** p, "even", traced=2),
    Case(polynomials.power, (-2.0, 0.1), lambda x, p, a: abs(x) ** p, "even", traced=2),
    Case(
        polynomials.power,
        (1.7, 0.1),
        lambda x, p, a: mpmath.sign(x) * abs(x) ** p,
        "odd",
        traced=2,
        options={"parity": "odd"},
    ),
    Case(polynomials.monomial, (60,), lambda x, p: x**p, "even", traced=0),
    Case(polynomials.monomial, (1001,), lambda x, p: x**p, "odd", traced=0),
    Case(polynomials.eigenstate_filter, (0.5,), lambda x, g: mpmath.mpf(x == 0), "even"),
    Case(polynomials.eigenstate_filter, (0.05,), lambda x, g: mpmath.mpf(x == 0), "even"),
]
FAMILIES = list({case.build: case for case in reversed(CASES)}.values())
every_case = pytest.mark.parametrize("case", CASES, ids=str)
every_family = pytest.mark.parametrize("case", FAMILIES, ids=lambda case: case.build.__name__)
every_eps = pytest.mark.parametrize("eps", EPS)


@functools.cache
def approximant(case: Case, eps: float) -> Polynomial:
    return jax.tree.map(np.asarray, case(eps=eps))


def longdouble(value: mpmath.mpf) -> np.longdouble:
    high = float(value)
    return np.longdouble(high) + np.longdouble(float(value - mpmath.mpf(high)))


@functools.cache
def exact(case: Case, domain: tuple[tuple[float, float], ...]) -> tuple[np.ndarray, np.ndarray]:
    """Points of the domain, dense at the ends of each interval, and the target with 19 digits."""
    grids = [(a + b) / 2 + (b - a) / 2 * np.cos(np.linspace(0, np.pi, POINTS)) for a, b in domain]
    grids = [np.clip(grid, a, b) for grid, (a, b) in zip(grids, domain, strict=True)]
    x = np.unique(np.concatenate(grids))
    with mpmath.workdps(30):
        parameters = [mpmath.mpf(p) if isinstance(p, float) else p for p in case.parameters]
        return x, np.array([longdouble(case.target(mpmath.mpf(float(point)), *parameters)) for point in x])


def errors(poly: Polynomial, case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Points of the domain and |P - f| there, without rounding."""
    x, target = exact(case, tuple((float(a), float(b)) for a, b in poly.domain))
    return x, np.abs(series.chebval(x.astype(np.longdouble), np.asarray(poly.coeffs).astype(np.longdouble)) - target)


def keeps_its_bound(poly: Polynomial, case: Case) -> bool:
    return bool(errors(poly, case)[1].max() <= float(poly.error_bound))


@pytest.mark.x64
@every_eps
@every_case
@pytest.mark.sample(40)
def test_no_error_is_above_its_bound_and_no_bound_far_above_the_error(case, eps):
    poly = approximant(case, eps)
    error = float(errors(poly, case)[1].max())
    assert error <= poly.error_bound <= eps
    assert poly.error_bound <= TIGHT * error or poly.error_bound <= 1e-14  # no truncation left: rounding alone


@pytest.mark.x64
@every_family
def test_a_bound_too_small_or_a_coefficient_too_large_is_noticed(case):
    poly = approximant(case, 1e-4)
    assert keeps_its_bound(poly, case)
    assert not keeps_its_bound(poly.replace(error_bound=poly.error_bound / 1000), case)
    wrong = poly.coeffs.copy()
    wrong[int(poly.parity == "odd")] += 3e-4
    assert not keeps_its_bound(poly.replace(coeffs=wrong), case)


@pytest.mark.x64
@every_case
def test_the_relative_bound_holds_where_there_is_one(case):
    for eps in EPS:
        poly = approximant(case, eps)
        x, error = errors(poly, case)
        known = bool(np.isfinite(poly.relative_bound))
        assert known == (case.parity == "odd" and len(poly.domain) == 1)
        assert not known or (error <= poly.relative_bound * np.abs(x)).all()


@pytest.mark.x64
@every_eps
@every_case
@pytest.mark.sample(40)
def test_the_degree_is_the_smallest_that_is_proven(case, eps):
    degree = approximant(case, eps).degree
    assert case(degree=degree).error_bound <= eps
    lowest = int(case.parity == "odd")
    for lower in {degree - STEP[case.parity], (degree // 2) // 2 * 2 + lowest, lowest} - {degree}:
        if lower >= lowest:
            assert case(degree=lower).error_bound > eps


@pytest.mark.x64
@every_case
def test_the_sup_bound_is_above_the_maximum_and_not_far(case):
    for eps in EPS:
        poly = approximant(case, eps)
        x = np.cos(np.linspace(0, np.pi, 8 * poly.degree + 2001)).astype(np.longdouble)
        largest = np.abs(series.chebval(x, poly.coeffs.astype(np.longdouble))).max()
        assert largest <= poly.sup_bound <= 1.02 * largest


@pytest.mark.x64
@every_family
def test_the_lipschitz_constant_is_that_of_the_target_on_the_real_line(case):
    lipschitz = float(approximant(case, 0.1).lipschitz)
    smooth = {"cos", "sin", "gaussian", "erf", "tanh", "softplus"}
    assert np.isfinite(lipschitz) == (case.build.__name__ in smooth)
    if np.isfinite(lipschitz):
        x = np.linspace(-10, 10, 2001) / abs(case.parameters[0])
        values = np.array([float(case.target(mpmath.mpf(point), *case.parameters)) for point in x])
        slope = np.abs(np.diff(values) / np.diff(x)).max()
        assert 0.99 * lipschitz <= slope <= lipschitz * (1 + 1e-9)


@pytest.mark.numerics
@every_case
def test_parity_degree_and_bound_hold_in_either_precision(case, x64):
    eps = 0.02
    poly = case(eps=eps)
    assert poly.coeffs.dtype == (jnp.float64 if x64 else jnp.float32)
    assert (poly.parity, poly.degree) == (case.parity, len(poly.coeffs) - 1)
    if case.parity != "none":
        assert not np.any(np.asarray(poly.coeffs)[int(case.parity == "even") :: 2])
    assert keeps_its_bound(poly, case)
    assert poly.error_bound <= eps


@pytest.mark.numerics
@pytest.mark.parametrize("case", [case for case in FAMILIES if case.traced], ids=lambda case: case.build.__name__)
@pytest.mark.sample(3)
def test_traced_parameters_give_the_same_polynomial_and_its_derivative(case, tol):
    """jit, vmap and grad in one; against the known parameters and their differences."""
    degree = {"odd": 13, "even": 12, "none": 13}[case.parity]
    along = np.asarray(real(degree + 1, seed=5))
    batch = np.array(case.parameters) * np.array([[1.0], [1.01]])

    @jax.jit
    @jax.vmap
    def traced(parameters):
        def value(parameters):
            poly = case(*parameters, degree=degree)
            return jnp.vdot(jnp.asarray(along, poly.coeffs.dtype), poly.coeffs), poly

        return jax.grad(value, has_aux=True)(parameters)

    slopes, polys = traced(jnp.asarray(batch))
    for row, parameters in enumerate(batch):
        known = case(*parameters, degree=degree)
        size = np.abs(known.coeffs).max()
        np.testing.assert_allclose(polys.coeffs[row], known.coeffs, rtol=0, atol=tol("rounding", factor=size))
        np.testing.assert_allclose(polys.error_bound[row], known.error_bound, rtol=tol(), atol=tol(factor=size))
        np.testing.assert_allclose(polys.sup_bound[row], known.sup_bound, rtol=tol(factor=10))
    if case.build is polynomials.inverse_cks:
        assert not np.any(slopes)  # it depends on the floor of kappa alone
        return
    with jax.enable_x64(True):
        for axis in range(case.traced):
            step = 1e-5 * np.eye(len(case.parameters))[axis] * abs(batch[0, axis])
            up, down = (np.asarray(case(*(batch[0] + sign * step), degree=degree).coeffs) for sign in (1, -1))
            reference = along @ (up - down) / (2 * step[axis])
            assert abs(slopes[0, axis] - reference) <= tol(
                "gradient", factor=1 + abs(reference) + size / step[axis] / 1e5
            )


def test_polynomials_that_are_exact_have_no_truncation_error():
    assert polynomials.cos(0.0, eps=1e-10).degree == 0
    assert polynomials.monomial(7, degree=7).error_bound < 1e-14
    assert polynomials.power(2.0, 0.1, eps=1e-10).degree == 2
    np.testing.assert_allclose(polynomials.power(2.0, 0.1, degree=2).coeffs, [0.5, 0, 0.5], atol=1e-6)
