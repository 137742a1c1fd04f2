r"""Gates fused to blocks of up to seven qubits, on a state whose last seven qubits stay one axis of 128 amplitudes.

A TPU stores the last axis of an array in pieces of 128 numbers. An axis of two numbers at the end fills a piece each,
and a gate on one of the last qubits would take 33 times the memory of the state. A TPU multiplies matrices of 128 x 128
as fast as smaller ones. Hence gates that follow each other are multiplied to blocks. A block acts on up to seven qubits
before the last seven, or on all of the last seven and one more. A gate joins the first block after which no block
shares a qubit with it. Results differ from those of single gates by rounding.

Example:
    >>> blocks_of([(0,), (1,), (0, 1), (9,), (10,), (1, 9)], num_qubits=12)
    (FusedBlock(qubits=(0, 1), gates=(0, 1, 2)), FusedBlock(qubits=(1, 5, 6, 7, 8, 9, 10, 11), gates=(3, 4, 5)))

References:
    Hauru, Morningstar, Beall, Ganahl, Lewis, Vidal (2021), Simulation of quantum physics with Tensor Processing Units,
    section II. https://arxiv.org/abs/2111.10466
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from qla_jax._modes import common_dtype
from qla_jax.linalg.products import tensordot
from qla_jax.linalg.qubits import Matrix, apply_matrix, split

TILE_QUBITS = 7
"""Number of last qubits that stay one axis, of 128 amplitudes."""

LEAST_QUBITS = 2 * TILE_QUBITS
"""Least number of qubits of a state for which fusion pays: smaller states take little memory in any layout."""


class FusedBlock(NamedTuple):
    """Gates that are multiplied to one matrix.

    Attributes:
        qubits: sorted qubits of the matrix: all of the last seven if any.
        gates: places of the gates in their row, in order.
    """

    qubits: tuple[int, ...]
    gates: tuple[int, ...]


class PlacedGate(NamedTuple):
    """Matrix of a gate and the qubits that it acts on, the most significant bit of the matrix first."""

    matrix: Matrix
    wires: tuple[int, ...]
    diagonal: bool


def apply_fused(gates: Sequence[PlacedGate], state: Array) -> Array:
    """Return the state after some gates, in the shape of the initial state.

    Args:
        gates: gates in the order in which they act.
        state: state of at least seven qubits.
    """
    num_qubits = state.size.bit_length() - 1
    state = state.astype(common_dtype(state, *(gate.matrix for gate in gates)))
    for block in blocks_of([gate.wires for gate in gates], num_qubits):
        matrix = _product([gates[place] for place in block.gates], block.qubits, state.dtype)
        state = _apply_block(matrix, block.qubits, num_qubits, state)
    return state


def blocks_of(wires: Sequence[tuple[int, ...]], num_qubits: int) -> tuple[FusedBlock, ...]:
    """Return the blocks that gates are fused to, in an order in which they may act.

    Args:
        wires: qubits of each gate.
        num_qubits: number of qubits of the state.
    """
    blocks = list[FusedBlock]()
    for gate, own in enumerate(wires):
        meets = [place for place, block in enumerate(blocks) if set(block.qubits) & set(own)]
        for place in range(meets[-1] if meets else 0, len(blocks)):
            joined = _joined(blocks[place].qubits, own, num_qubits)
            if _fits(joined, num_qubits):
                blocks[place] = FusedBlock(joined, (*blocks[place].gates, gate))
                break
        else:
            blocks.append(FusedBlock(_joined((), own, num_qubits), (gate,)))
    return tuple(blocks)


def _joined(qubits: tuple[int, ...], wires: tuple[int, ...], num_qubits: int) -> tuple[int, ...]:
    """Return the qubits of a block with a gate added, with all of the last qubits if any."""
    tile = range(num_qubits - TILE_QUBITS, num_qubits)
    both = {*qubits, *wires}
    return tuple(sorted(both.union(tile) if both & set(tile) else both))


def _fits(qubits: tuple[int, ...], num_qubits: int) -> bool:
    tiled = bool(qubits) and qubits[-1] == num_qubits - 1
    return len(qubits) <= TILE_QUBITS + tiled


def _product(gates: Sequence[PlacedGate], qubits: tuple[int, ...], dtype: jnp.dtype) -> Array:
    """Return the matrix of some gates on the qubits of their block."""
    side = 1 << len(qubits)
    columns = jnp.eye(side, dtype=dtype).reshape(-1)  # a state of rows and columns, of which the gates change the rows
    for gate in gates:
        places = [qubits.index(wire) for wire in gate.wires]
        columns = apply_matrix(gate.matrix, places, columns, diagonal=gate.diagonal)
    return columns.reshape(side, side)


def _apply_block(matrix: Array, qubits: tuple[int, ...], num_qubits: int, state: Array) -> Array:
    """Return the state after the matrix of a block, by a product of which all arrays end with 128 amplitudes."""
    before = [qubit for qubit in qubits if qubit < num_qubits - TILE_QUBITS]
    shape = [*split(num_qubits - TILE_QUBITS, before), 1 << TILE_QUBITS]
    axes = [2 * place + 1 for place in range(len(before))]
    grid, rows, columns = state.reshape(shape), range(len(qubits)), range(len(qubits), 2 * len(qubits))
    if len(before) == len(qubits):
        moved = tensordot(matrix.reshape((2,) * (2 * len(qubits))), grid, (list(columns), axes))
        return jnp.moveaxis(moved, rows, axes).reshape(state.shape)
    axes.append(len(shape) - 1)
    sizes = [shape[axis] for axis in axes]
    moved = tensordot(grid, matrix.T.reshape(*sizes, *sizes), (axes, list(range(len(axes)))))
    return jnp.moveaxis(moved, range(-len(axes), 0), axes).reshape(state.shape)
