"""Blocks amplified to alpha 1: one circuit against the encoded view, its lengths, its errors, end to end."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from qla_jax import polynomials
from qla_jax.accounting.costs import cost
from qla_jax.encodings.base.vector import run
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.networks import schedule
from qla_jax.networks.amplified import amplified_block, amplified_network
from qla_jax.networks.pooling import l2_pool, sample_runs
from qla_jax.networks.residual import skip_norm_block
from qla_jax.networks.terminal import terminal_block
from tests.cases import norm2, real

pytestmark = pytest.mark.x64

POLY = polynomials.erf(0.8, degree=5)
WEIGHTS = [0.95 * real(2, 2, seed=seed) / norm2(real(2, 2, seed=seed)) for seed in range(3)]
UNIT = real(2) / np.linalg.norm(real(2))


def ideal(weights: list[np.ndarray], x: np.ndarray) -> np.ndarray:
    for weight in weights:
        x = x + scipy.special.erf(0.8 * weight @ x)
        x = x / np.linalg.norm(x)
    return x


def one_block(weight: np.ndarray = WEIGHTS[0], x: np.ndarray = UNIT):
    return skip_norm_block(block_encode(weight, alpha=1.0), vector_encode(x), poly=POLY)


def test_an_amplified_block_is_the_block_with_alpha_one():
    """Lemma 6 whole, every ancilla simulated, in a circuit whose length comes from the skip connection alone."""
    block = one_block()
    amplified = amplified_block(block, eps=1e-2)
    np.testing.assert_allclose(jax.jit(run)(amplified), amplified.encoded, rtol=0, atol=1e-12)
    assert np.linalg.norm(amplified.encoded - block.encoded) <= 1e-2
    assert np.linalg.norm(amplified.encoded - ideal(WEIGHTS[:1], UNIT)) <= amplified.eps <= 1.1e-2
    np.testing.assert_allclose([amplified.alpha, amplified.amplitude], [1 / 0.999, 0.999], atol=1e-2)
    assert amplified.num_ancillas == block.num_ancillas + 1 < schedule.published_ancillas(1, 1, 1)


def test_the_least_amplitude_is_one_and_is_nearly_reached():
    """By W = -1 and a uniform vector."""
    for size in (2, 16):
        block = one_block(-np.eye(size), np.full(size, size**-0.5))
        assert block.least_amplitude <= block.amplitude
    assert block.amplitude <= 1.15 * block.least_amplitude
    assert one_block().least_amplitude > 0.051  # the paper asks for 1/400


def test_a_chain_of_amplified_blocks_stays_close_to_the_ideal_network():
    network = amplified_network([block_encode(w, alpha=1.0) for w in WEIGHTS], vector_encode(UNIT), eps=1e-4, poly=POLY)
    assert np.linalg.norm(network.encoded - ideal(WEIGHTS, UNIT)) <= network.eps < 1e-1
    np.testing.assert_allclose(network.alpha, 1 / 0.999, rtol=1e-3)
    assert network.num_ancillas == schedule.ancillas(1, 1, 3, 5, amplified=True)
    assert network.num_ancillas < schedule.published_ancillas(1, 1, 3) <= 2**3 * (2 * 1 + 1 + 9)


@pytest.mark.slow
def test_a_network_of_one_block_and_the_terminal_block_is_sampled_as_its_circuit_says():
    """Regime (a) with k = 1, end to end in twelve qubits: amplified block, squares, pooling, classes."""
    matrix = WEIGHTS[1]
    network = terminal_block(matrix, amplified_block(one_block(), eps=1e-2))
    state = jax.jit(lambda vec: vec.apply(jnp.zeros((1 << vec.num_ancillas, 2), complex).at[0, 0].set(1)))(network)
    assert network.num_ancillas + network.num_qubits == 12
    np.testing.assert_allclose(np.linalg.norm(state), 1, rtol=0, atol=1e-11)
    np.testing.assert_allclose(network.alpha * state[0], network.encoded, rtol=0, atol=1e-11)
    x = ideal(WEIGHTS[:1], UNIT)
    gamma = 0.51 * x + 0.49 * matrix @ x**2
    assert np.linalg.norm(network.encoded - gamma / np.linalg.norm(gamma)) <= network.eps < 0.1

    shots = 20_000
    runs = sample_runs(network, outcomes=2, shots=shots, key=jax.random.key(0))
    flagged = np.abs(np.asarray(state[0])) ** 2  # of the circuit, not of the encoded view
    counts = [np.sum(~runs.accepted), *np.bincount(runs.outcomes[runs.accepted], minlength=2)]
    expected = shots * np.array([1 - flagged.sum(), *flagged])
    assert scipy.stats.chisquare(counts, expected).pvalue > 1e-3
    swapped = scipy.stats.chisquare(counts, expected[[0, 2, 1]])  # negative control
    assert swapped.pvalue < 1e-6
    np.testing.assert_allclose(l2_pool(network.encoded, 2), flagged / flagged.sum(), rtol=0, atol=1e-10)


def test_an_amplitude_below_the_bound_leaves_the_error_unknown():
    assert amplified_block(one_block(), eps=1e-2, amplitude_bound=0.9).eps == np.inf


def test_queries_multiply_from_block_to_block():
    """Each amplification of degree m calls a block m times, and a block its input d + 1 times, its weight d times."""
    encs = [block_encode(w, alpha=1.0) for w in WEIGHTS[:2]]
    network = amplified_network(encs, vector_encode(UNIT), eps=1e-2, poly=POLY)
    first, second = len(network.part.part.phases) - 1, len(network.phases) - 1
    assert sorted(cost(network).num_queries.values()) == sorted(
        [second * 5, second * 6 * first * 5, second * 6 * first * 6]
    )


def test_encodings_that_cannot_be_amplified_raise():
    def traced(weight):
        return amplified_block(one_block(weight), eps=1e-2).alpha

    with pytest.raises(ValueError, match="`amplitude_bound` must be given inside jit"):
        jax.jit(traced)(WEIGHTS[0])
    with pytest.raises(ValueError, match="`block` must be a SkipNormBlock or a TerminalBlock, but is"):
        amplified_block(vector_encode(UNIT), eps=1e-2)
    for size in (0.05, 5.0):
        with pytest.raises(ValueError, match=r"`block` must stand on a unit vector, but its input has the length"):
            amplified_block(one_block(x=size * UNIT), eps=1e-2)
    with pytest.raises(TypeError, match="`weight` must be of type BlockEncoding, but is of type ndarray"):
        skip_norm_block(WEIGHTS[0], vector_encode(UNIT))
    with pytest.raises(ValueError, match="`shots` must be at least 1, but is 0"):
        sample_runs(vector_encode(UNIT), outcomes=2, shots=0, key=jax.random.key(0))
    with pytest.raises(ValueError, match="`weights` must hold at least one block encoding"):
        amplified_network([], vector_encode(UNIT), eps=1e-2)
    with pytest.raises(ValueError, match="`eps` must match 1 weights, but there are 2"):
        amplified_network([block_encode(WEIGHTS[0], alpha=1.0)], vector_encode(UNIT), eps=[1e-2, 1e-2])


@pytest.mark.parametrize("blocks", [1, 2, 5])
def test_both_schedules_end_at_the_requested_error(blocks):
    for make, after in (
        (schedule.published_schedule, schedule.published_error_after),
        (schedule.sharp_schedule, schedule.sharp_error_after),
    ):
        np.testing.assert_allclose(after(make(1e-3, blocks)), 1e-3, rtol=1e-12)
    assert np.prod(schedule.sharp_schedule(1e-3, blocks)) > np.prod(schedule.published_schedule(1e-3, blocks))
    with pytest.raises(ValueError, match="`blocks` must be positive, but is 0"):
        schedule.sharp_schedule(1e-3, 0)


def test_a_shift_of_errors_between_blocks_makes_the_sharp_schedule_longer():
    """It is the best one: moving a share from one block to another lowers the product."""
    best = schedule.sharp_schedule(1e-3, 3)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        moved = list(best)
        moved[i] *= 1.1
        moved[j] = moved[j] * (1e-3 - schedule.sharp_error_after([e * (k != j) for k, e in enumerate(moved)]))
        moved[j] /= schedule.sharp_error_after([e * (k == j) for k, e in enumerate(best)]) * 1.0
        np.testing.assert_allclose(schedule.sharp_error_after(moved), 1e-3, rtol=1e-9)
        assert np.prod(moved) < np.prod(best)


def test_ancillas_follow_the_recursion():
    assert [schedule.published_ancillas(3, 2, k) for k in (1, 2, 3)] == [16, 48, 112]
    assert schedule.published_ancillas(3, 2, 2, of_input=5) == 4 * 5 + 48
