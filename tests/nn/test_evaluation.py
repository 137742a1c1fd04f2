"""The trace of both networks, compared with NumPy and SciPy, and the rules for violations of bounds."""

import itertools
import math

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from flax import nnx
from numpy.polynomial import chebyshev as series

from qla_jax.nn import CoherentResNet, DenseWeight
from qla_jax.nn import trace as traces
from qla_jax.nn.evaluation import accuracies, errors, norms, output_error
from qla_jax.nn.trace import Trace, trace
from tests.cases import erf_coeffs, real

L = 8 / (5 * math.sqrt(math.pi))
BLOCKS, SIZE, OUTCOMES, DEGREE, COUNT = 2, 8, 4, 5, 5


@pytest.fixture(scope="module")
def model() -> CoherentResNet:
    """A network in single precision, as training leaves it."""
    rngs = nnx.Rngs(0)
    weights = [DenseWeight(SIZE, rngs=rngs, noise=1.0, dtype=jnp.float32) for _ in range(BLOCKS)]
    return CoherentResNet(weights, sizes=(SIZE,), outcomes=OUTCOMES, degree=DEGREE)


IMAGES = np.abs(real(COUNT, 6)).astype(np.float32)


@pytest.fixture(scope="module")
def traced(model) -> Trace:
    """The trace, computed in chunks of which the last is shorter."""
    patch = pytest.MonkeyPatch()
    patch.setattr(traces, "CHUNK", 3)
    yield trace(model, IMAGES)
    patch.undo()


@pytest.fixture(scope="module")
def by_numpy(model) -> dict[str, np.ndarray]:
    """Norms and states after every block of the polynomial network, the ideal one and the one without skips."""
    weights = []
    for module in model.weights:
        kernel = np.asarray(module.kernel[...], float)
        s = np.linalg.svd(kernel, compute_uv=False)
        weights.append(kernel / (s[0] * np.sum((s / s[0]) ** 128) ** (1 / 128)))
    inputs = np.pad(IMAGES, [(0, 0), (0, SIZE - IMAGES.shape[1])]).astype(float)
    found = {name: np.zeros((COUNT, BLOCKS)) for name in ("norm", "bare_norm", "actual")}
    found |= {name: np.zeros((COUNT, OUTCOMES)) for name in ("outcomes", "ideal_outcomes")}
    found["states"] = np.zeros((COUNT, BLOCKS + 1, SIZE))
    for image, x in enumerate(inputs):
        state = ideal = bare = found["states"][image, 0] = x / np.linalg.norm(x)
        for block, weight in enumerate(weights):
            state = state + series.chebval(weight @ state, erf_coeffs(DEGREE, 0.8))
            ideal = ideal + scipy.special.erf(0.8 * (weight @ ideal))
            bare = series.chebval(weight @ bare, erf_coeffs(DEGREE, 0.8))
            found["norm"][image, block] = np.linalg.norm(state)
            found["bare_norm"][image, block] = np.linalg.norm(bare)
            state, ideal, bare = (v / np.linalg.norm(v) for v in (state, ideal, bare))
            found["actual"][image, block] = np.linalg.norm(state - ideal)
            found["states"][image, block + 1] = state
        found["outcomes"][image] = np.square(state).reshape(OUTCOMES, -1).sum(1)
        found["ideal_outcomes"][image] = np.square(ideal).reshape(OUTCOMES, -1).sum(1)
    return found


@pytest.mark.parametrize("name", ["norm", "bare_norm", "actual", "outcomes", "ideal_outcomes", "states"])
def test_trace_agrees_with_numpy_and_scipy_in_double_precision(traced, by_numpy, name):
    found = getattr(traced, name)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, by_numpy[name], rtol=0, atol=1e-12)


def test_error_bounds_hold_and_are_ordered(traced):
    assert np.all(traced.actual <= traced.eps)
    assert np.all(traced.eps < traced.published)
    apart = np.abs(traced.outcomes - traced.ideal_outcomes).sum(1)
    assert np.all(apart <= traced.output_eps)
    np.testing.assert_array_equal(traced.output_eps, 2 * traced.eps[:, -1])
    assert all(row.violations == 0 for row in (*errors(traced), *norms(traced.norm), output_error(traced)))
    assert norms(traced.bare_norm)[0].max < 1 - L + 2 * L  # without skip connections at most L


def test_success_amplitudes_decrease_from_block_to_block(traced):
    np.testing.assert_allclose(traced.alone[:, 0], np.exp(-traced.log_alpha[:, 0]), rtol=1e-12)
    assert np.all(traced.log_alpha[:, 1] > traced.log_alpha[:, 0])
    assert np.all(traced.alone[:, 1] > np.exp(-traced.log_alpha[:, 1]))


