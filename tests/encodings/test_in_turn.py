"""Products on shared ancillas: the circuit against dense NumPy, and the number of qubits against its bound."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qla_jax as qla
from qla_jax.accounting.costs import cost
from qla_jax.circuits import Circuit, count
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.base.in_turn import mark_operations, marked, marking, num_shared, together
from qla_jax.encodings.combine.algebra import adjoint, product
from qla_jax.encodings.combine.joint import controlled
from qla_jax.encodings.combine.lemmas import matrix_vector_product
from qla_jax.encodings.combine.several import with_least_size
from qla_jax.encodings.emission import to_circuit
from qla_jax.encodings.matrices.dense import from_unitary
from qla_jax.encodings.vectors.known import vector_from_unitary
from tests.cases import haar

pytestmark = pytest.mark.x64

PAIRS = [(2, 2), (2, 3), (3, 2), (4, 2)]
"""Numbers of ancillas of the outer and of the inner part."""


def any_unitary(ancillas: int, qubits: int = 1, seed: int = 0) -> np.ndarray:
    return haar(1 << ancillas + qubits, seed=seed)


def encoding(ancillas: int, qubits: int = 1, seed: int = 0):
    return from_unitary(any_unitary(ancillas, qubits, seed), num_ancillas=ancillas, alpha=1.0, eps=0.0)


def corner(matrix: np.ndarray, size: int = 2) -> np.ndarray:
    return matrix[:size, :size]


def in_numpy(outer: np.ndarray, inner: np.ndarray, *, mark: bool = True) -> np.ndarray:
    """Both circuits on the last of the ancillas, and X on the first qubit but for zeros of those that both use."""
    size, shared = max(len(outer), len(inner)), min(len(outer), len(inner)) // 2
    wide = [np.kron(np.eye(2 * size // len(each)), each) for each in (outer, inner)]
    clean = np.kron(np.eye(size // 2 // shared), np.diag(np.arange(shared) == 0)).astype(float)
    clean = np.kron(clean, np.eye(2))
    flip = np.kron(np.eye(2), clean) + np.kron(np.eye(2)[::-1], np.eye(size) - clean)
    return wide[0] @ (flip if mark else np.eye(2 * size)) @ wide[1]


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_the_circuit_is_both_circuits_around_the_mark(outer, inner):
    matrices = any_unitary(outer), any_unitary(inner, seed=1)
    enc = encoding(outer) @ encoding(inner, seed=1)
    assert enc.num_ancillas == max(outer, inner) + 1 < outer + inner or (outer, inner) == (2, 2)
    expected = in_numpy(*matrices)
    np.testing.assert_allclose(expected @ expected.conj().T, np.eye(len(expected)), rtol=0, atol=1e-13)
    np.testing.assert_allclose(unitary(enc), expected, rtol=0, atol=1e-13)
    np.testing.assert_allclose(unitary(adjoint(enc)), expected.conj().T, rtol=0, atol=1e-13)
    np.testing.assert_allclose(corner(expected), corner(matrices[0]) @ corner(matrices[1]), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_without_the_mark_the_block_is_wrong(outer, inner):
    """A negative control: what the inner part leaves outside returns by the outer part."""
    matrices = any_unitary(outer), any_unitary(inner, seed=1)
    wrong = corner(in_numpy(*matrices, mark=False))
    assert np.abs(wrong - corner(matrices[0]) @ corner(matrices[1])).max() > 0.03


def test_a_matrix_times_a_vector_shares_as_well():
    for outer, inner in PAIRS:
        matrices = any_unitary(outer), any_unitary(inner, seed=1)
        part = vector_from_unitary(jnp.asarray(matrices[1]), num_ancillas=inner, alpha=1.0, eps=0.0)
        vec = matrix_vector_product(encoding(outer), part)
        assert vec.num_ancillas == max(outer, inner) + 1
        expected = in_numpy(*matrices)
        np.testing.assert_allclose(vec.apply(basis_state(vec)).reshape(-1), expected[:, 0], rtol=0, atol=1e-13)
        for found in (vec.encoded, qla.run(vec), qla.run_projected(vec)):
            np.testing.assert_allclose(found, corner(matrices[0]) @ matrices[1][:2, 0], rtol=0, atol=1e-13)


def basis_state(enc) -> jax.Array:
    return jnp.zeros((1 << enc.num_ancillas, 1 << enc.num_qubits), complex).at[0, 0].set(1)


@pytest.mark.parametrize(
    "ancillas", [(3,), (2, 2), (2, 5, 2), (3, 1, 4, 1, 5), (2,) * 7, (6, 2, 2, 2, 2, 2, 2, 2), (2,) * 9]
)
def test_a_product_of_many_takes_the_largest_part_and_the_logarithm_of_their_number(ancillas):
    parts = [
        jax.eval_shape(lambda a=a: from_unitary(jnp.eye(2 << a), num_ancillas=a, alpha=1.0, eps=0.0)) for a in ancillas
    ]
    bound = max(ancillas) + math.ceil(math.log2(len(ancillas)))
    found = jax.eval_shape(lambda *parts: product(*parts), *parts).num_ancillas
    assert found <= bound
    if len(set(ancillas)) == 1:
        assert found == bound


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6])
def test_no_other_nesting_takes_fewer_ancillas(count):
    """All trees of all numbers of ancillas from 0 to 3, by recursion."""

    @functools.cache
    def least(sizes: tuple[int, ...]) -> int:
        return min((together(least(sizes[:at]), least(sizes[at:])) for at in range(1, len(sizes))), default=sizes[0])

    def pair(left, right):
        return together(left[0], right[0]), left[1] + right[1]

    for sizes in itertools.product(range(4), repeat=count):
        parts = [(size, (place,)) for place, size in enumerate(sizes)]
        assert with_least_size(pair, parts, sizes) == (least(sizes), tuple(range(count)))


def test_a_balanced_tree_can_take_more():
    """A negative control: one and five in one half."""
    assert together(together(1, 1), together(1, 5)) == 7
    parts = [encoding(size) for size in (1, 1, 1, 5)]
    assert product(*parts).num_ancillas == 6


def test_four_parts_have_the_product_as_their_block():
    """Two marks above two shared ancillas; without ancillas of their own, parts take no mark."""
    parts = [encoding(2, seed=seed) for seed in range(4)]
    enc = product(*parts)
    assert enc.num_ancillas == 2 + 2 and (encoding(0) @ enc @ encoding(0)).num_ancillas == 4
    expected = np.linalg.multi_dot([corner(any_unitary(2, seed=seed)) for seed in range(4)])
    np.testing.assert_allclose(corner(np.asarray(unitary(enc))), expected, rtol=0, atol=1e-13)
    np.testing.assert_allclose(qla.postselect(enc, jnp.array([0.6, 0.8])), expected @ [0.6, 0.8], rtol=0, atol=1e-13)
    nested = ((parts[0] @ parts[1]) @ parts[2]) @ parts[3]
    assert nested.num_ancillas == 2 + 3
    np.testing.assert_allclose(corner(np.asarray(unitary(nested))), expected, rtol=0, atol=1e-13)


def test_sharing_starts_where_it_saves_a_qubit():
    for inner in range(6):
        for outer in range(6):
            least, shared = together(inner, outer), num_shared(inner, outer)
            assert least == inner + outer - shared + (shared > 0) == together(outer, inner)
            assert (shared > 0) == (min(inner, outer) > 1) and least <= max(inner, outer) + 1


def test_a_mark_is_flipped_by_zeros_of_shared_ancillas_alone():
    """Two qubits in front of the mark's own, two shared ancillas, no system."""
    state = jnp.arange(16.0)[:, None]
    found = marked(state, 2)[:, 0].reshape(2, 2, 4)
    np.testing.assert_array_equal(found[:, :, 0], [[0, 4], [8, 12]])
    np.testing.assert_array_equal(found[0, :, 1:], [[9, 10, 11], [13, 14, 15]])
    np.testing.assert_array_equal(marked(marked(state, 2), 2), state)


