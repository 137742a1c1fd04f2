"""What cannot be encoded raises and says why; what only traced values show is returned as a value, never as NaN."""

import re
from collections.abc import Callable
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax import polynomials
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.base.vector import run, run_projected
from qla_jax.encodings.combine.algebra import linear_combination, product, scale
from qla_jax.encodings.combine.joint import controlled
from qla_jax.encodings.combine.lemmas import concatenate, matrix_vector_product, vector_sum
from qla_jax.encodings.combine.normalized import normalize
from qla_jax.encodings.matrices.dense import block_encode, from_unitary
from qla_jax.encodings.vectors.known import vector_encode, vector_from_unitary
from qla_jax.transforms.activation import activate
from qla_jax.transforms.chebyshev_lcu import chebyshev_lcu
from tests.cases import haar, orthogonal, real


class Fault(NamedTuple):
    call: Callable[[], object]
    argument: str
    value: str  # what of the message shows the offending value, as a regular expression


def a(*shape: int):
    return block_encode(real(*shape))


def v(*shape: int):
    return vector_encode(real(*shape), pad=True)


def bring(u=None, **changed):
    return from_unitary(np.eye(8) if u is None else u, **{"num_ancillas": 1, "alpha": 1.0, "eps": 0.0, **changed})


def bring_vector(u=None, **changed):
    return vector_from_unitary(
        np.eye(8) if u is None else u, **{"num_ancillas": 1, "alpha": 1.0, "eps": 0.0, **changed}
    )


NAN, INF = np.array([[1.0, 0.0], [np.nan, 1.0]]), np.array([1.0, 2.0, 3.0, np.inf])

