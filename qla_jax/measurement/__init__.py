"""Readout: from quantum states to numbers. Every protocol is a callable, `readout(state, key=key) -> Readout`."""

from qla_jax.measurement.amplitude_estimation import amplitude_law as amplitude_law
from qla_jax.measurement.amplitude_estimation import estimate_amplitude as estimate_amplitude
from qla_jax.measurement.decomposition import ChebyshevReadout as ChebyshevReadout
from qla_jax.measurement.decomposition import chebyshev_readout as chebyshev_readout
from qla_jax.measurement.density_tomography import StateTomography as StateTomography
from qla_jax.measurement.density_tomography import state_tomography as state_tomography
from qla_jax.measurement.grover import estimation_circuit as estimation_circuit
from qla_jax.measurement.iterative import IterativeEstimate as IterativeEstimate
from qla_jax.measurement.iterative import iterative_amplitude_estimation as iterative_amplitude_estimation
from qla_jax.measurement.overlaps import hadamard_test as hadamard_test
from qla_jax.measurement.overlaps import inner_product as inner_product
from qla_jax.measurement.overlaps import squared_overlap as squared_overlap
from qla_jax.measurement.overlaps import swap_test as swap_test
from qla_jax.measurement.protocols import protocols as protocols
from qla_jax.measurement.quantum_dct import chebyshev_coefficients as chebyshev_coefficients
from qla_jax.measurement.quantum_dct import chebyshev_state as chebyshev_state
from qla_jax.measurement.quantum_dct import from_chebyshev as from_chebyshev
from qla_jax.measurement.quantum_dct import quantum_dct as quantum_dct
from qla_jax.measurement.readout import ExactReadout as ExactReadout
from qla_jax.measurement.readout import Readout as Readout
from qla_jax.measurement.readout import ReadoutMethod as ReadoutMethod
from qla_jax.measurement.readout import exact_readout as exact_readout
from qla_jax.measurement.shadows import ShadowReadout as ShadowReadout
from qla_jax.measurement.shadows import shadow_readout as shadow_readout
from qla_jax.measurement.vector_tomography import Tomography as Tomography
from qla_jax.measurement.vector_tomography import tomography as tomography
