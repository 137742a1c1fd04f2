"""Adders and what circuits are: permutations of basis states, unitaries on superpositions, inverses, controls."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.arithmetic import circuits, lookahead, parts, products, quotients
from qla_jax.arithmetic.adders import draper, gidney
from qla_jax.arithmetic.circuit import circuit
from qla_jax.arithmetic.formats import Format
from qla_jax.arithmetic.gates import ReversibleGate, conjugate, copy, cx, flip, land, wires

CLASSICAL = ["cuccaro", "gidney", "lookahead"]


def pairs(bits: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.arange(1 << bits), np.arange(1 << bits))
    return x.ravel(), y.ravel()


@pytest.mark.parametrize("carry", [False, True])
@pytest.mark.parametrize("bits", range(1, 7))
@pytest.mark.parametrize("kind", CLASSICAL)
def test_an_adder_adds_every_pair_of_numbers(kind, bits, carry):
    x, y = pairs(bits)
    built = circuits.adder(bits, kind, carry=carry)
    run = built.on_basis(x=x, y=y)
    np.testing.assert_array_equal(run.registers["y"], (x + y) % (1 << bits))
    np.testing.assert_array_equal(run.registers["x"], x)
    if carry:
        np.testing.assert_array_equal(run.registers["carry"], x + y >> bits)
    assert run.clean.all()
    back = built.inverse().on_basis(**run.registers)
    np.testing.assert_array_equal(back.registers["y"], y)
    assert back.clean.all()


@pytest.mark.parametrize("bits", [17, 32])
@pytest.mark.parametrize("kind", CLASSICAL)
def test_an_adder_adds_large_numbers_and_its_inverse_subtracts(kind, bits):
    x, y = np.random.default_rng(bits).integers(0, 1 << bits, (2, 200))
    built = circuits.adder(bits, kind)
    np.testing.assert_array_equal(built.on_basis(x=x, y=y).registers["y"], (x + y) % (1 << bits))
    run = built.inverse().on_basis(x=x, y=y)
    np.testing.assert_array_equal(run.registers["y"], (y - x) % (1 << bits))
    assert run.clean.all()


@pytest.mark.parametrize("bits", range(1, 7))
def test_the_lookahead_sum_out_of_place(bits):
    x, y = pairs(bits)
    a, b, total = wires(bits), wires(bits), wires(bits + 1)
    run = circuit(lookahead.lookahead_sum(a, b, total), a=a, b=b, total=total).on_basis(a=x, b=y)
    np.testing.assert_array_equal(run.registers["total"], x + y)
    np.testing.assert_array_equal(run.registers["b"], y)
    assert run.clean.all()


@pytest.mark.parametrize("bits", range(1, 7))
def test_parts_compare_control_multiply_and_divide_unsigned_numbers(bits):
    x, y = pairs(bits)
    a, b, c, flag, out = wires(bits), wires(bits), wires(1), wires(1), wires(2 * bits)
    names = {"a": a, "b": b}

    def run(gates, extra, **values):
        found = circuit(gates, **names, **extra).on_basis(a=x, b=y, **values)
        assert found.clean.all()
        return found.registers

    np.testing.assert_array_equal(run(parts.less(a, b, flag[0]), {"flag": flag})["flag"], x < y)
    for control in (0, 1):
        found = run(parts.add_controlled(c[0], a, b), {"c": c}, c=np.full(x.shape, control))
        np.testing.assert_array_equal(found["b"], (y + control * x) % (1 << bits))
        found = run(parts.subtract_controlled(c[0], a, b), {"c": c}, c=np.full(x.shape, control))
        np.testing.assert_array_equal(found["b"], (y - control * x) % (1 << bits))
    np.testing.assert_array_equal(run(parts.add_constant(5, b), {})["b"], (y + 5) % (1 << bits))
    np.testing.assert_array_equal(run(products.multiply_unsigned(a, b, out), {"out": out})["out"], x * y)
    np.testing.assert_array_equal(run(products.square_unsigned(a, out), {"out": out})["out"], x * x)
    quotient, rest = wires(bits), wires(bits)
    gates = [*copy(a, rest), *quotients.divide_unsigned(rest, b, quotient)]
    found = run(gates, {"quotient": quotient, "rest": rest})
    np.testing.assert_array_equal(found["quotient"], np.where(y > 0, x // np.maximum(y, 1), (1 << bits) - 1))
    np.testing.assert_array_equal(found["rest"], np.where(y > 0, x % np.maximum(y, 1), x))


@functools.cache
def matrix(built) -> np.ndarray:
    basis = jnp.eye(1 << built.num_wires) + 0j
    return np.asarray(jax.jit(jax.vmap(built.on_state))(basis)).T


def permutation(built) -> np.ndarray:
    """From the basis view of a circuit of registers x and y without ancillas."""
    bits = dict(built.registers)["x"]
    x, y = np.divmod(np.arange(4**bits), 1 << bits)
    image = np.zeros((4**bits, 4**bits))
    image[(x << bits) + (x + y) % (1 << bits), (x << bits) + y] = 1
    return image


@pytest.mark.numerics
@pytest.mark.parametrize("bits", [1, 3])
def test_drapers_adder_is_the_permutation_of_addition(bits, tol):
    built = circuits.adder(bits, "draper")
    np.testing.assert_allclose(matrix(built), permutation(built), rtol=0, atol=tol("exact", factor=10))


def test_drapers_adder_with_a_wrong_sign_subtracts():
    built = circuits.adder(2, "draper")
    assert abs(matrix(built.inverse()) - permutation(built)).max() > 0.9
    np.testing.assert_allclose(matrix(built.inverse()), permutation(built).T, rtol=0, atol=1e-6)


@pytest.mark.numerics
def test_all_adders_agree_on_a_superposition_and_leave_their_ancillas_clean(key, tol):
    state = jax.random.normal(key, (8, 8)) + 1j * jax.random.normal(jax.random.fold_in(key, 1), (8, 8))
    ideal = jnp.stack([jnp.roll(state[x], x) for x in range(8)])
    for kind in (*CLASSICAL, "draper"):
        built = circuits.adder(3, kind)
        start = jnp.zeros((1 << built.num_ancillas, 8, 8), state.dtype).at[0].set(state)
        end = jax.jit(built.on_state)(start)
        np.testing.assert_allclose(end[0], ideal, rtol=0, atol=tol("exact", factor=10))
        assert float(jnp.abs(end[1:]).sum()) == 0


@pytest.mark.numerics
def test_the_erasure_by_measurement_is_the_uncomputation_whatever_the_outcome(key, tol):
    built = circuits.adder(3)
    state = jax.random.normal(key, (1, 64))
    start = jnp.zeros((4, 64), state.dtype).at[0].set(state[0])
    outcomes = jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    measured = jax.jit(jax.vmap(lambda m: built.on_state(start, outcomes=m)))(outcomes)
    plain = np.broadcast_to(built.on_state(start), measured.shape)
    np.testing.assert_allclose(measured, plain, rtol=0, atol=tol("exact", factor=10))


def test_an_erasure_of_something_else_depends_on_the_outcome():
    a, b, t = wires(3)
    built = circuit([ReversibleGate("UNAND", (a, b, t))], a=(a,), b=(b,), t=(t,))
    state = jnp.ones(8) / np.sqrt(8)
    ends = [built.on_state(state, outcomes=jnp.array([m])) for m in (0, 1)]
    assert float(jnp.abs(ends[0] - ends[1]).max()) > 0.3
    assert not built.on_basis(a=1, b=1, t=0).clean and built.on_basis(a=1, b=1, t=1).clean


@pytest.mark.numerics
def test_an_outcome_that_is_none_is_nan_where_it_cannot_be_seen():
    built = circuits.adder(2)
    run = jax.jit(lambda m: built.on_state(jnp.ones(32), outcomes=m))
    for outcome, fine in ((0, True), (1, True), (2, False), (-1, False)):
        assert bool(jnp.isfinite(run(jnp.array([outcome]))).all()) == fine


def test_a_result_is_xored_into_a_register_that_holds_something_and_clean_does_not_tell():
    """What `clean` tells of are ancillas and ANDs; where the result comes by an AND, it tells."""
    for way, tells in (("wrap", False), ("saturate", True)):
        built = circuits.operation("add", Format(4, 0, way))
        fresh, used = (built.on_basis(x=3, y=2, out=out) for out in (0, 6))
        assert int(fresh.registers["out"]) == 5 and bool(fresh.clean)
        assert bool(used.clean) != tells
        if not tells:
            assert int(used.registers["out"]) == 5 ^ 6


def test_misused_ancillas_are_found():
    a, b, t = wires(3)
    left = circuit([land(a, b, t)], a=(a,), b=(b,))
    np.testing.assert_array_equal(left.on_basis(a=np.array([0, 1]), b=1).clean, [True, False])
    dirty = circuit([flip(t), land(a, b, t), flip(t), ReversibleGate("UNAND", (a, b, t))], a=(a,), b=(b,))
    assert not dirty.on_basis(a=1, b=0).clean


def test_a_circuit_and_its_inverse_are_the_identity():
    x, y = wires(2)
    turns = [
        ReversibleGate("H", (x,)),
        ReversibleGate("P", (x,), 0.3),
        ReversibleGate("CP", (x, y), 0.2),
        ReversibleGate("H", (y,)),
        ReversibleGate("P", (y,), 0.1),
    ]
    for built in (circuit(turns, x=(x,), y=(y,)), *(circuits.adder(2, kind) for kind in circuits.ADDERS)):
        both = built + built.inverse()
        start = np.eye(1 << both.num_wires)[: 1 << both.num_qubits]  # ancillas clean
        end = jax.jit(jax.vmap(both.on_state))(jnp.asarray(start))
        np.testing.assert_allclose(end, start, rtol=0, atol=1e-6)


SOME = ["all gates", "gidney", *(pytest.param(k, marks=pytest.mark.slow) for k in ("cuccaro", "lookahead", "draper"))]


@pytest.mark.parametrize("kind", SOME)
def test_a_controlled_circuit_acts_where_the_control_is_one(kind):
    if kind == "all gates":
        (x,), (y,) = wires(1), wires(1)
        gates = [
            ReversibleGate("SWAP", (x, y)),
            ReversibleGate("H", (x,)),
            ReversibleGate("P", (y,), 0.3),
            ReversibleGate("CP", (x, y), 0.2),
            flip(x),
            cx(x, y),
        ]
        built = circuit(gates, x=(x,), y=(y,))
    else:
        built = circuits.adder(2, kind)
    held, free = built.controlled(), 1 << built.num_qubits
    start = jnp.eye(2 * free, dtype=complex)
    padded = jnp.zeros((2 * free, 2, 1 << held.num_ancillas, free), complex)
    padded = padded.at[:, :, 0].set(start.reshape(-1, 2, free))
    found = jax.jit(jax.vmap(held.on_state))(padded)[:, :, 0].reshape(2 * free, -1).T
    inside = jnp.zeros((free, 1 << built.num_ancillas, free), complex).at[:, 0].set(jnp.eye(free))
    plain = jax.jit(jax.vmap(built.on_state))(inside)[:, 0].T
    ideal = np.block([[np.eye(free), np.zeros((free, free))], [np.zeros((free, free)), plain]])
    np.testing.assert_allclose(found, ideal, rtol=0, atol=1e-6)


@pytest.mark.numerics
def test_the_basis_view_in_jax_is_that_in_numpy_under_jit_and_vmap():
    built = circuits.operation("multiply", Format(4, 2, "saturate"))
    x, y = pairs(4)
    plain = built.on_basis(x=x, y=y)
    for run in (
        jax.jit(lambda x, y: built.on_basis(x=x, y=y))(jnp.asarray(x), jnp.asarray(y)),
        jax.jit(jax.vmap(lambda x, y: built.on_basis(x=x, y=y)))(jnp.asarray(x), jnp.asarray(y)),
    ):
        assert bool(run.clean.all())
        for name, value in plain.registers.items():
            np.testing.assert_array_equal(run.registers[name], value)


def test_negative_numbers_enter_as_twos_complement_in_both_views():
    built = circuits.adder(8)
    assert int(built.on_basis(x=-3, y=1).registers["y"]) == 254
    assert int(built.on_basis(x=jnp.int32(-3), y=jnp.int32(1)).registers["y"]) == 254


def test_the_jax_view_finds_misused_ancillas():
    a, b, t = wires(3)
    built = circuit([land(a, b, t), flip(a), ReversibleGate("UNAND", (a, b, t))], a=(a,), b=(b,))
    np.testing.assert_array_equal(built.on_basis(a=jnp.array([0, 1]), b=jnp.array([0, 1])).clean, [True, False])


@pytest.mark.numerics
def test_a_superposition_has_gradients_in_its_amplitudes_and_in_the_angles(key, tol):
    (x, y) = wires(2)
    built = circuit(draper((x,), (y,), *wires(1)), x=(x,), y=(y,))
    state = jax.random.normal(key, (1 << built.num_wires,))
    turns = jnp.array([gate.angle / (2 * np.pi) for gate in built.elementary() if gate.name == "p"])

    def overlap(turns, state):
        return jnp.square(jnp.abs(built.on_state(state, turns=turns)[1]))

    gradients = jax.jit(jax.grad(overlap, argnums=(0, 1)))(turns, state)
    overlap = jax.jit(overlap)
    for place, argument in enumerate((turns, state)):
        direction = jax.random.normal(jax.random.fold_in(key, 2), argument.shape)
        gradient = gradients[place] @ direction
        step = 1e-5 if argument.dtype == jnp.float64 else 1e-2
        moved = [
            overlap(*(argument + s * step * direction if i == place else a for i, a in enumerate((turns, state))))
            for s in (1, -1)
        ]
        assert abs(gradient - (moved[0] - moved[1]) / (2 * step)) < tol("gradient", factor=20)
    given, own = jax.jit(lambda s: (built.on_state(s, turns=turns), built.on_state(s)))(state)
    np.testing.assert_allclose(given, own, atol=tol("exact", factor=10))


def test_ancillas_are_used_again_where_they_are_free():
    a, b, c = wires(1), wires(1), wires(1)
    both = []
    for _ in range(5):
        (t,) = wires(1)
        both += conjugate([land(a[0], b[0], t)], [cx(t, c[0])])
    assert circuit(both, a=a, b=b, c=c).num_ancillas == 1


def test_gidneys_adder_stands_on_a_state_of_registers_in_order():
    x, y = wires(2), wires(2)
    built = circuit(gidney(x, y), x=x, y=y)
    state = jnp.zeros((2, 4, 4)).at[0, 3, 2].set(1)
    assert float(built.on_state(state)[0, 3, 1]) == 1
