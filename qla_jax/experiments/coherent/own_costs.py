"""What a trained network costs in its regime, amplified: its own weights and sizes, its own numbers of blocks."""

import math
from collections.abc import Sequence

import jax
import numpy as np

from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.matrices.convolution import Convolution
from qla_jax.experiments.coherent.results import RegimeCosts, Uncounted
from qla_jax.networks.regimes import PATHS, Setting, count_of
from qla_jax.nn.trace import Traced

EPS = 1e-2
"""The error of the state in the end."""


def own_costs(traced: Traced, regime: str, eps: float = EPS) -> list[RegimeCosts | Uncounted]:
    """Return costs of the first block, the first two and so on, each with what the regime has around them, in float64.

    Weights are the trained ones; a dense one is a stored unitary, whose gates any unitary of its size takes. Errors
    beyond double precision leave a network uncounted.
    """
    weights = traced.built.weights
    with jax.enable_x64(True):
        return [_costs(traced.model.sizes, regime, eps, weights[:k]) for k in range(1, len(weights) + 1)]


def _costs(
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
