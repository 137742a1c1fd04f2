"""The qubitization walk, beyond the laws that all encodings obey: its eigenphases, its error, what it refuses."""

import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.accounting.costs import cost
from qla_jax.encodings.base.block import block
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.transforms.qubitization import qubitization_walk
from tests.cases import contraction, norm2

pytestmark = pytest.mark.x64

HERMITIAN = (contraction(4, 4) + contraction(4, 4).conj().T) / 2


def test_the_eigenphases_of_the_walk_are_the_arc_cosines_of_the_eigenvalues_over_alpha():
    alpha = 1.25
    eigenvalues = np.linalg.eigvals(np.asarray(unitary(qubitization_walk(block_encode(HERMITIAN, alpha=alpha)))))
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


def test_encodings_without_a_walk_raise():
    with pytest.raises(ValueError, match=r"`enc` must be square, but is \(3,\) x \(5,\)"):
        qubitization_walk(block_encode(contraction(3, 5)))
    with pytest.raises(ValueError, match="`power` must be at least 0, but is -1"):
        qubitization_walk(block_encode(HERMITIAN), power=-1)
    with pytest.raises(TypeError, match="`enc` must be of type BlockEncoding"):
        qubitization_walk(HERMITIAN)
