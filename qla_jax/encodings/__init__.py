"""What a unitary encodes: matrices, vectors, and their algebra."""

from qla_jax.encodings.combine import algebra as algebra  # the operators of encodings
from qla_jax.encodings.combine import lemmas as lemmas
from qla_jax.encodings.combine import slices as slices