def by_hand(**changes) -> Trace:
    """Return a trace of two images, two blocks and two outcomes without violations unless changed."""
    both = np.full((2, 2), 0.1)
    fields = dict.fromkeys(Trace._fields, both) | {
        "norm": np.ones((2, 2)),
        "actual": np.array([[1e-3, 2e-3], [3e-3, 4e-3]]),
        "eps": np.array([[1e-2, 2e-2], [1e-2, 2e-2]]),
        "outcomes": np.array([[0.9, 0.1], [0.4, 0.6]]),
        "ideal_outcomes": np.array([[0.91, 0.09], [0.4, 0.6]]),
        "output_eps": np.array([0.05, 0.05]),
    }
    return Trace(**(fields | changes))


def test_rows_report_the_worst_of_all_images():
    first, second = errors(by_hand())
    assert (first.block, first.actual_max, first.eps, first.violations) == (1, 3e-3, 1e-2, 0)
    assert (second.block, second.actual_max, second.eps, second.violations) == (2, 4e-3, 2e-2, 0)
    assert first.eps_over_actual == pytest.approx(np.median([10, 10 / 3]))
    output = output_error(by_hand())
    assert output.actual_max == pytest.approx(0.02)
    assert (output.eps, output.violations) == (0.05, 0)
    row = norms(np.array([[0.5, 1.0], [1.5, 1.0]]))[0]
    assert (row.block, row.min, row.mean, row.max, row.violations) == (1, 0.5, 1.0, 1.5, 0)
    assert (row.low, row.high) == pytest.approx((1 - L, 1 + L))


@pytest.mark.parametrize("bad", [1e-4, 0.0, np.inf, np.nan, -1.0])
def test_an_error_above_eps_and_an_unknown_eps_are_violations(bad):
    """A bound of inf does not count as kept, nor does NaN, with which every comparison is false."""
    eps = np.array([[1e-2, 2e-2], [bad, 2e-2]])
    assert [row.violations for row in errors(by_hand(eps=eps))] == [1, 0]
    assert output_error(by_hand(output_eps=np.array([bad, 0.05]))).violations == 1


def test_an_unknown_actual_error_is_a_violation():
    actual = np.array([[1e-3, np.nan], [3e-3, 4e-3]])
    assert [row.violations for row in errors(by_hand(actual=actual))] == [0, 1]
    outcomes = np.array([[np.nan, 0.1], [0.4, 0.6]])
    assert output_error(by_hand(outcomes=outcomes)).violations == 1


@pytest.mark.parametrize("bad", [0.0, 0.09, 1.91, np.nan, np.inf])
def test_a_norm_outside_the_proven_range_is_a_violation(bad):
    assert [row.violations for row in norms(np.array([[1.0, bad], [1.0, 1.0]]))] == [0, 1]


def test_without_a_measurable_error_there_is_no_ratio():
    assert np.isnan(errors(by_hand(actual=np.zeros((2, 2))))[0].eps_over_actual)


def test_accuracies_agree_with_a_count_by_hand():
    """The first two images are certain; the third is right with probability 0.3 in each sample."""
    outcomes = np.array([[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 0.3, 0.7]])
    ideal = np.array([[1.0, 0, 0, 0], [1.0, 0, 0, 0], [0, 0, 0.7, 0.3]])
    found = accuracies(by_hand(outcomes=outcomes, ideal_outcomes=ideal), np.array([0, 1, 2]), 0.25, seed=0)
    assert found.argmax == pytest.approx(2 / 3) and found.baseline == 0.25
    assert found.ideal_argmax == pytest.approx(2 / 3)
    assert found.sampled_expected == pytest.approx((1 + 1 + 0.3) / 3)
    assert found.ideal_sampled_expected == pytest.approx((1 + 0 + 0.7) / 3)
    assert found.sampled in (pytest.approx(2 / 3), pytest.approx(1.0))
    shots = found.by_samples
    assert [row.samples for row in shots] == [2**k for k in range(9)]
    assert shots[-1].accuracy == pytest.approx(2 / 3)  # 256 votes of 0.3 against 0.7
    assert all(before.samples < after.samples for before, after in itertools.pairwise(shots))


def test_accuracy_of_many_samples_approaches_the_argmax():
    rng = np.random.default_rng(0)
    outcomes = rng.dirichlet(np.full(4, 0.5), size=2000)
    labels = np.array([rng.choice(4, p=p) for p in outcomes])
    found = accuracies(by_hand(outcomes=outcomes, ideal_outcomes=outcomes), labels, 0.25, seed=1)
    assert abs(found.sampled - found.sampled_expected) < 0.04
    assert abs(found.by_samples[-1].accuracy - found.argmax) < 0.02
    assert found.argmax > found.sampled + 0.05
