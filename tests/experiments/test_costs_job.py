"""What regimes cost: fits, networks without skip connections, the report, the command."""

import json
import re
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from typer.testing import CliRunner

from qla_jax.cli import app
from qla_jax.experiments.core import fits, runner
from qla_jax.experiments.core.results import from_json
from qla_jax.experiments.core.study import Report
from qla_jax.experiments.costs import job as costs_job
from qla_jax.experiments.costs.ablation import ablation, measured, without_skip
from qla_jax.experiments.costs.results import CostsReport
from qla_jax.experiments.costs.squares import matrices, routes, squares
from qla_jax.experiments.costs.summary import left_out, plots, summary
from qla_jax.experiments.report import render

pytestmark = pytest.mark.x64


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


@pytest.mark.slow
def test_without_skip_connections_the_cost_grows_with_every_layer_and_with_them_it_does_not():
    rows = ablation([16, 256], [1, 2])
    amplitudes = [row.amplitude for row in rows if row.blocks == 2]
    np.testing.assert_allclose(amplitudes, [1 / 4, 1 / 16], rtol=0.02)  # erf(0.8 c x) / L is c x to first order
    for blocks, low, high in ((1, 0.45, 0.55), (2, 0.9, 1.1)):
        small, large = (row for row in rows if row.blocks == blocks)
        assert small.with_ == large.with_
        assert low < np.log(large.without / small.without) / np.log(16) < high
        np.testing.assert_allclose(np.log(large.runs / small.runs) / np.log(16), blocks, rtol=0.02)
    found = measured(16, 2)
    vec = jax.jit(lambda values, x: without_skip(values, x, found))(jnp.full(16, 1 / 4), jnp.full(16, 1 / 4))
    assert vec.eps < 0.1 and vec.amplitude > 0.99  # the amplitudes are there
    assert jax.jit(lambda v, x: without_skip(v, x, [1.1 * found[0]]))(*2 * [jnp.full(16, 1 / 4)]).eps == np.inf


def test_theorem_one_saves_the_frobenius_norm_over_the_longest_column():
    draw = np.random.default_rng(0)
    for kind, matrix in matrices(8, draw).items():
        psi = draw.normal(size=8)
        first, second = (route.encoded for route in routes(jnp.asarray(matrix), jnp.asarray(psi)).values())
        np.testing.assert_allclose(first, matrix @ psi**2 / (psi @ psi), rtol=0, atol=1e-12)
        np.testing.assert_allclose(second, first, rtol=0, atol=1e-12)
        assert np.linalg.matrix_rank(matrix) == (2 if kind == "of rank two" else 8)
    for row in squares([4, 8]):
        if row.kind == "orthogonal":
            assert row.ratio == pytest.approx(np.sqrt(row.entries))  # two calls of the vector each


def job(regime: str) -> costs_job.CostsJob:
    few = {"entries": (16, 64, 256), "blocks": (1, 2), "errors": (1e-1, 1e-2), "channels": (2, 4), "taps": (2, 4)}
    return costs_job.CostsJob(regime, **few, ablated=(4, 16), squared=(4, 16))


@pytest.fixture(scope="module")
def ran() -> Report:
    return runner.run(costs_job.study(job("c")))


@pytest.fixture(scope="module")
def report(ran) -> CostsReport:
    return ran.document


@pytest.mark.slow
def test_a_report_is_written_as_numbers_pictures_and_one_page(ran, report, tmp_path):
    render.write(ran, tmp_path)
    read = json.loads((tmp_path / "costs.json").read_text())
    assert read["regime"] == "c" and [curve["variable"] for curve in read["curves"]] == [
        "N",
        "log 1/eps",
        "k",
        "C",
        "D",
    ]
    assert read["curves"][0]["paper"] == {"1": "1", "2": "1"} and read["curves"][1]["paper"] == {"1": "2", "2": "4"}
    assert read["failures"] == [] and from_json(CostsReport, read) == report
    assert read["ablation"]["rows"][0]["with"] > 0 and "ratios" not in read["curves"][0]["series"][0]
    text = (tmp_path / "costs.html").read_text()
    assert text.count("data:image/svg+xml;base64,") == len(list(tmp_path.glob("costs-*.png"))) == 6
    assert not re.search(r"(src|href)=\"http", text)
    loading = read["curves"][0]["series"][0]["fits"]["loading"]["exponent"]
    assert 0.95 < loading < 1.1


