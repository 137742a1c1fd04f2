"""Chebyshev series against numpy.polynomial.chebyshev."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.polynomial import chebyshev as series

from qla_jax import polynomials
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
def test_interpolation_at_the_nodes_reproduces_a_polynomial(degree, tol):
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


@pytest.mark.parametrize(("degree", "array"), [*((degree, np.asarray) for degree in DEGREES), (5, jnp.asarray)])
def test_the_derivative_is_that_of_the_series(degree, array, tol):
    coeffs = coefficients(degree)
    expected = np.zeros(max(degree, 1))
    expected[: len(series.chebder(coeffs))] = series.chebder(coeffs)
    found = chebyshev.derivative(array(coeffs))
    assert not np.any(np.asarray(found)[len(expected) :])
    np.testing.assert_allclose(found[: len(expected)], expected, rtol=0, atol=tol("exact", factor=degree**2 + 1))


@pytest.mark.parametrize("degree", [*DEGREES, 60])
def test_divided_differences_are_means_of_the_derivative_between(degree, tol):
    """By Gauss quadrature, exact for polynomials; at equal, at close and at distant points."""
    coeffs, x = coefficients(degree), np.array([-1.0, -0.3, 0.5, 0.5 + 1e-9, 1.0])
    points, weights = np.polynomial.legendre.leggauss(degree // 2 + 1)
    between = x[:, None, None] + (x[None, :, None] - x[:, None, None]) * (points + 1) / 2
    expected = series.chebval(between, series.chebder(coeffs)) @ weights / 2
    found = chebyshev.divided_differences(jnp.asarray(coeffs), x, x)
    assert found.shape == (5, 5)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tol("exact", factor=10 * (degree + 1) ** 2))


@pytest.mark.parametrize(("degree", "array"), [*((degree, np.asarray) for degree in (1, 3, 5, 21)), (5, jnp.asarray)])
def test_the_quotient_times_the_argument_is_the_polynomial(degree, array, tol):
    coeffs = coefficients(degree, "odd")
    quotient = np.asarray(chebyshev.quotient(array(coeffs)), float)
    even = np.zeros(degree)
    even[::2] = quotient
    np.testing.assert_allclose(series.chebmulx(even), coeffs, rtol=0, atol=tol("exact", factor=degree))


@pytest.mark.parametrize("parity", ["none", "odd", "even"])
@pytest.mark.parametrize("degree", [1, 2, 5, 12, 33])
def test_the_sup_bound_is_above_the_maximum_by_at_most_two_percent(degree, parity, tol):
    coeffs = coefficients(degree, parity)
    largest = np.abs(series.chebval(np.cos(np.linspace(0, np.pi, 40001)), coeffs)).max()
    bound = float(chebyshev.sup_bound(jnp.asarray(coeffs) if degree in (12, 33) else coeffs))
    assert largest * (1 - tol("exact")) <= bound <= largest * 1.02 + 1e-6


def test_the_sup_bound_sees_a_maximum_between_its_samples():
    """T_d peaks between any set of nodes once shifted: the largest sample alone would be below the maximum."""
    degree = 5
    angle = np.pi / (2 * 8 * (degree + 1))  # half a spacing of the samples
    coeffs = np.zeros(degree + 1)
    coeffs[degree] = 1
    samples = np.abs(series.chebval(chebyshev.nodes(8 * (degree + 1)), coeffs)).max()
    assert samples < 1 <= float(chebyshev.sup_bound(jnp.asarray(coeffs))) <= 1 / np.cos(degree * angle) + 1e-6


@pytest.mark.parametrize("degree", [0, 3, chebyshev.MATRIX_SIZE - 1, chebyshev.MATRIX_SIZE, 97])
@pytest.mark.parametrize("extra", [1, 4, 98])
def test_values_at_nodes_and_interpolation_invert_each_other_by_matrix_and_by_fourier(degree, extra, tol):
    """Complex coefficients, with NumPy."""
    coeffs, count = coefficients(degree) + 1j * coefficients(degree)[::-1], degree + extra
    values = chebyshev.at_nodes(coeffs, count)
    np.testing.assert_allclose(values, series.chebval(chebyshev.nodes(count), coeffs), rtol=0, atol=tol("exact"))
    np.testing.assert_allclose(chebyshev.interpolate(values), np.pad(coeffs, (0, extra - 1)), rtol=0, atol=tol("exact"))


@pytest.mark.parametrize("degree", [3, 40])
def test_the_transforms_of_jax_are_those_of_numpy(degree, tol):
    coeffs, count = coefficients(degree) + 1j * coefficients(degree)[::-1], degree + 2

    @jax.jit
    def both(coeffs):
        values = chebyshev.at_nodes(coeffs, count)
        return values, chebyshev.interpolate(values)

    values, back = both(jnp.asarray(coeffs))
    np.testing.assert_allclose(values, chebyshev.at_nodes(coeffs, count), rtol=0, atol=tol("exact"))
    np.testing.assert_allclose(back, np.pad(coeffs, (0, 1)), rtol=0, atol=tol("exact"))


def test_nodes_keep_their_digits_near_zero():
    x = chebyshev.nodes(10_000)
    np.testing.assert_array_equal(x, -x[::-1])
    np.testing.assert_allclose(x[4999], np.pi / 20_000 * (1 - (np.pi / 20_000) ** 2 / 6), rtol=1e-15)


@pytest.mark.parametrize(("left", "right"), [(0, 0), (0, 5), (3, 4), (20, 40)])
def test_the_product_is_that_of_the_values(left, right, tol):
    first, second = coefficients(left), 1j * coefficients(right)
    found = chebyshev.multiply(first, second)
    assert len(found) == left + right + 1
    np.testing.assert_allclose(found, series.chebmul(first, second), rtol=0, atol=tol("exact"))


def test_the_parity_parts_add_up_and_have_their_parity(tol):
    coeffs = coefficients(8)
    even, odd = chebyshev.parity_parts(coeffs)
    np.testing.assert_array_equal(even + odd, coeffs)
    for part, sign in ((even, 1), (odd, -1)):
        np.testing.assert_allclose(series.chebval(-X, part), sign * series.chebval(X, part), rtol=0, atol=tol("exact"))


@pytest.mark.parametrize("degree", [0, 1, 2, 7, 30])
def test_monomials_become_chebyshev_polynomials(degree, tol):
    monomial = coefficients(degree)
    found = chebyshev.from_monomial(monomial)
    np.testing.assert_allclose(found, series.poly2cheb(monomial), rtol=0, atol=tol("exact"))
    assert chebyshev.from_monomial([1, 2]).dtype == jnp.result_type(float)


def test_monomials_of_high_degree_are_warned_about():
    with pytest.warns(UserWarning, match="monomial coefficients of degree 31 > 30 lose up to 12 digits"):
        chebyshev.from_monomial(np.ones(32))


@pytest.mark.parametrize("degree", [5, 40])
def test_the_sup_bound_of_a_complex_polynomial_bounds_its_modulus(degree, tol):
    """T_d(x) e^{i phase(x)}-like: real and imaginary part peak apart."""
    coeffs = coefficients(degree) + 1j * coefficients(degree)[::-1]
    largest = np.abs(series.chebval(np.cos(np.linspace(0, np.pi, 40001)), coeffs)).max()
    bound = float(chebyshev.sup_bound(jnp.asarray(coeffs)))
    assert largest * (1 - tol("exact")) <= bound <= largest * 1.02 + 1e-5
    assert np.isrealobj(np.asarray(bound))
    assert chebyshev.sup_bound(coeffs) == pytest.approx(bound, rel=10 * tol("exact"))


def test_more_oversampling_gives_a_tighter_sup_bound():
    coeffs = np.eye(31)[30]
    for oversampling, excess in ((2, 0.5), (8, 0.02), (112, 1e-4)):
        assert 1 <= chebyshev.sup_bound(coeffs, oversampling=oversampling) <= 1 + excess


@pytest.mark.x64
def test_a_series_of_degree_1e5_is_fast():
    """O(d log d): the square of the degree would take a minute and 80 GB."""
    coeffs = 0.5 ** np.arange(100_001.0)
    assert 2 <= chebyshev.sup_bound(coeffs) <= 2.04
    assert 2 <= jax.jit(chebyshev.sup_bound)(jnp.asarray(coeffs)) <= 2.04
    slope = chebyshev.derivative(jnp.asarray(coeffs))
    assert len(slope) == 100_000
    assert float(slope.sum()) == pytest.approx(sum(k * k * 0.5**k for k in range(200)), rel=1e-12)  # P'(1)


@pytest.mark.parametrize(
    "operation",
    [
        lambda c: chebyshev.evaluate(c, jnp.asarray(0.3)),
        lambda c: chebyshev.rescale(c, jnp.asarray(1.5)).sum(),
        lambda c: chebyshev.derivative(c).sum(),
        lambda c: chebyshev.quotient(c).sum(),
        lambda c: chebyshev.multiply(c, jnp.ones(40, c.dtype))[7],
    ],
    ids=["evaluate", "rescale", "derivative", "quotient", "multiply"],
)
def test_gradients_in_the_coefficients_are_finite_differences(operation, tol):
    coeffs, step = coefficients(5), real(6)
    slope = jnp.vdot(jax.jit(jax.grad(operation))(jnp.asarray(coeffs)), jnp.asarray(step))
    with jax.enable_x64(True):  # the operation is linear: only rounding is left of its differences
        reference = derivative(lambda c: float(operation(jnp.asarray(c))), coeffs, step)
    assert abs(float(slope) - reference) <= tol("gradient", factor=max(1.0, abs(reference)))


def test_a_polynomial_from_coefficients_is_its_own_target():
    poly = polynomial([0, 1, 0, 2], "odd")
    assert (poly.degree, poly.parity, poly.error_bound, poly.relative_bound) == (3, "odd", 0, 0)
    assert poly(0.5) == 0.5 + 2 * (4 * 0.125 - 1.5)
    assert 3 <= poly.sup_bound <= 3.06


def test_a_complex_polynomial_keeps_its_coefficients():
    poly = polynomial([0, 1j, 0, 1.0], "odd")
    assert jnp.iscomplexobj(poly.coeffs)
    assert complex(poly(0.5)) == pytest.approx(0.5j + (4 * 0.125 - 1.5), rel=1e-6)
    assert not jnp.iscomplexobj(poly.sup_bound)
    assert not jnp.iscomplexobj(poly.error_bound)


def test_scaling_multiplies_known_bounds_and_keeps_unknown_ones(tol):
    poly = polynomial([0.5, 0.0, 2.0], "even").replace(
        error_bound=jnp.asarray(0.25), relative_bound=jnp.asarray(jnp.inf), lipschitz=jnp.asarray(3.0)
    )
    half = poly.scaled(-0.5)
    np.testing.assert_array_equal(half.coeffs, [-0.25, 0.0, -1.0])
    assert (half.error_bound, half.relative_bound, half.lipschitz) == (0.125, jnp.inf, 1.5)
    assert half.sup_bound == pytest.approx(float(poly.sup_bound) / 2)
    nothing = poly.scaled(0.0)
    assert (nothing.error_bound, nothing.relative_bound, nothing.sup_bound) == (0.0, jnp.inf, 0.0)
    below = poly.scaled(1 / poly.sup_bound)
    assert abs(float(below.sup_bound) - 1) <= tol("exact")
    assert polynomial([1.0], "even").scaled(2.0).lipschitz is None


def test_covers_is_true_exactly_in_the_domain_of_a_polynomial():
    everywhere = polynomial([0.0, 1.0], "odd")
    assert everywhere.covers(jnp.asarray([-1.0, 0.0, 1.0])).all()
    assert not everywhere.covers(1.5)
    sign = polynomials.sign(0.25, degree=3)
    np.testing.assert_array_equal(sign.covers(jnp.asarray([-1.0, -0.3, -0.2, 0.0, 0.3, 1.1])), [1, 1, 0, 0, 1, 0])
    assert jax.jit(jax.vmap(lambda gap: polynomials.sign(gap, degree=3).covers(0.3)))(
        jnp.asarray([0.2, 0.4])
    ).tolist() == [
        True,
        False,
    ]


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
def test_arguments_that_give_no_polynomial_raise(coeffs, parity, message):
    with pytest.raises(ValueError, match=message):
        polynomial(coeffs, parity)
