"""Studies: work items that are run one by one, and a summary of their rows.

A row is a frozen dataclass of plain data, so that an interrupted study goes on with the stored rows. Tables and figures
are data, too, so that one renderer serves all studies.

Example:
    >>> items = {str(n): lambda rows, n=n: {"n": n, "square": n * n} for n in (1, 2, 3)}
    >>> study = Study("squares", "Squares", {}, items, lambda rows: Findings({"largest": rows["3"]["square"]}))
    >>> study.summary({key: make({}) for key, make in study.items.items()}).numbers
    {'largest': 9}
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from qla_jax.data import ImageSet, identity, load
from qla_jax.experiments.core.figures import Figure
from qla_jax.experiments.core.results import to_json
from qla_jax.experiments.core.tables import Table


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
        trees: trees of parts by title, as text.
    """

    name: str
    title: str
    text: Sequence[str] = ()
    failures: Sequence[str] = ()
    formula: str = ""
    tables: Mapping[str, Table] = field(default_factory=dict)
    plots: Sequence[Figure] = ()
    trees: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Findings:
    """Summary of the rows of a study.

    Attributes:
        numbers: fits and verdicts, as JSON has them.
        remarks: sentences that the tables need.
        failures: a line for each check of the study that its rows do not pass; empty is good.
        tables: tables by title; each fits eighty columns of a terminal.
        plots: figures.
        sections: parts with titles of their own.
        text: paragraphs of the page that a terminal is spared.
        passed: sentence that stands where there are no failures.
        conclusions: sentences that the numbers allow; the quick form of a study draws none.
        quick: whether this is the quick form.
    """

    numbers: Mapping[str, Any] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    failures: Sequence[str] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)
    plots: Sequence[Figure] = ()
    sections: Sequence[Section] = ()
    text: Sequence[str] = ()
    passed: str = "The study's own checks hold."
    conclusions: Sequence[str] = ()
    quick: bool = False


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
