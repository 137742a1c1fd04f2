"""The table of coherent networks and those before them: verdicts from runs, the page, the command."""

import json
import re
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from qla_jax.cli import app
from qla_jax.experiments.comparison import job as comparison_job
from qla_jax.experiments.comparison.job import Compared
from qla_jax.experiments.comparison.methods import CountedMethod
from qla_jax.experiments.core import runner
from qla_jax.experiments.core.study import Report
from qla_jax.experiments.report import render

pytestmark = pytest.mark.x64

PAPER = {  # Table 1 of Rattew et al.: layers, activation, no QRAM, norm, polylog 1/eps, polylog N
    "Allcock et al. (2020)": "------",
    "Kerenidis et al. (2020)": "------",
    "Guo et al. (2024)": "-+----",
    "Rattew et al. (2025), a": "++-+++",
    "Rattew et al. (2025), b": "++-++-",
    "Rattew et al. (2025), c": "+++++-",
}


def quick(method: comparison_job.Method) -> comparison_job.Method:
    return replace(method, entries=method.entries[-2:], errors=method.errors[-2:])


def found(*methods: comparison_job.Method) -> Report:
    return runner.run(comparison_job.study(methods))


@pytest.fixture(scope="module")
def coherent() -> Report:
    return found(*map(quick, comparison_job.METHODS[3:]))


def told(row: Compared) -> str:
    return "".join("+" if found else "-" for found in vars(row.verdicts).values())


@pytest.mark.slow
def test_verdicts_on_coherent_networks_are_those_of_the_paper(coherent):
    assert {name: told(row) for name, row in coherent.rows.items()} == dict(list(PAPER.items())[3:])


@pytest.mark.slow
def test_verdicts_on_a_dense_network_are_those_of_the_paper():
    method = replace(comparison_job.METHODS[0], entries=(4, 16), errors=(0.5, 0.1))
    (row,) = found(method).rows.values()
    assert told(row) == PAPER[row.name]
    assert 1 < row.exponents["N"] < 2 and 0.9 < row.exponents["1/eps"] < 1.1
    assert row.points["N"][1][2] == 16  # numbers between the layers


@pytest.mark.slow
@pytest.mark.parametrize("method", comparison_job.METHODS[1:3], ids=lambda method: method.name)
def test_verdicts_on_networks_with_tomography_are_those_of_the_paper(method):
    (row,) = found(quick(method)).rows.values()
    assert told(row) == PAPER[row.name]


def test_circuits_are_looked_at_rather_than_believed():
    inner, token = comparison_job.METHODS[0].circuit(), comparison_job.METHODS[2].circuit()
    assert not inner.activated and inner.reads > 0
    assert token.activated and token.reads > 0 and token.least_norm < 1e-12


@pytest.mark.slow
def test_steps_that_grow_like_a_root_are_no_logarithm(coherent):
    rooted = replace(
        comparison_job.METHODS[5],
        run=lambda n, eps: CountedMethod(n**0.5 / eps**2, 0),
        entries=(16, 64),
        errors=(0.1, 0.01),
    )
    (row,) = found(rooted).rows.values()
    assert row.exponents["1/eps"] == pytest.approx(2) and not row.verdicts.polylog_in_error
    assert row.exponents["N"] == pytest.approx(0.5)


@pytest.mark.slow
def test_a_report_is_written_as_numbers_pictures_and_one_page(coherent, tmp_path):
    render.write(coherent, tmp_path)
    written = json.loads((tmp_path / "comparison.json").read_text())
    assert written["rows"][2]["verdicts"]["no QRAM"] is True and written["layers"] == 2
    text = (tmp_path / "comparison.html").read_text()
    assert text.count("data:image/svg+xml;base64,") == len(list(tmp_path.glob("comparison-*.png"))) == 2
    assert not re.search(r"(src|href)=\"http", text)


@pytest.mark.slow
def test_the_command_prints_its_tables(monkeypatch, tmp_path):
    monkeypatch.setattr(comparison_job, "METHODS", [quick(method) for method in comparison_job.METHODS[3:]])
    result = CliRunner().invoke(app, ["comparison", "--output", str(tmp_path)], env={"COLUMNS": "80"})
    assert result.exit_code == 0 and "…" not in result.stdout
    assert "no QRAM" in result.stdout and "Rattew et al. (2025), c" in result.stdout
    assert "in all" in result.stdout.splitlines()[-1]
