r"""Pooling and sampling: from a state to a class.

Measuring the leading qubits of a state gives class c with the probability $y_c = \sum_{i \in
c}|\gamma_i|^2/\|\gamma\|^2$ of its block of consecutive basis states. Errors carry over: states within $\delta$ of each
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

from qla_jax._checks import as_inexact, as_integer, as_integers, require, require_key, require_kind
from qla_jax._modes import default_promotion
from qla_jax.encodings.base import registers
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.linalg.preparation import unit_vector


@default_promotion
def l2_pool(
    x: Num[Array, " n"] | VectorEncoding, outcomes: int, *, sizes: tuple[int, ...] | None = None
) -> Float[Array, " outcomes"]:
    r"""Return the outcome probabilities of the leading qubits of a state.

    The state stands on registers, each padded to a power of two (`docs/conventions.md`, Registers). Outcomes are parts
    of the padded state, since these are what qubits can tell apart: of three channels padded to four, the fourth
    outcome has probability zero.

    Args:
        x: a state, unit or not; each axis is a register. Of a vector encoding, the encoded vector on its registers.
            The zero vector gives zeros: nothing is measured.
        outcomes: number of outcomes, a power of two, at most the size of the padded state.
        sizes: registers that the entries of `x` stand on; its shape, or the registers of the encoding, unless given.

    Raises:
        ValueError: no entries, outcomes that are not a power of two or more than the padded state has entries, or sizes
            that do not hold the entries of `x`.

    Example:
        >>> l2_pool(jnp.ones((3, 5)), 4).round(3).tolist(), l2_pool(jnp.ones(15), 2).round(3).tolist()
        ([0.333, 0.333, 0.333, 0.0], [0.533, 0.467])
    """
    if isinstance(x, VectorEncoding):
        return l2_pool(x.encoded, outcomes, sizes=x.sizes if sizes is None else sizes)
    x = as_inexact("x", x)
    require(x.size > 0, f"`x` must not be empty, but has shape {x.shape}.")
    sizes = x.shape if sizes is None else as_integers("sizes", sizes, least=1)
    require(math.prod(sizes) == x.size, f"`sizes` must hold the {x.size} entries of `x`, but is {sizes}.")
    outcomes, qubits = as_outcomes(outcomes, sizes), registers.num_qubits(sizes)
    direction, norm = unit_vector(x.reshape(-1))  # scaled first: squares of tiny or huge entries leave the floats
    weights = jnp.square(direction.real) + jnp.square(direction.imag)
    blocks = registers.embed(weights, sizes, qubits).reshape(outcomes, -1).sum(-1)
    return jnp.where(norm == 0, 0, blocks)


def as_outcomes(outcomes: int, sizes: tuple[int, ...]) -> int:
    """Return `outcomes` as an integer.

    Raises:
        ValueError: not a power of two, or more than the basis states of registers of these sizes.
    """
    outcomes, states = as_integer("outcomes", outcomes), 1 << registers.num_qubits(sizes)
    fits = 0 < outcomes <= states and outcomes & (outcomes - 1) == 0
    require(fits, f"`outcomes` must be a power of two of at most {states}, but is {outcomes}.")
    return outcomes


def sample(probabilities: Float[Array, " outcomes"], shots: int, *, key: Array) -> Num[Array, " shots"]:
    """Outcomes of independent runs."""
    require_key("key", key)
    return jax.random.categorical(key, jnp.log(probabilities), shape=(shots,))


class Runs(NamedTuple):
    """Results of independent runs of a circuit.

    Attributes:
        accepted: whether all ancillas were found in |0>.
        outcomes: outcome of the leading qubits of the registers, padding included; -1 for a run that was not accepted.
        success_probability: probability of a run to be accepted.
    """

    accepted: Bool[Array, " shots"]
    outcomes: Int[Array, " shots"]
    success_probability: Array


@default_promotion
def sample_runs(vec: VectorEncoding, *, key: Array, outcomes: int, shots: int) -> Runs:
    """Sample runs of a vector encoding's circuit: ancillas are measured, and a flag that is set ends the run.

    The distribution is taken from the encoded view, which equals the flagged state of the circuit to rounding; no
    circuit is simulated here. Nothing is renormalized: a run that is not accepted gives no class, and post-selection
    is to look at accepted runs only.

    Args:
        vec: the circuit.
        key: random key.
        outcomes: number of outcomes of the leading qubits of the padded registers, as for `l2_pool`.
        shots: number of runs, at least 1.

    Raises:
        ValueError: outcomes that `l2_pool` refuses, no shots.
    """
    require_key("key", key)
    require_kind("vec", vec, VectorEncoding)
    shots = as_integer("shots", shots, least=1)
    first, second = jax.random.split(key)
    probability = jnp.minimum(1, jnp.square(vec.amplitude))
    accepted = jax.random.bernoulli(first, probability, (shots,))
    classes = sample(l2_pool(vec, outcomes), shots, key=second)
    return Runs(accepted, jnp.where(accepted, classes, -1), probability)


def published_distribution_error(state_error: ArrayLike, size: int, outcomes: int) -> Array:
    r"""$2N\delta/\sqrt C$, Lemma B.20 as published."""
    return 2 * size * jnp.asarray(state_error) / math.sqrt(outcomes)


def distribution_error(state_error: ArrayLike) -> Array:
    r"""$\|y - \hat y\|_1 \le 2\delta$ for unit states at distance $\delta$; hence also in 2-norm."""
    return 2 * jnp.asarray(state_error)
