"""What static arguments of this room must be: whole numbers, which Python lets floats and booleans pass for."""

from typing import Any

import numpy as np

from qla_jax.encodings.checks import require


def as_integer(name: str, value: Any, least: int | None = None) -> int:
    """`value` as a Python integer.

    Raises:
        ValueError: not an integer (a boolean is none), or one below `least`.
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    require(whole, f"`{name}` must be an integer, but is {value!r}.")
    require(least is None or value >= least, f"`{name}` must be at least {least}, but is {value}.")
    return int(value)
