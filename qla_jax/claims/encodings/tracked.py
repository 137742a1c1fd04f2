"""Claims about the package's own error bounds: `eps` of a composite encoding against the error of its circuit.

Each part is a circuit of another array than it is declared to encode (`parts.py`), at a distance of exactly its eps.
The measured quantity is the distance of the composite's circuit, simulated with every ancilla, from the ideal
composite.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax.claims.encodings.algebra import onto_two_matrices, two_matrices
from qla_jax.claims.encodings.vectors import onto_two_vectors, two_vectors
from qla_jax.claims.engine.claim import POWERS, Claim, Instance, Sides, claim
from qla_jax.claims.engine.instances import into_ball
from qla_jax.claims.engine.parts import erring_matrix, erring_vector, spectral
from qla_jax.claims.networks.norms import WITHIN
from qla_jax.claims.transforms.activation import f, poly
from qla_jax.encodings.base.block import BlockEncoding, block, postselect
from qla_jax.encodings.base.vector import VectorEncoding, run
from qla_jax.encodings.combine.algebra import linear_combination, product
from qla_jax.encodings.combine.joint import tensor
from qla_jax.encodings.combine.lemmas import concatenate, matrix_vector_product, vector_sum, vector_tensor
from qla_jax.encodings.combine.squares import square_product
from qla_jax.encodings.matrices.amplitudes import diagonal_of_amplitudes
from qla_jax.linalg.products import matmul
from qla_jax.transforms.activation import activate
from qla_jax.transforms.chebyshev_lcu import chebyshev_lcu
from qla_jax.transforms.singular_values import qsvt

ODD = (0.0, 0.3, 0.0, 0.6)
"""Chebyshev coefficients of the polynomial of singular values, which is below 1."""
EVEN = (0.1, -0.4, 0.4)
"""Coefficients of T_0, T_2 and T_4."""


def parts(size: int, *, key: Array) -> Instance:
    """Draw two vectors and two matrices with their errors, and weights.

    Args:
        size: dimension of vectors and matrices.
        key: random key of the draw.
    """
    first, second = jax.random.split(key)
    return {**two_vectors(size, key=first), **{f"matrix_{k}": v for k, v in two_matrices(size, key=second).items()}}


def onto_parts(instance: Instance) -> Instance:
    """Project errors, lengths and alphas of an instance onto their constraints."""
    matrices = {name.removeprefix("matrix_"): part for name, part in instance.items() if name.startswith("matrix_")}
    vectors = {name: part for name, part in instance.items() if not name.startswith("matrix_")}
    return {**onto_two_vectors(vectors), **{f"matrix_{k}": v for k, v in onto_two_matrices(matrices).items()}}


def _vectors(instance: Instance, longest: float = 2.0) -> tuple[tuple[Array, Array], tuple[VectorEncoding, ...]]:
    x = 0.5 * longest * instance["psi"]
    error = into_ball(0.5 * longest)(instance["error"])
    return (x[0], x[1]), tuple(erring_vector(x[i], error[i], instance["slack"][i] - 1) for i in range(2))


def _matrices(instance: Instance) -> tuple[tuple[Array, Array], tuple[BlockEncoding, ...]]:
    alpha = instance["matrix_alpha"][:, None, None]
    ideal = alpha * (instance["matrix_encoded"] + instance["matrix_error"])
    error = -alpha * instance["matrix_error"]
    return (ideal[0], ideal[1]), tuple(erring_matrix(ideal[i], error[i], instance["slack"][i] - 1) for i in range(2))


def _contraction(instance: Instance) -> tuple[Array, BlockEncoding]:
    """Return a contraction and its encoding with alpha = 1 and an error below 1/2.

    The encoded matrix is a contraction, too.
    """
    ideal = onto_ball(instance["matrix_encoded"][0])
    wrong = onto_ball(ideal + instance["matrix_error"][0])
    return ideal, erring_matrix(ideal, wrong - ideal, jnp.zeros(()), alpha=1.0)


def onto_ball(matrix: Array) -> Array:
    """Shorten a matrix of norm above 1 to norm 1."""
    return matrix / jnp.maximum(1, spectral(matrix))


def _distance(enc: VectorEncoding | BlockEncoding, ideal: Array) -> Sides:
    """Return the distance of the circuit from the ideal, and eps."""
    if isinstance(enc, VectorEncoding):
        return Sides(jnp.linalg.norm(run(enc) - ideal), enc.eps)
    columns = jax.vmap(postselect, in_axes=(None, 0), out_axes=1)(enc, jnp.eye(enc.shape[1]))
    return Sides(spectral(columns - ideal), enc.eps)


def _tracked(
    lemma: str, statement: str, formula: str, sizes: tuple[int, ...] = (2,)
) -> Callable[[Callable[[Instance], Sides]], Claim]:
    return claim(
        source=f"the package's {lemma}",
        statement=statement,
        formula=formula,
        draw=parts,
        sizes=sizes,
        project=onto_parts,
        over=POWERS,
    )


@_tracked("Lemma 1", "The error of a sum of vectors is within its eps.", r"\epsilon' = \textstyle\sum_i|w_i|\epsilon_i")
def tracked_sum(instance: Instance) -> Sides:
    """The weights are arbitrary and the alphas unequal."""
    (x, y), vecs = _vectors(instance)
    weights = instance["matrix_weights"]
    return _distance(vector_sum(*vecs, weights=weights), weights[0] * x + weights[1] * y)


@_tracked(
    "Lemma 2",
    "The error of a matrix times a vector is within its eps.",
    r"\epsilon' = \|A\|\epsilon_x + \epsilon_A\|\tilde x\|",
)
def tracked_matrix_times_vector(instance: Instance) -> Sides:
    """The bound has norms in place of the alphas of the published rule."""
    (x, _), (vec, _) = _vectors(instance)
    (a, _), (enc, _) = _matrices(instance)
    return _distance(matrix_vector_product(enc, vec), matmul(a, x))


@_tracked(
    "Lemma 3",
    "The error of a tensor product of vectors is within its eps.",
    r"\epsilon' = \|\tilde x\|\epsilon_y + \|\tilde y\|\epsilon_x + \epsilon_x\epsilon_y",
)
def tracked_tensor_of_vectors(instance: Instance) -> Sides:
    """The vectors have any length."""
    (x, y), vecs = _vectors(instance)
    return _distance(vector_tensor(*vecs), jnp.kron(x, y))


@_tracked(
    "Lemma 4",
    "The error of a concatenation is within its eps.",
    r"\epsilon' = \sqrt{\textstyle\sum_j\epsilon_j^2}",
)
def tracked_concatenation(instance: Instance) -> Sides:
    """The bound is attained by every instance."""
    (x, y), vecs = _vectors(instance)
    return _distance(concatenate(*vecs), jnp.concatenate([x, y]))


@_tracked(
    "product",
    "The error of a product of matrices is within its eps.",
    r"\epsilon' = \|A\|\epsilon_B + \min(\beta, \|B\| + \epsilon_B)\epsilon_A",
)
def tracked_product(instance: Instance) -> Sides:
    """The matrices have unequal alphas."""
    (a, b), encs = _matrices(instance)
    return _distance(product(*encs), matmul(a, b))


@_tracked(
    "linear combination",
    "The error of a combination of matrices is within its eps.",
    r"\epsilon' = \textstyle\sum_i|w_i|\epsilon_i",
)
def tracked_combination(instance: Instance) -> Sides:
    """The weights have any 1-norm and the matrices unequal alphas."""
    (a, b), encs = _matrices(instance)
    weights = instance["matrix_weights"]
    return _distance(linear_combination(*encs, weights=weights), weights[0] * a + weights[1] * b)


@_tracked(
    "tensor product",
    "The error of a tensor product of matrices is within its eps.",
    r"\epsilon' = \|A\|\epsilon_B + \min(\beta, \|B\| + \epsilon_B)\epsilon_A",
)
def tracked_tensor(instance: Instance) -> Sides:
    """The matrices have unequal alphas."""
    (a, b), encs = _matrices(instance)
    return _distance(tensor(*encs), jnp.kron(a, b))


@_tracked("diagonal", "The error of a diagonal of amplitudes is within its eps.", r"\epsilon' = \epsilon")
def tracked_diagonal(instance: Instance) -> Sides:
    """The bound is attained where the error is in one entry."""
    (x, _), (vec, _) = _vectors(instance)
    return _distance(diagonal_of_amplitudes(vec), jnp.diag(x))


@_tracked(
    "Lemma B.18",
    "The distance of an activation from erf is within its eps.",
    r"\epsilon' = L\epsilon + \min(\sqrt n\delta, r\|x\|)",
)
def tracked_activation(instance: Instance) -> Sides:
    """The polynomial has degree 3 and is re-expanded for an alpha above 1."""
    (x, _), (vec, _) = _vectors(instance, longest=WITHIN)  # nothing is proven for a norm that rounding lifts above 1
    return _distance(activate(vec, poly()), f(x))


@_tracked(
    "Theorem 1",
    "The error of a matrix times squared amplitudes is within its eps.",
    r"\epsilon' = 2\epsilon\|W\mathrm{diag}|y|\| + \epsilon^2\max_j\|w_j\|",
)
def tracked_squares(instance: Instance) -> Sides:
    """Matrix and vector are arbitrary. The only norm of the matrix in alpha is that of its longest column."""
    (x, _), (vec, _) = _vectors(instance)
    (a, _), _ = _matrices(instance)
    return _distance(square_product(a, vec), matmul(a, jnp.square(x)))


@_tracked(
    "Chebyshev combination",
    "The error of an even polynomial of a matrix is within its eps.",
    r"\epsilon' = \textstyle\sum_j|q_{2j}|\min(4j^2\epsilon/\alpha, 2)",
)
def tracked_chebyshev_combination(instance: Instance) -> Sides:
    """The polynomial is fixed, of degree 4. It meets the bound at singular values of 1."""
    a, enc = _contraction(instance)
    gram, one = matmul(a.T, a), jnp.eye(len(a))
    fourth = matmul(8 * gram, gram) - 8 * gram + one
    return _distance(chebyshev_lcu(enc, jnp.array(EVEN)), EVEN[0] * one + EVEN[1] * (2 * gram - one) + EVEN[2] * fourth)


@_tracked(
    "QSVT",
    "The error of an odd polynomial of singular values is within its eps.",
    r"\epsilon' = \min(4d\sqrt\delta, \textstyle\sum_k|c_k|\min(k^2\delta, 2), \dots) + \text{residual}",
)
def tracked_qsvt(instance: Instance) -> Sides:
    """The polynomial is fixed, of degree 3.

    The encoded view is used, since an attack cannot follow gradients of a complex circuit.
    """
    a, part = _contraction(instance)
    enc = qsvt(part, jnp.array(ODD))
    return Sides(spectral(block(enc) - ODD[1] * a - ODD[3] * (matmul(4 * a, a.T, a) - 3 * a)), enc.eps)


CLAIMS = (
    tracked_sum,
    tracked_matrix_times_vector,
    tracked_tensor_of_vectors,
    tracked_concatenation,
    tracked_product,
    tracked_combination,
    tracked_tensor,
    tracked_diagonal,
    tracked_activation,
    tracked_squares,
    tracked_chebyshev_combination,
    tracked_qsvt,
)
