"""Simulation of circuits on states, in NumPy or in JAX, whichever the state is an array of.

Composite operations act at once where that is one product: a multiplexed rotation or a diagonal of 2^k angles is a
product entry by entry, and not 2^(k+1) gates.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qla_jax._checks import require, require_kind
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.composites import DiagonalPhases, MultiplexedRotation, Under
from qla_jax.circuits.operations import FIXED, Gate, Operation, Phase
from qla_jax.circuits.permutation import Permutation
from qla_jax.circuits.synthesis import MatrixGate
from qla_jax.linalg.products import matmul, tensordot

MAX_MATRIX_WIRES = 13
AT_ONCE = (MultiplexedRotation, DiagonalPhases, Permutation, MatrixGate)
"""Composite operations that act by one product."""


def simulate(circuit: Circuit, state: Any) -> Any:
    """Return a circuit applied to a state.

    Args:
        circuit: the circuit.
        state: amplitudes, shape (2^n,), or (2^n, batch) for columns of states. NumPy arrays are simulated by NumPy
            without compiling, JAX arrays by JAX, where angles may be traced.

    Raises:
        TypeError: `circuit` is not a circuit.
        ValueError: a state of another size.

    Example:
        >>> simulate(Circuit(2, (Gate("x", 1, controls=(0,), values=(0,)),)), np.array([1.0, 0, 0, 0])).real.tolist()
        [0.0, 1.0, 0.0, 0.0]
    """
    require_kind("circuit", circuit, Circuit)
    size, state = 1 << circuit.num_wires, state if isinstance(state, jax.Array) else np.asarray(state)
    require(
        state.ndim in (1, 2) and state.shape[0] == size,
        f"`state` must have {size} amplitudes, but has shape {state.shape}.",
    )
    xp = jnp if isinstance(state, jax.Array) else np
    # A copy, since controlled gates write into it.
    kept = xp.array(state, dtype=xp.result_type(state.dtype, xp.complex64))
    grid = kept.reshape((2,) * circuit.num_wires + (-1,))
    waiting: list[Operation] = list(reversed(circuit.operations))
    while waiting:
        part = waiting.pop()
        controls, values, inner = (part.controls, part.values, part.part) if isinstance(part, Under) else ((), (), part)
        if isinstance(part, Gate | Phase):
            grid = _on_branch(xp, grid, part.controls, part.values, lambda branch, at, p=part: _act(xp, p, branch, at))
        elif isinstance(inner, AT_ONCE):
            grid = _on_branch(xp, grid, controls, values, lambda branch, at, p=inner: _act(xp, p, branch, at))
        else:
            waiting += reversed(part.parts() or ())
    return grid.reshape(state.shape)


def to_matrix(circuit: Circuit) -> np.ndarray:
    """Return the explicit unitary of a circuit of up to 13 wires, wire 0 the most significant qubit.

    Args:
        circuit: the circuit.

    Raises:
        TypeError: `circuit` is not a circuit.
        ValueError: more than 13 wires.

    Example:
        >>> to_matrix(Circuit(2, (Gate("x", 1, controls=(0,)),))).real.astype(int).tolist()
        [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]
    """
    require_kind("circuit", circuit, Circuit)
    told = f"`circuit` must have at most {MAX_MATRIX_WIRES} wires for a matrix, but has {circuit.num_wires}"
    require(circuit.num_wires <= MAX_MATRIX_WIRES, f"{told}; `simulate` applies it to a state.")
    return np.asarray(simulate(circuit, np.eye(1 << circuit.num_wires, dtype=complex)))


def _on_branch(xp: Any, grid: Any, controls: Sequence[int], values: Sequence[int], act: Any) -> Any:
    """Act on the part of a state whose controls have their values; `act` gets the places of the other wires in it."""
    if not controls:
        return act(grid, list(range(grid.ndim - 1)))
    place: list[Any] = [slice(None)] * grid.ndim
    for wire, value in zip(controls, values, strict=True):
        place[wire] = value
    at = [wire - sum(control < wire for control in controls) for wire in range(grid.ndim - 1)]
    changed = act(grid[tuple(place)], at)
    # JAX arrays cannot be written into; NumPy's branch is written in place, without a copy of the state.
    if xp is jnp:
        return grid.at[tuple(place)].set(changed)
    grid[tuple(place)] = changed
    return grid


def _act(xp: Any, part: Operation, branch: Any, at: Sequence[int]) -> Any:
    if isinstance(part, Phase):
        return xp.exp(1j * xp.asarray(part.angle)).astype(branch.dtype) * branch
    if isinstance(part, Gate):
        if part.name in FIXED:
            matrix = xp.asarray(FIXED[part.name])
        else:
            matrix = _turn(xp, part.name, xp.asarray(part.angle))
        matrix = matrix.astype(branch.dtype)
        moved = tensordot(matrix, branch, ((1,), (at[part.target],)))
        return xp.moveaxis(moved, 0, at[part.target])
    if isinstance(part, DiagonalPhases):
        places = [at[wire] for wire in part.on]
        return _spread(xp, xp.exp(1j * xp.asarray(part.angles)), places, branch.ndim).astype(branch.dtype) * branch
    if isinstance(part, MatrixGate):
        return _product(xp, part, branch, at)
    if isinstance(part, Permutation):
        places = [at[wire] for wire in part.on]
        front = xp.moveaxis(branch, places, range(len(places)))
        moved = front.reshape(len(part.targets), -1)[np.argsort(part.targets)].reshape(front.shape)
        return xp.moveaxis(moved, range(len(places)), places)
    assert isinstance(part, MultiplexedRotation)
    places, target = [at[wire] for wire in part.index], at[part.target]
    # One product for all values of the index, in place of 2^k gates.
    half = _spread(xp, xp.asarray(part.angles) / 2, places, branch.ndim)
    zero, one = xp.take(branch, np.array([0]), target), xp.take(branch, np.array([1]), target)
    if part.axis == "z":
        turned = [xp.exp(-1j * half) * zero, xp.exp(1j * half) * one]
    else:
        turned = [xp.cos(half) * zero - xp.sin(half) * one, xp.sin(half) * zero + xp.cos(half) * one]
    return xp.concatenate(turned, axis=target).astype(branch.dtype)


def _product(xp: Any, part: MatrixGate, branch: Any, at: Sequence[int]) -> Any:
    places = [at[wire] for wire in part.wires]
    front = xp.moveaxis(branch, places, range(len(places)))
    size = 1 << len(part.on)
    matrix = xp.asarray(part.matrix).astype(branch.dtype).reshape(-1, size, size)
    moved = matmul(matrix, front.reshape(len(matrix), size, -1)).reshape(front.shape)
    return xp.moveaxis(moved, range(len(places)), places)


def _turn(xp: Any, name: str, angle: Any) -> Any:
    if name == "p":
        return xp.stack([xp.ones_like(angle), xp.zeros_like(angle), xp.zeros_like(angle), xp.exp(1j * angle)]).reshape(
            2, 2
        )
    cos, sin = xp.cos(angle / 2), xp.sin(angle / 2)
    entries = {
        "rx": [cos, -1j * sin, -1j * sin, cos],
        "ry": [cos, -sin, sin, cos],
        "rz": [xp.exp(-0.5j * angle), 0 * cos, 0 * cos, xp.exp(0.5j * angle)],
    }[name]
    return xp.stack([entry + 0j for entry in entries]).reshape(2, 2)


def _spread(xp: Any, numbers: Any, places: Sequence[int], ndim: int) -> Any:
    """Return numbers of an index as a factor of a state whose axes of the index are at these places."""
    grid = numbers.reshape((2,) * len(places))
    order = np.argsort(places)
    shape = [1] * ndim
    for place in places:
        shape[place] = 2
    return grid.transpose(order).reshape(shape)
