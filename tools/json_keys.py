"""The page docs/reference/json.md: keys, types and meanings of the JSON files, from the dataclasses.

python -m tools.json_keys     # writes the page
"""

import re
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from qla_jax.experiments.claims import ClaimsReport
from qla_jax.experiments.coherent.results import MainReport
from qla_jax.experiments.comparison.job import ComparisonReport
from qla_jax.experiments.core.results import keys
from qla_jax.experiments.core.study import Findings
from qla_jax.experiments.costs.results import CostsReport
from qla_jax.experiments.phases.job import PhaseReport
from tools.cells import cell

DOCUMENT = Path(__file__).parents[1] / "docs" / "reference" / "json.md"
FILES = {
    "report.json, of `qla-jax run`": MainReport,
    "claims.json, of `qla-jax claims`": ClaimsReport,
    "costs.json, of `qla-jax costs`": CostsReport,
    "comparison.json, of `qla-jax comparison`": ComparisonReport,
    "the file of `qla-jax phases`": PhaseReport,
    "what NAME.json of `qla-jax study NAME` holds besides study, title, settings, rows and seconds by key": Findings,
}


def told(kind: Any) -> str:
    """A type in the words of JSON."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return " or ".join(map(repr, inner))
    if origin is tuple:
        return f"[{', '.join(told(one) for one in inner if one is not Ellipsis)}{', ...' if Ellipsis in inner else ''}]"
    if inner and NoneType in inner:
        return f"{' or '.join(told(one) for one in inner if one is not NoneType)} or null"
    if inner and origin.__name__ in ("Union", "UnionType"):
        return " or ".join(map(told, inner))
    if inner:
        return f"list of {told(inner[0])}" if len(inner) == 1 else f"object of {told(inner[1])}"
    plain = {"float": "number", "int": "integer", "str": "text", "bool": "true or false", "Any": "any"}
    return plain.get(kind.__name__, kind.__name__)


def entries(kind: type) -> dict[str, str]:
    """What the docstrings of a class and of those that it extends say of each field."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        text = " ".join((one.__doc__ or "").partition("Attributes:")[2].split())
        for names, meaning in re.findall(r"((?:\w+, )*\w+): (.*?)(?= (?:\w+, )*\w+: |$)", text):
            found |= dict.fromkeys(names.split(", "), meaning)
    return found


def parts(kind: Any) -> list[type]:
    """The records inside a type, itself first."""
    if keys(kind):
        return [kind, *(part for _, one in keys(kind).values() for part in parts(one))]
    return [part for one in get_args(kind) for part in parts(one)]


def document() -> str:
    """Return the page."""
    lines = [
        "# What the JSON files hold",
        "",
        "This page is made from the dataclasses of `qla_jax/experiments` by `python -m tools.json_keys`.",
        "Numbers that are not finite are null. A key marked * is left out where it has no value.",
        "",
    ]
    lines += [f"* {file}: `{kind.__name__}`" for file, kind in FILES.items()]
    for kind in dict.fromkeys(part for one in FILES.values() for part in parts(one)):
        about, meanings = (kind.__doc__ or "").split("\n")[0], entries(kind)
        lines += ["", f"## {kind.__name__}", "", about, "", "| key | type | meaning |", "| --- | --- | --- |"]
        marks = {one.name for one in getattr(kind, "__dataclass_fields__", {}).values() if one.default is None}
        for name, (field, one) in keys(kind).items():
            cells = f"`{name}`{'*' if field in marks else ''}", told(one), meanings.get(field, "")
            lines.append("| " + " | ".join(map(cell, cells)) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(document())
