r"""Lemmas 6 and 7 whole: blocks amplified to $\alpha = 1$, each before the next one uses it.

The skip connection proves what amplification needs, a lower bound on the flagged amplitude for every unit input; the
length of the circuit follows from it alone. Without amplification the alphas of blocks multiply.

References:
    Rattew et al. (2025), Lemmas 6, 7 and C.1. https://arxiv.org/abs/2510.07195
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from qla_jax._checks import as_tuple, is_concrete, require
from qla_jax._modes import known_stays_known
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.linalg.preparation import length
from qla_jax.networks.residual import SkipNormBlock, skip_norm_block
from qla_jax.networks.terminal import TerminalBlock
from qla_jax.polynomials import Polynomial
from qla_jax.transforms.amplification import AmplifiedVector, amplify

UNIT = 1e-3
"""What the length of an input may differ from 1 by, beside its error: amplification has changed it already."""


def amplified_block(
    block: SkipNormBlock | TerminalBlock, *, eps: float, amplitude_bound: float | None = None, margin: float = 1e-3
) -> AmplifiedVector:
    r"""The last step of Lemmas 6 and C.1: the same unit vector with $\alpha = 1/(1 - \text{margin})$, one ancilla more.

    A skip norm block has $2(a + b) + n + \lceil\log_2\frac{k+1}2\rceil + 2$ ancillas then, for degree k; the paper has
    $2(a + b) + n + 9$.

    Args:
        block: on a unit vector.
        eps: error of the amplification; that of the block comes on top.
        amplitude_bound: a proven lower bound on the flagged amplitude; unless given the block's `least_amplitude`,
            for which the block has to be known.
        margin: how far the polynomial of the amplification is kept below 1.

    Raises:
        ValueError: what `amplify` raises; a traced block without an `amplitude_bound`; no block, or one whose input is
            seen not to be a unit vector.
    """
    require(
        isinstance(block, SkipNormBlock | TerminalBlock),
        f"`block` must be a SkipNormBlock or a TerminalBlock, but is a {type(block).__name__}; see `amplify`.",
    )
    size = length(block.part.encoded)
    if is_concrete(size):
        unit = abs(float(size) - 1) <= float(block.part.eps) + UNIT
        require(unit, f"`block` must stand on a unit vector, but its input has the length {size}; see `normalize`.")
    if amplitude_bound is None:
        with known_stays_known(block):
            least = block.least_amplitude
        require(is_concrete(least), "`amplitude_bound` must be given inside jit: the circuit's length follows from it.")
        amplitude_bound = float(least)
    return amplify(block, amplitude_bound=amplitude_bound, relative_eps=eps, margin=margin)


def amplified_network(
    weights: Sequence[BlockEncoding],
    vec: VectorEncoding,
    *,
    eps: float | Sequence[float],
    poly: Polynomial | None = None,
    amplitude_bounds: Sequence[float] | None = None,
) -> AmplifiedVector:
    """Lemma 7: blocks in a row, each amplified; `eps` is one number for all amplifications, or one for each.

    Raises:
        ValueError: no weights, a number of errors or bounds other than that of weights, or what `amplified_block` and
            `skip_norm_block` raise.
    """
    weights = as_tuple("weights", weights, BlockEncoding)
    require(len(weights) > 0, "`weights` must hold at least one block encoding, but is empty.")
    errors: list[Any] = [eps] * len(weights) if np.ndim(eps) == 0 else list(np.asarray(eps))
    bounds = [None] * len(weights) if amplitude_bounds is None else list(amplitude_bounds)
    for name, given in (("eps", errors), ("amplitude_bounds", bounds)):
        require(len(given) == len(weights), f"`{name}` must match {len(weights)} weights, but there are {len(given)}.")
    for weight, error, bound in zip(weights, errors, bounds, strict=True):
        vec = amplified_block(skip_norm_block(weight, vec, poly=poly), eps=error, amplitude_bound=bound)
    assert isinstance(vec, AmplifiedVector)
    return vec
