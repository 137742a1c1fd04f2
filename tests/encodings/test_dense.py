"""The unitary dilation itself: its four blocks, its derivative where the encoded view does not look, its precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.encodings.base.block import block, postselect
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.matrices.dense import block_encode, from_unitary
from tests.cases import contraction, cplx, derivative, haar, nearby, norm2, orthogonal, real, slope

MATRICES = {
    "real": real(4, 4),
    "complex": cplx(4, 4),
    "rank one": np.outer(real(4), real(4, seed=1)),
    "zero": np.zeros((4, 4)),
    "unitary": haar(4),
    "equal singular values": orthogonal(4) @ np.diag([1, 1, 0.5, 0.5]) @ orthogonal(4, seed=1),
}
matrices = pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)


def root(gram: np.ndarray) -> np.ndarray:
    """The positive square root of I - gram, by eigenvectors of the Gram matrix and not by singular vectors."""
    s, w = np.linalg.eigh(np.eye(len(gram)) - gram)
    return (w * np.sqrt(np.maximum(s, 0))) @ w.conj().T


@matrices
@pytest.mark.x64
def test_the_dilation_has_the_four_blocks_of_halmos(matrix):
    b = matrix / (1.25 * norm2(matrix) or 1.0)
    expected = np.block([[b, root(b @ b.conj().T)], [root(b.conj().T @ b), -b.conj().T]])
    enc = block_encode(b, alpha=1.0)
    np.testing.assert_allclose(unitary(enc), expected, rtol=0, atol=1e-13)


@matrices
@pytest.mark.numerics
def test_alpha_is_the_spectral_norm_unless_given(matrix, tol):
    enc = block_encode(matrix)
    np.testing.assert_allclose(enc.alpha, norm2(matrix), rtol=tol("exact"), atol=0)
    np.testing.assert_allclose(unitary(enc) @ unitary(enc).conj().T, np.eye(8), rtol=0, atol=tol())


def test_nothing_is_rescaled_silently():
    assert block_encode(2 * np.eye(2)).alpha == 2
    assert block_encode(np.eye(2)).alpha == 1
    assert block_encode(np.eye(2), alpha=3.0).alpha == 3
    np.testing.assert_array_equal(block(block_encode(2 * np.eye(2))), 2 * np.eye(2))
    np.testing.assert_array_equal(block(block_encode(np.eye(2), alpha=3.0)), np.eye(2))


@pytest.mark.parametrize(("shape", "qubits"), [((1, 1), 0), ((1, 2), 1), ((3, 2), 2), ((4, 4), 2), ((5, 3), 3)])
def test_the_system_register_holds_the_longer_side_of_a_rectangular_matrix(shape, qubits):
    enc = block_encode(real(*shape))
    assert (enc.num_ancillas, enc.num_qubits, enc.shape) == (1, qubits, shape)


@pytest.mark.x64
@pytest.mark.parametrize("gap", [1e-3, 1e-9, 1e-15, 0.0])
def test_the_complement_keeps_its_digits_where_a_singular_value_is_close_to_alpha(gap):
    """c = sqrt(1 - s^2) of a rounded s: c^2 is right to ulps of one, and the unitary stays unitary."""
    w, v = haar(4), haar(4, seed=1)
    enc = block_encode(w @ np.diag([1 - gap, 1 - gap, 0.5, 0.1]) @ v, alpha=1.0)
    u = np.asarray(unitary(enc))
    np.testing.assert_allclose(u @ u.conj().T, np.eye(8), rtol=0, atol=1e-14)
    complement = np.linalg.svd(u[:4, 4:], compute_uv=False)
    np.testing.assert_allclose(complement[2:] ** 2, [gap * (2 - gap)] * 2, rtol=0, atol=2e-15)


GENERIC = {
    "real": 0.2 * real(3, 3),
    "complex 2 x 3": contraction(2, 3),
    "rank one": contraction(3, 1) @ contraction(1, 3),
    "zero": np.zeros((3, 3)),
    "equal singular values": 0.5 * haar(3),
}


@pytest.mark.x64
@pytest.mark.parametrize("matrix", GENERIC.values(), ids=GENERIC)
def test_the_whole_dilation_has_its_derivative_where_no_singular_value_is_alpha(matrix):
    """Zero, equal and vanishing singular values included: the rule takes no differences of them."""
    direction = cplx(8, 8)

    def dilate(b: np.ndarray) -> np.ndarray:
        b = np.pad(b, [(0, 4 - b.shape[0]), (0, 4 - b.shape[1])])
        return np.block([[b, root(b @ b.conj().T)], [root(b.conj().T @ b), -b.conj().T]])

    gradient = jax.jit(jax.grad(lambda b: jnp.vdot(direction, unitary(block_encode(b, alpha=1.0))).real))(
        jnp.asarray(matrix)
    )
    for seed in range(3):
        step = nearby(matrix, seed=seed, by=1.0, only_direction=True)
        reference = derivative(lambda b: np.vdot(direction, dilate(b)).real, matrix, step)
        assert abs(slope(gradient, step) - reference) <= 1e-7 * max(1, abs(reference))


@pytest.mark.numerics
def test_the_derivative_of_the_complement_is_returned_as_zero_where_none_exists():
    """At singular value alpha its slope is infinite; only the block's derivative is left."""
    complement = jax.jacrev(lambda b: unitary(block_encode(b, alpha=1.0))[:2, 2:])(jnp.eye(2))
    np.testing.assert_array_equal(complement, np.zeros((2, 2, 2, 2)))


def test_a_batch_of_matrices_is_dilated_as_each_of_them():
    batch = np.stack([real(3, 3), np.zeros((3, 3)), np.eye(3)])
    encs = jax.jit(jax.vmap(block_encode))(batch)
    for i, matrix in enumerate(batch):
        np.testing.assert_allclose(encs.unitary[i], block_encode(matrix).unitary, rtol=0, atol=1e-7)


@pytest.mark.x64
@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_the_dtype_of_an_encoding_is_that_of_its_matrix(dtype):
    enc = block_encode(real(4, 4).astype(dtype))
    precision = np.zeros(0, dtype).real.dtype
    assert (enc.unitary.dtype, enc.alpha.dtype, enc.eps.dtype) == (dtype, precision, precision)
    assert (2.0 * enc @ enc + enc).matvec(jnp.ones(4, dtype)).dtype == dtype
    assert postselect(enc @ enc, jnp.ones(4, dtype)).dtype == dtype


def test_errors_and_norm_bounds_stated_by_a_user_are_kept():
    enc = from_unitary(haar(8), num_ancillas=2, alpha=3.0, eps=0.25, norm_bound=2.4)
    assert (enc.num_ancillas, enc.num_qubits, enc.alpha, enc.eps, enc.norm_bound) == (2, 1, 3, 0.25, 2.4)
    assert from_unitary(haar(8), num_ancillas=2, alpha=3.0, eps=0.25).norm_bound == 3.25
