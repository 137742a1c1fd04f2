"""Permutation of basis states by a table, as transpositions.

Example:
    >>> from qla_jax.circuits import Circuit, to_matrix
    >>> cycle = Permutation(np.array([1, 2, 0, 3]), (0, 1))
    >>> to_matrix(Circuit(2, (cycle,))).real.astype(int).argmax(axis=0).tolist()
    [1, 2, 0, 3]
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from qla_jax._checks import require
from qla_jax.circuits.composites import Composite, Within
from qla_jax.circuits.operations import Gate, Operation, require_disjoint


@dataclass(frozen=True, eq=False)
class Permutation(Composite):
    """Permutation of basis states, given by a table.

    The gates are those of the transpositions, up to $n$ for each moved state. `count` takes two lookups instead where
    these are fewer. The operation is meant for small tables and for permutations without arithmetic.

    Attributes:
        targets: basis state to which each basis state moves.
        on: wires, the first the most significant bit.
    """

    targets: np.ndarray
    on: tuple[int, ...]

    def __post_init__(self) -> None:
        require_disjoint((), self.on)
        targets = np.asarray(self.targets)
        fits = targets.shape == (1 << len(self.on),) and np.array_equal(np.sort(targets), np.arange(targets.size))
        require(fits, f"`targets` must hold each of {1 << len(self.on)} basis states once, but do not.")
        object.__setattr__(self, "targets", targets)

    @property
    def wires(self) -> tuple[int, ...]:
        return self.on

    def inverse(self) -> "Permutation":
        return replace(self, targets=np.argsort(self.targets))

    def moved(self, places: Sequence[int]) -> "Permutation":
        return replace(self, on=tuple(places[wire] for wire in self.on))

    def parts(self) -> list[Operation]:
        """Return the transpositions of all cycles."""
        found: list[Operation] = []
        seen = self.targets == np.arange(len(self.targets))
        for start in np.flatnonzero(~seen):
            # The cycle (s, t, u, ...) is the product of (s, t), then (s, u), ... in the order of application reversed.
            cycle, state = [int(start)], int(self.targets[start])
            while state != start and not seen[start]:
                cycle.append(state)
                state = int(self.targets[state])
            if not seen[start]:
                seen[cycle] = True
                found += [part for other in cycle[1:] for part in self._transposed(cycle[0], other)]
        return found

    def _transposed(self, first: int, second: int) -> list[Operation]:
        """Return the transposition of two basis states: CNOT gates that leave one differing bit, and its NOT."""
        n = len(self.on)
        bits = [(first >> n - 1 - k & 1, second >> n - 1 - k & 1) for k in range(n)]
        differing = [k for k, (a, b) in enumerate(bits) if a != b]
        pivot, a = differing[0], bits[differing[0]][0]
        # On the branch of `second`, whose pivot is not a, the other differing bits are flipped to those of `first`.
        compute = [Gate("x", self.on[k], controls=(self.on[pivot],), values=(1 - a,)) for k in differing[1:]]
        others = [k for k in range(n) if k != pivot]
        controls, values = tuple(self.on[k] for k in others), tuple(bits[k][0] for k in others)
        return [Within(tuple(compute), (Gate("x", self.on[pivot], controls=controls, values=values),))]
