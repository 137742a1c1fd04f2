r"""Preparation of states with few entries: a small state, whose basis states are then moved one by one.

A state of s entries is prepared on $r = \lceil\log_2 s\rceil$ qubits. Each entry outside of their basis states takes
CNOT gates and one NOT gate under at most r controls. This is $O(2^r + sn)$ gates instead of $O(2^n)$.

Example:
    >>> from qla_jax.circuits import Circuit, count
    >>> circuit = Circuit(20, sparse_state_operations({0: 0.6, 2**20 - 1: 0.8}, range(20)))
    >>> count(circuit)
    Gates(rotations=1, cnot=19, toffoli=0, reads=0, read_layers=0, t=0)

References:
    Malvetti, Iten, Colbeck (2021), pivoting, section 3. https://arxiv.org/abs/2006.00016
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from qla_jax._checks import as_integer, require, require_mapping
from qla_jax.circuits.composites import inverted
from qla_jax.circuits.operations import Gate, Operation, require_disjoint
from qla_jax.circuits.preparation import tree_operations
from qla_jax.circuits.select import bits_of
from qla_jax.linalg.products import matmul


def sparse_state_operations(entries: Mapping[int, complex], wires: Sequence[int]) -> tuple[Operation, ...]:
    """Return operations that prepare a state from |0>, given its nonzero entries.

    Args:
        entries: amplitude of each basis state that has one, real or complex.
        wires: wires, the most significant first.

    Raises:
        ValueError: no entries, a basis state that does not exist, or amplitudes that are not those of a unit vector.

    Example:
        >>> from qla_jax.circuits import Circuit, to_matrix
        >>> to_matrix(Circuit(3, sparse_state_operations({1: 0.6, 6: -0.8}, (0, 1, 2))))[:, 0].real.round(6).tolist()
        [0.0, 0.6, 0.0, 0.0, 0.0, 0.0, -0.8, 0.0]

    References:
        Malvetti, Iten, Colbeck (2021), section 3. https://arxiv.org/abs/2006.00016
    """
    require_mapping("entries", entries)
    require(len(entries) > 0, "`entries` must hold at least one basis state, but is empty.")
    require_disjoint((), wires)
    size = 1 << len(wires)
    states = [as_integer("entries", state, least=0, most=size - 1) for state in entries]
    amplitudes = np.asarray(list(entries.values()))
    norm = float(np.linalg.norm(amplitudes))
    rounding = np.finfo(np.result_type(amplitudes.dtype, np.float32)).eps
    unit = math.isfinite(norm) and abs(norm - 1) <= math.sqrt(rounding)
    require(unit, f"`entries` must be those of a unit vector, but have norm {norm:.6g}.")
    bits = np.array([[state >> place & 1 for place in reversed(range(len(wires)))] for state in states], bool)
    bits = bits.reshape(len(states), len(wires))
    low = _chosen(bits)
    moved, places = _gathered(bits, low, wires)
    small = np.zeros(1 << len(low), amplitudes.dtype)
    small[places] = amplitudes / norm
    return (*tree_operations(small, tuple(wires[place] for place in low)), *inverted(moved))


def _chosen(bits: np.ndarray) -> list[int]:
    """Return the qubits of the small state: each one splits the entries as evenly as possible."""
    found: list[int] = []
    groups = np.zeros(len(bits), int)
    for _ in range((len(bits) - 1).bit_length()):
        rest = [place for place in range(bits.shape[1]) if place not in found]
        # The number of different values of the chosen qubits is the number of entries that need not move far.
        best = max(rest, key=lambda place: len(np.unique(2 * groups + bits[:, place])))
        groups = 2 * groups + bits[:, best]
        found.append(best)
    return sorted(found)


class _Entries:
    """Basis states of the entries while gates move them; `low` are the places of the qubits of the small state."""

    def __init__(self, bits: np.ndarray, low: Sequence[int], wires: Sequence[int]) -> None:
        self.bits, self.low, self.wires = bits.copy(), list(low), wires
        self.high = [place for place in range(bits.shape[1]) if place not in low]
        self.gates: list[Operation] = []

    def flip(self, target: int, controls: Sequence[int] = (), values: Sequence[int] = ()) -> None:
        on = tuple(self.wires[place] for place in controls)
        self.gates.append(Gate("x", self.wires[target], controls=on, values=tuple(values)))
        self.bits[:, target] ^= (self.bits[:, list(controls)] == np.array(values, bool)).all(axis=1)

    def places(self) -> list[int]:
        weights = [1 << bit for bit in reversed(range(len(self.low)))]
        return matmul(self.bits[:, self.low], np.array(weights, int)).tolist()

    def outside(self) -> list[int]:
        return np.flatnonzero(self.bits[:, self.high].any(axis=1)).tolist()

    def move(self, row: int, place: int, *, alone: bool) -> None:
        """Move an entry to a free place of the small state; `alone` if no entry is there yet."""
        pivot = next(each for each in self.high if self.bits[row, each])
        wanted = dict(zip(self.low, bits_of(place, len(self.low)), strict=True))
        # The entry comes to differ from its new place in the pivot alone, which no entry inside has.
        for each, value in {**wanted, **{other: 0 for other in self.high if other != pivot}}.items():
            if self.bits[row, each] != value:
                self.flip(each, (pivot,), (1,))
        self.flip(pivot) if alone else self.flip(pivot, tuple(wanted), tuple(wanted.values()))


def _gathered(bits: np.ndarray, low: Sequence[int], wires: Sequence[int]) -> tuple[list[Operation], list[int]]:
    """Return gates that move all entries to basis states of the small state, and these basis states."""
    entries = _Entries(bits, low, wires)
    for place in entries.high:  # a qubit that is 1 in all entries takes one gate
        if entries.bits[:, place].all():
            entries.flip(place)
    while outside := entries.outside():
        places = entries.places()
        taken = {place for row, place in enumerate(places) if row not in outside}
        row = next((each for each in outside if places[each] not in taken), outside[0])
        free = [place for place in range(1 << len(low)) if place not in taken]
        nearest = min(free, key=lambda place: (place ^ places[row]).bit_count())
        entries.move(row, nearest, alone=not taken)
    return entries.gates, entries.places()
