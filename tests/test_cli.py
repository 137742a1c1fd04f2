"""The command: what it asks of the job, where it writes, what it says and with which status it ends.

The job itself is run by the command in tests/experiments/test_main_job.py; here it is a stand-in.
"""

import contextlib
import json
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from scipy.special import erf
from typer.testing import CliRunner, Result

from qla_jax import data
from qla_jax.claims import catalogue
from qla_jax.claims.encodings import normalization, vectors
from qla_jax.claims.networks import norms
from qla_jax.cli import app
from qla_jax.data import DatasetUnavailable, ImageSet
from qla_jax.experiments.coherent import job as main_job
from qla_jax.experiments.coherent.job import Job
from qla_jax.experiments.coherent.summary import summary
from qla_jax.experiments.core.study import Study
from qla_jax.experiments.phases import job as phase_job
from qla_jax.experiments.report import render
from qla_jax.training import Epoch
from tests.experiments.report.test_report import document

IMAGES = ImageSet("four", *2 * (np.zeros((4, 1, 2, 2), np.float32), np.zeros(4, np.int32)), 4, "Made here")


class Asked:
    """What the command asked for, and what the stand-ins answer."""

    job: Job
    load: dict[str, Any]
    failures: tuple[str, ...] = ()


@pytest.fixture
def asked(monkeypatch, tmp_path) -> Asked:
    """In an empty working directory."""
    asked = Asked()

    def load(name, **options):
        asked.load = {"name": name, **options}
        return IMAGES

    def study(job, progress):
        def train(rows):
            for number in range(2):
                progress.epoch(Epoch(number, 0.5 / (number + 1), 0.75), 2)
            return {}

        asked.job = job
        found = document(failures=asked.failures)
        return Study("run", "Run", {}, {"dense: training": train}, summary, dict, "report", lambda rows, seconds: found)

    monkeypatch.setattr(data, "load", load)
    monkeypatch.setattr(main_job, "study", study)
    monkeypatch.setattr(render, "picture", lambda figure, form: b"a picture")  # which takes its time
    monkeypatch.chdir(tmp_path)
    return asked


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["run", *arguments])


def lines(result: Result) -> list[str]:
    return [line for line in result.output.splitlines() if line.strip()]


def test_a_run_without_options_is_that_of_the_digits_into_a_new_directory(asked):
    result = command()
    assert result.exit_code == 0, result.output
    assert asked.load == {"name": "digits", "data_dir": None, "seed": 0, "max_train": None, "max_test": None}
    assert (asked.job.images, asked.job.kind, asked.job.regime, asked.job.seed) == (IMAGES, None, None, 0)
    assert asked.job.resume is False
    (directory,) = Path("runs").iterdir()
    assert asked.job.directory == directory
    assert {"report.json", "report.html"} < {path.name for path in directory.iterdir()}


def test_options_reach_the_data_and_the_job(asked):
    arguments = "--dataset mnist --data-dir there --kind convolutional --epochs 3 --seed 4 --max-train 5 --max-test 6"
    result = command(*arguments.split(), "--output", "here")
    assert result.exit_code == 0, result.output
    place = str(Path("there").resolve())  # a run may be resumed from elsewhere
    assert asked.load == {"name": "mnist", "data_dir": place, "seed": 4, "max_train": 5, "max_test": 6}
    job = asked.job
    assert (job.directory, job.kind, job.epochs, job.seed) == (Path("here"), "convolutional", 3, 4)
    assert not Path("runs").exists()


def test_what_is_printed_are_stages_epochs_tables_and_the_page(asked):
    told = command("--output", "here").output
    for part in ("dense: training", "2 epochs: loss 0.250  accuracy 0.750", "networks", "0.9375", "2 dense blocks"):
        assert part in told
    assert "in all" in told.splitlines()[-1]
    assert "here/report.html" in told.splitlines()[-1]


