"""Examination of a claim: random and stored instances in one compiled call per size, an attack, and a verdict."""

from dataclasses import dataclass
from functools import partial
from operator import itemgetter

import jax
import jax.numpy as jnp
import numpy as np

from qla_jax._checks import as_integer, as_integers, require, require_kind
from qla_jax.claims.engine.attack import STARTS, STEPS, Worst, attack, drawn
from qla_jax.claims.engine.claim import Claim, Instance, Sides
from qla_jax.claims.engine.corpus import known
from qla_jax.compiling import quick_options
from qla_jax.mapping import map_in_batches

VIOLATED = 1 + 1e-6
"""Ratio above which a violation cannot be rounding."""
TIGHT = 0.9
BATCH = 500
"""Number of instances at a time, since a circuit with all of its ancillas is large."""


@dataclass(frozen=True)
class Trial:
    """Result of an examination.

    Attributes:
        claim: claim that was examined.
        ratios: ratios of the random instances, by size.
        known: ratios of the stored instances, by size.
        attacked: largest ratio that the attack found, by size; empty without an attack.
        worst_of: instance with the largest ratio, by size.
        asked: whether an attack was asked for, which a claim without `project` does not allow.
    """

    claim: Claim
    ratios: dict[int, np.ndarray]
    known: dict[int, float]
    attacked: dict[int, float]
    worst_of: dict[int, Worst]
    asked: bool = False

    def __repr__(self) -> str:
        return f"Trial({self.claim.name}: {self.verdict}; {self.trials} random instances)"

    @property
    def worst_size(self) -> int:
        """Size of the instance with the largest ratio."""
        return max(self.worst_of, key=lambda size: float(self.worst_of[size].ratio))

    @property
    def worst(self) -> Instance:
        """Instance with the largest ratio."""
        return self.worst_of[self.worst_size].instance

    @property
    def measured(self) -> float:
        """Measured quantity of the instance with the largest ratio."""
        return float(self.worst_of[self.worst_size].sides.measured)

    @property
    def bound(self) -> float:
        """Bound of the instance with the largest ratio."""
        return float(self.worst_of[self.worst_size].sides.bound)

    @property
    def trials(self) -> int:
        """Number of random instances."""
        return sum(len(ratios) for ratios in self.ratios.values())

    @property
    def random(self) -> dict[int, float]:
        """Largest ratio among the random instances, by size."""
        return {size: float(ratios.max()) for size, ratios in self.ratios.items()}

    @property
    def ratio(self) -> float:
        """Largest ratio of all instances."""
        return max([*self.random.values(), *self.known.values(), *self.attacked.values()])

    @property
    def verdict(self) -> str:
        """Verdict in words.

        It says whether the claim holds, how loose it is, and whether an attack was asked for and not made.
        """
        return f"{self._held}; not attacked, since the claim has no `project`" if self.not_attacked else self._held

    @property
    def not_attacked(self) -> bool:
        """True if an attack was asked for and the claim allows none."""
        return self.asked and not self.attacked

    @property
    def _held(self) -> str:
        if not np.isfinite(self.ratio):
            return "not proven: a bound is not finite"
        if self.ratio > VIOLATED:
            if not self.worst_of:
                return f"violated by {self.ratio:.3g}"
            if self.bound == 0:
                return f"violated at size {self.worst_size}: measured {self.measured:.3g}, but the bound is 0"
            return f"violated by {self.ratio:.3g} at size {self.worst_size}"
        if self.claim.relation == "==":
            return "holds to rounding"
        if self.worst_of and max(abs(self.measured), abs(self.bound)) <= self.claim.rounding:
            return f"holds to rounding: both sides are below {self.claim.rounding:.0e}"
        return (
            "tight"
            if self.ratio >= TIGHT
            else f"holds, loose by {1 / self.ratio:.3g}"
            if self.ratio > 0
            else "holds, of another sign"
        )

    @property
    def passed(self) -> bool:
        """True if the claim is as it is meant to be; a negative control has to be violated."""
        return np.isfinite(self.ratio) and (self.ratio <= VIOLATED) == self.claim.expected_to_hold


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
    """Examine a claim in float64 on random and stored instances of each size, and optionally under attack.

    Args:
        claim: claim to examine.
        trials: number of random instances of each size; a claim with deterministic instances takes one.
        seed: seed of all random draws.
        sizes: sizes within the claim's range, by default its own and the smallest of its range.
        kept: further instances by size, by default the stored ones; attacks do not start from them.
        attacks: whether to attack, too. A claim without `project` is not attacked, and the verdict says so, since a
            moved instance might violate its constraints. `free` is the projection of arrays without constraints.
        starts: number of starts of each attack.
        steps: number of steps of each attack, of either kind.

    Raises:
        TypeError: an instance that is no dict of arrays, or sides that are no `Sides`.
        ValueError: fewer than one trial, no size, or a size outside of the claim's range; sides that are no real
            scalars, or an attack on an instance that is not of floats.

    Example:
        >>> from qla_jax.claims.networks.norms import terminal_norm
        >>> trial = examine(terminal_norm, trials=10)
        >>> trial.passed, trial.trials
        (True, 40)
    """
    require_kind("claim", claim, Claim)
    trials, seed = as_integer("trials", trials, least=1), as_integer("seed", seed)
    trials = 1 if claim.counted else trials
    sizes = None if sizes is None else as_integers("sizes", sizes, least=0)
    require(sizes is None or len(sizes) > 0, "`sizes` must not be empty, but is ().")
    for size in sizes or ():
        told = f"`sizes` must lie in the range of {claim.name!r}, {claim.range_told}, but has {size}."
        require(size in claim.over, told)
    with jax.enable_x64(True), jax.numpy_rank_promotion("allow"):
        kept = known(claim.name) if kept is None else kept
        trial = Trial(claim, {}, {}, {}, {}, attacks)
        for size in sizes or claim.tried:
            keys = jax.random.split(jax.random.key(seed), trials + 1)
            instances = drawn(claim, keys[1:], size)
            _check_instances(claim, instances, moved=attacks and claim.project is not None)
            if size in kept:
                instances = jax.tree.map(lambda many, one: jnp.concatenate([many, one[None]]), instances, kept[size])
            sides = _sides(claim, instances)
            found = Worst(claim.compare(sides), sides, instances)
            ratios = np.asarray(found.ratio)
            trial.ratios[size] = ratios[:trials]
            if size in kept:
                trial.known[size] = float(ratios[trials])
            worst = jax.tree.map(itemgetter(int(ratios.argmax())), found)
            if attacks and claim.project is not None and (sizes or size in claim.sizes):
                attacked = attack(claim, size, starts=starts, steps=steps, key=keys[0])
                trial.attacked[size] = float(attacked.ratio)
                worst = max(worst, attacked, key=lambda one: float(one.ratio))
            trial.worst_of[size] = worst
        return trial


def _sides(claim: Claim, instances: Instance) -> Sides:
    @partial(jax.jit, compiler_options=quick_options())
    def sides(instances: Instance) -> Sides:
        return map_in_batches(claim.sides, instances, BATCH)

    found = sides(instances)
    require_kind(f"the sides of {claim.name!r}", found, Sides)
    for name, side in zip(Sides._fields, found, strict=True):
        real = side.ndim == 1 and not jnp.iscomplexobj(side)
        told = f"`{name}` of {claim.name!r} must be a real scalar, but is of {side.dtype}, of shape {side.shape[1:]}."
        require(real, told)
    return found


def _check_instances(claim: Claim, instances: Instance, *, moved: bool) -> None:
    require_kind(f"an instance of {claim.name!r}", instances, dict)
    for name, array in instances.items():
        movable = jnp.issubdtype(array.dtype, jnp.floating)
        told = f"`{name}` of an instance of {claim.name!r} must be of floats to be attacked, but is of {array.dtype}."
        require(movable or not moved, told)
