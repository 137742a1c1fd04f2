r"""Temporary ANDs: the product of two bits in a clean wire, computed by four T gates and erased by a measurement.

The erasure takes no T gates. It measures the wire in the X basis, applies CZ to both factors on outcome 1, and resets
the wire. Where the wire holds the product, this is the inverse of the AND, whatever the outcome.

Example:
    >>> from qla_jax.circuits import Circuit, Gate, Within, count
    >>> both = And(0, 1, 2)
    >>> both.inverse().parts() == both.parts()  # a Toffoli gate where nothing is measured
    True
    >>> count(Circuit(4, (both, Gate("x", 3, controls=(2,)), both.inverse()))).toffoli
    1

References:
    Gidney (2018), figures 2 and 3. https://arxiv.org/abs/1709.06648
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from qla_jax.circuits.composites import Composite, Under
from qla_jax.circuits.operations import Gate, Operation, require_disjoint


@dataclass(frozen=True)
class And(Composite):
    """AND of two wires into a clean wire, or its erasure.

    On all states the unitary is that of a Toffoli gate. `count` counts one Toffoli gate of four T gates for the AND and
    none for its erasure, `to_openqasm3` can write the measurement, and `on_basis` reports a wire that is not clean.

    Attributes:
        first: first factor.
        second: second factor.
        target: wire that is 0 before the AND, and 0 after its erasure.
        erased: whether the operation is the erasure.
    """

    first: int
    second: int
    target: int
    erased: bool = False

    def __post_init__(self) -> None:
        require_disjoint((), self.wires)

    @property
    def wires(self) -> tuple[int, ...]:
        return (self.first, self.second, self.target)

    def inverse(self) -> "And":
        return And(self.first, self.second, self.target, not self.erased)

    def moved(self, places: Sequence[int]) -> "And":
        return And(places[self.first], places[self.second], places[self.target], self.erased)

    def parts(self) -> list[Operation]:
        """Return the Toffoli gate that the operation is where nothing is measured."""
        return [Gate("x", self.target, controls=(self.first, self.second))]


class BasisStep(NamedTuple):
    """Flip of a wire where all controls have their values: what a classical operation does to basis states.

    Attributes:
        target: wire that is flipped.
        on: controls of value 1.
        off: controls of value 0.
        computes: whether the target has to be 0 before.
        erases: whether the target has to be 0 after.
    """

    target: int
    on: tuple[int, ...]
    off: tuple[int, ...] = ()
    computes: bool = False
    erases: bool = False


def step_of(part: Operation) -> BasisStep | None:
    """Return a classical operation as a step; None for an operation that does not permute basis states.

    Args:
        part: elementary operation, or AND, possibly under controls.
    """
    if isinstance(part, Under):
        inner = step_of(part.part)
        on, off = _by_value(part.controls, part.values)
        return inner and inner._replace(on=inner.on + on, off=inner.off + off)
    if isinstance(part, And):
        return BasisStep(part.target, (part.first, part.second), (), not part.erased, part.erased)
    if isinstance(part, Gate) and part.name == "x":
        return BasisStep(part.target, *_by_value(part.controls, part.values))
    return None


def _by_value(controls: tuple[int, ...], values: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the controls of value 1 and those of value 0."""
    if 0 not in values:
        return controls, ()
    pairs = list(zip(controls, values, strict=True))
    return tuple(wire for wire, value in pairs if value), tuple(wire for wire, value in pairs if not value)
