"""Claims about readouts: cost and error of measured states, from exact laws rather than from samples.

References:
    Brassard, Hoyer, Mosca, Tapp (2002), Theorem 12. https://arxiv.org/abs/quant-ph/0005055
    Huang, Kueng, Preskill (2020), Theorem 1. https://arxiv.org/abs/2002.08953
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, Theorem II.1. https://arxiv.org/abs/2402.18940
"""

import math
from itertools import product

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax.claims.engine.claim import EVERY_SIZE, FROM_TWO, Instance, Sides, claim
from qla_jax.claims.engine.instances import between, magnitude, onto_sphere, projected, unit_vector, unit_vectors
from qla_jax.linalg.pauli import expectation
from qla_jax.linalg.products import vdot
from qla_jax.measurement.amplitude_estimation import SUCCESS, amplitude_law, amplitude_of
from qla_jax.measurement.overlaps import modulus_error
from qla_jax.measurement.pauli_bases import outcome_law
from qla_jax.measurement.quantum_dct import chebyshev_coefficients, dct, from_chebyshev
from qla_jax.measurement.shadows import _pauli_estimate

MEDIAN_OF = 5


def two_vectors(size: int, *, key: Array) -> Instance:
    """Draw two unit vectors.

    Args:
        size: dimension of the vectors.
        key: random key of the draw.
    """
    return {"vectors": unit_vectors(2, size, key=key)}


def one_vector(size: int, *, key: Array) -> Instance:
    """Draw a unit vector.

    Args:
        size: dimension of the vector.
        key: random key of the draw.
    """
    return {"x": unit_vector(size, key=key)}


