"""Networks of the three regimes: counts of those without numbers against those with them, planned amplitudes, sizes."""

from dataclasses import replace
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.networks.regimes import (
    Setting,
    convolutions,
    count,
    counts,
    kernels,
    least_amplitude,
    network,
    plan,
)
from qla_jax.networks.residual import skip_norm_block
from qla_jax.polynomials import erf
from tests.cases import real

pytestmark = pytest.mark.x64

DEGREE = 7

SMALL = {"a": Setting("a", 16, channels=1), "c": Setting("c", 4, channels=1)}


def unit(n: int, seed: int) -> jnp.ndarray:
    x = real(n, seed=seed)
    return jnp.asarray(x / np.linalg.norm(x))


def convolved(kernel: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Zero-padded cross-correlation of one channel, by hand."""
    padded = np.pad(image, 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    return np.einsum("rskl,kl->rs", windows, kernel)


@pytest.mark.slow
@pytest.mark.parametrize("regime", ["a", "c"])
def test_a_network_with_numbers_has_the_counts_of_one_without_and_the_requested_error(regime):
    setting = SMALL[regime]
    weights = kernels(setting)
    planned = plan(setting, [np.abs(kernel).sum() for kernel in weights])
    inputs = [unit(setting.entries, seed) for seed in range(1 if regime == "a" else 2)]
    matrix = np.linalg.qr(real(16, 16))[0] if regime == "a" else None
    encodings = convolutions(setting, list(weights))
    built = jax.jit(lambda *parts: network(setting, planned, *parts))
    vec = built(encodings, inputs, None if matrix is None else jnp.asarray(matrix))
    assert counts(vec, encodings[0], setting, planned) == count(setting)

    psi = np.asarray(inputs[0]) if regime == "a" else np.kron(*inputs)
    psi = psi + scipy.special.erf(0.8 * convolved(weights[0, 0, 0], psi.reshape(4, 4))).reshape(-1)
    psi /= np.linalg.norm(psi)
    if matrix is not None:
        psi = 0.51 * psi + 0.49 * matrix @ psi**2
        psi /= np.linalg.norm(psi)
    assert np.linalg.norm(vec.encoded - psi) <= vec.eps <= setting.eps
    assert count(setting).amplitude <= vec.amplitude
    wrong = replace(setting, taps=2)  # negative control
    assert counts(vec, encodings[0], setting, planned) != count(wrong)


def test_planned_amplitudes_are_those_that_blocks_prove():
    """And nearly what the worst weight leaves: -1 on a uniform vector."""
    for degree, excess in ((3, 1.6), (DEGREE, 1.05)):
        poly = erf(0.8, degree=degree)
        block = skip_norm_block(block_encode(-np.eye(64), alpha=2.0), vector_encode(np.full(64, 1 / 8)), poly=poly)
        planned = least_amplitude(float(poly.relative_bound), 2.0, 1.0)
        assert planned <= block.amplitude <= excess * planned
        np.testing.assert_allclose(planned, block.least_amplitude, rtol=0.005 if degree == DEGREE else 0.4)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("entries", [64, 1024, 1 << 20]),
        ("blocks", [1, 2]),
        ("eps", [1e-1, 1e-3]),
        ("channels", [2, 4]),
        ("taps", [2, 4]),
    ],
)
@pytest.mark.sample(1)
def test_depth_and_qubits_grow_with_every_size(name, values):
    found = [count(replace(Setting("a", 64), **{name: value})) for value in values]
    for before, after in pairwise(found):
        assert before.depth < after.depth and before.num_qubits <= after.num_qubits


def test_published_errors_cost_more_than_sharp_ones_and_depend_on_the_dimension():
    by_schedule = {
        name: [count(Setting("c", n, schedule=name)).queries for n in (4, 1 << 20)] for name in ("sharp", "published")
    }
    assert by_schedule["sharp"][0] == by_schedule["sharp"][1]
    assert by_schedule["sharp"][1] < by_schedule["published"][0] < by_schedule["published"][1]
    with pytest.raises(ValueError, match="`eps` must"):
        count(Setting("a", 64, blocks=3, schedule="published"))


@pytest.mark.parametrize(("regime", "one"), [("a", 8 * (8 + 2)), ("c", 2 * 256 - 3)])
def test_the_depth_of_loading_is_that_of_a_tree_for_each_call(regime, one):
    """From a memory the square of a logarithm, by gates all of the entries."""
    found = count(Setting(regime, 256))
    calls, rest = divmod(found.loading, one)
    assert rest == 0 and 2 < calls < found.queries
    assert found.loading + found.weighing < found.depth


def test_the_exact_network_is_counted_in_multiplications():
    assert Setting("a", 64, blocks=2).classical == 2 * 64 * 4 * 9 + 64**2
    assert Setting("b", 8, blocks=2).classical == 2 * 64 * 4 * 9 + 8**4
    assert Setting("c", 8, blocks=2).classical == 2 * 64 * 4 * 9
