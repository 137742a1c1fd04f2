"""Claims about activations: diagonals of amplitudes, Chebyshev blocks, and the error of a polynomial on a vector.

References:
    Rattew et al. (2025), Lemma B.18. https://arxiv.org/abs/2510.07195
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qla_jax.claims.encodings.normalization import vector_and_error
from qla_jax.claims.engine.claim import EVERY_SIZE, POWERS, Instance, Sides, claim
from qla_jax.claims.engine.instances import (
    contraction,
    displacement,
    into_ball,
    projected,
    unit_vector,
)
from qla_jax.claims.engine.parts import erring_vector
from qla_jax.claims.networks.norms import onto_both, weight_and_state
from qla_jax.encodings.base.block import postselect
from qla_jax.encodings.base.vector import run
from qla_jax.encodings.matrices.amplitudes import diagonal_of_amplitudes
from qla_jax.encodings.matrices.dense import dilation
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.linalg.products import matmul
from qla_jax.networks.residual import LIPSCHITZ, SCALE
from qla_jax.polynomials import erf
from qla_jax.polynomials.polynomial import Polynomial
from qla_jax.transforms.activation import activate

DEGREE = 3
GRID = np.linspace(0, 1, 20_001)
"""Points that are fine enough for the maximum of |P - f| to a relative 1e-8."""


def poly() -> Polynomial:
    """Return the activation's polynomial, in the precision of the trial."""
    return erf(SCALE, degree=DEGREE)


def uniform_error() -> Array:
    """Return the largest distance of the polynomial from erf on [-1, 1]."""
    return jnp.abs(poly()(GRID) - f(jnp.asarray(GRID))).max() * (1 + 1e-8)


def f(x: Array) -> Array:
    """Return the ideal activation."""
    return jax.scipy.special.erf(SCALE * x)


def short_vector(size: int, *, key: Array) -> Instance:
    """Draw a vector within the unit ball, like the amplitudes of an encoding with an alpha of at least 1.

    Args:
        size: dimension of the vector.
        key: random key of the draw.
    """
    first, second = jax.random.split(key)
    return {"v": jax.random.uniform(second) * unit_vector(size, key=first)}


@claim(
    source="Rattew et al. (2025), Lemma B.18",
    statement="The error of the vector is at most the polynomial's uniform error times the square root of the "
    "dimension.",
    formula=r"\|P(v) - f(v)\| \le \sqrt n\,\max|P - f|",
    draw=short_vector,
    sizes=(2, 4, 16),
    over=EVERY_SIZE,
    project=projected(v=into_ball(1.0)),
)
def activation_by_uniform_error(instance: Instance) -> Sides:
    """The bound is nearly attained at dimension 4, where all entries fit on the first peak of the error.

    At 16 it is not.
    """
    v = instance["v"]
    return Sides(jnp.linalg.norm(poly()(v) - f(v)), math.sqrt(len(v)) * uniform_error())


@claim(
    source="derived, for Lemma B.18",
    statement="The relative error of the polynomial bounds the relative error of the vector in any dimension.",
    formula=r"\|P(v) - f(v)\| \le r\|v\|",
    draw=short_vector,
    sizes=(2, 4, 16, 256),
    over=EVERY_SIZE,
    project=projected(v=into_ball(1.0)),
)
def activation_by_relative_error(instance: Instance) -> Sides:
    """The bound is attained where the entries are small.

    So the degree need not grow with the logarithm of the dimension.
    """
    v = instance["v"]
    return Sides(jnp.linalg.norm(poly()(v) - f(v)), poly().relative_bound * jnp.linalg.norm(v))


def two_points(size: int, *, key: Array) -> Instance:
    """Draw a vector of length at most 1/2, and its distance to another one.

    Args:
        size: dimension of the vectors.
        key: random key of the draw.
    """
    first, second = jax.random.split(key)
    return {"v": 0.5 * unit_vector(size, key=first), "apart": displacement((size,), high=0.5, key=second)}


@claim(
    source="Rattew et al. (2025), Lemma B.18",
    statement="The activation's circuit increases distances of vectors by a factor of at most L.",
    formula=r"\|P(v) - P(w)\| \le L\|v - w\|,\ L = \tfrac{8}{5\sqrt\pi} < 0.91",
    draw=two_points,
    sizes=(2, 16),
    project=projected(v=into_ball(0.5), apart=into_ball(0.5)),
    over=POWERS[:7],
)
def activation_lipschitz(instance: Instance) -> Sides:
    """The circuit is simulated with every ancilla at degree 3.

    The bound is approached near zero, where the polynomial is steepest.
    """
    v, apart = instance["v"], instance["apart"]
    found, other = (run(activate(vector_encode(x), poly())) for x in (v, v + apart))
    return Sides(jnp.linalg.norm(other - found), LIPSCHITZ * jnp.linalg.norm(apart))


@claim(
    source="Rattew et al. (2025), Lemma 6",
    statement="The norm of the activated part is at most L, which is less than 1, the norm of the skip connection.",
    formula=r"\|f(W\psi)\| \le L\|W\| \le L",
    draw=weight_and_state,
    sizes=(2, 16),
    over=EVERY_SIZE,
    project=onto_both,
)
def activated_norm(instance: Instance) -> Sides:
    """The bound is approached as the dimension grows, by a vector with equal entries."""
    return Sides(jnp.linalg.norm(f(matmul(instance["weight"], instance["psi"]))), jnp.asarray(LIPSCHITZ))


