import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.encodings.base.block import block, postselect
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.matrices.amplitudes import DiagonalOfAmplitudes
from qla_jax.encodings.matrices.diagonal import block_encode_diagonal
from qla_jax.encodings.vectors.known import vector_encode

pytestmark = pytest.mark.numerics


def test_each_entry_rotates_the_ancilla_by_its_own_matrix(tol):
    rotations = {0.6j: [[0.6j, -0.8], [0.8, -0.6j]], 2.0: [[1, 0], [0, 1]], 0.0: [[0, -1], [1, 0]]}
    enc = block_encode_diagonal(np.array([1.2j, 2.0, 0.0]))
    assert (float(enc.alpha), enc.num_ancillas, enc.num_qubits) == (2.0, 1, 2)
    grid = unitary(enc).reshape(2, 4, 2, 4)
    for entry, rotation in enumerate([*rotations.values(), rotations[0.0]]):  # the last one is padding
        np.testing.assert_allclose(grid[:, entry, :, entry], rotation, atol=tol("exact"))


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


def test_an_alpha_too_small_raises_and_inside_jit_makes_the_error_unknown():
    values = jnp.array([1.0, -2.0])
    with pytest.raises(ValueError, match=r"`alpha` must be at least the largest \|value\|, but alpha = 1.5 < 2.0"):
        block_encode_diagonal(values, alpha=1.5)

    @jax.jit
    def eps_and_image(alpha):
        enc = block_encode_diagonal(values, alpha=alpha)
        return enc.eps, postselect(enc, jnp.ones(2))

    for alpha, eps in ((0.0, jnp.inf), (1.5, jnp.inf), (2.0, 0.0), (3.0, 0.0)):
        found, image = eps_and_image(alpha)
        assert found == eps
        assert np.isfinite(image).all()


def test_the_circuit_itself_has_finite_gradients_where_entries_are_zero_or_equal_alpha():
    def size(values):
        return jnp.sum(jnp.abs(unitary(block_encode_diagonal(values))))

    for values in (jnp.array([0.0, 1.0, -1.0]), jnp.zeros(3), jnp.array([1j, 0.0, 0.5])):
        assert np.isfinite(jax.jit(jax.grad(size))(values)).all()


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({"values": np.array([1.0, np.nan])}, "`values` must be finite"),
        ({"values": np.zeros(0)}, "`values` must not be empty"),
        ({"values": vector_encode(np.ones(2)), "alpha": 5.0}, "`alpha` must not be given with a vector encoding"),
    ],
)
def test_arguments_that_give_no_diagonal_matrix_raise(arguments, rule):
    with pytest.raises(ValueError, match=rule):
        block_encode_diagonal(**arguments)
