r"""Schedule of the bucket brigade: the gates of each of its $T = 6n + 2k$ steps.

The cells of the memory are the leaves below a binary tree of $2^n - 1$ nodes. A node has a **router**, a qutrit {wait,
left, right}, and a **carrier**, a qutrit {vacuum, 0, 1}. Outside the tree are n address slots and k word slots. The
gates are:

* `exchange(slot)` swaps a slot with the carrier of the root;
* `route(level)` swaps the carrier of each node of a level with that of the child its router points to, if any;
* `store(level)` swaps the router of each node of a level with its carrier (wait/left/right for vacuum/0/1);
* `read(bit)` flips the carrier of each node of the last level where the cell its router points to has that bit.

Bits follow each other at a distance of two steps; steps are counted from 1. Address bit m enters in step 2m + 1, passes
one level per step, and becomes the router of level m in step 3m + 2. Word bit j enters after the address in step 2(n +
j) + 1, is read in step 3n + 2j + 1 and leaves in step 4n + 2j + 1. On its way up it meets later word bits on their way
down, and the same swap moves both. The address leaves in reverse: the gates of step t are undone in step T + 1 - t.
This is one step later than possible; without the wait the published count would be smaller by one.

**Sites of errors.** After step t errors may strike the two elements of each node in the levels with a number below
$L(t) = \min(\lfloor t/3\rfloor,\ n - 1,\ \lfloor(T - t)/3\rfloor)$: the levels whose routers neither step t nor step t
+ 1 writes, without the last level, which the published count leaves out. The number of sites on the path to any one
cell is
$$S(n, k) = 2\sum_t L(t) = (n - 1)(6n + 4k + 2)$$
which is quadratic in n and linear in k. At $H(n, k) = (n - 1)(4n + 4k + 1)$ of these sites the path holds a bit; at all
others its elements are at rest. If errors may strike all levels after every step, the counts are $2nT = n(12n + 4k)$
and $n(4n + 4k + 1)$.

Example:
    >>> plan = schedule(3, 1)
    >>> plan.steps, site_count(3, 1), held_site_count(3, 1)
    (20, 48, 34)
    >>> [str(gate) for gate in plan.layers[9]], plan.active
    (['read(0)'], (0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 0, 0, 0))

References:
    Giovannetti, Lloyd, Maccone (2008), the bucket brigade. https://arxiv.org/abs/0708.1879
    Hann, Lee, Girvin, Jiang (2021), its pipelined circuit with qutrits. https://arxiv.org/abs/2012.05340
    Wang et al. (2025), the count of sites. https://arxiv.org/abs/2503.13832
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from qla_jax._checks import as_integer

MAX_ADDRESS_BITS = 28
"""Largest n for which twice the number of a node, plus an element, fits into 32 bits."""
NONE = -1


class RouterGate(NamedTuple):
    """Gate on the root and a slot, on all nodes of a level, or on the cells.

    Attributes:
        kind: exchange, route, store or read.
        place: slot, level or bit; word bit j has slot n + j.
    """

    kind: str
    place: int

    def __str__(self) -> str:
        return f"{self.kind}({self.place})"


class Tables(NamedTuple):
    """Schedule as arrays with a row for each step, for loops over steps.

    Attributes:
        step: number of the step, from 1.
        exchange: up to two slots, in order, -1 for none.
        route: levels as bits of an integer.
        store: levels as bits of an integer.
        read: bit that is read, -1 for none.
        active: number of levels, from the root, that errors may strike after the step.
    """

    step: Array
    exchange: Array
    route: Array
    store: Array
    read: Array
    active: Array


class Schedule(NamedTuple):
    """Schedule of a memory's read; static and hashable.

    Attributes:
        address_bits: number n of address bits.
        word_bits: number k of bits of a word.
        layers: gates of each step. They act on different elements, except for two exchanges, which follow each other.
        active: number of levels, from the root, that errors may strike after each step.
    """

    address_bits: int
    word_bits: int
    layers: tuple[tuple[RouterGate, ...], ...]
    active: tuple[int, ...]

    @property
    def steps(self) -> int:
        """Number T of steps."""
        return len(self.layers)

    def tables(self) -> Tables:
        """Return the schedule as arrays, for loops over steps."""
        slots = [[gate.place for gate in layer if gate.kind == "exchange"] for layer in self.layers]
        reads = [[gate.place for gate in layer if gate.kind == "read"] for layer in self.layers]
        return Tables(
            step=jnp.arange(1, self.steps + 1, dtype=jnp.int32),
            exchange=jnp.array([[*row, NONE, NONE][:2] for row in slots], jnp.int32),
            route=_as_bits(self.layers, "route"),
            store=_as_bits(self.layers, "store"),
            read=jnp.array([(row or [NONE])[0] for row in reads], jnp.int32),
            active=jnp.array(self.active, jnp.int32),
        )


def schedule(address_bits: int, word_bits: int, *, all_levels: bool = False) -> Schedule:
    """Return the schedule of a read of a memory of 2^n words of k bits.

    Args:
        address_bits: number n of address bits.
        word_bits: number k of bits of a word.
        all_levels: whether errors may strike all n levels after every step, instead of those of the count.

    Raises:
        ValueError: `address_bits` no integer from 1 to 28, or `word_bits` none of at least 1.

    Example:
        >>> plan = schedule(3, 1)
        >>> plan.steps, [str(gate) for gate in plan.layers[9]]
        (20, ['read(0)'])
    """
    n, k = check_sizes(address_bits, word_bits)
    steps = 6 * n + 2 * k
    plan: list[set[RouterGate]] = [set() for _ in range(steps + 1)]
    for bit in range(n):
        for step, gate in _way_down(bit, bit) | {(3 * bit + 2, RouterGate("store", bit))}:
            plan[step].add(gate)
            plan[steps + 1 - step].add(gate)
    for bit in range(k):
        down = _way_down(n + bit, n - 1)
        middle = 3 * n + 2 * bit + 1
        plan[middle].add(RouterGate("read", bit))
        for step, gate in down:
            plan[step].add(gate)
            plan[2 * middle - step].add(gate)
    active = [min(step // 3, n - 1, (steps - step) // 3) for step in range(1, steps + 1)]
    layers = tuple(
        tuple(sorted(layer)) for layer in plan[1:]
    )  # of two exchanges the one of the earlier bit, which leaves, comes first
    return Schedule(n, k, layers, (n,) * steps if all_levels else tuple(active))


def site_count(address_bits: int, word_bits: int, *, all_levels: bool = False) -> int:
    """Return S, the number of sites on the path to a cell: (n - 1)(6n + 4k + 2), or n(12n + 4k) at all levels.

    Args:
        address_bits: number n of address bits.
        word_bits: number k of bits of a word.
        all_levels: whether errors may strike all levels after every step.

    Raises:
        ValueError: what `schedule` raises.

    Example:
        >>> site_count(3, 1), site_count(3, 1, all_levels=True)
        (48, 120)
    """
    n, k = check_sizes(address_bits, word_bits)
    return n * (12 * n + 4 * k) if all_levels else (n - 1) * (6 * n + 4 * k + 2)


def held_site_count(address_bits: int, word_bits: int, *, all_levels: bool = False) -> int:
    """Return H, the number of sites where an element of the path holds a bit: (n - 1)(4n + 4k + 1), or n(4n + 4k + 1).

    Routers hold a bit at (n - 1)(3n + 2k + 1) sites, and carriers at (n - 1)(n + 2k). If errors may strike all levels,
    each bit counts from its first exchange to its last: address bit m for T - 4m - 1 steps, a word bit for 2n.

    Args:
        address_bits: number n of address bits.
        word_bits: number k of bits of a word.
        all_levels: whether errors may strike all levels after every step.

    Raises:
        ValueError: what `schedule` raises.

    Example:
        >>> held_site_count(3, 1), held_site_count(3, 1, all_levels=True)
        (34, 51)
    """
    n, k = check_sizes(address_bits, word_bits)
    return (n if all_levels else n - 1) * (4 * n + 4 * k + 1)


def check_sizes(address_bits: int, word_bits: int) -> tuple[int, int]:
    """Return both sizes of a memory as integers.

    Args:
        address_bits: number n of address bits.
        word_bits: number k of bits of a word.

    Raises:
        ValueError: sizes of which there is no memory.
    """
    return as_integer("address_bits", address_bits, 1, MAX_ADDRESS_BITS), as_integer("word_bits", word_bits, 1)


def _way_down(slot: int, level: int) -> set[tuple[int, RouterGate]]:
    """Return the steps and gates that take the bit of a slot to the carrier of a level."""
    enters = 2 * slot + 1
    return {(enters, RouterGate("exchange", slot))} | {(enters + 1 + l, RouterGate("route", l)) for l in range(level)}


def _as_bits(layers: tuple[tuple[RouterGate, ...], ...], kind: str) -> Array:
    levels = [sum(1 << gate.place for gate in layer if gate.kind == kind) for layer in layers]
    return jnp.array(levels, jnp.int32)
