"""What the proofs rest on: bounds on ellipses, the closed forms and their constants, each against mpmath."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import scipy.special
from numpy.polynomial import chebyshev as series

from qla_jax import polynomials
from qla_jax.polynomials import activations, ellipse, exponential, gap, jacobi_anger, powers, steps
from qla_jax.polynomials import error_functions as _erf
from qla_jax.polynomials import gaussians as _gaussian
from qla_jax.polynomials.approximant import Library
from qla_jax.polynomials.binomial import central_binomial

pytestmark = pytest.mark.x64

LIB = Library(np, scipy.special, np.dtype(float), float(np.finfo(float).eps))

# module, builder, parameters, the sampled function at complex points
ANALYTIC = [
    (jacobi_anger, "_cos", (7.0,), lambda z, t: np.cos(t * z)),
    (jacobi_anger, "_sin", (-7.0,), lambda z, t: np.sin(t * z)),
    (exponential, "_exp", (-3.0,), lambda z, b: np.exp(-b * z)),
    (exponential, "_exp_decay", (9.0,), lambda z, b: np.exp(-b * (1 + z))),
    (_gaussian, "_gaussian", (4.0,), lambda z, m: np.exp(-((m * z) ** 2))),
    (activations, "_tanh", (6.0,), lambda z, k: np.tanh(k * z)),
    (activations, "_softplus", (6.0,), lambda z, k: np.log(1 + np.exp(k * z)) / k),
    (activations, "_softplus", (0.3,), lambda z, k: np.log(1 + np.exp(k * z)) / k),
    (steps, "_step", (0.3, 0.2), None),
    (steps, "_rectangle", (0.5, 0.2), None),
]


@pytest.fixture
def target(monkeypatch):
    """The target that a family would truncate."""

    def of(module, builder, parameters):
        monkeypatch.setattr(module, "truncation", lambda lib, degree, parity, target: target)
        return getattr(module, builder)(LIB, 12, *parameters)

    return of


@pytest.mark.parametrize(
    ("module", "builder", "parameters", "function"), ANALYTIC, ids=[f"{case[1]}{case[2]}" for case in ANALYTIC]
)
def test_inside_its_ellipses_no_function_is_above_its_bound(target, module, builder, parameters, function):
    found = target(module, builder, parameters)
    with np.errstate(all="ignore"):
        for eta, log_bound in zip(np.asarray(found.etas)[::7], np.asarray(found.log_bounds)[::7], strict=True):
            z = np.cosh(eta + 1j * np.linspace(0, 2 * np.pi, 501))
            values = found.function(z) if function is None else function(z, *parameters)
            largest = np.abs(values).max()
            if np.isfinite(largest) and eta < 3:
                assert math.log(largest) <= log_bound + 1e-6 * (1 + abs(log_bound))
    x = np.linspace(-1, 1, 4001)
    assert np.abs(found.function(x)).max() <= found.sup * (1 + 1e-12)
    assert np.abs(np.diff(found.function(x)) / np.diff(x)).max() <= found.slope * (1 + 1e-9)


@pytest.mark.parametrize("a", [0.01, 0.3])
@pytest.mark.parametrize("q", [-1.5, -0.5, 0.25, 1.0, 1.3])
def test_inside_its_ellipses_no_power_is_above_its_bound(q, a):
    for eta, log_bound in zip(*powers._ellipses(LIB, np.float64(q), np.float64(a)), strict=True):
        y = np.cosh(eta + 1j * np.linspace(0, 2 * np.pi, 2001))
        s = ((1 - a * a) * y + 1 + a * a) / 2
        assert q * np.log(np.abs(s)).max() <= log_bound + 1e-6 or q < 0
        assert q * np.log(np.abs(s)).min() <= log_bound + 1e-6 or q >= 0


@pytest.mark.parametrize("count", [8, 24, 60])
def test_the_error_of_interpolation_is_below_its_bound(count):
    """1/(1 + 16 x^2): poles at i/4: the bound falls like the error."""
    rho = 1 / 4 + math.sqrt(1 + 1 / 16)
    etas = math.log(rho) * ellipse.FRACTIONS
    bounds = -np.log(1 - 16 * np.sinh(etas) ** 2)  # |1 + 16 z^2| is smallest at the semi-axis i sinh(eta)
    x = np.linspace(-1, 1, 4001)
    poly = polynomials.chebyshev.interpolate(1 / (1 + 16 * polynomials.chebyshev.nodes(count) ** 2))
    error = np.abs(series.chebval(x, poly) - 1 / (1 + 16 * x * x)).max()
    assert error <= ellipse.interpolation_error(LIB, count, etas, bounds) <= 300 * error


@pytest.mark.parametrize("count", [3, 10])
def test_the_bound_of_interpolation_is_within_two_of_the_error_for_what_vanishes_at_the_nodes(count):
    """T_N at its own zeros: the interpolant is 0 and the error 1; the bound tends to 2 for wide ellipses."""
    etas = ellipse.ENTIRE
    log_bounds = np.log(np.cosh(count * etas))
    assert 1 <= ellipse.interpolation_error(LIB, count, etas, log_bounds) <= 2.001
    bound = ellipse._relative_interpolation_error(LIB, count, etas, log_bounds)
    assert bound >= (count if count % 2 else 0)  # |T_N(x)| <= N|x|, sharp at 0 for odd N


def test_the_constant_of_steps_is_that_of_dawson():
    y = np.linspace(0, 5, 100_001)
    largest = 2 / math.sqrt(math.pi) * scipy.special.dawsn(y).max()
    assert largest <= steps.ERFI <= 1.001 * largest


@pytest.mark.parametrize("scale", [0.5, 5.0, 40.0, 400.0])
def test_the_tails_of_erf_are_sums_of_bessel_functions(scale):
    z = scale**2 / 2
    tails, short = _erf._tails(LIB, scale, int(10 * scale) + 12), _erf._tails(LIB, scale, 12)
    for last in (0, 1, 5, 11):
        exact = scipy.special.ive(np.arange(last + 1, last + 8000), z).sum()
        assert exact * (1 - 1e-9) <= tails[last] <= 1.1 * exact
        assert exact * (1 - 1e-9) <= short[last]  # where the last term is not yet small, the geometric rest carries it


@pytest.mark.parametrize("b", [0.0, 1.0, 2.0, 7.0, 100.0, 12345.0, 1e8])
def test_the_middle_of_the_binomial_distribution_is_exact_to_rounding(b):
    with mpmath.workdps(40):
        exact = mpmath.gamma(b + mpmath.mpf(1) / 2) / mpmath.sqrt(mpmath.pi) / mpmath.gamma(b + 1)
        assert abs(central_binomial(LIB, b) / exact - 1) < 4e-15


@pytest.mark.parametrize("power", [0, 1, 2, 5, 40, 61])
def test_the_coefficients_of_a_monomial_are_binomial(power):
    poly = polynomials.monomial(power, degree=power)
    for k in range(power + 1):
        exact = Fraction(2 * math.comb(power, (power - k) // 2), 2**power) if (power - k) % 2 == 0 else Fraction(0)
        assert float(poly.coeffs[k]) == pytest.approx(float(exact / 2 if k == 0 else exact), rel=1e-13)


def test_the_coefficients_are_bessel_functions_with_the_signs_of_the_literature():
    k = np.arange(21)
    even, odd = k % 2 == 0, k % 2 == 1
    double = np.where(k, 2, 1)
    cos = double * even * (-1.0) ** (k // 2) * scipy.special.jv(k, 3.0)
    sin = double * odd * (-1.0) ** (k // 2) * scipy.special.jv(k, 3.0)
    exp = double * (-1.0) ** k * scipy.special.iv(k, 3.0)
    gaussian = double * even * (-1.0) ** (k // 2) * scipy.special.ive(k // 2, 4.5)
    np.testing.assert_allclose(polynomials.cos(3.0, degree=20).coeffs, cos, rtol=0, atol=1e-15)
    np.testing.assert_allclose(polynomials.sin(3.0, degree=19).coeffs, sin[:-1], rtol=0, atol=1e-15)
    np.testing.assert_allclose(polynomials.exp(3.0, degree=20).coeffs, exp, rtol=0, atol=2e-14)
    np.testing.assert_allclose(polynomials.exp_decay(3.0, degree=20).coeffs, exp * np.exp(-3), rtol=0, atol=1e-15)
    np.testing.assert_allclose(polynomials.gaussian(3.0, degree=20).coeffs, gaussian, rtol=0, atol=1e-15)


@pytest.mark.parametrize(("n", "kappa"), [(1, 1.5), (2, 1.5), (9, 1.5), (1, 10.0), (9, 10.0), (40, 10.0), (40, 200.0)])
def test_the_inverse_equioscillates_so_that_no_better_one_exists(n, kappa):
    """On [1/kappa, 1] n + 1 alternating extrema of the error, all as large as the bound: Chebyshev's theorem."""
    poly = polynomials.inverse(kappa, degree=2 * n - 1)
    half = np.linspace(0, np.pi, 200 * n + 1)
    a = 1 / kappa
    x = np.sqrt(((1 - a * a) * np.cos(half) + 1 + a * a) / 2)
    error = series.chebval(x, np.asarray(poly.coeffs)) - 1 / x
    size = float(poly.error_bound)
    assert np.abs(error).max() == pytest.approx(size, rel=1e-9)
    at_extremes = np.abs(error) > size * (1 - 1e-4)
    signs = np.sign(error[at_extremes])
    assert 1 + np.count_nonzero(np.diff(signs)) == n + 1


