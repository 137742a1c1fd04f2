"""Distinct arrays for the leaves of a node, so that nodes can be donated to compiled functions.

JAX refuses to donate one buffer twice, so no array may be two leaves of a node, as in `a @ a` or where two attributes
are equal. An array that occurs a second time is copied. A copied part still counts as the same part in costs.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from qla_jax.accounting.fold import original


def separate(node: Any) -> None:
    """Copy the arrays that occur more than once in a new node and its parts; tracers are left alone."""
    # The largest child goes first and stays as it is: copies recurse, and smaller children of long chains are shallow.
    seen = set[int]()
    fields = _fields(node)
    for name, value in sorted(fields, key=lambda field: -len(_arrays(field[1]))):
        kept = _distinct(value, seen)
        if kept is not value:
            object.__setattr__(node, name, kept)
    object.__setattr__(node, "_arrays", frozenset(seen))


def _distinct(value: Any, seen: set[int]) -> Any:
    """Return the value with copies of the arrays that were seen before, and add all its arrays to those seen."""
    if isinstance(value, jax.Array):
        if id(value) in seen and not isinstance(value, jax.core.Tracer):
            value = jnp.array(value, copy=True)
        seen |= _arrays(value)
        return value
    if isinstance(value, tuple | list):
        kept = list(value)
        for place in sorted(range(len(value)), key=lambda place: -len(_arrays(value[place]))):
            kept[place] = _distinct(value[place], seen)
        if all(mine is theirs for mine, theirs in zip(kept, value, strict=True)):
            return value
        return type(value)(*kept) if hasattr(value, "_fields") else type(value)(kept)
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    if _is_node(value) and not _arrays(value) & seen:  # it was separated itself when it was made
        seen |= _arrays(value)
        return value
    # A node that shares an array with an earlier sibling is rebuilt; the copy keeps a link to the original for `cost`.
    changed = {name: kept for name, held in _fields(value) if (kept := _distinct(held, seen)) is not held}
    if not changed:
        return value
    copy = dataclasses.replace(value, **changed)
    seen |= _arrays(copy)
    if _is_node(value):
        object.__setattr__(copy, "_original", original(value))
    return copy


def _arrays(value: Any) -> frozenset[int]:
    """Return the identities of the arrays in a child from what nodes remember: JAX cannot flatten chains of 1000."""
    if isinstance(value, jax.Array):
        return frozenset() if isinstance(value, jax.core.Tracer) else frozenset({id(value)})
    if _is_node(value):
        return value._arrays
    if isinstance(value, tuple | list):
        return frozenset[int]().union(*map(_arrays, value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return frozenset[int]().union(*(_arrays(held) for _, held in _fields(value)))
    return frozenset()


def _is_node(value: Any) -> bool:
    return not isinstance(value, type) and hasattr(value, "_arrays")


def _fields(node: Any) -> list[tuple[str, Any]]:
    return [(field.name, getattr(node, field.name)) for field in dataclasses.fields(node)]
