"""What holds for every block encoding of the registry, against dense matrices in NumPy."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.compiling import QUICK
from qla_jax.encodings.base.block import BlockEncoding, block, postselect
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.combine.algebra import linear_combination
from qla_jax.encodings.combine.joint import tensor
from qla_jax.encodings.matrices.dense import block_encode, from_unitary
from qla_jax.transforms.eigenvalues import GQET
from qla_jax.transforms.merged_walk import MergedWalk
from qla_jax.transforms.singular_values import QSVT
from tests.cases import (
    ENCODINGS,
    Case,
    as_params,
    cplx,
    derivative,
    haar,
    in_default_lane,
    nearby,
    positions,
    real,
    slope,
    stack,
)


class Seen(NamedTuple):
    """An encoding from all sides, as plain arrays, next to the dense matrix it is to encode."""

    enc: BlockEncoding
    matrix: np.ndarray
    unitary: np.ndarray
    adjoint: np.ndarray
    flagged: np.ndarray
    block: np.ndarray
    adjoint_block: np.ndarray

    @property
    def size(self) -> int:
        return 1 << self.enc.num_qubits

    def tolerance(self, tol: Callable[..., float]) -> float:
        return tol("rounding", factor=max(1.0, float(self.enc.alpha)))


def look(case: Case) -> tuple[Seen, Seen]:
    """The case and one nearby, as a stack: built under one vmap, handed over as a pytree, looked at under another."""

    def views(enc: BlockEncoding) -> tuple:
        shape = (1 << enc.num_ancillas, 1 << enc.num_qubits)
        basis = jnp.eye(shape[0] * shape[1], dtype=enc.alpha.dtype)
        adjoint = jax.vmap(enc.apply_adjoint)(basis.reshape(-1, *shape)).reshape(basis.shape).T
        flagged = jax.vmap(enc.flagged, out_axes=1)(jnp.eye(shape[1], dtype=enc.alpha.dtype))
        adjoint_block = jax.vmap(enc.rmatvec, out_axes=1)(jnp.eye(enc.shape[0], dtype=enc.alpha.dtype))
        return enc, unitary(enc), adjoint, flagged, block(enc), adjoint_block

    params = [case.params, nearby(case.params)]
    looked = jax.jit(lambda stacked: jax.vmap(views)(jax.vmap(case.build)(stacked)), compiler_options=QUICK)
    enc, *arrays = jax.tree.map(np.asarray, looked(stack(params)))
    first, second = (
        Seen(jax.tree.map(lambda leaf, i=i: leaf[i], enc), case.oracle(params[i]), *(array[i] for array in arrays))
        for i in range(2)
    )
    return first, second


def pull(case: Case) -> tuple[float, Any, Callable]:
    """One encoding, not stacked: Re<left|A|right> by its three views, the gradient of that, and the same in NumPy."""
    rows, columns = case.oracle(case.params).shape
    left, right = cplx(rows, seed=7), cplx(columns, seed=8)
    one, two, three = real(3, seed=9)  # weighted apart so that no error cancels another

    @functools.partial(jax.jit, compiler_options=QUICK)
    @jax.value_and_grad
    def pulled(params: Any) -> jax.Array:
        enc = case.build(params)
        forward = one * enc.matvec(jnp.asarray(right)) + two * postselect(enc, jnp.asarray(right))
        return (jnp.vdot(left, forward) + three * jnp.vdot(enc.rmatvec(jnp.asarray(left)), right)).real

    def worth(params: Any) -> float:
        return ((one + two + three) * np.vdot(left, case.oracle(params) @ right)).real

    return *pulled(jax.tree.map(jnp.asarray, case.params)), worth


@pytest.fixture(scope="module", params=as_params(ENCODINGS))
def case(request) -> Case:
    return request.param


@pytest.fixture(scope="module")
def both(case) -> tuple[Seen, Seen]:
    """Compiled once for all laws: pytest runs the laws of one case together."""
    return look(case)


@pytest.fixture(scope="module")
def seen(both) -> Seen:
    return both[0]


@pytest.fixture(scope="module")
def second(both) -> Seen:
    return both[1]


def test_the_shape_is_that_of_the_matrix(seen):
    assert seen.enc.shape == seen.matrix.shape


def test_the_circuit_is_unitary(seen, tol):
    np.testing.assert_allclose(seen.unitary @ seen.unitary.conj().T, np.eye(len(seen.unitary)), rtol=0, atol=tol())


def test_the_adjoint_circuit_is_the_inverse(seen, tol):
    np.testing.assert_allclose(seen.adjoint, seen.unitary.conj().T, rtol=0, atol=tol("exact", factor=10))


def test_the_flagged_circuit_is_the_matrix_and_leaves_the_padding_empty(seen, tol):
    rows, columns = positions(seen.enc.codomain), positions(seen.enc.domain)
    image = np.zeros((seen.size, len(columns)), complex)
    image[rows] = seen.matrix
    np.testing.assert_allclose(
        seen.enc.alpha * seen.unitary[: seen.size, columns], image, rtol=0, atol=seen.tolerance(tol)
    )
    image = np.zeros((seen.size, len(rows)), complex)
    image[columns] = seen.matrix.conj().T
    np.testing.assert_allclose(
        seen.enc.alpha * seen.adjoint[: seen.size, rows], image, rtol=0, atol=seen.tolerance(tol)
    )


def test_the_leading_entries_of_the_unitary_are_the_matrix_over_alpha_without_padding_between_registers(seen, tol):
    rows, columns = seen.enc.shape
    if np.ptp(positions(seen.enc.codomain)) == rows - 1 and np.ptp(positions(seen.enc.domain)) == columns - 1:
        leading = seen.enc.alpha * seen.unitary[:rows, :columns]
        np.testing.assert_allclose(leading, seen.matrix, rtol=0, atol=seen.tolerance(tol))


def test_the_encoded_view_is_the_matrix(seen, tol):
    np.testing.assert_allclose(seen.block, seen.matrix, rtol=0, atol=seen.tolerance(tol))
    np.testing.assert_allclose(seen.adjoint_block, seen.matrix.conj().T, rtol=0, atol=seen.tolerance(tol))


def test_alpha_and_the_norm_bound_are_at_least_the_norm(seen, tol):
    norm = np.linalg.norm(seen.matrix, 2)
    assert seen.enc.alpha >= norm * (1 - tol("exact"))
    assert seen.enc.norm_bound >= norm * (1 - tol("exact"))


def test_exact_constructions_have_error_zero_but_for_the_residual_of_phases(seen):
    assert 0 <= seen.enc.eps <= (1e-14 if isinstance(seen.enc, (QSVT, GQET, MergedWalk)) else 0)


def test_projecting_early_changes_nothing(seen, tol):
    np.testing.assert_allclose(seen.flagged, seen.unitary[: seen.size, : seen.size], rtol=0, atol=tol())


@pytest.mark.x64
@pytest.mark.parametrize("case", in_default_lane(ENCODINGS), indirect=True)
@pytest.mark.sample(10)
def test_an_encoding_built_eagerly_equals_one_built_under_jit(case, seen, tol):
    enc = case.build(jax.tree.map(jnp.asarray, case.params))
    assert jax.tree.structure(enc) == jax.tree.structure(seen.enc)
    tolerance = seen.tolerance(tol)
    for name in ("alpha", "eps", "norm_bound"):
        np.testing.assert_allclose(getattr(enc, name), getattr(seen.enc, name), rtol=0, atol=tolerance)


@pytest.mark.x64
@pytest.mark.slow
def test_the_eager_circuit_is_the_compiled_one(case, seen, tol):
    enc = case.build(jax.tree.map(jnp.asarray, case.params))
    x = real(enc.shape[1], seed=7)
    np.testing.assert_allclose(postselect(enc, jnp.asarray(x)), seen.matrix @ x, rtol=0, atol=10 * seen.tolerance(tol))
    np.testing.assert_allclose(enc.matvec(jnp.asarray(x)), seen.matrix @ x, rtol=0, atol=10 * seen.tolerance(tol))


def test_a_stack_of_encodings_gives_the_result_of_each_of_them(second, tol):
    test_the_flagged_circuit_is_the_matrix_and_leaves_the_padding_empty(second, tol)
    test_the_encoded_view_is_the_matrix(second, tol)


@pytest.mark.sample(10)
def test_values_and_gradients_are_those_of_the_matrix(case, tol):
    value, gradient, worth = pull(case)
    expected = worth(case.params)
    assert abs(value - expected) <= tol("rounding", factor=10 * max(1.0, abs(expected)))
    chex.assert_tree_all_finite(gradient)
    if case.differentiable:
        for seed in range(3):
            direction = nearby(case.params, seed=seed, by=1.0, only_direction=True)
            reference = derivative(worth, case.params, direction)
            assert abs(slope(gradient, direction) - reference) <= tol("gradient", factor=max(1.0, abs(reference)))


# Each law above has to fail on an encoding that breaks it.


class Rotated(BlockEncoding, kw_only=True):
    """i A by a circuit that forgets to conjugate in the adjoint and projects the wrong branch."""

    part: BlockEncoding

    def apply(self, state):
        return 1j * self.part.apply(state)

    def apply_adjoint(self, state):
        return 1j * self.part.apply_adjoint(state)

    def flagged(self, system):
        return -self.part.flagged(system)


def rotated(matrix: Any) -> Rotated:
    part = block_encode(matrix)
    fields = {name: getattr(part, name) for name in BlockEncoding.__dataclass_fields__}
    return Rotated(**fields, part=part)


def reverse_qubits(matrix: np.ndarray) -> np.ndarray:
    qubits = len(matrix).bit_length() - 1
    order = np.arange(len(matrix)).reshape((2,) * qubits).T.reshape(-1)
    return matrix[np.ix_(order, order)]


HALF_UNITARY = np.diag([1.0, 1.0, 1.0, 0.5])
LEAKY = np.kron(haar(4), haar(2))
BROKEN = [
    (test_the_shape_is_that_of_the_matrix, Case("transposed", block_encode, real(3, 5), np.transpose)),
    (
        test_the_circuit_is_unitary,
        Case(
            "not unitary",
            lambda u: from_unitary(u, num_ancillas=1, alpha=1.0, eps=0.0),
            HALF_UNITARY,
            lambda u: u[:2, :2],
        ),
    ),
    (test_the_adjoint_circuit_is_the_inverse, Case("conjugate forgotten", rotated, real(4, 4), lambda a: 1j * a)),
    (test_projecting_early_changes_nothing, Case("wrong branch", rotated, real(4, 4), lambda a: 1j * a)),
    (
        test_the_flagged_circuit_is_the_matrix_and_leaves_the_padding_empty,
        Case(
            "alpha halved",
            lambda a: (lambda enc: enc.replace(alpha=enc.alpha / 2))(block_encode(a)),
            real(4, 4),
            lambda a: a,
        ),
    ),
    (
        test_the_flagged_circuit_is_the_matrix_and_leaves_the_padding_empty,
        Case(
            "garbage in the padding",
            lambda u: from_unitary(u, num_ancillas=1, alpha=1.0, eps=0.0, shape=(2, 2)),
            LEAKY,
            lambda u: u[:2, :2],
        ),
    ),
    (
        test_the_leading_entries_of_the_unitary_are_the_matrix_over_alpha_without_padding_between_registers,
        Case("conjugated", block_encode, cplx(4, 4), np.conj),
    ),
    (
        test_the_encoded_view_is_the_matrix,
        Case("little-endian", block_encode, real(4, 4), reverse_qubits),
    ),
    (
        test_the_encoded_view_is_the_matrix,
        Case(
            "swapped factors",
            lambda p: tensor(block_encode(p[0]), block_encode(p[1])),
            (real(2, 2), real(4, 4)),
            lambda p: np.kron(p[1], p[0]),
        ),
    ),
    (
        test_the_encoded_view_is_the_matrix,
        Case(
            "sign of a weight",
            lambda p: linear_combination(block_encode(p[0]), block_encode(p[1]), weights=[1.0, 1.0]),
            (real(2, 2), real(2, 2, seed=1)),
            lambda p: p[0] - p[1],
        ),
    ),
    (
        test_values_and_gradients_are_those_of_the_matrix,
        Case("cut off", lambda a: block_encode(jax.lax.stop_gradient(a)), real(2, 2), lambda a: a),
    ),
    (
        test_a_stack_of_encodings_gives_the_result_of_each_of_them,
        Case("frozen", lambda a: block_encode(jnp.asarray(real(2, 2)) + 0 * a), real(2, 2), lambda a: a),
    ),
    (
        test_alpha_and_the_norm_bound_are_at_least_the_norm,
        Case("larger matrix", block_encode, real(4, 4), lambda a: 1.01 * a),
    ),
    (
        test_exact_constructions_have_error_zero_but_for_the_residual_of_phases,
        Case("unknown error", lambda a: block_encode(a).replace(eps=jnp.inf), real(2, 2), lambda a: a),
    ),
]


@pytest.mark.parametrize(("law", "broken"), BROKEN, ids=[broken.name for _, broken in BROKEN])
def test_a_broken_encoding_fails_its_law(law, broken, tol):
    seen, second = look(broken)
    available = {"case": broken, "seen": seen, "second": second, "tol": tol}
    arguments = law.__code__.co_varnames[: law.__code__.co_argcount]
    with pytest.raises(AssertionError):
        law(**{name: available[name] for name in arguments})
