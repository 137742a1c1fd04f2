"""Studies: work items that are run one by one, and a summary of their rows.

A row is a frozen dataclass of plain data, so that an interrupted study goes on with the stored rows. Tables and figures
are data, too, so that one renderer serves all studies.

Example:
    >>> items = {str(n): lambda rows, n=n: {"n": n, "square": n * n} for n in (1, 2, 3)}
    >>> study = Study("squares", "Squares", {}, items, lambda rows: Findings({"largest": rows["3"]["square"]}))
    >>> study.summary({key: make({}) for key, make in study.items.items()}).numbers
    {'largest': 9}
    >>> table("n | square", "{n} | {square:.1f}", [{"n": 2, "square": 4}])
    [['n', 'square'], ['2', '4.0']]
"""

import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from qla_jax.data import ImageSet, identity, load
from qla_jax.experiments.core.results import to_json

Table = list[list[str]]


@dataclass(frozen=True)
class Options:
    """Options of the command that a study depends on.

    Attributes:
        quick: whether to run the small form, which takes seconds instead of minutes.
        full: whether to run the whole grid, where a study has more than it runs by default.
        seed: seed of all random draws.
        dataset: name of the images, for studies that use images; by default the study's own choice.
        data_dir: directory of prepared sets.
    """

    quick: bool = False
    seed: int = 0
    dataset: str | None = None
    data_dir: Path | None = None
    full: bool = False

    def seeds(self, count: int) -> list[int]:
        """Return consecutive seeds."""
        return [self.seed + number for number in range(count)]

    def images(self, **limits: Any) -> ImageSet:
        """Return the images asked for, by default the digits."""
        return load(self.dataset or "digits", data_dir=self.data_dir, seed=self.seed, **limits)


@dataclass(frozen=True)
class Series:
    """Curve, points, or steps of a figure.

    Attributes:
        label: name in the legend; without one the curve has the color of the one before.
        x: places of the points.
        y: values of the points.
        low: lower ends of intervals, if there are any.
        high: upper ends of intervals.
        style: marker and line as matplotlib writes them.
        color: `blue`, `orange`, `grey` or another color of matplotlib, by default the next of a list.
        right: whether values belong to the right axis.
        base: level from which steps are filled to the values, if they are; `x` are their left edges.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    style: str = "o-"
    color: str = ""
    right: bool = False
    base: float | None = None


@dataclass(frozen=True)
class Line:
    """Dashed line across a figure, for reference.

    Attributes:
        value: place on the y axis, or on the x axis if it is upright.
        label: text at its left end.
        upright: whether the line is vertical.
    """

    value: float
    label: str = ""
    upright: bool = False


@dataclass(frozen=True)
class Plot:
    """Figure of some curves, as data.

    Attributes:
        name: part of the file's name.
        xlabel: label of the x axis.
        ylabel: label of the y axis.
        series: curves of the figure.
        xscale: scale of the x axis, linear, log or log2.
        yscale: scale of the y axes, linear or log.
        title: title above the figure.
        categories: names of the places 0, 1, ... where the x axis has no numbers.
        levels: names of the places 0, 1, ... where the y axis has no numbers.
        lines: lines for reference.
        right: label of the right axis, if there is one.
        limits: ends of the y axis, where the data do not set them.
        filed: whether the picture is also a file of its own.
    """

    name: str
    xlabel: str
    ylabel: str
    series: Sequence[Series]
    xscale: str = "linear"
    yscale: str = "linear"
    title: str = ""
    categories: Sequence[str] = ()
    levels: Sequence[str] = ()
    lines: Sequence[Line] = ()
    right: str = ""
    limits: Sequence[float] | None = None
    filed: bool = True


@dataclass(frozen=True)
class Section:
    """Part of the page with a title of its own.

    Attributes:
        name: first part of the names of its pictures, and its anchor.
        title: heading of the section.
        text: paragraphs.
        failures: paragraphs about checks that fail.
        formula: formula in LaTeX, if there is one.
        tables: tables by title; one without a title stands below the heading.
        plots: figures.
    """

    name: str
    title: str
    text: Sequence[str] = ()
    failures: Sequence[str] = ()
    formula: str = ""
    tables: Mapping[str, Table] = field(default_factory=dict)
    plots: Sequence[Plot] = ()


@dataclass(frozen=True)
class Findings:
    """Summary of the rows of a study.

    Attributes:
        numbers: fits and verdicts, as plain JSON.
        remarks: sentences about the tables and numbers.
        failures: a line for each of the study's checks that its rows fail; empty is good.
        tables: rows of cells by title, where the first row is the head; a table fits eighty columns.
        plots: figures.
        sections: parts with titles of their own.
        text: paragraphs of the page that the terminal does not show.
        passed: sentence that is shown if there are no failures.
    """

    numbers: Mapping[str, Any] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    failures: Sequence[str] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)
    plots: Sequence[Plot] = ()
    sections: Sequence[Section] = ()
    text: Sequence[str] = ()
    passed: str = "The study's own checks hold."


Rows = Mapping[str, Any]
"""Rows by key, each of the study's type."""


