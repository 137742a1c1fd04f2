"""Operations for a falling set of values of an index against block-diagonal matrices and a walk by hand."""

import numpy as np
import pytest
import scipy.linalg

from qla_jax.accounting.gates import Gates
from qla_jax.circuits import Call, Circuit, Gate, Phase, Staircase, count, to_matrix
from qla_jax.circuits.call_tree import call_tree
from qla_jax.circuits.staircase import blocks_between

pytestmark = pytest.mark.x64
TURN, BACK, FLIP = Gate("rx", 3, 0.4), Gate("rx", 3, -0.4), Gate("ry", 3, 0.3)


def steps_below(bound: int) -> Staircase:
    groups = ((TURN,), (FLIP, Phase(0.2)), (BACK,), (FLIP,)) * (bound - 1)
    return Staircase((2, 0, 1), bound, groups, tuple(n for step in range(1, bound) for n in (None, step, None, step)))


@pytest.mark.parametrize("bound", [2, 5, 8])
def test_steps_run_for_the_values_that_are_not_yet_passed(bound):
    steps, blocks = steps_below(bound), []
    for value in range(8):
        ran = [(TURN, *([FLIP, Phase(0.2)] * (k <= value < bound)), BACK, *([FLIP] * (k <= value < bound)))
               for k in range(1, bound)]  # fmt: skip
        blocks.append(to_matrix(Circuit(1, tuple(part.moved((0,) * 4) for each in ran for part in each))))
    expected = scipy.linalg.block_diag(*blocks)
    found = to_matrix(Circuit(4, (steps.moved((1, 2, 0, 3)),)))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)
    inverse = to_matrix(Circuit(4, (steps.inverse().moved((1, 2, 0, 3)),)))
    np.testing.assert_allclose(inverse, expected.conj().T, rtol=0, atol=1e-13)
    controlled = Circuit(4, (steps.moved((1, 2, 0, 3)),)).controlled()
    np.testing.assert_allclose(to_matrix(controlled), scipy.linalg.block_diag(np.eye(16), expected), rtol=0, atol=1e-13)


def test_one_number_later_is_another_circuit():
    """A negative control: the values below the least one are left alone."""
    late = Staircase((0, 1), 3, ((FLIP,),), (2,)), Staircase((0, 1), 3, ((FLIP,),), (1,))
    assert np.abs(np.subtract(*(to_matrix(Circuit(4, (each,))) for each in late))).max() > 0.1


@pytest.mark.parametrize("bits", [0, 1, 3])
def test_blocks_hold_each_number_once(bits):
    for first, bound in np.ndindex(1 << bits, (1 << bits) + 1):
        found = [number + k for number, depth in blocks_between(first, bound, bits) for k in range(1 << bits - depth)]
        assert found == list(range(first, bound))


@pytest.mark.parametrize("controls", [0, 1, 2])
def test_signs_of_steps_take_one_control_and_one_walk(controls):
    """Four Toffoli gates where each sign had a control for each bit of its number and of the bound."""
    sign = (Phase(np.pi, (3, 4), (0, 0)),)
    steps = Staircase((0, 1, 2), 6, ((), sign, (), sign) * 5, tuple(n for k in range(1, 6) for n in (None, k, None, k)))
    front = tuple(range(5, 5 + controls))
    found = count(Circuit(5 + controls, (steps.controlled(front) if controls else steps,)))
    signs = 10 * 1  # (work qubit, two ancillas): a ladder of one Toffoli gate and a CZ
    comparisons = {0: 2 + 1, 1: 3 + 2, 2: 3 + 2}[controls]  # at least 1: three bits; below 6: two bits
    walk = {0: 2 + 3, 1: 1 + 2 + 3, 2: 1 + 1 + 2 + 3}[controls]  # nodes above values 1 to 5, and joined controls
    assert found.toffoli == signs + comparisons + walk and found.rotations == found.t == 0
    assert count(Circuit(5, (steps.inverse(),))) == count(Circuit(5, (steps,)))


def test_calls_within_steps_are_in_the_tree_of_calls():
    part = Circuit(1, (Gate("t", 0),), "part")
    call = Call(part, (2,))
    steps = Staircase((0, 1), 3, ((call,), (Gate("x", 2),), (call.inverse(),)), (None, 1, None))
    tree = call_tree(Circuit(3, (steps,)))
    assert [(node.circuit.name, node.controls, times) for node, times in tree.calls] == [("part", 0, 2)]
    assert tree.total.t == 2 and tree.between["t"] == 0
    assert count(Circuit(4, (steps.controlled((3,)),))).t == 2  # the calls cancel without the conditional group


@pytest.mark.parametrize(
    ("least", "bound", "message"),
    [
        ((1, 3), 4, r"`least` must rise or fall by 0 or 1 within 0 to 3, but are \[1, 3\]"),
        ((1, 0, 1), 4, "`least` must be 2, one for each group, but are 3"),
        ((3, 3), 3, "`least` must rise or fall"),
        ((1, 2), 5, "`bound` must be at most 4"),
    ],
)
def test_steps_that_jump_or_leave_the_index_are_refused(least, bound, message):
    with pytest.raises(ValueError, match=message):
        Staircase((0, 1), bound, ((FLIP,), (FLIP,)), least)


def test_no_steps_have_no_gates():
    assert count(Circuit(4, (Staircase((0, 1), 1, (), ()),))) == Gates()
