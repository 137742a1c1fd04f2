"""Chebyshev series of matrices by products with vectors: the encoded view, without phases or ancillas."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Num

from qla_jax._modes import varying_like

Vector = Num[Array, " n"]
Matvec = Callable[[Vector], Vector]


def chebyshev_sum(coeffs: Num[Array, " terms"], times: Matvec, now: Vector, before: Vector) -> Vector:
    r"""$\sum_j c_jt_j$ with $t_{j+1} = 2Zt_j - t_{j-1}$ from $t_0$ = `now` and $t_{-1}$ = `before`."""

    def step(carry: tuple, c: Array) -> tuple[tuple, None]:
        before, now, total = carry
        return (now, 2 * times(now) - before, total + c * now), None

    dtype = jnp.result_type(coeffs, now, before)
    start: tuple = varying_like(
        (before.astype(dtype), now.astype(dtype), jnp.zeros_like(now, dtype)), coeffs, now, before
    )
    return jax.lax.scan(step, start, coeffs)[0][2]


def chebyshev_series(coeffs: Num[Array, " d_plus_1"], forth: Matvec, back: Matvec, x: Vector) -> Vector:
    r"""$P^{(SV)}(B)x$ for P of definite parity by d products with B and its adjoint.

    $T_{2j+1}$ by the recurrence in $2BB^\dagger - 1$ from $T_{-1} = T_1$; $T_{2j}$ by that in $2B^\dagger B - 1$ from
    $T_{-2} = T_2$.
    """
    if len(coeffs) % 2 == 0:
        first = forth(x)
        return chebyshev_sum(coeffs[1::2], lambda v: 2 * forth(back(v)) - v, first, first)

    def doubled(v: Vector) -> Vector:
        return 2 * back(forth(v)) - v

    return chebyshev_sum(coeffs[::2], doubled, x, doubled(x))