@dataclass(frozen=True)
class Study:
    """Study that is ready to run.

    Attributes:
        name: name of the command's argument.
        title: title of the page.
        settings: all data that rows depend on, as plain JSON; a study is resumed only with the same settings.
        items: functions by key, in the order in which they run, from the earlier rows to a row: a row may hold the
            weights of a network that later items evaluate.
        summary: function from the rows by key, or from the document if there is one, to the findings.
        row: type of the rows, a dataclass or a union of several.
        file: name of the files without suffix, by default that of the study.
        document: function from rows and seconds by key to the content of the JSON file, by default the whole report.
        bounded: whether all numbers of a row have to be finite.
    """

    name: str
    title: str
    settings: Mapping[str, Any]
    items: Mapping[str, Callable[[Rows], Any]]
    summary: Callable[[Any], Findings]
    row: Any = dict
    file: str = ""
    document: Callable[[Rows, Mapping[str, float]], Any] | None = None
    bounded: bool = True


@dataclass(frozen=True)
class Report:
    """Study that was run.

    Attributes:
        study: the study itself.
        rows: rows by key.
        seconds: time of each item.
        findings: summary of the rows.
        document: content of the JSON file, if it is not the whole report.
    """

    study: Study
    rows: Rows
    seconds: Mapping[str, float]
    findings: Findings
    document: Any = None

    @property
    def stem(self) -> str:
        """Name of the files of the report without suffix."""
        return self.study.file or self.study.name

    def plain(self) -> Any:
        """Return the content of the JSON file; infinities remain."""
        if self.document is not None:
            return to_json(self.document)
        about = {"study": self.study.name, "title": self.study.title, "settings": self.study.settings}
        return to_json(about | {"rows": self.rows, "seconds": self.seconds}) | to_json(self.findings)


def settings_of(value: Any) -> Any:
    """Return the fields of a dataclass as settings.

    Images are replaced by their identity, and nested dataclasses by their fields.
    """
    if isinstance(value, ImageSet):
        return identity(value)
    if isinstance(value, Mapping):
        return {str(name): settings_of(part) for name, part in value.items()}
    return {one.name: settings_of(getattr(value, one.name)) for one in fields(value)} if is_dataclass(value) else value


class _Cells(string.Formatter):
    """Formatter of a row by its names or places, with a dash for None."""

    def get_value(self, name: int | str, _: Any, row: Any) -> Any:
        return row[name] if isinstance(row, Mapping) or isinstance(name, int) else getattr(row, name)

    def format_field(self, value: Any, spec: str) -> str:
        return "-" if value is None else super().format_field(value, spec)


def table(head: str, cells: str, rows: Iterable[Any]) -> Table:
    """Return a table with a head and a line for each row.

    Args:
        head: names of the columns, separated by bars.
        cells: formats of the columns, separated by bars, by fields of a dataclass or a mapping, or by places in a
            tuple.
        rows: results.
    """
    formats = cells.split(" | ")
    return [head.split(" | "), *([_Cells().vformat(one, (), row) for one in formats] for row in rows)]
