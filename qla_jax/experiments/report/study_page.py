"""Any study as a self-contained HTML page, as JSON and as pictures: figures are drawn from their data."""

import base64
import html
import json
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from qla_jax._files import write as write_file
from qla_jax.experiments.report.figures import _figure, whole_ticks
from qla_jax.experiments.report.page import STYLE, _finite, _table, png, sentence

DISTINCT = 10
TITLE = 9
TICKS = 6
MARKER = 4
LEGEND = 8
"""Largest number of curves whose legend has one column; more have two."""


def write(report: dict, directory: Path) -> None:
    """Write NAME.json, NAME.html and a PNG for each figure into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    name = report["study"]
    pictures = {plot["name"]: png(draw(plot)) for plot in report["plots"]}
    write_file(directory / f"{name}.json", json.dumps(_finite(report), indent=1, allow_nan=False) + "\n")
    for title, picture in pictures.items():
        write_file(directory / f"{name}-{title}.png", picture)
    write_file(directory / f"{name}.html", page(report, pictures))


def page(report: dict, pictures: dict[str, bytes]) -> str:
    """Return the page as text."""
    verdict = "".join(f'<p class="bad">{html.escape(line)}</p>' for line in report["failures"])
    images = "".join(
        f'<img alt="{html.escape(name)}" src="data:image/png;base64,{base64.b64encode(picture).decode()}">'
        for name, picture in pictures.items()
    )
    tables = "".join(f"<h2>{html.escape(title)}</h2>{_table(rows)}" for title, rows in report["tables"].items())
    rest = json.dumps({name: report[name] for name in ("settings", "numbers")}, indent=1)
    parts = [
        f"<h1>{html.escape(report['title'])}</h1>",
        *(f"<p>{html.escape(sentence(line))}</p>" for line in report["remarks"]),
        verdict or "<p>The study's own checks hold.</p>",
        f'<div class="figures">{images}</div>',
        tables,
        f"<details><summary>settings and fits</summary><pre>{html.escape(rest)}</pre></details>",
    ]
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>qla_jax study {html.escape(report["study"])}'
    return f"{head}</title><style>{STYLE}</style><body>{''.join(parts)}</body></html>"


def draw(plot: dict) -> Figure:
    """Draw a figure from its data; intervals are bars, and a curve without a label has the color of the one before."""
    figure, axes = _figure()
    few = len(plot["series"]) <= DISTINCT
    colors = colormaps["tab10" if few else "tab20"].colors  # type: ignore[attr-defined] # a listed map
    number = -1
    for series in plot["series"]:
        number += bool(series["label"])
        x, y, color = np.asarray(series["x"]), np.asarray(series["y"]), colors[max(number, 0) % len(colors)]
        label = series["label"] or None
        axes.plot(x, y, series["style"], color=color, label=label, markersize=MARKER)
        if series["low"] is not None:
            axes.vlines(x, series["low"], series["high"], color=color, linewidth=1)
    axes.set(
        xscale=plot["xscale"],
        yscale=plot["yscale"],
        xlabel=plot["xlabel"],
        ylabel=plot["ylabel"],
    )
    axes.set_title(plot["title"], fontsize=TITLE)
    if plot["categories"]:
        axes.set_xticks(range(len(plot["categories"])), plot["categories"], rotation=90, fontsize=TICKS)
    else:
        whole_ticks(axes, [x for series in plot["series"] for x in series["x"]])
    if any(series["label"] for series in plot["series"]):
        axes.legend(frameon=False, fontsize=7, ncols=1 if len(plot["series"]) <= LEGEND else 2)
    return figure
