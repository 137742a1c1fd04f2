r"""Pooling and sampling: from an encoded state to class probabilities and sampled classes.

Measuring the leading qubits of a state gives class c with the probability $y_c = \sum_{i \in
c}|\gamma_i|^2/\|\gamma\|^2$ of a block of consecutive basis states. Two states within $\delta$ of each other have
distributions within $2\delta$ of each other in 1-norm.

References:
    Rattew et al. (2025), Lemma B.20. https://arxiv.org/abs/2510.07195
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
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

    The state is on registers, each padded to a power of two (`docs/conventions.md`, Registers). Outcomes are equal
    parts of the padded state, which qubits can distinguish. For example, three channels are padded to four, and the
    fourth outcome has probability zero.

    Args:
        x: state of any length, each axis a register; or a vector encoding. The zero vector gives zeros.
        outcomes: number of outcomes, a power of two, at most the size of the padded state.
        sizes: sizes of the registers of `x`; by default its shape, or the registers of the encoding.

    Raises:
        ValueError: no entries, outcomes that are not a power of two or more than the padded state has entries, or sizes
            that do not hold the entries of `x`.

    Example:
        >>> l2_pool(jnp.ones((3, 5)), 4).round(3).tolist(), l2_pool(jnp.ones(15), 2).round(3).tolist()
        ([0.333, 0.333, 0.333, 0.0], [0.533, 0.467])

    References:
        Rattew et al. (2025), Lemma B.20. https://arxiv.org/abs/2510.07195
    """
    if isinstance(x, VectorEncoding):
        return l2_pool(x.encoded, outcomes, sizes=x.sizes if sizes is None else sizes)
    x = as_inexact("x", x)
    require(x.size > 0, f"`x` must not be empty, but has shape {x.shape}.")
    sizes = x.shape if sizes is None else as_integers("sizes", sizes, least=1)
    require(math.prod(sizes) == x.size, f"`sizes` must hold the {x.size} entries of `x`, but is {sizes}.")
    outcomes, qubits = as_outcomes(outcomes, sizes), registers.num_qubits(sizes)
    direction, norm = unit_vector(x.reshape(-1))  # normalized first: squares of tiny or huge entries leave the floats
    weights = jnp.square(direction.real) + jnp.square(direction.imag)
    blocks = registers.embed(weights, sizes, qubits).reshape(outcomes, -1).sum(-1)
    return jnp.where(norm == 0, 0, blocks)


def as_outcomes(outcomes: int, sizes: tuple[int, ...]) -> int:
    """Return a checked number of outcomes.

    Args:
        outcomes: number of outcomes.
        sizes: sizes of the registers that are measured.

    Raises:
        ValueError: a number that is not a power of two, or exceeds the number of basis states of the registers.
    """
    outcomes, states = as_integer("outcomes", outcomes), 1 << registers.num_qubits(sizes)
    fits = 0 < outcomes <= states and outcomes & (outcomes - 1) == 0
    require(fits, f"`outcomes` must be a power of two of at most {states}, but is {outcomes}.")
    return outcomes


def never(outcomes: int, sizes: tuple[int, ...]) -> list[int]:
    """Return the outcomes that have probability zero for every state, since they are padding of the registers.

    Args:
        outcomes: number of outcomes.
        sizes: sizes of the registers that are measured.
    """
    used = np.asarray(registers.embed(jnp.ones(math.prod(sizes)), sizes, registers.num_qubits(sizes)))
    found: list[int] = np.flatnonzero(~used.reshape(outcomes, -1).any(axis=1)).tolist()
    return found


def sample(probabilities: Float[Array, " outcomes"], shots: int, *, key: Array) -> Num[Array, " shots"]:
    """Return sampled outcomes of independent runs.

    Args:
        probabilities: probability of each outcome.
        shots: number of runs.
        key: random key.
    """
    require_key("key", key)
    return jax.random.categorical(key, jnp.log(probabilities), shape=(shots,))


class Runs(NamedTuple):
    """Results of independent runs of a circuit.

    Attributes:
        accepted: True for each run that measured all ancillas in |0>.
        outcomes: outcome of the leading qubits of the registers, padding included; -1 for a run that was not accepted.
        success_probability: probability of a run to be accepted.
    """

    accepted: Bool[Array, " shots"]
    outcomes: Int[Array, " shots"]
    success_probability: Array


@default_promotion
def sample_runs(vec: VectorEncoding, *, key: Array, outcomes: int, shots: int) -> Runs:
    """Sample runs of a vector encoding's circuit: measure the ancillas and, if all are 0, the leading qubits.

    The distribution is computed from the encoded view, which equals the flagged state of the circuit up to rounding,
    so that no circuit is simulated. Nothing is renormalized: a run that is not accepted gives no class. Postselection
    uses the accepted runs only.

    Args:
        vec: vector encoding whose circuit runs.
        key: random key.
        outcomes: number of outcomes of the leading qubits of the padded registers, as for `l2_pool`.
        shots: number of runs, at least 1.

    Raises:
        ValueError: outcomes that `l2_pool` rejects, or no shots.

    Example:
        >>> vec = block_encode(jnp.eye(2), alpha=2.0) @ vector_encode(jnp.array([0.0, 1.0]))
        >>> runs = sample_runs(vec, key=jax.random.key(0), outcomes=2, shots=1000)
        >>> float(runs.success_probability), set(runs.outcomes.tolist()) == {-1, 1}
        (0.25, True)

    References:
        Rattew et al. (2025), Lemma B.20. https://arxiv.org/abs/2510.07195
    """
    require_key("key", key)
    require_kind("vec", vec, VectorEncoding)
    shots = as_integer("shots", shots, least=1)
    first, second = jax.random.split(key)
    probability = jnp.minimum(1, jnp.square(vec.amplitude))  # rounding may lift an amplitude above 1
    accepted = jax.random.bernoulli(first, probability, (shots,))
    classes = sample(l2_pool(vec, outcomes), shots, key=second)
    return Runs(accepted, jnp.where(accepted, classes, -1), probability)


def published_distribution_error(state_error: ArrayLike, size: int, outcomes: int) -> Array:
    r"""Return $2N\delta/\sqrt C$, the bound on the error of the distribution in Lemma B.20 as published.

    Args:
        state_error: distance $\delta$ of the states.
        size: number N of entries of the state.
        outcomes: number C of outcomes.
    """
    return 2 * size * jnp.asarray(state_error) / math.sqrt(outcomes)


def distribution_error(state_error: ArrayLike) -> Array:
    r"""Return the bound $\|y - \hat y\|_1 \le 2\delta$ for unit states at distance $\delta$, also valid in 2-norm."""
    return 2 * jnp.asarray(state_error)
