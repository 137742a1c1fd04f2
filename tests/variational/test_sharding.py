"""Circuits on states divided among eight devices against one device: amplitudes, gradients, readouts, bytes."""

import functools
import json
import socket
import subprocess
import sys

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, Mesh, PartitionSpec

import qla_jax as qla
from qla_jax.meshes import SHARDS
from qla_jax.variational import gates as g
from qla_jax.variational import observables
from qla_jax.variational.adjoint import run_adjoint
from qla_jax.variational.circuit import circuit, repeated, run
from qla_jax.variational.plateaus import global_cost, local_cost
from qla_jax.variational.states import zero_state
from qla_jax.variational.unitaries import Turn
from tests.cases import cplx, real
from tests.collectives import collectives, exchanged, largest
from tests.variational import one_of_two

COUNT, N = 8, 13
several = pytest.mark.skipif(len(jax.devices()) < COUNT, reason="needs eight devices")


class ThreePhases(Turn, kw_only=True):
    """A diagonal gate of one's own on three wires, no two of which may be taken for each other."""

    diagonal = True

    def matrix(self):
        phases = self.angle * jnp.arange(8, dtype=self.angle.dtype)
        return jnp.diag(jax.lax.complex(jnp.cos(phases), jnp.sin(phases)))


def row(a):
    """Every kind of gate, on held qubits and on others, as controls and as targets."""
    return [
        g.rx(0, a[0]),
        g.crz(1, 12, a[1]),
        g.crx(12, 1, a[2]),
        g.cry(2, 5, a[3]),
        g.cry(4, 11, a[7]),
        g.cz(8, 1),
        g.block(0, 4, a[:15]),
        g.hadamard(2),
        g.cx(0, 3),
        g.cx(3, 0),
        g.rz(1, a[4]),
        g.crz(7, 2, a[5]),
        g.axis_turn(1, jnp.asarray([0.6, 0.0, 0.8], a.dtype), a[6]),
        g.unitary_gate(np.linalg.qr(real(8, 8))[0].astype(a.dtype), 9, 0, 2),
    ]


def every_kind(angles, row=row):
    before = [ThreePhases(wires=(9, 2, 0), angle=angles[0, 8]), g.ry(1, angles[0, 9])]
    return circuit(N, before, repeated(row, angles))


def start():
    return jnp.asarray(cplx(1 << N) / 50)


def layer_on_all(n, depth=1):
    def gates(a):
        turns = [turn(qubit, a[k, qubit]) for k, turn in enumerate((g.rx, g.rz)) for qubit in range(n)]
        return [*turns, *(g.cx(qubit, qubit + 1) for qubit in range(n - 1))]

    return circuit(n, repeated(gates, jnp.asarray(real(depth, 2, n))))


def compiled(function, *arguments):
    return jax.jit(function).lower(*arguments).compile()


def observed(runner, row, angles):
    state = runner(every_kind(angles, row), start())
    return observables.z_expectations(state, (0, 2, 5, 12)) @ jnp.arange(1.0, 5) + observables.expectation(
        state, "XIY" + "Z" * (N - 4) + "X"
    )


@several
def test_a_divided_circuit_gives_the_amplitudes_of_one_device_bit_for_bit(capfd):
    angles = jnp.asarray(real(2, 15))
    found = jax.jit(lambda a: run(every_kind(a), start()))(angles)
    with jax.set_mesh(qla.mesh(COUNT)):
        program = compiled(lambda a: run(every_kind(a), start()), angles)
        divided = program(angles)
    assert divided.sharding.shard_shape(divided.shape) == (1 << N - 3,)
    assert np.array_equal(divided, found)
    text = program.as_text()
    assert {one.kind for one in collectives(text)} == {"all-to-all"}
    assert largest(text) == found.nbytes // COUNT
    assert "rematerialization" not in capfd.readouterr().err


