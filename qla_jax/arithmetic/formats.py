"""Fixed-point numbers: two's complement of b bits with f fractional bits, and a flag where a number did not fit.

The integer n stands for $n/2^f$, from $-2^{b-1-f}$ to $2^{b-1-f} - 2^{-f}$. A result that does not fit wraps modulo
$2^b$ or saturates, as the format says, and is flagged. All numbers computed from it are flagged, too.

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
    """Format of fixed-point numbers.

    Attributes:
        bits: number of all bits, sign included, 1 to 32.
        fraction: number of fractional bits, 0 to `bits`.
        overflow: treatment of numbers that do not fit: "wrap" or "saturate".

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
        """Smallest integer of the format."""
        return -(1 << (self.bits - 1))

    @property
    def largest(self) -> int:
        """Largest integer of the format."""
        return (1 << (self.bits - 1)) - 1

    @property
    def step(self) -> float:
        """Value of the last bit, $2^{-f}$."""
        return 2.0**-self.fraction

    @property
    def saturates(self) -> bool:
        """True if numbers that do not fit are clipped."""
        return self.overflow == "saturate"


class FixedPoint(Node):
    """Array of fixed-point numbers of any shape.

    Integers have no derivative: gradients through them are zero.

    Attributes:
        integers: numbers times 2^fraction.
        overflow: mask of the numbers that, or one of whose operands, did not fit or had no value.
        format: format of all numbers.
    """

    integers: Int[Array, "..."]
    overflow: Bool[Array, "..."]
    format: Format = struct.field(pytree_node=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.integers.shape


def encode(x: ArrayLike, format: Format) -> FixedPoint:
    """Round numbers to the nearest numbers of a format, ties to even.

    A number that does not fit is flagged, and wraps or saturates. Inside jit NaN becomes a flagged 0. Concrete numbers
    are rounded exactly, on the host in double precision, in any precision of JAX. Integers are exact in any case. A
    traced float is also rounded exactly, but in single precision it holds only 24 bits of the intended number: 1/3 with
    30 fractional bits is off by 11 last bits.

    Args:
        x: real numbers or integers.
        format: format of the result.

    Raises:
        TypeError: `format` is no `Format`.
        ValueError: numbers that are not real, or NaN where it can be seen.

    Example:
        >>> x = encode(jnp.array([0.3, 9.0]), Format(bits=6, fraction=3))
        >>> x.integers.tolist(), x.overflow.tolist()
        ([2, 8], [False, True])
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
    with np.errstate(over="ignore"):  # an infinite number lies outside, too
        rounded = xp.round(xp.ldexp(x, format.fraction))
    half = 2.0 ** (format.bits - 1)
    outside = ~((rounded >= -half) & (rounded < half))
    around = xp.fmod(xp.where(xp.isfinite(rounded), rounded, 0), 2 * half)  # fmod keeps the sign, so it is exact
    around = xp.where(around >= half, around - 2 * half, xp.where(around < -half, around + 2 * half, around))
    clipped = xp.where(rounded > 0, format.largest, xp.where(rounded < 0, format.least, 0)).astype(np.int32)
    inside = xp.where(outside & format.saturates, 0, around).astype(np.int32)
    return _fixed_point(xp.where(outside & format.saturates, clipped, inside), outside, format)


def _integers_fitted(x: Any, by: int, format: Format, xp: Any) -> FixedPoint:
    """Return integers times 2^by in the format, for any dtype of integers and without floats."""
    x = x.astype(np.int32) if x.dtype == bool else x
    held = np.iinfo(x.dtype)  # a narrow dtype cannot hold the ends of a wide format, and needs no comparison with them
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
    """Return the fixed-point numbers of given integers.

    Inside jit a number that does not fit is flagged, and wraps or saturates.

    Args:
        integers: numbers times 2^fraction.
        format: format of the numbers.

    Raises:
        TypeError: `format` is no `Format`.
        ValueError: not integers, or some that do not fit, where that can be seen.

    Example:
        >>> decode(from_integers(jnp.array([2, -14]), Format(bits=6, fraction=3))).tolist()
        [0.25, -1.75]
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
    """Return the numbers as floats of the default precision: exact in double, to 24 bits in single precision.

    Example:
        >>> decode(encode(jnp.array([0.3, -1.75]), Format(bits=6, fraction=3))).tolist()
        [0.25, -1.75]
    """
    require_kind("x", x, FixedPoint)
    return _decoded(x)


@jax.jit
def _decoded(x: FixedPoint) -> Array:
    return jnp.ldexp(x.integers.astype(jnp.result_type(float)), -x.format.fraction)


def same_format(name: str, x: FixedPoint, y: FixedPoint) -> Format:
    """Return the common format of two numbers.

    Args:
        name: name of the second argument, for the error.
        x: first number.
        y: second number.

    Raises:
        TypeError: arguments that are not in fixed point.
        ValueError: different formats.
    """
    require_kind("x", x, FixedPoint)
    require_kind(name, y, FixedPoint)
    require(x.format == y.format, f"`{name}` must have the format {x.format}, but has {y.format}.")
    return x.format
