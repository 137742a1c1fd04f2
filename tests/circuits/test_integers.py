"""Additions, comparisons and tables of basis states: as gates against integers, and their counts."""

import itertools
import random

import numpy as np
import pytest

from qla_jax.accounting.gates import Gates, adder, iteration
from qla_jax.accounting.integers import addition, comparison, permutation
from qla_jax.arithmetic import adder as gidney
from qla_jax.arithmetic import counts
from qla_jax.circuits import (
    Add,
    Bound,
    Circuit,
    Flip,
    Gate,
    Permutation,
    Within,
    count,
    draw,
    from_openqasm3,
    to_matrix,
    to_openqasm3,
)
from qla_jax.circuits.counting import gates_of
from qla_jax.circuits.operations import Operation

pytestmark = pytest.mark.x64


def table(part: Operation, wires: int) -> np.ndarray:
    """The basis state to which each one moves, by the gates one by one."""
    matrix = to_matrix(Circuit(wires, tuple(Circuit(wires, (part,)).elementary())))
    assert set(np.unique(matrix)) <= {0, 1}
    return matrix.real.argmax(axis=0)


def bits(states: np.ndarray, wires: tuple[int, ...], total: int) -> np.ndarray:
    """The number on some wires of each state."""
    return sum((states >> total - 1 - wire & 1) << place for place, wire in enumerate(reversed(wires)))


def placed(states: np.ndarray, numbers: np.ndarray, wires: tuple[int, ...], total: int) -> np.ndarray:
    for place, wire in enumerate(reversed(wires)):
        states = states & ~(1 << total - 1 - wire) | (numbers >> place & 1) << total - 1 - wire
    return states


AMOUNTS = [
    (3,),
    (-1,),
    (0,),
    (8,),
    (0, 1, 2, 3),
    (1, 0, -1, -2),
    (2, 1, 0, -1),
    (0, 3),
    (5, 5),
    (1, 0, 0, 7),
    (0, 5, -3, 2),
]


@pytest.mark.parametrize("amounts", AMOUNTS, ids=str)
@pytest.mark.parametrize("on", [(1,), (4, 1), (0, 3, 1)], ids=len)
@pytest.mark.parametrize("way", ["alone", "inverse", "controlled", "moved"])
@pytest.mark.sample(40)
def test_additions_are_those_of_integers(amounts, on, way):
    index = (5, 2)[: (len(amounts) - 1).bit_length()]
    part, total = Add(on, amounts, index), 7
    states = np.arange(1 << total)
    sign, held = (-1 if way == "inverse" else 1), np.ones_like(states)
    if way == "inverse":
        part = part.inverse()
    if way == "controlled":
        part, held = part.controlled((6,), (0,)), 1 - bits(states, (6,), total)
    if way == "moved":
        places = (3, 0, 6, 5, 2, 1, 4)
        part, on, index = part.moved(places), tuple(places[w] for w in on), tuple(places[w] for w in index)
    added = sign * np.array(amounts)[bits(states, index, total)] * held
    expected = placed(states, (bits(states, on, total) + added) % (1 << len(on)), on, total)
    np.testing.assert_array_equal(table(part, total), expected)


def test_a_wrong_direction_of_an_addition_is_seen():
    """A negative control: subtraction, and a register read from the other end."""
    states = np.arange(8)
    np.testing.assert_array_equal(table(Add((0, 1, 2), (3,)), 3), (states + 3) % 8)
    for wrong in (Add((0, 1, 2), (-3,)), Add((2, 1, 0), (3,))):
        assert (table(wrong, 3) != (states + 3) % 8).any()


@pytest.mark.parametrize("bound", range(-1, 10))
@pytest.mark.parametrize("below", [False, True])
def test_a_wire_flips_where_registers_lie_on_their_sides(bound, below):
    states, total = np.arange(128), 7
    both = Bound((5, 1, 2), bound, below), Bound((0, 4), 2)
    side = bits(states, (5, 1, 2), total) < bound
    first, second = (side if below else ~side), bits(states, (0, 4), total) >= 2
    for bounds, where in (((), True), (both[:1], first), (both, first & second)):
        flip = Flip(3, bounds)
        expected = np.where(where, states ^ 8, states)
        np.testing.assert_array_equal(table(flip, total), expected)
        np.testing.assert_array_equal(table(flip.inverse(), total), expected)
        held = np.where(bits(states, (6,), total) == 1, expected, states)
        np.testing.assert_array_equal(table(flip.controlled((6,)), total), held)
    places = (6, 0, 3, 1, 2, 4, 5)
    mirrored = table(Flip(3, both).moved(places), total)
    moved = [
        sum((state >> total - 1 - wire & 1) << total - 1 - places[wire] for wire in range(total)) for state in states
    ]
    np.testing.assert_array_equal(mirrored[moved], np.array(moved)[np.where(first & second, states ^ 8, states)])