@several
@pytest.mark.x64
@pytest.mark.parametrize(
    ("runner", "row"),
    [
        (run_adjoint, lambda a: row(a)[:5]),
        pytest.param(run_adjoint, row, marks=pytest.mark.slow),
        pytest.param(run, row, marks=pytest.mark.slow),
    ],
    ids=["un-computing, five gates", "un-computing", "reverse mode"],
)
def test_gradients_of_a_divided_circuit_are_those_of_one_device(runner, row):
    angles = jnp.asarray(real(2, 15))
    found = jax.jit(jax.value_and_grad(functools.partial(observed, run_adjoint, row)))(angles)
    with jax.set_mesh(qla.mesh(COUNT)):
        program = compiled(jax.value_and_grad(functools.partial(observed, runner, row)), angles)
        divided = program(angles)
    chex.assert_trees_all_close(jax.device_get(divided), jax.device_get(found), rtol=0, atol=1e-12)
    if runner is run_adjoint:
        sums = [one for one in collectives(program.as_text()) if one.kind == "all-reduce"]
        assert sum(one.bytes * one.times for one in sums) < 2048  # of angles alone, never of amplitudes


def readouts(state):
    key = jax.random.key(0)
    words = ["Z" * N, "XYZ" * 4 + "I", "YYI" + "Z" * (N - 3), "IYIY" + "I" * (N - 4), "I" * N, "III" + "X" * (N - 3)]
    return {
        "words": [observables.expectation(state, word) for word in words],
        "sum": observables.pauli_sum(state, dict.fromkeys(words, 0.3)),
        "z": observables.z_expectations(state),
        "costs": [global_cost(state), local_cost(state)],
        "bits": observables.sample_bits(state, 100, key=key),
        "sampled": observables.sampled_z(state, 100, key=key),
        "shots": observables.sampled_expectation(state, words[1], 100, key=key),
    }


@several
@pytest.mark.x64
@pytest.mark.parametrize("array", [cplx, pytest.param(real, marks=pytest.mark.slow)])
def test_readouts_of_a_divided_state_are_those_of_one_device_without_gathering_it(array):
    state = jnp.asarray(array(1 << N) / np.linalg.norm(array(1 << N)))
    found = jax.jit(readouts)(state)
    with jax.set_mesh(qla.mesh(COUNT)):
        program = compiled(readouts, state)
        divided = program(state)
    chex.assert_trees_all_close(jax.device_get(divided), jax.device_get(found), rtol=0, atol=1e-12)
    assert largest(program.as_text()) <= state.nbytes // COUNT


@several
@pytest.mark.slow
def test_two_processes_on_loopback_give_the_amplitudes_of_one():
    found = one_of_two.values(run(one_of_two.made(), one_of_two.start()))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "tests.variational.one_of_two", port]
    parts = [subprocess.Popen([*command, str(rank)], stdout=subprocess.PIPE, text=True) for rank in (0, 1)]
    try:
        told = [part.communicate(timeout=200)[0].splitlines()[-1] for part in parts]
    finally:
        for part in parts:
            part.kill()
    assert [part.returncode for part in parts] == [0, 0]
    for line in told:
        for name, value in json.loads(line).items():
            np.testing.assert_allclose(value, found[name], rtol=0, atol=1e-12)


@several
@pytest.mark.slow
@pytest.mark.parametrize("n", [16, 18])
def test_memory_and_exchanges_of_a_layer_on_all_qubits(n, capfd):
    made = layer_on_all(n)
    with jax.set_mesh(qla.mesh(COUNT)):
        program = compiled(run, made)
        back = compiled(jax.grad(lambda c: observables.z_expectations(run_adjoint(c)).sum()), made)
    whole = jnp.dtype(complex).itemsize << n
    text = program.as_text()
    assert program.memory_analysis().temp_size_in_bytes <= 3 / 8 * whole
    assert exchanged(text) <= 5 / 8 * whole and largest(text) <= whole / COUNT
    assert largest(back.as_text()) <= whole / COUNT
    assert "rematerialization" not in capfd.readouterr().err


