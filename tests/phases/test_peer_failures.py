"""Silent failures seen in other packages, each as a test that this one must pass.

Named by what went wrong there: PennyLane 0.45, Qrisp 0.9, pyqsp 0.2.
"""

import jax
import numpy as np
import pytest
from numpy.polynomial import chebyshev as series

from qla_jax.phases import solve
from qla_jax.phases.backends import NUMPY
from qla_jax.phases.solve import phase_factors
from tests.phases.targets import Target, cosine_coeffs, largest_error, points, random_coeffs, sup_norm

pytestmark = pytest.mark.x64


@pytest.mark.parametrize("degree", [68, 110])
def test_phase_factors_lose_no_digits_to_monomial_coefficients(degree):
    """PennyLane's angles, from monomial coefficients, are off by 7e-5 at 68, and refused at 110 for a wrong reason."""
    target = Target("", cosine_coeffs(degree) * 0.9, 0.9)
    ph = phase_factors(target.coeffs)
    assert largest_error(ph.values, target, points()) <= 1e-14


def test_a_peak_between_the_usual_sample_points_is_found():
    """PennyLane looks at -1, 0 and 1; this polynomial is small there and reaches 1.01 elsewhere."""
    x = np.cos(np.pi * (np.arange(33) + 0.5) / 33)
    bumps = np.exp(-200 * (x - 0.42) ** 2) + np.exp(-200 * (x + 0.42) ** 2)
    coeffs = series.chebfit(x, bumps, 32)
    coeffs[1::2] = 0
    coeffs *= 1.01 / sup_norm(coeffs)
    assert np.abs(series.chebval([-1, 0, 1], coeffs)).max() < 0.05
    with pytest.raises(ValueError, match=r"but reaches 1\.0\d+; nothing is rescaled here: .* less than 0\.99"):
        phase_factors(coeffs)
    ph = jax.jit(phase_factors)(coeffs)
    assert not ph.converged and np.isinf(ph.residual)


@pytest.mark.parametrize(
    ("degree", "sup"),
    [(1023, 0.5), (1100, 0.99), (4000, 0.5), *(pytest.param(d, 0.99, marks=pytest.mark.slow) for d in (2048, 10_000))],
)
def test_degrees_around_one_thousand_are_solved_like_any_other(degree, sup):
    """Qrisp is wrong there without a word, and scales what it is given: here the response is the target itself."""
    target = Target("", cosine_coeffs(degree) * sup, sup)
    ph = phase_factors(target.coeffs)
    assert bool(ph.converged) and ph.residual <= 5e-12
    assert largest_error(ph.values, target, points(20)) <= float(ph.residual) + 1e-15


def test_no_part_of_a_polynomial_is_dropped():
    """Qrisp's QSVT(parity="odd") leaves out the even part of a mixed polynomial."""
    mixed = np.r_[0.2, 0.3, 0.1, 0.05]
    with pytest.raises(ValueError, match=r"definite parity, but has even coefficients up to 0\.2 and odd"):
        phase_factors(mixed, parity="odd")
    ph = jax.jit(lambda coeffs: phase_factors(coeffs, parity="odd"))(mixed)
    assert not ph.converged
    dropped = Target("", mixed, 0.65)
    assert largest_error(ph.values, dropped, points()) <= float(ph.residual) + 1e-15
    assert ph.residual <= 0.4


def test_the_residual_sees_errors_of_either_sign():
    """pyqsp asserts `a - b <= tol`, which holds for a far below b."""
    b = solve._laurent(random_coeffs(8) * 0.5, 8, np)
    half = np.asarray(phase_factors(random_coeffs(8) * 0.5).values)[:5] + np.pi / 4 * (np.arange(5) == 0)
    for factor in (0.9, 1.0, 1.1):
        residual = solve._residual(half, factor * b, 8, NUMPY)
        wrong = abs(factor - 1) * 0.5
        assert wrong - 1e-14 <= residual <= 1.05 * wrong + 1e-14
