"""The erf polynomial against scipy and mpmath: coefficients, proven errors, the degree it takes."""

import functools

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import scipy.special
from numpy.polynomial import chebyshev as series

from qla_jax import polynomials
from qla_jax.polynomials import chebyshev, erf
from qla_jax.polynomials import error_functions as _erf
from qla_jax.polynomials.approximant import Library
from tests.cases import derivative, erf_coeffs, real

SCALES = (0.8, 1.0, 1.6, 5.0, 20.0)
X = np.r_[np.geomspace(1e-2, 1, 4001), np.cos(np.linspace(0, np.pi / 2, 4001))[:-1]]
ROUNDING = 4e-15  # of evaluating polynomial and erf, both of size one
scales = pytest.mark.parametrize("scale", SCALES)


@functools.cache
def approximant(scale: float, degree: int) -> polynomials.Polynomial:
    return jax.tree.map(np.asarray, erf(scale, degree=degree))


def errors(coeffs: np.ndarray, scale: float) -> tuple[float, float]:
    """max |P - f|, and max |P - f|/|x| where rounding does not hide it."""
    difference = np.abs(series.chebval(X, coeffs) - scipy.special.erf(scale * X))
    return difference.max(), (difference / X)[X > 1e-2].max()


def slope_at_zero(coeffs: np.ndarray) -> float:
    return series.chebval(0, series.chebder(coeffs))


# Below degree 101 the Gaussian of scale 20 is not resolved by the samples: what they fold back is part of the bound.
@pytest.mark.x64
@pytest.mark.parametrize("degree", [1, 3, 9, 25, 101])
@scales
def test_the_coefficients_are_those_of_low_and_chuang(scale, degree):
    if scale < 20 or degree > 100:
        poly = approximant(scale, degree)
        np.testing.assert_allclose(poly.coeffs, erf_coeffs(degree, scale), rtol=0, atol=2e-15 * scale)
        assert (poly.degree, poly.parity) == (degree, "odd")
        assert not np.any(poly.coeffs[::2])


@pytest.mark.numerics
def test_the_coefficients_hold_in_either_precision(tol):
    for scale in SCALES[:-1]:
        expected = erf_coeffs(25, scale)
        np.testing.assert_allclose(approximant(scale, 25).coeffs, expected, rtol=0, atol=tol("exact", factor=scale))


@pytest.mark.x64
@pytest.mark.parametrize("degree", [1, 3, 5, 7, 9, 11, 13, 15, 25, 51, 101])
@scales
def test_no_error_is_above_its_bound(scale, degree):
    poly = approximant(scale, degree)
    absolute, relative = errors(poly.coeffs, scale)
    slope_error = abs(slope_at_zero(poly.coeffs) - 2 * scale / np.sqrt(np.pi))  # |P - f|/|x| at x = 0
    assert absolute <= poly.error_bound + ROUNDING
    assert relative <= poly.relative_bound + 100 * ROUNDING
    assert slope_error <= poly.relative_bound + degree**2 * ROUNDING


@pytest.mark.x64
@pytest.mark.parametrize("degree", range(3, 16, 2))
@pytest.mark.parametrize("scale", [0.8, 1.6])
def test_the_bounds_are_within_a_tenth_of_the_errors(scale, degree):
    poly = approximant(scale, degree)
    slope_error = abs(slope_at_zero(poly.coeffs) - 2 * scale / np.sqrt(np.pi))
    # Degree 3: the extrema of the tail's first integrals, cos(pi/4j) below what bounds them, also lie far apart.
    assert poly.error_bound <= (1.1 if degree > 3 else 1.25) * errors(poly.coeffs, scale)[0] + ROUNDING
    assert poly.relative_bound <= 1.1 * slope_error + ROUNDING


@pytest.mark.x64
@pytest.mark.parametrize(("scale", "degree"), [(0.8, 25), (1.6, 25), (5.0, 101)])
def test_bounds_far_below_rounding_hold_in_exact_arithmetic(scale, degree):
    """With 50 digits: coefficients from Bessel functions, the error on a grid, both bounds."""
    with mpmath.workdps(50):
        m = mpmath.mpf(scale)
        z, half = m * m / 2, (degree - 1) // 2
        bessel = [(-1) ** j * mpmath.besseli(j, z) * mpmath.exp(-z) for j in range(half + 1)]

        def error(x: mpmath.mpf) -> mpmath.mpf:
            total = bessel[0] * x
            for j in range(1, half + 1):
                upper, lower = mpmath.chebyt(2 * j + 1, x), mpmath.chebyt(2 * j - 1, x)
                total += bessel[j] * (upper / (2 * j + 1) - lower / (2 * j - 1))
            return abs(total * 2 * m / mpmath.sqrt(mpmath.pi) - mpmath.erf(m * x))

        grid = [mpmath.mpf(k) / 30 for k in range(1, 31)]
        found = [error(x) for x in grid]
        poly = approximant(scale, degree)
        assert max(found) < 1e-13
        proven = _erf._erf(Library(np, scipy.special, np.dtype(float), 0.0), degree, scale)  # of truncation alone
        assert max(found) <= float(proven.truncation) <= 1.5 * max(found)
        assert max(e / x for e, x in zip(found, grid, strict=True)) <= float(proven.relative)
        assert poly.error_bound > proven.truncation and poly.relative_bound > proven.relative


