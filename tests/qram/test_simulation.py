"""One read, four ways: dense qutrits, every element of the tree, the bits alone, all Kraus operators."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.qram import branches, tree
from qla_jax.qram.exact import exact_fidelity
from qla_jax.qram.fidelity import overlap
from qla_jax.qram.memories import load, memory, word
from qla_jax.qram.rates import amplitude_damping, bit_flip, depolarizing, noise, phase_flip
from qla_jax.qram.scheduling import held_site_count
from qla_jax.qram.sites import draw, step_key
from tests.qram.dense import Dense

RNG = np.random.default_rng(0)
MIXED = {"x": 0.02, "y": 0.015, "z": 0.02, "loss": 0.02}
SLOW = partial(pytest.param, marks=pytest.mark.slow)
AMPLITUDES = np.array([0.1, 0.5, 0.7, -0.5])


def some_memory(n, k, **options):
    return memory(np.random.default_rng(n).integers(0, 2, (1 << n, k)), word_bits=k, **options)


@pytest.mark.numerics
@pytest.mark.parametrize(("n", "k"), [SLOW(1, 1), (2, 3), SLOW(5, 2)])
def test_without_noise_every_address_gets_its_word_and_the_tree_is_at_rest(n, k):
    mem = some_memory(n, k)
    addresses = jnp.arange(1 << n, dtype=jnp.int32)
    ends = jax.jit(jax.vmap(lambda i: tree.evolve(mem, noise(), i, i, key=jax.random.key(0))))(addresses)
    assert not ends.first.carriers.any() and not ends.first.routers.any()
    np.testing.assert_array_equal(ends.first.slots[:, n:] - 1, mem.bits)
    sparse = jax.jit(jax.vmap(lambda i: branches.evolve(mem, noise(), i, i, key=jax.random.key(0))))(addresses)
    np.testing.assert_array_equal(sparse.first.values, ends.first.slots - 1)
    np.testing.assert_array_equal(sparse.first.places[0], -1 - np.arange(n + k))
    assert int(branches.held_sites(mem)) == held_site_count(n, k)


def test_the_ideal_read_is_a_permutation_that_adds_the_word_and_undoes_itself():
    mem = memory([3, 0, 2, 1], word_bits=2)
    state = RNG.normal(size=(4, 4))
    expected = np.stack([row[[value ^ x for value in range(4)]] for row, x in zip(state, [3, 0, 2, 1], strict=True)])
    np.testing.assert_array_equal(load(mem, jnp.asarray(state)), expected.astype(load(mem, jnp.asarray(state)).dtype))
    np.testing.assert_array_equal(load(mem, load(mem, jnp.asarray(state))), jnp.asarray(state))
    np.testing.assert_array_equal(word(mem, jnp.arange(4)), [3, 0, 2, 1])


def dense_fidelity(mem, rates, key, amplitudes):
    """The same errors, applied as matrices on a dense state."""
    dense = Dense(np.asarray(mem.bits), amplitudes)
    nodes = jnp.arange(1, 1 << mem.address_bits, dtype=jnp.int32)
    for step, (layer, active) in enumerate(zip(mem.plan.layers, mem.plan.active, strict=True), 1):
        for gate in layer:
            dense.gate(gate.kind, gate.place)
        for element in (0, 1) if active else ():
            flips, phases, _ = DRAW(nodes, rates, key=step_key(step, element, key=key))
            for node in range(1, 1 << active):
                if flips[node - 1] or phases[node - 1]:
                    dense.error(element, node, flips[node - 1], phases[node - 1])
    return dense.fidelity(amplitudes)


DRAW = jax.jit(draw)


@pytest.mark.slow
@pytest.mark.numerics
@pytest.mark.parametrize("all_levels", [SLOW(False), True])
def test_trajectories_of_the_tree_are_those_of_dense_qutrits(all_levels, tol):
    mem, rates = some_memory(2, 1, all_levels=all_levels), noise(x=0.02, y=0.01, z=0.03)
    keys = jax.random.split(jax.random.key(1), 6)
    found = jax.jit(jax.vmap(lambda key: tree.trajectory_fidelity(mem, rates, jnp.asarray(AMPLITUDES), key=key)))(keys)
    expected = [dense_fidelity(mem, rates, key, AMPLITUDES) for key in keys]
    assert len({round(value, 6) for value in expected}) > 2
    np.testing.assert_allclose(found, expected, rtol=0, atol=tol("exact", factor=10))


def of_tree(mem, rates, key, i, j):
    ends = tree.evolve(mem, rates, i, j, key=key)
    same = jnp.all(ends.first.carriers == ends.second.carriers) & jnp.all(ends.first.routers == ends.second.routers)
    arrivals = [tree.arrival(mem, end.slots) for end in (ends.first, ends.second)]
    held = [jnp.sum(end.carriers > 0) + jnp.sum(end.routers > 0) for end in (ends.first, ends.second)]
    return arrivals, ends.sign, ends.unshared, same, held


def of_bits(mem, rates, key, i, j):
    ends = branches.evolve(mem, rates, i, j, key=key)
    arrivals = [branches.arrival(mem, end) for end in (ends.first, ends.second)]
    held = [jnp.sum(end.places >= branches.ROOT) for end in (ends.first, ends.second)]
    return arrivals, ends.sign, ends.unshared, branches.left_behind(ends), held


@pytest.mark.slow
@pytest.mark.numerics
@pytest.mark.parametrize(("n", "all_levels"), [(2, False), (3, True)])
def test_the_bits_alone_give_what_the_tree_gives_under_the_same_errors(n, all_levels):
    mem, rates = some_memory(n, 3, all_levels=all_levels), noise(**MIXED)
    keys = jax.random.split(jax.random.key(2), 500)
    pairs = jax.random.randint(jax.random.key(3), (2, 500), 0, 1 << n, jnp.int32)
    found, expected = (jax.jit(jax.vmap(partial(way, mem, rates)))(keys, *pairs) for way in (of_bits, of_tree))
    jax.tree.map(np.testing.assert_array_equal, found, expected)
    (address, fits), _ = expected[0]
    assert 0.01 < fits.mean() < 0.99 and (expected[1] < 0).any() and (expected[2] > 0).any()
    assert n == 2 or (fits & (address != pairs[0])).any()  # misrouted and right all the same


CHANNELS = {
    "depolarizing": lambda rate: depolarizing(rate),
    "bit flip": bit_flip,
    "phase flip": phase_flip,
    "damping": amplitude_damping,
    "mixed": lambda rate: noise(x=rate, y=rate / 2, z=rate / 3, loss=rate / 2),
}


@pytest.fixture(scope="module")
def channel():
    mem = memory([1, 0, 0, 1], word_bits=1)
    return mem, jax.jit(lambda rates, amplitudes: exact_fidelity(mem, rates, amplitudes))


@pytest.fixture(scope="module")
def trajectories(channel):
    """Of 800 keys: with the amplitudes above, and by pairs of the bits alone with equal ones."""
    pairs = jnp.stack(jnp.meshgrid(jnp.arange(4), jnp.arange(4))).reshape(2, 16).astype(jnp.int32)

    @jax.jit
    @jax.vmap
    def values(key, rates):
        by_pairs = jax.vmap(lambda i, j: overlap(channel[0], rates, i, j, key=key))(*pairs).mean()
        return tree.trajectory_fidelity(channel[0], rates, AMPLITUDES, key=key), by_pairs

    keys = jax.random.split(jax.random.key(4), 800)
    return lambda rates: values(keys, jax.tree.map(lambda rate: jnp.full(800, rate), rates))


@pytest.mark.x64
@pytest.mark.parametrize("name", [*map(SLOW, sorted(set(CHANNELS) - {"mixed"})), "mixed"])
@pytest.mark.slow
def test_the_mean_of_trajectories_is_the_fidelity_of_the_channel(name, channel, trajectories):
    """Within 3.9 standard errors, which chance exceeds once in 10^4."""
    rates = CHANNELS[name](0.05)
    for values, amplitudes in zip(trajectories(rates), (AMPLITUDES, np.full(4, 0.5)), strict=True):
        off = abs(values.mean() - channel[1](rates, amplitudes))
        assert off <= 3.9 * values.std() / len(values) ** 0.5 + 1e-9


@pytest.mark.slow
@pytest.mark.x64
@pytest.mark.parametrize("rate", [0.0, 0.01, 0.3])
def test_damping_alone_leaves_a_power_of_what_is_kept(rate, channel):
    assert channel[1](amplitude_damping(rate), AMPLITUDES) == pytest.approx((1 - rate) ** 13, abs=1e-13)


@pytest.mark.slow
@pytest.mark.x64
def test_the_exact_fidelity_has_its_derivative_and_a_finite_one_without_noise(channel):
    def along(t):
        return channel[1](noise(x=0.3 * t, y=0.1 * t, z=0.2 * t, loss=0.5 * t), np.full(4, 0.5))

    slope = jax.jit(jax.grad(along))
    h = 1e-5
    assert float(slope(0.05)) == pytest.approx(float(along(0.05 + h) - along(0.05 - h)) / (2 * h), rel=1e-6)
    assert -(4 * 18 * 0.6 + 0.5 * 13) <= slope(0.0) < 0


@pytest.mark.slow
@pytest.mark.x64
def test_jit_and_vmap_change_nothing():
    mem, rates = some_memory(2, 1), noise(**MIXED)
    keys = jax.random.split(jax.random.key(6), 3)
    i, j = jnp.array([0, 1, 3], jnp.int32), jnp.array([2, 1, 0], jnp.int32)
    whole = jax.jit(jax.vmap(partial(overlap, mem, rates)))(i, j, key=keys)
    alone = [overlap(mem, rates, *each, key=key) for key, *each in zip(keys, i, j, strict=True)]
    np.testing.assert_allclose(whole, jnp.stack(alone), rtol=1e-13)


def test_a_wrong_sign_of_a_phase_error_is_seen():
    """Negative control: one phase error on the right router of the root, or none."""
    flipped, plain = Dense(np.array([[0], [1], [1], [0]]), AMPLITUDES), Dense(np.eye(4, 1, dtype=int), AMPLITUDES)
    for dense in (flipped, plain):
        for step, layer in enumerate(some_memory(2, 1).plan.layers, 1):
            for gate in layer:
                dense.gate(gate.kind, gate.place)
            if step == 7 and dense is flipped:
                dense.error(1, 1, False, True)
    left = AMPLITUDES[0] ** 2 + AMPLITUDES[1] ** 2
    assert plain.fidelity(AMPLITUDES) == pytest.approx(1)
    assert flipped.fidelity(AMPLITUDES) == pytest.approx((2 * left - 1) ** 2)
