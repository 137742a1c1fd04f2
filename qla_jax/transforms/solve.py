r"""Linear systems: the pseudo-inverse applied to a vector, with a requested error of the solution.

Example:
    >>> enc, vec = block_encode(jnp.diag(jnp.array([2.0, 0.5]))), vector_encode(jnp.array([3.0, 4.0]))
    >>> found = solve(enc, vec, kappa=4.0, eps=1e-6)
    >>> [round(x, 5) for x in found.x.tolist()], bool(found.eps <= 1e-6), found.queries
    ([1.5, 8.0], True, 65)

References:
    Gilyen, Su, Low, Wiebe (2018), Theorem 41. https://arxiv.org/abs/1806.01838
"""

import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jaxtyping import Num

from qla_jax._bounds import times
from qla_jax._checks import as_real, is_concrete, require, require_kind
from qla_jax._nodes import Node
from qla_jax.accounting.costs import Cost, calls_of, cost
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.combine.lemmas import matrix_vector_product
from qla_jax.encodings.combine.normalized import normalize
from qla_jax.linalg.preparation import length
from qla_jax.transforms.functions import pseudo_inverse
from qla_jax.transforms.requests import as_eps, shared_eps, warn_caller, way_out

SHARE = 0.9
"""Share of the requested error that the polynomial may use; the rest is for its phase factors."""

TRIES = 3
"""Largest number of polynomials that are tried; each one gives a better bound on the length of the solution."""


class Solution(Node):
    """Solution of a linear system as a vector encoding, with its error, queries, cost and success probability.

    Attributes:
        encoding: encoding of the solution, or of its direction.
        queries: number of calls of the circuit of the matrix and of its inverse.

    Example:
        >>> enc, vec = block_encode(jnp.diag(jnp.array([1.0, 0.5]))), vector_encode(jnp.array([1.0, 1.0]))
        >>> found = solve(enc, vec, kappa=2.5, eps=1e-3)
        >>> bool(jnp.allclose(found.x, jnp.array([1.0, 2.0]), atol=1e-3)), found.queries > 0
        (True, True)
    """

    encoding: VectorEncoding
    queries: int = struct.field(pytree_node=False)

    @property
    def x(self) -> Num[Array, " columns"]:
        """Encoded vector, which the circuit prepares: the solution or its direction."""
        return self.encoding.encoded

    @property
    def eps(self) -> Array:
        """Bound on the distance of `x` from the exact solution, absolute."""
        return self.encoding.eps

    @property
    def success_probability(self) -> Array:
        """Probability that one run of the circuit ends with all ancillas in 0."""
        return self.encoding.success_probability

    @property
    def cost(self) -> Cost:
        """Cost of one run of the circuit."""
        return cost(self.encoding)


def solve(
    enc: BlockEncoding,
    vec: VectorEncoding,
    *,
    kappa: float,
    eps: float,
    normalized: bool = False,
    in_domain: bool = False,
) -> Solution:
    r"""Solve $Ax = b$ in the least-squares sense by QSVT: encode $x = A^+b$, or its direction, within a given error.

    The degree of the polynomial for 1/x is chosen such that the error of the solution is at most eps. The error of b is
    included; it enters with the factor $\kappa/\alpha \ge \|A^+\|$.

    Args:
        enc: block encoding of A with subnormalization $\alpha$.
        vec: vector encoding of b.
        kappa: number above 1 such that no nonzero singular value of A is below $\alpha/\kappa$.
        eps: largest distance of the result from x, or from $x/\|x\|$ if `normalized`, absolute.
        normalized: True to encode the direction $x/\|x\|$ instead of x.
        in_domain: True to assert the bound on the singular values where A is too large to be checked; without the
            assertion the error is `inf` there.

    Returns:
        A `Solution`: `x` is the vector, `eps` its proven error, `queries` the number of calls of A's circuit,
        `success_probability` that of one run, and `encoding` the circuit.

    Raises:
        TypeError: `enc` is not a block encoding, or `vec` is not a vector encoding.
        ValueError: traced encodings, a kappa not above 1, an eps that is not positive or that the error of b exceeds,
            shapes that do not fit, or a zero vector.

    Example:
        >>> enc, vec = block_encode(jnp.array([[2.0, 1.0], [1.0, 2.0]])), vector_encode(jnp.array([3.0, 3.0]))
        >>> found = solve(enc, vec, kappa=3.5, eps=1e-5)
        >>> [round(x, 4) for x in found.x.tolist()], bool(found.eps <= 1e-5)
        ([1.0, 1.0], True)

    References:
        Gilyen, Su, Low, Wiebe (2018), Theorem 41. https://arxiv.org/abs/1806.01838
    """
    require_kind("enc", enc, BlockEncoding)
    require_kind("vec", vec, VectorEncoding)
    eps, kappa = as_eps(eps), as_real("kappa", kappa)
    require(1 < kappa < np.inf, f"`kappa` must be above 1 and finite, but is {kappa}.")
    known = is_concrete(enc.alpha, enc.norm_bound, vec.encoded)
    require(known, "`enc` and `vec` must be known: the length of the circuit follows from them.")
    size = float(length(vec.encoded))
    require(size > 0, "`vec` must not encode the zero vector, whose solution is zero.")
    require(float(enc.norm_bound) > 0, f"`enc` must not encode the zero matrix, but has norm bound {enc.norm_bound}.")
    # No solution is shorter than |b|/|A| if b lies in the range of A. From the second try on the length is known.
    shortest = size / float(enc.norm_bound)
    inherited = float(times(jnp.asarray(kappa / float(enc.alpha)), vec.eps))
    best = np.inf
    for _ in range(TRIES):
        target = 2 * eps * shortest / (2 + eps) if normalized else eps
        require(target > 0, "`vec` must have a part in the range of `enc` to have a direction of its solution.")
        told = f"the errors of `enc` and `vec`, and rounding, may change the solution by {inherited:.3g} already"
        require(target > inherited, f"`eps` must leave room for errors that are given, but is {eps}, and {told}.")
        asked = SHARE * (target - inherited)
        least = float(jnp.finfo(enc.alpha.dtype).eps) * size / float(enc.alpha)
        beyond = f"`eps` must be at least {least / SHARE:.1e} beyond what is inherited, but is {eps}{way_out()}."
        require(asked >= least, beyond)
        with shared_eps(eps, asked / size, "the inverse of `enc`"):
            inverse = pseudo_inverse(enc, kappa, eps=asked / size, in_domain=in_domain)
        found: VectorEncoding = matrix_vector_product(inverse, vec)
        result = normalize(found) if normalized else found
        reached, best = float(found.eps), float(result.eps)
        if not np.isfinite(reached):
            bound = float(enc.alpha) / kappa
            warn_caller(
                f"The error of the solution is not proven: `kappa` = {kappa:g} states that no nonzero singular value "
                f"of the matrix is below alpha/kappa = {bound:.3g}, and the check of that failed or was not possible. "
                "`kappa` is relative to alpha, not to the norm. `in_domain=True` asserts the statement.",
                UserWarning,
            )
        if not np.isfinite(reached) or best <= eps:
            return Solution(encoding=result, queries=calls_of(result, enc).total)
        inherited = max(inherited, reached - asked)
        shortest = min(shortest, max(float(length(found.encoded)) - reached, 0.0))
    raise ValueError(f"`eps` must be above what can be proven here, {best:.3g}, but is {eps}.")
