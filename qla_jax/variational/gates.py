r"""Builders of gates, which check wires and angles.

Wires are given most significant first: `cx(control, target)`. Rotations are $R_P(\theta) = e^{-i\theta P/2}$.

Example:
    >>> ry(0, jnp.pi / 2).matrix().round(3)
    Array([[ 0.707, -0.707],
           [ 0.707,  0.707]], dtype=...)
"""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from qla_jax._checks import ROUNDING, as_inexact, as_integer, is_concrete, require
from qla_jax.variational.unitaries import (
    CX,
    CZ,
    NUM_BLOCK_ANGLES,
    RX,
    RY,
    RZ,
    AxisTurn,
    Block,
    ControlledTurn,
    Hadamard,
    Turn,
    Unitary,
)


def rx(qubit: int, angle: ArrayLike) -> RX:
    r"""Return the rotation $e^{-i\theta X/2}$ on a qubit.

    Args:
        qubit: qubit that the gate acts on.
        angle: angle $\theta$ in radians, a real scalar.

    Raises:
        ValueError: a negative qubit, or an angle that is not a real scalar. All builders of gates raise it for their
            wires and angles.

    Example:
        >>> from qla_jax.variational import circuit, run
        >>> run(circuit(1, [rx(0, jnp.pi)])).round(3).tolist()
        [0j, -1j]
    """
    return RX(wires=_wires(qubit), angle=_angle(angle))


def ry(qubit: int, angle: ArrayLike) -> RY:
    r"""Return the rotation $e^{-i\theta Y/2}$ on a qubit.

    Args:
        qubit: qubit that the gate acts on.
        angle: angle $\theta$ in radians, a real scalar.

    Example:
        >>> ry(0, jnp.pi).matrix().round(3).tolist()
        [[0.0, -1.0], [1.0, 0.0]]
    """
    return RY(wires=_wires(qubit), angle=_angle(angle))


def rz(qubit: int, angle: ArrayLike) -> RZ:
    r"""Return the rotation $e^{-i\theta Z/2}$ on a qubit.

    Args:
        qubit: qubit that the gate acts on.
        angle: angle $\theta$ in radians, a real scalar.

    Example:
        >>> rz(0, jnp.pi).matrix().diagonal().round(3).tolist()
        [-1j, 1j]
    """
    return RZ(wires=_wires(qubit), angle=_angle(angle))


def axis_turn(qubit: int, axis: ArrayLike, angle: ArrayLike) -> AxisTurn:
    r"""Return the rotation $e^{-i\theta (n \cdot \sigma)/2}$ of a qubit about a given axis n.

    Args:
        qubit: qubit that the gate acts on.
        axis: unit vector of three entries; its length is not checked.
        angle: angle $\theta$ in radians, a real scalar.

    Example:
        >>> axis_turn(0, jnp.array([0.0, 1.0, 0.0]), jnp.pi).matrix().real.round(3).tolist()  # about Y
        [[0.0, -1.0], [1.0, 0.0]]
    """
    return AxisTurn(wires=_wires(qubit), axis=_reals("axis", axis, (3,)), angle=_angle(angle))


def crx(control: int, target: int, angle: ArrayLike) -> ControlledTurn:
    """Return the gate that applies `rx` to the target where the control is 1.

    Args:
        control: control qubit.
        target: qubit that is rotated.
        angle: angle in radians, a real scalar.

    Example:
        >>> crx(0, 1, jnp.pi).matrix().diagonal().real.round(3).tolist()
        [1.0, 1.0, 0.0, 0.0]
    """
    return _controlled(control, rx(target, angle))


def cry(control: int, target: int, angle: ArrayLike) -> ControlledTurn:
    """Return the gate that applies `ry` to the target where the control is 1.

    Args:
        control: control qubit.
        target: qubit that is rotated.
        angle: angle in radians, a real scalar.

    Example:
        >>> cry(0, 1, jnp.pi).matrix().round(3)[2:, 2:].tolist()
        [[0.0, -1.0], [1.0, 0.0]]
    """
    return _controlled(control, ry(target, angle))