@pytest.mark.slow
def test_resume_goes_on_with_the_newest_run_of_the_command_and_its_own_options(asked):
    for name, seed in (("b", "4"), ("a", "5")):
        assert command("--output", f"runs/{name}", "--seed", seed, "--regime", "c").exit_code == 0
    CliRunner().invoke(app, ["claims", "pooling", "--trials", "1", "--output", "runs/c"])
    assert command("--resume").exit_code == 0
    job = asked.job
    assert (job.resume, job.directory, job.seed, job.regime) == (True, Path("runs/a"), 5, "c")
    assert command("--resume", "--output", "runs/b").exit_code == 0
    assert (asked.job.directory, asked.job.seed, asked.load["seed"]) == (Path("runs/b"), 4, 4)


def test_a_violated_bound_is_named_with_status_1(asked):
    asked.failures = ("dense: errors of block 2 violated on 3 images.", "dense: circuit check failed, 1 > 1e-09.")
    result = command("--output", "here")
    assert result.exit_code == 1
    assert lines(result)[-2:] == [f"failed: {line}" for line in asked.failures]
    assert (Path("here") / "report.html").is_file()


def unavailable(*arguments, **options):
    raise DatasetUnavailable("Dataset 'mnist' is unavailable: nothing is prepared in /there. Prepare it.")


def unusable(*arguments, **options):
    raise ValueError("`batch_size` must lie between 1 and 20, but is 64.")


@pytest.mark.parametrize(
    ("name", "stand_in", "arguments", "told"),
    [
        ("load", unavailable, ["--dataset", "mnist"], "Dataset 'mnist' is unavailable: nothing is prepared in /there."),
        ("study", unusable, [], "`batch_size` must lie between 1 and 20, but is 64."),
        (
            "load",
            None,
            ["--resume"],
            "`--resume` needs a run of `qla-jax run` to go on with, but there is none under runs/.",
        ),
    ],
    ids=["no data", "no batch", "nothing to resume"],
)
def test_what_cannot_be_done_is_said_in_one_line_with_status_2(asked, monkeypatch, name, stand_in, arguments, told):
    if stand_in:
        monkeypatch.setattr(data if name == "load" else main_job, name, stand_in)
    result = command(*arguments)
    assert result.exit_code == 2
    (line,) = lines(result)
    assert line.startswith("error: ")
    assert told in line
    assert not list(Path().rglob("report.json"))


def test_a_fault_of_the_package_does_not_end_with_the_status_of_violated_bounds(asked, monkeypatch):
    def faulty(*arguments):
        raise RuntimeError("RESOURCE_EXHAUSTED: out of memory")

    monkeypatch.setattr(main_job, "study", faulty)
    result = command("--output", "a place")
    assert result.exit_code == 2
    assert "RESOURCE_EXHAUSTED" in result.output and "in faulty" in result.output


