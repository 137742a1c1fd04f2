"""Theorem 1, and the Frobenius route that it does without: alpha, ancillas, calls, rounding of norms, faults."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.accounting.costs import cost
from qla_jax.compiling import QUICK
from qla_jax.encodings.base.vector import run
from qla_jax.encodings.combine.squares import BACK, SquareProduct, _on_index, square_product
from qla_jax.encodings.matrices.amplitudes import diagonal_of_amplitudes
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.matrices.frobenius import block_encode_frobenius, column_oracle
from qla_jax.encodings.vectors.known import vector_encode, vector_from_unitary
from tests.cases import BASIS_COLUMNS, cplx, norm2, orthogonal, real, squares, with_norms_of


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x)


def column_norms(matrix: np.ndarray) -> np.ndarray:
    return np.linalg.norm(matrix, axis=0)


def by_product(encode, matrix, vec):
    """The same vector as a product: diag(x)^H x is |x|^2, and the matrix is encoded as a whole."""
    return encode(matrix) @ (diagonal_of_amplitudes(vec).adjoint() @ vec)


# alpha, ancillas, calls


def test_ancillas_and_calls_are_those_of_the_theorem():
    vec = jax.eval_shape(lambda A, x: block_encode(A) @ vector_encode(x, pad=True), real(2, 5), real(5))
    out = jax.eval_shape(square_product, real(3, 2), vec)
    assert (vec.num_ancillas, vec.num_qubits) == (1, 3)
    assert (out.num_ancillas, out.num_qubits) == (2 * 1 + 3 + 1, 2)  # 2a + n and the ancilla of the norms
    expected = {"Dense[0]": 2, "StatePreparation[0]": 2, "ColumnOracle[0]": 1, "ColumnNorms[0]": 1}
    assert cost(out).num_queries == expected


def test_both_calls_of_a_vector_with_more_ancillas_share_them():
    """Three ancillas, one mark, one of the norms and the index."""
    vec = jax.eval_shape(lambda A, x: (block_encode(A) + block_encode(A)) @ vector_encode(x), real(2, 2), real(2))
    vec = jax.eval_shape(lambda A, vec: block_encode(A) @ vec, real(2, 2), vec)
    assert vec.num_ancillas == 3
    assert jax.eval_shape(square_product, real(2, 2), vec).num_ancillas == 3 + 1 + 1 + 1


@pytest.mark.numerics
@pytest.mark.parametrize("n", [2, 16])
def test_alpha_of_an_orthogonal_matrix_stays_where_the_frobenius_norm_grows(n, tol):
    matrix, x = orthogonal(n), unit(cplx(n))

    @jax.jit
    def three_routes(matrix, x):
        vec = vector_encode(x)
        routes = (
            square_product(matrix, vec),
            *(by_product(e, matrix, vec) for e in (block_encode, block_encode_frobenius)),
        )
        return [(route.alpha, route.encoded) for route in routes]

    alphas, vectors = zip(*three_routes(matrix, x), strict=True)
    np.testing.assert_allclose(alphas, [1, 1, np.sqrt(n)], rtol=tol())
    for vector in vectors:
        np.testing.assert_allclose(vector, squares(matrix, x), rtol=0, atol=tol())


def test_alpha_is_below_that_of_any_encoding_of_the_matrix_where_columns_are_parallel():
    @functools.partial(jax.jit, compiler_options=QUICK)
    def three_routes(matrix, x):
        vec = vector_encode(x)
        return square_product(matrix, vec), *(
            by_product(e, matrix, vec) for e in (block_encode, block_encode_frobenius)
        )

    routes = three_routes(np.ones((4, 4)) / 2, unit(np.ones(4)))
    np.testing.assert_allclose([route.alpha for route in routes], [1, 2, 2])
    np.testing.assert_allclose([route.amplitude for route in routes], [1, 1 / 2, 1 / 2])
    assert [route.num_ancillas for route in routes] == [3, 3, 3]
    assert [cost(route).depth for route in routes] == [4, 3, 4]  # two of them of the vector, in each


# Errors


@pytest.mark.x64
@pytest.mark.parametrize("draw", [real, cplx], ids=["real", "complex"])
def test_the_error_is_at_most_twice_that_of_the_worst_vector_for_any_matrix(draw):
    """Four errors per instance: along the steepest direction of first order and on the longest column, both signs."""
    eps, count = np.geomspace(1e-3, 10, 40), 40
    matrices, encoded = draw(count, 3, 4), np.array([unit(draw(4, seed=k)) for k in range(count)])

    @jax.jit
    @jax.vmap
    def tracked(matrix, y, eps):
        return square_product(matrix, vector_encode(y).replace(eps=eps)).eps

    for matrix, y, error, bound in zip(matrices, encoded, eps, tracked(matrices, encoded, eps), strict=True):
        slopes = matrix * np.abs(y)
        steepest = np.linalg.svd(np.r_[slopes.real, slopes.imag])[2][0]
        phases = y / np.abs(y)
        directions = [steepest * phases, np.eye(4)[column_norms(matrix).argmax()] * phases]
        reached = [
            np.linalg.norm(squares(matrix, y + sign * error * d) - squares(matrix, y))
            for d in directions
            for sign in (1, -1)
        ]
        assert bound / 2.1 <= max(reached) <= bound


@pytest.mark.x64
@pytest.mark.parametrize("bits", [1, 6])
def test_rounding_of_the_norms_is_the_whole_error_of_an_exact_vector_and_below_the_last_bit(bits):
    matrices, vectors = cplx(40, 4, 4), real(40, 4)
    matrices[0], vectors[0] = np.eye(4), np.eye(4)[1]  # norms at alpha: all ones, one unit in the last place below
    build = jax.jit(jax.vmap(lambda w, x: square_product(w, vector_encode(x), bits=bits)))
    out = build(matrices, vectors)
    distances = [np.linalg.norm(v - squares(w, x)) for v, w, x in zip(out.encoded, matrices, vectors, strict=True)]
    np.testing.assert_allclose(out.eps, distances, rtol=1e-12, atol=1e-14)
    last_bit = 2.0**-bits * np.array([column_norms(w).max() for w in matrices]) * np.sum(vectors**2, axis=1)
    assert (distances <= last_bit * (1 + 1e-12)).all()
    assert max(distances / last_bit) > 1 - 1e-12
    fractions = out.norms.values / out.norms.alpha[:, None] * 2**bits
    np.testing.assert_allclose(fractions, np.round(fractions), atol=1e-12)
    assert (fractions >= 0).all() and (fractions < 2**bits).all()


@pytest.mark.x64
def test_gradients_pass_through_the_rounding():
    matrix, x = real(3, 4), real(4)

    @jax.jit
    @functools.partial(jax.jacrev, argnums=(0, 1))
    def jacobians(matrix, x):
        return square_product(matrix, vector_encode(x), bits=2).encoded

    by_matrix, by_vector = jacobians(matrix, x)
    np.testing.assert_allclose(by_matrix, np.einsum("ik,j->ikj", np.eye(3), x**2), atol=1e-12)
    np.testing.assert_allclose(by_vector, with_norms_of(2, matrix) * 2 * x, atol=1e-12)
    assert np.abs(by_vector - matrix * 2 * x).max() > 0.01


# The column oracle


@pytest.mark.numerics
@pytest.mark.parametrize("matrix", [BASIS_COLUMNS, cplx(4, 2)], ids=["zero and basis vectors", "complex"])
def test_the_oracle_loads_each_column_next_to_its_index_with_finite_derivatives(matrix, tol):
    norms, (size, count) = column_norms(matrix), matrix.shape
    start = np.kron(np.ones(count), np.eye(size)[0])[None]  # |j>|0> for all j at once

    @jax.jit
    def loaded(matrix):
        oracle, norms = column_oracle(matrix.T)
        return oracle.apply(jnp.asarray(start)).reshape(count, size), norms

    columns, found = loaded(matrix)
    expected = np.where(norms == 0, np.eye(size)[:, :1], matrix / np.where(norms == 0, 1, norms))
    np.testing.assert_allclose(columns, expected.T, rtol=0, atol=tol("exact"))
    np.testing.assert_allclose(found, norms, rtol=tol("exact"))
    gradient = jax.jit(jax.grad(lambda w: sum(jnp.sum(part.real) for part in loaded(w))))(jnp.asarray(matrix))
    assert np.isfinite(gradient).all()


# Circuits that are wrong


class Unconjugated(SquareProduct, kw_only=True):
    """Unloads with the transpose of the circuit where it takes the adjoint: x_j^2 in place of |x_j|^2."""

    def apply(self, state):
        grid = super().apply(state).reshape(self._grid)
        grid = _on_index(self.part.apply, self.part, BACK, grid)
        grid = _on_index(self.part.apply_adjoint, self.part, BACK, grid.conj()).conj()
        return grid.reshape(state.shape)


class Signed(SquareProduct, kw_only=True):
    """The norms of a matrix with one column reversed."""

    def apply(self, state):
        values = self.norms.values.at[1].multiply(-1)
        return SquareProduct.apply(self.replace(norms=self.norms.replace(values=values)), state)


@pytest.mark.parametrize(
    ("broken", "result"),
    [(Unconjugated, lambda w, x: w @ x**2), (Signed, lambda w, x: w @ (np.abs(x) ** 2 * [1, -1, 1, 1]))],
)
def test_a_wrong_circuit_does_not_give_the_squares(broken, result):
    matrix, x = real(4, 4), cplx(4)
    out = square_product(matrix, vector_encode(x))
    wrong = broken(**{name: getattr(out, name) for name in SquareProduct.__dataclass_fields__})
    found = jax.jit(run, compiler_options=QUICK)(wrong)
    np.testing.assert_allclose(found, result(matrix, x), atol=1e-5)
    assert np.abs(found - squares(matrix, x)).max() > 0.1


# Faults


def vec(*shape: int):
    return vector_encode(real(*shape), pad=True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: square_product(real(4, 3), vec(4)), "`matrix` must have a column for each of 4 entries, but has 3."),
        (lambda: square_product(real(4), vec(4)), "`matrix` must have 2 axes, but has shape (4,)."),
        (lambda: square_product(np.diag([1, np.nan]), vec(2)), "`matrix` must be finite, but entry (1, 1) is nan."),
        (
            lambda: square_product(np.diag([1.0, 2.0]), vec(2), alpha=1.5),
            "`alpha` must be at least the largest column norm of `matrix`, of column 1, but alpha = 1.5 < 2.0.",
        ),
        (lambda: square_product(np.eye(2), vec(2), bits=0), "`bits` must be at least 1, but is 0."),
        (lambda: square_product(np.eye(2), vec(2), bits=2.5), "`bits` must be an integer, but is 2.5."),
        (
            lambda: square_product(real(4, 2), vec(2), sizes=(3,)),
            "`sizes` must hold the 4 rows of `matrix`, but is (3,).",
        ),
        (lambda: block_encode_frobenius(np.ones(3)), "`matrix` must have 2 axes, but has shape (3,)."),
    ],
)
def test_a_fault_raises_naming_the_argument_the_rule_and_the_value(call, message):
    with pytest.raises(ValueError, match="^" + re.escape(message) + "$"):
        call()


def test_an_array_for_the_vector_raises():
    with pytest.raises(TypeError, match="`vec` must be of type VectorEncoding"):
        square_product(np.eye(2), np.ones(2))


@pytest.mark.numerics
def test_an_alpha_below_a_column_norm_gives_an_unknown_error_inside_jit():
    eps = jax.jit(jax.vmap(lambda alpha: square_product(2 * jnp.eye(2), vec(2), alpha=alpha).eps))
    np.testing.assert_array_equal(eps(jnp.array([0.0, 1.9, 2.0, 3.0])), [np.inf, np.inf, 0, 0])


def test_an_unknown_error_of_the_vector_stays_unknown_for_the_zero_matrix():
    unknown = vector_from_unitary(np.eye(2), num_ancillas=0, alpha=1.0, eps=np.inf)
    assert jax.jit(lambda w: square_product(w, unknown).eps)(np.zeros((2, 2))) == np.inf


@pytest.mark.numerics
def test_the_frobenius_encoding_has_the_frobenius_norm_and_one_call_of_each_structure(tol):
    enc = jax.jit(block_encode_frobenius)(cplx(3, 5))
    np.testing.assert_allclose(enc.alpha, np.linalg.norm(cplx(3, 5)), rtol=tol("exact"))
    assert norm2(cplx(3, 5)) <= enc.norm_bound <= 1.03 * norm2(cplx(3, 5))
    assert (enc.num_ancillas, enc.num_qubits) == (3, 3)
    assert cost(enc).num_queries == {"ColumnOracle[0]": 1, "StatePreparation[0]": 1}


@pytest.mark.x64
def test_a_stated_norm_bound_avoids_matrix_products_and_gives_no_smaller_error():
    matrix = orthogonal(8)
    vec = vector_encode(unit(real(8))).replace(eps=jnp.asarray(1e-3))
    sharp, cheap = square_product(matrix, vec), square_product(matrix, vec, norm_bound=1.0)
    expected = 2e-3 * np.abs(vec.encoded).max() + 1e-6
    np.testing.assert_allclose(cheap.eps, expected, rtol=1e-12)
    assert sharp.eps <= 1.02 * cheap.eps  # but for what the iteration exceeds the norm by
