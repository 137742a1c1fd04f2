r"""Numbers in registers, and the steps of arithmetic that computed them.

A layer returns `Numbers`: values together with the `ArithmeticStep` that computed them. A step refers to the steps
before it, so what a tensor takes is a fold over the steps that lead to it:

* `operations`: how many operations stand in a row for one number. A sum of k products of numbers that took s operations
  each takes k (s + one product and one sum), whether the numbers are computed anew or held in registers meanwhile.
  Numbers of several sources are computed side by side: each operation counts as often as in the source with most of it.
* `steps_up_to`: the steps themselves, each once, whose `products` are those of a classical computer.

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
        inputs: steps that computed the numbers that this one starts from.
        held: steps whose results a memory holds while this one runs: their products count, their operations do not.
        fan_in: how many numbers of each input one number of the result takes.
        each: operations for every one of the `fan_in` numbers, by name.
        once: operations for the result, by name.
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
        """Return the steps before this one, as the walk over nodes asks for them."""
        return [Use(part, forward=self.fan_in) for part in (*self.inputs, *self.held)]


@dataclass(frozen=True, eq=False)
class Numbers:
    """Numbers in registers.

    Attributes:
        values: the numbers.
        step: the step that computed them; a load from memory unless given.
    """

    values: Array
    step: ArithmeticStep = field(default_factory=ArithmeticStep)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the tensor."""
        return self.values.shape

    def rearranged(self, rule: Callable[[Array], Array]) -> "Numbers":
        """Return the same numbers in another order or shape, some of them left out; this takes no operation.

        Args:
            rule: function of the values.
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
        """Return the same numbers as if a memory held them: later steps load them at no cost."""
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
        parts: at least one.
    """
    parts = tuple(parts)
    return Numbers(jnp.stack([part.values for part in parts]), ArithmeticStep(tuple(part.step for part in parts)))


def operations(step: ArithmeticStep) -> Counter[str]:
    """Return how often each operation stands in the row that computes one number, by name.

    Args:
        step: the last one.
    """
    found: dict[int, Counter[str]] = {}
    for node, (one, _) in parts_first(step).items():
        inputs: Counter[str] = Counter()
        for part in one.inputs:
            inputs |= found[identity(part)]  # the larger count of each name
        per_number = inputs + Counter(one.each)
        found[node] = Counter({name: one.fan_in * n for name, n in per_number.items()}) + Counter(one.once)
    return found[identity(step)]


def steps_up_to(*ends: ArithmeticStep) -> list[ArithmeticStep]:
    """Return all steps that lead to any of these, each once, in the order of computation.

    Args:
        ends: last steps.
    """
    return [step for step, _ in parts_first(ArithmeticStep(held=ends)).values()][:-1]
