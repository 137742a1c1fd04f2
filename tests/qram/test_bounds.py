"""Bounds hold for either plan, and in single precision as in double."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from qla_jax.qram.bounds import certified_infidelity, infidelity_bound
from qla_jax.qram.exact import exact_fidelity
from qla_jax.qram.fidelity import Estimate
from qla_jax.qram.good import draw_good, fidelity_bound, good_moments
from qla_jax.qram.loading import loading_infidelities
from qla_jax.qram.memories import memory
from qla_jax.qram.rates import ErrorRates, amplitude_damping, depolarizing, missed, noise
from qla_jax.qram.scheduling import held_site_count, site_count
from qla_jax.qram.tree import damped

BOTH = pytest.mark.parametrize("all_levels", [False, True])


@pytest.fixture(scope="module")
def exact():
    """1 - F of either plan, by all Kraus operators."""

    def of_plan(all_levels):
        mem = memory([1, 0, 0, 1], word_bits=1, all_levels=all_levels)
        return jax.jit(lambda rates: 1 - exact_fidelity(mem, rates))

    return {all_levels: of_plan(all_levels) for all_levels in (False, True)}


@pytest.mark.x64
@pytest.mark.parametrize(("all_levels", "held"), [(False, 13), (True, 26)])
def test_bounds_of_damping_are_those_of_the_sites_held_in_its_plan(all_levels, held):
    rates, sure = amplitude_damping(0.05), Estimate(jnp.ones(()), jnp.zeros(()), 10**9)
    found = infidelity_bound(2, 1, rates, all_levels=all_levels)
    assert float(found) == pytest.approx(1 - 0.95**held, rel=1e-12)
    whole = certified_infidelity(sure, 2, 1, rates, 0.5, all_levels=all_levels)
    assert float(whole) == pytest.approx(1 - 0.95**held, rel=1e-6)


@pytest.mark.x64
@pytest.mark.slow
@BOTH
def test_damping_alone_attains_the_bound_of_its_plan(all_levels, exact):
    rates = amplitude_damping(0.05)
    found = float(exact[all_levels](rates))
    assert found == pytest.approx(float(infidelity_bound(2, 1, rates, all_levels=all_levels)), rel=1e-12)


@pytest.mark.x64
@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("rate", [1e-4, 1e-3, 5e-3])
def test_no_channel_is_worse_than_the_bounds_of_its_plan(all_levels, rate, exact):
    mixed = noise(x=rate / 2, y=rate / 4, z=rate / 4, loss=rate / 2)
    assert 0 < exact[all_levels](mixed) <= infidelity_bound(2, 1, mixed, all_levels=all_levels)
    held = infidelity_bound(2, 1, depolarizing(rate), all_levels=all_levels)
    assert exact[all_levels](depolarizing(rate)) <= held <= 1 - fidelity_bound(2, 1, rate, all_levels=all_levels)


@pytest.mark.x64
def test_good_branches_of_all_levels_are_those_of_its_sites():
    n, k, rate = 3, 1, 0.002
    kept = (1 - rate) ** (2 * (6 * n + 2 * k))  # of a node
    both = sum(2.0**-m * kept ** (2 * n - m) for m in range(1, n + 1)) + 2.0**-n * kept**n
    found = good_moments(n, k, rate, all_levels=True)
    assert float(found.mean) == pytest.approx(kept**n) == pytest.approx((1 - rate) ** site_count(3, 1, all_levels=True))
    assert float(found.square) == pytest.approx(both)


@pytest.mark.x64
@pytest.mark.slow
def test_drawn_weights_of_all_levels_have_their_mean():
    n, k, rate = 3, 1, 0.002
    found = good_moments(n, k, rate, all_levels=True)
    draws = jax.jit(jax.vmap(lambda key: draw_good(n, k, rate, all_levels=True, key=key)))(
        jax.random.split(jax.random.key(0), 4000)
    )
    assert abs(draws.mean() - found.mean) <= 3.9 * draws.std() / 4000**0.5
    assert abs(draws.mean() - good_moments(n, k, rate).mean) > 3.9 * draws.std() / 4000**0.5


def precisely(rate, sites):
    """1 - (1-p)^m of the rate as it is stored, to 40 digits."""
    with mpmath.workdps(40):
        return -mpmath.expm1(mpmath.mpf(sites) * mpmath.log1p(-mpmath.mpf(float(rate))))


RATES = [1e-12, 2e-8, 1e-5, 1e-2, 0.4, 0.6, 1.0]


@pytest.mark.numerics
@pytest.mark.parametrize("dtype", [jnp.float32, float])
@pytest.mark.parametrize("rate", RATES)
def test_an_error_at_some_site_is_as_likely_as_it_is_to_the_last_digits(rate, dtype):
    rate = jnp.asarray(rate, dtype)
    few = 8 * float(jnp.finfo(rate.dtype).eps)
    for sites in (0, 0.5, 1, 26, 7182):
        expected = 0.0 if sites == 0 else 1.0 if rate == 1 else float(precisely(rate, sites))
        np.testing.assert_allclose(float(missed(rate, sites)), expected, rtol=few)
    slope = jax.grad(missed)(rate, 26)
    np.testing.assert_allclose(slope, 26 * float(1 - Fraction(float(rate))) ** 25, rtol=0, atol=26 * few)


@pytest.mark.numerics
@pytest.mark.parametrize("dtype", [jnp.float32, float])
@pytest.mark.parametrize("rate", [1e-12, 2e-8, 1e-6])
def test_bounds_of_rates_below_rounding_are_what_they_are_in_40_digits(rate, dtype):
    n, k, rate = 20, 64, jnp.asarray(rate, dtype)
    few = 16 * float(jnp.finfo(rate.dtype).eps)
    zero = jnp.zeros((), rate.dtype)
    held = held_site_count(n, k)
    struck = precisely(rate, held)
    for rates, expected in (
        (ErrorRates(rate, zero, zero, zero), 4 * struck * (1 - struck)),
        (ErrorRates(zero, zero, zero, rate), precisely(rate, held)),
    ):
        np.testing.assert_allclose(float(infidelity_bound(n, k, rates)), float(expected), rtol=few)
        np.testing.assert_allclose(
            float(loading_infidelities(n + 1, rates, word_bits=k)[-1]), float(expected), rtol=few
        )
    lost = precisely(rate, 9.5)
    np.testing.assert_allclose(
        float(1 - damped(ErrorRates(zero, zero, zero, rate), jnp.asarray(19))), float(lost), atol=few
    )


@pytest.mark.numerics
@pytest.mark.parametrize("rate", [1e-12, 2e-8, 1e-6])
def test_fidelities_are_off_by_the_rounding_of_one_and_no_more(rate):
    n, k = 20, 64
    stored = jnp.asarray(rate, jnp.result_type(float))
    few, sites = 16 * float(jnp.finfo(stored.dtype).eps), site_count(n, k)
    killed = precisely(stored, sites)
    assert float(fidelity_bound(n, k, rate)) == pytest.approx(float((1 - 2 * killed) ** 2), abs=few, rel=0)
    moments = good_moments(n, k, rate)
    assert float(moments.mean) == pytest.approx(float(1 - killed), abs=few, rel=0)
    assert float(1 - 4 * killed) - few <= float(moments.squared) <= float((1 - killed) ** 2) + few
