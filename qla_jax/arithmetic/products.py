r"""Products in full, 2n bits of two n-bit factors, by shifted additions.

Two's complement $x = x_u - 2^ns_x$ costs two subtractions under the signs, modulo $2^{n+m}$:
$$xy = x_uy_u - 2^ns_xy_u - 2^ms_yx_u.$$

Counts in AND, n bits each: `multiply_unsigned` $2n^2 - n$, `square_unsigned` $n^2 - 2$ from two bits on.
"""

from qla_jax._checks import require
from qla_jax.arithmetic.adders import gidney
from qla_jax.arithmetic.gates import Gates, Register, conjugate, cx, land, wires
from qla_jax.arithmetic.parts import add_controlled, extended, subtract, subtract_controlled


def multiply_unsigned(x: Register, y: Register, out: Register) -> Gates:
    """The product into a clean register of the bits of both: a controlled addition of x for each bit of y."""
    n = len(x)
    require(len(out) == n + len(y), f"`out` must have {n + len(y)} bits, but has {len(out)}.")
    gates = [land(y[0], bit, o) for bit, o in zip(x, out[:n], strict=True)]
    for i, bit in list(enumerate(y))[1:]:
        gates += add_controlled(bit, x, out[i : i + n], carry=out[i + n])
    return gates


def multiply_mixed(x: Register, y: Register, out: Register) -> Gates:
    """The product of x in two's complement and y without sign."""
    return [*multiply_unsigned(x, y, out), *subtract_controlled(x[-1], y, out[len(x) :])]


def multiply_signed(x: Register, y: Register, out: Register) -> Gates:
    """The product in two's complement."""
    return [*multiply_mixed(x, y, out), *subtract_controlled(y[-1], x, out[len(y) :])]


def square_unsigned(x: Register, out: Register) -> Gates:
    r"""The square into a clean register of twice the bits: each pair of bits once, $x_i(x_i + \sum_{j>i}2^{j-i+1}x_j)$.

    The rows up to i sum to less than $2^{n+i+2}$, so that the carry of each goes into a bit that is still clean.
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
    r"""The square of two's complement: $x_u^2 - 2^{n+1}s\,x_u$ modulo $2^{2n}$."""
    n = len(x)
    more = subtract_controlled(x[-1], x[:-1], out[n + 1 :]) if n > 1 else []
    return [*square_unsigned(x, out), *more]


def add_multiple(x: Register, factor: int, b: Register) -> Gates:
    """Add in place, b += factor x, of x in two's complement: a shifted sum or difference for each signed digit.

    The digits are those of the non-adjacent form, a third of the bits of the factor in the mean (Reitwiesner 1960).
    """
    extend, wide = extended(x, max(len(b), len(x)))
    rows: Gates = []
    for shift, digit in enumerate(signed_digits(factor)):
        if digit and shift < len(b):
            rows += (gidney if digit > 0 else subtract)(wide[: len(b) - shift], b[shift:])
    return conjugate(extend, rows)


def signed_digits(number: int) -> list[int]:
    """The non-adjacent form: digits -1, 0, 1, low to high, no two neighbors nonzero."""
    digits = []
    while number:
        digit = 0 if number % 2 == 0 else 2 - number % 4
        digits.append(digit)
        number = (number - digit) // 2
    return digits


def add_product(x: Register, y: Register, b: Register) -> Gates:
    """Add in place, b += xy, in two's complement; the product is computed into ancillas and uncomputed."""
    product = wires(len(x) + len(y))
    extend, wide = extended(product, len(b))
    return conjugate([*multiply_signed(x, y, product), *extend], gidney(wide, b))
