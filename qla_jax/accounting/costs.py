"""Costs of circuits, by one static recursion over the nodes.

A node says which parts it calls, how often and how (`uses`), and what gates stand around these calls (`gates`). What
has no parts is a leaf, counted in queries. A node that stands in a circuit many times is looked at once, so that the
cost of a chain of blocks takes time linear in their number; its calls are exponential in it, and Python integers.

Example:
    >>> vec = block_encode(jnp.eye(2)) @ vector_encode(jnp.array([0.6, 0.8]))
    >>> cost(vec).num_queries
    {'Dense[0]': 1, 'StatePreparation[0]': 1}
    >>> cost(vector_sum(vec, vec)).calls["Dense[0]"]
    Calls(forward=0, adjoint=0, controlled=2, controlled_adjoint=0)
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax

from qla_jax.accounting.fold import Counted, Use, identity, parts_first
from qla_jax.accounting.gates import Gates


class Calls(NamedTuple):
    """How often a circuit calls a part, by kind: its own circuit or the inverse, controlled or not."""

    forward: int = 0
    adjoint: int = 0
    controlled: int = 0
    controlled_adjoint: int = 0

    @property
    def total(self) -> int:
        """Calls of all kinds."""
        return sum(self)

    def plus(self, other: "Calls") -> "Calls":
        """Calls of both."""
        return Calls(*(mine + yours for mine, yours in zip(self, other, strict=True)))

    def through(self, use: Use) -> "Calls":
        """Calls of the part, when these are calls of the circuit that uses it."""
        forward, adjoint, *controlled = _turned(self[:2], use) + _turned(self[2:], use)
        if use.controlled:
            return Calls(0, 0, forward + controlled[0], adjoint + controlled[1])
        if use.paired:
            return Calls(forward + controlled[0], adjoint + controlled[1])
        return Calls(forward, adjoint, *controlled)


class Cost(NamedTuple):
    """Cost of one run of a circuit.

    Attributes:
        num_ancillas: ancilla qubits.
        num_qubits: all qubits, ancillas and system.
        num_queries: calls of each leaf, of all kinds together, by the leaf's name in order of first use.
        depth: leaf calls in a row, none in parallel.
        calls: the same calls of each leaf, its adjoint's and controlled ones apart.
        gates: gates of all leaves and between their calls; `gates.depth` is the depth of the circuit in these.
        uncounted: kinds of nodes that define no gates, which `gates` leaves out: it is a lower bound then. Otherwise it
            counts a circuit that does the job, controls by `Gates.controlled`.
        success_probability: probability that one run ends with all ancillas in 0. It is known for vector encodings with
            known numbers; of a block encoding it depends on the input, and is None.
    """

    num_ancillas: int
    num_qubits: int
    num_queries: dict[str, int]
    depth: int
    calls: dict[str, Calls]
    gates: Gates
    uncounted: tuple[str, ...]
    success_probability: float | None = None

    @property
    def expected_repetitions(self) -> float | None:
        """Mean number of runs until all ancillas are found in 0; None where the probability of that is not known."""
        if self.success_probability is None:
            return None
        return 1 / self.success_probability if self.success_probability > 0 else math.inf

    def t_count(self, rotation_eps: float | None = None) -> int:
        """Return the number of T gates of one run; `Gates.t_count` says how rotations and Toffoli gates are counted.

        Args:
            rotation_eps: error of each rotation in operator norm; may be left out where there are no rotations.

        Raises:
            ValueError: rotations without `rotation_eps`, or one that is not between 0 and 1.
        """
        return self.gates.t_count(rotation_eps)

    def t_depth(self, rotation_eps: float | None = None) -> int:
        """Return the number of layers of T gates of one run; arguments and errors are those of `t_count`."""
        return self.gates.t_depth(rotation_eps)


def cost(enc: Counted) -> Cost:
    """The cost of one run of `enc`; leaves of one kind are numbered in order of first use."""
    if not isinstance(enc, Counted):
        raise TypeError(f"`enc` must be of type Encoding, but is of type {type(enc).__name__}.")
    nodes = parts_first(enc)
    called = _called(enc, nodes)
    calls: dict[str, Calls] = {}
    kinds: dict[str, int] = {}
    for key, (node, uses) in nodes.items():
        if not uses:
            kind = type(node).__name__
            calls[f"{kind}[{kinds.setdefault(kind, 0)}]"] = called[key]
            kinds[kind] += 1
    queries = {name: number.total for name, number in calls.items()}
    gates, uncounted = _gates([(node, called[key]) for key, (node, _) in nodes.items()])
    qubits = enc.num_ancillas + enc.num_qubits
    return Cost(enc.num_ancillas, qubits, queries, sum(queries.values()), calls, gates, uncounted, _success(enc))


def _success(enc: Counted) -> float | None:
    numbers = getattr(enc, "encoded", None), getattr(enc, "alpha", None)
    if any(not isinstance(number, jax.Array) or isinstance(number, jax.core.Tracer) for number in numbers):
        return None
    found = enc.success_probability  # type: ignore[attr-defined] # of what has a vector
    return min(float(found), 1.0) if found.ndim == 0 else None


def calls_of(enc: Counted, part: Counted) -> Calls:
    """Return how often one run of a circuit calls a part of it, composite or not; never, where it is no part.

    Args:
        enc: circuit that is run once.
        part: node that stands in it.
    """
    return _called(enc, parts_first(enc)).get(identity(part), Calls())


def _called(enc: Counted, nodes: dict[int, tuple[Any, Sequence[Use]]]) -> dict[int, Calls]:
    called = dict.fromkeys(nodes, Calls()) | {identity(enc): Calls(forward=1)}
    for key, (_, uses) in reversed(nodes.items()):  # all calls of a node are known before its parts are looked at
        for use in uses:
            called[identity(use.part)] = called[identity(use.part)].plus(called[key].through(use))
    return called


def _turned(calls: tuple[int, ...], use: Use) -> tuple[int, int]:
    forward, adjoint = calls
    return forward * use.forward + adjoint * use.adjoint, forward * use.adjoint + adjoint * use.forward


def _gates(nodes: list[tuple[Counted, Calls]]) -> tuple[Gates, tuple[str, ...]]:
    total, uncounted = Gates(), dict[str, None]()
    for node, calls in nodes:
        gates, controlled = node.gates(), calls.controlled + calls.controlled_adjoint
        if gates is not None:
            total += (calls.total - controlled) * gates + controlled * gates.controlled
        elif calls.total:
            uncounted[type(node).__name__] = None
    return total, tuple(uncounted)
