"""The quantum singular value transformation, beyond the laws that all encodings obey: tests/cases.py has its cases."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from numpy.polynomial import chebyshev as series

from qla_jax import polynomials
from qla_jax.accounting.costs import cost
from qla_jax.encodings.base.block import block, postselect
from qla_jax.encodings.base.vector import run
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.phases.solve import phase_factors
from qla_jax.transforms.amplification import amplify
from qla_jax.transforms.singular_values import qsvt
from tests.cases import CUBIC, QUARTIC, contraction, cplx, real, singular_value_transform

numerics = pytest.mark.numerics


def hermitian(size: int, norm: float = 0.9, seed: int = 0) -> np.ndarray:
    a = cplx(size, size, seed=seed)
    a = a + a.conj().T
    return norm * a / np.linalg.norm(a, 2)


@numerics
@pytest.mark.parametrize("degree", [20, 21])
def test_a_hermitian_matrix_is_transformed_through_its_eigenvalues(degree, tol):
    poly = polynomials.cos(8.0, degree=degree) if degree % 2 == 0 else polynomials.sin(8.0, degree=degree)
    h, x = hermitian(4), cplx(4)
    values, vectors = np.linalg.eigh(h)
    expected = (vectors * series.chebval(values, 0.9 * np.asarray(poly.coeffs, float))) @ vectors.conj().T
    enc = qsvt(block_encode(h, alpha=1.0), poly.scaled(0.9))
    np.testing.assert_allclose(block(enc), expected, rtol=0, atol=tol(factor=10))
    np.testing.assert_allclose(postselect(enc, jnp.asarray(x)), expected @ x, rtol=0, atol=tol(factor=100))


@pytest.mark.x64
def test_the_error_to_the_target_function_is_bounded_and_close_to_its_bound():
    poly = polynomials.cos(5.0, degree=10).scaled(0.8)
    h = hermitian(8, norm=1.0)
    enc = qsvt(block_encode(h, alpha=1.0), poly)
    distance = np.linalg.norm(np.asarray(block(enc)) - 0.8 * scipy.linalg.cosm(5 * h), 2)
    assert 0 < distance <= enc.eps <= 100 * distance


@pytest.mark.x64
def test_qsvt_of_phase_factors_has_the_same_circuit_and_their_own_polynomial():
    a, x = contraction(3, 3), jnp.asarray(real(3))
    enc = block_encode(a, alpha=1.0)
    by_coeffs, by_phases = qsvt(enc, CUBIC), qsvt(enc, phase_factors(CUBIC))
    np.testing.assert_allclose(by_phases.coeffs, CUBIC, rtol=0, atol=1e-15)
    np.testing.assert_allclose(by_phases.phases, by_coeffs.phases, rtol=0, atol=1e-15)
    assert by_phases.eps == 0
    phases = phase_factors(CUBIC)
    turned = jax.tree.map(lambda leaf: leaf, phases).replace(values=phases.values.at[1].add(0.3))
    odd_one = qsvt(enc, turned)  # not symmetric any more: another polynomial, the same in both views
    assert np.abs(np.asarray(odd_one.coeffs) - CUBIC).max() > 0.01
    np.testing.assert_allclose(postselect(odd_one, x), odd_one.matvec(x), rtol=0, atol=1e-14)


@pytest.mark.x64
def test_traced_coefficients_are_solved_inside_and_differentiated_through_both_views():
    a, x, y = contraction(2, 2).real, jnp.asarray(real(2)), jnp.asarray(real(2, seed=1))

    def encoded(c):
        return y @ qsvt(block_encode(a, alpha=1.0), c).matvec(x).real

    def by_circuit(c):
        enc = qsvt(block_encode(a, alpha=1.0), c)
        state = jnp.zeros((4, 2), complex).at[0].set(x)
        return (y @ enc.apply(state)[0]).real

    coeffs, direction, step = jnp.array([0.0, 0.4, 0.0, -0.3]), jnp.array([0.0, 1.0, 0.0, 2.0]), 1e-5
    slope = (encoded(coeffs + step * direction) - encoded(coeffs - step * direction)) / (2 * step)
    for way in (encoded, by_circuit):
        value, gradient = jax.jit(jax.value_and_grad(way))(coeffs)
        np.testing.assert_allclose(value, encoded(coeffs), rtol=0, atol=1e-13)
        np.testing.assert_allclose(gradient[1::2] @ direction[1::2], slope, rtol=0, atol=1e-8)


@pytest.mark.x64
@pytest.mark.slow
def test_a_real_matrix_is_differentiated_through_its_complex_circuit():
    a, x = contraction(2, 2).real, jnp.asarray(real(2))

    def value(a, way):
        return jnp.sum(way(qsvt(block_encode(a, alpha=1.0), CUBIC), x).real)

    by_circuit, encoded = (jax.grad(value)(a, way) for way in (postselect, lambda enc, x: enc.matvec(x)))
    np.testing.assert_allclose(by_circuit, encoded, rtol=0, atol=1e-13)

    def amplified(x):
        return jnp.sum(run(amplify(vector_encode(x) * 0.5, amplitude_bound=0.3, relative_eps=0.1)).real)

    assert np.isfinite(jax.grad(amplified)(x)).all()


@pytest.mark.x64
@pytest.mark.parametrize("angle", [0, 1, 3])
def test_a_wrong_phase_is_another_polynomial(angle):
    """Negative control: the circuit really runs on these phases."""
    a, x = contraction(2, 2), jnp.asarray(real(2))
    enc = qsvt(block_encode(a, alpha=1.0), CUBIC)
    wrong = enc.replace(phases=enc.phases.at[angle].multiply(-1))
    assert np.abs(np.asarray(postselect(wrong, x)) - singular_value_transform(CUBIC, a) @ np.asarray(x)).max() > 1e-3


def test_a_call_is_a_use_of_the_part_and_one_ancilla_is_added():
    enc = qsvt(block_encode(contraction(3, 5), alpha=1.0), QUARTIC)
    assert (enc.num_ancillas, enc.shape) == (2, (5, 5))
    assert list(cost(enc).num_queries.values()) == [4]
    assert qsvt(block_encode(contraction(3, 5), alpha=1.0), CUBIC).shape == (3, 5)


def test_singular_values_outside_the_domain_of_a_polynomial_leave_the_error_unknown():
    poly = polynomials.inverse(3.0, degree=15)
    poly = poly.scaled(0.9 / poly.sup_bound)
    enc, gap = (block_encode(np.diag([1.0, value]), alpha=1.0) for value in (0.5, 0.2))
    assert np.isfinite(qsvt(enc, poly).eps) and qsvt(gap, poly).eps == np.inf
    assert qsvt(gap, poly, in_domain=True).eps == np.inf
    assert jax.jit(lambda p: qsvt(gap, p).eps)(poly) == np.inf


FAULTS = [
    (np.array([0.1, 0.2, 0.3]), "`poly` must have definite parity, but has even coefficients up to 0.3 and odd ones"),
    (np.array([0.0, 1.2]), "`poly` must stay below 1 in size on [-1, 1], but reaches 1.2"),
    (np.array([0.0, 0.2j]), "`poly` must be real, but is complex128"),
    (np.array([np.nan, 0.0, 0.1]), "`poly` must be finite, but coefficient 0 is nan"),
    (np.zeros((2, 2)), "`poly` must be a vector of coefficients, but has shape (2, 2)"),
]


@pytest.mark.parametrize(("poly", "message"), FAULTS, ids=[message[:30] for _, message in FAULTS])
def test_a_polynomial_that_no_circuit_has_raises(poly, message):
    with pytest.raises(ValueError) as failure:
        qsvt(block_encode(np.eye(2), alpha=1.0), poly)
    assert message in str(failure.value)


def test_what_is_not_an_encoding_raises():
    with pytest.raises(TypeError, match="`enc` must be of type BlockEncoding, but is of type ndarray"):
        qsvt(np.eye(2), CUBIC)


def test_a_norm_that_is_not_known_to_be_below_alpha_leaves_the_error_unknown():
    enc = block_encode(contraction(2, 2), alpha=1.0)
    blurred = enc.replace(eps=enc.eps + 0.1, norm_bound=enc.alpha + 0.1)
    assert qsvt(blurred, CUBIC).eps == np.inf
    assert np.isfinite(qsvt(blurred.replace(norm_bound=enc.alpha), CUBIC).eps)
