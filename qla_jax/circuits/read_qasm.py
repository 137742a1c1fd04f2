r"""Circuits from OpenQASM 3: the part of the language that exporters of circuits write.

Read are registers of qubits, the standard gates, `U` and `gphase`, definitions of gates with parameters, the modifiers
`ctrl`, `negctrl`, `inv` and `pow` of integers, expressions, and registers and slices of them as operands. Barriers and
declarations of bits mean nothing for a unitary. All else is refused by name, with its line.

Registers become wires in the order of their declaration, the first qubit of the first one the most significant.

References:
    Cross et al. (2022), OpenQASM 3. https://arxiv.org/abs/2104.14722
"""

import re
from collections.abc import Mapping, Sequence

from qla_jax._checks import require_kind
from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.composites import inverted
from qla_jax.circuits.operations import Operation, Phase
from qla_jax.circuits.qasm_text import QasmError, Statement, integer, numbers, statements
from qla_jax.circuits.standard import STANDARD, placed

Scope = Mapping[str, Sequence[int]]
"""Wires of each name of qubits."""
GATES = "be a circuit of gates"
SILENT = ("barrier", "bit", "creg")
"""Statements without a meaning for the unitary of a circuit."""
HEADER = re.compile(r"gate\s+(\w+)\s*(?:\(([^)]*)\))?\s*([\w\s,]*)")
DECLARATION = re.compile(
    r"(?:qubit\s*(?:\[(?P<size>[^\]]+)\])?\s*(?P<name>\w+)|qreg\s+(?P<old>\w+)\s*\[(?P<of>[^\]]+)\])"
)
MODIFIER = re.compile(r"\s*(ctrl|negctrl|inv|pow)\s*(?:\((.*)\))?\s*")
OPERAND = re.compile(r"\s*(\w+)\s*(?:\[([^\]]*)\])?\s*(?:,|$)")


def from_openqasm3(text: str) -> Circuit:
    r"""Return the circuit of an OpenQASM 3 text.

    Gates that are defined in the text become calls, which are shared.

    Args:
        text: OpenQASM 3 without measurements and classical control.

    Returns:
        Circuit with the registers of the text; the first qubit is the most significant one, as in `to_openqasm3`.

    Raises:
        TypeError: `text` is not a string.
        ValueError: a statement that is no unitary gate, an unknown gate, or operands that overlap or do not fit; the
            message names the line.

    Example:
        >>> circuit = from_openqasm3("qubit[2] q; h q[0]; ctrl @ x q[0], q[1];")
        >>> qla.circuits.to_matrix(circuit)[:, 0].real.round(3).tolist()
        [0.707, 0.0, 0.0, 0.707]
        >>> from_openqasm3("qubit q;\nreset q;")
        Traceback (most recent call last):
            ...
        qla_jax.circuits.qasm_text.QasmError: `text` must be a circuit of gates, but line 2 has `reset`.

    References:
        Cross et al. (2022), OpenQASM 3. https://arxiv.org/abs/2104.14722
    """
    require_kind("text", text, str)
    reader = _Reader()
    found = [part for each in statements(text) for part in reader.read(each)]
    registers = tuple((name, len(wires)) for name, wires in reader.registers.items())
    return Circuit(reader.num_wires, tuple(found), "circuit", registers)


