r"""Activation functions: an odd polynomial applied entrywise to an encoded vector, without phase factors.

For odd $P = x\,Q(x)$ the diagonal of amplitudes encodes $\mathrm{diag}(y)$ and the Chebyshev combination encodes
$Q(\mathrm{diag}(y))$. Applied to the vector itself, this gives $Q(y_j)\,y_j = P(y_j)$. The polynomial acts on the true
values: on the subnormalized amplitudes $y = x/\alpha$ the circuit uses the re-expanded $y \mapsto P(\alpha y)$, so that
the computed network does not depend on $\alpha$.

References:
    Rattew et al. (2025), Lemma B.18, with normalization $4\max|P/x|$. https://arxiv.org/abs/2510.07195
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Num

from qla_jax._bounds import known, times
from qla_jax._checks import ROUNDING, require, require_kind
from qla_jax._modes import default_promotion
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates
from qla_jax.encodings.base.in_turn import marking, together
from qla_jax.encodings.base.lcu import index_qubits
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.combine.composed import Composed
from qla_jax.encodings.combine.lemmas import MatrixVectorProduct, matrix_vector_product
from qla_jax.encodings.matrices.amplitudes import diagonal_of_amplitudes
from qla_jax.linalg.preparation import length
from qla_jax.linalg.products import matmul
from qla_jax.polynomials import chebyshev
from qla_jax.polynomials.polynomial import Polynomial
from qla_jax.transforms.chebyshev_lcu import chebyshev_lcu, combined_steps

SMALL_ALPHA, MOST_POWERS = 16.0, 64
"""Largest alpha at which the normalization is re-expanded in Chebyshev polynomials, and largest degree in powers."""

Vector = Num[Array, " n"]


class Activation(Composed, kw_only=True):
    r"""Vector encoding of $P(x)$ entrywise, or of $Q(|x|)\,x$ for complex amplitudes, with $P(x) = x\,Q(x)$."""

    even_coeffs: Num[Array, " terms"]
    poly: Polynomial
    part: VectorEncoding

    @property
    def circuit(self) -> MatrixVectorProduct:
        """Encoding, built from smaller ones, whose circuit runs; it contains the circuit of the part twice."""
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
    r"""Encode $f(x)$ entrywise by an odd polynomial $P$ of degree $k$ with $k$ calls of the circuit of $x$.

    The result is a $(\sum_j|q_{2j}|,\ n + a + \min(a, 1) + \lceil\log_2\frac{k+1}2\rceil,\ \epsilon')$-vector-encoding,
    where $q_{2j}$ are the Chebyshev coefficients of $P(\alpha y)/y$. For erf, tanh and sin at $\alpha = 1$ it
    is $\max|P(x)/x|$; for other polynomials it can be larger. It grows like $\alpha^k$. For complex amplitudes the
    result is $Q(|x|)\,x$ with $Q(x) = P(x)/x$, which keeps the phase.

    The error bound is $\min(\sqrt n\,\delta,\ r\|\tilde x\|)$ with the polynomial's absolute and relative error bounds
    $\delta$ and $r$ on n entries, plus the Lipschitz constant of f times the error of $x$. For a polynomial that is its
    own target the Lipschitz constant is a proven bound on $|P'|$ up to $\max|\tilde x| + \epsilon$. Nothing is proven
    for entries outside the polynomial's domain or beyond the square root of the largest float: `eps` is then `inf`.

    Args:
        vec: vector encoding of x.
        poly: odd polynomial P with its target f, such as `polynomials.erf(0.8, eps=1e-3)`.

    Raises:
        ValueError: the polynomial is not odd; use `activate_any` for other parities.
        TypeError: `vec` is not a vector encoding, or `poly` is not a `Polynomial`.

    Example:
        >>> cube = polynomials.polynomial([0.0, 0.75, 0.0, 0.25], "odd")  # x^3 in the Chebyshev basis
        >>> activate(vector_encode(jnp.array([0.6, -0.8])), cube).encoded.round(6).tolist()
        [0.216, -0.512]

    References:
        Rattew et al. (2025), Lemma B.18. https://arxiv.org/abs/2510.07195
    """
    require_kind("vec", vec, VectorEncoding)
    require_kind("poly", poly, Polynomial)
    require(
        poly.parity == "odd",
        f"`poly` must be odd, but its parity is {poly.parity!r}; encode odd and even parts apart and add them.",
    )
    even = chebyshev.quotient(chebyshev.rescale(poly.coeffs, vec.alpha.astype(poly.coeffs.dtype)))
    # All parameters are those of the circuit that the node runs, except for eps, whose rule is sharper.
    terms = len(even)
    alpha = jnp.abs(even).sum()
    encoded = evaluate_odd(poly, vec.encoded)
    return Activation(
        alpha=jnp.where(jnp.isnan(alpha), jnp.inf, alpha),  # beyond the largest float
        eps=known(activation_error(vec, poly), encoded),
        num_ancillas=together(vec.num_ancillas, vec.num_ancillas + vec.num_qubits + index_qubits(terms)),
        num_qubits=vec.num_qubits,
        encoded=encoded,
        sizes=vec.sizes,
        even_coeffs=even,
        poly=poly,
        part=vec,
    )


@jax.jit
def log_normalization(coeffs: Num[Array, " degree_plus_1"], log_alpha: Array) -> Array:
    r"""Return the logarithm of $\sum_j|q_{2j}|$ of $P(\alpha y)/y$ for odd P, also where the sum exceeds all floats.

    Args:
        coeffs: Chebyshev coefficients of P.
        log_alpha: natural logarithm of alpha.
    """
    # Beyond alpha = 16 the sum is computed from powers of y. The highest, alpha^d, is factored out, and each lower one
    # is at most a 256th of the next. Below, the Chebyshev series is re-expanded directly.
    degree = len(coeffs) - 1
    small = jnp.minimum(log_alpha, math.log(SMALL_ALPHA))
    direct = jnp.log(jnp.abs(chebyshev.quotient(chebyshev.rescale(coeffs, jnp.exp(small).astype(coeffs.dtype)))).sum())
    if degree > MOST_POWERS:
        return jnp.where(log_alpha <= small, direct, jnp.inf)
    powers, series = _between_bases(degree)
    ratios = jnp.exp(jnp.arange(-degree, 1) * jnp.maximum(log_alpha, math.log(SMALL_ALPHA)))
    terms = matmul(powers.astype(coeffs.dtype), coeffs) * ratios.astype(coeffs.dtype)
    top = jnp.log(jnp.abs(matmul(terms[1:], series.astype(coeffs.dtype))).sum())
    return jnp.where(log_alpha <= small, direct, degree * log_alpha + top)


def _between_bases(degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two matrices: Chebyshev coefficients to powers, and powers below the degree to Chebyshev coefficients."""
    identity = np.eye(degree + 1)
    powers = [np.pad(a := np.polynomial.chebyshev.cheb2poly(row), (0, degree + 1 - len(a))) for row in identity]
    series = [np.pad(a := np.polynomial.chebyshev.poly2cheb(row), (0, degree - len(a))) for row in identity[:-1, :-1]]
    return np.stack(powers, axis=1), np.stack(series)


def activating(terms: int, ancillas: int, qubits: int) -> Gates:
    """Return the gates of an activation circuit without those of the vector's circuit.

    Args:
        terms: number of terms of the Chebyshev combination.
        ancillas: number of ancillas of the vector encoding.
        qubits: number of system qubits of the vector encoding.
    """
    copies = 2 * (terms - 1) * Gates(cnot=qubits).around
    own = ancillas + qubits + index_qubits(terms)
    return combined_steps(terms, ancillas + qubits, phases=False) + copies + marking(ancillas, own)


def evaluate_odd(poly: Polynomial, x: Array) -> Array:
    r"""Return $Q(|x|)\,x$, the result of the activation circuit, without a circuit; it is $P(x)$ for real x.

    Args:
        poly: odd polynomial P with $P(x) = x\,Q(x)$.
        x: entries, real or complex.
    """
    even = chebyshev.quotient(poly.coeffs)
    square = jnp.square(x.real) + jnp.square(x.imag)
    return chebyshev.evaluate(even, 2 * square - 1) * x


def approximation_error(x: Vector, poly: Polynomial) -> Array:
    r"""Return a bound on $\|P(x) - f(x)\|$ for a given x: $\min(\sqrt n\,\delta, r\|x\|)$, `inf` beyond the domain.

    Args:
        x: vector of n entries.
        poly: polynomial P with its target f and its absolute and relative error bounds.
    """
    if poly.lipschitz is None:
        return jnp.zeros((), x.real.dtype)
    size = jnp.abs(x)
    bound = jnp.minimum(times(math.sqrt(size.size), poly.error_bound), times(poly.relative_bound, length(x)))
    within = (size <= 1 + ROUNDING * jnp.finfo(size.dtype).eps) & poly.covers(jnp.minimum(size, 1))
    return jnp.where(jnp.all(within), bound, jnp.inf)


def activation_error(vec: VectorEncoding, poly: Polynomial) -> Array:
    """Return the error bound of `activate`: the approximation error at the given entries plus that due to x.

    Args:
        vec: vector encoding of x.
        poly: odd polynomial with its target.
    """
    if poly.lipschitz is not None:
        return approximation_error(vec.encoded, poly) + times(poly.lipschitz, vec.eps)
    reach = jnp.abs(vec.encoded).max() + vec.eps
    safe = jnp.where(jnp.isfinite(reach) & (reach > 0), reach, 1)
    slope = chebyshev.sup_bound(chebyshev.derivative(chebyshev.rescale(poly.coeffs, safe))) / safe
    return times(slope, vec.eps)
