r"""Quantum arithmetic modules: the layers that a network computes on numbers in registers, for one input.

`Arithmetic` computes in real numbers, the limit of long registers. `FixedArithmetic` computes with the integers of the
circuits, bit by bit: what comes out is what `qla_jax.arithmetic` would write into registers. Its derivative is that of
the real layer at the rounded inputs (a straight-through estimator), so that networks can be trained through it.

Both hand floats on, which hold numbers of up to 24 bits exactly in single precision, and count what did not fit.

Example:
    >>> qam = FixedArithmetic(Format(bits=8, fraction=4))
    >>> x = jnp.ones((2, 3))
    >>> qam.dense(x, jnp.full((1, 3), 0.3)).tolist(), int(qam.misfits())  # 0.3 is 5/16 here
    ([[0.9375], [0.9375]], 0)

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, sections II.3.2, B.3, C and D.
    https://arxiv.org/abs/2402.18940
"""

import math
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
from jax import Array
from jaxtyping import Float

from qla_jax import arithmetic
from qla_jax._checks import require
from qla_jax.arithmetic import FixedPoint, Format, Piecewise, decode, encode, from_integers, piecewise
from qla_jax.linalg.derivatives import straight_through
from qla_jax.linalg.patches import windows
from qla_jax.nn.estimated_gradients import WeightGradients, estimated_dense

EPSILON = 1e-5
"""Added to variances."""
GELU_RANGE = 32


