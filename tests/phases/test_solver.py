"""Phase factors against 2 x 2 products in extended precision, and each way to call the solver against the others."""

from functools import partial

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from qla_jax.phases.solve import phase_factors
from qla_jax.polynomials import polynomial
from tests.phases.targets import (
    IDS,
    SUP_NORMS,
    TARGETS,
    Target,
    chebyshev_coeffs,
    largest_error,
    points,
    random_coeffs,
)

pytestmark = pytest.mark.x64

BOUND = 1e-11
LAST_PLACE = np.finfo(float).eps  # of the residual, of order one, and of the eighth of a turn at either end

compiled = {parity: jax.jit(partial(phase_factors, parity=parity)) for parity in ("even", "odd")}


@pytest.mark.parametrize("target", TARGETS, ids=IDS)
@pytest.mark.sample(7)
def test_the_real_part_of_the_response_is_the_target_within_the_residual(target):
    ph = phase_factors(target.coeffs, parity=target.parity)
    residual = float(ph.residual)
    # On points that no grid of the solver has: the residual bounds the error, and is no more than what is needed.
    error = largest_error(ph.values, target, points())
    assert error <= residual + LAST_PLACE
    assert residual <= 10 * error + 4e-15
    assert residual <= BOUND
    assert bool(ph.converged)
    assert ph.values.shape == (target.degree + 1,) and ph.degree == target.degree
    assert ph.convention == "wx"
    assert np.abs(target(points())).max() <= float(ph.sup_bound) + LAST_PLACE
    assert abs(float(ph.sup_bound) - target.sup) <= 0.01 * target.sup


def test_the_response_is_the_target_with_fifty_digits():
    target = Target("", random_coeffs(9) * 0.99, 0.99)
    ph = phase_factors(target.coeffs)
    with mpmath.workdps(50):
        for x in (mpmath.mpf(1) / 3, mpmath.mpf(-0.9), mpmath.mpf(1)):
            s = 1j * mpmath.sqrt(1 - x * x)
            row = mpmath.matrix([[mpmath.expj(float(ph.values[0])), 0]])
            for phase in ph.values[1:]:
                turn = mpmath.expj(float(phase))
                row = row * mpmath.matrix([[x, s], [s, x]]) * mpmath.diag([turn, mpmath.conj(turn)])
            wanted = mpmath.fsum(c * mpmath.cos(k * mpmath.acos(x)) for k, c in enumerate(target.coeffs))
            assert abs(row[0].real - wanted) <= float(ph.residual) + LAST_PLACE


@pytest.mark.slow
@pytest.mark.parametrize(("degree", "gap"), [(8, 1e-14), (51, 1e-10), (51, 1e-12), (51, 1e-14), (300, 1e-12)])
def test_the_residual_is_correct_for_polynomials_too_close_to_one(degree, gap):
    """No grid is fine enough here: the answer may be poor, but says so."""
    target = Target("", chebyshev_coeffs(degree) * (1 - gap), 1 - gap)
    ph = phase_factors(target.coeffs)
    error = largest_error(ph.values, target, points())
    assert error <= float(ph.residual) + LAST_PLACE
    assert bool(ph.converged) == (float(ph.residual) <= BOUND)


def test_converged_is_about_the_tolerance_asked_for():
    coeffs = random_coeffs(50) * 0.5
    strict, loose = phase_factors(coeffs, tol=1e-19), phase_factors(coeffs, tol=1e-6)
    assert not strict.converged and loose.converged
    assert np.array_equal(strict.values, loose.values)


@pytest.mark.parametrize("degree", [0, 1, 8, 9, 50, 51, 300])
def test_phase_factors_are_symmetric(degree):
    values = np.asarray(phase_factors(random_coeffs(degree) * 0.9).values)
    assert np.array_equal(values, values[::-1])


@pytest.mark.parametrize("degree", [0, 8, 51, 300])
@pytest.mark.sample(1)
def test_the_compiled_path_is_the_numpy_path(degree):
    """At sup norms that need several grids, and within one bucket of lengths."""
    for sup in SUP_NORMS[:-1]:
        coeffs = random_coeffs(degree) * sup
        eager, jitted = phase_factors(coeffs), compiled[("even", "odd")[degree % 2]](coeffs)
        # Close to 1 the phases feel the rounding of the logarithm by the inverse root of the distance.
        assert np.abs(eager.values - jitted.values).max() <= 3e-14 / np.sqrt(1 - sup)
        assert abs(float(eager.residual) - float(jitted.residual)) <= 1e-14
        assert abs(float(eager.sup_bound) - float(jitted.sup_bound)) <= 1e-14
        assert bool(jitted.converged)


@pytest.mark.parametrize("degree", [8, 51, 300])
def test_the_compiled_residual_is_correct_where_its_grids_end(degree):
    """Its finest grid is coarser than that of the NumPy path: with 300 coefficients 1 - 1e-6 is too close."""
    target = Target("", random_coeffs(degree) * SUP_NORMS[-1], SUP_NORMS[-1])
    ph = compiled[target.parity](target.coeffs)
    assert largest_error(ph.values, target, points()) <= float(ph.residual) + LAST_PLACE
    assert bool(ph.converged) == (float(ph.residual) <= BOUND)
    assert float(ph.residual) <= 1e-6


@pytest.mark.slow
def test_phase_factors_of_a_batch_are_those_of_a_loop():
    """One item takes the others to a finer grid; two have no solution, and the others do not care. Two axes are one."""
    rows = np.stack([random_coeffs(51, seed) * sup for seed, sup in enumerate((0.5, 1 - 1e-6, 0.3, 1.2, 0.99, 0.4))])
    rows[5, 7] = np.nan
    batch = jax.jit(jax.vmap(jax.vmap(phase_factors)))(rows.reshape(2, 3, -1))
    batch = jax.tree.map(lambda leaf: leaf.reshape(6, *leaf.shape[2:]), batch)
    assert batch.converged.tolist() == [True, True, True, False, True, False]
    assert np.isinf(batch.residual[jnp.array([3, 5])]).all() and np.isnan(batch.values[3]).all()
    for index in (0, 1, 2, 4):
        alone = phase_factors(rows[index])
        assert np.abs(batch.values[index] - alone.values).max() <= (1e-10 if index == 1 else 1e-13)
        assert float(batch.residual[index]) <= BOUND


@pytest.mark.parametrize("degree", [8, 9])
def test_a_polynomial_and_its_coefficients_have_the_same_phase_factors(degree):
    coeffs = random_coeffs(degree) * 0.5
    ph = phase_factors(polynomial(coeffs, ("even", "odd")[degree % 2]))
    assert np.array_equal(ph.values, phase_factors(coeffs).values)


def test_zeros_of_the_highest_degrees_have_phase_factors():
    short = random_coeffs(3) * 0.5
    long = phase_factors(np.r_[short, 0, 0, 0, 0])  # a coefficient of T_6, even, counts for the length alone
    assert long.degree == 7
    assert largest_error(long.values, Target("", short, 0.5), points()) <= float(long.residual) + LAST_PLACE


def test_single_precision_under_jit_is_flagged():
    coeffs = np.asarray(random_coeffs(8) * 0.5, np.float32)
    ph = jax.jit(partial(phase_factors, tol=1.0))(coeffs)
    assert ph.values.dtype == np.float32
    assert not ph.converged
    assert float(ph.residual) < 1e-5
    with jax.enable_x64(False):
        assert not jax.jit(partial(phase_factors, tol=1.0))(coeffs).converged
