r"""Claims about products, sums and tensor products of block encodings as published, in plain arrays.

A matrix A encoded with $\alpha$ and error $\epsilon_A$ is some $\tilde A$ with $\|\tilde A\| \le \alpha$ and
$\|A - \tilde A\| = \epsilon_A$; The norm of A itself may exceed alpha by the error. A lemma that neglects this fails.

References:
    Gilyen, Su, Low, Wiebe (2018), Lemmas 52 and 53. https://arxiv.org/abs/1806.01838
"""

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax.claims.engine.claim import EVERY_SIZE, Instance, Sides, claim
from qla_jax.claims.engine.instances import between, contractions, displacement, magnitude, onto_contractions, projected
from qla_jax.claims.engine.parts import spectral
from qla_jax.linalg.products import matmul, tensordot

LARGEST = 0.5
"""Largest error, relative to alpha."""


def two_matrices(size: int, *, key: Array) -> Instance:
    """Draw two encoded contractions, the error of each relative to alpha, alphas, and the weights that an LCU loads.

    Args:
        size: dimension of the matrices.
        key: random key of the draw.
    """
    first, second, third, fourth, fifth = jax.random.split(key, 5)
    return {
        "encoded": contractions(2, size, key=first),
        "error": jax.vmap(lambda key: displacement((size, size), high=LARGEST, key=key))(jax.random.split(second, 2)),
        "alpha": magnitude(0.1, 10.0, (2,), key=third),
        "weights": magnitude(0.2, 5.0, (2,), key=fourth),
        "loaded": displacement((2,), 1e-3, 0.3, key=fifth),
    }


def _small(error: Array) -> Array:
    return LARGEST * onto_contractions(error / LARGEST)


onto_two_matrices = projected(
    encoded=onto_contractions, error=_small, alpha=between(0.1, 10.0), weights=between(0.1, 10.0)
)


def _sides(instance: Instance) -> tuple[Array, Array, Array, Array]:
    """Return the encoded matrices, the ideal ones, alphas and errors."""
    alpha = instance["alpha"]
    error = alpha[:, None, None] * _small(instance["error"])
    encoded = alpha[:, None, None] * instance["encoded"]
    return encoded, encoded + error, alpha, jnp.stack([spectral(error[0]), spectral(error[1])])


@claim(
    source="derived, after Gilyen et al. (2018), Lemma 53",
    statement="The error of a product is at most a sum of two terms and a cross term.",
    formula=r"\|AB - \tilde A\tilde B\| \le \alpha\epsilon_B + \beta\epsilon_A + \epsilon_A\epsilon_B",
    draw=two_matrices,
    sizes=(1, 4),
    over=EVERY_SIZE,
    project=onto_two_matrices,
)
def product_error(instance: Instance) -> Sides:
    """The bound is attained by numbers."""
    (a, b), (ideal_a, ideal_b), (alpha, beta), (off_a, off_b) = _sides(instance)
    return Sides(spectral(matmul(ideal_a, ideal_b) - matmul(a, b)), alpha * off_b + beta * off_a + off_a * off_b)


@claim(
    source="negative control; Gilyen et al. (2018), Lemma 53",
    statement="The error of a product would need no cross term. It needs none where no norm exceeds its alpha.",
    formula=r"\|AB - \tilde A\tilde B\| \le \alpha\epsilon_B + \beta\epsilon_A",
    draw=two_matrices,
    sizes=(1, 4),
    over=EVERY_SIZE,
    project=onto_two_matrices,
    expected_to_hold=False,
)
def product_error_without_cross_term(instance: Instance) -> Sides:
    """Errors of half an alpha violate the bound by a factor of 1.25."""
    (a, b), (ideal_a, ideal_b), (alpha, beta), (off_a, off_b) = _sides(instance)
    return Sides(spectral(matmul(ideal_a, ideal_b) - matmul(a, b)), alpha * off_b + beta * off_a)


@claim(
    source="negative control; as implemented in a library",
    statement="The error of a product would be the sum of alpha times error, both of the same factor.",
    formula=r"\|AB - \tilde A\tilde B\| \le \alpha\epsilon_A + \beta\epsilon_B",
    draw=two_matrices,
    sizes=(1, 4),
    over=EVERY_SIZE,
    project=onto_two_matrices,
    expected_to_hold=False,
)
def product_error_of_own_alpha(instance: Instance) -> Sides:
    """An exact factor 10 and a factor 1, encoded as 0.9, give an error of 1, while the formula gives 0.1."""
    (a, b), (ideal_a, ideal_b), (alpha, beta), (off_a, off_b) = _sides(instance)
    return Sides(spectral(matmul(ideal_a, ideal_b) - matmul(a, b)), alpha * off_a + beta * off_b)


