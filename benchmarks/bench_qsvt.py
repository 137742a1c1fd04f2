"""The singular value transformation of a dense 256 x 256 matrix, in double precision, compile time apart.

Peers, where they are installed (`pip install -e '.[peers]'`), run in turn with it on the same phases and the same
stored unitary; their results agree with ours without a global phase. A ratio is our time over theirs.
"""

from collections.abc import Callable, Iterator
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

import qla_jax as qla
from benchmarks.helpers import compiled, uncompiled

SIZE = 256


@pytest.fixture(autouse=True)
def _double_precision() -> Iterator[None]:
    before = jax.config.jax_enable_x64
    with jax.enable_x64(True):
        yield
    jax.config.update("jax_enable_x64", before)  # importing TensorCircuit sets it


def matrix(kind: str) -> np.ndarray:
    draw = np.random.default_rng(0)
    found = draw.normal(size=(SIZE, SIZE)) + (1j * draw.normal(size=(SIZE, SIZE)) if kind == "complex" else 0)
    return found / (1.05 * np.linalg.norm(found, 2))


def direction() -> np.ndarray:
    x = np.random.default_rng(1).normal(size=SIZE)
    return x / np.linalg.norm(x)


def transformed(kind: str, degree: int):
    poly = qla.polynomials.erf(10.0, degree=degree)
    return qla.qsvt(qla.block_encode(matrix(kind), alpha=1.0), poly.scaled(0.9 / float(poly.sup_bound)))


def start() -> Array:
    """The direction with all ancillas in |0>."""
    return jnp.zeros((4, SIZE), complex).at[0].set(direction())


def in_tensorcircuit(tc: ModuleType, both: bool) -> Callable:
    """Both branches of the real part, or one; contracted after each call: at once it takes 1 s, in a scan 70 ms."""
    part = range(both, both + 9)

    def turn(circuit, phase: Array) -> None:
        circuit.rzz(0, 1, theta=-2 * phase) if both else circuit.rz(0, theta=-2 * phase)

    def run(unitaries: tuple[Array, Array], phases: Array, state: Array) -> Array:
        circuit = tc.Circuit(9 + both, inputs=state)
        if both:
            circuit.h(0)
        turn(circuit, phases[-1])
        for call, phase in enumerate(phases[-2::-1]):
            circuit = tc.Circuit(9 + both, inputs=circuit.state())
            circuit.any(*part, unitary=unitaries[call % 2])
            turn(circuit, phase)
        if both:
            circuit.h(0)
        return circuit.state()

    return run


def in_pennylane(unitary: np.ndarray, template: bool) -> Callable:
    """One branch on lightning.qubit: its QSVT template, or Z rotations of the ancilla, as fast as it can be written."""
    qml = pytest.importorskip("pennylane")
    pytest.importorskip("pennylane_lightning")
    wires = range(9)
    calls = [qml.QubitUnitary(matrix, wires) for matrix in (unitary, unitary.conj().T.copy())]

    @qml.qnode(qml.device("lightning.qubit", wires=9), diff_method=None)
    def run(phases: np.ndarray, state: np.ndarray):
        qml.StatePrep(state, wires)
        if template:
            qml.QSVT(calls[0], [qml.PCPhase(phase, SIZE, wires) for phase in phases[::-1]])
        else:
            qml.RZ(-2 * phases[-1], 0)
            for call, phase in enumerate(phases[-2::-1]):
                qml.apply(calls[call % 2])
                qml.RZ(-2 * phase, 0)
        return qml.state()

    return run


def assert_branch(run: Callable, enc: qla.BlockEncoding, phases) -> None:
    """The two branches of the real part, phases turned around in one, have the encoded view as their mean."""
    found = (np.asarray(run(phases)) + np.asarray(run(-phases)))[:SIZE] / 2
    np.testing.assert_allclose(found, enc.matvec(jnp.asarray(direction())), rtol=0, atol=1e-12)


@pytest.mark.benchmark(group="QSVT")
@pytest.mark.parametrize("kind", ["real", "complex"])
def test_circuit_view(report, kind):
    """Degree 101 on one state, both branches of the real part; each call multiplies by a stored 512 x 512 unitary."""
    enc = transformed(kind, 101)
    program = compiled(lambda enc, state: enc.apply(state), enc, start())
    entries = 4.0 * SIZE**2 * (1 if kind == "real" else 2)
    report(program, flops=101 * 2 * 4 * entries, moved=int(101 * 8 * entries))


@pytest.mark.benchmark(group="QSVT")
@pytest.mark.parametrize("kind", ["real", "complex"])
def test_encoded_view(report, kind):
    """Degree 101 on one vector: a Chebyshev recurrence of products with the matrix."""
    enc = transformed(kind, 101)
    program = compiled(lambda enc, x: enc.matvec(x), enc, jnp.asarray(direction()))
    entries = SIZE**2 * (1 if kind == "real" else 2)
    report(program, flops=101 * 2.0 * entries, moved=101 * 8 * entries)


