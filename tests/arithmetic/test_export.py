"""OpenQASM 3 and Qiskit: the programs as text here, and as unitaries where Qiskit is installed."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.arithmetic import circuits
from qla_jax.arithmetic.circuit import circuit
from qla_jax.arithmetic.export import to_openqasm3, to_qiskit
from qla_jax.arithmetic.formats import Format
from qla_jax.arithmetic.gates import ReversibleGate, wires

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
    basis = jnp.eye(1 << built.width, dtype=jnp.result_type(jnp.complex64, float))
    return np.asarray(jax.jit(jax.vmap(built.on_state))(basis)).T


@every
def test_a_program_has_a_line_for_each_gate(name):
    built = CASES[name]
    lines = to_openqasm3(built).splitlines()
    assert lines[:2] == ["OPENQASM 3.0;", 'include "stdgates.inc";']
    assert lines[2].startswith(f"qubit[{built.width}] q;")
    assert len(lines) == 3 + len(built.gates) and all(line.endswith(";") for line in lines[3:])


def test_an_erasure_is_measured_where_asked_for():
    built = circuits.adder(4)
    text = to_openqasm3(built, measured=True)
    assert text.count("measure") == text.count("if (m == true)") == 3
    assert text.count("ccx") == 3


def test_without_qiskit_the_message_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "qiskit", None)
    with pytest.raises(ImportError, match="`to_qiskit` needs Qiskit: pip install qiskit"):
        to_qiskit(CASES["gidney"])


@pytest.mark.peers
@every
def test_the_program_and_the_object_have_our_unitary(name):
    qasm3 = pytest.importorskip("qiskit.qasm3")
    operator = pytest.importorskip("qiskit.quantum_info").Operator
    pytest.importorskip("qiskit_qasm3_import")
    built = CASES[name]
    own = own_unitary(built)
    for theirs in (qasm3.loads(to_openqasm3(built)), to_qiskit(built)):
        np.testing.assert_allclose(operator(theirs.reverse_bits()).data, own, rtol=0, atol=1e-6)
        if name not in ("relu", "multiply"):
            assert abs(operator(theirs).data - own).max() > 0.5  # the other order of qubits is another unitary


@pytest.mark.peers
def test_a_measured_program_is_read():
    qasm3 = pytest.importorskip("qiskit.qasm3")
    pytest.importorskip("qiskit_qasm3_import")
    theirs = qasm3.loads(to_openqasm3(circuits.adder(3), measured=True))
    assert theirs.count_ops()["measure"] == theirs.count_ops()["if_else"] == 2
