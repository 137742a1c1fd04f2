"""Division and square root, digit by digit: a comparison gives the digit, which controls a subtraction.

Both leave the remainder in place of the dividend, so callers copy the operand first and uncompute.

References:
    Thapliyal, Munoz-Coreas, Varun, Humble (2019), restoring division. https://arxiv.org/abs/1809.09732
"""

from qla_jax._checks import require
from qla_jax.arithmetic.gates import Gates, Register, flip, wires
from qla_jax.arithmetic.parts import less, subtract_controlled


def divide_unsigned(dividend: Register, divisor: Register, quotient: Register) -> Gates:
    """Return gates that write the floor of dividend / divisor; the dividend becomes the remainder.

    A divisor of 0 makes every digit 1 and leaves the dividend as it is.

    Args:
        dividend: register that becomes the remainder.
        divisor: register of the divisor.
        quotient: clean register of as many bits as the dividend.
    """
    n, m = len(dividend), len(divisor)
    require(len(quotient) == n, f"`quotient` must have {n} bits, but has {len(quotient)}.")
    work, wide = (*dividend, *wires(m)), (*divisor, *wires(1))
    gates: Gates = []
    for i in reversed(range(n)):
        gates += _digit(wide, work[i : i + m + 1], quotient[i])
    return gates


def root_unsigned(radicand: Register, root: Register) -> Gates:
    r"""Return gates that write the floor of the square root; the radicand becomes the remainder.

    With the digits Q so far and the remainder R, the next digit is $[4R + r \ge 4Q + 1]$ for the next two bits r.

    Args:
        radicand: register that becomes the remainder.
        root: clean register of half as many bits.
    """
    m = len(root)
    require(len(radicand) == 2 * m, f"`radicand` must have {2 * m} bits, but has {len(radicand)}.")
    work = (*radicand, *wires(1))
    one, zero, above = wires(3)
    gates: Gates = [flip(one)]
    for k, i in enumerate(reversed(range(m))):
        gates += _digit((one, zero, *root[i + 1 :], above), work[2 * i : 2 * i + k + 3], root[i])
    return [*gates, flip(one)]


def _digit(subtrahend: Register, window: Register, digit: object) -> Gates:
    at_least = [*less(window, subtrahend, digit), flip(digit)]
    return [*at_least, *subtract_controlled(digit, subtrahend, window)]
