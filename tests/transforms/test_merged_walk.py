"""Merged steps of a walk: time evolution with half of the calls, against SciPy's exponential."""

import numpy as np
import pytest
import scipy.linalg

from qla_jax.accounting.costs import Calls, calls_of, cost
from qla_jax.circuits.counting import count
from qla_jax.circuits.simulation import to_matrix
from qla_jax.encodings.base.block import block
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.combine.joint import controlled
from qla_jax.encodings.emission import to_circuit
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.matrices.pauli import block_encode_pauli
from qla_jax.phases import merging
from qla_jax.polynomials.polynomial import polynomial
from qla_jax.transforms.eigenvalues import GQET
from qla_jax.transforms.functions import hamiltonian_simulation
from qla_jax.transforms.merged_walk import MergedWalk, walked
from tests.cases import TURNING

pytestmark = pytest.mark.x64

WORDS = {"XX": 0.5, "ZI": -0.3, "YZ": 0.2}


def distance(enc, expected: np.ndarray) -> float:
    return np.linalg.norm(np.asarray(block(enc)) - expected, 2)


@pytest.mark.parametrize(("time", "eps", "degree"), [(1.0, 1e-3, 4), (-2.0, 1e-5, 8), (2.5, 1e-7, 11)])
def test_time_evolution_takes_one_call_for_each_degree(time, eps, degree):
    part = block_encode_pauli(WORDS)
    expected = scipy.linalg.expm(-1j * time * np.asarray(block(part)))
    walk = hamiltonian_simulation(part, time, eps=eps)
    assert calls_of(walk, part) == Calls(forward=degree - 1, controlled=2)
    assert distance(walk, expected) <= walk.eps <= eps
    # Negative control: the other direction of time.
    assert distance(walk, expected.conj().T) > 0.5
    # The circuit, from its gates and simulated, and not only what it encodes.
    found = np.asarray(unitary(walk))
    assert np.linalg.norm(float(walk.alpha) * found[:4, :4] - expected, 2) <= walk.eps
    if degree == 4:
        np.testing.assert_allclose(leading(to_matrix(to_circuit(walk)), found), found, rtol=0, atol=1e-12)


def leading(matrix: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The block in which work qubits of the gates, the last wires, start and end in 0."""
    stride = len(matrix) // len(like)
    return np.asarray(matrix)[::stride, ::stride]


@pytest.mark.parametrize("degree", [3, 4])
def test_formulas_count_the_gates_of_the_circuit(degree):
    walk = walked(block_encode_pauli(WORDS), polynomial(TURNING[: degree + 1], "none"))
    assert isinstance(walk, MergedWalk)
    for enc in (walk, controlled(walk)):
        assert count(to_circuit(enc)) == cost(enc).gates


def test_what_does_not_merge_takes_the_other_circuit(monkeypatch):
    part, turning = block_encode_pauli(WORDS), polynomial(TURNING, "none")
    other = block_encode(np.asarray(block(part)))  # its circuit is not declared its own inverse
    real = polynomial(np.abs(TURNING) / 2, "none")
    for case in (walked(other, turning), walked(part, real), walked(part, polynomial(TURNING[:3], "none"))):
        assert isinstance(case, GQET)
    monkeypatch.setattr(merging, "GUARD", 8)  # the residual is far above the tolerance then, or there are no angles
    assert isinstance(walked(part, turning), GQET)
