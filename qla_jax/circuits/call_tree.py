r"""The tree of the calls of a circuit with its counts, for packages that estimate resources.

A circuit calls others so many times, each under so many controls, and has gates between its calls. `to_qref` writes the
tree as a QREF document, a format of data alone. `to_qualtran` makes a bloq of it, whose call graph Qualtran counts.

Example:
    >>> from qla_jax.circuits import Gate
    >>> part = Circuit(2, (Gate("h", 0), Gate("x", 1, controls=(0,))), "part")
    >>> twice = Circuit(3, (Call(part, (0, 1)), Call(part, (1, 2)), Call(part, (0, 1)).controlled((2,))), "twice")
    >>> [(node.circuit.name, node.controls, times) for node, times in call_tree(twice).calls]
    [('part', 0, 2), ('part', 1, 1)]
    >>> call_tree(twice).total.toffoli, call_tree(twice).between
    (1, {'rotations': 0, 'cnot': 0, 'toffoli': 0, 't': 0})

References:
    PsiQuantum (2024), QREF version 1. https://github.com/PsiQ/qref
    Harrigan et al. (2024), Qualtran. https://arxiv.org/abs/2409.04643
"""

import importlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qla_jax._checks import as_integer, require_kind
from qla_jax._extras import needs
from qla_jax.accounting.gates import Gates
from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.composites import Under, Within
from qla_jax.circuits.counting import count
from qla_jax.circuits.operations import Operation
from qla_jax.circuits.select import Select
from qla_jax.circuits.staircase import Staircase

KINDS = ("rotations", "cnot", "toffoli", "t")
"""Counted gates of circuits."""


@dataclass(frozen=True, eq=False)
class CallTree:
    """Circuit under controls, with its counts and the circuits that it calls.

    Attributes:
        circuit: the circuit.
        controls: number of its controls.
        total: gates of one run, those of its calls included.
        between: gates besides the calls, by kind.
        calls: trees of the called circuits, each with the number of calls.
    """

    circuit: Circuit
    controls: int
    total: Gates
    between: dict[str, int]
    calls: tuple[tuple["CallTree", int], ...]


def call_tree(circuit: Circuit) -> CallTree:
    """Return the tree of the calls of a circuit; a circuit that is called in many places is one object.

    Args:
        circuit: the circuit, with concrete angles.

    Raises:
        TypeError: `circuit` is not a circuit.
    """
    require_kind("circuit", circuit, Circuit)
    return _tree(circuit, 0, {})


def _tree(circuit: Circuit, controls: int, made: dict[tuple[int, int], CallTree]) -> CallTree:
    key = id(circuit), controls
    if key not in made:
        found = Counter[tuple[Circuit, int]]()
        _collect(circuit.operations, controls, 1, found)
        calls = tuple((_tree(*called, made), times) for called, times in found.items())
        total, front = Call(circuit, tuple(range(controls, controls + circuit.num_wires))), tuple(range(controls))
        gates = count(Circuit(controls + circuit.num_wires, (total.controlled(front) if controls else total,)))
        between = {
            kind: getattr(gates, kind) - sum(times * getattr(node.total, kind) for node, times in calls)
            for kind in KINDS
        }
        made[key] = CallTree(circuit, controls, gates, between, calls)
    return made[key]


def _collect(operations: Sequence[Operation], controls: int, times: int, found: Counter) -> None:
    """Add the calls among operations, also those in conjugations, selections and steps."""
    for part in operations:
        under = controls + (len(part.controls) if isinstance(part, Under) else 0)
        inner = part.part if isinstance(part, Under) else part
        if isinstance(inner, Call):
            found[inner.circuit, under] += times
        elif isinstance(inner, Within):
            _collect(inner.compute, 0, 2 * times, found)
            _collect(inner.middle, under, times, found)
        elif isinstance(inner, Select):
            for branch, depth in zip(inner.branches, inner.depths, strict=True):
                _collect(branch, 1 if depth else under, times, found)
        elif isinstance(inner, Staircase):
            for group, least in zip(inner.groups, inner.least, strict=True):
                _collect(group, 0 if least is None else 1, times, found)


