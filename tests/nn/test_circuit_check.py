"""The circuit check: it passes on the circuit, and fails on one with a wrong sign somewhere."""

import inspect
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.experiments.coherent.job import CHECK_DEGREE
from qla_jax.experiments.coherent.results import Network
from qla_jax.experiments.coherent.summary import failures
from qla_jax.nn.circuit_check import (
    TOLERANCE,
    CircuitCheck,
    Instance,
    bilinear_instances,
    circuit_check,
    convolution_instances,
    dense_instances,
    instances_of,
    terminal_instances,
)
from qla_jax.nn.trace import Built
from qla_jax.transforms import chebyshev_lcu
from tests.cases import norm2, real

KERNELS = [0.9 * k / norm2(k) for k in (real(8, 8), real(8, 8, seed=1), real(8, 8, seed=2))]
TAPS = [0.1 * real(2, 2, 3, 3, seed=seed) for seed in range(3)]


IMAGE = np.array([0.0, 0.1, 0.0, 3.0, 1.0, 0.0, 2.0, 0.5])
"""Its two largest amplitudes are at 3 and 6, its four largest at 3, 4, 6 and 7."""
PIXELS = np.zeros((2, 3, 4))
PIXELS[1, 2] = [0.0, 3.0, 0.0, 4.0]
PIXELS[0, 1] = [1.0, 1.0, 1.0, 1.0]


def of_kind(check: CircuitCheck, kind: str = "dense") -> Network:
    """The least of a network's report in which only the check can fail."""
    fine = SimpleNamespace(violations=0)
    parts = {"norms": [], "errors": [], "claims": [], "terminal": None, "output_error": fine}
    return SimpleNamespace(kind=kind, circuit_check=check, **parts)


@pytest.mark.slow
def test_two_trained_blocks_are_one_circuit_of_nineteen_qubits():
    """Every ancilla of both simulated: the output, its norm, and the way back to |0>."""
    found = circuit_check(dense_instances(KERNELS, IMAGE)[:1], CHECK_DEGREE)
    (row,) = found.instances
    assert (found.num_qubits, found.blocks, found.degree, found.tolerance) == (19, 2, 5, 1e-9)
    assert (row.system_qubits, row.num_qubits, row.every_ancilla) == (1, 19, True)
    deviations = [getattr(row, f"{name}_deviation") for name in ("projected", "output", "norm", "inverse")]
    assert found.max_deviation == row.max_deviation == max(deviations) < 1e-13
    assert 0 < row.amplitude < 1
    assert failures(of_kind(found)) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "build", [lambda: dense_instances(KERNELS, IMAGE), lambda: convolution_instances(TAPS, PIXELS)]
)
def test_larger_instances_agree_by_early_projection(build):
    found = circuit_check(build(), CHECK_DEGREE)
    whole, projected = found.instances
    assert found.num_qubits == whole.num_qubits  # of what was simulated in full
    assert found.max_deviation == max(whole.max_deviation, projected.max_deviation)
    assert (whole.every_ancilla, projected.every_ancilla) == (True, False)
    assert projected.blocks == 2
    assert projected.max_deviation == projected.projected_deviation < 1e-12


def test_instances_are_slices_of_the_trained_weights_at_the_largest_amplitudes_of_an_image():
    """A slice of a contraction is one; a convolution keeps its kernel's middle row on the brightest row's channel."""
    for instance, places in zip(dense_instances(KERNELS, IMAGE), ([3, 6], [3, 4, 6, 7]), strict=True):
        assert [enc.shape for enc in instance.weights] == [(len(places),) * 2] * 2
        for enc, kernel in zip(instance.weights, KERNELS, strict=False):
            np.testing.assert_array_equal(enc.matrix, kernel[np.ix_(places, places)])
            assert enc.alpha == 1
        np.testing.assert_allclose(instance.x, IMAGE[places] / norm2(IMAGE[places]), rtol=1e-15)
    for instance, count in zip(convolution_instances(TAPS, PIXELS), (1, 2), strict=True):
        assert len(instance.weights) == count
        for enc, kernel in zip(instance.weights, TAPS, strict=False):
            np.testing.assert_array_equal(enc.kernel[0, 0, 0], kernel[1, 1, 1])
            assert enc.domain == (1, 1, 4)
        np.testing.assert_allclose(instance.x, [0, 0.6, 0, 0.8], rtol=1e-15)


