"""Functions of any number of parts: the check of their classes, and balanced nesting of an operation on two parts.

Example:
    >>> balanced(lambda left, right: f"({left}{right})", "abcde")
    '((ab)(c(de)))'
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from qla_jax._checks import require, require_kind

T = TypeVar("T")


def require_parts(parts: Sequence[Any], kind: type) -> None:
    """Raise unless there is at least one part and all of them are of one kind.

    Args:
        parts: positional arguments of a function.
        kind: class of every part.

    Raises:
        ValueError: no parts.
        TypeError: a part of another class; the message for a single sequence of parts asks for `*parts`.
    """
    require(len(parts) > 0, f"`parts` must hold at least one {kind.__name__}, but is empty.")
    if len(parts) == 1 and isinstance(parts[0], list | tuple):
        raise TypeError(f"`parts` must be given one by one, as `*parts`, but is one {type(parts[0]).__name__}.")
    for part in parts:
        require_kind("parts", part, kind)


def balanced(pair: Callable[[T, T], T], parts: Sequence[T]) -> T:
    """Return an associative operation on all parts, nested as a balanced tree: n parts have log2(n) levels.

    Args:
        pair: operation on two parts.
        parts: sequence of at least one part.
    """
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return pair(balanced(pair, parts[:half]), balanced(pair, parts[half:]))
