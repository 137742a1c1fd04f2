r"""Index registers of Hamiltonians in the form of masks: one excitation for each term, then the qubits of its letters.

An excitation on the wire of the first term is split along a binary tree, until the wire of each term has its amplitude.
A split into equal halves is a controlled Hadamard gate of two T gates, every other one a controlled rotation of two
rotations. CNOT gates then turn the excitation of a term into its mask: the qubits where its word flips, and where it
has a sign. Where masks depend on each other modulo 2, further wires tell the terms apart.

References:
    Della Chiara, Nibbi, Shen, Van Beeumen (2025), masks as an index. https://arxiv.org/abs/2507.20887
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from qla_jax.circuits.operations import Gate, Operation


class Split(NamedTuple):
    """Split of an excitation between two groups of terms.

    Attributes:
        kept: terms of the group that keeps the wire, whose first term names it.
        moved: terms of the group that gets the wire of its own first term.
        equal: whether both halves have the same weight by construction.
    """

    kept: tuple[int, ...]
    moved: tuple[int, ...]
    equal: bool


@dataclass(frozen=True)
class Masks:
    """Wires of an index of masks.

    Attributes:
        num_wires: number of wires.
        flips: pairs of a wire and the qubit of the words that it flips.
        signs: pairs of a wire and the qubit of the words whose sign it gives.
        starts: wire of the excitation of each term.
        cnots: pairs of control and target that turn excitations into masks, first to last.
    """

    num_wires: int
    flips: tuple[tuple[int, int], ...]
    signs: tuple[tuple[int, int], ...]
    starts: tuple[int, ...]
    cnots: tuple[tuple[int, int], ...]


def masks_of(words: Sequence[str]) -> Masks:
    """Return the index of masks of Pauli words.

    Args:
        words: different words over the letters I, X, Y, Z, all of one length.
    """
    sides = [[(qubit, letters) for qubit in range(len(words[0]))] for letters in ("XY", "YZ")]
    rows = [[[word[qubit] in letters for word in words] for qubit, letters in side] for side in sides]
    used = [[qubit for qubit, row in enumerate(side) if any(row)] for side in rows]
    table = np.array([rows[side][qubit] for side in (0, 1) for qubit in used[side]], bool).reshape(-1, len(words))
    starts = _independent(table)
    count = len(table)
    for term, start in enumerate(starts):
        if start < 0:  # the mask is a sum of earlier ones, or zero
            starts[term], count = count, count + 1
    matrix = np.eye(count, dtype=bool)
    for term, start in enumerate(starts):
        matrix[: len(table), start] = table[:, term]
    flips, signs = ([(wire, qubit) for wire, qubit in enumerate(side)] for side in used)
    moved = tuple((len(flips) + wire, qubit) for wire, qubit in signs)
    return Masks(count, tuple(flips), moved, tuple(starts), _cnots(matrix))


class TermGroup(NamedTuple):
    """Group of terms with the splits of an excitation among them.

    Attributes:
        terms: the terms.
        weight: sum of their weights, or None if it is not known.
        splits: splits from the root of the group's tree on.
    """

    terms: tuple[int, ...]
    weight: float | None
    splits: tuple[Split, ...] = ()


def splits_of(weights: Sequence[float | None]) -> tuple[Split, ...]:
    """Return the splits of an excitation among terms, from the root of the tree on.

    Two groups of one weight are joined first, as long as there are any, so that few splits are unequal: none for
    $2^k$ terms of one weight.

    Args:
        weights: weight of each term, or None where it is not known.
    """
    known: dict[float, TermGroup] = {}
    others: list[TermGroup] = []
    for term, weight in enumerate(weights):
        group = TermGroup((term,), weight)
        while group.weight and group.weight in known:
            group = _joined(known.pop(group.weight), group, equal=True)
        if group.weight:
            known[group.weight] = group
        else:  # a zero has no amplitude to be split
            others.append(group)
    return _balanced(sorted([*known.values(), *others])).splits


def _joined(kept: TermGroup, moved: TermGroup, *, equal: bool) -> TermGroup:
    weight = None if kept.weight is None or moved.weight is None else kept.weight + moved.weight
    splits = (Split(kept.terms, moved.terms, equal), *kept.splits, *moved.splits)
    return TermGroup(kept.terms + moved.terms, weight, splits)


def _balanced(groups: Sequence[TermGroup]) -> TermGroup:
    if len(groups) == 1:
        return groups[0]
    middle = (len(groups) + 1) // 2
    return _joined(_balanced(groups[:middle]), _balanced(groups[middle:]), equal=False)


def split_operations(splits: Sequence[Split], angles: Sequence[Any], starts: Sequence[int]) -> list[Operation]:
    """Return the operations that prepare one excitation, split among the wires of the terms.

    Args:
        splits: splits from the root of the tree on.
        angles: angle of each split, which is read where its halves are not equal.
        starts: wire of the excitation of each term.
    """
    first = starts[splits[0].kept[0]] if splits else starts[0]
    found: list[Operation] = [Gate("x", first)]
    for number, (split, angle) in enumerate(zip(splits, angles, strict=True)):
        here, there = starts[split.kept[0]], starts[split.moved[0]]
        # The excitation is on the first wire for certain, so that the root needs no control.
        controls = (here,) if number else ()
        found.append(Gate("h", there, None, controls) if split.equal else Gate("ry", there, angle, controls))
        found.append(Gate("x", here, None, (there,)))
    return found


def _independent(table: np.ndarray) -> list[int]:
    """Return a row for each column that is no sum modulo 2 of earlier ones, all rows different; -1 for the others."""
    rest, found = table.copy(), list[int]()
    taken: list[int] = []
    for column in range(table.shape[1]):
        pivot = next((row for row in range(len(rest)) if rest[row, column] and row not in taken), -1)
        found.append(pivot)
        if pivot >= 0:
            taken.append(pivot)
            others = [row for row in range(len(rest)) if rest[row, column] and row != pivot]
            rest[others] ^= rest[pivot]
    return found


def _cnots(matrix: np.ndarray) -> tuple[tuple[int, int], ...]:
    """Return CNOT gates that multiply the bits of a register by an invertible matrix modulo 2."""
    rest, found = matrix.copy(), list[tuple[int, int]]()

    def add(source: int, target: int) -> None:
        rest[target] ^= rest[source]
        found.append((source, target))

    for column in range(len(rest)):
        if not rest[column, column]:
            add(next(row for row in range(column + 1, len(rest)) if rest[row, column]), column)
        for row in range(len(rest)):
            if row != column and rest[row, column]:
                add(column, row)
    return tuple(reversed(found))
