r"""Counts of the elementary gates of a circuit, in the gates of `qla_jax.accounting`.

Each circuit that is called is counted once, however often it is called. Multiplexed rotations and diagonals are counted
by formula, without making their gates. A gate under k > 1 controls takes a ladder of k - 1 Toffoli gates on clean work
qubits, which measurements undo. So does a composite operation, whose rotations then have one control: the list of
`elementary` operations has no work qubits, and all controls on each of them. Additions, comparisons and permutations
are counted by the formulas of `accounting.integers`, with work qubits as well. An `And` is a Toffoli gate, and its
erasure takes none.

References:
    Gidney (2018), temporary ANDs. https://arxiv.org/abs/1709.06648
    Mottonen, Vartiainen, Bergholm, Salomaa (2004). https://arxiv.org/abs/quant-ph/0407010
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from qla_jax._checks import require_kind
from qla_jax.accounting.gates import Gates, iteration, multiplexed
from qla_jax.accounting.integers import addition, comparison, permutation, staircase
from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.composites import DiagonalPhases, MultiplexedRotation, Under, Within
from qla_jax.circuits.compressed import CompressedRotation
from qla_jax.circuits.integers import Add, Flip
from qla_jax.circuits.operations import Gate, Operation, Phase
from qla_jax.circuits.permutation import Permutation
from qla_jax.circuits.select import Select
from qla_jax.circuits.staircase import Staircase
from qla_jax.circuits.synthesis import MatrixGate
from qla_jax.circuits.temporary import And

EXACT = 1e-12
"""Distance from a multiple of an eighth of a turn below which a phase is a Clifford or a T gate."""
PHASES = {"z": math.pi, "s": math.pi / 2, "sdg": -math.pi / 2, "t": math.pi / 4, "tdg": -math.pi / 4}


def count(circuit: Circuit) -> Gates:
    """Return the gates of a circuit: rotations, CNOT, Toffoli and T gates; Clifford gates of one qubit are free.

    Args:
        circuit: the circuit.

    Raises:
        TypeError: `circuit` is not a circuit.
        ValueError: a phase with a traced angle, which may or may not be a Clifford gate.

    Example:
        >>> count(Circuit(3, (Gate("x", 2, controls=(0, 1)), Gate("h", 0), Gate("rz", 1, 0.3)))).toffoli
        1
    """
    require_kind("circuit", circuit, Circuit)
    kept: dict[tuple[int, int], Gates] = {}

    def total(operations: tuple[Operation, ...], controls: int) -> Gates:
        return sum((counted(part, controls) for part in operations), Gates())

    def counted(part: Operation, controls: int) -> Gates:
        if isinstance(part, Under):
            return counted(part.part, controls + len(part.controls))
        if isinstance(part, Call):
            # Several controls are joined in a work qubit for the time of the call.
            key = id(part.circuit), min(controls, 1)
            if key not in kept:
                kept[key] = total(part.circuit.operations, key[1])
            return kept[key] + Gates(toffoli=max(controls - 1, 0))
        # A control reaches the middle of a conjugation alone, as in `Within.parts_under`.
        if isinstance(part, Within):
            return _around(part, 2 * total(part.compute, 0)) + total(part.middle, controls)
        if isinstance(part, Select):
            pairs = zip(part.branches, part.depths, strict=True)
            chosen = sum((total(branch, 1 if depth else controls) for branch, depth in pairs), Gates())
            return iteration(len(part.index), part.numbers, controls, part.depths) + chosen
        if isinstance(part, CompressedRotation):
            left, controlled = int(part.kept.sum()), min(controls, 1)
            gates = Gates(rotations=left << controlled, cnot=part.flips + 2 * left * controlled)
            return _under(gates, max(controls - 1, 0))
        if isinstance(part, Staircase):
            pairs_of_steps = zip(part.groups, part.least, strict=True)
            within = (total(group, 0 if least is None else 1) for group, least in pairs_of_steps)
            return sum(within, staircase(len(part.index), part.first, part.bound, controls))
        if isinstance(part, MultiplexedRotation):
            return _under(multiplexed(len(part.index) + min(controls, 1)), max(controls - 1, 0))
        if isinstance(part, MatrixGate):
            return _under(_synthesized(len(part.on), len(part.index) + min(controls, 1)), max(controls - 1, 0))
        if isinstance(part, DiagonalPhases):
            levels = [multiplexed(level + min(controls, 1)) for level in range(len(part.on))]
            mean = _phase(float(part.angles.mean()), min(controls, 1))
            return _under(sum(levels, mean), max(controls - 1, 0))
        if isinstance(part, Add):
            return addition(len(part.on), part.amounts, controls)
        if isinstance(part, Flip):
            depths = [bound.depth for bound in part.bounds]
            return Gates() if None in depths else comparison([depth for depth in depths if depth], controls)
        if isinstance(part, Permutation):
            return permutation(part.targets.tolist(), controls)
        if isinstance(part, And):
            # Under controls, the erasure ends in a phase of the factors and the controls.
            erasure = _phase(math.pi, controls + 2) if controls else Gates()
            return erasure if part.erased else Gates(toffoli=controls + 1)
        if isinstance(part, Gate | Phase):
            return _elementary(part, controls + len(part.controls))
        return total(tuple(part.parts() or ()), controls)

    return total(circuit.operations, 0)


def gates_of(operations: Sequence[Operation]) -> Gates:
    """Return the gates of operations, and with `under` those of the operations under one control.

    Args:
        operations: operations that are known without the numbers of an encoding, such as additions.
    """
    free = 1 + max((wire for part in operations for wire in part.wires), default=-1)
    under = count(Circuit(free + 1, tuple(part.controlled((free,)) for part in operations)))
    return replace(count(Circuit(free, tuple(operations))), under=under)


def _around(part: Within, apart: Gates) -> Gates:
    """Return the gates on both sides of a conjugation, where two equal flips share an undisturbed ladder."""
    flip = part.compute[0] if len(part.compute) == 1 else None
    if not isinstance(flip, Gate) or flip.name != "x" or len(flip.controls) < 2:
        return apart
    touched = {wire for inner in part.middle for wire in inner.wires}
    return apart if touched & {*flip.controls} else Gates(toffoli=len(flip.controls) - 1, cnot=2)


def _synthesized(qubits: int, index: int) -> Gates:
    """Return the gates of `synthesis`: pairs of rotations by all other wires, and one diagonal."""
    pairs = 2 * ((1 << qubits) - 1) * multiplexed(max(qubits - 1, 0) + index)
    return sum((multiplexed(level) for level in range(qubits + index)), pairs)


def _elementary(part: Gate | Phase, controls: int) -> Gates:
    if isinstance(part, Phase):
        return _phase(part.number(), controls)
    if part.name in PHASES or part.name == "p":  # the phase of the target and the controls together
        return _phase(part.number() if part.name == "p" else PHASES[part.name], controls + 1)
    if part.angle is not None:  # a controlled rotation is two halves around two flips
        return Gates(toffoli=controls - 1, rotations=2, cnot=2) if controls else Gates(rotations=1)
    # Y, Z and H under controls are X between gates of the target, which are T and its inverse for H.
    flip = Gates(toffoli=controls - 1) if controls > 1 else Gates(cnot=controls)
    return flip + (Gates(t=2) if part.name == "h" and controls else Gates())


def _phase(angle: float, wires: int) -> Gates:
    """Return the gates of a phase of one value of some wires; a global phase is free."""
    if wires == 0 or _multiple_of(angle, 2 * math.pi):
        return Gates()
    if _multiple_of(angle, math.pi) and wires > 1:  # a CZ at the end of the ladder
        return Gates(toffoli=wires - 2, cnot=1)
    if _multiple_of(angle, math.pi / 2):  # S, S-adjoint and Z are free
        return Gates(toffoli=wires - 1)
    return Gates(toffoli=wires - 1, t=1) if _multiple_of(angle, math.pi / 4) else Gates(toffoli=wires - 1, rotations=1)


def _multiple_of(angle: float, unit: float) -> bool:
    return abs(math.remainder(angle, unit)) < EXACT


def _under(gates: Gates, controls: int) -> Gates:
    """Return gates whose controls beyond the first are joined in one work qubit, computed once."""
    return gates + Gates(toffoli=controls) if controls else gates
