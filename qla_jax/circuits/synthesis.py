r"""Any unitary as multiplexed rotations, by the cosine-sine decomposition all the way down.

A unitary of n qubits takes $2^n - 1$ pairs of multiplexed rotations about Y and Z and one diagonal: $4^n - 1$
rotations, as many as a unitary has parameters besides its phase. The diagonals between the rotations about Y are pushed
to the end but for what does not commute with the next one, a multiplexed rotation about Z.

References:
    Mottonen, Vartiainen, Bergholm, Salomaa (2004), Quantum circuits for general multiqubit gates.
    https://arxiv.org/abs/quant-ph/0404089
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from scipy.linalg import cossin

from qla_jax._checks import require
from qla_jax.circuits.composites import Composite, DiagonalPhases, MultiplexedRotation
from qla_jax.circuits.operations import Operation, require_disjoint


@dataclass(frozen=True, eq=False)
class MatrixGate(Composite):
    """Unitary given by its matrix, or one for each value of an index. It is synthesized only where gates are asked for.

    Attributes:
        matrix: unitary of 2^k rows; a stack of them where there is an index.
        on: k wires, the first the most significant bit.
        index: wires of the index.
        trusted: whether the matrix is known to be unitary, as that of an inverse is.
    """

    matrix: np.ndarray
    on: tuple[int, ...]
    index: tuple[int, ...] = ()
    trusted: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        require_disjoint((), self.wires)
        if not self.trusted:  # once: a move and an inverse need no second look
            _as_blocks(self.matrix, len(self.on), len(self.index))
            object.__setattr__(self, "trusted", True)

    @property
    def wires(self) -> tuple[int, ...]:
        return (*self.index, *self.on)

    def inverse(self) -> "MatrixGate":
        return replace(self, matrix=np.asarray(self.matrix).conj().mT)

    def moved(self, places: Sequence[int]) -> "MatrixGate":
        on, index = (tuple(places[wire] for wire in wires) for wires in (self.on, self.index))
        return replace(self, on=on, index=index)

    def parts(self) -> Sequence[Operation]:
        return synthesis(self.matrix, self.on, self.index)

    def parts_under(self, wires: tuple[int, ...], values: tuple[int, ...]) -> Sequence[Operation]:
        """Return the synthesis of the controlled unitary under one control; more controls reach its rotations."""
        if len(wires) > 1:
            return super().parts_under(wires, values)
        blocks = np.asarray(self.matrix, complex).reshape(-1, *np.shape(self.matrix)[-2:])
        idle = np.broadcast_to(np.eye(blocks.shape[-1]), blocks.shape)
        both = [idle, blocks] if values[0] else [blocks, idle]
        return synthesis(np.concatenate(both), self.on, (*wires, *self.index))


class Factor(NamedTuple):
    """Rotations about Y of one qubit, with an angle for each value of the others; a diagonal if `qubit` is None."""

    qubit: int | None
    angles: np.ndarray


def synthesis(matrix: np.ndarray, wires: Sequence[int], index: Sequence[int] = ()) -> tuple[Operation, ...]:
    """Return operations whose product is a unitary, its phase included, or one unitary for each value of an index.

    Args:
        matrix: unitary of 2^k rows; a stack of them where there is an index.
        wires: k wires, the most significant first.
        index: wires of the index.

    Raises:
        ValueError: a matrix of another shape, or one that is not unitary.

    Example:
        >>> from qla_jax.circuits import Circuit, to_matrix
        >>> fourier = np.exp(2j * np.pi * np.outer(range(4), range(4)) / 4) / 2
        >>> circuit = Circuit(2, synthesis(fourier, (0, 1)))
        >>> bool(np.abs(to_matrix(circuit) - fourier).max() < 1e-14)
        True
    """
    blocks = _as_blocks(matrix, len(wires), len(index))
    wires = (*index, *wires)
    found: list[Operation] = []
    pending = np.zeros((2,) * len(wires))
    for turn in factors(blocks):
        if turn.qubit is None:
            pending = pending + turn.angles.reshape(pending.shape)
            continue
        wire, index = wires[turn.qubit], (*wires[: turn.qubit], *wires[turn.qubit + 1 :])
        # The mean over the qubit commutes with its rotation and waits; the difference is a rotation about Z.
        zero, one = np.moveaxis(pending, turn.qubit, 0)
        pending = np.stack([(zero + one) / 2] * 2, axis=turn.qubit)
        found.append(MultiplexedRotation("z", (one - zero).reshape(-1), index, wire))
        found.append(MultiplexedRotation("y", turn.angles.reshape(-1), index, wire))
    return (*found, DiagonalPhases(pending.reshape(-1), wires))


def _as_blocks(matrix: np.ndarray, qubits: int, index: int) -> np.ndarray:
    """Return a checked stack of unitaries, one for each value of the index."""
    size, shape = 1 << qubits, np.shape(matrix)
    fits = shape[-2:] == (size, size) and math.prod(shape[:-2]) == 1 << index
    require(fits, f"`matrix` must be {size} x {size} for {1 << index} values of the index, but has shape {shape}.")
    rounding = np.finfo(np.result_type(np.asarray(matrix).dtype, np.float32)).eps  # of the matrix as it is given
    blocks = np.asarray(matrix, complex).reshape(-1, size, size)
    defect = float(np.abs(blocks.conj().mT @ blocks - np.eye(size)).max())
    told = f"`matrix` must be unitary, but U^H U - 1 has an entry of size {defect:.3g}."
    require(defect <= math.sqrt(rounding), told)
    return blocks


def factors(blocks: np.ndarray) -> Iterator[Factor]:
    """Yield the factors of a unitary for each value of an index of the qubits above, the first one to act first.

    Args:
        blocks: stack of $2^k$ unitaries; their qubits are numbered from k on.
    """
    count, size, _ = blocks.shape
    if size == 1:
        yield Factor(None, np.angle(blocks.reshape(-1)))
        return
    half, qubit = size // 2, count.bit_length() - 1
    # SciPy's order of the angles is that of the lower half of the register, which is the index of the rotation.
    parts = [cossin(block, p=half, q=half, separate=True) for block in blocks]
    left, right = ([block for part in parts for block in part[side]] for side in (0, 2))
    yield from factors(np.stack(right))
    yield Factor(qubit, 2 * np.stack([part[1] for part in parts]))
    yield from factors(np.stack(left))
