r"""Arithmetic on fixed-point arrays, entry by entry: integers that are those of the circuits, bit by bit.

A result is computed in full, shifted with its floor where there is a shift, and brought into the format once. Each
function has the circuit of its name in `circuits`. Each is compiled, once for a shape and a format.

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
    """Digits for a product of two numbers, and one bit more; a quotient and the square of a root take no more."""
    return wide.count(2 * format.bits + 2)


def fitted(value: wide.Digits, fraction: int, format: Format, *flags: Array) -> FixedPoint:
    """A number computed in full over 2^fraction, in the format; flagged where it does not fit or already was."""
    integers, overflow = wide.narrow(value, fraction, format.bits, format.saturates)
    for flag in flags:
        overflow = overflow | flag
    return FixedPoint(integers, overflow, format)


def _digits(x: FixedPoint) -> wide.Digits:
    return wide.digits(x.integers, _length(x.format))


def _of_one(function: Callable[[FixedPoint], FixedPoint]) -> Callable[[FixedPoint], FixedPoint]:
    """Compiled behind a look at the number."""
    compiled = jax.jit(function)

    @functools.wraps(function)
    @default_promotion
    def call(x: FixedPoint) -> FixedPoint:
        require_kind("x", x, FixedPoint)
        return compiled(x)

    return call


def _of_two(function: Callable[[FixedPoint, FixedPoint], Result]) -> Callable[[FixedPoint, FixedPoint], Result]:
    """Compiled behind a look at both, which become one shape: digits lead with an axis that must not broadcast."""

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
    """$x + y$.

    Raises:
        TypeError: not numbers in fixed point; so do all functions here.
        ValueError: formats or shapes that do not fit each other; so do all functions of two numbers.
    """
    return fitted(wide.add(_digits(x), _digits(y)), 0, x.format, x.overflow, y.overflow)


@_of_two
def subtract(x: FixedPoint, y: FixedPoint) -> FixedPoint:
    """$x - y$."""
    return fitted(wide.subtract(_digits(x), _digits(y)), 0, x.format, x.overflow, y.overflow)


@_of_one
def negate(x: FixedPoint) -> FixedPoint:
    """$-x$; the least number has none."""
    return fitted(wide.carried(-_digits(x)), 0, x.format, x.overflow)


@_of_one
def absolute(x: FixedPoint) -> FixedPoint:
    """$|x|$; the least number has none."""
    return fitted(wide.negate_where(x.integers < 0, _digits(x)), 0, x.format, x.overflow)


@_of_two
def less(x: FixedPoint, y: FixedPoint) -> Array:
    """Where $x < y$."""
    return x.integers < y.integers


@_of_two
def maximum(x: FixedPoint, y: FixedPoint) -> FixedPoint:
    """The larger one."""
    return FixedPoint(jnp.maximum(x.integers, y.integers), x.overflow | y.overflow, x.format)


@_of_one
def relu(x: FixedPoint) -> FixedPoint:
    r"""$\max(x, 0)$."""
    return x.replace(integers=jnp.maximum(x.integers, 0))


@_of_two
def multiply(x: FixedPoint, y: FixedPoint) -> FixedPoint:
    """The floor of $xy$ to the last bit."""
    return fitted(wide.multiply(_digits(x), _digits(y)), x.format.fraction, x.format, x.overflow, y.overflow)


@_of_one
def square(x: FixedPoint) -> FixedPoint:
    """The floor of $x^2$ to the last bit."""
    return multiply(x, x)


def multiply_constant(x: FixedPoint, factor: int) -> FixedPoint:
    """A number times a classical number of its format, given by its integer: the floor to the last bit.

    Raises:
        ValueError: a factor that is no integer of the format.
    """
    require_kind("x", x, FixedPoint)
    return multiply(x, from_integers(as_constant("factor", factor, x.format), x.format))


def as_constant(name: str, value: int, format: Format) -> int:
    """A classical number by its integer; ValueError unless it is one of the format."""
    value = as_integer(name, value)
    fits = format.least <= value <= format.largest
    require(fits, f"`{name}` must be from {format.least} to {format.largest}, but is {value}.")
    return value


def magnitude(x: FixedPoint) -> Array:
    """$|x|$ as uint32, which holds that of the least number."""
    require_kind("x", x, FixedPoint)
    raw = jax.lax.bitcast_convert_type(x.integers, jnp.uint32)
    return jnp.where(x.integers < 0, 0 - raw, raw)


@_of_two
def divide(x: FixedPoint, y: FixedPoint) -> FixedPoint:
    """$x/y$ rounded towards zero; by zero it is flagged, as what does not fit.

    By zero all digits of the quotient are 1: the largest or least number where the format saturates.
    """
    numerator, divisor, format = magnitude(x), magnitude(y), x.format
    digit_count = format.bits + format.fraction

    def step(i: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        rest, high, low = carry
        place = digit_count - 1 - i - format.fraction
        bit = jnp.where(place >= 0, numerator >> jnp.maximum(place, 0).astype(jnp.uint32) & 1, 0)
        rest = rest << 1 | bit
        fits = rest >= divisor
        rest = jnp.where(fits, rest - divisor, rest)
        return rest, high << 1 | low >> 31, low << 1 | fits.astype(jnp.uint32)

    zero = varying_like(jnp.zeros_like(numerator), numerator, divisor)
    _, high, low = jax.lax.fori_loop(0, digit_count, step, (zero, zero, zero))
    quotient = jnp.concatenate([wide.digits(low, 4), wide.digits(high, 5)])[: _length(format)]
    signed = wide.negate_where((x.integers < 0) != (y.integers < 0), quotient)
    return fitted(signed, 0, format, x.overflow, y.overflow, divisor == 0)


@_of_one
def sqrt(x: FixedPoint) -> FixedPoint:
    r"""The floor of $\sqrt{x}$ to the last bit; of a negative number 0, and flagged."""
    positive = jnp.maximum(x.integers, 0)
    length = _length(x.format)
    radicand = wide.shift_left(wide.digits(positive, length), x.format.fraction)
    root_bits = -(-(x.format.bits + x.format.fraction) // 2)

    def step(i: Array, root: Array) -> Array:
        larger = root | jnp.uint32(1) << (root_bits - 1 - i).astype(jnp.uint32)
        factor = wide.digits(larger, length)
        fits = ~wide.negative(wide.subtract(radicand, wide.multiply(factor, factor)))
        return jnp.where(fits, larger, root)

    start = varying_like(jnp.zeros(x.shape, jnp.uint32), radicand)
    root = jax.lax.fori_loop(0, root_bits, step, start)
    return fitted(wide.digits(root, length), 0, x.format, x.overflow, x.integers < 0)
