"""The singular value transformation of a dense 256 x 256 matrix, in double precision, compile time apart."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

import qla_jax as qla
from benchmarks.helpers import compiled

SIZE = 256


@pytest.fixture(autouse=True)
def _double_precision() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


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


@pytest.mark.benchmark(group="QSVT")
@pytest.mark.parametrize("kind", ["real", "complex"])
def test_circuit_view(report, kind):
    """Degree 101 on one state, both branches of the real part; each call multiplies by a stored 512 x 512 unitary."""
    enc = transformed(kind, 101)
    state = jnp.zeros((4, SIZE), complex).at[0].set(direction())
    program = compiled(lambda enc, state: enc.apply(state), enc, state)
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
