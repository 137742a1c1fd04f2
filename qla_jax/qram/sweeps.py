"""Sweeps of the infidelity over address sizes and word lengths, as plain numbers for tables and figures.

Example:
    >>> from qla_jax.qram.rates import bit_flip
    >>> points = sweep([2, 3], [1], bit_flip(1e-4), shots=100, key=jax.random.key(0))
    >>> [(point.address_bits, point.sites, point.held_sites) for point in points]
    [(2, 18, 13), (3, 48, 34)]
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import numpy as np
from jax import Array

from qla_jax._checks import as_integers, as_tuple, require, require_key, require_kind
from qla_jax.qram.bounds import infidelity_bound
from qla_jax.qram.extrapolation import Extrapolated, extrapolate
from qla_jax.qram.fidelity import BATCH, Estimate, read_fidelity
from qla_jax.qram.memories import Memory, memory
from qla_jax.qram.rates import ErrorRates
from qla_jax.qram.scheduling import check_sizes, held_site_count, site_count


class Point(NamedTuple):
    """Result of a sweep for one memory.

    Attributes:
        address_bits: number n of address bits.
        word_bits: number k of bits of a word.
        sites: number S of sites on the path to a cell.
        held_sites: number H of sites at which the path holds a bit.
        infidelity: measured infidelity of a read in equal superposition.
        standard_error: standard error of the infidelity.
        bound: proven upper bound on the infidelity.
        shots: number of shots.
    """

    address_bits: int
    word_bits: int
    sites: int
    held_sites: int
    infidelity: float
    standard_error: float
    bound: float
    shots: int


def sweep(
    address_sizes: Sequence[int],
    word_lengths: Sequence[int],
    noise: ErrorRates,
    *,
    key: Array,
    shots: int,
    batch: int = BATCH,
) -> list[Point]:
    """Measure the infidelity for every n with every k, on memories of random words.

    Each size is compiled once.

    Args:
        address_sizes: numbers n of address bits.
        word_lengths: numbers k of bits of a word.
        noise: error rates at the sites of each memory.
        key: random key of words, addresses and errors.
        shots: number of shots for each memory.
        batch: number of shots at a time.

    Raises:
        TypeError: `noise` is no `ErrorRates`.
        ValueError: no sizes, or what `schedule` and `read_fidelity` raise.

    Example:
        >>> from qla_jax.qram import bit_flip
        >>> (point,) = sweep([2], [1], bit_flip(1e-4), shots=100, key=jax.random.key(0))
        >>> point.sites, point.held_sites, point.shots
        (18, 13, 100)
    """
    require_key("key", key)
    require_kind("noise", noise, ErrorRates)
    address_sizes = as_integers("address_sizes", address_sizes)
    word_lengths = as_integers("word_lengths", word_lengths)
    for name, sizes in (("address_sizes", address_sizes), ("word_lengths", word_lengths)):
        require(len(sizes) > 0, f"`{name}` must not be empty, but is {list(sizes)}.")
    pairs = [check_sizes(n, k) for k in word_lengths for n in address_sizes]
    return [_point(n, k, noise, jax.random.fold_in(jax.random.fold_in(key, n), k), shots, batch) for n, k in pairs]


def extrapolate_points(
    points: Sequence[Point], *, address_bits: int, word_bits: int, confidence: float = 0.95
) -> Extrapolated:
    """Extrapolate the points of a sweep to a larger memory by `extrapolate`.

    A point at which no shot showed an error has no standard error; the error of a single shot, 1/shots, is used
    instead.

    Args:
        points: points of a sweep, which fill a table of sizes.
        address_bits: n to extrapolate to.
        word_bits: k to extrapolate to.
        confidence: confidence of the band, between 0 and 1.

    Raises:
        ValueError: points that do not fill a table, or what `extrapolate` raises.

    Example:
        >>> points = [
        ...     Point(n, k, 0, 0, infidelity=1e-5 * (n * n + n * k), standard_error=1e-6, bound=1.0, shots=100)
        ...     for n in (2, 3, 4)
        ...     for k in (1, 2)
        ... ]
        >>> points = [point._replace(shots=10**7) for point in points]
        >>> round(extrapolate_points(points, address_bits=20, word_bits=64).value / 1e-5)  # 20 * 20 + 20 * 64
        1680
    """
    points = as_tuple("points", points, Point)
    found = {(point.word_bits, point.address_bits): point for point in points}
    lengths, sizes = (sorted({key[axis] for key in found}) for axis in (0, 1))
    full = len(found) == len(points) == len(lengths) * len(sizes)
    require(full, f"`points` must fill a table of {len(lengths)} x {len(sizes)} sizes, but are {len(points)}.")
    grid = [[found[k, n] for n in sizes] for k in lengths]
    return extrapolate(
        sizes,
        lengths,
        [[point.infidelity for point in row] for row in grid],
        [[max(point.standard_error, 1 / point.shots) for point in row] for row in grid],
        address_bits=address_bits,
        word_bits=word_bits,
        confidence=confidence,
    )


def _point(n: int, k: int, noise: ErrorRates, key: Array, shots: int, batch: int) -> Point:
    content, errors = jax.random.split(key)
    mem = memory(np.asarray(jax.random.bernoulli(content, shape=(1 << n, k))), word_bits=k)

    @jax.jit
    def measure(mem: Memory, noise: ErrorRates, key: Array) -> Estimate:
        return read_fidelity(mem, noise, shots=shots, batch=batch, key=key)

    found = measure(mem, noise, errors)
    return Point(
        address_bits=n,
        word_bits=k,
        sites=site_count(n, k),
        held_sites=held_site_count(n, k),
        infidelity=1 - float(found.value),
        standard_error=float(found.standard_error),
        bound=float(infidelity_bound(n, k, noise)),
        shots=shots,
    )
