r"""Claims about Lemmas 1 to 4 as published, for unit vectors and in plain arrays.

An encoding with $\alpha$ and error e of $\psi$ encodes a $\tilde\psi = \alpha\langle 0|U|0\rangle|0\rangle$ with
$\|\psi - \tilde\psi\| = e$ and $\|\tilde\psi\| \le \alpha$, and the lemmas use nothing else of it. `tracked.py` has the
same claims about the package's own encodings.

References:
    Rattew et al. (2025), Lemmas 1 to 4. https://arxiv.org/abs/2510.07195
"""

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax.claims.engine.claim import EVERY_SIZE, POWERS, Instance, Sides, claim
from qla_jax.claims.engine.instances import (
    between,
    contraction,
    displacement,
    into_ball,
    magnitude,
    onto_sphere,
    projected,
    unit_vectors,
)
from qla_jax.claims.engine.parts import erring_matrix, erring_vector, spectral
from qla_jax.encodings.base.vector import VectorEncoding, run
from qla_jax.encodings.combine.lemmas import concatenate, matrix_vector_product, vector_sum
from qla_jax.encodings.combine.normalized import normalize
from qla_jax.linalg.products import matmul

LARGEST = 2.0
"""Largest error, in 2-norm."""


def two_vectors(size: int, *, key: Array) -> Instance:
    """Draw two unit vectors, their errors, factors of alpha above its least value, and the weight tau.

    Args:
        size: dimension of the vectors.
        key: random key of the draw.
    """
    first, second, third, fourth = jax.random.split(key, 4)
    return {
        "psi": unit_vectors(2, size, key=first),
        "error": jax.vmap(lambda key: displacement((size,), key=key))(jax.random.split(second, 2)),
        "slack": magnitude(1.0, 4.0, (2,), key=third),
        "tau": jax.random.uniform(fourth),
    }


onto_two_vectors = projected(
    psi=onto_sphere, error=into_ball(LARGEST), slack=between(1.0, 10.0), tau=between(0.001, 0.999)
)


def encoded(instance: Instance) -> tuple[Array, Array, Array]:
    """Return the encoded vectors, their alphas and their errors."""
    wrong = instance["psi"] + instance["error"]
    alpha = instance["slack"] * jnp.maximum(1, jnp.linalg.norm(wrong, axis=1))
    return wrong, alpha, jnp.linalg.norm(instance["error"], axis=1)


@claim(
    source="Rattew et al. (2025), Lemma 1",
    statement="The error of a sum, relative to its norm, is at most the weighted sum of the errors over that norm.",
    formula=r"\epsilon' \le (\tau\epsilon_0/\alpha + (1-\tau)\epsilon_1/\beta)/N",
    draw=two_vectors,
    sizes=(2, 8),
    over=EVERY_SIZE,
    project=onto_two_vectors,
)
def error_of_sum(instance: Instance) -> Sides:
    """The bound is attained where both errors have the same direction.

    N is the norm of the ideal sum, which no circuit has access to.
    """
    wrong, alpha, off = encoded(instance)
    weights = jnp.stack([instance["tau"], 1 - instance["tau"]]) / alpha
    ideal = matmul(weights, instance["psi"])
    norm = jnp.linalg.norm(ideal)
    return Sides(jnp.linalg.norm(matmul(weights, wrong) - ideal) / norm, matmul(weights, off) / norm)


@claim(
    source="Rattew et al. (2025), Figure 3",
    statement="Without normalization the error of a sum is at most the sum of the errors.",
    formula=r"\|(\psi + \phi) - (\tilde\psi + \tilde\phi)\| \le \epsilon_0 + \epsilon_1,\ \alpha' = \alpha + \beta",
    draw=two_vectors,
    sizes=(2, 8),
    over=EVERY_SIZE,
    project=onto_two_vectors,
)
def error_of_plain_sum(instance: Instance) -> Sides:
    r"""The sum is formed from $(\tilde\psi + \tilde\phi)/(\alpha + \beta)$, the state for the right tau in Lemma 1."""
    wrong, alpha, off = encoded(instance)
    tau = alpha[0] / alpha.sum()
    flagged = tau * wrong[0] / alpha[0] + (1 - tau) * wrong[1] / alpha[1]
    return Sides(jnp.linalg.norm(instance["psi"].sum(0) - alpha.sum() * flagged), off.sum())


