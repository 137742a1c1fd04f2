r"""Multinomial sampling of the outcomes of N measurements, at a cost that hardly depends on N.

Given their sum T, independent Poisson counts of rates $\lambda p_i$ are multinomial in T trials. Counts whose sum
satisfies $N - c \le T \le N$, completed by $N - T$ further trials, are hence exactly multinomial in N trials, because
acceptance depends on T alone. With $\lambda = N - 4\sqrt N$ and $c = 8\sqrt N$ about one run in twenty thousand is
repeated. The remaining trials are made in the same way while there may be many, and the last few one by one.

Poisson counts are made by transformed rejection, with the logarithm of their law by a deviance without cancellation
(Loader). A single trial uses the binary tree of the probabilities. No step subtracts large numbers. Also in single
precision the law is hence that of probabilities within a few units of rounding of the given ones.

Example:
    >>> counts = multinomial(1000, jnp.array([0.5, 0.5, 0.0]), key=jax.random.key(0))
    >>> int(counts.sum()), int(counts[2])
    (1000, 0)

References:
    Hormann (1993), The transformed rejection method for generating Poisson random variables, algorithm PTRS.
    https://doi.org/10.1016/0167-6687(93)90997-4
    Loader (2000), Fast and accurate computation of binomial probabilities.
"""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Int

from qla_jax._checks import as_inexact, as_integer, is_concrete, require, require_key
from qla_jax._modes import varying_like

SMALL = 10.0
"""Rate below which Poisson counts are numbers of exponential gaps; the rejection of PTRS needs a larger rate."""
ALONE = 256
"""Largest number of trials that are all made one by one."""
LEFT_OVER = 1 << 18
"""Largest number of trials that are made one by one after a round of Poisson counts; more take another round."""

_EXACT_LOGS = tuple(math.lgamma(k + 1) - (k * math.log(k) - k if k else 0.0) for k in range(16))


def counting_dtype() -> jnp.dtype:
    """Return the dtype of counts: integers of 64 bits in double precision, of 32 bits in single precision."""
    return jnp.dtype(jnp.result_type(int))


def as_whole(name: str, value: Any) -> int:
    """Return a checked integer that is known before tracing.

    Args:
        name: name of the argument, for error messages.
        value: integer to check.

    Raises:
        ValueError: a traced value, another type, or a boolean.
    """
    require(is_concrete(value), f"`{name}` must be an integer known before tracing, but is traced.")
    return as_integer(name, value)


def require_countable(name: str, value: int) -> int:
    """Return a checked number of shots or queries that the integers of this precision can hold.

    Args:
        name: name of the argument, for error messages.
        value: number to check.

    Raises:
        ValueError: a value that is no integer, below 1, or too large.
    """
    value = as_whole(name, value)
    require(value >= 1, f"`{name}` must be at least 1, but is {value}.")
    return within_integers(f"`{name}`", value)


def within_integers(subject: str, value: int) -> int:
    """Return a number that is checked to fit in arrays of counts.

    Args:
        subject: description of the number, for error messages.
        value: number to check.

    Raises:
        ValueError: a number above the largest integer.
    """
    dtype = counting_dtype()
    largest, hint = jnp.iinfo(dtype).max, "" if dtype == jnp.int64 else " without JAX_ENABLE_X64"
    require(value <= largest, f"{subject} must be at most {largest}{hint}, but is {value}.")
    return value


def multinomial(trials: int, probabilities: Float[Array, " d"], *, key: Array) -> Int[Array, " d"]:
    """Return the counts of each outcome in N independent trials.

    Args:
        trials: number N of trials, static.
        probabilities: probabilities up to a common factor, not negative. Where one is negative, or the sum is not
            positive and finite, all counts are 0.
        key: random key.

    Raises:
        ValueError: no trials, or more than an integer of this precision holds.
    """
    require_key("key", key)
    weights = jax.lax.stop_gradient(as_inexact("probabilities", probabilities))
    require(weights.ndim == 1 and weights.size > 0, f"`probabilities` must have one axis, but have {weights.shape}.")
    return _drawn(key, require_countable("trials", trials), weights)


