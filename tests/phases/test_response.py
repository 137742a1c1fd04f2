"""The 2 x 2 model as a function: shapes, dtypes, derivatives, what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.phases.response import qsp_response
from qla_jax.phases.sequence import from_phases
from qla_jax.phases.solve import polynomial_of
from tests.cases import derivative, slope
from tests.phases.targets import points, product

PHASES = np.random.default_rng(0).uniform(-1, 1, 6)


@pytest.mark.numerics
def test_bare_values_are_canonical(tol):
    x = points(9).astype(float)
    found = qsp_response(PHASES, x)
    assert np.abs(found - product(PHASES, x)[:, 0, 0]).max() <= tol()
    assert np.array_equal(found, qsp_response(from_phases(PHASES, "wx"), x))


@pytest.mark.numerics
def test_phases_of_zero_give_chebyshev_polynomials(tol):
    x = np.linspace(-1, 1, 9)
    assert np.abs(qsp_response(np.zeros(6), x) - np.cos(5 * np.arccos(x))).max() <= tol()
    assert np.abs(qsp_response(np.array([0.3]), x) - np.exp(0.3j)).max() <= tol()


@pytest.mark.numerics
def test_the_shape_is_that_of_x():
    for shape in ((), (1,), (3, 4), (0,)):
        assert qsp_response(PHASES, np.zeros(shape)).shape == shape
    assert qsp_response(PHASES, 0).shape == ()
    assert qsp_response([0, 0], 1) == 1


def test_the_dtype_follows_the_arguments():
    single = PHASES.astype(np.float32)
    assert qsp_response(single, jnp.float32(0.5)).dtype == np.complex64
    assert qsp_response(PHASES, jnp.float32(0.5)).dtype == jnp.result_type(PHASES, np.complex64)
    assert qsp_response(single, 0.5).dtype == np.complex64  # a Python number does not widen
    assert qsp_response(jnp.asarray(single), jnp.array([0, 1])).dtype == np.complex64


@pytest.mark.x64
def test_the_response_of_batches_of_phases_and_signals_is_that_of_each():
    x, many = np.linspace(-1, 1, 5), np.stack([PHASES, PHASES[::-1]])
    batched = jax.jit(jax.vmap(qsp_response, in_axes=(0, None)))(many, x)
    assert np.abs(batched - jnp.stack([qsp_response(row, x) for row in many])).max() <= 1e-15
    assert np.abs(jax.vmap(lambda t: qsp_response(PHASES, t))(x) - qsp_response(PHASES, x)).max() <= 1e-15


@pytest.mark.x64
@pytest.mark.parametrize("name", ["wx", "wz", "qsvt", "cudaq"])
@pytest.mark.sample(2)
def test_gradients_are_finite_differences(name, tol):
    rng = np.random.default_rng(1)
    weights = jnp.array(rng.normal(size=3) + 1j * rng.normal(size=3))

    def scalar(values: jax.Array, x: jax.Array) -> jax.Array:
        return jnp.sum(weights * qsp_response(from_phases(values, name), x)).real

    places = (PHASES, np.array([-0.7, 0.1, 0.9]))
    direction = (rng.normal(size=6), rng.normal(size=3))
    gradient = jax.grad(scalar, argnums=(0, 1))(*places)
    found = derivative(lambda place: float(scalar(*place)), places, direction)
    assert abs(slope(gradient, direction) - found) <= tol("gradient")


@pytest.mark.x64
@pytest.mark.parametrize("degree", [0, 1, 2, 5, 40])
def test_the_polynomial_of_phases_is_the_real_part_of_their_response(degree):
    """Of any phases, symmetric or not."""
    phases = np.random.default_rng(degree).uniform(-4, 4, degree + 1)
    poly = polynomial_of(from_phases(phases, "wx"))
    x = points()
    found = np.polynomial.chebyshev.chebval(x, np.asarray(poly.coeffs))
    assert np.abs(found - product(phases, x)[:, 0, 0].real).max() <= 1e-15 * (degree + 2)
    assert (poly.degree, poly.parity) == (degree, ("even", "odd")[degree % 2])
    assert np.abs(found).max() <= float(poly.sup_bound) + 1e-14


@pytest.mark.x64
def test_the_polynomial_of_phases_takes_transformations(tol):
    many = np.stack([PHASES, PHASES[::-1] / 2])
    coeffs = jax.jit(jax.vmap(lambda values: polynomial_of(values).coeffs))(many)
    for row, values in zip(coeffs, many, strict=True):
        assert np.abs(row - polynomial_of(values).coeffs).max() <= 1e-15
    weights = np.arange(6.0)
    gradient = jax.jit(jax.grad(lambda values: weights @ polynomial_of(values).coeffs))(PHASES)
    found = derivative(lambda values: float(weights @ polynomial_of(values).coeffs), PHASES, weights)
    assert abs(slope(gradient, weights) - found) <= tol("gradient")
    with pytest.raises(ValueError, match="`phases` must be in the convention 'wx', but are in 'pyqsp'"):
        polynomial_of(from_phases(PHASES, "pyqsp"))


@pytest.mark.parametrize("x", [1.0000001, -2, np.nan, [0.5, 1.5], np.inf])
def test_a_signal_outside_the_interval_is_refused(x):
    with pytest.raises(ValueError, match=r"`x` must lie in \[-1, 1\], but holds (1\.|-2|nan|inf)"):
        qsp_response(PHASES, x)


@pytest.mark.parametrize("phases", [np.zeros((2, 3)), np.zeros(0), 0.5])
def test_phases_that_are_no_vector_are_refused(phases):
    with pytest.raises(ValueError, match=r"`phases` must be a vector, but has shape \("):
        qsp_response(phases, 0.5)
