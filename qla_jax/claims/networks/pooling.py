"""Claims about pooling, and about Definition 1 end to end: from a circuit's state to a sampled class.

References:
    Rattew et al. (2025), Definition 1 and Lemma B.20. https://arxiv.org/abs/2510.07195
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax.claims.engine.claim import FROM_TWO, POWERS, Instance, Sides, claim
from qla_jax.claims.engine.instances import (
    contractions,
    displacement,
    into_ball,
    onto_contractions,
    onto_sphere,
    projected,
    unit_vector,
)
from qla_jax.encodings.base.encoding import with_ancillas
from qla_jax.encodings.base.vector import run_projected
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.linalg.products import matmul
from qla_jax.linalg.sampling import multinomial
from qla_jax.networks.pooling import distribution_error, l2_pool
from qla_jax.networks.residual import SCALE, SkipNormBlock, ideal_skip_norm, residual_network
from qla_jax.polynomials import erf

OUTCOMES = 2
SHOTS = 10**6
DOUBT = 1e-12
"""Probability that the frequencies of a true claim deviate by more than the allowance here."""
BLOCKS = 2
DEGREE = 3
WITHIN = 1 - 1e-9
"""Factor that keeps rounding from lifting a norm above 1, where nothing is proven."""


def two_states(size: int, *, key: Array) -> Instance:
    """Draw a unit vector, and an error that is added before normalization.

    Args:
        size: dimension of the vector.
        key: random key of the draw.
    """
    first, second = jax.random.split(key)
    return {"psi": unit_vector(size, key=first), "error": displacement((size,), key=second)}


onto_two_states = projected(psi=onto_sphere, error=into_ball(1.0))


def _pooled(instance: Instance) -> tuple[Array, Array]:
    """Return the difference of the distributions, and the distance of the states."""
    psi = instance["psi"]
    other = onto_sphere(psi + instance["error"])
    return l2_pool(psi, OUTCOMES) - l2_pool(other, OUTCOMES), jnp.linalg.norm(psi - other)


@claim(
    source="Rattew et al. (2025), Lemma B.20",
    statement="The distance of pooled distributions is bounded by the distance of the states.",
    formula=r"\|y - \hat y\|_2 \le 2N\delta/\sqrt C",
    draw=two_states,
    sizes=(2, 4, 16),
    project=onto_two_states,
    over=FROM_TWO,
    loose=True,
)
def pooling_as_published(instance: Instance) -> Sides:
    """There are two outcomes. The bound is loose by the dimension."""
    difference, distance = _pooled(instance)
    return Sides(jnp.linalg.norm(difference), 2 * len(instance["psi"]) / math.sqrt(OUTCOMES) * distance)


@claim(
    source="derived, for Lemma B.20",
    statement="The 1-norm distance of the distributions is at most twice the distance of the states, in any dimension.",
    formula=r"\|y - \hat y\|_1 \le 2\delta",
    draw=two_states,
    sizes=(2, 4, 16),
    project=onto_two_states,
    over=FROM_TWO,
)
def pooling(instance: Instance) -> Sides:
    r"""The proof is $\sum|\psi^2 - \phi^2| \le \|\psi - \phi\|\|\psi + \phi\|$.

    The bound is attained in the limit of a vanishing distance.
    """
    difference, distance = _pooled(instance)
    return Sides(jnp.abs(difference).sum(), distribution_error(distance))


@claim(
    source="derived, for Lemma B.20",
    statement="The 2-norm distance of the distributions, as in Definition 1, is at most sqrt(2) times that of the "
    "states.",
    formula=r"\|y - \hat y\|_2 \le \sqrt2\,\delta",
    draw=two_states,
    sizes=(2, 4, 16),
    project=onto_two_states,
    over=FROM_TWO,
)
def pooling_in_two_norm(instance: Instance) -> Sides:
    r"""Differences of distributions sum to zero, hence $\|v\|_2 \le \|v\|_1/\sqrt2$. The bound is attained."""
    difference, distance = _pooled(instance)
    return Sides(jnp.linalg.norm(difference), math.sqrt(2) * distance)


@claim(
    source="derived, for Lemma B.20",
    statement="Pooling gives the probabilities with which the leading qubit of the circuit is measured.",
    formula=r"y_c = \textstyle\sum_{i \in c}|\langle 0|\langle i|U|0\rangle|0\rangle|^2\alpha^2/\|\gamma\|^2",
    relation="==",
    draw=two_states,
    sizes=(2, 5, 16),
    over=FROM_TWO,
)
def pooling_by_circuit(instance: Instance) -> Sides:
    """The first outcome is computed from the circuit's state. Sizes that are no powers of two have padded registers."""
    vec = vector_encode(3 * instance["psi"], pad=True)
    start = jnp.zeros(1 << vec.num_qubits).at[0].set(1)
    flagged = vec.apply(with_ancillas(start, vec.num_ancillas))[0]
    measured = jnp.sum(jnp.square(jnp.abs(flagged[: len(flagged) // 2]))) / jnp.sum(jnp.square(jnp.abs(flagged)))
    return Sides(l2_pool(vec, OUTCOMES)[0], measured)


def network(size: int, *, key: Array) -> Instance:
    """Draw weights of a network, its input, and a seed of samples.

    Args:
        size: dimension of the vectors.
        key: random key of the draw.
    """
    first, second, third = jax.random.split(key, 3)
    return {
        "weights": contractions(BLOCKS, size, key=first),
        "psi": unit_vector(size, key=second),
        "seed": jnp.round(jax.random.uniform(third, maxval=2.0**30)),
    }


onto_network = projected(weights=onto_contractions, psi=onto_sphere)


def build(instance: Instance, degree: int = DEGREE) -> SkipNormBlock:
    """Build the network as one encoding, with its weights encoded by dilation.

    Args:
        instance: weights and input.
        degree: degree of the polynomials.
    """
    weights = [block_encode(WITHIN * weight, alpha=1.0) for weight in instance["weights"]]
    return residual_network(weights, vector_encode(instance["psi"]), poly=erf(SCALE, degree=degree))


def ideal(instance: Instance) -> Array:
    """Return the output of the network with the exact erf."""
    psi = instance["psi"]
    for weight in instance["weights"]:
        psi, _ = ideal_skip_norm(partial(matmul, WITHIN * weight), psi)
    return psi


@claim(
    source="Rattew et al. (2025), Definition 1",
    statement="The distance of the circuit's distribution from that of the ideal network is within the bound from eps.",
    formula=r"\|y - \hat y\|_2 \le \sqrt2\,\epsilon",
    draw=network,
    sizes=(2, 4),
    project=onto_network,
    over=POWERS[1:4],
)
def class_distribution(instance: Instance) -> Sides:
    """Two skip norm blocks with polynomials of degree 3 are compared with erf, for two outcomes.

    The package computes eps.
    """
    net = build(instance)
    difference = l2_pool(net.encoded, OUTCOMES) - l2_pool(ideal(instance), OUTCOMES)
    return Sides(jnp.linalg.norm(difference), net.eps / math.sqrt(2) * distribution_error(1.0))


@claim(
    source="Rattew et al. (2025), Definition 1",
    statement="The frequencies of sampled classes are those of the ideal network up to eps and statistical "
    "fluctuations.",
    formula=r"\|y - \mathrm{freq}\|_2 \le \sqrt2\,\epsilon + (1 + \sqrt{\ln(1/p)})/\sqrt S",
    draw=network,
    sizes=(2,),
    over=POWERS[1:4],
)
def class_samples(instance: Instance) -> Sides:
    """A million runs of one block's circuit are sampled, with ancillas projected early.

    The allowance is McDiarmid's inequality at p = 1e-12.
    """
    instance = {**instance, "weights": instance["weights"][:1]}
    net = build(instance)
    found = l2_pool(run_projected(net), OUTCOMES)
    key = jax.random.key(instance["seed"].astype(jnp.uint32))
    frequency = multinomial(SHOTS, found, key=key) / SHOTS
    chance = (1 + math.sqrt(-math.log(DOUBT))) / math.sqrt(SHOTS)
    distance = jnp.linalg.norm(frequency - l2_pool(ideal(instance), OUTCOMES))
    return Sides(distance, math.sqrt(2) * net.eps + chance)


CLAIMS = (
    pooling_as_published,
    pooling,
    pooling_in_two_norm,
    pooling_by_circuit,
    class_distribution,
    class_samples,
)
