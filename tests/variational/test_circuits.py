"""Gates, circuits and their gradients against dense matrices, finite differences and parameter shifts."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.linalg.qubits import overlaps
from qla_jax.variational import gates as g
from qla_jax.variational.adjoint import run_adjoint
from qla_jax.variational.ansatz import RY_CHAIN, STRONG_RING, Ansatz, ansatz_circuit, no_entanglement, ring
from qla_jax.variational.circuit import circuit, layer, matrix_of, repeated, run
from qla_jax.variational.observables import z_expectations
from qla_jax.variational.shift import parameter_shift
from qla_jax.variational.states import amplitude_state, angle_state, product_state, zero_state
from tests.cases import cplx, real
from tests.variational import dense

N, DEPTH, ANGLES = 3, 2, 22
AXIS = np.array([0.6, 0.0, 0.8])


def row(a):
    """Every kind of gate, wires in and out of order."""
    return [
        g.rx(0, a[0]),
        g.ry(1, a[1]),
        g.rz(2, a[2]),
        g.crx(2, 0, a[3]),
        g.cry(0, 1, a[4]),
        g.crz(0, 2, a[5]),
        g.hadamard(1),
        g.cx(2, 1),
        g.block(1, 2, a[6:21]),
        g.cz(2, 0),
        g.cx(0, 2),
        g.axis_turn(1, jnp.asarray(AXIS, a.dtype), a[21]),
    ]


def dense_row(a):
    axis = sum(x * dense.PAULI[p] for x, p in zip(AXIS, "XYZ", strict=True))
    steps = [
        (dense.turn("X", a[0]), (0,)),
        (dense.turn("Y", a[1]), (1,)),
        (dense.turn("Z", a[2]), (2,)),
        (dense.controlled(dense.turn("X", a[3])), (2, 0)),
        (dense.controlled(dense.turn("Y", a[4])), (0, 1)),
        (dense.controlled(dense.turn("Z", a[5])), (0, 2)),
        (dense.H, (1,)),
        (dense.CX, (2, 1)),
        (dense.block(a[6:21]), (1, 2)),
        (dense.CZ, (2, 0)),
        (dense.CX, (0, 2)),
        (np.cos(a[21] / 2) * np.eye(2) - 1j * np.sin(a[21] / 2) * axis, (1,)),
    ]
    total = np.eye(1 << N)
    for matrix, wires in steps:
        total = dense.on(matrix, wires, N) @ total
    return total


def dense_circuit(angles):
    total = np.eye(1 << N)
    for a in angles:
        total = dense_row(a) @ total
    return total


def build(angles):
    return circuit(N, repeated(row, angles))


def drawn(seed=0):
    return jnp.asarray(real(DEPTH, ANGLES, seed=seed))


def observed(state):
    """A value that sees every qubit and every order of them."""
    law = jnp.square(jnp.abs(state.reshape(-1)))
    return jnp.vdot(jnp.arange(1.0, 9) ** 2 / 20, law)


def observed_dense(angles):
    return float(np.arange(1.0, 9) ** 2 / 20 @ np.abs(dense_circuit(angles)[:, 0]) ** 2)


@pytest.mark.numerics
def test_a_circuit_is_the_product_of_its_gates(tol):
    angles = drawn()
    found = jax.jit(lambda a: matrix_of(build(a)))(angles)
    expected = dense_circuit(np.asarray(angles, float))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tol("exact", factor=20))
    assert not np.allclose(found, expected.conj(), atol=1e-2)  # the sign of the angles can be seen
    assert not np.allclose(found, dense_circuit(np.asarray(angles, float)[::-1]), atol=1e-2)  # so can the order


@pytest.mark.numerics
@pytest.mark.parametrize("shape", [(8,), (2, 2, 2)])
@pytest.mark.sample(1)
def test_states_of_both_shapes_run_eagerly_and_batched(shape, tol):
    angles, states = drawn(), cplx(3, *shape)
    found = jax.vmap(lambda s: run(build(angles), s))(jnp.asarray(states))
    eager = run(build(angles), jnp.asarray(states[1]))
    assert found.shape == (3, *shape)
    expected = states.reshape(3, 8) @ dense_circuit(np.asarray(angles, float)).T
    np.testing.assert_allclose(found.reshape(3, 8), expected, rtol=0, atol=tol("exact", factor=50))
    np.testing.assert_allclose(eager, found[1], rtol=0, atol=tol("exact", factor=50))


@pytest.mark.numerics
def test_circuits_stack_under_vmap(tol):
    angles = jnp.stack([drawn(0), drawn(1)])
    found = jax.vmap(lambda a: run(build(a)))(angles)
    for one, a in zip(found, angles, strict=True):
        np.testing.assert_allclose(one, dense_circuit(np.asarray(a, float))[:, 0], rtol=0, atol=tol("exact", factor=20))


@pytest.mark.numerics
def test_the_adjoint_undoes_a_circuit(tol):
    made, state = build(drawn()), jnp.asarray(cplx(8))
    back = run(made + made.adjoint(), state)
    np.testing.assert_allclose(back, state, rtol=0, atol=tol("exact", factor=50))


def test_real_gates_stay_real_and_precision_follows():
    assert run(ansatz_circuit(jnp.ones((2, 1, 3), jnp.float32), RY_CHAIN)).dtype == jnp.float32
    assert run(build(drawn().astype(jnp.float32))).dtype == jnp.complex64
    assert run(circuit(2, [g.hadamard(0), g.cx(0, 1)])).dtype == jnp.zeros(()).dtype
    assert zero_state(1).dtype == jnp.result_type(complex)


@pytest.fixture(scope="module")
def gradients():
    """Of the same value by un-computing, by plain reverse mode, and by shifts; in angles and in the first state."""
    angles, state = drawn(), jnp.asarray(cplx(8))

    def value(runner, made, state):
        return observed(runner(made, state))

    def all_of_them(angles, state):
        made = build(angles)
        by_adjoint, by_reverse = (
            jax.grad(functools.partial(value, r), (0, 1))(made, state) for r in (run_adjoint, run)
        )
        shifts = parameter_shift(lambda c: value(run, c, state), made)
        return by_adjoint, by_reverse, shifts

    return jax.jit(all_of_them)(angles, state)


@pytest.mark.numerics
def test_un_computing_gives_the_gradient_of_reverse_mode(gradients, tol):
    by_adjoint, by_reverse, _ = gradients
    chex.assert_trees_all_close(by_adjoint, by_reverse, rtol=0, atol=tol("exact", factor=500))


@pytest.mark.numerics
def test_parameter_shifts_give_the_gradient_of_reverse_mode(gradients, tol):
    _, (by_reverse, _), shifts = gradients
    seen = 0
    for found, gate in zip(shifts[0], by_reverse.layers[0].gates, strict=True):
        if gate.angles() is None:
            assert found is None
        else:
            np.testing.assert_allclose(found, gate.angles(), rtol=0, atol=tol("exact", factor=500))
            seen += found.size
    assert seen == DEPTH * ANGLES


@pytest.mark.x64
def test_the_gradient_agrees_with_differences_in_numpy():
    angles, direction, h = drawn(), real(DEPTH, ANGLES, seed=5), 1e-5
    found = jax.jit(jax.grad(lambda a: observed(run_adjoint(build(a)))))(angles)
    a = np.asarray(angles)
    reference = (observed_dense(a + h * direction) - observed_dense(a - h * direction)) / (2 * h)
    assert abs(np.vdot(found, direction) - reference) < 1e-7


@pytest.mark.slow
@pytest.mark.x64
def test_un_computing_can_be_differentiated_twice():
    """A single sinusoid: the second derivative of cos is -cos."""

    def z(angle):
        return z_expectations(run_adjoint(circuit(2, [g.rx(1, angle)])))[1]

    assert abs(jax.grad(jax.grad(z))(0.7) + np.cos(0.7)) < 1e-12


@pytest.mark.numerics
def test_gradients_are_finite_at_the_identity(tol):
    found = jax.jit(jax.grad(lambda a: observed(run_adjoint(build(a)))))(jnp.zeros((DEPTH, ANGLES)))
    chex.assert_tree_all_finite(found)


@pytest.mark.slow
def test_memory_of_the_gradient_does_not_grow_with_the_depth():
    n = 10

    def temporaries(runner, depth):
        value = jax.value_and_grad(lambda a: z_expectations(runner(ansatz_circuit(a, RY_CHAIN)), (0,))[0])
        lowered = jax.jit(value).lower(jax.ShapeDtypeStruct((depth, 1, n), jnp.float32))
        return lowered.compile().memory_analysis().temp_size_in_bytes / (4 << n)

    assert abs(temporaries(run_adjoint, 40) - temporaries(run_adjoint, 10)) < 1
    assert temporaries(run, 10) > 50


def test_overlaps_are_sums_over_the_other_qubits():
    left, right = cplx(16), cplx(16, seed=1)
    found = overlaps(jnp.asarray(left), jnp.asarray(right), (3, 1))
    a, b = (x.reshape(2, 2, 2, 2).transpose(3, 1, 0, 2).reshape(4, 4) for x in (left, right))
    np.testing.assert_allclose(found, a @ b.T, rtol=1e-5)


@pytest.mark.numerics
def test_an_ansatz_is_the_product_of_its_gates(tol):
    a = real(2, 3, 3)
    single = np.eye(8)
    for unit in a:
        for letter, turns in zip("ZYZ", unit, strict=True):
            for q, angle in enumerate(turns):
                single = dense.on(dense.turn(letter, angle), (q,), 3) @ single
        for pair in ((0, 1), (1, 2), (2, 0)):
            single = dense.on(dense.CX, pair, 3) @ single
    found = matrix_of(ansatz_circuit(jnp.asarray(a), STRONG_RING))
    np.testing.assert_allclose(found, single, rtol=0, atol=tol("exact", factor=20))
    assert len(ring(2)) == 1 and len(ring(4)) == 4
    assert len(Ansatz((g.ry,), no_entanglement).gates(jnp.zeros((1, 4)))) == 4


@pytest.mark.numerics
def test_encoded_states_are_those_of_numpy(tol):
    x = real(3)
    expected = np.eye(1)
    for angle in x:
        expected = np.kron(expected, [[np.cos(angle / 2)], [np.sin(angle / 2)]])
    np.testing.assert_allclose(angle_state(x), expected[:, 0], rtol=0, atol=tol("exact"))
    qubits = cplx(2, 2)
    np.testing.assert_allclose(product_state(qubits), np.kron(*qubits), rtol=0, atol=tol("exact", factor=10))
    loaded = amplitude_state(real(2, 3), 4)
    flat = real(2, 3).reshape(-1)
    np.testing.assert_allclose(loaded.state, np.pad(flat / np.linalg.norm(flat), (0, 10)), rtol=0, atol=tol("exact"))
    np.testing.assert_allclose(loaded.norm, np.linalg.norm(flat), rtol=tol("exact"))


@pytest.mark.numerics
def test_a_zero_patch_is_not_encodable_and_has_a_finite_gradient():
    with pytest.raises(ValueError, match="`x` must not be zero"):
        amplitude_state(jnp.zeros(4))
    found = jax.jit(amplitude_state)(jnp.zeros(4))
    assert not found.encodable and found.norm == 0
    np.testing.assert_array_equal(found.state, np.zeros(4))
    gradient = jax.jit(jax.grad(lambda x: amplitude_state(x).state.sum()))(jnp.zeros(4))
    np.testing.assert_array_equal(gradient, np.zeros(4))
    tiny = jax.jit(amplitude_state)(jnp.full(4, 1e-30, jnp.float32))  # its square is zero
    np.testing.assert_allclose(tiny.state, 0.5, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: zero_state(60), "but is 60: they take"),
        (lambda: zero_state(0), "`num_qubits` must be at least 1, but is 0"),
        (lambda: run(ansatz_circuit(jnp.zeros((1, 1, 50)))), "but is 50: they take"),
        (lambda: angle_state(jnp.zeros(50)), "but is 50: they take"),
        (lambda: amplitude_state(jnp.ones(5), 2), "`num_qubits` must be at least 3 for 5 entries, but is 2"),
        (lambda: amplitude_state(jnp.array([1.0, jnp.nan])), "`x` must be finite, but entry (1,) is nan"),
        (lambda: product_state(jnp.ones((3, 3))), "`qubits` must have shape (n, 2), but has (3, 3)"),
        (lambda: g.cx(1, 1), "`wires` must be different qubits, but are (1, 1)"),
        (lambda: g.rx(-1, 0.1), "`wires` must be at least 0, but is -1"),
        (lambda: g.rx(0, jnp.ones(2)), "`angle` must have shape (), but has (2,)"),
        (lambda: g.rx(0, 1j), "`angle` must be real"),
        (lambda: g.block(0, 1, jnp.ones(14)), "`angles` must have shape (15,), but has (14,)"),
        (lambda: g.axis_turn(0, jnp.ones(2), 0.1), "`axis` must have shape (3,), but has (2,)"),
        (lambda: g.unitary_gate(np.diag([1, 2]), 0), "`unitary` must be unitary, but U U^H differs from 1 by 3"),
        (lambda: g.unitary_gate(np.eye(4), 0), "`unitary` must have shape (2, 2), but has (4, 4)"),
        (lambda: circuit(2, [g.rx(2, 0.1)]), "`wires` must be below `num_qubits` = 2, but one is 2"),
        (lambda: circuit(0), "`num_qubits` must be at least 1, but is 0"),
        (lambda: circuit(2) + circuit(3), "`num_qubits` must be equal to add circuits, but is 2 and 3"),
        (lambda: repeated(lambda a: [g.rx(0, a)], jnp.zeros(0)), "at least 1, but have lengths [0]"),
        (lambda: run(circuit(2), jnp.ones(8)), "`state` must have 2 qubits, but has 3"),
        (lambda: run(circuit(2), jnp.ones(6)), "`state` must have shape (2^n,) or (2,)*n, but has (6,)"),
        (lambda: matrix_of(circuit(14)), "`num_qubits` must be at most 13 for a unitary, but is 14"),
        (lambda: ansatz_circuit(jnp.zeros((2, 3))), "`angles` must have shape (depth, rotation, qubit)"),
        (lambda: ansatz_circuit(jnp.zeros((2, 2, 3))), "`angles` must have 1 rotations a row"),
    ],
)
def test_bad_input_raises(make, told):
    with pytest.raises(ValueError) as failure:
        make()
    assert told in str(failure.value)


def test_a_unitary_gate_and_a_layer_are_gates_too():
    flip = g.unitary_gate(np.eye(2)[::-1], 1)
    np.testing.assert_allclose(run(circuit(2, layer([flip]))), [0, 1, 0, 0])
    np.testing.assert_allclose(run(circuit(2, [flip]) + circuit(2, [flip]).adjoint()), [1, 0, 0, 0])


@pytest.mark.parametrize("call", [run, run_adjoint, lambda circuit: parameter_shift(run, circuit)])
def test_only_a_circuit_runs(call):
    with pytest.raises(TypeError, match="`circuit` must be of type ParametrizedCircuit, but is of type list"):
        call([g.rx(0, 0.1)])
