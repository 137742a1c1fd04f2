r"""Convolutional networks with tomography between the layers: Kerenidis, Landman, Prakash (2020).

A layer convolves, cuts off at a cap, $f(y) = \min(\max(y, 0), c)$, and pools. The inner products of all patches with
all kernels are estimated in superposition, f is computed on the digital estimates, and a controlled rotation makes
amplitudes of them, which are amplified from the mean square $E = \overline{f^2}/c^2$ that they have. Tomography in the
maximum norm reads them out, and pooling happens on the way into the memory. With P outputs and N copies per round,
$$2N\,(2m + 1)\,4K\,(2\lceil2\pi R/\epsilon\rceil - 1), \qquad N = 36\ln P/\eta^2,\quad m \approx \pi/4\sqrt E$$
calls of the memory: $\tilde O(R/(\epsilon\eta^2\sqrt E))$, whatever the size of the image, if a fixed error of each
entry relative to the length of all of them is enough; and P words each layer.

References:
    Kerenidis, Landman, Prakash (2020), Quantum algorithms for deep convolutional neural networks, Theorem 1 and
    Algorithm 1. https://arxiv.org/abs/1911.01117
"""

import math
from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._checks import as_numeric, as_real, as_tuple, require, require_key
from qla_jax._modes import default_promotion, promoted
from qla_jax.linalg.patches import windows
from qla_jax.measurement.amplitude_estimation import estimate_amplitude, median_failure, queries_of
from qla_jax.prior.feedforward import FAILURE, LOADED, precision
from qla_jax.prior.layered import LayeredRun, LayerResult, in_a_row, repetitions_for, require_tolerances, tomography_for

POOL = 2


@default_promotion
def convolutional(
    kernels: Sequence[np.ndarray | Array],
    image: ArrayLike,
    *,
    key: Array,
    eps: float,
    eta: float,
    cap: float = 1.0,
    failure: float = FAILURE,
) -> LayeredRun:
    r"""Run a network layer by layer.

    Args:
        kernels: of each layer, shape (C_out, C_in, D, D); "same" zero padding.
        image: shape (C_in, rows, columns), sides that are multiples of two for each layer.
        key: of estimates and counts.
        eps: error of each inner product.
        eta: of tomography, for each entry relative to the length of all.
        cap: c.
        failure: probability that any entry may be off by more, half of it for each kind of estimate.

    Returns:
        bounds are $\sqrt P\epsilon$ and the error of tomography together.

    Raises:
        ValueError: no kernels, shapes that do not fit, odd sides, a layer that is zero everywhere, of which nothing
            can be read out, `eps` or `cap` that is not positive, `eta` or `failure` that is not between 0 and 1.
    """
    require_key("key", key)
    kernels = as_tuple("kernels", kernels, object)
    require(len(kernels) > 0, "`kernels` must hold at least one layer, but is empty.")
    eps, cap = as_real("eps", eps), as_real("cap", cap)
    for name, value in (("eps", eps), ("cap", cap)):
        require(value > 0, f"`{name}` must be positive, but is {value}.")
    failure, eta = require_tolerances(failure, eta)
    state, layers = as_numeric("image", image, ndim=3), []
    for part, given in zip(jax.random.split(key, len(kernels)), kernels, strict=True):
        kernel = as_numeric("kernels", given, ndim=4)
        fits = kernel.shape[1] == state.shape[0] and kernel.shape[2] == kernel.shape[3]
        require(fits, f"`kernels` must be square, of {state.shape[0]} channels, but one has shape {kernel.shape}.")
        even = all(side % POOL == 0 for side in state.shape[1:])
        require(even, f"`image` must have sides that are multiples of {POOL} at each layer, but has {state.shape[1:]}.")
        layers.append(_layer(kernel, state, part, eps, eta, cap, failure / len(kernels) / 2))
        state = layers[-1].state
    return in_a_row(layers)