@partial(jax.jit, static_argnums=1)
def _drawn(key: Array, trials: int, weights: Array) -> Array:
    total = weights.sum()
    possible = (total > 0) & jnp.isfinite(total) & (weights.min() >= 0)
    # Each round leaves at most 8 sqrt(N) + 8 trials, a static number, so that the loop below unrolls to a few rounds.
    tree = _tree(jnp.where(possible, weights, 1))
    key, single_key = jax.random.split(key)
    shares = tree[-1][: weights.size] / tree[0][0]
    counts, most = jnp.zeros(weights.size, counting_dtype()), trials
    while most > (ALONE if most == trials else LEFT_OVER):
        key, bulk_key = jax.random.split(key)
        counts = counts + _bulk(bulk_key, shares, trials - counts.sum())
        most = 8 * math.isqrt(most) + 8
    return jnp.where(possible, counts + _singles(single_key, tree, most, trials - counts.sum(), weights.size), 0)


def _bulk(key: Array, shares: Array, trials: Array) -> Array:
    """Return Poisson counts that leave at most 8 sqrt(trials) + 8 of the trials."""
    spread = jnp.sqrt(trials.astype(shares.dtype))
    rates = shares * jnp.maximum(trials - 4 * spread, 0)
    return _accepted(key, rates, trials - jnp.ceil(8 * spread).astype(trials.dtype), trials)


def poisson(rates: Float[Array, " d"], *, key: Array) -> Int[Array, " d"]:
    """Return independent Poisson counts.

    Args:
        rates: rate of each count.
        key: random key.
    """
    require_key("key", key)
    first, second = jax.random.split(key)
    large = rates >= SMALL
    by_gaps = _by_gaps(first, jnp.where(large, 0, rates))
    return jnp.where(large, _by_rejection(second, jnp.where(large, rates, SMALL), large), by_gaps)


def _accepted(key: Array, rates: Array, fewest: Array, most: Array) -> Array:
    """Return Poisson counts conditioned on a sum within an interval, by repetition."""

    def outside(state: tuple[Array, Array]) -> Array:
        total = state[1].sum()
        return (total < fewest) | (total > most)

    def again(state: tuple[Array, Array]) -> tuple[Array, Array]:
        key, now = jax.random.split(state[0])
        return key, poisson(rates, key=now)

    start = varying_like((key, jnp.zeros(rates.shape, counting_dtype())), rates, fewest, most, key)
    return jax.lax.while_loop(outside, again, start)[1]


