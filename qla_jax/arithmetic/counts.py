r"""What a circuit costs, read off its gates.

A Toffoli gate takes 7 T gates, an AND 4 and its erasure none. A phase is Clifford at multiples of a quarter turn, a T
gate at odd eighths, and any other is a rotation that is approximated; a controlled phase of angle $\theta$ is three of
$\pm\theta/2$. T-depth is layers of gates that hold a T gate, each scheduled as soon as its qubits are free: a Toffoli
gate or an AND counts as one layer, which it is with ancillas (Selinger 2013; Jones 2013).

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
    """Numbers of qubits and gates.

    Attributes:
        num_qubits: of the registers.
        num_ancillas: besides them.
        toffoli: CCX gates.
        ands: temporary ANDs.
        erasures: their erasures by measurement, no T gate each.
        cnot: CNOT gates as they stand in the list, not those inside of other gates.
        hadamard: H gates.
        phases: P gates.
        controlled_phases: CP gates.
        t: T gates, without those that approximate rotations.
        rotations: phases that are neither Clifford nor T.
        t_depth: layers of gates that hold a T gate or a rotation.
        depth: layers of all gates.
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
        r"""T gates with those of rotations to an error of `eps` each, $1.15\log_2(1/\epsilon) + 9.2$ in the mean.

        Raises:
            ValueError: `eps` not between 0 and 1.
        """
        require(0 < eps < 1, f"`eps` must be between 0 and 1, but is {eps}.")
        return self.t + math.ceil(self.rotations * (1.15 * math.log2(1 / eps) + 9.2))

    def cost(self) -> Cost:
        """Return the cost of one run, in the gates of `qla_jax.accounting`: an AND as a Toffoli gate of four T gates.

        Layers of T gates are those of the circuit; a layer with a rotation in it counts as one of rotations, too.
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
    """Count.

    Raises:
        TypeError: no circuit.
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
    """The longest chain of counted gates."""
    level = [0] * circuit.width
    for gate, counts_as_one in zip(circuit.gates, counted, strict=True):
        on: tuple = gate.wires
        reached = max(level[wire] for wire in on) + counts_as_one
        for wire in on:
            level[wire] = reached
    return max(level, default=0)
