r"""Good branches: the weight of a superposition that no error touches, and bounds on the fidelity from it.

An error at a node kills the addresses below the node, which are an interval. The weight of all other addresses is
$\Lambda$. For any Pauli errors $\langle\psi|\rho|\psi\rangle \ge (2\Lambda - 1)^2$ where $\Lambda \ge 1/2$: good
branches arrive together, and the killed ones, of weight $1 - \Lambda$, can at most subtract from them. Equality holds,
for instance, if one phase error changes the sign of all killed branches. If all killed branches miss their word or
leave different trees, the fidelity is at least $\Lambda^2$.

An error strikes each of the S sites on a path with probability p, so with any amplitudes
$$E[\Lambda] = (1-p)^S, \qquad F \ge \max(2(1-p)^S - 1,\,0)^2 \ge 1 - 4pS,$$
and $pS \le \varepsilon T\log_2 N$ if $\varepsilon = 1 - (1-p)^2$ is the error of a node per step. In this form the
bound $1 - F \le 4\varepsilon T\log N$ is usually written (with 2p for $\varepsilon$: $S \le 2nT$). With equal
amplitudes the tree is a branching process: nodes of a level without an error above them are independent. So $\Lambda$
is drawn exactly by one binomial number for each level, and its second moment has a closed form.

Example:
    >>> bool(fidelity_bound(20, 4, 1e-5) <= good_moments(20, 4, 1e-5).squared)
    True

References:
    Hann, Lee, Girvin, Jiang (2021), section III and appendix. https://arxiv.org/abs/2012.05340
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Int

from qla_jax._checks import as_integer, is_concrete, require, require_key
from qla_jax._modes import varying_like
from qla_jax.qram._checks import as_amplitudes, as_whole_numbers, nan_unless_finite
from qla_jax.qram.memories import Memory
from qla_jax.qram.rates import ErrorRates, as_rate, missed
from qla_jax.qram.scheduling import MAX_ADDRESS_BITS, Schedule, schedule, site_count
from qla_jax.qram.sites import draw, step_key
from qla_jax.qram.tree import MAX_TREE_BITS


class Moments(NamedTuple):
    r"""Moments of $\Lambda$ with equal amplitudes.

    Attributes:
        mean: $E[\Lambda]$.
        square: $E[\Lambda^2]$.
    """

    mean: Array
    square: Array

    @property
    def squared(self) -> Array:
        r"""$E[(2\Lambda - 1)^2]$, a lower bound of the fidelity if $\Lambda$ is never below 1/2."""
        return 4 * self.square - 4 * self.mean + 1


def fidelity_bound(address_bits: int, word_bits: int, rate: ArrayLike, *, all_levels: bool = False) -> Array:
    r"""Return the lower bound $\max(2(1-p)^S - 1, 0)^2$ of the fidelity under Pauli noise, for any amplitudes.

    The bound follows from $E[\max(2\Lambda - 1, 0)^2]$ by convexity. It is differentiable in the rate. A traced rate
    outside [0, 1] gives NaN.

    Args:
        address_bits: number n of address bits.
        word_bits: number k of bits of a word.
        rate: probability p of an error at a site.
        all_levels: whether errors may strike all levels after every step, as for the memory.

    Raises:
        ValueError: what `schedule` raises, or a rate outside of [0, 1], where that can be seen.

    Example:
        >>> round(float(fidelity_bound(20, 4, 1e-5)), 4)
        0.8992
    """
    rate = as_rate("rate", rate)
    killed = missed(rate, site_count(address_bits, word_bits, all_levels=all_levels))
    return nan_unless_finite(jnp.maximum(1 - 2 * killed, 0) ** 2, rate)


def good_moments(address_bits: int, word_bits: int, rate: ArrayLike, *, all_levels: bool = False) -> Moments:
    """Return the first two moments of the weight of good branches in closed form, with equal amplitudes.

    Two random cells share the path above the first bit in which they differ, which gives the second moment.

    Args:
        address_bits: number n of address bits.
        word_bits: number k of bits of a word.
        rate: probability p of an error at a site.
        all_levels: whether errors may strike all levels after every step, as for the memory.

    Raises:
        ValueError: what `schedule` raises, or a rate outside of [0, 1], where that can be seen.

    Example:
        >>> round(float(good_moments(20, 4, 1e-5).squared), 4)  # above `fidelity_bound(20, 4, 1e-5)`
        0.917
    """
    rate = as_rate("rate", rate)
    plan = schedule(address_bits, word_bits, all_levels=all_levels)
    shared = np.cumsum(_sites(plan))
    apart = 0.5 ** np.arange(1, plan.address_bits + 1)
    sites, chances = np.append(2 * shared[-1] - shared, shared[-1]), np.append(apart, apart[-1])
    one = missed(rate, shared[-1])
    either = jnp.sum(jnp.asarray(chances, rate.dtype) * missed(rate, sites))
    return Moments(nan_unless_finite(1 - one, rate), nan_unless_finite(1 - either, rate))


def draw_good(address_bits: int, word_bits: int, rate: ArrayLike, *, key: Array, all_levels: bool = False) -> Array:
    r"""Draw the weight $\Lambda$ of good branches of one trajectory with equal amplitudes, exactly in law.

    The draw takes n steps, independent of 2^n; use `jax.vmap` over keys for many. It has no derivative in the rate,
    unlike `good_moments`.

    Args:
        address_bits: number n of address bits.
        word_bits: number k of bits of a word.
        rate: probability p of an error at a site.
        key: random key of the draw.
        all_levels: whether errors may strike all levels after every step, as for the memory.

    Raises:
        ValueError: what `schedule` raises, or a rate outside of [0, 1], where that can be seen.

    Example:
        >>> float(draw_good(20, 4, 0.0, key=jax.random.key(0)))
        1.0
    """
    require_key("key", key)
    rate = as_rate("rate", rate)
    plan = schedule(address_bits, word_bits, all_levels=all_levels)
    possible = jnp.where(jnp.isfinite(rate), rate, 0)  # the sampler might not terminate on NaN
    good = varying_like(jnp.ones((), rate.dtype), rate, key)
    for level, sites in enumerate(_sites(plan)):
        good = good if level == 0 else 2 * good
        if sites:
            chance = missed(possible, sites)
            # Nodes of a level without an error above them are independent, so one binomial number draws those that are
            # cut off.
            good -= jax.random.binomial(jax.random.fold_in(key, level), good, chance, dtype=rate.dtype)
    return nan_unless_finite(good / (1 << (plan.address_bits - 1)), rate)


def good_weight(address_bits: int, nodes: Int[Array, " errors"], amplitudes: Array | None = None) -> Array:
    r"""Return the weight $\Lambda$ of good branches for given errors, in $O(m\log m)$ for m errors.

    The intervals that errors kill are sorted and merged.

    Args:
        address_bits: number n of address bits.
        nodes: nodes with an error: 1 for the root, 2h and 2h + 1 for the children of h, and 0 for no error.
        amplitudes: amplitudes of the addresses, a unit vector; all equal by default.

    Returns:
        A weight in [0, 1]. It is NaN where a traced node is not in the tree or traced amplitudes are no unit vector.

    Raises:
        ValueError: no such n, nodes that are no integers from 0 to 2^n - 1, or amplitudes of another shape or norm.

    Example:
        >>> float(good_weight(2, jnp.array([3])))  # an error above half of the cells
        0.5
    """
    address_bits = as_integer("address_bits", address_bits, 1, MAX_ADDRESS_BITS)
    nodes, there = _as_nodes(address_bits, nodes)
    level = 31 - jax.lax.clz(jnp.maximum(nodes, 1).astype(jnp.int32))
    none = nodes == 0
    low = jnp.where(none, 0, (nodes - (1 << level)) << (address_bits - level))
    high = jnp.where(none, 0, low + (1 << (address_bits - level)))
    order = jnp.argsort(low)
    low, high = low[order], high[order]
    before = jnp.concatenate([jnp.zeros(1, high.dtype), jax.lax.cummax(high)[:-1]])
    # Each interval is cut where an earlier one covers it, so that the lengths add up to that of the union.
    low = jnp.minimum(jnp.maximum(low, before), high)
    if amplitudes is None:
        return jnp.where(there, 1 - jnp.sum(high - low) / (1 << address_bits), jnp.nan)
    amplitudes = as_amplitudes(address_bits, amplitudes, jnp.result_type(float))
    weights = jnp.concatenate([jnp.zeros(1, amplitudes.real.dtype), jnp.cumsum(jnp.abs(amplitudes) ** 2)])
    good = 1 - jnp.sum(weights[high] - weights[low])
    return nan_unless_finite(jnp.where(there, good, jnp.nan), amplitudes)


def _as_nodes(address_bits: int, nodes: ArrayLike) -> tuple[Int[Array, " errors"], Array]:
    """Return the nodes as integers, and whether all of them are nodes of the tree or 0."""
    array, last = jnp.asarray(as_whole_numbers("nodes", nodes)), (1 << address_bits) - 1
    require(array.ndim == 1, f"`nodes` must have 1 axis, but has shape {array.shape}.")
    array = array.astype(jnp.promote_types(array.dtype, jnp.int32))
    there = (array >= 0) & (array <= last)
    if is_concrete(array):
        wrong = np.asarray(array)[~np.asarray(there)]
        require(not wrong.size, f"`nodes` must be from 0 to {last}, but one is {wrong[:1].sum()}.")
    return jnp.where(there, array, 0).astype(jnp.int32), there.all()


def struck_nodes(mem: Memory, noise: ErrorRates, *, key: Array) -> Int[Array, " nodes"]:
    """Return the nodes that the errors of a key strike in a small memory.

    Tests compare `good_weight` of these nodes with simulations. Every site of the schedule counts, held or not; damping
    does not.

    Args:
        mem: memory that is read.
        noise: error rates at its sites.
        key: random key of the errors.

    Returns:
        Number of the node where it is struck, 0 elsewhere.

    Raises:
        ValueError: too large a memory.
    """
    require_key("key", key)
    n = mem.address_bits
    require(n <= MAX_TREE_BITS, f"`mem` must have at most {MAX_TREE_BITS} address bits here, but has {n}.")
    nodes = jnp.arange(1, 1 << n, dtype=jnp.int32)
    rows = mem.plan.tables()

    def errors(step: Array, active: Array, element: int) -> Array:
        flips, phases, _ = draw(nodes, noise, key=step_key(step, element, key=key))
        return (flips | phases) & (31 - jax.lax.clz(nodes) < active)

    struck = [jax.vmap(lambda step, active, e=e: errors(step, active, e))(rows.step, rows.active) for e in (0, 1)]
    return jnp.where(struck[0].any(axis=0) | struck[1].any(axis=0), nodes, 0)


def trajectory_bound(mem: Memory, noise: ErrorRates, amplitudes: Array | None = None, *, key: Array) -> Array:
    r"""Return $\max(2\Lambda - 1, 0)^2$ under the errors of a key, a lower bound of `trajectory_fidelity`.

    Args:
        mem: memory that is read.
        noise: error rates at its sites.
        amplitudes: amplitudes of the addresses, a unit vector; all equal by default.
        key: random key of the errors.

    Raises:
        ValueError: too large a memory, or amplitudes of another shape or norm.
    """
    require_key("key", key)
    amplitudes = as_amplitudes(mem.address_bits, amplitudes, noise.x.dtype)
    good = good_weight(mem.address_bits, struck_nodes(mem, noise, key=key), amplitudes)
    return nan_unless_finite(jnp.maximum(2 * good - 1, 0) ** 2, noise)


def _sites(plan: Schedule) -> list[int]:
    """Return the number of sites of errors at a node of each level."""
    return [2 * sum(active > level for active in plan.active) for level in range(plan.address_bits)]
