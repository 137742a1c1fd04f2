r"""Amplitude estimation, sampled from the exact law of its outcomes.

Phase estimation with M points on the Grover operator of a circuit that succeeds with probability $a = \sin^2\theta$
ends in $y \in \{0, \dots, M - 1\}$, which estimates a by $\sin^2(\pi y/M)$. The eigenvalues $e^{\pm2i\theta}$ of the
Grover operator have orthogonal eigenvectors of equal weight, so for every M and every a
$$P(y) = \tfrac12\left[F(\tfrac yM - \tfrac\theta\pi) + F(\tfrac yM + \tfrac\theta\pi)\right], \qquad
F(\Delta) = \frac{\sin^2(\pi M\Delta)}{M^2\sin^2(\pi\Delta)}.$$
The identity $|\sin^2\alpha - \sin^2\beta| = |\sin(\alpha - \beta)\sin(\alpha + \beta)|$ bounds the error of the two
points next to $\theta$ by $\sin(\pi/M)$. One of the two is the outcome with a probability of at least $8/\pi^2$. F
decays only like $1/\Delta^2$, so outliers over the whole range dominate the mean square error of single runs. The mean
square is $\sin^2(M\theta)/2M$ for M above 2 (a sum of $\sin^2$ over all points), and decays like $1/M$ rather than
$1/M^2$. The median of several runs has no such outliers.

Draws follow this law, tails included, without a table of length M. The three points next to $\theta$ have their exact
weights. All other points are drawn by rejection under $1/\sin^2z \le 1/z^2 + 1 - 4/\pi^2$, whose first term is bounded
by a telescoping series. About 98 of 100 proposals are accepted. Above `most_points` rounding would decide where
$\theta$ lies, so larger M are refused.

References:
    Brassard, Hoyer, Mosca, Tapp (2002), Theorems 11 and 12. https://arxiv.org/abs/quant-ph/0005055
"""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Int

from qla_jax._checks import require, require_key, within
from qla_jax._modes import default_promotion, varying_like
from qla_jax.linalg.derivatives import straight_through
from qla_jax.linalg.sampling import as_whole, counting_dtype
from qla_jax.measurement.readout import as_precision

SUCCESS = 8 / math.pi**2
"""Lower bound on the probability that a run ends at a point next to the true angle."""
NO_OUTCOME = -1
"""Outcome that stands for a probability outside [0, 1]."""
UNCERTAIN = 2.0**-7
"""Largest displacement of the angle by rounding that is allowed, in units of the distance between two points."""
_OVER_SQUARE = 1 - 4 / math.pi**2


def most_points() -> int:
    """Return the largest M whose points this precision resolves: $2^{45}$ in double precision, $2^{16}$ in single.

    The angle is known to a few units of rounding, so its place among M points is known to about M of them.
    """
    return int(UNCERTAIN / jnp.finfo(_working_dtype()).eps)


def points_for(eps: float) -> int:
    r"""Return the smallest number of points, $\lceil\pi/\epsilon\rceil$, whose estimates of any a are within eps.

    The bound holds for the outcomes at both points next to the angle, whatever a is.

    Raises:
        ValueError: `eps` not in (0, 1).
    """
    return math.ceil(math.pi / as_precision("eps", eps, below=1))


def require_points(points: int) -> int:
    """Check a number of points whose law this precision can hold, and return it as an int.

    Raises:
        ValueError: no integer, below 1, or above `most_points`.
    """
    points, most = as_whole("points", points), most_points()
    require(points >= 1, f"`points` must be at least 1, but is {points}.")
    require(points <= most, f"`points` must be at most {most} in this precision, but is {points}.")
    return points


def points_for_signed(eps: float) -> int:
    """Return the number of points that give $c = 2a - 1$ within eps, and check that outcomes can be drawn from them.

    Raises:
        ValueError: `eps` not in (0, 2), or more than `most_points`.
    """
    points, finest = points_for(as_precision("eps", eps, below=2) / 2), 2 * math.pi / most_points()
    require(points <= most_points(), f"`eps` must be at least {finest:.3g} in this precision, but is {eps}.")
    return points


def queries_of(points: int) -> int:
    """Return the uses of the circuit and its inverse in one run with M points.

    One use prepares the state, and each of the M - 1 Grover operators takes two.
    """
    return 2 * points - 1


