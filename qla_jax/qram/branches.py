r"""The sparse simulation of one branch: not the tree but the n + k bits that travel in it.

Elements at rest stay at rest, so a basis state is the list of its bits: where each is, and its value. A bit has a
place, an integer: 2h in the carrier of node h, 2h + 1 in its router, -1 - s in slot s, 0 once lost; node 1 is the root,
2h and 2h + 1 are the children of node h. Wherever errors misroute a bit, it has a place: nothing is cut off, and
`evolve` gives what the whole tree gives (`tree.evolve`) under the same key. A step takes (n + k)^2 comparisons,
whatever 2^n is.

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
    """A basis state: address bits first, then word bits.

    Attributes:
        places: of the bits.
        values: 0 or 1.
    """

    places: Int[Array, " bits"]
    values: Int[Array, " bits"]


class BranchEnds(NamedTuple):
    """A pair of branches after the read.

    Attributes:
        first: where its bits are.
        second: where its bits are.
        sign: the product of their phases.
        unshared: how many bits one of them held alone where damping could strike.
    """

    first: Branch
    second: Branch
    sign: Array
    unshared: Array


def start(mem: Memory, address: Array) -> Branch:
    """The address in its slots, word 0."""
    n, k = mem.address_bits, mem.word_bits
    bits = (address >> jnp.arange(n - 1, -1, -1, dtype=jnp.int32)) & 1
    return Branch(-1 - jnp.arange(n + k, dtype=jnp.int32), jnp.concatenate([bits, jnp.zeros(k, jnp.int32)]))


def with_word(mem: Memory, branch: Branch) -> Branch:
    """The same with its word in the slots, from 0 or back to it, as an ideal read does."""
    n = mem.address_bits
    address = jnp.sum(branch.values[:n] << jnp.arange(n - 1, -1, -1, dtype=jnp.int32), dtype=jnp.int32)
    return branch._replace(
        values=branch.values.at[n:].set(branch.values[n:] ^ varying_like(mem.bits, address)[address].astype(jnp.int32))
    )


def evolve(mem: Memory, noise: ErrorRates, first: Array, second: Array, *, key: Array) -> BranchEnds:
    """Read both addresses under the errors of a key."""

    def step(ends: BranchEnds, row: Tables) -> tuple[BranchEnds, None]:
        first, second = _gates(mem, row, ends.first), _gates(mem, row, ends.second)
        dice, dice_too = _dice(first, row, noise, key), _dice(second, row, noise, key)
        (first, flip), (second, flip_too) = _strike(first, dice), _strike(second, dice_too)
        sign = jnp.where(flip ^ flip_too, -ends.sign, ends.sign)
        return _damp(BranchEnds(first, second, sign, ends.unshared), dice, dice_too), None

    ends = BranchEnds(start(mem, first), start(mem, second), jnp.ones((), noise.x.dtype), jnp.zeros((), jnp.int32))
    return jax.lax.scan(step, varying_like(ends, mem.bits, noise, key, first, second), mem.plan.tables())[0]


def intact(mem: Memory, noise: ErrorRates, address: Array, *, key: Array, erase: bool = False) -> Bool[Array, ""]:
    """Whether a branch comes back as without errors, phase and all, its bits never where damping counts differently.

    Damping itself is left out: it is a factor, see `bounds.infidelity_with`.

    Args:
        mem: of any size.
        noise: at its sites.
        address: of the branch.
        key: gives the errors.
        erase: read where the word is in the slots already, which takes it away.
    """
    begin = start(mem, address)
    begin, wanted = (with_word(mem, begin), begin) if erase else (begin, with_word(mem, begin))
    branch, flipped, held = _follow(mem, begin, noise, key)
    fits = jnp.all(branch.places == begin.places) & jnp.all(branch.values == wanted.values)
    return fits & ~flipped & (held == held_sites(mem))


def held_sites(mem: Memory) -> Int[Array, ""]:
    """Sites at which a branch without errors holds a bit: `held_site_count` by counting, the same for all addresses."""
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
    """The address that the slots hold in the end, and whether they hold one, and its word."""
    n = mem.address_bits
    slots = -1 - jnp.arange(branch.places.size, dtype=jnp.int32)
    there = branch.places[None, :] == slots[:, None]
    bits = jnp.sum(there * branch.values[None], axis=1, dtype=jnp.int32)
    address = jnp.sum(bits[:n] << jnp.arange(n - 1, -1, -1, dtype=jnp.int32))
    return address, jnp.all(there.any(axis=1)) & jnp.all(bits[n:] == varying_like(mem.bits, address)[address])


def left_behind(ends: BranchEnds) -> Bool[Array, ""]:
    """Whether both branches leave the same bits in the tree, so that it does not tell them apart."""
    (a, v), (b, w) = ends.first, ends.second
    same = (a[:, None] == b[None]) & (v[:, None] == w[None])
    inside, inside_too = a >= ROOT, b >= ROOT
    return jnp.all(~inside | same.any(axis=1)) & (inside.sum() == inside_too.sum())


def _level(nodes: Array) -> Array:
    return 31 - jax.lax.clz(nodes)


def _gates(mem: Memory, row: Tables, branch: Branch) -> Branch:
    places, values = branch
    for slot in row.exchange:
        outside = -1 - slot
        swapped = jnp.where(places == outside, ROOT, jnp.where(places == ROOT, outside, places))
        places = jnp.where(slot >= 0, swapped, places)
    inside, nodes = places >= ROOT, jnp.maximum(places >> 1, 1)
    levels, carried = _level(nodes), inside & (places & 1 == 0)
    down = carried & ((row.route >> levels) & 1 == 1)
    up = carried & (levels > 0) & ((row.route >> (levels - 1)) & 1 == 1)
    routers = jnp.where(up, nodes >> 1, nodes)
    asked = places[None, :] == (2 * routers + 1)[:, None]
    points, side = asked.any(axis=1), jnp.sum(asked * values[None], axis=1, dtype=jnp.int32)
    reads = carried & (row.read >= 0) & (levels == mem.address_bits - 1) & points
    cells = jnp.clip(2 * nodes + side - (1 << mem.address_bits), 0, None)
    values = values ^ jnp.where(reads, varying_like(mem.bits, cells)[cells, row.read], 0).astype(jnp.int32)
    moved = jnp.where(down & points, 2 * (2 * nodes + side), places)
    moved = jnp.where(up & points & (side == nodes & 1), 2 * (nodes >> 1), moved)
    stores = inside & ((row.store >> levels) & 1 == 1)
    return Branch(jnp.where(stores, moved ^ 1, moved), values)


class _Dice(NamedTuple):
    """What strikes each bit where it is: whether anything can, and which."""

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
