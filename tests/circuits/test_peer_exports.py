"""Exported circuits in Cirq, PennyLane's QSVT, QREF and Qualtran: unitaries with their phase, and counts."""

import json
import re
from pathlib import Path

import jax
import numpy as np
import pytest
import scipy.sparse
from numpy.polynomial import chebyshev as series

import qla_jax as qla
from qla_jax.circuits import Circuit, Gate, Phase, count, to_cirq, to_matrix, to_qref, to_qualtran
from qla_jax.encodings.emission import to_circuit
from tests.cases import cplx, real, singular_value_transform
from tests.circuits.builds import BUILDS

pytestmark = [pytest.mark.peers, pytest.mark.x64]
ATOL = 1e-12
PAGES = Path(__file__).parents[2] / "docs" / "how-to"
MOST_WIRES = 8


@pytest.fixture(scope="module", params=BUILDS)
def circuit(request):
    return to_circuit(BUILDS[request.param]())


def of_cirq(circuit, order=None):
    cirq = pytest.importorskip("cirq")
    qubits = cirq.LineQubit.range(circuit.num_wires)
    order = qubits if order is None else [qubits[wire] for wire in order]
    return to_cirq(circuit).unitary(qubit_order=order, qubits_that_should_be_present=qubits)


def test_cirq_circuits_have_the_unitary(circuit):
    if circuit.num_wires > MOST_WIRES:
        pytest.skip(f"{circuit.num_wires} qubits")
    np.testing.assert_allclose(of_cirq(circuit), to_matrix(circuit), rtol=0, atol=ATOL)


def test_every_gate_is_that_of_cirq():
    cirq = pytest.importorskip("cirq")
    names = [Gate(name, 0) for name in ("x", "y", "z", "h", "s", "sdg", "t", "tdg")]
    turns = [Gate(name, 0, 0.7) for name in ("rx", "ry", "rz", "p")]
    phases = [Phase(0.3), Phase(0.3, (1,), (0,)), Phase(0.3, (0, 1), (0, 1))]
    for part in [*names, *turns, *phases, *(gate.controlled((1, 2), (0, 1)) for gate in names + turns)]:
        circuit = Circuit(3, (part,))
        qubits = [cirq.NamedQubit(name) for name in "zyx"]
        found = to_cirq(circuit, qubits).unitary(qubit_order=qubits, qubits_that_should_be_present=qubits)
        np.testing.assert_allclose(found, to_matrix(circuit), rtol=0, atol=ATOL)


def test_the_other_order_of_qubits_and_a_lost_phase_are_seen_in_cirq():
    circuit = to_circuit(qla.scale(qla.block_encode_pauli({"XZ": 0.5, "ZI": -0.25}), 1j))
    assert np.abs(of_cirq(circuit, range(circuit.num_wires)[::-1]) - to_matrix(circuit)).max() > 0.1
    assert np.abs(-1j * of_cirq(circuit) - to_matrix(circuit)).max() > 0.1


COEFFS = np.array([0.0, 0.3, 0.0, 0.6])
ENCODINGS = {
    "dense": lambda: qla.block_encode(real(4, 4)),
    "dense, complex": lambda: qla.block_encode(cplx(2, 2)),
    "pauli": lambda: qla.block_encode_pauli({"XZ": 0.5, "ZI": -0.25, "YY": 0.3}),
    "sparse": lambda: qla.block_encode_sparse(scipy.sparse.diags_array([[1.0, 2, 3, 4], [1.0, 1, 1]], offsets=[0, 1])),
}


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("parity", [0, 1])
def test_pennylane_s_qsvt_has_the_real_part_of_our_polynomial(name, parity):
    qml = pytest.importorskip("pennylane")
    enc, coeffs = ENCODINGS[name](), COEFFS if parity else np.array([0.2, 0.0, 0.5])
    size = 1 << enc.num_qubits
    labels = [f"w{wire}" for wire in range(enc.num_ancillas + enc.num_qubits)]
    block = qml.matrix(qml.QSVT(*qla.to_pennylane_qsvt(enc, coeffs, wires=labels)), wire_order=labels)[:size, :size]
    # The complex polynomial by its values at the singular values: P + iQ with P the one that was asked for.
    phases = qla.phase_factors(coeffs)
    left, values, right = np.linalg.svd(np.asarray(qla.block(enc)) / float(enc.alpha))
    response = np.asarray(qla.qsp_response(phases, np.minimum(values, 1)))  # the norm over itself may round up
    assert np.abs(response.real - series.chebval(values, coeffs)).max() < 1e-10
    expected = (left if parity else right.conj().T) * response @ right
    np.testing.assert_allclose(block, expected, rtol=0, atol=1e-10)
    if np.isrealobj(np.asarray(qla.block(enc))):
        target = singular_value_transform(coeffs, np.asarray(qla.block(enc)), float(enc.alpha))
        np.testing.assert_allclose(block.real, target, rtol=0, atol=1e-10)
    assert np.abs(block - block[::-1, ::-1]).max() > 0.01  # the other order of qubits


