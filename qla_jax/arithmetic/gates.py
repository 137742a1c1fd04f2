r"""Gates on wires without numbers, and the combinators that build all circuits of arithmetic.

A wire is any hashable object; `wires(n)` makes new ones, the least significant bit first. A wire that no register names
is an ancilla, |0> before its first gate and after its last. `circuit` gives it a qubit for that time only, so functions
need no bookkeeping for their ancillas. The operations of the circuit are those of `qla_jax.circuits`.

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
"""Gate set: number of wires of each gate."""

ADJOINT = {"AND": "UNAND", "UNAND": "AND"}


class Wire:
    """Wire that has no qubit yet. Two wires are equal only if they are the same object."""

    __slots__ = ()


class ReversibleGate(NamedTuple):
    r"""Gate on wires, controls first; `turns` is the angle of P and CP over $2\pi$."""

    name: str
    wires: tuple[Any, ...]
    turns: float = 0.0


Gates = list[ReversibleGate]
Register = Sequence[Any]
"""Sequence of wires, the least significant bit first."""


def wires(count: int) -> tuple[Wire, ...]:
    """Return new wires, the least significant bit first."""
    return tuple(Wire() for _ in range(count))


def flip(wire: Hashable) -> ReversibleGate:
    """Return the gate X on a wire."""
    return ReversibleGate("X", (wire,))


def cx(control: Hashable, target: Hashable) -> ReversibleGate:
    """Return a CNOT gate.

    Args:
        control: control wire.
        target: wire that is flipped.
    """
    return ReversibleGate("CX", (control, target))


def ccx(first: Hashable, second: Hashable, target: Hashable) -> ReversibleGate:
    """Return a Toffoli gate.

    Args:
        first: first control wire.
        second: second control wire.
        target: wire that is flipped.
    """
    return ReversibleGate("CCX", (first, second, target))


def land(first: Hashable, second: Hashable, target: Hashable) -> ReversibleGate:
    """Return the AND of two wires into a clean wire.

    Args:
        first: first operand.
        second: second operand.
        target: clean wire for the result.
    """
    return ReversibleGate("AND", (first, second, target))


def copy(source: Register, target: Register) -> Gates:
    """Return the XOR of one register into another, bit by bit: a copy where the target is clean.

    Args:
        source: register that is copied.
        target: register of the same length.
    """
    return [cx(s, t) for s, t in zip(source, target, strict=True)]


def load(number: int, register: Register) -> Gates:
    """Return the XOR of a classical number into a register.

    Args:
        number: classical number, modulo the size of the register.
        register: register that is changed.
    """
    return [flip(wire) for i, wire in enumerate(register) if number >> i & 1]


def inverse(gates: Iterable[ReversibleGate]) -> Gates:
    """Return the inverse of each gate in reverse order."""
    return [ReversibleGate(ADJOINT.get(g.name, g.name), g.wires, -g.turns or 0.0) for g in reversed(list(gates))]


def conjugate(compute: Iterable[ReversibleGate], middle: Iterable[ReversibleGate]) -> Gates:
    """Compute, apply the middle, and uncompute.

    Where the middle copies a result out, this is Bennett's way to clean ancillas.

    Args:
        compute: gates that are undone at the end.
        middle: gates in between.
    """
    compute = list(compute)
    return [*compute, *middle, *inverse(compute)]
