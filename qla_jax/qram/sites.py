"""Errors at sites as a function of the random key and the site alone.

Every simulation takes its errors from here. So the same key gives the same errors to all of them, in any order and on
any part of the tree, and only sites that a simulation visits cost time. Uniform numbers in single precision are
multiples of 2^-23, to which a probability is rounded up: rates far below 10^-5 should be drawn in double precision.
"""

import jax
from jax import Array
from jaxtyping import Int

from qla_jax.qram.rates import ErrorRates


def step_key(step: Array, element: int, *, key: Array) -> Array:
    """Return the random key of all elements of one kind after a step.

    Args:
        step: number of the step.
        element: kind of the element, 0 for carriers and 1 for routers.
        key: random key of the trajectory.
    """
    return jax.random.fold_in(key, 2 * step + element)


def draw(nodes: Int[Array, " nodes"], noise: ErrorRates, *, key: Array) -> tuple[Array, Array, Array]:
    """Draw, for each node, whether its bit flips, its phase flips, and the bit is lost.

    Args:
        nodes: numbers of the nodes.
        noise: error rates at the sites.
        key: random key of step and element, from `step_key`.
    """
    dice = jax.vmap(lambda node: jax.random.uniform(jax.random.fold_in(key, node), (2,), noise.x.dtype))(nodes)
    return decide(dice[:, 0], dice[:, 1], noise)


def decide(first: Array, second: Array, noise: ErrorRates) -> tuple[Array, Array, Array]:
    """Return bit flips, phase flips and losses that two uniform numbers per node decide.

    Args:
        first: uniform numbers that decide the Pauli error.
        second: uniform numbers that decide the loss.
        noise: error rates at the sites.
    """
    flips = first < noise.x + noise.y
    phase = (first >= noise.x) & (first < noise.x + noise.y + noise.z)
    return flips, phase, second < noise.loss
