r"""Gates as data: where they act, by which angles, and the small matrix that follows from these.

Wires are given most significant first: `cx(control, target)`. Rotations are $R_P(\theta) = e^{-i\theta P/2}$.
Angles are leaves, so that gates are differentiated, and mapped over seeds, layers or inputs, like any other data.

Example:
    >>> ry(0, jnp.pi / 2).matrix().round(3)
    Array([[ 0.707, -0.707],
           [ 0.707,  0.707]], dtype=...)
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Num

from qla_jax.encodings.checks import ROUNDING, is_concrete, require
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

    def apply(self, state: Array) -> Array:
        """The gate on a state of shape (2^n,) or (2,)*n."""
        return apply_matrix(self.matrix(), self.wires, state, diagonal=self.diagonal)


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

    def apply(self, state: Array) -> Array:
        return apply_matrix(jnp.asarray(self.table, state.real.dtype), self.wires, state, diagonal=self.diagonal)


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


def rx(qubit: int, angle: ArrayLike) -> RX:
    r"""$e^{-i\theta X/2}$ on a qubit.

    Raises:
        ValueError: a negative qubit, or an angle that is not a real scalar. So do all builders of gates.
    """
    return RX(wires=_wires(qubit), angle=_angles(angle))


def ry(qubit: int, angle: ArrayLike) -> RY:
    r"""$e^{-i\theta Y/2}$ on a qubit."""
    return RY(wires=_wires(qubit), angle=_angles(angle))


def rz(qubit: int, angle: ArrayLike) -> RZ:
    r"""$e^{-i\theta Z/2}$ on a qubit."""
    return RZ(wires=_wires(qubit), angle=_angles(angle))


def axis_turn(qubit: int, axis: ArrayLike, angle: ArrayLike) -> AxisTurn:
    """A rotation about a unit vector of three entries, for whose length the caller vouches."""
    axis = jnp.asarray(axis)
    require(axis.shape == (3,), f"`axis` must have shape (3,), but has {axis.shape}.")
    return AxisTurn(wires=_wires(qubit), axis=axis, angle=_angles(angle))


def crx(control: int, target: int, angle: ArrayLike) -> ControlledTurn:
    """`rx` where the control is 1."""
    return _controlled(control, rx(target, angle))


def cry(control: int, target: int, angle: ArrayLike) -> ControlledTurn:
    """`ry` where the control is 1."""
    return _controlled(control, ry(target, angle))


def crz(control: int, target: int, angle: ArrayLike) -> ControlledTurn:
    """`rz` where the control is 1."""
    return _controlled(control, rz(target, angle))


def block(first: int, second: int, angles: ArrayLike) -> Block:
    """Any unitary on two qubits, by the 15 angles of `Block`."""
    return Block(wires=_wires(first, second), angle=_angles(angles, (NUM_BLOCK_ANGLES,)))


def hadamard(qubit: int) -> Hadamard:
    """The Hadamard gate."""
    return Hadamard(wires=_wires(qubit))


def cx(control: int, target: int) -> CX:
    """Flips the target where the control is 1."""
    return CX(wires=_wires(control, target))


def cz(first: int, second: int) -> CZ:
    """A sign where both qubits are 1."""
    return CZ(wires=_wires(first, second))


def unitary_gate(unitary: ArrayLike, *wires: int) -> Unitary:
    """A gate by its matrix.

    Raises:
        ValueError: wires that repeat or do not match the shape, or, where it can be seen, a matrix that is not unitary.
    """
    matrix, side = jnp.asarray(unitary), 1 << len(wires)
    matrix = matrix if jnp.issubdtype(matrix.dtype, jnp.inexact) else matrix.astype(jnp.result_type(float))
    require(matrix.shape == (side, side), f"`unitary` must have shape {(side, side)}, but has {matrix.shape}.")
    if is_concrete(matrix):
        off = float(jnp.abs(matrix @ matrix.conj().T - jnp.eye(side, dtype=matrix.dtype)).max())
        least = ROUNDING * side * float(jnp.finfo(matrix.dtype).eps)
        require(off <= least, f"`unitary` must be unitary, but U U^H differs from 1 by {off:.2g}.")
    return Unitary(wires=_wires(*wires), unitary=matrix)


def _controlled(control: int, turn: Turn) -> ControlledTurn:
    return ControlledTurn(wires=_wires(control, *turn.wires), turn=turn)


def _wires(*wires: int) -> tuple[int, ...]:
    require(all(wire >= 0 for wire in wires), f"`wires` must not be negative, but are {wires}.")
    require(len(set(wires)) == len(wires), f"`wires` must be different qubits, but are {wires}.")
    return tuple(int(wire) for wire in wires)


def _angles(angle: ArrayLike, shape: tuple[int, ...] = ()) -> Array:
    array = jnp.asarray(angle)
    require(array.shape == shape, f"`angle` must have shape {shape}, but has {array.shape}.")
    require(not jnp.iscomplexobj(array), f"`angle` must be real, but is {array.dtype}.")
    return jnp.asarray(array, array.dtype if jnp.issubdtype(array.dtype, jnp.floating) else jnp.result_type(float))


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