@pytest.mark.parametrize("last", [0, 1, 5])
def test_the_inverse_of_childs_kothari_and_somma_is_their_sum_of_binomials(last):
    kappa = 3.0
    b = math.floor(kappa * (last + 1))
    expected = np.zeros(2 * last + 2)
    for j in range(last + 1):
        total = sum(math.comb(2 * b, b + i) for i in range(j + 1, b + 1))
        expected[2 * j + 1] = 4 * (-1) ** j * total / 4**b
    np.testing.assert_allclose(polynomials.inverse_cks(kappa, degree=2 * last + 1).coeffs, expected, atol=1e-14)


def test_the_optimal_inverse_has_half_the_degree_and_a_smaller_maximum():
    best, other = polynomials.inverse(20.0, eps=1e-6), polynomials.inverse_cks(20.0, eps=1e-6)
    assert best.degree < 0.55 * other.degree
    assert best.sup_bound < other.sup_bound


@pytest.mark.parametrize("a", [0.01, 0.4])
def test_chebyshev_polynomials_across_a_gap_are_those_of_mpmath(a):
    for k in (0, 1, 6, 30):
        x = np.array([0.0, 1e-8, a / 3, a * (1 - 1e-9), a, a * (1 + 1e-9), 0.5, 0.99])
        with mpmath.workdps(40):
            big = mpmath.mpf(a)
            y = [(2 * mpmath.mpf(v) ** 2 - 1 - big**2) / (1 - big**2) for v in x]
            exact = [(-1) ** k * mpmath.chebyt(k, v) * ((1 - big) / (1 + big)) ** k for v in y]
        np.testing.assert_allclose(
            gap.scaled_chebyshev(LIB, k, x, np.sqrt((1 - x) * (1 + x)), a), np.array(exact, float), rtol=0, atol=1e-13
        )