@pytest.mark.benchmark(group="QSVT")
def test_compile_at_degree_ten_thousand(report):
    """The circuit's program does not grow with the degree: it compiles in under two seconds."""
    poly = qla.polynomials.cos(9000.0, degree=10_000).scaled(0.9)
    enc = qla.qsvt(qla.block_encode(matrix("real")[:8, :8], alpha=1.0), poly)
    state = jnp.zeros((4, 8), complex).at[0, 0].set(1)
    program = compiled(lambda enc, state: enc.apply(state), enc, state)
    assert sum(program.seconds.values()) < 2
    report(program)


@pytest.mark.benchmark(group="QSVT")
def test_gradient_in_the_matrix(report):
    """Degree 21 in the encoded view, the norm and the dilation of the matrix included."""
    poly = qla.polynomials.erf(3.0, degree=21)
    poly = poly.scaled(0.9 / float(poly.sup_bound))

    def loss(a: Array, x: Array) -> Array:
        return jnp.sum(jnp.square(qla.qsvt(qla.block_encode(a, alpha=1.0), poly).matvec(x)))

    args = jnp.asarray(matrix("real")), jnp.asarray(direction())
    report(compiled(jax.grad(loss), *args), against=compiled(loss, *args))


@pytest.mark.benchmark(group="QSVT against TensorCircuit")
@pytest.mark.parametrize("both", [True, False], ids=["both branches", "one branch"])
@pytest.mark.parametrize("kind", ["real", "complex"])
def test_tensorcircuit(report, kind, both):
    """Degree 101 on one state: our circuit view, always both branches, against TensorCircuit on JAX, jitted."""
    tc = pytest.importorskip("tensorcircuit")
    enc, state = transformed(kind, 101), start()
    program = compiled(lambda enc, state: enc.apply(state), enc, state)
    unitary = jnp.asarray(enc.part.unitary, complex)
    with tc.runtime_backend("jax"), tc.runtime_dtype("complex128"):
        args = (unitary, unitary.conj().T), enc.phases, state.reshape(-1)[: 512 << both]
        peer = compiled(in_tensorcircuit(tc, both), *args)
        if both:
            np.testing.assert_allclose(peer.run(*args), program.run(enc, state).reshape(-1), rtol=0, atol=1e-12)
        else:
            assert_branch(lambda phases: peer.run(args[0], phases, args[2]), enc, enc.phases)
    report(program, against=peer, ratio_bar=1.2, peer_seconds=peer.seconds)


@pytest.mark.benchmark(group="QSVT against PennyLane")
@pytest.mark.parametrize("template", [True, False], ids=["template", "by hand"])
@pytest.mark.parametrize("kind", ["real", "complex"])
def test_lightning(report, kind, template):
    """Degree 101 on one vector: our encoded view against one branch on lightning.qubit, the unitary prepared."""
    enc = transformed(kind, 101)
    program = compiled(lambda enc, x: enc.matvec(x), enc, jnp.asarray(direction()))
    run = in_pennylane(np.asarray(enc.part.unitary, complex), template)
    phases, state = np.asarray(enc.phases), np.asarray(start()).reshape(-1)[:512]
    assert_branch(lambda phases: run(phases, state), enc, phases)
    bar = 1 / 50 if template and kind == "real" else None
    report(program, against=uncompiled(run, phases, state), ratio_bar=bar)


@pytest.mark.benchmark(group="QSVT against PennyLane")
def test_gradient_of_pennylane(report):
    """The gradient in A at degree 21 against PennyLane on JAX, jitted; A so small that its `BlockEncode` keeps it."""
    qml = pytest.importorskip("pennylane")
    poly = qla.polynomials.erf(3.0, degree=21)
    poly = poly.scaled(0.9 / float(poly.sup_bound))
    a, wires = jnp.asarray(matrix("real") / 4), range(9)
    phases, state = qla.phase_factors(poly).to("reflection").values, start().reshape(-1)[:512]

    @qml.qnode(qml.device("default.qubit", wires=9), interface="jax", diff_method="backprop")
    def run(a: Array):
        qml.StatePrep(state, wires)
        qml.QSVT(qml.BlockEncode(a, wires), [qml.PCPhase(phase, SIZE, wires) for phase in phases[::-1]])
        return qml.state()

    def ours(a: Array) -> Array:
        return jnp.sum(jnp.square(qla.qsvt(qla.block_encode(a, alpha=1.0), poly).matvec(jnp.asarray(direction()))))

    program, peer = (compiled(jax.grad(loss), a) for loss in (ours, lambda a: jnp.sum(jnp.square(run(a)[:SIZE].real))))
    np.testing.assert_allclose(program.run(a), peer.run(a), rtol=0, atol=1e-12)
    report(program, against=peer, ratio_bar=1 / 1000, peer_seconds=peer.seconds)
