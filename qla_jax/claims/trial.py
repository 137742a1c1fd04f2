"""Claims put to the test: random instances in one vmapped call per size, an attack if asked for, and a verdict."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from qla_jax.claims.attack import STARTS, STEPS, attack
from qla_jax.claims.claim import Claim, Instance

VIOLATED = 1 + 1e-6
"""A ratio above this is no rounding."""
TIGHT = 0.9


@dataclass(frozen=True)
class Trial:
    """What became of a claim.

    Attributes:
        claim: which.
        trials: how many random instances.
        random: the largest ratio among them, by size.
        attacked: the largest that the attack found, by size; empty without an attack.
        worst: the instance of the largest of all.
        measured: its measured quantity.
        bound: and its bound.
    """

    claim: Claim
    trials: int
    random: dict[int, float]
    attacked: dict[int, float]
    worst: Instance
    measured: float
    bound: float

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
            return "violated"
        if self.claim.relation == "==":
            return "holds to rounding"
        return "tight" if self.ratio >= TIGHT else f"holds, loose by {1 / max(self.ratio, 1e-12):.3g}"

    @property
    def passed(self) -> bool:
        """As it was meant to: a negative control has to be violated."""
        return np.isfinite(self.ratio) and (self.ratio <= VIOLATED) == self.claim.true


def examine(
    claim: Claim, *, trials: int, seed: int = 0, attacks: bool = False, starts: int = STARTS, steps: int = STEPS
) -> Trial:
    """`trials` random instances of each size in float64, and an attack on each size if asked for."""
    with jax.enable_x64(True):
        random, attacked, worst = {}, {}, []
        for size in claim.sizes:
            keys = jax.random.split(jax.random.key(seed), trials + 1)
            ratio, instance = _largest(claim, size)(keys[1:])
            random[size] = float(ratio)
            worst.append((random[size], instance))
            if attacks and claim.project is not None:
                found = attack(claim, keys[0], size, starts=starts, steps=steps)
                attacked[size] = float(found.ratio)
                worst.append((attacked[size], found.instance))
        _, instance = max(worst, key=lambda pair: pair[0])
        measured, bound = claim.sides(instance)
        return Trial(claim, trials, random, attacked, instance, float(measured), float(bound))


def examine_all(claims: Iterable[Claim], **options: int | bool) -> Iterator[Trial]:
    """One after the other, each as soon as it is done."""
    for claim in claims:
        yield examine(claim, **options)  # type: ignore[arg-type]


def _largest(claim: Claim, size: int) -> Callable[[jax.Array], tuple[jax.Array, Instance]]:
    @jax.jit
    def largest(keys: jax.Array) -> tuple[jax.Array, Instance]:
        instances = jax.vmap(lambda key: claim.draw(key, size))(keys)
        ratios = jax.vmap(claim.ratio)(instances)
        place = jnp.argmax(ratios)
        return ratios[place], jax.tree.map(lambda leaf: leaf[place], instances)

    return largest
