"""Gates of encodings against the action of their circuits: the whole unitary, with its phase."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.accounting.costs import cost
from qla_jax.accounting.gates import Gates
from qla_jax.circuits import Call, Circuit, Gate, Within, count, to_matrix
from qla_jax.encodings.base.encoding import SYNTHESIS_QUBITS, Encoding, unitary
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.combine.algebra import adjoint, linear_combination, product, scale
from qla_jax.encodings.combine.lemmas import vector_sum
from qla_jax.encodings.emission import to_circuit
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.matrices.pauli import block_encode_pauli
from qla_jax.polynomials import erf
from qla_jax.transforms.singular_values import qsvt
from tests.cases import ENCODINGS, VECTORS, Case, in_default_lane, real
from tests.test_foreign_encoding import swap_test

pytestmark = pytest.mark.x64
LARGEST = 10
"""Number of qubits up to which unitaries are compared."""


def encoding_of(case: Case) -> Encoding:
    return case.build(jax.tree.map(jnp.asarray, case.params))


@pytest.mark.parametrize("case", in_default_lane([*ENCODINGS, *VECTORS]))
@pytest.mark.sample(8)
def test_gates_have_the_unitary_of_the_circuit(case):
    enc = encoding_of(case)
    size = enc.num_ancillas + enc.num_qubits
    if size > LARGEST:
        pytest.skip(f"{size} qubits")
    circuit = to_circuit(enc)
    assert circuit.registers == (("ancilla", enc.num_ancillas), ("system", enc.num_qubits))
    np.testing.assert_allclose(to_matrix(circuit), unitary(enc), rtol=0, atol=1e-10)


SMALL = [case for case in [*ENCODINGS, *VECTORS] if "squares" not in case.name]


@pytest.mark.parametrize("case", in_default_lane(SMALL))
@pytest.mark.sample(6)
def test_elementary_gates_have_the_unitary_of_the_circuit(case):
    """One by one: nothing is left of rotations by an index, diagonals, tables and calls."""
    enc = encoding_of(case)
    size = enc.num_ancillas + enc.num_qubits
    if size > 7:
        pytest.skip(f"{size} qubits")
    flat = Circuit(size, tuple(to_circuit(enc).elementary()))
    np.testing.assert_allclose(to_matrix(flat), unitary(enc), rtol=0, atol=1e-10)


MEMORY = ("memory", "Frobenius", "squares")
"""Encodings that read a memory, whose reads are no gates and become tables of angles."""
COUNTED = [case for case in [*ENCODINGS, *VECTORS] if not any(name in case.name for name in MEMORY)]


@pytest.mark.parametrize("case", in_default_lane(COUNTED))
@pytest.mark.parametrize("under_control", [False, True])
@pytest.mark.sample(18)
def test_counted_gates_are_those_of_the_circuit_or_few_more(case, under_control):
    enc = encoding_of(case)
    if under_control:
        enc = (vector_sum if isinstance(enc, VectorEncoding) else linear_combination)(enc, enc, weights=(0.5, 0.5))
    counted, found = cost(enc).gates, count(to_circuit(enc))
    assert found.rotations <= counted.rotations <= 1.5 * found.rotations
    assert found.t_count(1e-10) <= counted.t_count(1e-10) <= 1.5 * found.t_count(1e-10)


def test_counts_of_a_long_transformation_are_equal():
    words = {"XZI": 0.5, "ZIY": -0.25, "YYX": 0.3, "IIZ": 0.1, "XXX": 0.2, "ZZZ": 0.3, "XIX": 0.1, "YIY": -0.2}
    enc = qsvt(block_encode_pauli(words), erf(30.0, degree=401).scaled(0.9))
    assert count(to_circuit(enc)) == cost(enc).gates


def test_gates_that_are_not_in_the_circuit_are_seen():
    enc = block_encode_pauli({"X": 0.3, "Z": -0.4, "Y": 0.2})
    found = count(to_circuit(scale(enc, 0.5)))
    assert found.rotations < (cost(enc).gates + Gates(rotations=4)).rotations / 1.5


@pytest.mark.slow
def test_every_class_of_the_registry_has_gates_of_its_own():
    from qla_jax.encodings.combine.composed import Composed

    kinds = {type(encoding_of(case)) for case in [*ENCODINGS, *VECTORS]}
    assert [kind for kind in kinds if kind.operations is Encoding.operations and not issubclass(kind, Composed)] == []


@pytest.mark.parametrize("size", [2, 3])
def test_controlled_and_inverse_circuits_are_those_of_the_unitary(size):
    enc = block_encode(real(2, 2)) @ block_encode_pauli({"X": 0.3, "Z": -0.4, "Y": 0.2})
    circuit = to_circuit(enc if size == 3 else adjoint(enc))
    matrix, rows = to_matrix(circuit), 1 << circuit.num_wires
    expected = np.eye(2 * rows, dtype=complex)
    expected[rows:, rows:] = matrix
    for found in (circuit.controlled(), Circuit(circuit.num_wires + 1, tuple(circuit.controlled().elementary()))):
        np.testing.assert_allclose(to_matrix(found), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(to_matrix(circuit.inverse()), matrix.conj().T, rtol=0, atol=1e-12)


def test_a_wrong_order_of_wires_is_seen():
    """A negative control: little-endian wires have another unitary."""
    circuit = to_circuit(block_encode_pauli({"XZ": 0.5, "ZI": -0.25}))
    reverse = [circuit.num_wires - 1 - wire for wire in range(circuit.num_wires)]
    wrong = Circuit(circuit.num_wires, tuple(part.moved(reverse) for part in circuit.operations))
    assert np.abs(to_matrix(wrong) - to_matrix(circuit)).max() > 0.1


def test_a_users_own_encoding_is_synthesized_up_to_eight_qubits():
    own = swap_test(0.3)
    np.testing.assert_allclose(to_matrix(to_circuit(own)), unitary(own), rtol=0, atol=1e-14)
    large = own.replace(num_ancillas=1, num_qubits=SYNTHESIS_QUBITS)
    with pytest.raises(ValueError, match=r"`enc` must have at most 8 qubits for the synthesis .* SwapTest has 9"):
        to_circuit(large)


def test_parts_are_shared_and_long_circuits_are_short():
    part = block_encode_pauli({"XZ": 0.5, "ZI": -0.25})
    circuit = to_circuit(qsvt(part, erf(30.0, degree=401).scaled(0.9)))
    (within,) = circuit.operations
    calls = [each for pair in within.middle if isinstance(pair, Within) for each in pair.compute]
    called = {id(each.circuit) for each in calls if isinstance(each, Call)}
    assert len(called) == 1 and len(within.middle) == 401 + 2


@pytest.mark.slow
def test_chains_of_any_length_become_circuits():
    enc = block_encode_pauli({"X": 0.5})
    for _ in range(2000):
        enc = scale(enc, 1.0)
    assert to_circuit(enc).num_wires == 1


def test_traced_encodings_are_refused_by_name():
    with pytest.raises(ValueError, match="`enc` must have concrete arrays to become gates, but Dense is traced"):
        jax.jit(lambda matrix: to_circuit(block_encode(matrix, alpha=1.0)).num_wires)(0.5 * jnp.eye(2))
    with pytest.raises(TypeError, match="`enc`"):
        to_circuit(Circuit(1, (Gate("h", 0),)))
    with pytest.raises(TypeError, match="`enc`"):
        to_circuit(product)
