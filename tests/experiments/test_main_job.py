"""The main job on tiny images, killed and taken up again from the command line; and its parts by hand."""

import json
import math
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from qla_jax.cli import app, session
from qla_jax.cli.terminal import Bars
from qla_jax.data import ImageSet
from qla_jax.experiments.coherent import job as main_job
from qla_jax.experiments.coherent import recipes
from qla_jax.experiments.coherent.job import Job
from qla_jax.experiments.coherent.recipes import RECIPES, REGIMES, Recipe, build
from qla_jax.experiments.coherent.results import Baseline, MainReport, Network, OwnClaim
from qla_jax.experiments.coherent.summary import failures
from qla_jax.experiments.core.results import from_json, to_json
from qla_jax.nn import trace as traces
from qla_jax.nn.circuit_check import CircuitCheck, dense_instances, instances_of
from qla_jax.nn.images import arranged, space_to_depth, stride
from qla_jax.nn.trace import Traced
from qla_jax.training import Epoch, TrainingConfig
from tests.cases import real

EPOCHS, BLOCKS = 2, 2
KINDS = REGIMES[None]


def tiny() -> ImageSet:
    """Four classes of noisy 4 x 4 images, bright in one quarter; the last test image is black."""
    labels = (np.arange(44) % 4).astype(np.int32)
    images = (0.2 * np.abs(real(44, 1, 4, 4))).astype(np.float32)
    for image, label in zip(images, labels, strict=True):
        image[0, 2 * (label // 2) :, 2 * (label % 2) :][:2, :2] += 0.5
    return ImageSet("tiny", images[:32], labels[:32], images[32:], labels[32:], 4, "Made <here>.")


class Killed(BaseException):
    """As a signal would end the process: nobody catches it."""


class KilledAfterOneEpoch(Bars):
    """Bars that end the run in the first network, once its checkpoint lies on disk."""

    def epoch(self, epoch: Epoch, total: int) -> None:
        raise Killed


class Finished(NamedTuple):
    result: Result
    report: dict
    directory: Path


@contextmanager
def small_networks() -> Iterator[None]:
    """Networks of 64 amplitudes, and a stand-in of one block for their circuits: the trained ones take their time."""
    training = TrainingConfig(epochs=EPOCHS, batch_size=8, learning_rate=3e-3, noise=0.1)
    circuit = dense_instances([0.5 * np.eye(2)], np.array([0.6, 0.8]))[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipes, "MIN_OUTCOMES", 4)
        patch.setattr(main_job, "CHECK_DEGREE", 3)
        small = {name: replace(one, blocks=BLOCKS, training=training, degree=5) for name, one in RECIPES.items()}
        patch.setattr(main_job, "RECIPES", small)
        patch.setattr(main_job, "instances_of", lambda traced: [circuit])
        patch.setattr("qla_jax.data.load", lambda *arguments, **options: tiny())
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Finished:
    """Killed in its first network, then finished by the command with --resume: one run that all below look at."""
    directory = tmp_path_factory.mktemp("run")
    with small_networks():
        with pytest.raises(Killed), pytest.MonkeyPatch.context() as patch:
            patch.setattr(session, "Bars", KilledAfterOneEpoch)
            CliRunner().invoke(app, ["run", "--output", str(directory), "--kind", "convolutional"])
        assert (directory / "checkpoints" / "dense" / "1").is_dir()
        result = CliRunner().invoke(app, ["run", "--output", str(directory), "--resume"])
    assert result.exit_code == 0, result.output
    return Finished(result, json.loads((directory / "report.json").read_text()), directory)


def networks(report: dict) -> list[dict]:
    """Both networks, and the one at the top."""
    return [*report["networks"], report]


def test_the_report_has_what_was_asked_for_at_the_top_and_both_networks(finished):
    report = finished.report
    assert report["dataset"] == {"name": "tiny", "train": 32, "test": 12, "source": "Made <here>."}
    assert [network["kind"] for network in networks(report)] == ["dense", "convolutional", "convolutional"]
    convolutional = report["networks"][1]
    assert {name: report[name] for name in convolutional if name != "seconds"} == {
        name: value for name, value in convolutional.items() if name != "seconds"
    }
    assert report["failures"] == []
    assert report["seconds"]["total"] > report["seconds"]["train"] > 0


def test_every_network_is_reported_in_full(finished):
    for network in networks(finished.report):
        accuracy = network["accuracy"]
        assert {"argmax", "sampled", "ideal_argmax", "baseline"} <= accuracy.keys()
        assert all(0 <= accuracy[name] <= 1 for name in ("argmax", "sampled", "ideal_argmax", "baseline"))
        for name in ("norms", "norms_without_skip", "errors"):
            assert [row["block"] for row in network[name]] == [1, 2]
        for row in (*network["norms"], *network["norms_without_skip"]):
            assert {"block", "min", "mean", "max", "low", "high", "violations"} == row.keys()
            assert row["min"] <= row["mean"] <= row["max"]
        assert {"block", "actual_max", "eps", "violations"} <= network["errors"][0].keys()
        assert {"actual_max", "eps", "violations"} <= network["output_error"].keys()
        assert {"num_qubits", "blocks", "max_deviation"} <= network["circuit_check"].keys()
        assert network["seconds"]["train"] > 0
        assert network["parameters"]["coherent"] == BLOCKS * {"dense": 64**2, "convolutional": 16 * 9}[network["kind"]]


def test_the_bounds_hold_with_something_to_hold_against(finished):
    for network in networks(finished.report):
        for row in network["errors"]:
            assert 0 < row["actual_max"] <= row["eps"] < row["published"]
        assert 0 < network["output_error"]["actual_max"] <= network["output_error"]["eps"]
        assert all(row["low"] <= row["min"] and row["max"] <= row["high"] for row in network["norms"])
        assert network["circuit_check"]["max_deviation"] < 1e-12
        assert network["circuit_check"]["blocks"] == 1


def test_costs_multiply_from_block_to_block(finished):
    """Degree 5: the input 6 times, the weight 5 times."""
    for network in finished.report["networks"]:
        weight = {"dense": "Dense", "convolutional": "Convolution"}[network["kind"]]
        first, second = network["costs"]["blocks"]
        assert first["num_queries"] == {f"{weight}[0]": 5, "StatePreparation[0]": 6}
        assert second["num_queries"] == {f"{weight}[0]": 5, f"{weight}[1]": 30, "StatePreparation[0]": 36}
        system = first["num_qubits"] - first["num_ancillas"]
        assert second["num_ancillas"] - first["num_ancillas"] == system + 2 + 3  # an index of two, a sum and two marks
        assert 0 > first["log10_amplitude_unamplified"] > second["log10_amplitude_unamplified"]
        assert 0 < second["amplitude_alone"] < 1


def test_a_killed_run_is_taken_up_where_it_was(finished):
    for network in finished.report["networks"]:
        assert [row["epoch"] for row in network["training"]] == [1, 2]
        assert network["training"][1]["loss"] < network["training"][0]["loss"]
    kept = {path.name for path in (finished.directory / "checkpoints").iterdir()}
    assert kept == {"dense", "dense-baseline", "convolutional", "convolutional-baseline"}


def resumed(directory: Path, *options: str) -> Result:
    with small_networks():
        return CliRunner().invoke(app, ["run", "--resume", "--output", str(directory), *options])


@pytest.mark.slow
def test_finished_parts_are_not_repeated_when_a_run_is_resumed(finished, tmp_path, monkeypatch):
    directory = shutil.copytree(finished.directory, tmp_path / "run")
    (directory / "report.json").unlink()
    for name in ("fit", "accuracies", "circuit_check", "own_claims"):
        monkeypatch.setattr(main_job, name, lambda *arguments, name=name, **options: pytest.fail(f"{name} is repeated"))
    result = resumed(directory)
    assert result.exit_code == 0, result.output
    again = json.loads((directory / "report.json").read_text())
    assert again | {"seconds": None} == finished.report | {"seconds": None}


@pytest.mark.slow
def test_a_part_that_was_not_finished_is_done_and_no_other(finished, tmp_path, monkeypatch):
    directory = shutil.copytree(finished.directory, tmp_path / "run")
    lines = (directory / "items.jsonl").read_bytes().splitlines(keepends=True)
    keys = [json.loads(line[17:])[0] for line in lines]
    lost = {"convolutional: two blocks as one circuit"}
    assert lost < set(keys)
    (directory / "items.jsonl").write_bytes(b"".join(a for a, key in zip(lines, keys, strict=True) if key not in lost))
    for name in ("accuracies", "own_claims"):
        monkeypatch.setattr(main_job, name, lambda *arguments, name=name, **options: pytest.fail(f"{name} is repeated"))
    assert resumed(directory).exit_code == 0
    again = json.loads((directory / "report.json").read_text())
    for now, before in zip(again["networks"], finished.report["networks"], strict=True):
        assert now | {"seconds": None} == before | {"seconds": None}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--max-train", "16"), "--max-train is 16 and was None"),
        (("--regime", "c"), "--regime is c and was None"),
        (("--epochs", "9"), "--epochs is 9 and was None"),
        (("--kind", "dense"), "--kind is dense and was convolutional"),
    ],
)
def test_a_run_is_not_resumed_with_options_that_contradict_its_own(finished, options, told):
    result = resumed(finished.directory, *options)
    assert result.exit_code == 2
    (line,) = (line for line in result.output.splitlines() if line.strip())
    assert "error: `--resume` must go on with the settings of " in line and told in line
    assert resumed(finished.directory, "--kind", "convolutional").exit_code == 0


