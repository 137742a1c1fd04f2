r"""Smooth functions of fixed-point numbers by a polynomial for each segment, with a proven error.

Lemma A.1 of the reference promises an arithmetic for each "basic function" to an error $\epsilon$ with gates polynomial
in the bits. This module implements it as follows. The first k of b bits name one of $2^k$ segments of width h, and the
others are the place $t \in [0, 1)$ in the segment. On each segment $f$ is interpolated at $d + 1$ Chebyshev nodes and
evaluated by Horner's rule with w fractional bits and a floor after each product. Then
$$|f - \tilde f| \le \max_s\frac{\max_s|f^{(d+1)}|}{2^d(d+1)!}\Bigl(\frac h2\Bigr)^{d+1}
+ 2^{-w}\bigl(\tfrac32d + \tfrac12\bigr) + 2^{-f-1}$$
with terms for the approximation, for floors and coefficients, and for the last rounding to f bits, halves up. The table
has the smallest k for which this bound is at most $\epsilon$. For $\epsilon = 2^{-f}$ these are
$2^k \sim \epsilon^{-1/(d+1)}$ segments of d products each.

Example:
    >>> from qla_jax.arithmetic import Format, decode, encode
    >>> format = Format(bits=10, fraction=7)
    >>> tanh = piecewise(np.tanh, format, derivative=cauchy(1.0, math.tan(1.0)), degree=3)
    >>> x = encode(jnp.array([-2.0, 0.5]), format)
    >>> bool((abs(decode(tanh(x)) - jnp.tanh(decode(x))) <= tanh.error_bound).all()), tanh.error_bound <= 2**-7
    (True, True)

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, Lemma A.1. https://arxiv.org/abs/2402.18940
    Haner, Roetteler, Svore (2018), piecewise polynomials by gates. https://arxiv.org/abs/1805.12445
    Davis (1975), Interpolation and Approximation, 3.3: the error at Chebyshev nodes.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax import Array
from jaxtyping import Int

from qla_jax._checks import as_integer, as_real, require, require_callable, require_kind
from qla_jax._modes import default_promotion, varying_like
from qla_jax.arithmetic import digits as wide
from qla_jax.arithmetic import parts, products
from qla_jax.arithmetic.adders import gidney
from qla_jax.arithmetic.circuit import ReversibleCircuit, circuit
from qla_jax.arithmetic.elementwise import fitted
from qla_jax.arithmetic.formats import FixedPoint, Format
from qla_jax.arithmetic.gates import Gates, Register, conjugate, copy, cx, flip, land, load, wires
from qla_jax.arithmetic.segments import Derivative, approximation, interpolants

MAX_INDEX = 14
"""Largest k: at most 2^14 segments."""


@dataclass(frozen=True)
class Piecewise:
    """Function as a table of polynomials, built by `piecewise`.

    Attributes:
        format: format of argument and value.
        index: number of bits that name the segment.
        working: number of fractional bits of coefficients and Horner's sums.
        coefficients: integers, for each segment those of 1, t, t^2, ...
        domain: least and largest integer of the domain; arguments outside are flagged.
        error_bound: proven absolute bound for values of the domain that fit.
    """

    format: Format
    index: int
    working: int
    coefficients: tuple[tuple[int, ...], ...]
    domain: tuple[int, int]
    error_bound: float

    @property
    def place(self) -> int:
        """Number of bits of t."""
        return self.format.bits - self.index

    @property
    def width(self) -> int:
        """Number of bits of Horner's sums."""
        largest = max(sum(abs(c) + 1 for c in row) for row in self.coefficients)
        least = self.format.bits + self.working - self.format.fraction
        return max(largest.bit_length() + 1, least) + 1

    @default_promotion
    def __call__(self, x: FixedPoint) -> FixedPoint:
        """Evaluate the function at each entry.

        Results are flagged outside of the domain and where a value does not fit.

        Raises:
            TypeError: not numbers in fixed point.
            ValueError: another format.
        """
        require_kind("x", x, FixedPoint)
        require(x.format == self.format, f"`x` must have the format {self.format}, but has {x.format}.")
        return _evaluated(x, self.domain, self._table, self.place, self.working)

    @functools.cached_property
    def _table(self) -> Int[np.ndarray, "digit segment power"]:
        length = wide.count(self.width + self.place)
        digits = [[[c >> 8 * i & 255 for c in row] for row in self.coefficients] for i in range(length)]
        return np.array(digits, np.int32)

    def circuit(self) -> ReversibleCircuit:
        """Build the circuit of the function, with registers `x`, `out` and `overflow`."""
        x = wires(self.format.bits)
        t, outside = x[: self.place], wires(1)
        gates, chosen = _one_hot(x[self.place :])
        total = wires(self.width)
        columns = list(zip(*self.coefficients, strict=True))
        gates += self._load(chosen, columns[-1], total)
        for column in reversed(columns[:-1]):
            product, constant = wires(len(total) + len(t)), wires(len(total))
            gates += products.multiply_mixed(total, t, product)
            total = product[len(t) :]
            gates += conjugate(self._load(chosen, column, constant), gidney(constant, total))
        gates += self._outside(x, outside[0])
        shift = self.working - self.format.fraction
        return _flagged_either((gates, total, shift), self.format, x, outside[0])

    def _load(self, chosen: Register, numbers: tuple[int, ...], out: Register) -> Gates:
        pairs = zip(chosen, numbers, strict=True)
        return [cx(line, wire) for line, number in pairs for i, wire in enumerate(out) if number >> i & 1]

    def _outside(self, x: Register, flag: Any) -> Gates:
        low, high = self.domain
        constant = wires(len(x))
        gates: Gates = []
        if low > self.format.least:
            gates += conjugate(load(low % (1 << len(x)), constant), parts.less_signed(x, constant, flag))
        if high < self.format.largest:
            gates += conjugate(load(high % (1 << len(x)), constant), parts.less_signed(constant, x, flag))
        return gates


