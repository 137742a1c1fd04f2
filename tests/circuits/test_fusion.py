"""Fused circuits against the circuits themselves, and which gates may join a block."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.circuits import (
    Add,
    Call,
    Circuit,
    DiagonalPhases,
    Gate,
    MultiplexedRotation,
    Phase,
    Select,
    Within,
    fused,
    simulate,
    to_matrix,
)
from qla_jax.circuits.parameters import without_angles
from qla_jax.circuits.synthesis import MatrixGate
from qla_jax.encodings.imports import from_circuit
from tests.cases import cplx, real

pytestmark = pytest.mark.x64
ATOL = 1e-12


def random_circuit(wires: int, number: int, seed: int = 0) -> Circuit:
    rng, found = np.random.default_rng([wires, seed]), []
    for _ in range(number):
        first, second, third = rng.choice(wires, 3, replace=False).tolist()
        angle = float(rng.normal())
        choices = (
            Gate("ry", first, angle),
            Gate("x", second, controls=(first,), values=(0,)),
            Gate("p", first, angle, controls=(second, third)),
            Phase(angle, (first, third)),
            Phase(angle),
            Within((Gate("h", first),), (Gate("x", second, controls=(first,)),)).controlled((third,)),
        )
        found.append(choices[rng.integers(len(choices))])
    return Circuit(wires, tuple(found))


def composed() -> Circuit:
    """Calls of small and of large circuits, and composite operations with and without controls."""
    small, large = random_circuit(3, 8), random_circuit(5, 20)
    middle = Circuit(6, (Call(small, (4, 0, 2)), Gate("h", 1), Call(large, (5, 1, 3, 0, 2))), "middle")
    return Circuit(
        7,
        (
            Call(middle, (6, 5, 4, 3, 2, 1)),
            MultiplexedRotation("y", real(16), (0, 2, 4, 6), 1),
            Call(middle, (0, 1, 2, 3, 4, 5), True),
            Add((0, 1, 2, 3, 4, 5), (3,)),
            Select((1, 3), (0, 2), ((Gate("h", 0),), (Call(large, (0, 2, 4, 5, 6)),))),
            Call(large, (1, 2, 3, 4, 6)).controlled((0,)),
            DiagonalPhases(real(4), (3, 5)).controlled((0, 2)),
        ),
    )


@pytest.mark.parametrize("wires", [1, 2, 3, 4, 6])
def test_fused_circuits_are_equal(wires):
    circuits = (random_circuit(6, 60), random_circuit(4, 30), composed(), Circuit(3), Circuit(0, (Phase(0.3),) * 2))
    for circuit in circuits:
        found = fused(circuit, wires=wires)
        assert (found.num_wires, found.name) == (circuit.num_wires, circuit.name)
        np.testing.assert_allclose(to_matrix(found), to_matrix(circuit), rtol=0, atol=ATOL)
        np.testing.assert_allclose(to_matrix(found.inverse()), to_matrix(circuit).conj().T, rtol=0, atol=ATOL)


def test_blocks_are_few_and_narrow():
    circuit = random_circuit(8, 200)
    sizes = []
    for wires in (3, 4, 5):
        found = fused(circuit, wires=wires)
        assert all(len(part.wires) <= wires for part in found.operations)
        sizes.append(len(found.operations))
    assert sizes == sorted(sizes, reverse=True) and sizes[0] < 120
    assert len(fused(circuit, wires=8).operations) == 1


def test_gates_do_not_pass_others_with_which_they_do_not_commute():
    """A negative control: H on wire 0 may not join the first gate past the CNOT."""
    gates = (Gate("x", 0), Gate("x", 1, controls=(0,)), Gate("h", 0))
    (found,) = fused(Circuit(2, gates), wires=2).operations
    assert isinstance(found, MatrixGate)
    passed = Circuit(2, (gates[0], gates[2], gates[1]))
    assert np.abs(found.matrix - to_matrix(passed)).max() > 0.1
    assert [len(part.wires) for part in fused(Circuit(2, gates), wires=1).operations] == [1, 2, 1]


def test_a_circuit_that_is_called_often_is_fused_once():
    large = random_circuit(6, 30)
    found = fused(Circuit(6, (Call(large, range(6)), Call(large, range(6), True), Call(large, (1, 0, 2, 3, 4, 5)))))
    first, second, third = found.operations
    assert first.circuit is second.circuit is third.circuit and len(first.circuit.operations) < 30


def test_traced_angles_stay_open_in_their_order():
    def circuit(angles):
        turns = [Gate("ry", wire, angles[wire]) for wire in (2, 0, 1)]
        fixed = [Gate("x", wire, controls=((wire + 1) % 3,)) for wire in (0, 1, 2)]
        mixed = [part for pair in zip(turns, fixed, strict=True) for part in pair]
        return Circuit(3, (*fixed, Gate("h", 0), *mixed, Call(Circuit(1, (Gate("rz", 0, angles[0]),)), (2,))))

    angles = jnp.array([0.3, -0.7, 1.1])
    structure, leaves = without_angles(circuit(angles))
    found = structure.fused_with_angles(leaves)
    assert len(found.operations) < len(structure.circuit.operations)
    np.testing.assert_allclose(to_matrix(found), to_matrix(circuit(angles.tolist())), rtol=0, atol=ATOL)
    swapped = structure.fused_with_angles(leaves[::-1])
    assert np.abs(to_matrix(swapped) - to_matrix(found)).max() > 0.1
    state = jnp.asarray(cplx(8))
    traced = jax.jit(lambda a: simulate(fused(circuit(a)), state))(angles)
    np.testing.assert_allclose(traced, simulate(circuit(angles.tolist()), np.asarray(state)), rtol=0, atol=ATOL)


@pytest.mark.slow
def test_encodings_of_circuits_run_few_products():
    circuit = random_circuit(6, 100)
    enc = from_circuit(circuit, num_ancillas=2, alpha=1.0, eps=0.0)
    start = jnp.zeros(64, complex)
    fewer, plain = (
        str(jax.make_jaxpr(run)(start)).count("dot_general")
        for run in (lambda state: enc.apply(state.reshape(4, 16)), lambda state: simulate(circuit, state))
    )
    assert 0 < 2 * fewer < plain
    found = enc.apply(jnp.asarray(cplx(4, 16)))
    expected = simulate(circuit, cplx(4, 16).reshape(-1)).reshape(4, 16)
    np.testing.assert_allclose(found, expected, rtol=0, atol=ATOL)
    np.testing.assert_allclose(enc.apply_adjoint(found), cplx(4, 16), rtol=0, atol=ATOL)


def test_bad_input_is_named():
    with pytest.raises(TypeError, match="`circuit` must be of type Circuit"):
        fused(Gate("x", 0))
    with pytest.raises(ValueError, match="`wires` must be at least 1, but is 0"):
        fused(Circuit(1), wires=0)