def median_failure(repetitions: int) -> float:
    r"""Return a bound on the probability that the median of so many runs is at no point next to the truth.

    The median fails only if at least half of the runs fail, each of which does with probability at most $1 - 8/\pi^2$.
    """
    wrong = 1 - SUCCESS
    return sum(
        math.comb(repetitions, bad) * wrong**bad * SUCCESS ** (repetitions - bad)
        for bad in range((repetitions + 1) // 2, repetitions + 1)
    )


def amplitude_law(probability: ArrayLike, points: int) -> Float[Array, " points"]:
    """Return the law P(y) of the outcomes y = 0, ..., M - 1 of amplitude estimation.

    Each P(y) is a polynomial of degree M - 1 in a.

    Args:
        probability: success probability a of the circuit, a scalar in [0, 1].
        points: number of points M, static.

    Returns:
        Probabilities of all M outcomes, of sum 1.

    Raises:
        ValueError: no scalar, points below 1 or above `most_points`, or a probability seen to be out of its range.

    Example:
        >>> amplitude_law(0.5, 4).round(6).tolist()  # theta is one of the points, and y and M - y mean the same
        [0.0, 0.5, 0.0, 0.5]
    """
    points, a = require_points(points), as_probability(probability)
    require(a.ndim == 0, f"`probability` must be a scalar, but has shape {a.shape}.")
    return _law_compiled(a, points)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _law(a: Array, points: int) -> Array:
    grid = jnp.arange(points, dtype=a.dtype)
    place = angle(a) * points / jnp.pi
    nearest = jnp.round(place)
    fraction = place - nearest
    return (fejer(grid - nearest, -fraction, points) + fejer(grid + nearest, fraction, points)) / 2


@_law.defjvp
def _law_jvp(points: int, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    # The angle has no derivative at a = 0 and a = 1, but the law, a polynomial in a, has all derivatives there.
    return _law(*primals, points), jax.jvp(lambda a: _law_by_cosines(a, points), primals, tangents)[1]


@partial(jax.jit, static_argnums=1)
def _law_compiled(a: Array, points: int) -> Array:
    return _law(a.astype(_working_dtype()), points).astype(a.dtype)


def _law_by_cosines(a: Array, points: int) -> Array:
    r"""Return the law as the sum $\frac1M\sum_{|j|<M}(1 - \frac{|j|}M)\,T_{|j|}(1 - 2a)\cos\frac{2\pi jy}M$."""
    below = a <= 0.5
    b = jnp.where(below, a, 1 - a)

    def step(pair: tuple[Array, Array], _: Any) -> tuple[tuple[Array, Array], Array]:
        # Reinsch's form of the recurrence: it carries differences of neighbors, which keep the digits of a small b.
        now, forward = pair
        return (now + forward, forward - 4 * b * (now + forward)), now

    _, cosines = jax.lax.scan(step, varying_like((jnp.ones_like(b), -2 * b), b), length=points)
    index = jnp.arange(points)
    mirrored = jnp.where(below | (index % 2 == 0), cosines, -cosines)
    return (2 * jnp.fft.fft((1 - index.astype(b.dtype) / points) * mirrored).real - 1) / points


def fejer(whole: ArrayLike, fraction: ArrayLike, points: int) -> Array:
    """Evaluate F at a distance of `whole + fraction` points: 1 at multiples of M and 0 at other whole numbers.

    Args:
        whole: whole part of the distance.
        fraction: remaining part of the distance, in [-1/2, 1/2].
        points: number of points M.

    Returns:
        Value of F, in [0, 1].
    """
    fraction = jnp.asarray(fraction)  # kept apart from `whole`: their sum would lose its digits
    within = whole - points * jnp.round(jnp.asarray(whole, fraction.dtype) / points) + fraction
    # At a peak the quotient is 0/0. So close to it F is 1 up to rounding.
    at_peak = jnp.abs(within) < jnp.sqrt(jnp.finfo(fraction.dtype).eps) / points
    below = points * jnp.sin(jnp.pi * within / points)
    ratio = jnp.sin(jnp.pi * fraction) / jnp.where(at_peak, 1, below)  # sin(pi M D) = +- sin(pi fraction)
    return jnp.where(at_peak, 1, ratio * ratio)


def amplitude_of(outcome: ArrayLike, points: int) -> Array:
    r"""Return the estimate $\sin^2(\pi y/M)$ of an outcome y, and NaN for `NO_OUTCOME`.

    Args:
        outcome: outcome y, an integer below M.
        points: number of points M.

    Returns:
        Estimate of the success probability, in [0, 1].
    """
    return _amplitude_of(jnp.asarray(outcome), points)


@partial(jax.jit, static_argnums=1)
def _amplitude_of(outcome: Array, points: int) -> Array:
    folded = jnp.minimum(outcome, points - outcome)
    return jnp.where(outcome == NO_OUTCOME, jnp.nan, jnp.square(jnp.sin(jnp.pi * folded / points)))


def sample_outcomes(probability: Float[Array, "..."], points: int, *, key: Array) -> Int[Array, "..."]:
    """Draw one outcome y for each probability, independently, from the exact law.

    Inside jit, where nothing can be raised, the outcome of a probability out of its range is `NO_OUTCOME`.

    Args:
        probability: success probabilities, in [0, 1].
        points: number of points M, static.
        key: random key of the draw.

    Returns:
        Outcomes, integers in [0, M).

    Raises:
        ValueError: points below 1 or above `most_points`, or a probability seen to be out of its range.
    """
    require_key("key", key)
    return _drawn(key, as_probability(probability), require_points(points))


@partial(jax.jit, static_argnums=2)
def _drawn(key: Array, probability: Array, points: int) -> Array:
    # The draws are flattened to a vector: XLA takes three times as long to compile them in three dimensions.
    theta = jax.lax.stop_gradient(angle(probability.reshape(-1).astype(_working_dtype())))
    possible = jnp.isfinite(theta)
    theta = jnp.where(possible, theta, 0)
    side_key, offset_key = jax.random.split(key)
    place = theta * points / jnp.pi
    # The law is an even mixture of peaks at theta and at -theta, so a fair coin chooses the side.
    place = jnp.where(jax.random.bernoulli(side_key, shape=theta.shape), place, -place)
    nearest = jnp.round(place)
    outcome = (nearest.astype(counting_dtype()) + _offsets(offset_key, place - nearest, points)) % points
    return jnp.where(possible, outcome, NO_OUTCOME).reshape(probability.shape)


@default_promotion
def estimate_amplitude(probability: ArrayLike, *, key: Array, points: int, repetitions: int = 1) -> Float[Array, "..."]:
    r"""Estimate each success probability by the median of independent runs of amplitude estimation.

    An estimate is within $\sin(\pi/M)$, and within $2\pi\sqrt{a(1 - a)}/M + \pi^2/M^2$. This holds with a probability
    of at least $8/\pi^2$ for one run and of $1 -$ `median_failure(repetitions)` for the median. The derivative of an
    estimate is that of a (straight-through). Inside jit a probability out of its range gives NaN.

    Args:
        probability: success probability a, in [0, 1], of any shape; entries are estimated independently.
        key: random key of the draw.
        points: number of points M, static; see `points_for`.
        repetitions: number of runs, odd.

    Returns:
        Estimates in [0, 1], in the shape of `probability`.

    Raises:
        ValueError: points below 1 or above `most_points`, repetitions that are even, or a probability seen to be out of
            its range.

    Example:
        >>> estimate_amplitude(jnp.array([0.0, 0.5, 1.0]), points=4, key=jax.random.key(0)).round(6).tolist()
        [0.0, 0.5, 1.0]
    """
    require_key("key", key)
    return _median(key, as_probability(probability), require_points(points), require_repetitions(repetitions))


@partial(jax.jit, static_argnums=(2, 3))
def _median(key: Array, probability: Array, points: int, repetitions: int) -> Array:
    outcomes = _drawn(key, jnp.broadcast_to(probability, (repetitions, *probability.shape)), points)
    estimates = amplitude_of(outcomes, points).astype(probability.dtype)
    return straight_through(probability, jnp.sort(estimates, axis=0)[repetitions // 2])


def require_repetitions(repetitions: int) -> int:
    """Check an odd number of repetitions, for which the median is the outcome of one of the runs."""
    repetitions = as_whole("repetitions", repetitions)
    require(
        repetitions >= 1 and repetitions % 2 == 1,
        f"`repetitions` must be odd and at least 1, so that the median is an outcome, but is {repetitions}.",
    )
    return repetitions


def _offsets(key: Array, fraction: Float[Array, " draw"], points: int) -> Int[Array, " draw"]:
    """Draw the distance of the outcome from the nearest point, whose own distance from the angle is `fraction`."""
    whole = counting_dtype()
    first = jnp.floor(fraction - points / 2).astype(whole) + 1
    reached = jnp.cumsum(_proposal_weights(fraction, points), axis=0)

    def step(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        key, open_, found = state
        key, now = jax.random.split(key)
        which_coarse, which_fine, coarse, fine, v = jax.random.uniform(now, (5, *fraction.shape), fraction.dtype)
        # The proposal is found by counting the cumulative weights below a uniform number. Rare proposals come first in
        # the sum, where their small weights keep their digits.
        which = jnp.sum((_fine(which_coarse, which_fine) * reached[-1])[None] >= reached[:-1], axis=0)
        u = _fine(coarse, fine)
        side = jnp.where(which == 1, -1, 1).astype(whole)
        # A tail starts at x = 1.5 -+ f. Inverse of its distribution function: P(X >= x) = x_first / (x - 1/2).
        start = 1.5 - side * fraction
        far = jnp.minimum(jnp.floor(start / u - start), points)
        tail = side * (2 + far.astype(whole))
        uniform = first + jnp.floor(u * points).astype(whole)
        near = jnp.where(which == 5, 0, jnp.where(which == 4, 1, -1))
        proposed = jnp.where(which == 0, uniform, jnp.where(which < 3, tail, near)).astype(whole)
        x = proposed - fraction
        # Hat and law are compared without their common factor sin^2(pi f), of which a large x has lost the digits.
        hat = 1 / (x * x - 0.25) + _OVER_SQUARE * (jnp.pi / points) ** 2
        law = jnp.square(jnp.pi / points / jnp.sin(jnp.pi * x / points))
        tail_point = _valid(x, points) & (jnp.abs(proposed) > 1)
        accepted = open_ & ((which > 2) | (tail_point & (v * hat < law)))
        return key, open_ & ~accepted, jnp.where(accepted, proposed, found)

    begin = varying_like((key, jnp.ones(fraction.shape, bool), jnp.zeros(fraction.shape, whole)), fraction, key)
    return jax.lax.while_loop(lambda state: jnp.any(state[1]), step, begin)[2]


def _proposal_weights(f: Float[Array, " draw"], points: int) -> Float[Array, "6 draw"]:
    """Return the weights of the proposals, rare ones first since they are summed in this order.

    The proposals are: all points alike, the lower and the upper tail, and the offsets -1, 1, 0.
    """
    peak = jnp.square(jnp.sin(jnp.pi * f))
    alike = peak * (_OVER_SQUARE / points)
    tails = [peak / jnp.pi**2 / (1.5 + side * f) for side in (1, -1)]
    near = [jnp.where(_valid(j - f, points), fejer(j, -f, points), 0) for j in (-1.0, 1.0, 0.0)]
    return jnp.stack([alike, *tails, *near])


def _fine(coarse: Array, fine: Array) -> Array:
    """Return a uniform number in [0, 1] with all the digits that floats have next to 0.

    The inverse of such a number reaches every integer.
    """
    return coarse + jnp.finfo(coarse.dtype).eps * fine


def _valid(x: Array, points: int) -> Array:
    """Return whether x is the representative of its point modulo M."""
    return (x > -points / 2) & (x <= points / 2)


def angle(a: Array) -> Array:
    """Return the angle arctan2(sqrt(a), sqrt(1 - a)), as accurate next to a = 1 as it is next to a = 0."""
    return jnp.arctan2(jnp.sqrt(a), jnp.sqrt(1 - a))


def as_probability(probability: ArrayLike) -> Array:
    """Return numbers in [0, 1] as floats.

    Numbers outside by no more than rounding move to the end of the range. Others are an error, or NaN inside jit.
    """
    return within("probability", probability, 0, 1)


def _working_dtype() -> jnp.dtype:
    """Return the widest float dtype that is enabled. Laws are computed in it, whatever the dtype of the probability."""
    return jnp.dtype(jnp.result_type(float))
