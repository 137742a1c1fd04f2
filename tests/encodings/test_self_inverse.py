"""Circuits that are their own inverse: who says so, whether it is true, and what a false claim does."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.combine.algebra import adjoint, linear_combination, scale
from qla_jax.encodings.combine.joint import controlled, tensor
from qla_jax.encodings.matrices.dense import block_encode, from_unitary
from qla_jax.encodings.matrices.diagonal import block_encode_diagonal
from qla_jax.encodings.matrices.pauli import block_encode_pauli
from qla_jax.encodings.matrices.selection import identity, selection
from qla_jax.encodings.verification import verify
from qla_jax.transforms.decomposed import decomposed
from tests.cases import ENCODINGS, Case, cplx, haar, real
from tests.test_foreign_encoding import SwapTest, swap_test

pytestmark = pytest.mark.x64

OF_THE_REGISTRY = {
    "dense Hermitian, declared",
    "explicit unitary, declared its own inverse",
    "identity",
    "identity of 4",
    "projector",
    "Pauli words, one of them zero",
    "Pauli words by masks",
    "Pauli words of two qubits by masks, one of them zero",
    "real diagonal",
    "padded diagonal, alpha given",
    "zero diagonal",
    "Pauli words and a projector on two registers, subtracted",
}
WORDS = block_encode_pauli({"XZ": 0.5, "YI": -0.25, "ZY": 0.1})
HERMITIAN = np.array([[0.5, 0.2j], [-0.2j, -0.3]])
DENSE = block_encode(HERMITIAN, hermitian=True)
COMPOSED = {
    "negative multiple": lambda: -2.0 * WORDS,
    "adjoint": lambda: adjoint(WORDS),
    "sum": lambda: linear_combination(WORDS, tensor(DENSE, DENSE), identity(4), weights=[1.0, -0.5, 0.0]),
    "tensor product": lambda: tensor(WORDS, block_encode_diagonal(real(3))),
    "controlled": lambda: controlled(WORDS),
    "kept decomposition": lambda: decomposed(DENSE),
    "permutation": lambda: selection((1, 0, 2, 3), (4,), (4,)),
}
OTHERS = {
    "complex coefficients": lambda: block_encode_pauli({"X": 1.0, "Z": 1j}),
    "complex multiple": lambda: 1j * WORDS,
    "complex weights": lambda: linear_combination(WORDS, WORDS, weights=[1.0, 1j]),
    "one part that is not": lambda: WORDS + block_encode(real(4, 4)),
    "tensor product with one that is not": lambda: tensor(WORDS, block_encode(real(2, 2))),
    "product": lambda: WORDS @ block_encode_diagonal(real(4)),
    "complex diagonal": lambda: block_encode_diagonal(cplx(3)),
    "cycle": lambda: selection((1, 2, 0, 3), (4,), (4,)),
}


def apart(enc) -> float:
    """How far two runs of a circuit are from doing nothing."""
    matrix = np.asarray(unitary(enc))
    return np.abs(matrix @ matrix - np.eye(len(matrix))).max()


def build(case: Case):
    return case.build(jax.tree.map(jnp.asarray, case.params))


@pytest.mark.parametrize("case", [case for case in ENCODINGS if case.name in OF_THE_REGISTRY], ids=lambda c: c.name)
@pytest.mark.sample(3)
def test_a_circuit_of_the_registry_that_is_declared_its_own_inverse_is(case, tol):
    enc = build(case)
    assert enc.is_self_inverse and apart(enc) <= tol()
    assert jax.eval_shape(case.build, jax.tree.map(jnp.asarray, case.params)).is_self_inverse  # numbers are not needed


@pytest.mark.parametrize("case", [case for case in ENCODINGS if case.name not in OF_THE_REGISTRY], ids=lambda c: c.name)
@pytest.mark.sample(7)
def test_no_other_circuit_of_the_registry_is_declared(case):
    assert not build(case).is_self_inverse


@pytest.mark.parametrize("name", COMPOSED)
@pytest.mark.sample(3)
def test_a_circuit_of_parts_that_are_their_own_inverses_is_its_own_inverse(name, tol):
    enc = COMPOSED[name]()
    assert enc.is_self_inverse and apart(enc) <= tol()


@pytest.mark.parametrize("name", OTHERS)
def test_a_circuit_that_is_not_its_own_inverse_is_not_declared(name):
    """Negative control: two runs of these circuits do something."""
    enc = OTHERS[name]()
    assert not enc.is_self_inverse and apart(enc) > 0.1


def test_chains_of_any_length_answer():
    enc = WORDS
    for _ in range(3000):
        enc = scale(enc, -1.0)
    assert enc.is_self_inverse and not scale(enc, 1j).is_self_inverse


class Claimed(SwapTest):
    is_self_inverse = True


@pytest.mark.parametrize(("theta", "failed"), [(0.0, ()), (0.3, ("self-inverse",))])
def test_a_false_claim_of_a_users_own_class_is_found(theta, failed):
    """The swap test is its own inverse without a phase."""
    plain = swap_test(theta)
    claimed = Claimed(**{name: getattr(plain, name) for name in plain.__dataclass_fields__})
    assert not plain.is_self_inverse and claimed.is_self_inverse
    assert verify(claimed).failed == failed


def test_a_declaration_that_the_numbers_contradict_raises_and_inside_jit_leaves_eps_unknown():
    skewed = HERMITIAN + np.array([[0, 1e-6], [0, 0]])
    with pytest.raises(ValueError, match=r"`matrix` must be Hermitian as declared, but \|A - A\^H\| reaches 1e-06"):
        block_encode(skewed, hermitian=True)
    with pytest.raises(ValueError, match=r"`matrix` must be Hermitian, but has shape \(2, 3\)"):
        block_encode(real(2, 3), hermitian=True)
    with pytest.raises(ValueError, match="`unitary` must be Hermitian as declared"):
        from_unitary(haar(4), num_ancillas=1, alpha=1.0, eps=0.0, self_inverse=True)
    eps = jax.jit(jax.vmap(lambda a: block_encode(a, hermitian=True).eps))(np.stack([HERMITIAN, skewed]))
    assert eps[0] == 0 and np.isinf(eps[1])
    own = np.eye(4)[[0, 2, 1, 3]]
    declare = jax.jit(jax.vmap(lambda u: from_unitary(u, num_ancillas=1, alpha=1.0, eps=0.0, self_inverse=True).eps))
    eps = declare(np.stack([own, np.roll(own, 1, axis=0)]))
    assert eps[0] == 0 and np.isinf(eps[1])


def test_the_declared_dilation_encodes_the_same_matrix():
    np.testing.assert_allclose(unitary(DENSE)[:2, :2], HERMITIAN / DENSE.alpha, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(unitary(DENSE), unitary(DENSE).conj().T)