def to_qref(circuit: Circuit, *, depth: int = 4) -> dict[str, Any]:
    """Return a circuit as a QREF document of version 1: the tree of its calls, with counts at every level.

    A routine has its total gates as additive resources. The children of a routine are the gates between its calls, and
    a repetition for each circuit that it calls. The document has no ports, since counts need none.

    Args:
        circuit: the circuit, with concrete angles.
        depth: number of levels of calls below the circuit; deeper ones show in the totals.

    Returns:
        Dictionary of strings, integers and lists, which `json.dumps` and YAML write as it is.

    Raises:
        TypeError: `circuit` is not a circuit.
        ValueError: a negative depth, or traced angles.

    Example:
        >>> from qla_jax.circuits import Gate
        >>> part = Circuit(1, (Gate("t", 0),), "part")
        >>> document = to_qref(Circuit(1, (Call(part, (0,)), Call(part, (0,))), "twice"))
        >>> program = document["program"]
        >>> [each for each in program["resources"] if each["name"] == "t"]
        [{'name': 't', 'type': 'additive', 'value': 2}]
        >>> [(child["name"], child.get("repetition", {}).get("count")) for child in program["children"]]
        [('gates', None), ('calls_of_part', 2)]

    References:
        PsiQuantum (2024), QREF version 1. https://github.com/PsiQ/qref
    """
    depth = as_integer("depth", depth, least=0)
    return {"version": "v1", "program": _routine(call_tree(circuit), depth, "")}


def _routine(node: CallTree, depth: int, mark: str) -> dict[str, Any]:
    total = {kind: getattr(node.total, kind) for kind in KINDS}
    qubits = {"name": "qubits", "type": "qubits", "value": node.circuit.num_wires + node.controls}
    found = {"name": _identifier(node) + mark, "type": node.circuit.name, "resources": [*_resources(total), qubits]}
    if not node.calls or depth == 0:
        return found
    children: list[dict[str, Any]] = [{"name": "gates", "type": "gates", "resources": _resources(node.between)}]
    names = Counter[str]()
    for called, times in node.calls:
        names[_identifier(called)] += 1
        again = names[_identifier(called)]
        inner = _routine(called, depth - 1, f"_{again}" if again > 1 else "")
        repetition = {"count": times, "sequence": {"type": "constant", "multiplier": 1}}
        # A repetition has no resources of its own in QREF: they are those of its child, so many times.
        children.append({"name": f"calls_of_{inner['name']}", "repetition": repetition, "children": [inner]})
    return {**found, "children": children}


def _identifier(node: CallTree) -> str:
    letters = re.sub(r"\W", "_", node.circuit.name, flags=re.ASCII)
    named = letters if re.match(r"[A-Za-z_]", letters) else f"_{letters}"
    return f"{named}_under_{node.controls}" if node.controls else named


def _resources(gates: dict[str, int]) -> list[dict[str, Any]]:
    return [{"name": kind, "type": "additive", "value": value} for kind, value in gates.items()]


def to_qualtran(circuit: Circuit) -> Any:
    """Return a circuit as a bloq of Qualtran with its call graph, which Qualtran counts and draws.

    The bloqs between calls are CNOT, Toffoli, T, and one rotation by an angle that stands for all rotations, as
    Qualtran's counts do not depend on angles. `qualtran.resource_counting.QECGatesCost` of the bloq has the T, Toffoli
    and rotation counts of `qla.circuits.count`.

    Args:
        circuit: the circuit, with concrete angles.

    Returns:
        Bloq with the registers of the circuit.

    Raises:
        TypeError: `circuit` is not a circuit.
        MissingExtra: Qualtran is not installed.

    References:
        Harrigan et al. (2024), Qualtran. https://arxiv.org/abs/2409.04643
    """
    tree = call_tree(circuit)
    with needs("peers", "`to_qualtran`"):
        qualtran, basic = (importlib.import_module(name) for name in ("qualtran", "qualtran.bloqs.basic_gates"))
    gates = {"rotations": basic.Rz(1.0), "cnot": basic.CNOT(), "toffoli": basic.Toffoli(), "t": basic.TGate()}

    class CircuitBloq(qualtran.Bloq):  # type: ignore[name-defined] # known at run time alone
        """Bloq of a circuit under controls."""

        def __init__(self, node: CallTree, calls: dict[Any, int]) -> None:
            self.node, self.calls = node, calls

        @property
        def signature(self) -> Any:
            named = dict(self.node.circuit.registers) or {"qubits": self.node.circuit.num_wires}
            sizes = {"controls": self.node.controls, **named}
            return qualtran.Signature.build(**{name: size for name, size in sizes.items() if size})

        def build_call_graph(self, ssa: Any) -> dict[Any, int]:
            return self.calls

        def __str__(self) -> str:
            return _identifier(self.node)

    made: dict[int, Any] = {}

    def bloq(node: CallTree) -> Any:
        if id(node) not in made:
            calls = {gates[kind]: number for kind, number in node.between.items() if number}
            made[id(node)] = CircuitBloq(node, calls | {bloq(called): times for called, times in node.calls})
        return made[id(node)]

    return bloq(tree)
