r"""The activation: diagonals of amplitudes, Chebyshev blocks, and what the error of a polynomial does to a vector.

References:
    Rattew et al. (2025), Lemma B.18. https://arxiv.org/abs/2510.07195
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qla_jax.claims.encodings.normalization import vector_and_error
from qla_jax.claims.engine.claim import POWERS, Instance, Sides, claim
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
from qla_jax.networks.residual import LIPSCHITZ, SCALE
from qla_jax.polynomials import erf
from qla_jax.polynomials.polynomial import Polynomial
from qla_jax.transforms.activation import activate

DEGREE = 3
GRID = np.linspace(0, 1, 20_001)
"""Fine enough for the maximum of |P - f| to 1e-8 of itself."""


def poly() -> Polynomial:
    """The activation's polynomial, in the precision of the trial."""
    return erf(SCALE, degree=DEGREE)


def uniform_error() -> Array:
    """The largest distance of the polynomial from erf on [-1, 1]."""
    return jnp.abs(poly()(GRID) - f(jnp.asarray(GRID))).max() * (1 + 1e-8)


def f(x: Array) -> Array:
    """The ideal activation."""
    return jax.scipy.special.erf(SCALE * x)


def short_vector(size: int, *, key: Array) -> Instance:
    """A vector within the unit ball, as an encoding with an alpha of at least 1 has its amplitudes."""
    first, second = jax.random.split(key)
    return {"v": jax.random.uniform(second) * unit_vector(size, key=first)}


@claim(
    source="Rattew et al. (2025), Lemma B.18",
    statement="The polynomial's uniform error, times the square root of the dimension, is the error of the vector.",
    formula=r"\|P(v) - f(v)\| \le \sqrt n\,\max|P - f|",
    draw=short_vector,
    sizes=(2, 4, 16),
    project=projected(v=into_ball(1.0)),
)
def activation_by_uniform_error(instance: Instance) -> Sides:
    """Nearly attained at dimension 4, where all entries fit on the first peak of the error; no longer at 16."""
    v = instance["v"]
    return Sides(jnp.linalg.norm(poly()(v) - f(v)), math.sqrt(len(v)) * uniform_error())


@claim(
    source="derived, for Lemma B.18",
    statement="The relative error of the polynomial bounds that of the vector in any dimension.",
    formula=r"\|P(v) - f(v)\| \le r\|v\|",
    draw=short_vector,
    sizes=(2, 4, 16, 256),
    project=projected(v=into_ball(1.0)),
)
def activation_by_relative_error(instance: Instance) -> Sides:
    """Attained where the entries are small; the degree then need not grow with the logarithm of the dimension."""
    v = instance["v"]
    return Sides(jnp.linalg.norm(poly()(v) - f(v)), poly().relative_bound * jnp.linalg.norm(v))


def two_points(size: int, *, key: Array) -> Instance:
    """Draw a vector of length at most 1/2, and its distance to another one."""
    first, second = jax.random.split(key)
    return {"v": 0.5 * unit_vector(size, key=first), "apart": displacement((size,), high=0.5, key=second)}


@claim(
    source="Rattew et al. (2025), Lemma B.18",
    statement="The activation's circuit moves vectors apart by no more than L.",
    formula=r"\|P(v) - P(w)\| \le L\|v - w\|,\ L = \tfrac{8}{5\sqrt\pi} < 0.91",
    draw=two_points,
    sizes=(2, 16),
    project=projected(v=into_ball(0.5), apart=into_ball(0.5)),
    over=POWERS[:7],
)
def activation_lipschitz(instance: Instance) -> Sides:
    """Every ancilla simulated, at degree 3; approached near zero, where the polynomial is steepest."""
    v, apart = instance["v"], instance["apart"]
    found, other = (run(activate(vector_encode(x), poly())) for x in (v, v + apart))
    return Sides(jnp.linalg.norm(other - found), LIPSCHITZ * jnp.linalg.norm(apart))


@claim(
    source="Rattew et al. (2025), Lemma 6",
    statement="The activated part is shorter than L: what the skip connection has to outweigh.",
    formula=r"\|f(W\psi)\| \le L\|W\| \le L",
    draw=weight_and_state,
    sizes=(2, 16),
    project=onto_both,
)
def activated_norm(instance: Instance) -> Sides:
    """Approached as the dimension grows, by a vector spread evenly."""
    return Sides(jnp.linalg.norm(f(instance["weight"] @ instance["psi"])), jnp.asarray(LIPSCHITZ))


def vector_and_short_error(size: int, *, key: Array) -> Instance:
    """A vector within the unit ball and a small error of it."""
    first, second = jax.random.split(key)
    return {**short_vector(size, key=first), "error": displacement((size,), 1e-6, 1e-2, key=second)}


