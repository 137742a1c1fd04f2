"""The page docs/results.md, made from stored results of the commands; no number on it is typed.

    python -m tools.results                        # writes the page
    python -m tools.results NAME DIRECTORY ...     # stores what a run has found as docs/data/NAME.json, then writes it

A stored result holds the command, when it ran, with which versions and for how long, and the numbers of its report.
"""

import json
import os
import platform
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DATA = ROOT / "docs" / "data"
DOCUMENT = ROOT / "docs" / "results.md"
NETWORK = ("kind", "description", "recipe", "parameters", "accuracy", "norms", "norms_without_skip", "errors",
           "output_error", "terminal", "regime_costs", "circuit_check", "seconds")  # fmt: skip
"""Entries of a network that are kept: training curves and claims on single weights are not shown."""

INTRODUCTION = """# Results

This page shows what the commands of the package find. `python -m tools.results` makes it from the files in
`docs/data`, which store the output of each command with its date, its versions and its settings. Times are those of a
machine that also did other work. What took longer than a few minutes stands in the
[benchmarks](../benchmarks/README.md#long-commands), with its date and its command.
"""

DISTANCE = (
    "distance, bound: 1-norm of the difference between the distribution of outcomes and that of the ideal network, and"
    " the tracked bound on it, each the largest over all test images"
)
"""Meaning of two columns that appear in two tables."""


