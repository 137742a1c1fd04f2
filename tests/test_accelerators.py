"""Programs for accelerators, as they are exported on this machine: what a TPU or a GPU could not run is not in them."""

import re

import jax
import jax.numpy as jnp
import pytest
from flax import nnx
from jax import export

from qla_jax.linalg.norms import convolution_norm_bound
from qla_jax.nn import CoherentResNet, ConvolutionWeight, DenseWeight, TerminalWeight

pytestmark = pytest.mark.x64


def exported(function, *arguments, platform: str = "tpu") -> str:
    """The StableHLO of a function for a platform."""
    return str(export.export(jax.jit(function), platforms=[platform])(*arguments).mlir_module())


def test_a_coherent_network_in_double_precision_compiles_for_a_tpu():
    """A TPU has no Fourier transform in double precision, and its compiler dies of float64 made complex."""
    rngs, dtype = nnx.Rngs(0), jnp.float64
    weights = [DenseWeight(32, rngs=rngs, dtype=dtype), ConvolutionWeight(2, (4, 4), rngs=rngs, dtype=dtype)]
    net = CoherentResNet(weights, sizes=(2, 4, 4), terminal=TerminalWeight(32, rngs=rngs, dtype=dtype))
    graph, state = nnx.split(net)
    images = jnp.ones((2, 2, 4, 4), dtype)
    loss = jax.value_and_grad(lambda state, images: -jnp.log(nnx.merge(graph, state)(images)[:, 0]).mean())
    text = exported(loss, state, images)
    assert "f64" in text and refused_by_a_tpu(text) == []


def refused_by_a_tpu(text: str) -> list[str]:
    """Lines of a program in double precision that the compiler for a TPU refuses."""
    to_complex = re.compile(r"stablehlo\.convert .*f64>\) -> tensor<.*complex<f64>>")
    return [line for line in text.splitlines() if "stablehlo.fft" in line or to_complex.search(line)]


@pytest.mark.parametrize("kernel", [jnp.ones((2, 1, 3, 2)), jnp.ones((2, 1, 3, 2)) * 1j], ids=["real", "complex"])
def test_norm_bounds_of_convolutions_take_no_fourier_transform(kernel):
    assert refused_by_a_tpu(exported(lambda kernel: convolution_norm_bound(kernel, (4, 20)), kernel)) == []
    # Negative control: the same symbol by a transform, and a product of a complex with a real number.
    assert len(refused_by_a_tpu(exported(jnp.fft.fft2, kernel))) >= 1
    assert len(refused_by_a_tpu(exported(lambda kernel: (kernel + 0j) / kernel.real.max(), kernel))) >= 1
