"""Claims about ancillas, calls and degrees of the package's encodings, against the paper's counts.

The shapes of an instance are its sizes. Counts do not depend on numbers, so one instance of each size is enough.

References:
    Rattew et al. (2025), Theorem 1, Lemmas 5 to 7, B.18 and B.19. https://arxiv.org/abs/2510.07195
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qla_jax.accounting.costs import cost
from qla_jax.claims.engine.claim import EVERY_SIZE, POWERS, Instance, Sides, claim
from qla_jax.claims.engine.instances import between, magnitude, projected
from qla_jax.claims.engine.parts import erring_vector
from qla_jax.claims.networks.pooling import build
from qla_jax.claims.polynomials.erf import SCALES, TERMS, tail
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.combine.squares import square_product
from qla_jax.encodings.matrices.convolution import block_encode_convolution
from qla_jax.networks.residual import SCALE, chain
from qla_jax.polynomials import erf
from qla_jax.transforms.activation import activate

BITS = 8
"""Number of bits of the column norms in Theorem 1."""
EPS = (1e-12, 1e-1)


def degree_of(degree: int, *, key: Array) -> Instance:
    """Return a degree as the shape of an array. Nothing is drawn, since counts do not depend on numbers.

    Args:
        degree: degree of a polynomial.
        key: unused.
    """
    return {"degree": jnp.ones(degree)}


def _network_of(instance: Instance) -> VectorEncoding:
    """Return a network of two blocks on one qubit, of the instance's degree."""
    half = 0.5 * jnp.eye(2)
    return build({"weights": jnp.stack([half, half]), "psi": jnp.eye(2)[0]}, degree=len(instance["degree"]))


def _number(count: float) -> Array:
    return jnp.asarray(float(count))


@claim(
    source="the package's Lemma 6",
    statement="A block of the package has at most as many ancillas as the lemma allows.",
    formula=r"c + \min(c, 1) + n + \lceil\log_2\tfrac{k+1}2\rceil + 1 \le 2(a + b) + n + 9,"
    r"\ c = \min(a + b, \max(a, b) + 1)",
    draw=degree_of,
    sizes=(7, 63, 511),
    over=range(1, 512, 2),
    counted=True,
)
def ancillas_of_package_block(instance: Instance) -> Sides:
    """The size is the degree. At degree 511 the block needs all of them, and beyond it one more."""
    first = chain(_network_of(instance))[0]
    a, b, n = first.part.num_ancillas, first.weight.num_ancillas, first.num_qubits
    return Sides(_number(first.num_ancillas), _number(2 * (a + b) + n + 9))


@claim(
    source="the package's Lemma 7",
    statement="Two blocks of the package have at most as many ancillas as the lemma allows.",
    formula=r"a_2 \le 2^2(a + 2b + n + 9)",
    draw=degree_of,
    sizes=(7, 63, 511),
    over=range(1, 512, 2),
    counted=True,
)
def ancillas_of_package_network(instance: Instance) -> Sides:
    """The size is the degree. The ancillas are those of the encoding without amplification."""
    net = _network_of(instance)
    blocks = chain(net)
    a, b, n = blocks[0].part.num_ancillas, blocks[0].weight.num_ancillas, net.num_qubits
    return Sides(_number(net.num_ancillas), _number(2 ** len(blocks) * (a + 2 * b + n + 9)))


def _activated(instance: Instance) -> tuple[VectorEncoding, VectorEncoding]:
    """Return a vector with one ancilla on one qubit, and its activation by the instance's degree."""
    vec = erring_vector(jnp.eye(2)[0], jnp.zeros(2), jnp.zeros(()))
    return vec, activate(vec, erf(SCALE, degree=len(instance["degree"])))


@claim(
    source="the package's Lemma B.18",
    statement="An activation of the package has at most as many ancillas as the lemma allows.",
    formula=r"n + a + \min(a, 1) + \lceil\log_2\tfrac{k+1}2\rceil \le n + 2a + 4",
    draw=degree_of,
    sizes=(7, 31),
    over=range(1, 32, 2),
    counted=True,
)
def ancillas_of_package_activation(instance: Instance) -> Sides:
    """The size is the degree. At degree 31 the activation needs all of them, and beyond it one more."""
    vec, activated = _activated(instance)
    return Sides(_number(activated.num_ancillas), _number(vec.num_qubits + 2 * vec.num_ancillas + 4))


@claim(
    source="the package's Lemma 5",
    statement="A convolution of the package has at most as many ancillas as the lemma allows.",
    formula=r"2\lceil\log_2CD\rceil + 3 \le 3 + 8D + 2\log_2CD",
    draw=lambda channels, *, key: {"channels": jnp.ones(channels)},
    sizes=(2, 3, 16),
    over=range(1, 65),
    counted=True,
)
def ancillas_of_package_convolution(instance: Instance) -> Sides:
    """The size is C, with 2 x 2 taps on an image of 4 x 4 pixels, whose size does not matter."""
    channels, taps = len(instance["channels"]), 2
    enc = block_encode_convolution(jnp.ones((channels, channels, taps, taps)), (4, 4), padding="top-left")
    return Sides(_number(enc.num_ancillas), _number(3 + 8 * taps + 2 * np.log2(channels * taps)))


