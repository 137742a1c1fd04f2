r"""Fixed point: two's complement of b bits, f of them behind the point, and a flag where a number did not fit.

The integer n stands for $n/2^f$, from $-2^{b-1-f}$ to $2^{b-1-f} - 2^{-f}$. A result that does not fit wraps modulo
$2^b$ or saturates, as the format says, and is flagged; flags stay with all that is computed from it.

Example:
    >>> x = encode(jnp.array([0.3, -1.75, 9.0]), Format(bits=6, fraction=3))
    >>> x.integers.tolist(), x.overflow.tolist(), decode(x).tolist()
    ([2, -14, 8], [False, False, True], [0.25, -1.75, 1.0])
"""

from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Bool, Float, Int

from qla_jax._checks import as_inexact, as_integer, is_concrete, require, require_kind
from qla_jax._nodes import Node

MAX_BITS = 32


@dataclass(frozen=True)
class Format:
    """Fixed-point numbers of one kind.

    Attributes:
        bits: all of them, the sign included, 1 to 32.
        fraction: those behind the point, 0 to `bits`.
        overflow: what becomes of a number that does not fit.

    Raises:
        ValueError: other bits, fractions or words; numbers that are not whole.
    """

    bits: int
    fraction: int
    overflow: Literal["wrap", "saturate"] = "wrap"

    def __post_init__(self) -> None:
        for name in ("bits", "fraction"):  # a NumPy integer becomes one of Python, which no shift overflows
            object.__setattr__(self, name, as_integer(name, getattr(self, name)))
        require(1 <= self.bits <= MAX_BITS, f"`bits` must be between 1 and {MAX_BITS}, but is {self.bits}.")
        fits = 0 <= self.fraction <= self.bits
        require(fits, f"`fraction` must be between 0 and `bits` = {self.bits}, but is {self.fraction}.")
        known = self.overflow in ("wrap", "saturate")
        require(known, f"`overflow` must be 'wrap' or 'saturate', but is {self.overflow!r}.")

    @property
    def least(self) -> int:
        """The smallest integer."""
        return -(1 << (self.bits - 1))

    @property
    def largest(self) -> int:
        """The largest integer."""
        return (1 << (self.bits - 1)) - 1

    @property
    def step(self) -> float:
        """What the last bit is worth, $2^{-f}$."""
        return 2.0**-self.fraction

    @property
    def saturates(self) -> bool:
        """Whether numbers that do not fit are clipped."""
        return self.overflow == "saturate"


