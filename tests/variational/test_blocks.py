"""Large states changed in place, block by block: against dense matrices, plain reverse mode and the compiler's plan."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.linalg import qubits as contraction
from qla_jax.variational import blocks
from qla_jax.variational import gates as g
from qla_jax.variational.adjoint import run_adjoint
from qla_jax.variational.ansatz import RX_CHAIN, ansatz_circuit
from qla_jax.variational.circuit import circuit, repeated, run
from qla_jax.variational.observables import z_expectations
from tests.cases import cplx, real
from tests.variational import dense

N, DEPTH = 5, 2


def row(a):
    """Gates on one and two wires, in and out of order, apart and side by side; real, diagonal, any."""
    return [
        g.rx(0, a[0]),
        g.ry(4, a[1]),
        g.rz(2, a[2]),
        g.cx(0, 4),
        g.cry(3, 1, a[3]),
        g.crz(1, 2, a[4]),
        g.block(4, 2, a[5:20]),
        g.hadamard(3),
        g.cz(4, 0),
        g.cx(3, 2),
    ]


def build(angles):
    return circuit(N, repeated(row, angles))


def value(runner, angles, state):
    """Sees every qubit and every order of them."""
    law = jnp.square(jnp.abs(runner(build(angles), state).reshape(-1)))
    return jnp.vdot(jnp.arange(1.0, 1 + (1 << N), dtype=law.dtype) ** 2 / 500, law)


@pytest.mark.numerics
@pytest.mark.parametrize("wires", [(0,), (2,), (4,), (0, 1), (4, 0), (1, 3), (3, 1), (2, 4)])
@pytest.mark.sample(3)
def test_application_by_flips_is_the_matrix_product(wires, tol):
    state, side = cplx(1 << N), 1 << len(wires)
    for matrix in (cplx(side, side, seed=1), np.diag(cplx(side, seed=2)), np.eye(side)[::-1]):
        expected = dense.on(matrix, wires, N) @ state
        for given in (jnp.asarray(matrix), np.asarray(matrix)):
            found = contraction.apply_by_flips(given, wires, jnp.asarray(state))
            np.testing.assert_allclose(found, expected, rtol=0, atol=tol("exact", factor=20))
    diagonal = cplx(side, side, seed=3)
    found = contraction.apply_by_flips(diagonal, wires, jnp.asarray(state), diagonal=True)
    expected = dense.on(np.diag(np.diag(diagonal)), wires, N) @ state
    np.testing.assert_allclose(found, expected, rtol=0, atol=tol("exact", factor=20))


@pytest.mark.numerics
@pytest.mark.parametrize("product_qubits", [1, 8])
@pytest.mark.parametrize("wires", [(0,), (4,), (1, 3), (3, 1), (4, 0, 2)])
@pytest.mark.sample(3)
def test_overlaps_are_sums_by_products_too(wires, product_qubits, monkeypatch, tol):
    monkeypatch.setattr(contraction, "PRODUCT_QUBITS", product_qubits)
    left, right = cplx(1 << N), cplx(1 << N, seed=1)
    found = contraction.overlaps(jnp.asarray(left), jnp.asarray(right), wires)
    rest = [q for q in range(N) if q not in wires]
    a, b = (x.reshape((2,) * N).transpose(*wires, *rest).reshape(1 << len(wires), -1) for x in (left, right))
    np.testing.assert_allclose(found, a @ b.T, rtol=0, atol=tol("exact", factor=50))


@pytest.mark.numerics
@pytest.mark.parametrize("block_qubits", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("wires", [(0,), (2,), (4,), (0, 1), (4, 0), (1, 3), (3, 1)])
@pytest.mark.sample(6)
def test_a_sweep_over_blocks_is_the_matrix_on_the_whole_state(wires, block_qubits, tol):
    left, right, side = cplx(1 << N), cplx(1 << N, seed=1), 1 << len(wires)
    matrix = cplx(side, side, seed=2)

    def change(apply, places, states):
        moved = apply(jnp.asarray(matrix), places, states[0]), states[1]
        return moved, {"product": jnp.vdot(*states), "size": states[0].size}

    states = jnp.asarray(left), jnp.asarray(right).reshape((2,) * N)
    states = states[0].reshape((2,) * N), states[1]
    moved, total = jax.jit(lambda s: blocks.sweep(change, wires, s, block_qubits=block_qubits))(states)
    assert moved[0].shape == (2,) * N and total["size"] == 1 << N
    expected = dense.on(matrix, wires, N) @ left
    np.testing.assert_allclose(moved[0].reshape(-1), expected, rtol=0, atol=tol("exact", factor=20))
    np.testing.assert_array_equal(moved[1], states[1])
    np.testing.assert_allclose(total["product"], np.vdot(left, right), rtol=0, atol=tol("exact", factor=50))


@pytest.mark.numerics
@pytest.mark.slow
@pytest.mark.parametrize("block_qubits", [1, 3])
def test_un_computing_in_blocks_gives_the_gradient_of_reverse_mode(block_qubits, monkeypatch, tol):
    monkeypatch.setattr(blocks, "BLOCK_QUBITS", block_qubits)
    monkeypatch.setattr(contraction, "PRODUCT_QUBITS", 3)
    args = jnp.asarray(real(DEPTH, 20)), jnp.asarray(cplx(1 << N) / 8).reshape((2,) * N)
    by_blocks, by_reverse = (
        jax.jit(jax.value_and_grad(lambda a, s, r=r: value(r, a, s), (0, 1)))(*args) for r in (run_adjoint, run)
    )
    chex.assert_trees_all_close(by_blocks, by_reverse, rtol=0, atol=tol("exact", factor=500))


@pytest.mark.slow
@pytest.mark.numerics
def test_a_batch_in_blocks_has_the_gradients_of_its_items(monkeypatch, tol):
    monkeypatch.setattr(blocks, "BLOCK_QUBITS", 3)
    monkeypatch.setattr(contraction, "PRODUCT_QUBITS", 3)
    args = jnp.asarray(real(DEPTH, 20)), jnp.asarray(cplx(1 << N) / 8).reshape((2,) * N)
    by_reverse = jax.jit(jax.grad(lambda a, s: value(run, a, s), (0, 1)))(*args)
    stacked = jax.tree.map(lambda x: jnp.stack([x, -x]), args)
    batched = jax.jit(jax.vmap(jax.grad(lambda a, s: value(run_adjoint, a, s), (0, 1))))(*stacked)
    first = jax.tree.map(lambda x: x[0], batched)
    chex.assert_trees_all_close(first, by_reverse, rtol=0, atol=tol("exact", factor=500))


@pytest.mark.x64
@pytest.mark.slow
def test_blocks_can_be_differentiated_twice(monkeypatch):
    """A single sinusoid: the second derivative of cos is -cos."""
    monkeypatch.setattr(blocks, "BLOCK_QUBITS", 1)

    def z(angle):
        return z_expectations(run_adjoint(circuit(3, [g.rx(1, angle), g.cx(1, 2)])))[2]

    assert abs(jax.grad(jax.grad(z))(0.7) + np.cos(0.7)) < 1e-12


@pytest.mark.slow
def test_value_and_gradient_are_planned_in_place(monkeypatch):
    """State, cotangent, and one for what the observable takes; of a circuit whose states are 64 blocks."""
    n, depth = 14, 3

    def states_planned(block_qubits):
        monkeypatch.setattr(blocks, "BLOCK_QUBITS", block_qubits)
        loss = jax.value_and_grad(lambda a: z_expectations(run_adjoint(ansatz_circuit(a, RX_CHAIN)), (0,))[0])
        memory = jax.jit(loss).lower(jax.ShapeDtypeStruct((depth, 1, n), jnp.float32)).compile().memory_analysis()
        return memory.temp_size_in_bytes / (8 << n)

    assert states_planned(8) < 3.5
    assert states_planned(n) > 4


def test_after_returns_its_value_unchanged():
    found = blocks.after((jnp.array([jnp.nan, jnp.inf, -jnp.inf]), jnp.array(1j)), jnp.arange(3))
    np.testing.assert_array_equal(found, [0, 1, 2])


def test_states_of_integers_become_floats():
    found = run(circuit(1, [g.hadamard(0)]), jnp.array([1, 0]))
    np.testing.assert_allclose(found, [np.sqrt(0.5)] * 2, rtol=1e-6)
    np.testing.assert_allclose(run_adjoint(circuit(1, [g.hadamard(0)]), jnp.array([1, 0])), found, rtol=1e-6)
