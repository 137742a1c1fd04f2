r"""Reversible circuits as lists of gates on named wires, and the few combinators that write all of them.

A wire is any hashable object; `wires(n)` makes new ones, the least significant bit first. What a function draws for
itself needs no bookkeeping: a wire that no register names is an ancilla, |0> before its first gate and behind its last,
and `circuit` gives it a qubit for that time alone.

| gate | does |
|---|---|
| X, CX, CCX, SWAP | permute basis states |
| AND a b t | t = ab into a clean t: four T gates instead of the seven of CCX |
| UNAND a b t | t = ab back to 0: t is measured in the X basis, and CZ(a, b) follows on outcome 1; no T gate |
| H, P, CP | Hadamard, and the phase $e^{2\pi i\,\mathrm{turns}}$ on 1 and on 11 |

Example:
    >>> a, b, t = wires(3)
    >>> [gate.name for gate in conjugate([land(a, b, t)], [ReversibleGate("P", (t,), 0.5)])]  # CZ
    ['AND', 'P', 'UNAND']

References:
    Gidney (2018), the AND and its erasure, figures 2 and 3. https://arxiv.org/abs/1709.06648
    Bennett (1973), compute, copy, uncompute. IBM Journal of Research and Development 17, 525.
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

ARITY = {"X": 1, "CX": 2, "CCX": 3, "SWAP": 2, "AND": 3, "UNAND": 3, "H": 1, "P": 1, "CP": 2}
"""The gate set: how many wires each takes."""

CLASSICAL = frozenset({"X", "CX", "CCX", "SWAP", "AND", "UNAND"})
"""Gates that permute basis states."""

ADJOINT = {"AND": "UNAND", "UNAND": "AND"}


class Wire:
    """A wire without a qubit yet; two are the same only if they are one object."""

    __slots__ = ()


class ReversibleGate(NamedTuple):
    r"""A gate on wires, controls first; `turns` is the angle of P and CP over $2\pi$."""

    name: str
    wires: tuple[Any, ...]
    turns: float = 0.0


Gates = list[ReversibleGate]
Register = Sequence[Any]
"""Wires, the least significant bit first."""


def wires(count: int) -> tuple[Wire, ...]:
    """New wires."""
    return tuple(Wire() for _ in range(count))


def flip(wire: Hashable) -> ReversibleGate:
    """X."""
    return ReversibleGate("X", (wire,))


def cx(control: Hashable, target: Hashable) -> ReversibleGate:
    """CNOT."""
    return ReversibleGate("CX", (control, target))


def ccx(first: Hashable, second: Hashable, target: Hashable) -> ReversibleGate:
    """Toffoli."""
    return ReversibleGate("CCX", (first, second, target))


def land(first: Hashable, second: Hashable, target: Hashable) -> ReversibleGate:
    """The AND of two wires into a clean one."""
    return ReversibleGate("AND", (first, second, target))


def copy(source: Register, target: Register) -> Gates:
    """XOR of one register into another, bit by bit: a copy where the target is clean."""
    return [cx(s, t) for s, t in zip(source, target, strict=True)]


def load(number: int, register: Register) -> Gates:
    """XOR of a classical number into a register."""
    return [flip(wire) for i, wire in enumerate(register) if number >> i & 1]


def inverse(gates: Iterable[ReversibleGate]) -> Gates:
    """Backwards, each gate undone."""
    return [ReversibleGate(ADJOINT.get(g.name, g.name), g.wires, -g.turns or 0.0) for g in reversed(list(gates))]


def conjugate(compute: Iterable[ReversibleGate], middle: Iterable[ReversibleGate]) -> Gates:
    """Compute, do, uncompute. Where the middle copies a result out, that is Bennett's way to clean ancillas."""
    compute = list(compute)
    return [*compute, *middle, *inverse(compute)]


def controlled(control: Hashable, gates: Iterable[ReversibleGate]) -> Gates:
    """Each gate under one more control; three-wire gates and controlled phases take an AND for both controls."""
    return [each for gate in gates for each in _controlled(control, gate)]


def _controlled(control: Hashable, gate: ReversibleGate) -> Gates:
    name, on, turns = gate
    if name == "SWAP":
        return conjugate([cx(on[1], on[0])], [ccx(control, on[0], on[1])])
    if name == "H":  # H = A X A^H with A = S^H H T^H, exactly
        turn = [ReversibleGate("P", on, 0.25), ReversibleGate("H", on), ReversibleGate("P", on, 0.125)]
        return conjugate(turn, [cx(control, on[0])])
    if len(on) == 1:
        return [ReversibleGate("C" + name, (control, *on), turns)]
    if name == "CX":
        return [ccx(control, *on)]
    (both,) = wires(1)
    return conjugate([land(control, on[0], both)], [ReversibleGate(name, (both, *on[1:]), turns)])
