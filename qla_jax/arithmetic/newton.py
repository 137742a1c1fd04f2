r"""Reciprocals by Newton's iteration, $x_{k+1} = x_k(2 - ax_k)$, as integers and as a circuit.

The leading one of $|a|$ scales it to $m \in [\tfrac12, 1)$, where $x_0 = 1$ has the relative error
$e_0 = 1 - m \le \tfrac12$. Each step squares the error, $e_{k+1} = e_k^2$, so $K = \lceil\log_2b\rceil$ steps reach
$2^{-b}$. With w fractional bits and floors after both products
$$|e_{k+1}| \le e_k^2 + (1 + |e_k|)2^{-w}, \qquad w = b + 2.$$
Scaling back and the last floor add an error of less than a last bit.

Example:
    >>> from qla_jax.arithmetic import Format, decode, encode
    >>> a = encode(jnp.array([0.75, -4.0, 0.0]), Format(bits=12, fraction=8))
    >>> decode(reciprocal(a)).tolist(), reciprocal(a).overflow.tolist()
    ([1.33203125, -0.24609375, 0.0], [False, False, True])

References:
    Bhaskar, Hadfield, Papageorgiou, Petras (2015), the iteration by gates; the bound is derived here.
    https://arxiv.org/abs/1511.08253
"""

import jax
import jax.numpy as jnp

from qla_jax._checks import require_kind
from qla_jax._modes import default_promotion
from qla_jax.arithmetic import digits as wide
from qla_jax.arithmetic import parts, products
from qla_jax.arithmetic.circuit import ReversibleCircuit
from qla_jax.arithmetic.circuits import finished
from qla_jax.arithmetic.elementwise import fitted, magnitude
from qla_jax.arithmetic.formats import FixedPoint, Format
from qla_jax.arithmetic.gates import Gates, Register, ccx, cx, flip, land, wires

GUARD = 2
"""Number of fractional bits of the iteration beyond the bits of the format."""


def newton_steps(format: Format) -> int:
    """Return the number K of steps, the logarithm of the number of bits, rounded up."""
    return (format.bits - 1).bit_length()


def newton_error(format: Format) -> float:
    """Return a proven bound e on the relative error before scaling back: $|1/a - r| < e/|a| + 2^{-f}$.

    Example:
        >>> from qla_jax.arithmetic import Format
        >>> newton_error(Format(bits=12, fraction=8)) < 2.0**-12
        True
    """
    require_kind("format", format, Format)
    error, unit = 0.5, 2.0 ** -(format.bits + GUARD)
    for _ in range(newton_steps(format)):
        error = error**2 + (1 + error) * unit
    return error


@default_promotion
def reciprocal(a: FixedPoint) -> FixedPoint:
    """Return $1/a$ by the iteration, rounded toward zero at the end.

    The reciprocal of 0 is 0 and flagged, and so is one that does not fit.

    Raises:
        TypeError: not numbers in fixed point.

    Example:
        >>> from qla_jax.arithmetic import Format, decode, encode
        >>> decode(reciprocal(encode(jnp.array([0.75, -4.0]), Format(bits=12, fraction=8)))).tolist()
        [1.33203125, -0.24609375]
    """
    require_kind("a", a, FixedPoint)
    return _reciprocal(a)


@jax.jit
def _reciprocal(a: FixedPoint) -> FixedPoint:
    format = a.format
    bits, working = format.bits, format.bits + GUARD
    length = wide.count(2 * (working + 2) + 1)
    size = magnitude(a)
    lead = 31 - jax.lax.clz(jnp.maximum(size, 1)).astype(jnp.int32)  # bit of the leading one
    scaled = wide.digits(size << (bits - 1 - lead).astype(jnp.uint32), length)
    two = wide.of_number(2 << working, length, a.shape)
    x = wide.of_number(1 << working, length, a.shape)
    for _ in range(newton_steps(format)):
        rest = wide.subtract(two, wide.shift_right(wide.multiply(scaled, x), bits))
        x = wide.shift_right(wide.multiply(x, rest), working)
    x = _shifted(x, 2 * format.fraction - 1 - working)
    for i in range((bits - 1).bit_length()):  # right by `lead`, bit by bit of it
        x = jnp.where((lead >> i & 1 == 1)[None], wide.shift_right(x, 1 << i), x)
    zero = a.integers == 0
    x = jnp.where(zero[None], 0, wide.negate_where(a.integers < 0, x))
    return fitted(x, 0, format, a.overflow, zero)


def _shifted(x: wide.Digits, bits: int) -> wide.Digits:
    return wide.shift_left(x, bits) if bits >= 0 else wide.shift_right(x, -bits)


def reciprocal_circuit(format: Format) -> ReversibleCircuit:
    """Build the circuit of `reciprocal`, with registers `x`, `out` and `overflow`.

    For x = 0 it gives `out` = 0 and `overflow` = 1.

    Raises:
        TypeError: `format` is no `Format`.

    Example:
        >>> from qla_jax.arithmetic import Format
        >>> made = reciprocal_circuit(Format(bits=5, fraction=3))
        >>> made.on_basis(x=[8, 12]).registers["out"].tolist()  # 1 and 2/3 in eighths, less than 1 too small
        [7, 5]
    """
    require_kind("format", format, Format)
    bits, working = format.bits, format.bits + GUARD
    a, size = wires(bits), wires(bits)
    gates = parts.magnitude(a, size)
    leading, marks, none = _leading_one(size)
    scaled: Register = wires(bits)
    x: Register = wires(working + 2)
    gates += [*leading, flip(x[working])]
    gates += [ccx(marks[j], size[i], scaled[i + bits - 1 - j]) for j in range(bits) for i in range(j + 1)]
    for _ in range(newton_steps(format)):
        more, x = _step(scaled, x, working)
        gates += more
    full = wires(max(2 * format.fraction + 1, bits) + 1)
    by = 2 * format.fraction - 1 - working
    gates += [
        ccx(marks[j], x[i], full[i + by - j])
        for j in range(bits)
        for i in range(len(x))
        if 0 <= i + by - j < len(full) - 1
    ]
    gates += parts.negate_controlled(a[-1], full)
    return finished((gates, full, 0), format, {"x": a}, flag=none)


def _step(scaled: Register, x: Register, working: int) -> tuple[Gates, Register]:
    product, rest, following = wires(len(scaled) + len(x)), wires(len(x)), wires(2 * len(x))
    gates = products.multiply_unsigned(scaled, x, product)
    gates += [flip(rest[working + 1]), *parts.subtract(product[len(scaled) :], rest)]
    gates += products.multiply_unsigned(x, rest, following)
    return gates, following[working : working + len(x)]


def _leading_one(a: Register) -> tuple[Gates, Register, object]:
    """Return gates, a wire for each bit that marks the leading one, and a wire that marks zero."""
    marks, free = wires(len(a)), wires(len(a))
    gates = [cx(a[-1], marks[-1]), cx(a[-1], free[-1]), flip(free[-1])]
    for j in reversed(range(len(a) - 1)):
        gates += [land(free[j + 1], a[j], marks[j]), cx(free[j + 1], free[j]), cx(marks[j], free[j])]
    return gates, marks, free[0]
