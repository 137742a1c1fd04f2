"""Figures of what a regime costs, each drawn from the report alone."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from qla_jax.experiments.report.figures import BLUE, GREY, ORANGE, _figure

SHADES = ("#92c5de", "#4393c3", "#2166ac", "#053061")
STYLES = {"sharp": "o-", "published": "s:"}


def entries(report: dict) -> Figure:
    """Depth against N, with the exact classical network; stars where the depth falls below it."""
    figure, axes = _figure()
    curve = report["curves"][0]
    for series in curve["series"]:
        _draw(axes, series, "depth")
    points = [point for series in curve["series"] if series["blocks"] == 1 for point in series["points"]]
    points = sorted({(point["x"], point["classical"]) for point in points})
    axes.plot(*zip(*points, strict=True), "--", color=GREY, label="exact classical, k = 1")
    for row in report["crossings"]:
        if row["schedule"] == "sharp" and row["entries"]:
            axes.plot(row["entries"], row["depth"], "*", color=ORANGE, markersize=10, zorder=3)
    axes.set(xscale="log", yscale="log", xlabel="N", ylabel="depth in gates")
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=7)
    return figure


def errors(report: dict) -> Figure:
    """Depth against the error asked for."""
    figure, axes = _figure()
    for series in report["curves"][1]["series"]:
        _draw(axes, series, "depth")
    axes.set(xscale="log", yscale="log", xlabel=r"$\log 1/\epsilon$", ylabel="depth in gates")
    axes.legend(frameon=False, fontsize=7)
    return figure


def blocks(report: dict) -> Figure:
    """Depth and ancillas against k."""
    figure, axes = _figure()
    (series, *_) = report["curves"][2]["series"]
    x = [point["x"] for point in series["points"]]
    axes.semilogy(x, [point["depth"] for point in series["points"]], "o-", color=BLUE, label="depth in gates")
    axes.set(xlabel="blocks k", ylabel="depth in gates", xticks=x)
    right = axes.twinx()
    right.semilogy(x, [p["num_ancillas"] for p in series["points"]], "s-", color=ORANGE, label="ancillas")
    right.semilogy(
        x, [p["published_ancillas"] for p in series["points"]], "--", color=GREY, label="ancillas, published"
    )
    right.set(ylabel="ancillas")
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=7)
    return figure


def kernels(report: dict) -> Figure:
    """Depth and gain against C and D."""
    figure, axes = _figure()
    for curve, color in zip(report["curves"][3:], (BLUE, ORANGE), strict=True):
        points = curve["series"][0]["points"]
        x = [point["x"] for point in points]
        for name, style in (("depth", "o-"), ("gain", "s:")):
            values = np.array([float(point[name]) for point in points])
            axes.loglog(x, values / values[0], style, color=color, label=f"{name} against {curve['variable']}")
    axes.set(xlabel="channels C, taps D", ylabel="relative to the first")
    ticks = sorted({point["x"] for curve in report["curves"][3:] for point in curve["series"][0]["points"]})
    axes.set_xticks(ticks, [str(tick) for tick in ticks], minor=False)
    axes.minorticks_off()
    axes.legend(frameon=False, fontsize=7)
    return figure


def ablation(report: dict) -> Figure:
    """Queries with and without skip connections."""
    figure, axes = _figure()
    rows = report["ablation"]["rows"]
    for count in sorted({row["blocks"] for row in rows}):
        chosen = [row for row in rows if row["blocks"] == count]
        x, color = [row["entries"] for row in chosen], SHADES[count - 1]
        axes.plot(x, [row["without"] for row in chosen], "s:", color=color, label=f"without, k = {count}")
        axes.plot(x, [row["with"] for row in chosen], "o-", color=color, label=f"with, k = {count}")
    axes.set(xscale="log", yscale="log", xlabel="N", ylabel="queries")
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=7)
    return figure


def squares(report: dict) -> Figure:
    """A matrix times squared amplitudes, by Theorem 1 and through its Frobenius norm."""
    figure, axes = _figure()
    rows = report["squares"]["rows"]
    for kind, color in zip(dict.fromkeys(row["kind"] for row in rows), (BLUE, ORANGE, GREY), strict=True):
        chosen = [row for row in rows if row["kind"] == kind]
        x = [row["entries"] for row in chosen]
        axes.loglog(x, [row["theorem"] for row in chosen], "o-", color=color, label=f"{kind}, Theorem 1")
        axes.loglog(x, [row["frobenius"] for row in chosen], "s:", color=color, label=f"{kind}, Frobenius")
    axes.set(xlabel="N", ylabel="calls of x over the amplitude")
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=7)
    return figure


FIGURES: dict[str, Callable[[dict], Figure]] = {
    "entries": entries,
    "errors": errors,
    "blocks": blocks,
    "kernels": kernels,
    "ablation": ablation,
    "squares": squares,
}


def _draw(axes: Axes, series: dict, name: str) -> None:
    if series["points"]:
        x, y = ([point[key] for point in series["points"]] for key in ("x", name))
        label = f"{series['schedule']}, k = {series['blocks']}"
        axes.plot(x, y, STYLES[series["schedule"]], color=SHADES[series["blocks"] - 1], label=label, markersize=4)
