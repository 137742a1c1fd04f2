"""The costs of a regime as one self-contained HTML page, as JSON, and as pictures; its tables for the terminal too."""

import base64
import html
import json
from pathlib import Path

from qla_jax._files import write as write_file
from qla_jax.experiments.report.costs_figures import FIGURES
from qla_jax.experiments.report.page import STYLE, _finite, _table, png, sentence


def write(report: dict, directory: Path) -> None:
    """Write costs.json, the figures as PNG and costs.html into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    pictures = {name: png(draw(report)) for name, draw in FIGURES.items()}
    write_file(directory / "costs.json", json.dumps(_finite(report), indent=1, allow_nan=False) + "\n")
    for name, picture in pictures.items():
        write_file(directory / f"{name}.png", picture)
    write_file(directory / "costs.html", page(report, pictures))


def page(report: dict, pictures: dict[str, bytes]) -> str:
    """Return the page as text."""
    told = "".join(f'<p class="bad">{html.escape(line)}</p>' for line in report["failures"])
    images = "".join(
        f'<img alt="{name}" src="data:image/png;base64,{base64.b64encode(picture).decode()}">'
        for name, picture in pictures.items()
    )
    parts = [
        f"<h1>Costs of regime ({report['regime']})</h1><p>{html.escape(sentence(report['title']))} "
        f"Depth by the paper: {html.escape(sentence(report['depth_of_the_paper']))}</p>{told}",
        *(f"<p>{html.escape(line)}</p>" for line in (*remarks(report), *left_out(report))),
        f'<div class="figures">{images}</div><h2>Exponents</h2>{_table(exponent_rows(report))}',
        f"<h2>Blocks</h2>{_table(block_rows(report))}<h2>Against the exact classical network</h2>",
        f"{_table(crossing_rows(report))}<h2>Without skip connections</h2>{_table(ablation_rows(report))}",
        f"<h2>A dense matrix times squared amplitudes</h2>{_table(square_rows(report))}",
    ]
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>qla_jax costs</title><style>{STYLE}</style>'
    return f"{head}<body>{''.join(parts)}</body></html>"


def left_out(report: dict) -> list[str]:
    """Return a sentence for each curve with points that could not be counted."""
    lines = []
    for curve in report["curves"]:
        for series in curve["series"]:
            blocks = "" if series["blocks"] is None else f", k = {series['blocks']}"
            points = ", ".join(f"{x:.4g}" for x in series["missing"])
            where = f"Not counted against {curve['variable']}, {series['schedule']} errors{blocks}"
            if points:
                lines.append(f"{where}: {points}, which ask for errors beyond double precision.")
    return lines


def exponent_rows(report: dict) -> list[list[str]]:
    """A row per curve: its exponents over all points, of depth over the last three too, and the paper's of depth."""
    rows = [["power of", "errors", "k", "depth", "at end", "loading", "queries", "gain", "paper"]]
    for curve in report["curves"]:
        for series in curve["series"]:
            if series["blocks"] is None:
                continue
            found = {name: law["exponent"] for name, law in series["fits"].items()}
            if "depth" in found:
                found["end"] = series["fits"]["depth"]["end"]
            told = [_short(found.get(name)) for name in ("depth", "end", "loading", "queries", "gain")]
            paper = curve["paper"][str(series["blocks"])]
            rows.append([curve["law"], series["schedule"], str(series["blocks"]), *told, paper])
    return rows


def block_rows(report: dict) -> list[list[str]]:
    """A row per number of blocks: counts, ratios to one block less, the kernels' share of the depth, the amplitude."""
    rows = [["k", "errors", "depth", "ratio", "kernels", "queries", "ancillas", "ratio", "paper", "ampl."]]
    for series in report["curves"][2]["series"]:
        found = zip(series["ratios"]["depth"], series["ratios"]["num_ancillas"], strict=True)
        ratios = [("", ""), *((f"{depth:.0f}", f"{ancillas:.2f}") for depth, ancillas in found)]
        for point, (longer, wider) in zip(series["points"], ratios, strict=True):
            start = [str(point["x"]), series["schedule"], f"{point['depth']:.2e}", longer]
            counts = [f"{point['queries']:.2e}", str(point["num_ancillas"]), wider, str(point["published_ancillas"])]
            rows.append([*start, f"{_part(point, 'weighing'):.1%}", *counts, f"{point['amplitude']:.3f}"])
    return rows


def crossing_rows(report: dict) -> list[list[str]]:
    """A row per schedule and k: from which N on the depth is below the multiplications of the exact network."""
    rows = [["errors", "k", "N", "depth there", "fit within", "measured sizes"]]
    for row in report["crossings"]:
        told = ["-" if row[name] is None else f"{row[name]:.2e}" for name in ("entries", "depth")]
        where = "beyond, extrapolated" if row["extrapolated"] else "within"
        rows.append([row["schedule"], str(row["blocks"]), *told, f"{row['spread']:.0%}", where])
    return rows


