"""Circuits for one number of a layer: a dot product, a pixel, a normalized number, a pooled number.

They compute exactly the integers of `layers`.

A layer runs such a circuit under an index register for all of its numbers; `counts` returns the cost of one. Sums are
computed in full and brought into the format once, and everything except the result is uncomputed.

Example:
    >>> from qla_jax.arithmetic import Format, counts
    >>> built = batch_norm_circuit(factor=6, offset=-3, format=Format(bits=6, fraction=2))  # 1.5 x - 0.75
    >>> run = built.on_basis(x=[4, 20])  # 1 and 5
    >>> run.registers["out"].tolist(), run.registers["overflow"].tolist(), counts(built).t
    ([3, 27], [0, 0], 192)

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, appendices B and C. https://arxiv.org/abs/2402.18940
"""

from collections.abc import Sequence

import numpy as np
from jax.typing import ArrayLike

from qla_jax._checks import as_integer, require, require_kind
from qla_jax.arithmetic import parts, products
from qla_jax.arithmetic.circuit import ReversibleCircuit, circuit
from qla_jax.arithmetic.circuits import finished
from qla_jax.arithmetic.elementwise import as_constant
from qla_jax.arithmetic.formats import Format
from qla_jax.arithmetic.gates import Gates, Register, conjugate, copy, load, wires


def dot_circuit(length: int, format: Format) -> ReversibleCircuit:
    """Build the circuit of the dot product of two vectors.

    Registers are `x0`, `x1`, ..., `y0`, ..., `out` and `overflow`.

    Args:
        length: length of the vectors.
        format: format of operands and result.

    Raises:
        TypeError: `format` is no `Format`. All functions of this module raise it.
        ValueError: a length that is no integer of at least 1.

    Example:
        >>> from qla_jax.arithmetic import Format
        >>> made = dot_circuit(2, Format(bits=3, fraction=0))
        >>> made.on_basis(x0=[1], x1=[1], y0=[2], y1=[1]).registers["out"].tolist()
        [3]
    """
    require_kind("format", format, Format)
    length = as_integer("length", length, least=1)
    x, y = ([wires(format.bits) for _ in range(length)] for _ in range(2))
    full = wires(2 * format.bits + length.bit_length())
    gates = [gate for pair in zip(x, y, strict=True) for gate in products.add_product(*pair, full)]
    return finished((gates, full, format.fraction), format, _named("x", x) | _named("y", y))


def pixel_circuit(weights: ArrayLike, format: Format) -> ReversibleCircuit:
    """Build the circuit of one pixel of a convolution with a classical kernel.

    Registers are `x0`, `x1`, ..., `out` and `overflow`.

    Args:
        weights: integers of the format, of any shape; `x0` belongs to the first one in C order.
        format: format of pixels and weights.

    Raises:
        ValueError: no weights, or some that are no integers of the format.

    Example:
        >>> from qla_jax.arithmetic import Format
        >>> pixel_circuit([1, -1], Format(bits=4, fraction=0)).on_basis(x0=[5], x1=[2]).registers["out"].tolist()
        [3]
    """
    require_kind("format", format, Format)
    array = np.asarray(weights).reshape(-1)
    require(array.size > 0, "`weights` must not be empty, but are.")
    require(array.dtype.kind in "iu", f"`weights` must be integers, but are {array.dtype}.")
    numbers = [as_constant("weights", int(weight), format) for weight in array]
    pixels = [wires(format.bits) for _ in numbers]
    full = wires(2 * format.bits + (len(numbers) - 1).bit_length() + 1)
    gates: Gates = []
    for pixel, weight in zip(pixels, numbers, strict=True):
        gates += products.add_multiple(pixel, weight, full)
    return finished((gates, full, format.fraction), format, _named("x", pixels))


def batch_norm_circuit(factor: int, offset: int, format: Format) -> ReversibleCircuit:
    r"""Build the circuit of $\lfloor cx/2^f\rfloor + d$ with constants c and d, on registers `x`, `out` and `overflow`.

    The sum starts from d instead of 0, so that it takes only NOT gates. It needs one bit more than the product.

    Args:
        factor: integer c of the format; `batch_norm_constants` computes it for a channel.
        offset: integer d of the format, computed by the same function.
        format: format of x and of the result.

    Raises:
        ValueError: a factor or an offset that is no integer of the format.

    Example:
        >>> from qla_jax.arithmetic import Format
        >>> made = batch_norm_circuit(factor=6, offset=-3, format=Format(bits=6, fraction=2))  # 1.5 x - 0.75
        >>> made.on_basis(x=[4]).registers["out"].tolist()  # 0.75 for x = 1
        [3]
    """
    require_kind("format", format, Format)
    factor, offset = as_constant("factor", factor, format), as_constant("offset", offset, format)
    x, full = wires(format.bits), wires(2 * format.bits + 1)
    start = load((offset << format.fraction) % (1 << len(full)), full)
    gates = [*start, *products.add_multiple(x, factor, full)]
    return finished((gates, full, format.fraction), format, {"x": x})


def max_pool_circuit(window: int, format: Format) -> ReversibleCircuit:
    """Build the circuit of the largest number of a square window, on registers `x0`, `x1`, ... in C order, and `out`.

    It is a knockout of comparisons, one fewer than there are numbers, and all but the last are uncomputed.

    Args:
        window: side of the window.
        format: format of the numbers.

    Raises:
        ValueError: a window that is no integer of at least 1.

    Example:
        >>> from qla_jax.arithmetic import Format
        >>> made = max_pool_circuit(2, Format(bits=4, fraction=0))
        >>> made.on_basis(x0=[1], x1=[5], x2=[-3], x3=[2]).registers["out"].tolist()
        [5]
    """
    require_kind("format", format, Format)
    window = as_integer("window", window, least=1)
    pixels, out = [wires(format.bits) for _ in range(window**2)], wires(format.bits)
    rounds: Gates = []
    left = list(pixels)
    while len(left) > 2:
        winners = [wires(format.bits) for _ in range(len(left) // 2)]
        for a, b, winner in zip(left[::2], left[1::2], winners, strict=False):
            rounds += parts.larger(a, b, winner)
        left = [*winners, *left[2 * len(winners) :]]
    final = copy(left[0], out) if len(left) == 1 else parts.larger(left[0], left[1], out)
    return circuit(conjugate(rounds, final), **_named("x", pixels), out=out)


def _named(letter: str, registers: Sequence[Register]) -> dict[str, Register]:
    return {f"{letter}{i}": register for i, register in enumerate(registers)}
