"""An encoding that a user writes, with nothing but its circuit and the circuit's inverse, works in all others.

The swap test: a Hadamard, a controlled swap of two registers with a phase, a Hadamard. Its ancilla in |0> leaves
(1 + e^{i theta} SWAP) / 2 on the registers, for theta = 0 the projector on what is symmetric.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from qla_jax import polynomials
from qla_jax.encodings.base.block import BlockEncoding, block, postselect
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.base.vector import VectorEncoding, run
from qla_jax.encodings.combine.joint import controlled, tensor
from qla_jax.encodings.combine.normalized import normalize
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.transforms.activation import activate
from qla_jax.transforms.chebyshev_lcu import chebyshev_lcu
from tests.cases import CUBIC, cplx, derivative, on_modulus, real, transform_right

pytestmark = pytest.mark.numerics


class SwapTest(BlockEncoding, kw_only=True):
    theta: Array

    def apply(self, state):
        return self._test(jnp.exp(1j * self.theta), state)

    def apply_adjoint(self, state):
        return self._test(jnp.exp(-1j * self.theta), state)

    @staticmethod
    def _test(phase, state):
        plus, minus = (state[0] + state[1]) / jnp.sqrt(2), (state[0] - state[1]) / jnp.sqrt(2)
        swapped = phase * minus.reshape(2, 2).T.reshape(-1)
        return jnp.stack([plus + swapped, plus - swapped]) / jnp.sqrt(2)


def swap_test(theta: Any) -> SwapTest:
    one = jnp.ones(())
    return SwapTest(
        alpha=one,
        eps=0 * one,
        norm_bound=one,
        num_ancillas=1,
        num_qubits=2,
        domain=(4,),
        codomain=(4,),
        theta=jnp.asarray(theta),
    )


class Rotation(VectorEncoding, kw_only=True):
    """(cos theta, sin theta), by one gate."""

    theta: Array

    def apply(self, state):
        return state @ rotation(self.theta).T

    def apply_adjoint(self, state):
        return state @ rotation(self.theta)


def rotation(theta: Any) -> Array:
    return jnp.array([[jnp.cos(theta), -jnp.sin(theta)], [jnp.sin(theta), jnp.cos(theta)]])


def rotated(theta: Any) -> Rotation:
    theta, one = jnp.asarray(theta), jnp.ones(())
    encoded = jnp.array([jnp.cos(theta), jnp.sin(theta)])
    return Rotation(alpha=one, eps=0 * one, num_ancillas=0, num_qubits=1, encoded=encoded, sizes=(2,), theta=theta)


SWAP = np.eye(4)[[0, 2, 1, 3]]
THETA = 0.7


def swap_matrix(theta: float) -> np.ndarray:
    return (np.eye(4) + np.exp(1j * theta) * SWAP) / 2


A, X = real(4, 4), real(4)
COMPOSITES = {
    "alone": (lambda t: swap_test(t), swap_matrix),
    "product": (lambda t: swap_test(t) @ block_encode(A), lambda t: swap_matrix(t) @ A),
    "product with itself": (lambda t: swap_test(t) @ swap_test(t), lambda t: swap_matrix(t) @ swap_matrix(t)),
    "sum": (lambda t: 2.0 * swap_test(t) + block_encode(A), lambda t: 2 * swap_matrix(t) + A),
    "difference": (lambda t: block_encode(A) - swap_test(t), lambda t: A - swap_matrix(t)),
    "tensor": (lambda t: tensor(swap_test(t), block_encode(A[:2, :2])), lambda t: np.kron(swap_matrix(t), A[:2, :2])),
    "adjoint": (lambda t: swap_test(t).adjoint(), lambda t: swap_matrix(t).conj().T),
    "controlled": (
        lambda t: controlled(swap_test(t)),
        lambda t: np.kron(np.diag([1, 0]), np.eye(4)) + np.kron(np.diag([0, 1]), swap_matrix(t)),
    ),
    "Chebyshev combination": (
        lambda t: chebyshev_lcu(swap_test(t), [0.5, 0.2, -0.3]),
        lambda t: transform_right(np.array([0.5, 0.2, -0.3]), swap_matrix(t), 1),
    ),
}


@pytest.mark.parametrize(("build", "matrix"), COMPOSITES.values(), ids=COMPOSITES)
@pytest.mark.sample(2)
def test_a_foreign_encoding_composes_and_transforms(build, matrix, tol):
    """Unitary, block, circuit, vmap over encodings and the gradient, in one compilation."""
    size = matrix(0.0).shape[0]
    x, left = cplx(size, seed=1), cplx(size, seed=2)

    def scalar(theta):
        return jnp.vdot(left, build(theta).matvec(jnp.asarray(x)) + 2 * postselect(build(theta), jnp.asarray(x))).real

    @jax.jit
    @jax.vmap
    def look(theta):
        enc = build(theta)
        return unitary(enc), block(enc), postselect(enc, jnp.asarray(x)), jax.grad(scalar)(theta)

    thetas = np.array([THETA, 0.0])  # a phase, and the projector
    for theta, u, encoded, image, slope in zip(thetas, *map(np.asarray, look(jnp.asarray(thetas))), strict=True):
        expected = matrix(theta)
        np.testing.assert_allclose(u @ u.conj().T, np.eye(len(u)), rtol=0, atol=tol())
        np.testing.assert_allclose(encoded, expected, rtol=0, atol=tol("rounding", factor=10))
        np.testing.assert_allclose(image, expected @ x, rtol=0, atol=tol("rounding", factor=10))
        reference = derivative(lambda t: 3 * np.vdot(left, matrix(t) @ x).real, np.array(theta), np.array(1.0))
        assert abs(slope - reference) <= tol("gradient", factor=max(1.0, abs(reference)))


VECTORS = {
    "matrix times vector": (lambda t: swap_test(t) @ vector_encode(X), lambda t: swap_matrix(t) @ X),
    "activation": (
        lambda t: activate(swap_test(t) @ vector_encode(0.3 * X), polynomials.polynomial(CUBIC, "odd")),
        lambda t: on_modulus(CUBIC, 0.3 * swap_matrix(t) @ X),
    ),
    "normalized": (
        lambda t: normalize(swap_test(t) @ vector_encode(X)),
        lambda t: swap_matrix(t) @ X / np.linalg.norm(swap_matrix(t) @ X),
    ),
    "foreign vector": (lambda t: rotated(t), lambda t: np.array([np.cos(t), np.sin(t)])),
    "activation of a foreign vector": (
        lambda t: activate(rotated(t), polynomials.polynomial(CUBIC, "odd")),
        lambda t: on_modulus(CUBIC, np.array([np.cos(t), np.sin(t)])),
    ),
    "matrix times a foreign vector": (
        lambda t: block_encode(A[:3, :2]) @ rotated(t),
        lambda t: A[:3, :2] @ np.array([np.cos(t), np.sin(t)]),
    ),
}


@pytest.mark.parametrize(("build", "vector"), VECTORS.values(), ids=VECTORS)
@pytest.mark.sample(2)
def test_a_foreign_encoding_acts_on_vectors_and_a_foreign_vector_is_acted_on(build, vector, tol):
    left = cplx(vector(0.0).size, seed=2)

    def scalar(theta):
        return jnp.vdot(left, build(theta).encoded + 2 * run(build(theta))).real

    @jax.jit
    @jax.vmap
    def look(theta):
        return build(theta).encoded, run(build(theta)), jax.grad(scalar)(theta)

    thetas = np.array([THETA, -0.4])
    for theta, encoded, by_circuit, slope in zip(thetas, *map(np.asarray, look(jnp.asarray(thetas))), strict=True):
        np.testing.assert_allclose(encoded, vector(theta), rtol=0, atol=tol())
        np.testing.assert_allclose(by_circuit, vector(theta), rtol=0, atol=tol())
        reference = derivative(lambda t: 3 * np.vdot(left, vector(t)).real, np.array(theta), np.array(1.0))
        assert abs(slope - reference) <= tol("gradient", factor=max(1.0, abs(reference)))


def test_an_encoding_without_a_circuit_cannot_be_made():
    class Nothing(BlockEncoding, kw_only=True):
        def apply(self, state):
            return state

    one = jnp.ones(())
    with pytest.raises(TypeError, match=r"abstract.*apply_adjoint"):
        Nothing(alpha=one, eps=one, norm_bound=one, num_ancillas=0, num_qubits=1, domain=(2,), codomain=(2,))