def ablation_rows(report: dict) -> list[list[str]]:
    """A row per k: exponents of N, and counts at the largest N."""
    rows = [["k", "queries without", "exponent", "runs without", "exponent", "queries with", "exponent"]]
    largest = max(row["entries"] for row in report["ablation"]["rows"])
    for fitted in report["ablation"]["fits"]:
        (row,) = (
            row for row in report["ablation"]["rows"] if row["entries"] == largest and row["blocks"] == fitted["blocks"]
        )
        cells = [cell for name in ("without", "runs", "with") for cell in (f"{row[name]:.3g}", _short(fitted[name]))]
        rows.append([str(fitted["blocks"]), *cells])
    return rows


def square_rows(report: dict) -> list[list[str]]:
    """A row per kind of matrix: calls over the amplitude at the largest N, and exponents of N."""
    rows = [["matrix", "N", "Theorem 1", "exponent", "Frobenius", "exponent", "ratio"]]
    found = report["squares"]
    largest = max(row["entries"] for row in found["rows"])
    at_largest = {row["kind"]: row for row in found["rows"] if row["entries"] == largest}
    for law in found["fits"]:
        row = at_largest[law["kind"]]
        cells = [cell for name in ("theorem", "frobenius") for cell in (f"{row[name]:.3g}", _short(law[name]))]
        rows.append([law["kind"], str(largest), *cells, f"{row['frobenius'] / row['theorem']:.2f}"])
    return rows


def remarks(report: dict) -> list[str]:
    """What the numbers are, and where they are not the paper's."""
    first = report["curves"][2]["series"][0]["points"][0]
    against = {curve["variable"]: curve["series"][0]["fits"] for curve in report["curves"]}
    gain, depth = ([against[name][what]["exponent"] for name in ("C", "D")] for what in ("gain", "depth"))
    without = ", ".join(f"N^{row['without']:.2f}" for row in report["ablation"]["fits"])
    kernels, loading = (_part(first, name) for name in ("weighing", "loading"))
    law = report["crossings"][0]["law"]
    lines = [
        "Counted are circuits that were built, not formulas. A layer of gates counts as much as a multiplication of "
        "the exact network; classical paths in front are left out on both sides. Where the two meet, the depth is "
        f"fitted as {law}.",
        f"{kernels:.1%} of the depth at one block is that of kernels, most of it two trees of C^2 D^2 angles each; "
        f"{loading:.2%} loads the input, and only that grows as the paper's T_X. The exponent of the depth is that of "
        "the sum, the column 'loading' that of its second part.",
        f"Kernels are Gaussian, and their gain |K|_1/(2|C|) grows like C^{gain[0]:.2f} and D^{gain[1]:.2f}, not like "
        "the CD of Lemma 5, which is no bound; C^1.5 D is, up to borders. Hence "
        f"C^{depth[0]:.2f} for the depth, above the paper's C^3, and D^{depth[1]:.2f}, below its D^4, since a shift is "
        "one adder whatever its length.",
        "Exponents of log 1/eps are no limits. Constants to the power k stand beside 1/eps in the logarithm, which "
        "keeps them low for large k, and they grow along the range. Amplifying the weights takes one logarithm that "
        "Lemma 5 leaves out: in the limit the powers are up to 2k + 1, and 2k + 2 with a terminal block, so that they "
        "can pass the paper's.",
        "Sharp errors do not depend on N: activations are chosen by their error relative to their input. Published "
        "ones do, by log sqrt(N). What is missing asks for errors beyond double precision.",
        "Ancillas double with each block, up to those that the block itself adds; the column 'paper' is for the blocks "
        "alone. The depth grows by far more with each block, log^2 times constants of activation and amplification.",
        f"Without skip connections k = 1, 2, ... layers with W = N^(-1/2) take queries like {without} if each is "
        "amplified from the amplitude that it has, and runs like N^k if measured until success. With them the length "
        "is the same for every N; its constant is larger, so that small networks are cheaper without.",
        "A dense matrix times squared amplitudes by Theorem 1 calls its vector less often than through an encoding of "
        "the matrix by the root of N where that is orthogonal, less where the rank is low. What is left, calls over "
        "the amplitude, grows as squared amplitudes are short.",
    ]
    if report["uncounted"]:
        lines.insert(1, f"The depth is a lower bound: {', '.join(report['uncounted'])} is not counted.")
    return lines


def _part(point: dict, name: str) -> float:
    return point[name] / point["depth"]


def _short(number: float | None) -> str:
    return "-" if number is None else f"{round(number, 2) + 0.0:.2f}"  # a zero has no sign
