"""Claims put to the test: random and known instances in one compiled call per size, an attack, and a verdict."""

from dataclasses import dataclass
from functools import partial
from operator import itemgetter

import jax
import jax.numpy as jnp
import numpy as np

from qla_jax.claims.attack import STARTS, STEPS, Worst, attack, drawn
from qla_jax.claims.claim import Claim, Instance, Sides
from qla_jax.claims.corpus import known
from qla_jax.compiling import QUICK
from qla_jax.mapping import map_in_batches

VIOLATED = 1 + 1e-6
"""A ratio above this is no rounding."""
TIGHT = 0.9
BATCH = 500
"""Instances at a time: a circuit with all of its ancillas is large."""


@dataclass(frozen=True)
class Trial:
    """What became of a claim.

    Attributes:
        claim: which.
        ratios: of the random instances, by size.
        known: those of the instances that are kept with the claim, by size.
        attacked: the largest ratio that the attack found, by size; empty without an attack.
        worst_of: what has the largest of all, by size.
    """

    claim: Claim
    ratios: dict[int, np.ndarray]
    known: dict[int, float]
    attacked: dict[int, float]
    worst_of: dict[int, Worst]

    @property
    def worst_size(self) -> int:
        """The size of the instance with the largest ratio."""
        return max(self.worst_of, key=lambda size: float(self.worst_of[size].ratio))

    @property
    def worst(self) -> Instance:
        """That instance."""
        return self.worst_of[self.worst_size].instance

    @property
    def measured(self) -> float:
        """Its measured quantity."""
        return float(self.worst_of[self.worst_size].sides.measured)

    @property
    def bound(self) -> float:
        """And its bound."""
        return float(self.worst_of[self.worst_size].sides.bound)

    @property
    def trials(self) -> int:
        """How many random instances."""
        return sum(len(ratios) for ratios in self.ratios.values())

    @property
    def random(self) -> dict[int, float]:
        """The largest ratio among the random instances, by size."""
        return {size: float(ratios.max()) for size, ratios in self.ratios.items()}

    @property
    def ratio(self) -> float:
        """The largest of all."""
        return max([*self.random.values(), *self.known.values(), *self.attacked.values()])

    @property
    def verdict(self) -> str:
        """Whether it holds, and how loosely."""
        if not np.isfinite(self.ratio):
            return "not proven: a bound is not finite"
        if self.ratio > VIOLATED:
            return f"violated by {self.ratio:.3g}"
        if self.claim.relation == "==":
            return "holds to rounding"
        return "tight" if self.ratio >= TIGHT else f"holds, loose by {1 / max(self.ratio, 1e-12):.3g}"

    @property
    def passed(self) -> bool:
        """As it was meant to: a negative control has to be violated."""
        return np.isfinite(self.ratio) and (self.ratio <= VIOLATED) == self.claim.true


def examine(
    claim: Claim,
    *,
    trials: int,
    seed: int = 0,
    sizes: tuple[int, ...] | None = None,
    kept: dict[int, Instance] | None = None,
    attacks: bool = False,
    starts: int = STARTS,
    steps: int = STEPS,
) -> Trial:
    """`trials` random instances of each size in float64, the one that is kept, and an attack on each if asked for.

    Args:
        claim: which.
        trials: of each size.
        seed: of all that is drawn.
        sizes: the claim's own unless given.
        kept: instances to look at besides, by size; unless given those of `known`, on which attacks do not build.
        attacks: whether to attack what can be attacked.
        starts: of each attack.
        steps: of each attack, of either kind.

    Raises:
        ValueError: fewer than one trial.
    """
    if trials < 1:
        raise ValueError(f"`trials` must be at least 1, but is {trials}.")
    with jax.enable_x64(True), jax.numpy_rank_promotion("allow"):
        kept = known(claim.name) if kept is None else kept
        trial = Trial(claim, {}, {}, {}, {})
        for size in sizes or claim.sizes:
            keys = jax.random.split(jax.random.key(seed), trials + 1)
            instances = drawn(claim, keys[1:], size)
            if size in kept:
                instances = jax.tree.map(lambda many, one: jnp.concatenate([many, one[None]]), instances, kept[size])
            sides = _sides(claim, instances)
            found = Worst(claim.compare(sides), sides, instances)
            ratios = np.asarray(found.ratio)
            trial.ratios[size] = ratios[:trials]
            if size in kept:
                trial.known[size] = float(ratios[trials])
            worst = jax.tree.map(itemgetter(int(ratios.argmax())), found)
            if attacks and claim.project is not None:
                attacked = attack(claim, keys[0], size, starts=starts, steps=steps)
                trial.attacked[size] = float(attacked.ratio)
                worst = max(worst, attacked, key=lambda one: float(one.ratio))
            trial.worst_of[size] = worst
        return trial


def _sides(claim: Claim, instances: Instance) -> Sides:
    @partial(jax.jit, compiler_options=QUICK)
    def sides(instances: Instance) -> Sides:
        return map_in_batches(claim.sides, instances, BATCH)

    return sides(instances)
