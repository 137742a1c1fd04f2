"""Costs of circuits, by one static recursion over the nodes.

A node says which parts it calls and how often (`uses`); what has no parts is a leaf, counted in queries.

Example:
    >>> vec = block_encode(jnp.eye(2)) @ vector_encode(jnp.array([0.6, 0.8]))
    >>> cost(vec).num_queries
    {'Dense[0]': 1, 'StatePreparation[0]': 1}
"""

from typing import NamedTuple

from qla_jax.encodings.checks import require_kind
from qla_jax.encodings.encoding import Encoding


class Cost(NamedTuple):
    """What a circuit takes.

    Attributes:
        num_ancillas: ancilla qubits.
        num_qubits: all qubits, ancillas and system.
        num_queries: calls of each leaf, its adjoint's calls included, by the leaf's name in order of first use.
        depth: leaf calls in a row, none in parallel.
    """

    num_ancillas: int
    num_qubits: int
    num_queries: dict[str, int]
    depth: int


def cost(enc: Encoding) -> Cost:
    """The cost of one run of `enc`; leaves of one kind are numbered in order of first use."""
    require_kind("enc", enc, Encoding)
    calls: dict[int, tuple[Encoding, int]] = {}
    _count(enc, 1, calls)
    kinds: dict[str, int] = {}
    queries = {}
    for leaf, number in calls.values():
        kind = type(leaf).__name__
        queries[f"{kind}[{kinds.setdefault(kind, 0)}]"] = number
        kinds[kind] += 1
    total = sum(queries.values())
    return Cost(enc.num_ancillas, enc.num_ancillas + enc.num_qubits, queries, total)


def _count(enc: Encoding, times: int, calls: dict[int, tuple[Encoding, int]]) -> None:
    parts = enc.uses()
    if not parts:
        calls[id(enc)] = (enc, calls.get(id(enc), (enc, 0))[1] + times)
    for part, number in parts:
        _count(part, times * number, calls)
