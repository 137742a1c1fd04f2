"""Attack on a claim by gradient ascent, which every differentiable claim allows.

The ascent follows the logarithm of the ratio from many starts at once, and projects back onto the constraints after
every step. It first takes steps of given length, which leave flat places and reach the corners of the constraints. Adam
continues from the worst instance of these steps.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from qla_jax._modes import varying_like
from qla_jax.claims.engine.claim import Claim, Instance, Sides
from qla_jax.compiling import quick_options
from qla_jax.meshes import batched

STEPS = 400
"""Number of steps of either kind."""
STARTS = 16
LENGTH = 0.5
"""Length of the first steps for each part of an instance; it decays to a thousandth along a cosine."""
RATE = 0.05
"""Learning rate of Adam, with the same decay."""
LEAST = 1e-3


class Worst(NamedTuple):
    """Instance with the largest ratio, with the ratio and its two sides."""

    ratio: Array
    sides: Sides
    instance: Instance


def attack(claim: Claim, size: int, *, key: Array, starts: int = STARTS, steps: int = STEPS) -> Worst:
    """Search for an instance with a large ratio by ascent from random starts.

    Args:
        claim: claim to attack.
        size: size of the instances.
        key: random key of the starts.
        starts: number of starts.
        steps: number of steps of either kind.

    Raises:
        ValueError: a claim without `project`.
    """
    project = claim.project
    if project is None:
        raise ValueError(f"`claim` must know how to project its instances, but {claim.name!r} does not.")
    adam = optax.adam(optax.cosine_decay_schedule(RATE, steps, LEAST))
    lengths = optax.cosine_decay_schedule(LENGTH, steps, LEAST)

    def objective(instance: Instance) -> tuple[Array, Worst]:
        sides = claim.sides(instance)
        ratio = claim.compare(sides)
        # sides of opposite signs have a ratio below 0, which has no logarithm
        positive = jnp.where(ratio > 0, ratio, 1)
        return -jnp.where(ratio > 0, jnp.log(positive), ratio), Worst(ratio, sides, instance)

    def step(carry: tuple, time: Array) -> tuple[tuple, None]:
        instance, state, worst = carry
        # Adam starts from the worst instance of the first phase.
        instance = _choose(time == steps, worst.instance, instance)
        (_, seen), gradient = jax.value_and_grad(objective, has_aux=True)(instance)
        worst = _choose(seen.ratio > worst.ratio, seen, worst)
        # A part whose gradient is infinite or NaN, as at the kink of a norm, stays where it is in this step.
        gradient = jax.tree.map(lambda g: jnp.nan_to_num(g, posinf=0, neginf=0), gradient)
        straight = jax.tree.map(lambda g: -lengths(time) * _direction(g), gradient)
        smooth, moved = adam.update(gradient, state)
        first = time < steps
        state = _choose(first, state, moved)
        return (project(optax.apply_updates(instance, _choose(first, straight, smooth))), state, worst), None

    def climb(start: Instance) -> Worst:
        start = project(start)
        zero, state = varying_like((jnp.zeros(()), adam.init(start)), start)
        worst = Worst(zero, Sides(zero, zero), start)
        return jax.lax.scan(step, (start, state, worst), jnp.arange(2 * steps + 1))[0][2]

    @partial(jax.jit, compiler_options=quick_options())
    def search(drawn: Instance) -> Worst:
        found = batched(climb)(drawn)
        return jax.tree.map(lambda leaf: leaf[jnp.argmax(found.ratio)], found)

    return search(drawn(claim, jax.random.split(key, starts), size))


def drawn(claim: Claim, keys: Array, size: int) -> Instance:
    """Draw an instance for each key, and stack them.

    The draw is not compiled as a whole, since its parts are shared by many claims and compiled once.

    Args:
        claim: claim whose instances are drawn.
        keys: one random key for each instance.
        size: size of the instances.
    """
    return jax.vmap(lambda key: claim.draw(size, key=key))(keys)


def _choose(first: Array, one: Any, other: Any) -> Any:
    return jax.tree.map(lambda a, b: jnp.where(first, a, b), one, other)


def _direction(gradient: Array) -> Array:
    return gradient / jnp.maximum(jnp.linalg.norm(gradient.reshape(-1)), 1e-30)