def test_a_run_is_not_resumed_with_other_data(finished, monkeypatch):
    images = tiny()
    images.train_images[3, 0, 1, 1] += 0.25
    with small_networks(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("qla_jax.data.load", lambda *arguments, **options: images)
        result = CliRunner().invoke(app, ["run", "--resume", "--output", str(finished.directory)])
    assert result.exit_code == 2
    (line,) = (line for line in result.output.splitlines() if line.strip())
    assert re.search(r"must go on with the data of .*, but train_images is float32 .* and was float32", line)


@pytest.mark.slow
def test_the_network_is_built_once_and_its_states_are_computed_once_for_all_readers(finished, monkeypatch):
    """Evaluation, claims, costs in a regime and circuits of one network, from its checkpoints."""
    followed, built, traced = traces._trace_one, traces.Built, []
    calls: Counter[str] = Counter()

    def count(name: str, function: Any) -> Any:
        def call(*arguments: Any) -> Any:
            calls[name] += 1
            return function(*arguments)

        return call

    def double(*arguments: Any) -> Traced:
        traced.append(Traced(*arguments))
        return traced[-1]

    monkeypatch.setattr(main_job, "Traced", double)
    monkeypatch.setattr(traces, "_trace_one", count("followed", followed))
    monkeypatch.setattr(traces, "Built", count("built", built))
    with small_networks():
        study = main_job.study(Job(tiny(), finished.directory, kind="dense", resume=True))
        monkeypatch.setattr(main_job, "instances_of", lambda one: traced.append(one) or instances_of(one)[:1])
        rows = {main_job.key("dense", "baseline"): Baseline(0, 0.5)}
        for part in ("evaluation", "claims", "circuits"):
            rows[part] = study.items[main_job.key("dense", part)](rows)
    assert len(traced) == 2 and traced[0] is traced[1]
    assert calls == {"followed": 1, "built": 1}
    assert rows["circuits"].max_deviation < 1e-9 and "amplitudes" in rows["circuits"].instances[0].name


def test_an_interruption_says_how_to_go_on(tmp_path, monkeypatch):
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main_job, "study", interrupted)
    with small_networks():
        result = CliRunner().invoke(app, ["run", "--output", str(tmp_path / "run")])
    assert result.exit_code == 130
    way_on = f"qla-jax run --resume --output {tmp_path / 'run'}"
    assert result.output.splitlines()[-1] == f"interrupted; go on with `{way_on}`"
    assert (tmp_path / "run" / "run.json").is_file()


