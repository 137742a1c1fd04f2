r"""Pooling and sampling: from a state to a class.

Measuring the leading qubits of a state gives class c with the probability $y_c = \sum_{i \in
c}|\gamma_i|^2/\|\gamma\|^2$ of its block of consecutive entries. Errors carry over: states within $\delta$ of each
other give distributions within $2\delta$ in 1-norm.

References:
    Rattew et al. (2025), Lemma B.20. https://arxiv.org/abs/2510.07195
"""

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Num


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


def distribution_error(state_error: ArrayLike) -> Array:
    r"""$\|y - \hat y\|_1 \le 2\delta$ for unit states at distance $\delta$; hence also in 2-norm."""
    return 2 * jnp.asarray(state_error)
