"""Chebyshev combinations beyond the laws: high degrees against cosines, parameters, and when the error is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.encodings.base.block import block, postselect
from qla_jax.encodings.matrices.dense import block_encode, from_unitary
from qla_jax.transforms.chebyshev_lcu import chebyshev_lcu
from tests.cases import haar, norm2, orthogonal, real

ANGLES = np.array([0.0, 0.4, 1.1, np.pi / 2])


@pytest.mark.numerics
@pytest.mark.parametrize("terms", [1, 2, 33, 128])
@pytest.mark.sample(2)
def test_chebyshev_polynomials_of_a_symmetric_matrix_are_cosines_of_its_angles(terms, tol):
    """T_2j has eigenvalue cos(2 j theta) where A has cos(theta): degrees up to 254, by recurrence and by circuit."""
    w, coeffs = orthogonal(4), real(terms)
    coeffs /= np.abs(coeffs).sum()
    enc = chebyshev_lcu(block_encode(w @ np.diag(np.cos(ANGLES)) @ w.T, alpha=1.0), coeffs)
    expected = w @ np.diag(np.cos(2 * np.outer(ANGLES, np.arange(terms))) @ coeffs) @ w.T
    tolerance = tol("exact", factor=terms**2)  # the condition number of T_d is d^2
    np.testing.assert_allclose(jax.jit(block)(enc), expected, rtol=0, atol=tolerance)
    x = real(4)
    np.testing.assert_allclose(jax.jit(postselect)(enc, jnp.asarray(x)), expected @ x, rtol=0, atol=tolerance)


@pytest.mark.numerics
def test_the_right_singular_vectors_are_kept(tol):
    """V Q(S) V^H, not W Q(S) W^H: the matrix is not normal."""
    w, v, s = haar(4), haar(4, seed=1), np.array([0.9, 0.6, 0.3, 0.0])
    enc = chebyshev_lcu(block_encode(w @ np.diag(s) @ v.conj().T, alpha=1.0), [0.0, 0.0, 1.0])
    values = np.cos(4 * np.arccos(s))
    np.testing.assert_allclose(block(enc), v @ np.diag(values) @ v.conj().T, rtol=0, atol=tol())
    assert norm2(np.asarray(block(enc)) - w @ np.diag(values) @ w.conj().T) > 0.1


@pytest.mark.numerics
@pytest.mark.parametrize(("terms", "index"), [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3)])
def test_alpha_ancillas_and_calls_are_those_of_the_lemma(terms, index, tol):
    part, coeffs = block_encode(real(3, 5)), 1j * real(terms)
    enc = chebyshev_lcu(part, coeffs)
    np.testing.assert_allclose(enc.alpha, np.abs(coeffs).sum(), rtol=tol("exact"))
    assert (enc.num_ancillas, enc.num_qubits, enc.shape) == (1 + index, 3, (5, 5))
    assert [(use.part is part, use.forward, use.adjoint) for use in enc.uses()] == [(True, terms - 1, terms - 1)]


def test_the_error_is_known_where_the_ideal_matrix_is_a_contraction():
    circuit = dict(unitary=haar(8), num_ancillas=1, alpha=2.0)
    coeffs = [1.0, -0.5, 0.25]
    assert chebyshev_lcu(from_unitary(**circuit, eps=0.0), coeffs).eps == 0
    assert chebyshev_lcu(from_unitary(**circuit, eps=0.1), coeffs).eps == np.inf  # ||A|| may reach 2.1
    known = chebyshev_lcu(from_unitary(**circuit, eps=0.1, norm_bound=2.0), coeffs)
    assert known.eps == pytest.approx(0.5 * 4 * 0.05 + 0.25 * 16 * 0.05)  # d^2 eps / alpha for each T_d
    far = chebyshev_lcu(from_unitary(**circuit, eps=1.5, norm_bound=2.0), coeffs)
    assert far.eps == pytest.approx(0.5 * 2 + 0.25 * 2)  # no two contractions are further apart than 2
    assert chebyshev_lcu(from_unitary(**circuit, eps=np.inf, norm_bound=2.0), coeffs).eps == np.inf
