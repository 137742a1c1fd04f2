"""Training costs a small multiple of the forward pass, the certified norm bounds of all weights included in both."""

import jax
import jax.numpy as jnp
import pytest
from flax import nnx
from jax import Array

import qla_jax as qla
from benchmarks.helpers import compiled

DEPTH, BATCH = 6, 128


def network(kind: str) -> qla.nn.CoherentResNet:
    rngs = nnx.Rngs(0)
    if kind == "dense":
        return qla.nn.CoherentResNet([qla.nn.DenseWeight(256, rngs=rngs) for _ in range(DEPTH)], sizes=(4, 8, 8))
    weights = [qla.nn.ConvolutionWeight(16, (8, 8), rngs=rngs) for _ in range(DEPTH)]
    return qla.nn.CoherentResNet(weights, sizes=(16, 8, 8))


def flops_of(kind: str) -> float:
    """Of the weights' products alone."""
    return 2.0 * DEPTH * BATCH * (256**2 if kind == "dense" else 16**2 * 9 * 8**2)


@pytest.mark.benchmark(group="training")
@pytest.mark.parametrize("kind", ["dense", "convolution"])
@pytest.mark.parametrize("what", ["forward", "gradient"])
def test_six_blocks(report, what, kind):
    """Six blocks on a batch of 128 inputs: dense with N = 256, or 16 channels of 8 x 8; loss -log p(label)."""
    graph, parameters, rest = nnx.split(network(kind), nnx.Param, ...)
    images = jax.random.normal(jax.random.key(1), (BATCH, 1, 8, 8), jnp.float32)
    labels = jax.random.randint(jax.random.key(2), (BATCH,), 0, 10)

    def loss(parameters: nnx.State, images: Array, labels: Array) -> Array:
        outcomes = nnx.merge(graph, parameters, rest)(images)
        return -jnp.log(jnp.take_along_axis(outcomes, labels[:, None], axis=1)).mean()

    args = parameters, images, labels
    forward = compiled(loss, *args)
    assert forward.run(*args).dtype == jnp.float32
    if what == "forward":
        report(forward, flops=flops_of(kind))
    else:
        program = compiled(jax.value_and_grad(loss), *args)
        report(program, flops=3 * flops_of(kind), against=forward, ratio_bar=4.0)
