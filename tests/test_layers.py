"""The rooms of the package and who may import whom, read from the source.

A room imports only rooms before it: the package can be learnt from the bottom, and no cycle is possible.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

PACKAGE = Path(__file__).parents[1] / "qla_jax"

BOTTOM = frozenset(
    {
        "_bounds",
        "_checks",
        "_extras",
        "_files",
        "_fingerprint",
        "_interruption",
        "_modes",
        "_nodes",
        "_processes",
        "_recursion",
        "compiling",
        "mapping",
        "meshes",
    }
)
CORE = ("linalg", "accounting", "circuits", "polynomials", "phases", "encodings", "transforms", "networks")
SIDE = ("measurement", "arithmetic", "qram", "variational")
ROOT = "__init__"

# room: what it may import from besides itself. `__init__` is the public vocabulary: only those who use the package as a
# user does may import it, and it knows none of them.
MAY_IMPORT: dict[str, frozenset[str]] = {room: BOTTOM | set(CORE[:i]) for i, room in enumerate(CORE)}
MAY_IMPORT |= dict.fromkeys(BOTTOM, frozenset()) | {
    "_modes": frozenset({"_recursion"}),
    "_checks": frozenset({"_modes"}),
    "_bounds": frozenset({"_checks"}),
    "meshes": frozenset({"_checks"}),
    "mapping": frozenset({"meshes"}),
}
MAY_IMPORT |= {
    room: BOTTOM | {"linalg", "accounting", "circuits", "polynomials", "phases", "encodings"} for room in SIDE
}
_below: frozenset[str] = BOTTOM | {*CORE, *SIDE}
_UPPER = (
    "prior",
    "nn",
    "claims",
    "_labeled",
    "_prepared",
    "data",
    "checkpoints",
    "_placement",
    "_epochs",
    "training",
    ROOT,
    "experiments",
    "cli",
)
for _room in (*_UPPER, "__main__"):
    MAY_IMPORT[_room] = _below
    _below |= {_room}

MAY_IMPORT_NNX = {"nn", "checkpoints", "training", "experiments", "cli"}


def room_of(path: PurePosixPath) -> str:
    """The room of a file, named by its path below qla_jax/."""
    return path.parts[0].removesuffix(".py")


def imported_names(tree: ast.Module, path: PurePosixPath) -> Iterator[tuple[int, str]]:
    """(line, absolute dotted name) of everything imported, wherever in the file the import stands."""
    package = ("qla_jax", *path.parts[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else ()
            source = ".".join((*parents, *filter(None, [node.module])))
            yield from ((node.lineno, f"{source}.{alias.name}") for alias in node.names)


def aliases(tree: ast.Module) -> dict[str, str]:
    """Local name -> absolute dotted name, for the absolute imports of a file."""
    table = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.name if alias.asname else alias.name.partition(".")[0]
                table[alias.asname or name] = name
        elif isinstance(node, ast.ImportFrom) and not node.level:
            table |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return table


def dotted(node: ast.AST, table: dict[str, str]) -> str:
    """The absolute name of an attribute chain such as `jax.config.update`, or the empty string."""
    if isinstance(node, ast.Name):
        return table.get(node.id, "")
    if isinstance(node, ast.Attribute) and (value := dotted(node.value, table)):
        return f"{value}.{node.attr}"
    return ""


def is_nnx(name: str) -> bool:
    return f"{name}.".startswith("flax.nnx.")


def violations(path: PurePosixPath, source: str) -> list[str]:
    """What the file at `path` (below qla_jax/) does against the rules, one sentence each."""
    room, tree = room_of(path), ast.parse(source)
    if room not in MAY_IMPORT:
        return [f"{path}: `{room}` has no place in the order of rooms; give it one in tests/test_layers.py"]
    found, table = [], aliases(tree)
    for line, name in imported_names(tree, path):
        if name.partition(".")[0] == "qla_jax":
            target = (*name.split("."), "")[1]
            target = target if target in MAY_IMPORT else ROOT
            if target != room and target not in MAY_IMPORT[room]:
                found.append(f"{path}:{line}: `{room}` must not import `{target}` ({name})")
        elif is_nnx(name) and room not in MAY_IMPORT_NNX:
            found.append(f"{path}:{line}: `{room}` must not import flax.nnx")
    for node in ast.walk(tree):
        name, line = dotted(node, table), getattr(node, "lineno", 0)
        if isinstance(node, ast.Attribute) and name == "flax.nnx" and room not in MAY_IMPORT_NNX:
            found.append(f"{path}:{line}: `{room}` must not import flax.nnx")
        is_store = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if name == "jax.config.update" or (is_store and name.startswith("jax.config.")):
            found.append(f"{path}:{line}: jax.config belongs to the caller")
    return found


FILES = sorted(PurePosixPath(file.relative_to(PACKAGE).as_posix()) for file in PACKAGE.rglob("*.py"))


def test_rooms_import_only_rooms_before_them():
    found = [one for path in FILES for one in violations(path, (PACKAGE / path).read_text())]
    assert found == []


def module_of(path: PurePosixPath) -> str:
    """The dotted name of a file below qla_jax/."""
    return ".".join(("qla_jax", *path.with_suffix("").parts)).removesuffix(".__init__")


def imports() -> dict[str, set[str]]:
    """The modules of the package that each one imports, wherever in the file the import stands."""
    modules = {module_of(path): path for path in FILES}
    table: dict[str, set[str]] = {}
    for module, path in modules.items():
        names = [name for _, name in imported_names(ast.parse((PACKAGE / path).read_text()), path)]
        found = {name if name in modules else name.rpartition(".")[0] for name in names}
        table[module] = found & modules.keys() - {module}
    return table


def circles(table: dict[str, set[str]]) -> list[str]:
    """What is left when modules that import nothing left are taken away, again and again."""
    left = dict(table)
    while free := [module for module, needs in left.items() if not needs & left.keys()]:
        for module in free:
            del left[module]
    return sorted(left)


def test_no_imports_go_in_circles():
    assert circles(imports()) == []
    assert circles({"a": {"b"}, "b": {"a"}, "c": {"a"}, "d": set()}) == ["a", "b", "c"]


def test_the_picture_of_the_rooms():
    """Printed by `pytest -s`: lines, share and imports of each room, from the bottom."""
    table, lines = imports(), {path: len((PACKAGE / path).read_text().splitlines()) for path in FILES}
    rooms = [room for room in MAY_IMPORT if any(room_of(path) == room for path in FILES)]
    total, shares = sum(lines.values()), {}
    for room in sorted(rooms, key=lambda room: len(MAY_IMPORT[room])):
        mine = [path for path in FILES if room_of(path) == room]
        needed = {name.split(".")[1] for path in mine for name in table[module_of(path)] if "." in name} - {room}
        shares[room] = sum(lines[path] for path in mine) / total
        sys.stdout.write(
            f"{room:14} {shares[room] * total:6.0f} {shares[room]:6.1%}  {', '.join(sorted(needed - BOTTOM))}\n"
        )
    assert max(shares.values()) < 0.16


def test_the_package_is_there_to_be_read():
    assert PurePosixPath("__init__.py") in FILES


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("polynomials/erf.py", "from qla_jax.phases import response"),
        ("phases/solver.py", "from qla_jax import encodings"),
        ("encodings/algebra.py", "from qla_jax import product"),
        ("encodings/algebra.py", "import qla_jax as qla"),
        ("encodings/algebra.py", "from ..transforms import qsvt"),
        ("encodings/algebra.py", "from .. import networks"),
        ("encodings.py", "from .transforms import qsvt"),
        ("encodings.py", "def f():\n    import qla_jax.networks.residual as r"),
        ("accounting/costs.py", "from qla_jax.encodings import block"),
        ("linalg/norms.py", "from qla_jax.accounting import gates"),
        ("measurement/shadows.py", "from qla_jax.transforms import qsvt"),
        ("measurement/shadows.py", "from qla_jax import qram"),
        ("variational.py", "from qla_jax.measurement import sample"),
        ("accounting.py", "from qla_jax.networks import residual"),
        ("nn/layers.py", "from qla_jax.claims import run"),
        ("data.py", "from qla_jax.training import fit"),
        ("training.py", "import qla_jax"),
        ("__init__.py", "from qla_jax.experiments import table"),
        ("experiments/report/page.py", "from qla_jax.cli import main"),
        ("networks/residual.py", "from flax import nnx"),
        ("networks/residual.py", "import flax.nnx as nnx"),
        ("networks/residual.py", "from flax.nnx import Module"),
        ("claims/lemmas.py", "import flax\nflax.nnx.Module"),
        ("data.py", "import jax\njax.config.update('jax_enable_x64', True)"),
        ("cli.py", "from jax import config as c\nc.update('jax_enable_x64', True)"),
        ("cli.py", "import jax\njax.config.jax_enable_x64 = True"),
        ("helpers.py", ""),
    ],
)
def test_a_violation_is_found_exactly_once(path, source):
    assert len(violations(PurePosixPath(path), source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("phases/solver.py", "from qla_jax.polynomials import chebyshev\nfrom .response import response"),
        ("encodings/algebra.py", "from . import dense\nfrom .dense import block_encode\nfrom ..phases import response"),
        ("measurement/shadows.py", "from qla_jax.encodings import block\nfrom qla_jax import accounting"),
        ("networks/residual.py", "from qla_jax.accounting.costs import cost"),
        ("nn/layers.py", "from flax import nnx, struct\nimport qla_jax.networks"),
        ("networks/residual.py", "import flax.struct\nfrom flax import struct\nflax.struct.dataclass"),
        ("training.py", "from flax import nnx\nfrom qla_jax import data"),
        ("__init__.py", "from qla_jax import nn\nfrom qla_jax.encodings import product"),
        ("experiments/table.py", "import qla_jax as qla"),
        ("cli.py", "import qla_jax as qla\nfrom qla_jax import experiments"),
        ("phases/solver.py", "import jax\nif not jax.config.jax_enable_x64: raise ValueError\n{}.update()"),
    ],
)
def test_what_is_allowed_is_not_reported(path, source):
    assert violations(PurePosixPath(path), source) == []
