"""Claims about amplification of singular values and vectors, and fixed-point search with closed-form phases.

References:
    Gilyen, Su, Low, Wiebe (2018), Theorems 27 and 30. https://arxiv.org/abs/1806.01838
    Yoder, Low, Chuang (2014). https://arxiv.org/abs/1409.3305
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax.claims.engine.claim import EVERY_SIZE, FROM_TWO, POWERS, Instance, Sides, claim
from qla_jax.claims.engine.instances import (
    between,
    contraction,
    displacement,
    into_ball,
    magnitude,
    onto_contractions,
    onto_sphere,
    projected,
    unit_vector,
)
from qla_jax.claims.engine.parts import erring_vector, spectral
from qla_jax.encodings.base.block import block
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.linalg.products import matmul
from qla_jax.polynomials import chebyshev
from qla_jax.transforms.amplification import amplify, uniform_amplification

GAP, EPS = 0.5, 1e-3
WITHIN = 1 - 1e-9
LEAST_AMPLITUDE = 0.5


def matrix_and_gain(gain: int, *, key: Array) -> Instance:
    """Draw a contraction and a number in [-1, 1].

    Args:
        gain: gain, kept as the shape of an array.
        key: random key of the draw.
    """
    first, second = jax.random.split(key)
    return {
        "matrix": contraction(2, key=first),
        "x": jax.random.uniform(second, minval=-1.0),
        "gain": jnp.ones(gain),
    }


onto_matrix = projected(matrix=onto_contractions, x=between(-1.0, 1.0))


def _amplified(instance: Instance) -> tuple[Array, Any]:
    """Return the largest matrix that the gain allows, and its amplified encoding."""
    gain = len(instance["gain"])
    largest = WITHIN * (1 - GAP) / gain
    # the degree depends on values, so the polynomial is built from a concrete model of the matrix
    with jax.ensure_compile_time_eval():
        model: Any = uniform_amplification(
            block_encode(largest * jnp.eye(2), alpha=1.0), float(gain), gap=GAP, relative_eps=EPS
        )
    matrix = largest * instance["matrix"]
    return matrix, model.replace(part=model.part.replace(part=block_encode(matrix, alpha=1.0)))


@claim(
    source="the package's Theorem 30",
    statement="The distance of an amplified matrix from the original is within its eps.",
    formula=r"\|\alpha'P(A) - A\| \le \epsilon",
    draw=matrix_and_gain,
    sizes=(2, 3),
    project=onto_matrix,
    over=FROM_TWO,
)
def tracked_uniform_amplification(instance: Instance) -> Sides:
    """The size is the gain, with a gap of 1/2 and a relative eps of 1e-3. The encoded view is used."""
    matrix, enc = _amplified(instance)
    return Sides(spectral(block(enc) - matrix), enc.eps)


@claim(
    source="Gilyen et al. (2018), Theorem 30",
    statement="The polynomial multiplies by the gain with a relative error of at most eps.",
    formula=r"|P(x)/(\gamma x) - 1| \le \epsilon,\ |x| \le (1-\delta)/\gamma",
    draw=matrix_and_gain,
    sizes=(2, 3),
    project=onto_matrix,
    over=FROM_TWO,
)
def gain_of_amplification(instance: Instance) -> Sides:
    """The size is the gain. The package's gain is a thousandth smaller, so that the polynomial stays below 1."""
    _, enc = _amplified(instance)
    x = (1 - GAP) / len(instance["gain"]) * jnp.maximum(jnp.abs(instance["x"]), 1e-3)
    return Sides(jnp.abs(enc.alpha * chebyshev.evaluate(enc.part.coeffs, x) / x - 1), jnp.asarray(EPS))


@claim(
    source="Gilyen et al. (2018), Theorem 30",
    statement="The polynomial of uniform amplification stays below 1.",
    formula=r"|P| \le 1",
    draw=matrix_and_gain,
    sizes=(2, 3),
    project=onto_matrix,
    over=FROM_TWO,
)
def size_of_amplification(instance: Instance) -> Sides:
    """The size is the gain."""
    _, enc = _amplified(instance)
    return Sides(jnp.abs(chebyshev.evaluate(enc.part.coeffs, instance["x"])), jnp.ones(()))


def vector_to_amplify(size: int, *, key: Array) -> Instance:
    """Draw a unit vector, an error, and the excess of alpha over its length.

    Args:
        size: dimension of the vector.
        key: random key of the draw.
    """
    first, second, third = jax.random.split(key, 3)
    return {
        "psi": unit_vector(size, key=first),
        "error": displacement((size,), 1e-5, 1e-2, key=second),
        "slack": jax.random.uniform(third, maxval=0.9),
    }


@claim(
    source="the package's Theorem 27",
    statement="The distance of an amplified vector from the original, phase included, is within its eps.",
    formula=r"\|x' - x\| \le \epsilon_x + \epsilon\|\tilde x\|",
    draw=vector_to_amplify,
    sizes=(2,),
    project=projected(psi=onto_sphere, error=into_ball(0.01), slack=between(0.0, 0.9)),
    over=POWERS,
)
def tracked_amplification(instance: Instance) -> Sides:
    """Amplitudes are above 1/2, and the relative error is 1e-3. The encoded view is used."""
    vec = erring_vector(instance["psi"], instance["error"], instance["slack"])
    amplified = amplify(vec, amplitude_bound=LEAST_AMPLITUDE, relative_eps=EPS)
    return Sides(jnp.linalg.norm(amplified.encoded - instance["psi"]), amplified.eps)