@several
@pytest.mark.slow
def test_deep_circuits_exchange_three_shards_a_layer_and_compile_like_shallow_ones():
    sizes = []
    for depth in (2, 20):
        made = layer_on_all(14, depth)
        with jax.set_mesh(qla.mesh(COUNT)):
            program = compiled(run, made)
            divided = program(made)
        assert exchanged(program.as_text()) <= (3 * depth + 2) / 8 * divided.nbytes
        assert np.array_equal(divided, jax.jit(run)(made))
        sizes.append(len(program.as_text()))
    assert sizes[1] < 1.1 * sizes[0]


@several
@pytest.mark.slow
def test_batches_forward_mode_and_other_shapes_of_divided_states(tol):
    angles = jnp.asarray(real(3, 2, 15))
    state = start().reshape((2,) * N)

    def values(a):
        tangent = jax.jvp(lambda a: observed(run, row, a), (a,), (jnp.ones_like(a),))[1]
        return tangent, run(every_kind(a), state)

    found = jax.jit(jax.vmap(values))(angles)
    with jax.set_mesh(qla.mesh(COUNT)):
        divided = jax.jit(jax.vmap(values))(angles)
        eager = run(every_kind(angles[0]), state)
    chex.assert_trees_all_close(jax.device_get(divided), jax.device_get(found), rtol=0, atol=tol("exact", 100))
    assert np.array_equal(eager, found[1][0])


@several
@pytest.mark.slow
def test_states_of_fourteen_qubits_run_in_strict_promotion_and_inside_the_maps_of_callers():
    made, states = layer_on_all(14), jnp.asarray(cplx(COUNT, 1 << 14))
    found = jax.jit(jax.vmap(functools.partial(run, made)))(states)

    def strict(state):
        with jax.numpy_dtype_promotion("strict"):
            return observables.z_expectations(run(made, state)), jax.grad(
                lambda c: observables.expectation(run_adjoint(c, state), "XYZ" + "Y" * 11)
            )(made)

    with jax.set_mesh(qla.mesh(COUNT)):
        jax.block_until_ready(jax.jit(strict)(states[0]))
        batch = PartitionSpec(SHARDS)
        one_each = jax.shard_map(lambda x: run(made, x[0])[None], in_specs=batch, out_specs=batch)
        assert np.array_equal(jax.jit(one_each)(states), found)


def test_without_a_mesh_and_for_short_states_programs_are_those_of_one_device(monkeypatch):
    def programs(n):
        made = circuit(n, repeated(lambda a: [g.rx(0, a), g.cx(0, 1), g.cry(1, 0, a)], jnp.ones(2)))
        grad = jax.grad(lambda c: observables.z_expectations(run_adjoint(c)).sum())
        return [str(jax.make_jaxpr(call)(made)) for call in (run, grad)]

    def outside_and_short():
        with jax.set_mesh(qla.mesh()):
            short = programs(11)
        return programs(14), short

    outside, short = outside_and_short()
    for module in ("sharding.engine", "sharding.shards", "observables"):
        monkeypatch.setattr(f"qla_jax.variational.{module}.held_count", lambda *sizes: 0)
    assert (outside, short) == outside_and_short()
    assert not any("shard_map" in text or "all_to_all" in text for text in (*outside, *short))


@several
def test_meshes_that_cannot_hold_a_state_are_refused_by_name():
    made = layer_on_all(16)
    with jax.set_mesh(Mesh(np.array(jax.devices()[:6]), (SHARDS,), axis_types=(AxisType.Auto,))):
        with pytest.raises(ValueError, match="must be a power of two, but is 6"):
            run(made)
    with jax.set_mesh(Mesh(np.array(jax.devices()[:8]), (SHARDS,), axis_types=(AxisType.Explicit,))):
        with pytest.raises(ValueError, match="type Auto, but is Explicit"):
            run_adjoint(made)


@several
def test_the_zero_state_is_made_in_shards():
    with jax.set_mesh(qla.mesh(COUNT)):
        state = zero_state(N, float)
    assert state.sharding.shard_shape(state.shape) == (1 << N - 3,)
    assert state[0] == 1 and jnp.abs(state).sum() == 1
