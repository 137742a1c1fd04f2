"""Sizes beyond the density matrix, against trajectories in NumPy, with errors of their own and with the same."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from qla_jax.qram import branches, loading, tree
from qla_jax.qram.exact import exact_fidelity
from qla_jax.qram.fidelity import Estimate, read_fidelity
from qla_jax.qram.memories import memory
from qla_jax.qram.rates import noise, phase_flip
from qla_jax.qram.scheduling import held_site_count, schedule, site_count
from qla_jax.qram.sites import draw, step_key
from tests.qram.host import Host

RATES = {"x": 0.01, "y": 0.005, "z": 0.01, "loss": 0.01}


def some_memory(n, k, **options):
    return memory(np.random.default_rng(n).integers(0, 2, (1 << n, k)), word_bits=k, **options)


def by_host(mem, amplitudes, trajectories, rates=RATES, seed=0):
    """Fidelities with errors of NumPy's."""
    rng, host = np.random.default_rng(seed), Host(mem.bits, mem.plan, amplitudes, trajectories)
    for _, element, node in host.sites():
        dice, more = rng.uniform(size=(2, trajectories))
        x, y, z = np.cumsum([rates[kind] for kind in "xyz"])
        host.pauli(element, node, dice < y, (x <= dice) & (dice < z))
        host.damp(element, node, rates["loss"], more)
    return host.fidelity()


def unlike(found, expected, alpha=1e-4):
    """Whether two means differ, by the normal law of their difference."""
    error = np.hypot(np.std(found) / len(found) ** 0.5, np.std(expected) / len(expected) ** 0.5)
    return abs(np.mean(found) - np.mean(expected)) > stats.norm.isf(alpha / 2) * error


@pytest.mark.x64
@pytest.mark.slow
def test_trajectories_in_numpy_have_the_fidelity_of_the_channel():
    mem, amplitudes = memory([1, 0, 0, 1], word_bits=1), np.array([0.1, 0.5, 0.7, -0.5])
    exact = float(jax.jit(lambda rates: exact_fidelity(mem, rates, amplitudes))(noise(**RATES)))
    assert not unlike(by_host(mem, amplitudes, 20_000), [exact])
    assert unlike(by_host(mem, amplitudes, 20_000, rates=RATES | {"y": 0.0}), [exact])


@pytest.mark.x64
@pytest.mark.slow
def test_reads_of_eight_words_are_those_of_trajectories_in_numpy():
    """Errors at all levels, so that every node is struck."""
    mem, rates, shots = some_memory(3, 1, all_levels=True), noise(**RATES), 1500
    amplitudes = np.sqrt(np.arange(1, 9) / 36) * np.array([1, -1, 1, 1, -1, 1, 1, 1])
    fidelity = jax.jit(jax.vmap(lambda key: tree.trajectory_fidelity(mem, rates, jnp.asarray(amplitudes), key=key)))
    found = np.asarray(fidelity(jax.random.split(jax.random.key(0), shots)))
    assert not unlike(found, by_host(mem, amplitudes, shots))
    assert unlike(found, by_host(mem, amplitudes, shots, rates=RATES | {"loss": 0.0}))


