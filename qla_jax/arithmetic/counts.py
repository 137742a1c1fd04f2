r"""Costs of reversible circuits, counted from their gates.

A Toffoli gate takes 7 T gates, an AND takes 4 and its erasure none. A phase is Clifford at multiples of a quarter turn
and a T gate at odd eighths. Any other phase is a rotation that has to be approximated. A controlled phase of angle
$\theta$ consists of three phases of $\pm\theta/2$. T-depth is the number of layers with a T gate, where each gate runs
as soon as its qubits are free. A Toffoli gate or an AND counts as one layer, which is possible with ancillas (Selinger
2013; Jones 2013).

Example:
    >>> from qla_jax.arithmetic import circuits
    >>> found = counts(circuits.adder(8))
    >>> found.t, found.t_depth, found.num_ancillas, counts(circuits.adder(8, "cuccaro")).toffoli
    (28, 7, 7, 14)
    >>> found.cost().t_count(), found.cost().t_depth()
    (28, 7)

References:
    Gidney (2018). https://arxiv.org/abs/1709.06648
    Selinger (2013), T-depth one. https://arxiv.org/abs/1210.0974
    Jones (2013), four T gates. https://arxiv.org/abs/1212.5069
    Bocharov, Roetteler, Svore (2015), rotations. https://arxiv.org/abs/1404.5320
"""

import math
import sys
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from qla_jax._checks import require, require_kind
from qla_jax.accounting.costs import Cost
from qla_jax.accounting.gates import Gates
from qla_jax.arithmetic.circuit import ReversibleCircuit
from qla_jax.circuits.composites import Under, parts_once
from qla_jax.circuits.operations import Gate, Operation
from qla_jax.circuits.temporary import And


class ReversibleCounts(NamedTuple):
    """Numbers of qubits and gates of a circuit.

    Attributes:
        num_qubits: number of qubits of the registers.
        num_ancillas: number of further qubits.
        toffoli: number of CCX gates.
        ands: number of temporary ANDs.
        erasures: number of erasures of ANDs by measurement, which take no T gates.
        cnot: number of CNOT gates in the list, without those inside of other gates.
        hadamard: number of H gates.
        phases: number of P gates.
        controlled_phases: number of CP gates.
        t: number of T gates, without those that approximate rotations.
        rotations: number of phases that are neither Clifford nor T.
        t_depth: number of layers of gates with a T gate or a rotation.
        depth: number of layers of all gates.
    """

    num_qubits: int
    num_ancillas: int
    toffoli: int
    ands: int
    erasures: int
    cnot: int
    hadamard: int
    phases: int
    controlled_phases: int
    t: int
    rotations: int
    t_depth: int
    depth: int

    def t_with_rotations(self, eps: float) -> int:
        r"""Return the T gates, with those that approximate rotations to an error of `eps` each.

        A rotation takes $1.15\log_2(1/\epsilon) + 9.2$ T gates on average.

        Args:
            eps: absolute error of each rotation in operator norm, between 0 and 1.

        Raises:
            ValueError: `eps` not between 0 and 1.
        """
        require(0 < eps < 1, f"`eps` must be between 0 and 1, but is {eps}.")
        return self.t + math.ceil(self.rotations * (1.15 * math.log2(1 / eps) + 9.2))

    def cost(self) -> Cost:
        """Return the cost of one run, in the gates of `qla_jax.accounting`: an AND as a Toffoli gate of four T gates.

        Layers of T gates are those of the circuit. A layer with a rotation counts also as a layer of rotations.
        """
        spread = min(self.rotations, self.t_depth)
        gates = Gates(
            rotations=self.rotations,
            cnot=self.cnot + 2 * self.controlled_phases,
            toffoli=self.ands,
            t=self.t - 4 * self.ands,
            layers=(spread, max(self.depth - self.t_depth, 0), 0, self.t_depth),
        )
        return Cost(self.num_ancillas, self.num_ancillas + self.num_qubits, {}, 0, {}, gates, (), 1.0)


