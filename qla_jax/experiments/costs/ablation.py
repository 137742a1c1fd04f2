r"""Costs of layers without skip connections, $\psi \mapsto f(W\psi)/\|f(W\psi)\|$, for $W = N^{-1/2}$.

Without the term $\psi$ the norm of a layer is not bounded from below: a layer leaves an amplitude of $N^{-1/2}$. If
each layer is amplified from its actual amplitude, k layers take $N^{k/2}$ queries. If the network is measured until
success instead, it takes the square of that number of runs. With skip connections the length of a circuit is the same
for all W with $\|W\| \le 1$.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qla_jax.accounting.costs import cost
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.combine.normalized import normalize
from qla_jax.encodings.matrices.diagonal import block_encode_diagonal
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.experiments.core.results import named
from qla_jax.networks.amplified import amplified_network
from qla_jax.networks.regimes import MARGIN, least_amplitude
from qla_jax.networks.residual import SCALE
from qla_jax.polynomials import Polynomial, erf
from qla_jax.transforms.activation import activate
from qla_jax.transforms.amplification import amplify

DEGREE = 7
EPS = 1e-3


@dataclass(frozen=True)
class Ablated:
    """Costs of a network of one size with and without skip connections.

    Attributes:
        entries: number N of entries.
        blocks: number of layers.
        amplitude: least success amplitude of a layer without its skip connection.
        runs: runs of the network without skip connections, measured until success.
        without: queries of one run without skip connections.
        with_: queries of one run with skip connections.
    """

    entries: int
    blocks: int
    amplitude: float
    runs: float
    without: int
    with_: int = field(metadata=named("with"))


def ablation(entries: Sequence[int], blocks: Sequence[int]) -> list[Ablated]:
    """Count one network for each size and number of layers.

    Args:
        entries: sizes N.
        blocks: numbers of layers.
    """
    rows = []
    bound = least_amplitude(float(erf(SCALE, degree=DEGREE).relative_bound), 1.0, 1 / (1 - MARGIN))
    for size in entries:
        amplitudes = measured(size, max(blocks))
        for count in blocks:
            present = amplitudes[:count]
            runs = float(np.prod(np.square(np.reciprocal(present))))
            without = _queries(size, partial(without_skip, amplitudes=present))
            kept = _queries(size, partial(with_skip, bounds=[bound] * count))
            rows.append(Ablated(size, count, min(present), runs, without, kept))
    return rows


def weight(values: Array) -> BlockEncoding:
    """Encode a diagonal W at alpha = 1, since any W may have a norm of 1."""
    return block_encode_diagonal(values, alpha=1.0)


def layer(enc: BlockEncoding, vec: VectorEncoding) -> VectorEncoding:
    """Encode a block without its skip connection.

    Args:
        enc: block encoding of the weight.
        vec: vector encoding of the input.
    """
    return normalize(activate(enc @ vec, _poly(vec)))


def measured(size: int, layers: int) -> list[float]:
    r"""Return the success amplitude of each layer in turn on a uniform $\psi$, from its encoding with numbers.

    Args:
        size: number N of entries.
        layers: number of layers.
    """

    @jax.jit
    def one(psi: Array) -> tuple[Array, Array]:
        found = layer(weight(jnp.full(size, size**-0.5, psi.dtype)), vector_encode(psi))
        return found.encoded, found.amplitude

    psi, amplitudes = jnp.full(size, size**-0.5), []
    for _ in range(layers):
        psi, amplitude = one(psi)
        amplitudes.append(float(amplitude))
    return amplitudes


def without_skip(values: Array, x: Array, amplitudes: Sequence[float]) -> VectorEncoding:
    """Encode layers without skip connections, each amplified from its actual amplitude.

    Args:
        values: diagonal of the weight.
        x: input vector.
        amplitudes: success amplitude of each layer.
    """
    vec: VectorEncoding = vector_encode(x)
    for amplitude in amplitudes:
        # The previous layer has an alpha of 1 / (1 - margin), for which the next polynomial is re-expanded.
        vec = amplify(
            layer(weight(values), vec), amplitude_bound=amplitude * (1 - MARGIN) ** 2, relative_eps=EPS, margin=MARGIN
        )
    return vec


def with_skip(values: Array, x: Array, bounds: Sequence[float]) -> VectorEncoding:
    """Encode blocks with skip connections, each amplified from the least amplitude over all W with a norm of 1.

    Args:
        values: diagonal of the weight.
        x: input vector.
        bounds: lower bound on the success amplitude of each block.
    """
    vec = vector_encode(x)
    weights = [weight(values)] * len(bounds)
    return amplified_network(weights, vec, eps=EPS, poly=_poly(vec), amplitude_bounds=bounds)


def _poly(vec: VectorEncoding) -> Polynomial:
    return erf(np.asarray(SCALE, vec.alpha.dtype), degree=DEGREE)


def _queries(size: int, build: Callable[[Array, Array], VectorEncoding]) -> int:
    shape = jax.ShapeDtypeStruct((size,), jnp.result_type(float))
    # Queries do not depend on values, so the circuit is built from shapes alone.
    return cost(jax.eval_shape(build, shape, shape)).depth
