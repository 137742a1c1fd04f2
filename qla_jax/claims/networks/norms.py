"""Claims about norms that skip connections conserve, and the growth of distances through a block.

References:
    Rattew et al. (2025), Lemmas 6, 7 and C.1. https://arxiv.org/abs/2510.07195
"""

import math

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax.claims.engine.claim import EVERY_SIZE, POWERS, Instance, Sides, claim
from qla_jax.claims.engine.instances import contraction, onto_contractions, onto_sphere, projected, unit_vector
from qla_jax.encodings.base.vector import run
from qla_jax.encodings.combine.lemmas import matrix_vector_product
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.linalg.products import matmul
from qla_jax.networks.residual import LIPSCHITZ, SCALE, ideal_skip_norm
from qla_jax.polynomials import erf
from qla_jax.transforms.activation import activate

WITHIN = 1 - 1e-9
"""Factor that keeps rounding from lifting a norm above 1, where nothing is proven."""
TAU = 0.51
"""Weight of the skip connection in the terminal block."""


def weight_and_state(size: int, *, key: Array) -> Instance:
    """Draw a contraction W and a unit vector.

    Args:
        size: dimension of the vector.
        key: random key of the draw.
    """
    first, second = jax.random.split(key)
    return {"weight": contraction(size, key=first), "psi": unit_vector(size, key=second)}


onto_both = projected(weight=onto_contractions, psi=onto_sphere)


@claim(
    source="Rattew et al. (2025), Lemma 6",
    statement="The norm before normalization does not fall below 1 - L: the skip connection conserves it.",
    formula=r"\|\psi + \mathrm{erf}(\tfrac45W\psi)\| \ge 1 - \tfrac{8}{5\sqrt\pi}",
    relation=">=",
    draw=weight_and_state,
    sizes=(2, 4, 16),
    over=EVERY_SIZE,
    project=onto_both,
)
def skip_norm(instance: Instance) -> Sides:
    """The bound is 0.0973; the paper has 0.09.

    It is approached as the dimension grows: 0.1432 at 4, 0.1092 at 16, 0.0981 at 256.
    """
    _, norm = ideal_skip_norm(lambda x: matmul(instance["weight"], x), instance["psi"])
    return Sides(norm, jnp.asarray(1 - LIPSCHITZ))


@claim(
    source="Rattew et al. (2025), Lemma 6",
    statement="The norm before normalization does not rise above 1 + L.",
    formula=r"\|\psi + \mathrm{erf}(\tfrac45W\psi)\| \le 1 + \tfrac{8}{5\sqrt\pi}",
    draw=weight_and_state,
    sizes=(2, 16),
    over=EVERY_SIZE,
    project=onto_both,
)
def skip_norm_from_above(instance: Instance) -> Sides:
    """The bound is approached by W = 1 and a vector with equal entries."""
    _, norm = ideal_skip_norm(lambda x: matmul(instance["weight"], x), instance["psi"])
    return Sides(norm, jnp.asarray(1 + LIPSCHITZ))


@claim(
    source="derived; conjectured minimizer of Lemma 6",
    statement="In D dimensions the norm does not fall below that of W = -1 and a uniform vector.",
    formula=r"\|\psi + \mathrm{erf}(\tfrac45W\psi)\| \ge 1 - \sqrt D\,\mathrm{erf}(\tfrac{4}{5\sqrt D})",
    relation=">=",
    draw=weight_and_state,
    sizes=(2, 4, 16),
    over=EVERY_SIZE,
    project=onto_both,
)
def skip_norm_in_dimension(instance: Instance) -> Sides:
    """The bound is attained. It is not proven that no instance is below."""
    _, norm = ideal_skip_norm(lambda x: matmul(instance["weight"], x), instance["psi"])
    root = math.sqrt(len(instance["psi"]))
    return Sides(norm, jnp.asarray(1 - root * math.erf(SCALE / root)))


@claim(
    source="negative control",
    statement="With plain erf, whose slope exceeds 1, the norm would be conserved, too. It is not: the sum can vanish.",
    formula=r"\|\psi + \mathrm{erf}(W\psi)\| \ge 1 - \tfrac{8}{5\sqrt\pi}",
    relation=">=",
    draw=weight_and_state,
    sizes=(16,),
    over=EVERY_SIZE,
    project=onto_both,
    expected_to_hold=False,
)
def skip_norm_of_plain_erf(instance: Instance) -> Sides:
    """A uniform vector and W = -c make the norm zero for some c < 1. This is why the activation is erf(4x/5)."""
    psi = instance["psi"]
    norm = jnp.linalg.norm(psi + jax.scipy.special.erf(matmul(instance["weight"], psi)))
    return Sides(norm, jnp.asarray(1 - LIPSCHITZ))


