"""What operations are made of besides adders: comparison, controls, constants, signs, and the way into fewer bits.

Registers hold unsigned numbers or two's complement, the least significant bit first. A register called `out` has to be
clean. Additions are Gidney's.
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
    """Add in place, b += a, where the control is 1: the bits of a are ANDed with it before, n AND more."""
    masked = wires(len(a))
    return conjugate([land(control, bit, m) for bit, m in zip(a, masked, strict=True)], gidney(masked, b, carry))


def subtract(a: Register, b: Register) -> Gates:
    """Subtract in place, b -= a: the adder backwards."""
    return inverse(gidney(a, b))


def subtract_controlled(control: Hashable, a: Register, b: Register) -> Gates:
    """Subtract in place, b -= a, where the control is 1."""
    return inverse(add_controlled(control, a, b))


def add_constant(number: int, b: Register) -> Gates:
    """Add in place, b += number, loaded into ancillas for that time."""
    constant = wires(len(b))
    return conjugate(load(number, constant), gidney(constant, b))


def less(a: Register, b: Register, flag: Hashable) -> Gates:
    """Flip the flag where a < b, of unsigned numbers: the carry of b plus the complement of a, n AND."""
    require_equal_bits(a, b)
    chain, carries = carry_chain(a, b)
    return conjugate([*(flip(bit) for bit in a), *chain], [cx(carries[-1], flag)])


def less_signed(a: Register, b: Register, flag: Hashable) -> Gates:
    """Flip the flag where a < b, of two's complement: unsigned, with the sign bits exchanged."""
    return less((*a[:-1], b[-1]), (*b[:-1], a[-1]), flag)


def negate_controlled(control: Hashable, x: Register) -> Gates:
    """Two's complement in place where the control is 1: bits flipped, one added. The control must not be in x."""
    one = wires(len(x))
    return [*(cx(control, bit) for bit in x), *conjugate([cx(control, one[0])], gidney(one, x))]


def negate(x: Register) -> Gates:
    """Two's complement in place."""
    return [*(flip(bit) for bit in x), *add_constant(1, x)]


def magnitude(x: Register, out: Register) -> Gates:
    """The absolute value of two's complement as an unsigned number of as many bits, which holds that of the least."""
    return [*copy(x, out), *negate_controlled(x[-1], out)]


def extended(x: Register, bits: int) -> tuple[Gates, tuple[Hashable, ...]]:
    """Gates that copy the sign, and the wires of x with more bits: two's complement."""
    more = wires(bits - len(x))
    return [cx(x[-1], wire) for wire in more], (*x, *more)


def larger(x: Register, y: Register, out: Register) -> Gates:
    """The maximum of two's complement: x, XORed with x ^ y where x < y."""
    (flag,) = wires(1)
    choose = [land(flag, yi, o) for yi, o in zip(y, out, strict=True)]
    return [*conjugate([*less_signed(x, y, flag), *copy(x, y)], choose), *copy(x, out)]


def rectify(x: Register, out: Register) -> Gates:
    """ReLU: the bits below the sign where that is 0; n - 1 AND. The sign of `out` stays 0."""
    keep = [land(x[-1], bit, o) for bit, o in zip(x[:-1], out[:-1], strict=True)]
    return conjugate([flip(x[-1])], keep)


def any_of(bits: Register, flag: Hashable) -> Gates:
    """Flip the flag where one of the bits is 1, by a chain of ANDs of their complements."""
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
    """Into fewer bits: two's complement shifted right by `fraction` bits with its floor, and whether it does not fit.

    Bits above those kept have to equal the sign. Where they do not, `overflow` is flipped, and `out` is the shifted
    number modulo 2^bits, or, to saturate, the largest or least number.
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
