"""Costs of circuits: qubits, queries and gates, from one static pass over the nodes.

A node states which parts it calls, how often and how (`uses`), and the gates around these calls (`gates`). A node
without parts is a leaf and is counted in queries. A node that occurs many times in a circuit is visited once. The cost
of a chain of blocks hence takes time linear in the number of blocks, although the number of calls is exponential in it;
calls are Python integers.

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
from qla_jax.accounting.gates import Gates, t_per_rotation


class Calls(NamedTuple):
    """Number of calls of a part in one run of a circuit, by kind.

    Attributes:
        forward: calls of the part's circuit.
        adjoint: calls of the inverse circuit.
        controlled: controlled calls of the part's circuit.
        controlled_adjoint: controlled calls of the inverse circuit.

    Example:
        >>> Calls(forward=2, adjoint=1).total
        3
    """

    forward: int = 0
    adjoint: int = 0
    controlled: int = 0
    controlled_adjoint: int = 0

    @property
    def total(self) -> int:
        """Number of calls of all kinds."""
        return sum(self)

    def plus(self, other: "Calls") -> "Calls":
        """Return the calls of two circuits together."""
        return Calls(*(mine + yours for mine, yours in zip(self, other, strict=True)))

    def through(self, use: Use) -> "Calls":
        """Return the calls of a part that result from these calls of the circuit that uses the part."""
        forward, adjoint, *controlled = _turned(self[:2], use) + _turned(self[2:], use)
        if use.controlled:
            return Calls(0, 0, forward + controlled[0], adjoint + controlled[1])
        # A call and its inverse around a controlled gate need no control: without the gate they cancel.
        if use.paired:
            return Calls(forward + controlled[0], adjoint + controlled[1])
        return Calls(forward, adjoint, *controlled)


class Cost(NamedTuple):
    """Resources of one run of a circuit.

    Attributes:
        num_ancillas: number of ancilla qubits.
        num_qubits: number of all qubits, ancillas and system.
        num_queries: calls of each leaf, of all kinds together, by the leaf's name in order of first use.
        depth: number of consecutive leaf calls, none of them in parallel.
        calls: calls of each leaf by kind: own circuit or inverse, controlled or not.
        gates: gates of all leaves and between their calls; `gates.depth` is the depth of the circuit in these gates.
        uncounted: classes of nodes that define no gates and are missing in `gates`, which is then a lower bound.
            Otherwise `gates` counts one possible circuit, with controls by `Gates.controlled`.
        success_probability: probability that one run ends with all ancillas in 0. It is given for vector encodings with
            concrete arrays. For a block encoding it depends on the input and is None.
        eps: bound on the error of the encoded matrix or vector, absolute in its units. The rotations of the circuit add
            their number times `rotation_eps` times alpha; rotations are exact where `rotation_eps` is None. The bound
            is `inf` where uncounted nodes may have rotations, and None without concrete numbers.
        rotation_eps: error of each rotation in operator norm, or None.

    Example:
        >>> found = cost(block_encode(jnp.eye(2), alpha=2.0) @ vector_encode(jnp.array([0.6, 0.8])))
        >>> found.num_qubits, found.num_ancillas, round(found.success_probability, 6)
        (2, 1, 0.25)
    """

    num_ancillas: int
    num_qubits: int
    num_queries: dict[str, int]
    depth: int
    calls: dict[str, Calls]
    gates: Gates
    uncounted: tuple[str, ...]
    success_probability: float | None = None
    eps: float | None = None
    rotation_eps: float | None = None

    def __str__(self) -> str:
        """Return the resources as a table."""
        rows = [
            ("qubits", f"{self.num_qubits}, of which {self.num_ancillas} are ancillas"),
            *((f"queries of {name}", f"{calls.total} ({_kinds(calls)})") for name, calls in self.calls.items()),
            ("consecutive queries", f"{self.depth}"),
            *_rows_of(self.gates),
            *self._synthesized(),
            *([("not counted", ", ".join(self.uncounted))] if self.uncounted else []),
        ]
        if self.success_probability is not None:
            rows += [("success probability", f"{self.success_probability:.4g}")]
            rows += [("expected repetitions", f"{self.expected_repetitions:.4g}")]
        width = max(len(label) for label, _ in rows)
        return "\n".join(f"{label:<{width}}  {value}" for label, value in rows)

    def _synthesized(self) -> list[tuple[str, str]]:
        """Return the rows of a table on T gates and errors, if the error of the rotations is known."""
        if self.rotation_eps is None:
            return []
        told = [("T gates", f"{self.t_count()}, with an error of {self.rotation_eps:.3g} of each rotation")]
        return told + ([] if self.eps is None else [("error of the encoding", f"{self.eps:.4g}")])

    @property
    def expected_repetitions(self) -> float | None:
        """Mean number of runs until all ancillas are measured in 0; None where the success probability is not known."""
        if self.success_probability is None:
            return None
        return 1 / self.success_probability if self.success_probability > 0 else math.inf

    def t_count(self, rotation_eps: float | None = None, *, total_eps: float | None = None) -> int:
        """Return the number of T gates of one run, with rotations and Toffoli gates counted as in `Gates.t_count`.

        Args:
            rotation_eps: error of each rotation in operator norm; by default that of `cost`. Circuits without rotations
                need none.
            total_eps: error of all rotations together in operator norm, in place of `rotation_eps`. The encoded matrix
                gets alpha times this error.

        Raises:
            ValueError: rotations with neither or both of the errors, or an error that is not between 0 and 1.

        Example:
            >>> found = cost(block_encode_pauli({"XZ": 0.5, "ZI": -0.3}))
            >>> found.gates.rotations, found.t_count(total_eps=2e-10) == found.t_count(rotation_eps=1e-10)
            (2, True)
        """
        return self.gates.t_count(self._each(rotation_eps, total_eps), total_eps=total_eps)

    def t_depth(self, rotation_eps: float | None = None, *, total_eps: float | None = None) -> int:
        """Return the number of layers of T gates of one run; arguments and errors are those of `t_count`."""
        return self.gates.t_depth(self._each(rotation_eps, total_eps), total_eps=total_eps)

    def _each(self, rotation_eps: float | None, total_eps: float | None) -> float | None:
        return self.rotation_eps if rotation_eps is None and total_eps is None else rotation_eps


def _kinds(calls: "Calls") -> str:
    """Return how often a leaf is called in each way, in words."""
    return ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in calls._asdict().items() if n) or "none"


def _rows_of(gates: Gates) -> list[tuple[str, str]]:
    """Return the gates of a circuit as rows of a table."""
    named = {"rotations": gates.rotations, "CNOT": gates.cnot, "Toffoli": gates.toffoli, "T gates besides": gates.t}
    named |= {"memory reads": gates.reads, "depth in gates": gates.depth}
    return [(label, str(n)) for label, n in named.items() if n]


def cost(enc: Counted, *, rotation_eps: float | None = None) -> Cost:
    r"""Return the resources of one run of an encoding's circuit: qubits, queries of each leaf, gates, T count.

    The count is static: no circuit runs, and encodings under `jax.eval_shape` can be counted. Leaves of one class are
    numbered in order of first use.

    Errors of gates add up in operator norm. A circuit of R rotations with the error $\delta$ each, of an encoding with
    the error $\epsilon$, encodes the matrix up to $\epsilon + \alpha R\delta$, which is the attribute `eps`.

    Args:
        enc: block or vector encoding.
        rotation_eps: error of each rotation in operator norm, for `eps` and for T counts; by default rotations are
            exact.

    Returns:
        A `Cost` with the attributes `num_qubits`, `num_ancillas`, `num_queries`, `calls`, `gates`, `depth`,
        `success_probability` and `eps`.

    Raises:
        TypeError: `enc` is not an encoding.
        ValueError: `rotation_eps` is not between 0 and 1.

    Example:
        >>> enc = block_encode(jnp.eye(2))
        >>> found = cost(qsvt(enc @ enc, [0.0, 0.0, 0.5]))
        >>> found.num_queries, found.num_qubits
        ({'Dense[0]': 4}, 4)
        >>> print(found)
        qubits               4, of which 3 are ancillas
        queries of Dense[0]  4 (forward 2, adjoint 2)
        consecutive queries  4
        rotations            67
        CNOT                 70
        Toffoli              3
        depth in gates       140
        >>> words = cost(block_encode_pauli({"XZ": 0.5, "ZI": -0.3}), rotation_eps=1e-6)
        >>> words.gates.rotations, words.t_count(), f"{words.eps:.2e}"
        (2, 65, '1.60e-06')

    References:
        Nielsen, Chuang (2010), Section 4.5.3, errors of consecutive gates add up.
    """
    if rotation_eps is not None:
        t_per_rotation(rotation_eps)  # raises for an error that no rotation has
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
    depth, eps = sum(queries.values()), _eps(enc, gates, uncounted, rotation_eps)
    return Cost(enc.num_ancillas, qubits, queries, depth, calls, gates, uncounted, _success(enc), eps, rotation_eps)


def _eps(enc: Counted, gates: Gates, uncounted: tuple[str, ...], rotation_eps: float | None) -> float | None:
    """Return the error of an encoding with synthesized rotations, or None without concrete numbers."""
    numbers: list[Any] = [getattr(enc, name, None) for name in ("eps", "alpha")]
    if any(not isinstance(one, jax.Array) or isinstance(one, jax.core.Tracer) or one.ndim for one in numbers):
        return None
    eps, alpha = map(float, numbers)
    if rotation_eps is None:
        return eps
    return math.inf if uncounted else eps + alpha * gates.rotations * rotation_eps


def _success(enc: Counted) -> float | None:
    numbers = getattr(enc, "encoded", None), getattr(enc, "alpha", None)
    if any(not isinstance(number, jax.Array) or isinstance(number, jax.core.Tracer) for number in numbers):
        return None
    found = enc.success_probability  # type: ignore[attr-defined] # an encoding with a vector has it
    return min(float(found), 1.0) if found.ndim == 0 else None


def calls_of(enc: Counted, part: Counted) -> Calls:
    """Return the number of calls of a part, a leaf or a composite node, in one run of a circuit.

    Args:
        enc: circuit that runs once.
        part: node of the circuit; any other node has no calls.
    """
    return _called(enc, parts_first(enc)).get(identity(part), Calls())


def _called(enc: Counted, nodes: dict[int, tuple[Any, Sequence[Use]]]) -> dict[int, Calls]:
    called = dict.fromkeys(nodes, Calls()) | {identity(enc): Calls(forward=1)}
    for key, (_, uses) in reversed(nodes.items()):  # all calls of a node are counted before its parts are visited
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
