"""Commands in several processes: the results of one, one line where a process ends early, and plain refusals."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
from typer.testing import CliRunner

from qla_jax import _processes
from qla_jax.cli import app, together
from qla_jax.experiments.core.directory import RunDirectory
from qla_jax.experiments.core.sharing import SharedRun
from tests.kills.test_kills import Program, program, results  # noqa: F401 a fixture

PATIENCE = 60
"""Seconds after which a process has to have noticed that another one ended."""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def begin(program: Program, *arguments: str, count: int = 2) -> list[subprocess.Popen]:  # noqa: F811
    address = f"127.0.0.1:{free_port()}"
    group = ["--devices", "4", "--coordinator", address, "--processes", str(count)]
    return [program.begin(*arguments, *group, "--process", str(place)) for place in range(count)]


def finish(processes: list[subprocess.Popen], seconds: float = 600) -> list[tuple[int, str]]:
    try:
        return [(process.communicate(timeout=seconds)[0], process.returncode)[::-1] for process in processes]
    finally:
        for process in processes:
            process.kill()


RUN = ("run", "--seed", "3", "--kind", "dense")


@pytest.fixture(scope="module")
def straight(program) -> Path:  # noqa: F811
    """What one process on one device leaves behind."""
    assert program.run(*RUN, "--output", "straight").status in (0, 1)
    return program.directory / "straight"


def assert_near(found, wanted):
    """The same report, numbers to the rounding of a training in float32."""
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for name in wanted:
            assert_near(found[name], wanted[name])
    elif isinstance(wanted, list):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            assert_near(one, other)
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, rel=1e-2, abs=1e-3)
    elif not isinstance(wanted, str):
        assert found == wanted


@pytest.mark.slow
def test_two_processes_train_to_the_report_of_one_and_the_first_alone_prints(program, straight):  # noqa: F811
    (status, told), (other, silence) = finish(begin(program, *RUN, "--output", "two"))
    assert status == other and status in (0, 1), told  # 1 where a small network violates a bound
    assert silence == ""
    found, wanted = (json.loads((path / "report.json").read_text()) for path in (program.directory / "two", straight))
    assert_near(found["training"], wanted["training"])
    assert_near(found["accuracy"], wanted["accuracy"])


@pytest.mark.slow
@pytest.mark.parametrize("ended", [0, 1])
def test_a_process_that_is_killed_ends_the_other_with_one_line_and_the_run_goes_on(program, straight, ended):  # noqa: F811
    name = f"ended-{ended}"
    processes = begin(program, *RUN, "--output", name)
    record = program.directory / name / "run.json"
    while not record.exists():
        assert all(process.poll() is None for process in processes)
        time.sleep(0.2)
    time.sleep(5)
    processes[ended].kill()
    begun = time.monotonic()
    status, told = finish([processes[1 - ended]], PATIENCE)[0]
    assert time.monotonic() - begun < PATIENCE
    assert status == 2
    # The first process has said what it does.
    lines = [line for line in told.splitlines() if line[2:3] != ":" and " epochs: " not in line]
    assert lines == [f"error: a process of the 2 has ended; go on with `qla-jax run --resume --output {name}`."]
    finish([processes[ended]])
    resumed = program.run("run", "--resume", "--output", name)  # in one process on one device
    assert resumed.status in (0, 1), resumed.told
    found, wanted = (json.loads((path / "report.json").read_text()) for path in (record.parent, straight))
    assert_near(found["training"], wanted["training"])


@pytest.mark.slow
def test_a_coordinator_that_does_not_answer_is_named_after_a_minute(program):  # noqa: F811
    begun = time.monotonic()
    group = ["--coordinator", f"127.0.0.1:{free_port()}", "--processes", "2"]
    processes = [program.begin("run", *group, "--process", place) for place in ("0", "1")]
    processes[0].kill()
    status, told = finish([processes[1]], 2 * PATIENCE)[0]
    finish([processes[0]])
    assert (status, len(told.splitlines())) == (2, 1), told
    assert "nobody answered at 127.0.0.1" in told
    assert time.monotonic() - begun < 2 * PATIENCE


@pytest.mark.slow
def test_other_code_in_one_process_is_named(program, tmp_path):  # noqa: F811
    other = Program(tmp_path)
    (other.directory / "package" / "qla_jax" / "meshes.py").open("a").write("# changed\n")
    group = ["--coordinator", f"127.0.0.1:{free_port()}", "--processes", "2", "--process"]
    processes = [one.begin("run", *group, str(place)) for place, one in enumerate((program, other))]
    (status, told), (second, silence) = finish(processes)
    assert (status, second, silence) == (2, 2, "")
    assert "`code` must be the same in all processes" in told and "not in process 1" in told


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--coordinator", "a:1"], "must come with"),
        (["--coordinator", "a", "--processes", "2", "--process", "0"], "must be HOST:PORT, but is 'a'"),
        (["--coordinator", "a:x", "--processes", "2", "--process", "0"], "must be HOST:PORT, but is 'a:x'"),
        (["--coordinator", "a:1", "--processes", "2", "--process", "2"], "must be below `--processes`, 2, but is 2"),
        (["--coordinator", "a:1", "--processes", "2", "--process", "0", "--devices", "3"], "multiple of `--processes`"),
        (["--devices", "1024"], "at most the number of devices"),
        (["--devices", "3"], "power of two"),
    ],
)
def test_options_that_do_not_fit_are_refused_by_name(options, message, monkeypatch, tmp_path):
    monkeypatch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", ""))
    monkeypatch.chdir(tmp_path)
    assert jax.devices()  # JAX counts virtual devices once
    found = CliRunner().invoke(app, ["run", *options])
    assert found.exit_code == 2
    assert message in " ".join(found.output.split())
    assert not list(tmp_path.iterdir())


def test_libraries_words_on_connections_are_left_out_and_others_passed_on(capfdbinary):
    lines = [
        b"[Gloo] Rank 1 is connected to 1 peer ranks\n",
        b"E1201 16:49:59.1 8280 agent.cc:289] x\n",
        b"    @     0x7f4783c\n",
    ]
    together._pass_on(iter([*lines, b"UserWarning: heed this\n", b"1\n", b"\n"]))
    sys.stderr.flush()
    assert capfdbinary.readouterr().err == b"UserWarning: heed this\n"


def test_one_process_alone_shares_a_run_with_nobody(tmp_path):
    """The same rows and files as without sharing."""
    with SharedRun(tmp_path / "shared", "squares", {"count": 3}) as shared:
        assert shared.items.result("2", lambda: 4) == 4
        shared.pin("data", {"a": 1})
        assert shared.about()["command"] == "qla-jax squares 3"
    with RunDirectory(tmp_path / "shared", "squares", resume=True) as again:
        assert again.items.rows == {"2": 4}
        with pytest.raises(ValueError, match="data"):
            again.pin("data", {"a": 2})


def test_an_error_of_the_first_process_is_raised():
    with pytest.raises(ZeroDivisionError):
        _processes.on_first(lambda: 1 / 0)
    assert not _processes.is_known_to_all(ValueError())


def test_outcomes_survive_the_way_to_other_processes():
    for outcome in (_processes._Outcome({"a": np.arange(3)}, None), _processes._Outcome(None, OSError(28, "full"))):
        (found,) = [__import__("pickle").loads(_processes._pickled(outcome))]
        assert repr(found) == repr(outcome)
    lost = _processes._Outcome(None, RuntimeError(lambda: None))  # an error that cannot be pickled keeps its text
    assert "lambda" in str(__import__("pickle").loads(_processes._pickled(lost)).error)
