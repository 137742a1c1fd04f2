r"""Fixed point: two's complement of b bits, f of them behind the point, and a flag where a number did not fit.

The integer n stands for $n/2^f$, from $-2^{b-1-f}$ to $2^{b-1-f} - 2^{-f}$. A result that does not fit wraps modulo
$2^b$ or saturates, as the format says, and is flagged; flags stay with all that is computed from it.

Example:
    >>> x = encode(jnp.array([0.3, -1.75, 9.0]), Format(bits=6, fraction=3))
    >>> x.integers.tolist(), x.overflow.tolist(), decode(x).tolist()
    ([2, -14, 8], [False, False, True], [0.25, -1.75, 1.0])
"""

from dataclasses import dataclass
from typing import Literal

import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Bool, Float, Int

from qla_jax.encodings.checks import is_concrete, require, require_kind

MAX_BITS = 32


@dataclass(frozen=True)
class Format:
    """Fixed-point numbers of one kind.

    Attributes:
        bits: all of them, the sign included, 1 to 32.
        fraction: those behind the point, 0 to `bits`.
        overflow: what becomes of a number that does not fit.

    Raises:
        ValueError: other bits, fractions or words.
    """

    bits: int
    fraction: int
    overflow: Literal["wrap", "saturate"] = "wrap"

    def __post_init__(self) -> None:
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


class FixedPoint(struct.PyTreeNode):
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

    Raises:
        ValueError: NaN, where it can be seen.
    """
    if is_concrete(x):
        missing = int(np.isnan(np.asarray(x)).sum())
        require(missing == 0, f"`x` must not hold NaN, but {missing} of its {np.size(x)} entries are NaN.")
    x = jnp.asarray(x)
    x = x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.result_type(float))
    rounded = jnp.round(jnp.ldexp(x, format.fraction))
    half = 2.0 ** (format.bits - 1)
    outside = ~((rounded >= -half) & (rounded < half))
    around = jnp.where(jnp.isfinite(rounded), rounded, 0)
    around = jnp.mod(around, 2 * half)
    around = jnp.where(around >= half, around - 2 * half, around)
    clipped = jnp.where(rounded > 0, format.largest, jnp.where(rounded < 0, format.least, 0)).astype(jnp.int32)
    inside = jnp.where(outside & format.saturates, 0, around).astype(jnp.int32)
    return FixedPoint(jnp.where(outside & format.saturates, clipped, inside), outside, format)


def from_integers(integers: ArrayLike, format: Format) -> FixedPoint:
    """Numbers by their integers.

    Raises:
        ValueError: not integers, or some that do not fit, where that can be seen.
    """
    array = np.asarray(integers) if is_concrete(integers) else jnp.asarray(integers)
    require(array.dtype.kind in "iub", f"`integers` must be integers, but are {array.dtype}.")
    if is_concrete(array) and array.size:
        low, high = int(array.min()), int(array.max())
        fits = format.least <= low and high <= format.largest
        require(fits, f"`integers` must be from {format.least} to {format.largest}, but are from {low} to {high}.")
    return FixedPoint(jnp.asarray(array, jnp.int32), jnp.zeros(array.shape, bool), format)


def decode(x: FixedPoint) -> Float[Array, "..."]:
    """The numbers as floats of the default precision: exact in double, to 24 bits in single precision."""
    return jnp.ldexp(x.integers.astype(jnp.result_type(float)), -x.format.fraction)


def same_format(name: str, x: FixedPoint, y: FixedPoint) -> Format:
    """The format of both; TypeError unless they are in fixed point, ValueError unless it is one."""
    require_kind("x", x, FixedPoint)
    require_kind(name, y, FixedPoint)
    require(x.format == y.format, f"`{name}` must have the format {x.format}, but has {y.format}.")
    return x.format