def search(steps: int, *, key: Array) -> Instance:
    """Draw an error delta and an amplitude between its least value and 1.

    Args:
        steps: number of steps, kept as the shape of an array.
        key: random key of the draw.
    """
    first, second = jax.random.split(key)
    return {"delta": magnitude(1e-3, 0.7, key=first), "share": jax.random.uniform(second), "steps": jnp.ones(steps)}


onto_search = projected(delta=between(1e-3, 0.7), share=between(0.0, 1.0))


def _start(instance: Instance) -> tuple[Array, Array, int]:
    """Return the amplitude, 1/gamma, and the length L."""
    length = 2 * len(instance["steps"]) + 1
    steepness = jnp.cosh(jnp.arccosh(1 / instance["delta"]) / length)
    least = jnp.sqrt((1 - 1 / steepness) * (1 + 1 / steepness))
    return least + (1 - least) * instance["share"], steepness, length


def _searched(instance: Instance) -> tuple[Array, Array]:
    """Return the amplitudes of target and rest after all steps, by two-dimensional simulation."""
    amplitude, steepness, length = _start(instance)
    start = jnp.stack([amplitude, jnp.sqrt(jnp.maximum((1 - amplitude) * (1 + amplitude), 1e-30))]) + 0j
    state, steps = start, len(instance["steps"])
    angles = jnp.tan(2 * jnp.pi * jnp.arange(1, steps + 1) / length) * jnp.sqrt(1 - jnp.square(1 / steepness))
    alphas = 2 * jnp.arctan2(jnp.ones(steps), angles)
    for alpha, beta in zip(alphas, -alphas[::-1], strict=True):
        state = state.at[0].multiply(jnp.exp(1j * beta))
        state = -(state - (1 - jnp.exp(-1j * alpha)) * start * matmul(start, state))
    return state[0], state[1]


@claim(
    source="Yoder, Low, Chuang (2014)",
    statement="Fixed-point search succeeds with probability 1 - delta^2 for every amplitude above its least.",
    formula=r"|\langle T|S_L|s\rangle|^2 \ge 1 - \delta^2,\ \text{amplitude} \ge \sqrt w",
    relation=">=",
    draw=search,
    sizes=(1, 3, 8),
    over=EVERY_SIZE,
    project=onto_search,
)
def search_succeeds(instance: Instance) -> Sides:
    """The size is the number of steps, with two calls each."""
    target, _ = _searched(instance)
    return Sides(jnp.square(jnp.abs(target)), 1 - jnp.square(instance["delta"]))


@claim(
    source="Yoder, Low, Chuang (2014)",
    statement="The probability of failure is the square of a Chebyshev polynomial of the starting amplitude.",
    formula=r"1 - |\langle T|S_L|s\rangle|^2 = \delta^2T_L(T_{1/L}(1/\delta)\sqrt{1-\lambda})^2",
    relation="==",
    draw=search,
    sizes=(1, 3, 8),
    over=EVERY_SIZE,
)
def search_fails_by_chebyshev(instance: Instance) -> Sides:
    """Above the least amplitude the argument is below 1, so T is a cosine."""
    amplitude, steepness, length = _start(instance)
    argument = jnp.minimum(steepness * jnp.sqrt((1 - amplitude) * (1 + amplitude)), 1)
    _, rest = _searched(instance)
    wanted = instance["delta"] * jnp.cos(length * jnp.arccos(argument))
    return Sides(jnp.square(jnp.abs(rest)), jnp.square(wanted))


@claim(
    source="Yoder, Low, Chuang (2014)",
    statement="A length of ln(2/delta) over the amplitude is enough.",
    formula=r"\sqrt w \le \text{amplitude},\ L = \ln(2/\delta)/\text{amplitude}",
    draw=search,
    sizes=(1,),
    over=EVERY_SIZE,
    project=onto_search,
)
def search_length(instance: Instance) -> Sides:
    """The length is nearly minimal for small amplitudes: the least amplitude is tanh(arccosh(1/delta)/L)."""
    amplitude = jnp.maximum(instance["share"], 1e-3)
    length = jnp.log(2 / instance["delta"]) / amplitude
    return Sides(jnp.tanh(jnp.arccosh(1 / instance["delta"]) / length), amplitude)


@claim(
    source="negative control",
    statement="The state that the search reaches would be the target itself. It has an unknown phase.",
    formula=r"\|S_L|s\rangle - |T\rangle\| \le 2\delta",
    draw=search,
    sizes=(3,),
    over=EVERY_SIZE,
    project=onto_search,
    expected_to_hold=False,
)
def search_keeps_the_phase(instance: Instance) -> Sides:
    """The distance is up to the phase at amplitude 1.

    Between branches an unknown phase is an error, hence the package's real polynomial.
    """
    target, rest = _searched(instance)
    whole, _ = _searched({**instance, "share": jnp.ones(())})
    turned = whole.conj() / jnp.abs(whole)
    distance = jnp.sqrt(jnp.square(jnp.abs(turned * target - 1)) + jnp.square(jnp.abs(rest)))
    return Sides(distance, 2 * instance["delta"])


CLAIMS = (
    tracked_uniform_amplification,
    gain_of_amplification,
    size_of_amplification,
    tracked_amplification,
    search_succeeds,
    search_fails_by_chebyshev,
    search_length,
    search_keeps_the_phase,
)
