r"""Gradients of a dense layer by inner-product estimation on a quantum computer: $Y = XW^T$ with N data points as rows.

With $G = \partial L/\partial Y$,
$$\frac{\partial L}{\partial X} = GW \quad\text{row by row, by arithmetic},\qquad
\frac{\partial L}{\partial W_{ij}} = \langle g_i, x_j\rangle$$
for the columns $g_i$ of G and $x_j$ of X, vectors of length N. Inner-product estimation returns each entry within
$\epsilon\|g_i\|\|x_j\|$, with the distribution of `noise_model`. The error of all entries together is
$$\|\Delta W\|_F \le \epsilon\|G\|_F\|X\|_F.$$
Each entry takes one estimation, which prepares the two states $2(2M - 1)$ times, $M = \lceil2\pi/\epsilon\rceil$. Sums
over a batch are classical where the layer is applied to one image at a time. The gradient of a bias is an exact sum.

Appendix E of the paper calls the first of the two gradients that of the weights, but describes that of the input.

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, appendix E. https://arxiv.org/abs/2402.18940
"""

from functools import partial

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array
from jaxtyping import Float

from qla_jax._checks import as_inexact, as_integer, require, require_key, require_kind
from qla_jax._modes import promoted, varying_like
from qla_jax._nodes import Node
from qla_jax.arithmetic import Format, decode, dot, encode
from qla_jax.linalg.preparation import unit_vector
from qla_jax.linalg.products import matmul
from qla_jax.measurement.noise import EstimationModel, noise_model
from qla_jax.measurement.readout import as_precision


class WeightGradients(Node):
    """Settings by which the gradients of weights are estimated. `weight_gradients` constructs them.

    Attributes:
        noise: noise model of the estimates of inner products.
        relative_eps: error of an inner product, relative to the lengths of its two vectors.
        format: fixed-point format in which gradients of inputs are computed; None for real numbers.

    References:
        Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, appendix E. https://arxiv.org/abs/2402.18940
    """

    noise: EstimationModel
    relative_eps: float = struct.field(pytree_node=False)
    format: Format | None = struct.field(pytree_node=False, default=None)

    def queries(self, entries: int) -> int:
        """Return the number of preparations of either state for the gradient of some weights; 0 for exact gradients.

        Args:
            entries: number of weights.

        Raises:
            ValueError: entries that are not an integer of at least 0.
        """
        return 2 * as_integer("entries", entries, least=0) * self.noise.queries(self.relative_eps)


def weight_gradients(*, relative_eps: float, noise: str = "qae", format: Format | None = None) -> WeightGradients:
    """Return settings by which a measured network estimates the gradients of its weights.

    The gradient of a weight is an inner product of two vectors, estimated within `relative_eps` times their lengths.

    Args:
        relative_eps: error of each inner product, relative to the lengths of its two vectors, in (0, 2); the model
            "exact" does not use it.
        noise: noise model of the estimates: "exact", "qae", "qae-median-K" for an odd K, "gaussian" or "uniform".
        format: fixed-point format in which gradients of inputs are computed by integer arithmetic; real numbers unless
            given.

    Raises:
        TypeError: a format of another kind.
        ValueError: `relative_eps` out of its range, or an unknown noise model.

    Example:
        >>> weight_gradients(relative_eps=0.01, noise="qae-median-5").queries(entries=10)
        125700

    References:
        Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, appendix E. https://arxiv.org/abs/2402.18940
    """
    model = noise_model(noise)
    if format is not None:
        require_kind("format", format, Format)
    relative_eps = 0.0 if model.exact else as_precision("relative_eps", relative_eps, below=2)
    return WeightGradients(noise=model, relative_eps=relative_eps, format=format)


def estimated_dense(
    x: Float[Array, "n k"], weight: Float[Array, "m k"], gradients: WeightGradients, *, key: Array
) -> Float[Array, "n m"]:
    r"""Return $XW^T$ exactly, with a derivative in W whose entries are estimated inner products.

    Only the first derivative by reverse mode is available.

    Args:
        x: X, one data point per row.
        weight: W, one output per row.
        gradients: settings of the estimates.
        key: random key of the estimates.

    Returns:
        The product $XW^T$, shape (n, m).

    Raises:
        TypeError: `gradients` is of another kind.
        ValueError: shapes that do not fit.

    Example:
        >>> x, weight, found = jnp.ones((3, 2)), jnp.ones((1, 2)), weight_gradients(relative_eps=0.1, noise="uniform")
        >>> grad = jax.grad(lambda w: estimated_dense(x, w, found, key=jax.random.key(0)).sum())(weight)
        >>> bool((abs(grad - 3) <= 0.1 * 3).all())
        True

    References:
        Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, appendix E. https://arxiv.org/abs/2402.18940
    """
    require_key("key", key)
    require_kind("gradients", gradients, WeightGradients)
    x, weight = promoted(as_inexact("x", x), as_inexact("weight", weight))
    fits = x.ndim == weight.ndim == 2 and x.shape[1] == weight.shape[1]
    require(fits, f"`weight` must be (m, k) for `x` (n, k), but they are {weight.shape} and {x.shape}.")
    # Inside `shard_map` both gradients differ between devices as soon as x, the weight or the key does. So x and the
    # weight are marked as varying over the axes that any of the three varies over.
    x, weight = varying_like((x, weight), x, weight, key)
    return _dense(x, weight, key, gradients)


@partial(jax.custom_vjp, nondiff_argnums=(3,))
def _dense(x: Array, weight: Array, key: Array, gradients: WeightGradients) -> Array:
    return matmul(x, weight.T)


def _forward(x: Array, weight: Array, key: Array, gradients: WeightGradients) -> tuple[Array, tuple]:
    return _dense(x, weight, key, gradients), (x, weight, key)


def _backward(gradients: WeightGradients, kept: tuple, upstream: Array) -> tuple[Array, Array, None]:
    x, weight, key = kept
    return _input_gradient(upstream, weight, gradients.format), inner_products(upstream, x, gradients, key=key), None


_dense.defvjp(_forward, _backward)


def inner_products(
    left: Float[Array, "n m"], right: Float[Array, "n k"], gradients: WeightGradients, *, key: Array
) -> Float[Array, "m k"]:
    """Return estimated inner products of all columns of one matrix with all columns of another, shape (m, k).

    Each inner product is estimated on its own. A product with a column of zeros is exactly 0.

    Args:
        left: matrix whose columns are the left factors.
        right: matrix whose columns are the right factors.
        gradients: settings of the estimates.
        key: random key of the estimates.
    """
    require_key("key", key)
    return _inner_products(left, right, key, gradients)


@jax.jit
def _inner_products(left: Array, right: Array, key: Array, gradients: WeightGradients) -> Array:
    # Directions and lengths are kept apart: squares of tiny or huge gradients would under- or overflow.
    (columns, sizes), (others, widths) = (jax.vmap(unit_vector)(part.T) for part in (left, right))
    cosines = jnp.where((sizes == 0)[:, None] | (widths == 0)[None], 0, matmul(columns, others.T))
    found = gradients.noise.sample(cosines, gradients.relative_eps, key=key)
    return sizes[:, None] * found * widths[None]


def _input_gradient(upstream: Array, weight: Array, format: Format | None) -> Array:
    if format is None:
        return matmul(upstream, weight)
    return decode(dot(encode(upstream, format), encode(weight, format))).astype(upstream.dtype)
