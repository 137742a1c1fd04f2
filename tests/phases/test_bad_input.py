"""What no phases exist for, and what looks odd but has them: messages name the argument, the rule and the value."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.phases.gqsp import gqsp_phase_factors
from qla_jax.phases.solve import phase_factors
from qla_jax.polynomials import polynomial
from tests.phases.targets import chebyshev_coeffs, random_coeffs

pytestmark = pytest.mark.x64


@pytest.mark.parametrize(
    ("poly", "options", "told"),
    [
        (
            [0.1, 0.2],
            {},
            "`poly` must have definite parity, but has even coefficients up to 0.1 and odd ones up to 0.2",
        ),
        ([0.1, 0.2], {}, "solve for coeffs of either parity apart, and add them by a linear combination"),
        ([0.0, 0.2], {"parity": "even"}, "`poly` must have definite parity, but .* odd ones up to 0.2"),
        ([0.1, 0.0], {"parity": "odd"}, "`poly` must have definite parity, but has even coefficients up to 0.1"),
        ([0.0, 1e-300, 0.1], {}, "`poly` must have definite parity, but .* odd ones up to 1e-300"),
        (
            [0.0, 2.0],
            {},
            r"`poly` must stay below 1 in size on \[-1, 1\], but reaches 2; .* multiply it by less than 0.5",
        ),
        ([0.0, 0.0, -1.25], {}, "but reaches 1.25; nothing is rescaled here: multiply it by less than 0.8"),
        ([1.0], {}, "but reaches 1; "),
        ([0.0, np.nan], {}, "`poly` must be finite, but coefficient 1 is nan"),
        ([0.1, 0.0, -np.inf], {}, "`poly` must be finite, but coefficient 2 is -inf"),
        ([0.0, 0.2j], {}, "`poly` must be real, but is complex128; `gqsp_phase_factors` takes complex ones"),
        ([[0.0, 0.2]], {}, r"`poly` must be a vector of coefficients, but has shape \(1, 2\); batch with jax.vmap"),
        (0.2, {}, r"`poly` must be a vector of coefficients, but has shape \(\)"),
        ([], {}, r"`poly` must be a vector of coefficients, but has shape \(0,\)"),
        ([0.1], {"parity": "mixed"}, "`parity` must be 'even' or 'odd', of `poly` too, but is 'mixed'"),
        ([0.0], {"parity": "odd"}, "`poly` must have a coefficient of T_1 to be odd, but has one of T_0 only"),
        (np.float32([0, 0.2]), {}, "`poly` must be in double precision, but is float32"),
    ],
)
def test_polynomials_without_phase_factors_are_refused(poly, options, told):
    with pytest.raises(ValueError, match=told):
        phase_factors(np.asarray(poly), **options)


def test_a_mixed_polynomial_is_sent_to_a_linear_combination():
    mixed = polynomial([0.1, 0.2], "none")
    with pytest.raises(
        ValueError,
        match="`parity` must be 'even' or 'odd', of `poly` too, but is 'none': solve for the even",
    ):
        phase_factors(mixed)
    with pytest.raises(ValueError, match="`parity` must be that of `poly`, 'even', but is 'odd'"):
        phase_factors(polynomial([0.1], "even"), parity="odd")


def test_without_double_precision_an_eager_call_is_refused():
    with jax.enable_x64(False):
        for solve in (phase_factors, gqsp_phase_factors):
            with pytest.raises(
                ValueError, match=r"`poly` must be in double precision, which JAX has only after .*: phase factors"
            ):
                solve(np.array([0.0, 0.2]))


@pytest.mark.parametrize("degree", [0, 1, 2, 3, 8, 51, 300])
def test_a_polynomial_that_touches_one_is_refused_without_a_warning(degree):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for solve in (phase_factors, gqsp_phase_factors):
            for factor in (1, -1, 1 + 1e-12, 1e200):
                with pytest.raises(ValueError, match=r"`poly` must stay below 1 in size on .*nothing is rescaled here"):
                    solve(chebyshev_coeffs(degree) * factor)


@pytest.mark.parametrize(
    ("poly", "told"),
    [
        ([0.1, np.nan], "`poly` must be finite, but coefficient 1 is "),
        ([0.8, 0.8j], "`poly` must stay below 1 in size on the unit circle, but reaches 1.6; .* by less than 0.625"),
        ([[0.1]], r"`poly` must be a vector of coefficients, but has shape \(1, 1\)"),
        (np.complex64([0.1j]), "`poly` must be in double precision, but is complex64"),
        (np.float32([0.1]), "`poly` must be in double precision, but is float32"),
    ],
)
def test_complex_polynomials_without_phase_factors_are_refused(poly, told):
    with pytest.raises(ValueError, match=told):
        gqsp_phase_factors(np.asarray(poly))


def test_traced_polynomials_without_phase_factors_give_nan_and_an_infinite_residual():
    """NaN phases, which nobody takes for an answer, an infinite residual, and no convergence."""
    solve = jax.jit(phase_factors)
    for coeffs in (np.array([0.0, 0.0, 1.25]), np.array([0.0, 0.0, np.nan]), np.array([0.0, 0.0, 1.0])):
        ph = solve(coeffs)
        assert np.isnan(ph.values).all()
        assert np.isinf(ph.residual)
        assert not ph.converged
    complex_ones = jax.jit(gqsp_phase_factors)(np.array([0.8, 0.8j]))
    assert np.isnan(complex_ones.theta).all() and np.isinf(complex_ones.residual) and not complex_ones.converged
    with pytest.raises(ValueError, match="`poly` must be real, but is complex128"):
        solve(np.array([0.1j]))


def test_traced_coefficients_of_the_other_parity_count_as_residual():
    ph = jax.jit(phase_factors)(np.array([0.0, 0.3, 0.4]))
    assert abs(float(ph.residual) - 0.3) <= 1e-12
    assert not ph.converged
    assert float(ph.sup_bound) >= 0.7


@pytest.mark.parametrize("count", [1, 2, 9])
def test_the_zero_polynomial_has_phases(count):
    ph = phase_factors(np.zeros(count))
    assert (ph.residual, ph.sup_bound, bool(ph.converged)) == (0, 0, True)
    ends = np.zeros(count)
    ends[0] -= np.pi / 4
    ends[-1] -= np.pi / 4
    assert np.array_equal(ph.values, ends)


def test_integers_and_lists_are_coefficients():
    assert phase_factors([0]).values == phase_factors(np.zeros(1)).values
    assert np.array_equal(phase_factors([0.0, 0.5]).values, phase_factors(jnp.array([0.0, 0.5])).values)


def test_zeros_of_the_highest_degrees_are_kept():
    assert phase_factors(np.r_[random_coeffs(2) / 2, 0, 0]).degree == 4
    assert phase_factors(np.r_[random_coeffs(2) / 2, 0]).degree == 2  # T_3 is odd
