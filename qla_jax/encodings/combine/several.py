"""Functions of any number of parts: the check of their classes, and the nesting of an operation on two parts.

Example:
    >>> balanced(lambda left, right: f"({left}{right})", "abcde")
    '((ab)(c(de)))'
    >>> with_least_size(lambda left, right: f"({left}{right})", "abcde", sizes=(2, 2, 2, 0, 4))
    '(((ab)(cd))e)'
"""

from collections.abc import Callable, Sequence
from itertools import groupby
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


def with_least_size(pair: Callable[[T, T], T], parts: Sequence[T], sizes: Sequence[int]) -> T:
    """Return an associative operation on all parts in order, nested for the least size of the whole.

    The size of a pair is that of the larger one plus one, or that of the other one if one is 0. Neighbors of the least
    size are paired first. One that is left over is as good as one of the next size, since its pair will be larger.

    Args:
        pair: operation on two parts.
        parts: sequence of at least one part.
        sizes: size of each part, at least 0.
    """
    items: list[tuple[int, T]] = []
    front: list[T] = []
    for size, run in groupby(zip(sizes, parts, strict=True), key=lambda item: item[0]):
        found = [part for _, part in run]
        if size > 0:
            items += [(size, part) for part in found]
        elif items:
            items[-1] = items[-1][0], pair(items[-1][1], balanced(pair, found))
        else:
            front = [balanced(pair, found)]
    if not items:
        return front[0]
    if front:
        items[0] = items[0][0], pair(front[0], items[0][1])
    while len(items) > 1:
        least = min(size for size, _ in items)
        paired: list[tuple[int, T]] = []
        for size, run in groupby(items, key=lambda item: item[0]):
            found = [part for _, part in run]
            if size == least:
                found = [balanced(pair, found[at : at + 2]) for at in range(0, len(found), 2)]
            paired += [(size + (size == least), part) for part in found]
        items = paired
    return items[0][1]
