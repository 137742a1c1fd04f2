r"""Convolutional networks with tomography between the layers: Kerenidis, Landman, Prakash (2020).

A layer convolves, applies $f(y) = \min(\max(y, 0), c)$ with a cap c, and pools. Inner products of all patches with all
kernels are estimated in superposition, and f is computed on the digital estimates. A controlled rotation turns the
results into amplitudes, whose mean square $E = \overline{f^2}/c^2$ is the probability that amplitude amplification
starts from. Tomography in the maximum norm reads the amplitudes out, and pooling happens on the way into the memory.
With P outputs and N copies per round a layer takes
$$2N\,(2m + 1)\,4K\,(2\lceil2\pi R/\epsilon\rceil - 1), \qquad N = 36\ln P/\eta^2,\quad m \approx \pi/4\sqrt E$$
calls of the memory, and P words are written. The number of calls is $\tilde O(R/(\epsilon\eta^2\sqrt E))$, independent
of the size of the image, if a fixed error of each entry relative to the norm of all entries is enough.

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
from qla_jax.linalg.products import matmul
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
    r"""Run a convolutional network layer by layer, with tomography after each layer.

    Args:
        kernels: kernel of each layer, shape (C_out, C_in, D, D), used with "same" zero padding.
        image: input of shape (C_in, rows, columns), whose sides are multiples of two at each layer.
        key: random key of estimates and counts.
        eps: absolute error of each inner product.
        eta: error of tomography in each entry, relative to the norm of all entries.
        cap: cap c of the activation.
        failure: probability that any entry is off by more, half of it for each kind of estimate.

    Returns:
        Run of all layers, whose bounds are $\sqrt P\epsilon$ and the error of tomography together.

    Raises:
        ValueError: no kernels, shapes that do not fit, odd sides, a layer that is zero everywhere and has no state to
            read out, `eps` or `cap` that is not positive, `eta` or `failure` that is not between 0 and 1.

    Example:
        >>> kernel, image = jnp.full((1, 1, 1, 1), 0.5), jnp.ones((1, 2, 2))
        >>> found = convolutional([kernel], image, eps=0.1, eta=0.1, key=jax.random.key(0))
        >>> bool(abs(found.states[0] - exact_convolution(kernel, image)).max() < found.bounds[0]), found.words
        (True, (4,))
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
    require(share > 0, "`image` must leave something after the activation, but all outputs of a layer are zero.")
    readout, proven = tomography_for(outputs, eta, failure)
    read = readout(capped, key=second)
    # the factor 2: estimates are undone after the rotation
    calls = int(read.shots) * (2 * rounds(share) + 1) * 2 * queries
    bound = math.sqrt(outputs) * error + float(read.error_bound)
    return LayerResult(pooled(read.values), bound, outputs * median_failure(repetitions) + proven, calls, outputs)


def _products(rows: Array, taps: Array, key: Array, eps: float, repetitions: int) -> tuple[Array, float, int]:
    """Estimate inner products of all patches with all kernels in superposition, at the calls of a single one."""
    # The longest patch needs the most points, and all inner products are estimated in one superposition.
    points, _ = precision(taps, _longest(rows), eps)
    found, largest = _estimated(rows, taps, key, points, repetitions)
    error = 2 * math.sin(math.pi / points) * float(largest)
    return found, error, repetitions * LOADED * queries_of(points)


@jax.jit
def _longest(rows: Array) -> Array:
    return rows[jnp.argmax(jnp.linalg.norm(rows, axis=1))]


@partial(jax.jit, static_argnums=(3, 4))
def _estimated(rows: Array, taps: Array, key: Array, points: int, repetitions: int) -> tuple[Array, Array]:
    """Return the estimated products, and the largest possible absolute value of a product."""
    sizes = jnp.outer(jnp.linalg.norm(rows, axis=1), jnp.linalg.norm(taps, axis=1))
    safe = jnp.where(sizes == 0, 1, sizes)
    shares = jnp.clip((1 + matmul(rows, taps.T) / safe) / 2, 0, 1)
    found = safe * (2 * estimate_amplitude(shares, points=points, repetitions=repetitions, key=key) - 1)
    return jnp.where(sizes == 0, 0, found), sizes.max()


@partial(jax.jit, static_argnums=2)
def _activated(products: Array, cap: float, shape: tuple[int, ...]) -> Array:
    return jnp.clip(products, 0, cap).T.reshape(shape)


def rounds(share: float) -> int:
    """Return the iterations of amplitude amplification from a known probability (Brassard et al. 2002, Theorem 4)."""
    return math.floor(math.pi / (4 * math.asin(math.sqrt(min(share, 1.0)))))


@partial(jax.jit, static_argnums=1)
def patches(image: Num[Array, "channel row column"], taps: int) -> Num[Array, "place tap"]:
    """Return the zero-padded window around each pixel as a row, channels first.

    Args:
        image: image to cut into windows.
        taps: side of a window.
    """
    edge = ((taps - 1) // 2, taps // 2)
    return windows(image, (taps, taps), around=(edge, edge)).reshape(len(image) * taps**2, -1).T


@jax.jit
def pooled(image: Num[Array, "channel row column"]) -> Num[Array, "channel half other"]:
    """Return the largest entry of each 2 x 2 square."""
    channels, rows, columns = image.shape
    return image.reshape(channels, rows // POOL, POOL, columns // POOL, POOL).max((2, 4))


def exact_convolution(kernel: ArrayLike, image: ArrayLike, cap: float = 1.0) -> np.ndarray:
    """Return the exact output of the layer that `convolutional` estimates.

    Args:
        kernel: kernel of shape (C_out, C_in, D, D).
        image: image of shape (C_in, rows, columns).
        cap: cap c of the activation.

    Example:
        >>> exact_convolution(jnp.full((1, 1, 1, 1), 0.5), jnp.ones((1, 2, 2))).tolist()
        [[[0.5]]]
    """
    kernel, image = promoted(as_numeric("kernel", kernel, ndim=4), as_numeric("image", image, ndim=3))
    return np.asarray(_convolved(kernel, image, as_real("cap", cap)))


@jax.jit
def _convolved(kernel: Array, image: Array, cap: float) -> Array:
    products = matmul(patches(image, kernel.shape[-1]), kernel.reshape(len(kernel), -1).T)
    return pooled(_activated(products, cap, (len(kernel), *image.shape[1:])))
