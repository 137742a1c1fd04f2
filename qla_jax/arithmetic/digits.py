"""Integers of any width as L digits to the base 256, low to high along the first axis, modulo $256^L$.

Numbers are in two's complement: the top bit of the top digit is the sign. A digit is an int32, so that a sum can hold
$2^{15}$ products of two digits. No 64-bit integers are needed, which JAX has only where they are enabled.

Example:
    >>> product = multiply(digits(jnp.int32(-(2**31)), 9), digits(jnp.int32(2**31 - 1), 9))
    >>> sum(int(digit) << 8 * i for i, digit in enumerate(product)) - (1 << 72) == -(2**31) * (2**31 - 1)
    True
"""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Int

BASE_BITS = 8
MASK = (1 << BASE_BITS) - 1

Digits = Int[Array, "digit ..."]


def count(bits: int) -> int:
    """Return the number of digits for two's complement of so many bits."""
    return -(-bits // BASE_BITS)


def digits(x: Int[Array, "..."], length: int) -> Digits:
    """Return the digits of int32, with its sign, or of uint32.

    Args:
        x: integers.
        length: number of digits.
    """
    signed = jnp.issubdtype(x.dtype, jnp.signedinteger)
    fill = x.astype(jnp.int32) >> 31 & (MASK if signed else 0)
    low = [(x >> (BASE_BITS * i)).astype(jnp.int32) & MASK for i in range(min(length, 4))]
    return jnp.stack([*low, *([fill] * (length - len(low)))])


def of_number(number: int, length: int, shape: tuple[int, ...] = ()) -> Digits:
    """Return the digits of one Python integer in every entry.

    Args:
        number: integer.
        length: number of digits.
        shape: shape of the entries.
    """
    return jnp.stack([jnp.full(shape, number >> (BASE_BITS * i) & MASK, jnp.int32) for i in range(length)])


def carried(raw: Digits) -> Digits:
    """Return the digits of sums of digits, which may have either sign and reach up to 2^31."""
    carry, found = jnp.zeros_like(raw[0]), []
    for digit in raw:
        total = digit + carry
        found.append(total & MASK)
        carry = total >> BASE_BITS  # arithmetic: the floor
    return jnp.stack(found)


def add(x: Digits, y: Digits) -> Digits:
    """Add two numbers, $x + y$.

    Args:
        x: digits of the first number.
        y: digits of the second number.
    """
    return carried(x + y)


def subtract(x: Digits, y: Digits) -> Digits:
    """Subtract two numbers, $x - y$.

    Args:
        x: digits of the first number.
        y: digits of the second number.
    """
    return carried(x - y)


def multiply(x: Digits, y: Digits) -> Digits:
    """Multiply two numbers, modulo 256 to the number of digits of x.

    Args:
        x: digits of the first factor.
        y: digits of the second factor.
    """
    columns = [sum((x[i] * y[k - i] for i in range(k + 1)), jnp.zeros_like(x[0])) for k in range(len(x))]
    return carried(jnp.stack(columns))


def negative(x: Digits) -> Bool[Array, "..."]:
    """Return whether the number is negative."""
    return x[-1] >> (BASE_BITS - 1) == 1


def negate_where(condition: Bool[Array, "..."], x: Digits) -> Digits:
    """Return $-x$ where the condition holds, and x elsewhere.

    Args:
        condition: mask of the entries to negate.
        x: digits of the number.
    """
    return jnp.where(condition[None], carried(-x), x)


def shift_right(x: Digits, bits: int) -> Digits:
    """Return the floor of $x/2^{bits}$.

    Args:
        x: digits of the number.
        bits: number of bits to shift by.
    """
    whole, rest = divmod(bits, BASE_BITS)
    fill = jnp.where(negative(x), MASK, 0)
    above = jnp.concatenate([x[whole:], jnp.stack([fill] * (whole + 1))])
    return (above[:-1] >> rest | above[1:] << (BASE_BITS - rest)) & MASK


def shift_left(x: Digits, bits: int) -> Digits:
    """Return $2^{bits}x$.

    Args:
        x: digits of the number.
        bits: number of bits to shift by.
    """
    whole, rest = divmod(bits, BASE_BITS)
    moved = jnp.concatenate([jnp.zeros_like(x[:1])] * (whole + 1) + [x])[: len(x) + 1]
    return (moved[1:] << rest | moved[:-1] >> (BASE_BITS - rest)) & MASK


def low(x: Digits, bits: int) -> Int[Array, "..."]:
    """Return the lowest bits as two's complement in an int32.

    Args:
        x: digits of the number.
        bits: number of bits to keep, at most 32.
    """
    word = jnp.zeros(x.shape[1:], jnp.uint32)
    for i, digit in enumerate(x[:4]):
        word = word | digit.astype(jnp.uint32) << (BASE_BITS * i)
    return (word << (32 - bits)).astype(jnp.int32) >> (32 - bits)


def narrow(x: Digits, fraction: int, bits: int, saturate: bool) -> tuple[Int[Array, "..."], Bool[Array, "..."]]:
    """Return the floor of x over 2^fraction in fewer bits, and whether it does not fit.

    The function computes the integers of `parts.narrow`, which is the circuit.

    Args:
        x: digits of the number.
        fraction: number of bits to shift by.
        bits: number of bits of the result, at most 32.
        saturate: whether a number that does not fit is clipped instead of wrapped.
    """
    shifted = shift_right(x, fraction)
    value = low(shifted, bits)
    overflow = jnp.any(digits(value, len(x)) != shifted, axis=0)
    if saturate:
        clipped = jnp.where(negative(x), -(1 << (bits - 1)), (1 << (bits - 1)) - 1)
        value = jnp.where(overflow, clipped, value)
    return value, overflow