def test_figures_and_a_page_are_written_and_a_table_is_printed(finished):
    pictures = {
        f"{kind}-{name}.png"
        for kind in KINDS
        for name in ("outcomes", "confusion", "training", "norms", "errors", "samples")
    }
    assert {path.name for path in finished.directory.iterdir()} == {
        "checkpoints",
        "report.json",
        "report.html",
        "run.json",
        "items.jsonl",
    } | pictures
    assert all((finished.directory / name).read_bytes().startswith(b"\x89PNG") for name in pictures)
    assert "Made &lt;here&gt;." in (finished.directory / "report.html").read_text()
    for told in ("networks", "2 dense blocks on 64 amplitudes", "report.html", "2 epochs: loss"):
        assert told in finished.result.output


def test_the_report_is_that_of_its_types_and_comes_back_from_its_file(finished):
    """Unknown and missing keys would be an error."""
    report = from_json(MainReport, finished.report)
    assert to_json(report) == finished.report and isinstance(report.networks[1].circuit_check, CircuitCheck)


@pytest.mark.slow
def test_a_violated_or_unknown_bound_is_named_with_status_1_and_still_reported(finished, tmp_path, monkeypatch):
    first, second = from_json(MainReport, finished.report).networks
    spoilt = replace(first, errors=[first.errors[0], replace(first.errors[1], eps=math.inf, violations=3)])
    found = {"dense": spoilt, "convolutional": second}
    monkeypatch.setattr(main_job, "_network", lambda job, kind, rows, seconds: found[kind])
    directory = shutil.copytree(finished.directory, tmp_path / "run")
    result = resumed(directory)
    assert result.exit_code == 1
    line = "dense: errors of block 2 violated on 3 images."
    assert f"failed: {line}" in result.output
    report = json.loads((directory / "report.json").read_text())
    assert report["failures"] == [line]
    assert report["networks"][0]["errors"][1]["eps"] is None
    assert line in (directory / "report.html").read_text()


