"""Drawing of figures from their data.

Example:
    >>> squares = Plot("squares", "n", "square", [Series("all", [1, 2, 3], [1, 4, 9])], caption="Squares.")
    >>> picture(draw(squares), "png")[1:4], picture(draw(squares), "svg")[:5]
    (b'PNG', b'<?xml')
"""

import io
from collections.abc import Iterator, Sequence
from functools import singledispatch
from typing import Any

import matplotlib
import numpy as np
from matplotlib import colormaps
from matplotlib import figure as canvas
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from qla_jax.experiments.core.figures import Figure, Line, Matrix, Outcome, Outcomes, Plot, Series

SIZE = (5.2, 3.4)
NAMED = {"blue": "#2166ac", "orange": "#d6604d", "gray": "#777777"}
DISTINCT = 10
"""Largest number of curves that the shorter list of colors tells apart."""
TITLE, SMALL, TICKS, MARKER = 9, 7, 6, 4
WIDE = 8
"""Number of curves from which on a legend has two columns instead of three, since their names are long."""
FEW_DECADES = 30
"""Quotient of the ends of an axis below which ticks stand at 1, 2 and 5 times powers of ten."""
IMAGES_IN_A_ROW = 4
# Text stays text, so that a page is small and can be searched; names of clipping paths do not change between runs.
VECTOR: Any = {"svg.fonttype": "none", "svg.hashsalt": "qla_jax"}


@singledispatch
def draw(figure: Figure) -> canvas.Figure:
    """Draw one figure.

    Args:
        figure: data of the figure.
    """
    raise TypeError(f"`figure` must be a figure, but is {type(figure).__name__}.")


@draw.register
def _(figure: Plot) -> canvas.Figure:
    return draw_below_each_other(figure)


@draw.register
def _(figure: Matrix) -> canvas.Figure:
    values = np.asarray(figure.values, float)
    drawn = canvas.Figure(figsize=SIZE, layout="constrained")
    axes = drawn.subplots()
    axes.imshow(values, cmap="Blues", aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        dark = value > values.max() / 2
        axes.text(
            column, row, f"{value:g}", ha="center", va="center", fontsize=SMALL, color="white" if dark else "black"
        )
    axes.set_xticks(range(values.shape[1]), figure.ticks, fontsize=SMALL)
    axes.set_yticks(range(values.shape[0]), figure.ticks[: values.shape[0]], fontsize=SMALL)
    axes.set(xlabel=figure.xlabel, ylabel=figure.ylabel)
    axes.set_title(figure.title, fontsize=TITLE)
    return drawn


@draw.register
def _(figure: Outcomes) -> canvas.Figure:
    rows = -(-len(figure.outcomes) // IMAGES_IN_A_ROW)
    drawn = canvas.Figure(figsize=(SIZE[0], SIZE[1] * 0.75 * rows), layout="constrained")
    panels = drawn.subplots(2 * rows, IMAGES_IN_A_ROW, squeeze=False, height_ratios=[1.4, 1] * rows)
    for axes in panels.flat:
        axes.set_axis_off()
    for place, outcome in enumerate(figure.outcomes):
        row, column = divmod(place, IMAGES_IN_A_ROW)
        _image(panels[2 * row, column], outcome)
        _bars(panels[2 * row + 1, column], outcome)
    drawn.suptitle(figure.title, fontsize=TITLE)
    return drawn


def draw_below_each_other(*plots: Plot) -> canvas.Figure:
    """Draw plots below each other, over one x axis; intervals are bars.

    Args:
        plots: figures of curves over the same x axis.
    """
    figure = canvas.Figure(figsize=(SIZE[0], SIZE[1] * (1 + 0.6 * (len(plots) - 1))), layout="constrained")
    for axes, plot in zip(figure.subplots(len(plots), 1, sharex=True, squeeze=False)[:, 0], plots, strict=True):
        _panel(axes, plot, last=plot is plots[-1])
    labeled = sum(bool(series.label) for plot in plots for series in plot.series)
    if labeled:  # above the axes, where it hides no curve
        figure.legend(loc="outside upper center", ncols=2 if labeled >= WIDE else 3, frameon=False, fontsize=SMALL)
    return figure


def picture(figure: canvas.Figure, form: str) -> bytes:
    """Return a figure as the bytes of a picture, the same for the same figure.

    Args:
        figure: figure.
        form: "png" or "svg".
    """
    buffer = io.BytesIO()
    dated: Any = {"Date": None} if form == "svg" else {}
    with matplotlib.rc_context(VECTOR):
        figure.savefig(buffer, format=form, dpi=150, metadata=dated)
    return buffer.getvalue()


def _image(axes: Axes, outcome: Outcome) -> None:
    pixels = np.asarray(outcome.image, float)
    low, high = pixels.min(), pixels.max()
    shown = (pixels - low) / (high - low if high > low else 1)
    axes.imshow(shown[0] if len(shown) != 3 else np.moveaxis(shown, 0, -1), cmap="gray_r" if len(shown) != 3 else None)
    axes.set_title(f"class {outcome.label}", fontsize=SMALL)


def _bars(axes: Axes, outcome: Outcome) -> None:
    places = range(len(outcome.probabilities))
    colors = [NAMED["blue"] if place == outcome.label else "#bbbbbb" for place in places]
    axes.set_axis_on()
    axes.bar(places, outcome.probabilities, color=colors)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylim(0, 1)
    axes.tick_params(labelsize=TICKS)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))


