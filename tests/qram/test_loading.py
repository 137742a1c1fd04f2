"""Loading through a noisy memory: what its error means, that it is tracked, and that the limits hold."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from qla_jax.encodings.base.vector import run
from qla_jax.encodings.combine.lemmas import vector_sum
from qla_jax.encodings.combine.normalized import normalize
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.encodings.vectors.loading import qram_encode
from qla_jax.qram.bounds import certified_infidelity, infidelity_bound, infidelity_with, state_error
from qla_jax.qram.fidelity import Estimate
from qla_jax.qram.loading import loading_infidelities, measured_infidelities, noisy_qram_encode
from qla_jax.qram.rates import amplitude_damping, depolarizing, noise
from qla_jax.qram.scheduling import held_site_count

X = np.random.default_rng(0).normal(size=8)


@pytest.mark.numerics
def test_the_error_is_the_sum_over_reads_and_reaches_whatever_is_built_on_it(tol):
    infidelities = jnp.array([0.0, 0.0, 1e-4, 2e-4, 1e-3, 0.0])
    vec = noisy_qram_encode(X, infidelities=infidelities)
    expected = np.linalg.norm(X) * np.sum(np.sqrt(2 * (1 - np.sqrt(1 - np.asarray(infidelities, float)))))
    np.testing.assert_allclose(vec.eps, expected, rtol=tol("rounding"))
    np.testing.assert_allclose(run(vec), X, rtol=0, atol=tol("rounding"))
    assert vec.gates() == qram_encode(X).gates() and vec.gates().reads == len(infidelities)
    np.testing.assert_allclose(vector_sum(vec, vector_encode(X), weights=(2.0, 1.0)).eps, 2 * vec.eps, rtol=1e-6)
    assert vec.eps < normalize(2.0 * vec).eps * np.linalg.norm(X) * 1.2 and np.isfinite(normalize(vec).eps)
    assert noisy_qram_encode(X, infidelities=jnp.ones(6)).eps == pytest.approx(2 * np.linalg.norm(X), rel=1e-6)
    assert noisy_qram_encode(X, infidelities=jnp.zeros(6)).eps == 0
    assert noisy_qram_encode(np.array([3.0]), infidelities=[]).eps == 0


@pytest.mark.x64
def test_the_error_of_a_channel_is_that_of_its_best_environment():
    """Random isometries into system and environment: Uhlmann's state attains it, and other states do no better."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        psi = np.linalg.qr(rng.normal(size=(4, 1)) + 1j * rng.normal(size=(4, 1)))[0][:, 0]
        out = np.outer(psi, rng.normal(size=3)) + 0.5 * (rng.normal(size=(4, 3)) + 1j * rng.normal(size=(4, 3)))
        out /= np.linalg.norm(out)
        overlap = psi.conj() @ out
        fidelity = np.linalg.norm(overlap) ** 2
        best = overlap / np.linalg.norm(overlap)
        assert np.linalg.norm(out - np.outer(psi, best)) == pytest.approx(float(state_error(1 - fidelity)), abs=1e-12)
        assert np.linalg.norm(out @ best.conj() - psi) <= float(state_error(1 - fidelity)) + 1e-12
        other = np.linalg.qr(rng.normal(size=(3, 1)))[0][:, 0]
        assert np.linalg.norm(out - np.outer(psi, other)) >= float(state_error(1 - fidelity)) - 1e-12


def test_tiny_infidelities_are_not_lost_to_rounding():
    assert float(state_error(1e-12)) == pytest.approx(1e-6, rel=1e-6)


@pytest.mark.x64
def test_proven_bounds_hold_for_any_vector_and_have_derivatives():
    rates = noise(x=1e-4, loss=1e-5)
    found = loading_infidelities(4, rates, word_bits=3)
    expected = [0.0, *(float(infidelity_bound(level, 3, rates)) for level in (1, 2, 3))]
    np.testing.assert_allclose(found, np.repeat(expected, 2))
    assert expected[1] == 0 < expected[2] < expected[3]
    slope = jax.grad(lambda rate: loading_infidelities(3, amplitude_damping(rate), word_bits=3)[-1])(0.0)
    assert float(slope) == pytest.approx(held_site_count(2, 3))


@pytest.mark.slow
@pytest.mark.x64
def test_measured_infidelities_repeat_and_hold_where_errors_are_known():
    options = {"word_bits": 2, "shots": 400, "confidence": 0.9}
    found = measured_infidelities(X[:4], depolarizing(0.0), **options, key=jax.random.key(0))
    low = 0.05 ** (1 / 400)  # no failure in 400, at 0.95 for each of two reads
    np.testing.assert_allclose(found, [0, 0, *[1 - (2 * low - 1) ** 2] * 2], rtol=1e-9)
    vec = noisy_qram_encode(X[:4], infidelities=found)
    assert 0 < vec.eps < 2 * vec.alpha


@pytest.mark.x64
def test_a_certified_infidelity_is_exceeded_no_more_often_than_it_says():
    """By the law of the count itself, all of its values."""
    shots, chance, confidence, rates = 50, 0.9, 0.9, noise(x=1e-4, loss=1e-4)
    truth = infidelity_with(1 - chance, held_site_count(2, 1), rates)
    exceeded = [
        bool(certified_infidelity(Estimate(jnp.asarray(hits / shots), 0.0, shots), 2, 1, rates, confidence) < truth)
        for hits in range(shots + 1)
    ]
    risk = stats.binom.pmf(np.arange(shots + 1), shots, chance) @ np.array(exceeded)
    assert 0 < risk <= 1 - confidence
