"""Estimates from shots, sweeps over sizes, and fits that go beyond them."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from qla_jax.qram.extrapolation import extrapolate, polynomial_fit
from qla_jax.qram.fidelity import intact_fraction, read_fidelity
from qla_jax.qram.memories import memory
from qla_jax.qram.rates import bit_flip, depolarizing
from qla_jax.qram.scheduling import held_site_count, site_count
from qla_jax.qram.sweeps import Point, extrapolate_points, sweep

SIZES, LENGTHS = [2, 3, 4, 5, 6], [1, 2, 4]


@pytest.mark.slow
def test_an_estimate_repeats_for_its_key_in_any_batches_and_under_jit():
    mem, rates = memory(np.arange(8) % 4, word_bits=2), depolarizing(0.01)
    whole = read_fidelity(mem, rates, shots=30, key=jax.random.key(0))
    parts = jax.jit(lambda key: read_fidelity(mem, rates, shots=30, batch=7, key=key)[:2])(jax.random.key(0))
    assert float(whole.value) == pytest.approx(float(parts[0])) != 1
    assert float(whole.standard_error) == pytest.approx(float(parts[1]))
    assert float(jax.grad(lambda r: read_fidelity(mem, bit_flip(r), shots=4, key=jax.random.key(0)).value)(0.0)) == 0


@pytest.mark.slow
@pytest.mark.x64
def test_branches_without_any_error_come_back_intact_as_often_as_held_sites_allow():
    """Bit flips at all sites of a plan with one noisy level: a flip is undone by another at the same router only."""
    n, k, rate, shots = 6, 2, 2e-4, 3000
    mem = memory(np.random.default_rng(0).integers(0, 4, 64), word_bits=2)
    amplitudes = jnp.asarray(np.eye(64)[37])
    found = jax.jit(
        lambda key: intact_fraction(mem, bit_flip(rate), shots=shots, amplitudes=amplitudes, key=key)[0],
        static_argnums=(),
    )(jax.random.key(1))
    hits = round(float(found) * shots)
    chance = (1 - rate) ** held_site_count(n, k)  # and pairs of flips that cancel, below (rate H)^2 / 2 = 4e-4
    assert stats.binomtest(hits, shots, chance).pvalue > 1e-3
    assert stats.binomtest(hits, shots, (1 - rate) ** (2 * site_count(n, k))).pvalue < 1e-3


def test_a_sweep_is_plain_numbers_below_their_bound():
    """Bit flips alone leave 0 or 1 of a pair, so the mean tells the standard error."""
    shots = 100
    (point,) = sweep([2], [1], bit_flip(0.02), shots=shots, key=jax.random.key(0))
    assert all(type(part) in (int, float) for part in point)
    assert point[:4] == (2, 1, 1 * (12 + 4 + 2), 1 * (8 + 4 + 1)) and point.shots == shots
    hits = (1 - point.infidelity) * shots
    assert 10 < hits < 90 and hits == pytest.approx(round(hits), abs=1e-3)
    variance = point.infidelity * (1 - point.infidelity)
    assert point.standard_error == pytest.approx((variance / (shots - 1)) ** 0.5, rel=1e-5)
    assert point.infidelity <= point.bound + 4 * point.standard_error


def law(n, k):
    return 1.5e-4 * site_count(n, k)


def test_the_extrapolation_of_an_exact_law_is_exact():
    table = [[law(n, k) for n in SIZES] for k in LENGTHS]
    errors = [[1e-4 * n for n in SIZES] for _ in LENGTHS]
    for k in (32, 64):
        found = extrapolate(SIZES, LENGTHS, table, errors, address_bits=19, word_bits=k)
        assert found.value == pytest.approx(law(19, k), rel=1e-9)
        assert found.low < found.value < found.high
        assert [fit.coefficients[2] for fit in found.by_length] == pytest.approx([6 * 1.5e-4] * 3)
        assert found.line.p_value > 0.999


@pytest.mark.slow
@pytest.mark.parametrize("confidence", [0.68, 0.95])
def test_the_band_covers_as_often_as_it_says(confidence):
    """1000 sets of synthetic data, an exact binomial test at a significance of 10^-3."""
    rng, trials = np.random.default_rng(0), 1000
    errors = np.array([[1e-4 * (1 + n / k) for n in SIZES] for k in LENGTHS])
    truth = np.array([[law(n, k) for n in SIZES] for k in LENGTHS])
    to = {"address_bits": 19, "word_bits": 64, "confidence": confidence}
    covered = 0
    for _ in range(trials):
        found = extrapolate(SIZES, LENGTHS, truth + errors * rng.normal(size=errors.shape), errors, **to)
        covered += found.low <= law(19, 64) <= found.high
    assert stats.binomtest(covered, trials, confidence).pvalue > 1e-3
    assert stats.binomtest(covered, trials, 1 - 2 * (1 - confidence)).pvalue < 1e-3


def test_a_fit_is_that_of_weighted_least_squares_and_a_wrong_law_shows():
    x, errors = np.arange(1.0, 9), np.linspace(1, 2, 8)
    y = x**3
    fit = polynomial_fit(x, y, errors, 2)
    expected, covariance = np.polyfit(x, y, 2, w=1 / errors, cov="unscaled")
    np.testing.assert_allclose(fit.coefficients, expected[::-1], rtol=1e-9)
    np.testing.assert_allclose(fit.covariance, covariance[::-1, ::-1], rtol=1e-8)
    assert fit.freedom == 5 and fit.p_value < 1e-3
    assert polynomial_fit(x, y, errors, 3).p_value > 0.999


def test_points_make_a_table_whatever_their_order_and_none_may_miss():
    points = [Point(n, k, 0, 0, law(n, k), 1e-4, 1.0, 100) for n in SIZES for k in LENGTHS]
    assert extrapolate_points(points[::-1], address_bits=10, word_bits=32).value == pytest.approx(law(10, 32))
    with pytest.raises(ValueError, match=r"^`points` must fill a table of 3 x 5 sizes, but are 14\.$"):
        extrapolate_points(points[1:], address_bits=10, word_bits=32)


@pytest.mark.slow
@pytest.mark.x64
def test_ten_thousand_shots_of_a_million_words_find_the_infidelity_of_held_sites():
    mem = memory(np.random.default_rng(0).integers(0, 16, 1 << 20), word_bits=4)
    found = jax.jit(partial(read_fidelity, shots=10_000))(mem, bit_flip(1e-5), key=jax.random.key(0))
    held = held_site_count(20, 4) * 1e-5
    assert 0.5 * held < 1 - found.value < 4 * held
