"""A user's own function: interpolated to rounding, or fitted below a norm."""

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.polynomial import chebyshev as series

from qla_jax import polynomials
from qla_jax.polynomials import interpolant, minimax_fit

X = np.r_[np.linspace(-1, 1, 5001), np.sin(1)]

FUNCTIONS = {
    "exp": (np.exp, "none"),
    "fast": (lambda x: np.cos(300 * x), "even"),
    "steep": (lambda x: np.tanh(30 * x), "odd"),
    "pole": (lambda x: 1 / (1 + 25 * x * x), "even"),
    "bump": (lambda x: np.exp(-3e3 * (x - 0.123) ** 2), "none"),
    "complex": (lambda x: np.exp(5j * x), "none"),
    "zero": (lambda x: 0 * x, "even"),
    "constant": (lambda x: 0 * x + 2, "even"),
    "zero at 32 nodes": (lambda x: np.exp(-1e6 * (x - np.sin(1)) ** 2), "none"),
    "cubic": (lambda x: 4 * x**3 - 3 * x, "odd"),
}


@pytest.mark.x64
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_interpolant_is_the_function_to_rounding_and_claims_no_proof(name):
    function, parity = FUNCTIONS[name]
    for asked in sorted({"none", parity}):
        poly = interpolant(function, parity=asked)
        values = function(X)
        slope = np.abs(np.diff(values[:-1]) / np.diff(X[:-1])).max()
        error = np.abs(series.chebval(X, np.asarray(poly.coeffs)) - values).max()
        assert error <= 2e-15 * (1 + np.abs(values).max() + slope)
        assert poly.error_bound == np.inf
        assert poly.parity == asked
        assert np.abs(values).max() * (1 - 1e-12) <= poly.sup_bound <= 1.02 * np.abs(values).max() + 1e-300
        if asked != "none":
            assert not np.any(np.asarray(poly.coeffs)[int(asked == "even") :: 2])
        assert {"zero": 0, "constant": 0, "cubic": 3}.get(name, poly.degree) == poly.degree


@pytest.mark.numerics
def test_a_function_of_jax_is_resolved_to_its_own_precision(tol, x64):
    poly = interpolant(lambda x: jnp.sin(4 * jnp.asarray(x)), parity="odd")
    assert poly.coeffs.dtype == (jnp.float64 if x64 else jnp.float32)
    np.testing.assert_allclose(series.chebval(X, np.asarray(poly.coeffs)), np.sin(4 * X), rtol=0, atol=tol("exact"))


@pytest.mark.x64
@pytest.mark.parametrize("steepness", [1.0, 5.0])
def test_an_ellipse_makes_the_error_proven(steepness):
    """1/(1 + s^2 x^2), poles at i/s; on the ellipse through 0.9 i/s it is at most 1/(1 - 0.81)."""
    sinh = 0.9 / steepness
    rho = sinh + np.sqrt(1 + sinh * sinh)
    poly = interpolant(lambda x: 1 / (1 + (steepness * x) ** 2), ellipse=(rho, 1 / 0.19))
    x = X.astype(np.longdouble)
    error = np.abs(
        series.chebval(x, np.asarray(poly.coeffs).astype(np.longdouble)) - 1 / (1 + (steepness * x) ** 2)
    ).max()
    assert error <= float(poly.error_bound) <= 1e-13
    useless = interpolant(np.exp, ellipse=(1.001, 3.0))
    assert useless.error_bound > 1  # a flat ellipse proves little, and says so


@pytest.mark.x64
@pytest.mark.parametrize(("parity", "degree"), [("odd", 21), ("even", 20), ("none", 15)])
def test_the_fit_is_minimax_and_bounded_between_the_nodes(parity, degree):
    """A target above the norm on part of the domain: bounded all the same, and the optimum touches the norm."""
    target = {"odd": lambda x: 1.2 * x, "even": lambda x: 1.2 * x * x, "none": lambda x: 1.2 * x}[parity]
    poly = minimax_fit(target, degree, parity=parity, domain=[(0.0, 1.0)])
    assert poly.parity == parity
    assert np.abs(series.chebval(np.cos(np.linspace(0, np.pi, 20001)), np.asarray(poly.coeffs))).max() <= 1
    assert 0.99 <= poly.sup_bound <= 1
    assert (
        np.abs(series.chebval(np.linspace(0, 1, 2001), np.asarray(poly.coeffs)) - target(np.linspace(0, 1, 2001))).max()
        < 0.21
    )
    assert poly.error_bound == np.inf


@pytest.mark.x64
def test_the_unbounded_fit_of_the_inverse_is_the_closed_form():
    fitted = minimax_fit(lambda x: 1 / x, 15, parity="odd", domain=[(0.25, 1.0)], max_norm=1e3)
    best = polynomials.inverse(4.0, degree=15)
    np.testing.assert_allclose(fitted.coeffs, best.coeffs, rtol=0, atol=2e-3 * np.abs(best.coeffs).max())
    x = np.linspace(0.25, 1, 4001)
    error = np.abs(series.chebval(x, np.asarray(fitted.coeffs)) - 1 / x).max()
    assert error == pytest.approx(float(best.error_bound), rel=0.01)


@pytest.mark.x64
def test_a_fit_on_two_intervals_with_a_lipschitz_constant_has_a_proven_error():
    poly = minimax_fit(lambda x: 0.9 * (x > 0.2), 30, domain=[(-1.0, 0.1), (0.3, 1.0)], lipschitz=0.0)
    for low, high in poly.domain:
        x = np.linspace(float(low), float(high), 7919)
        error = np.abs(series.chebval(x, np.asarray(poly.coeffs)) - 0.9 * (float(low) > 0.2)).max()
        assert error <= poly.error_bound <= 0.05
    assert poly.sup_bound <= 1
    assert poly.error_bound < polynomials.step(0.2, 0.1, degree=30).error_bound
    assert poly.covers(jnp.asarray([0.0, 0.2, 0.4])).tolist() == [True, False, True]
