r"""Counts of the elementary gates of a circuit, in the gates of `qla_jax.accounting`.

Each circuit that is called is counted once, however often it is called. Multiplexed rotations and diagonals are counted
by formula, without making their gates. A gate under k > 1 controls takes a ladder of k - 1 Toffoli gates on clean work
qubits, which measurements undo.

References:
    Gidney (2018), temporary ANDs. https://arxiv.org/abs/1709.06648
    Mottonen, Vartiainen, Bergholm, Salomaa (2004). https://arxiv.org/abs/quant-ph/0407010
"""

import math

from qla_jax.accounting.gates import Gates, multiplexed
from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.composites import DiagonalPhases, MultiplexedRotation, Under, Within
from qla_jax.circuits.operations import Gate, Operation, Phase
from qla_jax.circuits.synthesis import MatrixGate

CLIFFORD_TURNS = math.pi / 2
"""Phases that are multiples of this angle are Clifford gates, and free."""


def count(circuit: Circuit) -> Gates:
    """Return the gates of a circuit: rotations, CNOT, Toffoli and T gates; Clifford gates of one qubit are free.

    Args:
        circuit: the circuit.

    Example:
        >>> count(Circuit(3, (Gate("x", 2, controls=(0, 1)), Gate("h", 0), Gate("rz", 1, 0.3)))).toffoli
        1
    """
    kept: dict[tuple[int, int], Gates] = {}

    def total(operations: tuple[Operation, ...], controls: int) -> Gates:
        return sum((counted(part, controls) for part in operations), Gates())

    def counted(part: Operation, controls: int) -> Gates:
        if isinstance(part, Under):
            return counted(part.part, controls + len(part.controls))
        if isinstance(part, Call):
            key = id(part.circuit), controls
            if key not in kept:
                kept[key] = total(part.circuit.operations, controls)
            return kept[key]
        # A control reaches the middle of a conjugation alone, as in `Within.parts_under`.
        if isinstance(part, Within):
            return 2 * total(part.compute, 0) + total(part.middle, controls)
        if isinstance(part, MultiplexedRotation):
            return _under(multiplexed(len(part.index) + min(controls, 1)), max(controls - 1, 0))
        if isinstance(part, MatrixGate):
            return _under(_synthesized(len(part.on), len(part.index) + min(controls, 1)), max(controls - 1, 0))
        if isinstance(part, DiagonalPhases):
            levels = [multiplexed(level + min(controls, 1)) for level in range(len(part.on))]
            return _under(sum(levels, _phase(controls)), max(controls - 1, 0))
        if isinstance(part, Gate | Phase):
            return _elementary(part, controls + len(part.controls))
        return total(tuple(part.parts() or ()), controls)

    return total(circuit.operations, 0)


def _synthesized(qubits: int, index: int) -> Gates:
    """Return the gates of `synthesis`: pairs of rotations by all other wires, and one diagonal."""
    pairs = 2 * ((1 << qubits) - 1) * multiplexed(max(qubits - 1, 0) + index)
    return sum((multiplexed(level) for level in range(qubits + index)), pairs)


def _elementary(part: Gate | Phase, controls: int) -> Gates:
    if isinstance(part, Phase):
        sign = math.isclose(abs(math.remainder(float(part.angle), 2 * math.pi)), math.pi, abs_tol=1e-12)
        return _sign(controls) if sign else _phase(controls)
    if controls == 0:
        if part.name in ("t", "tdg"):
            return Gates(t=1)
        return Gates(rotations=1) if part.angle is not None else Gates()
    ladder = Gates(toffoli=max(controls - 2, 0))
    if part.name in ("x", "y", "z", "h"):  # Z, Y and controlled H are X between gates of the target
        flip = Gates(toffoli=1) if controls > 1 else Gates(cnot=1)
        return ladder + flip + (Gates(t=2) if part.name == "h" else Gates())
    # A controlled rotation is two halves around two flips.
    return Gates(toffoli=max(controls - 1, 0)) + Gates(
        rotations=3 if part.name in ("p", "s", "sdg", "t", "tdg") else 2, cnot=2
    )


def _sign(controls: int) -> Gates:
    return Gates() if controls < 2 else Gates(toffoli=controls - 2, cnot=1)


def _phase(controls: int) -> Gates:
    """Return the gates of a phase of one value of the controls; a global phase is free."""
    return Gates() if controls == 0 else Gates(toffoli=controls - 1, rotations=1)


def _under(gates: Gates, controls: int) -> Gates:
    """Return gates whose controls beyond the first are joined in one work qubit, computed once."""
    return gates + Gates(toffoli=controls) if controls else gates
