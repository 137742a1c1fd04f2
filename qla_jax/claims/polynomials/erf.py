"""Claims about the polynomial of erf: its error and its slope.

The paper's polynomial is built from its own formula, with Bessel functions by the trapezoidal rule, which is exact to
rounding for periodic functions. It is compared with the package's polynomial, which needs no Bessel functions.

References:
    Rattew et al. (2025), Lemma B.19. https://arxiv.org/abs/2510.07195
    Low, Chuang (2017), Corollary 4. https://arxiv.org/abs/1707.05391
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qla_jax.claims.engine.claim import EVERY_SIZE, Instance, Sides, claim
from qla_jax.claims.engine.instances import between, projected
from qla_jax.linalg.products import matmul
from qla_jax.polynomials import chebyshev, erf
from qla_jax.polynomials.polynomial import Polynomial

ANGLES = 128
TERMS = 40
SCALES = (0.8, 1.6)
PRINTED_ERRORS = {3: 4.3e-3, 5: 1.5e-4, 7: 4.6e-6, 9: 1.2e-7, 11: 2.6e-9}
"""Errors of the polynomial of erf(4x/5) by degree, to two digits."""


def scale_and_points(degree: int, *, key: Array) -> Instance:
    """Draw a scale, and as many points in [-1, 1] as the degree, which is their shape.

    Args:
        degree: degree of the polynomial.
        key: random key of the draw.
    """
    first, second = jax.random.split(key)
    return {
        "scale": jax.random.uniform(first, minval=SCALES[0], maxval=SCALES[1]),
        "x": jax.random.uniform(second, (degree,), minval=-1.0),
    }


onto_scale_and_points = projected(scale=between(*SCALES), x=between(-1.0, 1.0))


def slope(scale: Array) -> Array:
    """Return the derivative of erf(scale x) at 0, which is its largest."""
    return 2 * scale / math.sqrt(math.pi)


def bessel(scale: Array) -> Array:
    r"""Return $e^{-z}I_j(z)$ at $z = \text{scale}^2/2$, for j below `TERMS`."""
    angles = 2 * np.pi * np.arange(ANGLES) / ANGLES
    waves = np.cos(np.arange(TERMS)[:, None] * angles[None, :]) / ANGLES
    return matmul(jnp.asarray(waves), jnp.exp(jnp.square(scale) / 2 * jnp.asarray(np.cos(angles) - 1)))


def published(scale: Array, degree: int) -> Array:
    """Return the Chebyshev coefficients of the paper's polynomial.

    Args:
        scale: scale m of erf(m x).
        degree: degree of the polynomial.
    """
    j = np.arange((degree + 1) // 2)
    terms = bessel(scale)[: len(j)]
    sums = (terms + jnp.append(terms[1:], 0)) * jnp.asarray((-1.0) ** j / (2 * j + 1))
    return slope(scale) * jnp.zeros(degree + 1).at[1::2].set(sums)


def tail(scale: Array, degree: int, weight: np.ndarray) -> Array:
    """Return the weighted sum of the Bessel functions beyond a degree, times the slope.

    Args:
        scale: scale m of erf(m x).
        degree: degree beyond which terms are summed.
        weight: weight of each Bessel function.
    """
    return slope(scale) * jnp.sum((bessel(scale) * jnp.asarray(weight))[(degree + 1) // 2 :])


def _distance(instance: Instance, coeffs: Array) -> Array:
    x = instance["x"]
    return jnp.abs(chebyshev.evaluate(coeffs, x) - jax.scipy.special.erf(instance["scale"] * x))


def _of_package(instance: Instance) -> Polynomial:
    return erf(instance["scale"], degree=len(instance["x"]))


@claim(
    source="Rattew et al. (2025), Lemma B.19",
    statement="The distance of the polynomial from erf is at most the tail of Bessel functions that was cut off.",
    formula=r"|P - \mathrm{erf}(mx)| \le \tfrac{2m}{\sqrt\pi}\sum_{j > (k-1)/2} e^{-m^2/2}I_j(\tfrac{m^2}{2})"
    r"(\tfrac{1}{2j+1} + \tfrac{1}{2j-1})",
    draw=scale_and_points,
    sizes=(3, 5, 9),
    over=EVERY_SIZE,
    project=onto_scale_and_points,
)
def erf_tail(instance: Instance) -> Sides:
    """The distance is taken at the worst of the points."""
    degree, j = len(instance["x"]), np.arange(TERMS)
    bound = tail(instance["scale"], degree, 1 / (2 * j + 1) + 1 / np.maximum(2 * j - 1, 1))
    return Sides(_distance(instance, published(instance["scale"], degree)).max(), bound)


@claim(
    source="Low, Chuang (2017), Corollary 4",
    statement="The distance of the polynomial from erf is at most 4m/(sqrt(pi) k) times that of its Gaussian "
    "counterpart.",
    formula=r"|P - \mathrm{erf}(mx)| \le \tfrac{4m}{\sqrt\pi k}\max|P_{gauss,k-1} - e^{-m^2x^2}|",
    draw=scale_and_points,
    sizes=(3, 5, 9),
    over=EVERY_SIZE,
    project=onto_scale_and_points,
)
def erf_by_gaussian(instance: Instance) -> Sides:
    """The maximum is at x = 0, where all terms of the tail have one sign. Half of the factor would be enough."""
    degree = len(instance["x"])
    bound = tail(instance["scale"], degree, np.full(TERMS, 2.0)) * 2 / degree
    return Sides(_distance(instance, published(instance["scale"], degree)).max(), bound)


@claim(
    source="the package's erf",
    statement="The error of the package's polynomial is within its bound, which is computed without Bessel functions.",
    formula=r"|P - \mathrm{erf}(mx)| \le \delta",
    draw=scale_and_points,
    sizes=(3, 5, 9),
    project=onto_scale_and_points,
    over=range(1, 100, 2),
)
def erf_error_bound(instance: Instance) -> Sides:
    """The error is taken at the worst of the points."""
    poly = _of_package(instance)
    return Sides(_distance(instance, poly.coeffs).max(), poly.error_bound)


@claim(
    source="the package's erf",
    statement="The error relative to |x| is bounded, too, so that the error of a vector does not grow with the "
    "dimension.",
    formula=r"|P(x) - \mathrm{erf}(mx)| \le r|x|",
    draw=scale_and_points,
    sizes=(3, 5, 9),
    project=onto_scale_and_points,
    over=range(1, 100, 2),
)
def erf_relative_bound(instance: Instance) -> Sides:
    """Points next to zero are left out, since rounding is relative to the value and not to the point."""
    poly, x = _of_package(instance), instance["x"]
    size = jnp.maximum(jnp.abs(x), 1e-3)
    return Sides((_distance({**instance, "x": size}, poly.coeffs) / size).max(), poly.relative_bound)


@claim(
    source="Rattew et al. (2025), Lemma B.19",
    statement="The package's polynomial is the polynomial of the paper.",
    formula=r"\max_j|c_j - c_j^{\mathrm{paper}}| = 0",
    relation="==",
    draw=scale_and_points,
    sizes=(3, 9, 15),
    over=range(1, 100, 2),
)
def erf_polynomial(instance: Instance) -> Sides:
    """The polynomials are compared coefficient by coefficient."""
    ours = _of_package(instance).coeffs
    return Sides(jnp.abs(ours - published(instance["scale"], len(instance["x"]))).max(), jnp.zeros(()))


@claim(
    source="derived, for Lemma B.19",
    statement="The errors of erf(4x/5) by degree: 4.3e-3, 1.5e-4, 4.6e-6, 1.2e-7, 2.6e-9 for 3 to 11, to two digits.",
    formula=r"\max|P_k - \mathrm{erf}(\tfrac45x)| \le 1.03\,\epsilon_k",
    draw=scale_and_points,
    sizes=tuple(PRINTED_ERRORS),
    project=onto_scale_and_points,
    over=(3, 5, 7, 9, 11),
)
def erf_error_table(instance: Instance) -> Sides:
    """The factor covers the rounding to two digits."""
    at = {**instance, "scale": jnp.asarray(SCALES[0])}
    degree = len(instance["x"])
    return Sides(_distance(at, published(at["scale"], degree)).max(), jnp.asarray(1.03 * PRINTED_ERRORS[degree]))


@claim(
    source="Rattew et al. (2025), Lemma B.19",
    statement="The polynomial is nowhere steeper than erf at 0.",
    formula=r"|P'| \le 2m/\sqrt\pi",
    draw=scale_and_points,
    sizes=(3, 5, 9),
    over=EVERY_SIZE,
    project=onto_scale_and_points,
)
def erf_polynomial_slope(instance: Instance) -> Sides:
    """The derivative of the polynomial is a truncated Gaussian.

    The sum of the moduli of all its terms is the value at 0.
    """
    derivative = chebyshev.derivative(published(instance["scale"], len(instance["x"])))
    return Sides(jnp.abs(chebyshev.evaluate(derivative, instance["x"])).max(), slope(instance["scale"]))


CLAIMS = (
    erf_tail,
    erf_by_gaussian,
    erf_error_bound,
    erf_relative_bound,
    erf_polynomial,
    erf_error_table,
    erf_polynomial_slope,
)
