"""Registry of the operators of encodings, such as `a @ b`.

The modules that combine encodings register the meaning of each operator here, so that the base class has operators
without importing the classes built on it. Importing `qla_jax.encodings` loads all rules.
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
    """Return a decorator that registers a function as the meaning of an operator for operands of given classes.

    Args:
        operator: sign or name of the operator, such as "@".
        kinds: classes of the operands, the left one first.
    """

    def register(function: Function) -> Function:
        _RULES.setdefault(operator, []).append((kinds, function))
        return function

    return register


def by_rule(operator: str, *operands: Any) -> Any:
    """Apply an operator by its registered rule, or return `NotImplemented` where no rule fits the operands.

    Args:
        operator: sign or name of the operator, such as "@".
        operands: operands, the left one first.
    """
    for kinds, function in _RULES.get(operator, []):
        if all(map(isinstance, operands, kinds)):
            return function(*operands)
    return NotImplemented


@default_promotion
def inverse_of(divisor: ArrayLike, like: Array) -> Array:
    """Return the reciprocal of a scalar; a Python number takes the precision of `like`.

    Args:
        divisor: scalar.
        like: array whose precision a Python number takes.

    Raises:
        ValueError: `divisor` is not a scalar, or is zero outside jit.
    """
    divisor = as_numeric("divisor", divisor, ndim=0, like=like)
    if is_concrete(divisor):
        require(bool(np.asarray(divisor) != 0), f"`divisor` must not be zero, but is {divisor}.")
    return 1 / divisor
