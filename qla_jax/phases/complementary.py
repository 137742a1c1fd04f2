r"""Complementary polynomial: the outer $a^*$ with $|a|^2 + |b|^2 = 1$ on the unit circle, by the Weiss algorithm.

The formula is $a^* = \exp\Pi\log(1-|b|^2)/2$, where $\Pi$ keeps the mean and doubles the positive frequencies. The
logarithm is sampled at roots of unity. Only its low frequencies enter the leading coefficients that are needed, so that
aliasing onto these frequencies determines the grid. A grid is accepted if the frequencies that it resolves decay fast
enough; otherwise the next finer grid is tried. The closer $|b|$ is to 1, the finer the grid has to be.

References:
    Berntson, Sunderhauf (2025), Algorithm 1 and Theorem 3. https://arxiv.org/abs/2406.04246
    Alexis, Lin, Mnatsakanyan, Thiele, Wang (2024), the Weiss algorithm. https://arxiv.org/abs/2407.05634
"""

import itertools
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Inexact

from qla_jax._modes import default_promotion

Series = Inexact[Array, " n"]
Either = Any  # an array of NumPy or of JAX: one formula serves the immediate and the compiled path

OVERSAMPLING = 12
"""Number of samples per coefficient on the coarsest grid."""
FINEST = 1 << 24
"""Number of samples of the finest grid for concrete coefficients."""
FINEST_COMPILED = 1 << 19
"""Number of samples of the finest compiled grid, or 64 times the coarsest grid if that is more."""
RESOLVED = 1e-14
"""Largest accepted estimate of the frequencies beyond the grid, extrapolated from their decay on the grid."""


class Outer(NamedTuple):
    """Leading coefficients of $a^*$, the largest $|b|^2$ on the accepted grid, and the number of that grid."""

    coeffs: Either
    peak: Either
    grid: Either


