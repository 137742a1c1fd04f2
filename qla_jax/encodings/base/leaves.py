r"""The order of the parts of a linear combination in its index register, for which PREPARE takes few rotations.

PREPARE is a binary tree of rotations over the values of the index, its leaves, and SELECT may run any part at any leaf.
A part may also stand at a whole block of leaves, below which no rotation is needed. There any angle will do, and the
angle of another node of the level saves a control. For parts of unknown sizes this leaves m - 1 to 2(m - 1) rotations,
where a tree of 2^k leaves has 2^k - 1. Parts of one size stand together in blocks of powers of two, whose rotations are
Hadamard gates.

Example:
    >>> even_leaves(5)  # the last bit of the index matters for the first two parts alone
    (0, 1, 2, 2, 3, 3, 4, 4)
    >>> leaves_of(np.array([1.0, 2.0, 1.0, 1.0, 1.0]))  # four parts of one size, and one part that is twice as large
    (0, 2, 3, 4, 1, 1, 1, 1)

References:
    Babbush et al. (2018), section III D, uniform superpositions. https://arxiv.org/abs/1805.03662
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Num

from qla_jax.accounting.gates import Gates, multiplexed
from qla_jax.circuits.preparation import lean_tree_gates
from qla_jax.encodings.base.lcu import index_qubits

EQUAL = 1e-13
"""Relative distance of sizes below which they are taken as equal when parts are ordered."""
ROTATION_EPS = 1e-10
"""Error of a rotation at which orders are compared."""
Tree = int | tuple["Tree", "Tree"]


class Leaf(NamedTuple):
    """Block of leaves at which a part stands: part, first leaf, and number of bits that all leaves share."""

    part: int
    number: int
    depth: int


def even_leaves(count: int) -> tuple[int, ...]:
    """Return the part at each leaf for parts of unknown sizes: the first parts have one leaf, the others two.

    Args:
        count: number of parts.
    """
    single = 2 * count - (1 << index_qubits(count))
    return (*range(single), *(part for part in range(single, count) for _ in range(2)))


def leaves_of(sizes: Num[np.ndarray, " parts"]) -> tuple[int, ...]:
    """Return the part at each leaf for parts of known sizes: of a few orders the one with the fewest T gates.

    Args:
        sizes: sizes of the parts, not negative.
    """
    sizes, qubits = np.asarray(sizes, float), index_qubits(len(sizes))
    found, groups = [even_leaves(len(sizes))], _equal(sizes)
    # Different sizes leave nothing to share, so that the order of unknown sizes is as good as any.
    if len(groups) < len(sizes):
        blocks = [block for group in groups for block in _blocks(group)]
        trees = _merged([_chain(_blocks(group)) for group in groups]), _merged([_balanced(block) for block in blocks])
        found += [_filled(tree, qubits) for tree in trees if _height(tree) <= qubits]
    return min(found, key=lambda leaves: prepare_gates(sizes, leaves).t_count(ROTATION_EPS)) if found[1:] else found[0]


def prepare_gates(sizes: Num[np.ndarray, " parts"] | None, leaves: Sequence[int]) -> Gates:
    """Return the gates of PREPARE for parts of known sizes, or for parts of unknown sizes.

    Args:
        sizes: sizes of the parts, or None.
        leaves: part at each leaf.
    """
    if sizes is not None:
        return lean_tree_gates(leaf_amplitudes(np.asarray(sizes, float), leaves))
    found = Gates()
    for level, source in enumerate(_sources(leaves)):
        # A bit of the prefix is a control unless all nodes have the source of their neighbor.
        used = [bit for bit in range(level) if np.any(source != source[np.arange(len(source)) ^ (1 << bit)])]
        found += multiplexed(len(used))
    return found


def blocks_of(leaves: Sequence[int]) -> list[Leaf]:
    """Return the blocks of leaves at which the parts stand, first to last.

    Args:
        leaves: part at each leaf.
    """
    table = np.asarray(leaves)
    first = np.flatnonzero(np.diff(table, prepend=-1))
    counts = np.diff(first, append=len(table)).tolist()
    qubits = (len(table) - 1).bit_length()
    pairs = zip(first.tolist(), counts, strict=True)
    # A block of 2^j leaves shares all bits but the last j.
    return [Leaf(int(table[number]), number, qubits + 1 - count.bit_length()) for number, count in pairs]


def leaf_amplitudes(sizes: Num[Array | np.ndarray, " parts"], leaves: Sequence[int]) -> Any:
    """Return the amplitudes that PREPARE loads: at the leaves of each part the squares add up to its share of the sum.

    Sizes that are all zero give the first basis state. The array is one of the package of the sizes.

    Args:
        sizes: sizes of the parts, not negative: an array of NumPy, or of JAX and possibly traced.
        leaves: part at each leaf.
    """
    if isinstance(sizes, np.ndarray):
        return _amplitudes(sizes, tuple(leaves), np)
    return _compiled(sizes, tuple(leaves))


def _amplitudes(sizes: Any, leaves: tuple[int, ...], xp: Any) -> Any:
    table = np.asarray(leaves)
    # The weight of a part stands at its first leaf: nodes that hold several parts hold all leaves of each.
    weights = xp.where(np.diff(table, prepend=-1) != 0, sizes[table], 0)
    found = xp.ones(1, weights.dtype)
    for level, source in enumerate(_sources(leaves)):
        halves = weights.reshape(1 << level, 2, -1).sum(axis=2)[source]
        total = halves.sum(axis=1, keepdims=True)
        shares = xp.where(total == 0, np.eye(1, 2, dtype=weights.dtype), halves / xp.where(total == 0, 1, total))
        found = (found[:, None] * shares).reshape(-1)
    return xp.where(found == 0, 0, xp.sqrt(xp.where(found == 0, 1, found)))  # sqrt has no derivative at 0


_compiled = jax.jit(partial(_amplitudes, xp=jnp), static_argnums=1)


def _sources(leaves: Sequence[int]) -> list[np.ndarray]:
    """Return, for each level, the node whose angle each node has: itself, or another one if it has a single part."""
    found, qubits = [], (len(leaves) - 1).bit_length()
    for level in range(qubits):
        below = np.asarray(leaves).reshape(1 << level, -1)
        places = np.arange(1 << level)
        source = np.where(below.min(axis=1) < below.max(axis=1), places, -1)
        for bit in reversed(range(level)):  # the nearest node with several parts, of equal lowest bits if there is one
            source = np.where(source < 0, source[places ^ (1 << bit)], source)
        found.append(source)
    return found


def _equal(sizes: np.ndarray) -> list[list[int]]:
    """Return the parts of equal size, the largest groups first."""
    order = np.argsort(sizes, kind="stable")
    steps = np.diff(sizes[order]) > EQUAL * sizes[order[1:]]
    groups = np.split(order, np.flatnonzero(steps) + 1)
    return sorted((sorted(group.tolist()) for group in groups), key=lambda group: (-len(group), group))


def _blocks(group: list[int]) -> list[list[int]]:
    """Return a group cut into blocks of powers of two, falling."""
    found, start = [], 0
    for bit in reversed(range(len(group).bit_length())):
        if len(group) >> bit & 1:
            found.append(group[start : start + (1 << bit)])
            start += 1 << bit
    return found


def _balanced(block: list[int]) -> Tree:
    half = len(block) // 2
    return (_balanced(block[:half]), _balanced(block[half:])) if half else block[0]


def _chain(blocks: list[list[int]]) -> Tree:
    first, *others = blocks
    return (_balanced(first), _chain(others)) if others else _balanced(first)


def _merged(trees: Sequence[Tree]) -> Tree:
    """Return trees joined two by two, the lowest first, which gives the lowest tree of all."""
    waiting = [(_height(tree), number, tree) for number, tree in enumerate(trees)]
    while len(waiting) > 1:
        right, left, *waiting = sorted(waiting, key=lambda each: (each[0], -each[1]))
        waiting.append((left[0] + 1, left[1], (left[2], right[2])))
    return waiting[0][2]


def _height(tree: Tree) -> int:
    return 0 if isinstance(tree, int) else 1 + max(map(_height, tree))


def _filled(tree: Tree, depth: int) -> tuple[int, ...]:
    if isinstance(tree, int):
        return (tree,) * (1 << depth)
    return tuple(part for side in tree for part in _filled(side, depth - 1))
