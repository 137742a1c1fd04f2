"""The circuit check passes for the circuit and fails for circuits with a wrong sign."""

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
"""Image whose two largest amplitudes are at 3 and 6, and whose four largest are at 3, 4, 6 and 7."""
PIXELS = np.zeros((2, 3, 4))
PIXELS[1, 2] = [0.0, 3.0, 0.0, 4.0]
PIXELS[0, 1] = [1.0, 1.0, 1.0, 1.0]


def of_kind(check: CircuitCheck, kind: str = "dense") -> Network:
    """Return the smallest report of a network in which only the circuit check can fail."""
    fine = SimpleNamespace(violations=0)
    parts = {"norms": [], "errors": [], "claims": [], "terminal": None, "output_error": fine}
    return SimpleNamespace(kind=kind, circuit_check=check, **parts)


@pytest.mark.slow
def test_two_trained_blocks_form_one_circuit_of_thirteen_qubits():
    """With every ancilla of both blocks: the output, the norm of the state, and the inverse back to |0>."""
    found = circuit_check(dense_instances(KERNELS, IMAGE)[:1], CHECK_DEGREE)
    (row,) = found.instances
    assert (found.num_qubits, found.blocks, found.degree, found.tolerance) == (13, 2, 5, 1e-9)
    assert (row.system_qubits, row.num_qubits, row.every_ancilla) == (1, 13, True)
    deviations = [getattr(row, f"{name}_deviation") for name in ("projected", "output", "norm", "inverse")]
    assert found.max_deviation == row.max_deviation == max(deviations) < 1e-13
    assert 0 < row.amplitude < 1
    assert failures(of_kind(found)) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "build", [lambda: dense_instances(KERNELS, IMAGE), lambda: convolution_instances(TAPS, PIXELS)]
)
def test_larger_instances_agree_with_the_encoded_view_by_early_projection(build):
    found = circuit_check(build(), CHECK_DEGREE)
    whole, projected = found.instances
    assert found.num_qubits == whole.num_qubits  # largest of the full simulations
    assert found.max_deviation == max(whole.max_deviation, projected.max_deviation)
    assert (whole.every_ancilla, projected.every_ancilla) == (True, False)
    assert projected.blocks == 2
    assert projected.max_deviation == projected.projected_deviation < 1e-12


def test_instances_are_slices_of_trained_weights_at_the_largest_amplitudes_of_an_image():
    """A convolution keeps the middle row of its kernel, on the channel of the brightest row of pixels."""
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


def test_paths_start_from_their_largest_amplitudes_and_a_terminal_block_from_those_of_the_product():
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


def test_black_images_are_skipped():
    weights = [block_encode(jnp.asarray(kernel), alpha=1.0) for kernel in KERNELS[:2]]
    images = np.stack([0 * IMAGE, IMAGE, IMAGE[::-1]])
    traced = SimpleNamespace(images=images, starts=images, built=Built(weights, [], None))
    for found, expected in zip(instances_of(traced), dense_instances(KERNELS, IMAGE), strict=True):
        np.testing.assert_array_equal(found.x, expected.x)


reflect = chebyshev_lcu.reflect


def is_second() -> bool:
    """Return whether the second reflection of a step calls, by its line: a count fails, as tracing repeats calls."""
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
    """Clear compiled functions before, as a compiled circuit would not be traced again, and after."""
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
def test_a_wrong_reflection_fails_the_circuit_check(mutant, monkeypatch):
    """Negative controls on one block of seven qubits. The circuit has reflections, the encoded view has none."""
    instance = dense_instances(KERNELS, IMAGE)[0]
    small = Instance(instance.name, instance.weights[:1], instance.x, full=True)
    monkeypatch.setattr(chebyshev_lcu, "reflect", mutant())
    found = circuit_check([small], CHECK_DEGREE)
    assert found.max_deviation > 1e-3 > TOLERANCE
    (line,) = failures(of_kind(found))
    assert line.startswith(f"dense: circuit check failed, {found.max_deviation:.3g} > 1e-09")


def test_a_deviation_of_nan_fails_the_circuit_check(monkeypatch):
    check = CircuitCheck(19, 2, 5, float("nan"), TOLERANCE, [])
    assert failures(of_kind(check, "convolutional")) == ["convolutional: circuit check failed, nan > 1e-09."]
    x, weights = jnp.array([0.6, jnp.nan]), dense_instances(KERNELS, IMAGE)[0].weights[:1]
    found = circuit_check([Instance("one", weights, x, False), Instance("two", weights, x, True)], 3)
    assert np.isnan(found.max_deviation)


def test_circuit_check_keeps_the_precision_of_the_caller():
    before = jax.config.jax_enable_x64
    dense_instances(KERNELS, IMAGE)
    assert jax.config.jax_enable_x64 == before
    assert jnp.zeros(()).dtype == (jnp.float64 if before else jnp.float32)
