"""T counts of two standard problems, next to what the estimators of other packages return for the same problem.

    python -m benchmarks.peer_estimates             # this package, and PennyLane and Qualtran where they are installed
    python -m benchmarks.peer_estimates qrisp       # Qrisp, in an environment of its own; minutes

Problems:

* TFIM: exp(-5iH) to 1e-8, H the sum of Z Z on the 5 bonds of an open chain of 6 spins and 0.7 X or 1.0 X on each spin.
* Poisson: the pseudo-inverse of the 64 x 64 matrix with 2 on the diagonal and -1 next to it, condition number 1712, to
  1e-6 of its norm.

A rotation has the error 1e-10 and takes 1.15 log2(1e10) + 9.2 T gates, the formula of PennyLane and Qualtran, too. A
Toffoli gate or a temporary AND takes 4 T gates. Qubits are those that each package reports: only PennyLane and Qrisp
count clean work qubits.
"""

import math
import sys
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from typing import NamedTuple

SPINS, TIME, EPS, ROTATION_EPS = 6, 5.0, 1e-8, 1e-10
SIZE, BITS, RELATIVE_EPS = 64, 6, 1e-6
FIELDS = (0.7, 1.0)
SMALLEST = 4 * math.sin(math.pi / (2 * (SIZE + 1))) ** 2
"""Smallest eigenvalue of the Poisson matrix."""
T_PER_ROTATION = math.ceil(1.149 * math.log2(1 / ROTATION_EPS) + 9.2)


class Row(NamedTuple):
    """Estimate of one package for one problem."""

    problem: str
    package: str
    way: str
    calls: int
    qubits: int
    t_count: int


