r"""The complementary polynomial: the outer $a^*$ with $|a|^2 + |b|^2 = 1$ on the unit circle, by the Weiss algorithm.

$a^* = \exp\Pi\log(1-|b|^2)/2$ where $\Pi$ keeps the mean and doubles the positive frequencies. The logarithm is sampled
on roots of unity; only its low frequencies matter for the leading coefficients that are asked for, so what aliases
onto them decides the grid. A grid is taken when the decay of the frequencies that it resolves says so, and the next
finer one otherwise; the closer $|b|$ comes to 1, the finer it has to be.

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
Either = Any  # of NumPy or of JAX

OVERSAMPLING = 12
"""Samples per coefficient of the coarsest grid."""
FINEST = 1 << 24
"""Samples of the finest grid."""
FINEST_COMPILED = 1 << 19
"""The same of what is compiled, or 64 times the coarsest if that is more."""
RESOLVED = 1e-14
"""Bound on what frequencies beyond the grid are estimated to be: as far below its last as those are, twice over."""


class Outer(NamedTuple):
    """Leading coefficients of $a^*$, the largest $|b|^2$ on the grid, and which grid it was."""

    coeffs: Either
    peak: Either
    grid: Either


def bucket(count: int) -> int:
    """The next of 4, 5, 6, 7 times a power of two: what is compiled for it serves all lengths above the one before."""
    unit = 1 << max(0, (count - 1).bit_length() - 3)
    return max(4, -(-count // unit) * unit)


def grids(count: int) -> tuple[int, ...]:
    """Numbers of samples to try for `count` coefficients of b, each twice as many, from the fifth on four times."""
    coarsest = OVERSAMPLING * bucket(count)
    finer = (coarsest << (step if step < 4 else 2 * step - 4) for step in itertools.count(1))
    return coarsest, *itertools.takewhile(lambda size: size <= FINEST, finer)


def compiled_grids(count: int) -> tuple[int, ...]:
    """Those of them that are compiled: the memory of the finest is taken whenever the program runs."""
    finest = max(FINEST_COMPILED, 64 * OVERSAMPLING * bucket(count))
    return tuple(itertools.takewhile(lambda size: size <= finest, grids(count)))


def outer_numpy(b: np.ndarray, count: int) -> Outer:
    """The leading `count` coefficients, without a compile."""
    sizes = grids(len(b))
    for number, size in enumerate(sizes):
        with np.errstate(all="ignore"):  # where |b| reaches 1, or squares beyond the largest float: the peak tells
            coeffs, peak, beyond = _weiss(b, count, size, np)
        if beyond <= RESOLVED or not peak < 1 or size == sizes[-1]:
            return Outer(coeffs, peak, number)
    raise AssertionError("there is always a last grid")


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def outer(b: Series, count: int) -> Outer:
    """The same compiled: each grid is compiled, and run when the one before was too coarse for one of the batch.

    Reverse mode only: a derivative rule that could also be transposed would keep what every grid needs for that.
    """
    return _outer(count)(b)


@default_promotion
def _outer_forward(b: Series, count: int) -> tuple[Outer, tuple[Series, Array]]:
    found = outer(b, count)  # by its own rule, so that a second derivative has one, too
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
    # A conditional on a batched predicate would run every grid for all: the batch decides together.
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
        # Beyond the first grid a batch goes through one by one: the memory is taken whether it is needed or not.
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
    r"""Return a proven bound on $|b|$ over the circle from the peak of $|b|^2$ on the grid, by Ehlich and Zeller.

    Where the squares leave the range of floats it is the sum of the coefficients' sizes.
    """
    seen = peak > 1e16 * np.finfo(b.dtype).tiny
    return xp.where(seen, xp.sqrt(xp.where(seen, peak, 1)) / xp.cos(angle), xp.sum(xp.abs(b)))


def _weiss(b: Either, count: int, size: int, xp: ModuleType) -> tuple[Either, Either, Either]:
    """The coefficients from one grid, the peak of $|b|^2$ on it, and an estimate of the frequencies beyond it."""
    real = not xp.iscomplexobj(b)
    values = xp.fft.rfft(b, size) if real else xp.fft.fft(b, size)
    square = xp.square(values.real) + xp.square(values.imag)
    log = xp.log1p(-square)
    frequencies = (xp.fft.irfft(log, size) if real else xp.fft.ifft(log))[: size // 2]
    sizes = xp.abs(frequencies)
    # Either window is 1.5 times as wide as b is long. No gap in the spectrum of the logarithm is wider than b: its
    # frequencies are sums of differences of those of b. c T_d has nothing but multiples of d.
    before, last = xp.max(sizes[size // 8 : size // 4]), xp.max(sizes[-(size // 8) :])
    beyond = last * xp.square(last / xp.maximum(before, np.finfo(before.dtype).tiny))
    # Half of the mean, and each positive frequency whole: those are the ones of log(a^*).
    half = xp.concatenate([frequencies[:1] / 2, frequencies[1:]])
    values = xp.exp(xp.fft.rfft(half, size) if real else xp.fft.fft(half, size))
    coeffs = xp.fft.irfft(values, size) if real else xp.fft.ifft(values)
    return coeffs[:count], xp.max(square), beyond
