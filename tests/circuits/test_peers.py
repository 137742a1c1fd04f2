"""Exported circuits in other packages: the whole unitary, its global phase and the order of qubits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qla_jax as qla
from qla_jax.circuits import (
    from_openqasm3,
    from_pennylane,
    from_qiskit,
    to_matrix,
    to_openqasm3,
    to_pennylane,
    to_qiskit,
)
from qla_jax.encodings.emission import to_circuit
from tests.cases import cplx, real
from tests.circuits.builds import BUILDS

qiskit = pytest.importorskip("qiskit")
qasm3 = pytest.importorskip("qiskit.qasm3")
qml = pytest.importorskip("pennylane")
pytestmark = [pytest.mark.peers, pytest.mark.x64]
ATOL = 1e-12


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


def of_qiskit(circuit):
    return qiskit.quantum_info.Operator(circuit).data


def haar(rows, seed=0):
    return np.linalg.qr(cplx(rows, rows, seed=seed))[0]


def foreign_qiskit():
    """Controls on either value, annotations, matrices, definitions within definitions, and phases at every level."""
    library, kinds = qiskit.circuit.library, qiskit.circuit
    inner = qiskit.QuantumCircuit(2, name="swap", global_phase=0.3)  # no swap: the name means nothing
    inner.h(0)
    inner.cu(0.2, -0.4, 1.1, 0.7, 0, 1)
    gate = inner.to_gate()
    found = qiskit.QuantumCircuit(4, global_phase=-1.2)
    for angle, way in enumerate((found.rx, found.ry, found.rz, found.p), 1):
        way(0.3 * angle, angle - 1)
    found.append(gate, [3, 1])
    found.append(gate.inverse(), [0, 2])
    found.append(gate.control(2, ctrl_state=1), [3, 2, 0, 1])
    found.append(library.CUGate(0.5, 0.2, -0.3, 0.9, ctrl_state=0), [2, 0])
    found.append(library.UnitaryGate(haar(4)), [1, 3])
    found.append(library.UnitaryGate(haar(2)).control(1, ctrl_state=0), [2, 0])
    modifiers = [kinds.InverseModifier(), kinds.ControlModifier(1, 0), kinds.PowerModifier(3), kinds.ControlModifier(1)]
    found.append(kinds.AnnotatedOperation(gate, modifiers), [1, 3, 0, 2])
    found.barrier()
    found.append(library.GlobalPhaseGate(0.4), [])
    for name in ("sx", "sxdg", "id", "sdg", "tdg"):
        getattr(found, name)(2)
    found.u(0.1, 0.2, 0.3, 1)
    found.append(library.U3Gate(0.1, 0.2, 0.3).control(1), [0, 1])
    found.append(library.U2Gate(0.2, 0.3), [3])
    for name in ("swap", "iswap", "cx", "ch", "csx", "cs", "dcx", "ecr"):
        getattr(found, name)(1, 3)
    for name in ("rxx", "rzz", "rzx", "cp", "crx", "cry", "crz"):
        getattr(found, name)(0.7, 2, 0)
    found.ccx(0, 2, 1)
    found.cswap(3, 0, 1)
    found.mcx([0, 1, 3], 2)
    found.mcp(0.6, [3, 0], 1)
    found.append(library.QFTGate(3), [0, 3, 1])
    return found


def test_circuits_of_qiskit_have_their_unitary():
    circuit = foreign_qiskit()
    np.testing.assert_allclose(to_matrix(from_qiskit(circuit)), of_qiskit(circuit), rtol=0, atol=ATOL)
    order = [1, 3, 0, 2]
    chosen = circuit.copy_empty_like()
    chosen.compose(circuit, qubits=[3 - order.index(qubit) for qubit in range(4)], inplace=True)
    found = to_matrix(from_qiskit(circuit, wires=order))
    chosen.global_phase = circuit.global_phase
    np.testing.assert_allclose(found, of_qiskit(chosen), rtol=0, atol=ATOL)
    assert np.abs(found - of_qiskit(circuit)).max() > 0.1


TEXTS = {"UGate": 3, "U2Gate": 2, "U3Gate": 3, "CUGate": 4, "CU3Gate": 3, "CSXGate": 0, "RZZGate": 1, "RXXGate": 1}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_of_qiskit_have_their_unitary(name):
    circuit = qiskit.QuantumCircuit(2)  # whose phase Qiskit would not write
    gate = getattr(qiskit.circuit.library, name)(*[0.3, -0.7, 1.1, 0.4][: TEXTS[name]])
    circuit.append(gate, [1, 0][: gate.num_qubits])
    found = to_matrix(from_openqasm3(qasm3.dumps(circuit)))
    np.testing.assert_allclose(found, of_qiskit(circuit.reverse_bits()), rtol=0, atol=ATOL)


def test_long_texts_of_qiskit_are_read_as_qiskit_reads_them():
    """Qiskit writes neither annotations nor matrices, and no phases: its own reading is what is compared."""
    circuit, left_out = foreign_qiskit(), ("annotated", "global_phase")
    parts = [each for each in circuit.data if each.operation.name not in left_out]
    circuit.data = [each for each in parts if "unitary" not in each.operation.name]
    text = qasm3.dumps(circuit)
    found, loaded = to_matrix(from_openqasm3(text)), qasm3.loads(text)
    np.testing.assert_allclose(found, of_qiskit(loaded.reverse_bits()), rtol=0, atol=1e-10)
    assert np.abs(found - of_qiskit(loaded)).max() > 0.1


def test_circuits_return_from_qiskit(circuit):
    if circuit.num_wires > 8:
        pytest.skip(f"{circuit.num_wires} qubits")
    np.testing.assert_allclose(to_matrix(from_qiskit(to_qiskit(circuit))), to_matrix(circuit), rtol=0, atol=ATOL)
    found = from_pennylane(to_pennylane(circuit), wires=range(circuit.num_wires))
    np.testing.assert_allclose(to_matrix(found), to_matrix(circuit), rtol=0, atol=ATOL)


def refused_by_qiskit():
    measured, classical, free = (qiskit.QuantumCircuit(1, 1) for _ in range(3))
    measured.measure(0, 0)
    with classical.if_test((classical.clbits[0], 1)):
        classical.x(0)
    free.rx(qiskit.circuit.Parameter("theta"), 0)
    reset, unknown = qiskit.QuantumCircuit(1), qiskit.QuantumCircuit(1)
    reset.reset(0)
    unknown.append(qiskit.circuit.Gate("mystery", 1, []), [0])
    hidden = qiskit.QuantumCircuit(1)
    hidden.append(reset.to_instruction(), [0])
    return {"measure": measured, "if_else": classical, "theta": free, "reset": reset, "mystery": unknown, "hid": hidden}


@pytest.mark.parametrize("name", ["measure", "if_else", "theta", "reset", "mystery", "hid"])
def test_what_is_no_unitary_of_qiskit_is_named(name):
    with pytest.raises(ValueError, match="reset" if name == "hid" else name):
        from_qiskit(refused_by_qiskit()[name])
    with pytest.raises(TypeError, match="`circuit` must be of type QuantumCircuit"):
        from_qiskit("h q;")
    with pytest.raises(ValueError, match="`wires` must name each of 2 qubits once"):
        from_qiskit(qiskit.QuantumCircuit(2), wires=[0, 0])


def foreign_pennylane():
    qml.PauliX("b")
    qml.CRot(0.1, 0.2, 0.3, wires=["a", "b"])
    qml.Rot(0.4, -0.2, 0.3, wires="c")
    qml.U3(0.4, -0.2, 0.3, wires="c")
    qml.U2(0.4, -0.2, wires="a")
    qml.GlobalPhase(0.7)
    qml.ctrl(qml.GlobalPhase(0.7), ["a", "c"], control_values=[0, 1])
    qml.QubitUnitary(haar(4), wires=["c", "a"])
    qml.ControlledQubitUnitary(haar(2), wires=["a", "b"])
    qml.DiagonalQubitUnitary(np.exp(1j * real(4)), wires=["b", "a"])
    qml.MultiControlledX(wires=["a", "b", "c"], control_values=[0, 1])
    qml.adjoint(qml.SX("a"))
    qml.pow(qml.T("b"), 3)
    qml.pow(qml.PauliX("b"), 0.5)
    qml.IsingXX(0.3, wires=["a", "c"])
    qml.IsingZZ(0.3, wires=["a", "c"])
    qml.MultiRZ(0.5, wires=["a", "b", "c"])
    qml.PauliRot(0.5, "XYZ", wires=["c", "b", "a"])
    qml.ISWAP(["a", "b"])
    qml.CSWAP(["a", "b", "c"])
    qml.Toffoli(["c", "b", "a"])
    qml.ControlledPhaseShift(0.3, ["b", "a"])
    qml.QFT(["b", "c", "a"])
    qml.prod(qml.Hadamard("a"), qml.S("b"))
    qml.ctrl(qml.prod(qml.Hadamard("a"), qml.S("b")), "c", control_values=[False])
    qml.SingleExcitation(0.4, wires=["a", "b"])
    qml.Identity("a")
    qml.Barrier(["a", "b"])


def test_functions_of_pennylane_have_their_unitary():
    for order in (["a", "b", "c"], ["c", "a", "b"], ["c", "a", "b", "idle"]):
        expected = qml.matrix(foreign_pennylane, wire_order=order)()
        found = to_matrix(from_pennylane(foreign_pennylane, wires=order))
        np.testing.assert_allclose(found, expected, rtol=0, atol=ATOL)
    tape = qml.tape.make_qscript(foreign_pennylane)()
    assert list(tape.wires) == ["b", "a", "c"]
    np.testing.assert_allclose(
        to_matrix(from_pennylane(tape)), qml.matrix(tape, wire_order=tape.wires), rtol=0, atol=ATOL
    )
    assert np.abs(to_matrix(from_pennylane(tape)) - to_matrix(from_pennylane(tape, wires=["a", "b", "c"]))).max() > 0.1


def test_nodes_and_operators_of_pennylane_have_their_unitary():
    @qml.qnode(qml.device("default.qubit", wires=["a", "b", "c"]))
    def node():
        foreign_pennylane()
        return qml.expval(qml.PauliZ("a"))

    found = to_matrix(from_pennylane(node, wires=["a", "b", "c"]))
    expected = qml.matrix(foreign_pennylane, wire_order=["a", "b", "c"])()
    np.testing.assert_allclose(found, expected, rtol=0, atol=ATOL)
    operator = qml.BlockEncode(0.3 * real(2, 2), wires=[0, 1])
    np.testing.assert_allclose(to_matrix(from_pennylane(operator)), qml.matrix(operator), rtol=0, atol=ATOL)


def test_what_is_no_unitary_of_pennylane_is_named():
    def measured():
        qml.Hadamard(0)
        qml.measure(0)

    with pytest.raises(ValueError, match="MidMeasure"):
        from_pennylane(measured)
    with pytest.raises(ValueError, match="unitary"):
        from_pennylane(qml.s_prod(0.5, qml.PauliX(0)))
    with pytest.raises(ValueError, match="`wires` must name every wire of the circuit, but not"):
        from_pennylane(qml.PauliX("a"), wires=["b"])


def test_foreign_circuits_are_encodings():
    block = real(4, 4) * 0.2
    dilation = np.asarray(qla.unitary(qla.block_encode(block, alpha=1.0)))
    circuit = qiskit.QuantumCircuit(3)
    circuit.append(qiskit.circuit.library.UnitaryGate(dilation), [0, 1, 2])
    for enc in (
        qla.from_qiskit(circuit, num_ancillas=1, alpha=1.0, eps=0.0),
        qla.from_pennylane(qml.QubitUnitary(dilation, wires=["x", "y", "z"]), num_ancillas=1, alpha=1.0, eps=0.0),
    ):
        np.testing.assert_allclose(qla.block(enc @ enc), block @ block, rtol=0, atol=ATOL)
        np.testing.assert_allclose(qla.block(qla.qsvt(enc, [0.0, 0.5])), 0.5 * block, rtol=0, atol=1e-10)
    compiled = qiskit.transpile(circuit, basis_gates=["u", "cx"])
    text = qasm3.dumps(compiled.reverse_bits()) + f"gphase({float(compiled.global_phase)!r});"
    enc = qla.from_openqasm3(text, num_ancillas=1, alpha=1.0, eps=0.0)
    np.testing.assert_allclose(qla.block(enc), block, rtol=0, atol=1e-10)


def test_parameters_of_pennylane_are_differentiated():
    def entry(theta):
        enc = qla.from_pennylane(qml.RY(theta, wires=0), num_ancillas=0, alpha=1.0, eps=0.0)
        return qla.block(enc)[1, 0].real

    assert abs(jax.grad(entry)(jnp.asarray(0.6)) - 0.5 * np.cos(0.3)) < ATOL
