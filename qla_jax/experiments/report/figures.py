"""Figures of a run, each drawn from the report alone."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

BLUE, ORANGE, GREY = "#2166ac", "#d6604d", "#777777"


def training(network: dict) -> Figure:
    """Loss and accuracy against the epoch."""
    figure, axes = _figure()
    epochs = [row["epoch"] for row in network["training"]]
    axes.plot(epochs, [row["loss"] for row in network["training"]], color=BLUE, label="loss")
    axes.set(xlabel="epoch", ylabel="training loss")
    whole_ticks(axes, epochs)
    right = axes.twinx()
    right.plot(epochs, [row["accuracy"] for row in network["training"]], color=ORANGE, label="accuracy")
    right.set(ylabel="training accuracy", ylim=(0, 1.02))
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure


def norms(network: dict) -> Figure:
    """N of each block within the proven range; without skip connections beside it."""
    figure, axes = _figure()
    rows, bare = network["norms"], network["norms_without_skip"]
    _spans(axes, rows, -0.1, BLUE, "with skip connections")
    _spans(axes, bare, 0.1, ORANGE, "without")
    for bound in (rows[0]["low"], rows[0]["high"]):
        axes.axhline(bound, color=GREY, linestyle="--", linewidth=1)
    place = axes.get_yaxis_transform()
    axes.text(0.01, rows[0]["high"], "proven range", color=GREY, va="bottom", fontsize=8, transform=place)
    axes.set(xlabel="block", ylabel="norm N before normalisation", xticks=[row["block"] for row in rows], ylim=(0, 2.1))
    axes.legend(frameon=False)
    return figure


def errors(network: dict) -> Figure:
    """Measured error of each block against the bounds."""
    figure, axes = _figure()
    rows = network["errors"]
    blocks = [row["block"] for row in rows]
    styles = (
        ("actual_max", BLUE, "o-", "measured, largest of all images"),
        ("eps", ORANGE, "s-", "tracked eps"),
        ("worst_case", GREY, "^--", r"$19.6\,e_0 + 10.3\,e_1$"),
        ("published", GREY, "v:", r"$712(e_0 + e_1)$"),
    )
    for name, color, style, label in styles:
        axes.semilogy(blocks, [row[name] for row in rows], style, color=color, label=label)
    axes.set(xlabel="block", ylabel="distance from the ideal network", xticks=blocks)
    axes.legend(frameon=False)
    return figure


def samples(network: dict) -> Figure:
    """Accuracy of the most frequent outcome against the number of samples."""
    figure, axes = _figure()
    rows = network["accuracy"]["by_samples"]
    axes.semilogx([row["samples"] for row in rows], [row["accuracy"] for row in rows], "o-", color=BLUE, base=2)
    axes.axhline(network["accuracy"]["argmax"], color=GREY, linestyle="--", linewidth=1)
    top, place = network["accuracy"]["argmax"], axes.get_yaxis_transform()
    axes.text(0.01, top, "argmax of the distribution", color=GREY, va="bottom", fontsize=8, transform=place)
    axes.set(xlabel="samples of the circuit", ylabel="test accuracy", ylim=(0, 1.02))
    return figure


FIGURES: dict[str, Callable[[dict], Figure]] = {
    "training": training,
    "norms": norms,
    "errors": errors,
    "samples": samples,
}


def whole_ticks(axes: Axes, x: Sequence[float]) -> None:
    """Put ticks of the x axis at integers alone where all that is drawn lies there: there is no epoch 1.5."""
    if axes.get_xscale() == "linear" and all(float(value).is_integer() for value in x):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _figure() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.2, 3.4), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _spans(axes: Axes, rows: list[dict], offset: float, color: str, label: str) -> None:
    blocks = np.array([row["block"] for row in rows]) + offset
    low, mean, high = (np.array([row[name] for row in rows]) for name in ("min", "mean", "max"))
    axes.errorbar(blocks, mean, np.abs([mean - low, high - mean]), fmt="o", color=color, capsize=3, label=label)
