r"""Chebyshev series $P(x) = \sum_k c_k T_k(x)$, the only representation of polynomials in this package.

Coefficients are real or complex, with the lowest degree first. Cosine transforms (`at_nodes`, `interpolate`,
`multiply`, `sup_bound`) take $O(d\log d)$ operations. All other functions take O(d), except for `evaluate`, `rescale`
and `divided_differences`, which take JAX arrays and more operations. All but these three return NumPy arrays for NumPy
arrays, without compilation.

Example:
    >>> cubic = jnp.array([0.0, 0.5, 0.0, 0.25])
    >>> bool(jnp.allclose(evaluate(cubic, 0.3), 0.5 * 0.3 + 0.25 * (4 * 0.3**3 - 3 * 0.3)))
    True
"""

import math
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.fft
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Inexact

from qla_jax._checks import as_inexact
from qla_jax._modes import varying_like
from qla_jax.linalg.products import matmul
from qla_jax.polynomials.numpy_series import powers_of_numpy

Coefficients = Inexact[Array, " degree_plus_1"]

UNROLL_DEGREE = 32
"""Largest number of coefficients for which Clenshaw's recurrence is unrolled, so that XLA fuses it, and no scan."""

MATRIX_SIZE, TRACED_MATRIX_SIZE = 32, 256
"""Largest sizes of cosine transforms that are products with a constant matrix instead of fast Fourier transforms.

The second size holds in compiled programs, since a TPU has no Fourier transform in double precision. Rectangular
matrices have at most as many entries.
"""

MONOMIAL_DEGREE = 30
"""Degree above which monomial coefficients of a polynomial bounded by one can exceed 1e10."""


def evaluate(coeffs: Coefficients, x: ArrayLike) -> Array:
    """Return $P(x)$ entrywise by Clenshaw's recurrence, also outside [-1, 1].

    Args:
        coeffs: Chebyshev coefficients of P.
        x: points, of any shape.
    """
    coeffs, x = as_inexact("coeffs", coeffs), as_inexact("x", x)

    def step(carry: tuple[Array, Array], c: Array) -> tuple[tuple[Array, Array], None]:
        return (c + 2 * x * carry[0] - carry[1], carry[0]), None

    zero = varying_like(jnp.zeros(x.shape, jnp.result_type(x, coeffs)), x, coeffs)
    carry = (zero, zero)
    if len(coeffs) <= UNROLL_DEGREE:
        for k in range(len(coeffs) - 1, 0, -1):
            carry, _ = step(carry, coeffs[k])
    else:
        carry, _ = jax.lax.scan(step, carry, coeffs[:0:-1])
    return coeffs[0] + x * carry[0] - carry[1]


def nodes(n: int) -> np.ndarray:
    """Return the zeros of T_n from 1 to -1, antisymmetric and accurate to all digits near zero."""
    return np.sin(np.pi * np.arange(n - 1, -n, -2) / (2 * n))


def node_sines(n: int) -> np.ndarray:
    """Return sqrt(1 - x^2) at `nodes(n)` to all digits, which the nodes themselves do not determine near x = 1."""
    places = np.arange(n - 1, -n, -2)
    return np.sin(np.pi * (n - np.abs(places)) / (2 * n))


def at_nodes(coeffs: Coefficients, count: int) -> Inexact[Array, " count"]:
    """Return the values of P at `nodes(count)`, the inverse of `interpolate`.

    Args:
        coeffs: Chebyshev coefficients of P.
        count: number of nodes, above the degree.
    """
    xp = _namespace(coeffs)
    if count < len(coeffs):
        raise ValueError(f"`count` must be above the degree {len(coeffs) - 1}, but is {count}.")
    if xp.iscomplexobj(coeffs):
        return at_nodes(coeffs.real, count) + 1j * at_nodes(coeffs.imag, count)
    k = np.arange(len(coeffs))
    if _by_matrix(xp, count, len(coeffs)):
        return _times(np.cos(np.pi * np.outer(np.arange(count) + 0.5, k) / count), coeffs)
    shift = np.exp(0.5j * np.pi * k / count) * np.where(k, count, 2 * count)
    spectrum = coeffs * xp.asarray(shift, _complex(coeffs.dtype))
    return xp.fft.irfft(spectrum, 2 * count)[:count]


