"""The worst instance that gradient ascent finds: every claim is differentiable, and so is its search.

On the logarithm of the ratio, projected back onto the constraints after every step, from many starts at once: first
steps of given length, which leave flat places and reach the corners of the constraints, then Adam.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from qla_jax.claims.claim import Claim, Instance

STEPS = 400
"""Of either kind."""
STARTS = 16
LENGTH = 0.5
"""Of the first steps, for each part of an instance; it falls to a thousandth along a cosine."""
RATE = 0.05
"""Adam's, likewise."""


class Worst(NamedTuple):
    """The largest ratio that was seen, and where."""

    ratio: Array
    instance: Instance


def attack(claim: Claim, key: Array, size: int, *, starts: int = STARTS, steps: int = STEPS) -> Worst:
    """Ascends from `starts` random instances.

    Raises:
        ValueError: a claim without `project`.
    """
    project = claim.project
    if project is None:
        raise ValueError(f"`claim` must know how to project its instances, but {claim.name!r} does not.")
    first = optax.chain(_unit_steps(), optax.scale_by_learning_rate(optax.cosine_decay_schedule(LENGTH, steps, 1e-3)))
    second = optax.adam(optax.cosine_decay_schedule(RATE, steps, 1e-3))

    def objective(instance: Instance) -> Array:
        return jnp.log(claim.ratio(instance))

    def ascend(worst: Worst, optimizer: optax.GradientTransformation) -> Worst:
        def step(carry: tuple, _: None) -> tuple[tuple, None]:
            instance, state, worst = carry
            gradient = jax.tree.map(lambda g: -jnp.nan_to_num(g, posinf=0, neginf=0), jax.grad(objective)(instance))
            updates, state = optimizer.update(gradient, state)
            instance = project(optax.apply_updates(instance, updates))
            return (instance, state, _larger(worst, Worst(claim.ratio(instance), instance))), None

        start = worst.instance, optimizer.init(worst.instance), worst
        return jax.lax.scan(step, start, length=steps)[0][2]

    def climb(key: Array) -> Worst:
        start = project(claim.draw(key, size))
        return ascend(ascend(Worst(claim.ratio(start), start), first), second)

    @jax.jit
    def search(keys: Array) -> Worst:
        found = jax.vmap(climb)(keys)
        return jax.tree.map(lambda leaf: leaf[jnp.argmax(found.ratio)], found)

    return search(jax.random.split(key, starts))


def _larger(first: Worst, second: Worst) -> Worst:
    return jax.tree.map(lambda a, b: jnp.where(second.ratio > first.ratio, b, a), first, second)


def _unit_steps() -> optax.GradientTransformation:
    def update(updates: Instance, state: optax.OptState, params: Instance | None = None) -> tuple:
        del params
        return jax.tree.map(lambda g: g / jnp.maximum(jnp.linalg.norm(g.reshape(-1)), 1e-30), updates), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)