def matrix_and_vector(size: int, *, key: Array) -> Instance:
    """Draw a matrix of random norm, a unit vector, their errors, and a factor of alpha above its least value.

    Args:
        size: dimension of matrix and vector.
        key: random key of the draw.
    """
    keys = jax.random.split(key, 6)
    return {
        "matrix": magnitude(0.3, 3.0, key=keys[0]) * contraction(size, key=keys[1]),
        "matrix_error": displacement((size, size), key=keys[2]),
        "psi": unit_vectors(1, size, key=keys[3])[0],
        "error": displacement((size,), key=keys[4]),
        "slack": magnitude(1.0, 4.0, key=keys[5]),
    }


@claim(
    source="Rattew et al. (2025), Lemma 2",
    statement="The error of a matrix times a vector, relative to the norm of the product, is at most (e0 + alpha e1) "
    "/ N.",
    formula=r"\epsilon' \le (\epsilon_0 + \alpha\epsilon_1)/N,\ N = \|A\psi\|",
    draw=matrix_and_vector,
    sizes=(2, 8),
    over=EVERY_SIZE,
    project=projected(
        matrix=into_ball(3.0, 2),
        matrix_error=into_ball(LARGEST, 2),
        psi=onto_sphere,
        error=into_ball(LARGEST),
        slack=between(1.0, 10.0),
    ),
)
def error_of_matrix_times_vector(instance: Instance) -> Sides:
    """The matrix has alpha and the error e0, and the vector has the error e1."""
    matrix, psi = instance["matrix"], instance["psi"]
    wrong = matrix + instance["matrix_error"]
    alpha = instance["slack"] * spectral(wrong)
    norm = jnp.linalg.norm(matmul(matrix, psi))
    distance = jnp.linalg.norm(matmul(matrix, psi) - matmul(wrong, psi + instance["error"]))
    bound = spectral(instance["matrix_error"]) + alpha * jnp.linalg.norm(instance["error"])
    return Sides(distance / norm, bound / norm)


@claim(
    source="Rattew et al. (2025), Lemma 3",
    statement="The error of a tensor product of unit vectors is at most e0 + e1 + e0 e1.",
    formula=r"\epsilon' \le \epsilon_0 + \epsilon_1 + \epsilon_0\epsilon_1",
    draw=two_vectors,
    sizes=(2, 4),
    over=EVERY_SIZE,
    project=onto_two_vectors,
)
def error_of_tensor(instance: Instance) -> Sides:
    """The bound is attained where both errors lengthen their vectors."""
    wrong, _, (first, second) = encoded(instance)
    psi = instance["psi"]
    distance = jnp.linalg.norm(jnp.kron(psi[0], psi[1]) - jnp.kron(wrong[0], wrong[1]))
    return Sides(distance, first + second + first * second)


@claim(
    source="Rattew et al. (2025), Lemma 4",
    statement="The relative error of a concatenation is at most the 2-norm of the relative errors. Every instance "
    "attains it.",
    formula=r"\epsilon' \le \sqrt{\textstyle\sum_j(\epsilon_j/\alpha_j)^2}/N,\ N^2 = \textstyle\sum_j\alpha_j^{-2}",
    draw=two_vectors,
    sizes=(2, 8),
    project=onto_two_vectors,
    over=POWERS,
)
def error_of_concatenation(instance: Instance) -> Sides:
    """The package's circuit is simulated with every ancilla, with a uniform superposition of its index."""
    psi, error, (_, _, off) = instance["psi"], instance["error"], encoded(instance)
    left, right = (erring_vector(psi[i], error[i], instance["slack"][i] - 1) for i in range(2))
    shares = 1 / jnp.stack([left.alpha, right.alpha])
    norm, ideal = jnp.linalg.norm(shares), (psi * shares[:, None]).reshape(-1)
    return Sides(jnp.linalg.norm(run(_spread(left, right)) - ideal) / norm, jnp.linalg.norm(off * shares) / norm)


