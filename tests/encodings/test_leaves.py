"""Orders of parts in an index register: shares of the parts, gates of PREPARE, and the circuits of sums of words."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.accounting.costs import cost
from qla_jax.circuits import count, to_matrix
from qla_jax.encodings.base.block import block
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.base.lcu import index_qubits
from qla_jax.encodings.base.leaves import even_leaves, leaf_amplitudes, leaves_of, prepare_gates
from qla_jax.encodings.emission import to_circuit
from qla_jax.encodings.matrices.pauli import block_encode_pauli

pytestmark = pytest.mark.x64
SIZES = {  # rotations of PREPARE for these sizes, and for any in the order of unknown ones
    "one": ([2.0], 0, 0),
    "two alike": ([1.0, 1.0], 0, 1),
    "three alike": ([1.0] * 3, 1, 2),
    "one twice as large": ([1.0, 2.0, 1.0], 0, 2),
    "five apart": ([1.0, 2.0, 3.0, 4.0, 5.5], 4, 4),
    "six alike": ([1.0] * 6, 1, 5),
    "pairs in disorder": ([3.0, 1.0, 1.1, 1.0, 3.0, 1.1], 3, 5),
    "five and six": ([1.0] * 5 + [0.7] * 6, 3, 11),
    "eleven alike": ([1.0] * 11, 3, 11),
    "some are zero": ([0.0, 1.0, 0.0, 1.0], 0, 3),
    "all are zero": ([0.0] * 3, 0, 2),
}


@pytest.mark.parametrize(("sizes", "known", "unknown"), SIZES.values(), ids=SIZES)
def test_parts_have_their_share_in_any_order_at_the_stated_gates(sizes, known, unknown):
    sizes = np.array(sizes)
    for leaves in (leaves_of(sizes), even_leaves(len(sizes))):
        assert len(leaves) == 1 << index_qubits(len(sizes)) and set(leaves) == set(range(len(sizes)))
        loaded = leaf_amplitudes(sizes, leaves)
        share = np.bincount(leaves, np.square(loaded))
        np.testing.assert_allclose(share * sizes.sum(), sizes, rtol=0, atol=1e-14)
        assert np.linalg.norm(loaded) == pytest.approx(1, abs=1e-14)
        np.testing.assert_allclose(leaf_amplitudes(jnp.asarray(sizes), leaves), loaded, rtol=0, atol=1e-15)
    assert prepare_gates(sizes, leaves_of(sizes)).rotations == known
    assert prepare_gates(None, even_leaves(len(sizes))).rotations == unknown


@pytest.mark.parametrize("parts", range(1, 18))
def test_unknown_sizes_take_at_most_twice_as_many_rotations_as_there_are_ratios(parts):
    gates = prepare_gates(None, even_leaves(parts))
    assert parts - 1 <= gates.rotations <= max(2 * (parts - 1) - 1, 0)
    sizes = np.random.default_rng(parts).uniform(0.5, 1.0, parts)
    assert prepare_gates(sizes, even_leaves(parts)) == gates and leaves_of(sizes) == even_leaves(parts)


def test_sizes_that_only_look_equal_take_the_rotations_of_others():
    """A negative control: the saving is due to equal numbers, and to their order."""
    sizes = np.array([1.0] * 5 + [0.7] * 6)
    near = sizes * (1 + 1e-6 * np.arange(11))
    assert prepare_gates(near, leaves_of(near)).rotations == 11
    mixed = sizes[[0, 5, 1, 6, 2, 7, 3, 8, 4, 9, 10]]
    assert prepare_gates(mixed, even_leaves(11)).rotations > 3
    assert prepare_gates(mixed, leaves_of(mixed)).rotations == 3


CHAIN = {"XII": 0.7, "ZZI": 1.0, "IXI": 0.7, "IZZ": -1.0, "IIX": 0.7}


@pytest.mark.parametrize("kind", ["real", "complex", "traced"])
def test_sums_of_words_are_the_same_matrix_in_any_order(kind):
    coeffs = np.array(list(CHAIN.values())) * (np.exp(0.3j * np.arange(1, 6)) if kind == "complex" else 1)
    build = lambda c: block_encode_pauli(dict(zip(CHAIN, c, strict=True)))  # noqa: E731
    enc = jax.jit(build)(coeffs) if kind == "traced" else build(coeffs)
    letters = {"I": np.eye(2), "X": np.array([[0, 1], [1, 0]]), "Z": np.diag([1, -1])}
    words = [np.kron(np.kron(letters[a], letters[b]), letters[c]) for a, b, c in CHAIN]
    np.testing.assert_allclose(block(enc), np.tensordot(coeffs, words, 1), rtol=0, atol=1e-14)
    circuit = to_circuit(enc)
    np.testing.assert_allclose(to_matrix(circuit), unitary(enc), rtol=0, atol=1e-14)
    assert count(circuit) == cost(enc).gates and enc.num_ancillas == 3
    assert (enc.leaves == even_leaves(5)) == (kind == "traced")
    saved = cost(jax.eval_shape(build, coeffs)).gates.rotations - cost(enc).gates.rotations
    assert saved == (0 if kind == "traced" else 2)  # one of four in each PREPARE


def test_equal_weights_in_single_precision_are_equal():
    chain = {word: jnp.float32(coeff) for word, coeff in CHAIN.items()}
    assert count(to_circuit(block_encode_pauli(chain))).rotations == cost(block_encode_pauli(CHAIN)).gates.rotations
