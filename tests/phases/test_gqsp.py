"""Generalized signal processing: complex polynomials on the circle, against products of 2 x 2 matrices."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.phases.gqsp import GQSPPhaseFactors, gqsp_phase_factors, gqsp_response
from qla_jax.phases.gqsp_conventions import GQSP_CONVENTIONS
from tests.phases.models import laneve, motlagh_wiebe

pytestmark = pytest.mark.x64

CIRCLE = np.exp(1j * np.r_[0, np.pi, np.random.default_rng(0).uniform(-np.pi, np.pi, 30)])
LAST_PLACE = np.finfo(float).eps
MODELS = {"motlagh_wiebe": motlagh_wiebe, "laneve": laneve}
compiled = jax.jit(gqsp_phase_factors)


def coeffs(degree: int, sup: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng([degree, seed])
    p = rng.normal(size=degree + 1) + 1j * rng.normal(size=degree + 1)
    return p * sup / np.abs(np.fft.fft(p, 4096 * (degree + 1))).max()


def values(p: np.ndarray) -> np.ndarray:
    return np.polynomial.polynomial.polyval(CIRCLE, p)


def response(ph: GQSPPhaseFactors) -> np.ndarray:
    """The first column from the right, in extended precision: D, then a rotation, d times."""
    theta, phi = (np.asarray(part).astype(np.longdouble) for part in (ph.theta, ph.phi))
    z = CIRCLE.astype(np.clongdouble)
    up, down = np.exp(1j * np.asarray(ph.lam).astype(np.longdouble)) + 0 * z, 0 * z
    for k, (t, p) in enumerate(zip(theta, phi, strict=True)):
        up = up * z if k else up
        up, down = np.exp(1j * p) * (np.cos(t) * up + np.sin(t) * down), np.sin(t) * up - np.cos(t) * down
    return up


@pytest.mark.parametrize("degree", [0, 1, 2, 3, 8, 50, 300])
@pytest.mark.parametrize("sup", [0.5, 0.99, 0.9999])
def test_the_response_is_the_target_within_the_residual(degree, sup):
    p = coeffs(degree, sup)
    ph = gqsp_phase_factors(p)
    error = np.abs(response(ph) - values(p)).max()
    # Each angle is rounded after the residual was measured.
    assert error <= float(ph.residual) + 2 * LAST_PLACE * np.sqrt(degree + 1)
    assert ph.residual <= 1e-11 and bool(ph.converged)
    assert abs(float(ph.sup_bound) - sup) <= 0.02 * sup and np.abs(values(p)).max() <= ph.sup_bound + LAST_PLACE
    assert np.all((ph.theta >= 0) & (ph.theta <= np.pi / 2)) and ph.degree == degree


@pytest.mark.parametrize(
    "p", [np.zeros(1), np.zeros(4), np.eye(4)[2] * 0.9, np.r_[0.5, 0, 0, 0], np.r_[0, 0, 0.2, 0.3]]
)
def test_gqsp_polynomials_with_zero_coefficients_are_solved(p):
    ph = gqsp_phase_factors(p)
    assert np.abs(response(ph) - values(p)).max() <= 1e-15 * len(p) and bool(ph.converged)


@pytest.mark.slow
def test_the_compiled_path_and_batches_are_the_numpy_path():
    rows = np.stack([coeffs(50, sup, seed) for seed, sup in enumerate((0.5, 0.9999, 1.2))])
    batch = jax.jit(jax.vmap(gqsp_phase_factors))(rows)
    assert batch.converged.tolist() == [True, True, False] and np.isinf(batch.residual[2])
    for index, row in enumerate(rows[:2]):
        alone, jitted = gqsp_phase_factors(row), compiled(row)
        for part in ("theta", "phi", "lam"):
            for found in (getattr(jitted, part), getattr(batch, part)[index]):
                turn = np.exp(1j * np.asarray(found)) - np.exp(1j * np.asarray(getattr(alone, part)))
                assert np.abs(turn).max() <= 1e-10


def test_single_precision_under_jit_is_flagged():
    ph = jax.jit(partial(gqsp_phase_factors, tol=1.0))(coeffs(3, 0.5).astype(np.complex64))
    assert ph.theta.dtype == np.float32 and not ph.converged


def random_angles(degree: int, name: str) -> GQSPPhaseFactors:
    rng = np.random.default_rng(degree)
    theta, phi = jnp.array(rng.uniform(-np.pi, np.pi, (2, degree + 1)))
    unknown = jnp.array(np.inf)
    return GQSPPhaseFactors(theta, phi, jnp.array(0.7), unknown, unknown, jnp.array(False), name)


def own_response(ph: GQSPPhaseFactors) -> np.ndarray:
    angles = [np.asarray(part) for part in (ph.theta, ph.phi, ph.lam)]
    return np.array([MODELS[ph.convention](*angles, z)[0, 0] for z in CIRCLE])


@pytest.mark.parametrize("name", GQSP_CONVENTIONS)
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_conventions_are_their_own_matrices_and_convert_with_the_global_phase(name, degree):
    ph = random_angles(degree, name)
    assert np.abs(gqsp_response(ph, CIRCLE) - own_response(ph)).max() <= 1e-13
    for other in GQSP_CONVENTIONS:
        converted = ph.to(other)
        assert converted.convention == other
        assert np.abs(own_response(converted) - own_response(ph)).max() <= 1e-13
        back = converted.to(name)
        for part in ("theta", "phi", "lam"):
            assert np.abs(getattr(back, part) - getattr(ph, part)).max() <= 1e-13


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_conversions_of_gqsp_angles_keep_the_second_polynomial(degree):
    """First column of one, first row of the other."""
    ph = random_angles(degree, "motlagh_wiebe")
    one = [motlagh_wiebe(*(np.asarray(v) for v in (ph.theta, ph.phi, ph.lam)), z)[:, 0] for z in CIRCLE]
    ph = ph.to("laneve")
    other = [laneve(*(np.asarray(v) for v in (ph.theta, ph.phi, ph.lam)), z)[0] for z in CIRCLE]
    assert np.abs(np.array(one) - np.array(other)).max() <= 1e-13


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
@pytest.mark.parametrize("part", ["theta", "phi", "lam"])
def test_a_wrong_angle_is_noticed(degree, part):
    ph = random_angles(degree, "motlagh_wiebe")
    converted = ph.to("laneve")
    angle = getattr(converted, part)
    wrong = converted.replace(**{part: -angle if angle.ndim == 0 else angle.at[0].multiply(-1)})
    assert np.abs(own_response(wrong) - own_response(ph)).max() > 0.02


def test_an_unknown_name_is_refused_with_the_list():
    with pytest.raises(ValueError, match="`convention` must be one of motlagh_wiebe, laneve, but is 'wx'"):
        random_angles(1, "laneve").to("wx")
