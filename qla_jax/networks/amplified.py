r"""Residual networks whose blocks are amplified to $\alpha \approx 1$ before the next block uses them: Lemmas 6 and 7.

The skip connection proves a lower bound on the success amplitude for every unit input. Amplification needs this bound,
and the length of the circuit follows from the bound alone. Without amplification the alphas of the blocks multiply.

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
"""Allowed distance of an input's length from 1 in addition to its error: earlier amplifications change the length."""


def amplified_block(
    block: SkipNormBlock | TerminalBlock, *, eps: float, amplitude_bound: float | None = None, margin: float = 1e-3
) -> AmplifiedVector:
    r"""Amplify a residual or terminal block to $\alpha = 1/(1 - \text{margin})$: the last step of Lemmas 6 and C.1.

    The encoded unit vector does not change, and one ancilla is added to those of the block. The paper has
    $2(a + b) + n + 9$ ancillas for an amplified skip norm block; here they are at most
    $\max(a, b) + n + \lceil\log_2\frac{k+1}2\rceil + 4$ for a polynomial of degree k.

    Args:
        block: block whose input is a unit vector.
        eps: error of the amplification relative to the length of the block's vector; the error of the block is added.
        amplitude_bound: proven lower bound on the success amplitude; by default the block's `least_amplitude`, for
            which the block must be concrete.
        margin: distance of the polynomial of the amplification from 1, between 0 and 1.

    Raises:
        ValueError: the conditions of `amplify`, a traced block without an `amplitude_bound`, an encoding that is no
            block, or a block whose input is not a unit vector.

    Example:
        >>> block = skip_norm_block(block_encode_pauli({"X": 1.0}), vector_encode(jnp.array([0.6, 0.8])))
        >>> amplified = amplified_block(block, eps=1e-2)
        >>> round(float(block.amplitude), 2), round(float(amplified.amplitude), 1)
        (0.94, 1.0)

    References:
        Rattew et al. (2025), Lemmas 6 and C.1. https://arxiv.org/abs/2510.07195
    """
    require(
        isinstance(block, SkipNormBlock | TerminalBlock),
        f"`block` must be a SkipNormBlock or a TerminalBlock, but is a {type(block).__name__}; see `amplify`.",
    )
    size = length(block.part.encoded)
    # The bound of the skip connection holds for unit vectors only; traced inputs are trusted.
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
    """Return a residual network of skip norm blocks, each of which is amplified before the next one: Lemma 7.

    Args:
        weights: block encodings of the weights, first to last.
        vec: vector encoding of the input, a unit vector.
        eps: error of each amplification relative to the length of the vector, one number for all blocks or one for
            each.
        poly: odd polynomial of the activation; by default the approximant of erf(4x/5) of degree 7.
        amplitude_bounds: proven lower bounds on the success amplitudes of the blocks, needed inside jit.

    Raises:
        ValueError: no weights, unequally many weights and errors or bounds, or the conditions of `amplified_block` and
            `skip_norm_block`.

    Example:
        >>> weight = block_encode_pauli({"X": 1.0})
        >>> vec = amplified_network([weight, weight], vector_encode(jnp.array([0.6, 0.8])), eps=1e-2)
        >>> round(float(vec.amplitude), 1)
        1.0

    References:
        Rattew et al. (2025), Lemma 7. https://arxiv.org/abs/2510.07195
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
