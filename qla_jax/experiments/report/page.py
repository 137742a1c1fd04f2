"""The report as one self-contained HTML page: figures are inlined, nothing is fetched."""

import base64
import html
import io
import json
import math
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from qla_jax._files import write as write_file
from qla_jax.experiments.report.figures import FIGURES
from qla_jax.experiments.report.table import block_rows, claim_rows, regime_rows, summary_rows, terminal_rows

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1, h2 { font-weight: 600 } table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .25rem .8rem;
text-align: right } th { border-bottom: 2px solid #222 } td { border-bottom: 1px solid #ddd } td:first-child,
th:first-child { text-align: left } .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem,
1fr)); gap: 1rem } img { width: 100% } .bad { color: #b2182b; font-weight: 600 } details pre { overflow: auto;
background: #f6f6f6; padding: 1rem }
"""


def write(report: dict, directory: Path) -> None:
    """Write report.json, the figures as PNG and report.html into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    write_file(directory / "report.json", json.dumps(_finite(report), indent=2, allow_nan=False) + "\n")
    for network in report["networks"]:
        for name, draw in FIGURES.items():
            write_file(directory / f"{network['kind']}-{name}.png", png(draw(network)))
    write_file(directory / "report.html", page(report))


def page(report: dict) -> str:
    """Return the page as text."""
    verdict, plain = report["failures"], json.dumps(_finite(report), indent=1)
    told = "".join(f'<p class="bad">{html.escape(line)}</p>' for line in verdict) or "<p>No bound was violated.</p>"
    parts = [
        f"<h1>Coherent residual networks on {html.escape(report['dataset']['name'])}</h1>",
        f"<p>{html.escape(sentence(report['dataset']['source']))} "
        f"Train {report['dataset']['train']}, test {report['dataset']['test']} images. "
        "Errors are measured in float64; eps bounds approximation, not rounding.</p>",
        told,
        _table(summary_rows(report)),
        *(_network(network) for network in report["networks"]),
        f"<details><summary>report.json</summary><pre>{html.escape(plain)}</pre></details>",
    ]
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>qla_jax report</title><style>{STYLE}</style>'
    return f"{head}<body>{''.join(parts)}</body></html>"


def sentence(text: str) -> str:
    """Return a text with a full stop at its end, if it has none."""
    return text if text.endswith((".", "!", "?", ":")) else f"{text}."


def png(figure: Figure) -> bytes:
    """Return a figure as PNG bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()


def _finite(value: Any) -> Any:
    """Return plain data without infinities and NaN, which JSON does not know: both become null."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _network(network: dict) -> str:
    pictures = "".join(
        f'<img alt="{name}" src="data:image/png;base64,{base64.b64encode(png(draw(network))).decode()}">'
        for name, draw in FIGURES.items()
    )
    check = network["circuit_check"]
    rows = [["circuit", "blocks", "qubits", "every ancilla", "largest deviation"]]
    for row in check["instances"]:
        cells = [row["name"], row["blocks"], row["num_qubits"], "yes" if row["every_ancilla"] else "projected early"]
        rows.append([*map(str, cells), f"{row['max_deviation']:.1e}"])
    tables = block_rows(network), terminal_rows(network), regime_rows(network), claim_rows(network), rows
    return (
        f"<h2>{html.escape(network['kind'])}: {html.escape(network['description'])}</h2>"
        f'<div class="figures">{pictures}</div>{"".join(map(_table, tables))}'
    )


def _table(rows: list[list[str]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows[1:])
    return f"<table><tr>{head}</tr>{body}</table>"
