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
from collections import Counter
from typing import NamedTuple

from qla_jax._checks import require, require_kind
from qla_jax.accounting.costs import Cost
from qla_jax.accounting.gates import Gates
from qla_jax.arithmetic.circuit import ReversibleCircuit
from qla_jax.arithmetic.gates import ReversibleGate


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

    Raises:
        TypeError: no circuit.

    Example:
        >>> from qla_jax.arithmetic import adder
        >>> found = counts(adder(8))
        >>> found.ands, found.t, found.num_ancillas
        (7, 28, 7)
    """
    require_kind("circuit", circuit, ReversibleCircuit)
    names = Counter(gate.name for gate in circuit.gates)
    inside = [_t_and_rotations(gate) for gate in circuit.gates]
    return ReversibleCounts(
        num_qubits=circuit.num_qubits,
        num_ancillas=circuit.num_ancillas,
        toffoli=names["CCX"],
        ands=names["AND"],
        erasures=names["UNAND"],
        cnot=names["CX"],
        hadamard=names["H"],
        phases=names["P"],
        controlled_phases=names["CP"],
        t=sum(t for t, _ in inside),
        rotations=sum(rotations for _, rotations in inside),
        t_depth=_layers(circuit, [sum(both) > 0 for both in inside]),
        depth=_layers(circuit, [True] * len(inside)),
    )


def _t_and_rotations(gate: ReversibleGate) -> tuple[int, int]:
    if gate.name in ("P", "CP"):
        copies, turns = (1, gate.turns) if gate.name == "P" else (3, gate.turns / 2)
        if (4 * turns).is_integer():
            return 0, 0
        return (copies, 0) if (8 * turns).is_integer() else (0, copies)
    return {"CCX": 7, "AND": 4}.get(gate.name, 0), 0


def _layers(circuit: ReversibleCircuit, counted: list[bool]) -> int:
    """Return the length of the longest chain of counted gates."""
    level = [0] * circuit.width
    for gate, counts_as_one in zip(circuit.gates, counted, strict=True):
        on: tuple = gate.wires
        reached = max(level[wire] for wire in on) + counts_as_one
        for wire in on:
            level[wire] = reached
    return max(level, default=0)
