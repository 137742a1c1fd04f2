"""Activation by phases and of any parity, against NumPy; the two routes beside each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from numpy.polynomial import chebyshev as series

from qla_jax import polynomials
from qla_jax.accounting.costs import cost
from qla_jax.encodings.base.vector import run
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.polynomials import chebyshev
from qla_jax.transforms.activation import activate
from qla_jax.transforms.activation_routes import activate_any, activate_by_qsvt
from tests.cases import cplx, on_modulus, real

pytestmark = pytest.mark.x64

X = 0.9 * real(4) / np.linalg.norm(real(4))
ODD = {
    "erf": polynomials.erf(0.8, degree=5),
    "tanh": polynomials.tanh(1.5, degree=7),
    "quintic": polynomials.polynomial(series.chebmulx([0.2, 0, 0.5, 0, -0.7]), "odd"),
}


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-2 * x))


def gelu(x: np.ndarray) -> np.ndarray:
    return x * (1 + scipy.special.erf(x / np.sqrt(2))) / 2


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("is_complex", [False, True], ids=["real", "complex"])
@pytest.mark.sample(2)
def test_phases_and_chebyshev_combination_encode_the_same(name, is_complex):
    x = 0.9 * cplx(2) / np.linalg.norm(cplx(2)) if is_complex else X
    vec = vector_encode(x)
    by_phases, by_sum = activate_by_qsvt(vec, ODD[name]), activate(vec, ODD[name])
    np.testing.assert_allclose(by_phases.encoded, on_modulus(ODD[name].coeffs, x), rtol=0, atol=1e-12)
    np.testing.assert_allclose(by_sum.encoded, by_phases.encoded, rtol=0, atol=1e-12)
    np.testing.assert_allclose(jax.jit(run)(by_phases), by_phases.encoded, rtol=0, atol=1e-11)
    assert sum(cost(by_phases).num_queries.values()) == ODD[name].degree == sum(cost(by_sum).num_queries.values())
    assert abs(by_phases.eps - by_sum.eps) <= 1e-10


@pytest.mark.parametrize("name", ODD)
def test_phases_have_the_maximum_for_a_normalization_where_the_combination_has_the_sum(name):
    """Equal for erf and tanh, 1.4 against 1 for the other one."""
    vec = vector_encode(X / np.linalg.norm(X))
    grid = np.linspace(1e-3, 1, 4001)
    largest = np.abs(np.asarray(ODD[name](grid)) / grid).max()
    np.testing.assert_allclose(0.999 * activate_by_qsvt(vec, ODD[name]).alpha, largest, rtol=1e-3)
    assert (activate(vec, ODD[name]).alpha > 1.3 * largest) == (name == "quintic")


def test_for_a_subnormalized_vector_phases_need_less():
    """P(alpha y)/y grows like alpha^k at the ends, its coefficients more."""
    vec = block_encode(0.5 * np.eye(4), alpha=2.0) @ vector_encode(X)
    by_phases, by_sum = activate_by_qsvt(vec, ODD["quintic"]), activate(vec, ODD["quintic"])
    np.testing.assert_allclose(by_phases.encoded, by_sum.encoded, rtol=0, atol=1e-9)
    assert by_phases.alpha <= 1.01 * by_sum.alpha


CASES = [(sigmoid, 9), (gelu, 10), (np.cos, 6)]


@pytest.mark.slow
@pytest.mark.parametrize(("function", "degree"), CASES, ids=["sigmoid", "gelu", "cos"])
def test_a_function_of_any_parity_is_split(function, degree):
    coeffs = chebyshev.interpolate(function(chebyshev.nodes(degree + 1)))
    poly = polynomials.polynomial(coeffs, "none")
    vec = vector_encode(X)
    found = activate_any(vec, poly)
    np.testing.assert_allclose(found.encoded, poly(X), rtol=0, atol=1e-12)
    assert np.linalg.norm(found.encoded - function(X)) < 1e-3
    np.testing.assert_allclose(jax.jit(run)(found), found.encoded, rtol=0, atol=1e-11)


def test_the_parts_of_a_polynomial_add_up_on_padded_registers():
    coeffs = np.array([0.2, -0.3, 0.4, 0.1, -0.2])
    x = 0.4 * real(3)
    found = activate_any(vector_encode(x, pad=True), polynomials.polynomial(coeffs, "none"))
    np.testing.assert_allclose(found.encoded, series.chebval(x, coeffs), rtol=0, atol=1e-12)
    np.testing.assert_allclose(jax.jit(run)(found), found.encoded, rtol=0, atol=1e-12)
    wrong = activate_any(vector_encode(x, pad=True), polynomials.polynomial(coeffs * [1, 1, 1, -1, 1], "none"))
    assert np.abs(wrong.encoded - found.encoded).max() > 0.01  # negative control


@pytest.mark.slow
def test_gradients_reach_the_vector_through_both_routes():
    def value(x, route):
        return jnp.sum(route(vector_encode(x), ODD["erf"]).encoded)

    routes = activate, activate_by_qsvt, activate_any
    by_sum, by_phases, anyway = (jax.jit(jax.grad(value), static_argnums=1)(jnp.asarray(X), route) for route in routes)
    np.testing.assert_allclose(by_phases, by_sum, rtol=0, atol=1e-10)
    np.testing.assert_allclose(anyway, by_sum, rtol=0, atol=1e-12)


VEC = vector_encode(X)
FAULTS = [
    (lambda: activate_by_qsvt(VEC, polynomials.cos(1.0, degree=4)), "`poly` must be odd, but its parity is 'even'"),
    (lambda: activate_by_qsvt(VEC, ODD["erf"], margin=0.0), "`margin` must lie between 0 and 1, but is 0.0"),
    (lambda: activate_any(vector_encode(cplx(2)), ODD["erf"]), "`vec` must have real amplitudes, but has complex128"),
]


@pytest.mark.parametrize(("call", "message"), FAULTS, ids=[message[:30] for _, message in FAULTS])
def test_faulty_arguments_of_activations_raise(call, message):
    with pytest.raises(ValueError) as failure:
        call()
    assert message in str(failure.value)
