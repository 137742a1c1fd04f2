"""Studies in general: items one by one, rows that outlive a kill, settings that must agree, the page, the command."""

import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

from qla_jax.cli import app
from qla_jax.experiments.core import registry as study_registry
from qla_jax.experiments.core import runner as study_runner
from qla_jax.experiments.core.figures import Plot, Series
from qla_jax.experiments.core.progress import Progress
from qla_jax.experiments.core.study import Findings, Options, Study
from qla_jax.experiments.core.tables import Column, Table, table
from qla_jax.experiments.report import render


class Killed(BaseException):
    """As a signal would end the process: nobody catches it."""


@dataclass(frozen=True)
class Square:
    """A row."""

    n: int
    square: float


class Told(Progress):
    """What is told of items."""

    def __init__(self) -> None:
        self.items: list[tuple[str, int, int]] = []

    def item(self, key: str, done: int, total: int) -> None:
        self.items.append((key, done, total))


COLUMNS = [Column("n", "{n}", "a number"), Column("square", "{square:.1f}", "its <square>")]


def squares(asked: list[str] | None = None, settings: dict | None = None, dies_at: str = "") -> Study:
    """Three items, which note that they were asked for."""

    def item(n: int) -> Square:
        if str(n) == dies_at:
            raise Killed
        if asked is not None:
            asked.append(str(n))
        return Square(n, n * n + 0.1)

    def summary(rows: dict[str, Square]) -> Findings:
        x, y = ([getattr(row, name) for row in rows.values()] for name in ("n", "square"))
        whole = Series("all", x, y, [b - 1 for b in y], [b + 1 for b in y])
        return Findings(
            numbers={"sum": sum(y)},
            remarks=["A remark <with> signs."],
            failures=[] if sum(y) > 1 else ["too small."],
            conclusions=["Squares grow."],
            tables={"squares": table(COLUMNS, rows.values(), caption="Squares of numbers.")},
            plots=[Plot("curve", "n", "square", [whole], caption="Squares <of> numbers.")],
        )

    items = {str(n): lambda _, n=n: item(n) for n in (1, 2, 3)}
    return Study("squares", "Squares", settings or {"seed": 0}, items, summary, row=Square)


def test_a_table_without_caption_or_meanings_is_refused():
    with pytest.raises(ValueError, match="`caption` of 'table' must say what it shows, but is empty"):
        table(COLUMNS, [], caption=" ")
    with pytest.raises(ValueError, match=r"`columns` must explain \['n', 'm'\], but explain \['n'\]"):
        Table([["n", "m"]], "Numbers.", COLUMNS[:1])


def entries(directory: Path) -> list[list]:
    """Key, row and seconds of each line, after its checksum."""
    return [json.loads(line[17:]) for line in (directory / "items.jsonl").read_text().splitlines()]


def test_rows_are_written_one_by_one_and_settings_before_them(tmp_path):
    told = Told()
    report = study_runner.run(squares(), tmp_path, progress=told)
    record = json.loads((tmp_path / "run.json").read_text())
    assert (record["settings"], record["settings of the study"]) == ({"name": "squares"}, {"seed": 0})
    assert [key for key, _, _ in entries(tmp_path)] == ["1", "2", "3"]
    assert {key: Square(**row) for key, row, _ in entries(tmp_path)} == report.rows
    assert told.items == [("1", 0, 3), ("2", 1, 3), ("3", 2, 3), ("", 3, 3)]
    assert report.findings.numbers["sum"] == pytest.approx(14.3) and report.findings.failures == []


def test_a_kill_loses_the_running_item_at_most(tmp_path):
    whole = study_runner.run(squares(), tmp_path / "whole")
    with pytest.raises(Killed):
        study_runner.run(squares(dies_at="3"), tmp_path)
    asked: list[str] = []
    resumed = study_runner.run(squares(asked), tmp_path, resume=True)
    assert asked == ["3"]
    assert resumed.plain() | {"seconds": None} == whole.plain() | {"seconds": None}


@pytest.mark.parametrize("lost", [1, 20])
def test_a_line_cut_short_is_done_again_and_leaves_no_trace(tmp_path, lost):
    study_runner.run(squares(), tmp_path)
    path = tmp_path / "items.jsonl"
    path.write_bytes(path.read_bytes()[:-lost])
    asked: list[str] = []
    study_runner.run(squares(asked), tmp_path, resume=True)
    assert asked == ["3"]
    assert [key for key, _, _ in entries(tmp_path)] == ["1", "2", "3"]


@pytest.mark.parametrize("place", [3, 60, 100])
def test_a_changed_byte_costs_the_items_of_its_line_alone(tmp_path, place):
    whole = study_runner.run(squares(), tmp_path)
    path = tmp_path / "items.jsonl"
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    asked: list[str] = []
    assert study_runner.run(squares(asked), tmp_path, resume=True).rows == whole.rows
    assert asked == [str(1 + bytes(content[:place]).count(b"\n"))]


def test_a_record_cut_short_is_named_and_nothing_is_lost(tmp_path):
    study_runner.run(squares(), tmp_path)
    (tmp_path / "run.json").write_text('{"command": "stu')
    with pytest.raises(ValueError, match=r"run\.json is damaged: start afresh in another directory"):
        study_runner.run(squares(), tmp_path, resume=True)
    assert len(entries(tmp_path)) == 3


def test_an_item_is_given_the_rows_before_it(tmp_path):
    later = {"first": lambda rows: {"x": 2}, "second": lambda rows: {"x": 3 * rows["first"]["x"]}}
    study = replace(squares(), items=later, summary=lambda rows: Findings({"x": rows["second"]["x"]}), row=dict)
    assert study_runner.run(study, tmp_path).findings.numbers == {"x": 6}


