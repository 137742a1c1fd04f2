r"""The polynomial for erf(scale x): the integral of the truncated Chebyshev series of a Gaussian.

$$P(x) = \frac{2m}{\sqrt\pi}\int_0^x \Big[g_0 + 2\sum_{j=1}^{J}(-1)^j g_j T_{2j}(t)\Big] dt,
\qquad g_j = e^{-m^2/2} I_j(m^2/2),$$
with $m$ the scale and $J = (k-1)/2$ for degree $k$. Since $|\int_0^x T_{2j}| \le \min(|x|, \frac12(\frac1{2j+1} +
\frac1{2j-1}))$ the tail $\sum_{j>J} g_j$ bounds the error both absolutely and relative to $|x|$. The relative bound
is what makes the error of a whole vector independent of its dimension: $\|P(x) - f(x)\| \le r\|x\|$.

References:
    Low, Chuang (2017), Corollary 4. https://arxiv.org/abs/1707.05391
    Rattew et al. (2025), Lemma B.19. https://arxiv.org/abs/2510.07195
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from qla_jax.polynomials import chebyshev
from qla_jax.polynomials.polynomial import Polynomial

MAX_DEGREE = 2001
TAIL_TERMS = 64


def erf(scale: ArrayLike, *, degree: int | None = None, eps: float | None = None) -> Polynomial:
    r"""Odd approximation of $x \mapsto \mathrm{erf}(\text{scale}\cdot x)$ on [-1, 1] with a proven error bound.

    Args:
        scale: positive; may be traced when `degree` is given.
        degree: odd degree; or
        eps: the smallest odd degree with a proven truncation bound of at most eps / 2 is taken (needs a concrete
        scale).

    Raises:
        ValueError: neither or both of degree and eps, an even degree, a traced scale with eps, an eps that no degree up
            to 2001 reaches or below the rounding of the dtype (float32 where float64 is needed).
    """
    traced = isinstance(scale, jax.core.Tracer)
    m = jnp.asarray(scale, jnp.result_type(float) if not hasattr(scale, "dtype") else None)
    if not traced and not 0 < float(np.asarray(scale)) < float("inf"):
        raise ValueError(f"`scale` must be positive and finite, but is {scale}.")
    if degree is None and eps is not None:
        if traced:
            raise ValueError("`eps` must come with a concrete `scale`, but scale is traced; give `degree` instead.")
        if not eps > 0:
            raise ValueError(f"`eps` must be positive, but is {eps}.")
        if eps < jnp.finfo(m.dtype).eps:
            raise ValueError(
                f"`eps` must be at least the rounding {jnp.finfo(m.dtype).eps:.1e} of {m.dtype}, but is {eps}; "
                "float64 needs jax_enable_x64."
            )
        degree = _smallest_degree(float(np.asarray(scale)), eps)
    elif degree is None or eps is not None:
        raise ValueError(f"`erf` takes either `degree` or `eps`, but got degree={degree} and eps={eps}.")
    if degree < 1 or degree % 2 == 0:
        raise ValueError(f"`degree` must be odd and positive, but is {degree}.")
    return _series(m, degree)


@partial(jax.jit, static_argnames="degree")
def _series(m: Array, degree: int) -> Polynomial:
    # Chebyshev coefficients of the Gaussian by sampling: JAX has no Bessel functions of higher order. Sampling at
    # `count` nodes folds the coefficients above 2 * count - degree back, which joins the error bound.
    half = (degree - 1) // 2
    count = 2 * degree + 64
    gauss = chebyshev.interpolate(jnp.exp(-jnp.square(m * jnp.asarray(chebyshev.nodes(count), m.dtype))))
    coeffs = _integral(gauss[: 2 * half + 1 : 2]) * (2 * m / math.sqrt(math.pi))
    tail, folded = _tail(m, half), _tail(m, count - half - 1)
    slope = 2 * m / math.sqrt(math.pi)
    j = half + 1
    return Polynomial(
        coeffs=coeffs,
        error_bound=slope * (tail * (1 / (2 * j + 1) + 1 / (2 * j - 1)) + 2 * folded),
        relative_bound=slope * 2 * (tail + folded),
        lipschitz=slope,
        sup_bound=chebyshev.sup_bound(coeffs),
        parity="odd",
    )


def _integral(even: Array) -> Array:
    """Odd coefficients of the integral from 0 of a series in T_0, T_2, ...; all coefficients, low to high."""
    j = np.arange(len(even))
    shares = jnp.zeros(2 * len(even), even.dtype)
    shares = shares.at[2 * j + 1].add(even / jnp.asarray(2.0 * (2 * j + 1), even.dtype))
    shares = shares.at[1].add(even[0] / 2)
    return shares.at[2 * j[1:] - 1].add(-even[1:] / jnp.asarray(2.0 * (2 * j[1:] - 1), even.dtype))


def _tail(m: Array, last: int | np.ndarray) -> Array:
    r"""Upper bound on $\sum_{j>\text{last}} e^{-z}I_j(z)$, $z = m^2/2$: $I_j(z) \le (z/2)^je^{z^2/4(j+1)}/j!$."""
    z = jnp.square(m) / 2
    j = jnp.asarray(np.asarray(last)[..., None] + 1 + np.arange(TAIL_TERMS), m.dtype)
    logs = j * jnp.log(z / 2) - jax.scipy.special.gammaln(j + 1) + jnp.square(z) / (4 * (j + 1)) - z
    terms = jnp.exp(logs)
    # Each bound is at most `ratio` times the one before: the rest is at most a geometric series.
    ratio = z / (2 * (j[..., -1] + 1))
    rest = jnp.where(ratio < 1, terms[..., -1] * ratio / jnp.where(ratio < 1, 1 - ratio, 1), jnp.inf)
    return terms.sum(-1) + rest


@jax.jit
def _tails(m: Array) -> Array:
    return _tail(m, np.arange(MAX_DEGREE // 2 + 1))


def _smallest_degree(m: float, eps: float) -> int:
    half = np.arange(MAX_DEGREE // 2 + 1)
    slope = 2 * m / math.sqrt(math.pi)
    with jax.ensure_compile_time_eval():  # the degree is static: inside jit, too, it is found now
        tails = np.asarray(_tails(jnp.asarray(m)))
    bounds = slope * tails * (1 / (2 * half + 3) + 1 / (2 * half + 1))
    enough = np.flatnonzero(bounds <= eps / 2)  # half of eps is left for what sampling folds back
    if not len(enough):
        raise ValueError(f"`eps` must be reached by a degree of at most {MAX_DEGREE}, but {eps} is not for scale {m}.")
    return int(2 * enough[0] + 1)
