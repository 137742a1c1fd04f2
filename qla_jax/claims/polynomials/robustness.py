r"""Claims about the error of a polynomial of a matrix, given the error of the matrix.

Polynomials are odd or even with $|P| \le 1$ on [-1, 1]. Matrices are symmetric, 4 x 4, of norm at most 1. The size is
the degree.

References:
    Gilyen, Su, Low, Wiebe (2018), Lemmas 22 and 23. https://arxiv.org/abs/1806.01838
"""

import math

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax.claims.engine.claim import EVERY_SIZE, Instance, Sides, claim
from qla_jax.claims.engine.instances import contraction, magnitude, onto_contractions, projected
from qla_jax.claims.engine.parts import spectral
from qla_jax.linalg.products import matmul
from qla_jax.polynomials import chebyshev

DIMENSION = 4
INSIDE, APART = 0.7, 0.25
"""Norms of a matrix and of its error for which the linear law speaks."""


def matrices_and_polynomial(degree: int, *, key: Array) -> Instance:
    """Draw a contraction, an error, and Chebyshev coefficients of one parity.

    Args:
        degree: degree of the polynomial.
        key: random key of the draw.
    """
    keys = jax.random.split(key, 4)
    return {
        "matrix": contraction(DIMENSION, key=keys[0]),
        "error": magnitude(1e-4, 1.0, key=keys[1]) * contraction(DIMENSION, key=keys[2]),
        "coeffs": jax.random.normal(keys[3], (degree // 2 + 1,)),
        "parity": jnp.ones(degree % 2 + 1),
    }


def _onto(instance: Instance) -> Instance:
    moved = projected(matrix=onto_contractions, error=onto_contractions)(instance)
    size = jnp.linalg.norm(moved["coeffs"])
    return {**moved, "coeffs": moved["coeffs"] / size}


def _polynomial(instance: Instance) -> Array:
    """Return all coefficients of the polynomial, scaled to be below 1."""
    start, half = len(instance["parity"]) - 1, instance["coeffs"]
    coeffs = jnp.zeros(2 * len(half) - 1 + start).at[start::2].set(half)
    return coeffs / chebyshev.sup_bound(coeffs)


def _symmetric(matrix: Array) -> Array:
    return (matrix + matrix.T) / 2


def _transformed(coeffs: Array, matrix: Array) -> Array:
    before, now = jnp.eye(DIMENSION), matrix
    total = coeffs[0] * before
    for c in coeffs[1:]:
        total += c * now
        before, now = now, matmul(2 * matrix, now) - before
    return total


def _pair(instance: Instance) -> tuple[Array, Array]:
    matrix = _symmetric(instance["matrix"])
    moved = matrix + _symmetric(instance["error"])
    return matrix, moved / jnp.maximum(1, spectral(moved))


def _distances(coeffs: Array, one: Array, other: Array) -> tuple[Array, Array]:
    return spectral(_transformed(coeffs, one) - _transformed(coeffs, other)), spectral(one - other)


@claim(
    source="Gilyen et al. (2018), Lemma 22",
    statement="The error of a polynomial of degree d of a matrix is at most 4 d times the square root of the matrix's "
    "error.",
    formula=r"\|P(A) - P(\tilde A)\| \le 4d\sqrt{\|A - \tilde A\|}",
    draw=matrices_and_polynomial,
    sizes=(3, 8),
    over=EVERY_SIZE,
    project=_onto,
    loose=True,
)
def robustness_by_square_root(instance: Instance) -> Sides:
    """The attack finds about d times the square root."""
    coeffs = _polynomial(instance)
    distance, error = _distances(coeffs, *_pair(instance))
    return Sides(distance, 4 * (len(coeffs) - 1) * jnp.sqrt(error))


@claim(
    source="Gilyen et al. (2018), Lemma 23",
    statement="For matrices of norm away from 1 the error of a polynomial is linear in the error of the matrix.",
    formula=r"\|P(A) - P(\tilde A)\| \le d\sqrt{2/(1-\mu^2)}\,\delta,\ \mu = \|\tfrac{A + \tilde A}{2}\|,"
    r"\ \delta + \mu^2 \le 1",
    draw=matrices_and_polynomial,
    sizes=(3, 8),
    over=EVERY_SIZE,
    project=_onto,
)
def robustness_linear(instance: Instance) -> Sides:
    """Matrices have norms up to 0.7 and errors up to 0.25.

    Bernstein's inequality suggests a factor smaller by sqrt(2).
    """
    coeffs = _polynomial(instance)
    one = INSIDE * onto_ball(_symmetric(instance["matrix"]))
    other = one + APART * onto_ball(_symmetric(instance["error"]))
    distance, error = _distances(coeffs, one, other)
    mean = spectral(one + other) / 2
    return Sides(distance, (len(coeffs) - 1) * math.sqrt(2) / jnp.sqrt(1 - jnp.square(mean)) * error)


@claim(
    source="the package's robustness",
    statement="The error of a polynomial is bounded by its Chebyshev coefficients, linearly in small errors up to "
    "norm 1.",
    formula=r"\|P(A) - P(\tilde A)\| \le \textstyle\sum_k|c_k|\min(k^2\|A - \tilde A\|, 2)",
    draw=matrices_and_polynomial,
    sizes=(3, 8),
    over=EVERY_SIZE,
    project=_onto,
)
def robustness_by_coefficients(instance: Instance) -> Sides:
    """The bound is attained by a Chebyshev polynomial at norm 1, in the limit of a vanishing error."""
    coeffs = _polynomial(instance)
    distance, error = _distances(coeffs, *_pair(instance))
    squares = jnp.square(jnp.arange(len(coeffs), dtype=float))
    return Sides(distance, matmul(jnp.abs(coeffs), jnp.minimum(squares * error, 2)))


def onto_ball(matrix: Array) -> Array:
    """Shorten a matrix of norm above 1 to norm 1."""
    return matrix / jnp.maximum(1, spectral(matrix))


CLAIMS = (
    robustness_by_square_root,
    robustness_linear,
    robustness_by_coefficients,
)
