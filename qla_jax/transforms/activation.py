r"""Activation: a polynomial applied to the entries of an encoded vector, without phase finding.

For odd $P = x\,Q(x)$: the diagonal of amplitudes gives $\mathrm{diag}(y)$, the Chebyshev combination
$Q(\mathrm{diag}(y))$, and that acts on the vector itself: $Q(y_j)\,y_j = P(y_j)$. The polynomial acts on true values:
on subnormalized amplitudes $y = x/\alpha$ the circuit uses $y \mapsto P(\alpha y)$ re-expanded, so the network
computed does not depend on $\alpha$.

References:
    Rattew et al. (2025), Lemma B.18, there with normalization $4\max|P/x|$. https://arxiv.org/abs/2510.07195
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Num

from qla_jax._checks import ROUNDING, known, require, require_kind, times
from qla_jax._modes import default_promotion
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.combine.composed import Composed
from qla_jax.encodings.combine.lemmas import MatrixVectorProduct, matrix_vector_product
from qla_jax.encodings.matrices.amplitudes import diagonal_of_amplitudes
from qla_jax.linalg.preparation import length
from qla_jax.polynomials import chebyshev
from qla_jax.polynomials.polynomial import Polynomial
from qla_jax.transforms.chebyshev_lcu import chebyshev_lcu, combined_steps

SMALL_ALPHA, MOST_POWERS = 16.0, 64
"""Where the normalization is re-expanded as it stands, and the degree up to which powers are trusted beyond."""

Vector = Num[Array, " n"]


class Activation(Composed, kw_only=True):
    r"""$P(x)$ entrywise, $Q(|x|)\,x$ for complex amplitudes."""

    even_coeffs: Num[Array, " terms"]
    poly: Polynomial
    part: VectorEncoding

    @property
    def circuit(self) -> MatrixVectorProduct:
        """The circuit in terms of smaller ones; the part's circuit stands in it twice."""
        return matrix_vector_product(chebyshev_lcu(diagonal_of_amplitudes(self.part), self.even_coeffs), self.part)

    @property
    def log_alpha(self) -> Array:
        return log_normalization(self.poly.coeffs, self.part.log_alpha)

    def uses(self) -> tuple[Use, ...]:
        steps = len(self.even_coeffs) - 1
        return Use(self.part, steps, steps, paired=True), Use(self.part)

    def gates(self) -> Gates:
        return activating(len(self.even_coeffs), self.part.num_ancillas, self.part.num_qubits)


@default_promotion
def activate(vec: VectorEncoding, poly: Polynomial) -> Activation:
    r"""Encode $f(x)$ entrywise through its odd approximant $P$, with $k$ calls of the vector's circuit for degree $k$.

    A $(\sum_j|q_{2j}|,\ n + 2a + \lceil\log_2\frac{k+1}2\rceil,\ \epsilon')$-vector-encoding, $q_{2j}$ the Chebyshev
    coefficients of $P(\alpha y)/y$. For erf, tanh and sin at $\alpha = 1$ the normalization is $\max|P(x)/x|$; for
    other polynomials it can be larger. It grows like $\alpha^k$. For complex amplitudes the result is $Q(|x|)\,x$
    with $Q(x) = P(x)/x$: the phase stays.

    The error is the approximation on the entries that are there, $\min(\sqrt n\,\delta,\ r\|\tilde x\|)$ with the
    polynomial's absolute and relative bounds, plus the Lipschitz constant of f times the error of $x$. For a
    polynomial that is its own target the Lipschitz constant is a proven bound on $|P'|$ up to $\max|\tilde x| +
    \epsilon$. Entries outside the polynomial's domain, where nothing is proven, give `eps = inf`, as do those beyond
    the square root of the largest float.

    Raises:
        ValueError: a polynomial that is not odd; split it into odd and even parts and add them with `vector_sum`.
    """
    require_kind("vec", vec, VectorEncoding)
    require_kind("poly", poly, Polynomial)
    require(
        poly.parity == "odd",
        f"`poly` must be odd, but its parity is {poly.parity!r}; encode odd and even parts apart and add them.",
    )
    even = chebyshev.quotient(chebyshev.rescale(poly.coeffs, vec.alpha.astype(poly.coeffs.dtype)))
    # The node's parameters come from the circuit it stands for; only the error rule is sharper than the generic one.
    terms = len(even)
    alpha = jnp.abs(even).sum()
    encoded = evaluate_odd(poly, vec.encoded)
    return Activation(
        alpha=jnp.where(jnp.isnan(alpha), jnp.inf, alpha),  # beyond the largest float
        eps=known(activation_error(vec, poly), encoded),
        num_ancillas=vec.num_qubits + 2 * vec.num_ancillas + (terms - 1).bit_length(),
        num_qubits=vec.num_qubits,
        encoded=encoded,
        sizes=vec.sizes,
        even_coeffs=even,
        poly=poly,
        part=vec,
    )


