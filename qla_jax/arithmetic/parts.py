"""Parts of operations: comparison, controlled sums, constants, signs, and rounding into fewer bits.

Registers hold unsigned numbers or two's complement, the least significant bit first. A register called `out` has to be
clean. All additions use Gidney's adder.
"""

from collections.abc import Hashable

from qla_jax.arithmetic.adders import carry_chain, gidney, require_equal_bits
from qla_jax.arithmetic.gates import (
    Gates,
    Register,
    conjugate,
    copy,
    cx,
    flip,
    inverse,
    land,
    load,
    wires,
)


def add_controlled(control: Hashable, a: Register, b: Register, carry: Hashable | None = None) -> Gates:
    """Return the gates of b += a where the control is 1; masking a by the control takes n more ANDs.

    Args:
        control: control wire.
        a: summand, which is kept.
        b: summand, which becomes the sum.
        carry: clean wire for the carry; none by default.
    """
    masked = wires(len(a))
    return conjugate([land(control, bit, m) for bit, m in zip(a, masked, strict=True)], gidney(masked, b, carry))


def subtract(a: Register, b: Register) -> Gates:
    """Return the gates of b -= a, the inverse of the adder.

    Args:
        a: number to subtract, which is kept.
        b: number to subtract from.
    """
    return inverse(gidney(a, b))


def subtract_controlled(control: Hashable, a: Register, b: Register) -> Gates:
    """Return the gates of b -= a where the control is 1.

    Args:
        control: control wire.
        a: number to subtract, which is kept.
        b: number to subtract from.
    """
    return inverse(add_controlled(control, a, b))


def add_constant(number: int, b: Register) -> Gates:
    """Return the gates of b += number, with the constant in ancillas during the addition.

    Args:
        number: classical number.
        b: register that becomes the sum.
    """
    constant = wires(len(b))
    return conjugate(load(number, constant), gidney(constant, b))


def less(a: Register, b: Register, flag: Hashable) -> Gates:
    """Return gates that flip the flag where a < b for unsigned numbers.

    The flag is the carry of b plus the complement of a, which takes n ANDs.

    Args:
        a: first number.
        b: second number.
        flag: wire that is flipped.
    """
    require_equal_bits(a, b)
    chain, carries = carry_chain(a, b)
    return conjugate([*(flip(bit) for bit in a), *chain], [cx(carries[-1], flag)])


def less_signed(a: Register, b: Register, flag: Hashable) -> Gates:
    """Return gates that flip the flag where a < b in two's complement.

    It is the unsigned comparison with the sign bits exchanged.

    Args:
        a: first number.
        b: second number.
        flag: wire that is flipped.
    """
    return less((*a[:-1], b[-1]), (*b[:-1], a[-1]), flag)


def negate_controlled(control: Hashable, x: Register) -> Gates:
    """Return gates that negate x in place where the control is 1, by flipping all bits and adding one.

    Args:
        control: control wire, which must not be in x.
        x: number in two's complement.
    """
    one = wires(len(x))
    return [*(cx(control, bit) for bit in x), *conjugate([cx(control, one[0])], gidney(one, x))]


def negate(x: Register) -> Gates:
    """Return gates that negate a number in two's complement in place."""
    return [*(flip(bit) for bit in x), *add_constant(1, x)]


def magnitude(x: Register, out: Register) -> Gates:
    """Return gates that write the absolute value as an unsigned number of as many bits.

    An unsigned number holds the absolute value of the least number, too.

    Args:
        x: number in two's complement.
        out: clean register for its absolute value.
    """
    return [*copy(x, out), *negate_controlled(x[-1], out)]


def extended(x: Register, bits: int) -> tuple[Gates, tuple[Hashable, ...]]:
    """Return gates that copy the sign of x, and the wires of x with more bits in two's complement.

    Args:
        x: number in two's complement.
        bits: number of bits of the result.
    """
    more = wires(bits - len(x))
    return [cx(x[-1], wire) for wire in more], (*x, *more)


def larger(x: Register, y: Register, out: Register) -> Gates:
    """Return gates that write the maximum in two's complement: x, XORed with x ^ y where x < y.

    Args:
        x: first number.
        y: second number.
        out: clean register for the maximum.
    """
    (flag,) = wires(1)
    choose = [land(flag, yi, o) for yi, o in zip(y, out, strict=True)]
    return [*conjugate([*less_signed(x, y, flag), *copy(x, y)], choose), *copy(x, out)]


def rectify(x: Register, out: Register) -> Gates:
    """Return the gates of ReLU, which keep the bits below the sign where the sign is 0: n - 1 ANDs.

    The sign of `out` stays 0.

    Args:
        x: number in two's complement.
        out: clean register for the result.
    """
    keep = [land(x[-1], bit, o) for bit, o in zip(x[:-1], out[:-1], strict=True)]
    return conjugate([flip(x[-1])], keep)


def any_of(bits: Register, flag: Hashable) -> Gates:
    """Return gates that flip the flag where one of the bits is 1, by a chain of ANDs of their complements.

    Args:
        bits: wires to test.
        flag: wire that is flipped.
    """
    if not bits:
        return []
    chain, last = _all_of(bits)
    return conjugate([*(flip(bit) for bit in bits), *chain], [cx(last, flag), flip(flag)])


def _all_of(bits: Register) -> tuple[Gates, Hashable]:
    gates, last = [], bits[0]
    for bit in bits[1:]:
        (both,) = wires(1)
        gates.append(land(last, bit, both))
        last = both
    return gates, last


def narrow(wide: Register, fraction: int, out: Register, overflow: Hashable, *, saturate: bool) -> Gates:
    """Return gates that bring a number into fewer bits, shifted right by `fraction` bits and rounded down.

    Bits above those kept have to equal the sign. Where they do not, `overflow` is flipped. Then `out` is the shifted
    number modulo 2^bits or, to saturate, the largest or least number.

    Args:
        wide: number in two's complement.
        fraction: number of bits to shift by.
        out: clean register for the result.
        overflow: wire that is flipped where the number does not fit.
        saturate: whether a number that does not fit is clipped instead of wrapped.
    """
    bits = len(out)
    sign, top = wide[-1], wide[fraction + bits - 1 : -1]
    kept = wide[fraction : fraction + bits]
    (misfit,) = wires(1)
    found = conjugate([cx(sign, bit) for bit in top], any_of(top, misfit))
    if not saturate:
        return conjugate(found, [*copy(kept, out), cx(misfit, overflow)])
    other = [gate for bit in kept[:-1] for gate in (cx(sign, bit), flip(bit))]  # where bit and its replacement differ
    clip = conjugate(other, [land(misfit, bit, o) for bit, o in zip(kept[:-1], out[:-1], strict=True)])
    return conjugate(found, [*clip, *copy((*kept[:-1], sign), out), cx(misfit, overflow)])
