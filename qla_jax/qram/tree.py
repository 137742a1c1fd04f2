r"""Exact simulation of small memories: every element of the tree, for every address.

All gates permute basis states, and all Kraus operators of the noise take a basis state to a multiple of one. So the
state of a trajectory is a sum of one basis state for each address, and $|i\rangle\langle j|$ is determined by the basis
states of i and j and a factor. Damping depends on the state, so it is drawn for each pair. At a site where i and j hold
the same bit, both lose it with probability $\gamma$. Where only one of them holds a bit, or they hold different bits,
only the Kraus operator $K_0$ contributes, with a factor of $\sqrt{1-\gamma}$ for each held bit. The mean of
`trajectory_fidelity` over keys is exactly the fidelity of the channel, for all noise. Without damping each value is the
fidelity of a trajectory.

Example:
    >>> from qla_jax.qram.memories import memory
    >>> from qla_jax.qram.rates import depolarizing
    >>> mem = memory([3, 0, 2, 1], word_bits=2)
    >>> float(trajectory_fidelity(mem, depolarizing(0.0), key=jax.random.key(0)))
    1.0
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Int

from qla_jax._checks import require, require_key, require_kind
from qla_jax._modes import default_promotion, varying_like
from qla_jax.qram._checks import as_amplitudes, nan_unless_finite
from qla_jax.qram.memories import Memory
from qla_jax.qram.rates import ErrorRates, missed
from qla_jax.qram.scheduling import Tables
from qla_jax.qram.sites import draw, step_key

MAX_TREE_BITS = 6
"""Largest n: 4^6 pairs of addresses, each with two trees of 2^7 elements."""


class Tree(NamedTuple):
    """Basis state of the tree and its slots. An element is 0 at rest, 1 with bit 0, and 2 with bit 1.

    Node 1 is the root; 2h and 2h + 1 are the children of node h.

    Attributes:
        carriers: carriers of the nodes, entry 0 unused.
        routers: routers of the nodes, entry 0 unused.
        slots: slots of the address, then slots of the word.
    """

    carriers: Int[Array, " nodes"]
    routers: Int[Array, " nodes"]
    slots: Int[Array, " slots"]


class TreeEnds(NamedTuple):
    """Pair of branches after the read.

    Attributes:
        first: final basis state of the first branch.
        second: final basis state of the second branch.
        sign: product of the phases of both branches.
        unshared: number of bits that only one of them held where damping could strike.
    """

    first: Tree
    second: Tree
    sign: Array
    unshared: Array


def start(mem: Memory, address: Array) -> Tree:
    """Return the tree at rest, with the address in its slots and the word 0.

    Args:
        mem: memory that is read.
        address: address of the branch.
    """
    n, k = mem.address_bits, mem.word_bits
    bits = (address >> jnp.arange(n - 1, -1, -1, dtype=jnp.int32)) & 1
    rest = jnp.zeros(1 << n, jnp.int32)
    return Tree(rest, rest, jnp.concatenate([bits + 1, jnp.ones(k, jnp.int32)]))


def evolve(mem: Memory, noise: ErrorRates, first: Array, second: Array, *, key: Array) -> TreeEnds:
    """Read two addresses under the errors of one key.

    Args:
        mem: memory that is read.
        noise: error rates at its sites.
        first: address of the first branch.
        second: address of the second branch.
        key: random key of the errors.
    """
    levels = _levels(mem)

    def step(ends: TreeEnds, row: Tables) -> tuple[TreeEnds, None]:
        ends = ends._replace(first=_gates(mem, row, ends.first), second=_gates(mem, row, ends.second))
        for element in (0, 1):
            ends = _strike(ends, element, levels < row.active, noise, step_key(row.step, element, key=key))
        return ends, None

    one = jnp.ones((), noise.x.dtype)
    ends = TreeEnds(start(mem, first), start(mem, second), one, jnp.zeros((), jnp.int32))
    return jax.lax.scan(step, varying_like(ends, mem.bits, noise, key, first, second), mem.plan.tables())[0]


@default_promotion
def trajectory_fidelity(mem: Memory, noise: ErrorRates, amplitudes: Array | None = None, *, key: Array) -> Array:
    r"""Return the fidelity $\langle\psi|\rho|\psi\rangle$ of a read under the errors of a key.

    Here $|\psi\rangle = \sum_i a_i|i\rangle|x_i\rangle$, and $\rho$ is the state of the slots alone. Errors are drawn
    at random, so the result has no derivative in the rates; see `exact_fidelity` for one. A traced rate outside its
    range, or traced amplitudes of another norm, give NaN.

    Args:
        mem: memory with at most 6 address bits.
        noise: error rates at its sites.
        amplitudes: amplitudes of the addresses, a unit vector; all equal by default.
        key: random key of the errors.

    Raises:
        TypeError: `mem` is no memory, or `noise` no `ErrorRates`.
        ValueError: too large a memory, or amplitudes of another shape or norm.

    Example:
        >>> from qla_jax.qram import depolarizing, memory
        >>> mem = memory([3, 0, 2, 1], word_bits=2)
        >>> float(trajectory_fidelity(mem, depolarizing(0.0), key=jax.random.key(0)))
        1.0
    """
    require_key("key", key)
    require_kind("mem", mem, Memory)
    require_kind("noise", noise, ErrorRates)
    n = mem.address_bits
    require(n <= MAX_TREE_BITS, f"`mem` must have at most {MAX_TREE_BITS} address bits here, but has {n}.")
    return _fidelity(mem, noise, key, as_amplitudes(n, amplitudes, noise.x.dtype))


@jax.jit  # eagerly the first call would compile operation by operation, for 5 s
def _fidelity(mem: Memory, noise: ErrorRates, key: Array, amplitudes: Array) -> Array:
    addresses = jnp.arange(1 << mem.address_bits, dtype=jnp.int32)

    def entry(i: Array, j: Array) -> Array:
        ends = evolve(mem, noise, i, j, key=key)
        (ket, fits), (bra, fits_too) = (arrival(mem, tree.slots) for tree in (ends.first, ends.second))
        same = jnp.all(ends.first.carriers == ends.second.carriers) & jnp.all(ends.first.routers == ends.second.routers)
        factor = amplitudes[i] * amplitudes[ket].conj() * (amplitudes[j] * amplitudes[bra].conj()).conj()
        return jnp.where(fits & fits_too & same, factor * ends.sign * damped(noise, ends.unshared), 0)

    fidelity = jax.vmap(lambda i: jax.vmap(lambda j: entry(i, j))(addresses))(addresses).sum().real
    return nan_unless_finite(fidelity, noise, amplitudes)


def arrival(mem: Memory, slots: Int[Array, " slots"]) -> tuple[Array, Array]:
    """Return the address in the slots after the read, and whether the slots hold an address and its word.

    Args:
        mem: memory that was read.
        slots: slots after the read.
    """
    n = mem.address_bits
    bits = slots - 1
    address = jnp.sum(jnp.maximum(bits[:n], 0) << jnp.arange(n - 1, -1, -1, dtype=jnp.int32))
    return address, jnp.all(bits >= 0) & jnp.all(bits[n:] == mem.bits[address])


def damped(noise: ErrorRates, unshared: Array) -> Array:
    r"""Return $(1-\gamma)^{u/2}$, the factor of damping on u unshared bits.

    The derivative at $\gamma = 1$ is infinite for one unshared bit, as that of a square root.

    Args:
        noise: error rates, of which the loss $\gamma$ is used.
        unshared: number u of unshared bits.
    """
    return jnp.where(unshared == 0, 1, 1 - missed(noise.loss, unshared / 2))


def _levels(mem: Memory) -> Int[Array, " nodes"]:
    nodes = jnp.arange(1 << mem.address_bits, dtype=jnp.int32)
    return jnp.where(nodes == 0, mem.address_bits, 31 - jax.lax.clz(jnp.maximum(nodes, 1)))  # entry 0 is no node


def _gates(mem: Memory, row: Tables, tree: Tree) -> Tree:
    carriers, routers, slots = tree
    for slot in row.exchange:
        root, held = carriers[1], slots[slot]
        carriers = carriers.at[1].set(jnp.where(slot >= 0, held, root))
        slots = jnp.where(jnp.arange(slots.size) == slot, root, slots)
    levels, nodes = _levels(mem), jnp.arange(carriers.size, dtype=jnp.int32)
    acts = lambda levels, where: (where >> levels) & 1 == 1  # noqa: E731
    parents = nodes >> 1
    # out of range for the last level, on which no route ever acts
    children = jnp.minimum(2 * nodes + routers - 1, carriers.size - 1)
    down = acts(levels, row.route) & (routers > 0) & (nodes > 0)
    up = acts(levels - 1, row.route) & (nodes > 1) & (routers[parents] == 1 + (nodes & 1))
    carriers = jnp.where(down, carriers[children], jnp.where(up, carriers[parents], carriers))
    stores = acts(levels, row.store) & (nodes > 0)
    carriers, routers = jnp.where(stores, routers, carriers), jnp.where(stores, carriers, routers)
    cells = 2 * nodes + routers - 1 - carriers.size
    flips = (row.read >= 0) & (levels == mem.address_bits - 1) & (routers > 0) & (carriers > 0)
    flips &= mem.bits[jnp.maximum(cells, 0), row.read] == 1
    return Tree(jnp.where(flips, 3 - carriers, carriers), routers, slots)


def _strike(ends: TreeEnds, element: int, where: Array, noise: ErrorRates, key: Array) -> TreeEnds:
    flips, phases, lost = draw(jnp.arange(where.size, dtype=jnp.int32), noise, key=key)
    a, b = ends.first[element], ends.second[element]
    held_a, held_b = where & (a > 0), where & (b > 0)
    odd = jnp.sum(held_a & phases & (a == 2)) + jnp.sum(held_b & phases & (b == 2))
    a, b = jnp.where(held_a & flips, 3 - a, a), jnp.where(held_b & flips, 3 - b, b)
    # Damping takes a shared bit from both branches with probability gamma. Each unshared bit only contributes a factor
    # of sqrt(1 - gamma).
    shared = held_a & (a == b)
    unshared = jnp.sum(held_a & ~shared) + jnp.sum(held_b & ~shared)
    a, b = jnp.where(shared & lost, 0, a), jnp.where(shared & lost, 0, b)
    kind = Tree._fields[element]
    return TreeEnds(
        ends.first._replace(**{kind: a}),
        ends.second._replace(**{kind: b}),
        jnp.where(odd % 2 == 1, -ends.sign, ends.sign),
        ends.unshared + unshared.astype(jnp.int32),
    )
