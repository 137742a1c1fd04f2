r"""State preparation: a unitary with a given unit vector as its first column, applied without being formed.

With $b = e^{-i\theta} v$ rotated so that $b_0 \ge 0$, the reflection $u u^\dagger/(1 + b_0) - 1$, $u = b + e_0$, takes
$e_0$ to $b$. It is smooth for $b_0 \ge 0$, at $v = e_0$ too, where the usual $u = b - e_0$ divides by zero.
"""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Num


@jax.jit
def prepare(unit: Num[Array, " n"], state: Num[Array, "n ..."]) -> Num[Array, "n ..."]:
    """Apply the unitary whose first column is `unit` along the leading axis."""
    phase, u = _reflection(unit)
    return phase * (_outer(u, state) - state)


@jax.jit
def unprepare(unit: Num[Array, " n"], state: Num[Array, "n ..."]) -> Num[Array, "n ..."]:
    """The adjoint of `prepare`."""
    phase, u = _reflection(unit)
    return phase.conj() * (_outer(u, state) - state)


@jax.jit
def unit_vector(x: Num[Array, " n"]) -> tuple[Num[Array, " n"], Num[Array, ""]]:
    """Direction and norm of `x`; the zero vector has norm 0 and direction $e_0$, with finite (zero) derivatives."""
    nonzero = jnp.any(x != 0)
    start = jnp.zeros_like(x).at[0].set(1)
    # Scaling by the largest entry first keeps tiny and huge vectors from under- or overflowing when squared.
    largest = jnp.where(nonzero, jnp.abs(jnp.where(nonzero, x, start)).max(), 1)
    scaled = jnp.where(nonzero, x, start) / largest
    size = jnp.sqrt(jnp.sum(jnp.square(scaled.real) + jnp.square(scaled.imag)))
    return scaled / size, jnp.where(nonzero, size * largest, 0)


@jax.jit
def length(x: Num[Array, " n"]) -> Num[Array, ""]:
    """The norm of `x`, `inf` with infinite entries; its derivative at zero is zero, not NaN."""
    infinite = jnp.isinf(x)
    return jnp.where(jnp.any(infinite), jnp.inf, unit_vector(jnp.where(infinite, 0, x))[1])


def _reflection(unit: Array) -> tuple[Array, Array]:
    head = unit[0]
    size = jnp.abs(jnp.where(head == 0, 1, head))
    phase = jnp.where(head == 0, 1, head) / size
    return phase, (unit * phase.conj()).at[0].add(1)


def _outer(u: Array, state: Array) -> Array:
    overlap = jnp.tensordot(u.conj(), state, axes=1)
    return (u / u[0].real)[(...,) + (None,) * (state.ndim - 1)] * overlap[None]
