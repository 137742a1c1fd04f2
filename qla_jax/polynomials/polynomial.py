"""A polynomial together with what is proven about it: the value that approximants return and encodings take."""

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from qla_jax.polynomials import chebyshev


class Polynomial(struct.PyTreeNode):
    """A Chebyshev series on [-1, 1] that approximates some target function f there.

    Attributes:
        coeffs: Chebyshev coefficients, low to high.
        parity: "odd", "even" or "none".
        error_bound: proven bound on |P - f| over [-1, 1]; 0.0 when the polynomial is itself the target.
        relative_bound: proven bound on |P(x) - f(x)| / |x| over [-1, 1]; `inf` where none is known.
        lipschitz: Lipschitz constant of f on the real line; None when the polynomial is itself the target.
        sup_bound: proven bound on |P| over [-1, 1].
    """

    coeffs: Float[Array, " degree_plus_1"]
    error_bound: Array
    relative_bound: Array
    lipschitz: Array | None
    sup_bound: Array
    parity: str = struct.field(pytree_node=False)

    @property
    def degree(self) -> int:
        """The degree, leading zeros counted."""
        return len(self.coeffs) - 1

    def __call__(self, x: ArrayLike) -> Array:
        """$P(x)$ entrywise."""
        return chebyshev.evaluate(self.coeffs, jnp.asarray(x))


def polynomial(coeffs: ArrayLike, parity: str) -> Polynomial:
    """A polynomial that is its own target, from Chebyshev coefficients.

    Raises:
        ValueError: coefficients that are not a vector of finite numbers, or that contradict the parity.
    """
    coeffs = jnp.asarray(coeffs)
    if coeffs.ndim != 1 or not len(coeffs):
        raise ValueError(f"`coeffs` must have one axis and an entry, but has shape {coeffs.shape}.")
    if parity not in ("odd", "even", "none"):
        raise ValueError(f"`parity` must be 'odd', 'even' or 'none', but is {parity!r}.")
    if not jnp.issubdtype(coeffs.dtype, jnp.floating):
        coeffs = coeffs.astype(jnp.result_type(float))
    if not isinstance(coeffs, jax.core.Tracer):
        if not jnp.all(jnp.isfinite(coeffs)):
            raise ValueError(f"`coeffs` must be finite, but is {coeffs}.")
        if parity != "none" and jnp.any(coeffs[int(parity == "even") :: 2] != 0):
            raise ValueError(f"`coeffs` must be {parity}, as `parity` says, but is {coeffs}.")
    return Polynomial(
        coeffs=coeffs,
        error_bound=jnp.zeros((), coeffs.dtype),
        relative_bound=jnp.zeros((), coeffs.dtype),
        lipschitz=None,
        sup_bound=chebyshev.sup_bound(coeffs),
        parity=parity,
    )