def interpolate(values: Inexact[Array, " n"], leading: int | None = None) -> Coefficients:
    """Return the series of degree n - 1 through values at `nodes(n)`, by a discrete cosine transform.

    Args:
        values: values of the series at the nodes.
        leading: number of leading coefficients to return; all n unless given.
    """
    xp, n = _namespace(values), len(values)
    if xp.iscomplexobj(values):
        return interpolate(values.real, leading) + 1j * interpolate(values.imag, leading)
    k = np.arange(n if leading is None else min(leading, n))
    if _by_matrix(xp, len(k), n):
        angles = np.pi / n * np.outer(k, np.arange(n) + 0.5)
        return _times(np.cos(angles) * np.where(k, 2 / n, 1 / n)[:, None], values)
    shift = np.exp(-0.5j * np.pi * k / n) * np.where(k, 1 / n, 0.5 / n)
    spectrum = xp.fft.rfft(xp.concatenate([values, values[::-1]]))[: len(k)]
    return (spectrum * xp.asarray(shift, _complex(values.dtype))).real


def _by_matrix(xp: Any, rows: int, columns: int) -> bool:
    return rows * columns <= (MATRIX_SIZE if xp is np else TRACED_MATRIX_SIZE) ** 2


def multiply(left: Coefficients, right: Coefficients) -> Coefficients:
    """Return the series of the product of two polynomials.

    Args:
        left: Chebyshev coefficients of the first polynomial.
        right: Chebyshev coefficients of the second polynomial.
    """
    count = len(left) + len(right) - 1
    return interpolate(at_nodes(left, count) * at_nodes(right, count))


def parity_parts(coeffs: Coefficients) -> tuple[Coefficients, Coefficients]:
    """Return the even and the odd part of P, each with as many coefficients as P."""
    even = np.arange(len(coeffs)) % 2 == 0
    xp = _namespace(coeffs)
    return xp.where(even, coeffs, 0), xp.where(even, 0, coeffs)


def rescale(coeffs: Coefficients, alpha: ArrayLike) -> Coefficients:
    r"""Return the series of $y \mapsto P(\alpha y)$, of the same degree and parity.

    With this series a circuit on subnormalized amplitudes $y = x/\alpha$ computes the same $P(x)$. The coefficients
    grow like $\alpha^d$.

    Args:
        coeffs: Chebyshev coefficients of P.
        alpha: factor of the variable.
    """
    n = len(coeffs)
    return interpolate(evaluate(coeffs, alpha * jnp.asarray(nodes(n), coeffs.real.dtype)))


def derivative(coeffs: Coefficients) -> Coefficients:
    """Return the series of the derivative $P'$, with d coefficients."""
    # T_k' = 2k (T_{k-1} + T_{k-3} + ...), with the last term halved if it is T_0.
    xp, n = _namespace(coeffs), len(coeffs)
    if n == 1:
        return xp.zeros_like(coeffs)
    weighted = coeffs[1:] * xp.asarray(2.0 * np.arange(1, n), coeffs.real.dtype)
    pairs = xp.pad(weighted, (0, (n - 1) % 2)).reshape(-1, 2)  # one column for each parity
    sums = xp.cumsum(pairs[::-1], axis=0)[::-1].reshape(-1)[: n - 1]
    return xp.concatenate([sums[:1] / 2, sums[1:]])


def divided_differences(
    coeffs: Coefficients, x: Inexact[Array, " n"], y: Inexact[Array, " m"]
) -> Inexact[Array, "n m"]:
    r"""Return the divided differences $P[x_i, y_j] = (P(x_i) - P(y_j))/(x_i - y_j)$, and $P'(x_i)$ where $x_i = y_j$.

    Args:
        coeffs: Chebyshev coefficients of P.
        x: n points in [-1, 1].
        y: m points in [-1, 1].

    Returns:
        Array of shape (n, m), in $O(dnm)$ operations.
    """
    # T_{k+1}[x, y] = 2 y T_k[x, y] + 2 T_k(x) - T_{k-1}[x, y] is stable in [-1, 1] and takes no quotient, which would
    # be 0/0 at equal points and lose digits at close ones.
    x, y = as_inexact("x", x)[:, None], as_inexact("y", y)[None, :]

    def step(carry: tuple, c: Array) -> tuple[tuple, None]:
        (before, now), (value_before, value), total = carry
        after, value_after = 2 * y * now + 2 * value - before, 2 * x * value - value_before
        return ((now, after), (value, value_after), total + c * now), None

    zero = jnp.zeros((len(x), y.shape[1]), jnp.result_type(x, y))
    start: tuple = (zero, zero + 1), (jnp.ones_like(x), x), zero * jnp.zeros((1, 1), coeffs.dtype)
    start = varying_like(start, x, y, coeffs)
    return jax.lax.scan(step, start, coeffs[1:])[0][2]


