r"""Layers by integer arithmetic, equal bit by bit to what the circuits of `qla_jax.arithmetic` write into registers.

Values are returned as floats, which hold numbers of up to 24 bits exactly in single precision. The derivative is that
of the real layer at the rounded inputs (a straight-through estimator), so that networks can be trained.

Example:
    >>> qam = FixedArithmetic(Format(bits=8, fraction=4))
    >>> y = qam.dense(jnp.ones((2, 3)), jnp.full((1, 3), 0.3))  # 0.3 is 5/16 in this format
    >>> y.values.tolist(), int(y.step.misfits)
    ([[0.9375], [0.9375]], 0)

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, sections II.3.2, B.3, C and D.
    https://arxiv.org/abs/2402.18940
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qla_jax import arithmetic
from qla_jax._checks import require
from qla_jax.arithmetic import FixedPoint, Format, decode, encode, from_integers
from qla_jax.linalg.derivatives import straight_through
from qla_jax.nn.estimated_gradients import WeightGradients
from qla_jax.nn.qam import EPSILON, Arithmetic, Computed
from qla_jax.nn.tables import gelu_table


class FixedArithmetic(Arithmetic):
    """Layers by integer arithmetic. The step of each layer counts the numbers that did not fit into their registers.

    Args:
        format: fixed-point format of all numbers, weights and statistics included.
        gradients: settings by which gradients of weights are estimated; exact gradients unless given.
        key: random key of the estimates.

    Raises:
        ValueError: a format with more bits than floats of the default precision hold exactly.
    """

    def __init__(self, format: Format, gradients: WeightGradients | None = None, *, key: Array | None = None) -> None:
        super().__init__(gradients, key=key)
        exact = jnp.finfo(jnp.result_type(float)).nmant + 1
        require(format.bits <= exact, f"`bits` must be at most {exact} without JAX_ENABLE_X64, but is {format.bits}.")
        self.format = format

    def _rounded(self, x: Array) -> Computed:
        return _through(Computed(x), self._registers(x))

    def _dense(self, x: Array, weight: Array, bias: Array | None) -> Computed:
        found = arithmetic.dot(self._registers(x), self._registers(weight.T))
        if bias is not None:
            found = arithmetic.add(found, spread(self._registers(bias[None]), found.shape))
        return _through(super()._dense(x, weight, bias), found)

    def _convolve(self, x: Array, kernel: Array, stride: int) -> Computed:
        found = arithmetic.convolve(self._registers(x), self._registers(kernel), stride=stride)
        return _through(super()._convolve(x, kernel, stride), found)

    def _batch_norm(self, x: Array, mean: Array, variance: Array, gamma: Array, beta: Array) -> Computed:
        found = arithmetic.batch_norm(self._registers(x), mean, variance, gamma, beta, epsilon=EPSILON)
        return _through(super()._batch_norm(x, mean, variance, gamma, beta), found)

    def _relu(self, x: Array) -> Computed:
        return _through(super()._relu(x), arithmetic.relu(self._registers(x)))

    def _gelu(self, x: Array) -> Computed:
        registers = self._registers(x)
        below = gelu_table(self.format)(arithmetic.absolute(registers))
        return _through(super()._gelu(x), arithmetic.subtract(arithmetic.relu(registers), below))

    def _add(self, x: Array, y: Array) -> Computed:
        return _through(super()._add(x, y), arithmetic.add(self._registers(x), self._registers(y)))

    def _product(self, x: Array, y: Array) -> Computed:
        return _through(super()._product(x, y), arithmetic.dot(self._registers(x), self._registers(y)))

    def _layer_norm(self, x: Array, gamma: Array, beta: Array) -> Computed:
        # All results are floors, and the last bit takes the place of epsilon under the root. A mean is an inner product
        # with 1/d, which would be rounded to the last bit or to 0 with fewer than log2(d) bits after the point.
        shape = x.shape
        bits, has = (shape[1] - 1).bit_length(), self.format.fraction
        require(has >= bits, f"`format` must have {bits} bits after the point to average {shape[1]}, but has {has}.")
        registers, share = self._registers(x), encode(np.full((shape[1], 1), 1 / shape[1]), self.format)

        def mean(y: FixedPoint) -> FixedPoint:
            return spread(arithmetic.dot(y, share), shape)

        centered = arithmetic.subtract(registers, mean(registers))
        least = from_integers(jnp.ones(shape, jnp.int32), self.format)
        width = arithmetic.sqrt(arithmetic.add(mean(arithmetic.square(centered)), least))
        scale, shift = (spread(self._registers(row[None]), shape) for row in (gamma, beta))
        found = arithmetic.add(arithmetic.multiply(arithmetic.divide(centered, width), scale), shift)
        return _through(super()._layer_norm(x, gamma, beta), found)

    def _registers(self, x: Array) -> FixedPoint:
        return encode(jax.lax.stop_gradient(x), self.format)


def _through(real: Computed, found: FixedPoint) -> Computed:
    """Return the fixed-point values with the derivative of the real ones."""
    values = straight_through(real.values, decode(found).astype(real.values.dtype))
    return Computed(values, found.overflow.sum(dtype=jnp.int32))


def spread(x: FixedPoint, shape: tuple[int, ...]) -> FixedPoint:
    """Return numbers broadcast to a shape.

    Args:
        x: numbers in registers.
        shape: shape of the result.
    """
    return jax.tree.map(lambda part: jnp.broadcast_to(part, shape), x)
