"""Nodes of nested encodings in a loop: chains of them may be longer than Python's recursion is deep.

Example:
    >>> part = block_encode(jnp.eye(2))
    >>> [type(node).__name__ for node, _ in parts_first(2.0 * (part @ part)).values()]
    ['Dense', 'Product', 'Scaled']
"""

from typing import TYPE_CHECKING

from qla_jax.encodings.sharing import original

if TYPE_CHECKING:
    from qla_jax.encodings.encoding import Encoding, Use


def parts_first(enc: "Encoding") -> dict[int, tuple["Encoding", tuple["Use", ...]]]:
    """Return every node once, by identity, after its parts, with what it uses; leaves in order of first use."""
    found: dict[int, tuple[Encoding, tuple[Use, ...]]] = {}
    waiting = [(enc, enc.uses(), False)]
    while waiting:
        node, uses, parts_done = waiting.pop()
        if identity(node) in found:
            continue
        if parts_done:
            found[identity(node)] = node, uses
            continue
        waiting.append((node, uses, True))
        waiting += [(use.part, use.part.uses(), False) for use in reversed(uses) if identity(use.part) not in found]
    return found


def identity(node: "Encoding") -> int:
    """Return what tells a node from others; a copy has that of its original."""
    return id(original(node))
