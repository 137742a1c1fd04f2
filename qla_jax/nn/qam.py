r"""Quantum arithmetic modules: layers that a network computes on numbers in registers, for one input.

`Arithmetic` computes in real numbers, the limit of long registers. `FixedArithmetic` of `qla_jax.nn.fixed_qam` computes
with the integers of the circuits. Each layer takes arrays, which lie in memory, or `Numbers`, and returns `Numbers`:
values and the steps that computed them, from which costs are folded.

Example:
    >>> from qla_jax.nn.steps import operations
    >>> qam = Arithmetic()
    >>> y = qam.relu(qam.dense(jnp.ones((2, 3)), jnp.full((1, 3), 0.5)))
    >>> y.values.tolist(), sorted(operations(y.step).items())
    ([[1.5], [1.5]], [('add', 3), ('multiply', 3), ('relu', 1)])

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, sections II.3.2, B.3, C and D.
    https://arxiv.org/abs/2402.18940
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax._checks import require
from qla_jax.linalg.patches import windows
from qla_jax.linalg.products import correlate, matmul
from qla_jax.nn.estimated_gradients import WeightGradients, estimated_dense
from qla_jax.nn.steps import ArithmeticStep, Numbers, as_numbers

EPSILON = 1e-5
"""Constant that normalizations add to variances."""
PRODUCT_AND_SUM = {"multiply": 1, "add": 1}
"""Operations for each term of an inner product."""


class Computed(NamedTuple):
    """Result of one layer.

    Attributes:
        values: numbers that the layer computed.
        misfits: number of results that did not fit into their registers.
    """

    values: Array
    misfits: Array | int = 0


class Arithmetic:
    """Layers in real numbers, for one pass of one input through a network.

    Args:
        gradients: settings by which gradients of weights are estimated; exact gradients unless given.
        key: random key of the estimates.
    """

    def __init__(self, gradients: WeightGradients | None = None, *, key: Array | None = None) -> None:
        self.gradients, self.key, self.calls = gradients, key, 0

    def rounded(self, x: Array | Numbers) -> Numbers:
        """Return numbers as registers hold them; this takes no operation, and real numbers are unchanged.

        Args:
            x: any tensor.
        """
        x = as_numbers(x)
        return made(self._rounded(x.values), x)

    def dense(self, x: Array | Numbers, weight: Array, bias: Array | None = None) -> Numbers:
        """Return $xW^T + b$, where each row of x is a vector.

        Args:
            x: rows, shape (n, k).
            weight: W, shape (m, k).
            bias: b, shape (m,); zero unless given.
        """
        x = as_numbers(x)
        fits = len(x.shape) == 2 and weight.shape[1:] == x.shape[1:]
        require(fits, f"`weight` must be (m, k) for `x` (n, k), but they are {weight.shape} and {x.shape}.")
        y = self._dense(x.values, weight, bias)
        once = {} if bias is None else {"add": 1}
        products = x.shape[0] * weight.size
        return made(y, x, fan_in=x.shape[1], each=PRODUCT_AND_SUM, once=once, products=products)

    def convolve(self, x: Array | Numbers, kernel: Array, stride: int = 1) -> Numbers:
        """Return the cross-correlation of an image with a kernel. The image is padded by zeros.

        Args:
            x: image, shape (channels, rows, columns).
            kernel: kernel, shape (outputs, channels, rows, columns).
            stride: distance between the pixels that are kept.
        """
        x = as_numbers(x)
        fits = len(x.shape) == 3 and kernel.ndim == 4 and kernel.shape[1] == x.shape[0]
        told = f"`kernel` must be (outputs, channels, rows, columns) for `x` {x.shape}, but has shape {kernel.shape}."
        require(fits, told)
        y = self._convolve(x.values, kernel, stride)
        products = kernel.size * math.prod(y.values.shape[1:])
        return made(y, x, fan_in=kernel[0].size, each=PRODUCT_AND_SUM, products=products)

    def batch_norm(self, x: Array | Numbers, mean: Array, variance: Array, gamma: Array, beta: Array) -> Numbers:
        """Normalize each channel by classical statistics: one product with a constant and one sum for each number.

        Args:
            x: image, shape (channels, rows, columns).
            mean: mean of each channel.
            variance: variance of each channel.
            gamma: factor of each channel.
            beta: offset of each channel.
        """
        x = as_numbers(x)
        return made(self._batch_norm(x.values, mean, variance, gamma, beta), x, once=PRODUCT_AND_SUM)

    def relu(self, x: Array | Numbers) -> Numbers:
        """Return the larger of each number and 0.

        Args:
            x: any tensor.
        """
        x = as_numbers(x)
        return made(self._relu(x.values), x, once={"relu": 1})

    def gelu(self, x: Array | Numbers) -> Numbers:
        r"""Return $x\,\Phi(x)$ for each number.

        Args:
            x: any tensor.
        """
        x = as_numbers(x)
        return made(self._gelu(x.values), x, once={"absolute": 1, "gelu": 1, "relu": 1, "subtract": 1})

    def add(self, x: Array | Numbers, y: Array | Numbers) -> Numbers:
        """Add two tensors entry by entry.

        Args:
            x: one tensor.
            y: other tensor, of the same shape.
        """
        x, y = as_numbers(x), as_numbers(y)
        return made(self._add(x.values, y.values), x, y, once={"add": 1})

    def product(self, x: Array | Numbers, y: Array | Numbers) -> Numbers:
        """Return the matrix product of two tensors in registers: inner products of rows with columns.

        Args:
            x: left factor, shape (n, k).
            y: right factor, shape (k, m).
        """
        x, y = as_numbers(x), as_numbers(y)
        fits = len(x.shape) == len(y.shape) == 2 and x.shape[1] == y.shape[0]
        require(fits, f"`y` must be (k, m) for `x` (n, k), but they are {y.shape} and {x.shape}.")
        products = x.shape[0] * x.shape[1] * y.shape[1]
        found = self._product(x.values, y.values)
        return made(found, x, y, fan_in=x.shape[1], each=PRODUCT_AND_SUM, products=products)

    def layer_norm(self, x: Array | Numbers, gamma: Array, beta: Array) -> Numbers:
        r"""Bring each row to mean 0 and variance 1, then multiply by a factor and add an offset for each column.

        Args:
            x: rows, shape (n, d).
            gamma: factor of each column.
            beta: offset of each column.

        Raises:
            ValueError: in fixed point, fewer than $\log_2d$ bits after the point.
        """
        x = as_numbers(x)
        each, once = {"add": 2, "square": 1}, {"multiply": 3, "subtract": 1, "add": 2, "sqrt": 1, "divide": 1}
        return made(self._layer_norm(x.values, gamma, beta), x, fan_in=x.shape[1], each=each, once=once)

    def _rounded(self, x: Array) -> Computed:
        return Computed(x)

    def _dense(self, x: Array, weight: Array, bias: Array | None) -> Computed:
        y = self._linear(x, weight)
        return Computed(y if bias is None else y + bias[None])

    def _convolve(self, x: Array, kernel: Array, stride: int) -> Computed:
        x, kernel = (part.astype(jnp.result_type(x, kernel)) for part in (x, kernel))
        around = [((k - 1) // 2, k // 2) for k in kernel.shape[2:]]
        if self.gradients is None:
            return Computed(correlate(x[None], kernel, (stride, stride), around)[0])
        # As a product of patches with the kernel, since the estimates are defined for the weights of a dense layer.
        cut = windows(x, kernel.shape[2:], stride=stride, around=around)
        pixels = self._linear(cut.reshape(-1, math.prod(cut.shape[3:])).T, kernel.reshape(len(kernel), -1))
        return Computed(pixels.T.reshape(len(kernel), *cut.shape[3:]))

    def _batch_norm(self, x: Array, mean: Array, variance: Array, gamma: Array, beta: Array) -> Computed:
        factor = gamma / jnp.sqrt(variance + EPSILON)
        return Computed(x * factor[:, None, None] + (beta - mean * factor)[:, None, None])

    def _relu(self, x: Array) -> Computed:
        return Computed(jax.nn.relu(x))

    def _gelu(self, x: Array) -> Computed:
        return Computed(jax.nn.gelu(x, approximate=False))

    def _add(self, x: Array, y: Array) -> Computed:
        return Computed(x + y)

    def _product(self, x: Array, y: Array) -> Computed:
        return Computed(matmul(x, y))

    def _layer_norm(self, x: Array, gamma: Array, beta: Array) -> Computed:
        centered = x - x.mean(axis=1, keepdims=True)
        variance = jnp.mean(jnp.square(centered), axis=1, keepdims=True)
        return Computed(centered / jnp.sqrt(variance + EPSILON) * gamma[None] + beta[None])

    def _linear(self, x: Array, weight: Array) -> Array:
        if self.gradients is None:
            return matmul(x, weight.T)
        assert self.key is not None
        self.calls += 1
        return estimated_dense(x, weight, self.gradients, key=jax.random.fold_in(self.key, self.calls))


def made(computed: Computed, *inputs: Numbers, **counted: Any) -> Numbers:
    """Return the result of a layer together with the step of the layer.

    Args:
        computed: result of the layer.
        inputs: numbers that the layer started from.
        counted: fields of `ArithmeticStep`: `fan_in`, `each`, `once`, `products`, `held`.
    """
    return Numbers(computed.values, ArithmeticStep(tuple(x.step for x in inputs), misfits=computed.misfits, **counted))
