"""The encoded view runs at the speed of the operation it encodes: a convolution is a convolution."""

import jax
import jax.numpy as jnp
import pytest
from jax import Array

import qla_jax as qla
from benchmarks.helpers import assert_same, compiled

CHANNELS, IMAGE, MILLION = 16, (64, 64), (256, 256)


def normal(seed: int, *shape: int) -> Array:
    return jax.random.normal(jax.random.key(seed), shape, jnp.float32)


def bare(kernel: Array, images: Array) -> Array:
    return jax.lax.conv_general_dilated(images, kernel, (1, 1), "SAME")


def bare_transpose(kernel: Array, images: Array) -> Array:
    return jax.linear_transpose(lambda x: bare(kernel, x), images)(images)[0]


def flops_of(kernel: Array, batch: int, image: tuple[int, int]) -> float:
    return 2.0 * kernel.size * batch * image[0] * image[1]


@pytest.mark.benchmark(group="encoded view")
@pytest.mark.parametrize("batch", [1, 16])
@pytest.mark.parametrize("way", ["matvec", "rmatvec"])
def test_convolution(report, way, batch):
    """A 16-channel 3 x 3 convolution on images of 64 x 64 against the bare one, both as compiled by XLA."""
    kernel, x = normal(0, CHANNELS, CHANNELS, 3, 3), normal(1, batch, CHANNELS, *IMAGE)
    enc = qla.block_encode_convolution(kernel, IMAGE)
    flat = x.reshape(-1) if batch == 1 else x.reshape(batch, -1)

    def encoded(enc: qla.BlockEncoding, x: Array) -> Array:
        act = getattr(enc, way)
        return act(x) if batch == 1 else jax.vmap(act)(x)

    program = compiled(encoded, enc, flat)
    reference = compiled(bare if way == "matvec" else bare_transpose, kernel, x)
    assert_same(program.run(enc, flat).reshape(x.shape), reference.run(kernel, x))
    report(program, flops=flops_of(kernel, batch, IMAGE), against=reference, ratio_bar=1.5)


def block(kernel: Array, x: Array) -> Array:
    weight = qla.block_encode_convolution(kernel / qla.convolution_norm_bound(kernel, MILLION), MILLION)
    weight = weight.replace(norm_bound=jnp.ones_like(weight.alpha))  # certified by the bound divided by
    return qla.skip_norm_block(weight, qla.vector_encode(x)).encoded


def bare_block(kernel: Array, x: Array) -> Array:
    activation = qla.polynomials.erf(jnp.asarray(0.8, x.dtype), degree=7)
    y = x + activation(bare(kernel / qla.convolution_norm_bound(kernel, MILLION), x[None])[0])
    return (y / jnp.linalg.norm(y)).reshape(-1)


@pytest.mark.benchmark(group="encoded view")
@pytest.mark.parametrize("what", ["vector", "gradient"])
def test_skip_norm_block_of_a_million_entries(report, what):
    """N = 2^20: the block and its gradient, against the same arithmetic written by hand."""
    kernel, x = normal(0, CHANNELS, CHANNELS, 3, 3), normal(1, CHANNELS, *MILLION)
    x = x / jnp.linalg.norm(x)
    direction = normal(2, x.size)

    def of(function):
        return function if what == "vector" else jax.grad(lambda kernel, x: jnp.vdot(direction, function(kernel, x)))

    program, reference = compiled(of(block), kernel, x), compiled(of(bare_block), kernel, x)
    result = program.run(kernel, x)
    assert result.dtype == jnp.float32
    assert_same(result, reference.run(kernel, x))
    convolutions = 1 if what == "vector" else 2
    report(program, flops=convolutions * flops_of(kernel, 1, MILLION), against=reference, state_bytes=x.nbytes)