# By hand.


def network_of(**changes: Any) -> Network:
    fine = [SimpleNamespace(block=1, violations=0), SimpleNamespace(block=2, violations=0)]
    check, output = SimpleNamespace(max_deviation=1e-12, tolerance=1e-9), SimpleNamespace(violations=0)
    parts = {"norms": fine, "errors": fine, "output_error": output, "circuit_check": check}
    return SimpleNamespace(**{"kind": "dense", "claims": [], "terminal": None, **parts, **changes})


BROKEN = [SimpleNamespace(block=1, violations=0), SimpleNamespace(block=2, violations=7)]


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, []),
        ({"norms": BROKEN}, ["dense: norms of block 2 violated on 7 images."]),
        ({"errors": BROKEN}, ["dense: errors of block 2 violated on 7 images."]),
        ({"output_error": SimpleNamespace(violations=1)}, ["dense: output error violated on 1 images."]),
        (
            {"claims": [OwnClaim("skip-norm", "block 2", 1.5, True), OwnClaim("skip-norm", "block 1", 0.5, False)]},
            ["dense: claim skip-norm violated by block 2, ratio 1.5."],
        ),
        (
            {"terminal": SimpleNamespace(violations=4)},
            ["dense: norm of the terminal block violated on 4 images."],
        ),
        (
            {"circuit_check": SimpleNamespace(max_deviation=2e-9, tolerance=1e-9)},
            ["dense: circuit check failed, 2e-09 > 1e-09."],
        ),
        (
            {"circuit_check": SimpleNamespace(max_deviation=math.nan, tolerance=1e-9)},
            ["dense: circuit check failed, nan > 1e-09."],
        ),
    ],
)
def test_each_failure_has_its_line(changes, lines):
    assert failures(network_of(**changes)) == lines


