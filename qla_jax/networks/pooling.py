r"""Pooling and sampling: from a state to a class.

Measuring the leading qubits of a state gives class c with the probability $y_c = \sum_{i \in
c}|\gamma_i|^2/\|\gamma\|^2$ of its block of consecutive entries. Errors carry over: states within $\delta$ of each
other give distributions within $2\delta$ in 1-norm.

References:
    Rattew et al. (2025), Lemma B.20. https://arxiv.org/abs/2510.07195
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Bool, Float, Int, Num

from qla_jax._checks import require, require_kind
from qla_jax.encodings.vector import VectorEncoding


def l2_pool(x: Num[Array, " n"], outcomes: int) -> Float[Array, " outcomes"]:
    """Outcome probabilities of the leading qubits; `outcomes` is a power of two that divides n.

    A zero vector gives zeros: nothing is measured.

    Raises:
        ValueError: outcomes that are not a power of two, or do not divide the length.
    """
    if outcomes < 1 or outcomes & (outcomes - 1) or x.shape[-1] % outcomes:
        raise ValueError(f"`outcomes` must be a power of two that divides {x.shape[-1]}, but is {outcomes}.")
    weights = jnp.square(x.real) + jnp.square(x.imag)
    blocks = weights.reshape(outcomes, -1).sum(-1)
    total = blocks.sum()
    return jnp.where(total == 0, 0, blocks / jnp.where(total == 0, 1, total))


def sample(key: Array, probabilities: Float[Array, " outcomes"], shots: int) -> Num[Array, " shots"]:
    """Outcomes of independent runs."""
    return jax.random.categorical(key, jnp.log(probabilities), shape=(shots,))


class Runs(NamedTuple):
    """What independent runs of a circuit gave.

    Attributes:
        accepted: whether all ancillas were found in |0>.
        outcomes: of the leading qubits of the system; -1 of a run that was not accepted.
        success_probability: that of being accepted.
    """

    accepted: Bool[Array, " shots"]
    outcomes: Int[Array, " shots"]
    success_probability: Array


def sample_runs(vec: VectorEncoding, key: Array, *, outcomes: int, shots: int) -> Runs:
    """Runs of a vector encoding's circuit, as they happen: ancillas are measured, and a flag that is set ends the run.

    Nothing is renormalised: a run that is not accepted gives no class. Post-selection is to look at accepted runs only.

    Raises:
        ValueError: outcomes that `l2_pool` refuses, no shots.
    """
    require_kind("vec", vec, VectorEncoding)
    require(shots > 0, f"`shots` must be positive, but is {shots}.")
    first, second = jax.random.split(key)
    probability = jnp.minimum(1, jnp.square(vec.amplitude))
    accepted = jax.random.bernoulli(first, probability, (shots,))
    classes = sample(second, l2_pool(vec.vector(), outcomes), shots)
    return Runs(accepted, jnp.where(accepted, classes, -1), probability)


def published_distribution_error(state_error: ArrayLike, size: int, outcomes: int) -> Array:
    r"""$2N\delta/\sqrt C$, Lemma B.20 as published."""
    return 2 * size * jnp.asarray(state_error) / math.sqrt(outcomes)


def distribution_error(state_error: ArrayLike) -> Array:
    r"""$\|y - \hat y\|_1 \le 2\delta$ for unit states at distance $\delta$; hence also in 2-norm."""
    return 2 * jnp.asarray(state_error)
