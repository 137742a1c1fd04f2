"""Errors for arguments that are nested deeper than Python's recursion limit.

Running a nested circuit, or passing it to JAX, recurses for each level. Where this ends in a RecursionError of Python,
or in the SystemError into which JAX's C++ code turns one, the new error names the argument that is nested too deep.
"""

import inspect
import sys
from collections.abc import Callable
from typing import Any

SHALLOW = 20
"""Number of levels that always fit: an error for an argument with fewer levels has another reason."""


class NestingError(ValueError):
    """Error for an argument that is nested deeper than Python's recursion limit."""


RAN_OUT = (RecursionError, SystemError)
"""Exceptions that a call raises if an argument is nested too deep."""


def require_shallow(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise a NestingError if an argument of a call that exceeded the recursion limit is nested deep.

    Arguments with an attribute `nesting`, a number of levels, are checked.

    Args:
        function: function that was called.
        args: positional arguments of the call.
        kwargs: keyword arguments of the call.
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
