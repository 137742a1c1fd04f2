r"""Claims about the error of a normalized encoding, where only the norm of the encoded vector is known.

References:
    Dunkl, Williams (1964), American Mathematical Monthly 71, 53: $\|x/|x| - y/|y|\| \le 2|x - y|/(|x| + |y|)$.
"""

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax.claims.engine.claim import EVERY_SIZE, POWERS, Instance, Sides, claim
from qla_jax.claims.engine.instances import between, displacement, into_ball, onto_sphere, projected, unit_vector
from qla_jax.claims.engine.parts import erring_vector
from qla_jax.encodings.base.vector import run
from qla_jax.encodings.combine.normalized import normalize


def vector_and_error(size: int, *, key: Array) -> Instance:
    """Draw a unit vector, an error that is added to it, and the excess of alpha over the length of the sum.

    Args:
        size: dimension of the vector.
        key: random key of the draw.
    """
    first, second, third = jax.random.split(key, 3)
    return {
        "psi": unit_vector(size, key=first),
        "error": displacement((size,), key=second),
        "slack": jax.random.uniform(third),
    }


onto_vector_and_error = projected(psi=onto_sphere, error=into_ball(3.0), slack=between(0.0, 3.0))


def _of_directions(instance: Instance) -> tuple[Array, Array, Array]:
    """Return the distance of the directions, the error, and the norm of the encoded vector."""
    wrong = instance["psi"] + instance["error"]
    norm = jnp.linalg.norm(wrong)
    return jnp.linalg.norm(instance["psi"] - wrong / norm), jnp.linalg.norm(instance["error"]), norm


@claim(
    source="derived, after Dunkl and Williams (1964)",
    statement="The error of the package's normalization circuit is within its eps, which uses only the computed norm "
    "M.",
    formula=r"\|\psi - \tilde\psi/M\| \le 2\epsilon/(2M - \epsilon)\ (\epsilon < M),\ \text{else } 2",
    draw=vector_and_error,
    sizes=(2, 8),
    project=onto_vector_and_error,
    over=POWERS,
)
def normalization(instance: Instance) -> Sides:
    """The bound holds for every vector at a distance of eps from the encoded one, not only for unit vectors."""
    vec = normalize(erring_vector(instance["psi"], instance["error"], instance["slack"]))
    return Sides(jnp.linalg.norm(instance["psi"] - run(vec)), vec.eps)


@claim(
    source="negative control; the form of Rattew et al. (2025), Lemmas 1, 2 and 4, with a computed norm",
    statement="The error of a normalized encoding would be the error over the computed norm M. It is not.",
    formula=r"\|\psi - \tilde\psi/M\| \le \epsilon/M",
    draw=vector_and_error,
    sizes=(2, 8),
    over=EVERY_SIZE,
    project=onto_vector_and_error,
    expected_to_hold=False,
)
def normalization_by_computed_norm(instance: Instance) -> Sides:
    """The lemmas divide by the ideal norm.

    Dividing by the computed norm M fails when M exceeds 1: ratios approach 2 (1.37 at eps = 3).
    """
    distance, error, norm = _of_directions(instance)
    return Sides(distance, error / norm)


@claim(
    source="derived, for unit vectors",
    statement="Normalization of an encoding of a unit vector at most doubles its error.",
    formula=r"\|\psi - \tilde\psi/\|\tilde\psi\|\| \le 2\epsilon",
    draw=vector_and_error,
    sizes=(2, 8),
    over=EVERY_SIZE,
    project=onto_vector_and_error,
)
def normalization_of_unit_vectors(instance: Instance) -> Sides:
    """The bound is attained at an error just above 1, which turns the vector around.

    Below 1 the factor is at most sqrt(2).
    """
    distance, error, _ = _of_directions(instance)
    return Sides(distance, 2 * error)


@claim(
    source="derived, for unit vectors",
    statement="Normalization increases an error below 1 by a factor of at most the square root of 2.",
    formula=r"\|\psi - \tilde\psi/\|\tilde\psi\|\| \le 2\sin(\tfrac12\arcsin\epsilon) \le \sqrt2\,\epsilon,"
    r"\ \epsilon \le 1",
    draw=vector_and_error,
    sizes=(2, 8),
    over=EVERY_SIZE,
    project=projected(psi=onto_sphere, error=into_ball(0.999), slack=between(0.0, 3.0)),
)
def normalization_below_one(instance: Instance) -> Sides:
    """The largest angle is that of a tangent to the ball around the vector."""
    instance = {**instance, "error": into_ball(0.999)(instance["error"])}
    distance, error, _ = _of_directions(instance)
    return Sides(distance, 2 * jnp.sin(jnp.arcsin(error) / 2))


CLAIMS = (
    normalization,
    normalization_by_computed_norm,
    normalization_of_unit_vectors,
    normalization_below_one,
)
