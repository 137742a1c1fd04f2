"""Batches under a mesh: each device computes its part alone, and the numbers are those of one device."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qla_jax as qla
from qla_jax.claims.catalogue import CLAIMS
from qla_jax.claims.engine.attack import attack
from qla_jax.mapping import map_in_batches
from tests.cases import real
from tests.collectives import collectives

pytestmark = pytest.mark.skipif(len(jax.devices()) < 8, reason="needs eight devices")


def series(count: int) -> jax.Array:
    """Odd Chebyshev series of degree 7, with sums of moduli of at most 0.9."""
    odd = np.zeros((count, 8))
    odd[:, 1::2] = real(count, 4)
    return jnp.asarray(0.9 * odd / np.abs(odd).sum(axis=1, keepdims=True))


def phases(coeffs: jax.Array) -> jax.Array:
    return qla.phase_factors(qla.polynomials.polynomial(coeffs, "odd")).values


def under_mesh(function, *args):
    """The results, and the collectives of the compiled program."""
    with jax.set_mesh(qla.mesh(8)):
        compiled = jax.jit(function).lower(*args).compile()
        return jax.tree.map(np.asarray, compiled(*args)), collectives(compiled.as_text())


@pytest.mark.x64
@pytest.mark.slow
def test_phase_factors_of_a_batch_exchange_nothing():
    found, exchanged = under_mesh(qla.batched(phases), series(8))
    assert exchanged == []
    np.testing.assert_allclose(found, jax.vmap(phases)(series(8)), atol=1e-12)


@pytest.mark.x64
@pytest.mark.slow
def test_gradients_of_a_batch_of_phase_factors_exchange_nothing():
    def slopes(coeffs):
        return jax.grad(lambda c: jnp.sum(jnp.sin(phases(c))))(coeffs)

    found, exchanged = under_mesh(qla.batched(slopes), series(16))
    assert exchanged == []
    np.testing.assert_allclose(found, jax.vmap(slopes)(series(16)), atol=1e-10)


@pytest.mark.x64
def test_without_the_division_a_transform_gathers():
    """A negative control: XLA alone exchanges the operands of a Fourier transform of each item."""
    spec = jax.sharding.PartitionSpec("shards")

    def transformed(x):
        return jax.vmap(jnp.fft.fft)(jax.lax.with_sharding_constraint(x, spec))

    _, alone = under_mesh(transformed, real(8, 16))
    _, divided = under_mesh(qla.batched(jnp.fft.fft), real(8, 16))
    assert alone
    assert divided == []


def test_a_batch_that_does_not_divide_is_mapped_as_without_a_mesh():
    found, _ = under_mesh(qla.batched(lambda x: jnp.sum(x**2)), real(5, 3))
    np.testing.assert_allclose(found, np.sum(real(5, 3) ** 2, axis=1), rtol=1e-5)


def test_inputs_in_batches_are_divided_too():
    found, exchanged = under_mesh(lambda x: map_in_batches(jnp.cumsum, x, 3), real(32, 4))
    assert exchanged == []
    np.testing.assert_allclose(found, np.cumsum(real(32, 4), axis=1), rtol=1e-5)


@pytest.mark.x64
@pytest.mark.slow
def test_readouts_of_a_batch_exchange_nothing():
    readout = qla.tomography(delta=0.1)
    keys = jax.random.split(jax.random.key(0), 8)

    def read(state, key):
        return readout(state, key=key).values

    found, exchanged = under_mesh(qla.batched(read), real(8, 8), keys)
    assert exchanged == []
    np.testing.assert_array_equal(found, jax.vmap(read)(real(8, 8), keys))


@pytest.mark.x64
@pytest.mark.slow
def test_an_attack_finds_the_same_under_a_mesh():
    claim = next(claim for claim in CLAIMS if claim.project is not None)
    alone = attack(claim, size=4, starts=8, steps=20, key=jax.random.key(1))
    with jax.set_mesh(qla.mesh(8)):
        divided = attack(claim, size=4, starts=8, steps=20, key=jax.random.key(1))
    np.testing.assert_allclose(divided.ratio, alone.ratio, rtol=1e-9)