@pytest.mark.parametrize("width", [0.02, 0.3])
def test_sign_has_half_the_degree_of_erf_and_stays_bounded_in_the_gap(width):
    poly = polynomials.sign(width, eps=1e-6)
    steep = polynomials.step(0.0, width, eps=5e-7)
    assert poly.degree < 0.6 * steep.degree
    inside = np.linspace(-width, width, 5001)
    assert np.abs(series.chebval(inside, np.asarray(poly.coeffs))).max() <= 1 + 1e-6


def in_extended_precision(coeffs: np.ndarray, x: mpmath.mpf) -> mpmath.mpf:
    """Clenshaw's recurrence with 50 digits on the stored coefficients."""
    now, before = mpmath.mpf(0), mpmath.mpf(0)
    for c in coeffs[:0:-1]:
        now, before = 2 * x * now - before + mpmath.mpf(float(c)), now
    return x * now - before + mpmath.mpf(float(coeffs[0]))


# Crude approximants: the error is as large as the bound, and the degree squared multiplies rounding next to x = 1.
OUTWARDS = [
    (polynomials.inverse, (1000.0, 0.9), lambda x, kappa: 1 / x, lambda kappa: 1 / kappa),
    (polynomials.inverse, (100.0, 0.9), lambda x, kappa: 1 / x, lambda kappa: 1 / kappa),
    (polynomials.inverse, (3000.0, 0.99), lambda x, kappa: 1 / x, lambda kappa: 1 / kappa),
    (polynomials.eigenstate_filter, (1e-3, 0.9), lambda x, gap: 0, lambda gap: gap),
    (polynomials.eigenstate_filter, (1e-2, 0.5), lambda x, gap: 0, lambda gap: gap),
    (polynomials.erf, (3.0, 2e-14), lambda x, scale: mpmath.erf(scale * x), lambda scale: 0.0),
    (polynomials.erf, (0.1, 1e-15), lambda x, scale: mpmath.erf(scale * x), lambda scale: 0.0),
    (polynomials.sin, (20.0, 1e-13), lambda x, time: mpmath.sin(time * x), lambda time: 0.0),
    (polynomials.cos, (300.0, 1e-12), lambda x, time: mpmath.cos(time * x), lambda time: 0.0),
]


