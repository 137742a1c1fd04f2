"""The walk over the nodes of a circuit: what calls what, how often and how.

Anything may be walked over that says which parts it calls (`uses`), what gates stand around these calls (`gates`), and
what tells it from others (`identity`).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from qla_jax.accounting.gates import Gates


@runtime_checkable
class Counted(Protocol):
    """A circuit that calls others."""

    num_ancillas: int
    num_qubits: int

    def uses(self) -> Sequence["Use"]:
        """Return the parts that this circuit calls."""

    def gates(self) -> Gates | None:
        """Return the gates of this circuit besides its parts; None where none are defined."""


class Use(NamedTuple):
    """A part that a circuit calls.

    Attributes:
        part: what is called.
        forward: calls of it in one run of the circuit.
        adjoint: calls of its inverse.
        controlled: whether the circuit controls them.
        paired: whether each call and its inverse stand around what alone needs a control, if the circuit is controlled.
    """

    part: Any
    forward: int = 1
    adjoint: int = 0
    controlled: bool = False
    paired: bool = False


def parts_first(circuit: Any) -> dict[int, tuple[Any, Sequence[Use]]]:
    """Return every node once, by identity, after its parts, with what it uses; leaves in order of first use.

    A loop, not a recursion: chains of nodes may be long.

    Args:
        circuit: the node on top.
    """
    found: dict[int, tuple[Any, Sequence[Use]]] = {}
    waiting = [(circuit, circuit.uses(), False)]
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


def identity(node: Any) -> int:
    """Return what tells a node from others; a copy has that of its original.

    Args:
        node: any circuit; one that is a copy keeps its original as `_original`.
    """
    return id(original(node))


def original(node: Any) -> Any:
    """Return the node that this one is a copy of, itself unless it was copied.

    Args:
        node: any circuit.
    """
    return getattr(node, "_original", node)
