r"""Claims: one bound of a paper each, with the instances that it is about and both of its sides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import jax.numpy as jnp
from jax import Array

from qla_jax._checks import as_real, require

Relation = Literal["<=", ">=", "=="]

Instance = dict[str, Array]
"""Instance of a claim: real arrays by name, so that any of them can be moved along a gradient."""

ROUNDING = 1e-12
"""Rounding of float64 on either side for an instance of norm one."""
EVERY_SIZE = range(1, 1 << 30)
"""Range of a claim about instances of any size."""
FROM_TWO = range(2, 1 << 30)
"""Range of a claim that is not about a single entry."""
POWERS = tuple(1 << qubits for qubits in range(21))
"""Range of a claim that is measured on a circuit whose registers are full."""
SHOWN = 3
"""Number of sizes of a range that are written out."""


def free(instance: Instance) -> Instance:
    """Return an instance as it is: the projection of a claim about arrays without constraints.

    Example:
        >>> free({"x": jnp.ones(2)})["x"].tolist()
        [1.0, 1.0]
    """
    return instance


class Sides(NamedTuple):
    """Measured quantity and its bound, both scalars."""

    measured: Array
    bound: Array


@dataclass(frozen=True)
class Claim:
    """Bound of a paper, the instances that it is about, and the function that computes both sides.

    Attributes:
        name: name of the function that measures, with hyphens.
        source: paper and number.
        statement: claim in words.
        formula: claim in LaTeX.
        relation: relation of the measured quantity to the bound: "<=", ">=" or "==".
        draw: function from a size, and a random key by keyword, to an instance.
        sizes: sizes of the instances that are drawn and attacked, all of them in `over`.
        sides: function from an instance to both sides.
        project: function that brings an instance which an attack has moved back onto the constraints; `free` where
            there are none, None where the claim cannot be attacked.
        expected_to_hold: whether the claim is meant to hold; a negative control is not.
        remark: docstring of the measuring function, which says how it measures and where the bound is attained.
        over: sizes for which the claim is made; the smallest of them is always tried.
        counted: whether instances are deterministic, so that one instance of each size is enough.
        loose: whether the bound is published and so loose that no instance comes near, which makes a test that can
            hardly fail.
        rounding: allowance for rounding of either side, absolute; relative to the bound of an equality above 1.
    """

    name: str
    source: str
    statement: str
    formula: str
    relation: Relation
    draw: Callable[..., Instance]
    sizes: tuple[int, ...]
    sides: Callable[[Instance], Sides]
    project: Callable[[Instance], Instance] | None
    expected_to_hold: bool
    remark: str
    over: Sequence[int] = EVERY_SIZE
    counted: bool = False
    loose: bool = False
    rounding: float = ROUNDING

    @property
    def tried(self) -> tuple[int, ...]:
        """Sizes that an examination draws: `sizes` and the smallest one in `over`."""
        return tuple(sorted({self.over[0], *self.sizes}))

    @property
    def range_told(self) -> str:
        """Sizes for which the claim is made, in words."""
        told = [str(size) for size in self.over[:SHOWN]]
        if len(self.over) <= SHOWN:
            return f"{'size' if len(told) == 1 else 'sizes'} {', '.join(told)}"
        return f"sizes {', '.join(told)}, ..." + ("" if self.over[-1] >= EVERY_SIZE[-2] else f", {self.over[-1]}")

    def ratio(self, instance: Instance) -> Array:
        """Return the ratio of the two sides; see `compare`."""
        return self.compare(self.sides(instance))

    def compare(self, sides: Sides) -> Array:
        """Return a ratio above 1 where the claim is violated, and `inf` where a side is not a finite number.

        For an inequality it is the ratio of the side that is claimed to be smaller to the other one, and the inverse
        where both are negative. For an equality it is the difference over the allowance for rounding.
        """
        measured, bound = sides
        if self.relation == "==":
            ratio = jnp.abs(measured - bound) / (self.rounding * jnp.maximum(1, jnp.abs(bound)))
        else:
            less, more = (measured, bound) if self.relation == "<=" else (bound, measured)
            upper = less / (jnp.maximum(more, 0) + self.rounding)
            # Where both sides are negative their quotient is inverted. A positive side that is claimed to be below a
            # negative one is violated by their difference, in units of rounding.
            below = jnp.where(less < 0, -more / (jnp.maximum(-less, 0) + self.rounding), (less - more) / self.rounding)
            ratio = jnp.where(more >= 0, upper, below)
        return jnp.where(jnp.isfinite(bound) & jnp.isfinite(ratio), ratio, jnp.inf)


def claim(
    *,
    source: str,
    statement: str,
    formula: str,
    draw: Callable[..., Instance],
    sizes: tuple[int, ...],
    relation: Relation = "<=",
    project: Callable[[Instance], Instance] | None = None,
    expected_to_hold: bool = True,
    over: Sequence[int] | None = None,
    counted: bool = False,
    loose: bool = False,
    rounding: float = ROUNDING,
) -> Callable[[Callable[[Instance], Sides]], Claim]:
    r"""Make a claim of the function that computes both sides.

    Args:
        source: paper and number.
        statement: claim in words.
        formula: claim in LaTeX.
        draw: function from a size, and a random key by keyword, to an instance.
        sizes: sizes of the instances that are drawn and attacked, all of them in `over`.
        relation: relation of the measured quantity to the bound: "<=", ">=" or "==".
        project: function that brings an instance back onto the constraints; `free` where there are none, None where the
            claim cannot be attacked.
        expected_to_hold: whether the claim is meant to hold; a negative control is not.
        over: sizes for which the claim is made, of which the smallest is always tried. All sizes from the smallest of
            `sizes` on by default.
        counted: whether instances are deterministic, so that one instance of each size is enough.
        loose: whether the bound is published and so loose that no instance comes near.
        rounding: absolute allowance for rounding of either side.

    Returns:
        A decorator of a function from an instance to its `Sides`, which gives the claim.

    Raises:
        ValueError: no sizes, or sizes outside of `over`; another relation than the three; a rounding that is not
            positive.

    Example:
        >>> @claim(
        ...     source="Cauchy (1821)",
        ...     statement="An inner product is at most the product of the lengths.",
        ...     formula=r"|\langle x, y\rangle| \le \|x\|\|y\|",
        ...     draw=lambda size, *, key: {"x": jax.random.normal(key, (2, size))},
        ...     sizes=(4,),
        ... )
        ... def cauchy(instance):
        ...     "The sides are equal where the vectors are parallel."
        ...     x, y = instance["x"]
        ...     return Sides(jnp.abs(x @ y), jnp.linalg.norm(x) * jnp.linalg.norm(y))
        >>> cauchy.name, cauchy.remark
        ('cauchy', 'The sides are equal where the vectors are parallel.')
    """
    require(relation in get_args(Relation), f"`relation` must be '<=', '>=' or '==', but is {relation!r}.")
    rounding = as_real("rounding", rounding)
    require(0 < rounding < jnp.inf, f"`rounding` must be positive and finite, but is {rounding}.")
    require(len(sizes) > 0, "`sizes` must not be empty, but is ().")
    over = range(min(sizes), EVERY_SIZE[-1] + 1) if over is None else over
    outside = [size for size in sizes if size not in over]
    require(not outside, f"`sizes` must lie in `over`, {over}, but {outside} do not.")

    def decorate(sides: Callable[[Instance], Sides]) -> Claim:
        name = sides.__name__.replace("_", "-")
        remark = " ".join((sides.__doc__ or "").split())
        parts = (
            name,
            source,
            statement,
            formula,
            relation,
            draw,
            tuple(sizes),
            sides,
            project,
            expected_to_hold,
            remark,
        )
        return Claim(*parts, over, counted, loose, rounding)

    return decorate
