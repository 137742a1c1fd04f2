import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

from qla_jax.encodings.block import block, postselect
from qla_jax.encodings.encoding import unitary
from qla_jax.encodings.sparse import block_encode_sparse

pytestmark = pytest.mark.numerics


def random_sparse(shape, density, seed=0, dtype=float):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=shape) + (1j * rng.normal(size=shape) if dtype is complex else 0)
    return scipy.sparse.coo_array(np.where(rng.random(shape) < density, matrix, 0))


MATRICES = {
    "square": random_sparse((8, 8), 0.3),
    "complex": random_sparse((8, 8), 0.4, dtype=complex),
    "wide": random_sparse((3, 7), 0.5),
    "tall": random_sparse((6, 2), 0.6),
    "full": random_sparse((4, 4), 1.1),
    "odd": random_sparse((5, 5), 0.9),
    "permutation": scipy.sparse.coo_array(np.eye(4)[[2, 0, 3, 1]]),
    "row": random_sparse((1, 4), 1.1),
    "one entry": scipy.sparse.coo_array(np.array([[2.0]])),
}


def largest_degree(matrix):
    return max(np.bincount(index).max() for index in matrix.coords)


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
def test_block_is_the_matrix_by_circuit_too(matrix, tol):
    enc = block_encode_sparse(matrix)
    np.testing.assert_allclose(block(enc), matrix.toarray(), atol=tol("exact"))
    by_circuit = jax.vmap(lambda x: postselect(enc, x), out_axes=1)(jnp.eye(matrix.shape[1]))
    np.testing.assert_allclose(by_circuit, matrix.toarray(), atol=tol())
    u = np.asarray(unitary(enc))
    np.testing.assert_allclose(u @ u.conj().T, np.eye(len(u)), atol=tol())


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
def test_entries_split_into_as_many_permutations_as_the_fullest_row_or_column_holds(matrix):
    enc, s = block_encode_sparse(matrix), largest_degree(matrix)
    assert enc.num_ancillas == np.ceil(np.log2(s)) + 1
    table = enc.pattern.rows
    assert (np.sort(table, axis=1) == np.arange(1 << enc.num_qubits)).all()
    rows, columns, labels = enc.pattern.entries
    assert (table[labels, columns] == rows).all()
    assert labels.max() < s


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
def test_alpha_and_norm_bound_lie_between_the_norm_and_s_times_the_largest_entry(matrix, tol):
    enc, a = block_encode_sparse(matrix), abs(matrix.toarray())
    norm, slack = np.linalg.norm(matrix.toarray(), 2), 1 + tol("exact")
    assert norm <= enc.norm_bound * slack <= enc.alpha * slack**2
    assert enc.alpha <= largest_degree(matrix) * a.max() * slack
    assert enc.norm_bound <= np.sqrt(a.sum(0).max() * a.sum(1).max()) * slack


def test_a_band_splits_into_its_diagonals(tol):
    band = scipy.sparse.diags_array([np.full(5, 0.1), np.full(6, -2.0), np.full(5, 0.2)], offsets=[-1, 0, 1])
    assert float(block_encode_sparse(band).alpha) == pytest.approx(2.3, rel=tol("exact"))


def test_a_true_entry_beside_a_dummy_in_the_same_place_is_counted_once(tol):
    # Row and column 0 hold one entry of two: the multigraph is padded at (0, 0), where the entry is.
    matrix = np.array([[5.0, 0, 0, 0], [0, 1, 2, 0], [0, 3, 4, 0], [0, 0, 0, 0]])
    enc = block_encode_sparse(scipy.sparse.coo_array(matrix))
    by_circuit = jax.vmap(lambda x: postselect(enc, x), out_axes=1)(jnp.eye(4))
    np.testing.assert_allclose(by_circuit, matrix, atol=tol())


def test_transposed_indices_are_another_matrix():
    rows, columns, values = [0, 0, 2], [1, 2, 0], [1.0, 2.0, 3.0]
    one = np.asarray(block(block_encode_sparse(rows, columns, values, (3, 3))))
    other = np.asarray(block(block_encode_sparse(columns, rows, values, (3, 3))))
    np.testing.assert_array_equal(one, other.T)
    assert not np.allclose(one, other)


@pytest.mark.parametrize("values", [np.zeros(5), np.array([0, 0, 1.0, 0, 0]), np.array([1, -1, 1, 1, -1.0])])
def test_gradients_in_the_values_are_finite_and_those_of_the_dense_matrix(values, tol):
    rows, columns = np.array([0, 0, 1, 2, 2]), np.array([0, 2, 1, 0, 2])
    x, y = np.array([1.0, -2.0, 0.5]), np.array([0.3, 1.0, 2.0])

    def image(v):
        return jnp.vdot(y, postselect(block_encode_sparse(rows, columns, v, (3, 3)), x))

    np.testing.assert_allclose(jax.grad(image)(jnp.asarray(values)), y[rows] * x[columns], atol=tol())

    def bounds(v):
        enc = block_encode_sparse(rows, columns, v, (3, 3))
        return enc.alpha + enc.norm_bound

    assert np.isfinite(jax.grad(bounds)(jnp.asarray(values))).all()


def test_encodings_of_one_pattern_share_one_compilation():
    matrix, traces = MATRICES["square"], []

    @jax.jit
    def image(enc, x):
        traces.append(enc)
        return enc.apply(x)

    for factor in (1.0, 2.0):
        enc = block_encode_sparse(factor * matrix)
        image(enc, jnp.zeros((1 << enc.num_ancillas, 8)))
    assert len(traces) == 1


def test_scipy_adds_its_own_duplicates_up():
    twice = scipy.sparse.coo_array(([1.0, 2.0], ([0, 0], [1, 1])), shape=(2, 2))
    np.testing.assert_array_equal(block(block_encode_sparse(twice)), [[0, 3.0], [0, 0]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 0], [1, 1], [1.0, 2.0], (2, 2)), r"must name each entry once, but repeat \[\(0, 1\)\]"),
        (([0, 2], [1, 1], [1.0, 2.0], (2, 2)), r"`rows` must lie between 0 and 1, but holds \[2\]"),
        (([0, 1], [1, -1], [1.0, 2.0], (2, 2)), r"`columns` must lie between 0 and 1, but holds \[-1\]"),
        (([0.0, 1.0], [1, 1], [1.0, 2.0], (2, 2)), "`rows` must be one-dimensional integers"),
        (([0], [1, 1], [1.0, 2.0], (2, 2)), r"must be equally long, but have lengths \(1, 2, 2\)"),
        (([0], [0], [np.inf], (2, 2)), "`values` must be finite"),
        (([0], [0], [1.0], (2, 0)), r"`shape` must be two positive integers, but is \(2, 0\)"),
        (([0], [0], [1.0]), "must be given unless"),
        ((scipy.sparse.eye_array(2), [0]), "must be the only argument"),
        ((scipy.sparse.coo_array((2, 2)),), "`values` must not be empty"),
    ],
)
def test_what_is_no_sparse_matrix_raises(arguments, message):
    with pytest.raises(ValueError, match=message):
        block_encode_sparse(*arguments)


def test_a_traced_pattern_raises():
    with pytest.raises(ValueError, match="`rows` must be known outside jit"):
        jax.jit(lambda rows: block_encode_sparse(rows, [0], [1.0], (2, 2)).alpha)(jnp.array([0]))
