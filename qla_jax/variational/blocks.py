r"""A large state, changed block by block and in place: no second copy of it is ever in memory.

A block is the states of a gate's qubits and of the last other ones, the rest held fixed: itself a state, of fewer
qubits, which the gate acts on as it does on the whole. A loop takes one block after the other from the arrays, changes
them and writes them back where they were; the compiler keeps what a loop carries in place. A state of at most
`BLOCK_QUBITS` qubits is a single block, and no loop.

Example:
    >>> flip = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    >>> def change(apply, wires, states):
    ...     return tuple(apply(flip, wires, state) for state in states), states[0].sum()
    >>> (moved,), total = sweep(change, (0,), (jnp.arange(8.0),), block_qubits=2)
    >>> moved, total
    (Array([4., 5., 6., 7., 0., 1., 2., 3.], dtype=...), Array(28., dtype=...))
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qla_jax._modes import varying_like
from qla_jax.linalg.qubits import apply_by_flips, apply_matrix, qubits_of, split

BLOCK_QUBITS = 16
"""512 KiB of complex64: some blocks fit in the second cache of a core; 1/256 of a state of 24 qubits."""

Wires = tuple[int, ...]
States = tuple[Array, ...]


def sweep(
    change: Callable[[Callable[..., Array], Wires, States], tuple[States, Any]],
    wires: Wires,
    states: States,
    *,
    block_qubits: int | None = None,
) -> tuple[States, Any]:
    """The states with all blocks changed, and what the changes add up to.

    Args:
        change: of `apply_matrix` or its equal, the wires' places in a block, and that block of each state: the new
            blocks, in the same order, shape and dtype, and arrays to be summed over all blocks.
        wires: k different qubits.
        states: of one shape, (2^n,) or (2,)*n.
        block_qubits: m, at least k; `BLOCK_QUBITS` unless given.
    """
    n, m = qubits_of(states[0]), BLOCK_QUBITS if block_qubits is None else block_qubits
    if n <= max(m, len(wires)):
        # One gate after the other: the compiler would have several in memory to run them at once.
        return jax.lax.optimization_barrier(change(apply_matrix, wires, states))
    shape, sizes = _cut(n, wires, max(m, len(wires)))
    counts = tuple(side // size for side, size in zip(shape, sizes, strict=True))
    inner = _inner(wires, sizes)

    def corner(index: Array) -> list[Array]:
        return [size * place for size, place in zip(sizes, jnp.unravel_index(index, counts), strict=True)]

    def changed(index: Array, grids: States) -> tuple[States, Any]:
        at = corner(index)
        blocks = tuple(jax.lax.dynamic_slice(grid, at, sizes).reshape(-1) for grid in grids)
        blocks, part = change(apply_by_flips, inner, blocks)
        at = corner(after(part, index))
        pairs = zip(grids, blocks, strict=True)
        return tuple(jax.lax.dynamic_update_slice(grid, block.reshape(sizes), at) for grid, block in pairs), part

    def step(index: Array, carry: tuple[States, Any]) -> tuple[States, Any]:
        grids, part = changed(index, carry[0])
        return grids, jax.tree.map(jnp.add, carry[1], part)

    grids = tuple(state.reshape(shape) for state in states)
    parts = jax.eval_shape(changed, 0, grids)[1]
    nothing = jax.tree.map(lambda part: jnp.zeros(part.shape, part.dtype), parts)
    # What is changed differs between devices where the change itself does: what comes out of it once says where.
    grids, nothing = varying_like((grids, nothing), grids, parts)
    grids, total = jax.lax.fori_loop(0, int(np.prod(counts)), step, (grids, nothing))
    return tuple(grid.reshape(state.shape) for grid, state in zip(grids, states, strict=True)), total


def after(known: Any, value: Array) -> Array:
    """The value, which waits until all that is known is.

    Where a write and a read of an array wait for each other in no way, the compiler lets one have a copy of it. A
    barrier is gone before it plans that; that nothing is above infinity, it does not see.
    """
    for leaf in jax.tree.leaves(known):
        value = jnp.where(jnp.any(leaf.real > jnp.inf), jnp.zeros_like(value), value)
    return value


def _cut(num_qubits: int, wires: Wires, block_qubits: int) -> tuple[list[int], list[int]]:
    """The axes before, at, between and behind the wires, and how much of each a block has: the last ones first."""
    shape = split(num_qubits, sorted(wires))
    sizes, room = list(shape), 1 << (block_qubits - len(wires))
    for axis in range(len(shape) - 1, -1, -2):
        sizes[axis] = min(shape[axis], room)
        room //= sizes[axis]
    return shape, sizes


def _inner(wires: Wires, sizes: Sequence[int]) -> Wires:
    """Where the wires are among the qubits of a block."""
    places = {wire: int(np.prod(sizes[: 2 * rank + 1])).bit_length() - 1 for rank, wire in enumerate(sorted(wires))}
    return tuple(places[wire] for wire in wires)