def long_circuit():
    enc = qla.block_encode_pauli({"XZ": 0.5, "ZI": -0.25, "YY": 0.3})
    part = qla.qsvt(enc, COEFFS)
    return to_circuit(qla.controlled(part @ enc + 0.5 * part))


def test_qref_documents_are_valid_and_add_up(circuit):
    qref = pytest.importorskip("qref")
    document = to_qref(circuit)
    assert json.loads(json.dumps(document)) == document
    program = qref.SchemaV1.model_validate(document).program
    gates = count(circuit)
    assert {each.name: each.value for each in program.resources if each.type == "additive"} == {
        name: getattr(gates, name) for name in ("rotations", "cnot", "toffoli", "t")
    }
    assert qref.verification.verify_topology(document).is_valid


def test_bartiq_adds_up_what_the_leaves_of_a_qref_document_have(circuit):
    """Without the totals, from the gates between calls and the repetitions alone."""
    bartiq = pytest.importorskip("bartiq")
    document = to_qref(circuit, depth=50)

    def without_totals(routine):
        children = [without_totals(child) for child in routine.get("children", ())]
        kept = {name: value for name, value in routine.items() if not (children and name == "resources")}
        return kept | ({"children": children} if children else {})

    for program in (document["program"], without_totals(document["program"])):
        found = bartiq.compile_routine({"version": "v1", "program": program}).routine.resources
        gates = count(circuit)
        for name in ("rotations", "cnot", "toffoli", "t"):
            assert int(found[name].value) == getattr(gates, name)


def test_qualtran_counts_what_we_count(circuit):
    counting = pytest.importorskip("qualtran.resource_counting")
    for each in (circuit, circuit.controlled()):
        ours, bloq = count(each), to_qualtran(each)
        found = counting.get_cost_value(bloq, counting.QECGatesCost())
        assert (found.t, found.toffoli, found.rotation, found.clifford) == (
            ours.t,
            ours.toffoli,
            ours.rotations,
            ours.cnot,
        )
        assert found.total_t_count(ts_per_toffoli=4, ts_per_rotation=0) == ours.t + 4 * ours.toffoli
        sizes = {register.name: register.total_bits() for register in bloq.signature}
        assert sum(sizes.values()) == each.num_wires


def test_the_call_graph_of_qualtran_shares_parts():
    pytest.importorskip("qualtran")
    bloq = to_qualtran(long_circuit())
    graph, sigma = bloq.call_graph()
    assert len([node for node in graph.nodes if type(node).__name__ == "CircuitBloq"]) < 30
    assert sum(sigma.values()) > 0


@pytest.mark.parametrize("name", ["to-qiskit", "from-qiskit", "t-gates"])
def test_pages_on_other_packages_run(name):
    """All blocks, also those that `tests/test_documents.py` does not run, as they need another package."""
    for package in ("qiskit", "pennylane", "cirq", "qualtran"):
        pytest.importorskip(package)
    text, namespace = (PAGES / f"{name}.md").read_text(), {}
    blocks = re.findall(r"^```py(?:thon)?\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) > 5
    with jax.numpy_rank_promotion("allow"):
        for block in blocks:
            exec(compile(block, name, "exec"), namespace)
