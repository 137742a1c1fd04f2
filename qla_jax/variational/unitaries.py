"""Gates as data: their wires and angles, and the small unitary matrix that follows from these.

Angles are leaves, so that gates are differentiated, and mapped over seeds, layers or inputs, like any other data. The
builders in `gates` check wires and angles.

Example:
    >>> RY(wires=(0,), angle=jnp.asarray(jnp.pi / 2)).matrix().round(3)
    Array([[ 0.707, -0.707],
           [ 0.707,  0.707]], dtype=...)
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float, Num

from qla_jax._modes import promoted, reshaped
from qla_jax._nodes import Node
from qla_jax.linalg.products import matmul
from qla_jax.linalg.qubits import apply_matrix

NUM_BLOCK_ANGLES = 15
"""Number of angles of any unitary on two qubits, up to its phase."""

PAULIS = {
    "I": np.eye(2),
    "X": np.array([[0.0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1.0, -1]),
}


class ParametrizedGate(Node, ABC, kw_only=True):
    """Unitary on a few qubits, with or without parameters.

    Attributes:
        wires: qubits of the gate, the most significant of the matrix first.
    """

    wires: tuple[int, ...] = struct.field(pytree_node=False)

    diagonal: ClassVar[bool] = False
    shifts: ClassVar[int] = 0
    """Number of frequencies, 1/2, 1, ..., of an expectation value as a function of an angle.

    The number is 0 where the function is no trigonometric polynomial.
    """

    @abstractmethod
    def matrix(self) -> Num[Array, "k k"]:
        """Return the unitary."""

    @abstractmethod
    def adjoint(self) -> "ParametrizedGate":
        """Return the gate that undoes this one."""

    @property
    def mixed(self) -> tuple[int, ...]:
        """Wires whose values the gate changes: the matrix is block diagonal in the values of all others."""
        return () if self.diagonal else self.wires

    def angles(self) -> Array | None:
        """Return the angles that parameter shifts move, if any."""
        return None

    def with_angles(self, angles: Array) -> "ParametrizedGate":
        """Return the gate with other angles."""
        raise TypeError(f"{type(self).__name__} has no angles.")

    def matrix_for(self, dtype: DTypeLike) -> Num[Array | np.ndarray, "k k"]:
        """Return the unitary for a state of this dtype; constant gates are NumPy constants of its precision."""
        return self.matrix()

    def apply(self, state: Array) -> Array:
        """Apply the gate to a state of shape (2^n,) or (2,)*n."""
        return apply_matrix(self.matrix_for(state.dtype), self.wires, state, diagonal=self.diagonal)


class Turn(ParametrizedGate, kw_only=True):
    """Gate with angles, undone by the opposite angles."""

    angle: Float[Array, "..."]

    def adjoint(self) -> ParametrizedGate:
        return self.replace(angle=-self.angle)

    def angles(self) -> Array:
        return self.angle

    def with_angles(self, angles: Array) -> ParametrizedGate:
        return self.replace(angle=angles)


def _halves(angle: Array) -> tuple[Array, Array]:
    return jnp.cos(angle / 2), jnp.sin(angle / 2)


def _square(*entries: Array) -> Array:
    size = int(len(entries) ** 0.5)
    return jnp.stack(promoted(*entries)).reshape(size, size)


def _imaginary(x: Array) -> Array:
    """Return ix: `1j * x` would promote."""
    return jax.lax.complex(jnp.zeros_like(x), x)


class RX(Turn, kw_only=True):
    r"""Rotation $e^{-i\theta X/2}$."""

    shifts = 1

    def matrix(self) -> Array:
        c, s = _halves(self.angle)
        return _square(c, _imaginary(-s), _imaginary(-s), c)


class RY(Turn, kw_only=True):
    r"""Rotation $e^{-i\theta Y/2}$, a real matrix."""

    shifts = 1

    def matrix(self) -> Array:
        c, s = _halves(self.angle)
        return _square(c, -s, s, c)


class RZ(Turn, kw_only=True):
    r"""Rotation $e^{-i\theta Z/2}$."""

    diagonal = True
    shifts = 1

    def matrix(self) -> Array:
        c, s = _halves(self.angle)
        return jnp.diag(jnp.stack([jax.lax.complex(c, -s), jax.lax.complex(c, s)]))


class AxisTurn(Turn, kw_only=True):
    r"""Rotation $e^{-i\theta (n \cdot \sigma)/2}$ about an axis n that is data: it may differ by seed under vmap."""

    shifts = 1

    axis: Float[Array, "3"]

    def matrix(self) -> Array:
        angle, axis = promoted(self.angle, self.axis)
        c, s = _halves(angle)
        x, y, z = s * axis
        of = jax.lax.complex
        return _square(of(c, -z), of(-y, -x), of(y, -x), of(c, z))


class ControlledTurn(ParametrizedGate, kw_only=True):
    """Rotation of the second wire where the first wire is 1."""

    turn: Turn
    shifts = 2

    @property
    def mixed(self) -> tuple[int, ...]:
        return self.wires[1:] if self.turn.mixed else ()

    def matrix(self) -> Array:
        inner = self.turn.matrix()
        return jnp.eye(4, dtype=inner.dtype).at[2:, 2:].set(inner)

    def adjoint(self) -> ParametrizedGate:
        return self.replace(turn=self.turn.adjoint())

    def angles(self) -> Array:
        return self.turn.angle

    def with_angles(self, angles: Array) -> ParametrizedGate:
        return self.replace(turn=self.turn.with_angles(angles))


class Block(Turn, kw_only=True):
    r"""Unitary on two qubits, up to phase: $(A \otimes B)\, e^{-i(aXX + bYY + cZZ)/2}\, (C \otimes D)$.

    The 15 angles are three of each of C, D, (a, b, c), A, B. A single-qubit factor is RZ RY RZ, first angle first.
    """

    shifts = 1

    def matrix(self) -> Array:
        first, second, middle, third, fourth = self.angle.reshape(5, 3)
        singles = _rotated(jnp.stack([first, second, third, fourth]))
        return matmul(_pair(singles[2], singles[3]), _interaction(middle), _pair(singles[0], singles[1]))

    def adjoint(self) -> ParametrizedGate:
        first, second, middle, third, fourth = -self.angle.reshape(5, 3)
        parts = [third[::-1], fourth[::-1], middle, first[::-1], second[::-1]]
        return self.replace(angle=jnp.concatenate(parts))


class Constant(ParametrizedGate, kw_only=True):
    """Real gate without angles that undoes itself."""

    table: ClassVar[np.ndarray]

    def matrix(self) -> Array:
        return jnp.asarray(self.table, jnp.result_type(float))

    def adjoint(self) -> ParametrizedGate:
        return self

    def matrix_for(self, dtype: DTypeLike) -> np.ndarray:
        return self.table.astype(jnp.finfo(dtype).dtype)


class Hadamard(Constant, kw_only=True):
    """Hadamard gate (X + Z) / sqrt 2."""

    table = (PAULIS["X"] + PAULIS["Z"]) / np.sqrt(2)


class CX(Constant, kw_only=True):
    """Gate that flips the second qubit where the first is 1."""

    table = np.eye(4)[[0, 1, 3, 2]]

    @property
    def mixed(self) -> tuple[int, ...]:
        return self.wires[1:]


class CZ(Constant, kw_only=True):
    """Gate that changes the sign where both qubits are 1."""

    diagonal = True
    table = np.diag([1.0, 1, 1, -1])


class Unitary(ParametrizedGate, kw_only=True):
    """Gate given by its matrix."""

    unitary: Num[Array, "k k"]

    def matrix(self) -> Array:
        return self.unitary

    def adjoint(self) -> ParametrizedGate:
        return self.replace(unitary=self.unitary.conj().T)


def _rotated(angles: Float[Array, "qubit 3"]) -> Num[Array, "qubit 2 2"]:
    """Return RZ RY RZ of each qubit, with the first angle acting first."""
    before, middle, after = angles.T
    c, s = _halves(middle)
    outer, inner = (jax.lax.complex(*_halves(angle)) for angle in (after + before, after - before))
    c, s = c.astype(outer.dtype), s.astype(outer.dtype)
    entries = jnp.stack([c * outer.conj(), -s * inner.conj(), s * inner, c * outer], axis=1)
    return entries.reshape(-1, 2, 2)


def _pair(first: Array, second: Array) -> Array:
    return reshaped(first[:, None, :, None] * second[None, :, None, :], (4, 4))


def _interaction(angles: Float[Array, "3"]) -> Num[Array, "4 4"]:
    """Return the exponential of the XX, YY and ZZ terms.

    XX and YY mix 00 with 11 by their difference, and 01 with 10 by their sum. ZZ gives the two planes opposite phases.
    """
    x, y, z = angles
    c, s = _halves(jnp.stack([x - y, x + y]))
    real, imaginary = _halves(jnp.stack([-z, z]))
    stays = jax.lax.complex(real * c, imaginary * c)
    moves = jax.lax.complex(imaginary * s, -real * s)  # the phase of the plane times -i s
    return jnp.diag(stays[jnp.array([0, 1, 1, 0])]) + jnp.fliplr(jnp.diag(moves[jnp.array([0, 1, 1, 0])]))