def vector_and_short_error(size: int, *, key: Array) -> Instance:
    """Draw a vector within the unit ball and a small error.

    Args:
        size: dimension of the vector.
        key: random key of the draw.
    """
    first, second = jax.random.split(key)
    return {**short_vector(size, key=first), "error": displacement((size,), 1e-6, 1e-2, key=second)}


def _sides_of_activation(instance: Instance) -> tuple[Array, Array, Array]:
    """Return the distance, the error of the vector, and the error of the polynomial in 2-norm."""
    v = into_ball(0.9)(instance["v"])
    wrong = v + into_ball(0.1)(instance["error"])
    return jnp.linalg.norm(poly()(wrong) - f(v)), jnp.linalg.norm(wrong - v), math.sqrt(len(v)) * uniform_error()


@claim(
    source="derived, for Lemma B.18",
    statement="The error of an activation is at most L times the vector's error plus the whole error of the "
    "polynomial.",
    formula=r"\|P(\tilde v) - f(v)\| \le L\epsilon_0 + \epsilon_1",
    draw=vector_and_short_error,
    sizes=(2, 4),
    over=EVERY_SIZE,
    project=projected(v=into_ball(0.9), error=into_ball(0.1)),
)
def activation_error(instance: Instance) -> Sides:
    """The claim is about the activation before normalization.

    The polynomial's error is its maximum times the square root of the dimension.
    """
    distance, first, second = _sides_of_activation(instance)
    return Sides(distance, LIPSCHITZ * first + second)


@claim(
    source="negative control; Rattew et al. (2025), Lemma B.18, as printed in notes of it",
    statement="The polynomial's error would have a factor L, too. With L < 1 this is too small.",
    formula=r"\|P(\tilde v) - f(v)\| \le L(\epsilon_0 + \epsilon_1)",
    draw=short_vector,
    sizes=(2, 4),
    over=EVERY_SIZE,
    project=projected(v=into_ball(1.0)),
    expected_to_hold=False,
)
def activation_error_as_printed(instance: Instance) -> Sides:
    """The vector is exact.

    On the first peak of the error the claim is violated by 1/L = 1.108. For L >= 1 it is true.
    """
    v = instance["v"]
    return Sides(jnp.linalg.norm(poly()(v) - f(v)), LIPSCHITZ * math.sqrt(len(v)) * uniform_error())


@claim(
    source="derived; Rattew, Rebentrost (2023) with six controlled calls",
    statement="One call of a vector's circuit gives a block encoding of the diagonal of its amplitudes.",
    formula=r"\langle 0|V|0\rangle = \mathrm{diag}(\langle 0|U|0\rangle|0\rangle)",
    relation="==",
    draw=vector_and_error,
    sizes=(2, 8),
    over=POWERS,
)
def diagonal_of_amplitudes_by_circuit(instance: Instance) -> Sides:
    """The circuit is simulated with every ancilla. The measured quantity is the largest difference of two entries."""
    vec = erring_vector(instance["psi"], instance["error"], instance["slack"])
    rows = jax.vmap(postselect, in_axes=(None, 0))(diagonal_of_amplitudes(vec), jnp.eye(len(vec.encoded)))
    return Sides(jnp.abs(rows - jnp.diag(vec.encoded)).max(), jnp.zeros(()))


def contraction_and_coefficients(order: int, *, key: Array) -> Instance:
    """Draw a 2 x 2 contraction.

    Args:
        order: order of the polynomial, kept as the shape of an array.
        key: random key of the draw.
    """
    return {"matrix": contraction(2, key=key), "order": jnp.ones(order)}


@claim(
    source="derived; Gilyen, Su, Low, Wiebe (2018), Lemma 9",
    statement="Reflections between calls of a block encoding give the even Chebyshev polynomials.",
    formula=r"\langle 0|(RV^\dagger RV)^j|0\rangle = T_{2j}(A)",
    relation="==",
    draw=contraction_and_coefficients,
    sizes=(1, 2, 5),
    over=EVERY_SIZE,
)
def chebyshev_block(instance: Instance) -> Sides:
    """The size is j. The ideal T is the cosine of multiples of the angles of the singular values."""
    matrix, order = instance["matrix"], len(instance["order"])
    unitary, signs = dilation(matrix), jnp.array([1.0, 1.0, -1.0, -1.0])
    step = matmul(signs[:, None] * unitary.T, signs[:, None] * unitary)
    _, values, right = jnp.linalg.svd(matrix)
    ideal = matmul(right.T * jnp.cos(2 * order * jnp.arccos(jnp.minimum(values, 1)))[None], right)
    return Sides(jnp.abs(matmul(*[step] * order)[:2, :2] - ideal).max(), jnp.zeros(()))


@claim(
    source="derived, for Lemma B.18",
    statement="The activation's circuit encodes P of every entry for any alpha.",
    formula=r"\alpha\langle 0|U|0\rangle|0\rangle = P(x)",
    relation="==",
    draw=vector_and_error,
    sizes=(2, 4),
    over=POWERS,
)
def activation_by_circuit(instance: Instance) -> Sides:
    """The circuit is simulated with every ancilla, and the polynomial is evaluated on the encoded values."""
    vec = erring_vector(0.5 * instance["psi"], 0.5 * instance["error"], instance["slack"])
    return Sides(jnp.abs(run(activate(vec, poly())) - poly()(vec.encoded)).max(), jnp.zeros(()))


CLAIMS = (
    activation_by_uniform_error,
    activation_by_relative_error,
    activation_lipschitz,
    activated_norm,
    activation_error,
    activation_error_as_printed,
    diagonal_of_amplitudes_by_circuit,
    chebyshev_block,
    activation_by_circuit,
)