def test_every_failure_is_listed():
    changes = {"norms": BROKEN, "errors": BROKEN, "output_error": SimpleNamespace(violations=1)}
    assert len(failures(network_of(**changes))) == 3


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [8, 28])
def test_space_to_depth_permutes_pixels(channels, side):
    """Pixel (r, c) to channel (r mod f, c mod f) at (r // f, c // f); every one arrives, at its own place."""
    shape, factor = (channels, side, side), {1: 4, 3: 2}[channels]
    images = np.arange(2 * math.prod(shape)).reshape(2, *shape)
    found = space_to_depth(images, 16)
    assert found.shape == (2, channels * factor**2, side // factor, side // factor)
    for channel, r, c in np.ndindex(shape):
        place = channel * factor**2 + r % factor * factor + c % factor, r // factor, c // factor
        np.testing.assert_array_equal(found[(slice(None), *place)], images[:, channel, r, c])


def test_sides_that_the_factor_does_not_divide_are_filled_with_zeros():
    images = 1 + np.arange(30.0).reshape(1, 1, 5, 6)
    found = space_to_depth(images, 16)
    assert found.shape == (1, 16, 2, 2)
    np.testing.assert_array_equal(np.sort(found[found != 0]), images.reshape(-1))


def test_the_stride_is_the_largest_power_of_two_that_fits():
    for channels in range(1, 20):
        for outcomes in (32, 64, 128):
            fitting = [1, *(f for f in (2, 4, 8) if channels * f * f <= outcomes)]
            assert stride(channels, outcomes) == max(fitting)


@pytest.mark.parametrize(
    ("kind", "shape", "classes", "sizes", "outcomes"),
    [
        ("dense", (1, 4, 4), 3, (256,), 16),
        ("dense", (1, 28, 28), 10, (1024,), 16),
        ("dense", (1, 8, 8), 26, (512,), 32),
        ("convolutional", (1, 28, 28), 10, (16, 28, 28), 16),
        ("convolutional", (3, 6, 5), 17, (32, 6, 5), 32),
    ],
)
@pytest.mark.sample(2)
def test_registers_hold_the_image_and_outcomes_the_classes(kind, shape, classes, sizes, outcomes):
    recipe = Recipe(kind, blocks=1, training=TrainingConfig(epochs=1))
    model = build(shape, classes, recipe)
    assert (model.sizes, model.outcomes, len(model.weights), model.degree) == (sizes, outcomes, 1, recipe.degree)
    images = np.zeros((1, *shape), np.float32)
    assert model.load(arranged(model, images)).shape == (1, *sizes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "expected"),
    [("dense", [(2, True, (2,)), (2, False, (4,))]), ("convolutional", [(1, True, (1, 1, 4)), (2, False, (1, 1, 4))])],
)
def test_circuits_are_checked_on_slices_of_the_networks_own_weights_and_a_real_image(kind, expected):
    recipe = Recipe(kind, blocks=3, training=TrainingConfig(epochs=1))
    model = build((1, 4, 4), 4, recipe)
    images = arranged(model, tiny().test_images)
    traced = Traced(model, images)
    instances = instances_of(traced)
    assert [(len(one.weights), one.full, one.weights[0].domain) for one in instances] == expected
    whole = np.asarray(traced.built.weights[0].matrix if kind == "dense" else traced.built.weights[0].kernel)
    first = instances[0].weights[0]
    if kind == "dense":
        places = np.sort(np.argsort(-images[0])[:2])
        np.testing.assert_array_equal(first.matrix, whole[np.ix_(places, places)])
        np.testing.assert_allclose(instances[0].x, images[0][places] / np.linalg.norm(images[0][places]), rtol=1e-7)
    else:
        channel = int(np.linalg.norm(np.pad(images[0], [(0, 0), (0, 0), (0, 2)])[..., :4], axis=-1).max(1).argmax())
        np.testing.assert_array_equal(first.kernel[0, 0, 0], whole[channel, channel, 1])


def test_a_job_overrides_the_recipes_epochs_and_seed():
    job = Job(tiny(), Path("nowhere"), epochs=7, seed=5)
    for kind in KINDS:
        assert (job.recipe(kind).training.epochs, job.recipe(kind).training.seed) == (7, 5)
    assert Job(tiny(), Path("nowhere")).recipe("dense") == RECIPES["dense"]


def test_an_unknown_kind_raises_before_anything_is_trained():
    with pytest.raises(ValueError, match=r"`kind` must be one of \('dense', 'convolutional'\), but is 'cubic'"):
        main_job.study(Job(tiny(), Path("nowhere"), kind="cubic"))
