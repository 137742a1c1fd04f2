"""Figures drawn from data alone: curves, intervals, steps, lines, axes, legends."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes

from qla_jax.experiments.core.study import Line, Plot, Series
from qla_jax.experiments.report.draw import NAMED, draw, png

CURVES = [Series(f"{i}", [1, 2, 4], [1, 3, 9], [0.5, 2, 8], [2, 4, 10]) for i in range(9)]


def axes_of(**changes: object) -> Axes:
    """The first axes of a figure of one curve."""
    return draw(replace(Plot("p", "x", "y", [Series("a", (1, 2, 3), (1, 2, 3))]), **changes)).axes[0]


def test_a_figure_has_each_curve_with_its_intervals():
    figure = draw(Plot("p", "x", "y", CURVES, "log", "log", "title"))
    (axes,) = figure.axes
    assert len(axes.lines) == 9 and len(axes.collections) == 9
    assert (axes.get_xscale(), axes.get_yscale(), axes.get_title()) == ("log", "log", "title")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")
    assert len({line.get_color() for line in axes.lines}) == 9
    assert png(figure).startswith(b"\x89PNG") and b"<svg" in png(figure, "svg")
    fitted = [CURVES[0], replace(CURVES[1], label=""), replace(CURVES[2], color="grey")]
    first, second, third = axes_of(series=fitted).lines
    assert first.get_color() == second.get_color() != third.get_color() == NAMED["grey"]


def test_places_without_numbers_are_named_and_whole_numbers_have_whole_ticks():
    named = axes_of(categories=["none", "X+O1", "O1+O2"], series=[Series("a", (0, 1, 2), (1, 2, 3))])
    assert [label.get_text() for label in named.get_xticklabels()] == ["none", "X+O1", "O1+O2"]
    assert list(named.get_xticks()) == [0, 1, 2]
    assert [label.get_text() for label in axes_of(levels=["size 1", "size 2"]).get_yticklabels()] == [
        "size 1",
        "size 2",
    ]
    for x, whole in (((4, 5, 6), True), ((4, 5.5, 6), False)):
        axes = axes_of(series=[Series("a", x, (1, 2, 3))])
        assert all(float(tick).is_integer() for tick in axes.get_xticks()) == whole


@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_ticks_of_epochs_are_whole(count):
    axes = axes_of(series=[Series("loss", range(1, count + 1), range(count))])
    axes.figure.canvas.draw()
    ticks = [tick for tick in axes.get_xticks() if axes.get_xlim()[0] <= tick <= axes.get_xlim()[1]]
    assert ticks and all(float(tick).is_integer() for tick in ticks)


def test_steps_are_filled_from_their_base_with_the_heights_given():
    axes = axes_of(series=[Series("", [1, 2, 3], [5.5, 5.8, 5], base=5)], xscale="log")
    (area,) = axes.collections
    corners = {(float(x), float(y)) for x, y in area.get_paths()[0].vertices}
    assert {(1, 5.5), (2, 5.5), (2, 5.8), (3, 5.8)} <= corners and min(y for _, y in corners) == 5
    assert axes.lines == [] or len(axes.lines) == 0


def test_lines_lie_across_and_stand_upright_and_are_named():
    axes = axes_of(lines=[Line(0.1, "least"), Line(1.5, upright=True)], limits=(0, 2))
    across, upright = axes.lines[1:]
    assert list(across.get_ydata()) == [0.1, 0.1] and list(upright.get_xdata()) == [1.5, 1.5]
    assert {line.get_linestyle() for line in (across, upright)} == {"--"}
    assert [text.get_text() for text in axes.texts] == ["least"] and axes.get_ylim() == (0, 2)


def test_the_right_axis_has_the_curves_that_belong_to_it_and_one_legend_names_all():
    curves = [Series("loss", (1, 2), (3, 1)), Series("accuracy", (1, 2), (0.5, 0.9), right=True)]
    figure = draw(Plot("training", "epoch", "loss", curves, right="accuracy", yscale="log"))
    left, right = figure.axes
    assert [len(left.lines), len(right.lines)] == [1, 1] and right.get_ylabel() == "accuracy"
    assert left.get_yscale() == right.get_yscale() == "log"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["loss", "accuracy"]


def test_plots_in_one_figure_share_their_x_axis():
    above, below = draw(Plot("a", "x", "amplitude", CURVES[:1]), Plot("b", "x", "error", CURVES[:2], yscale="log")).axes
    assert (above.get_xlabel(), below.get_xlabel()) == ("", "x")
    assert (above.get_yscale(), below.get_yscale()) == ("linear", "log")
    below.set_xlim(0, 7)
    assert above.get_xlim() == (0, 7)


def test_a_short_logarithmic_axis_has_more_than_one_tick():
    short = axes_of(series=[Series("", (1.2, 9), (1, 2))], xscale="log")
    short.figure.canvas.draw()
    low, high = short.get_xlim()
    np.testing.assert_allclose([tick for tick in short.get_xticks() if low < tick < high], [2, 5])
    assert axes_of(xscale="log2").get_xaxis().get_transform().base == 2