@claim(
    source="derived, for Lemma 6",
    statement="Without the skip connection the norm of a block is at most L times that of the weighted input.",
    formula=r"\|P(W\psi)\| \le L\|W\psi\|",
    draw=weight_and_state,
    sizes=(2, 4),
    project=onto_both,
    over=POWERS[:5],
)
def norm_without_skip(instance: Instance) -> Sides:
    """The circuit of the activated product is simulated with every ancilla at degree 3.

    The slope of P is at most L, hence the amplitude is about c at W = c, and the cost is multiplied by 1/c for each
    block.
    """
    weight, psi = WITHIN * instance["weight"], instance["psi"]
    product = matrix_vector_product(block_encode(weight, alpha=1.0), vector_encode(psi))
    found = run(activate(product, erf(SCALE, degree=3)))
    return Sides(jnp.linalg.norm(found), LIPSCHITZ * jnp.linalg.norm(matmul(weight, psi)))


@claim(
    source="negative control",
    statement="Without the skip connection the norm would be conserved, too. It is not: the weight may be zero.",
    formula=r"\|\mathrm{erf}(\tfrac45W\psi)\| \ge 1 - \tfrac{8}{5\sqrt\pi}",
    relation=">=",
    draw=weight_and_state,
    sizes=(16,),
    over=EVERY_SIZE,
    project=onto_both,
    expected_to_hold=False,
)
def norm_without_skip_is_conserved(instance: Instance) -> Sides:
    """The skip connection exists for this reason."""
    product = matmul(instance["weight"], instance["psi"])
    return Sides(jnp.linalg.norm(jax.scipy.special.erf(SCALE * product)), jnp.asarray(1 - LIPSCHITZ))


def weight_state_and_direction(size: int, *, key: Array) -> Instance:
    """Draw a contraction, a unit vector, and a direction in which it is moved.

    Args:
        size: dimension of the vector.
        key: random key of the draw.
    """
    first, second = jax.random.split(key)
    return {**weight_and_state(size, key=first), "direction": unit_vector(size, key=second)}


@claim(
    source="derived, after Lemma 6",
    statement="A block increases the distance of nearby unit vectors by at most the quotient of the two ends of the "
    "norm.",
    formula=r"\|dF_\psi(v)\| \le \tfrac{1+L}{1-L}\|v\|,\ F(\psi) = \tfrac{\psi + f(W\psi)}{\|\psi + f(W\psi)\|}",
    draw=weight_state_and_direction,
    sizes=(4, 16),
    over=EVERY_SIZE,
    project=projected(weight=onto_contractions, psi=onto_sphere, direction=onto_sphere),
)
def block_lipschitz(instance: Instance) -> Sides:
    """Only the part of the direction along the sphere counts.

    The attack reaches 17.2 of 19.6 at dimension 16, and 19.0 at 128.
    """
    psi, direction = instance["psi"], instance["direction"]
    along = direction - matmul(psi, direction) * psi
    moved = jax.jvp(lambda x: ideal_skip_norm(lambda y: matmul(instance["weight"], y), x)[0], (psi,), (along,))[1]
    return Sides(jnp.linalg.norm(moved), (1 + LIPSCHITZ) / (1 - LIPSCHITZ) * jnp.linalg.norm(along))


@claim(
    source="Rattew et al. (2025), Lemma C.1",
    statement="The norm of the terminal block does not fall below 2 tau - 1.",
    formula=r"\|\tau\psi + (1-\tau)W|\psi|^2\| \ge 2\tau - 1 = 0.02",
    relation=">=",
    draw=weight_and_state,
    sizes=(2, 4, 16),
    over=EVERY_SIZE,
    project=onto_both,
)
def terminal_norm(instance: Instance) -> Sides:
    """The bound is attained by a basis vector that W takes to minus itself."""
    psi = instance["psi"]
    norm = jnp.linalg.norm(TAU * psi + matmul((1 - TAU) * instance["weight"], jnp.square(psi)))
    return Sides(norm, jnp.asarray(2 * TAU - 1))


CLAIMS = (
    skip_norm,
    skip_norm_from_above,
    skip_norm_in_dimension,
    skip_norm_of_plain_erf,
    norm_without_skip,
    norm_without_skip_is_conserved,
    block_lipschitz,
    terminal_norm,
)
