"""The claims as one self-contained HTML page with a figure each, and as JSON."""

import base64
import html
import json
from pathlib import Path

from qla_jax._files import write as write_file
from qla_jax.experiments.report.claims_figures import ratios
from qla_jax.experiments.report.formulas import picture
from qla_jax.experiments.report.page import STYLE, _finite, _table, png, sentence

CARDS = """
.claim { border-top: 1px solid #ddd; padding: .8rem 0; display: grid; grid-template-columns: 1fr 22rem; gap: 1rem }
.claim p { margin: .3rem 0 } .formula { width: auto; max-width: 100%; object-fit: contain; object-position: left }
code { background: #f6f6f6; padding: 0 .3rem } .claim small { color: #555 }
"""


def write(report: dict, directory: Path) -> None:
    """Write claims.json and claims.html into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    write_file(directory / "claims.json", json.dumps(_finite(report), indent=1, allow_nan=False) + "\n")
    write_file(directory / "claims.html", page(report))


def page(report: dict) -> str:
    """Return the page as text."""
    told = "".join(f'<p class="bad">{html.escape(line)}</p>' for line in report["failures"])
    how = "random instances and gradient ascent" if report["attacks"] else "random instances"
    parts = [
        "<h1>Claims</h1>",
        f"<p>{html.escape(counted(report))} On {how}; {report['trials']} instances of each size, one where nothing "
        f"random enters, seed {report['seed']}, float64. "
        "A figure shows how often random instances come how near to the bound (dashed), the worst instance known "
        "from earlier attacks (dot), and the worst that this attack found (triangle).</p>",
        told or "<p>All are as they were meant to be.</p>",
        _table(claim_rows(report)),
        *(_card(row) for row in report["claims"]),
    ]
    head = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>qla_jax claims</title>'
        f"<style>{STYLE}{CARDS}</style>"
    )
    return f"{head}<body>{''.join(parts)}</body></html>"


def counted(report: dict) -> str:
    """Return how many claims could fail, and how many others there are, as a sentence."""
    tally = report["tally"]
    told = f"{_number(tally['could fail'], 'claim')} that could fail"
    for number, what, rest in (
        (tally["too loose to fail"], "published bound", " too loose to"),
        (tally["negative controls"], "negative control", ""),
    ):
        told += f", {_number(number, what)}{rest}" if number else ""
    left = sum(row["not_attacked"] for row in report["claims"])
    return f"{told}; {left} of them cannot be attacked." if left else f"{told}."


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def claim_rows(report: dict) -> list[list[str]]:
    """Return a row per claim: source, trials, worst ratio, verdict."""
    rows = [["claim", "source", "trials", "worst", "verdict"]]
    for row in report["claims"]:
        rows.append([row["name"], row["source"], str(row["trials"]), f"{row['ratio']:.4g}", row["verdict"]])
    return rows


def _card(row: dict) -> str:
    figure = base64.b64encode(png(ratios(row))).decode()
    kind = "published, too loose to fail" if row["loose"] else "" if row["true"] else "negative control"
    meant = f" <small>{kind}</small>" if kind else ""
    verdict = html.escape(row["verdict"])
    measured = f"measured {row['measured']:.6g} against {row['bound']:.6g} at size {row['worst_size']}"
    return (
        f'<div class="claim" id="{row["name"]}"><div><h2>{row["name"]}{meant}</h2>'
        f"<p>{html.escape(row['statement'])}</p><p>{picture(row['formula'])}</p>"
        f"<p><small>{html.escape(sentence(row['source']))} {html.escape(row['remark'])} "
        f"Claimed for {html.escape(row['over'])}.</small></p>"
        f'<p class="{"" if row["passed"] else "bad"}">{verdict}; {measured}.</p></div>'
        f'<img alt="ratios of {row["name"]}" src="data:image/png;base64,{figure}"></div>'
    )
