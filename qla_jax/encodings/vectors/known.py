"""Vector encodings of known vectors, prepared by a reflection or by a user's own unitary."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._bounds import as_bound, as_subnormalization, exact
from qla_jax._checks import as_inexact, as_integer, as_integers, as_numeric, is_concrete, measured, require
from qla_jax._modes import default_promotion
from qla_jax.accounting.gates import Gates, reflection, synthesized, tree
from qla_jax.circuits import preparation
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.operations import Operation
from qla_jax.circuits.synthesis import MatrixGate
from qla_jax.encodings.base import registers
from qla_jax.encodings.base.division import multiplied
from qla_jax.encodings.base.encoding import State
from qla_jax.encodings.base.unitaries import qubits_of, unknown_unless_unitary
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.linalg.preparation import prepare, unit_vector, unprepare
from qla_jax.linalg.products import matmul


class StatePreparation(VectorEncoding, kw_only=True):
    """Vector encoding of a known vector by a reflection."""

    direction: Num[Array, " system"]

    def apply(self, state: State) -> State:
        return prepare(self.direction, state.T).T

    def apply_adjoint(self, state: State) -> State:
        return unprepare(self.direction, state.T).T

    @property
    def stays_divided(self) -> bool:
        return True

    def gates(self) -> Gates:
        """Return the gates of a reflection between two trees of rotations; `load_vector` needs one tree instead."""
        return 2 * tree(self.num_qubits, phases=jnp.iscomplexobj(self.direction)).around + reflection(self.num_qubits)

    def operations(self, parts: Sequence[Circuit]) -> tuple[Operation, ...]:
        return preparation.reflection_operations(np.asarray(self.direction), self.system_wires)


@default_promotion
def vector_encode(x: ArrayLike, *, pad: bool = False) -> StatePreparation:
    r"""Encode a vector, or a tensor of any rank in C order, exactly: a $(\|x\|, 0, 0)$-vector-encoding.

    The circuit prepares $x/\|x\|$ by a reflection. Cost models of loading are those of `qram_encode` and `load_vector`.

    Args:
        x: array, real or complex, of any shape. Each axis becomes a register; the encoded vector is `x.reshape(-1)`.
        pad: True to allow axes whose length is not a power of two; they are padded inside.

    Raises:
        ValueError: an axis that is not a power of two without `pad`, an entry that is not finite, or the zero vector.
            Inside jit and vmap the zero vector has alpha = 0, which encodes it exactly.

    Example:
        >>> vec = vector_encode(jnp.array([3.0, 4.0]))
        >>> float(vec.alpha), vec.num_ancillas, run(vec).round(6).tolist()
        (5.0, 0, [3.0, 4.0])

    References:
        Rattew et al. (2025), Definition 3. https://arxiv.org/abs/2510.07195
    """
    x = as_inexact("x", x)
    x = as_numeric("x", x, ndim=max(x.ndim, 1))
    for size in x.shape:
        require(
            pad or size & (size - 1) == 0, f"`x` must have power-of-two axes unless pad=True, but has shape {x.shape}."
        )
    if is_concrete(x):
        there = measured(lambda xp, values: xp.any(values), x)
        require(there, f"`x` must not be the zero vector, there is nothing to encode, but {x.size} entries are 0.")
    return _prepared(x)


@jax.jit
def _prepared(x: Array) -> StatePreparation:
    direction, norm = unit_vector(x.reshape(-1))
    qubits = registers.num_qubits(x.shape)
    return StatePreparation(
        alpha=norm,
        eps=exact(norm),
        num_ancillas=0,
        num_qubits=qubits,
        encoded=x.reshape(-1),
        sizes=x.shape,
        direction=registers.embed(direction, x.shape, qubits),
    )


class ExplicitVector(VectorEncoding, kw_only=True):
    """Vector encoding of the first column of a stored unitary."""

    unitary: Num[Array, "dimension dimension"]

    def apply(self, state: State) -> State:
        return multiplied(matmul, self.unitary, state)

    def apply_adjoint(self, state: State) -> State:
        return multiplied(lambda matrix, x: matmul(x, matrix.T), self.unitary.conj().T, state)

    def gates(self) -> Gates:
        return synthesized(self.num_ancillas + self.num_qubits)

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        return [MatrixGate(np.asarray(self.unitary), (*self.ancilla_wires, *self.system_wires))]


@default_promotion
def vector_from_unitary(
    unitary: ArrayLike,
    *,
    num_ancillas: int,
    alpha: ArrayLike,
    eps: ArrayLike,
    sizes: tuple[int, ...] | None = None,
) -> ExplicitVector:
    r"""Return the vector encoding given by a user's own unitary, with a stated error.

    The encoded vector is $\alpha\langle 0|U|0\rangle|0\rangle$. The caller states by `eps` how far this vector may be
    from the ideal x.

    Args:
        unitary: matrix of shape (2^(a+n), 2^(a+n)), ancillas most significant.
        num_ancillas: number a of ancilla qubits.
        alpha: subnormalization.
        eps: error of the encoded vector, absolute in units of x. It is trusted, as x itself is not known here.
        sizes: sizes of the registers of x, `(2^n,)` by default. Padding in them must have amplitude zero.

    Raises:
        ValueError: a matrix that is not square, not of power-of-two size or not unitary to rounding, padding that is
            not zero, a negative bound, or an alpha that is not finite.

    Example:
        >>> vector_from_unitary(jnp.eye(4)[::-1], num_ancillas=1, alpha=2.0, eps=0.0).encoded.tolist()
        [0.0, 0.0]
        >>> vector_from_unitary(jnp.eye(4)[::-1], num_ancillas=0, alpha=2.0, eps=0.0).encoded.tolist()
        [0.0, 0.0, 0.0, 2.0]

    References:
        Rattew et al. (2025), Definition 3. https://arxiv.org/abs/2510.07195
    """
    unitary = as_numeric("unitary", unitary, ndim=2)
    num_ancillas = as_integer("num_ancillas", num_ancillas, least=0)
    qubits = qubits_of(unitary, num_ancillas)
    sizes = (1 << qubits,) if sizes is None else as_integers("sizes", sizes, least=1)
    require(registers.num_qubits(sizes) <= qubits, f"`sizes` must fit in {qubits} qubits, but is {sizes}.")
    alpha, unknown = as_subnormalization("alpha", alpha, unitary.dtype)
    column = unitary[: 1 << qubits, 0]
    encoded = registers.extract(column, sizes)
    if is_concrete(column):
        leak = measured(lambda xp, a, b: xp.abs(a - b).max(), column, registers.embed(encoded, sizes, qubits))
        require(leak < 1e-6, f"`sizes` must leave padding at amplitude zero, but {sizes} leaves {leak:.3g} outside.")
    return ExplicitVector(
        alpha=alpha,
        eps=as_bound("eps", eps, unitary.dtype) + unknown + unknown_unless_unitary(unitary),
        num_ancillas=num_ancillas,
        num_qubits=qubits,
        encoded=alpha * encoded,
        sizes=sizes,
        unitary=unitary,
    )
