"""Files that outlive a kill, a full disk and a second writer; places that cannot be written give one clear line."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qla_jax import _files
from qla_jax.cli import app
from qla_jax.experiments.core.directory import RunDirectory, newest
from qla_jax.experiments.core.items import Items

COMMANDS = {
    "run": ["run", "--max-train", "64"],
    "claims": ["claims", "pooling-by-circuit", "--trials", "1"],
    "costs": ["costs", "--regime", "c"],
    "comparison": ["comparison"],
    "study": ["study", "plateaus", "--quick"],
}


@contextmanager
def disk(place: Path, options: str) -> Iterator[Path]:
    """A file system in memory, of its own size; skipped where that takes rights that we lack."""
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting takes the rights of an administrator")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def one_line(arguments: list[str]) -> str:
    """The line with which a command ends that could not begin, with status 2."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2, result.output
    (line,) = (line for line in result.output.splitlines() if line.strip())
    assert line.startswith("error: `--output` must ")
    return line


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_what_cannot_be_written_is_said_in_one_line_before_any_work(command, tmp_path):
    (tmp_path / "file").write_text("taken")
    file, below, nowhere = (str(tmp_path / "file"), str(tmp_path / "file" / "x"), "/proc/nowhere/x")
    assert one_line([*command, "--output", file]).endswith("file is a file.")
    assert one_line([*command, "--output", below]).endswith("Not a directory.")
    assert "No such file or directory" in one_line([*command, "--output", nowhere])
    assert (tmp_path / "file").read_text() == "taken"
    with disk(tmp_path / "small", "size=200k") as small:
        assert "must have at least 1024 KiB free, but " in one_line([*command, "--output", str(small / "x")])
        assert not list(small.iterdir())
    with disk(tmp_path / "still", "size=4m,ro") as still:
        assert "Read-only file system" in one_line([*command, "--output", str(still / "x")])


def test_a_disk_that_is_full_or_read_only_is_named_by_phases(tmp_path):
    with disk(tmp_path / "small", "size=64k") as small:
        (small / "filling").write_bytes(bytes(64 << 10))
        told = one_line(["phases", "x/2", "--degree", "3", "--output", str(small / "found.json")])
        assert "No space left on device" in told
        assert [path.name for path in small.iterdir()] == ["filling"]
    with disk(tmp_path / "still", "size=64k,ro") as still:
        assert "Read-only" in one_line(["phases", "x/2", "--degree", "3", "--output", str(still / "found.json")])


@pytest.mark.slow
def test_a_disk_that_fills_up_costs_the_running_item_and_says_how_to_go_on(tmp_path, monkeypatch):
    arguments = ["claims", "pooling-by-circuit", "alpha-of-concatenation", "--trials", "5", "--output"]
    whole = CliRunner().invoke(app, [*arguments, str(tmp_path / "whole")])
    assert whole.exit_code == 0
    with disk(tmp_path / "small", "size=1200k") as small:
        keep, filling = Items.keep, small / "filling"

        def fills(items: Items, key: str, row: object, seconds: float) -> None:
            keep(items, key, row, seconds)
            while not filling.exists() or filling.stat().st_size < 1 << 20:
                with filling.open("ab", buffering=0) as file:
                    file.write(bytes(4096))

        with monkeypatch.context() as patch:
            patch.setattr(Items, "keep", fills)
            result = CliRunner().invoke(app, [*arguments, str(small / "run")])
        assert result.exit_code == 2
        last = result.output.splitlines()[-1]
        assert "No space left on device; once that is mended, go on with `qla-jax claims --resume --output" in last
        filling.unlink()
        subprocess.run(["mount", "-o", "remount,size=8m", small], check=True)
        assert CliRunner().invoke(app, ["claims", "--resume", "--output", str(small / "run")]).exit_code == 0
        assert {path.name for path in (small / "run").iterdir()} == {
            path.name for path in (tmp_path / "whole").iterdir()
        }


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "numbers"
    _files.write(path, "first")

    def gives_out(opened: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(os, "fsync", gives_out)
        _files.write(path, "second, longer")
    assert path.read_text() == "first" and [one.name for one in tmp_path.iterdir()] == ["numbers"]
    _files.write(path, b"third")
    assert path.read_text() == "third"


def test_a_reserved_file_is_refused_to_a_second_writer_and_to_an_earlier_result(tmp_path):
    path = tmp_path / "found.json"
    with _files.reserved(path, "--output") as fill:
        with (
            pytest.raises(ValueError, match="`--output` must be used by one run at a time"),
            _files.reserved(path, "--output"),
        ):
            pass
        assert not path.exists()
        fill("whole")
    assert path.read_text() == "whole"
    with pytest.raises(ValueError, match=r"`--output` must be a new file, but .*found\.json is there"):
        with _files.reserved(path, "--output"):
            pass
    assert [one.name for one in tmp_path.iterdir()] == ["found.json"]


def begun(path: Path, **settings: object) -> RunDirectory:
    return RunDirectory(path, "squares", settings)


def test_a_run_that_finished_nothing_is_begun_anew_and_one_that_did_is_not(tmp_path):
    with begun(tmp_path / "one", a=1):
        pass
    with begun(tmp_path / "one", a=2) as run:
        run.items.result("x", lambda: 4)
    with pytest.raises(ValueError, match=r"must hold no earlier results, but .*items\.jsonl is there"):
        begun(tmp_path / "one", a=2).__enter__()
    with RunDirectory(tmp_path / "one", "squares", resume=True) as run:
        assert (run.settings, run.items.rows) == ({"a": 2}, {"x": 4})


def test_a_run_that_could_not_begin_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="no"), begun(tmp_path / "a" / "b"):
        raise ValueError("no")
    assert not list(tmp_path.iterdir())


def test_data_and_code_that_changed_are_refused_by_name(tmp_path, monkeypatch):
    with begun(tmp_path) as run:
        run.pin("data", {"train_images": "float32 (200,)", "classes": 3})
        run.items.result("x", lambda: 4)
    resumed = RunDirectory(tmp_path, "squares", resume=True)
    told = r"must go on with the data of .*, but train_images is float32 \(400,\) and was float32 \(200,\)"
    with resumed as run, pytest.raises(ValueError, match=told):
        run.pin("data", {"train_images": "float32 (400,)", "classes": 3})
    assert (tmp_path / "items.jsonl").exists()
    monkeypatch.setattr("qla_jax.experiments.core.directory.version", lambda name: "99" if name == "jax" else "1")
    told = r"code of .*, but .* is \S+ and was \S+: go back to that version, or start afresh in another directory"
    with pytest.raises(ValueError, match=told):
        RunDirectory(tmp_path, "squares", resume=True).__enter__()


def test_the_newest_run_is_that_which_began_last(tmp_path):
    for name in ("b", "a"):
        with begun(tmp_path / name) as run:
            run.items.result("x", lambda: 1)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "run.json").write_text("{")
    assert newest(tmp_path, "squares") == tmp_path / "a"
    with pytest.raises(ValueError, match="needs a run of `qla-jax cubes` to go on with"):
        newest(tmp_path, "cubes")
