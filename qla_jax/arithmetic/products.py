"""Products in full, 2n bits for two n-bit factors, by shifted additions.

Two's complement $x = x_u - 2^ns_x$ takes two subtractions controlled by the signs, modulo $2^{n+m}$:
$$xy = x_uy_u - 2^ns_xy_u - 2^ms_yx_u.$$

For n bits each, `multiply_unsigned` takes $2n^2 - n$ ANDs, and `square_unsigned` $n^2 - 2$ from two bits on.
"""

from qla_jax._checks import require
from qla_jax.arithmetic.adders import gidney
from qla_jax.arithmetic.gates import Gates, Register, conjugate, cx, land, wires
from qla_jax.arithmetic.parts import add_controlled, extended, subtract, subtract_controlled


def multiply_unsigned(x: Register, y: Register, out: Register) -> Gates:
    """Return gates that write the product into a clean register, by a controlled addition of x for each bit of y.

    Args:
        x: first factor, unsigned.
        y: second factor, unsigned.
        out: clean register of the bits of both.
    """
    n = len(x)
    require(len(out) == n + len(y), f"`out` must have {n + len(y)} bits, but has {len(out)}.")
    gates = [land(y[0], bit, o) for bit, o in zip(x, out[:n], strict=True)]
    for i, bit in list(enumerate(y))[1:]:
        gates += add_controlled(bit, x, out[i : i + n], carry=out[i + n])
    return gates


def multiply_mixed(x: Register, y: Register, out: Register) -> Gates:
    """Return gates that write the product of a signed and an unsigned number.

    Args:
        x: first factor, in two's complement.
        y: second factor, unsigned.
        out: clean register of the bits of both.
    """
    return [*multiply_unsigned(x, y, out), *subtract_controlled(x[-1], y, out[len(x) :])]


def multiply_signed(x: Register, y: Register, out: Register) -> Gates:
    """Return gates that write the product in two's complement.

    Args:
        x: first factor, in two's complement.
        y: second factor, in two's complement.
        out: clean register of the bits of both.
    """
    return [*multiply_mixed(x, y, out), *subtract_controlled(y[-1], x, out[len(y) :])]


def square_unsigned(x: Register, out: Register) -> Gates:
    r"""Return gates that write the square, with each pair of bits once: $x_i(x_i + \sum_{j>i}2^{j-i+1}x_j)$.

    The rows up to i sum to less than $2^{n+i+2}$, so the carry of each row goes into a bit that is still clean.

    Args:
        x: unsigned number.
        out: clean register of twice the bits.
    """
    n = len(x)
    require(len(out) == 2 * n, f"`out` must have {2 * n} bits, but has {len(out)}.")
    gates = [cx(x[0], out[0]), *(land(x[0], x[j], out[j + 1]) for j in range(1, n))]
    for i in range(1, n):
        row = wires(n - i + 1)
        fill = [cx(x[i], row[0]), *(land(x[i], x[j], row[j - i + 1]) for j in range(i + 1, n))]
        end = n + i + 1
        gates += conjugate(fill, gidney(row, out[2 * i : end], out[end] if end < 2 * n else None))
    return gates


def square_signed(x: Register, out: Register) -> Gates:
    r"""Return gates that write the square of two's complement, $x_u^2 - 2^{n+1}s\,x_u$ modulo $2^{2n}$.

    Args:
        x: number in two's complement.
        out: clean register of twice the bits.
    """
    n = len(x)
    more = subtract_controlled(x[-1], x[:-1], out[n + 1 :]) if n > 1 else []
    return [*square_unsigned(x, out), *more]


def add_multiple(x: Register, factor: int, b: Register) -> Gates:
    """Return the gates of b += factor x, by a shifted sum or difference for each signed digit of the factor.

    The digits are those of the non-adjacent form, on average a third of the bits of the factor (Reitwiesner 1960).

    Args:
        x: number in two's complement.
        factor: classical integer.
        b: register that becomes the sum.
    """
    extend, wide = extended(x, max(len(b), len(x)))
    rows: Gates = []
    for shift, digit in enumerate(signed_digits(factor)):
        if digit and shift < len(b):
            rows += (gidney if digit > 0 else subtract)(wide[: len(b) - shift], b[shift:])
    return conjugate(extend, rows)


def signed_digits(number: int) -> list[int]:
    """Return the non-adjacent form: digits -1, 0, 1, low to high, no two neighbors nonzero."""
    digits = []
    while number:
        digit = 0 if number % 2 == 0 else 2 - number % 4
        digits.append(digit)
        number = (number - digit) // 2
    return digits


def add_product(x: Register, y: Register, b: Register) -> Gates:
    """Return the gates of b += xy in two's complement; the product is computed into ancillas and uncomputed.

    Args:
        x: first factor.
        y: second factor.
        b: register that becomes the sum.
    """
    product = wires(len(x) + len(y))
    extend, wide = extended(product, len(b))
    return conjugate([*multiply_signed(x, y, product), *extend], gidney(wide, b))
