r"""Discrete Fourier transforms along an axis that is divided among devices, by two local ones and two exchanges.

With $j = j_1 m + r$ and $k = k_1 + p k_2$ for a length $N = pm$,
$$e^{2\pi i jk/N} = e^{2\pi i j_1k_1/p}\;e^{2\pi i rk_1/N}\;e^{2\pi i rk_2/m}.$$
A transform of length p along $j_1$, one factor for each entry, and a transform of length m along $r$ follow, each on
one device alone. The result stays in the order $(k_1, k_2)$ with $k_1$ divided, which saves one exchange each way: what
is diagonal in the Fourier basis needs no other order.

The functions of parts run inside `meshes.local`. The last two axes of a part are the values of leading bits that every
device holds, and the entries of the device: entry (b, r) of device d has $j_1 = bg + d$ for g devices.

Example:
    >>> with jax.set_mesh(mesh(1)):
    ...     there_and_back = local(lambda part: backward(forward(part)), 1, out=1)(jnp.arange(4.0).reshape(1, 4))
    >>> there_and_back.real.round(6).tolist()
    [[0.0, 1.0, 2.0, 3.0]]

References:
    Bailey (1990), FFTs in external or hierarchical memory. https://doi.org/10.1007/BF00162341
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Complex, Num

from qla_jax.meshes import SHARDS, local, shards


def is_divided(length: int) -> bool:
    """Return whether an axis of this length is transformed in parts: it has to hold the square of the devices' number.

    Args:
        length: number of entries, all devices together.
    """
    return shards() > 1 and length % shards() ** 2 == 0


def undivided(transform: Callable[..., Array], array: Array, **options: Any) -> Array:
    """Return a transform of `jnp.fft` of an array that is whole on every device, as is the result.

    XLA divides the work of a transform where its neighbors are divided, and stops on lengths that do not divide.

    Args:
        transform: function of `jnp.fft`.
        array: argument of the function.
        options: options of the function.
    """
    run = partial(transform, **options)
    return run(array) if shards() == 1 else local(run, None, out=None)(array)


def forward(part: Num[Array, "... bits held"]) -> Complex[Array, "... bits held"]:
    """Return the part of a device of the unitary transform with a minus in the exponent.

    Args:
        part: entries of the device.
    """
    pieces = jnp.fft.fft(_to_pieces(part), axis=-2, norm="ortho")
    return jnp.fft.fft(_from_pieces(pieces * _twiddles(pieces), inner=True), norm="ortho")


def backward(part: Num[Array, "... bits held"]) -> Complex[Array, "... bits held"]:
    """Return the part of a device of the inverse of `forward`.

    Args:
        part: entries of the device in the order in which `forward` leaves them.
    """
    pieces = _to_pieces(jnp.fft.ifft(part, norm="ortho"), inner=True)
    return _from_pieces(jnp.fft.ifft(pieces * _twiddles(pieces).conj(), axis=-2, norm="ortho"))


def _to_pieces(part: Array, *, inner: bool = False) -> Array:
    """Exchange parts, so that a device holds all $j_1$, or all $k_1$ if `inner`, for a piece of its entries."""
    bits, held = part.shape[-2:]
    count = jax.lax.axis_size(SHARDS)
    cut = part.reshape(*part.shape[:-1], count, held // count)
    pieces = jax.lax.all_to_all(cut, SHARDS, cut.ndim - 2, cut.ndim - 2, tiled=True)
    pieces = jnp.swapaxes(pieces, -3, -2) if inner else pieces
    return pieces.reshape(*part.shape[:-2], bits * count, held // count)


def _from_pieces(pieces: Array, *, inner: bool = False) -> Array:
    """Undo `_to_pieces`."""
    count, held = jax.lax.axis_size(SHARDS), pieces.shape[-1]
    bits = pieces.shape[-2] // count
    cut = pieces.reshape(*pieces.shape[:-2], *((count, bits) if inner else (bits, count)), held)
    cut = jnp.swapaxes(cut, -3, -2) if inner else cut
    part = jax.lax.all_to_all(cut, SHARDS, cut.ndim - 2, cut.ndim - 2, tiled=True)
    return part.reshape(*pieces.shape[:-2], bits, count * held)


def _twiddles(pieces: Array) -> Array:
    r"""Return $e^{-2\pi i rk_1/N}$ for the entries r that the device holds of all $k_1$."""
    values, held = pieces.shape[-2:]
    kind = pieces.real.dtype
    place = jax.lax.axis_index(SHARDS) * held + jnp.arange(held)
    size = values * held * jax.lax.axis_size(SHARDS)
    # Products of the integers are reduced before they become floats, which would round the angle of a large product.
    turns = (jnp.arange(values)[:, None] * place[None]) % size
    factors = jnp.exp(-2j * np.pi / size * turns.astype(kind)).astype(pieces.dtype)
    return factors.reshape(*(1,) * (pieces.ndim - 2), values, held)