@jax.jit
def log_normalization(coeffs: Num[Array, " degree_plus_1"], log_alpha: Array) -> Array:
    r"""Return the logarithm of $\sum_j|q_{2j}|$ of $P(\alpha y)/y$ for odd P, also where the sum is beyond floats.

    Beyond $\alpha = 16$ it is taken from powers of y: the highest, $\alpha^d$, is pulled out, and each lower one is at
    most a 256th of the next. Below, the series is re-expanded as it stands.
    """
    degree = len(coeffs) - 1
    small = jnp.minimum(log_alpha, math.log(SMALL_ALPHA))
    direct = jnp.log(jnp.abs(chebyshev.quotient(chebyshev.rescale(coeffs, jnp.exp(small).astype(coeffs.dtype)))).sum())
    if degree > MOST_POWERS:
        return jnp.where(log_alpha <= small, direct, jnp.inf)
    powers, series = _between_bases(degree)
    ratios = jnp.exp(jnp.arange(-degree, 1) * jnp.maximum(log_alpha, math.log(SMALL_ALPHA)))
    terms = (powers.astype(coeffs.dtype) @ coeffs) * ratios.astype(coeffs.dtype)
    top = jnp.log(jnp.abs(terms[1:] @ series.astype(coeffs.dtype)).sum())
    return jnp.where(log_alpha <= small, direct, degree * log_alpha + top)


def _between_bases(degree: int) -> tuple[np.ndarray, np.ndarray]:
    """From Chebyshev coefficients to those of powers, and from powers below the degree to Chebyshev coefficients."""
    identity = np.eye(degree + 1)
    powers = [np.pad(a := np.polynomial.chebyshev.cheb2poly(row), (0, degree + 1 - len(a))) for row in identity]
    series = [np.pad(a := np.polynomial.chebyshev.poly2cheb(row), (0, degree - len(a))) for row in identity[:-1, :-1]]
    return np.stack(powers, axis=1), np.stack(series)


def activating(terms: int, ancillas: int, qubits: int) -> Gates:
    """Gates of the circuit besides those of the vector's, on so many ancillas and qubits."""
    return combined_steps(terms, ancillas + qubits, phases=False) + 2 * (terms - 1) * Gates(cnot=qubits)


def evaluate_odd(poly: Polynomial, x: Array) -> Array:
    r"""$Q(|x|)\,x$, which is $P(x)$ for real x: what the activation circuit computes, without a circuit."""
    even = chebyshev.quotient(poly.coeffs)
    square = jnp.square(x.real) + jnp.square(x.imag)
    return chebyshev.evaluate(even, 2 * square - 1) * x


def approximation_error(x: Vector, poly: Polynomial) -> Array:
    r"""Bound on $\|P(x) - f(x)\|$ for this x: $\min(\sqrt n\,\delta, r\|x\|)$, `inf` beyond the domain."""
    if poly.lipschitz is None:
        return jnp.zeros((), x.real.dtype)
    size = jnp.abs(x)
    bound = jnp.minimum(times(math.sqrt(size.size), poly.error_bound), times(poly.relative_bound, length(x)))
    within = (size <= 1 + ROUNDING * jnp.finfo(size.dtype).eps) & poly.covers(jnp.minimum(size, 1))
    return jnp.where(jnp.all(within), bound, jnp.inf)


def activation_error(vec: VectorEncoding, poly: Polynomial) -> Array:
    """What `activate` may be wrong by: the approximation on the entries that are there, and the error of x."""
    if poly.lipschitz is not None:
        return approximation_error(vec.encoded, poly) + times(poly.lipschitz, vec.eps)
    reach = jnp.abs(vec.encoded).max() + vec.eps
    safe = jnp.where(jnp.isfinite(reach) & (reach > 0), reach, 1)
    slope = chebyshev.sup_bound(chebyshev.derivative(chebyshev.rescale(poly.coeffs, safe))) / safe
    return times(slope, vec.eps)
