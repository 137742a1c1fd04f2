"""The law of amplitude estimation against its circuit, and samples against the law."""

import functools
import math

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import scipy.stats

from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.vectors.known import vector_encode, vector_from_unitary
from qla_jax.measurement.amplitude_estimation import (
    SUCCESS,
    amplitude_law,
    amplitude_of,
    estimate_amplitude,
    median_failure,
    points_for,
    queries_of,
    sample_outcomes,
)
from qla_jax.measurement.grover import estimation_circuit, good_probability, grover_operator
from qla_jax.measurement.iterative import iterative_amplitude_estimation
from qla_jax.measurement.overlaps import (
    hadamard_test,
    inner_product,
    modulus_error,
    squared_overlap,
    swap_test,
)
from tests.cases import cplx, haar, real

POINTS = [1, 2, 3, 5, 8, 13]
EDGES = [0.0, 1.0, 0.5, 0.25, 1e-9, 1 - 1e-9, 0.1234]
CIRCUIT = 6e-15
"""What the circuit of a dozen Grover operators leaves of double precision."""


def exact_law(a: float, points: int) -> np.ndarray:
    """By the eigenvectors of the Grover operator, to 40 digits: |sum_j exp(2 pi i j (w - y / M)) / M|^2 of both."""
    with mpmath.workdps(40):
        angle = mpmath.asin(mpmath.sqrt(mpmath.mpf(a))) / mpmath.pi

        def peak(offset):
            terms = [mpmath.expjpi(2 * j * offset) for j in range(points)]
            return abs(mpmath.fsum(terms) / points) ** 2

        grid = [mpmath.mpf(y) / points for y in range(points)]
        return np.array([float((peak(angle - y) + peak(angle + y)) / 2) for y in grid])


@pytest.mark.x64
@pytest.mark.parametrize("a", EDGES)
def test_the_law_is_that_of_the_eigenvectors_to_forty_digits(a):
    for points in POINTS if a == 0.1234 else (1, 2, 5, 8):
        assert np.abs(np.asarray(amplitude_law(a, points)) - exact_law(a, points)).max() < 1e-15 * max(points, 4)


@pytest.mark.x64
def test_the_law_is_that_of_the_circuit():
    x, y = vector_encode(real(4)), vector_encode(real(4, seed=1))
    flagged = block_encode(0.3 * haar(4), alpha=1.0) @ vector_encode(cplx(4))
    rotation = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    qubit = vector_from_unitary(rotation, num_ancillas=0, alpha=1.0, eps=0.0)
    cases = [hadamard_test(x, y), swap_test(x, y), (flagged, None), (qubit, jnp.array([[False, True]]))]
    for circuit, good in cases:

        @jax.jit
        def views(circuit, good=good):
            a = good_probability(circuit, good)
            laws = ((estimation_circuit(circuit, points=m, good=good), m) for m in (3, 13))
            return [(found, amplitude_law(a, m), amplitude_law(1 - a, m)) for found, m in laws]

        for found, law, wrong in views(circuit):
            assert np.abs(np.asarray(found - law)).max() < CIRCUIT
            assert np.abs(np.asarray(found - wrong)).max() > 1e-3


@pytest.mark.x64
@pytest.mark.parametrize("good", [True, False])
def test_a_circuit_that_always_or_never_succeeds_has_the_law_of_its_probability(good):
    circuit = vector_encode(real(2))
    for points in (1, 5):
        found = np.asarray(estimation_circuit(circuit, points=points, good=jnp.full((1, 2), good)))
        assert np.abs(found - np.asarray(amplitude_law(float(good), points))).max() < CIRCUIT


@pytest.mark.x64
def test_the_grover_operator_turns_by_twice_the_angle():
    circuit, good = hadamard_test(vector_encode(real(4)), vector_encode(real(4, seed=1)))
    state = circuit.apply(jnp.eye(2, 4).at[1, 1].set(0.0))
    start = state
    theta = np.arcsin(np.sqrt(float(good_probability(circuit, good))))
    for _ in range(3):
        state = grover_operator(circuit, good, state)
    assert abs(float(jnp.sum(jnp.where(good, state, 0) ** 2)) - np.sin(7 * theta) ** 2) < 1e-14
    assert abs(float(jnp.vdot(start, start)) - 1) < 1e-14


