"""Errors for arguments that are nested deeper than Python's recursion goes.

A nested circuit that is run, or handed to JAX, calls itself for each level. Where that ends in a RecursionError of
Python, or in the SystemError that JAX's C++ makes of one, the error names the argument that is nested too deep.
"""

import inspect
import sys
from collections.abc import Callable
from typing import Any

SHALLOW = 20
"""Number of levels that always fit: an error in an argument nested less deep than this has another reason."""


class NestingError(ValueError):
    """An argument is nested deeper than Python's recursion goes."""


RAN_OUT = (RecursionError, SystemError)
"""What a call raises whose argument is nested too deep."""


def require_shallow(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise NestingError if an argument of a call that ran out of recursion is nested deep.

    Args:
        function: function that was called.
        args: positional arguments of the call.
        kwargs: keyword arguments of the call; arguments with an attribute `nesting`, a number of levels, are looked at.
    """
    arguments = inspect.signature(function).bind(*args, **kwargs).arguments
    nested = [
        (part.nesting, name, type(part).__name__)
        for name, value in arguments.items()
        for part in (value if isinstance(value, tuple | list) else (value,))
        if hasattr(part, "nesting")
    ]
    depth, name, kind = max(nested, default=(0, "", ""))
    if depth > SHALLOW:
        raise NestingError(
            f"`{name}` must be nested less deep to fit in Python's recursion limit of {sys.getrecursionlimit()}, "
            f"but is a {kind} nested {depth} deep."
        ) from None