def own() -> Iterator[Row]:
    """T counts of this package, of the formulas and of the gates in the circuit."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import numpy as np

    import qla_jax as qla

    def rows(problem: str, way: str, enc: qla.BlockEncoding) -> Iterator[Row]:
        found = qla.cost(enc)
        calls = sum(found.num_queries.values())
        yield Row(problem, "qla_jax", way, calls, found.num_qubits, found.t_count(ROTATION_EPS))
        gates = qla.circuits.count(qla.to_circuit(enc))
        yield Row(problem, "qla_jax", f"{way}, gates", calls, found.num_qubits, gates.t_count(ROTATION_EPS))

    for field in FIELDS:
        bonds = {"I" * k + "ZZ" + "I" * (SPINS - 2 - k): 1.0 for k in range(SPINS - 1)}
        spins = {"I" * k + "X" + "I" * (SPINS - 1 - k): field for k in range(SPINS)}
        chain = qla.block_encode_pauli(bonds | spins)
        evolution = qla.hamiltonian_simulation(chain, TIME, eps=EPS)
        yield from rows(f"TFIM {field}", "hamiltonian_simulation", evolution)
    matrix = 2 * np.eye(SIZE) - np.eye(SIZE, k=1) - np.eye(SIZE, k=-1)
    kernel = np.array([-1.0, 2.0, -1.0]).reshape(1, 1, 1, 3)
    encodings = {
        "convolution": qla.block_encode_convolution(kernel, (1, SIZE)),
        "own circuit": qla.from_circuit(poisson_circuit(), num_ancillas=3, alpha=4.0, eps=0.0),
    }
    for name, enc in encodings.items():
        assert np.allclose(qla.block(enc), matrix)
        kappa = float(enc.alpha) / SMALLEST * (1 + 1e-9)
        inverse = qla.pseudo_inverse(enc, kappa, eps=RELATIVE_EPS / SMALLEST)
        assert inverse.eps * SMALLEST <= RELATIVE_EPS
        yield from rows("Poisson", name, inverse)


def poisson_circuit():
    """Return a circuit of the Poisson matrix over 4: (2 - S - S-adjoint) / 4 with the shift S of the line.

    Two Hadamard gates make four branches of equal weight. Two of them do nothing. The others have a sign and add or
    subtract one on the system and one qubit more, which flags places beyond the line.
    """
    from qla_jax.circuits import Add, Circuit, Gate, Within

    line = tuple(range(2, 3 + BITS))
    flips = tuple(Gate("x", wire, controls=(0,)) for wire in line)
    add = (Add(tuple(line), (0, 1), (1,)),)
    mixed = (Gate("h", 0), Gate("h", 1))
    return Circuit(3 + BITS, (*mixed, Gate("z", 1), Within(flips, add), *mixed), "poisson")


def pennylane(calls: int) -> Iterator[Row]:
    """Estimates of `pennylane.estimator`, with each of its preparations of weights.

    Args:
        calls: degree of the polynomial for the Poisson matrix, that of this package.
    """
    import pennylane.estimator as qre

    config = qre.ResourceConfig()
    config.set_single_qubit_rot_precision(ROTATION_EPS)

    def row(problem: str, way: str, calls: int, operator: qre.ResourceOperator) -> Row:
        found = qre.estimate(operator, config=config)
        counts: dict[str, int] = {}
        for gate, number in found.gate_types.items():
            counts[gate.name] = counts.get(gate.name, 0) + number
        return Row(problem, "PennyLane", way, calls, found.total_wires, counts.get("T", 0) + 4 * counts["Toffoli"])

    for field in FIELDS:
        norm = SPINS - 1 + SPINS * field
        chain = qre.PauliHamiltonian(num_qubits=SPINS, pauli_terms={"ZZ": SPINS - 1, "X": SPINS}, one_norm=norm)
        levels = [qre.SelectPauliRot("Y", k, precision=ROTATION_EPS) for k in range(1, 4)]
        preparations = {
            "rotations": qre.Prod([qre.RY(precision=ROTATION_EPS), *levels]),
            "alias sampling": qre.AliasSampling(2 * SPINS - 1, precision=ROTATION_EPS),
            "QROM": qre.QROMStatePreparation(4, precision=ROTATION_EPS, positive_and_real=True),
        }
        for name, prepare in preparations.items():
            walk = qre.Qubitization(prepare, qre.SelectPauli(chain))
            degree = qre.GQSPTimeEvolution.poly_approx(TIME, norm, EPS)
            evolution = qre.GQSPTimeEvolution(walk, TIME, norm, EPS)
            yield row(f"TFIM {field}", f"GQSPTimeEvolution, {name}", 2 * degree, evolution)
    # The line of `poisson_circuit`, with the addend 0, 1 or -1 written into a register by one AND and CNOT.
    conjunction, adder = qre.TemporaryAND(), qre.SemiAdder(BITS + 1)
    steps = [(qre.Hadamard(), 4), qre.Z(), conjunction, (qre.CNOT(), 14), adder, qre.Adjoint(conjunction)]
    yield row("Poisson", "QSVT, adder", calls, qre.QSVT(qre.Prod(steps), (SIZE, SIZE), calls))


def qualtran(calls: int) -> Iterator[Row]:
    """Estimate from bloqs of Qualtran for the Poisson matrix: the line with its adder, and one phase for each call.

    Qualtran has no bloq for a transform of singular values, so the sum is made here.

    Args:
        calls: degree of the polynomial, that of this package.
    """
    from qualtran import QUInt
    from qualtran.bloqs.arithmetic import Add
    from qualtran.bloqs.basic_gates import Rz
    from qualtran.bloqs.mcmt import And, MultiControlX
    from qualtran.resource_counting import QECGatesCost, get_cost_value

    line = QUInt(BITS + 1)
    adder, ands = Add(line, line), [And(), And().adjoint()]
    flips = 2 * [MultiControlX((0,) * 3)]  # around the phase of the branch where three ancillas are 0
    total = 0
    for bloq in [adder, *ands, *flips, Rz(0.1)]:
        found = get_cost_value(bloq, QECGatesCost())
        total += found.total_t_count(ts_per_toffoli=4, ts_per_rotation=T_PER_ROTATION)
    yield Row("Poisson", "Qualtran", "sum of bloqs, adder", calls, 4 + 2 * (BITS + 1) - 1, calls * total)


def qrisp(degree: int = 71) -> Iterator[Row]:
    """Counts of Qrisp's `sim`; `u3`, `rx`, `rz` count as one rotation, and `p` as none, which is the least possible.

    Args:
        degree: order of its series, that of the one of this package for the field 0.7.
    """
    from qrisp import QuantumVariable
    from qrisp.block_encodings import BlockEncoding
    from qrisp.operators import X, Z

    for field, order in zip(FIELDS, (degree, degree + 10), strict=True):
        chain = sum(Z(k) * Z(k + 1) for k in range(SPINS - 1)) + sum(field * X(k) for k in range(SPINS))
        found = BlockEncoding.from_operator(chain).sim(t=TIME, N=order).resources(QuantumVariable(SPINS))
        gates = found["gate counts"]
        t_count = sum(gates.get(name, 0) for name in ("t", "t_dg"))
        t_count += T_PER_ROTATION * sum(gates.get(name, 0) for name in ("u3", "rx", "rz"))
        yield Row(f"TFIM {field}", "Qrisp", "sim", 2 * order, found["qubits"], t_count)


def show(row: Row) -> None:
    """Print one row of the table."""
    print(f"| {row.problem} | {row.package} | {row.way} | {row.calls} | {row.qubits} | {row.t_count} |", flush=True)


def main() -> None:
    """Print the table of all installed packages, or of Qrisp alone."""
    if "qrisp" in sys.argv:
        print(f"qrisp {version('qrisp')}")
        for row in qrisp():
            show(row)
        return
    rows = list(own())
    calls = next(row.calls for row in rows if row.problem == "Poisson")
    for name, estimate in (("pennylane", pennylane), ("qualtran", qualtran)):
        if find_spec(name):
            print(f"{name} {version(name)}")
            rows += estimate(calls)
    for row in sorted(rows, key=lambda row: row.problem):
        show(row)


if __name__ == "__main__":
    main()
