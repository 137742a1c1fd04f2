"""Chebyshev series against numpy.polynomial.chebyshev."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.polynomial import chebyshev as series

from qla_jax.polynomials import chebyshev, polynomial
from tests.cases import derivative, real

pytestmark = pytest.mark.numerics

X = np.linspace(-1, 1, 2001)
DEGREES = (0, 1, 2, 5, 12)


def coefficients(degree: int, parity: str = "none") -> np.ndarray:
    """Normal coefficients with sum of sizes one: |P| <= 1 keeps the rounding at that of one."""
    coeffs = real(degree + 1, seed=3)
    coeffs[{"odd": slice(0, None, 2), "even": slice(1, None, 2), "none": slice(0)}[parity]] = 0
    return coeffs / np.abs(coeffs).sum()


@pytest.mark.parametrize("degree", [*DEGREES, chebyshev.UNROLL_DEGREE - 1, chebyshev.UNROLL_DEGREE, 100])
def test_evaluation_is_the_sum_of_the_series(degree, tol):
    """Also where the recurrence becomes a scan, and at the ends."""
    coeffs = coefficients(degree)
    values = chebyshev.evaluate(jnp.asarray(coeffs), jnp.asarray(X))
    np.testing.assert_allclose(values, series.chebval(X, coeffs), rtol=0, atol=tol("exact", factor=degree + 1))


def test_evaluation_holds_outside_the_interval_and_for_any_shape(tol):
    coeffs, x = coefficients(5), 1.5 * real(2, 3)
    expected = series.chebval(x, coeffs)
    values = chebyshev.evaluate(jnp.asarray(coeffs), jnp.asarray(x))
    np.testing.assert_allclose(values, expected, rtol=0, atol=tol("exact", factor=np.abs(expected).max()))
    assert chebyshev.evaluate(jnp.asarray(coeffs), jnp.asarray(0.3)).shape == ()


@pytest.mark.parametrize("degree", DEGREES)
def test_interpolation_at_the_nodes_gives_a_polynomial_back(degree, tol):
    coeffs = coefficients(degree)
    for count in (degree + 1, degree + 4):
        nodes = chebyshev.nodes(count)
        np.testing.assert_allclose(nodes, series.chebpts1(count)[::-1], rtol=0, atol=1e-14)
        found = chebyshev.interpolate(jnp.asarray(series.chebval(nodes, coeffs)))
        np.testing.assert_allclose(found, np.pad(coeffs, (0, count - degree - 1)), rtol=0, atol=tol("exact"))


@pytest.mark.parametrize("alpha", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("degree", DEGREES)
def test_rescaling_is_the_polynomial_of_alpha_times_the_argument(degree, alpha, tol):
    coeffs = coefficients(degree)
    monomial = series.cheb2poly(coeffs) * alpha ** np.arange(len(series.cheb2poly(coeffs)))
    expected = np.pad(series.poly2cheb(monomial), (0, degree + 1))[: degree + 1]
    rescaled = chebyshev.rescale(jnp.asarray(coeffs), jnp.asarray(alpha))
    growth = np.abs(series.chebval(max(alpha, 1) * X, coeffs)).max()
    np.testing.assert_allclose(rescaled, expected, rtol=0, atol=tol("exact", factor=10 * growth))


@pytest.mark.parametrize("degree", DEGREES)
def test_the_derivative_is_that_of_the_series(degree, tol):
    coeffs = coefficients(degree)
    expected = np.zeros(max(degree, 1))
    expected[: len(series.chebder(coeffs))] = series.chebder(coeffs)
    found = chebyshev.derivative(jnp.asarray(coeffs))
    assert not np.any(np.asarray(found)[len(expected) :])
    np.testing.assert_allclose(found[: len(expected)], expected, rtol=0, atol=tol("exact", factor=degree**2 + 1))


@pytest.mark.parametrize("degree", [1, 3, 5, 21])
def test_the_quotient_times_the_argument_is_the_polynomial(degree, tol):
    coeffs = coefficients(degree, "odd")
    quotient = np.asarray(chebyshev.quotient(jnp.asarray(coeffs)), float)
    even = np.zeros(degree)
    even[::2] = quotient
    np.testing.assert_allclose(series.chebmulx(even), coeffs, rtol=0, atol=tol("exact", factor=degree))


@pytest.mark.parametrize("parity", ["none", "odd", "even"])
@pytest.mark.parametrize("degree", [1, 2, 5, 12, 33])
def test_the_sup_bound_is_above_the_maximum_by_at_most_two_percent(degree, parity, tol):
    coeffs = coefficients(degree, parity)
    largest = np.abs(series.chebval(np.cos(np.linspace(0, np.pi, 40001)), coeffs)).max()
    bound = float(chebyshev.sup_bound(jnp.asarray(coeffs)))
    assert largest * (1 - tol("exact")) <= bound <= largest * 1.02 + 1e-6


def test_the_sup_bound_sees_a_maximum_between_its_samples():
    """T_d peaks between any set of nodes once shifted: the largest sample alone would be below the maximum."""
    degree = 5
    angle = np.pi / (2 * 8 * (degree + 1))  # half a spacing of the samples
    coeffs = np.zeros(degree + 1)
    coeffs[degree] = 1
    samples = np.abs(series.chebval(chebyshev.nodes(8 * (degree + 1)), coeffs)).max()
    assert samples < 1 <= float(chebyshev.sup_bound(jnp.asarray(coeffs))) <= 1 / np.cos(degree * angle) + 1e-6


@pytest.mark.parametrize(
    "operation",
    [
        lambda c: chebyshev.evaluate(c, jnp.asarray(0.3)),
        lambda c: chebyshev.rescale(c, jnp.asarray(1.5)).sum(),
        lambda c: chebyshev.derivative(c).sum(),
        lambda c: chebyshev.quotient(c).sum(),
    ],
    ids=["evaluate", "rescale", "derivative", "quotient"],
)
def test_gradients_in_the_coefficients_are_finite_differences(operation, tol):
    coeffs, step = coefficients(5), real(6)
    slope = jnp.vdot(jax.jit(jax.grad(operation))(jnp.asarray(coeffs)), jnp.asarray(step))
    with jax.enable_x64(True):  # the operation is linear: only rounding is left of its differences
        reference = derivative(lambda c: float(operation(jnp.asarray(c))), coeffs, step)
    assert abs(float(slope) - reference) <= tol("gradient", factor=max(1.0, abs(reference)))


def test_a_polynomial_of_ones_own_is_its_own_target():
    poly = polynomial([0, 1, 0, 2], "odd")
    assert (poly.degree, poly.parity, poly.error_bound, poly.relative_bound) == (3, "odd", 0, 0)
    assert poly(0.5) == 0.5 + 2 * (4 * 0.125 - 1.5)
    assert 3 <= poly.sup_bound <= 3.06


@pytest.mark.parametrize(
    ("coeffs", "parity", "message"),
    [
        (np.ones((2, 2)), "none", r"`coeffs` must .*\(2, 2\)"),
        ([], "none", r"`coeffs` must .*\(0,\)"),
        ([1.0], "mixed", r"`parity` must .*'mixed'"),
        ([0.5, 1.0], "odd", r"`coeffs` must .*odd"),
        ([0.5, 1.0], "even", r"`coeffs` must .*even"),
        ([0.0, np.nan], "odd", r"`coeffs` must .*nan"),
    ],
)
def test_a_polynomial_that_is_none_raises(coeffs, parity, message):
    with pytest.raises(ValueError, match=message):
        polynomial(coeffs, parity)
