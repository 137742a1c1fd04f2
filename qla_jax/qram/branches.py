"""Sparse simulation of single branches: the n + k bits that travel through the tree, rather than the tree.

Elements at rest stay at rest, so a basis state is a list of bits with the place and the value of each. A place is an
integer: 2h in the carrier of node h, 2h + 1 in its router, -1 - s in slot s, 0 once lost; node 1 is the root, 2h and 2h
+ 1 are the children of node h. A bit that errors misroute also has a place, so the simulation is exact: `evolve` gives
the result of the whole tree (`tree.evolve`) under the same key. A step takes (n + k)^2 comparisons, independent of 2^n.

Example:
    >>> from qla_jax.qram.memories import memory
    >>> from qla_jax.qram.rates import depolarizing
    >>> mem = memory([3, 0, 2, 1], word_bits=2)
    >>> bool(intact(mem, depolarizing(0.0), jnp.array(2), key=jax.random.key(0)))
    True
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Int

from qla_jax._modes import varying_like
from qla_jax.qram.memories import Memory
from qla_jax.qram.rates import ErrorRates
from qla_jax.qram.scheduling import Tables
from qla_jax.qram.sites import draw, step_key

LOST = 0
ROOT = 2


class Branch(NamedTuple):
    """Basis state of one branch: address bits first, then word bits.

    Attributes:
        places: place of each bit.
        values: value of each bit, 0 or 1.
    """

    places: Int[Array, " bits"]
    values: Int[Array, " bits"]


class BranchEnds(NamedTuple):
    """Pair of branches after the read.

    Attributes:
        first: final places and values of the first branch.
        second: final places and values of the second branch.
        sign: product of the phases of both branches.
        unshared: number of bits that only one of them held where damping could strike.
    """

    first: Branch
    second: Branch
    sign: Array
    unshared: Array


def start(mem: Memory, address: Array) -> Branch:
    """Return the branch with its address in the slots and the word 0.

    Args:
        mem: memory that is read.
        address: address of the branch.
    """
    n, k = mem.address_bits, mem.word_bits
    bits = (address >> jnp.arange(n - 1, -1, -1, dtype=jnp.int32)) & 1
    return Branch(-1 - jnp.arange(n + k, dtype=jnp.int32), jnp.concatenate([bits, jnp.zeros(k, jnp.int32)]))


def with_word(mem: Memory, branch: Branch) -> Branch:
    """Return the branch after an ideal read, which adds its word to the slots, or takes it away again.

    Args:
        mem: memory that is read.
        branch: branch whose address is in the slots.
    """
    n = mem.address_bits
    address = jnp.sum(branch.values[:n] << jnp.arange(n - 1, -1, -1, dtype=jnp.int32), dtype=jnp.int32)
    return branch._replace(
        values=branch.values.at[n:].set(branch.values[n:] ^ varying_like(mem.bits, address)[address].astype(jnp.int32))
    )


def evolve(mem: Memory, noise: ErrorRates, first: Array, second: Array, *, key: Array) -> BranchEnds:
    """Read two addresses under the errors of one key.

    Args:
        mem: memory that is read.
        noise: error rates at its sites.
        first: address of the first branch.
        second: address of the second branch.
        key: random key of the errors.
    """

    def step(ends: BranchEnds, row: Tables) -> tuple[BranchEnds, None]:
        first, second = _gates(mem, row, ends.first), _gates(mem, row, ends.second)
        dice, dice_too = _dice(first, row, noise, key), _dice(second, row, noise, key)
        (first, flip), (second, flip_too) = _strike(first, dice), _strike(second, dice_too)
        sign = jnp.where(flip ^ flip_too, -ends.sign, ends.sign)
        return _damp(BranchEnds(first, second, sign, ends.unshared), dice, dice_too), None

    ends = BranchEnds(start(mem, first), start(mem, second), jnp.ones((), noise.x.dtype), jnp.zeros((), jnp.int32))
    return jax.lax.scan(step, varying_like(ends, mem.bits, noise, key, first, second), mem.plan.tables())[0]


def intact(mem: Memory, noise: ErrorRates, address: Array, *, key: Array, erase: bool = False) -> Bool[Array, ""]:
    """Return whether a branch comes back as without errors, phase included.

    The branch must also have held a bit at exactly as many sites as without errors, which makes damping the same for
    all intact branches. Damping itself is not simulated: it is a factor, see `bounds.infidelity_with`.

    Args:
        mem: memory of any size.
        noise: error rates at its sites.
        address: address of the branch.
        key: random key of the errors.
        erase: whether the word is in the slots already, so that the read takes it away.
    """
    begin = start(mem, address)
    begin, wanted = (with_word(mem, begin), begin) if erase else (begin, with_word(mem, begin))
    branch, flipped, held = _follow(mem, begin, noise, key)
    fits = jnp.all(branch.places == begin.places) & jnp.all(branch.values == wanted.values)
    return fits & ~flipped & (held == held_sites(mem))


def held_sites(mem: Memory) -> Int[Array, ""]:
    """Return the number of sites at which a branch without errors holds a bit, the same for all addresses.

    It equals `held_site_count`, but is counted along a simulated read.
    """
    return _follow(mem, start(mem, jnp.zeros((), jnp.int32)), None, None)[2]


def _follow(mem: Memory, begin: Branch, noise: ErrorRates | None, key: Array | None) -> tuple[Branch, Array, Array]:
    def step(carry: tuple[Branch, Array, Array], row: Tables) -> tuple[tuple[Branch, Array, Array], None]:
        branch, flipped, held = carry
        branch = _gates(mem, row, branch)
        held += jnp.sum(_struck(branch, row), dtype=jnp.int32)
        if noise is not None and key is not None:
            branch, flip = _strike(branch, _dice(branch, row, noise, key))
            flipped ^= flip
        return (branch, flipped, held), None

    carry = (begin, jnp.zeros((), bool), jnp.zeros((), jnp.int32))
    return jax.lax.scan(step, varying_like(carry, mem.bits, begin, noise, key), mem.plan.tables())[0]


def arrival(mem: Memory, branch: Branch) -> tuple[Array, Array]:
    """Return the address in the slots after the read, and whether the slots hold an address and its word.

    Args:
        mem: memory that was read.
        branch: branch after the read.
    """
    n = mem.address_bits
    slots = -1 - jnp.arange(branch.places.size, dtype=jnp.int32)
    there = branch.places[None, :] == slots[:, None]
    bits = jnp.sum(there * branch.values[None], axis=1, dtype=jnp.int32)
    address = jnp.sum(bits[:n] << jnp.arange(n - 1, -1, -1, dtype=jnp.int32))
    return address, jnp.all(there.any(axis=1)) & jnp.all(bits[n:] == varying_like(mem.bits, address)[address])


def left_behind(ends: BranchEnds) -> Bool[Array, ""]:
    """Return whether both branches leave the same bits in the tree, so that the tree does not distinguish them."""
    (a, v), (b, w) = ends.first, ends.second
    same = (a[:, None] == b[None]) & (v[:, None] == w[None])
    inside, inside_too = a >= ROOT, b >= ROOT
    return jnp.all(~inside | same.any(axis=1)) & (inside.sum() == inside_too.sum())


def _level(nodes: Array) -> Array:
    return 31 - jax.lax.clz(nodes)


def _gates(mem: Memory, row: Tables, branch: Branch) -> Branch:
    places, values = branch
    # A step has at most two exchanges, which follow each other. All other gates of a step act on different elements.
    for slot in row.exchange:
        outside = -1 - slot
        swapped = jnp.where(places == outside, ROOT, jnp.where(places == ROOT, outside, places))
        places = jnp.where(slot >= 0, swapped, places)
    inside, nodes = places >= ROOT, jnp.maximum(places >> 1, 1)
    levels, carried = _level(nodes), inside & (places & 1 == 0)
    down = carried & ((row.route >> levels) & 1 == 1)
    up = carried & (levels > 0) & ((row.route >> (levels - 1)) & 1 == 1)
    routers = jnp.where(up, nodes >> 1, nodes)
    # The bit of a router is found by comparing all places, (n + k)^2 comparisons instead of a tree of 2^n nodes.
    asked = places[None, :] == (2 * routers + 1)[:, None]
    points, side = asked.any(axis=1), jnp.sum(asked * values[None], axis=1, dtype=jnp.int32)
    reads = carried & (row.read >= 0) & (levels == mem.address_bits - 1) & points
    cells = jnp.clip(2 * nodes + side - (1 << mem.address_bits), 0, None)
    values = values ^ jnp.where(reads, varying_like(mem.bits, cells)[cells, row.read], 0).astype(jnp.int32)
    # A route swaps the carriers of parent and child, so bits on their way down and up move in the same step.
    moved = jnp.where(down & points, 2 * (2 * nodes + side), places)
    moved = jnp.where(up & points & (side == nodes & 1), 2 * (nodes >> 1), moved)
    stores = inside & ((row.store >> levels) & 1 == 1)
    # Carrier and router of node h have the places 2h and 2h + 1, so a store flips the last bit.
    return Branch(jnp.where(stores, moved ^ 1, moved), values)


class _Dice(NamedTuple):
    """Errors at the place of each bit, and whether an error can occur there."""

    struck: Array
    flips: Array
    phases: Array
    lost: Array


def _dice(branch: Branch, row: Tables, noise: ErrorRates, key: Array) -> _Dice:
    nodes, struck = jnp.maximum(branch.places >> 1, 1), _struck(branch, row)
    keys = jax.vmap(lambda element: step_key(row.step, element, key=key))(branch.places & 1)
    flips, phases, lost = jax.vmap(lambda key, node: draw(node[None], noise, key=key))(keys, nodes)
    return _Dice(struck, struck & flips[:, 0], struck & phases[:, 0], struck & lost[:, 0])


def _struck(branch: Branch, row: Tables) -> Array:
    return (branch.places >= ROOT) & (_level(jnp.maximum(branch.places >> 1, 1)) < row.active)


def _strike(branch: Branch, dice: _Dice) -> tuple[Branch, Array]:
    odd = jnp.sum(dice.phases & (branch.values == 1)) % 2 == 1
    return Branch(branch.places, branch.values ^ dice.flips), odd


def _damp(ends: BranchEnds, dice: _Dice, dice_too: _Dice) -> BranchEnds:
    (a, v), (b, w) = ends.first, ends.second
    same = (a[:, None] == b[None]) & (v[:, None] == w[None])
    shared, shared_too = same.any(axis=1), same.any(axis=0)
    unshared = jnp.sum(dice.struck & ~shared) + jnp.sum(dice_too.struck & ~shared_too)
    return ends._replace(
        first=Branch(jnp.where(dice.lost & shared, LOST, a), v),
        second=Branch(jnp.where(dice_too.lost & shared_too, LOST, b), w),
        unshared=ends.unshared + unshared.astype(jnp.int32),
    )