@jax.jit(static_argnames=("place", "working"))
def _evaluated(x: FixedPoint, domain: tuple[Array, Array], table: Array, place: int, working: int) -> FixedPoint:
    """Evaluate Horner's rule in the segment of each number."""
    length, segments, powers = table.shape
    table = varying_like(table, x)
    segment, t = x.integers >> place & (segments - 1), wide.digits(x.integers & ((1 << place) - 1), length)
    *lower, total = (table[:, segment, j] for j in range(powers))
    for coefficient in reversed(lower):
        total = wide.add(wide.shift_right(wide.multiply(total, t), place), coefficient)
    outside = (x.integers < domain[0]) | (x.integers > domain[1])
    return fitted(total, working - x.format.fraction, x.format, x.overflow, outside)


def _one_hot(address: Register) -> tuple[Gates, tuple]:
    """Return gates, and a wire for each value of the address that is 1 for that value.

    Each pair of wires takes one AND.
    """
    top = address[-1]
    (no,) = wires(1)
    gates: Gates = [cx(top, no), flip(no)]
    lines: tuple = (no, top)
    for bit in reversed(address[:-1]):
        ones, zeros = wires(len(lines)), wires(len(lines))
        for line, one, zero in zip(lines, ones, zeros, strict=True):
            gates += [land(line, bit, one), cx(line, zero), cx(one, zero)]
        lines = tuple(wire for pair in zip(zeros, ones, strict=True) for wire in pair)
    return gates, lines


def _flagged_either(full: tuple, format: Format, x: Register, outside: Any) -> ReversibleCircuit:
    """Build the circuit that flags a result outside of the domain or one that does not fit.

    The result is computed with both flags, and their OR is copied out before everything else is uncomputed.
    """
    value, misfit, out, overflow = wires(format.bits), wires(1), wires(format.bits), wires(1)
    compute, total, shift = full
    inner = parts.narrow(total, shift, value, misfit[0], saturate=format.saturates)
    result = [*copy(value, out), *parts.any_of((misfit[0], outside), overflow[0])]
    return circuit(conjugate(compute, conjugate(inner, result)), x=x, out=out, overflow=overflow)


