"""Claims put to the test: random instances in one compiled call per size, an attack if asked for, and a verdict."""

from dataclasses import dataclass
from functools import partial
from operator import itemgetter

import jax
import numpy as np

from qla_jax.claims.attack import QUICK, STARTS, STEPS, Worst, attack, drawn
from qla_jax.claims.claim import Claim, Instance, Sides

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
        attacked: the largest ratio that the attack found, by size; empty without an attack.
        worst: the instance of the largest of all.
        worst_size: its size.
        measured: its measured quantity.
        bound: and its bound.
    """

    claim: Claim
    ratios: dict[int, np.ndarray]
    attacked: dict[int, float]
    worst: Instance
    worst_size: int
    measured: float
    bound: float

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
        return max([*self.random.values(), *self.attacked.values()])

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
    attacks: bool = False,
    starts: int = STARTS,
    steps: int = STEPS,
) -> Trial:
    """`trials` random instances of each size in float64, and an attack on each size if asked for.

    Args:
        claim: which.
        trials: of each size.
        seed: of all that is drawn.
        sizes: the claim's own unless given.
        attacks: whether to attack what can be attacked.
        starts: of each attack.
        steps: of each attack, of either kind.

    Raises:
        ValueError: fewer than one trial.
    """
    if trials < 1:
        raise ValueError(f"`trials` must be at least 1, but is {trials}.")
    with jax.enable_x64(True), jax.numpy_rank_promotion("allow"):
        ratios, attacked, worst = {}, {}, []
        for size in sizes or claim.sizes:
            keys = jax.random.split(jax.random.key(seed), trials + 1)
            instances = drawn(claim, keys[1:], size)
            sides = _sides(claim, instances)
            ratios[size] = np.asarray(claim.compare(sides))
            place = int(ratios[size].argmax())
            worst.append((size, jax.tree.map(itemgetter(place), Worst(claim.compare(sides), sides, instances))))
            if attacks and claim.project is not None:
                found = attack(claim, keys[0], size, starts=starts, steps=steps)
                attacked[size] = float(found.ratio)
                worst.append((size, found))
        worst_size, found = max(worst, key=lambda entry: float(entry[1].ratio))
        measured, bound = map(float, found.sides)
        return Trial(claim, ratios, attacked, found.instance, worst_size, measured, bound)


def _sides(claim: Claim, instances: Instance) -> Sides:
    @partial(jax.jit, compiler_options=QUICK)
    def sides(instances: Instance) -> Sides:
        return jax.lax.map(claim.sides, instances, batch_size=min(BATCH, count))

    count = len(jax.tree.leaves(instances)[0])
    return sides(instances)
