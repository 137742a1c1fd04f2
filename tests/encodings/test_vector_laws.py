"""What holds for every vector encoding of the registry, against vectors in NumPy."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.compiling import QUICK
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.base.vector import VectorEncoding, run, run_projected
from qla_jax.encodings.combine.lemmas import concatenate, vector_tensor
from qla_jax.encodings.combine.normalized import normalize
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.vectors.known import vector_encode, vector_from_unitary
from tests.cases import (
    VECTORS,
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
    """A vector encoding from all sides, as plain arrays, next to the vector it is to encode."""

    vec: VectorEncoding
    vector: np.ndarray
    unitary: np.ndarray
    adjoint: np.ndarray
    flagged: np.ndarray
    amplitude: np.ndarray

    @property
    def size(self) -> int:
        return 1 << self.vec.num_qubits

    def tolerance(self, tol: Callable[..., float]) -> float:
        return tol("rounding", factor=max(1.0, float(self.vec.alpha)))


def look(case: Case) -> tuple[Seen, Seen]:
    """The case and one nearby, as a stack: built under one vmap, handed over as a pytree, looked at under another."""

    def views(vec: VectorEncoding) -> tuple:
        shape = (1 << vec.num_ancillas, 1 << vec.num_qubits)
        basis = jnp.eye(shape[0] * shape[1], dtype=vec.alpha.dtype)
        adjoint = jax.vmap(vec.apply_adjoint)(basis.reshape(-1, *shape)).reshape(basis.shape).T
        flagged = jax.vmap(vec.flagged, out_axes=1)(jnp.eye(shape[1], dtype=vec.alpha.dtype))
        return vec, unitary(vec), adjoint, flagged, vec.amplitude

    params = [case.params, nearby(case.params)]
    looked = jax.jit(lambda stacked: jax.vmap(views)(jax.vmap(case.build)(stacked)), compiler_options=QUICK)
    vec, *arrays = jax.tree.map(np.asarray, looked(stack(params)))
    first, second = (
        Seen(jax.tree.map(lambda leaf, i=i: leaf[i], vec), case.oracle(params[i]), *(array[i] for array in arrays))
        for i in range(2)
    )
    return first, second


def pull(case: Case) -> tuple[float, Any, Callable]:
    """One encoding, not stacked: Re<left|x> by its three views, the gradient of that, and the same in NumPy."""
    left = cplx(case.oracle(case.params).size, seed=7)
    one, two, three = real(3, seed=9)  # weighted apart so that no error cancels another

    @functools.partial(jax.jit, compiler_options=QUICK)
    @jax.value_and_grad
    def pulled(params: Any) -> jax.Array:
        vec = case.build(params)
        return jnp.vdot(left, one * vec.encoded + two * run(vec) + three * run_projected(vec)).real

    def worth(params: Any) -> float:
        return ((one + two + three) * np.vdot(left, case.oracle(params))).real

    return *pulled(jax.tree.map(jnp.asarray, case.params)), worth


@pytest.fixture(scope="module", params=as_params(VECTORS))
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


def test_the_circuit_is_unitary(seen, tol):
    np.testing.assert_allclose(seen.unitary @ seen.unitary.conj().T, np.eye(len(seen.unitary)), rtol=0, atol=tol())


def test_the_adjoint_circuit_is_the_inverse(seen, tol):
    np.testing.assert_allclose(seen.adjoint, seen.unitary.conj().T, rtol=0, atol=tol("exact", factor=10))


def test_the_flagged_column_is_the_vector_and_leaves_the_padding_empty(seen, tol):
    image = np.zeros(seen.size, complex)
    image[positions(seen.vec.sizes)] = seen.vector
    np.testing.assert_allclose(seen.vec.alpha * seen.unitary[: seen.size, 0], image, rtol=0, atol=seen.tolerance(tol))


def test_the_encoded_view_is_the_vector(seen, tol):
    np.testing.assert_allclose(seen.vec.encoded, seen.vector, rtol=0, atol=seen.tolerance(tol))


def test_alpha_is_at_least_the_norm_and_the_amplitude_their_ratio(seen, tol):
    norm = np.linalg.norm(seen.vector)
    assert seen.vec.alpha >= norm * (1 - tol("exact"))
    np.testing.assert_allclose(seen.amplitude, np.linalg.norm(seen.unitary[: seen.size, 0]), rtol=0, atol=tol())


def test_projecting_early_changes_nothing(seen, tol):
    np.testing.assert_allclose(seen.flagged, seen.unitary[: seen.size, : seen.size], rtol=0, atol=tol())


@pytest.mark.x64
@pytest.mark.parametrize("case", in_default_lane(VECTORS), indirect=True)
@pytest.mark.sample(7)
def test_an_encoding_built_eagerly_equals_one_built_under_jit(case, seen, tol):
    vec = case.build(jax.tree.map(jnp.asarray, case.params))
    assert jax.tree.structure(vec) == jax.tree.structure(seen.vec)
    np.testing.assert_allclose(vec.alpha, seen.vec.alpha, rtol=0, atol=seen.tolerance(tol))
    np.testing.assert_allclose(vec.eps, seen.vec.eps, rtol=0, atol=tol())
    np.testing.assert_allclose(vec.encoded, seen.vector, rtol=0, atol=seen.tolerance(tol))


@pytest.mark.x64
@pytest.mark.slow
def test_the_eager_circuit_is_the_compiled_one(case, seen, tol):
    vec = case.build(jax.tree.map(jnp.asarray, case.params))
    np.testing.assert_allclose(run(vec), seen.vector, rtol=0, atol=seen.tolerance(tol))


def test_a_stack_of_encodings_gives_the_result_of_each_of_them(second, tol):
    test_the_flagged_column_is_the_vector_and_leaves_the_padding_empty(second, tol)
    test_the_encoded_view_is_the_vector(second, tol)


@pytest.mark.sample(8)
def test_values_and_gradients_are_those_of_the_vector(case, tol):
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


class Rotated(VectorEncoding, kw_only=True):
    """i x by a circuit that forgets to conjugate in the adjoint and projects the wrong branch."""

    part: VectorEncoding

    def apply(self, state):
        return 1j * self.part.apply(state)

    def apply_adjoint(self, state):
        return 1j * self.part.apply_adjoint(state)

    def flagged(self, system):
        return -self.part.flagged(system)


def rotated(x: Any) -> Rotated:
    part = vector_encode(x)
    fields = {name: getattr(part, name) for name in VectorEncoding.__dataclass_fields__}
    return Rotated(**fields, part=part)


def leaky(u: Any) -> VectorEncoding:
    return vector_from_unitary(u, num_ancillas=1, alpha=1.0, eps=0.0, sizes=(3,))


FLAGGED = test_the_flagged_column_is_the_vector_and_leaves_the_padding_empty
BROKEN = [
    (
        test_the_circuit_is_unitary,
        Case(
            "not unitary",
            lambda u: vector_from_unitary(u, num_ancillas=1, alpha=1.0, eps=0.0),
            np.diag([1.0, 1.0, 1.0, 0.5]),
            lambda u: u[:2, 0],
        ),
    ),
    (test_the_adjoint_circuit_is_the_inverse, Case("conjugate forgotten", rotated, real(4), lambda x: 1j * x)),
    (test_projecting_early_changes_nothing, Case("wrong branch", rotated, real(4), lambda x: 1j * x)),
    (FLAGGED, Case("encoded view left behind", rotated, real(4), lambda x: x)),
    (FLAGGED, Case("garbage in the padding", leaky, haar(8), lambda u: u[:3, 0])),
    (FLAGGED, Case("conjugated", vector_encode, cplx(4), np.conj)),
    (
        FLAGGED,
        Case(
            "alpha halved", lambda x: (lambda v: v.replace(alpha=v.alpha / 2))(vector_encode(x)), real(4), lambda x: x
        ),
    ),
    (
        test_the_encoded_view_is_the_vector,
        Case(
            "swapped factors",
            lambda p: vector_tensor(*map(vector_encode, p)),
            (real(2), real(4)),
            lambda p: np.kron(p[1], p[0]),
        ),
    ),
    (
        test_the_encoded_view_is_the_vector,
        Case(
            "pieces of unit norm",
            lambda p: concatenate(*[vector_encode(x) for x in p]),
            (real(4), 3 * real(4, seed=1)),
            lambda p: np.concatenate([x / np.linalg.norm(x) for x in p]),
        ),
    ),
    (
        test_the_encoded_view_is_the_vector,
        Case(
            "transposed matrix",
            lambda p: block_encode(p[0]) @ vector_encode(p[1]),
            (real(4, 4), real(4)),
            lambda p: p[0].T @ p[1],
        ),
    ),
    (
        test_alpha_is_at_least_the_norm_and_the_amplitude_their_ratio,
        Case("longer vector", vector_encode, real(4), lambda x: 1.01 * x),
    ),
    (
        test_values_and_gradients_are_those_of_the_vector,
        Case(
            "norm taken for a constant",
            lambda x: (lambda v: v.replace(encoded=v.encoded / jax.lax.stop_gradient(v.alpha)))(vector_encode(x)),
            real(4),
            lambda x: x / np.linalg.norm(x),
        ),
    ),
    (
        test_a_stack_of_encodings_gives_the_result_of_each_of_them,
        Case(
            "frozen",
            lambda x: normalize(vector_encode(jnp.asarray(real(4)) + 0 * x)),
            real(4),
            lambda x: x / np.linalg.norm(x),
        ),
    ),
]


@pytest.mark.parametrize(("law", "broken"), BROKEN, ids=[broken.name for _, broken in BROKEN])
def test_a_broken_encoding_fails_its_law(law, broken, tol):
    seen, second = look(broken)
    available = {"case": broken, "seen": seen, "second": second, "tol": tol}
    arguments = law.__code__.co_varnames[: law.__code__.co_argcount]
    with pytest.raises(AssertionError):
        law(**{name: available[name] for name in arguments})