def quotient(coeffs: Coefficients) -> Inexact[Array, " half"]:
    r"""Return the even coefficients $q_0, q_2, q_4, \dots$ of $Q(x) = P(x)/x$ for odd $P$.

    From $x T_{2j} = (T_{2j+1} + T_{|2j-1|})/2$, solved from the highest degree down, follows
    $q_{2j} = 2\sum_{i \ge j}(-1)^{i-j}c_{2i+1}$, and half of this for $j = 0$.
    """
    xp, odd = _namespace(coeffs), coeffs[1::2]
    signs = xp.asarray((-1.0) ** np.arange(len(odd)), coeffs.real.dtype)
    sums = 2 * signs * xp.cumsum((signs * odd)[::-1])[::-1]
    return xp.concatenate([sums[:1] / 2, sums[1:]])


def from_monomial(monomial_coeffs: ArrayLike) -> Coefficients:
    r"""Return the Chebyshev series of $\sum_k a_k x^k$ from monomial coefficients, lowest degree first.

    A warning is given above degree 30. A polynomial bounded by one can have monomial coefficients around $2.4^d$, so
    that their rounding alone destroys it. Start from Chebyshev coefficients or from values (`interpolate`) instead.
    """
    a = as_inexact("monomial_coeffs", powers_of_numpy(monomial_coeffs))
    if a.ndim != 1 or not len(a):
        raise ValueError(f"`monomial_coeffs` must have one axis and an entry, but has shape {a.shape}.")
    if len(a) - 1 > MONOMIAL_DEGREE:
        warnings.warn(
            f"monomial coefficients of degree {len(a) - 1} > {MONOMIAL_DEGREE} lose up to "
            f"{0.38 * (len(a) - 1):.0f} digits; use Chebyshev coefficients or `interpolate`.",
            stacklevel=2,
        )
    # Column k holds x^k, from x T_0 = T_1 and x T_j = (T_{j+1} + T_{j-1})/2. All entries are positive: no cancellation.
    powers = np.zeros((len(a), len(a)))
    powers[0, 0] = 1
    for k in range(1, len(a)):
        powers[1:, k] += powers[:-1, k - 1] / 2
        powers[1, k] += powers[0, k - 1] / 2
        powers[:-1, k] += powers[1:, k - 1] / 2
    return _times(powers, a)


def sup_bound(coeffs: Coefficients, *, oversampling: int = 8) -> Array:
    r"""Return a proven upper bound on $\max_{[-1,1]}|P|$, at most 2% above it (1e-4 with `oversampling=112`).

    The maximum is at most the maximum over $N > d$ Chebyshev nodes divided by $\cos(\pi d/2N)$. The same holds for
    complex P: at a maximum x* of |P| the real polynomial $\mathrm{Re}(e^{-i\arg P(x^*)}P)$ has the value |P(x*)|, and
    it is at most |P| at the nodes. A bound on the rounding error of the values at the nodes is added.

    Args:
        coeffs: Chebyshev coefficients of P, real or complex.
        oversampling: number of nodes for each coefficient, at least 2; N may be a little larger.

    Raises:
        ValueError: an oversampling below 2.

    References:
        Ehlich, Zeller (1964), Mathematische Zeitschrift 86, 41.
    """
    if not isinstance(oversampling, int | np.integer) or oversampling < 2:
        raise ValueError(f"`oversampling` must be an integer of at least 2, but is {oversampling}.")
    xp, degree = _namespace(coeffs), len(coeffs) - 1
    count = scipy.fft.next_fast_len(int(oversampling) * (degree + 1))
    largest = xp.abs(at_nodes(coeffs, count)).max()
    rounding = float(jnp.finfo(coeffs.dtype).eps) * math.log2(4 * count)
    return largest / math.cos(math.pi * degree / (2 * count)) + rounding * xp.abs(coeffs).sum()


def _namespace(array: Any) -> Any:
    return np if isinstance(array, np.ndarray) else jnp


def _complex(dtype: Any) -> np.dtype:
    return np.result_type(dtype, np.complex64)


def _times(matrix: np.ndarray, vector: Any) -> Any:
    xp = _namespace(vector)
    return matmul(xp.asarray(matrix, vector.real.dtype), vector)
