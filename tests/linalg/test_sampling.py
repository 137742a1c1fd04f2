"""Multinomial counts against their law."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import scipy.stats

from qla_jax.linalg import sampling as counts
from qla_jax.linalg.sampling import SMALL, deviance, log_excess, multinomial, poisson

RUNS = 4000
SIGNIFICANCE = 1e-6


def fits(seen: np.ndarray, law: np.ndarray) -> bool:
    """The chi-squared test of whole numbers from 0, rare ones pooled."""
    counts = np.bincount(seen, minlength=len(law))
    expected = law * len(seen)
    common = expected >= 5
    counts = np.append(counts[: len(law)][common], counts[: len(law)][~common].sum() + counts[len(law) :].sum())
    expected = np.append(expected[common], len(seen) - expected[common].sum())
    if expected[-1] < 5:
        if counts[-1] > expected[-1] + 30:
            return False
        counts, expected = counts[:-1], expected[:-1] * counts[:-1].sum() / expected[:-1].sum()
    return len(counts) == 1 or scipy.stats.chisquare(counts, expected).pvalue > SIGNIFICANCE


@pytest.mark.numerics
@pytest.mark.parametrize(("trials", "left_over"), [(40, counts.LEFT_OVER), (700, counts.LEFT_OVER), (701, 80)])
@pytest.mark.sample(1)
def test_each_count_is_binomial_and_their_sum_is_exact(trials, left_over, key, monkeypatch):
    """Trial by trial; with one round of Poisson counts before; with four, a number of its own to be compiled for."""
    monkeypatch.setattr(counts, "LEFT_OVER", left_over)
    p = np.array([0.5, 0.003, 0.0, 0.3, 0.197])
    draw = jax.jit(jax.vmap(lambda key: multinomial(trials, jnp.asarray(p), key=key)))
    seen = np.asarray(draw(jax.random.split(key, RUNS)))
    assert (seen.sum(axis=1) == trials).all() and (seen[:, 2] == 0).all()
    for column, share in zip(seen.T, p, strict=True):
        assert fits(column, scipy.stats.binom.pmf(np.arange(trials + 1), trials, share))
    covariance = np.cov(seen[:, 0], seen[:, 3])[0, 1]
    assert abs(covariance + trials * p[0] * p[3]) < 5 * trials * np.sqrt(p[0] * p[3] / RUNS)
    wrong = scipy.stats.binom.pmf(np.arange(trials + 1), trials, 0.9 * p[0])
    assert not fits(seen[:, 0], wrong)


@pytest.mark.numerics
def test_poisson_counts_follow_their_law_on_both_sides_of_the_switch(key):
    rates = np.repeat([0.02, 3.0, SMALL - 1e-3, SMALL, 40.0, 3000.0], RUNS)
    seen = np.asarray(jax.jit(poisson)(jnp.asarray(rates), key=key)).reshape(6, RUNS)
    for row, rate in zip(seen, rates[::RUNS], strict=True):
        law = scipy.stats.poisson.pmf(np.arange(int(rate + 20 * np.sqrt(rate) + 20)), rate)
        assert fits(row, law)
        assert not fits(row, np.roll(law, 2 if rate < 100 else 20)), "a shifted law must be seen"


@pytest.mark.numerics
def test_counts_beyond_the_integers_of_single_precision_are_right(key):
    trials = 400_000_000
    p = np.array([0.7, 0.3 - 1e-7, 1e-7])
    seen = np.asarray(jax.jit(lambda key: multinomial(trials, jnp.asarray(p), key=key))(key), float)
    assert seen.sum() == trials
    spread = np.sqrt(trials * p * (1 - p)) + trials * 2.0**-22 * p  # and what rounding makes of p
    assert (np.abs(seen - trials * p) < 5 * spread).all()


@pytest.mark.slow
@pytest.mark.x64
def test_any_number_of_trials_within_the_integers_can_be_drawn(key):
    trials = 2**63 - 1
    p = np.array([0.6, 0.4 - 1e-9, 1e-9, 0.0])
    seen = np.asarray(jax.jit(lambda key: multinomial(trials, jnp.asarray(p), key=key))(key))
    assert sum(map(int, seen)) == trials and seen[3] == 0
    off = np.array([int(n) - round(trials * share) for n, share in zip(seen, p, strict=True)], float)
    assert (np.abs(off) < 5 * np.sqrt(trials * p * (1 - p)) + trials * 2.0**-51 * p + 1).all() and off.any()


def test_many_outcomes_have_the_right_spread(key):
    p = np.random.default_rng(0).dirichlet(np.ones(5000))
    trials = 400_000
    seen = np.asarray(jax.jit(lambda key: multinomial(trials, jnp.asarray(p), key=key))(key))
    expected = trials * p
    common = expected > 20
    chi = ((seen - expected) ** 2 / expected)[common].sum()
    assert abs(chi - common.sum()) < 5 * np.sqrt(2 * common.sum())


@pytest.mark.x64
def test_logarithms_of_the_law_are_exact():
    for count in [0, 1, 7, 15, 16, 100, 12345]:
        with mpmath.workdps(40):
            k = mpmath.mpf(count)
            exact = mpmath.loggamma(k + 1) - (k * mpmath.log(k) - k if count else 0)
        assert abs(float(log_excess(jnp.asarray(float(count)))) - float(exact)) < 2e-13
    for x in [-1.0, -0.5, -0.0999, -1e-9, 0.0, 1e-8, 0.05, 0.1, 3.0]:
        with mpmath.workdps(40):
            exact = (1 + mpmath.mpf(x)) * mpmath.log(1 + mpmath.mpf(x)) - x if x > -1 else 1
        assert abs(float(deviance(x)) - float(exact)) <= 2e-11 * abs(float(exact))


def test_probabilities_that_are_all_zero_give_counts_of_zero(key):
    for p in (np.zeros(4), np.full(4, np.nan), np.array([1.0, -0.5, 1.0, 1.0])):
        assert not np.asarray(jax.jit(lambda p: multinomial(1000, p, key=key))(jnp.asarray(p))).any()


def test_bad_numbers_of_trials_are_refused(key):
    with pytest.raises(ValueError, match="`trials` must be at least 1, but is 0"):
        multinomial(0, jnp.ones(2), key=key)
    with pytest.raises(ValueError, match="`trials` must be at most 9223372036854775807, but is 9223372036854775808"):
        multinomial(2**63, jnp.ones(2), key=key)
