"""Rotations with equal or Clifford angles against the multiplexed rotation that they replace."""

import numpy as np
import pytest

from qla_jax.accounting.gates import Gates
from qla_jax.circuits import Circuit, Gate, MultiplexedRotation, Phase, Select, count, to_matrix
from qla_jax.circuits.lean import lean_rotation
from qla_jax.circuits.preparation import lean_tree_gates, lean_tree_operations, tree_operations

pytestmark = pytest.mark.x64
QUARTER = np.pi / 2
ROTATED = {  # rotations, T gates
    "one angle for all": ([0.3] * 4, (1, 0)),
    "by the first wire": ([0.3, 0.3, 0.7, 0.7], (2, 0)),
    "by the second wire": ([0.3, 0.7, 0.3, 0.7], (2, 0)),
    "all apart": ([0.1, 0.2, 0.3, 0.4], (4, 0)),
    "none": ([0.0] * 4, (0, 0)),
    "quarter turns": ([QUARTER] * 4, (0, 0)),
    "one quarter turn": ([QUARTER, QUARTER, 0.0, 0.0], (0, 2)),
    "half a turn by a wire": ([0.0, np.pi, 0.0, np.pi], (0, 0)),
    "turns of both signs": ([-np.pi, -np.pi, QUARTER, QUARTER], (0, 2)),
    "quarter turns but for rounding that matters": ([QUARTER, QUARTER, QUARTER, QUARTER + 1e-6], (4, 0)),
}


@pytest.mark.parametrize(("angles", "gates"), ROTATED.values(), ids=ROTATED)
def test_lean_rotations_are_the_multiplexed_ones_in_fewer_gates(angles, gates):
    found = Circuit(3, lean_rotation(np.array(angles), (2, 0), 1))
    expected = to_matrix(Circuit(3, (MultiplexedRotation("y", np.array(angles), (2, 0), 1),)))
    np.testing.assert_allclose(to_matrix(found), expected, rtol=0, atol=1e-14)
    assert (count(found).rotations, count(found).t) == gates


@pytest.mark.parametrize("turns", range(-8, 9))
def test_whole_quarter_turns_are_clifford_gates_with_their_sign(turns):
    found = Circuit(1, lean_rotation(np.array([turns * QUARTER]), (), 0))
    expected = to_matrix(Circuit(1, (Gate("ry", 0, turns * QUARTER),)))
    np.testing.assert_allclose(to_matrix(found), expected, rtol=0, atol=1e-14)
    assert count(found) == Gates()


def test_lean_trees_are_the_full_trees_of_all_states():
    """Also of states with zeros and signs: nothing is left out that acts on other states than the first."""
    states = np.array([[1, 1, 1, 1], [1, 0, 0, 1], [0, 1, 1, -1], [3, 0, 0, 0], [1, 2, 2, 4], [0, 0, -1, 2]], float)
    for state in states:
        state = state / np.linalg.norm(state)
        lean, full = lean_tree_operations(state, (0, 1)), tree_operations(state, (0, 1))
        np.testing.assert_allclose(to_matrix(Circuit(2, lean)), to_matrix(Circuit(2, full)), rtol=0, atol=1e-14)
    assert lean_tree_gates(np.full(16, 0.25)) == Gates()
    assert lean_tree_gates(np.array([1, 2, 2, 4]) / 5).rotations == 2  # a product of two qubits


BLOCKS = [((0, 2, 3), (1, 2, 2)), ((0, 2), (2, 1)), ((1, 2, 4), (3, 2, 1)), ((0,), (0,))]


@pytest.mark.parametrize(("numbers", "depths"), BLOCKS, ids=str)
@pytest.mark.parametrize("controls", [0, 1, 2])
def test_branches_of_a_selection_may_run_for_blocks_of_values(numbers, depths, controls):
    bits = max((number.bit_length() for number in numbers), default=1) if numbers != (0,) else 2
    bits = max(bits, *depths)
    index, target = tuple(range(controls, controls + bits)), controls + bits
    branches = tuple((Gate("ry", target, 0.3 + number), Phase(0.1)) for number in numbers)
    size = [1 << bits - depth for depth in depths]
    single = {number + k: branch for number, branch, s in zip(numbers, branches, size, strict=True) for k in range(s)}
    front = tuple(range(controls))
    blocks, apart = Select(index, numbers, branches, depths), Select(index, tuple(single), tuple(single.values()))
    for part in (blocks, blocks.inverse(), blocks.moved((*front, *index[::-1], target))):
        other = apart if part is blocks else apart.inverse()
        other = apart.moved((*front, *index[::-1], target)) if part.index != index else other
        held = [each.controlled(front) if front else each for each in (part, other)]
        matrices = [to_matrix(Circuit(target + 1, (each,))) for each in held]
        np.testing.assert_allclose(matrices[0], matrices[1], rtol=0, atol=1e-13)
    gates = [count(Circuit(target + 1, (each.controlled(front) if front else each,))) for each in (blocks, apart)]
    assert gates[0].toffoli <= gates[1].toffoli and gates[0].rotations <= gates[1].rotations


def test_blocks_save_the_nodes_of_unary_iteration_below_them():
    gate = ((Gate("x", 3),),)
    by_blocks, apart = Select((0, 1, 2), (0, 4), gate * 2, (1, 1)), Select((0, 1, 2), tuple(range(8)), gate * 8)
    assert count(Circuit(4, (by_blocks,))) == Gates(cnot=2)  # each runs under the first wire alone
    assert count(Circuit(4, (apart,))).toffoli == 6


def test_blocks_that_overlap_or_are_no_blocks_are_refused():
    for numbers, depths in (((0, 1), (1, 2)), ((1,), (1,)), ((0, 2), (1,)), ((0,), (3,))):
        with pytest.raises(ValueError, match="`depths` must divide the values into blocks that do not overlap"):
            Select((0, 1), numbers, ((),) * len(numbers), depths)
