r"""Iterative amplitude estimation: shots of Grover powers, without phase estimation.

The application of k Grover operators turns the success probability $\sin^2\theta$ into $\sin^2((2k + 1)\theta)$. Given
an interval for $\theta$, the algorithm takes the largest k that keeps $K\theta$, $K = 4k + 2$, within one half of the
circle. Then a confidence interval for the probability, obtained from shots, translates back to $\theta$ without
ambiguity, and is K times shorter there.

The probability of failure is divided so that the result holds with probability $1 - \alpha$ for any number of steps:
the j-th look at the shots of one power gets $6\alpha/(\pi^2j^2)$ over the largest possible number of powers. (The
published version gives one share to all looks at the same power.)

References:
    Grinko, Gacon, Zoufal, Woerner (2021), Algorithms 1 and 2. https://arxiv.org/abs/1912.05559
    Clopper, Pearson (1934), the exact interval. https://doi.org/10.1093/biomet/26.4.404
"""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from qla_jax._checks import require, require_key
from qla_jax._modes import common_dtype, default_promotion, varying_like
from qla_jax.linalg.derivatives import straight_through
from qla_jax.linalg.sampling import counting_dtype, multinomial, require_countable, within_integers
from qla_jax.measurement.amplitude_estimation import angle, as_probability, most_points
from qla_jax.measurement.readout import as_precision

Interval = Literal["chernoff", "clopper-pearson"]
BISECTIONS = 60
MAX_LOOKS = 10_000
MOST_TURNS = 2**30
"""The largest K = 4k + 2 that is tried."""


class IterativeEstimate(NamedTuple):
    """Result of iterative amplitude estimation.

    Attributes:
        value: middle of the confidence interval.
        low: lower end of the interval.
        high: upper end of the interval, which holds the truth with probability `1 - alpha`.
        shots: number of shots of all powers, an integer.
        queries: uses of the circuit and its inverse, 2k + 1 for each shot, an integer.
        largest_power: largest power k, an integer.
        converged: whether half of the interval is at most eps. If not, the algorithm stopped after `MAX_LOOKS` looks,
            or where another look might have taken more queries than integers hold.
    """

    value: Array
    low: Array
    high: Array
    shots: Array
    queries: Array
    largest_power: Array
    converged: Array


class _State(NamedTuple):
    key: Array
    low: Array  # of theta / (2 pi), in [0, 1/4]
    high: Array
    power: Array
    upper: Array  # whether (4k + 2) theta lies in the upper half of the circle
    successes: Array  # of all shots at this power
    trials: Array
    look: Array
    shots: Array
    queries: Array
    looks: Array


class _Law(NamedTuple):
    theta: Array  # over 2 pi
    shots: int
    share: float  # of the probability of failure, for each power
    budget: int  # queries after which there may still be another look
    interval: Callable[[Array, Array, Array], tuple[Array, Array]]


