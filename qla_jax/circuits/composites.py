r"""Operations that consist of others: multiplexed rotations, diagonals, and conjugations.

A control of a composite operation reaches only the parts that need it: of $V^\dagger M V$ the middle alone.

Example:
    >>> turn = MultiplexedRotation("y", np.array([0.1, 0.2]), (0,), 1)
    >>> [part.name for part in turn.parts()]
    ['ry', 'x', 'ry', 'x']
    >>> kept = Within((Gate("h", 1),), (Gate("x", 1),)).controlled((0,))
    >>> [(part.name, part.controls) for part in kept.parts()]
    [('h', ()), ('x', (0,)), ('h', ())]

References:
    Mottonen, Vartiainen, Bergholm, Salomaa (2004), multiplexed rotations. https://arxiv.org/abs/quant-ph/0407010
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from qla_jax._checks import require
from qla_jax.circuits.operations import Gate, Operation, Phase, require_disjoint, values_of


class Composite(Operation):
    """Operation with parts. Under controls it becomes `Under`, which asks it for its controlled parts."""

    def controlled(self, wires: tuple[int, ...], values: tuple[int, ...] = ()) -> "Under":
        require_disjoint(self.wires, wires)
        return Under(self, tuple(wires), values_of(wires, values))

    @abstractmethod
    def parts(self) -> Sequence[Operation]:
        """Return the operations that this one consists of, first to last."""

    def parts_under(self, wires: tuple[int, ...], values: tuple[int, ...]) -> Sequence[Operation]:
        """Return the operations of which this one consists under controls; each part takes them by default.

        Args:
            wires: wires of the controls.
            values: value of each control for which the operation acts.
        """
        return each_once(lambda part: part.controlled(wires, values), self.parts())


@dataclass(frozen=True)
class Under(Operation):
    """Composite operation under controls.

    Attributes:
        part: the operation that is controlled.
        controls: wires of the controls.
        values: value of each control for which the part acts.
    """

    part: Composite
    controls: tuple[int, ...]
    values: tuple[int, ...]

    @property
    def wires(self) -> tuple[int, ...]:
        return (*self.controls, *self.part.wires)

    def inverse(self) -> "Under":
        part = self.part.inverse()
        assert isinstance(part, Composite)
        return replace(self, part=part)

    def moved(self, places: Sequence[int]) -> "Under":
        part = self.part.moved(places)
        assert isinstance(part, Composite)
        return Under(part, tuple(places[wire] for wire in self.controls), self.values)

    def controlled(self, wires: tuple[int, ...], values: tuple[int, ...] = ()) -> "Under":
        require_disjoint(self.wires, wires)
        return Under(self.part, (*wires, *self.controls), (*values_of(wires, values), *self.values))

    def parts(self) -> Sequence[Operation]:
        return self.part.parts_under(self.controls, self.values) if self.controls else self.part.parts()


@dataclass(frozen=True, eq=False)
class MultiplexedRotation(Composite):
    r"""Multiplexed rotation: one about an axis, with an angle for each value of the index wires.

    Attributes:
        axis: "y" or "z".
        angles: angles, $2^k$ of them, the first index wire the most significant bit.
        index: k wires of the index.
        target: wire of the qubit that is rotated.
    """

    axis: str
    angles: np.ndarray
    index: tuple[int, ...]
    target: int

    def __post_init__(self) -> None:
        require_disjoint((), self.wires)
        require(self.axis in ("y", "z"), f"`axis` must be 'y' or 'z', but is {self.axis!r}.")
        object.__setattr__(self, "angles", table_of("angles", self.angles, len(self.index)))

    @property
    def wires(self) -> tuple[int, ...]:
        return (*self.index, self.target)

    def inverse(self) -> "MultiplexedRotation":
        return replace(self, angles=-self.angles)

    def moved(self, places: Sequence[int]) -> "MultiplexedRotation":
        return replace(self, index=tuple(places[wire] for wire in self.index), target=places[self.target])

    def parts(self) -> list[Operation]:
        """Return $2^k$ rotations, with a CNOT gate after each where there is an index, in the order of a Gray code."""
        name, k = f"r{self.axis}", len(self.index)
        if k == 0:
            return [Gate(name, self.target, float(self.angles[0]))]
        found: list[Operation] = []
        for step, angle in enumerate(gray_angles(self.angles).tolist(), 1):
            # The wire whose bit changes between two words of the Gray code; the last word leads back to the first.
            bit = min((step & -step).bit_length() - 1, k - 1)
            found += [Gate(name, self.target, angle), Gate("x", self.target, controls=(self.index[k - 1 - bit],))]
        return found

    def parts_under(self, wires: tuple[int, ...], values: tuple[int, ...]) -> list[Operation]:
        """Return one rotation with angle 0 for all other values of a single control; more controls take a ladder."""
        # One more index wire doubles the angles but needs no Toffoli gate.
        if len(wires) == 1:
            return [replace(self, angles=_beside_zeros(self.angles, values[0]), index=(*wires, *self.index))]
        # With all angles 0 the CNOT gates cancel in pairs, so that only the rotations need the controls.
        return [part.controlled(wires, values) if part.name != "x" else part for part in _gates(self.parts())]


@dataclass(frozen=True, eq=False)
class DiagonalPhases(Composite):
    r"""DiagonalPhases unitary $\mathrm{diag}(e^{i\theta_0}, e^{i\theta_1}, \dots)$.

    Attributes:
        angles: angles, $2^k$ of them.
        on: k wires, the first the most significant bit.
    """

    angles: np.ndarray
    on: tuple[int, ...]

    def __post_init__(self) -> None:
        require_disjoint((), self.on)
        object.__setattr__(self, "angles", table_of("angles", self.angles, len(self.on)))

    @property
    def wires(self) -> tuple[int, ...]:
        return self.on

    def inverse(self) -> "DiagonalPhases":
        return replace(self, angles=-self.angles)

    def moved(self, places: Sequence[int]) -> "DiagonalPhases":
        return replace(self, on=tuple(places[wire] for wire in self.on))

    def parts(self) -> list[Operation]:
        """Return a multiplexed Z rotation of the last wire, and the diagonal of mean angles on the others."""
        if not self.on:
            return [Phase(float(self.angles[0]))]
        pairs = self.angles.reshape(-1, 2)
        rest = DiagonalPhases(pairs.mean(axis=1), self.on[:-1])
        return [MultiplexedRotation("z", pairs[:, 1] - pairs[:, 0], self.on[:-1], self.on[-1]), rest]

    def parts_under(self, wires: tuple[int, ...], values: tuple[int, ...]) -> list[Operation]:
        """Return one diagonal with angle 0 for the other value of a single control; more controls reach its parts."""
        if len(wires) > 1:  # a table over all controls would double with each
            return [part.controlled(wires, values) for part in self.parts()]
        return [DiagonalPhases(_beside_zeros(self.angles, values[0]), (*wires, *self.on))]


@dataclass(frozen=True, eq=False)
class Within(Composite):
    r"""Conjugation $V^\dagger M V$: a middle between operations and their inverses. A control reaches the middle only.

    Attributes:
        compute: operations V, first to last.
        middle: operations M, first to last.
    """

    compute: tuple[Operation, ...]
    middle: tuple[Operation, ...]

    @property
    def wires(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(wire for part in (*self.compute, *self.middle) for wire in part.wires))

    def inverse(self) -> "Within":
        return replace(self, middle=inverted(self.middle))

    def moved(self, places: Sequence[int]) -> "Within":
        compute, middle = (tuple(part.moved(places) for part in side) for side in (self.compute, self.middle))
        return Within(compute, middle)

    def parts(self) -> list[Operation]:
        return [*self.compute, *self.middle, *inverted(self.compute)]

    def parts_under(self, wires: tuple[int, ...], values: tuple[int, ...]) -> list[Operation]:
        # Without the middle, V and its inverse cancel: neither needs the control.
        middle = [part.controlled(wires, values) for part in self.middle]
        return [*self.compute, *middle, *inverted(self.compute)]


def table_of(name: str, values: ArrayLike, qubits: int) -> np.ndarray:
    """Return a table of real numbers for each basis state of some qubits.

    Args:
        name: name of the argument, for error messages.
        values: numbers.
        qubits: number of qubits.

    Raises:
        ValueError: another number of values, or one that is not real and finite.
    """
    found = np.asarray(values)
    require(found.shape == (1 << qubits,), f"`{name}` must be {1 << qubits} numbers, but have shape {found.shape}.")
    real = np.isrealobj(found) and bool(np.isfinite(found).all())
    require(real, f"`{name}` must be real and finite, but are not.")
    return found.astype(float)


def inverted(operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """Return the inverse of each operation, in reverse order.

    Args:
        operations: operations, first to last.
    """
    return each_once(lambda part: part.inverse(), operations[::-1])


def each_once(change: Callable[[Operation], Operation], operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """Return changed operations; one object that occurs often is changed once.

    Args:
        change: function of an operation.
        operations: operations, first to last.
    """
    changed = {id(part): change(part) for part in parts_once(operations)}
    return tuple(changed[id(part)] for part in operations)


def parts_once(operations: Iterable[Operation]) -> Iterable[Operation]:
    """Return each of the objects among operations once."""
    return {id(part): part for part in operations}.values()


def rearranged(places: Sequence[int], wanted: Sequence[int]) -> list[Operation]:
    """Return CNOT gates that move each qubit from one wire to another, three for each swap.

    Args:
        places: wire on which each qubit is.
        wanted: wire on which it shall be; the same wires in any order.
    """
    at, found = list(places), list[Operation]()
    for qubit, wire in enumerate(wanted):
        here = at[qubit]
        if here != wire:
            found += [Gate("x", b, controls=(a,)) for a, b in ((here, wire), (wire, here), (here, wire))]
            at[at.index(wire)], at[qubit] = here, wire
    return found


def exchanged(front: Sequence[int], back: Sequence[int]) -> list[Operation]:
    """Return swaps of two registers, whose outer CNOT gates need no control.

    Args:
        front: wires of one register.
        back: wires of the other register.
    """
    pairs = zip(front, back, strict=True)
    return [Within((Gate("x", b, controls=(a,)),), (Gate("x", a, controls=(b,)),)) for a, b in pairs]


def gray_angles(angles: np.ndarray) -> np.ndarray:
    """Return the angles of the gates of a multiplexed rotation, in the order of a Gray code.

    A CNOT gate reverses the sign of a rotation, so that the angles of the gates are a Walsh-Hadamard transform of those
    of the values, permuted by the Gray code (Mottonen et al., equation 3).

    Args:
        angles: angle for each value of the index.
    """
    found = np.asarray(angles, float)
    for level in range(len(found).bit_length() - 1):
        pairs = found.reshape(-1, 2, 1 << level)
        found = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], axis=1).reshape(-1)
    order = np.arange(len(found))
    return found[order ^ (order >> 1)] / len(found)


def _beside_zeros(angles: np.ndarray, value: int) -> np.ndarray:
    zeros = np.zeros_like(angles)
    return np.concatenate([zeros, angles] if value else [angles, zeros])


def _gates(parts: Sequence[Operation]) -> list[Gate]:
    return [part for part in parts if isinstance(part, Gate)]