def _panel(axes: Axes, plot: Plot, *, last: bool) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    sides = [axes, axes.twinx()] if plot.right else [axes]
    for side, label in zip(sides, (plot.ylabel, plot.right), strict=False):
        side.set(yscale=plot.yscale, ylabel=label)
    base = {"base": 2} if plot.xscale == "log2" else {}
    axes.set_xscale(plot.xscale.removesuffix("2"), **base)
    axes.set_xlabel(plot.xlabel if last else "")
    axes.set_title(plot.title, fontsize=TITLE)
    for series, color in _colored(plot.series):
        _curve(sides[series.right], series, color)
    for line in plot.lines:
        _line(axes, line)
    if plot.limits is not None:
        axes.set_ylim(*plot.limits)
    _ticks(axes, plot)


def _colored(series: Sequence[Series]) -> Iterator[tuple[Series, str]]:
    """Return each curve with its color; one without a label has that of the one before."""
    colors = colormaps["tab10" if len(series) <= DISTINCT else "tab20"].colors  # type: ignore[attr-defined] # listed
    number = -1
    for one in series:
        number += bool(one.label)
        yield one, NAMED.get(one.color, one.color) or colors[max(number, 0) % len(colors)]


def _curve(axes: Axes, series: Series, color: str) -> None:
    x, y = np.asarray(series.x), np.asarray(series.y)
    if series.base is None:
        # A line through one point cannot be seen.
        style = "o" if len(x) == 1 and series.style in ("-", "--", ":") else series.style
        axes.plot(x, y, style, color=color, label=series.label or None, markersize=MARKER)
    else:
        axes.fill_between(x, series.base, y, step="post", color=color, label=series.label or None, alpha=0.6, lw=0)
    if series.low is not None and series.high is not None:
        axes.vlines(x, series.low, series.high, color=color, linewidth=1)


def _line(axes: Axes, line: Line) -> None:
    (axes.axvline if line.upright else axes.axhline)(line.value, color=NAMED["gray"], linestyle="--", linewidth=1)
    if line.label:
        place = axes.get_yaxis_transform()
        axes.text(0.01, line.value, line.label, color=NAMED["gray"], va="bottom", fontsize=SMALL, transform=place)


def _ticks(axes: Axes, plot: Plot) -> None:
    """Set the ticks: names of places without numbers, integers, or more than one tick of a short logarithmic axis."""
    if plot.levels:
        axes.set_yticks(np.arange(len(plot.levels)) + 0.3, plot.levels)
        axes.tick_params(axis="y", length=0)
    if plot.categories:
        axes.set_xticks(range(len(plot.categories)), plot.categories, rotation=90, fontsize=TICKS)
    elif plot.xscale == "linear" and all(float(x).is_integer() for series in plot.series for x in series.x):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))  # there is no epoch 1.5
    low, high = axes.get_xlim()
    if plot.xscale == "log" and high < FEW_DECADES * low:
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
