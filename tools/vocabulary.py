"""The public names of the package, read from its source: which room they belong to, and where they are defined.

Public are the names of `qla_jax/__init__.pyi`, those which a room imports as themselves in its `__init__.py`, and the
public functions and classes of `MODULES`.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGE = "qla_jax"

ROOMS = {
    "encodings": "Encodings",
    "transforms": "Transforms",
    "polynomials": "Polynomials",
    "phases": "Phase factors",
    "networks": "Coherent networks",
    "measurement": "Measurement",
    "arithmetic": "Arithmetic",
    "qram": "Quantum memory",
    "circuits": "Circuits of gates",
    "variational": "Variational circuits",
    "nn": "Flax modules",
    "accounting": "Costs",
    "linalg": "Linear algebra",
    "claims": "Claims",
    "prior": "Earlier networks",
    "meshes": "Meshes of devices",
}
"""Rooms with public names, in the order of the reference, and what their pages are called."""

MODULES = {
    "data": "Image sets",
    "training": "Training",
    "checkpoints": "Checkpoints",
    "mapping": "Mapping in batches",
    "compiling": "Compiler options",
    "experiments.core.study": "Studies",
    "experiments.phases.figures": "Figures of phase factors",
}
"""Modules that users import by their path, and what their sections are called."""


class Name(NamedTuple):
    """A public name.

    Attributes:
        shown: how users write it, such as `qla.solve`.
        path: where it is defined, such as `qla_jax.transforms.solve.solve`.
        room: room of its page.
    """

    shown: str
    path: str
    room: str


def source_of(module: str) -> Path:
    """Return the file of a module of the package."""
    place = ROOT / Path(*module.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


@cache
def tree_of(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def reexports(path: Path) -> Iterator[tuple[str, str]]:
    """Yield name and defining module of all that a file imports as itself (`import x as x`)."""
    for node in tree_of(path).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((alias.name, node.module) for alias in node.names if alias.asname == alias.name)


def definition(name: str, module: str) -> str:
    """Return the path where a name is defined, through the imports of rooms."""
    inside = dict(reexports(source_of(module)))
    if inside.get(name, module) == module:  # defined here, or a module of this room
        return f"{module}.{name}"
    return definition(name, inside[name])


def public_names() -> list[Name]:
    """Return all public names, sorted by room; a name that has two ways of writing appears with the shorter one."""
    found: dict[str, Name] = {}
    for name, module in reexports(ROOT / PACKAGE / "__init__.pyi"):
        if module != PACKAGE:
            path = definition(name, module)
            found[path] = Name(f"qla.{name}", path, path.split(".")[1])
    top = {name for name, module in reexports(ROOT / PACKAGE / "__init__.pyi") if module == PACKAGE}
    for room in ROOMS:
        for name, module in reexports(source_of(f"{PACKAGE}.{room}")):
            path = definition(name, module)
            if room not in top and source_of(path).is_file():  # imported for what it registers, not as a name
                continue
            start = f"qla.{room}" if room in top else f"{PACKAGE}.{room}"
            found.setdefault(path, Name(f"{start}.{name}", path, room))
    order = list(ROOMS)
    return sorted(found.values(), key=lambda name: (order.index(name.room), name.shown.casefold()))


def first_sentence(path: str) -> str:
    """Return the first line of the docstring of a name or module; empty where there is none."""
    file = source_of(path)
    if file.is_file():
        return (ast.get_docstring(tree_of(file)) or "").split("\n")[0]
    module, _, name = path.rpartition(".")
    body = tree_of(source_of(module)).body
    for place, node in enumerate(body):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name and ast.get_docstring(node):
            return (ast.get_docstring(node) or "").split("\n")[0]  # overloads before it have none
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets) and place + 1 < len(body):
            after = body[place + 1]
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                return str(after.value.value).split("\n")[0]
    return ""
