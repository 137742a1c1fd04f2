"""Traversal of the nodes of a circuit, each with the parts that it calls, how often and how.

Any object can be traversed that states which parts it calls (`uses`) and the gates around these calls (`gates`). The
function `identity` distinguishes nodes.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from qla_jax.accounting.gates import Gates


@runtime_checkable
class Counted(Protocol):
    """Protocol of a circuit that calls other circuits and whose gates can be counted."""

    num_ancillas: int
    num_qubits: int

    def uses(self) -> Sequence["Use"]:
        """Return the parts that this circuit calls."""

    def gates(self) -> Gates | None:
        """Return the gates of this circuit without its parts; None where none are defined."""


class Use(NamedTuple):
    """Part that a circuit calls, with the number and the kind of its calls.

    Attributes:
        part: node that is called.
        forward: number of calls of the part in one run of the circuit.
        adjoint: number of calls of its inverse.
        controlled: True where the circuit controls the calls.
        paired: True where each call and its inverse surround gates that alone need a control if the circuit is
            controlled.
    """

    part: Any
    forward: int = 1
    adjoint: int = 0
    controlled: bool = False
    paired: bool = False


def parts_first(circuit: Any) -> dict[int, tuple[Any, Sequence[Use]]]:
    """Return every node once, by identity, after its parts and with its uses; leaves are in order of first use.

    Args:
        circuit: node at the root.
    """
    # A loop with its own stack, since chains of nodes may be longer than Python's recursion limit.
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
    """Return a number that distinguishes a node from others; a copy has the number of its original.

    Args:
        node: any circuit; a copy stores its original as `_original`.
    """
    return id(original(node))


def original(node: Any) -> Any:
    """Return the original of a copied node, or the node itself if it is no copy.

    Args:
        node: any circuit.
    """
    return getattr(node, "_original", node)
