r"""Multiplexed rotations of which some elementary rotations are left out, as their angles are negligible.

A multiplexed rotation is a row of rotations with CNOT gates between them. The angles are a Walsh-Hadamard transform of
the table, which is sparse for smooth and for structured tables. Without a rotation, the CNOT gates around it meet, and
pairs of equal ones cancel.

Example:
    >>> table = np.array([0.3, 0.3, 0.7, 0.7])  # the second bit of the index does not matter
    >>> part = CompressedRotation("y", table, (0, 1), 2, np.abs(gray_angles(table)) > 1e-12)
    >>> [(gate.name, gate.controls) for gate in part.parts()]
    [('ry', ()), ('x', (0,)), ('ry', ()), ('x', (0,))]

References:
    Camps, Van Beeumen (2022), FABLE, section III C. https://arxiv.org/abs/2205.00081
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from qla_jax._checks import require
from qla_jax.circuits.composites import MultiplexedRotation, gray_angles
from qla_jax.circuits.operations import Gate, Operation


@dataclass(frozen=True, eq=False)
class CompressedRotation(MultiplexedRotation):
    """Multiplexed rotation with a mark for each elementary rotation that is kept; all others have angle 0.

    Attributes:
        kept: True for each kept rotation, in the order of the Gray code.
    """

    kept: np.ndarray

    def __post_init__(self) -> None:
        super().__post_init__()
        kept = np.asarray(self.kept, bool)
        require(kept.shape == self.angles.shape, f"`kept` must be {self.angles.size} marks, but have {kept.shape}.")
        object.__setattr__(self, "kept", kept)

    def parts(self) -> list[Operation]:
        return list(self._gates())

    def parts_under(self, wires: tuple[int, ...], values: tuple[int, ...]) -> list[Operation]:
        """Return the parts with the controls on their rotations alone: without these the CNOT gates cancel."""
        return [part.controlled(wires, values) if part.name != "x" else part for part in self._gates()]

    @property
    def flips(self) -> int:
        """Number of CNOT gates."""
        return sum(gate.name == "x" for gate in self._gates())

    def _gates(self) -> Iterator[Gate]:
        held, k = 0, len(self.index)
        angles = gray_angles(self.angles)
        for step in np.flatnonzero(self.kept).tolist():
            yield from self._between(held, step ^ step >> 1, k)
            held = step ^ step >> 1
            yield Gate(f"r{self.axis}", self.target, float(angles[step]))
        yield from self._between(held, 0, k)

    def _between(self, before: int, after: int, k: int) -> Iterator[Gate]:
        """Yield CNOT gates of the wires in which two words of the Gray code differ."""
        differing = before ^ after
        yield from (
            Gate("x", self.target, controls=(self.index[k - 1 - bit],)) for bit in range(k) if differing >> bit & 1
        )


def kept_within(tables: np.ndarray, bound: float) -> np.ndarray:
    r"""Return marks of the rotations that are kept, as few as a bound on the change of the tables allows.

    Args:
        tables: rows of angles, one for each multiplexed rotation.
        bound: bound on the 2-norm of the change of all rows together.
    """
    turned = np.stack([gray_angles(row) for row in tables])
    # The transform is orthogonal up to the factor sqrt(N), so that squares add up to those of the change.
    squares = np.sort(np.square(turned).reshape(-1)) * turned.shape[1]
    dropped = int(np.searchsorted(np.cumsum(squares), bound**2, side="right"))
    order = np.argsort(np.square(turned).reshape(-1), kind="stable")
    kept = np.ones(turned.size, bool)
    kept[order[:dropped]] = False
    return kept.reshape(turned.shape)


def compressed(tables: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return the tables of angles that the kept rotations alone have.

    Args:
        tables: rows of angles, one for each multiplexed rotation.
        kept: marks of the kept rotations.
    """

    def back(angles: np.ndarray) -> np.ndarray:
        # The transform is its own inverse up to the order of the Gray code and the factor N.
        ordered, found = np.empty_like(angles), np.empty_like(angles)
        ordered[order] = angles
        found[order] = gray_angles(ordered) * len(angles)
        return found

    steps = np.arange(tables.shape[1])
    order = steps ^ steps >> 1
    return np.stack([back(np.where(marks, gray_angles(row), 0)) for row, marks in zip(tables, kept, strict=True)])
