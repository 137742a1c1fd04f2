"""Classical circuits on basis states, and temporary ANDs, against the explicit unitaries."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.accounting.gates import Gates
from qla_jax.circuits import (
    Add,
    And,
    Bound,
    Circuit,
    Flip,
    Gate,
    Permutation,
    Within,
    count,
    draw,
    on_basis,
    to_matrix,
    to_openqasm3,
)

REGISTERS = (("a", 2), ("b", 3))
CLASSICAL = {
    "controls on both values": (Gate("x", 0, controls=(1, 2, 3), values=(0, 1, 0)), Gate("x", 4)),
    "composite operations": (
        Add((2, 3, 4), (1, 3, 0, 6), (0, 1)),
        Flip(0, (Bound((2, 3, 4), 3),)),
        Permutation(np.array([2, 0, 1, 3]), (1, 4)).controlled((0,), (0,)),
    ),
    "an AND under controls": (Within((And(0, 1, 3),), (And(3, 4, 2).controlled((1,), (0,)),)),),
}


@pytest.mark.parametrize("name", CLASSICAL)
def test_a_classical_circuit_is_the_permutation_of_its_unitary(name):
    built = Circuit(5, CLASSICAL[name], registers=REGISTERS)
    for each in (built, built.inverse()):
        image = to_matrix(each).real.argmax(axis=0)
        a, b = np.divmod(np.arange(32), 8)
        for run in (
            on_basis(each, a=a, b=b),
            jax.jit(lambda a, b, c=each: on_basis(c, a=a, b=b))(*map(jnp.asarray, (a, b))),
        ):
            np.testing.assert_array_equal(8 * run.registers["a"].astype(int) + run.registers["b"].astype(int), image)
        swapped = on_basis(Circuit(5, each.operations, registers=REGISTERS[::-1]), a=b, b=a)
        assert (8 * swapped.registers["b"] + swapped.registers["a"] != image).any()  # registers in another order


def test_wires_without_registers_are_one_number():
    assert on_basis(Circuit(3, (Gate("x", 0, controls=(2,)),)), q=[1, 2]).registers["q"].tolist() == [5, 2]


@pytest.mark.parametrize(("before", "clean"), [(0, True), (1, False)])
def test_work_qubits_and_targets_of_ands_have_to_be_clean(before, clean):
    both = And(1, 2, 0)
    flips = (Gate("x", 0),) * before
    used = Circuit(3, (*flips, both, both.inverse(), *flips), registers=(("work", 1), ("x", 2)))
    assert bool(on_basis(used, x=3).clean) == clean
    left = Circuit(3, (both,), registers=used.registers)
    assert on_basis(left, x=[1, 3]).clean.tolist() == [True, False]
    with pytest.raises(ValueError, match="`values` must be registers among x, but one is 'work'"):
        on_basis(left, work=1)


def test_gates_that_do_not_permute_are_named():
    with pytest.raises(ValueError, match="`circuit` must permute basis states, but has a gate RY"):
        on_basis(Circuit(1, (Gate("x", 0), Gate("ry", 0, math.pi))), q=0)


def test_an_and_and_its_erasure_are_a_toffoli_gate_that_is_paid_once():
    both = And(0, 2, 1)
    for each in (both, both.inverse()):
        np.testing.assert_array_equal(
            to_matrix(Circuit(3, (each,))), to_matrix(Circuit(3, (Gate("x", 1, controls=(0, 2)),)))
        )
    assert both.inverse().inverse() == both and both.moved((5, 6, 7)) == And(5, 7, 6)
    assert (count(Circuit(3, (both,))).t_count(), count(Circuit(3, (both.inverse(),)))) == (4, Gates())
    held = [count(Circuit(5, (each.controlled((3, 4)),))).toffoli for each in (both, both.inverse())]
    assert held == [3, 2]  # the erasure ends in a CZ under two controls
    assert [line.split("─")[1] for line in draw(Circuit(3, (both,))).splitlines()] == ["●", "AND", "●"]
    with pytest.raises(ValueError, match=r"`wires` must not overlap, but \[1\] occur twice"):
        And(0, 1, 1)


def test_an_erasure_under_controls_is_no_measurement():
    erasure = And(0, 1, 2).inverse()
    text = to_openqasm3(Circuit(4, (erasure, erasure.controlled((3,)))), measured=True)
    assert text.splitlines()[4:] == [
        "h q[2];",
        "m = measure q[2];",
        "if (m == true) { cz q[0], q[1]; x q[2]; }",
        "ctrl(3) @ x q[3], q[0], q[1], q[2];",
    ]
