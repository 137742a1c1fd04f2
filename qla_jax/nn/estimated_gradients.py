r"""Gradients of a dense layer as a quantum computer would find them: $Y = XW^T$, rows of X being N data points.

With $G = \partial L/\partial Y$,
$$\frac{\partial L}{\partial X} = GW \quad\text{row by row, by arithmetic},\qquad
\frac{\partial L}{\partial W_{ij}} = \langle g_i, x_j\rangle$$
for the columns $g_i$ of G and $x_j$ of X, vectors of length N, by inner-product estimation: each within
$\epsilon\|g_i\|\|x_j\|$, with the law of `noise_model`. All entries together take
$$\|\Delta W\|_F \le \epsilon\|G\|_F\|X\|_F,$$
and one estimation each, of $2(2M - 1)$ preparations of the two states, $M = \lceil2\pi/\epsilon\rceil$. Sums over
a batch are classical where the layer is applied to one image at a time. The sum of a bias's gradient is exact.

The reference calls the first of the two the gradient of the weights; what it says of it is about the input.

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
from qla_jax.measurement.noise import EstimationModel, noise_model
from qla_jax.measurement.readout import as_precision


class WeightGradients(Node):
    """How gradients are found.

    Attributes:
        noise: the model of the estimation of inner products.
        relative_eps: its precision for unit vectors.
        format: of the registers in which input gradients are computed; None for real numbers.
    """

    noise: EstimationModel
    relative_eps: float = struct.field(pytree_node=False)
    format: Format | None = struct.field(pytree_node=False, default=None)

    def queries(self, entries: int) -> int:
        """Preparations of either state for the gradient of so many weights; none where nothing is estimated."""
        return 2 * as_integer("entries", entries, least=0) * self.noise.queries(self.relative_eps)


def weight_gradients(*, relative_eps: float, noise: str = "qae", format: Format | None = None) -> WeightGradients:
    """Estimate gradients of weights to `relative_eps` times the lengths of the two vectors that each is the product of.

    Args:
        relative_eps: in (0, 2); not looked at by "exact".
        noise: see `noise_model`.
        format: compute input gradients by integer arithmetic in it.

    Raises:
        ValueError: a value out of its range, or an unknown model.

    Example:
        >>> weight_gradients(relative_eps=0.01, noise="qae-median-5").queries(entries=10)
        125700
    """
    model = noise_model(noise)
    if format is not None:
        require_kind("format", format, Format)
    relative_eps = 0.0 if model.exact else as_precision("relative_eps", relative_eps, below=2)
    return WeightGradients(noise=model, relative_eps=relative_eps, format=format)


def estimated_dense(
    x: Float[Array, "n k"], weight: Float[Array, "m k"], gradients: WeightGradients, *, key: Array
) -> Float[Array, "n m"]:
    """$XW^T$, exact, whose derivative is estimated; reverse mode only, and once.

    Raises:
        TypeError: `gradients` says nothing of gradients.
        ValueError: shapes that do not fit.

    Example:
        >>> x, weight, found = jnp.ones((3, 2)), jnp.ones((1, 2)), weight_gradients(relative_eps=0.1, noise="uniform")
        >>> grad = jax.grad(lambda w: estimated_dense(x, w, found, key=jax.random.key(0)).sum())(weight)
        >>> bool((abs(grad - 3) <= 0.1 * 3).all())
        True
    """
    require_key("key", key)
    require_kind("gradients", gradients, WeightGradients)
    x, weight = promoted(as_inexact("x", x), as_inexact("weight", weight))
    fits = x.ndim == weight.ndim == 2 and x.shape[1] == weight.shape[1]
    require(fits, f"`weight` must be (m, k) for `x` (n, k), but they are {weight.shape} and {x.shape}.")
    # Inside `shard_map` the gradient of either differs between devices wherever anything does.
    x, weight = varying_like((x, weight), x, weight, key)
    return _dense(x, weight, key, gradients)


@partial(jax.custom_vjp, nondiff_argnums=(3,))
def _dense(x: Array, weight: Array, key: Array, gradients: WeightGradients) -> Array:
    return x @ weight.T


def _forward(x: Array, weight: Array, key: Array, gradients: WeightGradients) -> tuple[Array, tuple]:
    return _dense(x, weight, key, gradients), (x, weight, key)


def _backward(gradients: WeightGradients, kept: tuple, upstream: Array) -> tuple[Array, Array, None]:
    x, weight, key = kept
    return _input_gradient(upstream, weight, gradients.format), inner_products(upstream, x, gradients, key=key), None


_dense.defvjp(_forward, _backward)


def inner_products(
    left: Float[Array, "n m"], right: Float[Array, "n k"], gradients: WeightGradients, *, key: Array
) -> Float[Array, "m k"]:
    """Those of all columns of one with all columns of the other, each estimated by itself; 0 with a zero column."""
    require_key("key", key)
    return _inner_products(left, right, key, gradients)


@jax.jit
def _inner_products(left: Array, right: Array, key: Array, gradients: WeightGradients) -> Array:
    # Directions and lengths apart: squares of tiny or huge gradients would under- or overflow.
    (columns, sizes), (others, widths) = (jax.vmap(unit_vector)(part.T) for part in (left, right))
    cosines = jnp.where((sizes == 0)[:, None] | (widths == 0)[None], 0, columns @ others.T)
    found = gradients.noise.sample(cosines, gradients.relative_eps, key=key)
    return sizes[:, None] * found * widths[None]


def _input_gradient(upstream: Array, weight: Array, format: Format | None) -> Array:
    if format is None:
        return upstream @ weight
    return decode(dot(encode(upstream, format), encode(weight, format))).astype(upstream.dtype)
