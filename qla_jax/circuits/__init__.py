"""Circuits of gates: values that can be inverted, controlled, simulated, counted, drawn and exported."""

from qla_jax.circuits.call_tree import to_qref as to_qref
from qla_jax.circuits.call_tree import to_qualtran as to_qualtran
from qla_jax.circuits.circuit import Call as Call
from qla_jax.circuits.circuit import Circuit as Circuit
from qla_jax.circuits.composites import DiagonalPhases as DiagonalPhases
from qla_jax.circuits.composites import MultiplexedRotation as MultiplexedRotation
from qla_jax.circuits.composites import Permutation as Permutation
from qla_jax.circuits.composites import Within as Within
from qla_jax.circuits.counting import count as count
from qla_jax.circuits.drawing import draw as draw
from qla_jax.circuits.foreign import to_cirq as to_cirq
from qla_jax.circuits.foreign import to_pennylane as to_pennylane
from qla_jax.circuits.foreign import to_qiskit as to_qiskit
from qla_jax.circuits.operations import Gate as Gate
from qla_jax.circuits.operations import Operation as Operation
from qla_jax.circuits.operations import Phase as Phase
from qla_jax.circuits.qasm import to_openqasm3 as to_openqasm3
from qla_jax.circuits.read_pennylane import from_pennylane as from_pennylane
from qla_jax.circuits.read_qasm import from_openqasm3 as from_openqasm3
from qla_jax.circuits.read_qiskit import from_qiskit as from_qiskit
from qla_jax.circuits.select import Select as Select
from qla_jax.circuits.simulation import simulate as simulate
from qla_jax.circuits.simulation import to_matrix as to_matrix
from qla_jax.circuits.synthesis import MatrixGate as MatrixGate
from qla_jax.circuits.synthesis import synthesis as synthesis
