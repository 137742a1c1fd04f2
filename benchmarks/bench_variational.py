"""A residual quanvolutional network of two layers, its training, and the gradient of a deep circuit of 24 qubits.

Peers run in turn with it where they are installed: TensorCircuit and PennyLane on JAX, mapped over all patches and
jitted by hand, the same circuits, re-uploading included; and PennyLane as its quanvolution demonstration has it, a
Python loop over all patches of an image. Results are compared before anything is timed.
"""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax import Array

from benchmarks.helpers import assert_same, compiled, machine_rates
from qla_jax.nn import ResQuNN
from qla_jax.training import TrainingConfig, fit
from qla_jax.variational.adjoint import run_adjoint
from qla_jax.variational.ansatz import RX_CHAIN, ansatz_circuit
from qla_jax.variational.observables import z_expectations
from qla_jax.variational.placements import placement
from qla_jax.variational.quanvolution import patches
from qla_jax.variational.resqunn import add_padded, features, resqunn_specs

BATCH, SPECS, PLACEMENT = 64, resqunn_specs(), placement("O1+O2", 2)
GateLayer = Callable[[Array, Array], Array]


def images(count: int = BATCH) -> Array:
    return jax.random.uniform(jax.random.key(0), (count, 1, 28, 28), jnp.float32)


def angles() -> list[Array]:
    return [jax.random.normal(jax.random.key(k), spec.angles_shape(1), jnp.float32) for k, spec in enumerate(SPECS)]


def ours(angles: list[Array], images: Array) -> Array:
    return jnp.square(jax.vmap(lambda image: features(image, angles, SPECS, PLACEMENT))(images)).mean()


def by_peer(one: Callable[[Array, Array], Array]) -> Callable[[list[Array], Array], Array]:
    """The same loss from a peer's function of a patch: the mean of <Z>."""

    def layer(image: Array, angles: Array, spec) -> Array:
        values = patches(image, spec)
        found = jax.vmap(lambda x: one(x, angles))(values.reshape(4, -1).T)
        return found.reshape(1, *values.shape[1:])

    def loss(angles: list[Array], images: Array) -> Array:
        def whole(image: Array) -> Array:
            first = layer(image, angles[0], SPECS[0])
            return add_padded(layer(first, angles[1], SPECS[1]), first)

        return jnp.square(jax.vmap(whole)(images)).mean()

    return loss


def in_tensorcircuit() -> Callable[[Array, Array], Array]:
    tc = pytest.importorskip("tensorcircuit")
    tc.set_backend("jax")

    def one(x: Array, angles: Array) -> Array:
        circuit = tc.ParametrizedCircuit(4)
        for row in angles[:, 0]:
            for q in range(4):
                circuit.ry(q, theta=x[q])
            for q in range(4):
                circuit.rx(q, theta=row[q])
            for q in range(3):
                circuit.cnot(q, q + 1)
        law = jnp.square(jnp.abs(circuit.state())).reshape(2, 2, 2, 2)
        halves = [law.sum(tuple(a for a in range(4) if a != q)) for q in range(4)]
        return jnp.stack([half[0] - half[1] for half in halves]).mean()

    return one


def in_pennylane() -> Callable[[Array, Array], Array]:
    qml = pytest.importorskip("pennylane")

    @qml.qnode(qml.device("default.qubit", wires=4), interface="jax", diff_method="backprop")
    def run(x: Array, angles: Array):
        for row in angles[:, 0]:
            for q in range(4):
                qml.RY(x[q], q)
            for q in range(4):
                qml.RX(row[q], q)
            for q in range(3):
                qml.CNOT(wires=[q, q + 1])
        return [qml.expval(qml.Z(q)) for q in range(4)]

    return lambda x, angles: jnp.stack(run(x, angles)).mean()


def kind(what: str) -> Callable[[Callable], Callable]:
    return (lambda f: f) if what == "forward" else jax.value_and_grad


@pytest.mark.benchmark(group="quanvolution")
@pytest.mark.parametrize("peer", [in_tensorcircuit, in_pennylane], ids=["tensorcircuit", "pennylane"])
@pytest.mark.parametrize("what", ["forward", "gradient"])
def test_against_peers_mapped_by_hand(report, what, peer):
    """64 images of 28 x 28, two layers of depth 4 and 1, O1 + O2, float32."""
    args = angles(), images()
    reference = compiled(kind(what)(by_peer(peer())), *args)
    program = compiled(kind(what)(ours), *args)
    for found, expected in zip(*(jax.tree.leaves(one.run(*args)) for one in (program, reference)), strict=True):
        assert_same(found, expected)
    report(program, against=reference, ratio_bar=1.0, peer_seconds=reference.seconds)