def test_two_paths_start_from_their_own_largest_amplitudes_and_a_terminal_block_from_those_of_their_product():
    paths = np.array([0.0, 3.0, 0.0, -4.0]), np.array([5.0, 0.0, 12.0, 0.0])
    for instance in bilinear_instances(TAPS, paths):
        for found, expected in zip(instance.x, ([0.6, -0.8], [5 / 13, 12 / 13]), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-15)
    matrix = real(8, 8, seed=5)
    (dense,) = terminal_instances(KERNELS, matrix, [IMAGE])
    np.testing.assert_array_equal(dense.weights[0].matrix, KERNELS[0][np.ix_([3, 6], [3, 6])])
    np.testing.assert_array_equal(dense.matrix, matrix[np.ix_([3, 6], [3, 6])])
    (mixed,) = terminal_instances(TAPS, real(24, 24), [PIXELS])  # both channels of the brightest pixel
    places = [11, 23]
    np.testing.assert_array_equal(mixed.weights[0].matrix, TAPS[0][:, :, 1, 1])
    np.testing.assert_array_equal(mixed.matrix, real(24, 24)[np.ix_(places, places)])
    np.testing.assert_allclose(mixed.x, [0, 1], rtol=1e-15)


def test_an_image_that_is_black_is_passed_over():
    weights = [block_encode(jnp.asarray(kernel), alpha=1.0) for kernel in KERNELS[:2]]
    images = np.stack([0 * IMAGE, IMAGE, IMAGE[::-1]])
    traced = SimpleNamespace(images=images, starts=images, built=Built(weights, [], None))
    for found, expected in zip(instances_of(traced), dense_instances(KERNELS, IMAGE), strict=True):
        np.testing.assert_array_equal(found.x, expected.x)


reflect = chebyshev_lcu.reflect


def is_second() -> bool:
    """Whether the caller's caller is the second reflection of a step: by its place, for tracing may call any number."""
    return inspect.stack()[2].code_context[0].strip().startswith("return")


def one_of_two_negated():
    def mutant(branches, active):
        sign = jnp.where(active, -1, 1)[:, None, None] if is_second() else 1
        return sign * reflect(branches, active)

    return mutant


def one_of_two_left_out():
    return lambda branches, active: branches if is_second() else reflect(branches, active)


def in_all_branches():
    return lambda branches, active: reflect(branches, jnp.ones_like(active))


@pytest.fixture
def nothing_compiled():
    """Neither before, for a circuit that is known already would not be read again, nor after."""
    jax.clear_caches()
    yield
    jax.clear_caches()


@pytest.mark.usefixtures("nothing_compiled")
@pytest.mark.parametrize(
    "mutant",
    [
        one_of_two_negated,
        pytest.param(one_of_two_left_out, marks=pytest.mark.slow),
        pytest.param(in_all_branches, marks=pytest.mark.slow),
    ],
)
def test_a_wrong_reflection_fails_the_check_and_is_named(mutant, monkeypatch):
    """Negative controls on one block of seven qubits: the encoded view has no reflections, the circuit has."""
    instance = dense_instances(KERNELS, IMAGE)[0]
    small = Instance(instance.name, instance.weights[:1], instance.x, full=True)
    monkeypatch.setattr(chebyshev_lcu, "reflect", mutant())
    found = circuit_check([small], CHECK_DEGREE)
    assert found.max_deviation > 1e-3 > TOLERANCE
    (line,) = failures(of_kind(found))
    assert line.startswith(f"dense: circuit check failed, {found.max_deviation:.3g} > 1e-09")


def test_a_deviation_that_is_not_a_number_fails_the_check(monkeypatch):
    check = CircuitCheck(19, 2, 5, float("nan"), TOLERANCE, [])
    assert failures(of_kind(check, "convolutional")) == ["convolutional: circuit check failed, nan > 1e-09."]
    x, weights = jnp.array([0.6, jnp.nan]), dense_instances(KERNELS, IMAGE)[0].weights[:1]
    found = circuit_check([Instance("one", weights, x, False), Instance("two", weights, x, True)], 3)
    assert np.isnan(found.max_deviation)


def test_the_check_leaves_the_callers_precision_alone():
    before = jax.config.jax_enable_x64
    dense_instances(KERNELS, IMAGE)
    assert jax.config.jax_enable_x64 == before
    assert jnp.zeros(()).dtype == (jnp.float64 if before else jnp.float32)
