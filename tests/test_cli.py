"""The command from end to end, on a small set and small networks."""

import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

import qla_jax.studies.main_job as main_job
from qla_jax import data
from qla_jax.cli import app
from qla_jax.studies.main_job import Recipe
from qla_jax.training import TrainingConfig

pytestmark = pytest.mark.x64

SMALL = Recipe(blocks=2, training=TrainingConfig(epochs=2, batch_size=16, learning_rate=1e-3), degree=5)


@pytest.fixture(scope="module")
def small() -> data.ImageSet:
    digits = data.load("digits", max_train=64, max_test=16)
    return digits


@pytest.fixture(scope="module")
def finished(small, tmp_path_factory):
    """One run that everything below looks at."""
    directory = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main_job, "RECIPES", dict.fromkeys(main_job.KINDS, SMALL))
        arguments = ["run", "--output", str(directory), "--max-train", "64", "--max-test", "16"]
        return CliRunner().invoke(app, arguments), directory


@pytest.fixture(scope="module")
def report(finished) -> dict:
    return json.loads((finished[1] / "report.json").read_text())


def test_a_run_ends_well_and_prints_a_table(finished):
    result = finished[0]
    assert result.exit_code == 0, result.output
    assert re.search(r"dense +0\.\d{4}", result.output)
    assert "2 epochs: loss" in result.output


@pytest.mark.slow
def test_a_resumed_run_gives_the_same_numbers_without_training(finished, report, monkeypatch):
    monkeypatch.setattr(main_job, "RECIPES", dict.fromkeys(main_job.KINDS, SMALL))
    arguments = ["run", "--output", str(finished[1]), "--max-train", "64", "--max-test", "16"]
    again = CliRunner().invoke(app, [*arguments, "--resume", "--kind", "convolutional"])
    assert again.exit_code == 0, again.output
    resumed = json.loads((finished[1] / "report.json").read_text())
    assert resumed["kind"] == "convolutional"
    assert resumed["accuracy"] == report["networks"][1]["accuracy"]
    assert resumed["training"] == report["networks"][1]["training"]


def test_the_report_has_what_it_promises(report):
    assert [network["kind"] for network in report["networks"]] == ["dense", "convolutional"]
    assert {"name": "digits", "train": 64, "test": 16}.items() <= report["dataset"].items()
    for network in [report, *report["networks"]]:
        assert {"argmax", "sampled", "ideal_argmax", "baseline"} <= network["accuracy"].keys()
        assert len(network["norms"]) == len(network["norms_without_skip"]) == len(network["errors"]) == 2
        assert {"block", "min", "mean", "max", "low", "high", "violations"} <= network["norms"][0].keys()
        assert {"block", "actual_max", "eps", "violations"} <= network["errors"][0].keys()
        assert 0 < network["output_error"]["actual_max"] <= network["output_error"]["eps"]
        assert {"num_qubits", "blocks", "max_deviation"} <= network["circuit_check"].keys()
        assert network["circuit_check"]["max_deviation"] <= 1e-9
        assert network["seconds"]["train"] > 0
        assert [row["block"] for row in network["costs"]["blocks"]] == [1, 2]
    assert report["seconds"]["total"] >= report["seconds"]["train"]
    assert report["failures"] == []


def test_two_blocks_are_checked_as_one_circuit_with_every_ancilla(report):
    dense = report["networks"][0]["circuit_check"]
    full = [row for row in dense["instances"] if row["every_ancilla"]]
    assert [(row["blocks"], row["num_qubits"], row["system_qubits"]) for row in full] == [(2, 19, 1)]
    assert {"norm_deviation", "inverse_deviation", "output_deviation"} <= full[0].keys()


def test_figures_and_a_self_contained_page_are_written(finished):
    directory = finished[1]
    names = {path.name for path in directory.glob("*.png")}
    assert names == {f"{k}-{f}.png" for k in main_job.KINDS for f in ("training", "norms", "errors", "samples")}
    page = (directory / "report.html").read_text()
    assert page.count("data:image/png;base64,") == 8
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_a_violated_bound_sets_the_exit_status_and_is_named(small, tmp_path, monkeypatch):
    network = {
        "kind": "dense",
        "norms": [{"block": 1, "violations": 0}],
        "errors": [{"block": 1, "violations": 0}, {"block": 2, "violations": 3}],
        "output_error": {"violations": 0},
        "circuit_check": {"max_deviation": float("nan"), "tolerance": 1e-9},
    }
    told = main_job.failures(network)
    assert told[0] == "dense: errors of block 2 violated on 3 images."
    assert "circuit check failed" in told[1]
    assert len(told) == 2

    def fail(job, progress):
        return {"failures": told, "networks": [], "seconds": {"total": 1.0}}

    monkeypatch.setattr(main_job, "run", fail)
    monkeypatch.setattr("qla_jax.report.page.write", lambda report, directory: None)
    result = CliRunner().invoke(app, ["run", "--output", str(tmp_path)])
    assert result.exit_code == 1
    assert "failed: dense: errors of block 2 violated on 3 images." in result.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--dataset", "mnist", "--data-dir", "nowhere"], "mnist"),
        (["--kind", "cubic"], "`kind` must be one of"),
        (["--resume"], "needs a run to go on with"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_with_status_2(arguments, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["run", *arguments])
    assert result.exit_code == 2
    lines = [line for line in result.output.splitlines() if line.strip()]
    assert len(lines) == 1
    assert told in lines[0]


@pytest.mark.parametrize(("shape", "factor"), [((1, 8, 8), 4), ((1, 28, 28), 4), ((3, 10, 6), 2)])
def test_loading_space_to_depth_only_moves_pixels(shape, factor):
    images = np.arange(1, 1 + 2 * np.prod(shape), dtype=np.float32).reshape(2, *shape)
    loaded = main_job.space_to_depth(images, 16)
    channels, rows, columns = shape
    assert loaded.shape == (2, channels * factor**2, -(-rows // factor), -(-columns // factor))
    np.testing.assert_array_equal(np.sort(loaded[loaded != 0]), np.sort(images.ravel()))
    assert loaded[1, 1, 0, 0] == images[1, 0, 0, 1]
    assert loaded[1, factor, 0, 1] == images[1, 0, 1, factor]
