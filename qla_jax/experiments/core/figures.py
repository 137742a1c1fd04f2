"""Figures as data: curves, matrices, and images with their outcomes. Every figure has a caption.

Example:
    >>> Plot("squares", "n", "square", [Series("all", [1, 2], [1, 4])], caption="Squares of the first numbers.").yscale
    'linear'
    >>> Plot("squares", "n", "square", [], caption="")
    Traceback (most recent call last):
    ValueError: `caption` of 'squares' must say what it shows, but is empty.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from qla_jax.experiments.core.tables import require_caption


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
        color: "blue", "orange", "gray" or another color of matplotlib; the next of a list unless given.
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
        caption: description of the figure, in sentences.
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
    caption: str = field(kw_only=True)

    def __post_init__(self) -> None:
        require_caption(self.name, self.caption)


@dataclass(frozen=True)
class Matrix:
    """A figure of a matrix of numbers, each written into its field.

    Attributes:
        name: part of the file's name.
        xlabel: label of the columns.
        ylabel: label of the rows.
        values: rows of numbers.
        ticks: names of the columns and of the rows.
        caption: description of the figure, in sentences.
        title: title above the figure.
        filed: whether the picture is also a file of its own.
    """

    name: str
    xlabel: str
    ylabel: str
    values: Sequence[Sequence[float]]
    ticks: Sequence[str]
    title: str = ""
    filed: bool = True
    caption: str = field(kw_only=True)

    def __post_init__(self) -> None:
        require_caption(self.name, self.caption)


@dataclass(frozen=True)
class Outcome:
    """An image and what a network says of it.

    Attributes:
        image: pixels, (channel, row, column), of any range.
        label: class of the image.
        probabilities: probability of each outcome.
    """

    image: Sequence[Sequence[Sequence[float]]]
    label: int
    probabilities: Sequence[float]


@dataclass(frozen=True)
class Outcomes:
    """A figure of images, each above the distribution of outcomes that a network gives it.

    Attributes:
        name: part of the file's name.
        outcomes: images with their distributions.
        caption: description of the figure, in sentences.
        title: title above the figure.
        filed: whether the picture is also a file of its own.
    """

    name: str
    outcomes: Sequence[Outcome]
    title: str = ""
    filed: bool = True
    caption: str = field(kw_only=True)

    def __post_init__(self) -> None:
        require_caption(self.name, self.caption)


Figure = Plot | Matrix | Outcomes
