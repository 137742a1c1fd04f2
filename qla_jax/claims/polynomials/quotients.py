"""Claims about the quotient P(x)/x of an odd polynomial, whose maximum is the subnormalization of an activation.

References:
    Rattew et al. (2025), Lemmas 6 and B.18. https://arxiv.org/abs/2510.07195
"""

import math

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax.claims.engine.claim import EVERY_SIZE, Instance, Sides, claim
from qla_jax.claims.engine.instances import projected
from qla_jax.claims.polynomials.erf import SCALES, onto_scale_and_points, published, scale_and_points, slope
from qla_jax.polynomials import chebyshev

PUBLISHED_FLOOR = 0.5
LEAST_FLOOR = math.erf(SCALES[0])


def _quotient_at(instance: Instance) -> tuple[Array, Array]:
    coeffs = chebyshev.quotient(published(instance["scale"], len(instance["x"])))
    return coeffs, chebyshev.evaluate(coeffs, 2 * jnp.square(instance["x"]) - 1)


@claim(
    source="Rattew et al. (2025), Lemma B.18",
    statement="The quotient P(x)/x is at most the slope of erf at 0, which is the normalization of the activation.",
    formula=r"\max P(x)/x \le 2m/\sqrt\pi",
    draw=scale_and_points,
    sizes=(3, 5, 9),
    over=EVERY_SIZE,
    project=onto_scale_and_points,
)
def quotient_maximum(instance: Instance) -> Sides:
    """The bound is attained at 0, except for the tail that was cut off."""
    return Sides(_quotient_at(instance)[1].max(), slope(instance["scale"]))


@claim(
    source="Rattew et al. (2025), Lemma 6",
    statement="The quotient P(x)/x is at least a half.",
    formula=r"\min P(x)/x \ge \tfrac12,\ m \in [\tfrac45, \tfrac85]",
    relation=">=",
    draw=scale_and_points,
    sizes=(3, 5, 9),
    over=EVERY_SIZE,
    project=onto_scale_and_points,
)
def quotient_minimum(instance: Instance) -> Sides:
    """The quotient of erf itself is at least erf(4/5) = 0.742."""
    return Sides(_quotient_at(instance)[1].min(), jnp.asarray(PUBLISHED_FLOOR))


@claim(
    source="derived, for Lemma 6",
    statement="The quotient erf(mx)/x is at least erf(4/5) = 0.742.",
    formula=r"\min\mathrm{erf}(mx)/x \ge \mathrm{erf}(\tfrac45),\ m \in [\tfrac45, \tfrac85]",
    relation=">=",
    draw=scale_and_points,
    sizes=(3,),
    over=EVERY_SIZE,
    project=onto_scale_and_points,
)
def quotient_minimum_of_erf(instance: Instance) -> Sides:
    """The bound is attained at x = 1 for m = 4/5, since erf is concave."""
    x = jnp.maximum(jnp.abs(instance["x"]), 1e-3)
    return Sides((jax.scipy.special.erf(instance["scale"] * x) / x).min(), jnp.asarray(LEAST_FLOOR))


@claim(
    source="derived, for Lemma B.18",
    statement="Coefficients of P(x)/x alternate in sign: their 1-norm, the alpha of the activation, is the value at 0.",
    formula=r"\sum_j|q_{2j}| = Q(0) = \max P(x)/x",
    relation="==",
    draw=scale_and_points,
    sizes=(3, 5, 9),
    over=EVERY_SIZE,
)
def quotient_sum(instance: Instance) -> Sides:
    """The activation of erf therefore costs no more than its steepest slope, a quarter of the paper's bound."""
    coeffs = chebyshev.quotient(published(instance["scale"], len(instance["x"])))
    return Sides(jnp.abs(coeffs).sum(), chebyshev.evaluate(coeffs, jnp.asarray(-1.0)))


def odd_series(degree: int, *, key: Array) -> Instance:
    """Draw Gaussian Chebyshev coefficients of an odd polynomial.

    Args:
        degree: degree of the polynomial.
        key: random key of the draw.
    """
    return {"odd": jax.random.normal(key, ((degree + 1) // 2,))}


@claim(
    source="negative control",
    statement="The 1-norm of the coefficients of P(x)/x would be its maximum for every odd P. It is larger.",
    formula=r"\sum_j|q_{2j}| \le \max|P(x)/x|",
    draw=odd_series,
    sizes=(7, 21),
    over=EVERY_SIZE,
    project=projected(odd=lambda coeffs: coeffs / jnp.linalg.norm(coeffs)),
    expected_to_hold=False,
)
def quotient_sum_of_any_polynomial(instance: Instance) -> Sides:
    """The maximum is replaced by a proven upper bound, which is at most 2 per cent larger."""
    odd = instance["odd"]
    coeffs = chebyshev.quotient(jnp.zeros(2 * len(odd)).at[1::2].set(odd))
    return Sides(jnp.abs(coeffs).sum(), chebyshev.sup_bound(coeffs))


CLAIMS = (
    quotient_maximum,
    quotient_minimum,
    quotient_minimum_of_erf,
    quotient_sum,
    quotient_sum_of_any_polynomial,
)