def store(name: str, directory: Path) -> None:
    """Store what a finished run of a command holds as `docs/data/NAME.json`."""
    run = json.loads((directory / "run.json").read_text())
    (file,) = (path for path in directory.glob("*.json") if path.name not in ("run.json", "sharper.json"))
    report = json.loads(file.read_text())
    options = run["settings"]
    words = [
        "qla-jax",
        run["command"],
        options.get("name"),
        options.get("--regime") and f"--regime {options['--regime']}",
    ]
    words += [name for name, value in options.items() if value is True]
    seconds = report.get("seconds", {})
    total = seconds if isinstance(seconds, float) else seconds.get("total") or sum(seconds.values())
    kept = {
        "command": " ".join(word for word in words if word),
        "date": run["begun"][:10],
        "versions": {"python": platform.python_version(), **run["code"]},
        "cores": os.cpu_count(),
        "seconds": round(total, 1),
        "report": trimmed(report),
    }
    DATA.mkdir(exist_ok=True)
    (DATA / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n")


def trimmed(report: dict[str, Any]) -> dict[str, Any]:
    """Return the entries of a report that the page may show: no curves, no instances."""
    if "networks" in report:
        networks = [{key: network[key] for key in NETWORK} for network in report["networks"]]
        return {key: report[key] for key in ("regime", "dataset", "failures")} | {"networks": networks}
    return {key: value for key, value in report.items() if key not in ("curves", "plots", "seconds")}


def stored(name: str) -> dict[str, Any]:
    """Return a stored result."""
    return json.loads((DATA / f"{name}.json").read_text())


def table(head: str, rows: Sequence[Sequence[Any]]) -> str:
    """Return a table of Markdown.

    Args:
        head: names of the columns, with bars between them.
        rows: cells; None is left empty.
    """
    columns = head.split(" | ")
    lines = [columns, ["---"] * len(columns), *([("" if cell is None else str(cell)) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def provenance(*names: str) -> str:
    """Return when, how and how long the stored results were made."""
    found = [stored(name) for name in names]
    versions, dates = found[0]["versions"], sorted({one["date"] for one in found})
    times = ", ".join(f"`{one['command']}` ({one['seconds']:.0f} s)" for one in found)
    return (
        f"Made by {times} on {' and '.join(dates)}, with {found[0]['cores']} cores, Python {versions['python']}, "
        f"jax {versions['jax']} and flax {versions['flax']}."
    )


def power(value: float) -> str:
    """Return a number of any size with two digits."""
    return re.sub(r"e\+?(-?)0*(\d)", r"e\1\2", f"{value:.1e}")


def main_command() -> Iterator[str]:
    """Yield the section on `qla-jax run`."""
    report = stored("run")["report"]
    images = report["dataset"]
    yield "## The main command\n"
    yield provenance("run") + f" {images['train']} training and {images['test']} test images of {images['name']}.\n"
    yield violations(report) + "\n"
    yield table(
        "network | most likely | one sample | ideal erf | plain | distance | bound | circuit",
        [
            (
                network["description"],
                *(f"{network['accuracy'][key]:.3f}" for key in ("argmax", "sampled", "ideal_argmax", "baseline")),
                power(network["output_error"]["actual_max"]),
                power(network["output_error"]["eps"]),
                power(network["circuit_check"]["max_deviation"]),
            )
            for network in report["networks"]
        ],
    )
    yield (
        "The columns:\n\n"
        "* most likely, one sample: accuracy on the test images of the most likely outcome and of one sample,\n"
        "* ideal erf: accuracy of the most likely outcome with the error function in place of the polynomial,\n"
        "* plain: accuracy of the plain network,\n"
        f"* {DISTANCE},\n"
        "* circuit: largest deviation of small circuits with every ancilla from the encoded view.\n"
    )
    yield "The norms of the blocks before normalization, on the test images:\n"
    for network in report["networks"]:
        norms = network["norms"]
        least, most = min(one["min"] for one in norms), max(one["max"] for one in norms)
        without = network["norms_without_skip"]
        yield (
            f"* {network['kind']}: they lie between {least:.3f} and {most:.3f}, inside the proven range from"
            f" {norms[0]['low']:.4f} to {norms[0]['high']:.4f}. With the same weights and without the skip connection"
            f" they lie between {min(one['min'] for one in without):.2f} and {max(one['max'] for one in without):.2f}."
        )
    yield (
        "\nThe plain networks have the same depth and ReLU as activation. They are slightly better: these results"
        " study what a circuit can compute, and claim no advantage. The recipes were chosen with these test images in"
        " view. Training lowers the norms on purpose: it makes the linear part of a block nearly cancel the skip"
        " connection, so that the cubic part decides.\n"
    )
    yield (
        "The figure shows the dense network. The right panel shows Euclidean distances between the state after a block"
        " and the state of the ideal network, while the table shows distances between distributions of outcomes. A"
        " state at the distance ε from the ideal one has a distribution at a distance of at most 2ε.\n"
    )
    yield "![Norms and errors of the six blocks](assets/bounds.svg)\n"


def violations(report: dict[str, Any]) -> str:
    """Return the failures of a report as text."""
    failed = report["failures"]
    return "No bound is violated." if not failed else "Violated bounds:\n\n" + "\n".join(f"* {one}" for one in failed)


def regimes() -> Iterator[str]:
    """Yield the section on the regimes."""
    names = ("regime-a", "regime-b", "regime-c")
    reports = [stored(name)["report"] for name in names]
    yield "## The three regimes\n"
    yield provenance(*names) + "\n"
    yield violations({"failures": [one for report in reports for one in report["failures"]]}) + "\n"
    rows = []
    for report in reports:
        for network in report["networks"]:
            scores, terminal = network["accuracy"], network["terminal"] or {}
            rows.append(
                (
                    f"{report['regime']}: {network['description']}",
                    f"{scores['argmax']:.3f}",
                    f"{scores['sampled_expected']:.3f}",
                    f"{terminal['sampled_expected_before']:.3f}" if terminal else None,
                    f"{terminal['contribution']:.2f}" if terminal else None,
                    power(network["output_error"]["actual_max"]),
                    power(network["output_error"]["eps"]),
                )
            )
    yield table(
        "regime and network | most likely | one sample | before terminal | matrix / skip | distance | bound",
        rows,
    )
    yield (
        "The columns:\n\n"
        "* most likely: accuracy of the most likely outcome,\n"
        "* one sample, before terminal: expected accuracy of one sample at the end of the network, and before its"
        " terminal block,\n"
        "* matrix / skip: mean length of the matrix part of the terminal block over that of its skip connection,"
        " $(1-\\tau)\\|V|\\psi|^2\\|$ over $\\tau\\|\\psi\\|$,\n"
        f"* {DISTANCE}.\n\n"
        "The matrix of the terminal block acts on squares of amplitudes, which are small in a spread state. Trained"
        " dense blocks learn to concentrate the state, and the matrix then contributes most.\n"
    )
    yield (
        "What these networks would cost, with each block amplified to an error of 0.01, in layers of gates, and what"
        " the exact network costs in multiplications:\n"
    )
    yield table(
        "network | blocks | qubits | depth | multiplications",
        [
            (network["kind"], one["blocks"], one["num_qubits"], power(one["depth"]), power(one["classical"]))
            for report in reports
            for network in report["networks"]
            for one in network["regime_costs"]
            if "depth" in one and one["blocks"] in (1, 2, 4)
        ],
    )
    yield "Nothing is gained at these sizes. The next section shows where something would be.\n"


def costs() -> Iterator[str]:
    """Yield the section on counted circuits."""
    report = stored("costs-a")["report"]
    yield "## Costs\n"
    yield provenance("costs-a", "costs-b", "costs-c") + "\n"
    yield "In regime (a), the depth falls below that of the exact network from this size on:\n"
    yield table(
        "errors | blocks | entries N | depth there | found by",
        [
            (one["schedule"], one["blocks"], power(one["entries"]), power(one["depth"]),
             "extrapolation" if one["extrapolated"] else "counting")
            for one in report["crossings"]
        ],
    )  # fmt: skip
    yield "Without skip connections and with weights of size 1/√N, the number of runs grows with a power of N."
    yield "The table compares this power with that of the queries with skip connections:\n"
    yield table(
        "blocks | runs without | queries with",
        [(one["blocks"], f"{one['runs']:.2f}", f"{abs(one['with']):.2f}") for one in report["ablation"]["fits"]],
    )
    yield (
        "Theorem 1 encodes a matrix times squared amplitudes without the Frobenius norm. The table compares the calls"
        " of the vector, over the amplitude, with those of a dense encoding:\n"
    )
    largest = max(one["entries"] for one in report["squares"]["rows"])
    yield table(
        "matrix | N | Theorem 1 | Frobenius | ratio",
        [
            (one["kind"], one["entries"], f"{one['theorem']:.1f}", f"{one['frobenius']:.1f}",
             f"{one['frobenius'] / one['theorem']:.1f}")
            for one in report["squares"]["rows"]
            if one["entries"] == largest
        ],
    )  # fmt: skip


def comparison() -> Iterator[str]:
    """Yield the section on earlier networks."""
    yield "## Networks that came before\n"
    yield provenance("comparison") + "\n"
    yield "Each network has two layers and runs in a simulation of its own protocol, at a fixed Euclidean error.\n"
    verdict = {True: "yes", False: "no"}
    yield table(
        "network | layers | activation | no memory | norm kept | N | 1/ε",
        [
            (
                f"{row['architecture']}, {row['name']}",
                *(verdict[row["verdicts"][key]] for key in
                  ("coherent layers", "coherent activation", "no QRAM", "norm kept")),
                f"{row['exponents']['N']:.2f}",
                f"{row['exponents']['1/eps']:.2f}",
            )
            for row in stored("comparison")["report"]["rows"]
        ],
    )  # fmt: skip
    yield (
        "The table says whether layers and activation are coherent, whether the network needs no quantum memory, and"
        " whether it keeps the norm. The last two columns are the powers of N and 1/ε in the number of steps, fitted"
        " over the measured sizes and errors.\n"
    )


def studies() -> Iterator[str]:
    """Yield the section on studies in their small forms."""
    yield "## Studies\n"
    yield "The small forms of three studies; the whole forms take longer.\n"
    for name, wanted in (
        ("gradient-access-quick", None),
        ("plateaus-quick", None),
        ("table3-quick", ("overhead, printed and by formula",)),
    ):
        report = stored(name)["report"]
        yield f"### {report['title']}\n"
        yield provenance(name) + "\n"
        for title, cells in report["tables"].items():
            if wanted is None or title in wanted:
                yield f"{title[0].upper()}{title[1:]}:\n"
                yield table(" | ".join(cells[0]), cells[1:])


def document() -> str:
    """Return the page."""
    parts = (main_command, regimes, costs, comparison, studies)
    return INTRODUCTION + "\n" + "\n".join(line for part in parts for line in part())


if __name__ == "__main__":
    for place in range(1, len(sys.argv) - 1, 2):
        store(sys.argv[place], Path(sys.argv[place + 1]))
    DOCUMENT.write_text(document())
