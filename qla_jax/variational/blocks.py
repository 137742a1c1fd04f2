"""Updates of a large state in place, block by block, so that memory never holds a second copy of it.

A block runs over the states of a gate's qubits and of the last other qubits, with all remaining qubits fixed. It is
itself a state, of fewer qubits, and the gate acts on it as on the whole state. A loop reads one block after the other,
changes it and writes it back. XLA updates arrays that a loop carries in place. A state of at most `BLOCK_QUBITS` qubits
is a single block without a loop.

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
"""Qubits of a block, 512 KiB of complex64: some blocks fit in the second-level cache of a core.

A block is 1/256 of a state of 24 qubits.
"""

Wires = tuple[int, ...]
States = tuple[Array, ...]


def sweep(
    change: Callable[[Callable[..., Array], Wires, States], tuple[States, Any]],
    wires: Wires,
    states: States,
    *,
    block_qubits: int | None = None,
) -> tuple[States, Any]:
    """Apply a change to every block of some states, and sum what the changes return.

    Args:
        change: function of `apply_matrix` or an equivalent, the places of the wires in a block, and the same block of
            each state. It returns the new blocks, in the same order, shape and dtype, and arrays to be summed over all
            blocks.
        wires: k different qubits.
        states: states of one shape, (2^n,) or (2,)*n.
        block_qubits: number m of qubits of a block, at least k; `BLOCK_QUBITS` by default.

    Returns:
        The changed states, and the sum of the arrays that the changes return.
    """
    n, m = qubits_of(states[0]), BLOCK_QUBITS if block_qubits is None else block_qubits
    if n <= max(m, len(wires)):
        # The barrier runs one gate after the other: XLA would otherwise hold states of several gates to run them at
        # once.
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
    # In a sharded program the carry varies over the mesh axes over which the change does; `parts` shows which.
    grids, nothing = varying_like((grids, nothing), grids, parts)
    grids, total = jax.lax.fori_loop(0, int(np.prod(counts)), step, (grids, nothing))
    return tuple(grid.reshape(state.shape) for grid, state in zip(grids, states, strict=True)), total


def after(known: Any, value: Array) -> Array:
    """Return `value`, made to wait until all of `known` is computed.

    XLA copies an array if a write to it and a read of it do not depend on each other. An optimization barrier is
    removed before XLA plans its buffers, so it does not prevent the copy. XLA does not simplify the comparison with
    infinity below, which is never true, so this dependence remains.

    Args:
        known: arrays to wait for.
        value: array to return unchanged.
    """
    for leaf in jax.tree.leaves(known):
        value = jnp.where(jnp.any(leaf.real > jnp.inf), jnp.zeros_like(value), value)
    return value


def _cut(num_qubits: int, wires: Wires, block_qubits: int) -> tuple[list[int], list[int]]:
    """Return the axes before, at, between and after the wires, and the length of each in a block.

    A block takes whole axes as far as its size allows, the last axes first.
    """
    shape = split(num_qubits, sorted(wires))
    sizes, room = list(shape), 1 << (block_qubits - len(wires))
    for axis in range(len(shape) - 1, -1, -2):
        sizes[axis] = min(shape[axis], room)
        room //= sizes[axis]
    return shape, sizes


def _inner(wires: Wires, sizes: Sequence[int]) -> Wires:
    """Return the places of the wires among the qubits of a block."""
    places = {wire: int(np.prod(sizes[: 2 * rank + 1])).bit_length() - 1 for rank, wire in enumerate(sorted(wires))}
    return tuple(places[wire] for wire in wires)