def test_a_row_with_other_keys_than_those_of_its_type_is_refused_by_their_names(tmp_path):
    study = replace(squares(), items={"odd": lambda rows: {"n": 1, "cube": 1}})
    with pytest.raises(ValueError, match="must have the keys n, square, but square is missing and cube is unknown"):
        study_runner.run(study, tmp_path)


def test_rows_are_not_written_over_without_resume(tmp_path):
    study_runner.run(squares(), tmp_path)
    with pytest.raises(ValueError, match=r"`--output` must hold no earlier results, but .*items\.jsonl is there"):
        study_runner.run(squares(), tmp_path)


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({"seed": 1}, "seed is 1 and was 0"),
        ({"seed": 0, "more": 2}, "more is 2 and was None"),
        ({"b": 0}, "seed is None and was 0"),
    ],
)
def test_other_settings_are_not_gone_on_with(tmp_path, now, told):
    study_runner.run(squares(), tmp_path)
    with pytest.raises(ValueError, match=f"`--resume` must go on with the settings of the study of .*{told}"):
        study_runner.run(squares(settings=now), tmp_path, resume=True)


@pytest.mark.parametrize("row", [{"x": float("nan")}, {"x": object()}])
def test_rows_that_are_not_plain_are_refused_by_key(tmp_path, row):
    study = replace(squares(), items={"odd": lambda rows: row})
    with pytest.raises(ValueError, match="`row` must be plain, finite JSON, but that of 'odd' is not"):
        study_runner.run(study, tmp_path)


def test_the_page_is_one_file_with_pictures_next_to_it(tmp_path):
    report = study_runner.run(squares(), tmp_path)
    render.write(report, tmp_path, {"command": "qla-jax study squares", "begun": "yesterday"})
    text = (tmp_path / "squares.html").read_text()
    assert text.count("data:image/svg+xml;base64,") == 1 and (tmp_path / "squares-curve.png").is_file()
    assert '<th scope="col" title="its &lt;square&gt;">square</th>' in text and "<dd>a number</dd>" in text
    assert "<figcaption>Squares of numbers." in text and "<figcaption><b>curve</b>. Squares &lt;of&gt; numbers." in text
    assert "<dt>command</dt><dd>qla-jax study squares</dd>" in text and "Squares grow." in text
    assert "A remark &lt;with&gt; signs." in text and "<td>9.1</td>" in text and "own checks hold" in text
    assert not re.search(r"(src|href)=\"http", text)
    assert json.loads((tmp_path / "squares.json").read_text()) == report.plain()
    assert report.plain()["numbers"] == report.findings.numbers and report.plain()["rows"]["2"]["n"] == 2


@pytest.fixture
def command(monkeypatch, tmp_path):
    """The command with these squares for a study, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(render, "picture", lambda figure, form: b"a picture")
    monkeypatch.setenv("XLA_FLAGS", "--mine")
    made: dict = {"study": squares(), "options": None}

    def study(options: Options) -> Study:
        made.update(options=options, flags=os.environ["XLA_FLAGS"])
        return made["study"]

    monkeypatch.setattr(study_registry, "STUDIES", {"squares": study_registry.Entry("Squares.", "squares")})
    monkeypatch.setattr(study_registry, "import_module", lambda name: SimpleNamespace(study=study))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["study", *arguments], env={"COLUMNS": "80"})

    run.made = made  # type: ignore[attr-defined]
    return run


def test_the_command_prints_tables_and_writes_files(command):
    result = command("squares", "--output", "here", "--quick", "--seed", "4", "--dataset", "d", "--data-dir", "there")
    assert result.exit_code == 0, result.output
    assert command.made["options"] == Options(True, 4, "d", str(Path("there").resolve()))
    assert command.made["flags"].startswith("--xla_backend_optimization_level=0 "), "quick forms compile quickly"
    assert command.made["flags"].endswith(" --mine")
    for part in ("squares", "9.1", "A remark <with> signs.", "here/squares.html", "This is the quick form"):
        assert part in result.output
    page = Path("here/squares.html").read_text()
    assert 'class="quick"' in page and "Squares grow" not in page + result.output, "no conclusions in the quick form"
    assert "own checks hold" not in page
    assert "<dd>qla-jax study squares " in page and "--seed 4" in page and ", jax " in page
    names = {"run.json", "items.jsonl", "squares.json", "squares.html", "squares-curve.png"}
    assert {path.name for path in Path("here").iterdir()} == names


def test_the_command_resumes(command):
    assert command("squares", "--output", "here").exit_code == 0
    assert command.made["flags"] == "--mine"
    again = command("squares", "--output", "here")
    assert again.exit_code == 2 and "`--output` must hold no earlier results" in again.output
    assert command("--output", "here", "--resume").exit_code == 0
    other = command("squares", "--output", "here", "--resume", "--seed", "7")
    assert other.exit_code == 2 and "settings of here, but --seed is 7 and was 0" in other.output
    alone = command("--resume")
    assert alone.exit_code == 2 and "but there is none under runs/" in alone.output


def test_a_failed_check_is_named_with_status_1(command):
    command.made["study"] = replace(squares(), summary=lambda rows: Findings(failures=["35 of 36."]))
    result = command("squares", "--output", "here")
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == "failed: 35 of 36."
    assert Path("here/squares.html").is_file()


def test_without_a_name_studies_are_listed_and_an_unknown_one_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(app, ["study"])
    assert told.exit_code == 0
    assert [line.split()[0] for line in told.output.splitlines()] == list(study_registry.STUDIES)
    wrong = CliRunner().invoke(app, ["study", "table4"])
    assert wrong.exit_code == 2
    assert wrong.output.startswith("error: `name` must be one of ") and "but is 'table4'" in wrong.output
    assert not list(tmp_path.iterdir())
