"""Functions of matrices against dense linear algebra: the error is never above the tracked one."""

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from qla_jax.accounting.costs import Calls, cost
from qla_jax.circuits import count
from qla_jax.encodings.base.block import block, postselect
from qla_jax.encodings.emission import to_circuit
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.matrices.pauli import block_encode_pauli
from qla_jax.transforms.eigenvalues import gqet
from qla_jax.transforms.functions import eigenstate_filter, hamiltonian_simulation, pseudo_inverse
from tests.cases import cplx

pytestmark = pytest.mark.x64


def hermitian(values: np.ndarray) -> np.ndarray:
    vectors = np.linalg.qr(cplx(len(values), len(values)))[0]
    return (vectors * values) @ vectors.conj().T


def distance(enc, expected: np.ndarray) -> float:
    return np.linalg.norm(np.asarray(block(enc)) - expected, 2)


@pytest.mark.parametrize("time", [0.7, -3.0, 12.0])
@pytest.mark.sample(1)
def test_hamiltonian_simulation_is_the_exponential(time):
    h = hermitian(np.array([-0.8, -0.1, 0.3, 1.0]))
    enc = hamiltonian_simulation(block_encode(h, alpha=1.2), time, eps=1e-6)
    expected = scipy.linalg.expm(-1j * h * time)
    assert distance(enc, expected) <= enc.eps <= 1.1e-6
    assert 1 / 0.999 <= enc.alpha <= (1 + 1e-6) / 0.999  # the series may be longer than 1 by its error
    x = cplx(4)
    found = postselect(enc, jnp.asarray(x))  # nearly all of the norm comes through
    assert np.linalg.norm(found - expected @ x) <= (enc.eps + 1e-12) * np.linalg.norm(x)


def test_time_zero_is_the_identity():
    enc = hamiltonian_simulation(block_encode(hermitian(np.array([0.5, -0.5]))), 0.0, eps=1e-6)
    np.testing.assert_allclose(block(enc), np.eye(2), rtol=0, atol=1e-12)


def test_the_direction_of_time_matters():
    """Negative control."""
    h = hermitian(np.array([-0.8, 1.0]))
    enc = hamiltonian_simulation(block_encode(h), 1.0, eps=1e-6)
    assert distance(enc, scipy.linalg.expm(1j * h)) > 0.5


def test_a_sum_of_pauli_words_is_simulated_without_its_matrix():
    enc = block_encode_pauli({"XX": 0.5, "ZI": -0.3})
    h = np.asarray(block(enc))
    found = hamiltonian_simulation(enc, 2.0, eps=1e-5)
    assert distance(found, scipy.linalg.expm(-2j * h)) <= found.eps


def test_the_transverse_field_ising_model_on_six_qubits_takes_one_call_for_each_step():
    """A quarter of the 280 calls that a mirrored circuit takes, which the same words with complex coefficients show."""
    words = {"I" * i + "ZZ" + "I" * (4 - i): -1.0 for i in range(5)}
    words |= {"I" * i + "X" + "I" * (5 - i): -0.7 for i in range(6)}
    enc = block_encode_pauli(words)
    found = hamiltonian_simulation(enc, 5.0, eps=1e-8)
    assert cost(found).calls == {"PauliSum[0]": Calls(forward=69, controlled=2)}
    assert distance(found, scipy.linalg.expm(-5j * np.asarray(block(enc)))) <= found.eps <= 1e-8
    mirrored = block_encode_pauli({word: complex(c) for word, c in words.items()})
    found = hamiltonian_simulation(mirrored, 5.0, eps=1e-8)
    assert cost(found).calls == {"PauliSum[0]": Calls(controlled=140, controlled_adjoint=140)}


