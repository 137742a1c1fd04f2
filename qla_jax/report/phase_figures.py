"""Phase factors as a picture: what they answer to each signal, and how far that is from what was wanted."""

import numpy as np
from matplotlib.figure import Figure

from qla_jax.report.figures import BLUE, GREY, ORANGE

SMALLEST = 1e-18
"""Errors of exactly zero have no place on a logarithmic axis."""


def phases(curves: dict) -> Figure:
    """Target and response above, their distances below; `curves` holds arrays over the same points x."""
    figure = Figure(figsize=(5.6, 5.2), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    x = curves["x"]
    above.plot(x, curves["target"], color=GREY, linewidth=3, alpha=0.5, label="target")
    above.plot(x, curves["response"], color=BLUE, linewidth=1, label="response")
    above.set(ylabel="amplitude", title=curves["title"])
    above.legend(frameon=False)
    for name, color, label in (
        ("approximation_error", ORANGE, "polynomial against target"),
        ("response_error", BLUE, "response against polynomial, rounding included"),
    ):
        below.semilogy(x, np.maximum(curves[name], SMALLEST), color=color, linewidth=1, label=label)
    if curves["residual"] is not None:
        below.axhline(max(curves["residual"], SMALLEST), color=BLUE, linestyle="--", linewidth=1, label="residual")
    below.set(xlabel="x", ylabel="error", xlim=(-1, 1))
    below.legend(frameon=False, fontsize=8)
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    return figure
