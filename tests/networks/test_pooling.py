"""Measuring the leading qubits: the distribution, its samples, its error."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.networks.pooling import distribution_error, l2_pool, sample
from tests.cases import cplx, real

pool = jax.jit(l2_pool, static_argnums=1)


@pytest.mark.numerics
@pytest.mark.parametrize("x", [real(16), cplx(16), real(12)], ids=["real", "complex", "padded channels"])
@pytest.mark.parametrize("outcomes", [1, 4])
def test_an_outcome_has_the_weight_of_its_block_of_consecutive_entries(x, outcomes, tol):
    length = len(x) // outcomes
    expected = [np.linalg.norm(x[c * length : (c + 1) * length]) ** 2 / np.linalg.norm(x) ** 2 for c in range(outcomes)]
    found = np.asarray(pool(x, outcomes))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tol("exact", factor=10))
    assert jnp.isrealobj(found)


@pytest.mark.numerics
def test_the_zero_state_gives_zeros_and_a_finite_gradient():
    assert not np.any(pool(jnp.zeros(8), 4))
    gradient = jax.jit(jax.jacrev(lambda x: l2_pool(x, 4)))(jnp.zeros(8))
    assert np.isfinite(gradient).all()


@pytest.mark.numerics
def test_the_gradient_is_that_of_the_distribution(tol):
    """Of the first of two blocks: 2 x_1 (1 - y_1) within it and -2 x_2 y_1 beyond, over the squared norm."""
    x = real(8)
    found = jax.jit(jax.grad(lambda x: l2_pool(x, 2)[0]))(jnp.asarray(x))
    share = np.sum(x[:4] ** 2) / np.sum(x**2)
    expected = 2 * x * np.repeat([1 - share, -share], 4) / np.sum(x**2)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tol("rounding"))


def test_samples_follow_the_distribution(key):
    """Chi-squared over 20 000 shots, 3 degrees of freedom; an outcome of probability zero never comes."""
    probabilities, shots = np.array([0.1, 0.2, 0.7, 0.0]), 20_000
    drawn = np.asarray(sample(key, jnp.asarray(probabilities), shots))
    counts = np.bincount(drawn, minlength=4)
    assert counts[3] == 0
    expected = shots * probabilities[:3]
    assert np.sum((counts[:3] - expected) ** 2 / expected) < 20


@pytest.mark.x64
def test_distributions_of_close_states_are_within_twice_their_distance():
    rng = np.random.default_rng(0)
    worst = 0.0
    for size in (1e-6, 1e-3, 0.3):
        for _ in range(50):
            x, y = (v / np.linalg.norm(v) for v in (lambda a: (a, a + size * rng.normal(size=8)))(rng.normal(size=8)))
            distance = np.linalg.norm(x - y)
            apart = np.abs(np.asarray(pool(x, 4)) - np.asarray(pool(y, 4))).sum()
            assert apart <= distribution_error(distance) == 2 * distance
            worst = max(worst, apart / distance)
    assert worst > 1  # the bound is not far from what happens


@pytest.mark.parametrize("outcomes", [0, 3, 16, 6])
def test_outcomes_that_are_no_power_of_two_or_do_not_divide_raise(outcomes):
    with pytest.raises(ValueError, match=f"`outcomes` must be a power of two that divides 8, but is {outcomes}"):
        l2_pool(jnp.ones(8), outcomes)
