"""Differentiable quantum linear algebra in JAX: block encodings, vector encodings and the networks built from them.

`import qla_jax as qla` gives the whole vocabulary below; every name lives in the room its import says. Importing never
touches JAX's configuration.
"""

from qla_jax import _interruption as _interruption  # isort: skip # first: Ctrl-C may come while the rest is imported
from qla_jax import arithmetic as arithmetic
from qla_jax import claims as claims
from qla_jax import nn as nn
from qla_jax import polynomials as polynomials
from qla_jax import prior as prior
from qla_jax import qram as qram
from qla_jax import variational as variational
from qla_jax.accounting.costs import Calls as Calls
from qla_jax.accounting.costs import Cost as Cost
from qla_jax.accounting.costs import cost as cost
from qla_jax.encodings.base.block import BlockEncoding as BlockEncoding
from qla_jax.encodings.base.block import block as block
from qla_jax.encodings.base.block import embed as embed
from qla_jax.encodings.base.block import postselect as postselect
from qla_jax.encodings.base.encoding import unitary as unitary
from qla_jax.encodings.base.vector import VectorEncoding as VectorEncoding
from qla_jax.encodings.base.vector import run as run
from qla_jax.encodings.base.vector import run_projected as run_projected
from qla_jax.encodings.combine.algebra import adjoint as adjoint
from qla_jax.encodings.combine.algebra import linear_combination as linear_combination
from qla_jax.encodings.combine.algebra import product as product
from qla_jax.encodings.combine.algebra import scale as scale
from qla_jax.encodings.combine.joint import controlled as controlled
from qla_jax.encodings.combine.joint import tensor as tensor
from qla_jax.encodings.combine.lemmas import concatenate as concatenate
from qla_jax.encodings.combine.lemmas import matrix_vector_product as matrix_vector_product
from qla_jax.encodings.combine.lemmas import vector_sum as vector_sum
from qla_jax.encodings.combine.lemmas import vector_tensor as vector_tensor
from qla_jax.encodings.combine.normalized import normalize as normalize
from qla_jax.encodings.combine.squares import square_product as square_product
from qla_jax.encodings.matrices.amplitudes import diagonal_of_amplitudes as diagonal_of_amplitudes
from qla_jax.encodings.matrices.circulant import block_encode_circulant as block_encode_circulant
from qla_jax.encodings.matrices.circulant import block_encode_toeplitz as block_encode_toeplitz
from qla_jax.encodings.matrices.convolution import block_encode_convolution as block_encode_convolution
from qla_jax.encodings.matrices.dense import block_encode as block_encode
from qla_jax.encodings.matrices.dense import from_unitary as from_unitary
from qla_jax.encodings.matrices.diagonal import block_encode_diagonal as block_encode_diagonal
from qla_jax.encodings.matrices.frobenius import block_encode_frobenius as block_encode_frobenius
from qla_jax.encodings.matrices.pauli import block_encode_pauli as block_encode_pauli
from qla_jax.encodings.matrices.periodic_convolution import (
    block_encode_periodic_convolution as block_encode_periodic_convolution,
)
from qla_jax.encodings.matrices.sparse import block_encode_sparse as block_encode_sparse
from qla_jax.encodings.vectors.known import vector_encode as vector_encode
from qla_jax.encodings.vectors.known import vector_from_unitary as vector_from_unitary
from qla_jax.encodings.vectors.loading import load_vector as load_vector
from qla_jax.encodings.vectors.loading import qram_encode as qram_encode
from qla_jax.linalg.norms import convolution_norm_bound as convolution_norm_bound
from qla_jax.linalg.norms import spectral_norm_bound as spectral_norm_bound
from qla_jax.measurement import Readout as Readout
from qla_jax.measurement import ReadoutMethod as ReadoutMethod
from qla_jax.measurement import amplitude_law as amplitude_law
from qla_jax.measurement import chebyshev_coefficients as chebyshev_coefficients
from qla_jax.measurement import chebyshev_readout as chebyshev_readout
from qla_jax.measurement import chebyshev_state as chebyshev_state
from qla_jax.measurement import estimate_amplitude as estimate_amplitude
from qla_jax.measurement import estimation_circuit as estimation_circuit
from qla_jax.measurement import exact_readout as exact_readout
from qla_jax.measurement import from_chebyshev as from_chebyshev
from qla_jax.measurement import hadamard_test as hadamard_test
from qla_jax.measurement import inner_product as inner_product
from qla_jax.measurement import iterative_amplitude_estimation as iterative_amplitude_estimation
from qla_jax.measurement import quantum_dct as quantum_dct
from qla_jax.measurement import shadow_readout as shadow_readout
from qla_jax.measurement import squared_overlap as squared_overlap
from qla_jax.measurement import state_tomography as state_tomography
from qla_jax.measurement import swap_test as swap_test
from qla_jax.measurement import tomography as tomography
from qla_jax.networks.amplified import amplified_block as amplified_block
from qla_jax.networks.amplified import amplified_network as amplified_network
from qla_jax.networks.pooling import l2_pool as l2_pool
from qla_jax.networks.pooling import sample_runs as sample_runs
from qla_jax.networks.residual import chain as chain
from qla_jax.networks.residual import residual_network as residual_network
from qla_jax.networks.residual import skip_norm_block as skip_norm_block
from qla_jax.networks.terminal import terminal_block as terminal_block
from qla_jax.phases.gqsp import GQSPPhaseFactors as GQSPPhaseFactors
from qla_jax.phases.gqsp import gqsp_phase_factors as gqsp_phase_factors
from qla_jax.phases.gqsp import gqsp_response as gqsp_response
from qla_jax.phases.response import qsp_response as qsp_response
from qla_jax.phases.sequence import PhaseFactors as PhaseFactors
from qla_jax.phases.sequence import from_phases as from_phases
from qla_jax.phases.solve import phase_factors as phase_factors
from qla_jax.phases.solve import polynomial_of as polynomial_of
from qla_jax.qram.loading import noisy_qram_encode as noisy_qram_encode
from qla_jax.transforms._gqet import gqet as gqet
from qla_jax.transforms._qsvt import qsvt as qsvt
from qla_jax.transforms.activation import activate as activate
from qla_jax.transforms.activation_routes import activate_any as activate_any
from qla_jax.transforms.activation_routes import activate_by_qsvt as activate_by_qsvt
from qla_jax.transforms.amplification import amplify as amplify
from qla_jax.transforms.amplification import amplify_to_norm as amplify_to_norm
from qla_jax.transforms.amplification import oblivious_amplification as oblivious_amplification
from qla_jax.transforms.amplification import uniform_amplification as uniform_amplification
from qla_jax.transforms.chebyshev_lcu import chebyshev_lcu as chebyshev_lcu
from qla_jax.transforms.decomposed import decomposed as decomposed
from qla_jax.transforms.functions import eigenstate_filter as eigenstate_filter
from qla_jax.transforms.functions import hamiltonian_simulation as hamiltonian_simulation
from qla_jax.transforms.functions import pseudo_inverse as pseudo_inverse
from qla_jax.transforms.qubitization import qubitization_walk as qubitization_walk
from qla_jax.transforms.requests import RoundingWarning as RoundingWarning
