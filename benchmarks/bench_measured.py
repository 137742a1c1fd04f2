"""What measured networks are made of: fixed-point layers, readouts, reads of a noisy memory; checked, then timed."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qla_jax as qla
from benchmarks.helpers import compiled

FORMAT = qla.arithmetic.Format(bits=32, fraction=24, overflow="saturate")


def convolved(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """In full, in Python's integers, before the point is put back."""
    padded = np.pad(x.astype(object), ((0, 0), (1, 1), (1, 1)))
    rows, columns = x.shape[1:]
    total = np.zeros((len(kernel), rows, columns), object)
    for i in range(3):
        for j in range(3):
            moved = padded[:, i : i + rows, j : j + columns]
            total += (kernel[:, :, i, j].astype(object)[:, :, None, None] * moved[None]).sum(axis=1)
    return total


@pytest.mark.benchmark(group="fixed point")
def test_fixed_point_convolution(report):
    """16 to 16 channels of 16 x 16, 3 x 3, 32 bits with 24 behind the point: bit for bit what integers give."""
    rng = np.random.default_rng(0)
    drawn = [rng.integers(FORMAT.least, FORMAT.largest + 1, shape) >> 5 for shape in [(16, 16, 16), (16, 16, 3, 3)]]
    args = tuple(qla.arithmetic.from_integers(numbers, FORMAT) for numbers in drawn)
    program = compiled(qla.arithmetic.convolve, *args)
    expected = np.clip(convolved(*drawn) >> FORMAT.fraction, FORMAT.least, FORMAT.largest)
    np.testing.assert_array_equal(program.run(*args).integers, expected)
    report(program, flops=2.0 * 16 * 16 * 9 * 16 * 16, seconds_bar=1.0)


@pytest.mark.benchmark(group="memory")
def test_reads_of_a_million_cells(report):
    """Fidelity of a read of 2^20 cells of two bits, 10^4 shots of depolarizing noise."""
    cells, noise = qla.qram.memory(np.arange(1 << 20) % 4, word_bits=2), qla.qram.depolarizing(1e-6)
    args = cells, jax.random.key(0)
    program = compiled(lambda cells, key: qla.qram.read_fidelity(cells, noise, shots=10_000, key=key), *args)
    found = program.run(*args)
    assert 0 <= 1 - found.value <= qla.qram.infidelity_bound(20, 2, noise) + 3 * found.standard_error
    report(program, seconds_bar=60.0)


READOUTS = {
    "tomography": qla.tomography(delta=0.01),
    "coefficients": qla.chebyshev_readout(rank=(16, 16), relative_eps=0.01, noise="qae"),
    "medians of 11": qla.chebyshev_readout(rank=(16, 16), relative_eps=0.01, noise="qae-median-11"),
}


@pytest.mark.benchmark(group="readout")
@pytest.mark.parametrize("name", READOUTS)
def test_readout_of_a_batch(report, name):
    """64 feature maps of 64 x 64, each with a key of its own."""
    grid = jnp.linspace(-1, 1, 64)
    maps = jnp.exp(-jnp.linspace(1, 9, 64)[:, None, None] * (grid[:, None] ** 2 + grid[None] ** 2)[None])
    args = maps, jax.random.split(jax.random.key(0), 64)
    program = compiled(jax.vmap(lambda state, key: READOUTS[name](state, key=key)), *args)
    found = program.run(*args)
    errors = jnp.linalg.norm((found.values - maps).reshape(64, -1), axis=1)
    if name == "coefficients":  # of single runs nothing is promised but the mean square, at most eps / pi for each
        assert 0 < jnp.mean(jnp.square(errors / found.norm)) < 1.5 * 256 * 0.01 / jnp.pi
    else:
        assert found.failure_probability.max() < 0.05 and (errors <= found.error_bound).all()
    report(program, queries=int(found.queries[0]))


@pytest.mark.benchmark(group="readout")
def test_a_first_call_as_users_make_it(benchmark):
    """Eager, nothing compiled before: what a notebook waits for; in the table of pytest-benchmark."""
    image = jnp.outer(jnp.sin(jnp.linspace(0, 2, 16)), jnp.cos(jnp.linspace(0, 2, 16)))
    call = partial(READOUTS["coefficients"], image, key=jax.random.key(0))
    benchmark.pedantic(lambda: jax.block_until_ready(call()), setup=jax.clear_caches, rounds=3)
