"""Chebyshev series of matrices applied to vectors by matrix-vector products, without phase factors or ancillas."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Num

from qla_jax._modes import varying_like

Vector = Num[Array, " n"]
Matvec = Callable[[Vector], Vector]


def chebyshev_sum(coeffs: Num[Array, " terms"], times: Matvec, now: Vector, before: Vector) -> Vector:
    r"""Return $\sum_j c_jt_j$ with $t_{j+1} = 2Zt_j - t_{j-1}$, $t_0$ = `now` and $t_{-1}$ = `before`.

    Args:
        coeffs: coefficients $c_j$.
        times: function that multiplies a vector by the matrix Z.
        now: vector $t_0$.
        before: vector $t_{-1}$.
    """

    def step(carry: tuple, c: Array) -> tuple[tuple, None]:
        before, now, total = carry
        return (now, 2 * times(now) - before, total + c * now), None

    dtype = jnp.result_type(coeffs, now, before)
    start: tuple = varying_like(
        (before.astype(dtype), now.astype(dtype), jnp.zeros_like(now, dtype)), coeffs, now, before
    )
    return jax.lax.scan(step, start, coeffs)[0][2]


def chebyshev_series(coeffs: Num[Array, " d_plus_1"], forth: Matvec, back: Matvec, x: Vector) -> Vector:
    r"""Return $P^{(SV)}(B)x$ for P of definite parity by d alternating products with B and its adjoint.

    The recurrence is $t_0 = x$, $t_1 = Bt_0$, $t_{2j} = 2B^\dagger t_{2j-1} - t_{2j-2}$ and
    $t_{2j+1} = 2Bt_{2j} - t_{2j-1}$, which is that of the Hermitian dilation of B.

    Args:
        coeffs: Chebyshev coefficients of P.
        forth: function that multiplies a vector by B.
        back: function that multiplies a vector by the adjoint of B.
        x: vector.
    """
    # A recurrence in 2 B B^H - 1 takes as many products, but squares small singular values: at a condition number of
    # 1700 its error was 15 times as large.
    odd = len(coeffs) % 2 == 0
    return _alternating(coeffs[1::2] if odd else coeffs[::2], odd, forth, back, x)


def even_series(even_coeffs: Num[Array, " terms"], forth: Matvec, back: Matvec, x: Vector) -> Vector:
    r"""Return $P^{(SV)}(B)x$ for an even P given by its coefficients of $T_0, T_2, T_4, \dots$.

    Args:
        even_coeffs: Chebyshev coefficients of even degree.
        forth: function that multiplies a vector by B.
        back: function that multiplies a vector by the adjoint of B.
        x: vector.
    """
    return _alternating(even_coeffs, False, forth, back, x)


def _alternating(used: Array, odd: bool, forth: Matvec, back: Matvec, x: Vector) -> Vector:
    first = forth(x)
    dtype = jnp.result_type(used, x, first)
    total = jnp.zeros_like(first) if odd else used[0] * x
    used = used if odd else used[1:]

    def step(carry: tuple, c: Array) -> tuple[tuple, None]:
        even, now, total = carry  # t_2j and t_2j+1
        after = 2 * back(now) - even
        return (after, 2 * forth(after) - now, total + c * (now if odd else after)), None

    start: tuple = varying_like(tuple(part.astype(dtype) for part in (x, first, total)), used, x, first)
    return jax.lax.scan(step, start, used)[0][2]
