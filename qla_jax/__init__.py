"""Differentiable quantum linear algebra in JAX: block encodings, vector encodings and the networks built from them.

`import qla_jax as qla` gives the whole vocabulary, which stands in `__init__.pyi`: each name lives in the room that its
import there names, and is loaded on first use. Importing never touches JAX's configuration.
"""

from qla_jax import _interruption as _interruption  # isort: skip # first: Ctrl-C may come while the rest is imported
import ast
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def _vocabulary() -> dict[str, tuple[str, str]]:
    """Return where each public name lives: its module, and its name there, empty for a module itself."""
    found = {}
    for node in ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = node.module == __name__
                found[alias.name] = (f"{__name__}.{alias.name}", "") if whole else (node.module, alias.name)
    return found


_WHERE = _vocabulary()
__all__ = sorted(_WHERE)

try:
    __version__ = version("qla-jax")
except PackageNotFoundError:  # a source tree that is not installed
    __version__ = "unknown"


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, inside = _WHERE[name]
    loaded = import_module(module)
    value = getattr(loaded, inside) if inside else loaded
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
