"""Phase factors, in double precision on one target: half of cos(t x), t such that the series ends at the degree.

Times are of a jitted call, its residual and bound included. Peers, where they are installed (`pip install -e
'.[peers]'`), run in turn with it on the same coefficients; a ratio is our time over theirs.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

import qla_jax as qla
from benchmarks.helpers import Program, compiled, uncompiled
from qla_jax.phases import complementary
from qla_jax.phases.splitting import split
from qla_jax.phases.stripping import strip

COLD = """
import sys, time
import numpy as np, jax
import qla_jax as qla
jax.config.update("jax_enable_x64", True)
jax.numpy.zeros(1).block_until_ready()
coeffs = np.load(sys.argv[1])
start = time.perf_counter()
found = qla.phase_factors(coeffs)
found.values.block_until_ready()
print(time.perf_counter() - start, float(found.residual))
"""


@pytest.fixture(autouse=True)
def _double_precision() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def target(degree: int, size: float = 0.5) -> np.ndarray:
    """Chebyshev coefficients of size * cos(t x), even degree, the next one about 1e-16."""
    low, high = 0.0, float(degree)
    for _ in range(60):
        t = (low + high) / 2
        low, high = (t, high) if abs(scipy.special.jv(degree + 2, t)) < 1e-16 else (low, t)
    even = np.arange(0, degree + 1, 2)
    coeffs = np.zeros(degree + 1)
    coeffs[even] = 2 * size * (-1.0) ** (even // 2) * scipy.special.jv(even, low)
    coeffs[0] /= 2
    return coeffs


def solver(degree: int, size: float = 0.5) -> tuple[Program, np.ndarray]:
    coeffs = target(degree, size)
    return compiled(lambda c: qla.phase_factors(c), jnp.asarray(coeffs)), coeffs


def solved(program: Program, limit: float) -> float:
    """The residual, which has to keep to its limit."""
    found = program.run(*program.fresh())
    assert float(found.residual) <= limit
    return float(found.residual)


def qsppack(coeffs: np.ndarray, samples: int) -> Program:
    """Its nonlinear Fourier transform; the number of samples is the caller's, and decides whether it is right."""
    module = pytest.importorskip("qsppack")
    options = {"method": "NLFT", "N": samples, "criteria": 1e-12, "print": 0, "useReal": True}
    return uncompiled(lambda c: module.solve(c[::2], 0, options), coeffs)


@pytest.mark.benchmark(group="phase factors")
@pytest.mark.parametrize("degree", [50, 1000, 10_000, 100_000])
def test_half(report, degree):
    """Sup norm 0.5; the residual within 2e-14 times the root of the degree."""
    program, _ = solver(degree)
    report(program, residual=solved(program, 2e-14 * degree**0.5))


@pytest.mark.benchmark(group="phase factors")
def test_half_million(report):
    """Degree 10^6 at sup norm 0.5."""
    program, _ = solver(1_000_000)
    report(program, residual=solved(program, 5e-11))


@pytest.mark.benchmark(group="phase factors")
@pytest.mark.parametrize(("degree", "size"), [(10_000, 0.99), (1000, 0.99)])
def test_close_to_one(report, degree, size):
    """Sup norm 0.99."""
    program, _ = solver(degree, size)
    report(program, residual=solved(program, 5e-12))


@pytest.mark.benchmark(group="phase factors against qsppack")
@pytest.mark.parametrize(
    ("degree", "size", "samples", "bar"),
    [(1000, 0.5, 1 << 15, 1 / 300), (10_000, 0.5, 1 << 19, 1 / 200), (10_000, 0.99, 1 << 22, 1 / 25)],
)
def test_qsppack(report, degree, size, samples, bar):
    """qsppack NLFT with as many samples as it needs for its residual of 1e-12."""
    program, coeffs = solver(degree, size)
    report(program, against=qsppack(coeffs, samples), ratio_bar=bar)


@pytest.mark.benchmark(group="phase factors against nlft-qsp")
@pytest.mark.parametrize("degree", [1000, 10_000])
def test_nlft_qsp(report, degree):
    """nlft-qsp on the same coefficients."""
    module = pytest.importorskip("nlft_qsp")
    program, coeffs = solver(degree)
    peer = uncompiled(lambda c: module.ChebyshevQSPPhaseFactors.solve(module.ChebyshevTExpansion(list(c))).phi, coeffs)
    report(program, against=peer, ratio_bar=1 / 20)


@pytest.mark.benchmark(group="inverse nonlinear Fourier transform")
@pytest.mark.parametrize("degree", [1000, 10_000, 100_000])
def test_splitting(report, degree):
    """The stripping of a CPU's program by the splitting of an accelerator's, in turn, here."""
    half = target(degree)[::-2] / 2  # the leading half of the palindromic b: of the middle entry, half
    half[-1] *= 2
    outer = complementary.outer_numpy(np.concatenate([half, half[-2::-1]]), len(half)).coeffs
    args = jnp.asarray(outer), jnp.asarray(half)
    report(compiled(split, *args), against=compiled(strip, *args))


@pytest.mark.benchmark(group="phase factors, batched and differentiated")
def test_batch(report):
    """64 targets of degree 1000 under vmap, against 64 single calls."""
    sizes = np.linspace(0.3, 0.6, 64)[:, None]
    coeffs = jnp.asarray(sizes * target(1000) / 0.5)
    batch = compiled(jax.vmap(lambda c: qla.phase_factors(c)), coeffs)
    single = compiled(lambda c: qla.phase_factors(c), coeffs[0])
    one_by_one = uncompiled(lambda batch: [single.run(c) for c in batch], list(coeffs))
    report(batch, against=one_by_one, ratio_bar=0.7)


@pytest.mark.benchmark(group="phase factors, batched and differentiated")
@pytest.mark.parametrize("degree", [1000, 10_000])
def test_gradient(report, degree):
    """The gradient of a weighted sum of the phases, against the phases."""
    weights = jnp.asarray(np.random.default_rng(0).normal(size=degree + 1))
    coeffs = jnp.asarray(target(degree))
    forward = compiled(lambda c: weights @ qla.phase_factors(c).values, coeffs)
    backward = compiled(jax.grad(lambda c: weights @ qla.phase_factors(c).values), coeffs)
    report(backward, against=forward, ratio_bar=10.0)


@pytest.mark.benchmark(group="phase factors, first call of a process")
@pytest.mark.parametrize("degree", [50, 1000])
def test_cold(benchmark, tmp_path, degree):
    """One eager call in a fresh process, imports and the start of JAX's backend not counted: nothing is compiled."""
    path = tmp_path / "coeffs.npy"
    np.save(path, target(degree))

    def run() -> tuple[float, float]:
        told = subprocess.run(
            [sys.executable, "-c", COLD, str(path)], capture_output=True, text=True, check=True, env=dict(os.environ)
        )
        seconds, residual = map(float, told.stdout.split())
        return seconds, residual

    told = [run() for _ in range(5)]
    benchmark.extra_info["cold_median_s"] = statistics.median(seconds for seconds, _ in told)
    assert max(residual for _, residual in told) <= 1e-12
    coeffs = target(degree)
    benchmark(lambda: qla.phase_factors(coeffs))
    print(f"degree {degree}: first call {1e3 * benchmark.extra_info['cold_median_s']:.2f} ms")
