"""Circuits become encodings, and OpenQASM 3 becomes circuits: matrices by NumPy, round trips, refusals by line."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qla_jax as qla
from qla_jax.circuits import Call, Circuit, Gate, MatrixGate, count, from_openqasm3, to_matrix, to_openqasm3
from qla_jax.circuits.standard import STANDARD, placed
from qla_jax.encodings.emission import to_circuit
from tests.cases import ENCODINGS, VECTORS, in_default_lane, real, singular_value_transform, turned, turned_matrix

pytestmark = pytest.mark.x64
ATOL = 1e-12
ROUND_TRIP = 8
"""Number of qubits up to which circuits of the registry are written and read."""


def matrix_of(text: str) -> np.ndarray:
    return to_matrix(from_openqasm3(text))


def under(matrix: np.ndarray, *values: int) -> np.ndarray:
    """The matrix under controls with these values, which come first."""
    for value in reversed(values):
        idle = np.eye(len(matrix))
        first, second = (idle, matrix) if value else (matrix, idle)
        matrix = np.block([[first, np.zeros_like(first)], [np.zeros_like(first), second]])
    return matrix


X, Z, I2 = np.array([[0, 1], [1, 0]]), np.diag([1, -1]), np.eye(2)
H = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
S, T = np.diag([1, 1j]), np.diag([1, np.exp(0.25j * np.pi)])
SX = np.array([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]]) / 2
SWAP = np.eye(4)[[0, 2, 1, 3]]


def euler(theta, phi, lam):
    """The matrix of `U` in the specification of OpenQASM 3.0."""
    cos, sin = np.cos(theta / 2), np.sin(theta / 2)
    return np.array([[cos, -np.exp(1j * lam) * sin], [np.exp(1j * phi) * sin, np.exp(1j * (phi + lam)) * cos]])


ANGLES = (0.7, -1.1, 0.4, 2.3)
NAMED = {
    "sx": SX, "sxdg": SX.conj().T, "id": I2, "swap": SWAP, "cswap": under(SWAP, 1), "ccx": under(X, 1, 1),
    "ccz": under(Z, 1, 1), "CX": under(X, 1), "cx": under(X, 1), "ch": under(H, 1), "cs": under(S, 1),
    "csdg": under(S.conj(), 1), "csx": under(SX, 1), "u1": euler(0, 0, 0.7), "phase": euler(0, 0, 0.7),
    "cphase": under(euler(0, 0, 0.7), 1), "u2": euler(np.pi / 2, 0.7, -1.1), "u3": euler(0.7, -1.1, 0.4),
    "U": euler(0.7, -1.1, 0.4), "cu3": under(euler(0.7, -1.1, 0.4), 1),
    "cu": under(np.exp(2.3j) * euler(0.7, -1.1, 0.4), 1), "crx": under(euler(0.7, -np.pi / 2, np.pi / 2), 1),
    "cry": under(euler(0.7, 0, 0), 1), "crz": under(np.exp(-0.35j) * euler(0, 0, 0.7), 1),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_standard_gates_have_their_matrices(name):
    gate = STANDARD[name]
    circuit = Circuit(gate.wires, tuple(placed(name, ANGLES[: gate.parameters], range(gate.wires))))
    np.testing.assert_allclose(to_matrix(circuit), NAMED[name], rtol=0, atol=ATOL)


PAIRS = np.kron(I2, np.kron(SWAP, I2))
MINE = """
gate mine(a, b) x, y { rz(2*a) x; ctrl @ p(b - a) x, y; gphase(a); }
qubit[2] q;
mine(0.3, 0.7) q[1], q[0];
"""
NESTED = """
gate a(t) q { p(t) q; }
gate b(t) q { a(2*t) q; inv @ a(t) q; }
qubit q; b(0.4) q; b(0.1) q;
"""
SILENT = """
OPENQASM 3.0; // h q;
include "stdgates.inc"; /* x
*/ qubit q; bit[1] c; h q; barrier q;
"""
TEXTS = {
    "gates in the order of the text": ("qubit q; h q; s q;", S @ H),
    "first qubit most significant": ("qubit[2] q; h q[0]; s q[1];", np.kron(H, S)),
    "registers in order of declaration": ("qubit[1] a; qubit b; h a[0]; t b;", np.kron(H, T)),
    "old declaration": ("qreg q[2]; h q[0];", np.kron(H, I2)),
    "broadcast": ("qubit[2] q; h q;", np.kron(H, H)),
    "broadcast of pairs": ("qubit[2] a; qubit[2] b; cx a, b;", PAIRS @ np.kron(under(X, 1), under(X, 1)) @ PAIRS),
    "broadcast of one": ("qubit a; qubit[2] b; cx a, b;", under(np.kron(X, X), 1)),
    "slice, list, negative index": ("qubit[3] q; h q[0:1]; s q[{0, 2}]; t q[-1];", np.kron(S @ H, np.kron(H, T @ S))),
    "range with a step": ("qubit[3] q; h q[0:2:2]; s q[2:-2:0]; t q[1:];", np.kron(S @ H, np.kron(T, T @ S @ H))),
    "controls": ("qubit[4] q; ctrl(2) @ negctrl @ x q[0], q[1], q[2], q[3];", under(X, 1, 1, 0)),
    "inverse and powers": ("qubit q; inv @ s q; pow(3) @ t q; pow(-2) @ s q; pow(0) @ x q;", S.conj() ** 3 @ T**3),
    "controlled power": ("qubit[2] q; ctrl @ inv @ pow(2) @ sx q[0], q[1];", under(X, 1)),
    "global phase": ("qubit q; gphase(pi / 4);", np.exp(0.25j * np.pi) * I2),
    "controlled phase": ("qubit[2] q; negctrl @ ctrl @ gphase(-pi) q[0], q[1];", np.diag([1, -1, 1, 1])),
    "expressions": ("qubit q; p(-2 ** 2 * (pi - τ) / 8 + sin(0) - 1.5e0 + .5 + 1) q;", euler(0, 0, np.pi / 2)),
    "quotient of two integers": ("qubit q; p(1/2) q;", euler(0, 0, 0.5)),
    "definition": (MINE, SWAP @ np.diag([1, 1, np.exp(0.6j), np.exp(1j)]) @ SWAP),
    "definition within a definition": (NESTED, euler(0, 0, 0.5)),
    "own gate of a standard name": ("gate cz a, b { cx a, b; } qubit[2] q; cz q[0], q[1];", under(X, 1)),
    "comments, barriers, bits": (SILENT, H),
}


@pytest.mark.parametrize("text", TEXTS)
def test_texts_have_their_matrices(text):
    written, expected = TEXTS[text]
    np.testing.assert_allclose(matrix_of(written), expected, rtol=0, atol=ATOL)


REFUSED = {
    "qubit q;\nbit c;\nc = measure q;": "line 3 has `measure`",
    "qubit q; measure q;": "line 1 has `measure`",
    "qubit q;\n\nreset q;": "line 3 has `reset`",
    "qubit q;\nif (true) { x q; }": "line 2 has `if`",
    "qubit q;\nfor int i in [0:2] { x q; }": "line 2 has `for`",
    "qubit q; input float a; rx(a) q;": "line 1 has the unknown gate `input`",
    "qubit q;\n// one\nfoo q;": "line 3 has the unknown gate `foo`",
    "OPENQASM 2.0; qreg q[1];": "be OpenQASM 3, but line 1 has `OPENQASM 2.0`",
    'include "other.inc";': 'line 1 has `include "other.inc"`',
    "qubit[2] q; cx q[0], q[0];": "line 1 has `cx q\\[0\\], q\\[0\\]`: `wires` must not overlap",
    "qubit[2] q; ctrl @ x q[1], q[1];": "overlap",
    "qubit[2] q; ctrl @ rz(1) q[0], q[0];": "overlap",
    "qubit[2] q; h q[2];": "have indices of 2 qubits, but line 1 has `2`",
    "qubit[2] q; h r[0];": "registers as operands, but line 1 has `r`",
    "qubit[2] a; qubit[3] b; cx a, b;": "registers of one size",
    "qubit q; rx q;": "`rx` must have 1 parameters, but has 0",
    "qubit[3] q; x q[0], q[1];": "`x` must have 1 qubits, but has 2",
    "qubit q; rx(theta) q;": "expressions of numbers, but line 1 has `theta`",
    "qubit q; rx(1/0) q;": "line 1 has `1/0`",
    "qubit q; rx(9**9**9) q;": "expressions of numbers",
    "qubit q; rx((-1)**0.5) q;": "expressions of numbers",
    "qubit q; rx(__import__('os')) q;": "expressions of numbers",
    "qubit q; pow(0.5) @ x q;": "integers as indices, sizes and powers, but line 1 has `0.5`",
    "qubit[2] q; control @ x q[0], q[1];": "modifiers ctrl, negctrl, inv and pow, but line 1 has `control @`",
    "qubit q; h q": "line 1 has `h q`",
    "gate g a { h a;": "line 1",
    "qubit q; }": "braces in pairs",
    "gate g a { g a; } qubit q; g q;": "`g` within itself",
    "gate g a, a { h a; }": "different names",
    "gate g(t) a { h a; }\nqubit q;\ng q;": "give `g` 1 parameters, but line 3 has 0",
    "qubit q; qubit q;": "declare each register once",
    "gate g a { measure a; }": "`measure`",
    "qubit q; gphase(1) q;": "gphase",
}


@pytest.mark.parametrize("text", REFUSED)
def test_all_else_is_refused_by_name_and_line(text):
    with pytest.raises(ValueError, match=REFUSED[text]):
        from_openqasm3(text)


def test_a_text_must_be_a_text():
    with pytest.raises(TypeError, match="`text` must be of type str"):
        from_openqasm3(Circuit(1))


@pytest.mark.parametrize("case", in_default_lane([*ENCODINGS, *VECTORS]))
@pytest.mark.sample(8)
def test_what_is_written_is_read_with_the_same_unitary(case):
    circuit = to_circuit(case.build(jax.tree.map(jnp.asarray, case.params)))
    if circuit.num_wires > ROUND_TRIP:
        pytest.skip(f"{circuit.num_wires} qubits")
    found = from_openqasm3(to_openqasm3(circuit))
    np.testing.assert_allclose(to_matrix(found), to_matrix(circuit), rtol=0, atol=1e-10)


def test_the_other_order_of_qubits_and_a_lost_phase_are_seen():
    circuit = to_circuit(qla.scale(qla.block_encode_pauli({"XZ": 0.5, "ZI": -0.25}), 1j))
    text, last = to_openqasm3(circuit), circuit.num_wires - 1
    for wire in range(circuit.num_wires):
        text = text.replace(f"q[{wire}]", f"q[_{last - wire}]")
    assert np.abs(matrix_of(text.replace("[_", "[")) - to_matrix(circuit)).max() > 0.1
    lines = [line for line in to_openqasm3(circuit).splitlines() if not line.strip().startswith("gphase")]
    assert np.abs(matrix_of("\n".join(lines)) - to_matrix(circuit)).max() > 0.1


def test_long_texts_share_their_gates():
    poly = qla.polynomials.erf(30.0, degree=401).scaled(0.9)
    circuit = to_circuit(qla.qsvt(qla.block_encode_pauli({"XZ": 0.5, "ZI": -0.25}), poly))
    found = from_openqasm3(to_openqasm3(circuit))
    assert len({id(part.circuit) for part in found.operations if isinstance(part, Call)}) == 1
    np.testing.assert_allclose(to_matrix(found), to_matrix(circuit), rtol=0, atol=1e-10)


def test_long_chains_of_definitions_are_read():
    lines = ["gate g0 a { h a; }", *(f"gate g{k + 1} a {{ g{k} a; }}" for k in range(3000)), "qubit q; g3000 q;"]
    np.testing.assert_allclose(matrix_of("\n".join(lines)), H, rtol=0, atol=ATOL)


def encoded(angles=ANGLES[:3], alpha=2.0):
    return qla.from_circuit(turned(angles), num_ancillas=1, alpha=alpha, eps=0.0)


def test_an_encoding_of_a_circuit_returns_the_circuit_and_its_counts():
    enc = encoded()
    circuit = to_circuit(enc)
    assert circuit.operations == turned(ANGLES[:3]).operations
    assert qla.cost(enc).gates == count(circuit) and qla.cost(enc).uncounted == ()
    assert qla.cost(enc @ enc).gates == 2 * count(circuit)
    assert qla.verify(enc, 2.0 * turned_matrix(ANGLES[:3])[:4, :4]).passed


def test_circuits_compose_and_transform():
    enc, matrix = encoded(), 2.0 * turned_matrix(ANGLES[:3])[:4, :4]
    other = real(4, 4)
    coeffs = np.array([0.0, 0.3, 0.0, 0.6])
    np.testing.assert_allclose(
        qla.block(qla.qsvt(enc, coeffs)), singular_value_transform(coeffs, matrix, 2.0), atol=1e-10
    )
    np.testing.assert_allclose(qla.block(enc @ qla.block_encode(other) + enc), matrix @ other + matrix, atol=ATOL)
    np.testing.assert_allclose(qla.block(qla.controlled(enc))[4:, 4:], matrix / 2, atol=ATOL)
    np.testing.assert_allclose(qla.block(enc[:3, 1:]), matrix[:3, 1:], atol=ATOL)


def test_angles_are_batched_and_differentiated_and_structures_compiled_once():
    thetas, compiled = jnp.linspace(0.1, 1.0, 5), []

    @jax.jit
    def entry(enc):
        compiled.append(1)
        return enc.matvec(jnp.ones(4))[0].real

    def of(theta):
        return encoded((theta, 0.3, 0.4))

    found = jax.vmap(lambda theta: entry(of(theta)))(thetas)
    expected = [2 * (turned_matrix((theta, 0.3, 0.4))[0, :4].sum()).real for theta in thetas]
    np.testing.assert_allclose(found, expected, rtol=0, atol=ATOL)
    step = 1e-6
    ahead, before = (2 * turned_matrix((0.5 + h, 0.3, 0.4))[0, :4].sum().real for h in (step, -step))
    assert abs(jax.grad(lambda theta: entry(of(theta)))(0.5) - (ahead - before) / (2 * step)) < 1e-8
    enc = of(jnp.asarray(0.1))
    del compiled[:]
    for alpha in (1.0, 2.0):
        entry(enc.replace(alpha=jnp.asarray(alpha)))
    assert len(compiled) <= 1


def test_equal_gates_are_one_structure():
    """One program serves all encodings with the same gates, and no others."""

    def of(*operations):
        enc = qla.from_circuit(Circuit(2, operations), num_ancillas=1, alpha=1.0, eps=0.0)
        return jax.tree.structure(enc), enc.structure

    inner = Circuit(1, (Gate("h", 0),))
    first = Gate("ry", 0, jnp.asarray(0.1)), Call(inner, (1,)), MatrixGate(S, (0,))
    second = Gate("ry", 0, jnp.asarray(0.7)), Call(Circuit(1, (Gate("h", 0),)), (1,)), MatrixGate(S.copy(), (0,))
    assert of(*first) == of(*second) and hash(of(*first)) == hash(of(*second))
    for other in (
        (Gate("ry", 0, 0.1), *first[1:]),
        (*first[:2], MatrixGate(S.conj(), (0,))),
        (first[0], Call(inner, (0,)), first[2]),
        (first[0], Call(inner, (1,), True), first[2]),
    ):
        assert of(*first) != of(*other)


def test_traced_angles_are_counted_as_rotations_and_refused_as_gates():
    shape = jax.eval_shape(lambda theta: encoded((theta, theta, theta)), 0.3)
    assert qla.cost(shape).gates == count(turned(ANGLES[:3]))
    with pytest.raises(ValueError, match="CircuitBlock is traced"):
        jax.jit(lambda theta: to_circuit(encoded((theta, 0.1, 0.2))).num_wires)(0.3)


def test_vectors_of_circuits():
    bell = Circuit(2, (Gate("h", 0), Gate("x", 1, controls=(0,))))
    vec = qla.vector_from_circuit(bell, num_ancillas=1, alpha=math.sqrt(2), eps=0.1)
    np.testing.assert_allclose(vec.encoded, [1, 0], atol=ATOL)
    np.testing.assert_allclose(qla.run(vec), [1, 0], atol=ATOL)
    assert float(vec.eps) == 0.1
    other = qla.vector_encode([0.6, 0.8])
    np.testing.assert_allclose((vec + other).encoded, [1.6, 0.8], atol=ATOL)
    with pytest.raises(ValueError, match="`sizes` must leave padding at amplitude zero"):
        qla.vector_from_circuit(bell, num_ancillas=0, alpha=1.0, eps=0.0, sizes=(3,))


def test_bad_words_of_the_user_are_refused():
    circuit = turned(ANGLES[:3])
    for given, told in (
        ({"num_ancillas": 4, "alpha": 1.0, "eps": 0.0}, "`num_ancillas` must be at most 3, but is 4"),
        ({"num_ancillas": 1, "alpha": -1.0, "eps": 0.0}, "`alpha` must not be negative"),
        ({"num_ancillas": 1, "alpha": 1.0, "eps": -1.0}, "`eps` must not be negative"),
        ({"num_ancillas": 1, "alpha": np.inf, "eps": 0.0}, "`alpha` must be finite"),
    ):
        with pytest.raises(ValueError, match=told):
            qla.from_circuit(circuit, **given)
        with pytest.raises(ValueError, match=told):
            qla.vector_from_circuit(circuit, **given)
    with pytest.raises(TypeError, match="`circuit` must be of type Circuit"):
        qla.from_circuit("qubit q;", num_ancillas=0, alpha=1.0, eps=0.0)
