"""Drawings of circuits as text: a line for each wire, time from left to right."""

from collections.abc import Sequence

from qla_jax._checks import as_integer, require_kind
from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.composites import DiagonalPhases, MultiplexedRotation, Under, Within
from qla_jax.circuits.operations import Elementary, Gate, Operation, Phase
from qla_jax.circuits.permutation import Permutation
from qla_jax.circuits.select import Select
from qla_jax.circuits.synthesis import MatrixGate
from qla_jax.circuits.temporary import And

MOST = 200
"""Largest number of columns; a longer drawing says how many operations it leaves out."""


def draw(circuit: Circuit, *, depth: int = 0, fold: bool = False) -> str:
    """Return a drawing of a circuit.

    Args:
        circuit: the circuit.
        depth: number of levels of composite operations that are drawn as their parts.
        fold: whether neighboring wires of a register that look the same are drawn as one.

    Raises:
        TypeError: `circuit` is not a circuit.
        ValueError: a negative depth, or traced angles.

    Example:
        >>> print(draw(Circuit(2, (Gate("h", 0), Gate("x", 1, controls=(0,)), Gate("rz", 1, 0.25)))))
        q0: ─H─●─────────
        q1: ───X─RZ(0.25)
    """
    require_kind("circuit", circuit, Circuit)
    operations = _opened(circuit, as_integer("depth", depth, least=0))
    columns = _columns(operations[:MOST], circuit.num_wires)
    rows = [[column[wire] for column in columns] for wire in range(circuit.num_wires)]
    labels = _labels(circuit)
    if fold:
        labels, rows = _folded(labels, rows)
    names = [f"{name}{places}" for name, places in labels]
    width = max(map(len, names), default=0)
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)] if rows else []
    lines = [
        f"{name:<{width}}: ─" + "─".join(cell.ljust(size, "─") for cell, size in zip(row, widths, strict=True))
        for name, row in zip(names, rows, strict=True)
    ]
    left = len(operations) - MOST
    return "\n".join([*lines, *([f"... and {left} more operations"] if left > 0 else [])])


def _opened(circuit: Circuit, depth: int) -> list[Operation]:
    """Return the operations of a circuit, `depth` levels of composite ones as their parts."""
    operations: list[Operation] = list(circuit.operations)
    for _ in range(depth):
        operations = [each for part in operations for each in (part.parts() or (part,))]
    return operations


def _columns(operations: Sequence[Operation], num_wires: int) -> list[list[str]]:
    """Return the columns of a drawing, a cell for each wire."""
    ends = [0] * num_wires
    columns: list[list[str]] = []
    for part in operations:
        cells = _cells(part)
        span = range(min(cells, default=0), max(cells, default=-1) + 1)
        # An operation stands in the first column in which all wires that it spans are free.
        at = max((ends[wire] for wire in span), default=0)
        while len(columns) <= at and cells:
            columns.append(["─"] * num_wires)
        for wire in span:
            columns[at][wire] = cells.get(wire, "┼")
            ends[wire] = at + 1
    return columns


def _folded(
    labels: Sequence[tuple[str, str]], rows: Sequence[list[str]]
) -> tuple[list[tuple[str, str]], list[list[str]]]:
    """Return labels and rows with runs of equal rows of one register as one."""
    found: list[tuple[str, str, list[str]]] = []
    for (name, place), row in zip(labels, rows, strict=True):
        # Controls are not folded: how many there are is what a reader wants to see.
        plain = not {"●", "○", "◐"} & {cell[:1] for cell in row}
        if found and plain and found[-1][0] == name and found[-1][2] == row:
            found[-1] = name, f"{found[-1][1].partition('-')[0]}-{place}", row
        else:
            found.append((name, place, row))
    return [(name, places) for name, places, _ in found], [row for _, _, row in found]


def _labels(circuit: Circuit) -> list[tuple[str, str]]:
    """Return the name of the register and the place in it, for each wire."""
    names = [(name, str(place)) for name, size in circuit.registers for place in range(size)]
    return names or [("q", str(wire)) for wire in range(circuit.num_wires)]


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
            angle = "" if part.angle is None else f"({part.number():.3g})"
            return (part.target,), (f"{part.name.upper()}{angle}",)
        case Phase():
            # The phase stands at its last control; a global phase stands on no wire.
            last = list(zip(part.controls, part.values, strict=True))[-1:]
            return [wire for wire, _ in last], [f"{'●' if value else '○'}({part.number():.3g})" for _, value in last]
        case MultiplexedRotation():
            return part.wires, [*["◐"] * len(part.index), f"R{part.axis.upper()}"]
        case And():
            return part.wires, ["●", "●", "AND†" if part.erased else "AND"]
        case Select():
            return part.wires, ["◐" if wire in part.index else "[select]" for wire in part.wires]
        case Call():
            name = part.circuit.name + ("†" if part.inverted else "")
        case DiagonalPhases():
            name = "D"
        case Permutation():
            name = "π"
        case MatrixGate():
            name = "U"
        case Within():
            name = "V†MV"
        case _:
            name = type(part).__name__
    return part.wires, [f"[{name}]"] * len(part.wires)