@claim(
    source="Gilyen et al. (2018), Lemma 53",
    statement="The error of a product needs no cross term where the norm of the left factor is at most its alpha.",
    formula=r"\|AB - \tilde A\tilde B\| \le \alpha\epsilon_B + \beta\epsilon_A,\ \|A\| \le \alpha",
    draw=two_matrices,
    sizes=(1, 4),
    over=EVERY_SIZE,
    project=onto_two_matrices,
)
def product_error_within_alpha(instance: Instance) -> Sides:
    """The left factor is cut back to its alpha."""
    (a, b), (ideal_a, ideal_b), (alpha, beta), (_, off_b) = _sides(instance)
    ideal_a = ideal_a / jnp.maximum(1, spectral(ideal_a) / alpha)
    return Sides(spectral(matmul(ideal_a, ideal_b) - matmul(a, b)), alpha * off_b + beta * spectral(ideal_a - a))


@claim(
    source="derived",
    statement="The error of a tensor product has the bound of the error of a product.",
    formula=r"\|A \otimes B - \tilde A \otimes \tilde B\| \le"
    r" \alpha\epsilon_B + \beta\epsilon_A + \epsilon_A\epsilon_B",
    draw=two_matrices,
    sizes=(1, 2),
    over=EVERY_SIZE,
    project=onto_two_matrices,
)
def tensor_error(instance: Instance) -> Sides:
    """The bound is that of a product, with the factors on separate systems."""
    (a, b), (ideal_a, ideal_b), (alpha, beta), (off_a, off_b) = _sides(instance)
    distance = spectral(jnp.kron(ideal_a, ideal_b) - jnp.kron(a, b))
    return Sides(distance, alpha * off_b + beta * off_a + off_a * off_b)


@claim(
    source="derived, after Gilyen et al. (2018), Lemma 52",
    statement="The error of a combination is at most the weighted sum of the errors of its parts. Weights need not "
    "sum to one.",
    formula=r"\|\textstyle\sum_iw_i(A_i - \tilde A_i)\| \le \textstyle\sum_i|w_i|\epsilon_i",
    draw=two_matrices,
    sizes=(1, 4),
    over=EVERY_SIZE,
    project=onto_two_matrices,
)
def combination_error(instance: Instance) -> Sides:
    """The matrices have unequal alphas."""
    encoded, ideal, _, off = _sides(instance)
    weights = instance["weights"]
    return Sides(spectral(tensordot(weights, ideal - encoded, axes=1)), matmul(weights, off))


def _loaded(instance: Instance) -> tuple[Array, Array, Array, Array, Array]:
    """Return the distance of Lemma 52 and its data: one alpha, the 1-norm of the loaded weights, and both errors."""
    alpha = instance["alpha"][0]
    encoded = alpha * instance["encoded"]
    error = alpha * _small(instance["error"])
    weights = instance["weights"]
    wrong = weights + jnp.maximum(instance["loaded"], -0.9 * weights)
    distance = spectral(tensordot(weights, encoded + error, axes=1) - tensordot(wrong, encoded, axes=1))
    beta = jnp.maximum(weights.sum(), wrong.sum())
    off = jnp.maximum(spectral(error[0]), spectral(error[1]))
    return distance, alpha, beta, jnp.abs(wrong - weights).sum(), off


@claim(
    source="derived, after Gilyen et al. (2018), Lemma 52",
    statement="The error of a combination with loaded weights is at most the sum of a loading error and an error of "
    "the parts.",
    formula=r"\epsilon' \le \alpha\epsilon_1 + \beta\epsilon_2",
    draw=two_matrices,
    sizes=(1, 4),
    over=EVERY_SIZE,
    project=onto_two_matrices,
)
def combination_error_with_loading(instance: Instance) -> Sides:
    """The weights are loaded with an error e1 in 1-norm, and the parts have one alpha and the error e2."""
    distance, alpha, beta, first, second = _loaded(instance)
    return Sides(distance, alpha * first + beta * second)


@claim(
    source="negative control; Gilyen et al. (2018), Lemma 52 as printed",
    statement="The error of the parts would have a factor alpha. This is too small for an alpha below 1.",
    formula=r"\epsilon' \le \alpha\epsilon_1 + \alpha\beta\epsilon_2",
    draw=two_matrices,
    sizes=(1, 4),
    over=EVERY_SIZE,
    project=onto_two_matrices,
    expected_to_hold=False,
)
def combination_error_with_loading_as_printed(instance: Instance) -> Sides:
    """The factor is right where errors are relative to alpha.

    For absolute errors it is idle above 1 and wrong below.
    """
    distance, alpha, beta, first, second = _loaded(instance)
    return Sides(distance, alpha * first + alpha * beta * second)


CLAIMS = (
    product_error,
    product_error_without_cross_term,
    product_error_of_own_alpha,
    product_error_within_alpha,
    tensor_error,
    combination_error,
    combination_error_with_loading,
    combination_error_with_loading_as_printed,
)
