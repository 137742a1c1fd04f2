"""What a trained coherent network costs: its circuit block by block, and amplified in a regime of the paper."""

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
"""The error of the state in the end."""


@dataclass(frozen=True)
class BlockCosts:
    """Costs of the unamplified circuit up to a block.

    Attributes:
        block: number of the block.
        num_ancillas: ancilla qubits.
        num_qubits: all qubits.
        queries: calls of the weights and the input.
        num_queries: calls by leaf.
        amplitude_alone: mean flagged amplitude of the block on an amplified input.
        amplitude_of_amplified_weight: the same with a weight amplified to twice its norm.
        log10_amplitude_unamplified: flagged amplitude of the circuit, median over images; null where it vanishes.
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
    """Costs by block, and what they count."""

    blocks: list[BlockCosts]
    note: str = "queries to the weights and the input, their adjoints included; no amplification"


@dataclass(frozen=True)
class Uncounted:
    """Number of blocks, error in the end, multiplications of the exact network; counts are beyond double precision."""

    blocks: int
    eps: float
    classical: int


@dataclass(frozen=True)
class RegimeCosts(Counts):
    """Counts of the amplified network in its regime, and the fields of `Uncounted`."""

    blocks: int
    eps: float
    classical: int


def costs(traced: Traced) -> Costs:
    """Return costs of the circuit up to each block, unamplified, and each block's own amplitude on an amplified input.

    The amplitude is that of the weights as they are, and that of weights amplified to twice their norm: of a
    convolution the former vanishes, since its alpha is the 1-norm of its kernel.
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
    """Return costs of the first block, the first two and so on, each with what the regime has around them, in float64.

    Weights are the trained ones; a dense one is a stored unitary, whose gates any unitary of its size takes. Errors
    beyond double precision leave a network uncounted.
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
    else:  # every multiplication that a weight stands for, and those of a terminal block
        setting = Setting(regime, entries, len(weights), eps, channels=1)
        classical = setting.blocks * int(np.prod(first.shape)) + setting.terminal * setting.size**2
    try:
        counted = count_of(setting, [float(enc.alpha) for enc in weights], weights)
    except ValueError:
        return Uncounted(len(weights), eps, classical)
    return RegimeCosts(**vars(counted), blocks=len(weights), eps=eps, classical=classical)
