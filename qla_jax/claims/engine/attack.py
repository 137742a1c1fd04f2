"""The worst instance that gradient ascent finds: every claim is differentiable, and so is its search.

On the logarithm of the ratio, projected back onto the constraints after every step, from many starts at once: first
steps of given length, which leave flat places and reach the corners of the constraints, then Adam from the worst of
these.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from qla_jax.claims.engine.claim import Claim, Instance, Sides
from qla_jax.compiling import QUICK

STEPS = 400
"""Of either kind."""
STARTS = 16
LENGTH = 0.5
"""Of the first steps, for each part of an instance; it falls to a thousandth along a cosine."""
RATE = 0.05
"""Adam's, likewise."""
LEAST = 1e-3


class Worst(NamedTuple):
    """The largest ratio that was seen, its two sides, and where."""

    ratio: Array
    sides: Sides
    instance: Instance


def attack(claim: Claim, size: int, *, key: Array, starts: int = STARTS, steps: int = STEPS) -> Worst:
    """Ascends from `starts` random instances.

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
        positive = jnp.where(ratio > 0, ratio, 1)  # sides of opposite signs have a ratio below 0, without a logarithm
        return -jnp.where(ratio > 0, jnp.log(positive), ratio), Worst(ratio, sides, instance)

    def step(carry: tuple, time: Array) -> tuple[tuple, None]:
        instance, state, worst = carry
        instance = _choose(time == steps, worst.instance, instance)
        (_, seen), gradient = jax.value_and_grad(objective, has_aux=True)(instance)
        worst = _choose(seen.ratio > worst.ratio, seen, worst)
        gradient = jax.tree.map(lambda g: jnp.nan_to_num(g, posinf=0, neginf=0), gradient)
        straight = jax.tree.map(lambda g: -lengths(time) * _direction(g), gradient)
        smooth, moved = adam.update(gradient, state)
        first = time < steps
        state = _choose(first, state, moved)
        return (project(optax.apply_updates(instance, _choose(first, straight, smooth))), state, worst), None

    def climb(start: Instance) -> Worst:
        start = project(start)
        zero = jnp.zeros(())
        worst = Worst(zero, Sides(zero, zero), start)
        return jax.lax.scan(step, (start, adam.init(start), worst), jnp.arange(2 * steps + 1))[0][2]

    @partial(jax.jit, compiler_options=QUICK)
    def search(drawn: Instance) -> Worst:
        found = jax.vmap(climb)(drawn)
        return jax.tree.map(lambda leaf: leaf[jnp.argmax(found.ratio)], found)

    return search(drawn(claim, jax.random.split(key, starts), size))


def drawn(claim: Claim, keys: Array, size: int) -> Instance:
    """An instance for each key, stacked. Not compiled as a whole: its parts are the same for many claims."""
    return jax.vmap(lambda key: claim.draw(size, key=key))(keys)


def _choose(first: Array, one: Any, other: Any) -> Any:
    return jax.tree.map(lambda a, b: jnp.where(first, a, b), one, other)


def _direction(gradient: Array) -> Array:
    return gradient / jnp.maximum(jnp.linalg.norm(gradient.reshape(-1)), 1e-30)
