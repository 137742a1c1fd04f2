"""Costs of a trained coherent network: of its circuit block by block, and of the amplified network in a regime.

Regime (a) reads its input from a quantum memory, (b) and (c) load two vectors and work on their product; `count_of` of
`qla_jax.networks.regimes` has the details.

References:
    Rattew et al. (2025), Theorem 2 and Figure 1. https://arxiv.org/abs/2510.07195
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from qla_jax.accounting.costs import cost
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.matrices.convolution import Convolution
from qla_jax.networks.regimes import PATHS, Counts, Setting, count_of
from qla_jax.networks.residual import SCALE, chain
from qla_jax.nn.trace import Traced
from qla_jax.polynomials import chebyshev, erf

EPS = 1e-2
"""Default error of the output state, a Euclidean distance of unit vectors."""


@dataclass(frozen=True)
class BlockCosts:
    """Costs of the unamplified circuit from the input to one block.

    Attributes:
        block: number of the block, from 1.
        num_ancillas: number of ancilla qubits.
        num_qubits: number of system qubits and ancillas.
        queries: queries to the weights and to the input together.
        num_queries: queries to each leaf of the encoding tree, by name.
        amplitude_alone: mean success amplitude of the block on an amplified input.
        amplitude_of_amplified_weight: mean success amplitude with a weight amplified to subnormalization 2.
        log10_amplitude_unamplified: decimal logarithm of the circuit's success amplitude, median over images; None if
            the amplitude of an image vanishes.
    """

    block: int
    num_ancillas: int
    num_qubits: int
    queries: int
    num_queries: dict[str, int]
    amplitude_alone: float
    amplitude_of_amplified_weight: float
    log10_amplitude_unamplified: float | None


@dataclass(frozen=True)
class Costs:
    """Costs of a coherent network, block by block.

    Attributes:
        blocks: costs of the circuit up to each block.
        note: description of the queries that are counted.
    """

    blocks: list[BlockCosts]
    note: str = "queries to the weights and the input, their adjoints included; no amplification"


@dataclass(frozen=True)
class Uncounted:
    """Amplified network whose error is out of reach of double precision, so that its queries are not counted.

    Attributes:
        blocks: number of blocks.
        eps: error of the output state, a Euclidean distance of unit vectors.
        classical: multiplications that a classical computer takes for the same network.
    """

    blocks: int
    eps: float
    classical: int


@dataclass(frozen=True)
class RegimeCosts(Counts):
    """Counts of the amplified network in its regime.

    Attributes:
        blocks: number of blocks.
        eps: error of the output state, a Euclidean distance of unit vectors.
        classical: multiplications that a classical computer takes for the same network.
    """

    blocks: int
    eps: float
    classical: int


def costs(traced: Traced) -> Costs:
    """Return the costs of the unamplified circuit up to each block, and the success amplitude of each block alone.

    The amplitude of a block alone is that on an amplified input, once with the weights as they are and once with the
    weights amplified to subnormalization 2. Without amplification the amplitude of a convolution vanishes, since its
    subnormalization is the 1-norm of its kernel.

    Args:
        traced: trained network with its images.
    """
    found, model = traced.trace, traced.model
    alone, norm = found.alone.mean(0), found.norm.mean(0)
    with jax.enable_x64(True):
        # The normalization of the activation of a weight with alpha 2, as Lemma 5 leaves it.
        rescaled = chebyshev.rescale(erf(SCALE, degree=model.degree).coeffs, 2.0)
        activation = float(np.abs(chebyshev.quotient(rescaled)).sum())
        network = jax.eval_shape(model.encode, jnp.asarray(traced.images[0], jnp.float64))
    rows = []
    for number, block in enumerate(chain(network)):
        total, size = cost(block), -found.log_alpha[:, number] / math.log(10)
        rows.append(
            BlockCosts(
                block=number + 1,
                num_ancillas=total.num_ancillas,
                num_qubits=total.num_qubits,
                queries=sum(total.num_queries.values()),
                num_queries=dict(total.num_queries),
                amplitude_alone=float(alone[number]),
                amplitude_of_amplified_weight=float(norm[number]) / (1 + activation),
                log10_amplitude_unamplified=float(np.median(size)) if np.isfinite(size).all() else None,
            )
        )
    return Costs(rows)


def regime_costs(traced: Traced, regime: str, eps: float = EPS) -> list[RegimeCosts | Uncounted]:
    """Return the costs of the first k blocks for each k, with the loading and the terminal block of the regime.

    The weights are the trained ones. A dense weight counts as a stored unitary, with the gates of any unitary of its
    size. A network whose error is out of reach of double precision is `Uncounted`.

    Args:
        traced: trained network with its images.
        regime: "a", "b" or "c".
        eps: error of the output state, a Euclidean distance of unit vectors.
    """
    weights = traced.built.weights
    with jax.enable_x64(True):
        return [_in_regime(traced.model.sizes, regime, eps, weights[:k]) for k in range(1, len(weights) + 1)]


def _in_regime(
    sizes: tuple[int, ...], regime: str, eps: float, weights: Sequence[BlockEncoding]
) -> RegimeCosts | Uncounted:
    size, first = math.prod(sizes), weights[0]
    entries = size if regime == "a" else round(size ** (1 / PATHS))
    if isinstance(first, Convolution):
        setting = Setting(regime, entries, len(weights), eps, channels=sizes[0], taps=first.kernel.shape[-1])
        classical = setting.classical
    else:  # all entries of the dense weights, and those of a terminal block
        setting = Setting(regime, entries, len(weights), eps, channels=1)
        classical = setting.blocks * int(np.prod(first.shape)) + setting.terminal * setting.size**2
    try:
        counted = count_of(setting, [float(enc.alpha) for enc in weights], weights)
    except ValueError:
        return Uncounted(len(weights), eps, classical)
    return RegimeCosts(**vars(counted), blocks=len(weights), eps=eps, classical=classical)