@pytest.mark.numerics
def test_hadamard_and_swap_tests_succeed_with_the_probability_of_the_overlap(tol):
    x, y = cplx(4), cplx(4, seed=1)
    z = np.vdot(x, y) / np.linalg.norm(x) / np.linalg.norm(y)
    left, right = vector_encode(x), vector_encode(y)
    for test, expected in (
        (hadamard_test(left, right), (1 + z.real) / 2),
        (hadamard_test(left, right, imaginary=True), (1 + z.imag) / 2),
        (swap_test(left, right), (1 + abs(z) ** 2) / 2),
    ):
        assert abs(float(good_probability(*test)) - expected) < tol("exact")
    swap = swap_test(left, right).circuit
    state = jnp.asarray(cplx(2, 16))
    assert np.abs(np.asarray(swap.apply_adjoint(swap.apply(state)) - state)).max() < tol("exact", factor=10)
    assert swap.gates().toffoli == 2


@pytest.mark.numerics
@pytest.mark.parametrize(
    "points", [pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow), 7]
)
def test_samples_follow_the_law(points, key):
    runs = 20_000
    edges = np.array(EDGES)
    draw = jax.jit(lambda key, a: sample_outcomes(jnp.repeat(a, runs), points, key=key))
    seen = np.asarray(draw(key, jnp.asarray(edges))).reshape(len(edges), runs)
    for row, a in zip(seen, edges, strict=True):
        law = np.asarray(amplitude_law(jnp.asarray(a), points), float)
        counts = np.bincount(row, minlength=points)
        common = law * runs >= 5
        assert len(counts) == points
        rare = runs * law[~common].sum()
        assert counts[~common].sum() <= rare + 6 * np.sqrt(rare) + 6
        expected = law[common] * counts[common].sum() / law[common].sum()
        assert common.sum() == 1 or scipy.stats.chisquare(counts[common], expected).pvalue > 1e-6


@pytest.mark.slow
@pytest.mark.numerics
def test_samples_of_many_points_have_the_tails_of_the_law(key):
    points, runs = 6284, 200_000
    draw = jax.jit(lambda key: sample_outcomes(jnp.full(runs, 0.3), points, key=key))
    theta = np.arcsin(np.sqrt(0.3)) * points / np.pi
    seen = np.asarray(draw(key))
    distance = np.minimum(np.abs(seen - theta), np.abs(points - seen - theta))
    law = np.asarray(amplitude_law(0.3, points), float)
    grid = np.arange(points)
    far = np.minimum(np.abs(grid - theta), np.abs(points - grid - theta))
    for reach in (3, 30, 300):
        mass = law[far > reach].sum()
        assert abs((distance > reach).mean() - mass) < 5 * np.sqrt(mass / runs)
    assert (distance > 300).any()


def test_single_runs_and_medians_are_next_to_the_truth_as_often_as_promised():
    for points in (3, 8, 50):
        for a in np.linspace(0, 1, 21):
            law = np.asarray(amplitude_law(a, points))
            error = np.abs(np.asarray(amplitude_of(jnp.arange(points), points)) - a)
            assert law[error <= np.sin(np.pi / points) + 1e-12].sum() >= SUCCESS - 1e-12
    assert median_failure(1) == pytest.approx(1 - SUCCESS)
    assert median_failure(5) == pytest.approx(scipy.stats.binom.sf(2, 5, 1 - SUCCESS))
    assert points_for(0.001 / 2) == 6284 and queries_of(6284) == 12567


@pytest.mark.slow
def test_estimates_are_jitted_vmapped_and_differentiated_straight_through(key):
    keys = jax.random.split(key, 3)
    a = jnp.array([0.0, 0.3, 1.0])

    def estimate(key, a):
        return estimate_amplitude(a, points=16, repetitions=3, key=key)

    together, slopes = jax.jit(jax.vmap(jax.value_and_grad(estimate, argnums=1)))(keys, a)
    assert np.allclose(slopes, 1)
    assert np.allclose(together[1], estimate(keys[1], a[1]), atol=1e-12)


