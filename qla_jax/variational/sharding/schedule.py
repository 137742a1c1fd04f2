r"""Schedules of exchanges: plans of which qubits the devices hold when, made before a circuit is traced.

A state of n qubits on $2^g$ devices is divided by the values of g qubits, the held ones: each device has the amplitudes
of one value of them. A gate that mixes a held qubit needs the amplitudes of other devices. An exchange gives all held
qubits back to the shards and takes g others in their place, by one all-to-all of each shard. It takes those that are
mixed again the latest, as Belady's algorithm for caches does. Gates keep their order, since another order would round
differently. Diagonal gates and controls need no exchange.

Held qubits are sorted, and so are the others in a device's array, so that the held qubits say where each qubit is. A
layer that repeats ends with the qubits held that it began with, so that a loop can run it. A circuit begins and ends
with the first g qubits held.

Example:
    >>> flips = MixedRow(repeats=1, mixed=((0,), (3,), (1,)))
    >>> [leg.steps for leg in schedule([flips], num_qubits=4, count=1)]
    [(Exchange(before=(0,), after=(2,)), Act(gate=0, held=(2,)), Act(gate=1, held=(2,)), Act(gate=2, held=(2,))),
     (Exchange(before=(2,), after=(0,)),)]

References:
    Belady (1966), A study of replacement algorithms for a virtual-storage computer, the algorithm MIN.
    https://doi.org/10.1147/sj.52.0078
    De Raedt et al. (2019), Massively parallel quantum computer simulator, section 3.
    https://arxiv.org/abs/1805.04708
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

Qubits = tuple[int, ...]

_TRIED = 4
"""Number of sets of held qubits that are compared for the begin of a layer that repeats."""


class MixedRow(NamedTuple):
    """Gates of a layer by the qubits that they mix.

    Attributes:
        repeats: number of times that the layer runs.
        mixed: qubits that each gate mixes.
    """

    repeats: int
    mixed: tuple[Qubits, ...]


class Exchange(NamedTuple):
    """Step that changes which qubits are held; no qubit is held both before and after."""

    before: Qubits
    after: Qubits


class Act(NamedTuple):
    """Step that applies a gate of the layer while some qubits are held."""

    gate: int
    held: Qubits


Steps = tuple[Exchange | Act, ...]


class Leg(NamedTuple):
    """Part of a schedule.

    Attributes:
        layer: number of the layer whose gates act; None for exchanges between layers.
        steps: steps of one repeat.
    """

    layer: int | None
    steps: Steps


def schedule(rows: Sequence[MixedRow], num_qubits: int, count: int) -> tuple[Leg, ...]:
    """Return the exchanges and gates of a circuit, which begins and ends with the first qubits held.

    Args:
        rows: layers of the circuit.
        num_qubits: number n of qubits, at least three times `count`.
        count: number g of qubits that are held.
    """
    home = tuple(range(count))
    held, legs = home, list[Leg]()
    ahead = _Uses([mixed for row in rows for mixed in row.mixed])
    first = 0
    for number, row in enumerate(rows):
        if row.repeats == 1:
            steps, held = _passed(row.mixed, held, num_qubits, ahead, first, home)
            legs.append(Leg(number, steps))
        else:
            between, steps, held = _looped(row, held, num_qubits)
            legs += [Leg(None, between), Leg(number, steps)]
        first += len(row.mixed)
    legs.append(Leg(None, _route(held, home, num_qubits)))
    return tuple(leg for leg in legs if leg.steps)


def num_exchanges(steps: Steps) -> int:
    """Return the number of exchanges among some steps."""
    return sum(isinstance(step, Exchange) for step in steps)


class _Uses:
    """Times at which a sequence of gates mixes each qubit."""

    def __init__(self, mixed: Sequence[Qubits]) -> None:
        self.times: dict[int, list[int]] = {}
        for time, qubits in enumerate(mixed):
            for qubit in qubits:
                self.times.setdefault(qubit, []).append(time)
        self.end = len(mixed)

    def next(self, qubit: int, time: int) -> int:
        """Return when a qubit is mixed at or after a time; the end if never."""
        times = self.times.get(qubit, [])
        place = bisect_left(times, time)
        return times[place] if place < len(times) else self.end


def _passed(
    mixed: Sequence[Qubits], held: Qubits, num_qubits: int, ahead: _Uses, first: int, target: Qubits
) -> tuple[Steps, Qubits]:
    """Return the steps of one pass over some gates, and the qubits held after it.

    Args:
        mixed: qubits that each gate mixes.
        held: qubits held before.
        num_qubits: number of qubits.
        ahead: uses of a sequence in which the gates stand, from `first` on.
        first: place of the first gate in that sequence.
        target: qubits that are best held after the sequence.
    """
    steps = list[Exchange | Act]()
    for number, needed in enumerate(mixed):
        time = first + number
        if set(needed) & set(held):
            free = {qubit: ahead.next(qubit, time) for qubit in range(num_qubits) if qubit not in (*held, *needed)}
            after = _latest(free, ahead.end, target)
            steps.append(Exchange(held, after))
            held = after
        steps.append(Act(number, held))
    return tuple(steps), held


def _latest(free: dict[int, int], end: int, target: Qubits) -> Qubits:
    """Return the qubits to hold next: those mixed the latest, or the target as soon as none of it is mixed again.

    Args:
        free: when each qubit that may be held is mixed next.
        end: time of a qubit that is not mixed again.
        target: qubits that are best held at last.
    """
    if all(free.get(qubit) == end for qubit in target):
        return target
    # From a set that shares no qubit with the target, one exchange leads to it.
    latest = sorted(free, key=lambda qubit: (free[qubit], qubit not in target, qubit))
    return tuple(sorted(latest[-len(target) :]))


def _looped(row: MixedRow, held: Qubits, num_qubits: int) -> tuple[tuple[Exchange, ...], Steps, Qubits]:
    """Return the exchanges before a layer that repeats, the steps of a repeat, and the qubits held around each."""

    def cost(begin: Qubits) -> int:
        repeat = row.repeats * num_exchanges(_repeat(row, begin, num_qubits))
        return len(_route(held, begin, num_qubits)) + repeat + len(_route(begin, home, num_qubits))

    home = tuple(range(len(held)))
    begin = min(_begins(row, held, num_qubits), key=cost)
    return _route(held, begin, num_qubits), _repeat(row, begin, num_qubits), begin


def _begins(row: MixedRow, held: Qubits, num_qubits: int) -> Iterator[Qubits]:
    """Yield sets of qubits that may be held before each repeat: those held now, and those that passes lead to."""
    ahead = _Uses([*row.mixed, *row.mixed])
    for _ in range(_TRIED):
        yield held
        steps, held = _passed(row.mixed, held, num_qubits, ahead, 0, held)
        yield from (step.after for step in steps if isinstance(step, Exchange))


def _repeat(row: MixedRow, begin: Qubits, num_qubits: int) -> Steps:
    """Return the steps of a repeat that begins and ends with the same qubits held."""
    steps, end = _passed(row.mixed, begin, num_qubits, _Uses(row.mixed), 0, begin)
    return (*steps, *_route(end, begin, num_qubits))


def _route(before: Qubits, after: Qubits, num_qubits: int) -> tuple[Exchange, ...]:
    """Return the exchanges, at most two, from some held qubits to others."""
    if before == after:
        return ()
    if not set(before) & set(after):
        return (Exchange(before, after),)
    others = [qubit for qubit in range(num_qubits) if qubit not in before and qubit not in after]
    between = tuple(others[-len(before) :])
    return Exchange(before, between), Exchange(between, after)
