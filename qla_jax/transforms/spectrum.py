r"""What a builder takes somebody's word for, and looks at where the numbers are at hand.

A function of a Hermitian matrix needs one; an approximant that is proven outside of a gap needs singular values that
stay out of it. Nodes answer from their structure (`hermitian_defect`, `singular_values`); of others of at most
`EXPLICIT` rows and columns the matrix is formed. What is larger has to be vouched for, or the error is unknown.

Only the encoded matrix can be looked at. The ideal one is within $\epsilon$ of it, and so are its singular values
(Weyl), while $A - A^\dagger$ changes by at most $2\epsilon$.
"""

import math

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Num

from qla_jax._checks import ROUNDING, is_concrete, require
from qla_jax.encodings.base.block import BlockEncoding, block
from qla_jax.polynomials.polynomial import Polynomial

EXPLICIT = 256
"""Rows and columns up to which a matrix is formed to be looked at, by as many products with a vector."""


def hermitian_error(enc: BlockEncoding, *, vouched: bool) -> Float[Array, ""]:
    """Return 0 where `enc` is seen or vouched to be Hermitian up to its error, and `inf` where neither is so.

    Raises:
        ValueError: seen not to be Hermitian.
    """
    defect = _hermitian_defect(enc)
    if defect is None:
        return jnp.full_like(enc.alpha, 0.0 if vouched else jnp.inf)
    fits = defect <= 2 * enc.eps + _rounding(enc) * enc.alpha
    if is_concrete(fits):
        require(bool(fits), f"`enc` must encode a Hermitian matrix, but |A - A^H| is up to {defect:.3g}.")
    return jnp.where(fits, 0.0, jnp.inf).astype(enc.alpha.dtype)


def in_domain_of(enc: BlockEncoding, poly: Polynomial, *, vouched: bool, signed: bool = False) -> Bool[Array, ""]:
    r"""Return whether the spectrum of $A/\alpha$ is seen, or vouched and not seen otherwise, to lie in the domain.

    Args:
        enc: the part.
        poly: the approximant. Zero singular values are no matter where it is odd: it maps them to zero.
        vouched: whether somebody gave a word for it.
        signed: whether it is eigenvalues of a Hermitian matrix that count, not singular values.
    """
    ((low, high), *others) = poly.domain
    everywhere = (jnp.asarray(low) <= -1) & (jnp.asarray(high) >= 1) & (not others)
    if not others and is_concrete(everywhere) and bool(everywhere):
        return everywhere
    values = _eigenvalues(enc) if signed else singular_values(enc)
    if values is None:
        return everywhere | vouched
    safe = jnp.where(enc.alpha == 0, 1, enc.alpha)
    values, slack = values / safe, _rounding(enc)
    reach = enc.eps / safe + slack
    nothing = (jnp.abs(values) <= slack) & (poly.parity == "odd")
    ends = [(jnp.asarray(a) - slack, jnp.asarray(b) + slack) for a, b in poly.domain]
    inside = jnp.any(jnp.stack([(a <= values - enc.eps / safe) & (values + enc.eps / safe <= b) for a, b in ends]), 0)
    touched = jnp.any(jnp.stack([(a <= values + reach) & (values - reach <= b) for a, b in ends]), 0)
    touched |= (jnp.abs(values) <= reach) & (poly.parity == "odd")
    seen, possible = jnp.all(inside | nothing), jnp.all(touched)
    return everywhere | (seen | (vouched & possible))


def isometric(enc: BlockEncoding, *, vouched: bool) -> Bool[Array, ""]:
    """Return whether `enc` is seen, or vouched and not seen otherwise, to be an isometry up to its error."""
    values = singular_values(enc)
    if values is None:
        return jnp.asarray(vouched)
    columns = jnp.sort(values)[::-1][: enc.shape[1]]  # without what padding may add
    apart = jnp.abs(columns - 1).max() if columns.size == enc.shape[1] else jnp.inf
    return apart <= enc.eps + _rounding(enc) * jnp.maximum(1, enc.alpha)


def singular_values(enc: BlockEncoding) -> Num[Array, " values"] | None:
    """Return the singular values of the encoded matrix, one for each column at least; None where it is large.

    Zeros of padding may be among them; those of a matrix with more columns than rows, whose kernel even polynomials
    act on, are.
    """
    values = enc.singular_values()
    if values is None and max(enc.shape) <= EXPLICIT:
        values = jnp.linalg.svd(block(enc), compute_uv=False)
    if values is None:
        return None
    missing = max(enc.shape[1] - values.size, 0)
    return jnp.pad(jax.lax.stop_gradient(values), (0, missing))


def _eigenvalues(enc: BlockEncoding) -> Num[Array, " values"] | None:
    if max(enc.shape) > EXPLICIT:
        return None
    matrix = jax.lax.stop_gradient(block(enc))
    return jnp.linalg.eigvalsh((matrix + matrix.conj().T) / 2)


def _hermitian_defect(enc: BlockEncoding) -> Array | None:
    defect = enc.hermitian_defect()
    if defect is None and max(enc.shape) <= EXPLICIT:
        matrix = block(enc)
        defect = jnp.linalg.norm(matrix - matrix.conj().T, 2)
    return None if defect is None else jax.lax.stop_gradient(defect)


def _rounding(enc: BlockEncoding) -> float:
    return ROUNDING * math.sqrt(max(enc.shape)) * float(jnp.finfo(enc.alpha.dtype).eps)