@claim(
    source="Rattew et al. (2025), Lemma 4",
    statement="The flagged amplitude of the circuit of a concatenation is the inverse of its alpha.",
    formula=r"\alpha' = \sqrt{D'}/N",
    relation="==",
    draw=two_vectors,
    sizes=(2, 8),
    over=POWERS,
)
def alpha_of_concatenation(instance: Instance) -> Sides:
    """The measured quantity is the flagged amplitude of the package's circuit times alpha'.

    Every ancilla is simulated, and the parts are exact.
    """
    left, right = _exact(instance)
    expected = jnp.sqrt(2) / jnp.linalg.norm(1 / jnp.stack([left.alpha, right.alpha]))
    vec = _spread(left, right)
    return Sides(jnp.linalg.norm(run(vec)) / vec.alpha * expected, jnp.ones(()))


def _spread(left: VectorEncoding, right: VectorEncoding) -> VectorEncoding:
    """Return the concatenation with a uniform superposition of its index, which weights each piece by 1/alpha."""
    return concatenate(*[part * (1 / part.alpha) for part in (left, right)])


def _exact(instance: Instance) -> tuple[VectorEncoding, VectorEncoding]:
    psi, (_, alpha, _) = instance["psi"], encoded(instance)
    first, second = (erring_vector(psi[i], 0 * psi[i], alpha[i] - 1) for i in range(2))
    return first, second


@claim(
    source="Rattew et al. (2025), Lemma 1",
    statement="The alpha of a normalized sum is the inverse of its norm, which is the flagged amplitude of the "
    "circuit.",
    formula=r"\alpha' = 1/N,\ N = \|\tau\psi/\alpha + (1-\tau)\phi/\beta\|",
    relation="==",
    draw=two_vectors,
    sizes=(2, 8),
    over=POWERS,
)
def alpha_of_sum(instance: Instance) -> Sides:
    """The measured quantity is the flagged amplitude of the package's circuit over N.

    Every ancilla is simulated, and the parts are exact.
    """
    left, right = _exact(instance)
    weights = jnp.stack([instance["tau"], 1 - instance["tau"]]) / jnp.stack([left.alpha, right.alpha])
    vec = normalize(vector_sum(left, right, weights=weights))
    norm = jnp.linalg.norm(matmul(weights, instance["psi"]))
    return Sides(jnp.linalg.norm(run(vec)) / (vec.alpha * norm), jnp.ones(()))


@claim(
    source="Rattew et al. (2025), Lemma 2",
    statement="The alpha of a normalized product is the product of the alphas of matrix and vector over its norm.",
    formula=r"\alpha' = \alpha\beta/N,\ N = \|A\psi\|",
    relation="==",
    draw=matrix_and_vector,
    sizes=(2, 8),
    over=POWERS,
)
def alpha_of_matrix_times_vector(instance: Instance) -> Sides:
    """The measured quantity is the flagged amplitude of the package's circuit times alpha'.

    Every ancilla is simulated, and the parts are exact.
    """
    matrix, psi, slack = instance["matrix"], instance["psi"], instance["slack"] - 1
    enc, vec = erring_matrix(matrix, 0 * matrix, slack), erring_vector(psi, 0 * psi, slack)
    product = normalize(matrix_vector_product(enc, vec))
    ratio = enc.alpha * vec.alpha / jnp.linalg.norm(matmul(matrix, psi))
    return Sides(jnp.linalg.norm(run(product)) * ratio / product.alpha, jnp.ones(()))


CLAIMS = (
    error_of_sum,
    error_of_plain_sum,
    error_of_matrix_times_vector,
    error_of_tensor,
    error_of_concatenation,
    alpha_of_concatenation,
    alpha_of_sum,
    alpha_of_matrix_times_vector,
)
