"""Arithmetic on fixed-point arrays, entry by entry, with exactly the integers that the circuits compute.

A result is computed in full, shifted and rounded down where needed, and brought into the format once.
`circuits.operation` builds the circuit of each function by its name. Each function is compiled once for a shape and a
format.

Example:
    >>> from qla_jax.arithmetic import Format, decode, encode
    >>> format = Format(bits=8, fraction=4)
    >>> x, y = encode(jnp.array([1.5, -2.0]), format), encode(jnp.array([0.75, 0.0]), format)
    >>> decode(multiply(x, y)).tolist(), divide(x, y).overflow.tolist()
    ([1.125, 0.0], [False, True])
"""

import functools
from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax._checks import as_integer, require, require_kind
from qla_jax._modes import default_promotion, varying_like
from qla_jax.arithmetic import digits as wide
from qla_jax.arithmetic.formats import FixedPoint, Format, from_integers, same_format

Result = TypeVar("Result")


def _length(format: Format) -> int:
    """Return the number of digits for a product of two numbers and one more bit.

    Quotients and squares of roots need no more.
    """
    return wide.count(2 * format.bits + 2)


def fitted(value: wide.Digits, fraction: int, format: Format, *flags: Array) -> FixedPoint:
    """Bring a number computed in full, over 2^fraction, into the format.

    Args:
        value: digits of the number in full.
        fraction: number of bits to shift by.
        format: format of the result.
        flags: masks of entries that are flagged in any case.

    Returns:
        Numbers in fixed point, flagged where they do not fit.
    """
    integers, overflow = wide.narrow(value, fraction, format.bits, format.saturates)
    for flag in flags:
        overflow = overflow | flag
    return FixedPoint(integers, overflow, format)


def _digits(x: FixedPoint) -> wide.Digits:
    return wide.digits(x.integers, _length(x.format))


def _of_one(function: Callable[[FixedPoint], FixedPoint]) -> Callable[[FixedPoint], FixedPoint]:
    """Compile a function of one number, with a check before it."""
    compiled = jax.jit(function)

    @functools.wraps(function)
    @default_promotion
    def call(x: FixedPoint) -> FixedPoint:
        require_kind("x", x, FixedPoint)
        return compiled(x)

    return call


def _of_two(function: Callable[[FixedPoint, FixedPoint], Result]) -> Callable[[FixedPoint, FixedPoint], Result]:
    """Compile a function of two numbers, with a check before it that brings both to one shape.

    The leading axis of digits must not broadcast, so numbers are broadcast before they become digits.
    """

    @jax.jit
    def compiled(x: FixedPoint, y: FixedPoint) -> Result:
        shape = jnp.broadcast_shapes(x.shape, y.shape)
        return function(*jax.tree.map(lambda part: jnp.broadcast_to(part, shape), (x, y)))

    @functools.wraps(function)
    @default_promotion
    def call(x: FixedPoint, y: FixedPoint) -> Result:
        same_format("y", x, y)
        try:
            jnp.broadcast_shapes(x.shape, y.shape)
        except ValueError as error:
            raise ValueError(f"`y` must have a shape that fits {x.shape} of `x`, but has {y.shape}.") from error
        return compiled(x, y)

    return call


@_of_two
def add(x: FixedPoint, y: FixedPoint) -> FixedPoint:
    """Add two numbers, $x + y$.

    Args:
        x: first summand.
        y: second summand, of the same format.

    Raises:
        TypeError: not numbers in fixed point. All functions of this module raise it.
        ValueError: formats or shapes that do not fit each other. All functions of two numbers raise it.

    Example:
        >>> from qla_jax.arithmetic import Format, decode, encode
        >>> x = encode(jnp.array([1.5, 7.0]), Format(bits=8, fraction=4))
        >>> decode(add(x, x)).tolist(), add(x, x).overflow.tolist()  # 14 does not fit and wraps
        ([3.0, -2.0], [False, True])
    """
    return fitted(wide.add(_digits(x), _digits(y)), 0, x.format, x.overflow, y.overflow)


@_of_two
def subtract(x: FixedPoint, y: FixedPoint) -> FixedPoint:
    """Subtract two numbers, $x - y$.

    Args:
        x: number to subtract from.
        y: number to subtract, of the same format.

    Example:
        >>> from qla_jax.arithmetic import Format, decode, encode
        >>> x = encode(jnp.array([1.5, 2.0]), Format(bits=8, fraction=4))
        >>> decode(subtract(x, x)).tolist()
        [0.0, 0.0]
    """
    return fitted(wide.subtract(_digits(x), _digits(y)), 0, x.format, x.overflow, y.overflow)


