import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

from qla_jax.circuits import Circuit, count, to_matrix
from qla_jax.encodings.base.block import block
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.emission import to_circuit
from qla_jax.encodings.matrices.sparse import block_encode_sparse
from tests.cases import cplx

pytestmark = pytest.mark.numerics


def random_sparse(*shape, density, seed=0):
    rng = np.random.default_rng(seed)
    return scipy.sparse.coo_array(np.where(rng.random(shape) < density, rng.normal(size=shape), 0))


MATRICES = {
    "square": random_sparse(8, 8, density=0.3),
    "wide": random_sparse(3, 7, density=0.5),
    "tall": random_sparse(6, 2, density=0.6),
    "full": random_sparse(4, 4, density=1),
    "almost full": random_sparse(5, 5, density=0.9),
    "large": random_sparse(200, 150, density=0.02),
    "permutation": scipy.sparse.coo_array(np.eye(4)[[2, 0, 3, 1]]),
    # Row and column 0 hold one entry of two: the multigraph is padded at (0, 0), where the entry is.
    "dummy at an entry": scipy.sparse.coo_array([[5.0, 0, 0, 0], [0, 1, 2, 0], [0, 3, 4, 0], [0, 0, 0, 0]]),
    "one entry": scipy.sparse.coo_array([[2.0]]),
}


def largest_degree(matrix):
    return max(np.bincount(index).max() for index in matrix.coords)


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
@pytest.mark.sample(4)
def test_entries_split_into_as_many_permutations_as_the_fullest_row_or_column_holds(matrix):
    enc, s = block_encode_sparse(matrix), largest_degree(matrix)
    assert enc.num_ancillas == np.ceil(np.log2(s)) + 1
    table = enc.pattern.rows
    np.testing.assert_array_equal(np.sort(table, axis=1), np.arange(1 << enc.num_qubits)[None].repeat(len(table), 0))
    rows, columns, labels = enc.pattern.entries
    np.testing.assert_array_equal(table[labels, columns], rows)
    assert labels.max() < s


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
@pytest.mark.sample(4)
def test_alpha_and_norm_bound_lie_between_the_norm_and_s_times_the_largest_entry(matrix, tol):
    enc, a = block_encode_sparse(matrix), abs(matrix.toarray())
    slack = 1 + tol("exact")
    assert np.linalg.norm(matrix.toarray(), 2) <= enc.norm_bound * slack
    assert enc.norm_bound <= enc.alpha
    assert enc.norm_bound <= np.sqrt(a.sum(0).max() * a.sum(1).max()) * slack
    assert enc.alpha <= largest_degree(matrix) * a.max() * slack


@pytest.mark.parametrize("name", ["square", "wide", "dummy at an entry"])
def test_the_circuit_of_a_scipy_matrix_is_unitary_and_encodes_it(name, tol):
    enc, matrix = block_encode_sparse(MATRICES[name]), MATRICES[name].toarray()
    u, encoded = jax.jit(lambda enc: (unitary(enc), block(enc)))(enc)
    rows, columns = matrix.shape
    np.testing.assert_allclose(enc.alpha * u[:rows, :columns], matrix, atol=tol())
    np.testing.assert_allclose(u @ u.T, np.eye(len(u)), atol=tol())
    np.testing.assert_allclose(encoded, matrix, atol=tol("exact"))


def test_a_band_splits_into_its_diagonals_also_around_the_corners(tol):
    band = scipy.sparse.diags_array([np.full(5, 0.1), np.full(6, -2.0), np.full(5, 0.2)], offsets=[-1, 0, 1])
    ring = scipy.sparse.coo_array(sum(c * np.roll(np.eye(8), k, axis=0) for k, c in ((1, 0.1), (0, -2.0), (-1, 0.2))))
    for matrix in (band, ring):
        assert float(block_encode_sparse(matrix).alpha) == pytest.approx(2.3, rel=tol("exact"))


def test_the_first_argument_of_a_sparse_matrix_holds_rows_and_the_second_columns():
    rows, columns, values = [0, 0, 2], [1, 2, 0], [1.0, 2.0, 3.0]
    one = np.asarray(block(block_encode_sparse(rows, columns, values, (3, 3))))
    other = np.asarray(block(block_encode_sparse(columns, rows, values, (3, 3))))
    np.testing.assert_array_equal(one, [[0, 1, 2], [0, 0, 0], [3, 0, 0]])
    np.testing.assert_array_equal(other, one.T)


def test_bounds_have_finite_gradients_at_zero_and_equal_values():
    @jax.jit
    @jax.grad
    def bounds(values):
        enc = block_encode_sparse([0, 0, 1, 2, 2], [0, 2, 1, 0, 2], values, (3, 3))
        return enc.alpha + enc.norm_bound

    for values in (np.zeros(5), np.eye(5)[2], np.array([1, -1, 1, 1, -1.0])):
        assert np.isfinite(bounds(values)).all()


def test_encodings_of_one_pattern_share_one_compilation():
    traces = []

    @jax.jit
    def image(enc, x):
        traces.append(enc)
        return enc.matvec(x)

    for factor in (1.0, 2.0):
        image(block_encode_sparse(factor * MATRICES["square"]), jnp.ones(8))
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
        (([0], [0], [1.0], (2, 0)), r"`shape` must be \(rows, columns\), both positive, but is \(2, 0\)"),
        (([0], [0], [1.0]), "must be given unless"),
        ((scipy.sparse.eye_array(2), [0]), "must be the only argument"),
        ((scipy.sparse.coo_array((2, 2)),), "`values` must not be empty"),
    ],
)
def test_arguments_that_give_no_sparse_matrix_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        block_encode_sparse(*arguments)


def test_a_traced_pattern_raises():
    with pytest.raises(ValueError, match="`rows` must be known outside jit"):
        jax.jit(lambda rows: block_encode_sparse(rows, [0], [1.0], (2, 2)).alpha)(jnp.array([0]))


@pytest.mark.x64
@pytest.mark.parametrize("scattered", [False, True])
def test_gates_are_those_of_the_permutations_also_under_a_control(scattered):
    """Three cyclic diagonals take an addition of a number for each; two rows that are swapped take a table."""
    rows, columns = np.repeat(np.arange(8), 3), (np.arange(8)[:, None] + np.array([-1, 0, 2])).reshape(-1) % 8
    if scattered:
        rows = np.array([1, 0, 2, 3, 4, 5, 6, 7])[rows]
    enc = block_encode_sparse(rows, columns, cplx(24), (8, 8))
    circuit = to_circuit(enc)
    assert enc.pattern.cyclic != scattered
    np.testing.assert_allclose(to_matrix(circuit), unitary(enc), rtol=0, atol=1e-12)
    flat = Circuit(circuit.num_wires, tuple(circuit.elementary()))
    np.testing.assert_allclose(to_matrix(flat), unitary(enc), rtol=0, atol=1e-12)
    assert enc.cost().gates == count(circuit)
    assert enc.cost().gates.controlled == count(circuit.controlled())
