"""Every command, killed at random moments and resumed by its directory alone, ends in the bits of one that was not.

Commands run as processes on a copy of the package, with small networks and few sizes.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import qla_jax

COMMANDS = {
    "run": ["run", "--seed", "3"],
    "claims": ["claims", "skip-norm", "terminal-norm", "pooling-by-circuit", "--trials", "20"],
    "costs": ["costs", "--regime", "c"],
    "comparison": ["comparison"],
    "study": ["study", "plateaus", "--quick"],
}


class Ended(NamedTuple):
    """A process that is over."""

    status: int
    told: str


@pytest.fixture(autouse=True, scope="module")
def _heeded_interrupts() -> Iterator[None]:
    """Shells start what runs in the background with SIGINT ignored, and children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Program:
    """The command on a copy of the package, in a directory of its own."""

    def __init__(self, directory: Path):
        self.directory = directory
        source = Path(qla_jax.__file__).parent
        shutil.copytree(source, directory / "package" / "qla_jax", ignore=lambda *_: ["__pycache__"])
        shutil.copy(Path(__file__).with_name("small_command.py"), directory / "qla-jax")

    def begin(self, *arguments: str) -> subprocess.Popen:
        environment = os.environ | {"JAX_ENABLE_X64": "0", "MPLBACKEND": "agg"}
        line = [sys.executable, "qla-jax", str(self.directory / "package"), *arguments]
        both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(line, cwd=self.directory, env=environment, **both)

    def run(self, *arguments: str, after: float | None = None, with_: int = signal.SIGKILL) -> Ended:
        """Run to the end, or send a signal after so many seconds."""
        process = self.begin(*arguments)
        if after is not None:
            time.sleep(after)
            process.send_signal(with_)
        told, _ = process.communicate(timeout=300)
        return Ended(process.returncode, told)


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Program:
    return Program(tmp_path_factory.mktemp("kills"))


def results(directory: Path) -> dict[str, Any]:
    """What a run left, apart from times: numbers of its reports, pictures and instances bit by bit."""
    found: dict[str, Any] = {}
    for path in sorted(directory.iterdir()):
        if path.suffix == ".json" and path.name != "run.json":
            found[path.name] = without_times(json.loads(path.read_text()))
        elif path.suffix == ".png":
            found[path.name] = path.read_bytes()
        elif path.suffix == ".npz":
            with np.load(path) as arrays:
                found[path.name] = {name: arrays[name].tobytes() for name in arrays.files}
    assert not list(directory.glob(".*.partial"))
    return found


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_times(part) for name, part in value.items() if name != "seconds"}
    return [without_times(part) for part in value] if isinstance(value, list) else value


def killed_and_resumed(program: Program, command: str, kills: int, seed: int) -> list[float]:
    """Kill a command `kills` times, resume it after each, and compare; return when."""
    straight = program.directory / f"{command}-straight"
    if not straight.exists():
        if kills > 1:  # fill the cache of compiled functions, for kills to come as late as results do
            program.run(*COMMANDS[command], "--output", f"{command}-first")
            shutil.rmtree(program.directory / f"{command}-first")
        started = time.monotonic()
        assert program.run(*COMMANDS[command], "--output", straight.name).status in (0, 1)
        (program.directory / f"{command}-lasted").write_text(str(time.monotonic() - started))
    lasted = float((program.directory / f"{command}-lasted").read_text())
    draw, name, moments = random.Random(seed), f"{command}-{seed}", []
    for _ in range(kills):
        moments.append(draw.uniform(0, lasted))
        program.run(*begun_or_resumed(program, command, name), after=moments[-1])
    ended = program.run(*begun_or_resumed(program, command, name))
    assert ended.status in (0, 1), ended.told
    assert results(program.directory / name) == results(straight), moments
    shutil.rmtree(program.directory / name)
    return moments


def begun_or_resumed(program: Program, command: str, name: str) -> list[str]:
    """The arguments that go on after a kill: none but the directory, unless nothing was begun."""
    if (program.directory / name / "run.json").exists():
        return [command, "--resume", "--output", name]
    return [*COMMANDS[command], "--output", name]


@pytest.mark.slow
def test_a_command_that_is_killed_ends_in_the_same_bits(program):
    killed_and_resumed(program, "claims", kills=1, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_killed_at_fifty_moments_ends_in_the_same_bits(program, command):
    for seed in range(10):
        killed_and_resumed(program, command, kills=5, seed=10 + seed)


@pytest.mark.parametrize(
    ("number", "word", "status", "after"),
    [
        (signal.SIGINT, "interrupted", 130, 0.4),
        pytest.param(signal.SIGINT, "interrupted", 130, 4.0, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, "terminated", 143, 4.0, marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_a_run_in_one_line_that_says_how_to_go_on(program, number, word, status, after):
    name = f"{word}-{after}"
    ended = program.run(*COMMANDS["run"], "--output", name, after=after, with_=number)
    assert ended.status == status
    last = ended.told.splitlines()[-1]
    if (program.directory / name / "run.json").exists():
        assert last == f"{word}; go on with `qla-jax run --resume --output {name}`"
    else:
        assert last == f"{word}; nothing was done yet: start it again"
    for noise in ("Traceback", "ERROR", "Error"):
        assert noise not in ended.told


@pytest.mark.slow
def test_phases_that_are_killed_leave_no_file_and_start_clean(program):
    arguments = ["phases", "0.9*erf(4*x)", "--degree", "61", "--output", "found.json", "--figure", "found.png"]
    for after in (1.2, 2.4):
        program.run(*arguments, after=after)
        if (program.directory / "found.json").exists():
            json.loads((program.directory / "found.json").read_text())
        for name in ("found.json", "found.png"):
            (program.directory / name).unlink(missing_ok=True)
    assert program.run(*arguments).status == 0
    assert json.loads((program.directory / "found.json").read_text())["converged"] is True
    assert not list(program.directory.glob(".found*"))


@pytest.mark.slow
@pytest.mark.parametrize("resume", [[], ["--resume"]], ids=len)
def test_two_runs_in_one_directory_give_one_line(program, resume):
    name = f"shared-{len(resume)}"
    first = program.begin("claims", "--output", name)  # all of them, for minutes
    while not (program.directory / name / "run.json").exists():
        assert first.poll() is None
        time.sleep(0.05)
    second = program.run("claims", *resume, "--output", name)
    assert second.status == 2
    (line,) = second.told.splitlines()
    assert line == f"error: `--output` must be used by one run at a time, but another one is at work in {name}."
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=60)