@default_promotion
def iterative_amplitude_estimation(
    probability: Float[ArrayLike, ""],
    *,
    key: Array,
    eps: float,
    alpha: float = 0.05,
    shots: int = 100,
    interval: Interval = "chernoff",
) -> IterativeEstimate:
    r"""Estimate a success probability a to eps with confidence $1 - \alpha$, simulated from the exact binomial laws.

    The function takes one scalar; use `jax.vmap` for more. Only `value` has a derivative, that of a itself
    (straight-through); all other results are counts or bounds of a random run. Inside jit a probability out of its
    range gives NaN.

    Args:
        probability: success probability a, in [0, 1].
        key: random key of the shots.
        eps: absolute precision of a, half of the final width of its interval, in (0, 1/2) and at least `finest_eps`.
        alpha: the probability of failure, in (0, 1).
        shots: number of shots of each look.
        interval: "chernoff" (Hoeffding's inequality) or "clopper-pearson", which is shorter.

    Raises:
        ValueError: no scalar, a value out of its range, an unknown `interval`, or more shots of the largest power than
            can be counted.

    Example:
        >>> found = iterative_amplitude_estimation(0.3, eps=0.01, key=jax.random.key(0))
        >>> bool(found.converged), bool((found.low <= 0.3) & (0.3 <= found.high))
        (True, True)
    """
    require_key("key", key)
    eps, alpha = as_precision("eps", eps, below=0.5), as_precision("alpha", alpha, below=1)
    finest = finest_eps()
    require(eps >= finest, f"`eps` must be at least {finest:.3g} in this precision, but is {eps}.")
    require(
        isinstance(interval, str) and interval in _INTERVALS,
        f"`interval` must be one of {', '.join(_INTERVALS)}, but is {interval!r}.",
    )
    shots = require_countable("shots", shots)
    largest_look = within_integers("Queries of one look at the largest power", shots * math.ceil(math.pi / (4 * eps)))
    a = as_probability(probability)
    require(a.ndim == 0, f"`probability` must be a scalar, but has shape {a.shape}.")
    a = a.astype(common_dtype(a, float))
    theta = jax.lax.stop_gradient(angle(a)) / (2 * jnp.pi)
    budget = int(jnp.iinfo(counting_dtype()).max) - largest_look
    end = _looks(key, _Law(theta, shots, alpha / _powers(eps), budget, _INTERVALS[interval]), eps)
    low, high = (jnp.square(jnp.sin(2 * jnp.pi * edge)) for edge in (end.low, end.high))
    low, high = (jnp.where(jnp.isfinite(theta), edge, jnp.nan) for edge in (low, high))
    return IterativeEstimate(
        value=straight_through(a, (low + high) / 2),
        low=low,
        high=high,
        shots=end.shots,
        queries=end.queries,
        largest_power=end.power,
        converged=(high - low) / 2 <= eps,
    )


def _looks(key: Array, law: _Law, eps: float) -> _State:
    """Repeat looks until the interval is short enough or another look cannot be afforded."""

    def unfinished(state: _State) -> Array:
        affordable = (state.looks < MAX_LOOKS) & (state.queries <= law.budget)
        return (state.high - state.low > eps / jnp.pi) & affordable

    return jax.lax.while_loop(
        unfinished, lambda state: _look(law, state), varying_like(_before(key, law.theta), law.theta, key)
    )


def _before(key: Array, theta: Array) -> _State:
    zero = jnp.zeros((), counting_dtype())
    low, high = jnp.zeros_like(theta), jnp.full_like(theta, 0.25)
    return _State(key, low, high, zero, jnp.array(True), zero, zero, zero, zero, zero, zero)


def _look(law: _Law, state: _State) -> _State:
    """Take shots at the next power, which grows where it may, and intersect the old and the new interval."""
    key, now = jax.random.split(state.key)
    power, upper = next_power(state.power, state.upper, state.low, state.high)
    kept = power == state.power
    turns = (4 * power + 2).astype(law.theta.dtype)
    success = jnp.square(jnp.sin(jnp.pi * turns * law.theta))
    seen = multinomial(law.shots, jnp.stack([success, 1 - success]), key=now)[0]
    successes, trials = seen + jnp.where(kept, state.successes, 0), law.shots + jnp.where(kept, state.trials, 0)
    look = 1 + jnp.where(kept, state.look, 0)
    low, high = _seen_angles(law, turns, upper, successes, trials, look)
    whole = jnp.floor(turns * (state.low + state.high) / 2)
    return _State(
        key=key,
        # Intersection with the interval from earlier powers, which stays valid.
        low=jnp.maximum(state.low, (whole + low) / turns),
        high=jnp.minimum(state.high, (whole + high) / turns),
        power=power,
        upper=upper,
        successes=successes,
        trials=trials,
        look=look,
        shots=state.shots + law.shots,
        queries=state.queries + law.shots * (2 * power + 1),
        looks=state.looks + 1,
    )