class _Reader:
    """Reader of statements that keeps the registers, the definitions of gates and their circuits."""

    def __init__(self) -> None:
        self.num_wires = 0
        self.registers: dict[str, range] = {}
        self.definitions: dict[str, tuple[list[str], list[str], Statement]] = {}
        self.circuits: dict[tuple[str, tuple[float, ...]], Circuit] = {}
        self.open: list[str] = []

    def read(self, statement: Statement) -> list[Operation]:
        """Return the operations of a statement; a declaration has none."""
        word = statement.text.split("[")[0].split(" ")[0]
        if word == "gate" and statement.body is not None:
            self.define(statement)
        elif statement.body is not None:
            raise QasmError(GATES, statement.line, f"`{word}`")
        elif word in ("qubit", "qreg"):
            self.declare(statement)
        elif word == "OPENQASM":
            if not re.fullmatch(r"OPENQASM 3(\.\d+)?", statement.text):
                raise QasmError("be OpenQASM 3", statement.line, f"`{statement.text}`")
        elif word == "include":
            if "stdgates.inc" not in statement.text:
                raise QasmError("include stdgates.inc alone", statement.line, f"`{statement.text}`")
        elif word not in SILENT:
            return self.gate_call(statement, self.registers, {})
        return []

    def declare(self, statement: Statement) -> None:
        found = DECLARATION.fullmatch(statement.text)
        if found is None:
            raise QasmError("declare registers of qubits", statement.line, f"`{statement.text}`")
        name, size = found["name"] or found["old"], found["size"] or found["of"] or "1"
        count = integer(size, {}, statement.line)
        if name in self.registers or count < 1:
            raise QasmError("declare each register once, with qubits", statement.line, f"`{statement.text}`")
        self.registers[name] = range(self.num_wires, self.num_wires + count)
        self.num_wires += count

    def define(self, statement: Statement) -> None:
        found = HEADER.fullmatch(statement.text)
        if found is None:
            raise QasmError("define gates by names of parameters and qubits", statement.line, f"`{statement.text}`")
        name = found[1]
        parameters, qubits = (
            [each.strip() for each in (part or "").split(",") if each.strip()] for part in found.groups()[1:]
        )
        if name in self.definitions or len({*parameters, *qubits}) < len(parameters) + len(qubits):
            raise QasmError("have different names", statement.line, f"`{statement.text}`")
        self.definitions[name] = parameters, qubits, statement
        if not parameters:  # at once, so that long chains of definitions need no recursion
            self.circuit(name, (), statement.line)

    def circuit(self, name: str, values: tuple[float, ...], line: int) -> Circuit:
        """Return the circuit of a gate that is defined in the text, at given values of its parameters."""
        parameters, qubits, statement = self.definitions[name]
        if len(values) != len(parameters):
            raise QasmError(f"give `{name}` {len(parameters)} parameters", line, f"{len(values)}")
        if name in self.open:
            raise QasmError("define gates by earlier ones", line, f"`{name}` within itself")
        if (name, values) not in self.circuits:
            self.open.append(name)
            scope = {qubit: (wire,) for wire, qubit in enumerate(qubits)}
            known = dict(zip(parameters, values, strict=True))
            found = [part for each in statement.body or () for part in self.gate_call(each, scope, known)]
            self.circuits[name, values] = Circuit(len(qubits), tuple(found), name)
            self.open.pop()
        return self.circuits[name, values]

    def gate_call(self, statement: Statement, scope: Scope, known: Mapping[str, float]) -> list[Operation]:
        """Return the operations of a call of a gate, one call for each qubit of registers."""
        line = statement.line
        *modifiers, call = statement.text.split("@")
        name, arguments, operands = _split(call, line)
        if statement.text.split(" ")[0] == "barrier":
            return []
        if statement.body is not None or not (name == "gphase" or name in self.definitions or name in STANDARD):
            refused = re.search(r"\b(measure|reset|if|for|while|switch)\b", statement.text)
            raise QasmError(GATES, line, f"`{refused[0]}`" if refused else f"the unknown gate `{name}`")
        values, power = numbers(arguments, known, line), 1
        controls: list[int] = []
        for modifier in modifiers:
            own, factor = _modified(modifier, known, line)
            controls, power = controls + own, power * factor
        groups = _operands(operands, scope, known, line)
        count = max(map(len, groups), default=1)
        if any(len(group) not in (1, count) for group in groups):
            raise QasmError("have registers of one size as operands", line, f"`{statement.text}`")
        found: list[Operation] = []
        for number in range(count):
            wires = [group[number if len(group) > 1 else 0] for group in groups]
            try:
                parts = abs(power) * self.base(name, values, wires[len(controls) :], line)
                parts = parts if power >= 0 else list(inverted(parts))
                under = tuple(wires[: len(controls)]), tuple(controls)
                found += [part.controlled(*under) for part in parts] if controls else parts
            except QasmError:
                raise
            except ValueError as error:
                raise QasmError(GATES, line, f"`{statement.text}`: {str(error).removesuffix('.')}") from error
        return found

    def base(self, name: str, values: tuple[float, ...], wires: list[int], line: int) -> list[Operation]:
        if name in self.definitions:
            return [Call(self.circuit(name, values, line), tuple(wires))]
        if name == "gphase":
            if len(values) != 1 or wires:
                raise QasmError("have gphase with an angle and no qubit", line, f"{len(values)} and {len(wires)}")
            return [Phase(values[0])]
        return placed(name, values, wires)


