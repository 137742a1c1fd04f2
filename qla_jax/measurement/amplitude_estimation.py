r"""Amplitude estimation, sampled from the exact law of its outcomes.

Phase estimation with M points on the Grover operator of a circuit that succeeds with probability
$a = \sin^2\theta$ ends in $y \in \{0, \dots, M - 1\}$, which estimates a by $\sin^2(\pi y/M)$. Its eigenvalues
$e^{\pm2i\theta}$ have orthogonal eigenvectors of equal weight, so for every M and every a
$$P(y) = \tfrac12\left[F(\tfrac yM - \tfrac\theta\pi) + F(\tfrac yM + \tfrac\theta\pi)\right], \qquad
F(\Delta) = \frac{\sin^2(\pi M\Delta)}{M^2\sin^2(\pi\Delta)}.$$
$|\sin^2\alpha - \sin^2\beta| = |\sin(\alpha - \beta)\sin(\alpha + \beta)|$ makes of a neighbouring point an error of at
most $\sin(\pi/M)$, with a probability of at least $8/\pi^2$. F falls off like $1/\Delta^2$ only: outliers all over the
range dominate the mean square of single runs, $\sin^2(M\theta)/2M$ for M above 2 (a sum of $\sin^2$ over all points),
which falls off like $1/M$ and not its square. The median of several runs is free of them.

Draws are exact for any M, tails included, without a table: the three points next to $\theta$ have their exact
weights, all others come by rejection under $1/\sin^2z \le 1/z^2 + 1 - 4/\pi^2$, whose first term is bounded by a
telescoping series. About 98 of 100 proposals are accepted.

References:
    Brassard, Hoyer, Mosca, Tapp (2002), Theorems 11 and 12. https://arxiv.org/abs/quant-ph/0005055
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Int

from qla_jax.encodings.checks import is_concrete, require
from qla_jax.measurement.readout import as_precision, straight_through

SUCCESS = 8 / math.pi**2
"""Lower bound on the probability that a run ends next to the true angle."""
NO_OUTCOME = -1
"""Of a probability out of its range."""
_OVER_SQUARE = 1 - 4 / math.pi**2


def points_for(eps: float) -> int:
    r"""The fewest points, $\lceil\pi/\epsilon\rceil$, whose neighbours are within eps of a for every a.

    Raises:
        ValueError: `eps` not in (0, 1).
    """
    return math.ceil(math.pi / as_precision("eps", eps, below=1))


def queries_of(points: int) -> int:
    """Uses of the circuit and of its inverse in one run: one to prepare, two in each of M - 1 Grover operators."""
    return 2 * points - 1


def median_failure(repetitions: int) -> float:
    r"""Bound on the probability that the median of so many runs is not next to the truth.

    Then half of the runs or more are not, each with a probability of at most $1 - 8/\pi^2$.
    """
    wrong = 1 - SUCCESS
    return sum(
        math.comb(repetitions, bad) * wrong**bad * SUCCESS ** (repetitions - bad)
        for bad in range((repetitions + 1) // 2, repetitions + 1)
    )


def amplitude_law(probability: ArrayLike, points: int) -> Float[Array, " points"]:
    """P(y) for y = 0, ..., M - 1.

    Args:
        probability: a, in [0, 1], a scalar.
        points: M, static.

    Raises:
        ValueError: no points, or a probability out of its range where it can be seen.

    Example:
        >>> amplitude_law(0.5, 4).round(6).tolist()  # theta is one of the points, and y and M - y mean the same
        [0.0, 0.5, 0.0, 0.5]
    """
    theta = _angle(probability, points)
    grid = jnp.arange(points, dtype=theta.dtype)
    place = theta * points / jnp.pi
    return (fejer(grid - place, points) + fejer(grid + place, points)) / 2


def fejer(offset: ArrayLike, points: int) -> Array:
    """F at a distance of so many points, exactly 1 at multiples of M and 0 at other whole numbers."""
    offset = jnp.asarray(offset)
    nearest = jnp.round(offset)
    fraction = offset - nearest  # sin(pi M D) = +- sin(pi fraction), without the rounding of a large argument
    within = offset - points * jnp.round(offset / points)
    below = points * jnp.sin(jnp.pi * within / points)
    at_peak = jnp.abs(within) < jnp.sqrt(jnp.finfo(offset.dtype).eps) / points
    ratio = jnp.sin(jnp.pi * fraction) / jnp.where(at_peak, 1, below)
    return jnp.where(at_peak, 1, ratio * ratio)


def amplitude_of(outcome: ArrayLike, points: int) -> Array:
    r"""The estimate $\sin^2(\pi y/M)$; NaN of `NO_OUTCOME`."""
    outcome = jnp.asarray(outcome)
    folded = jnp.minimum(outcome, points - outcome)
    return jnp.where(outcome == NO_OUTCOME, jnp.nan, jnp.square(jnp.sin(jnp.pi * folded / points)))


def sample_outcomes(key: Array, probability: Float[Array, "..."], points: int) -> Int[Array, "..."]:
    """An outcome y for each probability, independently, by the exact law.

    Inside jit, where nothing can be raised, a probability out of its range has `NO_OUTCOME`.

    Raises:
        ValueError: no points, or a probability out of its range where it can be seen.
    """
    theta = jax.lax.stop_gradient(_angle(probability, points))
    possible = jnp.isfinite(theta)
    theta = jnp.where(possible, theta, 0)
    side_key, offset_key = jax.random.split(key)
    place = theta * points / jnp.pi
    place = jnp.where(jax.random.bernoulli(side_key, shape=theta.shape), place, -place)
    nearest = jnp.round(place)
    outcome = (nearest.astype(jnp.int32) + _offsets(offset_key, place - nearest, points)) % points
    return jnp.where(possible, outcome, NO_OUTCOME)


def estimate_amplitude(key: Array, probability: ArrayLike, *, points: int, repetitions: int = 1) -> Float[Array, "..."]:
    r"""The median of independent estimates of each probability.

    Within $\sin(\pi/M)$, and within $2\pi\sqrt{a(1 - a)}/M + \pi^2/M^2$, with a probability of at least $8/\pi^2$ for
    one run and of $1 -$ `median_failure(repetitions)` for the median. Differentiated, it has the derivative of a.
    Inside jit a probability out of its range gives NaN.

    Args:
        key: of the draw.
        probability: a, in [0, 1], of any shape: all are independent.
        points: M, static; see `points_for`.
        repetitions: an odd number.

    Raises:
        ValueError: no points, an even number of repetitions, or a probability out of its range where it can be seen.

    Example:
        >>> estimate_amplitude(jax.random.key(0), jnp.array([0.0, 0.5, 1.0]), points=4).round(6).tolist()
        [0.0, 0.5, 1.0]
    """
    require_repetitions(repetitions)
    probability = jnp.asarray(
        probability, jnp.result_type(probability, float if _is_exact(probability) else probability)
    )
    keys = jax.random.split(key, repetitions)
    outcomes = jax.vmap(lambda key: sample_outcomes(key, probability, points))(keys)
    estimates = amplitude_of(outcomes, points).astype(probability.dtype)
    return straight_through(probability, jnp.sort(estimates, axis=0)[repetitions // 2])


def require_repetitions(repetitions: int) -> int:
    """An odd number, so that the median is one of the runs."""
    require(
        repetitions >= 1 and repetitions % 2 == 1,
        f"`repetitions` must be odd and at least 1, so that the median is an outcome, but is {repetitions}.",
    )
    return repetitions


class _Proposal(NamedTuple):
    weights: Array  # of the points -1, 0, 1, the tails to the left and right, and all points alike
    fraction: Array
    peak: Array  # sin^2 of pi times the fraction


def _offsets(key: Array, fraction: Float[Array, "..."], points: int) -> Int[Array, "..."]:
    """How far from the nearest point the outcome is, for a fraction in [-1/2, 1/2] by which that one misses."""
    f = fraction[..., None]
    near = _row(f, -1, 0, 1) - f
    peak = jnp.square(jnp.sin(jnp.pi * f))
    centre = jnp.where(_valid(near, points), fejer(near, points), 0)
    tails = peak / jnp.pi**2 / (1.5 + f * _row(f, 1, -1))
    alike = peak * (_OVER_SQUARE / points)
    weights = jnp.log(jnp.concatenate([centre, tails, alike], axis=-1))
    first = jnp.floor(fraction - points / 2).astype(jnp.int32) + 1

    def step(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        key, open_, found = state
        key, which_key, tail_key, accept_key = jax.random.split(key, 4)
        which = jax.random.categorical(which_key, weights).astype(jnp.int32)
        u = jax.random.uniform(tail_key, fraction.shape, fraction.dtype)
        side = jnp.where(which == 3, -1, 1).astype(jnp.int32)
        # The first x = 1.5 -+ f of a tail, and the inverse of its distribution: P(X >= x) = x_first / (x - 1/2).
        start = 1.5 - side * fraction
        far = jnp.minimum(jnp.floor(start / (1 - u) - start), points)
        tail = side * (2 + far.astype(jnp.int32))
        uniform = first + jnp.floor(u * points).astype(jnp.int32)
        proposed = jnp.where(which < 3, which - 1, jnp.where(which < 5, tail, uniform))
        x = proposed - fraction
        hat = peak[..., 0] * (1 / (jnp.pi**2 * (x * x - 0.25)) + _OVER_SQUARE / points**2)
        tail_point = _valid(x, points) & (jnp.abs(proposed) > 1)
        v = jax.random.uniform(accept_key, fraction.shape, fraction.dtype)
        accepted = open_ & ((which < 3) | (tail_point & (v * hat < fejer(x, points))))
        return key, open_ & ~accepted, jnp.where(accepted, proposed, found)

    start = (key, jnp.ones(fraction.shape, bool), jnp.zeros(fraction.shape, jnp.int32))
    return jax.lax.while_loop(lambda state: jnp.any(state[1]), step, start)[2]


def _row(like: Array, *numbers: float) -> Array:
    """Numbers along the last axis of an array."""
    return jnp.asarray(numbers, like.dtype).reshape((1,) * (like.ndim - 1) + (-1,))


def _valid(x: Array, points: int) -> Array:
    """One representative of each point."""
    return (x > -points / 2) & (x <= points / 2)


def _angle(probability: ArrayLike, points: int) -> Array:
    require(points >= 1, f"`points` must be at least 1, but is {points}.")
    a = jnp.asarray(probability, jnp.result_type(probability, float if _is_exact(probability) else probability))
    if is_concrete(a):
        inside = bool(jnp.all((a >= 0) & (a <= 1)))
        require(inside, f"`probability` must lie in [0, 1], but ranges over [{a.min()}, {a.max()}].")
    # arctan2 of the two amplitudes is as accurate next to 1 as it is next to 0.
    return jnp.arctan2(jnp.sqrt(a), jnp.sqrt(1 - a))


def _is_exact(value: ArrayLike) -> bool:
    return not jnp.issubdtype(jnp.result_type(value), jnp.inexact)
