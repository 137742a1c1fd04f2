"""Circuits of arithmetic through the exports of all circuits: texts here, and unitaries where Qiskit is installed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qla_jax as qla
from qla_jax.arithmetic import circuits
from qla_jax.arithmetic.circuit import circuit
from qla_jax.arithmetic.counts import counts
from qla_jax.arithmetic.formats import Format
from qla_jax.arithmetic.gates import ReversibleGate, wires
from qla_jax.circuits import (
    count,
    draw,
    to_cirq,
    to_matrix,
    to_openqasm3,
    to_pennylane,
    to_qiskit,
    to_qref,
    to_qualtran,
)

CASES = {
    **{kind: circuits.adder(2, kind) for kind in circuits.ADDERS},
    "relu": circuits.operation("relu", Format(3, 0)),
    "multiply": circuits.operation("multiply", Format(1, 0)),
}


def every_gate():
    a, b, c = wires(3)
    gates = [
        ReversibleGate("H", (a,)),
        ReversibleGate("SWAP", (a, b)),
        ReversibleGate("P", (c,), 0.3),
        ReversibleGate("CP", (c, b), -0.2),
        ReversibleGate("CCX", (a, b, c)),
    ]
    gates += [
        ReversibleGate("X", (b,)),
        ReversibleGate("CX", (b, c)),
        ReversibleGate("AND", (c, a, b)),
        ReversibleGate("UNAND", (a, b, c)),
    ]
    return circuit(gates, a=(a,), bc=(c, b))


CASES["every gate"] = every_gate()
every = pytest.mark.parametrize("name", CASES)


def own_unitary(built) -> np.ndarray:
    basis = jnp.eye(1 << built.num_wires, dtype=jnp.result_type(jnp.complex64, float))
    return np.asarray(jax.jit(jax.vmap(built.on_state))(basis)).T


@every
@pytest.mark.sample(3)
def test_the_run_on_superpositions_is_the_unitary_of_the_gates(name):
    np.testing.assert_allclose(own_unitary(CASES[name]), to_matrix(CASES[name]), rtol=0, atol=1e-6)


@every
def test_a_program_has_a_line_for_each_elementary_gate(name):
    built = CASES[name]
    lines = to_openqasm3(built).splitlines()
    assert lines[2] == f"qubit[{built.num_wires}] q;"
    assert len(lines) == 3 + len(list(built.elementary())) and all(line.endswith(";") for line in lines[3:])


def test_an_erasure_is_measured_where_asked_for():
    built = circuits.adder(4)
    for each in (built, built + built.inverse()):  # calls are opened, as a gate may not measure
        text, erasures = to_openqasm3(each, measured=True), 3 if each is built else 6
        assert text.count("measure") == text.count("if (m == true)") == text.count("ctrl(2)") == erasures
        assert "gate " not in text and "bit m;" in text
    assert "measure" not in to_openqasm3(built)


def test_counts_and_drawings_are_those_of_all_circuits():
    built = circuits.adder(8)
    own, found = counts(built), count(built)
    assert (found.toffoli, found.t_count(), found.cnot) == (own.ands, own.t, own.cnot)
    assert count(built.inverse()) == found and count(built + built.inverse()) == 2 * found
    assert counts(built + built.inverse()).t == 2 * own.t
    # A control makes two ANDs of an AND, and one of its erasure; CNOT gates become Toffoli gates.
    held = built.controlled()
    assert count(held).toffoli == 3 * own.ands + own.cnot
    assert (counts(held).ands, counts(held).erasures, counts(held).toffoli) == (3 * own.ands, 3 * own.ands, own.cnot)
    assert draw(circuits.adder(2)).splitlines()[0] == "work0: ─AND─●───AND†──"
    assert {"name": "toffoli", "type": "additive", "value": 7} in to_qref(built)["program"]["resources"]


def test_an_adder_is_an_encoding_of_its_permutation():
    enc = qla.from_circuit(circuits.adder(2), num_ancillas=1, alpha=1.0, eps=0.0)
    x, y = np.divmod(np.arange(16), 4)
    expected = np.zeros((16, 16))
    expected[4 * x + (x + y) % 4, np.arange(16)] = 1
    np.testing.assert_allclose(qla.block(enc), expected, rtol=0, atol=1e-6)


@pytest.mark.peers
@every
def test_the_program_and_the_object_have_our_unitary(name):
    qasm3 = pytest.importorskip("qiskit.qasm3")
    operator = pytest.importorskip("qiskit.quantum_info").Operator
    pytest.importorskip("qiskit_qasm3_import")
    built = CASES[name]
    own = own_unitary(built)
    read, made = qasm3.loads(to_openqasm3(built)), to_qiskit(built)
    for theirs in (read.reverse_bits(), made):
        np.testing.assert_allclose(operator(theirs).data, own, rtol=0, atol=1e-6)
    if name not in ("relu", "multiply"):
        assert abs(operator(read).data - own).max() > 0.5  # the other order of qubits is another unitary


@pytest.mark.peers
def test_a_measured_program_is_read():
    qasm3 = pytest.importorskip("qiskit.qasm3")
    pytest.importorskip("qiskit_qasm3_import")
    theirs = qasm3.loads(to_openqasm3(circuits.adder(3), measured=True))
    assert theirs.count_ops()["measure"] == theirs.count_ops()["if_else"] == 2


@pytest.mark.peers
@pytest.mark.parametrize("name", ["gidney", "every gate"])
def test_cirq_and_pennylane_have_our_unitary(name):
    cirq, qml = pytest.importorskip("cirq"), pytest.importorskip("pennylane")
    built = CASES[name]
    own, qubits = own_unitary(built), cirq.LineQubit.range(built.num_wires)
    made = to_cirq(built).unitary(qubit_order=qubits, qubits_that_should_be_present=qubits)
    np.testing.assert_allclose(made, own, rtol=0, atol=1e-6)
    product = qml.prod(qml.Identity(range(built.num_wires)), *to_pennylane(built)[::-1])
    np.testing.assert_allclose(qml.matrix(product, wire_order=range(built.num_wires)), own, rtol=0, atol=1e-6)


@pytest.mark.peers
def test_qualtran_counts_a_toffoli_gate_for_each_and():
    counting = pytest.importorskip("qualtran.resource_counting")
    for built in (circuits.adder(8), circuits.operation("multiply", Format(4, 2))):
        cost = counting.get_cost_value(to_qualtran(built), counting.QECGatesCost())
        assert cost.toffoli == counts(built).ands
