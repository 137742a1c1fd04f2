"""One encoding of each kind of circuit, for tests that look at gates."""

import numpy as np
import scipy.sparse

import qla_jax as qla
from tests.cases import cplx, real

BUILDS = {
    "pauli": lambda: qla.block_encode_pauli({"XZ": 0.5, "ZI": -0.25, "YY": 0.3}),
    "dense": lambda: qla.block_encode(real(4, 4)),
    "dense, complex": lambda: qla.block_encode(cplx(2, 2)),
    "sparse": lambda: qla.block_encode_sparse(scipy.sparse.diags_array([[1.0, 2, 3, 4], [1.0, 1, 1]], offsets=[0, 1])),
    "diagonal": lambda: qla.block_encode_diagonal(real(4)),
    "circulant": lambda: qla.block_encode_circulant(real(4)),
    "toeplitz": lambda: qla.block_encode_toeplitz(real(3), real(3)),
    "frobenius": lambda: qla.block_encode_frobenius(real(2, 2)),
    "trees of rotations": lambda: qla.block_encode_bitble(cplx(2, 2)),
    "rotations of entries": lambda: qla.block_encode_fable(real(4, 4), eps=1.0),
    "masks": lambda: qla.block_encode_foqcs({"XZ": 0.5, "ZI": -0.5, "YY": 0.5}),
    "convolution": lambda: qla.block_encode_convolution(real(1, 1, 1, 2), (2, 2)),
    "convolution, padded": lambda: qla.block_encode_convolution(real(1, 1, 3, 1), (3, 1)),
    "sparse, scattered": lambda: qla.block_encode_sparse([0, 1, 2, 2], [1, 0, 0, 1], real(4), (3, 3)),
    "rows": lambda: qla.block_encode_pauli({"XZ": 0.5, "ZI": -0.25})[1:],
    "vector": lambda: qla.vector_encode(cplx(4)),
    "tree": lambda: qla.load_vector(cplx(4)),
    "sum": lambda: 0.5 * qla.block_encode(real(2, 2)) - qla.block_encode_pauli({"X": 1.0}),
    "product on shared ancillas": lambda: qla.product(
        *2 * [qla.block_encode(real(2, 2)) + qla.block_encode_pauli({"X": 1.0, "Y": 0.5})]
    ),
    "controlled": lambda: qla.controlled(qla.block_encode(0.5 * np.eye(2), alpha=1.0)),
    "qsvt": lambda: qla.qsvt(qla.block_encode(real(2, 2)), qla.polynomials.erf(2.0, degree=7).scaled(0.9)),
    "gqet": lambda: qla.gqet(qla.block_encode_pauli({"X": 0.5, "Z": 0.5}), [0.2, 0.3j, 0.1]),
    "activation": lambda: qla.activate(qla.vector_encode(real(2)), qla.polynomials.erf(0.8, degree=3)),
    "square product": lambda: qla.square_product(real(2, 2), qla.vector_encode(real(2))),
    "skip norm block": lambda: qla.skip_norm_block(
        qla.block_encode(np.array([[0.5, 0.2], [0.1, 0.4]]), alpha=1.0), qla.vector_encode([0.6, 0.8]), eps=0.3
    ),
}
