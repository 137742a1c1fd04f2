r"""Fidelity of reads of large memories from pairs of branches, and the fraction of branches that come back intact.

Let $|\psi\rangle = \sum_i a_i|i\rangle|x_i\rangle$ be the ideal state, and $\rho$ the noisy state of the slots, with
the tree traced out. Then
$$F = \langle\psi|\rho|\psi\rangle = \sum_{ij}|a_i|^2|a_j|^2\, f_{ij},$$
where $f_{ij}$ depends only on the branches i and j. With equal amplitudes a shot draws both addresses and their common
errors, and gives a number in [-1, 1] whose mean is exactly F, for any n and without assumptions on other branches.

Shots run in batches, so that memory stays bounded. Estimates are random and have no derivative in the rates;
`exact_fidelity`, `fidelity_bound` and `good_moments` have one.

Example:
    >>> from qla_jax.qram.memories import memory
    >>> from qla_jax.qram.rates import phase_flip
    >>> mem = memory(jnp.arange(1024) % 16, word_bits=4)
    >>> found = read_fidelity(mem, phase_flip(1e-5), shots=200, key=jax.random.key(0))
    >>> bool(0.9 < found.value <= 1), found.shots
    (True, 200)
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax._checks import as_integer, require_key, require_kind
from qla_jax._modes import default_promotion
from qla_jax.mapping import map_in_batches
from qla_jax.qram import branches
from qla_jax.qram._checks import as_amplitudes, nan_unless_finite
from qla_jax.qram.memories import Memory
from qla_jax.qram.rates import ErrorRates
from qla_jax.qram.tree import damped

BATCH = 1000


class Estimate(NamedTuple):
    """Mean over shots.

    Attributes:
        value: mean over shots.
        standard_error: standard error from the variance among shots; it is 0, and says nothing, if all shots are equal.
        shots: number of shots.
    """

    value: Array
    standard_error: Array
    shots: int


@default_promotion
def read_fidelity(mem: Memory, noise: ErrorRates, *, key: Array, shots: int, batch: int = BATCH) -> Estimate:
    """Estimate, without bias, the fidelity of reading all addresses in equal superposition.

    A traced rate outside its range gives NaN.

    Args:
        mem: memory of any size.
        noise: error rates at its sites.
        key: random key of addresses and errors.
        shots: number of pairs of branches, at least 2.
        batch: number of shots at a time.

    Raises:
        TypeError: `mem` is no memory, or `noise` no `ErrorRates`.
        ValueError: too few shots, or no batch.

    Example:
        >>> from qla_jax.qram import memory, phase_flip
        >>> mem = memory(jnp.arange(16), word_bits=4)
        >>> float(read_fidelity(mem, phase_flip(0.0), shots=10, key=jax.random.key(0)).value)
        1.0
    """
    require_key("key", key)
    shots, batch = _checked(mem, noise, shots, batch, least=2)
    values = _overlaps(mem, noise, key, shots, batch)
    return Estimate(values.mean(), values.std(ddof=1) / shots**0.5, shots)


@partial(jax.jit, static_argnums=(3, 4))  # eagerly the first call would compile operation by operation, for 3 s
def _overlaps(mem: Memory, noise: ErrorRates, key: Array, shots: int, batch: int) -> Array:
    def shot(key: Array) -> Array:
        where, errors = jax.random.split(key)
        first, second = jax.random.randint(where, (2,), 0, 1 << mem.address_bits, jnp.int32)
        return overlap(mem, noise, first, second, key=errors)

    return _shots(shot, key, shots, batch)


@default_promotion
def intact_fraction(
    mem: Memory,
    noise: ErrorRates,
    *,
    key: Array,
    shots: int,
    amplitudes: Array | None = None,
    erase: bool = False,
    batch: int = BATCH,
) -> Estimate:
    """Estimate the weight of branches that come back as without errors, phase included, from one branch a shot.

    Every shot is 0 or 1, so exact confidence limits exist (`certified_infidelity`). Damping is left out. A traced rate
    outside its range, or traced amplitudes of another norm, give NaN.

    Args:
        mem: memory of any size.
        noise: error rates at its sites.
        key: random key of addresses and errors.
        shots: number of branches.
        amplitudes: amplitudes of the addresses, a unit vector; all equal by default.
        erase: whether the read takes away words that are in the slots already.
        batch: number of shots at a time.

    Raises:
        TypeError: `mem` is no memory, or `noise` no `ErrorRates`.
        ValueError: too few shots, no batch, or amplitudes of another shape or norm.

    Example:
        >>> from qla_jax.qram import bit_flip, memory
        >>> mem = memory(jnp.arange(16), word_bits=4)
        >>> found = intact_fraction(mem, bit_flip(1e-3), shots=100, key=jax.random.key(0))
        >>> bool(0.7 < found.value <= 1)
        True
    """
    require_key("key", key)
    shots, batch = _checked(mem, noise, shots, batch, least=1)
    if amplitudes is not None:
        amplitudes = as_amplitudes(mem.address_bits, amplitudes, noise.x.dtype)
    values = _whole(mem, noise, key, amplitudes, shots, batch, erase)
    mean = nan_unless_finite(values.mean(), noise, amplitudes)
    return Estimate(mean, jnp.sqrt(mean * (1 - mean) / shots), shots)


@partial(jax.jit, static_argnums=(4, 5, 6))
def _whole(
    mem: Memory, noise: ErrorRates, key: Array, amplitudes: Array | None, shots: int, batch: int, erase: bool
) -> Array:
    """Return 1 for each shot whose branch is intact, and 0 otherwise."""
    logits = None if amplitudes is None else jnp.log(jnp.abs(amplitudes) ** 2)

    def shot(key: Array) -> Array:
        where, errors = jax.random.split(key)
        if logits is None:
            address = jax.random.randint(where, (), 0, 1 << mem.address_bits, jnp.int32)
        else:
            address = jax.random.categorical(where, logits).astype(jnp.int32)
        return branches.intact(mem, noise, address, erase=erase, key=errors).astype(noise.x.dtype)

    return _shots(shot, key, shots, batch)


def overlap(mem: Memory, noise: ErrorRates, first: Array, second: Array, *, key: Array) -> Array:
    """Return $f_{ij}$ of two addresses under the errors of a key, with equal amplitudes: a number between -1 and 1.

    Args:
        mem: memory that is read.
        noise: error rates at its sites.
        first: address i.
        second: address j.
        key: random key of the errors.
    """
    require_key("key", key)
    ends = branches.evolve(mem, noise, first, second, key=key)
    fits, fits_too = (branches.arrival(mem, branch)[1] for branch in (ends.first, ends.second))
    together = fits & fits_too & branches.left_behind(ends)
    return nan_unless_finite(jnp.where(together, ends.sign * damped(noise, ends.unshared), 0), noise)


def _shots(shot: Callable[[Array], Array], key: Array, shots: int, batch: int) -> Array:
    return map_in_batches(shot, jax.random.split(key, shots), batch)


def _checked(mem: Memory, noise: ErrorRates, shots: int, batch: int, least: int) -> tuple[int, int]:
    require_kind("mem", mem, Memory)
    require_kind("noise", noise, ErrorRates)
    return as_integer("shots", shots, least), as_integer("batch", batch, 1)
