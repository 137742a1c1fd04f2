"""Encodings of matrices and vectors in unitaries, and the algebra of these encodings."""

from qla_jax.encodings.combine import algebra as algebra  # the operators of encodings
from qla_jax.encodings.combine import lemmas as lemmas
from qla_jax.encodings.combine import slices as slices
from qla_jax.encodings.matrices import comparison as comparison  # the choice of an encoding by its costs
