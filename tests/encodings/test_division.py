"""Circuits under a mesh: results of one device, states that no device holds whole, few bytes exchanged."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qla_jax as qla
from qla_jax import polynomials
from qla_jax.encodings.base.encoding import Encoding
from qla_jax.encodings.matrices import convolution as convolutions
from qla_jax.encodings.vectors.known import vector_encode
from tests.cases import ENCODINGS, VECTORS, Case, cplx, real
from tests.collectives import exchanged, largest

COUNT = len(jax.devices())
WARNING = "Involuntary full rematerialization"
EXACT = 1e-12  # relative, in double precision: sums are added up in another order

pytestmark = [pytest.mark.x64, pytest.mark.skipif(COUNT < 8, reason="needs eight devices")]


def on_state(enc: Encoding) -> np.ndarray:
    shape = 1 << enc.num_ancillas, 1 << enc.num_qubits
    state = cplx(*shape)
    return state / np.linalg.norm(state)


def both_ways(case: Case, params: Any) -> tuple[jax.Array, jax.Array]:
    enc = case.build(params)
    return enc.apply(jnp.asarray(on_state(enc))), enc.apply_adjoint(jnp.asarray(on_state(enc)))


def relative(found: Any, expected: Any) -> float:
    """The largest difference over the largest entry; numbers that are not finite have to be so on both sides."""
    pairs = [(np.asarray(a), b) for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True)]
    for a, b in pairs:
        np.testing.assert_array_equal(np.isfinite(a), np.isfinite(b))
    # Where some derivatives do not exist, the others may depend on which of two equal numbers is the larger one.
    exist = all(np.isfinite(b).all() for _, b in pairs)
    return max(float(np.abs(a - b).max() / max(1.0, np.abs(b).max())) for a, b in pairs) if exist else 0.0


def on_devices(count: int, function: Callable, *args: Any) -> Any:
    with jax.set_mesh(qla.mesh(count)):
        return jax.tree.map(np.asarray, jax.jit(lambda *args: function(*args))(*args))


@pytest.mark.parametrize("count", [2, 8])
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in [*ENCODINGS, *VECTORS]])
@pytest.mark.sample(2)
def test_circuits_are_those_of_one_device(case, count):
    expected = on_devices(1, lambda params: both_ways(case, params), case.params)
    assert relative(on_devices(count, lambda params: both_ways(case, params), case.params), expected) < EXACT


@pytest.mark.parametrize("count", [2, 8])
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in [*ENCODINGS, *VECTORS]])
@pytest.mark.sample(1)
def test_gradients_are_those_of_one_device(case, count):
    def loss(params: Any) -> jax.Array:
        applied, back = both_ways(case, params)
        weights = jnp.arange(1.0, applied.size + 1).reshape(applied.shape) / applied.size
        return jnp.sum(weights * jnp.abs(applied) ** 2) + jnp.sum(jnp.real(back * weights))

    expected = on_devices(1, jax.grad(loss), case.params)
    assert relative(on_devices(count, jax.grad(loss), case.params), expected) < 100 * EXACT  # slopes of dilations


class Bar(NamedTuple):
    """A circuit that runs from zero, the bytes it may exchange, and its memory: of one device, in parts of the state.

    Attributes:
        build: function that makes the vector encoding.
        exchanged: largest number of bytes that a device receives, in bytes of the state.
        memory: largest temporary memory of a device, in units of that of a program for one device; None for no bar.
    """

    build: Callable[[], Any]
    exchanged: float
    memory: float | None


def words(count: int, qubits: int) -> dict[str, float]:
    letters = np.random.default_rng(0).choice(list("IXYZ"), (count, qubits))
    return dict(zip(("".join(row) for row in letters), real(count), strict=True))


def diagonal(qubits: int, seed: int = 0) -> qla.BlockEncoding:
    return qla.block_encode_diagonal(real(1 << qubits, seed=seed))


def band(size: int) -> qla.BlockEncoding:
    up, down = (np.arange(size), np.roll(np.arange(size), -1)), (np.roll(np.arange(size), -1), np.arange(size))
    rows, columns = np.concatenate([up, down], axis=1)
    return qla.block_encode_sparse(rows, columns, real(2 * size), (size, size))


def toeplitz(size: int) -> qla.BlockEncoding:
    column, row = real(size), real(size, seed=1)
    row[0] = column[0]
    return qla.block_encode_toeplitz(column, row)


def residual_block() -> Any:
    weight = 0.6 * real(64, 64) / np.linalg.norm(real(64, 64), 2)
    vec = qla.normalize(vector_encode(real(64)))
    return qla.skip_norm_block(qla.block_encode(weight, alpha=1.0), vec)


PART = 1.5 / 8  # of the temporary memory of one device
SEVENTH = np.array([0, 0.2, 0, 0.1, 0, 0.1, 0, 0.2])
BARS = {
    "LCU of diagonals": Bar(
        lambda: (
            qla.linear_combination(*[diagonal(12, seed) for seed in range(4)], weights=real(4))
            @ vector_encode(real(1 << 12))
        ),
        0.01,
        PART,
    ),
    "Chebyshev LCU": Bar(lambda: qla.chebyshev_lcu(diagonal(12), real(8)) @ vector_encode(real(1 << 12)), 0.01, PART),
    "activation": Bar(
        lambda: qla.activate(qla.normalize(vector_encode(real(256))), polynomials.erf(0.8, degree=7)), 0.01, PART
    ),
    "amplification": Bar(
        lambda: qla.amplify(
            qla.vector_sum(*[vector_encode(k + real(1 << 12, seed=k)) for k in range(1, 5)]),
            amplitude_bound=0.3,
            eps=0.1,
        ),
        0.01,
        PART,
    ),
    "Pauli sum": Bar(lambda: qla.block_encode_pauli(words(8, 12)) @ vector_encode(real(1 << 12)), 2 / 8, PART),
    "QSVT of a Pauli sum": Bar(
        lambda: qla.qsvt(qla.block_encode_pauli(words(8, 12)), SEVENTH) @ vector_encode(real(1 << 12)), 8 / 8, PART
    ),
    "convolution": Bar(
        lambda: qla.block_encode_convolution(real(2, 2, 3, 3), (32, 32)) @ vector_encode(real(2, 32, 32)), 0.255, None
    ),
    "residual block": Bar(residual_block, 0.25, PART),
    "sparse band": Bar(lambda: band(1 << 12) @ vector_encode(real(1 << 12)), 0.01, None),
    "circulant": Bar(lambda: qla.block_encode_circulant(real(1 << 12)) @ vector_encode(real(1 << 12)), 1.1, None),
    "Toeplitz": Bar(lambda: toeplitz(1 << 10) @ vector_encode(real(1 << 10)), 1.1, None),
    "periodic convolution": Bar(
        lambda: qla.block_encode_periodic_convolution(real(2, 2, 3, 3), (32, 32)) @ vector_encode(real(2, 32, 32)),
        1.5,
        None,
    ),
    "loaded vector": Bar(lambda: qla.load_vector(real(1 << 12)), 0.5, PART),
    "dense, all of its qubits": Bar(lambda: qla.block_encode(real(64, 64)) @ vector_encode(real(64)), 0.2, None),
    "dense beside idle qubits": Bar(
        lambda: (
            qla.tensor(qla.block_encode(real(32, 32)), qla.block_encode(real(32, 32))) @ vector_encode(real(32, 32))
        ),
        0.26,
        None,
    ),
}


class Program(NamedTuple):
    """What a compiled circuit exchanges and takes, in bytes of the state, and the vector that it returns."""

    exchanged: float
    largest: float
    memory: float
    vector: np.ndarray


def program(vec: Any, count: int) -> Program:
    start = jax.ShapeDtypeStruct((1 << vec.num_ancillas, 1 << vec.num_qubits), vec.encoded.dtype)
    end = jax.eval_shape(vec.apply, start)
    size = end.size * end.dtype.itemsize
    with jax.set_mesh(qla.mesh(count)):
        compiled = jax.jit(lambda vec: qla.run(vec)).lower(vec).compile()
        vector = np.asarray(compiled(vec))
    text, temporary = compiled.as_text(), compiled.memory_analysis().temp_size_in_bytes
    return Program(exchanged(text) / size, largest(text) / size, temporary / size, vector)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "Pauli sum" else pytest.mark.slow) for name in BARS]
)
def test_no_device_holds_a_whole_state_and_little_is_exchanged(name, capfd):
    bar = BARS[name]
    vec = bar.build()
    one, eight = program(vec, 1), program(vec, 8)
    assert relative(eight.vector, one.vector) < EXACT
    assert eight.largest < 1
    assert eight.exchanged <= bar.exchanged
    assert bar.memory is None or eight.memory <= bar.memory * one.memory
    assert WARNING not in capfd.readouterr().err


class Reversed(qla.BlockEncoding, kw_only=True):
    """A user's own encoding, which reads the amplitudes by an index and knows nothing of devices."""

    def apply(self, state):
        return state[:, jnp.arange(state.shape[1])[::-1] ^ 0]

    apply_adjoint = apply