@pytest.mark.x64
@pytest.mark.parametrize(("scale", "eps"), [(1.6, 1e-12), (20.0, 1e-4)])
def test_the_degree_for_an_error_reaches_it_and_is_the_smallest(scale, eps):
    poly = erf(scale, eps=eps)
    assert poly.error_bound <= eps
    assert errors(np.asarray(poly.coeffs), scale)[0] <= eps
    assert approximant(scale, poly.degree - 2).error_bound > eps


@pytest.mark.x64
def test_the_degrees_are_those_of_the_table():
    """Measured needs of the exact polynomial; the bound takes one step more at most."""
    table = {0.8: (3, 7, 9, 11, 13, 15), 1.6: (5, 11, 13, 17, 21, 23)}
    for scale, needed in table.items():
        taken = [erf(scale, eps=10.0 ** (-2 * k)).degree for k in range(1, 7)]
        assert all(need <= take <= need + 2 for need, take in zip(needed, taken, strict=True))


@pytest.mark.x64
@scales
def test_the_lipschitz_constant_and_the_sup_bound_are_those_of_erf(scale):
    poly = approximant(scale, 101)
    assert poly.lipschitz == pytest.approx(2 * scale / np.sqrt(np.pi), rel=1e-15)
    largest = np.abs(series.chebval(X, poly.coeffs)).max()
    assert largest <= poly.sup_bound <= 1.02 * largest


@pytest.mark.x64
@pytest.mark.parametrize("degree", [3, 5, 9, 15])
@pytest.mark.parametrize("scale", [0.8, 1.0, 1.6])
def test_the_sum_of_the_quotient_is_its_maximum_for_erf(scale, degree):
    """So the activation's normalization is max|P(x)/x|, attained at 0, and no more."""
    coeffs = approximant(scale, degree).coeffs
    total = float(np.abs(chebyshev.quotient(coeffs)).sum())
    assert total == pytest.approx(slope_at_zero(coeffs), rel=1e-12)
    assert np.abs(series.chebval(X, coeffs) / X).max() <= total * (1 + 1e-12)


@pytest.mark.x64
def test_the_sum_of_the_quotient_exceeds_its_maximum_for_other_polynomials():
    """Random coefficients of degree 21: the sum is a norm of its own."""
    coeffs = np.where(np.arange(22) % 2, real(22), 0)
    largest = np.abs(series.chebval(X, coeffs) / X).max()
    assert float(np.abs(chebyshev.quotient(coeffs)).sum()) > 1.1 * largest


@pytest.mark.numerics
def test_a_traced_scale_gives_the_same_polynomial_and_its_derivative(tol):
    @jax.jit
    def traced(scale):
        poly = erf(scale, degree=9)
        return poly.coeffs, poly.error_bound, poly.relative_bound, poly.lipschitz

    poly = erf(1.3, degree=9)
    coeffs, *bounds = traced(1.3)
    np.testing.assert_allclose(coeffs, poly.coeffs, rtol=0, atol=tol("exact"))
    np.testing.assert_allclose(bounds, [poly.error_bound, poly.relative_bound, poly.lipschitz], rtol=tol())
    along = real(10)
    slope = jax.grad(lambda scale: jnp.vdot(jnp.asarray(along), erf(scale, degree=9).coeffs))(1.3)
    reference = derivative(lambda scale: along @ erf_coeffs(9, float(scale)), np.array(1.3), np.array(1.0))
    assert abs(float(slope) - reference) <= tol("gradient")


@pytest.mark.parametrize(
    ("scale", "options", "message"),
    [
        (0.8, {}, "degree=None and eps=None"),
        (0.8, {"degree": 3, "eps": 1e-3}, "degree=3 and eps=0.001"),
        (0.8, {"degree": 4}, "`degree` must be odd and positive, but is 4"),
        (0.8, {"degree": -1}, "`degree` must be odd and positive, but is -1"),
        (0.0, {"degree": 3}, "`scale` must be positive and finite, but is 0.0"),
        (-1.0, {"degree": 3}, "`scale` must be positive and finite, but is -1.0"),
        (np.nan, {"degree": 3}, "`scale` must be positive and finite, but is nan"),
        (np.inf, {"degree": 3}, "`scale` must be positive and finite, but is inf"),
        (0.8, {"eps": 0.0}, "`eps` must .* 0.0"),
        (0.8, {"eps": -1.0}, "`eps` must .* -1.0"),
        (0.8, {"eps": np.nan}, "`eps` must .* nan"),
        (1e7, {"eps": 1e-3}, "`eps` must be reached by a degree of at most 100001, but 0.001 is not"),
    ],
)
def test_arguments_that_give_no_erf_polynomial_raise(scale, options, message):
    with pytest.raises(ValueError, match=message):
        erf(scale, **options)


def test_a_traced_scale_with_an_error_instead_of_a_degree_raises():
    with pytest.raises(ValueError, match="`eps` must come with concrete parameters"):
        jax.jit(lambda scale: erf(scale, eps=1e-3).coeffs)(0.8)


@pytest.mark.numerics
def test_an_error_below_rounding_is_refused_and_the_remedy_named():
    with pytest.raises(
        ValueError, match=r"`eps` must be at least the rounding 1\.2e-07 of float32, but is 1e-09; float64"
    ):
        erf(np.float32(0.8), eps=1e-9)
