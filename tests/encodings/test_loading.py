"""Loading by a tree of norms: its gates, its angles, and what happens where a norm is zero."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from qla_jax.accounting.gates import Gates
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.base.vector import run
from qla_jax.encodings.vectors.loading import load_vector, qram_encode
from tests.cases import cplx, real

LOADERS = pytest.mark.parametrize("load", [load_vector, qram_encode])


def rotations_of(x: np.ndarray) -> np.ndarray:
    """The circuit for real entries, a block diagonal matrix of rotations for each level, by angles."""
    qubits, circuit = len(x).bit_length() - 1, np.eye(len(x))
    for level in range(qubits):
        halves = x.reshape(1 << level, 2, -1)
        last = level == qubits - 1
        u, v = halves[..., 0].T if last else np.linalg.norm(halves, axis=2).T
        turns = [np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]]) for t in np.arctan2(v, u)]
        circuit = scipy.linalg.block_diag(*(np.kron(turn, np.eye(halves.shape[2])) for turn in turns)) @ circuit
    return circuit


@pytest.mark.numerics
@pytest.mark.parametrize("x", [real(8), np.array([0, 0, 0, -1.0, 2, 0, 0, 0])], ids=["generic", "with empty branches"])
def test_the_circuit_is_one_multiplexed_rotation_for_each_qubit(x, tol):
    np.testing.assert_allclose(
        jax.jit(lambda x: unitary(load_vector(x)))(x), rotations_of(x), rtol=0, atol=tol("exact")
    )


@pytest.mark.numerics
@LOADERS
def test_entries_far_apart_in_size_and_zeros_among_them_are_loaded(load, tol):
    x = np.array([1e-30, 0, 0, 0, 3e4, -1e-3, 0, 1j])
    np.testing.assert_allclose(jax.jit(lambda x: run(load(x)))(x), x, rtol=0, atol=tol("exact", factor=3e4))


@pytest.mark.numerics
@LOADERS
def test_derivatives_of_loading_are_finite_at_zeros_and_exact_elsewhere(load, tol):
    def state(x):
        return load(x).apply(jnp.eye(1, 8))[0]

    empty = np.array([0.6, 0, 0, 0, 0, 0, 0.8, 0])
    assert np.isfinite(jax.jit(jax.jacrev(state))(empty)).all()
    assert np.isfinite(jax.jit(jax.jacrev(state))(np.zeros(8))).all()
    unit = real(8) / np.linalg.norm(real(8))
    projector = np.eye(8) - np.outer(unit, unit)
    np.testing.assert_allclose(jax.jit(jax.jacrev(state))(unit), projector, rtol=0, atol=tol("exact", factor=100))


def test_gates_of_a_tree_are_those_counted_by_hand():
    """Four rotations behind two controls, two behind one, one; of complex entries the last are three of one qubit."""
    assert load_vector(real(8)).gates() == Gates(rotations=4 + 2 + 1, cnot=4 + 2)
    assert load_vector(cplx(8)).gates() == Gates(rotations=3 * 4 + 2 + 1, cnot=3 * 4 + 2)
    assert qram_encode(real(8)).gates() == Gates(rotations=3, reads=2 * 3, read_layers=2 * (1 + 2 + 3))
    assert qram_encode(cplx(8)).gates() == Gates(rotations=2 + 3, reads=2 * 3, read_layers=2 * (1 + 2 + 3))
    assert load_vector(np.array([1j])).gates() == qram_encode(np.array([1.0])).gates() == Gates()


@pytest.mark.parametrize("qubits", [4, 10, 16])
def test_a_memory_is_polynomially_deep_where_gates_are_exponentially(qubits):
    vec = jax.eval_shape(load_vector, np.zeros(1 << qubits))
    assert vec.gates().depth == 2 * (1 << qubits) - 3
    assert jax.eval_shape(qram_encode, np.zeros(1 << qubits)).gates().depth == qubits * (qubits + 2)


@LOADERS
@pytest.mark.parametrize(
    ("x", "rule"), [(np.zeros(4), "not be the zero vector"), (real(3), "power-of-two"), (np.array([np.nan]), "finite")]
)
def test_vectors_that_cannot_be_loaded_are_refused(load, x, rule):
    with pytest.raises(ValueError, match=f"`x` must .*{rule}"):
        load(x)
