"""State preparation by a reflection: its first column, its inverse, and vectors of any size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.linalg.preparation import prepare, unit_vector, unprepare
from tests.cases import cplx, real

pytestmark = pytest.mark.numerics


def normed(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x)


VECTORS = {
    "real": normed(real(4)),
    "complex": normed(cplx(4)),
    "first basis vector": np.eye(4)[0],
    "minus the first basis vector": -np.eye(4)[0],
    "another basis vector": 1j * np.eye(4)[2],
    "hardly a head": normed(np.array([-1e-20, 1.0, 0, 0])),
    "hardly a tail": normed(np.array([-1.0, 1e-20, 0, 0])),
    "of one entry": np.array([-1j]),
}
vectors = pytest.mark.parametrize("v", VECTORS.values(), ids=VECTORS)


@vectors
def test_preparation_is_unitary_and_maps_the_first_basis_vector_to_the_given_vector(v, tol):
    u = np.asarray(prepare(jnp.asarray(v), jnp.eye(len(v))))
    np.testing.assert_allclose(u[:, 0], v, rtol=0, atol=tol("exact"))
    np.testing.assert_allclose(u @ u.conj().T, np.eye(len(v)), rtol=0, atol=tol("exact", factor=10))


@vectors
def test_unprepare_is_the_inverse_of_prepare(v, tol):
    state = cplx(len(v), 3)
    there = prepare(jnp.asarray(v), jnp.asarray(state))
    np.testing.assert_allclose(unprepare(jnp.asarray(v), there), state, rtol=0, atol=tol("exact", factor=10))


def test_preparation_with_a_wrong_phase_fails_the_law():
    v = VECTORS["complex"]
    assert abs(np.asarray(prepare(jnp.asarray(v.conj()), jnp.eye(4)))[:, 0] - v).max() > 0.1


def test_preparation_acts_on_the_leading_axis_for_all_other_indices(tol):
    v, state = jnp.asarray(VECTORS["complex"]), jnp.asarray(cplx(4, 2, 3))
    flat = prepare(v, state.reshape(4, 6)).reshape(4, 2, 3)
    np.testing.assert_allclose(prepare(v, state), flat, rtol=0, atol=tol("exact"))


@pytest.mark.parametrize("v", [np.eye(4)[0], normed(real(4)), normed(np.abs(cplx(4)))], ids=["e0", "real", "positive"])
def test_the_prepared_state_has_the_derivative_of_the_vector_at_the_first_basis_vector_too(v, tol):
    jacobian = jax.jacrev(lambda v: prepare(v, jnp.eye(4)[:, 0]))(jnp.asarray(v))
    tangents = np.eye(4) - np.outer(v, v)  # of the sphere: off it, nothing is promised
    np.testing.assert_allclose(jacobian @ tangents, tangents, rtol=0, atol=tol("exact", factor=100))


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
def test_direction_and_norm_neither_underflow_nor_overflow(size, tol):
    """Squares of these entries do, in single precision."""
    x = size * cplx(4)
    direction, norm = unit_vector(jnp.asarray(x))
    np.testing.assert_allclose(direction, normed(x / size), rtol=0, atol=tol("exact"))
    np.testing.assert_allclose(norm / np.linalg.norm(x), 1, rtol=0, atol=tol("exact"))


@pytest.mark.x64
@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_direction_and_norm_of_the_smallest_and_largest_doubles(size):
    direction, norm = unit_vector(jnp.asarray(size * real(4)))
    np.testing.assert_allclose(direction, normed(real(4)), rtol=0, atol=1e-15)
    np.testing.assert_allclose(float(norm) / size, np.linalg.norm(real(4)), rtol=1e-15)


@pytest.mark.parametrize("x", [real(4), cplx(4), np.array([2.0, -2, 0, 0]), np.eye(4)[0]])
def test_the_gradient_of_the_norm_is_the_direction(x, tol):
    gradient = jax.grad(lambda x: unit_vector(x)[1])(jnp.asarray(x))
    np.testing.assert_allclose(gradient, normed(x).conj(), rtol=0, atol=tol("exact"))


def test_the_zero_vector_has_norm_zero_the_first_direction_and_derivative_zero():
    direction, norm = unit_vector(jnp.zeros(4))
    np.testing.assert_array_equal(direction, np.eye(4)[0])
    assert norm == 0
    for output in range(2):
        jacobian = jax.jacrev(lambda x, i=output: unit_vector(x)[i])(jnp.zeros(4))
        np.testing.assert_array_equal(jacobian, np.zeros_like(jacobian))
