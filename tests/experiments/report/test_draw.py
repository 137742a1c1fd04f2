"""Figures drawn from data alone: curves, intervals, steps, lines, axes, legends."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

from qla_jax.experiments.core.figures import Line, Matrix, Outcome, Outcomes, Plot, Series
from qla_jax.experiments.report.draw import NAMED, draw, draw_below_each_other, picture

CURVES = [Series(f"{i}", [1, 2, 4], [1, 3, 9], [0.5, 2, 8], [2, 4, 10]) for i in range(9)]


def axes_of(**changes: object) -> Axes:
    """The first axes of a figure of one curve."""
    return draw(replace(Plot("p", "x", "y", [Series("a", (1, 2, 3), (1, 2, 3))], caption="A line."), **changes)).axes[0]


def test_a_figure_has_each_curve_with_its_intervals():
    figure = draw(Plot("p", "x", "y", CURVES, "log", "log", "title", caption="Nine curves."))
    (axes,) = figure.axes
    assert len(axes.lines) == 9 and len(axes.collections) == 9
    assert (axes.get_xscale(), axes.get_yscale(), axes.get_title()) == ("log", "log", "title")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")
    assert len({line.get_color() for line in axes.lines}) == 9
    assert picture(figure, "png").startswith(b"\x89PNG") and b"<svg" in picture(figure, "svg")
    fitted = [CURVES[0], replace(CURVES[1], label=""), replace(CURVES[2], color="gray")]
    first, second, third = axes_of(series=fitted).lines
    assert first.get_color() == second.get_color() != third.get_color() == NAMED["gray"]


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
    figure = draw(Plot("training", "epoch", "loss", curves, right="accuracy", yscale="log", caption="Both."))
    left, right = figure.axes
    assert [len(left.lines), len(right.lines)] == [1, 1] and right.get_ylabel() == "accuracy"
    assert left.get_yscale() == right.get_yscale() == "log"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["loss", "accuracy"]


def test_plots_in_one_figure_share_their_x_axis():
    first = Plot("a", "x", "amplitude", CURVES[:1], caption="One.")
    second = Plot("b", "x", "error", CURVES[:2], yscale="log", caption="Two.")
    above, below = draw_below_each_other(first, second).axes
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


def test_a_legend_stands_outside_of_the_axes():
    figure = draw(Plot("p", "x", "y", CURVES[:2], caption="Two curves."))
    figure.canvas.draw()
    (legend,), (axes,) = figure.legends, figure.axes
    assert axes.get_legend() is None
    assert legend.get_window_extent().y0 >= axes.get_window_extent().y1


def test_a_vector_picture_is_the_same_for_the_same_figure_and_its_text_is_text():
    plot = Plot("p", "label of x", "y", CURVES[:2], caption="Two curves.")
    first, second = (picture(draw(plot), "svg") for _ in range(2))
    assert first == second and b"label of x" in first and b"<dc:date>" not in first


def test_a_matrix_shows_every_number_with_its_row_and_column():
    axes = draw(Matrix("m", "to", "from", [[5, 0, 1], [2, 7, 0]], ["a", "b", "other"], caption="Counts.")).axes[0]
    assert [text.get_text() for text in axes.texts] == ["5", "0", "1", "2", "7", "0"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b", "other"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]


@pytest.mark.parametrize("channels", [1, 3])
def test_images_stand_above_their_outcomes_and_the_true_class_is_blue(channels):
    image = np.random.default_rng(0).normal(size=(channels, 4, 4)).tolist()
    chosen = [Outcome(image, label, [0.1, 0.2, 0.7]) for label in (2, 0, 1, 2, 0)]
    shown = [axes for axes in draw(Outcomes("o", chosen, caption="Images.")).axes if axes.images or axes.patches]
    pictures, bars = [a for a in shown if a.images], [a for a in shown if a.patches]
    assert len(pictures) == len(bars) == 5
    assert [axes.get_title() for axes in pictures] == ["class 2", "class 0", "class 1", "class 2", "class 0"]
    for axes, one in zip(bars, chosen, strict=True):
        assert [bar.get_height() for bar in axes.patches] == list(one.probabilities)
        blue = [n for n, bar in enumerate(axes.patches) if np.allclose(bar.get_facecolor(), to_rgba(NAMED["blue"]))]
        assert blue == [one.label]