def _by_gaps(key: Array, rates: Array) -> Array:
    """Return Poisson counts as the numbers of consecutive exponential gaps that fit in the rates."""

    def step(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        key, reached, count = state
        key, now = jax.random.split(key)
        reached = reached + jax.random.exponential(now, rates.shape, rates.dtype)
        return key, reached, count + (reached <= rates)

    start = varying_like((key, jnp.zeros_like(rates), jnp.zeros(rates.shape, counting_dtype())), rates, key)
    return jax.lax.while_loop(lambda state: jnp.any(state[1] <= rates), step, start)[2]


def _by_rejection(key: Array, rates: Array, wanted: Array) -> Array:
    """Return Poisson counts by the transformed rejection of Hormann, algorithm PTRS."""
    # The quick-accept tests of PTRS are left out: they would save logarithms only where all lanes agreed.
    b = 0.931 + 2.53 * jnp.sqrt(rates)
    a = -0.059 + 0.02483 * b
    log_alpha = jnp.log(1.1239 + 1.1328 / (b - 3.4))
    floor = jnp.floor(rates)
    fraction, whole = rates - floor, floor.astype(counting_dtype())

    def step(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        key, open_, found = state
        key, now = jax.random.split(key)
        u, v = jax.random.uniform(now, (2, *rates.shape), rates.dtype)
        u, v = u - 0.5, 1 - v
        us = jnp.maximum(0.5 - jnp.abs(u), jnp.finfo(rates.dtype).tiny)
        # The offset from the mean is drawn, since the count itself may exceed what floats hold exactly.
        offset = jnp.floor((2 * a / us + b) * u + fraction + 0.43)
        inside = (offset >= -floor) & (offset <= floor + 1000)  # the law itself is below 1e-100 beyond
        offset = jnp.where(inside, offset, 0)
        count = floor + offset
        log_law = -rates * deviance((offset - fraction) / rates) - log_excess(count)
        accepted = open_ & inside & (jnp.log(v) + log_alpha - jnp.log(a / (us * us) + b) <= log_law)
        return key, open_ & ~accepted, jnp.where(accepted, whole + offset.astype(whole.dtype), found)

    start = varying_like((key, wanted, jnp.zeros(rates.shape, counting_dtype())), rates, wanted, key)
    return jax.lax.while_loop(lambda state: jnp.any(state[1]), step, start)[2]


def deviance(x: ArrayLike) -> Array:
    r"""Return $(1 + x)\log(1 + x) - x$ for x >= -1, to full relative precision near 0."""
    # Near 0, with r = x/(2 + x) and log(1 + x) = 2 artanh(r), it is x r + 2(1 + x)(r^3/3 + r^5/5 + ...): small terms.
    x = jnp.asarray(x)
    near = jnp.abs(x) < 0.1
    small = jnp.where(near, x, 0)
    r = small / (2 + small)
    square = r * r
    series = r * square * (1 / 3 + square * (1 / 5 + square * (1 / 7 + square * (1 / 9 + square / 11))))
    far = jnp.where(near, 1, x)
    return jnp.where(near, small * r + 2 * (1 + small) * series, jax.scipy.special.xlog1py(1 + far, far) - far)


def log_excess(count: Array) -> Array:
    r"""Return $\log k! - (k\log k - k)$."""
    # A table below 16, then Stirling's series, whose first omitted term is below 2e-14 at 16.
    k = jnp.maximum(count, len(_EXACT_LOGS))
    inverse = 1 / (k * k)
    tail = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse / 1188)))) / k
    table = jnp.asarray(_EXACT_LOGS, count.dtype)
    looked_up = table[jnp.minimum(count, len(_EXACT_LOGS) - 1).astype(jnp.int32)]
    return jnp.where(count < len(_EXACT_LOGS), looked_up, 0.5 * jnp.log(2 * jnp.pi * k) + tail)


def _tree(weights: Array) -> list[Array]:
    """Return the binary tree of sums from the root to the leaves, which are padded to a power of two."""
    levels = [jnp.pad(weights, (0, (1 << (weights.size - 1).bit_length()) - weights.size))]
    while levels[-1].size > 1:
        levels.append(levels[-1].reshape(-1, 2).sum(axis=1))
    return levels[::-1]


def _singles(key: Array, tree: list[Array], most: int, wanted: Array, size: int) -> Array:
    """Return counts of `wanted` single trials, at most `most`, each made by one random number per level of the tree."""
    place = jnp.zeros(most, jnp.int32)
    uniform = jax.random.uniform(key, (len(tree) - 1, most), tree[0].dtype)
    for u, level in zip(uniform, tree[1:], strict=True):
        pairs = level.reshape(-1, 2)
        right = jnp.where(pairs[:, 0] > 0, pairs[:, 1] / pairs.sum(axis=1), 1)
        right = jnp.where(pairs[:, 1] > 0, right, 0)
        place = 2 * place + (u < right[place])
    made = (jnp.arange(most) < wanted).astype(counting_dtype())
    return jnp.zeros(size, counting_dtype()).at[place].add(made, mode="drop")