class Arithmetic:
    """Layers in real numbers.

    One object serves one pass through a network: it deals out keys, notes what did not fit, and counts.

    `serial` holds the operations behind each other that one number takes, from numbers in memory: a sum of k products
    of numbers that took s operations each takes k (s + one product and one sum), whether they are computed anew or
    held in registers meanwhile. `macs` are the products of all numbers, as a classical computer does them.

    Args:
        gradients: how gradients of weights are found; exactly unless given.
        key: of their estimates.
    """

    def __init__(self, gradients: WeightGradients | None = None, *, key: Array | None = None) -> None:
        self.gradients, self.key, self.calls = gradients, key, 0
        self.serial: Counter[str] = Counter()
        self.macs = 0
        self.flagged = jnp.zeros((), jnp.int32)

    def note(self, *, fan_in: int = 1, each: dict[str, int] | None = None, **once: int) -> None:
        """Count what a number takes: `each` for every one of the `fan_in` that it is made of, the rest once."""
        per_number = self.serial + Counter(each or {})
        self.serial = Counter({name: fan_in * count for name, count in per_number.items()}) + Counter(once)

    def taken(self) -> tuple[tuple[tuple[str, int], ...], int]:
        """What was counted since this was last asked, operations and products; numbers are in memory from here on."""
        counted = tuple(sorted(self.serial.items())), self.macs
        self.serial, self.macs = Counter(), 0
        return counted

    def misfits(self) -> Array:
        """How many results did not fit into their registers since this was last asked; none in real numbers."""
        found, self.flagged = self.flagged, jnp.zeros((), jnp.int32)
        return found

    def flag(self, overflow: Array) -> None:
        """Note where results did not fit."""
        self.flagged = self.flagged + overflow.sum(dtype=jnp.int32)

    def rounded(self, x: Array) -> Array:
        """As numbers that registers can hold."""
        return x

    def dense(self, x: Float[Array, "n k"], weight: Float[Array, "m k"], bias: Array | None = None) -> Array:
        """$xW^T + b$: every row by itself."""
        self._count_dense(x, weight, bias)
        y = self._linear(x, weight)
        return y if bias is None else y + bias[None]

    def convolve(self, x: Float[Array, "c h w"], kernel: Float[Array, "o c k l"], stride: int = 1) -> Array:
        """Cross-correlation, zeros around the image."""
        self._count_convolution(x, kernel, stride)
        x, kernel = (part.astype(jnp.result_type(x, kernel)) for part in (x, kernel))
        around = [((k - 1) // 2, k // 2) for k in kernel.shape[2:]]
        if self.gradients is None:
            return jax.lax.conv_general_dilated(x[None], kernel, (stride, stride), around)[0]
        cut = windows(x, kernel.shape[2:], stride=stride, around=around)
        pixels = self._linear(cut.reshape(-1, math.prod(cut.shape[3:])).T, kernel.reshape(len(kernel), -1))
        return pixels.T.reshape(len(kernel), *cut.shape[3:])

    def batch_norm(self, x: Float[Array, "c h w"], mean: Array, variance: Array, gamma: Array, beta: Array) -> Array:
        """One constant product and one constant sum for each channel, from classical statistics."""
        self.note(multiply=1, add=1)
        factor = gamma / jnp.sqrt(variance + EPSILON)
        return x * factor[:, None, None] + (beta - mean * factor)[:, None, None]

    def relu(self, x: Array) -> Array:
        """The larger of x and 0."""
        self.note(relu=1)
        return jax.nn.relu(x)

    def gelu(self, x: Array) -> Array:
        r"""$x\,\Phi(x)$."""
        self.note(absolute=1, gelu=1, relu=1, subtract=1)
        return jax.nn.gelu(x, approximate=False)

    def add(self, x: Array, y: Array) -> Array:
        """Entry by entry."""
        self.note(add=1)
        return x + y

    def product(self, x: Float[Array, "n k"], y: Float[Array, "k m"]) -> Array:
        """Of two tensors in registers: inner products of rows with columns."""
        self.note(fan_in=x.shape[1], each={"multiply": 1, "add": 1})
        self.macs += x.shape[0] * x.shape[1] * y.shape[1]
        return x @ y

    def layer_norm(self, x: Float[Array, "n d"], gamma: Float[Array, " d"], beta: Float[Array, " d"]) -> Array:
        """Each row to mean 0 and variance 1, then a factor and an offset for each column."""
        self.note(fan_in=x.shape[1], each={"add": 2, "square": 1}, multiply=3, subtract=1, add=2, sqrt=1, divide=1)
        centred = x - x.mean(axis=1, keepdims=True)
        variance = jnp.mean(jnp.square(centred), axis=1, keepdims=True)
        return centred / jnp.sqrt(variance + EPSILON) * gamma[None] + beta[None]

    def _count_dense(self, x: Array, weight: Array, bias: Array | None) -> None:
        self.note(fan_in=x.shape[1], each={"multiply": 1, "add": 1}, **({} if bias is None else {"add": 1}))
        self.macs += x.shape[0] * weight.size

    def _count_convolution(self, x: Array, kernel: Array, stride: int) -> None:
        rows, columns = (-(-size // stride) for size in x.shape[1:])
        self.note(fan_in=kernel[0].size, each={"multiply": 1, "add": 1})
        self.macs += kernel.size * rows * columns

    def _linear(self, x: Array, weight: Array) -> Array:
        if self.gradients is None:
            return x @ weight.T
        assert self.key is not None
        self.calls += 1
        return estimated_dense(x, weight, self.gradients, key=jax.random.fold_in(self.key, self.calls))


class FixedArithmetic(Arithmetic):
    """The same layers by integer arithmetic.

    Args:
        format: of all numbers, weights and statistics included.
        gradients: of the straight-through derivative.
        key: of their estimates.

    Raises:
        ValueError: more bits than floats of the default precision hold.
    """

    def __init__(self, format: Format, gradients: WeightGradients | None = None, *, key: Array | None = None) -> None:
        super().__init__(gradients, key=key)
        exact = jnp.finfo(jnp.result_type(float)).nmant + 1
        require(format.bits <= exact, f"`bits` must be at most {exact} without JAX_ENABLE_X64, but is {format.bits}.")
        self.format = format

    def rounded(self, x: Array) -> Array:
        return self._through(x, self._registers(x))

    def dense(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        found = arithmetic.dot(self._registers(x), self._registers(weight.T))
        if bias is not None:
            found = arithmetic.add(found, spread(self._registers(bias[None]), found.shape))
        return self._through(super().dense(x, weight, bias), found)

    def convolve(self, x: Array, kernel: Array, stride: int = 1) -> Array:
        found = arithmetic.convolve(self._registers(x), self._registers(kernel), stride=stride)
        return self._through(super().convolve(x, kernel, stride), found)

    def batch_norm(self, x: Array, mean: Array, variance: Array, gamma: Array, beta: Array) -> Array:
        found = arithmetic.batch_norm(self._registers(x), mean, variance, gamma, beta, epsilon=EPSILON)
        return self._through(super().batch_norm(x, mean, variance, gamma, beta), found)

    def relu(self, x: Array) -> Array:
        return self._through(super().relu(x), arithmetic.relu(self._registers(x)))

    def gelu(self, x: Array) -> Array:
        registers = self._registers(x)
        below = gelu_table(self.format)(arithmetic.absolute(registers))
        return self._through(super().gelu(x), arithmetic.subtract(arithmetic.relu(registers), below))

    def add(self, x: Array, y: Array) -> Array:
        return self._through(super().add(x, y), arithmetic.add(self._registers(x), self._registers(y)))

    def product(self, x: Array, y: Array) -> Array:
        return self._through(super().product(x, y), arithmetic.dot(self._registers(x), self._registers(y)))

    def layer_norm(self, x: Array, gamma: Array, beta: Array) -> Array:
        r"""With floors, and the last bit in place of $\epsilon$ under the root; a mean is a dot with 1/d.

        Raises:
            ValueError: fewer than $\log_2d$ bits behind the point: 1/d is rounded to the last bit or to 0.
        """
        shape = x.shape
        bits, has = (shape[1] - 1).bit_length(), self.format.fraction
        require(has >= bits, f"`format` must have {bits} bits behind the point to average {shape[1]}, but has {has}.")
        registers, share = self._registers(x), encode(np.full((shape[1], 1), 1 / shape[1]), self.format)

        def mean(y: FixedPoint) -> FixedPoint:
            return spread(arithmetic.dot(y, share), shape)

        centred = arithmetic.subtract(registers, mean(registers))
        least = from_integers(jnp.ones(shape, jnp.int32), self.format)
        width = arithmetic.sqrt(arithmetic.add(mean(arithmetic.square(centred)), least))
        scale, shift = (spread(self._registers(row[None]), shape) for row in (gamma, beta))
        found = arithmetic.add(arithmetic.multiply(arithmetic.divide(centred, width), scale), shift)
        return self._through(super().layer_norm(x, gamma, beta), found)

    def _registers(self, x: Array) -> FixedPoint:
        return encode(jax.lax.stop_gradient(x), self.format)

    def _through(self, exact: Array, found: FixedPoint) -> Array:
        self.flag(found.overflow)
        return straight_through(exact, decode(found).astype(exact.dtype))


def spread(x: FixedPoint, shape: tuple[int, ...]) -> FixedPoint:
    """Broadcast."""
    return jax.tree.map(lambda part: jnp.broadcast_to(part, shape), x)


def gelu_table(format: Format) -> Piecewise:
    r"""$x\,\Phi(-x)$ for $x \ge 0$ to the last bit, what GELU is below ReLU at x and -x.

    Its fourth derivative, $(x^4 - 7x^2 + 4)\varphi(x)$, is largest at 0.

    Raises:
        ValueError: a range above 32, where this function is no float64 any more.
    """
    largest = format.largest * format.step
    require(largest < GELU_RANGE, f"`format` must end below {GELU_RANGE} for GELU, but ends at {largest}.")
    return piecewise(
        lambda x: x * scipy.special.ndtr(-x),
        format,
        derivative=lambda n, low, high: 4 / math.sqrt(2 * math.pi),
        domain=(0.0, largest),
    )


def exponential_table(format: Format) -> Piecewise:
    r"""$e^x$ for $x \le 0$ to the last bit."""
    return piecewise(
        np.exp, format, derivative=lambda n, low, high: math.exp(high), domain=(format.least * format.step, 0.0)
    )
