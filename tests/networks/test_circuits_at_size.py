"""Networks as one circuit, as large as a small machine holds: activation inside activation, every ancilla simulated.

Flagged ancillas that no later gate touches are projected early where the whole does not fit, and both simulations are
compared where it does.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from qla_jax import polynomials
from qla_jax.accounting.costs import cost
from qla_jax.encodings.base.vector import run, run_projected
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.networks.amplified import amplified_block
from qla_jax.networks.residual import residual_network, skip_norm_block
from qla_jax.networks.terminal import terminal_block
from tests.cases import norm2, real

pytestmark = [pytest.mark.x64, pytest.mark.slow]

POLY = polynomials.erf(0.8, degree=5)


def weights(size: int, blocks: int) -> list[np.ndarray]:
    return [0.95 * real(size, size, seed=k) / norm2(real(size, size, seed=k)) for k in range(blocks)]


def start(size: int) -> np.ndarray:
    return real(size) / np.linalg.norm(real(size))


def ideal(matrices: list[np.ndarray], x: np.ndarray) -> np.ndarray:
    for matrix in matrices:
        x = x + scipy.special.erf(0.8 * matrix @ x)
        x = x / np.linalg.norm(x)
    return x


@jax.jit
def both(matrices: list[jax.Array], x: jax.Array):
    network = residual_network([block_encode(w, alpha=1.0) for w in matrices], vector_encode(x), poly=POLY)
    return network, run_projected(network)


def check(matrices: list[np.ndarray], x: np.ndarray):
    network, projected = both([jnp.asarray(w) for w in matrices], jnp.asarray(x))
    np.testing.assert_allclose(projected, network.encoded, rtol=0, atol=1e-9)
    assert np.linalg.norm(network.encoded - ideal(matrices, x)) <= network.eps < 1e-2
    return network, projected


def test_two_blocks_on_two_qubits_equal_their_circuit_with_every_ancilla():
    """Sixteen qubits: the inner block's circuit runs six times in the outer one."""
    check_whole(*check(weights(4, 2), start(4)), qubits=16)


def test_three_blocks_equal_their_circuit_with_every_ancilla():
    """Nineteen qubits, in which the first block's circuit runs thirty-six times; separate ancillas would take 43."""
    check_whole(*check(weights(2, 3), start(2)), qubits=19)


def check_whole(network, projected, qubits: int) -> None:
    assert network.num_ancillas + network.num_qubits == qubits
    found = jax.jit(run)(network)
    np.testing.assert_allclose(found, network.encoded, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found, projected, rtol=0, atol=1e-9)


@pytest.mark.parametrize(("size", "blocks"), [(8, 2), (4, 3)])
def test_larger_networks_equal_their_circuit_with_early_projection(size, blocks):
    network, _ = check(weights(size, blocks), start(size))
    assert network.num_ancillas + network.num_qubits == {(8, 2): 19, (4, 3): 23}[size, blocks]


def test_an_amplified_network_of_regime_a_equals_its_circuit():
    """Thirteen qubits, 64 thousand calls: the amplified block in the terminal one, and that amplified, too.

    Amplified from an amplitude of 0.2, which these weights leave. From the 0.02 that all of them do, it takes 720
    thousand calls and four minutes.
    """
    block, matrix = weights(2, 2)

    @jax.jit
    def build(block: jax.Array, matrix: jax.Array, x: jax.Array):
        skip = skip_norm_block(block_encode(block, alpha=1.0), vector_encode(x), poly=POLY)
        inner = amplified_block(skip, eps=1e-2, amplitude_bound=0.05)
        return amplified_block(terminal_block(matrix, inner, norm_bound=1.0), eps=1e-2, amplitude_bound=0.2)

    network = build(jnp.asarray(block), jnp.asarray(matrix), jnp.asarray(start(2)))
    assert network.num_ancillas + network.num_qubits == 13 and cost(network).depth > 60_000
    np.testing.assert_allclose(jax.jit(run)(network), network.encoded, rtol=0, atol=1e-9)
    assert network.amplitude > 0.98
    gamma = 0.51 * ideal([block], start(2)) + 0.49 * matrix @ ideal([block], start(2)) ** 2
    assert np.linalg.norm(network.encoded - gamma / np.linalg.norm(gamma)) <= network.eps < 0.2
