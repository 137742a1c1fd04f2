"""Coherent networks beside their predecessors: the table, its page with a figure, and JSON."""

import base64
import html
import json
from pathlib import Path

from matplotlib.figure import Figure

from qla_jax._files import write as write_file
from qla_jax.experiments.report.figures import BLUE, GREY, ORANGE
from qla_jax.experiments.report.page import STYLE, _finite, _table, png

COLORS = (GREY, ORANGE, "#f4a582", BLUE, "#4393c3", "#92c5de")
SIZE = (8.4, 3.4)


def write(report: dict, directory: Path) -> None:
    """Write comparison.json, the figure as PNG and comparison.html into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    picture = png(steps(report))
    write_file(directory / "comparison.json", json.dumps(_finite(report), indent=1, allow_nan=False) + "\n")
    write_file(directory / "comparison.png", picture)
    write_file(directory / "comparison.html", page(report, picture))


def page(report: dict, picture: bytes) -> str:
    """Return the page as text."""
    parts = [
        "<h1>Coherent networks and those before them</h1>",
        *(f"<p>{html.escape(line)}</p>" for line in remarks(report)),
        f"{_table(verdict_rows(report))}{_table(cost_rows(report))}",
        f'<img alt="steps" src="data:image/png;base64,{base64.b64encode(picture).decode()}">',
    ]
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>qla_jax comparison</title><style>{STYLE}'
    return f"{head}</style><body>{''.join(parts)}</body></html>"


def verdict_rows(report: dict) -> list[list[str]]:
    """A row per method: what was found about its circuits and its steps."""
    names = list(report["rows"][0]["verdicts"])
    return [
        ["", "layers", "activation", "no QRAM", "norm kept", "log 1/eps", "log N"],
        *([row["name"], *("yes" if row["verdicts"][name] else "no" for name in names)] for row in report["rows"]),
    ]


def cost_rows(report: dict) -> list[list[str]]:
    """A row per method: what is read out, steps at its smallest N, exponents of N and 1/eps, the formula."""
    rows = [["", "read out", "N", "steps", "N^", "(1/eps)^", "steps by formula"]]
    for row in report["rows"]:
        size, steps, _ = row["points"]["N"][0]
        powers = [f"{row['exponents'][name]:.2f}" for name in ("N", "1/eps")]
        rows.append([row["name"], row["read"], str(size), f"{steps:.1e}", *powers, row["formula"]])
    return rows


def remarks(report: dict) -> list[str]:
    """What the columns mean."""
    return [
        f"Each network has {report['layers']} layers and ran, or was built, at several sizes and errors. The error is "
        "Euclidean, of the whole state: with a fixed error of each entry instead, the powers of N of the first three "
        "are lower by those of 1/eps times a half.",
        "Layers: they are coherent, nothing is read out between them. Activation: it is, amplitudes are transformed, "
        "not numbers. No QRAM: no circuit reads a memory. Norm kept: the sum before a layer's normalisation has a "
        "least norm for all weights of norm 1; instances without are a zero weight, and a value that cancels its "
        "token. Log 1/eps, log N: steps are polynomial in the logarithm, their exponent at the last two sizes is "
        "below a half.",
        "Steps are calls of circuits that load a vector plus numbers read and written, and for coherent networks, "
        "whose constants are far larger, layers of gates.",
    ]


def steps(report: dict) -> Figure:
    """Steps against N and against 1/eps."""
    figure = Figure(figsize=SIZE, layout="constrained")
    for axes, (name, label) in zip(figure.subplots(1, 2), (("N", "N"), ("1/eps", r"$1/\epsilon$")), strict=True):
        for row, color in zip(report["rows"], COLORS, strict=False):
            x, y, _ = zip(*row["points"][name], strict=True)
            axes.loglog(x, y, "o-", color=color, label=row["name"] if name == "N" else None, markersize=4)
        axes.set(xlabel=label, ylabel="steps")
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    return figure