def _layer(kernel: Array, image: Array, key: Array, eps: float, eta: float, cap: float, failure: float) -> LayerResult:
    first, second = jax.random.split(key)
    outputs = len(kernel) * image[0].size
    repetitions = repetitions_for(failure / outputs)
    rows, taps = patches(image, kernel.shape[-1]), kernel.reshape(len(kernel), -1)
    estimates, error, queries = _products(rows, taps, first, eps, repetitions)
    capped = _activated(estimates, cap, (len(kernel), *image.shape[1:]))
    share = float(jnp.mean(jnp.square(capped))) / cap**2
    require(share > 0, "`image` must leave something behind the activation, but all outputs of a layer are zero.")
    readout, proven = tomography_for(outputs, eta, failure)
    read = readout(capped, key=second)
    calls = int(read.shots) * (2 * rounds(share) + 1) * 2 * queries  # the estimate is undone behind the rotation
    bound = math.sqrt(outputs) * error + float(read.error_bound)
    return LayerResult(pooled(read.values), bound, outputs * median_failure(repetitions) + proven, calls, outputs)


def _products(rows: Array, taps: Array, key: Array, eps: float, repetitions: int) -> tuple[Array, float, int]:
    """Inner products of all patches with all kernels, in superposition: the calls are those of one of them."""
    points, _ = precision(taps, _longest(rows), eps)
    found, largest = _estimated(rows, taps, key, points, repetitions)
    error = 2 * math.sin(math.pi / points) * float(largest)
    return found, error, repetitions * LOADED * queries_of(points)


@jax.jit
def _longest(rows: Array) -> Array:
    return rows[jnp.argmax(jnp.linalg.norm(rows, axis=1))]


@partial(jax.jit, static_argnums=(3, 4))
def _estimated(rows: Array, taps: Array, key: Array, points: int, repetitions: int) -> tuple[Array, Array]:
    """The products, and the largest that one could be."""
    sizes = jnp.outer(jnp.linalg.norm(rows, axis=1), jnp.linalg.norm(taps, axis=1))
    safe = jnp.where(sizes == 0, 1, sizes)
    shares = jnp.clip((1 + rows @ taps.T / safe) / 2, 0, 1)
    found = safe * (2 * estimate_amplitude(shares, points=points, repetitions=repetitions, key=key) - 1)
    return jnp.where(sizes == 0, 0, found), sizes.max()


@partial(jax.jit, static_argnums=2)
def _activated(products: Array, cap: float, shape: tuple[int, ...]) -> Array:
    return jnp.clip(products, 0, cap).T.reshape(shape)


def rounds(share: float) -> int:
    """Iterations of amplitude amplification from a known probability (Brassard et al. 2002, Theorem 4)."""
    return math.floor(math.pi / (4 * math.asin(math.sqrt(min(share, 1.0)))))


@partial(jax.jit, static_argnums=1)
def patches(image: Num[Array, "channel row column"], taps: int) -> Num[Array, "place tap"]:
    """The zero-padded window around each pixel, a row each, channels first in it."""
    edge = ((taps - 1) // 2, taps // 2)
    return windows(image, (taps, taps), around=(edge, edge)).reshape(len(image) * taps**2, -1).T


@jax.jit
def pooled(image: Num[Array, "channel row column"]) -> Num[Array, "channel half other"]:
    """The largest of each square of four."""
    channels, rows, columns = image.shape
    return image.reshape(channels, rows // POOL, POOL, columns // POOL, POOL).max((2, 4))


def exact_convolution(kernel: ArrayLike, image: ArrayLike, cap: float = 1.0) -> np.ndarray:
    """The layer that `convolutional` estimates."""
    kernel, image = promoted(as_numeric("kernel", kernel, ndim=4), as_numeric("image", image, ndim=3))
    return np.asarray(_convolved(kernel, image, as_real("cap", cap)))


@jax.jit
def _convolved(kernel: Array, image: Array, cap: float) -> Array:
    products = patches(image, kernel.shape[-1]) @ kernel.reshape(len(kernel), -1).T
    return pooled(_activated(products, cap, (len(kernel), *image.shape[1:])))
