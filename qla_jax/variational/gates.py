r"""Gates by name: checked wires and angles, and the unitary that they make.

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
    r"""$e^{-i\theta X/2}$ on a qubit.

    Raises:
        ValueError: a negative qubit, or an angle that is not a real scalar. So do all builders of gates.
    """
    return RX(wires=_wires(qubit), angle=_angle(angle))


def ry(qubit: int, angle: ArrayLike) -> RY:
    r"""$e^{-i\theta Y/2}$ on a qubit."""
    return RY(wires=_wires(qubit), angle=_angle(angle))


def rz(qubit: int, angle: ArrayLike) -> RZ:
    r"""$e^{-i\theta Z/2}$ on a qubit."""
    return RZ(wires=_wires(qubit), angle=_angle(angle))


def axis_turn(qubit: int, axis: ArrayLike, angle: ArrayLike) -> AxisTurn:
    """A rotation about a unit vector of three entries, for whose length the caller vouches."""
    return AxisTurn(wires=_wires(qubit), axis=_reals("axis", axis, (3,)), angle=_angle(angle))


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
    return Block(wires=_wires(first, second), angle=_reals("angles", angles, (NUM_BLOCK_ANGLES,)))


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
    matrix, side = as_inexact("unitary", unitary), 1 << len(wires)
    require(matrix.shape == (side, side), f"`unitary` must have shape {(side, side)}, but has {matrix.shape}.")
    if is_concrete(matrix):
        known = np.asarray(matrix)  # which is looked at inside jit, too
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
    return jnp.asarray(array, array.dtype)  # a dtype in so many words: the angle of a gate is not weak
