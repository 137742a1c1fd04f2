r"""Elementary operations of circuits: gates of one qubit and phases, under any number of controls.

An operation acts on numbered wires; wire 0 is the most significant qubit. A control has a value, 0 or 1, for which the
operation acts. Exporters write elementary operations as they are; everything else says of which `parts` it consists.

Example:
    >>> flip = Gate("x", 1).controlled((0,))
    >>> flip.inverse() == flip, flip.controls, flip.values
    (True, (0,), (1,))
    >>> Phase(np.pi).controlled((0, 1))  # CZ
    Phase(angle=3.141592653589793, controls=(0, 1), values=(1, 1))
"""

import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from qla_jax._checks import as_real, is_concrete, require

HALF = math.sqrt(0.5)
FIXED: dict[str, np.ndarray] = {
    "x": np.array([[0, 1], [1, 0]], complex),
    "y": np.array([[0, -1j], [1j, 0]]),
    "z": np.diag([1, -1]).astype(complex),
    "h": HALF * np.array([[1, 1], [1, -1]], complex),
    "s": np.diag([1, 1j]),
    "sdg": np.diag([1, -1j]),
    "t": np.diag([1, complex(HALF, HALF)]),
    "tdg": np.diag([1, complex(HALF, -HALF)]),
}
"""Gates without an angle, by their names in OpenQASM 3."""
TURNING = ("rx", "ry", "rz", "p")
"""Gates with an angle: rotations by half of it, and the phase of |1>."""
INVERSE = {"s": "sdg", "sdg": "s", "t": "tdg", "tdg": "t"}


class Open(float):
    """Place of an angle that is stored elsewhere; its value, one radian, is that of no gate without an angle."""


class Operation(ABC):
    """Operation on wires of a circuit, possibly under controls."""

    @property
    @abstractmethod
    def wires(self) -> tuple[int, ...]:
        """Wires that the operation touches, those of its controls included."""

    @abstractmethod
    def inverse(self) -> "Operation":
        """Return the inverse operation."""

    @abstractmethod
    def moved(self, places: Sequence[int]) -> "Operation":
        """Return the operation on other wires.

        Args:
            places: new wire of each old one.
        """

    @abstractmethod
    def controlled(self, wires: tuple[int, ...], values: tuple[int, ...] = ()) -> "Operation":
        """Return the operation under more controls.

        Args:
            wires: wires of the controls, different from all others.
            values: value of each control for which the operation acts; 1 by default.
        """

    def parts(self) -> "Sequence[Operation] | None":
        """Return the operations that this one consists of, first to last; None for an elementary operation."""
        return None


def values_of(wires: Sequence[int], values: Sequence[int]) -> tuple[int, ...]:
    """Return the values of controls, 1 for each unless given.

    Args:
        wires: wires of the controls.
        values: values, or none at all.

    Raises:
        ValueError: unequally many wires and values, or a value that is not 0 or 1.
    """
    found = tuple(values) if values else (1,) * len(wires)
    fits = len(found) == len(wires) and all(value in (0, 1) for value in found)
    require(fits, f"`values` must be 0 or 1 for each of {len(wires)} controls, but are {found}.")
    return found


def require_disjoint(used: Sequence[int], wires: Sequence[int]) -> None:
    """Raise unless wires are integers that differ from each other and from those that an operation uses.

    Args:
        used: wires of the operation.
        wires: new wires.

    Raises:
        ValueError: a wire that is no integer, or that occurs twice.
    """
    odd = [wire for wire in wires if not isinstance(wire, int | np.integer) or isinstance(wire, bool)]
    require(not odd, f"`wires` must be integers, but one is {odd[:1]}.")
    twice = sorted(wire for wire, times in Counter(wires).items() if times > 1 or wire in used)
    require(not twice, f"`wires` must not overlap, but {twice} occur twice.")


class Elementary(Operation):
    """Elementary operation: it holds its controls itself."""

    controls: tuple[int, ...]
    values: tuple[int, ...]

    angle: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "controls", tuple(self.controls))
        object.__setattr__(self, "values", values_of(self.controls, self.values))
        require_disjoint((), self.wires)
        if self.angle is not None and is_concrete(self.angle):
            require(math.isfinite(as_real("angle", self.angle)), f"`angle` must be finite, but is {self.angle}.")

    def number(self) -> float:
        """Return the angle as a number.

        Raises:
            ValueError: a traced angle, which counts, drawings and exports cannot read.
        """
        require(is_concrete(self.angle), "`circuit` must have concrete angles here, but one is traced.")
        return float(self.angle)

    def controlled(self, wires: tuple[int, ...], values: tuple[int, ...] = ()) -> Self:
        controls, found = (*wires, *self.controls), (*values_of(wires, values), *self.values)
        return replace(self, controls=controls, values=found)  # type: ignore[type-var] # subclasses are dataclasses


@dataclass(frozen=True)
class Gate(Elementary):
    """Gate of one qubit.

    Attributes:
        name: name in OpenQASM 3: x, y, z, h, s, sdg, t, tdg, rx, ry, rz or p.
        target: wire of the qubit.
        angle: angle of rx, ry, rz and p, a number or a JAX scalar.
        controls: wires of the controls.
        values: value of each control for which the gate acts; 1 by default.
    """

    name: str
    target: int
    angle: Any = None
    controls: tuple[int, ...] = ()
    values: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.name in FIXED or self.name in TURNING,
            f"`name` must be one of {', '.join((*FIXED, *TURNING))}, but is {self.name!r}.",
        )
        fits = (self.angle is None) == (self.name in FIXED)
        require(fits, f"`angle` must be given for {', '.join(TURNING)} only, but is {self.angle} for {self.name}.")

    @property
    def wires(self) -> tuple[int, ...]:
        return (*self.controls, self.target)

    def inverse(self) -> "Gate":
        if self.angle is None and self.name not in INVERSE:
            return self
        return replace(self, name=INVERSE.get(self.name, self.name), angle=None if self.angle is None else -self.angle)

    def moved(self, places: Sequence[int]) -> "Gate":
        return replace(self, target=places[self.target], controls=tuple(places[wire] for wire in self.controls))


@dataclass(frozen=True)
class Phase(Elementary):
    r"""Phase $e^{i\theta}$ of the states whose controls have their values; the global phase without controls.

    Attributes:
        angle: angle $\theta$, a number or a JAX scalar.
        controls: wires of the controls.
        values: value of each control for which the phase acts; 1 by default.
    """

    angle: Any
    controls: tuple[int, ...] = ()
    values: tuple[int, ...] = ()

    @property
    def wires(self) -> tuple[int, ...]:
        return self.controls

    def inverse(self) -> "Phase":
        return replace(self, angle=-self.angle)

    def moved(self, places: Sequence[int]) -> "Phase":
        return replace(self, controls=tuple(places[wire] for wire in self.controls))
