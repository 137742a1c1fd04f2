"""Differentiable quantum linear algebra in JAX: block encodings, vector encodings and the networks built from them.

`import qla_jax as qla` provides the whole public vocabulary, which is listed in `__init__.pyi`. Each name is defined in
the module that its import there names, and is loaded on first use. Importing never changes JAX's configuration.
"""

from qla_jax import _interruption as _interruption  # isort: skip # first, as Ctrl-C may come during the other imports
import ast
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def _vocabulary() -> dict[str, tuple[str, str]]:
    """Return the place of each public name: its module, and its name there, which is empty for a module itself."""
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
except PackageNotFoundError:  # raised for a source tree that is not installed
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
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
