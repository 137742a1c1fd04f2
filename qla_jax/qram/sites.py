"""Which error strikes where: a function of key and site alone.

Every simulation asks here, so the same key gives the same errors to all of them, in any order and on any part of the
tree; only sites that are looked at cost anything. Uniform numbers of single precision are multiples of 2^-23, to which
a probability is rounded up: rates far below 10^-5 should be drawn in double.
"""

import jax
from jax import Array
from jaxtyping import Int

from qla_jax.qram.rates import ErrorRates


def step_key(step: Array, element: int, *, key: Array) -> Array:
    """The key of all elements of a kind (0 carrier, 1 router) after a step."""
    return jax.random.fold_in(key, 2 * step + element)


def draw(nodes: Int[Array, " nodes"], noise: ErrorRates, *, key: Array) -> tuple[Array, Array, Array]:
    """For each node, given the key of step and element: whether its bit flips, its phase flips, and it is lost."""
    dice = jax.vmap(lambda node: jax.random.uniform(jax.random.fold_in(key, node), (2,), noise.x.dtype))(nodes)
    return decide(dice[:, 0], dice[:, 1], noise)


def decide(first: Array, second: Array, noise: ErrorRates) -> tuple[Array, Array, Array]:
    """The same from two uniform numbers."""
    flips = first < noise.x + noise.y
    phase = (first >= noise.x) & (first < noise.x + noise.y + noise.z)
    return flips, phase, second < noise.loss
