"""Claims about Lemma 6: the success amplitude of a block, and the growth of errors through it.

References:
    Rattew et al. (2025), Lemma 6. https://arxiv.org/abs/2510.07195
"""

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax.claims.engine.claim import EVERY_SIZE, POWERS, Instance, Sides, claim
from qla_jax.claims.engine.instances import (
    between,
    displacement,
    into_ball,
    onto_contractions,
    onto_sphere,
    projected,
)
from qla_jax.claims.engine.parts import erring_vector
from qla_jax.claims.networks.norms import weight_and_state
from qla_jax.claims.networks.pooling import WITHIN
from qla_jax.encodings.base.vector import run
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.linalg.products import matmul
from qla_jax.networks.residual import (
    LIPSCHITZ,
    NORM_RANGE,
    SCALE,
    SkipNormBlock,
    ideal_skip_norm,
    published_error,
    skip_norm_block,
    worst_case_error,
)
from qla_jax.polynomials import chebyshev, erf

PUBLISHED_AMPLITUDE = 1 / 400
LARGEST = 0.01
"""Largest error of a vector. Weights are shorter by as much, since nothing is proven for arguments above 1."""


def weight_state_and_kappa(size: int, *, key: Array) -> Instance:
    """Draw a contraction, a unit vector, and the subnormalization of the weight.

    Args:
        size: dimension of the vector.
        key: random key of the draw.
    """
    first, second = jax.random.split(key)
    return {**weight_and_state(size, key=first), "kappa": jax.random.uniform(second, minval=1.0, maxval=2.0)}


onto_weight_state_and_kappa = projected(weight=onto_contractions, psi=onto_sphere, kappa=between(1.0, 2.0))


def _norm_and_slope(instance: Instance) -> tuple[Array, Array]:
    _, norm = ideal_skip_norm(lambda x: matmul(instance["weight"], x), instance["psi"])
    return norm, LIPSCHITZ * instance["kappa"]


@claim(
    source="Rattew et al. (2025), Lemma 6",
    statement="With the subnormalization of the paper the success amplitude of a block is at least 1/400.",
    formula=r"N/(1 + 4s) \ge \tfrac1{400},\ s = L\kappa,\ \kappa \in [1, 2]",
    relation=">=",
    draw=weight_state_and_kappa,
    sizes=(2, 16),
    over=EVERY_SIZE,
    project=onto_weight_state_and_kappa,
    loose=True,
)
def amplitude_as_published(instance: Instance) -> Sides:
    """The amplitude stays above 1/85."""
    norm, slope = _norm_and_slope(instance)
    return Sides(norm / (1 + 4 * slope), jnp.asarray(PUBLISHED_AMPLITUDE))


@claim(
    source="derived, for Lemma 6",
    statement="With the package's subnormalization the success amplitude is at least 0.0511 at kappa = 1, and 0.0347 "
    "at 2.",
    formula=r"N/(1 + s) \ge (1 - L)/(1 + L\kappa)",
    relation=">=",
    draw=weight_state_and_kappa,
    sizes=(2, 16),
    over=EVERY_SIZE,
    project=onto_weight_state_and_kappa,
)
def amplitude(instance: Instance) -> Sides:
    """The bound is approached as the dimension grows."""
    norm, slope = _norm_and_slope(instance)
    return Sides(norm / (1 + slope), NORM_RANGE[0] / (1 + slope))


@claim(
    source="derived, for Lemma 6",
    statement="The success amplitude of the package's circuit is N/(1 + s), with s the 1-norm of the coefficients of "
    "P(x)/x.",
    formula=r"\|\langle 0|U|0\rangle|0\rangle\| = N/(1 + s)",
    relation="==",
    draw=weight_state_and_kappa,
    sizes=(2,),
    over=POWERS,
)
def amplitude_of_circuit(instance: Instance) -> Sides:
    """The circuit is simulated with every ancilla for a polynomial of degree 3.

    For every kappa, s is kappa times P(x)/x at 0.
    """
    kappa, poly = instance["kappa"], erf(SCALE, degree=3)
    weight = block_encode(WITHIN * instance["weight"], alpha=kappa)
    net = skip_norm_block(weight, vector_encode(instance["psi"]), poly=poly)
    steepest = chebyshev.evaluate(chebyshev.quotient(poly.coeffs), jnp.asarray(-1.0))
    return Sides(jnp.linalg.norm(run(net)) / net.alpha, net.norm / (1 + kappa * steepest))


def block_and_error(size: int, *, key: Array) -> Instance:
    """Draw a contraction, a unit vector and a small error.

    Args:
        size: dimension of the vector.
        key: random key of the draw.
    """
    first, second, third = jax.random.split(key, 3)
    return {
        **weight_and_state(size, key=first),
        "error": displacement((size,), 1e-5, LARGEST, key=second),
        "slack": jax.random.uniform(third),
    }


onto_block_and_error = projected(
    weight=onto_contractions, psi=onto_sphere, error=into_ball(LARGEST), slack=between(0.0, 1.0)
)


def _block(instance: Instance) -> tuple[Array, SkipNormBlock]:
    """Return the distance from the ideal block of the ideal vector, and the block with a polynomial of degree 7."""
    vec = erring_vector(instance["psi"], instance["error"], instance["slack"])
    weight = instance["weight"] / (1 + LARGEST)
    net = skip_norm_block(block_encode(weight, alpha=1.0), vec, poly=erf(SCALE, degree=7))
    wanted, _ = ideal_skip_norm(lambda x: matmul(weight, x), instance["psi"])
    return jnp.linalg.norm(net.encoded - wanted), net


@claim(
    source="Rattew et al. (2025), Lemma 6",
    statement="The error of a block is at most 712 times the errors of vector and activation.",
    formula=r"\epsilon' \le 712(\epsilon_0 + \epsilon_1)",
    draw=block_and_error,
    sizes=(2, 16),
    project=onto_block_and_error,
    loose=True,
    over=POWERS,
)
def block_error_as_published(instance: Instance) -> Sides:
    """The error e1 is the activation's error in 2-norm."""
    distance, net = _block(instance)
    return Sides(distance, published_error(net.part.eps, net.activation_eps))


@claim(
    source="the package's Lemma 6",
    statement="The distance of a block from the ideal one is within its eps.",
    formula=r"\epsilon' = 2e/(2N - e),\ e = (1 + L\|W\|)\epsilon_0 + \epsilon_1",
    draw=block_and_error,
    sizes=(2, 16),
    project=onto_block_and_error,
    over=POWERS,
)
def tracked_block(instance: Instance) -> Sides:
    """The bound has the instance's own norm N, where the lemma has the worst case."""
    distance, net = _block(instance)
    return Sides(distance, net.eps)


@claim(
    source="derived, for Lemma 6",
    statement="For small errors the error of a block is at most the bound at the smallest norm.",
    formula=r"\epsilon' \le [(1 + L)\epsilon_0 + \epsilon_1]/(1 - L) \le 19.6\epsilon_0 + 10.3\epsilon_1",
    draw=block_and_error,
    sizes=(2, 16),
    project=onto_block_and_error,
    over=POWERS,
)
def block_error(instance: Instance) -> Sides:
    """Errors are up to 0.01."""
    distance, net = _block(instance)
    return Sides(distance, worst_case_error(net.part.eps, net.activation_eps))


CLAIMS = (
    amplitude_as_published,
    amplitude,
    amplitude_of_circuit,
    block_error_as_published,
    tracked_block,
    block_error,
)
