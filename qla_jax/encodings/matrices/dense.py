r"""Dense matrices as block encodings: the unitary dilation of any matrix, and a user's own unitary.

With the singular value decomposition $B = A/\alpha = W S V^\dagger$ the dilation is
$$U = \begin{pmatrix} B & W C W^\dagger \\ V C V^\dagger & -B^\dagger \end{pmatrix}, \qquad C = \sqrt{1 - S^2}.$$
For a Hermitian B the complements are equal and U is its own inverse.

Example:
    >>> enc = block_encode(2.0 * jnp.eye(2))
    >>> float(enc.alpha), enc.num_ancillas, float(enc.matvec(jnp.array([1.0, 0.0]))[0])
    (2.0, 1, 2.0)
"""

from collections.abc import Sequence
from functools import partial
from typing import overload

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._bounds import as_alpha, as_bound, as_subnormalization
from qla_jax._checks import as_image, as_integer, as_numeric, is_concrete, measured, require
from qla_jax._modes import default_promotion
from qla_jax.accounting.gates import Gates, synthesized
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.operations import Operation
from qla_jax.circuits.synthesis import MatrixGate
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.division import multiplied
from qla_jax.encodings.base.encoding import State
from qla_jax.encodings.base.operators import by_rule
from qla_jax.encodings.base.unitaries import qubits_of, unknown_unless_hermitian, unknown_unless_unitary
from qla_jax.linalg.norms import require_norm_bound
from qla_jax.linalg.products import FULL, matmul

DECOMPOSED_SIZE = 1024
"""Largest number of rows or columns for which singular values are computed: half a second on one core."""


POLISHED = 1e-3
r"""Largest entry of $U^\dagger U - 1$ that counts as rounding; it is largest next to a singular value of 1."""


class Dense(BlockEncoding, kw_only=True):
    """Block encoding of a stored matrix by a stored unitary, the leading block of which is `matrix / alpha`."""

    matrix: Num[Array, "rows columns"]
    unitary: Num[Array, "dimension dimension"]
    self_inverse: bool = struct.field(pytree_node=False, default=False)
    precision: jax.lax.Precision = struct.field(pytree_node=False, default=FULL)
    """Precision of the products of the encoded view; the circuit has full precision."""

    zero_without_alpha = True

    @property
    def is_self_inverse(self) -> bool:
        return self.self_inverse

    def apply(self, state: State) -> State:
        return multiplied(_times, self.unitary, state)

    def apply_adjoint(self, state: State) -> State:
        return multiplied(_times, self.unitary.conj().T, state)

    def _matvec(self, x: Num[Array, " columns"]) -> Num[Array, " rows"]:
        return _times(self.matrix, x, self.precision)

    def _rmatvec(self, y: Num[Array, " rows"]) -> Num[Array, " columns"]:
        if jnp.isrealobj(self.matrix) and jnp.isrealobj(y):
            # Inside a loop XLA multiplies a transposed real matrix far more slowly.
            return matmul(y, self.matrix, precision=self.precision)
        return _times(self.matrix.conj().T, y, self.precision)

    def hermitian_defect(self) -> Array | None:
        return stored_defect(self.matrix)

    def singular_values(self) -> Num[Array, " values"] | None:
        return stored_values(self.matrix)

    def gates(self) -> Gates:
        return synthesized(self.num_ancillas + self.num_qubits)

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        return [MatrixGate(np.asarray(self.unitary), (*self.ancilla_wires, *self.system_wires))]


