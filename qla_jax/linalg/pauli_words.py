r"""Many Pauli words applied at once, each to a state of its own or all to one state.

Where a mesh divides the system among devices, the bits of a word on the leading qubits are bits of the device: their
flips exchange whole parts between pairs of devices, and their signs are one number on each device. Words that flip the
same leading qubits are exchanged together. All other bits are those of `linalg.pauli` on the part that a device holds.

Example:
    >>> applied_each(("XI", "ZZ"), jnp.eye(2, 4)).astype(int).tolist()
    [[0, 0, 1, 0], [0, -1, 0, 0]]
    >>> weighted_sum(("XI", "ZZ"), jnp.array([2.0, 3.0]), jnp.eye(4)[1]).astype(int).tolist()
    [0, -3, 0, 2]
"""

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Num

from qla_jax._modes import varying_like
from qla_jax.linalg.pauli import flip_and_sign, masks
from qla_jax.meshes import SHARDS, local, shards


class Bits(NamedTuple):
    """Qubits that words flip, and qubits whose values give their signs, as bits of integers, one for each word."""

    flips: np.ndarray
    signs: np.ndarray

    def taken(self, words: np.ndarray | slice) -> "Bits":
        """Return the bits of some of the words."""
        return Bits(self.flips[words], self.signs[words])


def applied_each(words: Sequence[str], states: Num[Array, "words system"]) -> Num[Array, "words system"]:
    """Return each word, without its powers of i, applied to a state of its own.

    Args:
        words: Pauli words of n letters.
        states: one state of 2^n entries for each word.
    """
    if not _is_divided(states):
        return jax.vmap(flip_and_sign)(*masks(words), states)

    def on_device(states: Array) -> Array:
        near, far = _split(words, states.shape[-1])
        moved = _device_signs(far)[:, None] * jax.vmap(flip_and_sign)(*near, states)
        for flip in _flips_of_devices(far):
            own = np.flatnonzero(far.flips == flip)
            moved = moved.at[own].set(_exchanged(moved[own], flip))
        return moved

    return local(on_device, 1, out=1)(states)


def weighted_sum(words: Sequence[str], weights: Num[Array, " words"], x: Num[Array, " system"]) -> Array:
    """Return the weighted sum of words, without their powers of i, applied to one state.

    Args:
        words: Pauli words of n letters.
        weights: one number for each word.
        x: state of 2^n entries.
    """
    if not _is_divided(x):
        return _scanned(Bits(*masks(words)), weights, x)

    def on_device(x: Array) -> Array:
        near, far = _split(words, x.shape[-1])
        signed = _device_signs(far) * weights
        found = []
        for flip in (0, *_flips_of_devices(far)):
            own = np.flatnonzero(far.flips == flip)
            if own.size:
                found.append(_exchanged(_scanned(near.taken(own), signed[own], x), flip))
        return reduce(jnp.add, found)

    return local(on_device, 0, out=0)(x)


def _is_divided(states: Array) -> bool:
    return 1 < shards() <= states.shape[-1]


def _scanned(bits: Bits, weights: Num[Array, " words"], x: Num[Array, " system"]) -> Array:
    # A scan needs memory 2^n for any number of terms. The checkpoint keeps it so under reverse differentiation.
    @jax.checkpoint
    def add(total: Array, term: tuple[Array, Array, Array]) -> tuple[Array, None]:
        weight, flips, signs = term
        return total + weight * flip_and_sign(flips, signs, x), None

    start = varying_like(jnp.zeros(x.shape, jnp.result_type(weights, x)), weights, x)
    return jax.lax.scan(add, start, (weights, *bits))[0]


def _split(words: Sequence[str], held: int) -> tuple[Bits, Bits]:
    """Return the bits of the qubits within the part of a device, and the bits of the qubits that number the device."""
    flips, signs = masks(words)
    within = held.bit_length() - 1
    near = Bits(*((bits & (held - 1)).astype(np.uint32) for bits in (flips, signs)))
    return near, Bits(*((bits >> within).astype(np.int32) for bits in (flips, signs)))


def _flips_of_devices(far: Bits) -> list[int]:
    return [int(flip) for flip in np.unique(far.flips) if flip]


def _device_signs(far: Bits) -> Num[Array, " words"]:
    """Return the signs of the words on this device, whose number is the value of the leading qubits."""
    odd = jax.lax.population_count(jax.lax.axis_index(SHARDS) & jnp.asarray(far.signs)) % 2
    return 1 - 2 * odd


def _exchanged(part: Array, flip: int) -> Array:
    """Return the part of the device whose number differs by the flipped bits."""
    if not flip:
        return part
    count = jax.lax.axis_size(SHARDS)
    return jax.lax.ppermute(part, SHARDS, [(device, device ^ flip) for device in range(count)])