@_of_one
def negate(x: FixedPoint) -> FixedPoint:
    """Negate numbers, $-x$; the least number of a format has no negative and is flagged.

    Example:
        >>> from qla_jax.arithmetic import Format, decode, encode
        >>> decode(negate(encode(jnp.array([1.5, -2.0]), Format(bits=8, fraction=4)))).tolist()
        [-1.5, 2.0]
    """
    return fitted(wide.carried(-_digits(x)), 0, x.format, x.overflow)


@_of_one
def absolute(x: FixedPoint) -> FixedPoint:
    """Return absolute values $|x|$; that of the least number of a format does not fit and is flagged.

    Example:
        >>> from qla_jax.arithmetic import Format, decode, encode
        >>> decode(absolute(encode(jnp.array([1.5, -2.0]), Format(bits=8, fraction=4)))).tolist()
        [1.5, 2.0]
    """
    return fitted(wide.negate_where(x.integers < 0, _digits(x)), 0, x.format, x.overflow)


@_of_two
def less(x: FixedPoint, y: FixedPoint) -> Array:
    """Return whether $x < y$, entry by entry.

    Args:
        x: first number.
        y: second number, of the same format.

    Returns:
        Array of truth values.

    Example:
        >>> from qla_jax.arithmetic import Format, encode
        >>> x, y = (encode(jnp.array(v), Format(bits=8, fraction=4)) for v in ([1.5, -2.0], [0.0, 0.0]))
        >>> less(x, y).tolist()
        [False, True]
    """
    return x.integers < y.integers


@_of_two
def maximum(x: FixedPoint, y: FixedPoint) -> FixedPoint:
    """Return the larger of two numbers, entry by entry.

    Args:
        x: first number.
        y: second number, of the same format.

    Example:
        >>> from qla_jax.arithmetic import Format, decode, encode
        >>> x, y = (encode(jnp.array(v), Format(bits=8, fraction=4)) for v in ([1.5, -2.0], [0.0, 0.0]))
        >>> decode(maximum(x, y)).tolist()
        [1.5, 0.0]
    """
    return FixedPoint(jnp.maximum(x.integers, y.integers), x.overflow | y.overflow, x.format)


@_of_one
def relu(x: FixedPoint) -> FixedPoint:
    r"""Return $\max(x, 0)$, entry by entry.

    Example:
        >>> from qla_jax.arithmetic import Format, decode, encode
        >>> decode(relu(encode(jnp.array([1.5, -2.0]), Format(bits=8, fraction=4)))).tolist()
        [1.5, 0.0]
    """
    return x.replace(integers=jnp.maximum(x.integers, 0))


@_of_two
def multiply(x: FixedPoint, y: FixedPoint) -> FixedPoint:
    """Multiply two numbers, and round $xy$ down to the last bit.

    Args:
        x: first factor.
        y: second factor, of the same format.

    Example:
        >>> from qla_jax.arithmetic import Format, decode, encode
        >>> x, y = (encode(jnp.array(v), Format(bits=8, fraction=4)) for v in ([1.5, -2.0], [0.75, 0.5]))
        >>> decode(multiply(x, y)).tolist()
        [1.125, -1.0]
    """
    return fitted(wide.multiply(_digits(x), _digits(y)), x.format.fraction, x.format, x.overflow, y.overflow)


@_of_one
def square(x: FixedPoint) -> FixedPoint:
    """Square numbers, and round $x^2$ down to the last bit.

    Example:
        >>> from qla_jax.arithmetic import Format, decode, encode
        >>> decode(square(encode(jnp.array([1.5, -2.0]), Format(bits=8, fraction=4)))).tolist()
        [2.25, 4.0]
    """
    return multiply(x, x)


def multiply_constant(x: FixedPoint, factor: int) -> FixedPoint:
    """Multiply numbers by a classical number of their format, and round the product down to the last bit.

    Args:
        x: numbers in fixed point.
        factor: classical number, given by its integer.

    Raises:
        ValueError: a factor that is no integer of the format.

    Example:
        >>> from qla_jax.arithmetic import Format, decode, encode
        >>> x = encode(jnp.array([1.5, -2.0]), Format(bits=8, fraction=4))
        >>> decode(multiply_constant(x, 8)).tolist()  # 8 stands for 0.5
        [0.75, -1.0]
    """
    require_kind("x", x, FixedPoint)
    return multiply(x, from_integers(as_constant("factor", factor, x.format), x.format))


