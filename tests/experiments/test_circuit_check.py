"""The circuit check: it passes on the circuit, and fails on one with a wrong sign somewhere."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.experiments.coherent.circuit_check import (
    TOLERANCE,
    Instance,
    circuit_check,
    convolution_instances,
    dense_instances,
)
from qla_jax.experiments.coherent.job import CHECK_DEGREE, failures
from qla_jax.transforms import chebyshev_lcu
from tests.cases import norm2, real

KERNELS = [0.9 * k / norm2(k) for k in (real(8, 8), real(8, 8, seed=1), real(8, 8, seed=2))]
TAPS = [0.1 * real(2, 2, 3, 3, seed=seed) for seed in range(3)]


def of_kind(check: dict, kind: str = "dense") -> dict:
    """The least of a network's report in which only the check can fail."""
    return {"kind": kind, "norms": [], "errors": [], "output_error": {"violations": 0}, "circuit_check": check}


@pytest.mark.slow
def test_two_trained_blocks_are_one_circuit_of_nineteen_qubits():
    """Every ancilla of both simulated: the output, its norm, and the way back to |0>."""
    found = circuit_check(dense_instances(KERNELS)[:1], CHECK_DEGREE)
    (row,) = found["instances"]
    assert (found["num_qubits"], found["blocks"], found["degree"], found["tolerance"]) == (19, 2, 5, 1e-9)
    assert (row["system_qubits"], row["num_qubits"], row["every_ancilla"]) == (1, 19, True)
    deviations = [row[f"{name}_deviation"] for name in ("projected", "output", "norm", "inverse")]
    assert found["max_deviation"] == row["max_deviation"] == max(deviations) < 1e-13
    assert 0 < row["amplitude"] < 1
    assert failures(of_kind(found)) == []


@pytest.mark.slow
@pytest.mark.parametrize("build", [lambda: dense_instances(KERNELS), lambda: convolution_instances(TAPS)])
def test_larger_instances_agree_by_early_projection(build):
    found = circuit_check(build(), CHECK_DEGREE)
    whole, projected = found["instances"]
    assert found["num_qubits"] == whole["num_qubits"]  # of what was simulated in full
    assert found["max_deviation"] == max(whole["max_deviation"], projected["max_deviation"])
    assert (whole["every_ancilla"], projected["every_ancilla"]) == (True, False)
    assert projected["blocks"] == 2
    assert projected["max_deviation"] == projected["projected_deviation"] < 1e-12


def test_instances_are_slices_of_the_trained_weights():
    """Leading entries of the first two; the middle row of the first channel. A slice of a contraction is one."""
    for instance, size in zip(dense_instances(KERNELS), (2, 4), strict=True):
        assert [enc.shape for enc in instance.weights] == [(size, size)] * 2
        for enc, kernel in zip(instance.weights, KERNELS, strict=False):
            np.testing.assert_array_equal(enc.matrix, kernel[:size, :size])
            assert enc.alpha == 1
        assert np.linalg.norm(instance.x) == pytest.approx(1)
    for instance, count in zip(convolution_instances(TAPS), (1, 2), strict=True):
        assert len(instance.weights) == count
        for enc, kernel in zip(instance.weights, TAPS, strict=False):
            np.testing.assert_array_equal(enc.kernel[0, 0, 0], kernel[0, 0, 1])
            assert enc.domain == (1, 1, 4)


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
    instance = dense_instances(KERNELS)[0]
    small = Instance(instance.name, instance.weights[:1], instance.x, full=True)
    monkeypatch.setattr(chebyshev_lcu, "reflect", mutant())
    found = circuit_check([small], CHECK_DEGREE)
    assert found["max_deviation"] > 1e-3 > TOLERANCE
    (line,) = failures(of_kind(found))
    assert line.startswith(f"dense: circuit check failed, {found['max_deviation']:.3g} > 1e-09")


def test_a_deviation_that_is_not_a_number_fails_the_check():
    check = {"max_deviation": float("nan"), "tolerance": TOLERANCE}
    assert failures(of_kind(check, "convolutional")) == ["convolutional: circuit check failed, nan > 1e-09."]


def test_the_check_leaves_the_callers_precision_alone():
    before = jax.config.jax_enable_x64
    dense_instances(KERNELS)
    assert jax.config.jax_enable_x64 == before
    assert jnp.zeros(()).dtype == (jnp.float64 if before else jnp.float32)
