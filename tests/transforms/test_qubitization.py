"""The qubitization walk, beyond the laws that all encodings obey: its eigenphases, its error, what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.accounting.costs import Calls, cost
from qla_jax.encodings.base.block import block, postselect
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.matrices.dense import block_encode, from_unitary
from qla_jax.encodings.matrices.pauli import block_encode_pauli
from qla_jax.encodings.verification import verify
from qla_jax.transforms.eigenvalues import gqet
from qla_jax.transforms.qubitization import qubitization_walk
from tests.cases import contraction, norm2

pytestmark = pytest.mark.x64

HERMITIAN = (contraction(4, 4) + contraction(4, 4).conj().T) / 2
TERMS = {"XZ": 0.5, "YI": -0.25, "ZY": 0.1}
WORDS = block_encode_pauli(TERMS)


@pytest.mark.parametrize("hermitian", [True, False])
def test_the_eigenphases_of_the_walk_are_the_arc_cosines_of_the_eigenvalues_over_alpha(hermitian):
    alpha = 1.25
    part = block_encode(HERMITIAN, alpha=alpha, hermitian=hermitian)
    eigenvalues = np.linalg.eigvals(np.asarray(unitary(qubitization_walk(part))))
    for value in np.linalg.eigvalsh(HERMITIAN):
        for sign in (1, -1):
            wanted = np.exp(sign * 1j * np.arccos(value / alpha))
            assert np.abs(eigenvalues - wanted).min() <= 1e-12
            assert np.abs(eigenvalues + wanted).min() > 1e-3  # negative control: that of -A


def test_powers_of_the_walk_are_repetitions_of_one_circuit():
    part = block_encode(HERMITIAN, alpha=1.0)
    once, thrice = (np.asarray(unitary(qubitization_walk(part, power=power))) for power in (1, 3))
    np.testing.assert_allclose(np.linalg.matrix_power(once, 3), thrice, rtol=0, atol=1e-13)
    np.testing.assert_allclose(unitary(qubitization_walk(part, power=0)), np.eye(len(once)), rtol=0, atol=1e-14)
    walk = qubitization_walk(part, power=3)
    assert (walk.num_ancillas, *cost(walk).num_queries.values()) == (2, 6)


@pytest.mark.parametrize("power", [1, 2, 5])
def test_the_error_grows_with_the_square_of_the_power_and_is_reached_within_a_factor(power):
    """At the end of the spectrum T_k has the slope k^2."""
    eps = 1e-4
    part = block_encode(np.diag([1 - eps, 0.3]), alpha=1.0).replace(eps=jnp.asarray(eps))
    walk = qubitization_walk(part, power=power)
    exact = np.cos(power * np.arccos(np.array([1.0, 0.3])))
    distance = norm2(np.asarray(block(walk)) - np.diag(exact))
    assert distance <= walk.eps * (1 + 1e-9) <= 1.1 * distance


def calls(enc) -> Calls:
    return next(iter(cost(enc).calls.values()))


def test_a_circuit_that_is_its_own_inverse_is_called_once_in_each_step_and_has_no_mirror():
    real, mirrored = WORDS, block_encode_pauli({word: complex(c) for word, c in TERMS.items()})
    for part, walk, steps, ancillas in [
        (real, Calls(forward=3), Calls(controlled=6), 0),
        (mirrored, Calls(controlled=3, controlled_adjoint=3), Calls(controlled=6, controlled_adjoint=6), 1),
    ]:
        walked, transformed = qubitization_walk(part, power=3), gqet(part, [0.1, 0.2, -0.1j, 0.3])
        assert calls(walked) == walk and walked.num_ancillas == part.num_ancillas + ancillas
        assert calls(transformed) == steps and transformed.num_ancillas == part.num_ancillas + 1 + ancillas
        a = np.asarray(block(part)) / float(part.alpha)
        np.testing.assert_allclose(block(walked), 4 * a @ a @ a - 3 * a, rtol=0, atol=1e-13)


def test_a_walk_without_a_mirror_is_wrong_for_a_circuit_that_is_not_its_own_inverse():
    """A negative control: the claim is what makes the mirror superfluous."""
    garbage = np.diag(np.repeat([1, 1j], 4))  # the block is Hermitian, and the circuit is not
    part = from_unitary(unitary(block_encode(HERMITIAN, alpha=1.0)) @ garbage, num_ancillas=1, alpha=1.0, eps=0.0)
    walked = qubitization_walk(part, power=2)
    wrong = walked.replace(mirrored=False, num_ancillas=part.num_ancillas)
    assert verify(walked).passed and "views" in verify(wrong).failed


@pytest.mark.slow
def test_a_walk_built_outside_of_jit_runs_inside_and_has_derivatives():
    walked = qubitization_walk(WORDS, power=2)
    x = np.arange(4.0)
    np.testing.assert_allclose(jax.jit(postselect)(walked, x), walked.matvec(x), rtol=0, atol=1e-12)

    def worth(coeffs):
        part = block_encode_pauli(dict(zip(TERMS, coeffs, strict=True)))
        return jnp.sum(jnp.abs(postselect(gqet(part, [0.1, 0.2, -0.1, 0.3]), x)) ** 2)

    coeffs, step = jnp.array(list(TERMS.values())), 1e-5
    slopes = [(worth(coeffs.at[i].add(step)) - worth(coeffs.at[i].add(-step))) / (2 * step) for i in range(3)]
    np.testing.assert_allclose(jax.grad(worth)(coeffs), slopes, rtol=0, atol=1e-7)


def test_encodings_without_a_walk_raise():
    with pytest.raises(ValueError, match=r"`enc` must be square, but is \(3,\) x \(5,\)"):
        qubitization_walk(block_encode(contraction(3, 5)))
    with pytest.raises(ValueError, match="`power` must be at least 0, but is -1"):
        qubitization_walk(block_encode(HERMITIAN), power=-1)
    with pytest.raises(TypeError, match="`enc` must be of type BlockEncoding"):
        qubitization_walk(HERMITIAN)