FAULTS = {
    "matrix with NaN": Fault(lambda: block_encode(NAN), "matrix", r"\(1, 0\) is nan"),
    "matrix of three axes": Fault(lambda: block_encode(np.ones((2, 2, 2))), "matrix", r"\(2, 2, 2\)"),
    "matrix of one axis": Fault(lambda: block_encode(np.ones(2)), "matrix", r"\(2,\)"),
    "empty matrix": Fault(lambda: block_encode(np.ones((0, 2))), "matrix", r"\(0, 2\)"),
    "alpha below the norm": Fault(lambda: block_encode(2 * np.eye(2), alpha=1.9), "alpha", r"1\.9.* < 2\.0"),
    "negative alpha": Fault(lambda: block_encode(np.eye(2), alpha=-1.0), "alpha", r"-1\.0"),
    "NaN for alpha": Fault(lambda: block_encode(np.eye(2), alpha=np.nan), "alpha", "nan"),
    "two alphas": Fault(lambda: block_encode(np.eye(2), alpha=np.ones(2)), "alpha", r"\(2,\)"),
    "unitary with NaN": Fault(lambda: bring(NAN), "unitary", r"\(1, 0\) is nan"),
    "unitary not square": Fault(lambda: bring(np.eye(8)[:4]), "unitary", r"\(4, 8\)"),
    "unitary of 6 rows": Fault(lambda: bring(np.eye(6)), "unitary", r"\(6, 6\)"),
    "unitary that is none": Fault(lambda: bring(1.001 * np.eye(8)), "unitary", r"0\.002"),
    "more ancillas than qubits": Fault(lambda: bring(num_ancillas=4), "num_ancillas", r"is 4"),
    "negative ancillas": Fault(lambda: bring(num_ancillas=-1), "num_ancillas", r"is -1"),
    "negative error": Fault(lambda: bring(eps=-0.1), "eps", r"-0\.1"),
    "NaN for an error": Fault(lambda: bring(eps=np.nan), "eps", "nan"),
    "negative norm bound": Fault(lambda: bring(norm_bound=-1.0), "norm_bound", r"-1\.0"),
    "shape beyond the system": Fault(lambda: bring(shape=(2, 5)), "shape", r"\(2, 5\)"),
    "entries beside the shape": Fault(lambda: bring(np.kron(haar(4), haar(2)), shape=(2, 2)), "shape", r"\(2, 2\)"),
    "vector with infinity": Fault(lambda: vector_encode(INF), "x", r"\(3,\) is inf"),
    "zero vector": Fault(lambda: vector_encode(np.zeros(4)), "x", "4 entries are 0"),
    "zero image": Fault(lambda: vector_encode(np.zeros((3, 5)), pad=True), "x", "15 entries are 0"),
    "vector of length 5": Fault(lambda: vector_encode(real(5)), "x", r"pad=True.*\(5,\)"),
    "image of 4 x 3": Fault(lambda: vector_encode(real(4, 3)), "x", r"pad=True.*\(4, 3\)"),
    "number for a vector": Fault(lambda: vector_encode(3.0), "x", r"shape \(\)"),
    "empty vector": Fault(lambda: vector_encode(np.ones(0)), "x", r"\(0,\)"),
    "vector's unitary that is none": Fault(lambda: bring_vector(1.001 * np.eye(8)), "unitary", r"0\.002"),
    "vector's negative error": Fault(lambda: bring_vector(eps=-0.1), "eps", r"-0\.1"),
    "sizes beyond the system": Fault(lambda: bring_vector(sizes=(3, 2)), "sizes", r"\(3, 2\)"),
    "amplitude in the padding": Fault(lambda: bring_vector(haar(8), sizes=(3,)), "sizes", r"\(3,\)"),
    "product of shapes that do not fit": Fault(lambda: product(a(3, 4), a(5, 3)), "parts", r"\(4,\).*\(5,\)"),
    "product by operator": Fault(lambda: a(3, 4) @ a(5, 3), "parts", r"\(4,\).*\(5,\)"),
    "matrix times vector of another length": Fault(
        lambda: matrix_vector_product(a(4, 4), v(3)), "vec", r"\(4,\).*\(3,\)"
    ),
    "matrix times an image padded elsewhere": Fault(lambda: a(4, 15) @ v(3, 5), "vec", r"\(15,\).*\(3, 5\)"),
    "sum of different shapes": Fault(lambda: a(3, 4) + a(4, 3), "parts", r"\(3,\) x \(4,\).*\(4,\) x \(3,\)"),
    "combination of nothing": Fault(lambda: linear_combination(weights=[]), "parts", "empty"),
    "three weights for two": Fault(
        lambda: linear_combination(a(2, 2), a(2, 2), weights=[1, 1, 1]), "weights", "3 for 2"
    ),
    "weight of infinity": Fault(lambda: linear_combination(a(2, 2), a(2, 2), weights=[1, np.inf]), "weights", "inf"),
    "factor of NaN": Fault(lambda: np.nan * a(2, 2), "factor", "nan"),
    "factor that is a vector": Fault(lambda: scale(a(2, 2), np.ones(2)), "factor", r"\(2,\)"),
    "control of a rectangle": Fault(lambda: controlled(a(2, 4)), "enc", r"\(2,\) x \(4,\)"),
    "sum of no vectors": Fault(vector_sum, "parts", "empty"),
    "three weights for two vectors": Fault(lambda: vector_sum(v(2), v(2), weights=[1, 1, 1]), "weights", "3 for 2"),
    "sum of vectors of different lengths": Fault(lambda: vector_sum(v(4), v(3)), "parts", r"\(4,\).*\(3,\)"),
    "sum of vectors padded elsewhere": Fault(lambda: vector_sum(v(2, 3), v(6)), "parts", r"\(2, 3\).*\(6,\)"),
    "concatenation of nothing": Fault(lambda: concatenate(), "parts", "empty"),
    "concatenation of different lengths": Fault(lambda: concatenate(v(4), v(8)), "parts", r"\(4,\).*\(8,\)"),
    "direction of the zero vector": Fault(lambda: normalize(block_encode(np.zeros((2, 2))) @ v(2)), "vec", r"0\.0"),
    "even polynomial": Fault(lambda: activate(v(2), polynomials.polynomial([1.0, 0, 1], "even")), "poly", "'even'"),
    "coefficients with NaN": Fault(lambda: chebyshev_lcu(a(2, 2), [1.0, np.nan]), "even_coeffs", "nan"),
    "matrix of coefficients": Fault(lambda: chebyshev_lcu(a(2, 2), np.eye(2)), "even_coeffs", r"\(2, 2\)"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_raises_naming_the_argument_the_rule_and_the_value(name):
    call, argument, value = FAULTS[name]
    with pytest.raises(ValueError, match=rf"^`{argument}` must .*(?s:{value})") as caught:
        call()
    assert re.search(r", but .*\.$", str(caught.value), re.DOTALL)


def test_an_explicit_unitary_of_16384_rows_is_refused_and_apply_is_named():
    vec = vector_encode(np.ones(1 << 14))
    with pytest.raises(ValueError, match=r"at most 13 qubits.* has 14 \(2\^14 = 16384 rows\); `enc\.apply\(state\)`"):
        unitary(vec)


def test_what_the_rules_allow_does_not_raise():
    assert block_encode([[1, 2], [3, 4]]).shape == (2, 2)  # integers and lists
    assert block_encode(np.eye(2), alpha=1.0).eps == 0  # exactly the norm
    assert bring(eps=np.inf).eps == np.inf  # unknown is a value
    assert vector_encode([3]).alpha == 3
    assert product(a(3, 4), a(4, 5)).shape == (3, 5)


def test_an_alpha_below_the_norm_gives_an_unknown_error_inside_jit():
    @jax.jit
    def encode(alpha):
        enc = block_encode(2 * jnp.eye(2), alpha=alpha)
        return enc.eps, enc.unitary

    assert encode(1.9)[0] == np.inf
    assert encode(2.0)[0] == 0
    chex.assert_tree_all_finite(encode(1.9)[1])


@pytest.mark.numerics
def test_a_zero_vector_inside_jit_is_encoded_as_zero_and_has_no_direction(tol):
    @jax.jit
    def encode(x):
        vec = vector_encode(x)
        unit = normalize(vec)
        return vec.alpha, vec.eps, vec.encoded, unit.eps, unit.encoded, unitary(vec)

    alpha, eps, x, unit_eps, direction, circuit = encode(jnp.zeros(4))
    assert (alpha, eps, unit_eps) == (0, 0, np.inf)
    np.testing.assert_array_equal([x, direction], np.zeros((2, 4)))
    np.testing.assert_allclose(circuit @ circuit.T, np.eye(4), rtol=0, atol=tol())


@pytest.mark.numerics
def test_a_zero_image_in_a_batch_does_not_change_the_others(tol):
    images = np.stack([real(2, 2), np.zeros((2, 2)), real(2, 2, seed=1)])
    along = real(3, 4)

    def direction(x):
        return normalize(vector_encode(x)).encoded

    def total(images):
        return jnp.sum(along * jax.vmap(direction)(images))

    norms = np.linalg.norm(images, axis=(1, 2))[:, None]
    flat = images.reshape(3, 4)
    units = np.divide(flat, norms, out=np.zeros_like(flat), where=norms > 0)
    tangents = along - units * np.sum(units * along, axis=1, keepdims=True)
    gradients = np.divide(tangents, norms, out=np.zeros_like(flat), where=norms > 0)
    np.testing.assert_allclose(jax.vmap(direction)(jnp.asarray(images)), units, rtol=0, atol=tol())
    gradient = jax.jit(jax.grad(total))(jnp.asarray(images)).reshape(3, 4)
    np.testing.assert_allclose(gradient, gradients, rtol=0, atol=tol())


@pytest.mark.slow
@pytest.mark.numerics
def test_a_zero_image_in_a_batch_passes_through_a_residual_network(tol):
    """Value zero with an unknown error for the zero image; the others as if it were not there."""
    matrix, images = jnp.asarray(0.9 * orthogonal(2)), jnp.asarray([[0.6, 0.8], [0.0, 0.0], [1.0, 0.0]])
    poly = polynomials.erf(0.8, degree=3)

    def network(matrix, x):
        vec = normalize(vector_encode(x))
        return normalize(vector_sum(vec, activate(block_encode(matrix, alpha=1.0) @ vec, poly)))

    def total(matrix, images):
        return jnp.sum(jax.vmap(lambda x: network(matrix, x).encoded)(images) * jnp.array([[1.0, -2.0]]))

    vectors, errors = jax.jit(jax.vmap(lambda x: (lambda vec: (vec.encoded, vec.eps))(network(matrix, x))))(images)
    np.testing.assert_array_equal(np.isinf(errors), [False, True, False])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 0, 1], rtol=0, atol=tol())
    gradient = jax.jit(jax.grad(total, argnums=(0, 1)))
    with_zero, without = gradient(matrix, images), gradient(matrix, images[::2])
    chex.assert_tree_all_finite(with_zero)
    chex.assert_trees_all_close((with_zero[0], with_zero[1][::2]), without, rtol=0, atol=tol())


@pytest.mark.parametrize("run", [run, run_projected], ids=["run", "run_projected"])
@pytest.mark.parametrize("given", [np.ones(4), a(2, 2)], ids=["array", "matrix"])
def test_run_refuses_anything_but_a_vector_encoding(run, given):
    with pytest.raises(TypeError, match="`vec` must be of type VectorEncoding, but is of type"):
        run(given)
