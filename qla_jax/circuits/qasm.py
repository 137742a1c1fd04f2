r"""OpenQASM 3 from circuits.

Circuits that are called become gates, which are defined once, so that a long circuit is a short file.

The first wire is `q[0]`, the most significant qubit. The global phase is written as `gphase`.

References:
    Cross et al. (2022), OpenQASM 3. https://arxiv.org/abs/2104.14722
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from qla_jax._checks import require_kind
from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.composites import Under
from qla_jax.circuits.operations import Elementary, Gate, Operation, Phase
from qla_jax.circuits.temporary import And


def to_openqasm3(circuit: Circuit, *, measured: bool = False) -> str:
    """Return a circuit as OpenQASM 3.

    Args:
        circuit: the circuit, with concrete angles.
        measured: whether each erasure of an `And` is written as a measurement and the gates that follow on its outcome.
            Such a text is a program and no unitary, without definitions of gates. An erasure under controls stays a
            NOT gate.

    Raises:
        TypeError: `circuit` is not a circuit.
        ValueError: traced angles.

    Example:
        >>> bell = Circuit(2, (Gate("h", 0), Gate("x", 1, controls=(0,))))
        >>> print(to_openqasm3(bell))
        OPENQASM 3.0;
        include "stdgates.inc";
        qubit[2] q;
        h q[0];
        ctrl @ x q[0], q[1];
        <BLANKLINE>
    """
    require_kind("circuit", circuit, Circuit)
    written = _Written(measured)
    body = "".join(
        f"{line}\n" for line in written.lines(circuit.operations, [f"q[{k}]" for k in range(circuit.num_wires)])
    )
    head = f'OPENQASM 3.0;\ninclude "stdgates.inc";\n{"".join(written.definitions)}'
    register = f"qubit[{circuit.num_wires}] q;\n" if circuit.num_wires else ""  # no register may be empty
    return f"{head}{register}{'bit m;' + chr(10) if measured else ''}{body}"


class _Written:
    """Definitions of called circuits in the order in which they are needed."""

    def __init__(self, measured: bool) -> None:
        self.measured = measured
        self.names: dict[int, str] = {}
        self.definitions: list[str] = []

    def lines(self, operations: Sequence[Operation], wires: Sequence[str]) -> Iterator[str]:
        waiting = list(reversed(operations))
        while waiting:
            part = waiting.pop()
            inner = part.part if isinstance(part, Under) else part
            if isinstance(part, Elementary):
                yield _line(_named(part), part.controls, part.values, _targets(part), wires)
            elif self.measured and isinstance(part, And) and part.erased:
                yield from _erasure(*(wires[wire] for wire in part.wires))
            # A definition of a gate may not measure.
            elif not self.measured and isinstance(inner, Call) and len(inner.circuit.operations):
                controls, values = (part.controls, part.values) if isinstance(part, Under) else ((), ())
                # A gate is defined once and called with modifiers: the file grows with calls, not with gates.
                name = ("inv @ " if inner.inverted else "") + self.name(inner.circuit)
                yield _line(name, controls, values, inner.on, wires)
            else:
                waiting += reversed(part.parts() or ())

    def name(self, circuit: Circuit) -> str:
        key = id(circuit)
        if key not in self.names:
            wires = [f"w{k}" for k in range(circuit.num_wires)]
            body = "".join(f"  {line}\n" for line in self.lines(circuit.operations, wires))
            letters = "".join(letter if letter.isalnum() else "_" for letter in circuit.name).lower()
            self.names[key] = f"{letters}_{len(self.names)}"
            self.definitions.append(f"gate {self.names[key]} {', '.join(wires)} {{\n{body}}}\n")
        return self.names[key]


def _erasure(first: str, second: str, target: str) -> list[str]:
    fix = f"cz {first}, {second}; x {target};"
    return [f"h {target};", f"m = measure {target};", f"if (m == true) {{ {fix} }}"]


def _targets(part: Elementary) -> tuple[int, ...]:
    return (part.target,) if isinstance(part, Gate) else ()


def _named(part: Elementary) -> str:
    if isinstance(part, Phase):
        return f"gphase({part.number()!r})"
    assert isinstance(part, Gate)
    return part.name if part.angle is None else f"{part.name}({part.number()!r})"


def _line(
    name: str, controls: Sequence[int], values: Sequence[int], targets: Sequence[int], wires: Sequence[str]
) -> str:
    modifiers = ""
    for value, run in groupby(values):
        size = len(list(run))
        modifiers += f"{'ctrl' if value else 'negctrl'}{f'({size})' if size > 1 else ''} @ "
    operands = ", ".join(wires[wire] for wire in (*controls, *targets))
    return f"{modifiers}{name}{' ' if operands else ''}{operands};"