def counts(circuit: ReversibleCircuit) -> ReversibleCounts:
    """Count the qubits, gates and layers of a circuit.

    Gates under more controls than they have by themselves take a ladder of ANDs, whose qubits are not counted.

    Raises:
        TypeError: no circuit.
        ValueError: gates that `circuit` does not build.

    Example:
        >>> from qla_jax.arithmetic import adder
        >>> found = counts(adder(8))
        >>> found.ands, found.t, found.num_ancillas
        (7, 28, 7)
    """
    require_kind("circuit", circuit, ReversibleCircuit)
    parts = list(circuit.opened(And))
    kinds = {id(part): _kind(part) for part in parts_once(parts)}
    times = Counter[tuple]()
    for key, number in Counter(map(id, parts)).items():
        times[kinds[key]] += number
    found = {kind: _gates(*kind) for kind in times}
    names = {name: sum(n * found[kind].get(name, 0) for kind, n in times.items()) for name in ReversibleCounts._fields}
    known = {id(part): (part.wires, found[kinds[id(part)]]) for part in parts_once(parts)}
    names["depth"], names["t_depth"] = _longest([known[id(part)] for part in parts], circuit.num_wires)
    return ReversibleCounts(**names | {"num_qubits": circuit.num_qubits, "num_ancillas": circuit.num_ancillas})


def _longest(steps: Sequence[tuple[tuple[int, ...], dict[str, int]]], num_wires: int) -> tuple[int, int]:
    """Return the lengths of the longest chains of operations, in layers of all gates and in layers with T gates."""
    level, t_level = [0] * num_wires, [0] * num_wires
    for on, gates in steps:
        reached = max([level[wire] for wire in on]) + gates["depth"]
        t_reached = max([t_level[wire] for wire in on]) + gates["t_depth"]
        for wire in on:
            level[wire], t_level[wire] = reached, t_reached
    return max(level, default=0), max(t_level, default=0)


def _kind(part: Operation) -> tuple[str, int, float | None]:
    """Return the name of an operation, the number of its controls, and its angle."""
    inner, controls = (part.part, len(part.controls)) if isinstance(part, Under) else (part, 0)
    if isinstance(inner, And):
        return "erasures" if inner.erased else "ands", controls, None
    told = f"`circuit` must have gates of `arithmetic.circuit`, but has {type(inner).__name__}."
    require(isinstance(inner, Gate) and inner.name in ("x", "h", "p"), told)
    assert isinstance(inner, Gate)
    return inner.name, len(inner.controls), inner.angle


def _gates(name: str, controls: int, angle: float | None) -> dict[str, int]:
    """Return the gates and layers of one operation by the names of `ReversibleCounts`."""
    found, joined = {"depth": 1}, controls
    if name == "x":
        found |= [{}, {"cnot": 1}, {"toffoli": 1, "t": 7, "t_depth": 1}][min(controls, 2)]
        joined = max(controls - 2, 0)
    elif name == "erasures":
        found |= {name: 1}
    elif name == "ands":
        found |= {name: 1, "t": 4, "t_depth": 1}
    else:
        joined = max(controls - 1, 0)
        if angle is not None:
            found |= _phase(angle / (2 * math.pi), controls > 0)
        elif controls == 0:
            found |= {"hadamard": 1}
        else:  # H is X between S^H H T^H and its inverse
            found |= {"hadamard": 2, "phases": 4, "cnot": 1, "t": 2, "t_depth": 2, "depth": 7}
    ladder = {"ands": joined, "erasures": joined, "t": 4 * joined, "t_depth": joined, "depth": 2 * joined}
    return {key: found.get(key, 0) + ladder.get(key, 0) for key in {"t_depth": 0} | found | ladder}


def _phase(turns: float, controlled: bool) -> dict[str, int]:
    name, copies, eighths = ("controlled_phases", 3, 4 * turns) if controlled else ("phases", 1, 8 * turns)
    # Relative to the angle, so that no small rotation passes for none.
    whole = abs(eighths - round(eighths)) <= 4 * sys.float_info.epsilon * abs(eighths)
    if whole and round(eighths) % 2 == 0:
        return {name: 1}
    return {name: 1, "t" if whole else "rotations": copies, "t_depth": 1}
