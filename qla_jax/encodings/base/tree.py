"""Printable trees of encodings and their parts.

Example:
    >>> part = block_encode(jnp.eye(2))
    >>> (part @ (2.0 * part)).tree()
    Product      2 x 2  alpha 2  eps 0  2 + 1 qubits
    ├─ Dense     2 x 2  alpha 1  eps 0  1 + 1 qubits
    └─ Scaled    2 x 2  alpha 2  eps 0  1 + 1 qubits
       └─ Dense  2 x 2  alpha 1  eps 0  1 + 1 qubits
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax

from qla_jax._checks import as_integer, is_concrete
from qla_jax.accounting.fold import identity

DEPTH = 6
"""Default number of levels that are shown."""


@dataclass(frozen=True, repr=False)
class EncodingTree:
    """Tree of an encoding's parts: prints as text, in color with rich, and in notebooks with treescope if installed.

    Attributes:
        encoding: encoding at the root.
        depth: number of levels below the root that are shown.
    """

    encoding: Any
    depth: int = DEPTH

    def __str__(self) -> str:
        rows = [(f"{indent}{name(node)}{calls}", told(node)) for indent, node, calls in self._rows()]
        width = max(len(label) for label, _ in rows)
        return "\n".join(f"{label:<{width}}  {facts}".rstrip() for label, facts in rows)

    __repr__ = __str__

    def _rows(self) -> Iterator[tuple[str, Any, str]]:
        yield "", self.encoding, ""
        yield from _below(self.encoding, "", self.depth)

    def __rich__(self) -> Any:
        from rich.tree import Tree as RichTree

        root = RichTree(_label(self.encoding, ""))
        _grow(root, self.encoding, self.depth)
        return root

    def _repr_html_(self) -> str | None:
        try:
            import treescope  # type: ignore[import-untyped] # optional, and not a dependency of this package
        except ImportError:
            return None
        return treescope.render_to_html(self.encoding)


def tree_of(enc: Any, depth: int) -> EncodingTree:
    """Return the printable tree of an encoding.

    Args:
        enc: any encoding.
        depth: number of levels shown, at least 0.

    Raises:
        ValueError: a negative depth.
    """
    return EncodingTree(enc, as_integer("depth", depth, least=0))


def name(node: Any) -> str:
    """Return the name of a node's class."""
    return type(node).__name__


def nested(node: Any, depth: int) -> str:
    """Return the names of a node and of its parts to a depth, such as `Product(Dense, Scaled(Dense))`.

    Args:
        node: any encoding.
        depth: number of levels of parts that are named.
    """
    uses = node.uses()
    if not uses:
        return name(node)
    if depth == 0:
        return f"{name(node)}(...)"
    parts: dict[str, int] = {}
    for label in [nested(part, depth - 1) for part, _ in _parts(node)]:
        parts[label] = parts.get(label, 0) + 1
    return f"{name(node)}({', '.join(label if n == 1 else f'{n} x {label}' for label, n in parts.items())})"


def told(node: Any) -> str:
    """Return the shape, alpha, eps and qubits of a node in words."""
    encoded = getattr(node, "encoded", None)
    shape = getattr(node, "shape", None) or ((len(encoded),) if encoded is not None else ())  # oracles encode neither
    numbers = [f"{label} {_number(getattr(node, label))}" for label in ("alpha", "eps")]
    size = [" x ".join(map(str, shape))] if shape else []
    return "  ".join([*size, *numbers, f"{node.num_ancillas} + {node.num_qubits} qubits"])


def _below(node: Any, indent: str, depth: int) -> Iterator[tuple[str, Any, str]]:
    parts = _parts(node) if depth else []
    for place, (part, calls) in enumerate(parts):
        last = place == len(parts) - 1
        yield f"{indent}{'└─ ' if last else '├─ '}", part, calls
        yield from _below(part, f"{indent}{'   ' if last else '│  '}", depth - 1)


def _grow(branch: Any, node: Any, depth: int) -> None:
    for part, calls in _parts(node) if depth else []:
        _grow(branch.add(_label(part, calls)), part, depth - 1)


def _label(node: Any, calls: str) -> str:
    return f"[bold]{name(node)}[/bold]{calls}  {told(node)}"


# Keys come from `identity`, so that a copied part prints as one part with several calls.
def _parts(node: Any) -> list[tuple[Any, str]]:
    """Return each part once, with the number of its calls in words."""
    parts: dict[tuple[int, bool], Any] = {}
    calls: dict[tuple[int, bool], int] = {}
    for use in node.uses():
        key = identity(use.part), use.controlled
        parts.setdefault(key, use.part)
        calls[key] = calls.get(key, 0) + use.forward + use.adjoint
    words = {key: ("" if n == 1 else f" x {n}") + (" controlled" if key[1] else "") for key, n in calls.items()}
    return [(part, words[key]) for key, part in parts.items() if calls[key]]


def _number(value: Any) -> str:
    if not is_concrete(value) or isinstance(value, jax.ShapeDtypeStruct):
        return "traced"
    return f"{float(value):.4g}" if value.ndim == 0 else f"of shape {value.shape}"