@claim(
    source="the package's Theorem 1",
    statement="Squares of amplitudes have at most as many ancillas in the package as the theorem allows.",
    formula=r"a + \min(a, 1) + n + 1 \le 2a + d + 3 + n",
    draw=lambda size, *, key: {"psi": jnp.eye(size)[0]},
    sizes=(2, 8, 64),
    over=POWERS[:7],
    counted=True,
)
def ancillas_of_package_squares(instance: Instance) -> Sides:
    """The column norms have d = 8 bits."""
    psi = instance["psi"]
    vec = erring_vector(psi, 0 * psi, jnp.zeros(()))
    squares = square_product(jnp.eye(len(psi)), vec, bits=BITS)
    return Sides(_number(squares.num_ancillas), _number(2 * vec.num_ancillas + BITS + 3 + vec.num_qubits))


@claim(
    source="derived; Rattew, Rebentrost (2023) with six controlled calls",
    statement="An activation of degree k calls its vector k times; with six calls for a diagonal it would be 6k - 5.",
    formula=r"\mathrm{calls}(U_x) = k",
    relation="==",
    draw=degree_of,
    sizes=(3, 7, 31),
    over=range(1, 64, 2),
    counted=True,
)
def calls_of_activation(instance: Instance) -> Sides:
    """The size is the degree. Calls are counted over the circuit."""
    _, activated = _activated(instance)
    return Sides(_number(cost(activated).depth), _number(len(instance["degree"])))


@claim(
    source="derived, for Lemma 7",
    statement="A chain of k blocks of degree d calls its input (d + 1)^k times.",
    formula=r"\mathrm{calls}(U_\psi) = (d + 1)^k",
    relation="==",
    draw=degree_of,
    sizes=(3, 7, 31),
    over=range(1, 64, 2),
    counted=True,
)
def calls_of_network(instance: Instance) -> Sides:
    """The network has two blocks without amplification, and the size is the degree.

    Calls are counted over the circuit.
    """
    net, d = _network_of(instance), len(instance["degree"])
    return Sides(_number(cost(net).num_queries["StatePreparation[0]"]), _number((d + 1) ** len(chain(net))))


def scale_and_error(blocks: int, *, key: Array) -> Instance:
    """Draw a scale of erf and a target error.

    Args:
        blocks: number of blocks, kept as the shape of an array.
        key: random key of the draw.
    """
    first, second = jax.random.split(key)
    return {
        "scale": jax.random.uniform(first, minval=SCALES[0], maxval=SCALES[1]),
        "eps": magnitude(*EPS, key=second),
        "blocks": jnp.ones(blocks),
    }


onto_scale_and_error = projected(scale=between(*SCALES), eps=between(*EPS))


def degree(scale: Array, eps: Array) -> Array:
    """Return the smallest degree whose tail is at most eps, by the paper's bound.

    Args:
        scale: scale m of erf(m x).
        eps: absolute error of the polynomial on [-1, 1].
    """
    j = np.arange(TERMS)
    weight = 1 / (2 * j + 1) + 1 / np.maximum(2 * j - 1, 1)
    tails = jnp.stack([tail(scale, k, weight) for k in range(1, 2 * TERMS - 10, 2)])
    return 1 + 2 * jnp.sum(tails > eps)


@claim(
    source="Rattew et al. (2025), Lemma B.19",
    statement="The degree that reaches an error grows with the logarithm of the error.",
    formula=r"k \le m\ln(1/\epsilon) + 3",
    draw=scale_and_error,
    sizes=(1,),
    over=EVERY_SIZE,
    project=onto_scale_and_error,
)
def degree_by_logarithm(instance: Instance) -> Sides:
    """Errors are from 1e-12 to 0.1 and scales from 0.8 to 1.6. The constants are read off the degrees."""
    scale, eps = instance["scale"], instance["eps"]
    return Sides(degree(scale, eps), 3 - scale * jnp.log(eps))


@claim(
    source="Low, Chuang (2017), Corollary 4",
    statement="For a fixed scale the degree grows more slowly than the logarithm of the error.",
    formula=r"k \le 2 + \sqrt{(m^2 + \ln(1/\epsilon))\ln(1/\epsilon)}",
    draw=scale_and_error,
    sizes=(1,),
    over=EVERY_SIZE,
    project=onto_scale_and_error,
)
def degree_by_root(instance: Instance) -> Sides:
    """The law is asymptotic: the constants 2 and 1 are read off the degrees, and so is their range."""
    scale, log = instance["scale"], -jnp.log(instance["eps"])
    return Sides(degree(scale, instance["eps"]), 2 + jnp.sqrt((jnp.square(scale) + log) * log))


@claim(
    source="derived, for Lemma 7",
    statement="The number of all calls of k blocks is a power k of the logarithm of the error.",
    formula=r"(d(\epsilon) + 1)^k \le (\tfrac45\ln(1/\epsilon) + 4)^k",
    draw=scale_and_error,
    sizes=(1, 2, 4),
    over=EVERY_SIZE,
    project=onto_scale_and_error,
)
def calls_by_logarithm(instance: Instance) -> Sides:
    """The size is k, and eps is the error of the polynomial.

    The paper has a power 2k, with a second logarithm from amplification.
    """
    eps, blocks = instance["eps"], len(instance["blocks"])
    return Sides((degree(jnp.asarray(SCALE), eps) + 1.0) ** blocks, (4 - SCALE * jnp.log(eps)) ** blocks)


CLAIMS = (
    ancillas_of_package_block,
    ancillas_of_package_network,
    ancillas_of_package_activation,
    ancillas_of_package_convolution,
    ancillas_of_package_squares,
    calls_of_activation,
    calls_of_network,
    degree_by_logarithm,
    degree_by_root,
    calls_by_logarithm,
)
