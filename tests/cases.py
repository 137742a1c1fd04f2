"""The registry that all laws of encodings run over: one line here is one more case of every law.

A case is built from a pytree of arrays, so that the laws can differentiate, stack and jit it, and comes with an oracle
in plain NumPy. Arrays depend on their shape and seed alone: a new line changes no other case.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from numpy.polynomial import chebyshev as series

from qla_jax import polynomials
from qla_jax.circuits import Circuit, Gate, Phase
from qla_jax.encodings.combine.algebra import linear_combination, scale
from qla_jax.encodings.combine.arrays import block_array
from qla_jax.encodings.combine.joint import controlled, tensor
from qla_jax.encodings.combine.lemmas import concatenate, vector_sum, vector_tensor
from qla_jax.encodings.combine.normalized import normalize
from qla_jax.encodings.combine.squares import square_product
from qla_jax.encodings.imports import from_circuit, vector_from_circuit
from qla_jax.encodings.matrices.amplitudes import diagonal_of_amplitudes
from qla_jax.encodings.matrices.bitble import block_encode_bitble
from qla_jax.encodings.matrices.circulant import block_encode_circulant, block_encode_toeplitz
from qla_jax.encodings.matrices.convolution import block_encode_convolution
from qla_jax.encodings.matrices.dense import block_encode, from_unitary
from qla_jax.encodings.matrices.diagonal import block_encode_diagonal
from qla_jax.encodings.matrices.fable import block_encode_fable
from qla_jax.encodings.matrices.foqcs import block_encode_foqcs
from qla_jax.encodings.matrices.frobenius import block_encode_frobenius
from qla_jax.encodings.matrices.pauli import block_encode_pauli
from qla_jax.encodings.matrices.periodic_convolution import block_encode_periodic_convolution
from qla_jax.encodings.matrices.selection import identity, projector
from qla_jax.encodings.matrices.sparse import block_encode_sparse
from qla_jax.encodings.vectors.known import vector_encode, vector_from_unitary
from qla_jax.encodings.vectors.loading import load_vector, qram_encode
from qla_jax.networks.residual import skip_norm_block
from qla_jax.transforms.activation import activate
from qla_jax.transforms.chebyshev_lcu import chebyshev_lcu
from qla_jax.transforms.decomposed import decomposed
from qla_jax.transforms.eigenvalues import gqet
from qla_jax.transforms.merged_walk import walked
from qla_jax.transforms.qubitization import qubitization_walk
from qla_jax.transforms.singular_values import qsvt

SLOW = "slow"
"""In single precision, and where a law runs for some cases only, a case whose class of encodings has another one."""


class Case(NamedTuple):
    name: str
    build: Callable[[Any], Any]
    params: Any
    oracle: Callable[[Any], np.ndarray]  # the dense matrix, or the vector
    differentiable: bool = True  # False: the oracle has no derivative at `params`, but a gradient must be finite
    single: bool | str = True  # False: in double precision only, where rounding has nothing new to show; or SLOW


def real(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def cplx(*shape: int, seed: int = 0) -> np.ndarray:
    return real(*shape, 2, seed=seed) @ np.array([1, 1j])


def contraction(*shape: int, norm: float = 0.8, seed: int = 0) -> np.ndarray:
    matrix = cplx(*shape, seed=seed)
    return norm * matrix / np.linalg.norm(matrix, 2)


def orthogonal(n: int, seed: int = 0) -> np.ndarray:
    return np.linalg.qr(real(n, n, seed=seed))[0]


def haar(n: int, seed: int = 0) -> np.ndarray:
    return np.linalg.qr(cplx(n, n, seed=seed))[0]


def dilation(contraction: np.ndarray) -> np.ndarray:
    """A unitary with `contraction` as its leading block."""
    w, s, vh = np.linalg.svd(contraction)
    c, v = np.sqrt(np.maximum(1 - s * s, 0)), vh.conj().T
    return np.block([[contraction, (w * c) @ w.conj().T], [(v * c) @ vh, -contraction.conj().T]])


def unitary_with_first_column(column: np.ndarray) -> np.ndarray:
    q, r = np.linalg.qr(np.c_[column, np.eye(len(column))[:, 1:]])
    return q * np.r_[r[0, 0], np.ones(len(column) - 1)]


def turned(angles: Any) -> Circuit:
    """Gates of every kind that a circuit may have, with three angles."""
    flip, turn = Gate("x", 2, controls=(0,), values=(0,)), Gate("rz", 2, angles[2], (0,))
    return Circuit(3, (Gate("ry", 0, angles[0]), Gate("h", 1), flip, Phase(angles[1], (1, 2)), turn))


def turned_matrix(angles: np.ndarray) -> np.ndarray:
    a, b, c = angles
    zero, one, two = np.diag([1, 0]), np.diag([0, 1]), np.eye(2)
    turn = np.array([[np.cos(a / 2), -np.sin(a / 2)], [np.sin(a / 2), np.cos(a / 2)]])
    first = np.kron(np.kron(turn, np.array([[1, 1], [1, -1]]) / np.sqrt(2)), two)
    flip = np.kron(np.kron(zero, two), two[::-1]) + np.kron(one, np.eye(4))
    last = np.kron(zero, np.eye(4)) + np.kron(np.kron(one, two), np.diag(np.exp(0.5j * c * np.array([-1, 1]))))
    return last @ np.kron(two, np.diag([1, 1, 1, np.exp(1j * b)])) @ flip @ first


def positions(sizes: tuple[int, ...]) -> np.ndarray:
    """Where the entries of a vector on registers of these sizes sit among the basis states, most significant first."""
    full = [1 << int(np.ceil(np.log2(size))) for size in sizes]
    return np.ravel_multi_index(np.indices(sizes).reshape(len(sizes), -1), full) if sizes else np.zeros(1, int)


def transform_right(even: np.ndarray, a: np.ndarray, alpha: float) -> np.ndarray:
    """V (sum_j even[j] T_2j(S / alpha)) V^H for a = W S V^H, in powers of A^H A: no recurrence, no singular vectors."""
    coeffs = np.zeros(2 * len(even) - 1, complex)
    coeffs[::2] = even
    gram, powers = a.conj().T @ a / alpha**2, series.cheb2poly(coeffs)[::2]
    return sum(c * np.linalg.matrix_power(gram, k) for k, c in enumerate(powers))


def singular_value_transform(coeffs: np.ndarray, a: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    """W P(S / alpha) V^H or V P(S / alpha) V^H for a = W S V^H, P of definite parity, in powers of A^H A."""
    powers = series.cheb2poly(coeffs)
    if len(coeffs) % 2 == 0:
        gram = a.conj().T @ a / alpha**2
        return a / alpha @ sum(c * np.linalg.matrix_power(gram, k) for k, c in enumerate(powers[1::2]))
    return transform_right(np.asarray(coeffs)[::2], a, alpha)


def hermitian_function(coeffs: np.ndarray, a: np.ndarray) -> np.ndarray:
    """P(A) in powers of A."""
    return sum(c * np.linalg.matrix_power(a, k) for k, c in enumerate(series.cheb2poly(coeffs)))


def erf_coeffs(degree: int, m: float) -> np.ndarray:
    """The polynomial of Low and Chuang (2017), Corollary 4, from modified Bessel functions."""
    c = np.zeros(degree + 1)
    c[1] = scipy.special.ive(0, m * m / 2)
    for j in range(1, (degree - 1) // 2 + 1):
        step = (-1) ** j * scipy.special.ive(j, m * m / 2)
        c[2 * j + 1] += step / (2 * j + 1)
        c[2 * j - 1] -= step / (2 * j - 1)
    return c * 2 * m / np.sqrt(np.pi)


def on_modulus(coeffs: np.ndarray, x: np.ndarray) -> np.ndarray:
    """P(|x|) x/|x| for odd P, entrywise; P(x) for real x."""
    return series.chebval(np.abs(x), coeffs) * np.where(x == 0, 0, x / np.where(x == 0, 1, np.abs(x)))


def squares(matrix: np.ndarray, x: np.ndarray) -> np.ndarray:
    return matrix @ np.abs(x.reshape(-1)) ** 2


def with_norms_of(bits: int, matrix: np.ndarray) -> np.ndarray:
    """Each column norm a binary fraction of the largest, rounded towards zero; the largest becomes 0.11...1."""
    norms = np.linalg.norm(matrix, axis=0)
    fractions = np.minimum(np.floor(2**bits * norms / norms.max()), 2**bits - 1) / 2**bits
    return matrix / norms * fractions * norms.max()


def norm2(matrix: np.ndarray) -> float:
    return np.linalg.norm(matrix, 2)


CUBIC = np.array([0, 0.4, 0, -0.3])
MIXED = np.array([0.1, -0.3j, 0.2, 0.1 + 0.1j])
TURNING = np.array([0.3, -0.4j, 0.1, 0.2j, -0.1])  # real and imaginary in turn
QUARTIC = np.array([0.1, 0, -0.5, 0, 0.3])
QUINTIC = np.array([0, 0.5, 0, -0.3, 0, 0.2])  # sum|q_2j| is not max|P/x|

# Rank two of three, and the two singular values are one.
DEGENERATE = haar(3) @ np.diag([0.6, 0.6, 0.0]) @ haar(3, seed=1)

# Padding beside and below a 2 x 3 matrix in a block of 4 x 4: zero, also for a unitary that is moved a little.
EMPTY = np.zeros((8, 8), bool)
EMPTY[:2, 3:4] = EMPTY[2:4, :3] = True

# Where a reflection that prepares a column could go wrong.
BASIS_COLUMNS = np.array([[0.0, 1, -1, 0.3], [0, 0, 0, -0.5], [0, 0, 0, 0.2], [0, 0, 0, 0.1]])

# Where the angles of a tree are those of (0, 0).
EMPTY_BRANCHES = np.array([0, 0, 0, 1j, 0, 0, 0, 0])

DENSE = [
    Case("dense", block_encode, real(4, 4), lambda a: a, single=False),
    Case("dense complex", block_encode, cplx(4, 4), lambda a: a),
    Case("dense 3 x 5", block_encode, real(3, 5), lambda a: a, single=False),
    Case("dense 5 x 3 complex", block_encode, cplx(5, 3), lambda a: a, single=SLOW),
    Case("dense row", block_encode, real(1, 4), lambda a: a, single=False),
    Case("dense one entry", block_encode, real(1, 1), lambda a: a, single=False),
    Case("dense of rank one", block_encode, np.outer(cplx(4), cplx(4, seed=1)), lambda a: a, single=SLOW),
    Case("dense zero", block_encode, np.zeros((3, 4)), lambda a: a),
    Case("dense identity", block_encode, 2 * np.eye(4), lambda a: a, single=SLOW),
    Case("dense of equal singular values", block_encode, orthogonal(4) @ np.diag([1, 1, 0.5, 0.5]), lambda a: a),
    Case("dense of norm one", block_encode, haar(4) @ np.diag([1, 1, 0.7, 0]), lambda a: a, single=SLOW),
    Case(
        "dense, alpha given",
        lambda p: block_encode(p[0], alpha=p[1]),
        (contraction(3, 3), np.array(1.5)),
        lambda p: p[0],
        single=False,
    ),
    Case("dense zero, alpha given", lambda p: block_encode(p, alpha=1.0), np.zeros((4, 4)), lambda p: p, single=False),
    Case(
        "explicit unitary",
        lambda p: from_unitary(p[0], num_ancillas=1, alpha=p[1], eps=0.0),
        (haar(8), np.array(3.0)),
        lambda p: p[1] * p[0][:4, :4],
        single=False,
    ),
    Case(
        "explicit unitary of 2 x 3",
        lambda p: from_unitary(jnp.where(EMPTY, 0, p), num_ancillas=1, alpha=2.0, eps=0.0, shape=(2, 3)),
        dilation(np.pad(contraction(2, 3), [(0, 2), (0, 1)])),
        lambda p: 2 * p[:2, :3],
        single=SLOW,
    ),
    Case(
        "circuit of gates",
        lambda p: from_circuit(turned(p[0]), num_ancillas=1, alpha=p[1], eps=0.0),
        (real(3), np.array(3.0)),
        lambda p: p[1] * turned_matrix(p[0])[:4, :4],
    ),
    Case(
        "dense Hermitian, declared",
        lambda a: block_encode((a + a.conj().T) / 2, hermitian=True),
        cplx(3, 3),
        lambda a: (a + a.conj().T) / 2,
    ),
    Case(
        "explicit unitary, declared its own inverse",
        lambda v: from_unitary(
            2 * jnp.outer(v, v.conj()) / jnp.sum(jnp.abs(v) ** 2) - jnp.eye(8),
            num_ancillas=1,
            alpha=3.0,
            eps=0.0,
            self_inverse=True,
        ),
        cplx(8),
        lambda v: 3 * (2 * np.outer(v, v.conj()) / np.vdot(v, v).real - np.eye(8))[:4, :4],
        single=False,
    ),
    Case(
        "bare unitary",
        lambda p: from_unitary(p, num_ancillas=0, alpha=1.0, eps=0.0),
        haar(4),
        lambda p: p,
        single=False,
    ),
]

ALGEBRA = [
    Case(
        "product",
        lambda p: block_encode(p[0]) @ block_encode(p[1]),
        (cplx(4, 4), cplx(4, 4, seed=1)),
        lambda p: p[0] @ p[1],
        single=False,
    ),
    Case(
        "product through 5",
        lambda p: block_encode(p[0]) @ block_encode(p[1]),
        (real(2, 5), real(5, 3)),
        lambda p: p[0] @ p[1],
        single=False,
    ),
    Case(
        "product of three",
        lambda p: block_encode(p[0]) @ (block_encode(p[1]) @ block_encode(p[2])),
        (cplx(2, 3), real(3, 5), real(5, 2)),
        lambda p: p[0] @ p[1] @ p[2],
        single=False,
    ),
    Case(
        "product on shared ancillas",
        lambda p: (block_encode(p[0]) + block_encode(p[1])) @ linear_combination(*[block_encode(a) for a in p[2]]),
        (real(2, 3), real(2, 3, seed=1), [cplx(3, 2), cplx(3, 2, seed=1), real(3, 2, seed=2)]),
        lambda p: (p[0] + p[1]) @ sum(p[2]),
    ),
    Case(
        "sum",
        lambda p: block_encode(p[0]) + block_encode(p[1]),
        (real(3, 5), 3 * real(3, 5, seed=1)),
        lambda p: p[0] + p[1],
        single=False,
    ),
    Case(
        "combination of three, unequal alpha",
        lambda p: linear_combination(*[block_encode(a) for a in p[1]], weights=p[0]),
        (np.array([0.5, -2.0, 0.3]), [real(3, 4), 4 * real(3, 4, seed=1), 0.1 * real(3, 4, seed=2)]),
        lambda p: sum(w * a for w, a in zip(*p, strict=True)),
        single=False,
    ),
    Case(
        "combination, complex weights, unequal ancillas",
        lambda p: linear_combination(block_encode(p[1]), block_encode(p[2]) @ block_encode(p[3]), weights=p[0]),
        (np.array([0.5 - 1j, -0.7j]), cplx(4, 2), cplx(4, 5), real(5, 2)),
        lambda p: p[0][0] * p[1] + p[0][1] * (p[2] @ p[3]),
    ),
    Case(
        "combination with a zero weight",
        lambda p: linear_combination(*[block_encode(a) for a in p[1]], weights=p[0]),
        (np.array([0.5, 0.0, -1.0]), [real(2, 2), real(2, 2, seed=1), real(2, 2, seed=2)]),
        lambda p: sum(w * a for w, a in zip(*p, strict=True)),
        single=SLOW,
    ),
    Case(
        "combination with zero weights only",
        lambda p: linear_combination(*[block_encode(a) for a in p[1]], weights=p[0]),
        (np.zeros(2), [real(2, 2), real(2, 2, seed=1)]),
        lambda p: sum(w * a for w, a in zip(*p, strict=True)),
        single=False,
    ),
    Case(
        "combination of one",
        lambda p: linear_combination(block_encode(p[1]), weights=p[0]),
        (np.array([-2.0]), real(2, 2)),
        lambda p: p[0][0] * p[1],
        single=False,
    ),
    Case(
        "tensor",
        lambda p: tensor(block_encode(p[0]), block_encode(p[1])),
        (cplx(2, 2), real(4, 4)),
        lambda p: np.kron(*p),
        single=False,
    ),
    Case(
        "tensor of 3 x 5 and 2 x 3",
        lambda p: tensor(block_encode(p[0]), block_encode(p[1])),
        (real(3, 5), cplx(2, 3)),
        lambda p: np.kron(*p),
    ),
    Case(
        "tensor with idle qubits",  # a part that needs more qubits inside than its registers have, on either side
        lambda p: tensor(block_encode(p[0]) @ block_encode(p[1]), block_encode(p[2])),
        (real(2, 3), real(3, 2), real(1, 4)),
        lambda p: np.kron(p[0] @ p[1], p[2]),
        single=False,
    ),
    Case("adjoint", lambda p: block_encode(p).adjoint(), cplx(3, 5), lambda p: p.conj().T, single=False),
    Case("identity", lambda p: p * identity((3, 2)), np.array(2.0), lambda p: p * np.eye(6)),
    Case("identity of 4", lambda p: p * identity(4), np.array(-1.5), lambda p: p * np.eye(4), single=False),
    Case(
        "projector",
        lambda p: p * projector([0, -1], 5),
        np.array(2.0),
        lambda p: p * np.diag([1, 0, 0, 0, 1]),
        single=SLOW,
    ),
    Case("rows and columns", lambda p: block_encode(p)[1:, [4, 0]], cplx(3, 5), lambda p: p[1:, [4, 0]], single=SLOW),
    Case(
        "rows of registers with padding",
        lambda p: tensor(block_encode(p[0]), block_encode(p[1]))[::-2, 2:],
        (real(3, 2), real(3, 3)),
        lambda p: np.kron(*p)[::-2, 2:],
        single=False,
    ),
    Case(
        "array of blocks",
        lambda p: block_array(
            [[block_encode(p[0]), None], [None, block_encode(p[1]) @ block_encode(p[2])], [block_encode(p[1])] * 2]
        ),
        (real(2, 3), cplx(2, 3), real(3, 3)),
        lambda p: np.block([[p[0], 0 * p[0]], [0 * p[0], p[1] @ p[2]], [p[1], p[1]]]),
    ),
    Case(
        "array of unequal blocks",
        lambda p: block_array([[block_encode(p[0])], [block_encode(p[1])]]),
        (real(1, 3), real(2, 3)),
        lambda p: np.vstack(p),
        single=False,
    ),
    Case(
        "adjoint of a product",
        lambda p: (block_encode(p[0]) @ block_encode(p[1])).adjoint(),
        (cplx(2, 5), cplx(5, 4)),
        lambda p: (p[0] @ p[1]).conj().T,
        single=False,
    ),
    Case(
        "scaled by a negative number",
        lambda p: scale(block_encode(p[1]), p[0]),
        (np.array(-1.7), real(3, 4)),
        lambda p: p[0] * p[1],
        single=False,
    ),
    Case(
        "scaled by a complex number",
        lambda p: p[0] * block_encode(p[1]),
        (np.array(0.6 - 1.1j), cplx(4, 4)),
        lambda p: p[0] * p[1],
        single=False,
    ),
    Case(
        "scaled by zero",
        lambda p: scale(block_encode(p[1]), p[0]),
        (np.array(0.0), real(4, 4)),
        lambda p: p[0] * p[1],
        single=False,
    ),
    Case(
        "controlled",
        lambda p: controlled(block_encode(p)),
        cplx(4, 4),
        lambda p: np.kron(np.diag([1, 0]), np.eye(4)) + np.kron(np.diag([0, 1]), p / norm2(p)),
        single=False,
    ),
    Case(
        "controlled 3 x 3 with idle qubits",
        lambda p: controlled(block_encode(p[0], alpha=4.0) @ block_encode(p[1], alpha=4.0)),
        (contraction(3, 5), contraction(5, 3)),
        lambda p: np.kron(np.diag([1, 0]), np.eye(3)) + np.kron(np.diag([0, 1]), p[0] @ p[1] / 16),
    ),
    Case(
        "controlled identity",
        lambda p: controlled(block_encode(p)),
        np.eye(2),
        lambda p: np.kron(np.diag([1, 0]), np.eye(2)) + np.kron(np.diag([0, 1]), p / norm2(p)),
        differentiable=False,
        single=False,
    ),
    Case(
        "nested",
        lambda p: (
            tensor(block_encode(p[0]), block_encode(p[1])) @ block_encode(p[2]).adjoint() - 0.5 * block_encode(p[3])
        ).adjoint(),
        (real(2, 3), cplx(2, 2), cplx(3, 6), cplx(4, 3)),
        lambda p: (np.kron(p[0], p[1]) @ p[2].conj().T - 0.5 * p[3]).conj().T,
    ),
]

DIAGONAL = [
    Case("diagonal of amplitudes", lambda x: diagonal_of_amplitudes(vector_encode(x)), real(4), np.diag, single=False),
    Case("diagonal of complex amplitudes", lambda x: diagonal_of_amplitudes(vector_encode(x)), cplx(4), np.diag),
    Case(
        "diagonal of padded amplitudes",
        lambda x: diagonal_of_amplitudes(vector_encode(x, pad=True)),
        real(3, 2),
        lambda x: np.diag(x.reshape(-1)),
        single=False,
    ),
    Case(
        "diagonal of subnormalized amplitudes",
        lambda p: diagonal_of_amplitudes(vector_sum(vector_encode(p[0]), vector_encode(p[1]))),
        (cplx(4), real(4)),
        lambda p: np.diag(p[0] + p[1]),
        single=False,
    ),
]

CHEBYSHEV = [
    Case(
        "Chebyshev combination",
        lambda p: chebyshev_lcu(block_encode(p[0], alpha=1.0), p[1]),
        (contraction(4, 4), np.array([0.3, -0.7, 0.2])),
        lambda p: transform_right(p[1], p[0], 1),
        single=False,
    ),
    Case(
        "Chebyshev combination of 3 x 5, complex coefficients",
        lambda p: chebyshev_lcu(block_encode(p[0]), p[1]),
        (cplx(3, 5), np.array([0.3j, -0.7, 0.2, 1 - 1j, 0.1])),
        lambda p: transform_right(p[1], p[0], norm2(p[0])),
    ),
    Case(
        "Chebyshev combination of 5 x 3, zero coefficient",
        lambda p: chebyshev_lcu(block_encode(p[0], alpha=1.0), p[1]),
        (contraction(5, 3), np.array([0.0, 1.0])),
        lambda p: transform_right(p[1], p[0], 1),
        single=False,
    ),
    Case(
        "Chebyshev combination of one term",
        lambda p: chebyshev_lcu(block_encode(p[0], alpha=1.0), p[1]),
        (contraction(2, 2), np.array([-0.6])),
        lambda p: transform_right(p[1], p[0], 1),
        single=False,
    ),
    Case(
        "Chebyshev combination of the zero matrix",
        lambda p: chebyshev_lcu(block_encode(p[0]), p[1]),
        (np.zeros((2, 2)), np.array([0.3, -0.7, 0.2])),
        lambda p: transform_right(
            p[1], p[0], norm2(p[0]) or 1
        ),  # 0/0 is taken as 0, which is what the dilation encodes
        differentiable=False,
    ),
]

SINGULAR_VALUES = [
    Case(
        "QSVT of 3 x 5, odd",
        lambda a: qsvt(block_encode(a, alpha=1.0), CUBIC),
        contraction(3, 5),
        lambda a: singular_value_transform(CUBIC, a),
    ),
    Case(
        "QSVT of 5 x 3, even",
        lambda a: qsvt(block_encode(a, alpha=1.0), QUARTIC),
        contraction(5, 3),
        lambda a: singular_value_transform(QUARTIC, a),
        single=SLOW,
    ),
    Case(
        "QSVT of the zero matrix",
        lambda a: qsvt(block_encode(a, alpha=1.0), QUARTIC),
        np.zeros((2, 2)),
        lambda a: singular_value_transform(QUARTIC, a),
        single=False,
    ),
    Case(
        "QSVT at singular values one",
        lambda a: qsvt(block_encode(a), CUBIC),
        orthogonal(2),
        lambda a: singular_value_transform(CUBIC, a, norm2(a)),
        differentiable=False,  # alpha is the larger of two equal singular values
    ),
    Case(
        "QSVT of rank two, equal singular values",
        lambda a: qsvt(block_encode(a, alpha=1.0), CUBIC),
        DEGENERATE,
        lambda a: singular_value_transform(CUBIC, a),
        single=False,
    ),
    Case(
        "QSVT of a kept decomposition, odd",
        lambda a: qsvt(decomposed(block_encode(a, alpha=1.0)), CUBIC),
        contraction(3, 5),
        lambda a: singular_value_transform(CUBIC, a),
        single=SLOW,
    ),
    Case(
        "QSVT of a kept decomposition, even, adjoint",
        lambda a: qsvt(decomposed(block_encode(a, alpha=1.0)).adjoint(), QUARTIC),
        contraction(3, 5),
        lambda a: singular_value_transform(QUARTIC, a.conj().T),
        single=False,
    ),
    Case(
        "QSVT of a kept decomposition, equal singular values",
        lambda a: qsvt(decomposed(block_encode(a, alpha=1.0)), CUBIC),
        DEGENERATE,
        lambda a: singular_value_transform(CUBIC, a),
        single=False,
    ),
    Case(
        "QSVT of a kept decomposition, zero matrix",
        lambda a: qsvt(decomposed(block_encode(a, alpha=1.0)), QUARTIC),
        np.zeros((2, 2)),
        lambda a: singular_value_transform(QUARTIC, a),
        single=False,
    ),
    Case(
        "QSVT of a kept decomposition, identity",
        lambda a: qsvt(decomposed(block_encode(a, alpha=1.25)), QUINTIC),
        np.eye(2),
        lambda a: singular_value_transform(QUINTIC, a, 1.25),
        single=False,
    ),
    Case(
        "QSVT of a product, subnormalized",
        lambda p: qsvt(block_encode(p[0]) @ block_encode(p[1]), CUBIC),
        (cplx(2, 2), real(2, 2)),
        lambda p: singular_value_transform(CUBIC, p[0] @ p[1], norm2(p[0]) * norm2(p[1])),
        single=False,
    ),
    Case(
        "GQET of a Hermitian matrix, complex coefficients",
        lambda a: gqet(block_encode((a + a.conj().T) / 2, alpha=1.0), MIXED),
        contraction(3, 3),
        lambda a: hermitian_function(MIXED, (a + a.conj().T) / 2),
    ),
    Case(
        "qubitization walk of three steps",
        lambda a: qubitization_walk(block_encode((a + a.conj().T) / 2, alpha=1.0), power=3),
        contraction(3, 3),
        lambda a: hermitian_function(np.eye(4)[3], (a + a.conj().T) / 2),
    ),
    Case(
        "qubitization walk of Pauli words, three steps",
        lambda c: qubitization_walk(block_encode_pauli(dict(zip(WORDS, c, strict=True))), power=3),
        real(3),
        lambda c: hermitian_function(np.eye(4)[3], pauli_sum(c) / np.abs(c).sum()),
    ),
    Case(
        "GQET of Pauli words, complex coefficients",
        lambda c: gqet(block_encode_pauli(dict(zip(WORDS, c, strict=True))), MIXED),
        real(3),
        lambda c: hermitian_function(MIXED, pauli_sum(c) / np.abs(c).sum()),
        single=False,
    ),
    Case(
        "merged walk of Pauli words",
        lambda c: walked(block_encode_pauli(dict(zip(WORDS, c, strict=True))), polynomials.polynomial(TURNING, "none")),
        real(3),
        lambda c: hermitian_function(TURNING, pauli_sum(c) / np.abs(c).sum()),
        single=False,
    ),
    Case(
        "GQET of a declared Hermitian matrix",
        lambda a: gqet(block_encode((a + a.conj().T) / 2, alpha=1.0, hermitian=True), MIXED),
        contraction(3, 3),
        lambda a: hermitian_function(MIXED, (a + a.conj().T) / 2),
        single=SLOW,
    ),
    Case(
        "qubitization walk of a real diagonal",
        lambda v: qubitization_walk(block_encode_diagonal(v, alpha=4.0), power=2),
        real(3),
        lambda v: hermitian_function(np.eye(3)[2], np.diag(v) / 4),
        single=False,
    ),
    Case(
        "GQET of degree zero",
        lambda a: gqet(block_encode(a + a.T, alpha=1.0), np.array([0.3 - 0.4j])),
        contraction(2, 2, norm=0.4).real,
        lambda a: (0.3 - 0.4j) * np.eye(2),
        single=False,
    ),
    Case(
        "QSVT of degree zero",
        lambda a: qsvt(block_encode(a, alpha=1.0), np.array([-0.3])),
        contraction(2, 2),
        lambda a: -0.3 * np.eye(2),
        single=False,
    ),
    Case(
        "QSVT of degree one",
        lambda a: qsvt(block_encode(a, alpha=1.0), np.array([0.0, -0.7])),
        contraction(2, 3),
        lambda a: -0.7 * a,
        single=False,
    ),
]

PAULI = {"I": np.eye(2), "X": np.eye(2)[::-1], "Y": np.array([[0, -1j], [1j, 0]]), "Z": np.diag([1, -1])}
WORDS = ("XZ", "YI", "ZY")
PATTERN = (np.array([0, 0, 1, 2, 2, 2]), np.array([1, 4, 0, 0, 3, 4]))


def pauli_sum(coeffs: np.ndarray) -> np.ndarray:
    return sum(
        c * functools.reduce(np.kron, [PAULI[letter] for letter in w]) for c, w in zip(coeffs, WORDS, strict=True)
    )


def sparse(values: np.ndarray) -> np.ndarray:
    matrix = np.zeros((3, 5), values.dtype)
    matrix[PATTERN] = values
    return matrix


def toeplitz(column: np.ndarray, row: np.ndarray) -> np.ndarray:
    return np.array([[column[i - j] if i >= j else row[j - i] for j in range(len(row))] for i in range(len(column))])


def convolution(kernel: np.ndarray, image: tuple[int, int], place: Callable[[int, int], tuple[int, int]]) -> np.ndarray:
    """The matrix of y[i, r, s] = sum K[i, j, k, l] x[j, r', s'], (r', s') = (r, s) + place(k, l), tap by tap.

    `place` may put a tap outside the image, where it reads zero.
    """
    rows, columns = image
    matrix = np.zeros((kernel.shape[0], rows, columns, kernel.shape[1], rows, columns), kernel.dtype)
    for i, j, k, m in np.ndindex(kernel.shape):
        for r, s in np.ndindex(image):
            row, column = np.add((r, s), place(k, m))
            if 0 <= row < rows and 0 <= column < columns:
                matrix[i, r, s, j, row, column] += kernel[i, j, k, m]
    return matrix.reshape(kernel.shape[0] * rows * columns, -1)


def on_torus(kernel: np.ndarray, image: tuple[int, int]) -> np.ndarray:
    """The same on a torus: nine copies of the image side by side, of which the middle one is kept."""
    taps = [(size - 1) // 2 for size in kernel.shape[2:]]
    wide = convolution(kernel, (3 * image[0], 3 * image[1]), lambda k, m: (k - taps[0], m - taps[1]))
    grid = wide.reshape(kernel.shape[0], 3, image[0], 3, image[1], kernel.shape[1], 3, image[0], 3, image[1])
    return grid[:, 1, :, 1].sum(axis=(4, 6)).reshape(kernel.shape[0] * image[0] * image[1], -1)


STRUCTURED = [
    Case("diagonal", block_encode_diagonal, cplx(4), np.diag, single=False),
    Case("real diagonal", block_encode_diagonal, real(4), np.diag, single=False),
    Case(
        "Pauli words and a projector on two registers, subtracted",
        lambda c: tensor(block_encode_pauli({"XY": c[0], "ZI": c[1]}), projector([1], 3)) - c[2] * identity((4, 3)),
        real(3),
        lambda c: (
            np.kron(c[0] * np.kron(PAULI["X"], PAULI["Y"]) + c[1] * np.kron(PAULI["Z"], PAULI["I"]), np.diag([0, 1, 0]))
            - c[2] * np.eye(12)
        ),
        single=False,
    ),
    Case(
        "padded diagonal, alpha given",
        lambda v: block_encode_diagonal(v, alpha=4.0),
        real(3, 2),
        lambda v: np.diag(v.reshape(-1)),
    ),
    Case("zero diagonal", block_encode_diagonal, np.zeros(2), np.diag, single=False),
    Case("Pauli words", lambda c: block_encode_pauli(dict(zip(WORDS, c, strict=True))), cplx(3), pauli_sum),
    Case(
        "Pauli words, one of them zero",
        lambda c: block_encode_pauli(dict(zip(WORDS, c, strict=True))),
        np.array([0.0, 1, -2]),
        pauli_sum,
        single=False,
    ),
    Case("sparse 3 x 5", lambda v: block_encode_sparse(*PATTERN, v, shape=(3, 5)), cplx(6), sparse),
    Case(
        "sparse 3 x 5 with zeros",
        lambda v: block_encode_sparse(*PATTERN, v, shape=(3, 5)),
        np.array([0.0, 1, 0, 0, 0, 2]),
        sparse,
        single=False,
    ),
    Case("circulant", block_encode_circulant, cplx(4), lambda c: toeplitz(c, np.roll(c[::-1], 1)), single=False),
    Case(
        "Toeplitz 3 x 5",
        lambda p: block_encode_toeplitz(jnp.concatenate([p[:1], p[1:3]]), jnp.concatenate([p[:1], p[3:]])),
        real(7),
        lambda p: toeplitz(p[:3], np.r_[p[0], p[3:]]),
    ),
    Case(
        "convolution of 3 x 2 images, same",
        lambda kernel: block_encode_convolution(kernel, (3, 2)),
        real(2, 1, 3, 1),
        lambda kernel: convolution(kernel, (3, 2), lambda k, m: (k - 1, m)),
    ),
    Case(
        "convolution of 2 x 3 images, top-left",
        lambda kernel: block_encode_convolution(kernel, (2, 3), padding="top-left"),
        cplx(1, 2, 2, 2),
        lambda kernel: convolution(kernel, (2, 3), lambda k, m: (-k, -m)),
        single=False,
    ),
    Case(
        "convolution with a zero tap",
        lambda kernel: block_encode_convolution(kernel, (2, 2)),
        np.array([[[[0.0, 1.0], [-2.0, 0.0]]]]),
        lambda kernel: convolution(kernel, (2, 2), lambda k, m: (k, m)),
        single=False,
    ),
    Case(
        "periodic convolution",
        lambda kernel: block_encode_periodic_convolution(kernel, (2, 4)),
        real(2, 3, 3, 3),
        lambda kernel: on_torus(kernel, (2, 4)),
    ),
    Case("Frobenius 3 x 5", block_encode_frobenius, cplx(3, 5), lambda a: a),
    Case("Frobenius, columns zero and basis vectors", block_encode_frobenius, BASIS_COLUMNS, lambda a: a, single=False),
    Case("Frobenius zero", block_encode_frobenius, np.zeros((2, 2)), lambda a: a, single=False),
    Case("trees of rotations 3 x 4", block_encode_bitble, cplx(3, 4), lambda a: a),
    Case("trees of rotations, real", block_encode_bitble, real(2, 2), lambda a: a, single=False),
    Case(
        "trees of rotations, columns zero and basis vectors",
        block_encode_bitble,
        BASIS_COLUMNS,
        lambda a: a,
        single=SLOW,
    ),
    Case("rotations of entries 3 x 5", block_encode_fable, real(3, 5), lambda a: a, single=SLOW),
    Case("rotations of complex entries", block_encode_fable, cplx(2, 4), lambda a: a),
    Case("rotations of zero entries", block_encode_fable, np.zeros((2, 2)), lambda a: a, single=False),
    Case(
        "Pauli words by masks",
        lambda c: block_encode_foqcs({"X": c[0], "Y": c[1], "Z": c[2]}),
        real(3),
        lambda c: c[0] * PAULI["X"] + c[1] * PAULI["Y"] + c[2] * PAULI["Z"],
    ),
    Case(
        "Pauli words of two qubits by masks, one of them zero",
        lambda c: block_encode_foqcs(dict(zip(WORDS, c, strict=True))),
        np.array([0.0, 1, -2]),
        pauli_sum,
        single=SLOW,
    ),
]

ENCODINGS = [*DENSE, *ALGEBRA, *DIAGONAL, *CHEBYSHEV, *SINGULAR_VALUES, *STRUCTURED]

PREPARED = [
    Case("vector", vector_encode, real(4), lambda x: x, single=False),
    Case("complex vector", vector_encode, cplx(8), lambda x: x),
    Case("vector of one entry", vector_encode, np.array([-2.0]), lambda x: x, single=False),
    Case("basis vector", vector_encode, np.array([1.0, 0, 0, 0]), lambda x: x, single=False),
    Case("negative basis vector", vector_encode, np.array([-1.0, 0, 0, 0]), lambda x: x, single=False),
    Case("vector with leading zero", vector_encode, np.array([0, 1j, 0, -2.0]), lambda x: x),
    Case("padded vector", lambda x: vector_encode(x, pad=True), cplx(5), lambda x: x, single=False),
    Case("image of 3 x 5", lambda x: vector_encode(x, pad=True), real(3, 5), lambda x: x.reshape(-1), single=False),
    Case(
        "tensor of 2 x 3 x 2",
        lambda x: vector_encode(x, pad=True),
        cplx(2, 3, 2),
        lambda x: x.reshape(-1),
        single=False,
    ),
    Case(
        "explicit unitary",
        lambda p: vector_from_unitary(p[0], num_ancillas=1, alpha=p[1], eps=0.0),
        (haar(8), np.array(2.0)),
        lambda p: p[1] * p[0][:4, 0],
        single=SLOW,
    ),
    Case(
        "explicit unitary of 3",
        lambda p: vector_from_unitary(p.at[3, 0].set(0), num_ancillas=1, alpha=1.0, eps=0.0, sizes=(3,)),
        unitary_with_first_column(np.insert(haar(7)[0], 3, 0)),
        lambda p: p[:3, 0],
    ),
    Case(
        "circuit of gates",
        lambda p: vector_from_circuit(turned(p[0]), num_ancillas=1, alpha=p[1], eps=0.0),
        (real(3), np.array(3.0)),
        lambda p: p[1] * turned_matrix(p[0])[:4, 0],
        single=False,
    ),
    Case("loaded by a tree", load_vector, real(8), lambda x: x, single=False),
    Case("loaded by a tree, complex, with empty branches", load_vector, EMPTY_BRANCHES, lambda x: x),
    Case("loaded by a tree, one negative entry", load_vector, np.array([-2.0]), lambda x: x, single=False),
    Case("tree in a memory", qram_encode, cplx(4), lambda x: x, single=False),
    Case("tree in a memory, padded image", lambda x: qram_encode(x, pad=True), real(3, 3), lambda x: x.reshape(-1)),
    Case("tree in a memory, negative basis vector", qram_encode, -np.eye(4)[2], lambda x: x, single=False),
]

LEMMAS = [
    Case(
        "sum",
        lambda p: vector_sum(*map(vector_encode, p)),
        (real(4), 3 * real(4, seed=1)),
        lambda p: p[0] + p[1],
        single=False,
    ),
    Case(
        "sum of three, complex weights",
        lambda p: vector_sum(*map(vector_encode, p[1:]), weights=p[0]),
        (np.array([0.5, -1j, 2 + 1j]), real(4), cplx(4), 0.1 * cplx(4, seed=1)),
        lambda p: sum(w * x for w, x in zip(p[0], p[1:], strict=True)),
        single=False,
    ),
    Case(
        "sum with a zero weight",
        lambda p: vector_sum(*map(vector_encode, p[1:]), weights=p[0]),
        (np.array([0.0, -1.0]), real(4), real(4, seed=1)),
        lambda p: p[0][0] * p[1] + p[0][1] * p[2],
    ),
    Case(
        "sum with unequal ancillas and idle qubits",
        lambda p: vector_sum(block_encode(p[0]) @ vector_encode(p[1], pad=True), vector_encode(p[2])),
        (real(2, 5), real(5), cplx(2)),
        lambda p: p[0] @ p[1] + p[2],
        single=SLOW,
    ),
    Case(
        "sum of one",
        lambda p: vector_sum(vector_encode(p[1]), weights=p[0]),
        (np.array([-2.0]), real(2)),
        lambda p: p[0][0] * p[1],
        single=False,
    ),
    Case(
        "matrix times vector",
        lambda p: block_encode(p[0]) @ vector_encode(p[1]),
        (cplx(4, 4), cplx(4)),
        lambda p: p[0] @ p[1],
        single=False,
    ),
    Case(
        "3 x 5 matrix times vector",
        lambda p: block_encode(p[0]) @ vector_encode(p[1], pad=True),
        (real(3, 5), real(5)),
        lambda p: p[0] @ p[1],
        single=False,
    ),
    Case(
        "5 x 2 matrix times vector",
        lambda p: block_encode(p[0]) @ vector_encode(p[1]),
        (real(5, 2), real(2)),
        lambda p: p[0] @ p[1],
        single=False,
    ),
    Case(
        "matrix times vector on shared ancillas",
        lambda p: (
            linear_combination(*[block_encode(a) for a in p[0]])
            @ vector_sum(block_encode(p[1]) @ vector_encode(p[2], pad=True), vector_encode(p[3]), weights=(1.0, -2.0))
        ),
        ([cplx(3, 2), real(3, 2, seed=1), real(3, 2, seed=2)], real(2, 3), real(3), real(2)),
        lambda p: sum(p[0]) @ (p[1] @ p[2] - 2 * p[3]),
    ),
    Case(
        "zero matrix times vector",
        lambda p: block_encode(p[0]) @ vector_encode(p[1]),
        (np.zeros((4, 4)), real(4)),
        lambda p: p[0] @ p[1],
    ),
    Case(
        "tensor of matrices times an image",
        lambda p: tensor(block_encode(p[0]), block_encode(p[1])) @ vector_encode(p[2], pad=True),
        (real(2, 3), cplx(3, 5), real(3, 5)),
        lambda p: (p[0] @ p[2] @ p[1].T).reshape(-1),
        single=SLOW,
    ),
    Case(
        "tensor",
        lambda p: vector_tensor(*map(vector_encode, p)),
        (real(2), cplx(4)),
        lambda p: np.kron(*p),
        single=False,
    ),
    Case(
        "tensor with padding, ancillas and idle qubits",
        lambda p: vector_tensor(
            block_encode(p[0]) @ vector_encode(p[1], pad=True), block_encode(p[2]) @ vector_encode(p[3], pad=True)
        ),
        (real(2, 3), real(3), real(1, 3), cplx(3)),
        lambda p: np.kron(p[0] @ p[1], p[2] @ p[3]),
    ),
    Case(
        "concatenation",
        lambda p: concatenate(*[vector_encode(x) for x in p]),
        (real(4), 3 * cplx(4)),
        np.concatenate,
        single=False,
    ),
    Case(
        "concatenation of three padded",
        lambda p: concatenate(*[vector_encode(x, pad=True) for x in p]),
        (real(3), 3 * real(3, seed=1), 0.1 * real(3, seed=2)),
        np.concatenate,
        single=False,
    ),
    Case(
        "concatenation with unequal ancillas and idle qubits",
        lambda p: concatenate(block_encode(p[0]) @ vector_encode(p[1], pad=True), vector_encode(p[2])),
        (real(2, 5), real(5), cplx(2)),
        lambda p: np.concatenate([p[0] @ p[1], p[2]]),
    ),
    Case("concatenation of one", lambda p: concatenate(vector_encode(p)), real(4), lambda p: p, single=False),
]

NONLINEAR = [
    Case(
        "normalized",
        lambda p: normalize(vector_sum(*map(vector_encode, p))),
        (real(4), cplx(4)),
        lambda p: (p[0] + p[1]) / np.linalg.norm(p[0] + p[1]),
    ),
    Case(
        "activation of degree 1",
        lambda x: activate(vector_encode(x), polynomials.polynomial([0.0, -0.5], "odd")),
        0.4 * real(4),
        lambda x: -0.5 * x,
        single=False,
    ),
    Case(
        "activation by erf, degree 9, padded",
        lambda p: activate(vector_encode(p[0], pad=True), polynomials.erf(p[1], degree=9)),
        (0.3 * real(3), np.array(1.6)),
        lambda p: series.chebval(p[0], erf_coeffs(9, float(p[1]))),
    ),
    Case(
        "activation of complex amplitudes",
        lambda x: activate(vector_encode(x), polynomials.polynomial(QUINTIC, "odd")),
        0.3 * cplx(4),
        lambda x: on_modulus(QUINTIC, x),
    ),
    Case(
        "activation with zero entries",
        lambda x: activate(vector_encode(x), polynomials.polynomial(CUBIC, "odd")),
        np.array([0.5, 0, 0, -0.2]),
        lambda x: on_modulus(CUBIC, x),
        single=False,
    ),
    Case(
        "activation of subnormalized amplitudes",
        lambda p: activate(vector_sum(*map(vector_encode, p)), polynomials.polynomial(CUBIC, "odd")),
        (0.3 * real(4), 0.4 * real(4, seed=1)),
        lambda p: series.chebval(p[0] + p[1], CUBIC),
        single=SLOW,
    ),
    Case(
        "skip norm block",
        lambda p: skip_norm_block(
            block_encode(p[0], alpha=1.0), vector_encode(p[1]), poly=polynomials.erf(0.8, degree=3)
        ),
        (0.8 * orthogonal(2), real(2) / np.linalg.norm(real(2))),
        lambda p: (lambda y: y / np.linalg.norm(y))(p[1] + series.chebval(p[0] @ p[1], erf_coeffs(3, 0.8))),
    ),
    Case(
        "skip norm block of a product",
        lambda p: skip_norm_block(
            block_encode(p[0], alpha=1.0), block_encode(p[1]) @ vector_encode(p[2]), poly=polynomials.erf(0.8, degree=3)
        ),
        (0.8 * orthogonal(2), orthogonal(2, seed=1) @ np.diag([1.0, 0.4]), real(2) / np.linalg.norm(real(2))),
        lambda p: (lambda x: (lambda y: y / np.linalg.norm(y))(x + series.chebval(p[0] @ x, erf_coeffs(3, 0.8))))(
            p[1] @ p[2]
        ),
        single=SLOW,
    ),
    Case(
        "nested",
        lambda p: vector_tensor(
            concatenate(
                vector_sum(vector_encode(p[0]), vector_encode(p[1]), weights=(1.0, -2.0)),
                block_encode(p[2]) @ vector_encode(p[3], pad=True),
            ),
            vector_encode(p[4], pad=True),
        ),
        (real(2), cplx(2), cplx(2, 3), real(3), real(3, seed=1)),
        lambda p: np.kron(np.concatenate([p[0] - 2 * p[1], p[2] @ p[3]]), p[4]),
    ),
]

SQUARES = [
    Case(
        "squares on shared ancillas",
        lambda p: square_product(p[0], (block_encode(p[1]) + block_encode(p[2])) @ vector_encode(p[3])),
        (cplx(2, 2), cplx(2, 2, seed=1), real(2, 2), cplx(2)),
        lambda p: squares(p[0], (p[1] + p[2]) @ p[3]),
    ),
    Case(
        "squares, complex 3 x 4",
        lambda p: square_product(p[0], vector_encode(p[1])),
        (cplx(3, 4), cplx(4)),
        lambda p: squares(*p),
    ),
    Case(
        "squares, columns zero and basis vectors",
        lambda p: square_product(p[0], vector_encode(p[1])),
        (BASIS_COLUMNS, real(4)),
        lambda p: squares(*p),
        single=SLOW,
    ),
    Case(
        "squares of an image onto another, alpha given",
        lambda p: square_product(p[0], vector_encode(p[1], pad=True), alpha=4.0, sizes=(3, 2)),
        (real(6, 6) / 2, real(2, 3)),
        lambda p: squares(*p),
        single=False,
    ),
    Case(
        "squares of a matrix times a vector, with idle qubits",
        lambda p: square_product(p[0], block_encode(p[1]) @ vector_encode(p[2], pad=True)),
        (real(3, 2), cplx(2, 5), real(5)),
        lambda p: squares(p[0], p[1] @ p[2]),
        single=False,
    ),
    Case(
        "squares, real row, complex vector",
        lambda p: square_product(p[0], vector_encode(p[1])),
        (real(1, 4), cplx(4)),
        lambda p: squares(*p),
        single=False,
    ),
    Case(
        "squares, rank one",
        lambda p: square_product(p[0], vector_encode(p[1])),
        (np.outer(real(2), real(4, seed=1)), np.array([0.5, 0, 0, -0.2])),
        lambda p: squares(*p),
        single=False,
    ),
    Case(
        "squares, identity",
        lambda p: square_product(p[0], vector_encode(p[1])),
        (np.eye(2), real(2)),
        lambda p: squares(*p),
        single=False,
    ),
    Case(
        "squares, zero matrix",
        lambda p: square_product(p[0], vector_encode(p[1])),
        (np.zeros((2, 2)), real(2)),
        lambda p: squares(*p),
        single=False,
    ),
    Case(
        "squares, norms of three bits",
        lambda p: square_product(p[0], vector_encode(p[1]), bits=3),
        (cplx(4, 4), real(4)),
        lambda p: squares(with_norms_of(3, p[0]), p[1]),
        differentiable=False,  # gradients pass through the rounding as if it were not there
        single=SLOW,
    ),
]

VECTORS = [*PREPARED, *LEMMAS, *NONLINEAR, *SQUARES]


# What the laws do with cases and their parameters.


def as_params(cases: list[Case]) -> list:
    """Fixture parameters, each marked for the lanes it runs in.

    By default every eighth runs of the cases that are in double precision only, or slow in single precision.
    """
    single, others = not jax.config.jax_enable_x64, [case.name for case in cases if case.single is not True]
    slow = {case.name for case in cases if case.single == SLOW and single} | {
        name for place, name in enumerate(others) if place % 8
    }

    def marks(case: Case) -> list[pytest.MarkDecorator]:
        return [pytest.mark.numerics] * bool(case.single) + [pytest.mark.slow] * (case.name in slow)

    return [pytest.param(case, id=case.name, marks=marks(case)) for case in cases]


def in_default_lane(cases: list[Case]) -> list:
    """The same for a law that takes long: all but the cases of either lane are slow."""
    return [pytest.param(case, id=case.name, marks=[] if case.single is True else [pytest.mark.slow]) for case in cases]


def mostly_slow(names: Iterable, *kept: Any) -> list:
    """Fixture parameters of a law that takes long: all but the ones that are named to be kept are slow."""
    names = list(names)
    assert set(kept) <= set(names)
    return [pytest.param(name, marks=[] if name in kept else [pytest.mark.slow]) for name in names]


def nearby(params: Any, *, seed: int = 0, by: float = 1e-2, only_direction: bool = False) -> Any:
    """The parameters with normal noise of size `by` added, real for real leaves; or that noise alone."""
    rng = np.random.default_rng(seed)

    def move(leaf: np.ndarray) -> np.ndarray:
        noise = rng.normal(size=leaf.shape) + (1j * rng.normal(size=leaf.shape) if np.iscomplexobj(leaf) else 0)
        return (0 if only_direction else leaf) + by * noise

    return jax.tree.map(move, params)


def stack(params: list) -> Any:
    return jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *params)


def derivative(f: Callable[[Any], float], params: Any, direction: Any, step: float = 1e-5) -> float:
    """The directional derivative of a function of NumPy arrays by central differences, in float64 in either lane."""
    ahead, behind = (jax.tree.map(lambda p, d, h=h: p + h * d, params, direction) for h in (step, -step))
    return (f(ahead) - f(behind)) / (2 * step)


def slope(gradient: Any, direction: Any) -> float:
    """The same from a gradient; that of a real function of z is df/dx - i df/dy in JAX."""
    products = jax.tree.map(lambda g, d: np.sum(np.asarray(g) * d).real, gradient, direction)
    return float(sum(jax.tree.leaves(products)))
