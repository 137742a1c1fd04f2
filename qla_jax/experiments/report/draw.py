"""Drawing of figures from their data.

Example:
    >>> figure = draw(Plot("squares", "n", "square", [Series("all", [1, 2, 3], [1, 4, 9])]))
    >>> png(figure)[1:4]
    b'PNG'
"""

import io
from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from qla_jax.experiments.core.study import Line, Plot, Series

SIZE = (5.2, 3.4)
NAMED = {"blue": "#2166ac", "orange": "#d6604d", "grey": "#777777"}
DISTINCT = 10
"""Largest number of curves for which the shorter list of colors is used."""
TITLE, SMALL, TICKS, MARKER = 9, 7, 6, 4
FEW = 4
"""Largest number of curves whose legend stands among them; a legend of more curves stands above, in two columns."""
FEW_DECADES = 30
"""Quotient of the ends of an axis below which ticks stand at 1, 2 and 5 times powers of ten."""


def draw(*plots: Plot) -> Figure:
    """Draw plots below each other over one x axis, with intervals as bars."""
    figure = Figure(figsize=(SIZE[0], SIZE[1] * (1 + 0.6 * (len(plots) - 1))), layout="constrained")
    for axes, plot in zip(figure.subplots(len(plots), 1, sharex=True, squeeze=False)[:, 0], plots, strict=True):
        _panel(figure, axes, plot, last=plot is plots[-1])
    return figure


def png(figure: Figure, form: str = "png") -> bytes:
    """Return a figure as the bytes of a picture.

    Args:
        figure: figure to write.
        form: format of the picture, as matplotlib names it.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form, dpi=150)
    return buffer.getvalue()


def _panel(figure: Figure, axes: Axes, plot: Plot, *, last: bool) -> None:
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
    labeled = sum(bool(series.label) for series in plot.series)
    if labeled > FEW or (labeled and plot.right):
        figure.legend(loc="outside upper center", ncols=2 + (labeled < 2 * FEW), frameon=False, fontsize=SMALL)
    elif labeled:
        axes.legend(frameon=False, fontsize=SMALL)


def _colored(series: Sequence[Series]) -> Iterator[tuple[Series, str]]:
    """Yield each curve with its color; a curve without a label has the color of the previous one."""
    colors = colormaps["tab10" if len(series) <= DISTINCT else "tab20"].colors  # type: ignore[attr-defined] # listed
    number = -1
    for one in series:
        number += bool(one.label)
        yield one, NAMED.get(one.color, one.color) or colors[max(number, 0) % len(colors)]


def _curve(axes: Axes, series: Series, color: str) -> None:
    x, y = np.asarray(series.x), np.asarray(series.y)
    if series.base is None:
        axes.plot(x, y, series.style, color=color, label=series.label or None, markersize=MARKER)
    else:
        axes.fill_between(x, series.base, y, step="post", color=color, label=series.label or None, alpha=0.6, lw=0)
    if series.low is not None and series.high is not None:
        axes.vlines(x, series.low, series.high, color=color, linewidth=1)


def _line(axes: Axes, line: Line) -> None:
    (axes.axvline if line.upright else axes.axhline)(line.value, color=NAMED["grey"], linestyle="--", linewidth=1)
    if line.label:
        place = axes.get_yaxis_transform()
        axes.text(0.01, line.value, line.label, color=NAMED["grey"], va="bottom", fontsize=SMALL, transform=place)


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
