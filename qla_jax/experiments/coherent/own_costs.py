"""What a trained network costs in its regime, amplified: its own weights and sizes, its own numbers of blocks."""

import math
from collections.abc import Sequence

import jax
import numpy as np

from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.matrices.convolution import Convolution
from qla_jax.experiments.coherent.evaluation import in_double
from qla_jax.networks.regimes import PATHS, Setting, count_of
from qla_jax.nn import CoherentResNet

EPS = 1e-2
"""The error of the state in the end."""


def own_costs(model: CoherentResNet, regime: str, eps: float = EPS) -> list[dict]:
    """A row for the first block, the first two and so on, each with what the regime has around them, in float64.

    Weights are the trained ones; a dense one is a stored unitary, whose gates any unitary of its size takes. A row
    without counts asks for errors beyond double precision.
    """
    with jax.enable_x64(True):
        weights = in_double(model).encodings()
        alphas = [float(enc.alpha) for enc in weights]
        return [_row(model, regime, eps, alphas[:k], weights[:k]) for k in range(1, len(weights) + 1)]


def _row(
    model: CoherentResNet, regime: str, eps: float, alphas: Sequence[float], weights: Sequence[BlockEncoding]
) -> dict:
    setting = _setting(model, regime, eps, weights[0], len(weights))
    row = {"blocks": len(weights), "eps": eps, "classical": _classical(setting, weights[0])}
    try:
        return row | vars(count_of(setting, alphas, weights))
    except ValueError:
        return row


def _setting(model: CoherentResNet, regime: str, eps: float, weight: BlockEncoding, blocks: int) -> Setting:
    size = math.prod(model.sizes)
    entries = size if regime == "a" else round(size ** (1 / PATHS))
    if isinstance(weight, Convolution):
        return Setting(regime, entries, blocks, eps, channels=model.sizes[0], taps=weight.kernel.shape[-1])
    return Setting(regime, entries, blocks, eps, channels=1)


def _classical(setting: Setting, weight: BlockEncoding) -> int:
    """Multiplications of the exact network: every one that a weight stands for, and those of a terminal block."""
    if isinstance(weight, Convolution):
        return setting.classical
    return setting.blocks * int(np.prod(weight.shape)) + setting.terminal * setting.size**2
