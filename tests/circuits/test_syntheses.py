"""Syntheses against dense matrices: the whole unitary, or the columns that are promised, and laws of their counts."""

import numpy as np
import pytest
import scipy.stats

from qla_jax.circuits import (
    Circuit,
    Gate,
    Phase,
    count,
    isometry_operations,
    lookup_operations,
    simulate,
    span_reflection_operations,
    sparse_state_operations,
    to_matrix,
    to_toffoli,
    toffoli_operations,
)
from qla_jax.circuits.operations import FIXED

pytestmark = pytest.mark.x64
ATOL = 1e-12


def with_clean(matrix: np.ndarray, clean: int) -> np.ndarray:
    """The columns in which the last wires are 0."""
    return matrix[:, :: 1 << clean]


def oracle(block: np.ndarray, values: tuple[int, ...], idle: int) -> np.ndarray:
    """A matrix on the qubits after controls and before idle qubits, where the controls have their values."""
    place = int("0" + "".join(map(str, values)), 2)
    found = np.eye(len(block) << len(values), dtype=complex)
    found[place * len(block) : (place + 1) * len(block), place * len(block) : (place + 1) * len(block)] = block
    return np.kron(found, np.eye(1 << idle))


TURNED = {
    "rx": np.array([[np.cos(0.4), -1j * np.sin(0.4)], [-1j * np.sin(0.4), np.cos(0.4)]]),
    "ry": np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]]),
    "rz": np.diag([np.exp(-0.4j), np.exp(0.4j)]),
    "p": np.diag([1, np.exp(0.8j)]),
}


@pytest.mark.parametrize("standing_by", [(0, 0), (0, 1), (1, 0), (0, 2), (2, 0), (1, 1)])
def test_gates_under_few_controls_equal_those_under_many(standing_by):
    clean, borrowed = standing_by
    for controls in (1, 2, 3, 4):
        size, values = controls + 1 + borrowed + clean, (0, 1, 1, 0)[:controls]
        kept = {"borrowed": range(controls + 1, size - clean), "clean": range(size - clean, size)}
        for name, block in {**FIXED, **TURNED}.items():
            gate = Gate(name, controls, 0.8 if name in TURNED else None, tuple(range(controls)), values)
            gates = toffoli_operations(gate, **kept)
            few = [2 if isinstance(each, Phase) or each.name == "x" else 1 for each in gates]
            assert all(len(each.controls) <= most for each, most in zip(gates, few, strict=True))
            found = with_clean(to_matrix(Circuit(size, gates)), clean)
            expected = with_clean(oracle(block, values, borrowed + clean), clean)
            np.testing.assert_allclose(found, expected, rtol=0, atol=ATOL)
        phase = Phase(0.8, tuple(range(controls)), values)
        found = with_clean(to_matrix(Circuit(size, toffoli_operations(phase, **kept))), clean)
        expected = with_clean(oracle(np.array([[np.exp(0.8j)]]), values, borrowed + clean + 1), clean)
        np.testing.assert_allclose(found, expected, rtol=0, atol=ATOL)


@pytest.mark.parametrize("controls", [3, 4, 5, 8, 13, 30])
def test_toffoli_gates_grow_with_the_controls_as_the_wires_that_stand_by_allow(controls):
    gate = Gate("x", controls, controls=tuple(range(controls)))

    def counted(clean: int, borrowed: int):
        wires = range(controls + 1, controls + 1 + clean + borrowed)
        gates = toffoli_operations(gate, clean=wires[:clean], borrowed=wires[clean:])
        return count(Circuit(controls + 1 + clean + borrowed, gates))

    assert counted(controls - 2, 0).toffoli == 2 * controls - 3
    assert counted(0, controls - 2).toffoli == 4 * controls - 8
    one_clean, one_borrowed, none = counted(1, 0), counted(0, 1), counted(0, 0)
    assert controls <= 4 or one_clean.toffoli <= 6 * controls - 18
    assert controls <= 4 or one_borrowed.toffoli <= 8 * controls - 24
    assert one_clean.rotations == one_borrowed.rotations == 0
    assert none.toffoli <= 4 * controls**2 and none.rotations <= 4 * controls - 3
    turn = toffoli_operations(Gate("ry", controls, 0.3, tuple(range(controls))))
    assert count(Circuit(controls + 1, turn)).rotations == 4
    assert count(Circuit(controls + 1, turn)).toffoli <= 8 * controls


