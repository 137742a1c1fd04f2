r"""One number of a layer by gates, bit for bit that of `layers`: a dot, a pixel, a normalized number, a pooled one.

A layer runs such a circuit under an index register for all of its numbers; `counts` reads off what one takes. Sums are
computed in full and brought into the format once, and everything but the result is uncomputed.

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
    """The dot of two quantum vectors by gates: registers `x0`, `x1`, ..., `y0`, ..., `out` and `overflow`.

    Raises:
        TypeError: `format` is none; so do all functions here.
        ValueError: a length that is no integer of at least 1.
    """
    require_kind("format", format, Format)
    length = as_integer("length", length, least=1)
    x, y = ([wires(format.bits) for _ in range(length)] for _ in range(2))
    full = wires(2 * format.bits + length.bit_length())
    gates = [gate for pair in zip(x, y, strict=True) for gate in products.add_product(*pair, full)]
    return finished((gates, full, format.fraction), format, _named("x", x) | _named("y", y))


def pixel_circuit(weights: ArrayLike, format: Format) -> ReversibleCircuit:
    """One pixel of a convolution with a classical kernel by gates: registers `x0`, `x1`, ..., `out` and `overflow`.

    Args:
        weights: integers of the format, any shape; `x0` belongs to the first in C order.
        format: of pixels and weights.

    Raises:
        ValueError: no weights, or some that are no integers of the format.
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
    r"""A constant product and a constant sum, $\lfloor cx/2^f\rfloor + d$: registers `x`, `out` and `overflow`.

    The sum begins with d in place of 0, so that it costs NOT gates alone; one bit more than the product holds it.

    Args:
        factor: c, an integer of the format; `batch_norm_constants` has it for a channel.
        offset: d, likewise.
        format: of x and of the result.

    Raises:
        ValueError: a factor or an offset that is no integer of the format.
    """
    require_kind("format", format, Format)
    factor, offset = as_constant("factor", factor, format), as_constant("offset", offset, format)
    x, full = wires(format.bits), wires(2 * format.bits + 1)
    start = load((offset << format.fraction) % (1 << len(full)), full)
    gates = [*start, *products.add_multiple(x, factor, full)]
    return finished((gates, full, format.fraction), format, {"x": x})


def max_pool_circuit(window: int, format: Format) -> ReversibleCircuit:
    """The largest number of a window x window square: registers `x0`, `x1`, ... in C order, and `out`.

    A knockout of comparisons, one less than there are numbers, uncomputed but for the last.

    Raises:
        ValueError: a window that is no integer of at least 1.
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
