"""Exported circuits in other packages: the whole unitary, its global phase and the order of qubits."""

import numpy as np
import pytest
import scipy.sparse

import qla_jax as qla
from qla_jax.circuits import to_matrix, to_openqasm3, to_pennylane, to_qiskit
from qla_jax.encodings.emission import to_circuit
from tests.cases import cplx, real

qiskit = pytest.importorskip("qiskit")
qasm3 = pytest.importorskip("qiskit.qasm3")
qml = pytest.importorskip("pennylane")
pytestmark = [pytest.mark.peers, pytest.mark.x64]
ATOL = 1e-12

BUILDS = {
    "pauli": lambda: qla.block_encode_pauli({"XZ": 0.5, "ZI": -0.25, "YY": 0.3}),
    "dense": lambda: qla.block_encode(real(4, 4)),
    "dense, complex": lambda: qla.block_encode(cplx(2, 2)),
    "sparse": lambda: qla.block_encode_sparse(scipy.sparse.diags_array([[1.0, 2, 3, 4], [1.0, 1, 1]], offsets=[0, 1])),
    "diagonal": lambda: qla.block_encode_diagonal(real(4)),
    "circulant": lambda: qla.block_encode_circulant(real(4)),
    "toeplitz": lambda: qla.block_encode_toeplitz(real(3), real(3)),
    "frobenius": lambda: qla.block_encode_frobenius(real(2, 2)),
    "convolution": lambda: qla.block_encode_convolution(real(1, 1, 1, 2), (2, 2)),
    "vector": lambda: qla.vector_encode(cplx(4)),
    "tree": lambda: qla.load_vector(cplx(4)),
    "sum": lambda: 0.5 * qla.block_encode(real(2, 2)) - qla.block_encode_pauli({"X": 1.0}),
    "controlled": lambda: qla.controlled(qla.block_encode(0.5 * np.eye(2), alpha=1.0)),
    "qsvt": lambda: qla.qsvt(qla.block_encode(real(2, 2)), qla.polynomials.erf(2.0, degree=7).scaled(0.9)),
    "gqet": lambda: qla.gqet(qla.block_encode_pauli({"X": 0.5, "Z": 0.5}), [0.2, 0.3j, 0.1]),
    "activation": lambda: qla.activate(qla.vector_encode(real(2)), qla.polynomials.erf(0.8, degree=3)),
    "square product": lambda: qla.square_product(real(2, 2), qla.vector_encode(real(2))),
    "skip norm block": lambda: qla.skip_norm_block(
        qla.block_encode(np.array([[0.5, 0.2], [0.1, 0.4]]), alpha=1.0), qla.vector_encode([0.6, 0.8]), eps=0.3
    ),
}


@pytest.fixture(scope="module", params=BUILDS)
def circuit(request):
    return to_circuit(BUILDS[request.param]())


def test_openqasm_has_the_unitary_in_qiskit(circuit):
    if circuit.num_wires > 10:
        pytest.skip(f"{circuit.num_wires} qubits")
    loaded = qasm3.loads(to_openqasm3(circuit))
    found = qiskit.quantum_info.Operator(loaded.reverse_bits()).data
    np.testing.assert_allclose(found, to_matrix(circuit), rtol=0, atol=ATOL)


def test_qiskit_circuits_have_the_unitary(circuit):
    if circuit.num_wires > 10:
        pytest.skip(f"{circuit.num_wires} qubits")
    found = qiskit.quantum_info.Operator(to_qiskit(circuit)).data
    np.testing.assert_allclose(found, to_matrix(circuit), rtol=0, atol=ATOL)


def test_pennylane_operations_have_the_unitary(circuit):
    if circuit.num_wires > 8:
        pytest.skip(f"{circuit.num_wires} qubits")
    operations = to_pennylane(circuit)

    def applied():
        for operation in operations:
            qml.apply(operation)

    found = qml.matrix(applied, wire_order=range(circuit.num_wires))()
    np.testing.assert_allclose(found, to_matrix(circuit), rtol=0, atol=ATOL)


def test_the_other_order_of_qubits_and_a_lost_phase_are_seen():
    circuit = to_circuit(qla.scale(qla.block_encode_pauli({"XZ": 0.5, "ZI": -0.25}), 1j))
    loaded = qasm3.loads(to_openqasm3(circuit))
    operator = qiskit.quantum_info.Operator
    assert np.abs(operator(loaded).data - to_matrix(circuit)).max() > 0.1
    loaded.global_phase = 0
    assert np.abs(operator(loaded.reverse_bits()).data - to_matrix(circuit)).max() > 0.1


def test_a_qsvt_of_degree_1000_is_a_short_file_that_qiskit_reads():
    words = {"I" * k + "ZZ" + "I" * (6 - k): 1.0 for k in range(7)}
    poly = qla.polynomials.erf(30.0, degree=1001).scaled(0.9)
    text = to_openqasm3(to_circuit(qla.qsvt(qla.block_encode_pauli(words), poly)))
    assert len(text) < 1 << 20
    assert qasm3.loads(text).num_qubits == 8 + 3 + 1


def test_hamiltonians_of_other_packages_have_their_matrices():
    sparse = qiskit.quantum_info.SparsePauliOp(["XZI", "IYY", "XZI"], [0.5, -0.25j, 0.25])
    enc = qla.block_encode_pauli(sparse)
    np.testing.assert_allclose(qla.block(enc), sparse.to_matrix(), rtol=0, atol=ATOL)
    for operator in (
        0.5 * (qml.X(0) @ qml.Z(2)) - 0.25 * qml.Y(1),
        qml.Hamiltonian([0.5, 0.2], [qml.X("b") @ qml.Y("a"), qml.Z("a")]),
    ):
        expected = qml.matrix(operator, wire_order=operator.wires)
        np.testing.assert_allclose(qla.block(qla.block_encode_pauli(operator)), expected, rtol=0, atol=ATOL)
    assert qla.block_encode_pauli(0.5 * qml.X(0) @ qml.Z(1)).alpha.dtype == np.float64
