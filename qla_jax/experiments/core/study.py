"""What a study is: work items that are run one by one, and what is made of their rows.

A row is plain data as JSON has it, so that an interrupted study goes on with what is written; tables and figures are
data, too, so that a new study draws nothing itself.

Example:
    >>> items = {str(n): lambda rows, n=n: {"n": n, "square": n * n} for n in (1, 2, 3)}
    >>> study = Study("squares", "Squares", {}, items, lambda rows: Findings({"largest": rows["3"]["square"]}))
    >>> study.summary({key: make({}) for key, make in study.items.items()}).numbers
    {'largest': 9}
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Table = list[list[str]]


@dataclass(frozen=True)
class Options:
    """What a study may be asked for.

    Attributes:
        quick: the small form, of seconds instead of minutes.
        full: the whole grid, where a study has more than it runs by default.
        seed: of all that is drawn.
        dataset: images, where the study uses any; its own choice unless given.
        data_dir: where prepared sets lie.
    """

    quick: bool = False
    seed: int = 0
    dataset: str | None = None
    data_dir: Path | None = None
    full: bool = False


@dataclass(frozen=True)
class Series:
    """A curve, or points.

    Attributes:
        label: in the legend; without one the curve goes with the one before.
        x: places.
        y: values.
        low: lower ends of intervals, if there are any.
        high: upper ends of them.
        style: marker and line as matplotlib writes them.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    style: str = "o-"


@dataclass(frozen=True)
class Plot:
    """A figure of some curves, as data.

    Attributes:
        name: part of the file's name.
        xlabel: label of the x axis.
        ylabel: label of the y axis.
        series: curves.
        xscale: scale of the x axis, linear or log.
        yscale: scale of the y axis, linear or log.
        title: title above the figure.
        categories: names of the places 0, 1, ... where the x axis has no numbers.
    """

    name: str
    xlabel: str
    ylabel: str
    series: Sequence[Series]
    xscale: str = "linear"
    yscale: str = "linear"
    title: str = ""
    categories: Sequence[str] = ()


@dataclass(frozen=True)
class Findings:
    """What the rows say.

    Attributes:
        numbers: fits and verdicts, as JSON has them.
        remarks: sentences that the tables need, or that the numbers allow.
        failures: a line for each check of the study that its rows do not pass; empty is good.
        tables: by title, rows of cells, the first one the head; a table fits eighty columns.
        plots: figures.
    """

    numbers: Mapping[str, Any] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    failures: Sequence[str] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)
    plots: Sequence[Plot] = ()


@dataclass(frozen=True)
class Study:
    """A study, ready to run.

    Attributes:
        name: of the command's argument and of the files.
        title: of the page.
        settings: all that rows depend on, as JSON has it; a study is resumed with the same only.
        items: by key, pure functions of the rows before theirs, in the order in which they are run: a row may hold the
            weights of a network that later ones judge.
        summary: of the rows by key, in the order of the items.
    """

    name: str
    title: str
    settings: Mapping[str, Any]
    items: Mapping[str, Callable[[Mapping[str, Row]], Row]]
    summary: Callable[[Mapping[str, Row]], Findings]