@pytest.mark.parametrize("shared", [2, 3, 5])
def test_counted_gates_of_the_mark_are_those_of_its_circuit(shared):
    circuit = Circuit(shared + 1, tuple(mark_operations(0, range(1, shared + 1))))
    assert count(circuit) == marking(shared, shared + 2)
    assert count(circuit.controlled()) == marking(shared, shared).controlled


def test_toffoli_gates_of_nested_products_are_those_of_the_circuit():
    """Of the marks alone: the parts are products of dense encodings without Toffoli gates."""
    parts = [encoding(1, seed=seed) for seed in range(4)]
    for enc in (product(*parts), controlled(product(*parts)), product(*parts).adjoint()):
        found = count(to_circuit(enc)).toffoli
        assert found == cost(enc).gates.toffoli >= 1


def test_a_network_of_products_follows_jit_vmap_and_gradients():
    """Encodings of one structure and many values; the derivative against differences."""
    matrices = jnp.asarray(np.stack([any_unitary(2, seed=seed) for seed in range(3)]))
    others = jnp.asarray(np.stack([any_unitary(2, seed=seed + 10) for seed in range(3)]))

    def first(a, b):
        encs = [from_unitary(each, num_ancillas=2, alpha=1.0, eps=0.0) for each in (a, b)]
        return (encs[0] @ encs[1]).apply(basis_state(encs[0] @ encs[1]))[0]

    found = jax.jit(jax.vmap(first))(matrices, others)
    expected = [corner(np.asarray(a)) @ np.asarray(b)[:2, 0] for a, b in zip(matrices, others, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)
    slope = jax.jvp(lambda t: first(matrices[0], t * others[0]), (1.0,), (1.0,))[1]
    np.testing.assert_allclose(slope, expected[0], rtol=0, atol=1e-13)