def _sides_of_activation(instance: Instance) -> tuple[Array, Array, Array]:
    """Distance, the error of the vector, and that of the polynomial in 2-norm."""
    v = into_ball(0.9)(instance["v"])
    wrong = v + into_ball(0.1)(instance["error"])
    return jnp.linalg.norm(poly()(wrong) - f(v)), jnp.linalg.norm(wrong - v), math.sqrt(len(v)) * uniform_error()


@claim(
    source="derived, for Lemma B.18",
    statement="The activation takes L of the vector's error and all of the polynomial's.",
    formula=r"\|P(\tilde v) - f(v)\| \le L\epsilon_0 + \epsilon_1",
    draw=vector_and_short_error,
    sizes=(2, 4),
    project=projected(v=into_ball(0.9), error=into_ball(0.1)),
)
def activation_error(instance: Instance) -> Sides:
    """Before normalization; the polynomial's error is the square root of the dimension times its maximum."""
    distance, first, second = _sides_of_activation(instance)
    return Sides(distance, LIPSCHITZ * first + second)


@claim(
    source="negative control; Rattew et al. (2025), Lemma B.18, as printed in notes of it",
    statement="The activation would take L of the polynomial's error, too. With L < 1 that is less than there is.",
    formula=r"\|P(\tilde v) - f(v)\| \le L(\epsilon_0 + \epsilon_1)",
    draw=short_vector,
    sizes=(2, 4),
    project=projected(v=into_ball(1.0)),
    expected_to_hold=False,
)
def activation_error_as_printed(instance: Instance) -> Sides:
    """For an exact vector. On the first peak of the error it is violated by 1/L = 1.108; for L >= 1 it is true."""
    v = instance["v"]
    return Sides(jnp.linalg.norm(poly()(v) - f(v)), LIPSCHITZ * math.sqrt(len(v)) * uniform_error())


@claim(
    source="derived; Rattew, Rebentrost (2023) with six controlled calls",
    statement="One call of a vector's circuit block encodes the diagonal of its amplitudes.",
    formula=r"\langle 0|V|0\rangle = \mathrm{diag}(\langle 0|U|0\rangle|0\rangle)",
    relation="==",
    draw=vector_and_error,
    sizes=(2, 8),
    over=POWERS,
)
def diagonal_of_amplitudes_by_circuit(instance: Instance) -> Sides:
    """The largest difference of two entries, the circuit with every ancilla."""
    vec = erring_vector(instance["psi"], instance["error"], instance["slack"])
    rows = jax.vmap(postselect, in_axes=(None, 0))(diagonal_of_amplitudes(vec), jnp.eye(len(vec.encoded)))
    return Sides(jnp.abs(rows - jnp.diag(vec.encoded)).max(), jnp.zeros(()))


def contraction_and_coefficients(order: int, *, key: Array) -> Instance:
    """A contraction of size 2, and by its shape an order."""
    return {"matrix": contraction(2, key=key), "order": jnp.ones(order)}


@claim(
    source="derived; Gilyen, Su, Low, Wiebe (2018), Lemma 9",
    statement="Reflections between calls of a block encoding give the even Chebyshev polynomials.",
    formula=r"\langle 0|(RV^\dagger RV)^j|0\rangle = T_{2j}(A)",
    relation="==",
    draw=contraction_and_coefficients,
    sizes=(1, 2, 5),
)
def chebyshev_block(instance: Instance) -> Sides:
    """The size is j; T by the cosine of the angles of the singular values."""
    matrix, order = instance["matrix"], len(instance["order"])
    unitary, signs = dilation(matrix), jnp.array([1.0, 1.0, -1.0, -1.0])
    step = signs[:, None] * unitary.T @ (signs[:, None] * unitary)
    _, values, right = jnp.linalg.svd(matrix)
    ideal = (right.T * jnp.cos(2 * order * jnp.arccos(jnp.minimum(values, 1)))) @ right
    return Sides(jnp.abs(jnp.linalg.matrix_power(step, order)[:2, :2] - ideal).max(), jnp.zeros(()))


@claim(
    source="derived, for Lemma B.18",
    statement="The activation's circuit encodes P of every entry, whatever alpha is.",
    formula=r"\alpha\langle 0|U|0\rangle|0\rangle = P(x)",
    relation="==",
    draw=vector_and_error,
    sizes=(2, 4),
    over=POWERS,
)
def activation_by_circuit(instance: Instance) -> Sides:
    """Every ancilla simulated; the polynomial by itself, on true values."""
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
