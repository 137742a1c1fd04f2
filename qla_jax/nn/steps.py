r"""Numbers in registers, and the steps of arithmetic that computed them.

A layer returns `Numbers`: values together with the `ArithmeticStep` that computed them. A step refers to the steps
before it, so the cost of a tensor is a fold over the steps that lead to it:

* `operations` counts the operations in a row that one number takes. A sum of k products of numbers that took s
  operations each takes k times these s operations, one product and one sum, together k(s + 2), whether the numbers are
  computed anew or held in registers meanwhile. Numbers of several inputs are computed side by side: each operation
  counts as often as in the input with most of that operation.
* `steps_up_to` lists the steps, each once; their `products` are the products that a classical computer takes.

Example:
    >>> image = Numbers(jnp.ones((2, 4)))  # in memory
    >>> made = ArithmeticStep((image.step,), fan_in=4, each={"multiply": 1, "add": 1}, products=24)
    >>> layer = Numbers(jnp.ones((2, 3)), ArithmeticStep((made,), once={"relu": 1}))
    >>> sorted(operations(layer.step).items()), sum(step.products for step in steps_up_to(layer.step))
    ([('add', 4), ('multiply', 4), ('relu', 1)], 24)
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import jax.numpy as jnp
from jax import Array

from qla_jax.accounting.fold import Use, identity, parts_first
from qla_jax.arithmetic import Format
from qla_jax.nn.tables import row_depth


@dataclass(frozen=True, eq=False)
class ArithmeticStep:
    """One step of arithmetic. A step without inputs is a load from memory.

    Attributes:
        inputs: steps that computed the numbers that this step starts from.
        held: steps whose results a memory holds while this one runs: their products count, their operations do not.
        fan_in: number of entries of each input that one entry of the result takes.
        each: count of each operation, by name, for every one of the `fan_in` entries.
        once: count of each operation, by name, for one entry of the result.
        products: products of numbers that a classical computer takes for the whole tensor.
        misfits: number of results that did not fit into their registers.
    """

    inputs: tuple["ArithmeticStep", ...] = ()
    held: tuple["ArithmeticStep", ...] = ()
    fan_in: int = 1
    each: Mapping[str, int] = field(default_factory=dict)
    once: Mapping[str, int] = field(default_factory=dict)
    products: int = 0
    misfits: Array | int = 0

    def uses(self) -> list[Use]:
        """Return the steps before this step as uses, the form that the fold over nodes takes."""
        return [Use(part, forward=self.fan_in) for part in (*self.inputs, *self.held)]


@dataclass(frozen=True, eq=False)
class Numbers:
    """Tensor of numbers in registers.

    Attributes:
        values: entries of the tensor.
        step: step that computed the numbers; a load from memory unless given.
    """

    values: Array
    step: ArithmeticStep = field(default_factory=ArithmeticStep)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor."""
        return self.values.shape

    def rearranged(self, rule: Callable[[Array], Array]) -> "Numbers":
        """Return the numbers in another order or shape, or a part of them. This takes no operation.

        Args:
            rule: function that rearranges the values.
        """
        return Numbers(rule(self.values), self.step)

    def __iter__(self) -> Iterator["Numbers"]:
        return (Numbers(part, self.step) for part in self.values)

    def t_depth(self, format: Format) -> int:
        """Return the T-depth of the circuit that computes one of these numbers from numbers in memory.

        Args:
            format: fixed-point format of the registers.
        """
        return row_depth(operations(self.step), format)

    def in_memory(self) -> "Numbers":
        """Return the numbers as if a memory held them: later steps load them at no cost."""
        return Numbers(self.values, ArithmeticStep(held=(self.step,)))


def as_numbers(x: Array | Numbers) -> Numbers:
    """Return numbers as they are, and an array as numbers in memory.

    Args:
        x: an array or numbers.
    """
    return x if isinstance(x, Numbers) else Numbers(jnp.asarray(x))


def stacked(parts: Iterable[Numbers]) -> Numbers:
    """Return tensors of one shape as one tensor, computed side by side.

    Args:
        parts: tensors of one shape, one or more.
    """
    parts = tuple(parts)
    return Numbers(jnp.stack([part.values for part in parts]), ArithmeticStep(tuple(part.step for part in parts)))


def operations(step: ArithmeticStep) -> Counter[str]:
    """Return the count of each operation, by name, in the row that computes one number.

    Args:
        step: step that computed the number.
    """
    found: dict[int, Counter[str]] = {}
    for node, (one, _) in parts_first(step).items():
        inputs: Counter[str] = Counter()
        for part in one.inputs:
            inputs |= found[identity(part)]  # side by side: the larger count of each operation
        per_number = inputs + Counter(one.each)
        found[node] = Counter({name: one.fan_in * n for name, n in per_number.items()}) + Counter(one.once)
    return found[identity(step)]


def steps_up_to(*ends: ArithmeticStep) -> list[ArithmeticStep]:
    """Return all steps that lead to any of the given steps, each once, in the order of computation.

    Args:
        ends: steps at which the search ends; they are part of the result.
    """
    return [step for step, _ in parts_first(ArithmeticStep(held=ends)).values()][:-1]