def _names(text: str | None) -> list[str]:
    return [each.strip() for each in (text or "").split(",") if each.strip()]


def _split(call: str, line: int) -> tuple[str, str, str]:
    """Return the name, the arguments and the operands of a call."""
    found = re.match(r"\s*(\w+)\s*", call)
    if found is None:
        raise QasmError(GATES, line, f"`{call.strip()}`")
    name, rest = found[1], call[found.end() :]
    if not rest.startswith("("):
        return name, "", rest
    depth = 0
    for place, letter in enumerate(rest):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return name, rest[1:place], rest[place + 1 :]
    raise QasmError("have parentheses in pairs", line, f"`{call.strip()}`")


def _modified(modifier: str, known: Mapping[str, float], line: int) -> tuple[list[int], int]:
    """Return the values of the controls of a modifier, and its power."""
    found = MODIFIER.fullmatch(modifier)
    if found is None:
        raise QasmError("have modifiers ctrl, negctrl, inv and pow", line, f"`{modifier.strip()} @`")
    if found[1] == "inv":
        return [], -1
    if found[1] == "pow":
        return [], integer(found[2] or "", known, line)
    count = integer(found[2] or "1", known, line)
    if count < 1:
        raise QasmError("have a positive number of controls", line, f"`{modifier.strip()} @`")
    return count * [int(found[1] == "ctrl")], 1


def _operands(text: str, scope: Scope, known: Mapping[str, float], line: int) -> list[Sequence[int]]:
    """Return the wires of each operand: one for a qubit, several for a register or a part of it."""
    groups, place = [], 0
    while text[place:].strip():
        found = OPERAND.match(text, place)
        if found is None or found[1] not in scope:
            told = text[place:].strip() if found is None else found[1]
            raise QasmError("have qubits of its registers as operands", line, f"`{told}`")
        groups.append(_indexed(scope[found[1]], found[2], known, line))
        place = found.end()
    return groups


def _indexed(wires: Sequence[int], index: str | None, known: Mapping[str, float], line: int) -> Sequence[int]:
    """Return the wires of a register at an index, in a range with its last index, or in a list in braces."""
    if index is None:
        return wires
    size, inside = len(wires), index.strip()
    if ":" in inside:
        chosen = _range([integer(part, known, line) if part.strip() else None for part in inside.split(":")], size)
    else:
        listed = inside[1:-1] if inside.startswith("{") and inside.endswith("}") else inside
        chosen = [integer(part, known, line) for part in listed.split(",")]
    if not chosen or any(not -size <= each < size for each in chosen):
        raise QasmError(f"have indices of {size} qubits", line, f"`{inside}`")
    return [wires[each] for each in chosen]


def _range(bounds: list[int | None], size: int) -> list[int]:
    """Return the indices from a first to a last one, both included; none for a range that is no range."""
    first, last, step = bounds[0], bounds[-1], bounds[1] if len(bounds) == 3 else 1
    step = 1 if step is None else step
    if len(bounds) > 3 or step == 0:
        return []
    forward = step > 0
    first, last = (
        end if bound is None else bound + size * (bound < 0)
        for bound, end in ((first, 0 if forward else size - 1), (last, size - 1 if forward else 0))
    )
    return list(range(first, last + (1 if forward else -1), step))
