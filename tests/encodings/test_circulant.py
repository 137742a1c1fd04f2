import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from qla_jax.encodings import registers
from qla_jax.encodings.block import block, embed, postselect
from qla_jax.encodings.circulant import block_encode_circulant, block_encode_toeplitz
from qla_jax.encodings.encoding import unitary, with_ancillas

pytestmark = pytest.mark.numerics


def entries(size, dtype=float, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=size) + (1j * rng.normal(size=size) if dtype is complex else 0)


def by_circuit(enc):
    return jax.vmap(lambda x: postselect(enc, x), out_axes=1)(jnp.eye(enc.shape[1]))


def assert_unitary(enc, atol):
    u = np.asarray(unitary(enc))
    np.testing.assert_allclose(u @ u.conj().T, np.eye(len(u)), atol=atol)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("size", [1, 2, 8])
def test_circulant_block_is_the_circulant_matrix_by_circuit_too(size, dtype, tol):
    column = entries(size, dtype)
    enc, matrix = block_encode_circulant(column), scipy.linalg.circulant(column)
    np.testing.assert_allclose(block(enc), matrix, atol=tol())
    np.testing.assert_allclose(by_circuit(enc), matrix, atol=tol())
    assert_unitary(enc, tol())


@pytest.mark.parametrize("dtype", [float, complex])
def test_alpha_of_a_circulant_is_its_spectral_norm(dtype, tol):
    column = entries(8, dtype)
    enc = block_encode_circulant(column)
    assert float(enc.alpha) == pytest.approx(np.linalg.norm(scipy.linalg.circulant(column), 2), rel=tol())
    assert (enc.num_ancillas, enc.num_qubits, float(enc.eps)) == (1, 3, 0.0)


def test_the_first_column_is_not_the_first_row():
    column = entries(4)
    assert not np.allclose(block(block_encode_circulant(column)), scipy.linalg.circulant(column).T)


def test_a_real_circulant_keeps_real_states_real():
    enc = block_encode_circulant(entries(4))
    assert jnp.isrealobj(enc.matvec(jnp.ones(4)))
    assert jnp.isrealobj(enc.apply(jnp.ones((2, 4))))
    assert jnp.iscomplexobj(enc.apply(1j * jnp.ones((2, 4))))
    assert jnp.iscomplexobj(block_encode_circulant(entries(4, complex)).apply(jnp.ones((2, 4))))


def test_alpha_of_a_circulant_may_be_given_but_not_below_its_norm():
    column = jnp.array([1.0, 1.0])
    assert float(block_encode_circulant(column, alpha=3.0).alpha) == 3.0
    with pytest.raises(ValueError, match="`alpha` must be at least the spectral norm"):
        block_encode_circulant(column, alpha=1.9)
    assert jax.jit(lambda a: block_encode_circulant(column, alpha=a).eps)(1.9) == jnp.inf


SHAPES = [(1, 1), (2, 2), (4, 4), (3, 3), (1, 4), (4, 1), (5, 3), (3, 8), (3, 2)]


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_toeplitz_block_is_the_toeplitz_matrix_by_circuit_too(shape, dtype, tol):
    column, row = entries(shape[0], dtype), entries(shape[1], dtype, seed=1)
    row[0] = column[0]
    enc, matrix = block_encode_toeplitz(column, row), scipy.linalg.toeplitz(column, row)
    np.testing.assert_allclose(block(enc), matrix, atol=tol())
    np.testing.assert_allclose(by_circuit(enc), matrix, atol=tol())
    assert np.linalg.norm(matrix, 2) <= enc.alpha * (1 + tol())
    assert_unitary(enc, tol())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_toeplitz_leaves_padding_clean_in_both_directions(shape, tol):
    column, row = entries(shape[0]), entries(shape[1], seed=1)
    row[0] = column[0]
    enc = block_encode_toeplitz(column, row)
    x, y = jnp.asarray(entries(shape[1], seed=2)), jnp.asarray(entries(shape[0], seed=3))
    image = enc.alpha * enc.apply(embed(enc, x))[0]
    np.testing.assert_allclose(image, registers.embed(enc.matvec(x), enc.codomain, enc.num_qubits), atol=tol())
    state = with_ancillas(registers.embed(y, enc.codomain, enc.num_qubits), enc.num_ancillas)
    image = enc.alpha * enc.apply_adjoint(state)[0]
    np.testing.assert_allclose(image, registers.embed(enc.rmatvec(y), enc.domain, enc.num_qubits), atol=tol())


ANCILLAS = {(4, 4): 2, (3, 3): 3, (3, 2): 2, (1, 1): 1, (4, 1): 2}


@pytest.mark.parametrize(("shape", "ancillas"), ANCILLAS.items(), ids=str)
def test_toeplitz_uses_the_comparator_and_the_top_bit_only_where_needed(shape, ancillas):
    assert block_encode_toeplitz(np.ones(shape[0]), np.ones(shape[1])).num_ancillas == ancillas


@pytest.mark.parametrize("generator", [np.zeros(5), np.eye(5)[0], np.ones(5)], ids=["zero", "identity", "ones"])
def test_gradients_are_finite_where_the_spectrum_is_degenerate(generator):
    def size(g):
        enc = block_encode_toeplitz(g[:3], jnp.concatenate([g[:1], g[3:]]))
        return jnp.sum(jnp.square(postselect(enc, jnp.ones(3)))) + enc.alpha + enc.norm_bound

    assert np.isfinite(jax.grad(size)(jnp.asarray(generator))).all()


def test_what_is_no_circulant_or_toeplitz_matrix_raises():
    with pytest.raises(ValueError, match="`column` must have a power-of-two length, but has 3 entries"):
        block_encode_circulant(np.ones(3))
    with pytest.raises(ValueError, match=r"`row` must start like `column`, but 2.0 is not 1.0"):
        block_encode_toeplitz([1.0, 2.0], [2.0, 1.0])


def test_a_circulant_of_any_length_is_the_toeplitz_matrix_of_the_message(tol):
    column = entries(5)
    enc = block_encode_toeplitz(column, np.roll(column[::-1], 1))
    np.testing.assert_allclose(block(enc), scipy.linalg.circulant(column), atol=tol())
