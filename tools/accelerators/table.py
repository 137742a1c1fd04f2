"""Table of the stored compiles, between two marks in the guide."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from tools.accelerators.compile import DATA, ROOT
from tools.cells import cell

PAGE = ROOT / "docs" / "guide" / "accelerators.md"
BEGIN, END = "<!-- table: python -m tools.accelerators table -->", "<!-- /table -->"
TARGETS = {
    ("export", 32): "exported, single",
    ("export", 64): "exported, double",
    ("v5p", 32): "TPU v5p, single",
    ("v5p", 64): "TPU v5p, double",
    ("h200", 32): "H200, single",
    ("h200", 64): "H200, double",
}
MESSAGE = 140
"""Characters of a message that the page shows."""


def stored(path: Path = DATA) -> dict[str, Any]:
    """Return the stored compiles."""
    return json.loads(path.read_text())


def markdown(found: dict[str, Any]) -> str:
    """Return the table of stored compiles, and the programs that do not compile, each with the message."""
    counts: dict[str, dict[tuple[str, int], list[bool]]] = defaultdict(lambda: defaultdict(list))
    for row in found["rows"]:
        for group in (row["group"], "all"):
            counts[group][row["target"], row["bits"]].append(row["result"] == "compiled")
    versions = found["versions"]
    lines = [
        f"`{found['command']}`, {found['date']}, jax {versions['jax']}, libtpu {versions['libtpu']}, jax-cuda12-pjrt "
        f"{versions['jax-cuda12-pjrt']}. Each program holds a function and its derivatives.",
        "",
        f"| programs | {' | '.join(TARGETS.values())} |",
        "|---" * (len(TARGETS) + 1) + "|",
    ]
    for group in [*sorted(counts.keys() - {"all"}), "all"]:
        cells = [_of(counts[group].get(target, [])) for target in TARGETS]
        lines.append(f"| {group} | {' | '.join(cells)} |")
    refused = [row for row in found["rows"] if row["result"] != "compiled"]
    if refused:
        lines += ["", "| does not compile | for | message |", "|---|---|---|"]
    for row in refused:
        told = TARGETS[row["target"], row["bits"]]
        message = " ".join(row["result"].split())[:MESSAGE]
        lines.append(f"| {row['group']}: {row['name']} | {told} | {cell(f'`{message}`')} |")
    return "\n".join(lines)


def _of(results: list[bool]) -> str:
    return f"{sum(results)} of {len(results)}" if results else ""


def page(text: str) -> str:
    """Return the text of the page with the table of the stored compiles between the marks."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{markdown(stored())}\n{END}{rest.split(END)[1]}"


def write() -> None:
    """Write the table into the page."""
    PAGE.write_text(page(PAGE.read_text()))