@pytest.mark.x64
@pytest.mark.parametrize("shots", [4000, pytest.param(30_000, marks=pytest.mark.slow)])
def test_pairs_of_eight_words_are_those_of_trajectories_in_numpy(shots):
    mem, rates = some_memory(3, 1, all_levels=True), noise(**RATES)
    read = jax.jit(lambda key: read_fidelity(mem, rates, shots=shots, key=key)[:2])(jax.random.key(1))
    for other, like in (({}, True), ({"loss": 0.0}, False)):
        equal = by_host(mem, np.full(8, 8**-0.5), shots // 4, rates=RATES | other)
        error = np.hypot(float(read[1]), equal.std() / len(equal) ** 0.5)
        assert (abs(float(read[0]) - equal.mean()) <= stats.norm.isf(0.5e-4) * error) == like


@pytest.mark.parametrize("all_levels", [False, True])
@pytest.mark.parametrize(("n", "k"), [(1, 1), (2, 3), (3, 1), (5, 2)])
def test_counted_sites_are_those_passed_in_numpy(n, k, all_levels):
    plan = schedule(n, k, all_levels=all_levels)
    host = Host(np.ones((1 << n, k)), plan, np.ones(1 << n), 1)
    passed = [(element, node) for _, element, node in host.sites()]
    assert (host.held == held_site_count(n, k, all_levels=all_levels)).all()
    path = {1 << level for level in range(n)}
    assert sum(node in path for _, node in passed) == site_count(n, k, all_levels=all_levels)


@pytest.mark.parametrize("erase", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_branch_is_intact_where_it_is_in_numpy_under_the_same_errors(erase):
    mem, rates, count = some_memory(2, 2, all_levels=True), noise(x=0.01, y=0.01, z=0.03), 200
    keys = jax.random.split(jax.random.key(0), count)
    follow = lambda key, address: branches.intact(mem, rates, address, erase=erase, key=key)  # noqa: E731
    found = jax.jit(jax.vmap(jax.vmap(follow, (None, 0)), (0, None)))(keys, jnp.arange(4, dtype=jnp.int32))
    nodes = jnp.arange(4, dtype=jnp.int32)

    def hits(key, step, element):
        return draw(nodes, rates, key=step_key(step, element, key=key))

    struck = jax.jit(jax.vmap(jax.vmap(hits, (None, 0, None)), (0, None, None)), static_argnums=2)
    steps = jnp.arange(1, mem.plan.steps + 1)
    errors = [np.asarray(struck(keys, steps, element)[:2]) for element in (0, 1)]
    intact = {}
    for way in (False, True):
        host = Host(mem.bits, mem.plan, np.full(4, 0.5), count, erase=way)
        for step, element, node in host.sites():
            host.pauli(element, node, *errors[element][:, :, step - 1, node])
        intact[way] = host.intact()
    np.testing.assert_array_equal(found, intact[erase])
    assert (intact[False] != intact[True]).any() and 0.1 < found.mean() < 0.9


def hits_of(limit, shots, confidence):
    """Which count has that limit, without damping."""
    hits = np.arange(1, shots + 1)
    low = stats.beta.ppf(1 - confidence, hits, shots - hits + 1)
    limits = 1 - np.maximum(2 * low - 1, 0) ** 2
    assert abs(limits - limit).min() < 1e-9
    return int(hits[abs(limits - limit).argmin()])


X = np.array([0.1, 0.2, 0.1, 0.1, 1.5, 0.2, 2.0, 4.0])
BITS = np.rint(np.arctan2(X[1::2], X[::2]) / (np.pi / 2)).astype(int)[:, None]
WEIGHTS = (X.reshape(4, 2) ** 2).sum(axis=1) / (X**2).sum()


@pytest.mark.x64
def test_infidelities_are_measured_on_the_words_addresses_and_ways_of_their_reads(monkeypatch):
    asked = []

    def ask(mem, rates, key, **named):
        asked.append((mem, named))
        return Estimate(jnp.asarray(0.9), jnp.asarray(0.1), named["shots"])

    monkeypatch.setattr(loading, "intact_fraction", ask)
    limits = loading.measured_infidelities(
        X, phase_flip(0.1), word_bits=1, shots=50, confidence=0.9, key=jax.random.key(0)
    )
    assert limits.shape == (6,) and not limits[:2].any() and (limits[2:] > 0).all()
    assert [named["erase"] for _, named in asked] == [False, True] * 2
    assert [mem.address_bits for mem, _ in asked] == [1, 1, 2, 2]
    for mem, named in asked[2:]:
        np.testing.assert_array_equal(mem.bits, BITS)
        np.testing.assert_allclose(abs(named["amplitudes"]) ** 2, WEIGHTS, rtol=1e-12)


@pytest.mark.x64
@pytest.mark.slow
def test_measured_infidelities_have_the_law_of_their_reads():
    """Phase errors alone: a branch that holds ones at m sites is intact with probability (1 + (1 - 2p)^m)/2."""
    rate, shots, confidence = 0.03, 300, 0.9
    limits = loading.measured_infidelities(
        X, phase_flip(rate), word_bits=1, shots=shots, confidence=confidence, key=jax.random.key(0)
    )
    for limit, erase in zip(limits[4:], (False, True), strict=True):
        host = Host(BITS, schedule(2, 1), WEIGHTS**0.5, 1, erase=erase)
        for _ in host.sites():
            pass
        chances = (1 + (1 - 2 * rate) ** host.ones[0]) / 2
        hits = hits_of(float(limit), shots, 1 - (1 - confidence) / 4)
        assert stats.binomtest(hits, shots, WEIGHTS @ chances).pvalue > 1e-3
        assert stats.binomtest(hits, shots, chances.mean()).pvalue < 1e-3
