r"""Integers of any width as digits to the base 256, low to high along the first axis, modulo $256^L$.

Two's complement: the top bit of the top digit is the sign. A digit is an int32, so that a product of two fits with room
for $2^{15}$ of them in a sum, and nothing here asks for 64-bit integers, which JAX has only where they are switched on.

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
    """Digits for two's complement of so many bits."""
    return -(-bits // BASE_BITS)


def digits(x: Int[Array, "..."], length: int) -> Digits:
    """Of int32 (with its sign) or uint32."""
    signed = jnp.issubdtype(x.dtype, jnp.signedinteger)
    fill = x.astype(jnp.int32) >> 31 & (MASK if signed else 0)
    low = [(x >> (BASE_BITS * i)).astype(jnp.int32) & MASK for i in range(min(length, 4))]
    return jnp.stack([*low, *([fill] * (length - len(low)))])


def of_number(number: int, length: int, shape: tuple[int, ...] = ()) -> Digits:
    """Of a Python integer, everywhere."""
    return jnp.stack([jnp.full(shape, number >> (BASE_BITS * i) & MASK, jnp.int32) for i in range(length)])


def carried(raw: Digits) -> Digits:
    """Sums of digits, of either sign and up to 2^31, to digits."""
    carry, found = jnp.zeros_like(raw[0]), []
    for digit in raw:
        total = digit + carry
        found.append(total & MASK)
        carry = total >> BASE_BITS  # arithmetic: the floor
    return jnp.stack(found)


def add(x: Digits, y: Digits) -> Digits:
    """$x + y$."""
    return carried(x + y)


def subtract(x: Digits, y: Digits) -> Digits:
    """$x - y$."""
    return carried(x - y)


def multiply(x: Digits, y: Digits) -> Digits:
    """The product, modulo 256 to the number of digits of x."""
    columns = [sum((x[i] * y[k - i] for i in range(k + 1)), jnp.zeros_like(x[0])) for k in range(len(x))]
    return carried(jnp.stack(columns))


def negative(x: Digits) -> Bool[Array, "..."]:
    """The sign."""
    return x[-1] >> (BASE_BITS - 1) == 1


def negate_where(condition: Bool[Array, "..."], x: Digits) -> Digits:
    """$-x$ where the condition holds."""
    return jnp.where(condition[None], carried(-x), x)


def shift_right(x: Digits, bits: int) -> Digits:
    """The floor of $x/2^{bits}$."""
    whole, rest = divmod(bits, BASE_BITS)
    fill = jnp.where(negative(x), MASK, 0)
    above = jnp.concatenate([x[whole:], jnp.stack([fill] * (whole + 1))])
    return (above[:-1] >> rest | above[1:] << (BASE_BITS - rest)) & MASK


def shift_left(x: Digits, bits: int) -> Digits:
    """$2^{bits}x$."""
    whole, rest = divmod(bits, BASE_BITS)
    moved = jnp.concatenate([jnp.zeros_like(x[:1])] * (whole + 1) + [x])[: len(x) + 1]
    return (moved[1:] << rest | moved[:-1] >> (BASE_BITS - rest)) & MASK


def low(x: Digits, bits: int) -> Int[Array, "..."]:
    """The lowest bits, 32 at most, as two's complement in an int32."""
    word = jnp.zeros(x.shape[1:], jnp.uint32)
    for i, digit in enumerate(x[:4]):
        word = word | digit.astype(jnp.uint32) << (BASE_BITS * i)
    return (word << (32 - bits)).astype(jnp.int32) >> (32 - bits)


def narrow(x: Digits, fraction: int, bits: int, saturate: bool) -> tuple[Int[Array, "..."], Bool[Array, "..."]]:
    """The floor of x over 2^fraction in fewer bits, and whether it does not fit: as `parts.narrow` by gates."""
    shifted = shift_right(x, fraction)
    value = low(shifted, bits)
    overflow = jnp.any(digits(value, len(x)) != shifted, axis=0)
    if saturate:
        clipped = jnp.where(negative(x), -(1 << (bits - 1)), (1 << (bits - 1)) - 1)
        value = jnp.where(overflow, clipped, value)
    return value, overflow
