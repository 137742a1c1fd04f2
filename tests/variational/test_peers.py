"""Against PennyLane, where it is installed, on random circuits: to 1e-10."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.variational import gates as g
from qla_jax.variational.circuit import circuit, run
from qla_jax.variational.noise import amplitude_damping, density_matrix, depolarizing, noise_model
from qla_jax.variational.observables import expectation, z_expectations

pytestmark = [pytest.mark.peers, pytest.mark.x64]
qml = pytest.importorskip("pennylane")

N, LENGTH = 5, 40


def random_gates(seed: int):
    """The same circuit twice: ours, and what PennyLane is to queue."""
    draw, ours, theirs = np.random.default_rng(seed), [], []
    kinds = [
        (g.rx, qml.RX, 1, 1), (g.ry, qml.RY, 1, 1), (g.rz, qml.RZ, 1, 1), (g.hadamard, qml.Hadamard, 1, 0),
        (g.cx, qml.CNOT, 2, 0), (g.cz, qml.CZ, 2, 0), (g.crx, qml.CRX, 2, 1), (g.cry, qml.CRY, 2, 1),
        (g.crz, qml.CRZ, 2, 1),
    ]  # fmt: skip
    for _ in range(LENGTH):
        mine, yours, width, angles = kinds[draw.integers(len(kinds))]
        wires = [int(w) for w in draw.choice(N, width, replace=False)]
        given = list(draw.normal(size=angles))
        ours.append(mine(*wires, *given))
        theirs.append((yours, given, wires))
    return circuit(N, ours), theirs


@pytest.mark.parametrize("seed", range(5))
def test_states_and_expectation_values_are_those_of_pennylane(seed):
    ours, theirs = random_gates(seed)

    @qml.qnode(qml.device("default.qubit", wires=N))
    def peer():
        for make, angles, wires in theirs:
            make(*angles, wires=wires)
        return qml.state(), qml.expval(qml.X(0) @ qml.Y(3)), *[qml.expval(qml.Z(q)) for q in range(N)]

    state, word, *z = peer()
    found = run(ours)
    np.testing.assert_allclose(found, state, rtol=0, atol=1e-10)
    np.testing.assert_allclose(expectation(found, "XIIYI"), word, rtol=0, atol=1e-10)
    np.testing.assert_allclose(z_expectations(found), z, rtol=0, atol=1e-10)


def test_gradients_are_those_of_pennylane():
    angles = jnp.asarray(np.random.default_rng(0).normal(size=4))

    @qml.qnode(qml.device("default.qubit", wires=2), interface="jax", diff_method="backprop")
    def peer(a):
        qml.RX(a[0], 0), qml.CRY(a[1], wires=[0, 1]), qml.RZ(a[2], 1), qml.CRX(a[3], wires=[1, 0])
        return qml.expval(qml.Y(1))

    def ours(a):
        return expectation(run(circuit(2, [g.rx(0, a[0]), g.cry(0, 1, a[1]), g.rz(1, a[2]), g.crx(1, 0, a[3])])), "IY")

    np.testing.assert_allclose(jax.grad(ours)(angles), jax.grad(peer)(angles), rtol=0, atol=1e-10)


def test_noise_is_that_of_pennylane():
    @qml.qnode(qml.device("default.mixed", wires=1))
    def peer():
        qml.RX(1.1, 0)
        qml.DepolarizingChannel(0.2, 0)
        qml.AmplitudeDamping(0.3, 0)
        return qml.density_matrix(0)

    found = density_matrix(circuit(1, [g.rx(0, 1.1)]), noise_model(depolarizing(0.2), amplitude_damping(0.3)))
    np.testing.assert_allclose(found, peer(), rtol=0, atol=1e-10)
