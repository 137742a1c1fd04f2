"""Parametrized circuits as circuits of gates: the same unitary, counts, derivatives, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.circuits import Circuit, count, simulate, to_matrix
from qla_jax.variational import gates as g
from qla_jax.variational.ansatz import RX_CHAIN, RY_CHAIN, STRONG_RING, ansatz_circuit
from qla_jax.variational.circuit import circuit, matrix_of, repeated, run
from qla_jax.variational.elementary import gate_circuit
from tests.cases import haar, real
from tests.variational.test_circuits import ANGLES, DEPTH, N, row

pytestmark = pytest.mark.x64


def test_the_unitary_of_every_kind_of_gate_is_the_same_also_gate_by_gate():
    made = circuit(N, repeated(row, jnp.asarray(real(DEPTH, ANGLES))), [g.unitary_gate(haar(4), 2, 0)])
    found = gate_circuit(made, name="ansatz")
    assert (found.name, found.num_wires) == ("ansatz", N)
    for each in (found, Circuit(N, tuple(found.elementary()))):
        np.testing.assert_allclose(to_matrix(each), matrix_of(made), rtol=0, atol=1e-12)


@pytest.mark.parametrize("ansatz", [RX_CHAIN, RY_CHAIN, STRONG_RING], ids=["rx", "ry", "strong"])
def test_rotations_are_counted_once_for_each_angle(ansatz):
    angles = jnp.asarray(real(2, *ansatz.angles_shape(3)))
    made = ansatz_circuit(angles, ansatz)
    assert count(gate_circuit(made)).rotations == angles.size


def test_reversed_wires_are_another_circuit():
    right, wrong = (gate_circuit(circuit(2, [g.ry(0, 0.3), g.cx(a, 1 - a)])) for a in (0, 1))
    assert abs(to_matrix(right) - to_matrix(wrong)).max() > 0.1


def test_traced_angles_have_derivatives_and_traced_matrices_are_refused():
    def value(angle, runner):
        made = circuit(2, [g.ry(0, angle), g.crx(0, 1, angle), g.rz(1, angle)])
        return jnp.real(runner(made)[3] * jnp.exp(0.3j))

    zero = jnp.zeros(4, complex).at[0].set(1)
    by_gates = jax.grad(lambda a: value(a, lambda made: simulate(gate_circuit(made), zero)))(0.7)
    np.testing.assert_allclose(by_gates, jax.grad(lambda a: value(a, run))(0.7), rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="concrete matrices to become gates, but a gate of class Block is traced"):
        jax.jit(lambda a: gate_circuit(circuit(2, [g.block(0, 1, a)])).num_wires)(jnp.zeros(15))
    with pytest.raises(TypeError, match="`circuit` must be of type ParametrizedCircuit"):
        gate_circuit(Circuit(1))
