import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from qla_jax.encodings.base.block import block
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.matrices.circulant import block_encode_circulant, block_encode_toeplitz

pytestmark = pytest.mark.numerics

explicit = jax.jit(unitary)


def entries(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def test_alpha_of_a_circulant_is_its_spectral_norm(tol):
    for column in (entries(8), entries(8) + 1j * entries(8, seed=1)):
        enc = block_encode_circulant(column)
        assert float(enc.alpha) == pytest.approx(np.linalg.norm(scipy.linalg.circulant(column), 2), rel=tol())
        assert (enc.num_ancillas, enc.num_qubits, float(enc.eps)) == (1, 3, 0.0)


def test_the_argument_of_a_circulant_is_its_first_column_and_not_its_first_row(tol):
    encoded, matrix = block(block_encode_circulant(entries(4))), scipy.linalg.circulant(entries(4))
    np.testing.assert_allclose(encoded, matrix, atol=tol())
    assert not np.allclose(encoded, matrix.T)


def test_a_real_circulant_keeps_real_states_real():
    enc, complex_enc = block_encode_circulant(entries(4)), block_encode_circulant(1j * entries(4))
    state = jnp.ones((2, 4))
    assert jnp.isrealobj(enc.matvec(state[0]))
    assert jnp.isrealobj(enc.apply(state))
    assert jnp.iscomplexobj(enc.apply(1j * state))
    assert jnp.iscomplexobj(complex_enc.apply(state))


def test_an_alpha_below_the_norm_raises_and_inside_jit_makes_the_error_unknown():
    column = jnp.array([1.0, 1.0])
    assert float(block_encode_circulant(column, alpha=3.0).alpha) == 3.0
    with pytest.raises(ValueError, match="`alpha` must be at least the spectral norm"):
        block_encode_circulant(column, alpha=1.9)
    eps = jax.jit(lambda a: block_encode_circulant(column, alpha=a).eps)
    assert [float(eps(a)) for a in (1.9, 2.0)] == [np.inf, 0.0]


# Rows and columns; then ancillas: one for the rotation, one for the comparator, one for the top bit.
SHAPES = {(1, 1): 1, (4, 4): 1 + 1, (4, 1): 1 + 1, (1, 4): 1 + 1, (3, 2): 1 + 1, (3, 3): 1 + 1 + 1, (5, 8): 1 + 1 + 1}


@pytest.mark.parametrize(("shape", "ancillas"), SHAPES.items(), ids=str)
@pytest.mark.sample(3)
def test_toeplitz_leaves_padding_empty_in_both_directions(shape, ancillas, tol):
    column, row = entries(shape[0]), entries(shape[1], seed=1)
    row[0] = column[0]
    enc, matrix = block_encode_toeplitz(column, row), scipy.linalg.toeplitz(column, row)
    size, u = 1 << enc.num_qubits, np.asarray(explicit(enc))
    assert enc.num_ancillas == ancillas
    assert float(enc.alpha) >= np.linalg.norm(matrix, 2) * (1 - tol("exact"))
    flagged = float(enc.alpha) * u[:size, :size]
    np.testing.assert_allclose(flagged[:, : shape[1]], np.pad(matrix, [(0, size - shape[0]), (0, 0)]), atol=tol())
    np.testing.assert_allclose(flagged[: shape[0]], np.pad(matrix, [(0, 0), (0, size - shape[1])]), atol=tol())
    np.testing.assert_allclose(u @ u.T, np.eye(len(u)), atol=tol())


def test_alpha_of_a_toeplitz_matrix_has_finite_gradients_where_the_spectrum_is_degenerate():
    @jax.jit
    @jax.grad
    def bounds(p):
        enc = block_encode_toeplitz(p[:3], jnp.concatenate([p[:1], p[3:]]))
        return enc.alpha + enc.norm_bound

    for p in (np.zeros(5), np.eye(5)[0], np.ones(5)):
        assert np.isfinite(bounds(p)).all()


def test_arguments_that_give_no_circulant_or_toeplitz_matrix_raise():
    with pytest.raises(ValueError, match="`column` must have a power-of-two length, but has 3 entries"):
        block_encode_circulant(np.ones(3))
    with pytest.raises(ValueError, match=r"`row` must start like `column`, but 2.0 is not 1.0"):
        block_encode_toeplitz([1.0, 2.0], [2.0, 1.0])


def test_a_circulant_of_any_length_is_the_toeplitz_matrix_that_the_message_names(tol):
    column = entries(5)
    enc = block_encode_toeplitz(column, np.roll(column[::-1], 1))
    np.testing.assert_allclose(block(enc), scipy.linalg.circulant(column), atol=tol())