@pytest.mark.slow
def test_the_figures_are_those_of_the_counts(report):
    drawn = {plot.name: {one.label: one for one in plot.series} for plot in plots(report)}
    first = report.curves[0].series[0]
    assert list(drawn["entries"]["sharp, k = 1"].y) == [point.depth for point in first.points]
    assert list(drawn["entries"]["exact classical, k = 1"].y) == [point.classical for point in first.points]
    assert drawn["blocks"]["ancillas"].right and not drawn["blocks"]["depth in gates"].right
    assert drawn["kernels"]["gain against C"].y[0] == 1 < drawn["kernels"]["gain against C"].y[1]
    assert list(drawn["ablation"]["without, k = 2"].y) == [
        row.without for row in report.ablation.rows if row.blocks == 2
    ]


@pytest.mark.slow
def test_what_must_not_happen_is_a_failure(report):
    (first, *others), rows = report.curves, report.ablation.rows
    points = [*first.series[0].points[:-1], replace(first.series[0].points[-1], depth=1)]
    spoilt = replace(first, series=[replace(first.series[0], points=points), *first.series[1:]])
    assert costs_job.failed([spoilt, *others], [replace(rows[0], with_=rows[0].with_ + 1), *rows[1:]]) == [
        "depth against N falls, sharp, k = 1.",
        "queries of blocks with skip connections depend on N.",
    ]
    assert costs_job.failed(report.curves, rows) == []


def command(*arguments: str):
    return CliRunner().invoke(app, ["costs", *arguments], env={"COLUMNS": "80"})


@pytest.fixture
def stored(ran, monkeypatch):
    """The command with rows that are there already; findings may be changed."""

    def change(**changes: object) -> None:
        found = replace(ran.findings, **changes)
        items = {name: lambda rows, row=row: row for name, row in ran.rows.items()}
        made = replace(ran.study, items=items, summary=lambda report: found)
        monkeypatch.setattr(costs_job, "study", lambda job: made)

    monkeypatch.setattr(render, "picture", lambda figure, form: b"a picture")
    change()
    return change


@pytest.mark.slow
def test_the_command_prints_tables_and_ends_with_the_status_of_the_report(stored, tmp_path):
    result = command("--regime", "c", "--output", str(tmp_path))
    assert "…" not in result.stdout  # nothing is cut off at 80 columns
    assert result.exit_code == 0 and "power of" in result.stdout and (tmp_path / "costs.html").is_file()
    stored(failures=["something falls."])
    result = command("--regime", "c", "--output", str(tmp_path / "again"))
    assert result.exit_code == 1 and "failed: something falls." in result.stdout


def test_an_unknown_regime_is_said_in_one_line_with_status_2(tmp_path):
    result = command("--regime", "d", "--output", str(tmp_path / "none"))
    assert result.exit_code == 2
    assert result.stdout.strip() == "error: `regime` must be one of a, b, c, but is 'd'."
    assert not Path(tmp_path / "none").exists()


@pytest.mark.slow
def test_points_that_were_not_counted_are_named_on_the_page_and_in_the_terminal(report, stored, tmp_path):
    assert left_out(report) == []
    first, *others = report.curves
    series = replace(first.series[0], missing=[2.0**20, 2.0**24])
    lacking = replace(report, curves=[replace(first, series=[series, *first.series[1:]]), *others])
    (told,) = left_out(lacking)
    expected = "Not counted against N, sharp errors, k = 1: 1.049e+06, 1.678e+07, which ask for errors beyond double"
    assert told.startswith(expected)
    stored(remarks=summary(lacking).remarks)
    result = command("--regime", "c", "--output", str(tmp_path))
    assert told in result.stdout and told in (tmp_path / "costs.html").read_text()
