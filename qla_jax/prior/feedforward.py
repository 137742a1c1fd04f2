r"""Feed-forward networks by inner products: Allcock et al. (2020).

A layer is $x \mapsto f(Wx)$. Rows of W and the vector x are stored in a quantum memory. Each inner product
$\langle w_j, x\rangle$ is estimated by amplitude estimation of a Hadamard test, f is computed classically, and the
result is written back. Let R be the norm of the longest row times that of x, and K the number of estimates whose median
is taken. Then n neurons to an error of $\epsilon$ each take
$$2nK\,(2\lceil 2\pi R/\epsilon\rceil - 1) \in O(nR/\epsilon)$$
calls of the memory. This is linear in the number of neurons, while the number of weights is quadratic.

References:
    Allcock, Hsieh, Kerenidis, Zhang (2020), Quantum algorithms for feedforward neural networks, ACM Transactions on
    Quantum Computing 1, 6. https://arxiv.org/abs/1812.03089
"""

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._checks import as_inexact, as_numeric, as_real, as_tuple, require, require_key
from qla_jax._modes import default_promotion
from qla_jax.linalg.products import matmul
from qla_jax.measurement.amplitude_estimation import (
    estimate_amplitude,
    median_failure,
    points_for,
    queries_of,
)
from qla_jax.prior.layered import LayeredRun, LayerResult, in_a_row, repetitions_for, require_tolerances

FAILURE = 0.01
LOADED = 2
"""Number of vectors that a Hadamard test loads."""


@default_promotion
def feedforward(
    weights: Sequence[np.ndarray | Array],
    x: ArrayLike,
    *,
    key: Array,
    eps: float,
    failure: float = FAILURE,
    activation: Callable[[Array], Array] = jnp.tanh,
    lipschitz: float = 1.0,
) -> LayeredRun:
    r"""Run a feed-forward network layer by layer, with every inner product estimated.

    Args:
        weights: weights of each layer, shape (neurons, inputs).
        x: input vector.
        key: random key of the estimates.
        eps: absolute error of each inner product.
        failure: probability that any estimate is off by more.
        activation: function f, applied entry by entry on a classical computer.
        lipschitz: Lipschitz constant of f.

    Returns:
        Run of all layers, whose bounds are `lipschitz` times $\epsilon\sqrt n$.

    Raises:
        ValueError: no weights, shapes that do not fit, a precision that is not positive, a probability outside of (0,
            1).

    Example:
        >>> weight, x = jnp.array([[0.6, 0.8]]), jnp.array([1.0, 0.5])
        >>> found = feedforward([weight], x, eps=0.1, key=jax.random.key(0))
        >>> bool(abs(found.states[0] - exact_dense(weight, x)).max() < found.bounds[0]), found.words
        (True, (1,))
    """
    require_key("key", key)
    weights = as_tuple("weights", weights, object)
    require(len(weights) > 0, "`weights` must hold at least one layer, but is empty.")
    eps, lipschitz = as_real("eps", eps), as_real("lipschitz", lipschitz)
    require(eps > 0, f"`eps` must be positive, but is {eps}.")
    failure = require_tolerances(failure)[0]
    matrices = [as_numeric("weights", weight, ndim=2) for weight in weights]
    repetitions = repetitions_for(failure / sum(len(matrix) for matrix in matrices))
    state, layers = as_numeric("x", x, ndim=1), []
    for part, weight in zip(jax.random.split(key, len(matrices)), matrices, strict=True):
        fits = weight.shape[1] == state.size
        require(fits, f"`weights` must take the {state.size} entries before them, but one has shape {weight.shape}.")
        estimates, bound, calls = estimated_products(weight, state, eps, repetitions, key=part)
        state = activation(estimates)
        neurons = len(weight)
        total = lipschitz * math.sqrt(neurons) * bound
        layers.append(LayerResult(state, total, neurons * median_failure(repetitions), calls, neurons))
    return in_a_row(layers)


def estimated_products(
    rows: Num[Array, "n d"], x: Num[Array, " d"], eps: float, repetitions: int, *, key: Array
) -> tuple[Num[Array, " n"], float, int]:
    """Estimate inner products of all rows with a vector; they are exact zeros where a norm is zero.

    Args:
        rows: vectors of the first factors.
        x: vector of the second factor.
        eps: absolute error of each inner product.
        repetitions: number of estimates whose median is taken, odd.
        key: random key of the estimates.

    Returns:
        Estimates, a bound on the error of each, and the number of calls.
    """
    require_key("key", key)
    points, sizes = precision(rows, x, eps)
    safe = jnp.where(sizes == 0, 1, sizes)
    shares = jnp.clip((1 + matmul(rows, x) / safe) / 2, 0, 1)  # for parallel vectors rounding may exceed 1
    found = safe * (2 * estimate_amplitude(shares, points=points, repetitions=repetitions, key=key) - 1)
    error = 2 * math.sin(math.pi / points) * float(sizes.max())
    return jnp.where(sizes == 0, 0, found), error, len(rows) * repetitions * LOADED * queries_of(points)


def precision(rows: Num[Array, "n d"], x: Num[Array, " d"], eps: float) -> tuple[int, Num[Array, " n"]]:
    """Return a number of points of amplitude estimation that suffices for all rows, and the factors of the estimates.

    Args:
        rows: vectors of the first factors.
        x: vector of the second factor.
        eps: absolute error of each inner product.

    Returns:
        Number of points, and the norm of each row times that of x.
    """
    sizes = jnp.linalg.norm(rows, axis=1) * jnp.linalg.norm(x)
    longest = float(sizes.max())
    return points_for(min(eps / (2 * longest), 0.5) if longest > 0 else 0.5), sizes


def exact_dense(weight: ArrayLike, x: ArrayLike, activation: Callable = np.tanh) -> np.ndarray:
    """Return the exact output of the layer that `feedforward` estimates.

    Args:
        weight: weights of shape (neurons, inputs).
        x: input vector.
        activation: function that is applied entry by entry.

    Example:
        >>> exact_dense([[0.6, 0.8]], [1.0, 0.5]).round(4).tolist()  # tanh(1)
        [0.7616]
    """
    weight, x = (np.asarray(as_inexact(name, value)) for name, value in (("weight", weight), ("x", x)))
    return np.asarray(activation(matmul(weight, x)))
