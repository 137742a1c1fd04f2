r"""Circuits and their angles apart: arrays of JAX as leaves of a tree, everything else as a constant of a program.

A program that JAX compiles depends on the gates of a circuit, but not on angles that are arrays of JAX. Such angles may
be traced, batched and differentiated. Two structures are equal if their gates are, so that one program serves both.

Example:
    >>> from qla_jax.circuits import Gate
    >>> def turned(angle):
    ...     return without_angles(Circuit(1, (Gate("rx", 0, jnp.asarray(angle)), Gate("ry", 0, 0.5))))
    >>> structure, angles = turned(0.3)
    >>> structure == turned(0.7)[0], [gate.angle for gate in structure.with_angles((0.9,)).elementary()]
    (True, [0.9, 0.5])
"""

import dataclasses
import operator
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import jax
import numpy as np

from qla_jax._checks import as_inexact, as_real, require
from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.composites import Composite, Under, Within
from qla_jax.circuits.fusion import fused
from qla_jax.circuits.operations import Elementary, Open, Operation
from qla_jax.circuits.select import Select
from qla_jax.circuits.staircase import Staircase


@dataclass(frozen=True, eq=False)
class Structure:
    """Circuit with places for angles, equal to another one if all gates are.

    Attributes:
        circuit: circuit whose open angles are of the class `Open`.
        content: tuple that equal circuits share.
        code: hash of the content.
    """

    circuit: Circuit
    content: Hashable = field(init=False, repr=False)
    code: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "content", _content(self.circuit, {}))
        # Kept, since a tuple computes its hash again at each call of a compiled function.
        object.__setattr__(self, "code", hash(self.content))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Structure) and (self.circuit is other.circuit or self.content == other.content)

    def __hash__(self) -> int:
        return self.code

    def with_angles(self, angles: Sequence[Any]) -> Circuit:
        """Return the circuit with angles in its places.

        Args:
            angles: one angle for each place, in order.
        """
        return _filled(self.circuit, angles)

    def fused_with_angles(self, angles: Sequence[Any]) -> Circuit:
        """Return an equal circuit with angles in its places and all other gates fused, to be simulated.

        Args:
            angles: one angle for each place, in order.
        """
        return _filled(self._fused, angles)

    # Kept, since an eager call of an encoding would fuse the gates again. Fusion keeps the order of open angles.
    @cached_property
    def _fused(self) -> Circuit:
        return fused(self.circuit)


def without_angles(circuit: Circuit) -> tuple[Structure, tuple[jax.Array, ...]]:
    """Return a circuit with places for those of its angles that are arrays of JAX, and these arrays.

    Args:
        circuit: the circuit.

    Raises:
        ValueError: an angle that is not one real number.
    """
    found: list[jax.Array] = []

    def opened(angle: Any) -> Any:
        if not isinstance(angle, jax.Array):
            return as_real("angle", angle) if isinstance(angle, np.generic | np.ndarray) else angle
        array = as_inexact("angle", angle)
        real = array.ndim == 0 and not np.issubdtype(array.dtype, np.complexfloating)
        require(real, f"`angle` must be a real scalar, but is {array.dtype} of shape {array.shape}.")
        found.append(array)
        return Open(1.0)

    return Structure(_mapped(circuit, opened, {})), tuple(found)


def _filled(circuit: Circuit, angles: Sequence[Any]) -> Circuit:
    if not angles:
        return circuit
    waiting = iter(angles)
    return _mapped(circuit, lambda angle: next(waiting) if isinstance(angle, Open) else angle, {})


def _content(value: Any, seen: dict[int, int]) -> Hashable:
    """Return a value that is equal for equal gates; a circuit that is called again is named by its number."""
    if isinstance(value, Circuit):
        if id(value) in seen:
            return "circuit", seen[id(value)]
        seen[id(value)] = len(seen)
    if isinstance(value, Circuit | Operation):
        names = [each.name for each in dataclasses.fields(value)]  # type: ignore[arg-type] # operations are dataclasses
        return type(value).__name__, *(_content(getattr(value, name), seen) for name in names)
    if isinstance(value, tuple):
        return tuple(_content(each, seen) for each in value)
    if isinstance(value, np.ndarray | jax.Array | list):
        array = np.asarray(value)
        return array.shape, array.dtype.str, array.tobytes()
    return "open" if isinstance(value, Open) else value


def _mapped(circuit: Circuit, angle_of: Callable[[Any], Any], done: dict[int, Circuit]) -> Circuit:
    """Return a circuit with other angles, itself if none is another; what is called often is changed once."""
    if id(circuit) not in done:
        parts = _changed_all(circuit.operations, angle_of, done)
        done[id(circuit)] = circuit if parts is circuit.operations else replace(circuit, operations=parts)
    return done[id(circuit)]


def _changed_all(parts: tuple[Operation, ...], angle_of: Callable, done: dict[int, Circuit]) -> tuple[Operation, ...]:
    found = tuple(_changed(part, angle_of, done) for part in parts)
    return parts if all(map(operator.is_, found, parts)) else found


def _changed(part: Operation, angle_of: Callable[[Any], Any], done: dict[int, Circuit]) -> Operation:
    if isinstance(part, Elementary):
        angle = angle_of(part.angle)
        return part if angle is part.angle else replace(part, angle=angle)  # type: ignore[type-var] # dataclasses
    if isinstance(part, Call):
        called = _mapped(part.circuit, angle_of, done)
        return part if called is part.circuit else replace(part, circuit=called)
    if isinstance(part, Under):
        inner = _changed(part.part, angle_of, done)
        assert isinstance(inner, Composite)
        return part if inner is part.part else replace(part, part=inner)
    if isinstance(part, Within):
        compute, middle = (_changed_all(side, angle_of, done) for side in (part.compute, part.middle))
        return part if compute is part.compute and middle is part.middle else Within(compute, middle)
    if isinstance(part, Select):
        branches = tuple(_changed_all(branch, angle_of, done) for branch in part.branches)
        return part if all(map(operator.is_, branches, part.branches)) else replace(part, branches=branches)
    if isinstance(part, Staircase):
        groups = tuple(_changed_all(group, angle_of, done) for group in part.groups)
        return part if all(map(operator.is_, groups, part.groups)) else replace(part, groups=groups)
    return part
