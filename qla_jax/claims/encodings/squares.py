"""Claims about Theorem 1 and the terminal block: a matrix times squared amplitudes.

References:
    Rattew et al. (2025), Theorem 1 and Lemma C.1. https://arxiv.org/abs/2510.07195
"""

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax.claims.engine.claim import EVERY_SIZE, POWERS, Instance, Sides, claim
from qla_jax.claims.engine.instances import (
    between,
    displacement,
    into_ball,
    magnitude,
    onto_contractions,
    onto_sphere,
    projected,
)
from qla_jax.claims.engine.parts import spectral
from qla_jax.claims.networks.norms import TAU, onto_both, weight_and_state
from qla_jax.encodings.base.vector import run
from qla_jax.encodings.combine.squares import square_product
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.linalg.products import matmul


def weight_state_and_error(size: int, *, key: Array) -> Instance:
    """Draw a contraction, a unit vector, an error that is added to it, and the excess of alpha over its least value.

    Args:
        size: dimension of the vector.
        key: random key of the draw.
    """
    first, second, third = jax.random.split(key, 3)
    return {
        **weight_and_state(size, key=first),
        "error": displacement((size,), key=second),
        "slack": magnitude(1.0, 4.0, key=third),
    }


onto_weight_state_and_error = projected(
    weight=onto_contractions, psi=onto_sphere, error=into_ball(2.0), slack=between(1.0, 10.0)
)


def _of_squares(instance: Instance) -> tuple[Array, Array, Array, Array]:
    """Return the distance, the ideal norm N, alpha and the error."""
    weight, psi = instance["weight"], instance["psi"]
    wrong = psi + instance["error"]
    alpha = instance["slack"] * jnp.maximum(1, jnp.linalg.norm(wrong))
    ideal = matmul(weight, jnp.square(psi))
    distance = jnp.linalg.norm(ideal - matmul(weight, jnp.square(wrong)))
    return distance, jnp.linalg.norm(ideal), alpha, jnp.linalg.norm(instance["error"])


@claim(
    source="Rattew et al. (2025), Theorem 1",
    statement="The error of a contraction times squared amplitudes, relative to the norm of the product, is at most 2 "
    "alpha eps / N.",
    formula=r"\epsilon' \le 2\alpha\epsilon/N,\ N = \|W|\psi|^2\|",
    draw=weight_state_and_error,
    sizes=(2, 8),
    over=EVERY_SIZE,
    project=onto_weight_state_and_error,
)
def square_error(instance: Instance) -> Sides:
    """The bound is attained in the limit of a vanishing error, on a basis vector at alpha = 1."""
    distance, norm, alpha, error = _of_squares(instance)
    return Sides(distance / norm, 2 * alpha * error / norm)


@claim(
    source="derived, for Theorem 1",
    statement="One of the two alphas may be replaced by 1, the norm of the ideal vector.",
    formula=r"\epsilon' \le (1 + \alpha)\epsilon/N",
    draw=weight_state_and_error,
    sizes=(2, 8),
    over=EVERY_SIZE,
    project=onto_weight_state_and_error,
)
def square_error_of_unit_vectors(instance: Instance) -> Sides:
    """The bound is attained by an error along a basis vector."""
    distance, norm, alpha, error = _of_squares(instance)
    return Sides(distance / norm, (1 + alpha) * error / norm)


@claim(
    source="Rattew et al. (2025), Theorem 1",
    statement="The circuit encodes the matrix times the squared amplitudes exactly.",
    formula=r"\alpha'\langle 0|U|0\rangle|0\rangle = W|\psi|^2",
    relation="==",
    draw=weight_and_state,
    sizes=(2, 4),
    over=POWERS,
)
def square_circuit(instance: Instance) -> Sides:
    """The package's circuit is simulated with every ancilla.

    The measured quantity is the largest difference of an entry.
    """
    weight, psi = instance["weight"], instance["psi"]
    found = run(square_product(weight, vector_encode(psi)))
    return Sides(jnp.abs(found - matmul(weight, jnp.square(psi))).max(), jnp.zeros(()))


@claim(
    source="derived, for Theorem 1",
    statement="The alpha of the product is at most the squared alpha of the vector times the norm of the matrix.",
    formula=r"\alpha' = \alpha^2\max_ja_j \le \alpha^2\|W\|_2",
    draw=weight_and_state,
    sizes=(2, 8),
    project=onto_both,
    over=POWERS,
)
def square_alpha(instance: Instance) -> Sides:
    """Alpha is measured on the circuit as length over flagged amplitude, for a vector with alpha = 1.

    Diagonal matrices attain the bound. Neither the rank nor the Frobenius norm enters, since no column is longer than
    the norm of the matrix. A dense encoding of an isometry would have an alpha of the square root of n.
    """
    weight, psi = instance["weight"], instance["psi"]
    vec = square_product(weight, vector_encode(psi))
    flagged = jnp.linalg.norm(run(vec)) / vec.alpha
    length = jnp.linalg.norm(matmul(weight, jnp.square(psi)))
    return Sides(length / jnp.maximum(flagged, jnp.finfo(flagged.dtype).tiny), spectral(weight))


def _terminal(weight: Array, psi: Array) -> Array:
    return TAU * psi + matmul((1 - TAU) * weight, jnp.square(psi))


@claim(
    source="derived, for Lemma C.1",
    statement="The error of the terminal block before normalization is at most tau eps + (1 - tau) eps (2 + eps).",
    formula=r"\|\gamma - \tilde\gamma\| \le \tau\epsilon + (1-\tau)\epsilon(2 + \epsilon)",
    draw=weight_state_and_error,
    sizes=(2, 8),
    over=EVERY_SIZE,
    project=onto_weight_state_and_error,
)
def terminal_error(instance: Instance) -> Sides:
    """The bound is attained by an error along a basis vector and the identity matrix."""
    weight, psi, error = instance["weight"], instance["psi"], instance["error"]
    size = jnp.linalg.norm(error)
    distance = jnp.linalg.norm(_terminal(weight, psi) - _terminal(weight, psi + error))
    return Sides(distance, TAU * size + (1 - TAU) * size * (2 + size))


@claim(
    source="derived, for Lemma C.1",
    statement="The terminal block moves unit vectors apart by a factor of at most 74.5.",
    formula=r"\|\gamma/\|\gamma\| - \gamma'/\|\gamma'\|\| \le \tfrac{2-\tau}{2\tau-1}\|\psi - \psi'\|",
    draw=weight_state_and_error,
    sizes=(2, 8),
    over=EVERY_SIZE,
    project=onto_weight_state_and_error,
)
def terminal_lipschitz(instance: Instance) -> Sides:
    """The bound follows from the inequality of Dunkl and Williams, since both norms are at least 0.02.

    It holds for unit vectors at any distance.
    """
    weight, psi = instance["weight"], instance["psi"]
    other = onto_sphere(psi + instance["error"])
    distance = jnp.linalg.norm(onto_sphere(_terminal(weight, psi)) - onto_sphere(_terminal(weight, other)))
    return Sides(distance, (2 - TAU) / (2 * TAU - 1) * jnp.linalg.norm(psi - other))


CLAIMS = (
    square_error,
    square_error_of_unit_vectors,
    square_circuit,
    square_alpha,
    terminal_error,
    terminal_lipschitz,
)
