"""The same circuits in plain NumPy, written from the definitions with matrix products, reflections and indexing.

On a GPU the comparison is across devices: NumPy stays on the CPU.
"""

import jax.numpy as jnp
import numpy as np
import pytest

import qla_jax as qla
from benchmarks.helpers import assert_same, compiled, uncompiled

SIZE, DEGREE = 256, 7


def weight_and_input() -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    matrix, x = draw.standard_normal((SIZE, SIZE)), draw.standard_normal(SIZE)
    return (0.99 * matrix / np.linalg.norm(matrix, 2)).astype(np.float32), (x / np.linalg.norm(x)).astype(np.float32)


def random_state(*shape: int) -> np.ndarray:
    state = np.random.default_rng(1).standard_normal(shape)
    return (state / np.linalg.norm(state)).astype(np.float32)


def reflect(unit: np.ndarray, state: np.ndarray) -> np.ndarray:
    """A reflection up to sign, its own inverse, that takes the first basis state of the last axis to `unit`."""
    sign = np.float32(-1 if unit[0] < 0 else 1)
    u = sign * unit
    u[0] += 1
    return sign * ((state @ u)[..., None] * (u / u[0]) - state)


def activation(even: np.ndarray, dilation: np.ndarray, x: np.ndarray, state: np.ndarray) -> np.ndarray:
    """The circuit of `activate(W @ x, P)` on all its qubits: Q(diag(W x)) by LCU, on the vector W x itself.

    Registers: index, ancilla and copy of the diagonal, ancilla of the vector, data.
    """
    terms, dimension = len(even), 2 * SIZE
    loaded = np.sqrt(np.abs(even) / np.abs(even).sum())
    signs = np.sign(even)[:, None, None, None, None]
    data_xor_copy = (np.arange(SIZE)[:, None] ^ np.arange(SIZE))[None, None]

    def vector(state: np.ndarray) -> np.ndarray:  # on the last two axes: ancilla, system
        return (reflect(x, state).reshape(-1, dimension) @ dilation.T).reshape(state.shape)

    def vector_back(state: np.ndarray) -> np.ndarray:
        return reflect(x, (state.reshape(-1, dimension) @ dilation).reshape(state.shape))

    def diagonal(state: np.ndarray) -> np.ndarray:  # index and idle, ancilla, copy, data
        on_copy = np.moveaxis(vector(np.moveaxis(state, -1, 1)), 1, -1)
        return np.take_along_axis(on_copy, data_xor_copy, axis=2)

    def diagonal_back(state: np.ndarray) -> np.ndarray:
        compared = np.take_along_axis(state, data_xor_copy, axis=2)
        return np.moveaxis(vector_back(np.moveaxis(compared, -1, 1)), 1, -1)

    def reflect_ancillas(state: np.ndarray, first: int) -> np.ndarray:  # in the branches from `first` on
        state = state.reshape(terms - 1, 2, 2, SIZE, SIZE)
        state[first:] *= -1
        state[first:, :, 0, 0] *= -1
        return state.reshape(-1, 2, SIZE, SIZE)

    def prepare(grid: np.ndarray) -> np.ndarray:
        return np.moveaxis(reflect(loaded, np.moveaxis(grid, 0, -1)), -1, 0)

    grid = np.moveaxis(vector(state.reshape(terms, 2, SIZE, 2, SIZE)), 3, 1)  # the idle ancilla beside the index
    grid = np.ascontiguousarray(prepare(grid))
    active = grid[1:].reshape(-1, 2, SIZE, SIZE)
    for step in range(terms - 1):
        active = reflect_ancillas(diagonal(active), step)
        active = reflect_ancillas(diagonal_back(active), step)
    grid[1:] = active.reshape(grid[1:].shape)
    return np.moveaxis(prepare(signs * grid), 1, 3).reshape(state.shape)


@pytest.mark.benchmark(group="against NumPy")
def test_dense_dilation(report):
    """A dense 256 x 256 block encoding applied to a state: one product with a stored 512 x 512 unitary."""
    matrix, _ = weight_and_input()
    enc, state = qla.block_encode(matrix, alpha=1.0), random_state(2, SIZE)
    dilation = np.array(enc.unitary)
    program = compiled(lambda enc, state: enc.apply(state), enc, jnp.asarray(state))
    peer = uncompiled(lambda state: (dilation @ state.reshape(-1)).reshape(state.shape), state)
    assert_same(program.run(*program.fresh()), peer.run(state))
    report(program, flops=2.0 * dilation.size, against=peer)


@pytest.mark.benchmark(group="against NumPy")
def test_activation_circuit(report):
    """erf(4x/5) of degree 7 on the entries of W x, N = 256: 12 ancillas and 8 system qubits, float32."""
    matrix, x = weight_and_input()
    vec = qla.block_encode(matrix, alpha=1.0) @ qla.vector_encode(x)
    act = qla.activate(vec, qla.polynomials.erf(np.float32(0.8), degree=DEGREE))
    assert act.num_ancillas + act.num_qubits == 20
    state = random_state(1 << act.num_ancillas, SIZE)
    even, dilation = np.array(act.even_coeffs, np.float32), np.array(vec.matrix.unitary)
    program = compiled(lambda act, state: act.apply(state), act, jnp.asarray(state))
    peer = uncompiled(lambda state: activation(even, dilation, x, state), state)
    assert_same(program.run(*program.fresh()), peer.run(state))
    products = 1 + 2 * (len(even) - 1) * (len(even) - 1) / len(even)  # calls of the dilation per amplitude
    report(program, flops=2.0 * state.size * 2 * SIZE * products, against=peer, state_bytes=state.nbytes)
