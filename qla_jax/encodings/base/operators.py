"""Operators of encodings, such as `a @ b`: the rooms that combine encodings say what they mean, and are asked here.

So the base class has its operators without knowing what is built on it. `qla_jax.encodings` loads all rules.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from jax import Array
from jax.typing import ArrayLike

from qla_jax._checks import as_numeric, is_concrete, require
from qla_jax._modes import default_promotion

Function = TypeVar("Function", bound=Callable)

_RULES: dict[str, list[tuple[tuple[type, ...], Callable]]] = {}


def rule(operator: str, *kinds: type) -> Callable[[Function], Function]:
    """Say by a function what an operator does to operands of these kinds; a decorator.

    Args:
        operator: its sign or name.
        kinds: of its operands, the left one first.
    """

    def register(function: Function) -> Function:
        _RULES.setdefault(operator, []).append((kinds, function))
        return function

    return register


def by_rule(operator: str, *operands: Any) -> Any:
    """Apply an operator, or return `NotImplemented` where no rule is for operands of these kinds.

    Args:
        operator: its sign or name.
        operands: the left one first.
    """
    for kinds, function in _RULES.get(operator, []):
        if all(map(isinstance, operands, kinds)):
            return function(*operands)
    return NotImplemented


@default_promotion
def inverse_of(divisor: ArrayLike, like: Array) -> Array:
    """Return one over a scalar; a Python number takes the precision of `like`.

    Args:
        divisor: a scalar.
        like: array whose precision Python numbers take.

    Raises:
        ValueError: `divisor` is not a scalar, or is seen to be zero.
    """
    divisor = as_numeric("divisor", divisor, ndim=0, like=like)
    if is_concrete(divisor):
        require(bool(np.asarray(divisor) != 0), f"`divisor` must not be zero, but is {divisor}.")
    return 1 / divisor
