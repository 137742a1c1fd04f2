r"""Arc cosine by the binary expansion of its value (qFBE): one bit for each squaring.

With $y = \arccos(x)/\pi = 0.b_1b_2\dots$ and $x_0 = x$,
$$b_{k+1} = [x_k < 0], \qquad x_{k+1} = (-1)^{b_{k+1}}(2x_k^2 - 1),$$
since $y \mapsto 2y - b$ doubles the angle. A floor of $2x^2$ to w fractional bits moves $y_{k+1}$ by at most
$\arccos(1 - 2^{-w})/\pi$, and each earlier bit halves this error. So the error of n bits is at most
$$|y - 0.b_1\dots b_n| \le 2^{-n} + \arccos(1 - 2^{-w})/\pi,$$
which is less than $1.23\cdot2^{-n}$ for w = 2n + 2.

Example:
    >>> from qla_jax.arithmetic import Format, decode, encode
    >>> x = encode(jnp.array([1.0, 0.5, 0.0, -1.0]), Format(bits=8, fraction=6))
    >>> decode(arccos(x)).tolist()
    [0.0, 0.328125, 0.484375, 0.984375]

References:
    Wang et al. (2020), the expansion; bound and working bits are derived here. https://arxiv.org/abs/2001.00807
"""

import math

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax._checks import as_integer, require_kind
from qla_jax._modes import default_promotion, varying_like
from qla_jax.arithmetic import digits as wide
from qla_jax.arithmetic import parts, products
from qla_jax.arithmetic.circuit import ReversibleCircuit
from qla_jax.arithmetic.circuits import finished
from qla_jax.arithmetic.elementwise import fitted
from qla_jax.arithmetic.formats import FixedPoint, Format
from qla_jax.arithmetic.gates import Gates, conjugate, cx, flip, land, load, wires


def working_bits(format: Format) -> int:
    """Return the default number w of fractional bits of the iterates."""
    return 2 * format.fraction + 2


def _working(format: Format, working: int | None) -> int:
    require_kind("format", format, Format)
    return working_bits(format) if working is None else as_integer("working", working, least=1)


def arccos_error(format: Format, working: int | None = None) -> float:
    r"""Return a proven bound on $|\arccos(x)/\pi - y|$.

    Args:
        format: format of argument and value.
        working: number w of fractional bits of the iterates, by default 2f + 2.

    Example:
        >>> from qla_jax.arithmetic import Format
        >>> round(arccos_error(Format(bits=8, fraction=6)) * 2**6, 3)  # in last bits
        1.225
    """
    unit = 2.0 ** -_working(format, working)
    return format.step + 2 * math.asin(math.sqrt(unit / 2)) / math.pi


@default_promotion
def arccos(x: FixedPoint, *, working: int | None = None) -> FixedPoint:
    r"""Return $\arccos(x)/\pi$, between 0 and 1, with as many fractional bits as the format has.

    A number outside [-1, 1] has the value for 0, and is flagged.

    Args:
        x: numbers in fixed point.
        working: number of fractional bits of the iterates, by default 2f + 2; fewer bits are less accurate.

    Raises:
        TypeError: not numbers in fixed point.
        ValueError: `working` is no integer of at least 1.

    Example:
        >>> from qla_jax.arithmetic import Format, decode, encode
        >>> decode(arccos(encode(jnp.array([1.0, 0.5, -1.0]), Format(bits=8, fraction=6)))).tolist()
        [0.0, 0.328125, 0.984375]
    """
    require_kind("x", x, FixedPoint)
    return _arccos(x, _working(x.format, working))


@jax.jit(static_argnames="working")
def _arccos(x: FixedPoint, working: int) -> FixedPoint:
    format = x.format
    length = wide.count(2 * (working + 2) + 1)
    one = wide.of_number(1 << working, length, x.shape)
    outside = _outside(x)
    start = wide.digits(jnp.where(outside, 0, x.integers), length)
    by = working - format.fraction
    start = wide.shift_left(start, by) if by >= 0 else wide.shift_right(start, -by)

    def step(_: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        current, found = carry
        bit = wide.negative(current)
        doubled = wide.subtract(wide.shift_right(wide.multiply(current, current), working - 1), one)
        return wide.negate_where(bit, doubled), found << 1 | bit.astype(jnp.uint32)

    zero = varying_like(jnp.zeros(x.shape, jnp.uint32), start)
    _, found = jax.lax.fori_loop(0, format.fraction, step, (start, zero))
    return fitted(wide.digits(found, 5), 0, format, x.overflow, outside)


def _outside(x: FixedPoint) -> Array:
    if x.format.fraction > x.format.bits - 2:  # the format ends at 1
        return jnp.zeros(x.shape, bool)
    one = 1 << x.format.fraction
    return (x.integers > one) | (x.integers < -one)


def arccos_circuit(format: Format) -> ReversibleCircuit:
    """Build the circuit of `arccos`, with registers `x`, `out` and `overflow`.

    Each bit takes one squaring, and all squarings are uncomputed.

    Raises:
        TypeError: `format` is no `Format`.

    Example:
        >>> from qla_jax.arithmetic import Format
        >>> made = arccos_circuit(Format(bits=4, fraction=2))
        >>> made.on_basis(x=[4, 0]).registers["out"].tolist()  # 1 and 0, of value 0 and just below 1/2
        [0, 1]
    """
    working = _working(format, None)
    x, current = wires(format.bits), wires(working + 2)
    (outside,) = wires(1)
    gates: Gates = [] if format.fraction > format.bits - 2 else _beyond_one(x, format.fraction, outside)
    by = working - format.fraction
    inside = [land(outside, bit, current[i + by]) for i, bit in enumerate(x[: format.fraction + 1])]
    extend = [cx(current[min(by + len(x), working + 1) - 1], wire) for wire in current[by + len(x) :]]
    if format.fraction <= format.bits - 2:
        inside.append(land(outside, x[format.fraction + 1], current[working + 1]))
        extend = []
    gates += [*conjugate([flip(outside)], inside), *extend]
    signs = []
    for _ in range(format.fraction):
        squared = wires(2 * (working + 2))
        doubled = squared[working - 1 : 2 * working + 1]
        gates += [*products.square_signed(current, squared), *parts.add_constant(3, doubled[-2:])]
        gates += parts.negate_controlled(current[-1], doubled)
        signs.append(current[-1])
        current = doubled
    full = (*reversed(signs), *wires(max(format.bits - format.fraction, 0) + 1))
    return finished((gates, full, 0), format, {"x": x}, flag=outside)


def _beyond_one(x: tuple, fraction: int, flag: object) -> Gates:
    """Return gates that flip the flag where x > 1 or x < -1."""
    constant = wires(len(x))
    size = 1 << len(x)
    above = conjugate(load(1 << fraction, constant), parts.less_signed(constant, x, flag))
    return [*above, *conjugate(load(size - (1 << fraction), constant), parts.less_signed(x, constant, flag))]