def vector_and_errors(size: int, *, key: Array) -> Instance:
    """Draw a unit vector, a precision, and errors of half of its coefficients that stay within it.

    Args:
        size: dimension of the vector.
        key: random key of the draw.
    """
    first, second, third = jax.random.split(key, 3)
    return {
        "x": unit_vector(size, key=first),
        "errors": jax.random.uniform(second, (size // 2,), minval=-1.0),
        "eps": magnitude(1e-3, 1.0, key=third),
    }


def probability(size: int, *, key: Array) -> Instance:
    """Draw a probability that is uniform in its angle.

    Args:
        size: number of points, kept as the shape of an array.
        key: random key of the draw.
    """
    theta = jax.random.uniform(key, maxval=math.pi / 2)
    return {"theta": theta, "points": jnp.ones(size)}


@claim(
    source="Towards Fault-Tolerant Quantum Deep Learning (2025), section II.4",
    statement="The discrete Chebyshev basis is orthonormal.",
    formula=r"\langle Tx, Ty\rangle = \langle x, y\rangle",
    relation="==",
    draw=two_vectors,
    sizes=(5, 16),
    over=EVERY_SIZE,
)
def chebyshev_basis(instance: Instance) -> Sides:
    """T is the orthonormal DCT-II of any length."""
    x, y = instance["vectors"]
    return Sides(vdot(dct(x, (0,)), dct(y, (0,))), vdot(x, y))


@claim(
    source="Towards Fault-Tolerant Quantum Deep Learning (2025), Algorithm 1",
    statement="All coefficients together determine the state.",
    formula=r"\|\sum_{k<N}c_k|t_k\rangle - x\| = 0",
    relation="==",
    draw=one_vector,
    sizes=(5, 16),
    over=EVERY_SIZE,
)
def chebyshev_lossless(instance: Instance) -> Sides:
    """The state is recovered to rounding."""
    x = instance["x"]
    whole = from_chebyshev(chebyshev_coefficients(x, x.shape, (0,)), x.shape, (0,))
    return Sides(jnp.linalg.norm(whole - x), jnp.zeros(()))


@claim(
    source="derived, for Algorithm 1 of Towards Fault-Tolerant Quantum Deep Learning (2025)",
    statement="The squared error of a truncation is the sum of the squared coefficients that are left out.",
    formula=r"\|x - P_rx\|^2 = \sum_{k\ge r}c_k^2",
    relation="==",
    draw=one_vector,
    sizes=(5, 16),
    over=FROM_TWO,
)
def chebyshev_truncation(instance: Instance) -> Sides:
    """The rank is half of the length.

    The truncation has the least error in the Euclidean norm, but not in the maximum norm.
    """
    x = instance["x"]
    rank = x.size // 2
    kept = from_chebyshev(chebyshev_coefficients(x, (rank,), (0,)), x.shape, (0,))
    return Sides(jnp.sum(jnp.square(x - kept)), jnp.sum(jnp.square(dct(x, (0,))[rank:])))


@claim(
    source="derived, for Theorem II.1 of Towards Fault-Tolerant Quantum Deep Learning (2025)",
    statement="The error of a readout by r coefficients is bounded by their precision and the truncation.",
    formula=r"\|\tilde x - x\| \le \sqrt{r\epsilon^2 + \sum_{k\ge r}c_k^2}",
    draw=vector_and_errors,
    sizes=(4, 16),
    project=projected(x=onto_sphere, errors=between(-1.0, 1.0), eps=between(1e-3, 1.0)),
    over=FROM_TWO,
)
def chebyshev_error(instance: Instance) -> Sides:
    """The bound is attained where every coefficient is off by the whole precision."""
    x, errors = instance["x"], instance["eps"] * instance["errors"]
    c = chebyshev_coefficients(x, errors.shape, (0,))
    tail = jnp.sum(jnp.square(dct(x, (0,))[errors.size :]))
    found = from_chebyshev(c + errors, x.shape, (0,))
    return Sides(jnp.linalg.norm(found - x), jnp.sqrt(errors.size * instance["eps"] ** 2 + tail))


@claim(
    source="Brassard, Hoyer, Mosca, Tapp (2002), Theorem 12",
    statement="One run of amplitude estimation ends close to the truth with a probability of more than four in five.",
    formula=r"P(|\tilde a - a| \le 2\pi\sqrt{a(1-a)}/M + \pi^2/M^2) \ge 8/\pi^2",
    relation=">=",
    draw=probability,
    sizes=(3, 8, 101),
    over=EVERY_SIZE,
)
def estimation_success(instance: Instance) -> Sides:
    """The probability is a sum over the exact law, and the size is M.

    It nearly meets the bound half-way between two points.
    """
    a, points, law, estimates = _law(instance)
    reach = 2 * math.pi * jnp.sqrt(a * (1 - a)) / points + (math.pi / points) ** 2
    return Sides(jnp.sum(jnp.where(jnp.abs(estimates - a) <= reach + 1e-12, law, 0)), jnp.asarray(SUCCESS))


@claim(
    source="derived, for Theorem 12 of Brassard, Hoyer, Mosca, Tapp (2002)",
    statement="The mean square error of a signed coefficient by one run decays like the precision, not its square.",
    formula=r"E(\tilde c - c)^2 = 2\sin^2(M\theta)/M = \epsilon\sin^2(M\theta)/\pi, \epsilon = 2\pi/M",
    relation="==",
    draw=probability,
    sizes=(3, 8, 101),
    over=FROM_TWO,
)
def estimation_heavy_tail(instance: Instance) -> Sides:
    """The coefficient is $c = 2a - 1$, and M is at least 2.

    Outliers over the whole range make the root mean square error decay only like the root of the precision. The
    estimate from a single point is 0 for every probability.
    """
    a, points, law, estimates = _law(instance)
    mean_square = jnp.sum(law * jnp.square(2 * (estimates - a)))
    return Sides(mean_square, 2 * jnp.square(jnp.sin(points * instance["theta"])) / points)


@claim(
    source="derived, for Theorem 12 of Brassard, Hoyer, Mosca, Tapp (2002)",
    statement="The median of five runs has a root mean square error within the precision.",
    formula=r"\sqrt{E(\tilde c - c)^2} \le \epsilon, \epsilon = 2\pi/M",
    draw=probability,
    sizes=(8, 101, 629),
    over=EVERY_SIZE,
)
def estimation_median(instance: Instance) -> Sides:
    """The error comes from the exact law of the middle order statistic.

    The bound is found for these sizes and not proven for all.
    """
    a, points, law, estimates = _law(instance)
    order = jnp.argsort(estimates)
    below = jnp.clip(jnp.cumsum(law[order]), 0, 1)
    least = (MEDIAN_OF + 1) // 2
    reached = sum(
        math.comb(MEDIAN_OF, k) * below**k * (1 - below) ** (MEDIAN_OF - k) for k in range(least, MEDIAN_OF + 1)
    )
    median_law = jnp.diff(jnp.asarray(reached), prepend=0)
    error = jnp.sqrt(jnp.sum(median_law * jnp.square(2 * (estimates[order] - a))))
    return Sides(error, jnp.asarray(2 * math.pi / points))


def _law(instance: Instance) -> tuple[Array, int, Array, Array]:
    """Return the probability, the number of points, the law of the outcomes and their estimates."""
    a, points = jnp.square(jnp.sin(instance["theta"])), instance["points"].size
    return a, points, amplitude_law(a, points), amplitude_of(jnp.arange(points), points)


onto_overlap_and_error = projected(overlap=between(1e-4, 1.0), eps=between(1e-4, 1e-1), error=between(-1.0, 1.0))


def overlap_and_error(size: int, *, key: Array) -> Instance:
    """Draw the modulus of an overlap, a precision of its square, and errors within it.

    Args:
        size: number of errors.
        key: random key of the draw.
    """
    first, second, third = jax.random.split(key, 3)
    return {
        "overlap": magnitude(1e-4, 1.0, key=first),
        "eps": magnitude(1e-4, 1e-1, key=second),
        "error": jax.random.uniform(third, (size,), minval=-1.0),
    }


@claim(
    source="derived, for the swap test of Buhrman, Cleve, Watrous, de Wolf (2001)",
    statement="The error of an overlap's modulus from the swap test is at most sqrt(eps), and at most eps over the "
    "modulus.",
    formula=r"|\sqrt{\tilde s} - |\langle x|y\rangle|| \le \min(\sqrt\epsilon, \epsilon/|\langle x|y\rangle|)",
    draw=overlap_and_error,
    sizes=(1,),
    over=EVERY_SIZE,
    project=onto_overlap_and_error,
)
def swap_test_modulus(instance: Instance) -> Sides:
    """Negative squares count as zero. The square root is attained at zero overlap."""
    return Sides(_modulus_off_by(instance), modulus_error(instance["eps"], instance["overlap"]))


@claim(
    source="negative control, for the swap test",
    statement="The modulus of an overlap would be known as well as its square. Near zero it is not.",
    formula=r"|\sqrt{\tilde s} - |\langle x|y\rangle|| \le \epsilon",
    draw=overlap_and_error,
    sizes=(1,),
    over=EVERY_SIZE,
    project=onto_overlap_and_error,
    expected_to_hold=False,
)
def swap_test_modulus_as_the_square(instance: Instance) -> Sides:
    """The claim fails near zero, by a factor of one over twice the overlap or more."""
    return Sides(_modulus_off_by(instance), instance["eps"])


def _modulus_off_by(instance: Instance) -> Array:
    overlap = instance["overlap"]
    square = jnp.square(overlap) + instance["eps"] * instance["error"][0]
    return jnp.abs(jnp.sqrt(jnp.maximum(square, 0)) - overlap)


@claim(
    source="Huang, Kueng, Preskill (2020), Theorem 1 and Proposition 3",
    statement="The estimate of a word of weight w from one copy in random Pauli bases has at most its shadow norm as "
    "variance.",
    formula=r"\mathrm{Var}(\hat o) = 3^w - \langle P\rangle^2 \le 3^w",
    draw=lambda size, *, key: {"psi": unit_vector(2 << size, key=key)},
    sizes=(1, 2, 3),
    over=EVERY_SIZE,
)
def shadow_variance(instance: Instance) -> Sides:
    """The variance is computed from all bases and all outcomes.

    The size is w, on w + 1 qubits, and the word has X, Y and Z in turn.
    """
    psi = instance["psi"].astype(complex)
    qubits = psi.size.bit_length() - 1
    word = ("XYZ" * qubits)[: qubits - 1] + "I"
    bases = jnp.asarray(list(product(range(3), repeat=qubits)))
    outcomes = jnp.arange(psi.size)[:, None] >> jnp.arange(qubits - 1, -1, -1)[None]
    signs = 1 - 2 * (outcomes & 1)

    def moments(basis: Array) -> Array:
        estimates = jax.vmap(lambda sign: _pauli_estimate(word, basis, sign))(signs)
        return jnp.sum(outcome_law(psi, basis)[:, None] * jnp.stack([estimates, estimates**2], axis=1), axis=0)

    mean, square = jax.vmap(moments)(bases).mean(axis=0)
    # the estimate is unbiased, so the last term is rounding
    variance = square - mean**2 + jnp.abs(mean - expectation(word, psi))
    return Sides(variance, jnp.asarray(float(3 ** (qubits - 1))))


CLAIMS = (
    chebyshev_basis,
    chebyshev_lossless,
    chebyshev_truncation,
    chebyshev_error,
    estimation_success,
    estimation_heavy_tail,
    estimation_median,
    swap_test_modulus,
    swap_test_modulus_as_the_square,
    shadow_variance,
)
