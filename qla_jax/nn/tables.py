r"""Circuits of the operations of a layer, and tables of two functions that are looked up: GELU and the exponential.

Example:
    >>> from qla_jax.arithmetic import decode, encode
    >>> format = Format(bits=12, fraction=8)
    >>> found = decode(exponential_table(format)(encode(np.array([-1.0]), format)))
    >>> bool(abs(found[0] - np.exp(-1)) <= 2 * format.step)
    True
    >>> row_depth({"multiply": 2, "add": 1}, format)
    672
"""

import math
from collections.abc import Mapping

import numpy as np
import scipy.special

from qla_jax._checks import require
from qla_jax.arithmetic import Format, Piecewise, ReversibleCircuit, arccos_circuit, counts, piecewise
from qla_jax.arithmetic.circuits import operation

GELU_RANGE = 32
r"""Bound on the numbers of a format with a GELU: below it $x\,\Phi(-x)$ is far from the underflow of float64."""


def gelu_table(format: Format) -> Piecewise:
    r"""Return a table of $x\,\Phi(-x)$ for $x \ge 0$, exact to the last bit. GELU is ReLU minus this function at |x|.

    The fourth derivative, $(x^4 - 7x^2 + 4)\varphi(x)$, is largest at 0, which bounds the error of its cubic pieces.

    Args:
        format: fixed-point format of argument and value.

    Raises:
        ValueError: a format with numbers of 32 or more; above 37 the tabulated function underflows in float64.
    """
    largest = format.largest * format.step
    require(largest < GELU_RANGE, f"`format` must end below {GELU_RANGE} for GELU, but ends at {largest}.")
    return piecewise(
        lambda x: x * scipy.special.ndtr(-x),
        format,
        derivative=lambda n, low, high: 4 / math.sqrt(2 * math.pi),
        domain=(0.0, largest),
    )


def exponential_table(format: Format) -> Piecewise:
    r"""Return a table of $e^x$ for $x \le 0$, exact to the last bit.

    Args:
        format: fixed-point format of argument and value.
    """
    return piecewise(
        np.exp, format, derivative=lambda n, low, high: math.exp(high), domain=(format.least * format.step, 0.0)
    )


def row_depth(operations: Mapping[str, int], format: Format) -> int:
    """Return the T-depth of operations one after another, counted in their circuits.

    Args:
        operations: how often each operation stands in the row, by name.
        format: fixed-point format of the registers.

    Raises:
        ValueError: an operation of another name, or one that the format has no circuit for.
    """
    return sum(counts(_circuit(name, format)).t_depth * count for name, count in sorted(operations.items()))


def _circuit(name: str, format: Format) -> ReversibleCircuit:
    match name:
        case "arccos":
            return arccos_circuit(format)
        case "exponential":
            return exponential_table(format).circuit()
        case "gelu":
            return gelu_table(format).circuit()
    return operation(name, format)
