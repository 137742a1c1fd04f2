"""Loading by the tree of norms against a product of dense rotations, and its derivative where norms vanish."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.linalg.trees import load, unload
from tests.cases import cplx, real


def vector(qubits: int, is_complex: bool, empty: bool) -> np.ndarray:
    found = (cplx if is_complex else real)(1 << qubits)
    if empty:
        found[: len(found) // 2] = 0
    return found / np.linalg.norm(found)


def dense(unit: np.ndarray) -> np.ndarray:
    """The rotations of all levels, each a block-diagonal matrix, from the root down."""
    qubits, total = len(unit).bit_length() - 1, np.eye(len(unit), dtype=unit.dtype)
    for level in range(qubits):
        norms = [np.linalg.norm(part) for part in unit.reshape(2 << level, -1)] if level < qubits - 1 else unit
        blocks = []
        for u, v in np.reshape(norms, (-1, 2)):
            size = np.hypot(abs(u), abs(v))
            u, v = (u / size, v / size) if size else (1, 0)
            blocks.append(np.array([[u, -np.conj(v)], [v, np.conj(u)]]))
        below = np.eye(len(unit) >> level + 1)
        step = np.zeros_like(total)
        for place, block in enumerate(blocks):
            rows = slice(place * 2 * len(below), (place + 1) * 2 * len(below))
            step[rows, rows] = np.kron(block, below)
        total = step @ total
    return total if qubits else total * unit


@pytest.mark.numerics
@pytest.mark.parametrize("qubits", [0, 1, 3, 4, 6])
@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.sample(6)
def test_loading_is_the_product_of_its_rotations(qubits, is_complex, empty, tol):
    unit = vector(qubits, is_complex, empty and qubits > 0)
    expected, eye = dense(unit), jnp.eye(len(unit))
    atol = tol("exact", factor=10)
    np.testing.assert_allclose(load(jnp.asarray(unit), eye), expected, rtol=0, atol=atol)
    np.testing.assert_allclose(unload(jnp.asarray(unit), eye), expected.conj().T, rtol=0, atol=atol)
    np.testing.assert_allclose(expected[:, 0], unit, rtol=0, atol=atol)


@pytest.mark.numerics
def test_a_real_vector_keeps_complex_states_and_other_axes(tol):
    unit, state = vector(5, False, False), cplx(32, 3, 2)
    found = jax.vmap(load, in_axes=(None, 2), out_axes=2)(jnp.asarray(unit), jnp.asarray(state))
    expected = np.einsum("ij,jkl->ikl", dense(unit), state)
    np.testing.assert_allclose(found, expected, rtol=0, atol=tol("exact", factor=10))


@pytest.mark.x64
def test_derivatives_are_those_of_differences_and_finite_where_norms_vanish():
    unit, move, eye = vector(5, False, False), real(32, seed=3), jnp.eye(32)
    found = jax.jvp(lambda x: load(x, eye), (jnp.asarray(unit),), (jnp.asarray(move),))[1]
    ahead, behind = (load(jnp.asarray(unit + step * move), eye) for step in (1e-6, -1e-6))
    np.testing.assert_allclose(found, (ahead - behind) / 2e-6, rtol=0, atol=1e-7)
    assert jnp.isfinite(jax.jacobian(lambda x: load(x, eye))(jnp.zeros(32).at[5].set(1.0))).all()