def as_constant(name: str, value: int, format: Format) -> int:
    """Return a classical number of a format as an int.

    Args:
        name: name of the argument, for the error.
        value: integer of the number.
        format: format that the integer must belong to.

    Raises:
        ValueError: no integer, or one that does not fit the format.
    """
    value = as_integer(name, value)
    fits = format.least <= value <= format.largest
    require(fits, f"`{name}` must be from {format.least} to {format.largest}, but is {value}.")
    return value


def magnitude(x: FixedPoint) -> Array:
    """Return $|x|$ as uint32, which also holds the absolute value of the least number."""
    require_kind("x", x, FixedPoint)
    raw = jax.lax.bitcast_convert_type(x.integers, jnp.uint32)
    return jnp.where(x.integers < 0, 0 - raw, raw)


@_of_two
def divide(x: FixedPoint, y: FixedPoint) -> FixedPoint:
    """Divide two numbers, and round $x/y$ toward zero; a quotient by zero is flagged, like one that does not fit.

    All digits of a quotient by zero are 1, so it becomes the largest or least number where the format saturates.

    Args:
        x: dividend.
        y: divisor, of the same format.

    Example:
        >>> from qla_jax.arithmetic import Format, decode, encode
        >>> x, y = (encode(jnp.array(v), Format(bits=8, fraction=4)) for v in ([1.5, 1.0], [0.75, 0.0]))
        >>> decode(divide(x, y)).tolist()[0], divide(x, y).overflow.tolist()
        (2.0, [False, True])
    """
    numerator, divisor, format = magnitude(x), magnitude(y), x.format
    digit_count = format.bits + format.fraction

    def step(i: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        rest, high, low = carry
        place = digit_count - 1 - i - format.fraction
        bit = jnp.where(place >= 0, numerator >> jnp.maximum(place, 0).astype(jnp.uint32) & 1, 0)
        # Restoring division from the top digit. The rest is below the divisor, at most 2^31, so its double fits in 32
        # bits.
        rest = rest << 1 | bit
        fits = rest >= divisor
        rest = jnp.where(fits, rest - divisor, rest)
        return rest, high << 1 | low >> 31, low << 1 | fits.astype(jnp.uint32)

    zero = varying_like(jnp.zeros_like(numerator), numerator, divisor)
    _, high, low = jax.lax.fori_loop(0, digit_count, step, (zero, zero, zero))
    # A quotient has up to bits + fraction <= 64 digits, which two words hold.
    quotient = jnp.concatenate([wide.digits(low, 4), wide.digits(high, 5)])[: _length(format)]
    signed = wide.negate_where((x.integers < 0) != (y.integers < 0), quotient)
    return fitted(signed, 0, format, x.overflow, y.overflow, divisor == 0)


@_of_one
def sqrt(x: FixedPoint) -> FixedPoint:
    """Return square roots, rounded down to the last bit; for a negative number the result is 0 and flagged.

    Example:
        >>> from qla_jax.arithmetic import Format, decode, encode
        >>> decode(sqrt(encode(jnp.array([2.25, 4.0]), Format(bits=8, fraction=4)))).tolist()
        [1.5, 2.0]
    """
    positive = jnp.maximum(x.integers, 0)
    length = _length(x.format)
    radicand = wide.shift_left(wide.digits(positive, length), x.format.fraction)
    root_bits = -(-(x.format.bits + x.format.fraction) // 2)

    def step(i: Array, root: Array) -> Array:
        larger = root | jnp.uint32(1) << (root_bits - 1 - i).astype(jnp.uint32)
        # From the top digit: a digit is 1 if the square of the root with it is at most the radicand.
        factor = wide.digits(larger, length)
        fits = ~wide.negative(wide.subtract(radicand, wide.multiply(factor, factor)))
        return jnp.where(fits, larger, root)

    start = varying_like(jnp.zeros(x.shape, jnp.uint32), radicand)
    root = jax.lax.fori_loop(0, root_bits, step, start)
    return fitted(wide.digits(root, length), 0, x.format, x.overflow, x.integers < 0)
