"""Rows, columns and arrays of encodings: subnormalizations, tracked errors, counts, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qla_jax as qla
from tests.cases import cplx, real

pytestmark = pytest.mark.x64

A, B = qla.block_encode(real(3, 5)), qla.block_encode(real(3, 5, seed=1), alpha=4.0)
MATRICES = {"A": real(3, 5), "B": real(3, 5, seed=1)}


def alphas(blocks: list[list]) -> np.ndarray:
    return np.array([[0.0 if block is None else float(block.alpha) for block in row] for row in blocks])


@pytest.mark.parametrize(
    ("blocks", "wanted"),
    [
        ([[A, B]], lambda a: np.linalg.norm(a)),
        ([[A], [B], [A]], lambda a: np.linalg.norm(a)),
        ([[A, None], [None, B]], lambda a: a.max()),
        ([[None, A], [B, None]], lambda a: a.max()),
        ([[A, A], [A, A]], lambda a: 2 * a[0, 0]),
    ],
    ids=["row", "column", "diagonal", "other diagonal", "all equal"],
)
def test_the_subnormalization_of_a_block_array_is_that_of_its_formula(blocks, wanted):
    np.testing.assert_allclose(qla.block_array(blocks).alpha, wanted(alphas(blocks)), rtol=1e-14)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.sample(2)
def test_no_array_has_a_larger_subnormalization_than_sparse_access(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.uniform(0.1, 3, (3, 4)) * (rng.uniform(size=(3, 4)) < 0.7)
    sizes[:, 0] = sizes[0] = 1.0
    one = qla.block_encode(np.eye(1))
    blocks = [[float(size) * one if size else None for size in row] for row in sizes]
    found = qla.block_array(blocks)
    bound = np.sqrt(sizes.sum(axis=0).max() * sizes.sum(axis=1).max())
    assert np.linalg.norm(sizes, 2) - 1e-12 <= found.alpha <= bound + 1e-12
    np.testing.assert_allclose(qla.block(found), sizes, rtol=0, atol=1e-14)
    np.testing.assert_allclose(qla.unitary(found)[:3, :4] * found.alpha, sizes, rtol=0, atol=1e-14)


@pytest.mark.parametrize("seed", range(5))
def test_the_error_of_an_array_is_within_what_is_tracked_and_may_reach_it(seed):
    """Errors all along one pair of unit vectors: those of a row then add as squares, which is what is tracked."""
    rng = np.random.default_rng(seed)
    sizes, direction = rng.uniform(0, 0.1, 3), np.outer([1, 0, 0], [1, 0, 0, 0, 0])
    parts = [A.replace(eps=jnp.asarray(size)) for size in sizes]
    found = qla.block_array([parts])
    error = np.hstack([size * direction for size in sizes])
    np.testing.assert_allclose(np.linalg.norm(error, 2), found.eps, rtol=1e-12)
    square = qla.block_array([parts, parts[::-1], [None, parts[0], None]])
    blocks = [sizes, sizes[::-1], [0, sizes[0], 0]]
    assert np.linalg.norm(np.array(blocks), 2) <= square.eps * (1 + 1e-12)
    assert np.isinf(qla.block_array([[A.replace(eps=jnp.asarray(np.inf)), B]]).eps)


def test_slices_keep_alpha_and_error_and_cost_an_ancilla_for_each_side():
    rough = A.replace(eps=jnp.asarray(0.25))
    for part, ancillas in ((rough[1:], 1), (rough[:, [3, 0]], 1), (rough[::-1, 2:4], 2)):
        assert (part.alpha, part.num_ancillas) == (A.alpha, A.num_ancillas + ancillas)
        np.testing.assert_allclose(part.eps, 0.25, rtol=1e-12)
    assert rough[:, :] is rough


def test_slices_are_those_of_numpy():
    matrix, enc = MATRICES["A"], A
    for rows, columns in (
        (slice(1, None), slice(None)),
        (slice(None, None, -1), slice(4, 0, -2)),
        ([2, 0], slice(-2, None)),
        (np.array([True, False, True]), [-1]),
    ):
        wanted = matrix[rows][:, columns]
        np.testing.assert_allclose(qla.block(enc[rows, columns]), wanted, rtol=0, atol=1e-14)
        x = cplx(wanted.shape[1])
        np.testing.assert_allclose(qla.postselect(enc[rows, columns], x), wanted @ x, rtol=0, atol=1e-13)
    np.testing.assert_allclose(qla.block(enc[1:]), matrix[1:], rtol=0, atol=1e-14)


def test_slices_count_flips_where_they_are_aligned_an_adder_where_contiguous_and_a_table_elsewhere():
    wide = qla.block_encode(np.ones((64, 64)))
    slices = slice(8), slice(8, 16), slice(5, 13), [40, 2, 7]
    first, aligned, moved, scattered = (wide[index].cost().gates.toffoli for index in slices)
    assert wide.cost().gates.toffoli + 2 == first == aligned  # more than seven: whether any of three bits is 1
    assert moved == first + 5  # an adder of six bits
    assert scattered == wide.cost().gates.toffoli + 5 + 3 * 4  # more than two, and three transpositions
    assert wide[[40, 2, 7]].cost().uncounted == ()


@pytest.mark.parametrize("size", [1, 2, 4, (2, 8)])
def test_the_identity_on_full_registers_is_no_circuit_at_all(size):
    enc = qla.identity(size)
    assert enc.num_ancillas == 0 and enc.cost().gates.depth == 0
    np.testing.assert_array_equal(qla.unitary(enc), np.eye(1 << enc.num_qubits))


REFUSED = {
    "one row": (lambda: A[0], TypeError, r"enc\[i : i \+ 1\]"),
    "three indices": (lambda: A[:, :, :], ValueError, "at most two indices"),
    "no rows": (lambda: A[5:], ValueError, "`rows` must choose at least one of 3"),
    "twice": (lambda: A[[0, 0]], ValueError, "`rows` must be different"),
    "outside": (lambda: A[:, [7]], ValueError, "`columns` must lie in a vector of 5 entries, but one is 7"),
    "mask": (lambda: A[np.array([True, False])], ValueError, "`rows` must be 3 booleans"),
    "rows that differ": (lambda: qla.block_array([[A], [A, A]]), ValueError, "rows of one length"),
    "empty row": (lambda: qla.block_array([[A, A], [None, None]]), ValueError, "row 1 has None only"),
    "misfit": (lambda: qla.block_array([[A], [A.adjoint()]]), ValueError, "in column 0 they have 3 and 5 columns"),
    "flat": (lambda: qla.block_array([A, A]), TypeError, "must be rows of block encodings"),
    "arrays": (lambda: qla.block_array([[np.eye(2)]]), TypeError, "`blocks` must be of type BlockEncoding"),
    "nothing": (lambda: qla.block_array([]), ValueError, "`blocks` must hold at least one block"),
    "no size": (lambda: qla.identity(0), ValueError, "`sizes` must be at least 1, but is 0"),
    "traced row": (lambda: jax.jit(lambda i: A[i : i + 1].alpha)(0), ValueError, "`rows` must be known before tracing"),
    "traced list": (lambda: jax.jit(lambda i: A[:, [i]].alpha)(0), ValueError, "`columns` must be known before"),
    "one place": (lambda: qla.projector(1, 3), ValueError, "`places` must be a sequence of integers"),
    "place outside": (lambda: qla.projector([3], 3), ValueError, "`places` must lie in a vector of 3"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_indices_and_blocks_that_give_no_matrix_are_refused(name):
    call, kind, told = REFUSED[name]
    with pytest.raises(kind, match=told):
        call()