def crz(control: int, target: int, angle: ArrayLike) -> ControlledTurn:
    """Return the gate that applies `rz` to the target where the control is 1.

    Args:
        control: control qubit.
        target: qubit that is rotated.
        angle: angle in radians, a real scalar.

    Example:
        >>> crz(0, 1, jnp.pi).matrix().diagonal().round(3).tolist()
        [(1+0j), (1+0j), -1j, 1j]
    """
    return _controlled(control, rz(target, angle))


def block(first: int, second: int, angles: ArrayLike) -> Block:
    """Return a gate that can be any unitary on two qubits, given by the 15 angles of `Block`.

    Args:
        first: more significant qubit.
        second: less significant qubit.
        angles: 15 angles in radians.

    Example:
        >>> block(0, 1, jnp.zeros(15)).matrix().diagonal().real.tolist()
        [1.0, 1.0, 1.0, 1.0]
    """
    return Block(wires=_wires(first, second), angle=_reals("angles", angles, (NUM_BLOCK_ANGLES,)))


def hadamard(qubit: int) -> Hadamard:
    """Return the Hadamard gate on a qubit.

    Example:
        >>> hadamard(0).matrix().round(3).tolist()
        [[0.707, 0.707], [0.707, -0.707]]
    """
    return Hadamard(wires=_wires(qubit))


def cx(control: int, target: int) -> CX:
    """Return the gate that flips the target where the control is 1.

    Args:
        control: control qubit.
        target: qubit that is flipped.

    Example:
        >>> cx(0, 1).matrix().astype(int).tolist()
        [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]
    """
    return CX(wires=_wires(control, target))


def cz(first: int, second: int) -> CZ:
    """Return the gate that changes the sign where both qubits are 1.

    Args:
        first: first qubit.
        second: second qubit; the gate is symmetric.

    Example:
        >>> cz(0, 1).matrix().diagonal().tolist()
        [1.0, 1.0, 1.0, -1.0]
    """
    return CZ(wires=_wires(first, second))


def unitary_gate(unitary: ArrayLike, *wires: int) -> Unitary:
    """Return a gate given by its matrix.

    Args:
        unitary: matrix of shape (2^k, 2^k).
        wires: k qubits, the most significant first.

    Raises:
        ValueError: wires that repeat or do not match the shape, or, where it can be seen, a matrix that is not unitary.

    Example:
        >>> from qla_jax.variational import circuit, run
        >>> run(circuit(1, [unitary_gate(jnp.array([[0.0, 1.0], [1.0, 0.0]]), 0)])).tolist()
        [0.0, 1.0]
    """
    matrix, side = as_inexact("unitary", unitary), 1 << len(wires)
    require(matrix.shape == (side, side), f"`unitary` must have shape {(side, side)}, but has {matrix.shape}.")
    if is_concrete(matrix):
        known = np.asarray(matrix)  # NumPy, so that a concrete matrix is checked inside jit, too
        off = float(np.abs(known @ known.conj().T - np.eye(side)).max())
        least = ROUNDING * side * float(jnp.finfo(matrix.dtype).eps)
        require(off <= least, f"`unitary` must be unitary, but U U^H differs from 1 by {off:.2g}.")
    return Unitary(wires=_wires(*wires), unitary=matrix)


def _controlled(control: int, turn: Turn) -> ControlledTurn:
    return ControlledTurn(wires=_wires(control, *turn.wires), turn=turn)


def _wires(*wires: int) -> tuple[int, ...]:
    found = tuple(as_integer("wires", wire, least=0) for wire in wires)
    require(len(set(found)) == len(found), f"`wires` must be different qubits, but are {found}.")
    return found


def _angle(angle: ArrayLike) -> Array:
    return _reals("angle", angle, ())


def _reals(name: str, value: ArrayLike, shape: tuple[int, ...]) -> Array:
    array = as_inexact(name, value)
    require(array.shape == shape, f"`{name}` must have shape {shape}, but has {array.shape}.")
    require(not jnp.iscomplexobj(array), f"`{name}` must be real, but is {array.dtype}.")
    return jnp.asarray(array, array.dtype)  # an explicit dtype, so that the angle is not weakly typed
