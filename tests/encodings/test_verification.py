"""`verify` finds what it is for, and nothing else."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qla_jax as qla
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.matrices.dense import block_encode, from_unitary
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.encodings.verification import Check, Verification, verify
from tests.cases import ENCODINGS, VECTORS

pytestmark = pytest.mark.x64
SMALL = np.array([[0.6, 0.2], [0.1, 0.7]])


CASES = [*ENCODINGS, *VECTORS]
MARKS = [[pytest.mark.slow] if place % 43 else [] for place in range(len(CASES))]
SOME = [pytest.param(case, id=case.name, marks=marks) for case, marks in zip(CASES, MARKS, strict=True)]


@pytest.mark.parametrize("case", SOME)
@pytest.mark.sample(2)
def test_every_encoding_of_the_registry_keeps_the_laws(case):
    enc = case.build(jax.tree.map(jnp.asarray, case.params))
    found = verify(enc, samples=2)
    assert found.passed and not found.unseen, found


class Own(BlockEncoding, kw_only=True):
    """A matrix by any two functions on states."""

    forward: jax.Array
    backward: jax.Array

    def apply(self, state):
        return (self.forward @ state.reshape(-1)).reshape(state.shape)

    def apply_adjoint(self, state):
        return (self.backward @ state.reshape(-1)).reshape(state.shape)


def own(forward, backward, **changes) -> Own:
    like = from_unitary(np.eye(4), num_ancillas=1, alpha=1.0, eps=0.0)
    inherited = {field.name: getattr(like, field.name) for field in dataclasses.fields(BlockEncoding)}
    return Own(**inherited, forward=jnp.asarray(forward), backward=jnp.asarray(backward)).replace(**changes)


TURN = np.kron(np.eye(2), [[0.6, -0.8], [0.8, 0.6]])
DENSE = block_encode(SMALL)


def leaky() -> BlockEncoding:
    """An entry where the codomain has none."""
    return own(TURN, TURN.T, codomain=(1,))


@pytest.mark.parametrize(
    ("enc", "target", "laws"),
    [
        (own(TURN, TURN.T), TURN[:2, :2], ()),
        (own(TURN, TURN), None, ("unitarity", "adjoint", "transpose")),
        (own(0.9 * TURN, 0.9 * TURN.T), None, ("unitarity", "length")),
        (leaky(), None, ("views", "padding")),
        (DENSE.replace(matrix=1.1 * DENSE.matrix), None, ("views", "norm bound")),
        (DENSE.replace(norm_bound=0.9 * DENSE.norm_bound), None, ("norm bound",)),
        (DENSE, SMALL + 1e-3, ("error",)),
        (DENSE.replace(eps=jnp.asarray(2.1e-3)), SMALL + 1e-3, ()),
        (vector_encode([1.0, 2.0]), [1.0, 2.001], ("error",)),
        (vector_encode([1.0, 2.0]).replace(encoded=jnp.array([2.0, 1.0])), None, ("views",)),
    ],
)
def test_verify_reports_exactly_the_violated_laws(enc, target, laws):
    found = verify(enc, target)
    assert found.failed == laws, found
    assert found.passed == (not laws)


def test_verify_does_not_check_an_unknown_error_or_a_large_circuit():
    unknown = verify(DENSE.replace(eps=jnp.asarray(jnp.inf)), SMALL)
    assert unknown.unseen == ("error",) and unknown.passed
    deep = block_encode(np.eye(2))
    for _ in range(40):
        deep = deep @ block_encode(np.eye(2))
    assert verify(deep, np.eye(2)).unseen == ("unitarity", "length", "adjoint", "views", "padding")
    assert "do not fit in memory" in repr(verify(deep))


def test_a_report_prints_as_a_table():
    report = Verification("Node", (Check("views", 1.0, 0.5, "a"), Check("error", 0.1, 0.5, "b")))
    assert repr(report).splitlines() == [
        "Node: violated",
        "  views            VIOLATED       1.00e+00 of 5.00e-01  a",
        "  error            holds          1.00e-01 of 5.00e-01  b",
    ]


def test_bad_input_of_verify_is_named_in_the_error():
    with pytest.raises(TypeError, match="`enc` must be of type Encoding, but is of type ndarray"):
        verify(np.eye(2))
    with pytest.raises(ValueError, match=r"`target` must have shape \(2, 2\), but has \(3, 3\)"):
        verify(DENSE, np.eye(3))
    with pytest.raises(ValueError, match="`target` must have 2 entries, but has 3"):
        verify(vector_encode([1.0, 2.0]), np.ones(3))
    with pytest.raises(ValueError, match="`samples` must be at least 1, but is 0"):
        verify(DENSE, samples=0)


def test_the_success_probability_is_that_of_the_simulated_circuit():
    vec = qla.block_encode(np.diag([1.0, 0.5])) @ qla.vector_encode([0.6, 0.8])
    state = vec.apply(jnp.zeros((1 << vec.num_ancillas, 2)).at[0, 0].set(1))
    assert vec.success_probability == pytest.approx(float(jnp.linalg.norm(state[0]) ** 2), rel=1e-12)