def bucket(count: int) -> int:
    """Return the next length of the form 4, 5, 6 or 7 times a power of two."""
    # A program compiled for one of these lengths serves all shorter ones by padding: four programs for each octave.
    unit = 1 << max(0, (count - 1).bit_length() - 3)
    return max(4, -(-count // unit) * unit)


def grids(count: int) -> tuple[int, ...]:
    """Return the grid sizes to try for `count` coefficients of b: doubled each time, from the fifth on quadrupled."""
    coarsest = OVERSAMPLING * bucket(count)
    finer = (coarsest << (step if step < 4 else 2 * step - 4) for step in itertools.count(1))
    return coarsest, *itertools.takewhile(lambda size: size <= FINEST, finer)


def compiled_grids(count: int) -> tuple[int, ...]:
    """Return the grid sizes to try in a compiled program, a shorter list than `grids`."""
    # A compiled program allocates the memory of its finest grid whenever it runs, even where the first grid suffices.
    finest = max(FINEST_COMPILED, 64 * OVERSAMPLING * bucket(count))
    return tuple(itertools.takewhile(lambda size: size <= finest, grids(count)))


def outer_numpy(b: np.ndarray, count: int) -> Outer:
    """Return leading coefficients of $a^*$ in NumPy, without compilation.

    Args:
        b: coefficients of b.
        count: number of leading coefficients.
    """
    sizes = grids(len(b))
    for number, size in enumerate(sizes):
        with np.errstate(all="ignore"):  # |b| may reach 1, or its square overflow: both show in the peak
            coeffs, peak, beyond = _weiss(b, count, size, np)
        if beyond <= RESOLVED or not peak < 1 or size == sizes[-1]:
            return Outer(coeffs, peak, number)
    raise AssertionError("there is always a last grid")


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def outer(b: Series, count: int) -> Outer:
    """Return leading coefficients of $a^*$ in a compiled program, differentiable in reverse mode only.

    All grids are compiled. A grid runs if the one before was too coarse for a member of the batch.

    Args:
        b: coefficients of b.
        count: number of leading coefficients.
    """
    # A vjp of its own, hence no forward mode: a rule that can be transposed would store the residuals of every grid.
    return _outer(count)(b)


@default_promotion
def _outer_forward(b: Series, count: int) -> tuple[Outer, tuple[Series, Array]]:
    found = outer(b, count)  # the function with its rule, so that second derivatives use the rule, too
    return found, (b, found.grid)


@default_promotion
def _outer_backward(count: int, kept: tuple[Series, Array], weights: Outer) -> tuple[Series]:
    b, grid = kept

    def pull(size: int, b: Array, weights: tuple[Array, Array]) -> Array:
        return jax.vjp(lambda b: _weiss(b, count, size, jnp)[:2], b)[1](weights)[0]

    choices = [partial(pull, size) for size in compiled_grids(len(b))]
    return (jax.lax.switch(grid, choices, b, (weights.coeffs, weights.peak)),)


outer.defvjp(_outer_forward, _outer_backward)


def _outer(count: int) -> "jax.custom_batching.custom_vmap":
    # Under vmap a conditional on a batched predicate becomes a select, which runs every grid for all members. With its
    # own batching rule the batch decides once: one scalar predicate, true if any member needs a finer grid.
    @jax.custom_batching.custom_vmap
    def solve(b: Array) -> Outer:
        return Outer(*(part[0] if part.ndim else part for part in _solve_batch(b[None], count)))

    @solve.def_vmap
    def _(size: int, batched: list, b: Array) -> tuple[Outer, Outer]:
        del size, batched
        return _solve_batch(b.reshape(-1, b.shape[-1]), count), Outer(True, True, False)

    return solve


def _solve_batch(b: Array, count: int) -> Outer:
    sizes = compiled_grids(b.shape[-1])

    def run(size: int, b: Array) -> tuple[Array, Array, Array]:
        one = partial(_weiss, count=count, size=size, xp=jnp)
        # Beyond the first grid the members of a batch run one by one: the memory is allocated even if it is not needed.
        coeffs, peak, beyond = jax.vmap(one)(b) if size == sizes[0] else jax.lax.map(one, b)
        return jnp.any((beyond > RESOLVED) & (peak < 1)), coeffs, peak

    def refine(number: int, b: Array) -> Outer:
        coarse, coeffs, peak = run(sizes[number], b)
        found = Outer(coeffs, peak, jnp.full((), number))
        if number + 1 == len(sizes):
            return found
        return jax.lax.cond(coarse, partial(refine, number + 1), lambda b: found, b)

    return refine(0, b)


def sup_bound(b: Either, peak: Either, angle: Either, xp: ModuleType) -> Either:
    r"""Return a proven bound on $|b|$ over the circle from the peak of $|b|^2$ on a grid, by Ehlich and Zeller.

    Where the squares underflow, the bound is the sum of the moduli of the coefficients.

    Args:
        b: coefficients of b.
        peak: largest $|b|^2$ on the grid.
        angle: angle $\pi d/2N$ for degree d and N samples, whose cosine is the factor of Ehlich and Zeller.
        xp: array module.
    """
    seen = peak > 1e16 * np.finfo(b.dtype).tiny
    return xp.where(seen, xp.sqrt(xp.where(seen, peak, 1)) / xp.cos(angle), xp.sum(xp.abs(b)))


def _weiss(b: Either, count: int, size: int, xp: ModuleType) -> tuple[Either, Either, Either]:
    """Return the coefficients from one grid, the peak of $|b|^2$ on it, and an estimate of the frequencies beyond."""
    real = not xp.iscomplexobj(b)
    values = xp.fft.rfft(b, size) if real else xp.fft.fft(b, size)
    square = xp.square(values.real) + xp.square(values.imag)
    log = xp.log1p(-square)
    frequencies = (xp.fft.irfft(log, size) if real else xp.fft.ifft(log))[: size // 2]
    sizes = xp.abs(frequencies)
    # Either window is 1.5 times as wide as b is long. The frequencies of the logarithm are sums of differences of those
    # of b, so that no gap in its spectrum is wider than b and no window misses it: c T_d has multiples of d only.
    before, last = xp.max(sizes[size // 8 : size // 4]), xp.max(sizes[-(size // 8) :])
    beyond = last * xp.square(last / xp.maximum(before, np.finfo(before.dtype).tiny))
    # Half of the mean and each positive frequency in full are the coefficients of log(a^*).
    half = xp.concatenate([frequencies[:1] / 2, frequencies[1:]])
    values = xp.exp(xp.fft.rfft(half, size) if real else xp.fft.fft(half, size))
    coeffs = xp.fft.irfft(values, size) if real else xp.fft.ifft(values)
    return coeffs[:count], xp.max(square), beyond
