r"""Activation functions by phase factors, and activation functions of any parity.

**By phase factors.** The even quotient $Q(y) = P(\alpha y)/y$ of the diagonal of amplitudes can also be encoded by
`qsvt`. The normalization is then $\max|Q|$, while that of the Chebyshev combination is $\sum_j|q_{2j}|$. Both are equal
for erf, tanh and sin. In general the sum is larger, but it needs no phase factors and no margin.

**Of any parity.** The polynomial $P = P_{odd} + x\,R(x) + P(0)$ with R odd is the sum of an odd activation, of the
diagonal of amplitudes times another odd activation, and of a vector of equal entries.

References:
    Rattew et al. (2025), Lemma B.18. https://arxiv.org/abs/2510.07195
"""

import jax.numpy as jnp
from jax import Array

from qla_jax._checks import is_concrete, require, require_kind
from qla_jax._modes import default_promotion
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.combine.algebra import scale
from qla_jax.encodings.combine.lemmas import MatrixVectorProduct, VectorSum, matrix_vector_product, vector_sum
from qla_jax.encodings.matrices.amplitudes import diagonal_of_amplitudes
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.phases.solve import TOLERANCE, find
from qla_jax.polynomials import chebyshev
from qla_jax.polynomials.polynomial import Polynomial, polynomial
from qla_jax.transforms.activation import activate, activation_error
from qla_jax.transforms.singular_values import qsvt


@default_promotion
def activate_by_qsvt(vec: VectorEncoding, poly: Polynomial, *, margin: float = 1e-3) -> MatrixVectorProduct:
    r"""Encode $f(x)$ entrywise by an odd polynomial P of degree k, with phase factors and k calls of the circuit of x.

    The result is a $(s/(1 - \text{margin}),\ n + a + 1 + \min(a, 1),\ \epsilon')$-vector-encoding, where s is a bound
    on $\max_{[-1,1]}|P(\alpha y)/y|$ that is at most $10^{-4}$ too large. The error is that of `activate` plus the
    residual of the phase factors.

    Args:
        vec: vector encoding of x.
        poly: odd polynomial P with its target f.
        margin: distance of the quotient from 1; computing phase factors costs about $1/\sqrt{\text{margin}}$.

    Raises:
        ValueError: a polynomial that is not odd, or a margin outside (0, 1).
        TypeError: `vec` is not a vector encoding, or `poly` is not a `Polynomial`.

    Example:
        >>> cube = polynomials.polynomial([0.0, 0.75, 0.0, 0.25], "odd")  # x^3 in the Chebyshev basis
        >>> vec = activate_by_qsvt(vector_encode(jnp.array([0.6, -0.8])), cube)
        >>> [round(x, 6) for x in vec.encoded.tolist()]
        [0.216, -0.512]

    References:
        Rattew et al. (2025), Lemma B.18. https://arxiv.org/abs/2510.07195
    """
    require_kind("vec", vec, VectorEncoding)
    require_kind("poly", poly, Polynomial)
    require(poly.parity == "odd", f"`poly` must be odd, but its parity is {poly.parity!r}; see `activate_any`.")
    require(0 < margin < 1, f"`margin` must lie between 0 and 1, but is {margin}.")
    even = chebyshev.quotient(chebyshev.rescale(poly.coeffs, vec.alpha.astype(poly.coeffs.dtype)))
    quotient = jnp.zeros(2 * len(even) - 1, even.dtype).at[::2].set(even)
    size = chebyshev.sup_bound(quotient, oversampling=112) / (1 - margin)
    phases = find(polynomial(quotient / size, "even"), None, TOLERANCE)
    transformed = qsvt(diagonal_of_amplitudes(vec), phases)
    found = matrix_vector_product(scale(transformed, size / vec.alpha), vec)
    return found.replace(
        eps=(activation_error(vec, poly) + size * phases.residual * vec.amplitude).astype(vec.alpha.dtype)
    )


@default_promotion
def activate_any(vec: VectorEncoding, poly: Polynomial) -> VectorSum:
    r"""Encode $f(x)$ entrywise by a polynomial P of any parity, for real amplitudes.

    The result is the sum of up to three encodings: `activate` of the odd part; $\mathrm{diag}(x)$ times `activate` of
    the even part over x; and $P(0)$ times a vector of ones, which adds $\sqrt N|P(0)|$ to alpha. A polynomial of degree
    k takes at most 2k calls of the circuit of x. The error is that of `activate`.

    Args:
        vec: vector encoding of x with real amplitudes.
        poly: polynomial P with its target f.

    Raises:
        ValueError: complex amplitudes, whose squares differ from their squared moduli.
        TypeError: `vec` is not a vector encoding, or `poly` is not a `Polynomial`.

    Example:
        >>> square = polynomials.polynomial([0.5, 0.0, 0.5], "even")  # x^2 in the Chebyshev basis
        >>> activate_any(vector_encode(jnp.array([0.6, -0.8])), square).encoded.round(6).tolist()
        [0.36, 0.64]

    References:
        Rattew et al. (2025), Lemma B.18. https://arxiv.org/abs/2510.07195
    """
    require_kind("vec", vec, VectorEncoding)
    require_kind("poly", poly, Polynomial)
    require(jnp.isrealobj(vec.encoded), f"`vec` must have real amplitudes, but has {vec.encoded.dtype}.")
    even, odd = chebyshev.parity_parts(poly.coeffs)
    parts: list[VectorEncoding] = []
    if poly.parity != "even":
        parts.append(activate(vec, polynomial(_odd_length(odd), "odd")))
    if poly.parity != "odd":
        at_zero = jnp.sum(even[::2] * (-1.0) ** jnp.arange(len(even[::2])))
        if poly.degree > 1:
            rest = activate(vec, polynomial(_over_x(even.at[0].add(-at_zero)), "odd"))
            parts.append(matrix_vector_product(diagonal_of_amplitudes(vec), rest))
        if not (is_concrete(at_zero) and at_zero == 0):
            parts.append(vector_encode(at_zero * jnp.ones(vec.sizes, vec.encoded.dtype), pad=True))
    return vector_sum(*parts).replace(eps=activation_error(vec, poly))


def _odd_length(odd: Array) -> Array:
    """Return the coefficients of an odd polynomial without a leading coefficient of even degree."""
    return odd[: len(odd) - len(odd) % 2]


def _over_x(even: Array) -> Array:
    """Return the odd R such that xR(x) is a given even polynomial that vanishes at 0."""
    # c_2j = (r_2j-1 + r_2j+1)/2, solved from the highest degree down by alternating sums.
    coeffs = even[::2]
    signs = (-1.0) ** jnp.arange(len(coeffs))
    sums = 2 * signs * jnp.cumsum((signs * coeffs)[::-1])[::-1]  # sums over the entries from j on
    rest = jnp.zeros(2 * (len(coeffs) - 1), even.dtype)
    return rest.at[1::2].set(sums[1:])
