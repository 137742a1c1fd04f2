"""Good branches: the intervals that errors kill, the law of their weight, and what it says of the fidelity."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from qla_jax.qram.bounds import infidelity_bound
from qla_jax.qram.exact import exact_fidelity
from qla_jax.qram.good import draw_good, fidelity_bound, good_moments, good_weight, struck_nodes, trajectory_bound
from qla_jax.qram.memories import memory
from qla_jax.qram.rates import depolarizing, noise, phase_flip
from qla_jax.qram.scheduling import schedule, site_count
from qla_jax.qram.tree import trajectory_fidelity


def some_memory(n, k, **options):
    return memory(np.random.default_rng(n).integers(0, 2, (1 << n, k)), word_bits=k, **options)


def weight_by_paths(n, nodes, amplitudes):
    """Address by address: no error on its path."""
    struck = set(nodes.tolist())
    return sum(
        abs(amplitudes[i]) ** 2
        for i in range(1 << n)
        if not any((i + (1 << n)) >> up in struck for up in range(1, n + 1))
    )


@pytest.mark.numerics
@pytest.mark.parametrize("n", [5, 9])
def test_merged_intervals_weigh_what_paths_weigh(n, tol):
    rng, size = np.random.default_rng(1), 1 << n
    weigh, weigh_equal = jax.jit(partial(good_weight, n)), jax.jit(partial(good_weight, n, amplitudes=None))
    for count in (0, 1, 2, 3, 6, 12):
        nodes = np.zeros(12, np.int32)
        nodes[:count] = rng.integers(1 if count > 6 else 4, size, count)
        amplitudes = rng.normal(size=size) + 1j * rng.normal(size=size)
        amplitudes /= np.linalg.norm(amplitudes)
        expected = weight_by_paths(n, nodes, amplitudes)
        np.testing.assert_allclose(
            weigh(nodes, jnp.asarray(amplitudes)), expected, rtol=0, atol=tol("exact", factor=10)
        )
        equal = weight_by_paths(n, nodes, np.full(size, size**-0.5))
        np.testing.assert_allclose(weigh_equal(nodes), equal, rtol=0, atol=tol("exact", factor=10))


@pytest.mark.numerics
@pytest.mark.slow
def test_no_trajectory_is_below_the_bound_of_its_good_branches_and_some_attain_it(tol):
    """Attained where one phase error strikes a word bit on its way up: all words have ones."""
    mem, amplitudes = memory(np.full(8, 3), word_bits=2), jnp.asarray(np.sqrt(np.arange(1, 9) / 36))
    keys = jnp.concatenate([jax.random.split(jax.random.key(0), 400), jax.random.split(jax.random.key(1), 100)])
    flips = jnp.where(jnp.arange(500) < 400, 0.0, 0.002)

    def both(key, flip):
        rates = noise(x=flip, y=flip, z=0.006)
        found = trajectory_fidelity(mem, rates, amplitudes, key=key), trajectory_bound(mem, rates, amplitudes, key=key)
        return *found, jnp.any(struck_nodes(mem, rates, key=key) > 0)

    found, bound, struck = jax.jit(jax.vmap(both))(keys, flips)
    assert (found - bound >= -tol("exact", factor=10)).all()
    assert (found - bound > 0.1).any()
    attained = struck & (abs(found - bound) <= tol("exact", factor=10)) & (bound > 0)
    assert attained.any() or found.dtype != jnp.float64  # other keys in single precision
    np.testing.assert_allclose(found[~struck], 1, rtol=0, atol=tol("exact", factor=10))


def moments_by_enumeration(n, k, rate):
    """All pairs of paths, node by node."""
    plan = schedule(n, k)
    sites = [2 * sum(active > level for active in plan.active) for level in range(n)]
    kept = (1 - rate) ** np.array(sites, float)
    square = 0.0
    for i in range(1 << n):
        for j in range(1 << n):
            nodes = {(level, a >> (n - level)) for a in (i, j) for level in range(n)}
            square += np.prod([kept[level] for level, _ in nodes]) / 4**n
    return np.prod(kept), square


@pytest.mark.numerics
@pytest.mark.parametrize(("n", "k"), [(1, 1), (2, 3), (5, 2)])
def test_moments_are_those_of_all_pairs_of_paths(n, k, tol):
    found = good_moments(n, k, 0.01)
    np.testing.assert_allclose([found.mean, found.square], moments_by_enumeration(n, k, 0.01), rtol=tol("rounding"))


@pytest.mark.x64
def test_drawn_weights_have_the_law_of_the_tree():
    """All of n = 3 by enumeration of struck nodes; chi-squared at a significance of 10^-3."""
    n, k, rate, shots = 3, 2, 0.02, 20000
    plan = schedule(n, k)
    q = [(1 - rate) ** (2 * sum(active > level for active in plan.active)) for level in range(2)]
    law = {0.0: 1 - q[0] + q[0] * (1 - q[1]) ** 2, 0.5: 2 * q[0] * q[1] * (1 - q[1]), 1.0: q[0] * q[1] ** 2}
    drawn = jax.jit(jax.vmap(lambda key: draw_good(n, k, rate, key=key)))(jax.random.split(jax.random.key(0), shots))
    counts = [int((drawn == value).sum()) for value in law]
    assert sum(counts) == shots
    assert stats.chisquare(counts, [shots * chance for chance in law.values()]).pvalue > 1e-3
    assert stats.chisquare(counts, [shots * chance for chance in (law[0.0], law[1.0], law[0.5])]).pvalue < 1e-3


@pytest.mark.x64
@pytest.mark.slow
@pytest.mark.parametrize("channel", [depolarizing, phase_flip], ids=["depolarizing", "phase flip"])
def test_the_exact_infidelity_is_below_every_bound_and_they_stand_in_order(channel):
    mem = memory([0, 1, 1, 0], word_bits=1)
    exact = jax.jit(lambda rates: 1 - exact_fidelity(mem, rates))
    for rate in (1e-4, 1e-3, 1e-2):
        held, all_sites = infidelity_bound(2, 1, channel(rate)), 1 - fidelity_bound(2, 1, rate)
        assert 0 < exact(channel(rate)) <= held <= all_sites <= 4 * rate * site_count(2, 1)
        node, steps = 1 - (1 - rate) ** 2, 6 * 2 + 2
        assert all_sites <= 4 * node * steps * 2


def test_bounds_are_differentiable_at_no_noise():
    assert float(jax.grad(lambda rate: fidelity_bound(4, 2, rate))(0.0)) == pytest.approx(-4 * site_count(4, 2))
    assert float(jax.grad(lambda rate: good_moments(4, 2, rate).mean)(0.0)) == pytest.approx(-site_count(4, 2))
    assert np.isfinite(jax.grad(lambda rate: good_moments(4, 2, rate).squared)(1.0))
