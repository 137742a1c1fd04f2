"""A figure for each claim, drawn from the report alone."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from qla_jax.experiments.report.figures import BLUE, GREY, ORANGE

SIZE = (3.4, 1.8)
FEW_DECADES = 30
"""Quotient of the ends of an axis below which ticks stand at 1, 2 and 5 times powers of ten."""
RATIOS = {"<=": "measured / bound", ">=": "bound / measured", "==": "difference / rounding"}
"""Ratio that is drawn, by the relation that is claimed; above 1 the claim is violated."""


def ratios(row: dict) -> Figure:
    """Draw how near random instances, the known one (dot) and the attack (triangle) come to the bound, by size."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.axvline(1, color=GREY, linestyle="--", linewidth=1)
    for place, entry in enumerate(row["sizes"]):
        edges, counts = 10.0 ** np.array(entry["edges"]), np.array(entry["counts"])
        heights = 0.8 * counts / max(counts.max(initial=0), 1)
        axes.fill_between(edges, place, place + np.append(heights, 0), step="post", color=BLUE, alpha=0.6, linewidth=0)
        if entry["known"] is not None:
            axes.plot(entry["known"], place + 0.1, "o", color=GREY, markersize=5)
        if entry["attacked"] is not None:
            axes.plot(entry["attacked"], place + 0.1, "v", color=ORANGE, markersize=7)
    axes.set(xscale="log", xlabel=RATIOS[row["relation"]], ylim=(0, len(row["sizes"])))
    axes.set_yticks(np.arange(len(row["sizes"])) + 0.3, [f"size {entry['size']}" for entry in row["sizes"]])
    axes.tick_params(axis="y", length=0)
    low, high = axes.get_xlim()
    if high < FEW_DECADES * low:  # powers of ten alone would be one tick, and all multiples of them run into each other
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    return figure