def test_a_place_with_spaces_is_quoted_in_the_way_to_go_on(asked, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(main_job, "study", interrupted)
    result = command("--output", "a place")
    assert result.exit_code == 130
    assert lines(result)[-1] == "interrupted; go on with `qla-jax run --resume --output 'a place'`"


def test_a_set_that_is_not_prepared_is_said_in_one_line_with_status_2(tmp_path, monkeypatch):
    """By the real loader, which must not go to the network."""
    monkeypatch.chdir(tmp_path)
    result = command("--dataset", "mnist", "--data-dir", "nowhere")
    assert result.exit_code == 2
    (line,) = lines(result)
    assert "Dataset 'mnist' is unavailable" in line


def test_an_unknown_kind_is_said_in_one_line_with_status_2(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(data, "load", lambda *arguments, **options: IMAGES)
    result = command("--kind", "cubic")
    assert result.exit_code == 2
    (line,) = lines(result)
    assert "`kind` must be one of ('dense', 'convolutional'), but is 'cubic'" in line


@pytest.mark.parametrize("arguments", [["--epochs", "0"], ["--max-train", "0"], ["--surprise"]])
def test_an_option_that_makes_no_sense_is_refused(asked, arguments):
    assert command(*arguments).exit_code == 2
    assert not hasattr(asked, "job")


@pytest.fixture
def phases(monkeypatch, tmp_path):
    """The command `phases` in an empty directory, in the precision that users have by default."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        with jax.enable_x64(False):
            return CliRunner().invoke(app, ["phases", *arguments])

    return run


def products(phases: list[float], x: np.ndarray) -> np.ndarray:
    """<0|U|0> as the file says how to read it."""
    row = np.stack([np.exp(1j * phases[0]) + 0 * x, 0 * x])
    s = 1j * np.sqrt(1 - x**2)
    for phase in phases[1:]:
        up, down = row[0] * x + row[1] * s, row[0] * s + row[1] * x
        row = np.stack([up * np.exp(1j * phase), down * np.exp(-1j * phase)])
    return row[0]


@pytest.mark.parametrize("convention", ["wx", "pyqsp"])
def test_phases_of_an_expression_are_written_and_reach_it(phases, convention):
    arguments = ("0.9*erf(4*x)", "--degree", "61", "--output", "found.json", "--convention", convention)
    result = phases(*arguments)
    assert result.exit_code == 0, result.output
    found = json.loads(Path("found.json").read_text())
    x = np.linspace(-1, 1, 201)
    polynomial = np.polynomial.chebyshev.chebval(x, found["chebyshev_coefficients"])
    constant = complex(*found["global_phase"])
    assert constant == {"wx": 1, "pyqsp": 1j}[convention]
    response = (products(found["phases"], x) / constant).real
    assert np.abs(response - polynomial).max() <= found["residual"] + 61e-16  # rounding of the product
    assert np.abs(polynomial - 0.9 * erf(4 * x)).max() <= 1.01 * found["approximation_error"] < 1e-9
    assert (found["degree"], found["parity"], found["convention"]) == (61, "odd", convention)
    assert found["converged"] is True and len(found["phases"]) == 62
    assert found["residual"] < 1e-14 and 0.9 <= found["sup_bound"] < 0.91


def test_what_is_printed_of_phases(phases):
    result = phases("cos(3*x)", "--degree", "11", "--scale", "0.5")
    assert result.exit_code == 0, result.output
    told = dict(re.split(r"  +", line, maxsplit=1) for line in lines(result))
    assert told["degree"].startswith("10, even; odd coefficients up to ")
    assert 0.5 <= float(told["sup bound"]) < 0.51
    assert re.fullmatch(r"2\.33\de-07 on 1001 points", told["approximation error"])
    assert float(told["residual"]) < 1e-14
    assert told["converged"] == "yes"
    assert told["phases"] == "11 in the convention wx, in phases.json"
    assert json.loads(Path("phases.json").read_text())["scale"] == 0.5


def test_a_figure_of_phases(phases):
    result = phases("x/2", "--degree", "3", "--convention", "qsvt", "--figure", "response.svg")
    assert result.exit_code == 0, result.output
    assert "response against polynomial" in Path("response.svg").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["2*x", "--degree", "3"], "the interpolant reaches 1.99"),
        (["2*x", "--degree", "3", "--scale", "0.6"], "nothing is rescaled here: give --scale below 0.5."),
        (
            ["x + x**2/2", "--degree", "3"],
            "has even coefficients up to 0.25 and odd ones up to 1: take (f(x) + f(-x))/2",
        ),
        (["1/x", "--degree", "2"], "`expression` must be finite on [-1, 1], but at x = 0 it is inf"),
        (["1/x", "--degree", "3"], "`expression` must be finite on [-1, 1], but at x = -6.12323e-17 it is -1.6331239"),
        (["1/(x**2 - 0.25)/9", "--degree", "2"], "at x = -0.500907 it is 122.444: no phases answer that"),
        (["x**2/1000 + exp(-(900*x)**2)", "--degree", "3"], "`degree` must resolve `expression`, but at degree 2 the"),
        (["sin(100*x)/2", "--degree", "11"], "the interpolant is off by 1.07, where the largest value is 0.5"),
        (["sign(x)/2", "--degree", "41"], "smooth a jump, as erf(20*x) does for sign(x)"),
        (
            ["x**2/9 + 2*exp(-(50*(abs(x) - 0.1))**2)", "--degree", "3"],
            "must be at most 1 in size on [-1, 1], but",
        ),
        (["x/2", "--degree", "3", "--figure", "response.gpx"], "`--figure` must end in one of .avif, "),
        (["x/2", "--degree", "3", "--figure", "no/response.pdf"], "no/response.pdf is not: No such file"),
        (["open(x)", "--degree", "2"], "but has 'open(x)'"),
        (["x/2", "--degree", "2", "--convention", "qiskit"], "`convention` must be one of cudaq, "),
        (["x/2", "--degree", "2", "--output", "nowhere/phases.json"], "nowhere/phases.json"),
        (["0.5", "--degree", "0", "--convention", "qsvt"], "`phases` must be of degree 1 or more"),
    ],
)
def test_phases_that_cannot_be_found_are_said_in_one_line_with_status_2(phases, arguments, told):
    result = phases(*arguments)
    assert result.exit_code == 2
    (line,) = lines(result)
    assert line.startswith("error: ")
    assert told in line
    assert not list(Path().iterdir())


def test_phases_that_did_not_converge_are_written_with_status_1(phases, monkeypatch):
    monkeypatch.setattr(phase_job, "phase_factors", partial(phase_job.phase_factors, tol=1e-19))
    result = phases("sin(3*x)/2", "--degree", "9")
    assert result.exit_code == 1
    assert "converged            no" in lines(result)
    found = json.loads(Path("phases.json").read_text())
    assert found["converged"] is False and len(found["phases"]) == 10


@pytest.fixture
def claims(monkeypatch, tmp_path):
    """The command `claims` in an empty directory, in the precision that users have by default."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        with jax.enable_x64(False):
            return CliRunner().invoke(app, ["claims", *arguments])

    return run


@pytest.mark.slow
def test_claims_are_printed_and_written(claims):
    result = claims("alpha-of-concatenation", "pooling-by-circuit", "--trials", "5", "--output", "here")
    assert result.exit_code == 0, result.output
    for part in ("alpha-of-concatenation", "Rattew et al. (2025), Lemma 4", "holds to rounding", "here/claims.html"):
        assert part in result.output
    report = json.loads(Path("here/claims.json").read_text())
    assert [row["name"] for row in report["claims"]] == ["alpha-of-concatenation", "pooling-by-circuit"]
    assert all(row["ratio"] < 1 and row["trials"] == 15 for row in report["claims"])
    names = {"claims.json", "claims.html", "known.npz", "run.json", "items.jsonl"}
    assert {path.name for path in Path("here").iterdir()} == names


@pytest.mark.slow
def test_claims_go_into_a_new_directory_by_default(claims):
    assert claims("pooling-by-circuit", "--trials", "1").exit_code == 0
    (directory,) = Path("runs").iterdir()
    assert re.fullmatch(r"claims-\d{8}-\d{6}", directory.name)


def test_a_violated_claim_is_named_with_status_1(claims, monkeypatch):
    wrong = replace(norms.skip_norm, sides=norms.skip_norm_of_plain_erf.sides, sizes=(2,), relation="<=")
    monkeypatch.setattr(catalogue, "CLAIMS", (vectors.alpha_of_concatenation, wrong))
    result = claims("--trials", "5")
    assert result.exit_code == 1
    assert lines(result)[-1].startswith("failed: skip-norm: violated by ")


@pytest.mark.parametrize(("attack", "status"), [((), 0), (("--attack",), 1)])
def test_a_control_that_is_not_violated_is_named_once_it_was_attacked(claims, monkeypatch, attack, status):
    tame = replace(normalization.normalization_below_one, expected_to_hold=False, sizes=(2,), project=None)
    monkeypatch.setattr(catalogue, "CLAIMS", (tame,))
    result = claims("--trials", "5", *attack)
    assert result.exit_code == status
    assert ("a negative control that is not violated" in result.output) == bool(status)


def test_an_unknown_claim_is_said_in_one_line_with_status_2(claims):
    result = claims("skip-nor")
    assert result.exit_code == 2
    (line,) = lines(result)
    assert line.startswith("error: `name` must be one of ") and line.endswith("but is 'skip-nor'.")
    assert not list(Path().iterdir())


OWN = """
import jax, jax.numpy as jnp
from qla_jax.claims import Sides
from qla_jax.claims import claim


@claim(
    source="Schur (1911)",
    statement="The Frobenius norm is at least the spectral norm.",
    formula="x",
    relation=">=",
    draw=lambda size, *, key: {"a": jax.random.normal(key, (size, size))},
    sizes=(3,),
)
def frobenius_norm(instance):
    "Equal where the rank is one."
    return Sides(jnp.linalg.norm(instance["a"]), jnp.linalg.norm(instance["a"], 2))
"""


@pytest.fixture
def own(tmp_path):
    """A file with a claim of a user's own."""
    path = tmp_path / "own.py"
    path.write_text(OWN)
    yield path
    with contextlib.suppress(ValueError):
        catalogue.forget("frobenius-norm")


def test_a_claim_of_a_users_own_is_run_by_name_and_resumed_with_its_file(claims, own):
    arguments = ("frobenius-norm", "--module", str(own), "--trials", "4", "--attack", "--output", "here")
    result = claims(*arguments)
    assert result.exit_code == 0, result.output
    (row,) = json.loads(Path("here/claims.json").read_text())["claims"]
    assert row["name"] == "frobenius-norm" and row["not_attacked"] is True
    assert row["verdict"].endswith("; not attacked, since the claim has no `project`")
    assert "1 claim that could fail; 1 of them cannot be attacked." in result.output
    catalogue.forget("frobenius-norm")
    assert claims("--resume", "--output", "here").exit_code == 0
    catalogue.forget("frobenius-norm")
    own.write_text(OWN + "# changed")
    changed = claims("--resume", "--output", "here")
    assert changed.exit_code == 2 and "must go on with the claims of your own of here, but sha256 is" in changed.output


@pytest.mark.parametrize(
    ("text", "told"),
    [(None, "own.py is none"), ("x = 1", "holds none"), ("1 / 0", "raised ZeroDivisionError: division by zero")],
)
def test_a_file_without_claims_is_refused_in_one_line(claims, text, told):
    if text is not None:
        Path("own.py").write_text(text)
    result = claims("--module", "own.py")
    assert result.exit_code == 2
    (line,) = lines(result)
    assert line.startswith("error: `--module` must ") and told in line


def test_claims_are_listed_with_those_of_a_users_own(claims, own):
    result = claims("--list", "--module", str(own))
    assert result.exit_code == 0
    told = [line.split()[0] for line in lines(result)]
    assert told == [*(claim.name for claim in catalogue.CLAIMS), "frobenius-norm"]
    assert {path.name for path in Path().iterdir()} - {"__pycache__"} == {"own.py"}


def test_the_table_of_sharper_constants_runs_nothing(claims):
    result = claims("--table")
    assert result.exit_code == 0
    assert result.output.startswith("| bound on | published | here | reached | claim |")
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    "arguments", [("run",), ("claims", "pooling"), ("costs", "--regime", "c"), ("phases", "x/2", "--degree", "3")]
)
def test_an_empty_place_is_not_the_directory_here(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(app, [*arguments, "--output", ""])
    assert found.exit_code == 2 and "must name a place, but is empty" in " ".join(found.output.split())
    assert not list(tmp_path.iterdir())
