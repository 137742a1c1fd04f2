"""Activation beyond the laws: its normalization, its error, and what it does not depend on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from numpy.polynomial import chebyshev as series

from qla_jax import polynomials
from qla_jax.encodings.base.vector import VectorEncoding, run
from qla_jax.encodings.combine.lemmas import vector_sum
from qla_jax.encodings.matrices.dense import from_unitary
from qla_jax.encodings.vectors.known import vector_encode, vector_from_unitary
from qla_jax.transforms.activation import activate
from tests.cases import CUBIC, QUINTIC, cplx, erf_coeffs, haar, on_modulus, real


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x)


def subnormalized(x: np.ndarray) -> VectorEncoding:
    """The same vector with a larger alpha: a detour is added and taken back."""
    detour = real(*x.shape, seed=5)
    return vector_sum(vector_encode(x + detour), vector_encode(detour), weights=(1.0, -1.0))


@pytest.mark.numerics
@pytest.mark.parametrize("degree", [1, 5, 9])
def test_the_normalization_for_erf_is_the_slope_at_zero(degree, tol):
    """max|P(x)/x| and not four times it, as the lemma of the paper has."""
    scales = np.array([0.8, 1.6])
    vec = vector_encode(unit(real(4)))
    alphas = jax.jit(jax.vmap(lambda scale: activate(vec, polynomials.erf(scale, degree=degree)).alpha))(scales)
    slopes = [series.chebval(0, series.chebder(erf_coeffs(degree, scale))) for scale in scales]
    np.testing.assert_allclose(alphas, slopes, rtol=tol("exact", factor=10))


@pytest.mark.numerics
def test_the_normalization_of_other_polynomials_is_the_sum_of_their_quotient(tol):
    vec = activate(vector_encode(unit(real(4))), polynomials.polynomial(QUINTIC, "odd"))
    quotient = np.array([1.0, -1.0, 0.4])  # from x T_2j = (T_2j+1 + T_2j-1)/2
    np.testing.assert_allclose(series.chebmulx([1.0, 0, -1.0, 0, 0.4]), QUINTIC, rtol=0, atol=1e-15)
    x = np.linspace(1e-3, 1, 1001)
    np.testing.assert_allclose(vec.alpha, np.abs(quotient).sum(), rtol=tol("exact"))
    assert vec.alpha >= np.abs(series.chebval(x, QUINTIC) / x).max()


@pytest.mark.parametrize(("degree", "index"), [(1, 0), (3, 1), (7, 2), (9, 3)])
def test_ancillas_and_calls_are_those_of_the_lemma(degree, index):
    """n + 2a and the index of the combination; k calls of the vector's circuit."""

    def build():
        vec = activate(subnormalized(0.1 * real(4)), polynomials.erf(0.8, degree=degree))
        return vec, vec.circuit

    vec, circuit = jax.eval_shape(build)
    assert (vec.part.num_qubits, vec.part.num_ancillas) == (2, 1)
    assert (vec.num_qubits, vec.num_ancillas) == (2, 2 + 2 * 1 + index)
    assert circuit.num_ancillas == vec.num_ancillas
    assert sum(use.forward + use.adjoint for use in vec.uses()) == degree


@pytest.mark.numerics
@pytest.mark.parametrize("coeffs", [CUBIC, QUINTIC], ids=["cubic", "quintic"])
def test_the_polynomial_acts_on_true_values_for_any_alpha(coeffs, tol):
    x, poly = 0.3 * cplx(4), polynomials.polynomial(coeffs, "odd")
    direct, detour = activate(vector_encode(x), poly), activate(subnormalized(x), poly)
    assert detour.alpha > 2 * direct.alpha
    for vec in (direct, detour):
        for found in (vec.encoded, jax.jit(run)(vec)):
            tolerance = tol("rounding", factor=max(1.0, float(vec.alpha)))
            np.testing.assert_allclose(found, on_modulus(coeffs, x), rtol=0, atol=tolerance)


@pytest.mark.numerics
def test_activation_keeps_the_phase_of_complex_entries(tol):
    x = 0.3 * cplx(4)
    found = activate(vector_encode(x), polynomials.polynomial(CUBIC, "odd")).encoded
    turned = activate(vector_encode(1j * x), polynomials.polynomial(CUBIC, "odd")).encoded
    np.testing.assert_allclose(turned, 1j * np.asarray(found), rtol=0, atol=tol())
    assert np.abs(np.asarray(found) - series.chebval(x, CUBIC)).max() > 1e-2  # it is not the analytic P(x)


