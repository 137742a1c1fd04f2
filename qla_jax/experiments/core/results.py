"""Conversion of results between frozen dataclasses and JSON, one function for each direction, strict about names.

A field that is None by default has no key in JSON while it is None. The metadata of a field may be `named("name")`, its
name in JSON where that is no name in Python.

Example:
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Point:
    ...     x: float
    ...     counts: tuple[int, ...] = ()
    >>> to_json([Point(0.5, (1, 2))])
    [{'x': 0.5, 'counts': [1, 2]}]
    >>> from_json(list[Point], _) == [Point(0.5, (1, 2))]
    True
    >>> from_json(Point, {"x": 0.5, "y": 1})
    Traceback (most recent call last):
        ...
    ValueError: `Point` must have the keys x, counts, but counts is missing and y is unknown.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np


def named(name: str) -> dict[str, str]:
    """Return metadata of a field with another name in JSON."""
    return {"key": name}


def to_json(value: Any) -> Any:
    """Return a result as plain JSON; infinities and NaN remain."""
    if is_dataclass(value):
        kept = [one for one in fields(value) if one.default is not None or getattr(value, one.name) is not None]
        return {one.metadata.get("key", one.name): to_json(getattr(value, one.name)) for one in kept}
    if isinstance(value, Mapping):
        return {str(name): to_json(part) for name, part in value.items()}
    if hasattr(value, "_asdict"):
        return to_json(value._asdict())
    if isinstance(value, list | tuple | np.ndarray):
        return [to_json(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def from_json(kind: Any, value: Any) -> Any:
    """Return the result that plain JSON stands for.

    Args:
        kind: dataclass, NamedTuple, list, tuple, dict or union of these; a value of any other kind is returned as it
            is.
        value: plain data.

    Raises:
        ValueError: unknown or missing keys of a dataclass, by name.
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        members = [one for one in inner if one is not NoneType]
        fits = [one for one in members if keys(one) and not _odd(one, value)]
        return None if value is None else from_json((fits or members)[0], value)
    if keys(kind):
        if odd := _odd(kind, value):
            raise ValueError(f"`{kind.__name__}` must have the keys {', '.join(keys(kind))}, but {' and '.join(odd)}.")
        found = {one: from_json(told, value.get(name)) for name, (one, told) in keys(kind).items()}
        return kind(**found)
    if origin in (list, Sequence):
        return [from_json(inner[0], part) for part in value]
    if origin is tuple:
        each = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(from_json(one, part) for one, part in zip(each, value, strict=True))
    if origin in (dict, Mapping):
        return {name: from_json(inner[1], part) for name, part in value.items()}
    return value


@cache
def keys(kind: Any) -> dict[str, tuple[str, Any]]:
    """Return field and type by name in JSON; empty for a type that is no record."""
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return {one.metadata.get("key", one.name): (one.name, hints[one.name]) for one in fields(kind)}
    return {name: (name, hint) for name, hint in get_type_hints(kind).items()} if hasattr(kind, "_fields") else {}


def _odd(kind: Any, value: Any) -> list[str]:
    """Return the faults in the keys of a record."""
    if not isinstance(value, Mapping):
        return [f"it is {value!r}"]
    optional = {one.name for one in fields(kind) if one.default is None} if is_dataclass(kind) else ()
    missing = [key for key, (name, _) in keys(kind).items() if key not in value and name not in optional]
    return [f"{key} is missing" for key in missing] + [f"{key} is unknown" for key in value if key not in keys(kind)]


def finite(value: Any) -> Any:
    """Return plain data with null in place of infinities and NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {name: finite(part) for name, part in value.items()}
    if isinstance(value, list):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