@pytest.mark.parametrize(
    ("build", "given", "target", "start"), OUTWARDS, ids=lambda case: getattr(case, "__name__", "")
)
@pytest.mark.sample(2)
def test_proven_bounds_are_rounded_up(build, given, target, start):
    scale, eps = given
    poly = build(scale, eps=eps)
    coeffs, low = np.asarray(poly.coeffs), start(scale)
    with mpmath.workdps(50):
        places = [
            1.0,
            np.nextafter(1, 0),
            1 - 1e-9,
            0.999,
            0.9,
            0.5,
            (1 + low) / 2,
            low * (1 + 1e-12) + 1e-3 * (low == 0),
        ]
        errors = [
            abs(in_extended_precision(coeffs, mpmath.mpf(x)) - target(mpmath.mpf(x), mpmath.mpf(scale))) for x in places
        ]
        assert max(errors) <= float(poly.error_bound) <= eps


def test_a_degree_that_leaves_no_truncation_leaves_rounding():
    """The bound is what the stored coefficients are off by, not 1e-97."""
    poly = polynomials.erf(0.1, degree=51)
    coeffs = np.asarray(poly.coeffs)
    with mpmath.workdps(50):
        errors = [
            abs(in_extended_precision(coeffs, x) - mpmath.erf(x * mpmath.mpf(0.1))) for x in map(mpmath.mpf, (1, 0.7))
        ]
        assert 1e-19 < max(errors) <= float(poly.error_bound) < 1e-15


@pytest.mark.parametrize("seed", range(4))
def test_the_error_of_exponentials_is_below_its_bound_to_the_last_rounding(seed):
    """Small beta and degrees: there rounding of the coefficients is all of the error."""
    rng = np.random.default_rng(seed)
    with mpmath.workdps(40):
        for _ in range(15):
            beta, degree = float(10 ** rng.uniform(-4, 1)), int(rng.integers(6, 14))
            poly = polynomials.exp(beta, degree=degree)
            errors = [
                abs(clenshaw(np.asarray(poly.coeffs), x) - mpmath.exp(-mpmath.mpf(beta) * x))
                for x in (mpmath.cos(mpmath.pi * k / 100) for k in range(101))
            ]
            assert max(errors) <= mpmath.mpf(float(poly.error_bound)), (beta, degree)


def clenshaw(coeffs: np.ndarray, x: mpmath.mpf) -> mpmath.mpf:
    now, before = mpmath.mpf(0), mpmath.mpf(0)
    for c in coeffs[:0:-1]:
        now, before = 2 * x * now - before + mpmath.mpf(float(c)), now
    return x * now - before + mpmath.mpf(float(coeffs[0]))
