import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.encodings.amplitudes import DiagonalOfAmplitudes
from qla_jax.encodings.block import block, postselect
from qla_jax.encodings.diagonal import block_encode_diagonal, rotate, rotate_back
from qla_jax.encodings.encoding import unitary
from qla_jax.encodings.vector import vector_encode

pytestmark = pytest.mark.numerics

VALUES = {
    "real": np.array([0.5, -2.0, 0.0, 1.0, 0.25]),
    "complex": np.array([0.5j, 1.0 - 1.0j, 0.0]),
    "zero": np.zeros(4),
    "one": np.array([-3.0]),
}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_block_is_the_diagonal_matrix_by_circuit_too(values, tol):
    enc = block_encode_diagonal(values)
    assert (enc.num_ancillas, enc.num_qubits) == (1, (len(values) - 1).bit_length())
    assert float(enc.alpha) == pytest.approx(np.abs(values).max(), rel=tol("exact"))
    np.testing.assert_allclose(block(enc), np.diag(values), atol=tol("exact"))
    by_circuit = jax.vmap(lambda x: postselect(enc, x), out_axes=1)(jnp.eye(len(values)))
    np.testing.assert_allclose(by_circuit, np.diag(values), atol=tol("exact"))


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_circuit_is_the_unitary_of_rotations(values, tol):
    u = np.asarray(unitary(block_encode_diagonal(values)))
    np.testing.assert_allclose(u @ u.conj().T, np.eye(len(u)), atol=tol("exact"))


def test_rotation_of_one_entry_is_the_two_by_two_matrix_of_the_docstring(tol):
    b = 0.6j
    rotation = np.array([[b, -0.8], [0.8, np.conj(b)]])
    for column, state in enumerate(np.eye(2)):
        np.testing.assert_allclose(rotate(jnp.array([b]), state[:, None])[:, 0], rotation[:, column], atol=tol("exact"))
        turned_back = rotate_back(jnp.array([b]), state[:, None])[:, 0]
        np.testing.assert_allclose(turned_back, rotation.conj().T[:, column], atol=tol("exact"))


def test_a_tensor_has_one_register_per_axis(tol):
    image = np.arange(1.0, 10.0).reshape(3, 3)
    enc = block_encode_diagonal(image)
    assert (enc.domain, enc.num_qubits) == ((3, 3), 4)
    np.testing.assert_allclose(postselect(enc, jnp.ones(9)), image.reshape(-1), rtol=tol("exact"))


def test_a_vector_encoding_gives_the_diagonal_of_its_amplitudes(tol):
    x = np.array([1.0, -2.0, 3.0, 0.0])
    enc = block_encode_diagonal(vector_encode(x))
    assert isinstance(enc, DiagonalOfAmplitudes)
    np.testing.assert_allclose(block(enc), np.diag(x), atol=tol("exact", factor=10))


def test_a_given_alpha_is_kept_and_one_too_small_raises_or_is_unknown():
    values = jnp.array([1.0, -2.0])
    assert float(block_encode_diagonal(values, alpha=5.0).alpha) == 5.0
    with pytest.raises(ValueError, match=r"`alpha` must be at least the largest \|value\|, but alpha = 1.5 < 2.0"):
        block_encode_diagonal(values, alpha=1.5)
    with pytest.raises(ValueError, match="`alpha` must not be given with a vector encoding"):
        block_encode_diagonal(vector_encode(values), alpha=5.0)

    def eps_and_image(alpha):
        enc = block_encode_diagonal(values, alpha=alpha)
        return enc.eps, postselect(enc, jnp.ones(2))

    for alpha, eps in ((0.0, jnp.inf), (1.5, jnp.inf), (2.0, 0.0), (3.0, 0.0)):
        found, image = jax.jit(eps_and_image)(alpha)
        assert found == eps
        assert np.isfinite(image).all()


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_gradients_are_finite_where_entries_are_zero_or_equal_alpha(values):
    def size(v):
        enc = block_encode_diagonal(v)
        return jnp.sum(jnp.abs(postselect(enc, jnp.ones(v.size)))) + jnp.sum(jnp.abs(unitary(enc))) + enc.alpha

    assert np.isfinite(jax.grad(size)(jnp.asarray(values))).all()


@pytest.mark.parametrize("bad", [np.array([1.0, np.nan]), np.zeros(0)])
def test_values_that_are_not_finite_or_none_raise(bad):
    with pytest.raises(ValueError, match="`values` must"):
        block_encode_diagonal(bad)
