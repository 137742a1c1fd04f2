"""Gates fused to blocks: the order of gates, the size of blocks, the product against dense matrices, the platform."""

import itertools
import math
import random
import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qla_jax as qla
from qla_jax.variational.circuit import circuit, repeated, run, run_whole
from qla_jax.variational.fusion import LEAST_QUBITS, TILE_QUBITS, PlacedGate, apply_fused, blocks_of
from qla_jax.variational.gates import cx, rx, rz
from qla_jax.variational.sharding import engine
from tests.cases import cplx, real
from tests.variational import dense


def drawn(seed, n, count):
    dice = random.Random(seed)
    return [tuple(dice.sample(range(n), dice.choice([1, 1, 2, 2, 3]))) for _ in range(count)]


def layer_on_all(n, depth=1):
    def gates(a):
        turns = [turn(qubit, a[k, qubit]) for k, turn in enumerate((rx, rz)) for qubit in range(n)]
        return [*turns, *(cx(qubit, qubit + 1) for qubit in range(n - 1))]

    return circuit(n, repeated(gates, jnp.asarray(real(depth, 2, n))))


@pytest.mark.parametrize("n", [8, 10, 20])
def test_blocks_hold_every_gate_once_in_an_order_that_shared_qubits_keep(n):
    for seed in range(40):
        wires = drawn(seed, n, 25)
        blocks = blocks_of(wires, n)
        order = [gate for block in blocks for gate in block.gates]
        assert sorted(order) == list(range(25))
        place = {gate: at for at, gate in enumerate(order)}
        for first, second in itertools.combinations(range(25), 2):
            assert not set(wires[first]) & set(wires[second]) or place[first] < place[second]
        for block in blocks:
            tile = {*range(n - TILE_QUBITS, n)}
            assert all(set(wires[gate]) <= set(block.qubits) for gate in block.gates)
            assert not set(block.qubits) & tile or tile <= set(block.qubits)
            assert len(block.gates) == 1 or len(block.qubits) <= TILE_QUBITS + bool(set(block.qubits) & tile)


def test_a_layer_on_all_qubits_takes_few_blocks():
    for n, count in ((14, 4), (20, 5), (27, 8)):
        assert len(blocks_of([gate.wires for gate in layer_on_all(n).layers[0].gates], n)) <= count


@pytest.mark.numerics
def test_fused_gates_are_the_product_of_dense_matrices(tol):
    n, state, want = 9, jnp.asarray(cplx(1 << 9)), cplx(1 << 9)
    gates = []
    for seed, wires in enumerate(drawn(3, n, 12)):
        matrix = cplx(1 << len(wires), 1 << len(wires), seed=seed)
        matrix = np.diag(np.diagonal(matrix)) if seed % 3 == 0 else matrix
        gates.append(PlacedGate(jnp.asarray(matrix), wires, diagonal=seed % 3 == 0))
        want = dense.on(matrix, wires, n) @ want
    found = jax.jit(partial(apply_fused, gates))(state)
    np.testing.assert_allclose(found / np.linalg.norm(want), want / np.linalg.norm(want), rtol=0, atol=tol("exact", 10))
    wrong = jax.jit(partial(apply_fused, gates[::-1]))(state)
    assert np.abs(wrong - want).max() > 0.1 * np.abs(want).max()


def program(platform, n):
    return jax.export.export(jax.jit(run), platforms=[platform])(layer_on_all(n)).mlir_module()


def last_axes(text, n):
    """The last axes of all arrays of 2^n complex numbers in the text of a program."""
    shapes = {tuple(map(int, found.split("x"))) for found in re.findall(r"tensor<([\dx]+)xcomplex", text)}
    return {shape[-1] for shape in shapes if math.prod(shape) == 1 << n}


def test_a_tpu_runs_blocks_on_axes_of_128_and_other_platforms_single_gates():
    n = 15  # no matrix of a block has 2^15 entries
    text = {platform: program(platform, n) for platform in ("cpu", "cuda", "tpu")}
    assert last_axes(text["tpu"], n) == {128, 1 << n}
    assert min(last_axes(text["cpu"], n)) == min(last_axes(text["cuda"], n)) == 1
    assert text["cpu"].count("stablehlo.dot_general") == text["cuda"].count("stablehlo.dot_general") == 2 * n - 1


def test_short_states_run_single_gates_on_every_platform():
    n = LEAST_QUBITS - 1
    assert program("tpu", n).count("stablehlo.dot_general") == 2 * n - 1


@pytest.mark.slow
@pytest.mark.numerics
@pytest.mark.parametrize("devices", [1, 8])
def test_blocks_give_the_amplitudes_of_single_gates(devices, tol):
    if len(jax.devices()) < devices:
        pytest.skip("needs eight devices")
    made, state = layer_on_all(15, depth=2), jnp.asarray(cplx(1 << 15))
    want = np.asarray(jax.jit(run)(made, state))
    with jax.set_mesh(qla.mesh(devices)):
        runs = engine.run if devices > 1 else run_whole
        found = jax.jit(partial(runs, act=engine.in_blocks))(made.layers, state)
    np.testing.assert_allclose(found, want, rtol=0, atol=tol("exact", 10 * np.abs(want).max()))