@pytest.mark.parametrize("bits_", range(1, 9))
def test_an_addition_is_counted_as_gidneys_adder(bits_):
    register = range(1 << bits_)
    assert addition(bits_, register).toffoli == counts(gidney(bits_)).ands == bits_ - 1
    assert addition(bits_, [-value for value in register]).toffoli == bits_ - 1  # subtraction
    assert addition(bits_, [1]).toffoli == bits_ - 1 and addition(bits_, [1 << bits_ - 1]).toffoli == 0
    assert addition(bits_, register, 1).toffoli == 2 * bits_ - 1  # each bit of the summand takes one AND more
    assert addition(bits_, [1], 1).toffoli == bits_ - 1  # a constant is copied from the control


def test_numbers_of_an_index_are_copied_or_looked_up_whichever_is_less():
    copied = addition(5, (1, 0, -1, -2))  # the lowest bit is that of the index flipped, all others are its first bit
    assert copied.toffoli == adder(5).toffoli == 4
    looked_up = addition(5, (0, 5, 17, 9))
    assert looked_up.toffoli == 4 + 2 * iteration(2, (1, 2, 3)).toffoli == 8
    apart = addition(12, [3 - value for value in range(64)])  # two adders are less than two lookups of 64 numbers
    assert apart.toffoli == 2 * 11


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("controls", [0, 1, 3])
def test_permutations_are_counted_as_their_transpositions_where_these_are_few(seed, controls):
    order = list(range(8))
    random.Random(seed).shuffle(order)
    part = Permutation(np.array(order), (0, 1, 2))
    wires = tuple(range(3, 3 + controls))
    held = part.controlled(wires) if controls else part
    one_by_one = count(Circuit(3 + controls, tuple(Circuit(3 + controls, (held,)).elementary())))
    assert count(Circuit(3 + controls, (held,))) == permutation(order, controls)
    transposed, counted = one_by_one, permutation(order, controls)
    assert counted == transposed or counted.toffoli < transposed.toffoli


def test_long_tables_are_counted_as_two_lookups():
    order = list(range(256))
    random.Random(0).shuffle(order)
    moved = [state for state in range(256) if order[state] != state]
    assert permutation(order).toffoli == 2 * iteration(8, moved).toffoli < 5 * 128
    assert permutation(order, 1).toffoli == 2 * iteration(8, moved, 1).toffoli
    assert permutation(range(256)) == Gates()
    one = count(Circuit(8, (Permutation(np.array([255, *range(1, 255), 0]), tuple(range(8))),)))
    assert one.toffoli == 6 and one.cnot == 14


@pytest.mark.parametrize("depths", list(itertools.product([0, 1, 3], repeat=2)))
def test_comparisons_take_one_and_for_each_further_bit(depths):
    bounds = tuple(Bound(tuple(range(3 * k, 3 * k + 3)), 8 - (8 >> depth)) for k, depth in enumerate(depths) if depth)
    flip = Flip(6, bounds)
    for controls in range(3):
        part = flip.controlled(tuple(range(7, 7 + controls))) if controls else flip
        found = count(Circuit(9, (part,)))
        assert found == comparison(depths, controls)
        # Each bound has one block of values, and the ladder of its NOT gate is that of the comparison.
        assert found == count(Circuit(9, tuple(Circuit(9, (part,)).elementary())))


def test_gates_of_operations_know_their_controlled_form():
    found = gates_of([Add((0, 1, 2), (1,)), Gate("x", 0), Flip(3, (Bound((0, 1, 2), 5),))])
    assert found.toffoli == 4 and found.controlled.toffoli == 5 and found.controlled.cnot == found.cnot + 1
    assert gates_of([]) == Gates()


def test_additions_and_comparisons_are_drawn_and_exported():
    circuit = Circuit(4, (Add((0, 1), (1, -1), (2,)), Flip(3, (Bound((0, 1), 3),)).controlled((2,), (0,))))
    assert "[Add]" in draw(circuit) and "[Flip]" in draw(circuit)
    np.testing.assert_array_equal(to_matrix(from_openqasm3(to_openqasm3(circuit))), to_matrix(circuit))
    kept = Within(circuit.operations[:1], circuit.operations[1:])
    np.testing.assert_array_equal(to_matrix(Circuit(4, (kept, kept.inverse()))), np.eye(16))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Add((0,), (1, 2)), "`amounts` must be 1, one for each value of the index, but are 2"),
        (lambda: Add((0, 1), (1, 2), (1,)), "must not overlap"),
        (lambda: Add((0, 1), (1.5,)), "`amounts` must be an integer, but is 1.5"),
        (lambda: Add((0, 1), (float("nan"),)), "`amounts` must be an integer, but is nan"),
        (lambda: Add((0, 1), 1), "`amounts` must be a sequence of integers"),
        (lambda: Flip(0, (Bound((1, 2), 0.5),)), "`bound` must be an integer, but is 0.5"),
        (lambda: Flip(0, (Bound((0, 1), 2),)), "must not overlap"),
        (lambda: Flip(2, (Bound((0, 1), 2), Bound((1,), 1))), "must not overlap"),
    ],
)
def test_bad_additions_and_comparisons_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
