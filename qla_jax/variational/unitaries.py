r"""Gates as data: where they act, by which angles, and the small matrix that follows from these.

Angles are leaves, so that gates are differentiated, and mapped over seeds, layers or inputs, like any other data.
`gates` makes them, of wires and angles that are checked.

Example:
    >>> RY(wires=(0,), angle=jnp.asarray(jnp.pi / 2)).matrix().round(3)
    Array([[ 0.707, -0.707],
           [ 0.707,  0.707]], dtype=...)
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike, DTypeLike
from jaxtyping import Float, Num

from qla_jax.variational.contraction import apply_matrix

NUM_BLOCK_ANGLES = 15
"""Of any unitary on two qubits, up to its phase."""

PAULIS = {
    "I": np.eye(2),
    "X": np.array([[0.0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1.0, -1]),
}


class Gate(struct.PyTreeNode, ABC, kw_only=True):
    """A unitary on a few qubits.

    Attributes:
        wires: the qubits, most significant of the matrix first.
    """

    wires: tuple[int, ...] = struct.field(pytree_node=False)

    diagonal: ClassVar[bool] = False
    shifts: ClassVar[int] = 0
    """How many frequencies, 1/2, 1, ..., an expectation value has in an angle, if it is a trigonometric polynomial."""

    @abstractmethod
    def matrix(self) -> Num[Array, "k k"]:
        """The unitary."""

    @abstractmethod
    def adjoint(self) -> "Gate":
        """The gate that undoes this one."""

    def angles(self) -> Array | None:
        """What parameter shifts move, if anything."""
        return None

    def with_angles(self, angles: Array) -> "Gate":
        """The same gate turned by other angles."""
        raise TypeError(f"{type(self).__name__} has no angles.")

    def matrix_for(self, dtype: DTypeLike) -> Num[Array | np.ndarray, "k k"]:
        """The unitary as a state of that dtype meets it: of a constant gate as constants of its precision."""
        return self.matrix()

    def apply(self, state: Array) -> Array:
        """The gate on a state of shape (2^n,) or (2,)*n."""
        return apply_matrix(self.matrix_for(state.dtype), self.wires, state, diagonal=self.diagonal)


class Turn(Gate, kw_only=True):
    """A gate with angles, undone by the opposite angles."""

    angle: Float[Array, "..."]

    def adjoint(self) -> Gate:
        return self.replace(angle=-self.angle)

    def angles(self) -> Array:
        return self.angle

    def with_angles(self, angles: Array) -> Gate:
        return self.replace(angle=angles)


def _halves(angle: Array) -> tuple[Array, Array]:
    return jnp.cos(angle / 2), jnp.sin(angle / 2)


def _square(*entries: ArrayLike) -> Array:
    size = int(len(entries) ** 0.5)
    return jnp.stack(jnp.broadcast_arrays(*entries)).reshape(size, size)


class RX(Turn, kw_only=True):
    r"""$e^{-i\theta X/2}$."""

    shifts = 1

    def matrix(self) -> Array:
        c, s = _halves(self.angle)
        return _square(c, -1j * s, -1j * s, c)


class RY(Turn, kw_only=True):
    r"""$e^{-i\theta Y/2}$, real."""

    shifts = 1

    def matrix(self) -> Array:
        c, s = _halves(self.angle)
        return _square(c, -s, s, c)


class RZ(Turn, kw_only=True):
    r"""$e^{-i\theta Z/2}$."""

    diagonal = True
    shifts = 1

    def matrix(self) -> Array:
        c, s = _halves(self.angle)
        return jnp.diag(jnp.stack([c - 1j * s, c + 1j * s]))


class AxisTurn(Turn, kw_only=True):
    r"""$e^{-i\theta (n \cdot \sigma)/2}$ about an axis that is data: random ones differ by seed under vmap."""

    shifts = 1

    axis: Float[Array, "3"]

    def matrix(self) -> Array:
        c, s = _halves(self.angle)
        x, y, z = self.axis
        return _square(c - 1j * s * z, s * (-1j * x - y), s * (-1j * x + y), c + 1j * s * z)


class ControlledTurn(Gate, kw_only=True):
    """A rotation where the first wire is 1."""

    turn: Turn
    shifts = 2

    def matrix(self) -> Array:
        inner = self.turn.matrix()
        return jnp.eye(4, dtype=inner.dtype).at[2:, 2:].set(inner)

    def adjoint(self) -> Gate:
        return self.replace(turn=self.turn.adjoint())

    def angles(self) -> Array:
        return self.turn.angle

    def with_angles(self, angles: Array) -> Gate:
        return self.replace(turn=self.turn.with_angles(angles))


class Block(Turn, kw_only=True):
    r"""Any unitary on two qubits up to phase: $(A \otimes B)\, e^{-i(aXX + bYY + cZZ)/2}\, (C \otimes D)$.

    The 15 angles are three of each of C, D, (a, b, c), A, B; a single-qubit factor is RZ RY RZ, first angle first.
    """

    shifts = 1

    def matrix(self) -> Array:
        first, second, middle, third, fourth = self.angle.reshape(5, 3)
        return _pair(third, fourth) @ _interaction(middle) @ _pair(first, second)

    def adjoint(self) -> Gate:
        first, second, middle, third, fourth = -self.angle.reshape(5, 3)
        parts = [third[::-1], fourth[::-1], middle, first[::-1], second[::-1]]
        return self.replace(angle=jnp.concatenate(parts))


class Constant(Gate, kw_only=True):
    """A gate without angles that undoes itself, real."""

    table: ClassVar[np.ndarray]

    def matrix(self) -> Array:
        return jnp.asarray(self.table, jnp.result_type(float))

    def adjoint(self) -> Gate:
        return self

    def matrix_for(self, dtype: DTypeLike) -> np.ndarray:
        return self.table.astype(jnp.finfo(dtype).dtype)


class Hadamard(Constant, kw_only=True):
    """(X + Z) / sqrt 2."""

    table = (PAULIS["X"] + PAULIS["Z"]) / np.sqrt(2)


class CX(Constant, kw_only=True):
    """Flips the second qubit where the first is 1."""

    table = np.eye(4)[[0, 1, 3, 2]]


class CZ(Constant, kw_only=True):
    """A sign where both qubits are 1."""

    diagonal = True
    table = np.diag([1.0, 1, 1, -1])


class Unitary(Gate, kw_only=True):
    """A gate given by its matrix."""

    unitary: Num[Array, "k k"]

    def matrix(self) -> Array:
        return self.unitary

    def adjoint(self) -> Gate:
        return self.replace(unitary=self.unitary.conj().T)


def _rotated(angles: Array) -> Array:
    """RZ RY RZ of one qubit, the first angle acting first."""
    before, middle, after = (kind(wires=(0,), angle=a).matrix() for kind, a in zip((RZ, RY, RZ), angles, strict=True))
    return after @ middle @ before


def _pair(first: Array, second: Array) -> Array:
    return jnp.kron(_rotated(first), _rotated(second))


def _interaction(angles: Array) -> Array:
    """Its three factors commute; each is a cosine and a sine, for (P (x) P)^2 = 1."""
    total = jnp.eye(4, dtype=jnp.result_type(angles, jnp.complex64))
    for letter, angle in zip("XYZ", angles, strict=True):
        c, s = _halves(angle)
        pair = jnp.asarray(np.kron(PAULIS[letter], PAULIS[letter]), total.dtype)
        total = (c * jnp.eye(4, dtype=total.dtype) - 1j * s * pair) @ total
    return total
