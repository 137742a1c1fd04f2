"""Iterative amplitude estimation: coverage, cost, and its intervals against those of SciPy."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from qla_jax.measurement.amplitude_estimation import angle
from qla_jax.measurement.iterative import (
    MAX_LOOKS,
    _Law,
    _looks,
    _seen_angles,
    chernoff_interval,
    clopper_pearson_interval,
    finest_eps,
    iterative_amplitude_estimation,
    next_power,
)

EPS, ALPHA = 0.005, 0.1
EDGES = [0.0, 1.0, 0.5, 0.25, 1e-6]


def estimates(a: np.ndarray, interval: str):
    keys = jax.random.split(jax.random.key(1), len(a))

    def one(key, a):
        return iterative_amplitude_estimation(a, eps=EPS, alpha=ALPHA, interval=interval, key=key)

    return jax.jit(jax.vmap(one))(keys, jnp.asarray(a)), keys, one


@pytest.mark.numerics
def test_the_truth_is_inside_and_the_cost_within_the_published_bound(tol):
    a = np.append(EDGES, np.random.default_rng(0).uniform(size=195))
    found, keys, one = estimates(a, "chernoff")
    low, high = np.asarray(found.low), np.asarray(found.high)
    inside = (low <= a + tol("exact")) & (a <= high + tol("exact"))
    assert inside.mean() >= 1 - ALPHA and inside[: len(EDGES)].all()
    assert np.asarray(found.converged).all() and ((high - low) / 2 <= EPS).all()
    published = 50 / EPS * math.log(2 / ALPHA * math.log2(math.pi / (4 * EPS)))
    assert np.asarray(found.queries).max() <= published
    assert (np.asarray(found.queries) < 1 / EPS**2).all() and (np.asarray(found.largest_power) > 5).all()
    assert (np.asarray(found.queries) >= np.asarray(found.shots)).all()
    again = one(keys[7], jnp.asarray(a)[7])
    assert float(again.value) == pytest.approx(float(found.value[7]), abs=tol("exact"))
    assert int(again.queries) == int(found.queries[7])


@pytest.mark.slow
def test_clopper_pearson_covers_and_costs_less():
    a = np.append(EDGES, np.random.default_rng(0).uniform(size=195))
    exact, loose = (estimates(a, interval)[0] for interval in ("clopper-pearson", "chernoff"))
    inside = (np.asarray(exact.low) <= a + 1e-12) & (a <= np.asarray(exact.high) + 1e-12)
    assert inside.mean() >= 1 - ALPHA
    assert np.asarray(exact.queries).mean() < 0.9 * np.asarray(loose.queries).mean()


@pytest.mark.x64
def test_intervals_are_those_of_scipy():
    for successes, trials in [(0, 10), (3, 10), (10, 10), (450, 1000)]:
        level = 0.05
        low, high = clopper_pearson_interval(*map(jnp.asarray, (float(successes), float(trials), level)))
        exact = scipy.stats.binomtest(successes, trials).proportion_ci(1 - level, method="exact")
        assert abs(float(low) - exact.low) < 1e-9 and abs(float(high) - exact.high) < 1e-9
        wide = chernoff_interval(*map(jnp.asarray, (float(successes), float(trials), level)))
        assert float(wide[0]) <= exact.low and float(wide[1]) >= exact.high


@pytest.mark.x64
def test_all_looks_at_a_power_together_spend_its_share():
    r"""$6/(\pi^2j^2)$ of it at the j-th, told by an interval that is the level itself."""
    share = 0.02
    law = _Law(jnp.zeros(()), 1, share, 1, lambda successes, trials, level: (level, level))
    looks = jnp.arange(1, MAX_LOOKS + 1)
    angles, _ = jax.vmap(lambda look: _seen_angles(law, jnp.ones(()), jnp.array(True), look, look, look))(looks)
    spent = np.sin(np.pi * np.asarray(angles)) ** 2
    assert 0.9999 * share < spent.sum() < share
    assert (np.diff(spent) < 0).all() and spent[0] == pytest.approx(share / scipy.special.zeta(2))


def test_the_next_power_keeps_the_angle_in_one_half_of_the_circle():
    rng = np.random.default_rng(0)
    step = jax.jit(next_power)
    for _ in range(50):
        low = rng.uniform(0, 0.24)
        high = min(0.25, low + 10 ** rng.uniform(-4, -1))
        power, upper = step(jnp.asarray(0), jnp.array(True), jnp.asarray(low), jnp.asarray(high))

        def fits(k, low=low, high=high):
            first, last = (4 * k + 2) * low, (4 * k + 2) * high
            return math.ceil(2 * last) - 1 <= math.floor(2 * first)

        best = max([k for k in range(1, int(0.125 / (high - low)) + 1) if fits(k)], default=0)
        assert int(power) == best
        if best:
            assert bool(upper) == (math.floor(2 * (4 * best + 2) * low) % 2 == 0)


@pytest.mark.numerics
def test_the_finest_precision_is_kept_and_queries_stay_within_their_budget(key):
    """One look may begin with the budget spent, and so may go beyond it by the queries of one at the largest power."""
    eps, shots, budget = finest_eps(), 100, 30_000

    @jax.jit
    def views(a):
        law = _Law(angle(a) / (2 * jnp.pi), shots, 1e-3, budget, chernoff_interval)
        return iterative_amplitude_estimation(a, eps=eps, key=key), _looks(key, law, eps)

    finest, cut = views(0.3)
    assert finest.converged and 0 < float(finest.high - finest.low) <= 2 * eps
    assert float(finest.low) <= 0.3 <= float(finest.high) and int(finest.queries) > 10 * budget
    last = shots * (2 * int(cut.power) + 1)
    assert budget < int(cut.queries) <= budget + last and int(cut.queries) - last <= budget
    assert float(cut.high - cut.low) > eps / np.pi


def test_the_value_is_differentiated_straight_through(key):
    assert jax.grad(lambda a: iterative_amplitude_estimation(a, eps=0.1, key=key).value)(0.3) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"eps": 0.0}, "`eps` must lie strictly between 0 and 0.5, but is 0"),
        ({"eps": 0.1, "alpha": 1.0}, "`alpha` must lie strictly between 0 and 1, but is 1"),
        ({"eps": 0.1, "shots": 0}, "`shots` must be at least 1, but is 0"),
        ({"eps": 1e-11}, "`eps` must be at least 1.46e-09 in this precision, but is 1e-11"),
        ({"eps": 0.1, "shots": 2**62}, "Queries of one look at the largest power must be at most 92"),
        ({"eps": 0.1, "interval": "wald"}, "`interval` must be one of chernoff, clopper-pearson, but is 'wald'"),
    ],
)
def test_bad_input_is_refused(options, message, key):
    with pytest.raises(ValueError, match=message):
        iterative_amplitude_estimation(0.3, **options, key=key)
    with pytest.raises(ValueError, match="`probability` must lie"):
        iterative_amplitude_estimation(-0.1, eps=0.1, key=key)


def test_where_nothing_can_be_raised_a_bad_probability_is_nan(key):
    found = jax.jit(jax.vmap(lambda a: iterative_amplitude_estimation(a, eps=0.1, key=key)))(jnp.array([1.1, 0.3]))
    for part in (found.value, found.low, found.high):
        assert np.isnan(part).tolist() == [True, False]
    assert found.converged.tolist() == [False, True]
