"""Claims about Lemma 7: the growth of errors through many blocks.

References:
    Rattew et al. (2025), Lemma 7. https://arxiv.org/abs/2510.07195
"""

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax.claims.engine.claim import EVERY_SIZE, Instance, Sides, claim
from qla_jax.claims.engine.instances import (
    contractions,
    displacement,
    into_ball,
    magnitude,
    onto_contractions,
    onto_sphere,
    projected,
    unit_vector,
)
from qla_jax.claims.networks.pooling import build, ideal
from qla_jax.networks.residual import NORM_RANGE

FACTOR = 712
TWICE = 2 * FACTOR
QUOTIENT = NORM_RANGE[1] / NORM_RANGE[0]
"""Quotient (1 + L)/(1 - L) = 19.556 of the two ends of the norm."""


def network_of(blocks: int, size: int, *, key: Array) -> Instance:
    """Draw weights, a unit vector, and its distance to another one.

    Args:
        blocks: number of weights.
        size: dimension of the vectors.
        key: random key of the draw.
    """
    first, second, third = jax.random.split(key, 3)
    return {
        "weights": contractions(blocks, size, key=first),
        "psi": unit_vector(size, key=second),
        "error": displacement((size,), key=third),
    }


onto_network = projected(weights=onto_contractions, psi=onto_sphere, error=into_ball(1.0))


@claim(
    source="derived, for Lemma 7",
    statement="Each exact block increases distances of unit vectors by a factor of at most 19.6.",
    formula=r"\|F_k(\psi) - F_k(\phi)\| \le \big(\tfrac{1+L}{1-L}\big)^k\|\psi - \phi\|",
    draw=lambda blocks, *, key: network_of(blocks, 4, key=key),
    sizes=(1, 2),
    over=EVERY_SIZE,
    project=onto_network,
)
def network_lipschitz(instance: Instance) -> Sides:
    """The size is k, at dimension 4.

    By Dunkl and Williams the bound holds at any distance. With more blocks the factors are far from attained together.
    """
    other = onto_sphere(instance["psi"] + instance["error"])
    distance = jnp.linalg.norm(ideal(instance) - ideal({**instance, "psi": other}))
    return Sides(distance, QUOTIENT ** len(instance["weights"]) * jnp.linalg.norm(instance["psi"] - other))


@claim(
    source="the package's Lemma 7",
    statement="The distance of a network from the ideal one is within its eps.",
    formula=r"\|\psi_k - \tilde\psi_k\| \le \epsilon_k",
    draw=lambda blocks, *, key: network_of(blocks, 4, key=key),
    sizes=(1, 2),
    over=EVERY_SIZE,
    project=onto_network,
)
def tracked_network(instance: Instance) -> Sides:
    """The size is k, at dimension 4. Polynomials have degree 7, and the input is exact."""
    net = build(instance, degree=7)
    return Sides(jnp.linalg.norm(net.encoded - ideal(instance)), net.eps)


def wanted_error(blocks: int, *, key: Array) -> Instance:
    """Draw an error that k blocks are to have.

    Args:
        blocks: number k of blocks, kept as the shape of an array.
        key: random key of the draw.
    """
    return {"eps": magnitude(1e-6, 1e-1, key=key), "blocks": jnp.ones(blocks)}


def _schedule(instance: Instance) -> Array:
    """Return the error of k blocks by the published recursion, for the errors of each as they are printed."""
    blocks = len(instance["blocks"])
    total = FACTOR * 2 * instance["eps"] / float(TWICE) ** blocks
    for i in range(2, blocks + 1):
        total = FACTOR * (total + instance["eps"] / float(TWICE) ** (blocks - i))
    return total


@claim(
    source="negative control; a note of Rattew et al. (2025), Lemma 7",
    statement="The errors that a note asks of each block would add up to the target error. Their sum is hundreds of "
    "times larger.",
    formula=r"\delta_k \le \epsilon:\ e_i = \epsilon/1424^{k-i}",
    draw=wanted_error,
    sizes=(2, 4),
    over=range(2, 9),
    expected_to_hold=False,
)
def error_schedule_as_printed(instance: Instance) -> Sides:
    """The size is k.

    With an exponent k - i + 1, as in the text of the lemma, the errors add up to the target exactly.
    """
    return Sides(_schedule(instance) / instance["eps"], jnp.ones(()))


CLAIMS = (
    network_lipschitz,
    tracked_network,
    error_schedule_as_printed,
)