def piecewise(
    function: Callable[[np.ndarray], Any],
    format: Format,
    *,
    derivative: Derivative,
    degree: int = 3,
    eps: float | None = None,
    domain: tuple[float, float] | None = None,
) -> Piecewise:
    """Build the table with the fewest segments that approximates a function within `eps`.

    Args:
        function: function from a NumPy vector of points of the domain to as many real values.
        format: format of argument and value.
        derivative: function from n and the ends of an interval to a bound on $|f^{(n)}|$ there, which is not checked;
            see `cauchy`.
        degree: degree of the polynomials.
        eps: absolute error of the function, above $2^{-f-1}$, half of the last bit; by default the last bit.
        domain: interval of arguments, by default all numbers of the format.

    Raises:
        TypeError: `format` is no `Format`.
        ValueError: a degree that is no integer or negative, an empty domain, values that are not real and finite, a
            bound that is negative or NaN, or an `eps` that no table of at most $2^{14}$ segments reaches.

    Example:
        >>> from qla_jax.arithmetic import Format, decode, encode
        >>> format = Format(bits=10, fraction=7)
        >>> tanh = piecewise(np.tanh, format, derivative=cauchy(1.0, math.tan(1.0)), degree=3)
        >>> decode(tanh(encode(jnp.array([-2.0, 0.5]), format))).tolist(), tanh.error_bound <= 2**-7
        ([-0.9609375, 0.4609375], True)
    """
    require_kind("format", format, Format)
    require_callable("function", function)
    require_callable("derivative", derivative)
    eps = format.step if eps is None else as_real("eps", eps)
    degree = as_integer("degree", degree, least=0)
    low, high = _integers(domain, format)
    extra = math.ceil(math.log2(1.5 * degree + 0.5)) + 2 if degree else 1
    bound = math.inf
    for index in range(1, min(format.bits, MAX_INDEX) + 1):  # the sign is always part of it
        used = degree if index < format.bits else 0
        working = format.fraction + max(extra, 1)
        fixed = 2.0**-working * (1.5 * used + 0.5) + format.step / 2
        errors = approximation(format, index, used, derivative, low, high)
        if errors + fixed > eps:
            bound = min(bound, errors + fixed)
            continue
        rows, noise = interpolants(function, format, index, used, working, low, high)
        bound = min(bound, errors + fixed + noise)
        if bound <= eps:
            return Piecewise(format, index, working, rows, (low, high), bound)
    raise ValueError(
        f"`eps` must be within reach, but is {eps}, and the best table of degree {degree} has {bound:.3g}."
    )


def cauchy(radius: float, bound: float) -> Derivative:
    r"""Return the bound $|f^{(n)}| \le n!\,M/r^n$ on derivatives, as `piecewise` takes it.

    It holds for a function of absolute value at most M within the distance r of every real point.

    Args:
        radius: distance r.
        bound: bound M.

    Raises:
        ValueError: a radius that is not positive, a bound that is negative, or one that is not finite.

    Example:
        >>> cauchy(radius=2.0, bound=1.0)(3, -1.0, 1.0)  # 3! / 2^3
        0.75
    """
    radius, bound = as_real("radius", radius), as_real("bound", bound)
    require(0 < radius < math.inf, f"`radius` must be positive and finite, but is {radius}.")
    require(0 <= bound < math.inf, f"`bound` must be finite and not negative, but is {bound}.")
    return lambda n, low, high: math.factorial(n) * bound / radius**n


def exponential(format: Format, *, degree: int = 3, eps: float | None = None) -> Piecewise:
    r"""Build a table of $e^x$ wherever it fits in the format, by `piecewise` with $|f^{(n)}| \le e^{high}$.

    Args:
        format: format of argument and value.
        degree: degree of the polynomials.
        eps: absolute error of the function, by default the last bit.

    Raises:
        TypeError: `format` is no `Format`.
        ValueError: what `piecewise` raises, or a format without a number whose exponential fits.

    Example:
        >>> from qla_jax.arithmetic import Format, decode, encode
        >>> format = Format(bits=8, fraction=4)
        >>> decode(exponential(format)(encode(jnp.array([0.0, 1.0]), format))).tolist()
        [1.0, 2.6875]
    """
    require_kind("format", format, Format)
    top = math.log((format.largest + 0.5) * format.step) if format.largest else -math.inf
    least, largest = format.least * format.step, format.largest * format.step
    require(top >= least, f"`format` must hold the exponential of one of its numbers, but is {format}.")
    return piecewise(
        np.exp,
        format,
        derivative=lambda n, low, high: math.exp(high),
        degree=degree,
        eps=eps,
        domain=(least, min(top, largest)),
    )


def _integers(domain: tuple[float, float] | None, format: Format) -> tuple[int, int]:
    if domain is None:
        return format.least, format.largest
    numbers = len(domain) == 2 and domain[0] < math.inf and domain[1] > -math.inf  # false for NaN
    require(numbers, f"`domain` must be a low end and a high end, but is {domain}.")
    scale = 1 << format.fraction
    low = math.ceil(max(domain[0] * scale, format.least))
    high = math.floor(min(domain[1] * scale, format.largest))
    require(low <= high, f"`domain` must hold a number of the format, but is {domain}.")
    return low, high
