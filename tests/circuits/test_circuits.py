"""Circuits against dense matrices: gates, controls, conjugations, tables, syntheses; counts, drawings, bad input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.stats

from qla_jax.accounting.gates import Gates
from qla_jax.circuits import (
    Call,
    Circuit,
    DiagonalPhases,
    Flip,
    Gate,
    MatrixGate,
    MultiplexedRotation,
    Permutation,
    Phase,
    Select,
    Within,
    count,
    draw,
    simulate,
    to_matrix,
    to_openqasm3,
)
from qla_jax.circuits.composites import rearranged
from qla_jax.circuits.fourier import fourier_operations
from qla_jax.circuits.operations import FIXED, TURNING
from qla_jax.circuits.preparation import reflection_operations, tree_operations
from qla_jax.circuits.synthesis import synthesis
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.linalg.preparation import prepare
from tests.cases import cplx, haar, real

pytestmark = pytest.mark.x64
ATOL = 1e-13


def flat(circuit: Circuit) -> Circuit:
    return Circuit(circuit.num_wires, tuple(circuit.elementary()))


def on(matrix: np.ndarray, wire: int, wires: int) -> np.ndarray:
    """A matrix of one qubit on a wire, the most significant one first."""
    return np.kron(np.kron(np.eye(1 << wire), matrix), np.eye(1 << wires - wire - 1))


def projector(wire: int, value: int, wires: int) -> np.ndarray:
    return on(np.diag([1.0 - value, value]), wire, wires)


TURNS = {
    "rx": lambda t: scipy.linalg.expm(-0.5j * t * FIXED["x"]),
    "ry": lambda t: scipy.linalg.expm(-0.5j * t * FIXED["y"]),
    "rz": lambda t: scipy.linalg.expm(-0.5j * t * FIXED["z"]),
    "p": lambda t: np.diag([1, np.exp(1j * t)]),
}


@pytest.mark.parametrize("name", [*FIXED, *TURNING])
@pytest.mark.parametrize("value", [0, 1])
def test_gates_are_their_matrices_under_controls(name, value):
    angle = None if name in FIXED else 0.7
    matrix = FIXED[name] if name in FIXED else TURNS[name](0.7)
    gate = Gate(name, 1, angle)
    np.testing.assert_allclose(to_matrix(Circuit(3, (gate,))), on(matrix, 1, 3), atol=ATOL)
    both = projector(2, value, 3) @ projector(0, 1, 3)
    expected = np.eye(8) - both + both @ on(matrix, 1, 3)
    held = gate.controlled((0, 2), (1, value))
    np.testing.assert_allclose(to_matrix(Circuit(3, (held,))), expected, atol=ATOL)
    np.testing.assert_allclose(to_matrix(Circuit(3, (held, held.inverse()))), np.eye(8), atol=ATOL)


@pytest.mark.parametrize("axis", ["y", "z"])
@pytest.mark.parametrize("controls", [(), (0,), (3, 0)])
def test_multiplexed_rotations_rotate_by_the_angle_of_their_index(axis, controls):
    angles = real(4)
    turn = MultiplexedRotation(axis, angles, (2, 4), 1)
    expected = np.zeros((32, 32), complex)
    for number, angle in enumerate(angles):
        at = projector(2, number >> 1, 5) @ projector(4, number & 1, 5)
        expected += at @ on(TURNS[f"r{axis}"](angle), 1, 5)
    part = turn
    for wire in controls:
        at = projector(wire, 1, 5)
        expected = np.eye(32) - at + at @ expected
    part = turn.controlled(controls) if controls else turn
    circuit = Circuit(5, (part,))
    for found in (circuit, flat(circuit), Circuit(5, (part.moved(range(5)),))):
        np.testing.assert_allclose(to_matrix(found), expected, atol=ATOL)


@pytest.mark.parametrize("controls", [(), (1,), (1, 3)])
def test_diagonals_and_permutations_are_their_tables(controls):
    angles, order = real(4), np.array([2, 0, 3, 1])
    for part, matrix in (
        (DiagonalPhases(angles, (0, 2)), np.diag(np.exp(1j * angles))),
        (Permutation(order, (0, 2)), np.eye(4)[:, order]),
    ):
        middle = np.kron(matrix, np.eye(4)).reshape((2,) * 8).transpose(0, 2, 1, 3, 4, 6, 5, 7).reshape(16, 16)
        at = np.eye(16)
        for wire in controls:
            at = at @ projector(wire, 1, 4)
        expected = np.eye(16) - at + at @ middle
        circuit = Circuit(4, (part.controlled(controls) if controls else part,))
        np.testing.assert_allclose(to_matrix(circuit), expected, atol=ATOL)
        np.testing.assert_allclose(to_matrix(flat(circuit)), expected, atol=ATOL)
        np.testing.assert_allclose(to_matrix(circuit.inverse()), expected.conj().T, atol=ATOL)


@pytest.mark.parametrize("qubits", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("make", [real, cplx])
def test_states_are_prepared_and_reflections_are_those_of_the_package(qubits, make):
    state = make(1 << qubits)
    state = state / np.linalg.norm(state)
    wires = tuple(range(qubits))
    np.testing.assert_allclose(to_matrix(Circuit(qubits, tree_operations(state, wires)))[:, 0], state, atol=ATOL)
    expected = np.asarray(prepare(jnp.asarray(state), jnp.eye(1 << qubits, dtype=state.dtype)))
    for circuit in (found := Circuit(qubits, reflection_operations(state, wires)), flat(found)):
        np.testing.assert_allclose(to_matrix(circuit), expected, atol=ATOL)


@pytest.mark.parametrize("qubits", [1, 2, 3, 4, 5])
def test_any_unitary_takes_4_to_the_n_rotations_less_one(qubits):
    matrix = scipy.stats.unitary_group.rvs(1 << qubits, random_state=qubits)
    circuit = Circuit(qubits, synthesis(matrix, range(qubits)))
    for found in (circuit, flat(circuit)):
        np.testing.assert_allclose(to_matrix(found), matrix, atol=ATOL)
    assert count(circuit).rotations == 4**qubits - 1
    assert sum(gate.name in ("ry", "rz") for gate in circuit.elementary() if isinstance(gate, Gate)) == 4**qubits - 1


def test_degenerate_unitaries_are_synthesized():
    for matrix in (np.eye(8), -np.eye(4), np.eye(8)[::-1], np.kron(FIXED["h"], FIXED["h"]), np.diag([1, -1, 1j, -1j])):
        size = len(matrix).bit_length() - 1
        np.testing.assert_allclose(to_matrix(Circuit(size, synthesis(matrix, range(size)))), matrix, atol=ATOL)


def test_an_indexed_unitary_is_block_diagonal():
    blocks = scipy.stats.unitary_group.rvs(4, size=2, random_state=0)
    found = to_matrix(Circuit(3, synthesis(blocks, (1, 2), (0,))))
    np.testing.assert_allclose(found, scipy.linalg.block_diag(*blocks), atol=ATOL)


@pytest.mark.parametrize("qubits", [1, 2, 3, 4])
def test_the_fourier_transform_has_plus_in_its_exponent(qubits):
    size = 1 << qubits
    expected = np.exp(2j * np.pi * np.outer(range(size), range(size)) / size) / np.sqrt(size)
    np.testing.assert_allclose(to_matrix(Circuit(qubits, fourier_operations(range(qubits)))), expected, atol=ATOL)


def test_qubits_move_to_the_wanted_wires():
    state = cplx(16)
    moved = simulate(Circuit(4, tuple(rearranged((0, 1, 2, 3), (2, 0, 3, 1)))), state).reshape(2, 2, 2, 2)
    np.testing.assert_allclose(moved.transpose(2, 0, 3, 1).reshape(-1), state, atol=ATOL)


def test_a_control_of_a_conjugation_reaches_the_middle_alone():
    part = Within((Gate("h", 1), Gate("ry", 2, 0.3)), (Gate("x", 2, controls=(1,)),))
    circuit = Circuit(3, (part.controlled((0,)),))
    inner = to_matrix(Circuit(3, (part,)))
    at = projector(0, 1, 3)
    np.testing.assert_allclose(to_matrix(circuit), np.eye(8) - at + at @ inner, atol=ATOL)
    assert [gate.controls for gate in circuit.elementary()] == [(), (), (0, 1), (), ()]


@pytest.mark.parametrize("numbers", [(), (0,), (1, 2), (0, 1, 2, 3)], ids=str)
def test_a_selection_is_block_diagonal_also_under_controls(numbers):
    branches = tuple((Gate("ry", 2, 0.3 + number), Phase(0.1 * number)) for number in numbers)
    chosen = Select((1, 0), numbers, branches)
    expected = np.eye(8, dtype=complex)
    for number, branch in zip(numbers, branches, strict=True):
        place = 4 * (number & 1) + 2 * (number >> 1)  # the first wire of the index is the most significant bit
        expected[place : place + 2, place : place + 2] = to_matrix(
            Circuit(1, [part.moved((0, 0, 0)) for part in branch])
        )
    for found in (Circuit(3, (chosen,)), flat(Circuit(3, (chosen,)))):
        np.testing.assert_allclose(to_matrix(found), expected, rtol=0, atol=ATOL)
    controlled = Circuit(3, (chosen,)).controlled()
    np.testing.assert_allclose(to_matrix(controlled), scipy.linalg.block_diag(np.eye(8), expected), rtol=0, atol=ATOL)
    np.testing.assert_allclose(to_matrix(Circuit(3, (chosen.inverse(),))), expected.conj().T, rtol=0, atol=ATOL)


def test_equal_flips_around_others_share_their_ladder_unless_it_is_disturbed():
    flip = Gate("x", 0, controls=(1, 2, 3))
    assert count(Circuit(4, (Within((flip,), (Gate("rz", 0, 0.3),)),))) == Gates(rotations=1, toffoli=2, cnot=2)
    assert count(Circuit(4, (Within((flip,), (Gate("ry", 2, 0.3),)),))) == Gates(rotations=1, toffoli=4)
    controlled = Circuit(4, (Within((flip,), (Gate("rz", 0, 0.3),)),)).controlled()
    assert count(controlled) == Gates(rotations=2, toffoli=2, cnot=4)


def test_a_selection_of_bad_numbers_is_refused():
    with pytest.raises(ValueError, match="`numbers` must rise from 0 to below 2, but are"):
        Select((0,), (1, 0), ((), ()))
    with pytest.raises(ValueError, match="`branches` must be 1, one for each number, but are 2"):
        Select((0,), (1,), ((), ()))
    with pytest.raises(ValueError, match="must not overlap"):
        Select((0,), (1,), ((Gate("x", 0),),))
    with pytest.raises(ValueError, match=r"`numbers` must be an integer, but is 0\.5"):
        Select((0,), (0.5,), ((),))
    with pytest.raises(TypeError, match=r"`branches` must be .*Operation"):
        Select((0,), (1,), ((1,),))
    with pytest.raises(TypeError, match=r"`bounds` must be .*Bound"):
        Flip(0, (1,))


def test_simulation_in_jax_has_derivatives_and_is_that_of_numpy():
    def state(angle):
        gates = (Gate("h", 0), Gate("ry", 1, angle, controls=(0,)), Phase(angle, (1,)), Gate("rx", 0, 2 * angle))
        return simulate(Circuit(2, gates), jnp.array([1.0, 0, 0, 0], complex))

    one = Circuit(2, (Gate("h", 0), Gate("ry", 1, 0.3, controls=(0,)), Phase(0.3, (1,)), Gate("rx", 0, 0.6)))
    np.testing.assert_allclose(jax.jit(state)(0.3), simulate(one, np.array([1.0, 0, 0, 0])), atol=ATOL)

    def energy(angle):
        return jnp.abs(state(angle)[0]) ** 2

    slope = (energy(0.3 + 1e-6) - energy(0.3 - 1e-6)) / 2e-6
    assert float(jax.grad(energy)(0.3)) == pytest.approx(float(slope), abs=1e-8)


def test_counts_follow_calls_and_leave_conjugations_uncontrolled():
    part = Circuit(2, (Within((MultiplexedRotation("y", real(2), (0,), 1),), (Gate("x", 1, controls=(0,)),)),))
    assert count(part).rotations == 4 and count(part).cnot == 5
    calls = Circuit(2, (Call(part, (0, 1)), Call(part, (1, 0), True)))
    assert count(calls) == 2 * count(part)
    assert count(part.controlled()).toffoli == 1 and count(part.controlled()).rotations == 4
    assert count(Circuit(4, (Gate("x", 3, controls=(0, 1, 2)),))).toffoli == 2
    assert count(Circuit(2, (Phase(np.pi, (0, 1)), Gate("t", 0)))).t == 1


def test_drawings_show_wires_registers_and_what_is_left_out():
    gates = (Gate("h", 0), Gate("x", 2, controls=(0,), values=(0,)), Phase(0.5, (1,)))
    first, second, third = draw(Circuit(3, gates, registers=(("a", 1), ("s", 2)))).splitlines()
    assert first.startswith("a0: ─H─○") and "┼─●(0.5)" in second and third.startswith("s1: ───X")
    assert draw(Circuit(1, (Gate("x", 0),) * 500)).endswith("... and 300 more operations")


def test_a_simulation_leaves_the_state_that_it_is_given():
    state = cplx(4)
    before = state.copy()
    simulate(Circuit(2, (Gate("x", 0, controls=(1,)),)), state)
    np.testing.assert_array_equal(state, before)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Gate("swap", 0), "`name` must be one of"),
        (lambda: Gate("rx", 0), "`angle` must be given for rx, ry, rz, p only, but is None for rx"),
        (lambda: Gate("x", 0, controls=(0,)), r"`wires` must not overlap, but \[0\] occur twice"),
        (
            lambda: Gate("x", 0).controlled((1,), (2,)),
            r"`values` must be 0 or 1 for each of 1 controls, but are \(2,\)",
        ),
        (
            lambda: MultiplexedRotation("y", real(2), (0,), 1).controlled((1,)),
            r"`wires` must not overlap, but \[1\] occur twice",
        ),
        (lambda: Circuit(1, (Gate("x", 1),)), r"`operations` must use wires below 1, but one uses \[1\]"),
        (lambda: Circuit(2, registers=(("a", 1),)), "`registers` must have 2 wires in all, but have 1"),
        (lambda: Call(Circuit(2), (0,)), "`on` must name 2 wires of the circuit, but names 1"),
        (lambda: Gate("rx", 0, np.nan), "`angle` must be a number, but is nan"),
        (lambda: Phase(np.inf), "`angle` must be finite, but is inf"),
        (lambda: Gate("x", 0.5), r"`wires` must be integers, but one is \[0\.5\]"),
        (lambda: MultiplexedRotation("x", real(2), (0,), 1), "`axis` must be 'y' or 'z', but is 'x'"),
        (lambda: MultiplexedRotation("y", real(3), (0,), 1), r"`angles` must be 2 numbers, but have shape \(3,\)"),
        (lambda: DiagonalPhases(np.full(4, np.nan), (0, 1)), "`angles` must be real and finite"),
        (lambda: Permutation(np.array([0, 0]), (0,)), "`targets` must hold each of 2 basis states once"),
        (lambda: MatrixGate(np.ones((2, 2)), (0,)), "`matrix` must be unitary"),
        (lambda: MatrixGate(np.eye(4), (0,)), "`matrix` must be 2 x 2"),
        (lambda: draw(Circuit(1), depth=-1), "`depth` must be at least 0"),
        (lambda: jax.jit(lambda a: [count(Circuit(1, (Gate("p", 0, a),))), 0][1])(0.3), "must have concrete angles"),
        (lambda: to_matrix(Circuit(14)), "`circuit` must have at most 13 wires"),
        (lambda: simulate(Circuit(2), np.ones(3)), r"`state` must have 4 amplitudes, but has shape \(3,\)"),
        (lambda: synthesis(np.ones((2, 2)), (0,)), "`matrix` must be unitary"),
        (lambda: synthesis(np.eye(4), (0,)), "`matrix` must be 2 x 2"),
    ],
)
def test_bad_input_is_named_with_rule_and_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("index", [(), (3,)])
@pytest.mark.parametrize("controls", [(), (0,), (0, 2)])
def test_matrices_are_applied_as_they_are_and_synthesized_where_gates_are_asked_for(index, controls):
    blocks = scipy.stats.unitary_group.rvs(4, size=1 << len(index) or 1, random_state=3).reshape(-1, 4, 4)
    gate = MatrixGate(blocks if index else blocks[0], (4, 1), index)
    part = gate.controlled(controls) if controls else gate
    found = to_matrix(Circuit(5, (part,)))
    np.testing.assert_allclose(to_matrix(flat(Circuit(5, (part,)))), found, atol=ATOL)
    np.testing.assert_allclose(to_matrix(Circuit(5, (part, part.inverse()))), np.eye(32), atol=ATOL)
    at = np.eye(32)
    for wire in controls:
        at = at @ projector(wire, 1, 5)
    bare = to_matrix(Circuit(5, (gate,)))
    np.testing.assert_allclose(found, np.eye(32) - at + at @ bare, atol=ATOL)
    if not controls and not index:
        kept = bare.reshape((2,) * 10)[0, :, 0, 0, :, 0, :, 0, 0, :]  # wires 1 and 4, rows and columns
        np.testing.assert_allclose(kept.transpose(1, 0, 3, 2).reshape(4, 4), blocks[0], atol=ATOL)
    if len(controls) < 2:
        assert count(Circuit(5, (part,))).rotations == sum(
            gate.name in ("ry", "rz") for gate in Circuit(5, (part,)).elementary() if isinstance(gate, Gate)
        )


@pytest.mark.parametrize("use", [count, draw, to_matrix, to_openqasm3, lambda circuit: simulate(circuit, np.ones(4))])
def test_an_encoding_in_place_of_its_circuit_is_refused(use):
    with pytest.raises(TypeError, match="`circuit` must be of type Circuit, but is of type Dense"):
        use(block_encode(np.eye(2)))


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        (Gate("s", 0), Gates()),
        (Gate("p", 0, np.pi / 2), Gates()),
        (Gate("p", 0, -np.pi / 4), Gates(t=1)),
        (Gate("p", 0, 0.3), Gates(rotations=1)),
        (Gate("z", 1, controls=(0,)), Gates(cnot=1)),
        (Gate("t", 1, controls=(0,)), Gates(toffoli=1, t=1)),
        (Gate("h", 1, controls=(0,)), Gates(cnot=1, t=2)),
        (Gate("x", 2, controls=(0, 1)), Gates(toffoli=1)),
        (Phase(np.pi, (0, 1, 2)), Gates(toffoli=1, cnot=1)),
        (Phase(0.3, (0, 1)), Gates(toffoli=1, rotations=1)),
        (Phase(0.3), Gates()),
    ],
)
def test_phases_of_an_eighth_of_a_turn_are_clifford_and_t_gates(gate, expected):
    assert count(Circuit(3, (gate,))) == expected


def test_a_global_phase_stands_on_no_wire_of_a_drawing():
    assert draw(Circuit(1, (Phase(0.3), Gate("h", 0)))) == "q0: ─H"


def test_matrices_in_single_precision_are_unitary_to_their_rounding():
    matrix = scipy.stats.unitary_group.rvs(8, random_state=0).astype(np.complex64)
    np.testing.assert_allclose(to_matrix(Circuit(3, (MatrixGate(matrix, (0, 1, 2)),))), matrix, rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match="`matrix` must be unitary"):
        MatrixGate((1 + 1e-3) * matrix, (0, 1, 2))


def test_operations_under_no_controls_are_their_own_parts():
    for part in (
        DiagonalPhases(real(4), (0, 1)),
        MultiplexedRotation("y", real(2), (0,), 1),
        MatrixGate(haar(4), (0, 1)),
    ):
        same = part.controlled(())
        for circuit in (Circuit(2, (same,)), Circuit(2, tuple(Circuit(2, (same,)).elementary()))):
            np.testing.assert_allclose(to_matrix(circuit), to_matrix(Circuit(2, (part,))), rtol=0, atol=ATOL)