@pytest.mark.slow
@pytest.mark.numerics
def test_inner_products_are_within_their_bounds_for_any_norm(key, tol):
    x, y = cplx(6), cplx(6, seed=1)
    exact, norms = np.vdot(x, y), np.linalg.norm(x) * np.linalg.norm(y)

    @jax.jit
    def views(x, y, key):
        def weighed(x):
            return (
                inner_product(x, y.real, relative_eps=0.1, key=key).values
                + squared_overlap(x, y.real, relative_eps=0.1, key=key).values
            )

        return (
            inner_product(x, y, relative_eps=0.05, repetitions=9, key=key),
            squared_overlap(x, y, relative_eps=0.05, repetitions=9, key=key),
            inner_product(y.real, 2 * y.real, relative_eps=0.2, key=key),  # an even number of points has one at 1
            jax.grad(weighed)(x.real),
            inner_product(0 * x, y, relative_eps=0.1, key=key),
        )

    found, square, parallel, slope, nothing = views(jnp.asarray(x), jnp.asarray(y), key)
    assert abs(complex(found.values) - exact) <= float(found.error_bound)
    assert float(found.error_bound) == pytest.approx(0.05 * math.sqrt(2) * norms, rel=1e-5)
    assert int(found.shots) == 18 and int(found.queries) == 2 * 18 * (2 * 126 - 1)
    assert abs(float(square.values) - abs(exact) ** 2) <= float(square.error_bound)
    assert float(square.error_bound) == pytest.approx(0.05 * norms**2, rel=1e-5)
    assert abs(float(parallel.values) - 2 * y.real @ y.real) < tol("rounding", factor=10)
    assert np.allclose(slope, y.real * (1 + 2 * x.real @ y.real), atol=tol("rounding", factor=10))
    assert complex(nothing.values) == 0 and np.isinf(nothing.error_bound)
    assert float(modulus_error(0.01, 0.0)) == pytest.approx(0.1)
    assert float(modulus_error(0.01, 0.5)) == pytest.approx(0.02)


def test_where_nothing_can_be_raised_a_bad_probability_is_nan(key):
    shares = jnp.array([-0.1, 0.5, 1.1, jnp.nan])
    found = jax.jit(lambda a: estimate_amplitude(a, points=4, repetitions=3, key=key))(shares)
    np.testing.assert_array_equal(np.isnan(found), [True, False, True, True])


def test_bad_input_is_refused(key):
    x = vector_encode(real(4))
    with pytest.raises(ValueError, match="`points` must be at least 1, but is 0"):
        amplitude_law(0.5, 0)
    with pytest.raises(ValueError, match=r"`probability` must lie in \[0, 1\], but is 1.5"):
        amplitude_law(1.5, 4)
    with pytest.raises(ValueError, match="`repetitions` must be odd"):
        estimate_amplitude(0.5, points=4, repetitions=2, key=key)
    with pytest.raises(ValueError, match="`eps` must lie strictly between 0 and 1, but is 0"):
        points_for(0)
    with pytest.raises(ValueError, match="`good` must have shape"):
        estimation_circuit(x, points=4, good=jnp.ones((2, 2), bool))
    with pytest.raises(ValueError, match="`points` must be at least 1, but is 0"):
        estimation_circuit(x, points=0)
    with pytest.raises(TypeError, match="`circuit` must be of type Encoding"):
        estimation_circuit(np.eye(2), points=2)
    with pytest.raises(ValueError, match="`right` must have the 2 qubits"):
        swap_test(x, vector_encode(real(2)))
    with pytest.raises(ValueError, match="`right` must return its ancillas to 0, but does so with probability"):
        hadamard_test(x, block_encode(real(4, 4)) @ x)
    with pytest.raises(ValueError, match="`x` must not be the zero vector"):
        inner_product(np.zeros(3), np.ones(3), relative_eps=0.1, key=key)
    with pytest.raises(ValueError, match="`y` must have the shape"):
        inner_product(np.ones(2), np.ones(3), relative_eps=0.1, key=key)


@pytest.mark.x64
@pytest.mark.parametrize("beyond", [-4e-16, 1.0000000000000004, 1 + 1e-15])
@pytest.mark.sample(1)
def test_probabilities_beyond_an_end_by_rounding_are_at_the_end(key, beyond):
    """Squares of amplitudes of unit vectors are; what is further out is refused, or NaN inside jit."""
    end = min(max(beyond, 0.0), 1.0)
    estimate = functools.partial(estimate_amplitude, key=key, points=16)
    assert float(estimate(beyond)) == float(jax.jit(estimate)(beyond)) == end
    found = iterative_amplitude_estimation(beyond, eps=0.05, key=key)
    assert float(found.low) <= end <= float(found.high)
    np.testing.assert_array_equal(amplitude_law(beyond, 8), amplitude_law(end, 8))
    np.testing.assert_array_equal(jax.jit(lambda a: amplitude_law(a, 8))(beyond), amplitude_law(end, 8))
    assert float(jax.grad(lambda a: estimate(a))(beyond)) == 1.0
    outside = 1.001 if end else -0.001
    with pytest.raises(ValueError, match="`probability` must lie in"):
        estimate(outside)
    assert np.isnan(jax.jit(estimate)(outside))
