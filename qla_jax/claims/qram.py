"""Claims about reads of a noisy memory: the number of sites, good branches, and the fidelity.

References:
    Hann, Lee, Girvin, Jiang (2021). https://arxiv.org/abs/2012.05340
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, appendix F. https://arxiv.org/abs/2402.18940
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qla_jax.claims.engine.claim import Instance, Sides, claim
from qla_jax.claims.engine.instances import magnitude, unit_vector
from qla_jax.qram.exact import exact_fidelity
from qla_jax.qram.good import fidelity_bound, trajectory_bound
from qla_jax.qram.memories import Memory, memory
from qla_jax.qram.rates import amplitude_damping, depolarizing, noise
from qla_jax.qram.scheduling import held_site_count, schedule, site_count
from qla_jax.qram.tree import trajectory_fidelity

LONGEST = 8
"""Largest number of bits of a word for which sites are counted."""


def _cells(size: int) -> Memory:
    """Return a memory of 2^size words of one bit."""
    return memory(np.array([1, 0, 0, 1, 0, 1, 0, 0][: 1 << size]), word_bits=1)


def lengths(size: int, *, key: Array) -> Instance:
    """Draw a length of words for an address of a given size.

    Args:
        size: number n of address bits.
        key: random key of the draw.
    """
    return {"word": jax.random.randint(key, (), 1, LONGEST + 1).astype(float), "address": jnp.asarray(float(size))}


def rate_and_amplitudes(size: int, most: float = 0.1, *, key: Array) -> Instance:
    """Draw an error rate and amplitudes for all addresses.

    Args:
        size: number n of address bits.
        most: largest rate.
        key: random key of the draw.
    """
    first, second = jax.random.split(key)
    return {"rate": magnitude(1e-5, most, key=first), "amplitudes": unit_vector(1 << size, key=second)}


def errors_and_amplitudes(size: int, *, key: Array) -> Instance:
    """Draw an error rate, amplitudes for all addresses, and a seed for errors.

    Args:
        size: number n of address bits.
        key: random key of the draw.
    """
    first, second = jax.random.split(key)
    seed = jax.random.randint(first, (), 0, 1 << 20).astype(float)
    return {"seed": seed, **rate_and_amplitudes(size, key=second)}


@claim(
    source="derived, for Wang et al. (2025) and appendix F",
    statement="The number of error sites on the path to a cell in the schedule is quadratic in n and linear in k.",
    formula=r"2\textstyle\sum_tL(t) = (n-1)(6n+4k+2)",
    relation="==",
    draw=lengths,
    sizes=(2, 8, 20),
    over=range(2, 21),
)
def qram_sites(instance: Instance) -> Sides:
    """The sites are counted step by step in the package's schedule, for words of one to eight bits."""
    n, k = instance["address"], instance["word"]
    sizes = range(2, 21)
    counted = jnp.array([[2.0 * sum(schedule(a, b).active) for b in range(1, LONGEST + 1)] for a in sizes])
    return Sides(counted[n.astype(int) - sizes[0], k.astype(int) - 1], (n - 1) * (6 * n + 4 * k + 2))


@claim(
    source="Hann et al. (2021), section III",
    statement="The fidelity of a read is at least that of good branches against all others.",
    formula=r"F \ge \max(2\Lambda - 1, 0)^2",
    relation=">=",
    draw=errors_and_amplitudes,
    sizes=(3,),
    over=(3,),
)
def qram_good_branches(instance: Instance) -> Sides:
    """The instance is one trajectory of Pauli errors on eight cells with any amplitudes.

    The bound is attained without errors.
    """
    key = jax.random.key(instance["seed"].astype(int))
    third = 0.1 * instance["rate"]
    rates, amplitudes, mem = noise(x=third, y=third, z=third), instance["amplitudes"], _cells(3)
    return Sides(
        trajectory_fidelity(mem, rates, amplitudes, key=key), trajectory_bound(mem, rates, amplitudes, key=key)
    )


@claim(
    source="Hann et al. (2021), section III",
    statement="The infidelity of a read grows as steps times levels, for any noise and amplitudes.",
    formula=r"1 - F \le 4\varepsilon T\log_2N",
    draw=partial(rate_and_amplitudes, most=1 / 224),
    sizes=(2,),
    over=(2,),
    loose=True,
)
def qram_infidelity(instance: Instance) -> Sides:
    """The fidelity comes from the density matrix of four cells under depolarization.

    Epsilon is the error of a node, which has two elements, per step. Rates end at 1/224, where the bound reaches 1 and
    becomes empty.
    """
    rate = instance["rate"]
    fidelity = exact_fidelity(_cells(2), depolarizing(rate), instance["amplitudes"])
    return Sides(1 - fidelity, 4 * (1 - (1 - rate) ** 2) * schedule(2, 1).steps * 2)


@claim(
    source="derived, for Hann et al. (2021), section III",
    statement="The sites of the schedule alone bound the fidelity, by convexity, for any amplitudes.",
    formula=r"F \ge \max(2(1-p)^S - 1, 0)^2 \ge 1 - 4pS",
    relation=">=",
    draw=partial(rate_and_amplitudes, most=0.03),
    sizes=(2,),
    over=(2,),
)
def qram_bound(instance: Instance) -> Sides:
    """The fidelity comes from the density matrix of four cells under depolarization, with S = 18.

    Rates end where the bound is still positive.
    """
    rate = instance["rate"]
    fidelity = exact_fidelity(_cells(2), depolarizing(rate), instance["amplitudes"])
    bound = fidelity_bound(2, 1, rate)
    return Sides(fidelity, jnp.maximum(bound, 1 - 4 * site_count(2, 1) * rate))


@claim(
    source="derived, for appendix F",
    statement="Under damping a read succeeds if no held bit is lost, and all branches hold equally many bits.",
    formula=r"F = (1-\gamma)^{(n-1)(4n+4k+1)}",
    relation="==",
    draw=rate_and_amplitudes,
    sizes=(2,),
    over=(2,),
)
def qram_damping(instance: Instance) -> Sides:
    """The fidelity comes from the density matrix of four cells, where H = 13."""
    fidelity = exact_fidelity(_cells(2), amplitude_damping(instance["rate"]), instance["amplitudes"])
    return Sides(fidelity, (1 - instance["rate"]) ** held_site_count(2, 1))


CLAIMS = (
    qram_sites,
    qram_good_branches,
    qram_infidelity,
    qram_bound,
    qram_damping,
)
