"""Simplified expressions encode the same with no larger parameters: rule by rule, and by random expressions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qla_jax as qla
from qla_jax.accounting.costs import cost
from qla_jax.transforms import rewriting
from qla_jax.transforms.simplification import simplify
from tests.cases import ENCODINGS, VECTORS, contraction, cplx, haar, in_default_lane, real

pytestmark = pytest.mark.x64
A, B = qla.block_encode(real(4, 4)), qla.block_encode(cplx(4, 4, seed=1))
WORDS, OTHERS = qla.block_encode_pauli({"XZ": 0.5, "ZI": -1.0}), qla.block_encode_pauli({"XZ": -0.5, "YY": 2.0})
U = qla.from_unitary(haar(4), num_ancillas=0, alpha=3.0, eps=0.1)
V = qla.vector_encode(real(4))


def dense(enc):
    return qla.block(enc) if isinstance(enc, qla.BlockEncoding) else enc.encoded


def assert_no_worse(found, enc):
    scale = max(1.0, float(enc.alpha))
    np.testing.assert_allclose(dense(found), dense(enc), rtol=0, atol=1e-12 * scale)
    for name in ("alpha", "eps"):
        assert getattr(found, name) <= getattr(enc, name) * (1 + 1e-12), name
    assert found.num_ancillas <= enc.num_ancillas
    assert cost(found).depth <= cost(enc).depth
    if isinstance(found, qla.BlockEncoding):
        assert (found.domain, found.codomain) == (enc.domain, enc.codomain)
        flagged = found.alpha * qla.unitary(found)[: found.shape[0], : found.shape[1]]
        if found.domain == (found.shape[1],) == (1 << found.num_qubits,) == found.codomain:
            np.testing.assert_allclose(flagged, dense(enc), rtol=0, atol=1e-10 * scale)
    else:
        assert found.sizes == enc.sizes


RULES = {
    "multiples of multiples": (lambda: 2.0 * (3.0j * A), "Scaled", 1),
    "a factor of one": (lambda: 0.5 * (2.0 * A), "Dense", 1),
    "sums of sums": (lambda: (A + 2.0 * B) - 3.0 * (B + WORDS), "LinearCombination", 3),
    "equal terms": (lambda: A + 2.0 * A - 0.5 * A, "Scaled", 1),
    "terms of weight zero": (lambda: A + 0.0 * B, "Dense", 1),
    "terms that cancel": (lambda: A - A + B, "Dense", 1),
    "Pauli words": (lambda: WORDS + 2.0 * OTHERS, "PauliSum", 1),
    "factors in products": (lambda: (2.0 * A) @ (3.0 * B), "Scaled", 2),
    "inverse neighbors": (lambda: A @ (U.adjoint() @ (2.0 * U)) @ B, "Scaled", 2),
    "an identity": (lambda: A @ qla.identity(4) @ B, "Product", 2),
    "nothing but an identity": (lambda: U @ U.adjoint(), "Scaled", 1),
    "adjoint of a multiple": (lambda: (2.0j * A).adjoint(), "Scaled", 1),
    "adjoint of what is Hermitian": (lambda: WORDS.adjoint(), "PauliSum", 1),
    "factors in tensor products": (lambda: qla.tensor(2.0 * A, 3.0 * B), "Scaled", 2),
    "direction of a direction": (lambda: qla.normalize(qla.normalize(V)), "Normalized", 1),
    "direction of a multiple": (lambda: qla.normalize(2.0 * V), "Normalized", 1),
    "sums of vectors": (lambda: 2.0 * (V + V) - V, "VectorSum", 1),
    "identity on a vector": (lambda: qla.identity(4) @ V, "StatePreparation", 1),
    "polynomial of a multiple": (lambda: qla.qsvt(2.0 * A, [0.0, 0.5]), "QSVT", 1),
    "polynomial of a polynomial": (lambda: qla.qsvt(qla.qsvt(A, [0.0, 0.3, 0.0, 0.4]), [0.1, 0.0, 0.6]), "QSVT", 6),
}


@pytest.mark.parametrize(("build", "kind", "calls"), RULES.values(), ids=RULES)
@pytest.mark.sample(9)
def test_each_rule_is_applied_and_keeps_what_is_encoded(build, kind, calls):
    enc = build()
    found = simplify(enc)
    assert (type(found).__name__, cost(found).depth) == (kind, calls)
    assert found is not enc
    assert_no_worse(found, enc)


def expression(draw: np.random.Generator, depth: int) -> qla.BlockEncoding:
    if depth == 0:
        return [A, B, WORDS, OTHERS, U, U.adjoint(), qla.identity(4)][draw.integers(7)]
    left, right = expression(draw, depth - 1), expression(draw, draw.integers(depth))
    weight = [1.0, -1.0, 0.5, 2.0j, 0.0][draw.integers(5)]
    match draw.integers(6):
        case 0:
            return left @ right
        case 1:
            return left + weight * right
        case 2:
            return weight * left if weight else left
        case 3:
            return left.adjoint()
        case 4:
            return qla.linear_combination(left, right, left, weights=(1.0, weight, -0.5))
    return left - right


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.sample(3)
def test_random_expressions_stay_the_same_and_get_no_worse(seed):
    enc = expression(np.random.default_rng(seed), 4)
    found = simplify(enc)
    assert_no_worse(found, enc)
    assert_no_worse(simplify(found), found)


@pytest.mark.parametrize("case", in_default_lane([*ENCODINGS, *VECTORS]))
@pytest.mark.sample(5)
def test_the_registry_stays_the_same(case):
    enc = case.build(jax.tree.map(jnp.asarray, case.params))
    assert_no_worse(simplify(enc), enc)


def test_errors_of_what_cancels_are_kept():
    """Neighbors cancel in the encoded matrix, but the ideal ones are only near: eps of the product has to stay."""
    ideal = np.asarray(haar(4)) * 3.0
    near = ideal + 0.1 * np.eye(4)
    enc = U.adjoint() @ U
    found = simplify(enc)
    assert float(found.eps) == float(enc.eps) > 0
    assert np.linalg.norm(near.conj().T @ near - dense(found), 2) <= float(found.eps)


def test_a_polynomial_of_a_polynomial_keeps_the_error_of_what_was_cancelled():
    """The multiple of an identity in place of U^H U has an error that the identity alone has not."""
    part = U.adjoint() @ U
    inner = qla.qsvt(part, [0.0, 0.5])
    for enc, slope in ((inner, 0.5), (qla.qsvt(inner, [0.0, 0.5]), 0.25)):
        found = simplify(enc)
        np.testing.assert_array_less(slope * part.eps / part.alpha * (1 - 1e-9), found.eps)
        assert_no_worse(found, enc)


def test_a_wrong_rule_is_seen(monkeypatch):
    monkeypatch.setattr(rewriting, "_inverse", lambda left, right: True)
    with pytest.raises(AssertionError):
        enc = U @ U
        assert_no_worse(simplify(enc), enc)


def test_alpha_below_a_polynomial_stays():
    """A polynomial is one of A/alpha: simplifying its part to a smaller alpha would make it another polynomial."""
    enc = qla.qsvt(WORDS + WORDS - WORDS, [0.0, 0.5])
    assert_no_worse(simplify(enc), enc)


def test_traced_numbers_are_simplified_by_structure_alone():
    def both(weight, matrix):
        enc = weight * (2.0 * qla.block_encode(matrix)) + 0.0 * A
        found = simplify(enc)
        return qla.block(found) - qla.block(enc), jnp.asarray(found.num_ancillas), jnp.asarray(enc.num_ancillas)

    difference, new, old = jax.jit(both)(0.3, contraction(4, 4))
    assert abs(difference).max() < 1e-12 and new <= old


def test_long_chains_are_simplified_in_a_loop():
    chain = A
    for _ in range(1200):
        chain = qla.scale(chain, -1.0)
    assert simplify(chain) is A
    product = qla.product(*[qla.identity(4)] * 1200, A)
    assert simplify(product) is A


def test_other_kinds_are_refused():
    with pytest.raises(TypeError, match="`enc` must be of type Encoding"):
        simplify(np.eye(2))