@pytest.mark.benchmark(group="quanvolution")
def test_against_pennylane_patch_by_patch(report):
    """Gradients of 64 images against a Python loop over all patches of one, times 64; it was warmed up on a corner."""
    one, args = in_pennylane(), (angles(), images())
    program = compiled(jax.value_and_grad(ours), *args)

    def layer(image: Array, angles: Array, spec) -> Array:
        values = patches(image, spec)
        rows, columns = values.shape[1:]
        found = [[one(values[:, i, j], angles) for j in range(columns)] for i in range(rows)]
        return jnp.stack([jnp.stack(row) for row in found])[None]

    def loop(angles: list[Array], image: Array) -> Array:
        first = layer(image, angles[0], SPECS[0])
        return jnp.square(add_padded(layer(first, angles[1], SPECS[1]), first)).mean()

    few = args[1][0, :, :8, :8]
    assert_same(loop(args[0], few), ours(args[0], few[None]))
    jax.grad(loop)(args[0], few)
    begin = time.perf_counter()
    jax.grad(loop)(args[0], args[1][0])
    seconds = (time.perf_counter() - begin) * BATCH
    figures = report(program, loop_seconds=seconds)
    begin = time.perf_counter()
    program.run(*args)
    took = time.perf_counter() - begin
    print(f"loops {seconds:.3g} s, ours {took:.3g} s: {seconds / took:.3g} times", figures["loop_seconds"])
    assert seconds / took > 50


@pytest.mark.benchmark(group="quanvolution")
def test_the_protocol(benchmark):
    """30 epochs, 1600 images, batches of 16, Adam, X + O1, dense head: compile time included."""
    labels = np.arange(1600, dtype=np.int32) % 10
    model = ResQuNN((1, 28, 28), placement("X+O1", 2), SPECS, rngs=nnx.Rngs(0))
    config = TrainingConfig(epochs=30, batch_size=16, learning_rate=0.01)
    begin = time.perf_counter()
    benchmark.pedantic(lambda: fit(model, np.asarray(images(1600)), labels, config), rounds=1)
    took = time.perf_counter() - begin
    benchmark.extra_info["seconds"] = took
    print(f"protocol: {took:.1f} s")
    assert took < 60


def resident(which: str) -> int:
    """Bytes of this process in memory: `VmRSS` now, `VmHWM` at most so far. Linux."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(which))


def adjoint_of_24_qubits() -> dict[str, float]:
    """Value and gradient at depth 10, complex64: seconds, and memory in states, planned and seen, in a new process."""

    def value(angles: Array) -> Array:
        return z_expectations(run_adjoint(ansatz_circuit(angles, RX_CHAIN)), (0,))[0]

    angles, state_bytes = jax.random.normal(jax.random.key(0), (10, 1, 24), jnp.float32), 8 << 24
    start = time.perf_counter()
    program = jax.jit(jax.value_and_grad(value)).lower(angles).compile()
    ready, before = time.perf_counter(), resident("VmRSS")
    jax.block_until_ready(program(angles))
    done, seen = time.perf_counter(), resident("VmHWM") - before
    memory = program.memory_analysis()
    planned = memory.argument_size_in_bytes + memory.output_size_in_bytes + memory.temp_size_in_bytes
    # All gates read and write one state forward, and two backward.
    least = 10 * (24 + 23) * 3 * 2 * state_bytes / machine_rates()["bytes_per_s"]
    return {
        "compile_s": ready - start,
        "seconds": done - ready,
        "floor_s": least,
        "states_planned": planned / state_bytes,
        "states_seen": seen / state_bytes,
    }


@pytest.mark.benchmark(group="adjoint")
def test_memory_of_the_adjoint_method(benchmark):
    """The method needs two states: 4 are the most, in the compiler's plan and in the memory that the process takes."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = benchmark.pedantic(lambda: pool.submit(adjoint_of_24_qubits).result(), rounds=1)
    benchmark.extra_info.update(found)
    print("adjoint method:", ", ".join(f"{name} {number:.3g}" for name, number in found.items()))
    assert found["states_planned"] <= 4
    assert found["states_seen"] <= 4
    assert found["compile_s"] < 120