def test_a_circuit_that_gathers_is_seen():
    one = jnp.ones(())
    enc = Reversed(
        alpha=one, eps=0 * one, num_ancillas=0, num_qubits=10, norm_bound=one, domain=(1024,), codomain=(1024,)
    )
    state = real(1, 1024)
    with jax.set_mesh(qla.mesh(8)):
        gathered = jax.jit(enc.apply).lower(state).compile().as_text()
        idle = jax.jit(lambda s: qla.tensor(diagonal(3), enc).apply(s)).lower(real(2, 1 << 13)).compile().as_text()
    assert largest(gathered) >= state.nbytes
    assert exchanged(idle) == 0  # the same circuit next to idle qubits runs on each device alone


def primitives(jaxpr: Any) -> Iterator[str]:
    for equation in jaxpr.eqns:
        yield f"{equation.primitive} {[variable.aval.str_short() for variable in equation.outvars]}"
        for inner in jax.tree.leaves(list(equation.params.values())):
            if hasattr(inner, "jaxpr"):
                yield from primitives(inner.jaxpr)
            elif hasattr(inner, "eqns"):
                yield from primitives(inner)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "sparse band" else pytest.mark.slow) for name in BARS]
)
def test_without_a_mesh_nothing_is_divided(name):
    vec = BARS[name].build()

    def steps() -> list[str]:
        found = primitives(jax.make_jaxpr(lambda vec: qla.run(vec))(vec).jaxpr)
        return [step for step in found if not step.startswith("reshard")]  # JAX's own, under any mesh

    alone = steps()
    assert not any(step.startswith(("sharding_constraint", "shard_map")) for step in alone)
    with jax.set_mesh(qla.mesh(1)):
        assert steps() == alone
    with jax.set_mesh(qla.mesh(8)):
        assert any(step.startswith("sharding_constraint") for step in steps())


def test_an_index_for_each_tap_moves_what_one_index_moves(monkeypatch):
    enc = qla.block_encode_convolution(real(2, 1, 3, 2), (4, 4))
    state = on_state(enc)
    expected = jax.jit(lambda state: enc.apply(state))(state)
    monkeypatch.setattr(convolutions, "MOST_PLACES", 0)
    np.testing.assert_array_equal(jax.jit(lambda state: enc.apply(state))(state), expected)
