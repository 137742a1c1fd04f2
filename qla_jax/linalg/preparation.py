r"""State preparation: a unitary with a given unit vector as its first column, applied without forming the matrix.

Let $b = e^{-i\theta} v$ with $b_0 \ge 0$. The reflection $u u^\dagger/(1 + b_0) - 1$ with $u = b + e_0$ maps $e_0$ to
$b$. It is smooth for $b_0 \ge 0$, also at $v = e_0$, where the usual $u = b - e_0$ divides by zero.

Example:
    >>> v = jnp.array([0.6, 0.8])
    >>> bool(jnp.allclose(prepare(v, jnp.eye(2)[0]), v)), bool(jnp.allclose(unprepare(v, v), jnp.eye(2)[0]))
    (True, True)
"""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Num

from qla_jax.linalg.products import tensordot


@jax.jit
def prepare(unit: Num[Array, " n"], state: Num[Array, "n ..."]) -> Num[Array, "n ..."]:
    """Apply the unitary whose first column is a given unit vector along the leading axis of a state.

    Args:
        unit: unit vector.
        state: amplitudes, with the register of the vector on the leading axis.
    """
    phase, u = _reflection(unit)
    return phase * (_outer(u, state) - state)


@jax.jit
def unprepare(unit: Num[Array, " n"], state: Num[Array, "n ..."]) -> Num[Array, "n ..."]:
    """Apply the adjoint of `prepare`, which maps the unit vector to the first basis vector.

    Args:
        unit: unit vector.
        state: amplitudes, with the register of the vector on the leading axis.
    """
    phase, u = _reflection(unit)
    return phase.conj() * (_outer(u, state) - state)


@jax.jit
def unit_vector(x: Num[Array, " n"]) -> tuple[Num[Array, " n"], Num[Array, ""]]:
    """Return direction and norm of a vector; the zero vector has norm 0, direction $e_0$ and zero derivatives."""
    nonzero = jnp.any(x != 0)
    start = jnp.zeros_like(x).at[0].set(1)
    # Scaling by the largest entry first avoids underflow and overflow of the squares.
    largest = jnp.where(nonzero, jnp.abs(jnp.where(nonzero, x, start)).max(), 1)
    scaled = jnp.where(nonzero, x, start) / largest
    size = jnp.sqrt(jnp.sum(jnp.square(scaled.real) + jnp.square(scaled.imag)))
    return scaled / size, jnp.where(nonzero, size * largest, 0)


@jax.jit
def length(x: Num[Array, " n"]) -> Num[Array, ""]:
    """Return the norm of a vector, `inf` for infinite entries; the derivative at zero is zero, not NaN."""
    infinite = jnp.isinf(x)
    return jnp.where(jnp.any(infinite), jnp.inf, unit_vector(jnp.where(infinite, 0, x))[1])


def _reflection(unit: Array) -> tuple[Array, Array]:
    # Phase of the first entry and u = b + e_0 of the module's docstring; a zero entry has phase 1.
    head = unit[0]
    size = jnp.abs(jnp.where(head == 0, 1, head))
    phase = jnp.where(head == 0, 1, head) / size
    return phase, (unit * phase.conj()).at[0].add(1)


def _outer(u: Array, state: Array) -> Array:
    overlap = tensordot(u.conj(), state, axes=1)
    return (u / u[0].real)[(...,) + (None,) * (state.ndim - 1)] * overlap[None]