def test_a_work_qubit_that_is_not_clean_is_seen():
    """A negative control: clean wires are taken at their word, borrowed ones are not."""
    gate = Gate("x", 3, controls=(0, 1, 2))
    for way, equal in (("clean", False), ("borrowed", True)):
        found = to_matrix(Circuit(5, toffoli_operations(gate, **{way: (4,)})))
        assert np.allclose(found, oracle(FIXED["x"], (1, 1, 1), 1), rtol=0, atol=ATOL) == equal


def test_circuits_of_few_controls_are_equal_and_name_their_work_qubits():
    parts = (
        Gate("h", 0),
        Gate("ry", 4, 0.3, (0, 1, 2, 3)),
        Phase(0.7, (1, 2, 3), (0, 1, 1)),
        Gate("x", 0, controls=(3, 4)),
    )
    circuit = Circuit(5, parts, registers=(("a", 2), ("b", 3)))
    for ancillas in (0, 1, 3):
        found = to_toffoli(circuit, ancillas=ancillas)
        assert found.registers == (("a", 2), ("b", 3), ("work", ancillas))[: 2 + bool(ancillas)]
        expected = np.kron(to_matrix(circuit), np.eye(1 << ancillas))
        np.testing.assert_allclose(
            with_clean(to_matrix(found), ancillas), with_clean(expected, ancillas), rtol=0, atol=ATOL
        )


@pytest.mark.parametrize(("index", "bits", "work"), [(0, 1, 0), (2, 2, 0), (3, 1, 2), (3, 1, 4), (3, 2, 4), (2, 1, 4)])
def test_lookups_add_the_words_and_clean_their_work_qubits(index, bits, work):
    for number in (1, (1 << index) - 1 or 1, 1 << index):
        words = np.random.default_rng(number).integers(0, 1 << bits, number).tolist()
        size = index + bits + work
        read = lookup_operations(words, range(index), range(index, index + bits), ancillas=range(index + bits, size))
        expected = np.zeros((1 << index + bits,) * 2)
        for address, register in np.ndindex(1 << index, 1 << bits):
            word = words[address] if address < number else 0
            expected[address << bits | (register ^ word), address << bits | register] = 1
        expected = np.kron(expected, np.eye(1 << work))
        found = to_matrix(Circuit(size, read))
        np.testing.assert_allclose(with_clean(found, work), with_clean(expected, work), rtol=0, atol=ATOL)
        controlled = to_matrix(Circuit(size, read).controlled())
        expected = np.block([[np.eye(1 << size), np.zeros((1 << size,) * 2)], [np.zeros((1 << size,) * 2), expected]])
        np.testing.assert_allclose(with_clean(controlled, work), with_clean(expected, work), rtol=0, atol=ATOL)