def test_a_step_of_the_ising_model_takes_eight_rotations():
    """Three for each PREPARE, as the weights have two values, and two for the control qubit."""
    words = {"ZZII": 1.0, "IZZI": 1.0, "IIZZ": 1.0, "XIII": 0.7, "IXII": 0.7, "IIXI": 0.7, "IIIX": 0.7}
    chain = block_encode_pauli(words)
    evolution = hamiltonian_simulation(chain, 1.0, eps=1e-4)
    prepare = cost(chain).gates.rotations // 2
    calls = sum(cost(evolution).num_queries.values())
    # One call more than there are turns of the control, and one phase before all of them.
    assert prepare == 3 and cost(evolution).gates.rotations == (2 * prepare + 2) * calls - 1
    assert count(to_circuit(evolution)) == cost(evolution).gates
    # Negative control: coefficients without such a pattern need the phases, too.
    other = gqet(chain, [0.1, 0.2 + 0.1j, 0.3j])
    assert cost(other).gates.rotations > (2 * prepare + 1) * 4 + 1
    assert count(to_circuit(other)) == cost(other).gates


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5)])
@pytest.mark.sample(1)
def test_the_pseudo_inverse_is_that_of_numpy_zero_singular_values_included(shape):
    a = cplx(*shape)
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    s = np.array([1.0, 0.4, 0.0, 0.0][: len(s)])
    a = (u * s) @ vh
    enc = pseudo_inverse(block_encode(a, alpha=1.5), 4.0, relative_eps=1e-4)
    assert enc.shape == shape[::-1]
    assert distance(enc, np.linalg.pinv(a)) <= enc.eps <= 1.01e-4 / 1.5
    b = cplx(shape[0])
    found = np.asarray(postselect(enc, jnp.asarray(b)))
    assert np.linalg.norm(found - np.linalg.pinv(a) @ b) <= (enc.eps + 1e-11) * np.linalg.norm(b)


def test_below_alpha_over_kappa_the_polynomial_is_not_the_inverse():
    """Negative control: below alpha / kappa the polynomial is not the inverse."""
    enc = pseudo_inverse(block_encode(np.diag([1.0, 0.05]), alpha=1.0), 4.0, relative_eps=1e-4)
    assert distance(enc, np.diag([1.0, 20.0])) > 1


def test_the_filter_projects_on_the_null_space():
    h = hermitian(np.array([0.0, 0.31, -0.6, 1.0]))
    values, vectors = np.linalg.eigh(h)
    null = vectors[:, np.abs(values) < 1e-12]
    enc = eigenstate_filter(block_encode(h, alpha=1.0), 0.3, eps=1e-4)
    assert distance(enc, null @ null.conj().T) <= enc.eps <= 1.1e-4
    closer = hermitian(np.array([0.0, 0.1, -0.6, 1.0]))  # negative control: an eigenvalue inside of the gap
    assert distance(eigenstate_filter(block_encode(closer, alpha=1.0), 0.3, eps=1e-4), null @ null.conj().T) > 0.1


@pytest.mark.parametrize(
    "build", [lambda e: hamiltonian_simulation(e, 1.0, eps=1e-3), lambda e: eigenstate_filter(e, 0.3, eps=1e-3)]
)
def test_functions_of_matrices_that_are_not_square_raise(build):
    with pytest.raises(ValueError, match=r"`enc` must be square, but is \(3,\) x \(5,\)"):
        build(block_encode(cplx(3, 5)))


@pytest.mark.parametrize(
    "build",
    [
        lambda e: hamiltonian_simulation(e, 1.0, eps=1e-3, margin=0.0),
        lambda e: pseudo_inverse(e, 3.0, relative_eps=1e-3, margin=0.0),
        lambda e: eigenstate_filter(e, 0.3, eps=1e-3, margin=0.0),
    ],
)
def test_without_a_margin_there_are_no_phases(build):
    with pytest.raises(ValueError, match=r"`margin` must lie between 0 and 1, but is 0\.0"):
        build(block_encode(np.eye(2)))


def test_a_larger_margin_increases_alpha():
    enc = eigenstate_filter(block_encode(np.diag([0.0, 1.0])), 0.5, eps=1e-2, margin=0.1)
    np.testing.assert_allclose(enc.alpha, 1 / 0.9)
    assert distance(enc, np.diag([1.0, 0.0])) <= enc.eps