class FixedPoint(Node):
    """Numbers in fixed point, an array of any shape.

    Integers have no derivative: gradients through them are zero, and none is made up.

    Attributes:
        integers: the numbers times 2^fraction.
        overflow: where this number or one that it was computed from did not fit, or had no value.
        format: of all of them.
    """

    integers: Int[Array, "..."]
    overflow: Bool[Array, "..."]
    format: Format = struct.field(pytree_node=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the array."""
        return self.integers.shape


def encode(x: ArrayLike, format: Format) -> FixedPoint:
    """The nearest numbers of the format, ties to even.

    What does not fit is flagged and wraps or saturates. Inside jit NaN becomes a flagged 0.

    Numbers that can be seen are rounded as they are, on the host in double precision, whatever that of JAX is, and so
    are integers anywhere. A traced float is rounded exactly, too, but holds in single precision no more than 24 bits
    of the number that was meant: 1/3 in 30 bits behind the point is off by 11 of the last.

    Raises:
        TypeError: `format` is none.
        ValueError: numbers that are not real, or NaN where it can be seen.
    """
    require_kind("format", format, Format)
    seen = is_concrete(*jax.tree.leaves(x))
    xp: Any = np if seen else jnp
    array: Any = xp.asarray(x)
    if jnp.issubdtype(array.dtype, jnp.integer) or array.dtype == bool:
        return _integers_fitted(array, format.fraction, format, xp)
    require(jnp.issubdtype(array.dtype, jnp.floating), f"`x` must be real numbers, but is of dtype {array.dtype}.")
    if seen:
        missing = int(np.isnan(array).sum())
        require(missing == 0, f"`x` must not hold NaN, but {missing} of its {array.size} entries are NaN.")
        array = array.astype(np.promote_types(array.dtype, np.float64))
    else:
        array = as_inexact("x", array)  # half precision could hold neither the result nor the ends of the format
    return _floats_fitted(array, format, xp)


def _floats_fitted(x: Any, format: Format, xp: Any) -> FixedPoint:
    with np.errstate(over="ignore"):  # infinite is outside, too
        rounded = xp.round(xp.ldexp(x, format.fraction))
    half = 2.0 ** (format.bits - 1)
    outside = ~((rounded >= -half) & (rounded < half))
    around = xp.fmod(xp.where(xp.isfinite(rounded), rounded, 0), 2 * half)  # keeps the sign, and so is exact
    around = xp.where(around >= half, around - 2 * half, xp.where(around < -half, around + 2 * half, around))
    clipped = xp.where(rounded > 0, format.largest, xp.where(rounded < 0, format.least, 0)).astype(np.int32)
    inside = xp.where(outside & format.saturates, 0, around).astype(np.int32)
    return _fixed_point(xp.where(outside & format.saturates, clipped, inside), outside, format)


def _integers_fitted(x: Any, by: int, format: Format, xp: Any) -> FixedPoint:
    """Integers times 2^by, of any dtype, without a float on the way."""
    x = x.astype(np.int32) if x.dtype == bool else x
    held = np.iinfo(x.dtype)  # nothing of a narrow dtype is beyond a wide format, whose ends it cannot hold
    low, high = max(-(-format.least >> by), int(held.min)), min(format.largest >> by, int(held.max))
    outside = (x < low) | (x > high)
    word = x.astype(np.uint32) << np.uint32(by // 2) << np.uint32(by - by // 2)  # modulo 2^32; a shift by 32 is unsafe
    unused = 32 - format.bits
    value = (word << np.uint32(unused)).astype(np.int32) >> np.int32(unused)
    if format.saturates:
        value = xp.where(outside, xp.where(x > 0, np.int32(format.largest), np.int32(format.least)), value)
    return _fixed_point(value, outside, format)


def _fixed_point(integers: Any, outside: Any, format: Format) -> FixedPoint:
    return FixedPoint(jnp.asarray(integers, jnp.int32), jnp.asarray(outside, bool), format)


def from_integers(integers: ArrayLike, format: Format) -> FixedPoint:
    """Numbers by their integers; inside jit, what does not fit is flagged and wraps or saturates.

    Raises:
        TypeError: `format` is none.
        ValueError: not integers, or some that do not fit, where that can be seen.
    """
    require_kind("format", format, Format)
    seen = is_concrete(*jax.tree.leaves(integers))
    array: Any = np.asarray(integers) if seen else jnp.asarray(integers)
    require(array.dtype.kind in "iub", f"`integers` must be integers, but are {array.dtype}.")
    if seen and array.size:
        low, high = int(array.min()), int(array.max())
        fits = format.least <= low and high <= format.largest
        require(fits, f"`integers` must be from {format.least} to {format.largest}, but are from {low} to {high}.")
    return _integers_fitted(array, 0, format, np if seen else jnp)


def decode(x: FixedPoint) -> Float[Array, "..."]:
    """The numbers as floats of the default precision: exact in double, to 24 bits in single precision."""
    require_kind("x", x, FixedPoint)
    return _decoded(x)


@jax.jit
def _decoded(x: FixedPoint) -> Array:
    return jnp.ldexp(x.integers.astype(jnp.result_type(float)), -x.format.fraction)


def same_format(name: str, x: FixedPoint, y: FixedPoint) -> Format:
    """The format of both; TypeError unless they are in fixed point, ValueError unless it is one."""
    require_kind("x", x, FixedPoint)
    require_kind(name, y, FixedPoint)
    require(x.format == y.format, f"`{name}` must have the format {x.format}, but has {y.format}.")
    return x.format
