r"""Checks of the assumptions of matrix functions: Hermitian matrices, spectra in a domain, isometries.

A function of a Hermitian matrix needs a Hermitian matrix. An approximant that is proven outside a gap needs singular
values outside the gap. Nodes answer from their structure (`hermitian_defect`, `singular_values`). For other nodes of at
most `EXPLICIT` rows and columns the matrix is formed. For larger ones the caller has to assert the assumption, or the
error is unknown.

Only the encoded matrix can be checked. The ideal matrix is within $\epsilon$ of it, the ideal singular values are
within $\epsilon$ of the encoded ones (Weyl), and $A - A^\dagger$ differs by at most $2\epsilon$.
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
"""Largest number of rows or columns for which a matrix is formed and checked, by one product for each column."""


def hermitian_error(enc: BlockEncoding, *, vouched: bool) -> Float[Array, ""]:
    """Return 0 where an encoded matrix is Hermitian up to its error, by check or by assertion, and `inf` elsewhere.

    Args:
        enc: encoding of a square matrix.
        vouched: True where the caller asserts that the matrix is Hermitian.

    Raises:
        ValueError: the check shows that the matrix is not Hermitian.
    """
    defect = _hermitian_defect(enc)
    if defect is None:
        return jnp.full_like(enc.alpha, 0.0 if vouched else jnp.inf)
    fits = defect <= 2 * enc.eps + _rounding(enc) * enc.alpha
    if is_concrete(fits):
        require(bool(fits), f"`enc` must encode a Hermitian matrix, but |A - A^H| is up to {defect:.3g}.")
    return jnp.where(fits, 0.0, jnp.inf).astype(enc.alpha.dtype)


def in_domain_of(enc: BlockEncoding, poly: Polynomial, *, vouched: bool, signed: bool = False) -> Bool[Array, ""]:
    r"""Return whether the spectrum of $A/\alpha$ lies in the domain of a polynomial, by check or by assertion.

    An assertion that the check contradicts does not count.

    Args:
        enc: block encoding of A.
        poly: polynomial with its domain. Zero singular values may lie outside if it is odd, as it maps them to zero.
        vouched: True where the caller asserts that the spectrum lies in the domain.
        signed: True for eigenvalues of a Hermitian matrix, False for singular values.
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
    # `inside`: the ideal value lies in the domain for certain. `touched`: it may, so that an assertion can be believed.
    nothing = (jnp.abs(values) <= slack) & (poly.parity == "odd")
    ends = [(jnp.asarray(a) - slack, jnp.asarray(b) + slack) for a, b in poly.domain]
    inside = jnp.any(jnp.stack([(a <= values - enc.eps / safe) & (values + enc.eps / safe <= b) for a, b in ends]), 0)
    touched = jnp.any(jnp.stack([(a <= values + reach) & (values - reach <= b) for a, b in ends]), 0)
    touched |= (jnp.abs(values) <= reach) & (poly.parity == "odd")
    seen, possible = jnp.all(inside | nothing), jnp.all(touched)
    return everywhere | (seen | (vouched & possible))


def isometric(enc: BlockEncoding, *, vouched: bool) -> Bool[Array, ""]:
    """Return whether an encoded matrix is an isometry up to its error, by check or, for large ones, by assertion.

    Args:
        enc: any block encoding.
        vouched: True where the caller asserts that the matrix is an isometry.
    """
    values = singular_values(enc)
    if values is None:
        return jnp.asarray(vouched)
    columns = jnp.sort(values)[::-1][: enc.shape[1]]  # padding may add zeros, which are the smallest values
    apart = jnp.abs(columns - 1).max() if columns.size == enc.shape[1] else jnp.inf
    return apart <= enc.eps + _rounding(enc) * jnp.maximum(1, enc.alpha)


def singular_values(enc: BlockEncoding) -> Num[Array, " values"] | None:
    """Return at least as many singular values of the encoded matrix as it has columns; None for large matrices.

    Zeros due to padding may be among them. The zeros of a matrix with more columns than rows are always included,
    because even polynomials act on the kernel.
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