def _seen_angles(
    law: _Law, turns: Array, upper: Array, successes: Array, trials: Array, look: Array
) -> tuple[Array, Array]:
    """Return the interval of K theta on the circle from all shots at this power.

    All looks at one power share its probability of failure.
    """
    level = law.share * 6 / (jnp.pi**2 * look.astype(turns.dtype) ** 2)
    below, above = law.interval(successes.astype(turns.dtype), trials.astype(turns.dtype), level)
    near, far = (jnp.arccos(jnp.clip(1 - 2 * p, -1, 1)) / (2 * jnp.pi) for p in (below, above))
    return jnp.where(upper, near, 1 - far), jnp.where(upper, far, 1 - near)


def next_power(power: Array, upper: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Return the largest k that at least doubles K = 4k + 2 and keeps K theta in one half of the circle (Algorithm 2).

    Args:
        power: current power k.
        upper: whether K theta currently lies in the upper half of the circle.
        low: lower end of the interval of theta, over 2 pi.
        high: upper end of the interval of theta, over 2 pi.

    Returns:
        The next power and its half of the circle; both unchanged where there is no such k.
    """
    now = 4 * power + 2
    widest = jnp.minimum(jnp.floor(0.5 / (high - low)), float(MOST_TURNS)).astype(now.dtype)
    largest = widest - (widest - 2) % 4

    def fits(turns: Array) -> tuple[Array, Array]:
        first, last = turns * low, turns * high
        whole = jnp.floor(first)
        return (last <= whole + 0.5) | ((first >= whole + 0.5) & (last <= whole + 1)), first < whole + 0.5

    largest = varying_like(largest, power, low, high)
    turns = jax.lax.while_loop(lambda turns: (turns >= 2 * now) & ~fits(turns)[0], lambda turns: turns - 4, largest)
    found = turns >= 2 * now
    return jnp.where(found, (turns - 2) // 4, power), jnp.where(found, fits(turns)[1], upper)


def chernoff_interval(successes: Array, trials: Array, level: Array) -> tuple[Array, Array]:
    """Return the confidence interval of a probability by Hoeffding's inequality, within [0, 1].

    Args:
        successes: number of successes.
        trials: number of trials.
        level: probability that the interval misses the truth.

    Returns:
        Lower and upper end.
    """
    radius = jnp.sqrt(jnp.log(2 / level) / (2 * trials))
    mean = successes / trials
    return jnp.maximum(mean - radius, 0), jnp.minimum(mean + radius, 1)


def clopper_pearson_interval(successes: Array, trials: Array, level: Array) -> tuple[Array, Array]:
    """Return the Clopper-Pearson interval of a probability: quantiles of beta distributions, rounded outward.

    Args:
        successes: number of successes.
        trials: number of trials.
        level: probability that the interval misses the truth.

    Returns:
        Lower and upper end, found by bisection of the distribution functions.
    """
    failures = trials - successes
    below = _beta_quantile(level / 2, jnp.maximum(successes, 1), failures + 1)[0]
    above = _beta_quantile(1 - level / 2, successes + 1, jnp.maximum(failures, 1))[1]
    return jnp.where(successes == 0, 0, below), jnp.where(failures == 0, 1, above)


def _beta_quantile(level: Array, a: Array, b: Array) -> tuple[Array, Array]:
    def halve(_: int, edges: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = edges
        middle = (low + high) / 2
        short = jax.scipy.special.betainc(a, b, middle) < level
        return jnp.where(short, middle, low), jnp.where(short, high, middle)

    return jax.lax.fori_loop(0, BISECTIONS, halve, varying_like((jnp.zeros_like(a), jnp.ones_like(a)), level, a, b))


_INTERVALS = {"chernoff": chernoff_interval, "clopper-pearson": clopper_pearson_interval}


def finest_eps() -> float:
    r"""Return the smallest eps whose largest K, at most $\pi/(2\epsilon)$, is tried and leaves digits of $K\theta$."""
    return math.pi / (2 * min(MOST_TURNS, most_points()))


def _powers(eps: float) -> int:
    """Return the largest possible number of powers.

    K starts at 2, at least doubles, and stays below half a circle over the width of the interval.
    """
    return math.ceil(math.log2(math.pi / (4 * eps))) + 2
