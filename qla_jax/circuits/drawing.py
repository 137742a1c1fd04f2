"""Drawings of circuits as text: a line for each wire, time from left to right.

Example:
    >>> print(draw(Circuit(2, (Gate("h", 0), Gate("x", 1, controls=(0,)), Gate("rz", 1, 0.25)))))
    q0: ─H─●─────────
    q1: ───X─RZ(0.25)
"""

from collections.abc import Sequence

from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.composites import DiagonalPhases, MultiplexedRotation, Permutation, Under, Within
from qla_jax.circuits.operations import Elementary, Gate, Operation, Phase

MOST = 200
"""Largest number of columns; a longer drawing says how many operations it leaves out."""


def draw(circuit: Circuit, *, depth: int = 0) -> str:
    """Return a drawing of a circuit.

    Args:
        circuit: the circuit.
        depth: number of levels of composite operations that are drawn as their parts.
    """
    operations: list[Operation] = list(circuit.operations)
    for _ in range(depth):
        operations = [each for part in operations for each in (part.parts() or (part,))]
    labels = _labels(circuit)
    rows, ends = [f"{label}: ─" for label in labels], [0] * circuit.num_wires
    columns: list[list[str]] = []
    for part in operations[:MOST]:
        cells = _cells(part)
        span = range(min(cells, default=0), max(cells, default=-1) + 1)
        # An operation stands in the first column in which all wires that it spans are free.
        at = max((ends[wire] for wire in span), default=len(columns))
        while len(columns) <= at:
            columns.append(["─"] * circuit.num_wires)
        for wire in span:
            columns[at][wire] = cells.get(wire, "┼")
            ends[wire] = at + 1
        if not cells:
            columns[at] = ["─"] * circuit.num_wires
    for column in columns:
        width = max(map(len, column))
        rows = [row + cell.ljust(width, "─") + "─" for row, cell in zip(rows, column, strict=True)]
    left = len(operations) - MOST
    more = f"\n... and {left} more operations" if left > 0 else ""
    return "\n".join(row.removesuffix("─") for row in rows) + more


def _labels(circuit: Circuit) -> list[str]:
    names = [f"{name}{place}" for name, size in circuit.registers for place in range(size)]
    names = names or [f"q{wire}" for wire in range(circuit.num_wires)]
    width = max(map(len, names), default=0)
    return [name.ljust(width) for name in names]


def _cells(part: Operation) -> dict[int, str]:
    """Return what stands on each wire of an operation."""
    inner: Operation = part
    controls: tuple[int, ...] = ()
    values: tuple[int, ...] = ()
    if isinstance(part, Under):
        inner, controls, values = part.part, part.controls, part.values
    elif isinstance(part, Elementary):
        controls, values = part.controls, part.values
    marks = {wire: "●" if value else "○" for wire, value in zip(controls, values, strict=True)}
    return marks | dict(zip(*_boxes(inner), strict=True))


def _boxes(part: Operation) -> tuple[Sequence[int], Sequence[str]]:
    match part:
        case Gate():
            angle = "" if part.angle is None else f"({float(part.angle):.3g})"
            return (part.target,), (f"{part.name.upper()}{angle}",)
        case Phase():
            last = part.controls[-1:]
            return last, [f"{'●' if part.values[-1] else '○'}({float(part.angle):.3g})"] * len(last)
        case MultiplexedRotation():
            return part.wires, [*["◐"] * len(part.index), f"R{part.axis.upper()}"]
        case Call():
            name = part.circuit.name + ("†" if part.inverted else "")
        case DiagonalPhases():
            name = "D"
        case Permutation():
            name = "π"
        case Within():
            name = "V†MV"
        case _:
            name = type(part).__name__
    return part.wires, [f"[{name}]"] * len(part.wires)