def stored_defect(matrix: Num[Array, "rows columns"]) -> Array | None:
    r"""Return $\|A - A^\dagger\|$ of a stored square matrix, in Frobenius norm above 256 rows; otherwise None."""
    if matrix.shape[0] != matrix.shape[1]:
        return None
    return jnp.linalg.norm(matrix - matrix.conj().T, 2 if len(matrix) <= DECOMPOSED_SIZE // 4 else None)


def stored_values(matrix: Num[Array, "rows columns"]) -> Num[Array, " values"] | None:
    """Return the singular values of a stored matrix of at most 1024 rows and columns; otherwise None."""
    return jnp.linalg.svd(matrix, compute_uv=False) if max(matrix.shape) <= DECOMPOSED_SIZE else None


def _times(
    matrix: Num[Array, "rows columns"], x: Num[Array, " columns"], precision: jax.lax.Precision = FULL
) -> Num[Array, " rows"]:
    if jnp.isrealobj(matrix) and jnp.isrealobj(x):
        return matmul(matrix, x, precision=precision)
    return _times_in_parts(precision, matrix, x)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _times_in_parts(
    precision: jax.lax.Precision, matrix: Num[Array, "rows columns"], x: Num[Array, " columns"]
) -> Num[Array, " rows"]:
    """Return a complex product computed by real ones, which do not convert a real matrix to a complex one."""
    # XLA's own complex product is slow on CPUs. The matrix is transposed, then split: XLA moves both out of loops.
    parts, turned = jnp.stack([x.real, x.imag]), matrix.T
    real = matmul(parts, turned.real, precision=precision)
    if jnp.isrealobj(matrix):
        return jax.lax.complex(real[0], real[1])
    imag = matmul(parts, turned.imag, precision=precision)
    return jax.lax.complex(real[0] - imag[1], real[1] + imag[0])


@_times_in_parts.defjvp
@default_promotion
def _times_in_parts_jvp(precision: jax.lax.Precision, primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    # The reverse pass has one outer product here; differentiating the real parts would assemble two in every step.
    (matrix, x), (dmatrix, dx) = primals, tangents
    change = _times_in_parts(precision, matrix, dx) + matmul(dmatrix, x, precision=precision)
    return _times_in_parts(precision, matrix, x), change


@overload
def block_encode(matrix: ArrayLike, *, alpha: ArrayLike | None = None, hermitian: bool = False) -> Dense: ...
@overload
def block_encode(matrix: ArrayLike, *, optimize: str) -> BlockEncoding: ...
@default_promotion
def block_encode(
    matrix: ArrayLike, *, alpha: ArrayLike | None = None, hermitian: bool = False, optimize: str | None = None
) -> BlockEncoding:
    r"""Encode any matrix exactly by its unitary dilation: an $(\alpha, 1, 0)$-block-encoding.

    The dilation has the leading block $B = A/\alpha$. Rectangular matrices, and sizes that are not powers of two, are
    padded inside to $n = \lceil\log_2\max(\text{rows, columns})\rceil$ qubits. The encoded matrix is differentiable
    everywhere, also at degenerate and singular matrices. The other blocks of the dilation, such as
    $\sqrt{1 - BB^\dagger}$, have no derivative where a singular value equals alpha; it is returned as zero.

    Args:
        matrix: matrix A, real or complex, of any shape.
        alpha: subnormalization, at least $\|A\|_2$, which is the default. Inside jit a smaller one gives `eps = inf`.
        hermitian: True to declare that A is Hermitian, so that the circuit is its own inverse and walks take half of
            the calls. A concrete matrix is checked; inside jit one that is not Hermitian gives `eps = inf`.
        optimize: "gates" for the constructor with the fewest T gates of one call, at an error of 1e-10 of each
            rotation, in place of the dilation; "alpha" for the smallest subnormalization, the spectral norm, with the
            fewest T gates. `compare_encodings` shows all of them. The matrix must then be concrete.

    Returns:
        Encoding `enc` with `block(enc) == matrix` and `unitary(enc)[:rows, :columns] == matrix / alpha`.

    Raises:
        ValueError: wrong rank, an entry that is not finite, or outside jit `alpha` below the spectral norm or a matrix
            that is not the declared Hermitian one; `optimize` with another option or with a traced matrix.

    Example:
        >>> enc = block_encode(jnp.array([[0.0, 2.0], [0.0, 0.0]]))
        >>> float(enc.alpha), enc.num_ancillas, enc.matvec(jnp.array([0.0, 1.0])).tolist()
        (2.0, 1, [2.0, 0.0])
        >>> type(block_encode(jnp.diag(jnp.arange(4.0)), optimize="gates")).__name__
        'Diagonal'

    References:
        Gilyen, Su, Low, Wiebe (2018), Definition 43. https://arxiv.org/abs/1806.01838
    """
    if optimize is not None:
        alone = alpha is None and not hermitian
        require(alone, "`optimize` must be the only option, but `alpha` or `hermitian` is given with it.")
        return by_rule("optimize", matrix, optimize)
    matrix = as_numeric("matrix", matrix, ndim=2)
    norm = jnp.linalg.norm(matrix, 2)
    alpha, eps = as_alpha(alpha, norm, "the spectral norm of `matrix`")
    if hermitian:
        eps = eps + unknown_unless_hermitian("matrix", matrix)
    return _dilated(matrix, norm, alpha, eps, hermitian)


@jax.jit(static_argnames="hermitian")
def _dilated(matrix: Array, norm: Array, alpha: Array, eps: Array, hermitian: bool) -> Dense:
    qubits = (max(matrix.shape) - 1).bit_length()
    contraction = matrix / jnp.where(alpha == 0, 1, alpha)
    square = jnp.zeros((1 << qubits, 1 << qubits), matrix.dtype)
    square = square.at[: matrix.shape[0], : matrix.shape[1]].set(contraction)
    unitary = dilation(square)
    return Dense(
        alpha=alpha,
        eps=eps,
        num_ancillas=1,
        num_qubits=qubits,
        norm_bound=norm,
        domain=(matrix.shape[1],),
        codomain=(matrix.shape[0],),
        matrix=matrix,
        # The complements of a Hermitian matrix are equal up to rounding; the mean makes them equal.
        unitary=(unitary + unitary.conj().T) / 2 if hermitian else unitary,
        self_inverse=hermitian,
    )


@default_promotion
def from_unitary(
    unitary: ArrayLike,
    *,
    num_ancillas: int,
    alpha: ArrayLike,
    eps: ArrayLike,
    shape: tuple[int, int] | None = None,
    norm_bound: ArrayLike | None = None,
    self_inverse: bool = False,
) -> Dense:
    r"""Return the block encoding given by a user's own unitary: $\|A - \alpha\langle 0|U|0\rangle\| \le \epsilon$.

    The encoded matrix is $\alpha\langle 0|U|0\rangle$. The caller states how far it may be from the ideal A.

    Args:
        unitary: matrix of shape (2^(a+n), 2^(a+n)), ancillas most significant.
        num_ancillas: number a of ancilla qubits.
        alpha: subnormalization.
        eps: error of the encoded matrix, absolute in units of A. It is trusted, as A itself is not known here. Inside
            jit it becomes `inf` where `unitary` is not unitary.
        shape: rows and columns of A where it is smaller than 2^n x 2^n; the rest of the block must be zero.
        norm_bound: upper bound on $\|A\|$, `alpha + eps` by default. A bound that the block contradicts raises outside
            jit and is trusted inside.
        self_inverse: True to declare that $U = U^\dagger$, so that walks take half of the calls. A concrete matrix is
            checked; inside jit one that is not Hermitian gives `eps = inf`.

    Raises:
        ValueError: a matrix that is not square, not of power-of-two size or not unitary to rounding, one that is not
            Hermitian as declared, padding that is not zero, a negative bound, or an alpha that is not finite.

    Example:
        >>> swap = jnp.eye(4)[jnp.array([0, 2, 1, 3])]
        >>> block(from_unitary(swap, num_ancillas=1, alpha=1.0, eps=0.0)).tolist()
        [[1.0, 0.0], [0.0, 0.0]]

    References:
        Gilyen, Su, Low, Wiebe (2018), Definition 43. https://arxiv.org/abs/1806.01838
    """
    unitary = as_numeric("unitary", unitary, ndim=2)
    num_ancillas = as_integer("num_ancillas", num_ancillas, least=0)
    qubits = qubits_of(unitary, num_ancillas)
    shape = (1 << qubits, 1 << qubits) if shape is None else as_image("shape", shape)
    require(max(shape) <= 1 << qubits, f"`shape` must fit in 2^{qubits} x 2^{qubits}, but is {shape}.")
    if is_concrete(unitary):
        size, (rows, columns) = 1 << qubits, shape
        padding = (slice(rows), slice(columns, size)), (slice(rows, size), slice(columns))
        leak = max(measured(lambda xp, u, p=part: xp.abs(u[p]).max(initial=0), unitary) for part in padding)
        require(leak < 1e-6, f"`shape` must leave the padding empty, but {shape} leaves up to {leak:.3g} there.")
    alpha, unknown = as_subnormalization("alpha", alpha, unitary.dtype)
    eps = as_bound("eps", eps, unitary.dtype) + unknown + unknown_unless_unitary(unitary)
    if self_inverse:
        eps = eps + unknown_unless_hermitian("unitary", unitary)
    matrix = alpha * unitary[: shape[0], : shape[1]]
    if norm_bound is not None:
        norm_bound = as_bound("norm_bound", norm_bound, unitary.dtype)
        require_norm_bound(norm_bound, matrix, eps)
    return Dense(
        alpha=alpha,
        eps=eps,
        num_ancillas=num_ancillas,
        num_qubits=qubits,
        norm_bound=alpha + eps if norm_bound is None else norm_bound,
        domain=(shape[1],),
        codomain=(shape[0],),
        matrix=matrix,
        unitary=unitary,
        self_inverse=self_inverse,
    )


@jax.jit
def dilation(contraction: Num[Array, "n n"]) -> Num[Array, "m m"]:
    """Return the unitary dilation of a square matrix of norm at most 1."""
    left, right = _complements(contraction)
    return _polished(jnp.block([[contraction, left], [right, -contraction.conj().T]]))


def _polished(unitary: Num[Array, "m m"]) -> Num[Array, "m m"]:
    """Return a matrix after one Newton-Schulz step toward the nearest unitary, which derivatives ignore."""
    # A decomposition leaves |U^H U - 1| at about 6e-15 for 64 rows, always on the same side of 1, and a circuit
    # multiplies that by its calls. The step leaves 1e-15: after 48 000 calls the error of the flagged vector was 4e-13
    # of its length instead of 3e-11.
    defect = matmul(unitary.conj().T, unitary) - jnp.eye(len(unitary), dtype=unitary.dtype)
    close = jnp.abs(defect).max() < POLISHED  # the dilation of a matrix that is no contraction is not unitary at all
    return unitary - jax.lax.stop_gradient(jnp.where(close, matmul(unitary, defect) / 2, 0))


@jax.custom_jvp
def _complements(contraction: Num[Array, "n n"]) -> tuple[Array, Array]:
    left, _, right, _ = _complement_factors(contraction)
    return left, right


def _complement_factors(contraction: Array) -> tuple[Array, tuple, Array, Array]:
    # One decomposition for both complements: two matrix square roots would lose half of the digits at singular value 1.
    w, s, vh = jnp.linalg.svd(contraction)
    c = jnp.sqrt(jnp.maximum((1 - s) * (1 + s), 0))
    return matmul(w * c[None, :], w.conj().T), (w, vh.conj().T), matmul(vh.conj().T * c[None, :], vh), c


@_complements.defjvp
@default_promotion
def _complements_jvp(primals: tuple, tangents: tuple) -> tuple[tuple, tuple]:
    # Differentiating R^2 = I - B B^H gives a Sylvester equation, solved in the eigenbasis of R (Daleckii-Krein). No
    # differences of singular values occur, so that degenerate spectra are no special case.
    (b,), (db,) = primals, tangents
    left, (w, v), right, c = _complement_factors(b)
    pairs = c[:, None] + c[None, :]
    singular = pairs <= 8 * len(c) * jnp.sqrt(jnp.finfo(c.dtype).eps)
    weights = jnp.where(singular, 0, -1 / jnp.where(singular, 1, pairs))

    def root(basis: Array, dgram: Array) -> Array:
        return matmul(basis, weights * matmul(basis.conj().T, dgram, basis), basis.conj().T)

    d_left = root(w, matmul(db, b.conj().T) + matmul(b, db.conj().T))
    d_right = root(v, matmul(db.conj().T, b) + matmul(b.conj().T, db))
    return (left, right), (d_left, d_right)
