"""What regimes cost: counts of networks without numbers against networks with them, fits, the ablation, the command."""

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from typer.testing import CliRunner

from qla_jax.cli import app
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.experiments.core import fits
from qla_jax.experiments.costs import job as costs_job
from qla_jax.experiments.costs.ablation import DEGREE, ablation, measured, without_skip
from qla_jax.experiments.costs.squares import matrices, routes, squares
from qla_jax.experiments.report import costs_page
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

SMALL = {"a": Setting("a", 16, channels=1), "c": Setting("c", 4, channels=1)}


def unit(n: int, seed: int) -> jnp.ndarray:
    x = real(n, seed=seed)
    return jnp.asarray(x / np.linalg.norm(x))


def convolved(kernel: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Zero-padded cross-correlation of one channel, by hand."""
    padded = np.pad(image, 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    return np.einsum("rskl,kl->rs", windows, kernel)


@pytest.mark.parametrize("regime", ["a", "c"])
def test_a_network_with_numbers_has_the_counts_of_the_one_without_and_the_error_that_was_asked_for(regime):
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
    assert np.linalg.norm(vec.vector() - psi) <= vec.eps <= setting.eps
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


def test_fits_find_the_laws_of_synthetic_data():
    x = [4.0, 16.0, 64.0, 256.0]
    law = fits.power(x, [3 * value**1.5 for value in x])
    np.testing.assert_allclose([*law], [1.5, 3, 1.5, 0], rtol=1e-9, atol=1e-9)
    line = fits.affine(x, [1e6 + 7 * value for value in x])
    np.testing.assert_allclose([*line], [1e6, 7, 0], rtol=1e-6, atol=1e-9)
    assert fits.power(x, [1e6 + 7 * value for value in x]).exponent < 0.01  # no power law, and no exponent of 1
    np.testing.assert_allclose(fits.crossing(lambda n: 1000 + n, lambda n: n**2), 32.1, rtol=0.02)
    assert fits.crossing(lambda n: n**2, lambda n: n / 2) is None
    with pytest.raises(ValueError, match="points must be two or more, all positive"):
        fits.power([1, 2], [0, 1])


def test_without_skip_connections_the_cost_grows_with_every_layer_and_with_them_it_does_not():
    rows = ablation([16, 256], [1, 2])
    amplitudes = [row["amplitude"] for row in rows if row["blocks"] == 2]
    np.testing.assert_allclose(amplitudes, [1 / 4, 1 / 16], rtol=0.02)  # erf(0.8 c x) / L is c x to first order
    for blocks, low, high in ((1, 0.45, 0.55), (2, 0.9, 1.1)):
        small, large = (row for row in rows if row["blocks"] == blocks)
        assert small["with"] == large["with"]
        assert low < np.log(large["without"] / small["without"]) / np.log(16) < high
        np.testing.assert_allclose(np.log(large["runs"] / small["runs"]) / np.log(16), blocks, rtol=0.02)
    found = measured(16, 2)
    vec = jax.jit(lambda values, x: without_skip(values, x, found))(jnp.full(16, 1 / 4), jnp.full(16, 1 / 4))
    assert vec.eps < 0.1 and vec.amplitude > 0.99  # the amplitudes are there
    assert jax.jit(lambda v, x: without_skip(v, x, [1.1 * found[0]]))(*2 * [jnp.full(16, 1 / 4)]).eps == np.inf


def test_theorem_one_saves_the_frobenius_norm_over_the_longest_column():
    draw = np.random.default_rng(0)
    for kind, matrix in matrices(8, draw).items():
        psi = draw.normal(size=8)
        first, second = (route.vector() for route in routes(jnp.asarray(matrix), jnp.asarray(psi)).values())
        np.testing.assert_allclose(first, matrix @ psi**2 / (psi @ psi), rtol=0, atol=1e-12)
        np.testing.assert_allclose(second, first, rtol=0, atol=1e-12)
        assert np.linalg.matrix_rank(matrix) == (2 if kind == "of rank two" else 8)
    for row in squares([4, 8])["rows"]:
        if row["kind"] == "orthogonal":
            assert row["frobenius"] / row["theorem"] == pytest.approx(
                np.sqrt(row["entries"])
            )  # two calls of the vector each


def job(regime: str) -> costs_job.CostsJob:
    few = {"entries": (16, 64, 256), "blocks": (1, 2), "errors": (1e-1, 1e-2), "channels": (2, 4), "taps": (2, 4)}
    return costs_job.CostsJob(regime, **few, ablated=(4, 16), squared=(4, 16))


@pytest.fixture(scope="module")
def report() -> dict:
    return costs_job.run(job("c"))


def test_a_report_is_written_as_numbers_pictures_and_one_page(report, tmp_path):
    costs_page.write(report, tmp_path)
    read = json.loads((tmp_path / "costs.json").read_text())
    assert read["regime"] == "c" and [curve["variable"] for curve in read["curves"]] == [
        "N",
        "log 1/eps",
        "k",
        "C",
        "D",
    ]
    assert read["failures"] == []
    text = (tmp_path / "costs.html").read_text()
    assert text.count("data:image/png;base64,") == len(list(tmp_path.glob("*.png"))) == 6
    assert not re.search(r"(src|href)=\"http", text)
    loading = read["curves"][0]["series"][0]["fits"]["loading"]["exponent"]
    assert 0.95 < loading < 1.1


def test_what_must_not_happen_is_a_failure(report):
    spoilt = json.loads(json.dumps(report))
    spoilt["curves"][0]["series"][0]["points"][-1]["depth"] = 1
    spoilt["ablation"]["rows"][0]["with"] += 1
    assert costs_job.failed(spoilt) == [
        "depth against N falls, sharp, k = 1.",
        "queries of blocks with skip connections depend on N.",
    ]


def command(*arguments: str):
    return CliRunner().invoke(app, ["costs", *arguments], env={"COLUMNS": "80"})


def test_the_command_prints_tables_and_ends_with_the_status_of_the_report(report, monkeypatch, tmp_path):
    monkeypatch.setattr(costs_job, "run", lambda job, tell, items: report)
    monkeypatch.setattr(costs_page, "png", lambda figure: b"a picture")
    result = command("--regime", "c", "--output", str(tmp_path))
    assert "…" not in result.stdout  # nothing is cut off at 80 columns
    assert result.exit_code == 0 and "power of" in result.stdout and (tmp_path / "costs.html").is_file()
    monkeypatch.setattr(costs_job, "run", lambda job, tell, items: report | {"failures": ["something falls."]})
    result = command("--regime", "c", "--output", str(tmp_path / "again"))
    assert result.exit_code == 1 and "failed: something falls." in result.stdout


def test_an_unknown_regime_is_said_in_one_line_with_status_2(tmp_path):
    result = command("--regime", "d", "--output", str(tmp_path / "none"))
    assert result.exit_code == 2
    assert result.stdout.strip() == "error: `regime` must be one of a, b, c, but is 'd'."
    assert not Path(tmp_path / "none").exists()


def test_points_that_were_not_counted_are_named_on_the_page_and_in_the_terminal(report, monkeypatch, tmp_path):
    assert costs_page.left_out(report) == []
    first, *others = report["curves"]
    series = first["series"][0] | {"missing": [2.0**20, 2.0**24]}
    lacking = report | {"curves": [first | {"series": [series, *first["series"][1:]]}, *others]}
    (told,) = costs_page.left_out(lacking)
    expected = "Not counted against N, sharp errors, k = 1: 1.049e+06, 1.678e+07, which ask for errors beyond double"
    assert told.startswith(expected)
    monkeypatch.setattr(costs_job, "run", lambda job, tell, items: lacking)
    monkeypatch.setattr(costs_page, "png", lambda figure: b"a picture")
    result = command("--regime", "c", "--output", str(tmp_path))
    assert told in result.stdout and told in (tmp_path / "costs.html").read_text()
