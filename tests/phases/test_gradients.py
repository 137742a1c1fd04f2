"""Derivatives of phase factors: finite differences, and the inverse of the Jacobian of the response."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.phases.gqsp import gqsp_phase_factors
from qla_jax.phases.solve import phase_factors
from tests.cases import derivative, slope
from tests.phases.targets import product, random_coeffs

pytestmark = pytest.mark.x64


def half_of_phases(parity: str, coeffs: jax.Array) -> jax.Array:
    """The free half of the phases of the coefficients that are not zero by parity."""
    degree = 2 * len(coeffs) - 2 + (parity == "odd")
    full = jnp.zeros(degree + 1, coeffs.dtype).at[degree % 2 :: 2].set(coeffs)
    return phase_factors(full, parity=parity).values[: len(coeffs)]


reverse = {parity: jax.jit(jax.jacrev(partial(half_of_phases, parity))) for parity in ("even", "odd")}


def response_jacobian(half: np.ndarray, degree: int) -> np.ndarray:
    """Of the coefficients of Re <0|U|0> by the phases, by central differences of 2 x 2 products."""
    count = len(half)
    angles = (np.pi * (np.arange(count) + 0.25) / (degree + 1)).astype(np.longdouble)
    orders = np.arange(degree % 2, degree + 1, 2)
    at_nodes = np.cos(np.outer(angles, orders)).astype(float)

    def values(half: np.ndarray) -> np.ndarray:
        full = np.concatenate([half, half[: degree + 1 - count][::-1]])
        return product(full, np.cos(angles))[:, 0, 0].real

    step = np.longdouble(1e-6)
    columns = [
        (values(half + step * one) - values(half - step * one)) / (2 * step)
        for one in np.eye(count, dtype=np.longdouble)
    ]
    return np.linalg.solve(at_nodes, np.stack(columns, axis=1).astype(float))


@pytest.mark.slow
@pytest.mark.parametrize("degree", [5, 8])
@pytest.mark.parametrize("sup", [0.0, 0.5, 0.99])
def test_the_jacobian_is_the_inverse_of_that_of_the_response(degree, sup):
    """At the zero polynomial too, where a derivative through an angle of polar form would not exist."""
    parity = ("even", "odd")[degree % 2]
    coeffs = sup * random_coeffs(degree)[degree % 2 :: 2]
    half = np.asarray(half_of_phases(parity, coeffs)).astype(np.longdouble)
    inverse = np.linalg.inv(response_jacobian(half, degree))
    scale = np.abs(inverse).max()
    assert np.abs(reverse[parity](coeffs) - inverse).max() <= 1e-9 * scale


def of_the_phases(coeffs: jax.Array) -> jax.Array:
    values = phase_factors(coeffs, parity="odd").values
    return jnp.sum(jnp.sin(3 * values) * jnp.arange(1.0, len(values) + 1)) / len(values)


@pytest.mark.parametrize("sup", [0.0, 0.5, 0.9999])
@pytest.mark.sample(1)
def test_a_gradient_is_a_finite_difference(sup, tol):
    """0.9999 takes another grid than the first."""
    coeffs = sup * random_coeffs(51)
    direction = random_coeffs(51, seed=1) * (1e-3 if sup > 0.99 else 1.0)
    gradient = gradient_of_the_phases(coeffs)
    found = derivative(lambda c: float(of_the_phases(c)), coeffs, direction)
    assert abs(slope(gradient, direction) - found) <= tol("gradient", factor=max(1.0, abs(found)))


gradient_of_the_phases = jax.jit(jax.grad(of_the_phases))


@pytest.mark.slow
def test_gradients_of_a_batch_are_those_of_a_loop():
    """Items on different grids, and one without a solution, whose own gradient alone is not finite."""
    rows = np.stack([random_coeffs(51, seed) * sup for seed, sup in enumerate((0.5, 0.9999, 1.1))])
    batch = jax.jit(jax.vmap(jax.grad(of_the_phases)))(rows)
    for row, found in zip(rows[:2], batch[:2], strict=True):
        alone = gradient_of_the_phases(row)
        assert np.abs(found - alone).max() <= 1e-9 * np.abs(alone).max()
    assert not np.isfinite(batch[2]).all()


@pytest.mark.slow
def test_gradients_of_angles_for_complex_polynomials(tol):
    """Finite at the zero polynomial, where a modulus has no derivative; finite differences elsewhere."""

    def scalar(parts: tuple[jax.Array, jax.Array]) -> jax.Array:
        ph = gqsp_phase_factors(parts[0] + 1j * parts[1])
        weights = jnp.arange(1.0, 7.0)
        return jnp.sum(weights * jnp.sin(ph.theta)) + jnp.sum(weights * jnp.cos(ph.phi))

    rng = np.random.default_rng(0)
    place, direction = ([*rng.normal(size=(2, 6)) / 20] for _ in range(2))
    gradient = jax.jit(jax.grad(scalar))
    found = derivative(lambda parts: float(scalar(parts)), place, direction)
    assert abs(slope(gradient(place), direction) - found) <= tol("gradient", factor=10.0)
    assert all(np.isfinite(part).all() for part in gradient([np.zeros(6), np.zeros(6)]))