@pytest.mark.parametrize(("index", "bits"), [(8, 1), (8, 2), (9, 6)])
def test_work_qubits_are_traded_for_toffoli_gates(index, bits):
    words = [1 + number % ((1 << bits) - 1) if bits > 1 else 1 for number in range(1 << index)]

    def toffolis(work: int) -> int:
        wires = range(index + bits, index + bits + work)
        read = lookup_operations(words, range(index), range(index, index + bits), ancillas=wires)
        return count(Circuit(index + bits + work, read)).toffoli

    ways = {0: (1 << index) - 2}
    ways |= {size: 2 * (max((1 << index) // size - 2, 0) + bits * (size - 1)) for size in (2, 4, 8, 16, 32)}
    for work in (0, bits, 2 * bits, 4 * bits + 1, 8 * bits, 32 * bits):
        assert toffolis(work) == min(cost for size, cost in ways.items() if size * bits <= work)
    assert toffolis(32 * bits) < toffolis(4 * bits) < toffolis(0)


@pytest.mark.parametrize("qubits", [0, 1, 2, 3, 4])
@pytest.mark.sample(1)
def test_isometries_have_their_columns_and_as_many_rotations_as_parameters(qubits):
    size = 1 << qubits
    haar = scipy.stats.unitary_group.rvs(size, random_state=qubits) if qubits else np.array([[1j]])
    for matrix in (haar, np.linalg.qr(haar.real)[0], np.eye(size)[:, ::-1]):
        for number in range(1, size + 1):
            columns = matrix[:, :number]
            circuit = Circuit(qubits, isometry_operations(columns, range(qubits)))
            for found in (circuit, Circuit(qubits, tuple(circuit.elementary()))):
                np.testing.assert_allclose(to_matrix(found)[:, :number], columns, rtol=0, atol=ATOL)
            inputs = (number - 1).bit_length()
            assert count(circuit).rotations == max(2 ** (qubits + inputs + 1) - 4**inputs - 1, 0)
            if number & (number - 1) == 0:
                reflection = to_matrix(Circuit(qubits, span_reflection_operations(columns, range(qubits))))
                expected = 2 * columns @ columns.conj().T - np.eye(size)
                np.testing.assert_allclose(reflection, expected, rtol=0, atol=ATOL)


def test_columns_beyond_those_of_an_isometry_are_any():
    """A negative control: a circuit of two columns need not have the third."""
    matrix = scipy.stats.unitary_group.rvs(4, random_state=0)
    found = to_matrix(Circuit(2, isometry_operations(matrix[:, :2], (0, 1))))
    assert np.abs(found[:, 2] - matrix[:, 2]).max() > 0.1


@pytest.mark.parametrize("qubits", [1, 3, 6])
def test_states_of_few_entries_are_prepared_by_few_gates(qubits):
    for number in range(1, min(1 << qubits, 9) + 1):
        rng = np.random.default_rng([qubits, number])
        places = rng.choice(1 << qubits, number, replace=False).tolist()
        values = rng.normal(size=number) + 1j * (number % 2) * rng.normal(size=number)
        values = values if number % 2 else values.real
        values = values / np.linalg.norm(values)
        circuit = Circuit(qubits, sparse_state_operations(dict(zip(places, values, strict=True)), range(qubits)))
        expected = np.zeros(1 << qubits, complex)
        expected[places] = values
        np.testing.assert_allclose(simulate(circuit, np.eye(1 << qubits)[0]), expected, rtol=0, atol=ATOL)
        small = (number - 1).bit_length()
        gates = count(circuit)
        assert gates.rotations <= (2 if number % 2 else 1) * ((1 << small) - 1)
        assert gates.toffoli <= number * max(small - 1, 0) and gates.cnot <= (1 << small + 1) + number * qubits


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: toffoli_operations(Circuit(1)), TypeError, "`part` must be of type Elementary"),
        (lambda: toffoli_operations(Gate("x", 0), clean=(0,)), ValueError, r"`wires` must not overlap, but \[0\]"),
        (lambda: to_toffoli(Gate("x", 0)), TypeError, "`circuit` must be of type Circuit"),
        (lambda: to_toffoli(Circuit(1), ancillas=-1), ValueError, "`ancillas` must be at least 0, but is -1"),
        (lambda: lookup_operations([0, 1, 2], (0,), (1, 2)), ValueError, "`words` must be at most 2, .* but are 3"),
        (
            lambda: lookup_operations([4], (0,), (1, 2)),
            ValueError,
            r"`words` must be numbers of 2 bits, but one is \[4\]",
        ),
        (lambda: lookup_operations([1], (0,), (1,), ancillas=(1,)), ValueError, "`wires` must not overlap"),
        (lambda: isometry_operations(np.ones((2, 2)), (0,)), ValueError, "`columns` must be orthonormal"),
        (lambda: isometry_operations(np.eye(2), (0, 1)), ValueError, "`columns` must have 4 rows"),
        (
            lambda: span_reflection_operations(np.eye(4)[:, :3], (0, 1)),
            ValueError,
            "`columns` must be as many as a power of two, but are 3",
        ),
        (lambda: sparse_state_operations({}, (0,)), ValueError, "`entries` must hold at least one basis state"),
        (lambda: sparse_state_operations({2: 1.0}, (0,)), ValueError, "`entries` must be at most 1, but is 2"),
        (lambda: sparse_state_operations({0: 2.0}, (0,)), ValueError, "`entries` must be those of a unit vector"),
    ],
)
def test_bad_input_is_named_with_rule_and_value(make, kind, message):
    with pytest.raises(kind, match=message):
        make()
