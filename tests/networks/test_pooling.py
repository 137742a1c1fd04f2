"""Measuring the leading qubits: the distribution, its samples, its error."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.encodings.base.registers import num_qubits
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.combine.normalized import normalize
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.networks.pooling import distribution_error, l2_pool, sample, sample_runs
from tests.cases import cplx, positions, real

pool = jax.jit(l2_pool, static_argnums=1)


@pytest.mark.numerics
@pytest.mark.parametrize("x", [real(16), cplx(16)], ids=["real", "complex"])
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
    drawn = np.asarray(sample(jnp.asarray(probabilities), shots, key=key))
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


# Registers that are not powers of two: outcomes are those of qubits, which the circuit shows.

PADDED = [(3, 4, 4), (3, 5, 5), (6,), (5, 3), (12,), (1, 3), (2, 3, 2)]


def by_circuit(vec: VectorEncoding, outcomes: int) -> np.ndarray:
    """The distribution of the registers' leading qubits in the circuit's flagged state, every ancilla simulated.

    Idle qubits in front of the registers are always 0.
    """
    start = jnp.zeros((1 << vec.num_ancillas, 1 << vec.num_qubits), vec.encoded.dtype).at[0, 0].set(1)
    weights = np.abs(np.asarray(vec.apply(start)[0])) ** 2
    used = 1 << num_qubits(vec.sizes)
    assert weights[used:].sum() <= 1e-12
    weights = weights[:used]
    return weights.reshape(outcomes, -1).sum(1) / weights.sum()


@pytest.mark.numerics
@pytest.mark.parametrize("sizes", PADDED, ids=str)
@pytest.mark.parametrize("outcomes", [2, 4])
@pytest.mark.sample(3)
def test_outcomes_of_padded_registers_are_those_of_the_circuits_leading_qubits(sizes, outcomes, tol):
    vec = vector_encode(real(*sizes), pad=True)
    expected, atol = by_circuit(vec, outcomes), tol("exact", factor=10)
    image = real(*sizes)
    for found in (l2_pool(vec, outcomes), l2_pool(image, outcomes), l2_pool(vec.encoded, outcomes, sizes=sizes)):
        np.testing.assert_allclose(found, expected, rtol=0, atol=atol)
    np.testing.assert_allclose(l2_pool(normalize(vec), outcomes), expected, rtol=0, atol=atol)


def test_parts_of_the_unpadded_vector_are_other_probabilities():
    """Negative control, with the figures of both."""
    image = np.arange(1.0, 49).reshape(3, 4, 4)
    parts = (image.reshape(4, -1) ** 2).sum(1) / (image**2).sum()
    found = np.asarray(l2_pool(image, 4))
    np.testing.assert_allclose(found, [0.0393, 0.2615, 0.6991, 0], rtol=0, atol=5e-5)
    np.testing.assert_allclose(parts, [0.0171, 0.1118, 0.2973, 0.5738], rtol=0, atol=5e-5)


@pytest.mark.parametrize(
    "vec",
    [
        lambda: vector_encode(np.arange(1.0, 13).reshape(3, 4), pad=True),
        lambda: vector_encode(real(3, 5), pad=True),
        lambda: block_encode(real(3, 5) / 9, alpha=1.0) @ vector_encode(real(5), pad=True),
    ],
    ids=["3 x 4", "3 x 5", "product"],
)
@pytest.mark.sample(1)
def test_runs_follow_the_circuit(vec, key):
    """Chi-squared of accepted runs over the circuit's distribution; where it is zero nothing comes."""
    vec, shots = vec(), 40_000
    runs = sample_runs(vec, outcomes=4, shots=shots, key=key)
    accepted = int(runs.accepted.sum())
    assert abs(accepted - shots * float(vec.amplitude) ** 2) <= 5 * np.sqrt(shots)
    assert set(np.unique(runs.outcomes[~np.asarray(runs.accepted)])) <= {-1}
    counts = np.bincount(np.asarray(runs.outcomes)[np.asarray(runs.accepted)], minlength=4)
    expected = accepted * by_circuit(vec, 4)
    assert not counts[expected < 1e-9].any()
    some = expected > 1e-9
    assert np.sum((counts[some] - expected[some]) ** 2 / expected[some]) < 20


@pytest.mark.numerics
@pytest.mark.parametrize("size", [1e-30, 1e30, 1e-200, 1e200])
def test_squares_of_tiny_and_huge_entries_stay_in_range(size, x64):
    if x64 or 1e-37 < size < 1e37:
        np.testing.assert_allclose(l2_pool(jnp.array([size, 2 * size]), 2), [0.2, 0.8], rtol=1e-6)


def test_a_state_of_several_registers_is_padded_where_its_encoding_is():
    sizes = (3, 5)
    column = np.zeros(32)
    column[positions(sizes)] = real(*sizes).reshape(-1)
    expected = (column.reshape(8, -1) ** 2).sum(1) / (column**2).sum()
    np.testing.assert_allclose(l2_pool(real(*sizes), 8), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("outcomes", [0, 3, 16, 6, -2, 2.0])
def test_outcomes_that_are_no_power_of_two_or_more_than_basis_states_raise(outcomes):
    with pytest.raises(ValueError, match=r"`outcomes` must be (a power of two of at most 8|an integer), but is"):
        l2_pool(jnp.ones(8), outcomes)


def test_sizes_that_do_not_hold_the_entries_raise():
    with pytest.raises(ValueError, match=r"`sizes` must hold the 8 entries of `x`, but is \(3, 3\)"):
        l2_pool(jnp.ones(8), 2, sizes=(3, 3))


def test_a_state_without_entries_is_refused():
    with pytest.raises(ValueError, match=r"`x` must not be empty, but has shape \(0,\)"):
        l2_pool(jnp.zeros(0), 1)
