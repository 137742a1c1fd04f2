"""One array for each leaf: what a node is made of may be donated.

JAX donates no buffer twice, so that no array may stand in two leaves of a node, as in `a @ a` or where two attributes
are equal. Whatever comes a second time is copied. A copied part stays the same part when calls are counted.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp


def separate(node: Any) -> None:
    """Copy arrays of a frozen dataclass, or of what it holds, that come more than once; tracers are left alone."""
    seen = set[int]()
    for name, value in _fields(node):
        kept = _distinct(value, seen)
        if kept is not value:
            object.__setattr__(node, name, kept)


def original(part: Any) -> Any:
    """Return the part that this one is a copy of, itself unless it was copied."""
    return getattr(part, "_original", part)


def _distinct(value: Any, seen: set[int]) -> Any:
    if isinstance(value, jax.Array):
        if isinstance(value, jax.core.Tracer) or id(value) not in seen:
            seen.add(id(value))
            return value
        return jnp.array(value, copy=True)
    if isinstance(value, tuple | list):
        kept = [_distinct(entry, seen) for entry in value]
        if all(map(lambda mine, theirs: mine is theirs, kept, value)):
            return value
        return type(value)(*kept) if hasattr(value, "_fields") else type(value)(kept)
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    changed = {name: kept for name, held in _fields(value) if (kept := _distinct(held, seen)) is not held}
    if not changed:
        return value
    copy = dataclasses.replace(value, **changed)
    if hasattr(type(value), "_original"):
        object.__setattr__(copy, "_original", original(value))
    return copy


def _fields(node: Any) -> list[tuple[str, Any]]:
    return [(field.name, getattr(node, field.name)) for field in dataclasses.fields(node)]
