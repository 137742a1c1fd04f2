r"""A claim: one bound of a paper, with the instances on which it speaks and both of its sides.

Example:
    >>> @claim(
    ...     source="Cauchy (1821)",
    ...     statement="An inner product is at most the product of the lengths.",
    ...     formula=r"|\langle x, y\rangle| \le \|x\|\|y\|",
    ...     draw=lambda key, size: {"x": jax.random.normal(key, (2, size))},
    ...     sizes=(4,),
    ... )
    ... def cauchy(instance):
    ...     "Equal where they are parallel."
    ...     x, y = instance["x"]
    ...     return Sides(jnp.abs(x @ y), jnp.linalg.norm(x) * jnp.linalg.norm(y))
    >>> cauchy.name, bool(cauchy.ratio(cauchy.draw(jax.random.key(0), 4)) <= 1)
    ('cauchy', True)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import jax.numpy as jnp
from jax import Array

Instance = dict[str, Array]
"""Real arrays by name, so that any of them can be moved along a gradient."""

ROUNDING = 1e-12
"""What float64 may add to either side of an instance of length one."""


class Sides(NamedTuple):
    """The measured quantity and its bound, scalars."""

    measured: Array
    bound: Array


@dataclass(frozen=True)
class Claim:
    r"""What is claimed, where, and how it is looked at.

    Attributes:
        name: of the function that measures.
        source: paper and number.
        statement: in words.
        formula: in LaTeX.
        relation: how the measured quantity stands to the bound.
        draw: random key and size to an instance.
        sizes: of the instances to draw.
        sides: instance to both sides.
        project: an instance that an attack has moved, back onto the constraints; None where there is nothing to attack.
        true: whether it is meant to hold; a negative control is not.
        remark: the docstring of that function: how it is measured, and what is to be known about it.
    """

    name: str
    source: str
    statement: str
    formula: str
    relation: Literal["<=", ">=", "=="]
    draw: Callable[[Array, int], Instance]
    sizes: tuple[int, ...]
    sides: Callable[[Instance], Sides]
    project: Callable[[Instance], Instance] | None
    true: bool
    remark: str

    def ratio(self, instance: Instance) -> Array:
        """That of its two sides."""
        return self.compare(self.sides(instance))

    def compare(self, sides: Sides) -> Array:
        """Above 1 where the claim is violated, `inf` where the bound is not finite or a side is not a number.

        The larger side over the smaller one as they are claimed to stand; of an equality the difference over what
        rounding may make of it.
        """
        measured, bound = sides
        if self.relation == "==":
            ratio = jnp.abs(measured - bound) / (ROUNDING * jnp.maximum(1, jnp.abs(bound)))
        else:
            less, more = (measured, bound) if self.relation == "<=" else (bound, measured)
            ratio = less / (more + ROUNDING)
        return jnp.where(jnp.isfinite(bound) & jnp.isfinite(ratio), ratio, jnp.inf)


def claim(
    *,
    source: str,
    statement: str,
    formula: str,
    draw: Callable[[Array, int], Instance],
    sizes: tuple[int, ...],
    relation: Literal["<=", ">=", "=="] = "<=",
    project: Callable[[Instance], Instance] | None = None,
    true: bool = True,
) -> Callable[[Callable[[Instance], Sides]], Claim]:
    """Makes a claim of the function that measures both sides."""

    def decorate(sides: Callable[[Instance], Sides]) -> Claim:
        name = sides.__name__.replace("_", "-")
        remark = " ".join((sides.__doc__ or "").split())
        return Claim(name, source, statement, formula, relation, draw, sizes, sides, project, true, remark)

    return decorate
