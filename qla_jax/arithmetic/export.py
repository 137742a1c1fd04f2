"""Export of circuits to other tools: OpenQASM 3 as text, and Qiskit circuits.

The unitary is the same: qubit 0 of the text is qubit 0 here, the most significant one. An AND and its erasure become
Toffoli gates. Optionally the erasure becomes a measurement and the gates that follow on outcome 1.

Example:
    >>> from qla_jax.arithmetic import circuits
    >>> print(to_openqasm3(circuits.adder(2)))
    OPENQASM 3.0;
    include "stdgates.inc";
    qubit[5] q;  // 1 ancilla, then x[2], y[2]
    ccx q[2], q[4], q[0];
    cx q[0], q[3];
    cx q[1], q[3];
    ccx q[2], q[4], q[0];
    cx q[2], q[4];
    <BLANKLINE>

References:
    Cross et al. (2022), OpenQASM 3. https://arxiv.org/abs/2104.14722
"""

import importlib
import math
from typing import Any

from qla_jax._checks import require_kind
from qla_jax.arithmetic.circuit import ReversibleCircuit
from qla_jax.arithmetic.gates import ReversibleGate

NAMES = {
    "X": "x",
    "CX": "cx",
    "CCX": "ccx",
    "SWAP": "swap",
    "AND": "ccx",
    "UNAND": "ccx",
    "H": "h",
    "P": "p",
    "CP": "cp",
}


def to_openqasm3(circuit: ReversibleCircuit, *, measured: bool = False) -> str:
    """Return the circuit as a program in OpenQASM 3.

    Args:
        circuit: circuit to write.
        measured: whether each erasure of an AND is written as a measurement and the gates that follow on its outcome.
            Such a program is no unitary, but the one that a fault-tolerant machine would run.

    Raises:
        TypeError: no circuit.

    Example:
        >>> from qla_jax.arithmetic import adder
        >>> to_openqasm3(adder(2)).splitlines()[3]
        'ccx q[2], q[4], q[0];'
    """
    require_kind("circuit", circuit, ReversibleCircuit)
    registers = ", ".join(f"{name}[{size}]" for name, size in circuit.sizes)
    ancillas = f"{circuit.num_ancillas} ancilla{'' if circuit.num_ancillas == 1 else 's'}"
    lines = ["OPENQASM 3.0;", 'include "stdgates.inc";', f"qubit[{circuit.width}] q;  // {ancillas}, then {registers}"]
    if measured:
        lines.append("bit m;")
    for gate in circuit.gates:
        lines += _erasure(gate) if measured and gate.name == "UNAND" else [_line(gate)]
    return "\n".join(lines) + "\n"


def _line(gate: ReversibleGate) -> str:
    angle = f"({2 * math.pi * gate.turns!r})" if gate.name in ("P", "CP") else ""
    return f"{NAMES[gate.name]}{angle} {', '.join(f'q[{wire}]' for wire in gate.wires)};"


def _erasure(gate: ReversibleGate) -> list[str]:
    a, b, t = gate.wires
    return [f"h q[{t}];", f"m = measure q[{t}];", f"if (m == true) {{ cz q[{a}], q[{b}]; x q[{t}]; }}"]


def to_qiskit(circuit: ReversibleCircuit) -> Any:
    """Return the circuit as a `qiskit.QuantumCircuit`.

    Qiskit counts its first qubit as the least significant one, so `reverse_bits()` of the result has the unitary of
    `on_state`.

    Raises:
        TypeError: no circuit.
        ImportError: Qiskit is not installed.
    """
    require_kind("circuit", circuit, ReversibleCircuit)
    try:
        QuantumCircuit = importlib.import_module("qiskit").QuantumCircuit
    except ImportError as error:
        raise ImportError("`to_qiskit` needs Qiskit: pip install qiskit.") from error
    found = QuantumCircuit(circuit.width)
    for gate in circuit.gates:
        angle = (2 * math.pi * gate.turns,) if gate.name in ("P", "CP") else ()
        getattr(found, NAMES[gate.name])(*angle, *gate.wires)
    return found