@pytest.mark.x64
@pytest.mark.parametrize("size", [2, 64, 4096])
@pytest.mark.sample(1)
def test_the_error_does_not_grow_with_the_dimension(size):
    """sqrt(N) times the uniform error would; the error relative to |x| does not, and both are bounds."""
    x, poly = unit(real(size)), polynomials.erf(0.8, degree=5)
    vec = activate(vector_encode(x), poly)
    distance = np.linalg.norm(np.asarray(vec.encoded) - scipy.special.erf(0.8 * x))
    assert distance <= vec.eps <= min(poly.relative_bound, np.sqrt(size) * poly.error_bound) * (1 + 1e-12)


@pytest.mark.x64
def test_the_uniform_bound_is_used_where_it_is_the_smaller_one():
    poly = polynomials.erf(0.8, degree=5)
    vec = activate(vector_encode(np.ones(2)), poly)  # |x| > 1
    assert vec.eps == pytest.approx(np.sqrt(2) * float(poly.error_bound))
    assert np.linalg.norm(np.asarray(vec.encoded) - scipy.special.erf(0.8 * np.ones(2))) <= vec.eps


def test_an_entry_beyond_the_interval_has_an_unknown_error_unless_the_polynomial_is_the_target():
    x = np.array([1.5, 0.0])
    assert activate(vector_encode(x), polynomials.erf(0.8, degree=5)).eps == np.inf
    vec = activate(vector_encode(x), polynomials.polynomial(QUINTIC, "odd"))
    assert vec.eps == 0
    np.testing.assert_allclose(vec.encoded, series.chebval(x, QUINTIC), rtol=0, atol=1e-5)


@pytest.mark.x64
@pytest.mark.parametrize("eps", [1e-6, 0.3, 2.0])
def test_an_error_of_the_vector_is_amplified_by_the_lipschitz_constant_alone(eps):
    encoded = 0.5 * unit(real(2))
    column = np.r_[encoded, np.sqrt(1 - encoded @ encoded), 0]
    circuit = np.linalg.qr(np.c_[column, np.eye(4)[:, 1:]])[0]
    circuit = circuit * np.sign(circuit[0, 0] * column[0])
    part = vector_from_unitary(circuit, num_ancillas=1, alpha=1.0, eps=eps)
    poly = polynomials.erf(0.8, degree=5)
    exact = vector_from_unitary(circuit, num_ancillas=1, alpha=1.0, eps=0.0)
    added = activate(part, poly).eps - activate(exact, poly).eps
    np.testing.assert_allclose(added, 1.6 / np.sqrt(np.pi) * eps, rtol=1e-12)


@pytest.mark.numerics
def test_erf_of_a_matrix_times_a_vector_goes_through_the_whole_circuit(tol):
    """Lemma 2, then the activation, every ancilla simulated; alpha of the matrix is not 1."""
    circuit, x = haar(8), unit(real(4))
    poly = polynomials.erf(1.6, degree=7)
    vec = activate(from_unitary(circuit, num_ancillas=1, alpha=1.5, eps=0.0) @ vector_encode(x), poly)
    expected = on_modulus(erf_coeffs(7, 1.6), 1.5 * circuit[:4, :4] @ x)
    tolerance = tol("rounding", factor=float(vec.alpha))
    np.testing.assert_allclose(jax.jit(run)(vec), expected, rtol=0, atol=tolerance)
    np.testing.assert_allclose(vec.encoded, expected, rtol=0, atol=tolerance)


@pytest.mark.numerics
def test_the_gradient_at_the_zero_vector_is_the_slope_of_the_polynomial(tol):
    poly = polynomials.erf(0.8, degree=5)
    jacobian = jax.jit(jax.jacrev(lambda x: activate(vector_encode(x), poly).encoded))(jnp.zeros(4))
    slope = series.chebval(0, series.chebder(erf_coeffs(5, 0.8)))
    np.testing.assert_allclose(jacobian, slope * np.eye(4), rtol=0, atol=tol())
