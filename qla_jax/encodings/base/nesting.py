"""Properties of nested encodings, computed in loops because chains may be longer than Python's recursion limit.

Operations that do recurse, such as a circuit on a state, raise an error for nodes that are nested too deep (`_modes`).

Example:
    >>> part = block_encode(jnp.eye(2))
    >>> [type(node).__name__ for node, _ in parts_first(2.0 * (part @ part)).values()]
    ['Dense', 'Product', 'Scaled']
    >>> (2.0 * (part @ part)).nesting
    2
"""

import dataclasses
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import jax
import numpy as np
from jax import Array

from qla_jax._checks import is_concrete
from qla_jax.accounting.fold import identity, parts_first

_answers: ContextVar[dict[tuple[str, int], Any]] = ContextVar("answers")


def is_encoding(value: Any) -> bool:
    """Return whether a value is an encoding; the test is by attribute, since `Encoding` itself imports this module."""
    return hasattr(value, "row") and not isinstance(value, type)


def nesting_of(enc: Any) -> int:
    """Return the number of nodes around the innermost leaf."""
    depths: dict[int, int] = {}
    for key, (_, uses) in parts_first(enc).items():
        depths[key] = max((1 + depths[identity(use.part)] for use in uses), default=0)
    return depths[identity(enc)]


def after_parts(name: str, ask: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Make a recursive property fall back to a loop over the parts where Python's recursion limit is reached.

    Args:
        name: name of the property.
        ask: getter of the property of a class of nodes.
    """

    def answer(enc: Any) -> Any:
        known = _answers.get({})
        if (name, identity(enc)) in known:
            return known[name, identity(enc)]
        try:
            return ask(enc)
        except RecursionError:
            return _asked_in_a_loop(name, enc)

    return answer


def _asked_in_a_loop(name: str, enc: Any) -> Any:
    """Return a property of an encoding by computing it for all parts first."""
    # The answers live in a context variable for the time of this call alone: nodes are immutable and hold no caches.
    known: dict[tuple[str, int], Any] = {}
    nodes = parts_first(enc)
    token = _answers.set(known)
    try:
        for key, (node, _) in nodes.items():
            known[name, key] = getattr(node, name)
    finally:
        _answers.reset(token)
    return known[name, identity(enc)]


def links(enc: Any, *, adjoint: bool = False) -> tuple[tuple[Any, ...], tuple[bool, ...]]:
    """Return the parts and scalars whose product is the encoded matrix, in the order in which they act.

    Args:
        enc: any block encoding; an encoding without a row of parts is its own only link.
        adjoint: True for the links of the adjoint matrix.

    Returns:
        The links, and one boolean for each link that is True where its adjoint acts.
    """
    found: list[tuple[Any, bool]] = []
    waiting: list[tuple[Any, bool]] = [(enc, adjoint)]
    while waiting:
        held, backwards = waiting.pop()
        row = held.row() if is_encoding(held) else None
        if row is None:
            found.append((held, backwards))
            continue
        for step in row if backwards else reversed(row):
            if step.factor is not None:
                waiting.append((step.factor, backwards))
            waiting.append((step.part, backwards != step.adjoint))
    return tuple(held for held, _ in found), tuple(backwards for _, backwards in found)


def equal(mine: Any, yours: Any) -> bool:
    """Return whether two nodes have one structure and equal arrays; a traced array equals itself only.

    Args:
        mine: first encoding.
        yours: second encoding.
    """
    # Pairs that were compared are skipped: shared parts would otherwise be compared once for each path to them.
    waiting, compared = [(mine, yours)], set()
    while waiting:
        pair = waiting.pop()
        if pair[0] is pair[1] or (id(pair[0]), id(pair[1])) in compared:
            continue
        compared.add((id(pair[0]), id(pair[1])))
        (structure, leaves), (other, theirs) = map(_opened, pair)
        if structure != other:
            return False
        for one, another in zip(leaves, theirs, strict=True):
            if is_encoding(one) and is_encoding(another):
                waiting.append((one, another))
            elif is_encoding(one) or is_encoding(another) or not _same(one, another):
                return False
    return True


def own_arrays(enc: Any) -> list[Array]:
    """Return the arrays of an encoding without those of its parts.

    Args:
        enc: any encoding.
    """
    return [leaf for leaf in jax.tree.leaves(_opened(enc)[1], is_leaf=is_encoding) if not is_encoding(leaf)]


def _opened(node: Any) -> tuple[tuple[Any, ...], list[Any]]:
    """Return the structure of one node, and its leaves: arrays and parts."""
    held: dict[str, Any] = {}
    static: dict[str, Any] = {}
    for field in dataclasses.fields(node):
        (held if field.metadata.get("pytree_node", True) else static)[field.name] = getattr(node, field.name)
    leaves, structure = jax.tree.flatten(held, is_leaf=is_encoding)
    return (type(node), str(static), str(structure)), leaves


def _same(mine: Any, yours: Any) -> bool:
    if mine is yours:
        return True
    return is_concrete(mine, yours) and np.array_equal(np.asarray(mine), np.asarray(yours))
