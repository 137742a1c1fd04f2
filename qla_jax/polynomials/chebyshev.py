r"""Chebyshev series, the one representation of polynomials here: $P(x) = \sum_k c_k T_k(x)$, coefficients low to high.

Example:
    >>> cubic = jnp.array([0.0, 0.5, 0.0, 0.25])
    >>> bool(jnp.allclose(evaluate(cubic, 0.3), 0.5 * 0.3 + 0.25 * (4 * 0.3**3 - 3 * 0.3)))
    True
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

Coefficients = Float[Array, " degree_plus_1"]

UNROLL_DEGREE = 32
"""Up to here Clenshaw's recurrence is unrolled, so that XLA fuses it; above, it is a scan that compiles once."""


def evaluate(coeffs: Coefficients, x: Array) -> Array:
    """$P(x)$ entrywise by Clenshaw's recurrence, also outside [-1, 1]."""

    def step(carry: tuple[Array, Array], c: Array) -> tuple[tuple[Array, Array], None]:
        return (c + 2 * x * carry[0] - carry[1], carry[0]), None

    carry = (jnp.zeros_like(x), jnp.zeros_like(x))
    if len(coeffs) <= UNROLL_DEGREE:
        for k in range(len(coeffs) - 1, 0, -1):
            carry, _ = step(carry, coeffs[k])
    else:
        carry, _ = jax.lax.scan(step, carry, coeffs[:0:-1])
    return coeffs[0] + x * carry[0] - carry[1]


def interpolate(values: Float[Array, " n"]) -> Coefficients:
    """The series of degree n - 1 through values at the nodes `nodes(n)` (a discrete cosine transform)."""
    n = len(values)
    transform = np.cos(np.pi * np.outer(np.arange(n), np.arange(n) + 0.5) / n) * (2 / n)
    transform[0] /= 2
    return jnp.asarray(transform, values.dtype) @ values


def nodes(n: int) -> np.ndarray:
    """The zeros of T_n, from 1 to -1."""
    return np.cos(np.pi * (np.arange(n) + 0.5) / n)


def rescale(coeffs: Coefficients, alpha: Array) -> Coefficients:
    r"""The series of $y \mapsto P(\alpha y)$, of the same degree and parity.

    Re-expansion is how a circuit on subnormalized amplitudes $y = x/\alpha$ computes the same $P(x)$. The coefficients
    grow like $\alpha^d$.
    """
    n = len(coeffs)
    return interpolate(evaluate(coeffs, alpha * jnp.asarray(nodes(n), coeffs.dtype)))


def derivative(coeffs: Coefficients) -> Coefficients:
    """The series of $P'$: $T_k' = 2k(T_{k-1} + T_{k-3} + ...)$, the last term halved when it is T_0."""
    n = len(coeffs)
    if n == 1:
        return jnp.zeros_like(coeffs)
    k = np.arange(n)
    lower, upper = k[:-1, None], k[None, :]
    matrix = np.where((upper > lower) & ((upper - lower) % 2 == 1), 2 * upper, 0)
    matrix[0] //= 2
    return jnp.asarray(matrix, coeffs.dtype) @ coeffs


def quotient(coeffs: Coefficients) -> Float[Array, " half"]:
    r"""$q_0, q_2, q_4, \dots$ of the even polynomial $Q(x) = P(x)/x$ for odd $P$.

    From $x T_{2j} = (T_{2j+1} + T_{|2j-1|})/2$, solved from the top.
    """
    odd = coeffs[1::2]
    rows = [odd[-1] * (2 if len(odd) > 1 else 1)]
    for j in range(len(odd) - 2, -1, -1):
        rows.insert(0, 2 * odd[j] - rows[0] if j else odd[0] - rows[0] / 2)
    return jnp.stack(rows)


def sup_bound(coeffs: Coefficients) -> Array:
    r"""A proven upper bound on $\max_{[-1,1]}|P|$, at most 2% above it.

    With $N$ Chebyshev nodes, $N > d$, the maximum is at most that over the nodes divided by $\cos(\pi d/2N)$.

    References:
        Ehlich, Zeller (1964), Mathematische Zeitschrift 86, 41.
    """
    degree = len(coeffs) - 1
    count = 8 * (degree + 1)
    samples = jnp.abs(evaluate(coeffs, jnp.asarray(nodes(count), coeffs.dtype)))
    return samples.max() / math.cos(math.pi * degree / (2 * count))
