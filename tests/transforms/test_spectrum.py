"""Nothing is certified on somebody's word that the numbers at hand contradict, or that nobody gave."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse

from qla_jax import polynomials
from qla_jax.encodings.base.block import BlockEncoding, block
from qla_jax.encodings.combine.algebra import linear_combination, scale
from qla_jax.encodings.combine.joint import controlled, tensor
from qla_jax.encodings.matrices.circulant import block_encode_circulant, block_encode_toeplitz
from qla_jax.encodings.matrices.convolution import block_encode_convolution
from qla_jax.encodings.matrices.dense import block_encode, from_unitary
from qla_jax.encodings.matrices.diagonal import block_encode_diagonal
from qla_jax.encodings.matrices.frobenius import block_encode_frobenius
from qla_jax.encodings.matrices.pauli import block_encode_pauli
from qla_jax.encodings.matrices.periodic_convolution import block_encode_periodic_convolution
from qla_jax.encodings.matrices.sparse import block_encode_sparse
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.networks.residual import LIPSCHITZ, skip_norm_block
from qla_jax.networks.terminal import terminal_block
from qla_jax.transforms.amplification import oblivious_amplification
from qla_jax.transforms.chebyshev_lcu import chebyshev_lcu
from qla_jax.transforms.decomposed import decomposed
from qla_jax.transforms.eigenvalues import gqet
from qla_jax.transforms.functions import eigenstate_filter, hamiltonian_simulation, pseudo_inverse
from qla_jax.transforms.qubitization import qubitization_walk
from qla_jax.transforms.singular_values import qsvt
from qla_jax.transforms.spectrum import _hermitian_defect, singular_values
from tests.cases import ENCODINGS, dilation, haar, in_default_lane, orthogonal

pytestmark = pytest.mark.x64

H = np.array([[0.6, 0.2, 0, 0], [0.2, -0.5, 0.1, 0], [0, 0.1, 0.3, -0.2], [0, 0, -0.2, 0.1]])
N = H + np.array([[0, 0.3, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
CROSS = np.zeros((1, 1, 3, 3))
CROSS[0, 0, 1], CROSS[0, 0, :, 1] = [1, -2, 1], [1, -2, 1]
SKEWED = CROSS + 0.5 * np.eye(3)[0]

HERMITIAN: dict[str, Callable[[], BlockEncoding]] = {
    "dense": lambda: block_encode(H),
    "complex": lambda: block_encode(H + 0.1j * (np.tri(4).T - np.tri(4))),
    "Frobenius": lambda: block_encode_frobenius(H),
    "Pauli": lambda: block_encode_pauli({"XI": 0.5, "YZ": -0.2}),
    "diagonal": lambda: block_encode_diagonal([0.3, -0.2, 1.0, 0.0]),
    "circulant": lambda: block_encode_circulant([0.4, 0.2, 0.1, 0.2]),
    "Toeplitz": lambda: block_encode_toeplitz([0.4, 0.2, 0.1], [0.4, 0.2, 0.1]),
    "sparse": lambda: block_encode_sparse(scipy.sparse.coo_array(H)),
    "convolution": lambda: block_encode_convolution(CROSS, (3, 3)),
    "periodic convolution": lambda: block_encode_periodic_convolution(CROSS, (4, 4)),
    "sum of parts that are not": lambda: block_encode(N) + block_encode(N).adjoint(),
    "product of parts that are not": lambda: block_encode(N).adjoint() @ block_encode(N),
    "even QSVT of one that is not": lambda: qsvt(block_encode(N), [0.1, 0, 0.5]),
    "Chebyshev combination of one that is not": lambda: chebyshev_lcu(block_encode(N), [0.1, 0.5]),
    "tensor": lambda: tensor(block_encode(H), block_encode(H)),
    "controlled": lambda: controlled(block_encode(H)),
    "walk": lambda: qubitization_walk(block_encode(H), power=2),
    "GQET": lambda: gqet(block_encode(H), [0.1, 0.3, 0.2]),
    "scaled": lambda: scale(block_encode(H), -2.0),
}
NOT_HERMITIAN: dict[str, Callable[[], BlockEncoding]] = {
    "dense": lambda: block_encode(N),
    "nilpotent": lambda: block_encode([[0.0, 1.0], [0.0, 0.0]]),
    "a little": lambda: block_encode(H + 1e-9 * np.eye(4, k=1)),
    "complex symmetric": lambda: block_encode(H + 0.1j * np.eye(4)),
    "Frobenius": lambda: block_encode_frobenius(N),
    "Pauli": lambda: block_encode_pauli({"XI": 1.0, "ZI": 1j}),
    "diagonal": lambda: block_encode_diagonal([0.3, 0.2j]),
    "circulant": lambda: block_encode_circulant([0.4, 0.2, 0.1, 0.3]),
    "Toeplitz": lambda: block_encode_toeplitz([0.4, 0.2, 0.1], [0.4, 0.1, 0.2]),
    "sparse": lambda: block_encode_sparse(scipy.sparse.coo_array(N)),
    "sparse without mirror": lambda: block_encode_sparse([0, 1], [1, 2], [1.0, 1.0], (3, 3)),
    "convolution": lambda: block_encode_convolution(SKEWED, (3, 3)),
    "top-left convolution": lambda: block_encode_convolution(CROSS, (3, 3), padding="top-left"),
    "periodic convolution": lambda: block_encode_periodic_convolution(SKEWED, (4, 4)),
    "sum": lambda: block_encode(H) + block_encode(N),
    "complex weight": lambda: linear_combination(block_encode(H), block_encode(H), weights=[1.0, 1j]),
    "product": lambda: block_encode(H) @ block_encode(np.diag([1.0, 2, 3, 4])),
    "odd QSVT": lambda: qsvt(block_encode(N), [0, 0.5]),
    "complex GQET": lambda: gqet(block_encode(H), [0.1, 0.3j]),
    "scaled": lambda: scale(block_encode(H), 1j),
    "explicit unitary": lambda: from_unitary(haar(4), num_ancillas=1, alpha=1.0, eps=1e-9),
    "decomposed": lambda: decomposed(block_encode(N)),
    "adjoint": lambda: block_encode(N).adjoint(),
}
OF_HERMITIAN: dict[str, Callable] = {
    "simulation": lambda enc, **word: hamiltonian_simulation(enc, 0.7, eps=1e-6, **word),
    "gqet": lambda enc, **word: gqet(enc, [0.1, 0.3, 0.2], **word),
    "walk": lambda enc, **word: qubitization_walk(enc, power=2, **word),
    "filter": lambda enc, **word: eigenstate_filter(enc, 1e-3, eps=0.1, **word),
}


@pytest.mark.parametrize("name", HERMITIAN)
@pytest.mark.sample(3)
def test_a_simulation_of_a_hermitian_matrix_is_the_exponential_within_eps(name):
    enc = HERMITIAN[name]()
    found = hamiltonian_simulation(enc, 0.7, eps=1e-6)
    wanted = scipy.linalg.expm(-0.7j * np.asarray(block(enc)))
    assert np.linalg.norm(np.asarray(block(found)) - wanted, 2) <= found.eps <= 1e-5


# By default each matrix is refused by one function, and each function refuses several matrices.
REFUSED = [
    pytest.param(name, function, marks=[] if (place - turn) % len(OF_HERMITIAN) == 0 else [pytest.mark.slow])
    for turn, function in enumerate(OF_HERMITIAN)
    for place, name in enumerate(NOT_HERMITIAN)
]


@pytest.mark.parametrize(("name", "function"), REFUSED)
@pytest.mark.sample(8)
def test_a_function_of_a_concrete_matrix_that_is_not_hermitian_is_refused(name, function):
    for word in ({}, {"hermitian": True}):  # a word changes nothing where the numbers are at hand
        with pytest.raises(ValueError, match=r"`enc` must encode a Hermitian matrix, but \|A - A\^H\| is up to"):
            OF_HERMITIAN[function](NOT_HERMITIAN[name](), **word)


@pytest.mark.parametrize("function", ["gqet", "walk"])
def test_a_matrix_that_is_not_hermitian_leaves_eps_unknown_inside_jit(function):
    eps = jax.jit(jax.vmap(lambda a: OF_HERMITIAN[function](block_encode(a, alpha=2.0)).eps))(np.stack([H, N]))
    assert eps[0] < 1e-9 and np.isinf(eps[1])


@pytest.mark.parametrize("function", OF_HERMITIAN)
def test_a_matrix_too_large_to_be_checked_needs_the_assertion_that_it_is_hermitian(function):
    large = tensor(block_encode_diagonal(np.linspace(0.5, 1, 32)), block_encode_diagonal(np.linspace(0.5, 1, 32)))
    assert np.isinf(OF_HERMITIAN[function](large).eps)
    words = {"hermitian": True} | ({"in_domain": True} if function == "filter" else {})
    assert OF_HERMITIAN[function](large, **words).eps < 0.2


@pytest.mark.parametrize("case", in_default_lane(ENCODINGS))
@pytest.mark.sample(5)
def test_hermitian_defects_and_singular_values_from_structure_are_correct(case):
    """The defect is at least the spectral norm of the difference, and zero where that is; values are NumPy's."""
    enc, matrix = case.build(jax.tree.map(jnp.asarray, case.params)), np.asarray(case.oracle(case.params))
    scale = max(1.0, float(enc.alpha))
    if matrix.shape[0] == matrix.shape[1]:
        defect = float(_hermitian_defect(enc))
        apart = np.linalg.norm(matrix - matrix.conj().T, 2)
        assert defect >= apart - 1e-10 * scale
        assert apart > 1e-9 or defect < 1e-8 * scale
    found = np.sort(np.asarray(singular_values(enc)))[::-1]
    wanted = np.linalg.svd(matrix, compute_uv=False)
    np.testing.assert_allclose(found[: len(wanted)], wanted, rtol=0, atol=1e-9 * scale)
    assert not np.any(found[len(wanted) :] > 1e-9 * scale)
    assert len(found) >= matrix.shape[1]  # an even polynomial acts on all columns, those of the kernel among them


# Singular values in the gap of an approximant.

WIDE = np.array([[0.9, 0, 0], [0, 0.8, 0]])


@pytest.mark.parametrize(
    "build", [block_encode, block_encode_frobenius, lambda matrix: block_encode_sparse(scipy.sparse.coo_array(matrix))]
)
@pytest.mark.parametrize("poly", [polynomials.sqrt(0.2, degree=12), polynomials.power(0.25, 0.2, degree=12)])
def test_the_kernel_of_a_matrix_with_more_columns_than_rows_is_in_the_gap_of_an_even_approximant(build, poly):
    poly = poly.scaled(0.9 / float(poly.sup_bound))
    wide, tall = build(WIDE), build(WIDE.T)
    assert qsvt(wide, poly).eps == jnp.inf
    assert qsvt(tall, poly).eps < 0.01


@pytest.mark.parametrize("look", [lambda enc: enc, decomposed], ids=["plain", "decomposed"])
@pytest.mark.parametrize("word", [False, True])
def test_a_kappa_that_is_too_small_leaves_the_error_unknown(look, word):
    matrix = orthogonal(4) @ np.diag([1, 0.5, 0.25, 0]) @ orthogonal(4, 1)
    enc = look(block_encode(matrix))
    right, wrong = (pseudo_inverse(enc, kappa, relative_eps=1e-6, in_domain=word) for kappa in (4.001, 2.0))
    assert np.linalg.norm(np.asarray(block(right)) - np.linalg.pinv(matrix), 2) <= right.eps < 1e-5
    assert np.isinf(wrong.eps)


def test_inside_jit_a_kappa_that_is_too_small_leaves_the_error_unknown():
    eps = jax.jit(jax.vmap(lambda d: pseudo_inverse(block_encode(jnp.diag(d), alpha=1.0), 4.0, relative_eps=1e-3).eps))
    found = eps(np.array([[1.0, 0.3], [1.0, 0.2], [1.0, 0.0]]))
    assert found[0] < 1e-2 and np.isinf(found[1]) and found[2] < 1e-2


def test_a_large_linear_system_needs_an_assertion_on_its_singular_values():
    large = tensor(block_encode_diagonal(np.linspace(0.5, 1, 32)), block_encode_diagonal(np.linspace(0.5, 1, 32)))
    assert np.isinf(pseudo_inverse(large, 5.0, relative_eps=1e-3).eps)
    assert pseudo_inverse(large, 5.0, relative_eps=1e-3, in_domain=True).eps < 1e-2


def test_a_value_within_eps_of_the_gap_needs_an_assertion_and_one_inside_the_gap_contradicts_it():
    """Values within eps of the gap are nobody's to see: a word counts there, and where they are surely in it none."""
    enc = from_unitary(dilation(np.diag([1.0, 0.26])), num_ancillas=1, alpha=1.0, eps=0.02, norm_bound=1.0)
    poly = polynomials.inverse(4.0, eps=1e-3).scaled(0.1)
    assert np.isinf(qsvt(enc, poly).eps) and np.isfinite(qsvt(enc, poly, in_domain=True).eps)
    far = from_unitary(dilation(np.diag([1.0, 0.2])), num_ancillas=1, alpha=1.0, eps=0.02, norm_bound=1.0)
    assert np.isinf(qsvt(far, poly, in_domain=True).eps)


def test_an_eigenvalue_in_the_gap_of_a_filter_leaves_its_error_unknown():
    good, bad = block_encode(np.diag([0.0, 1.0, -0.5])), block_encode(np.diag([0.0, 1.0, -0.1]))
    found = eigenstate_filter(good, 0.4, eps=1e-3)
    assert np.linalg.norm(np.asarray(block(found)) - np.diag([1, 0, 0]), 2) <= found.eps < 2e-3
    assert np.isinf(eigenstate_filter(bad, 0.4, eps=1e-3, in_domain=True).eps)


def test_the_domain_of_a_hermitian_matrix_is_checked_by_eigenvalues():
    step = polynomials.minimax_fit(lambda x: 0.5 * x, 5, parity="none", domain=[(0.2, 1.0)], lipschitz=0.5)
    up, down = (block_encode(np.diag([1.0, sign * 0.5])) for sign in (1, -1))
    assert np.isfinite(gqet(up, step).eps) and np.isinf(gqet(down, step).eps)


# Other words.


def test_an_isometry_is_checked_numerically():
    right = block_encode(haar(4), alpha=2.0)
    assert oblivious_amplification(right, order=3).eps < 1e-12
    wrong = block_encode(haar(4) @ np.diag([1, 1, 1, 0.9]), alpha=2.0)
    assert np.isinf(oblivious_amplification(wrong, order=3).eps)
    assert np.isinf(oblivious_amplification(wrong, order=3, isometry=True).eps)


def test_norm_bounds_that_the_matrix_contradicts_are_refused():
    vec = vector_encode([0.6, 0.8])
    with pytest.raises(ValueError, match="`norm_bound` must be at least"):
        terminal_block(np.eye(2), vec, norm_bound=0.5)
    with pytest.raises(ValueError, match="`norm_bound` must be at least"):
        from_unitary(haar(4), num_ancillas=0, alpha=2.0, eps=0.1, norm_bound=1.0)
    with pytest.raises(ValueError, match="`skip_bound` must be at least"):
        skip_norm_block(block_encode(0.5 * np.eye(2)), vec, skip_bound=1.0)
    assert skip_norm_block(block_encode(-np.eye(2)), vec, skip_bound=1 - LIPSCHITZ).eps < 1


def test_an_ellipse_or_a_lipschitz_constant_that_samples_contradict_is_refused():
    with pytest.raises(ValueError, match="`ellipse` must bound"):
        polynomials.interpolant(np.cos, ellipse=(2.0, 0.5))
    with pytest.raises(ValueError, match="`ellipse` must bound"):
        polynomials.interpolant(lambda x: 1 / (1 + 25 * x**2), ellipse=(3.0, 2.0))
    with pytest.raises(ValueError, match="`lipschitz` must be at least"):
        polynomials.minimax_fit(np.sin, 3, parity="odd", lipschitz=0.5)
    assert np.isfinite(polynomials.interpolant(np.cos, ellipse=(2.0, np.cosh(1.0))).error_bound)


# Bounds on what: the ideal matrix, whose size may exceed that of the polynomial.


@pytest.mark.parametrize(
    "build",
    [
        lambda: pseudo_inverse(block_encode(np.diag([1.0, 0.5]), alpha=1.0), 2.0, relative_eps=0.5),
        lambda: qsvt(
            block_encode(np.diag([1.0, 0.5]), alpha=1.0),
            polynomials.minimax_fit(lambda x: 1.5 * x, 1, parity="odd", max_norm=0.99, lipschitz=1.5),
        ),
    ],
    ids=["inverse", "line"],
)
def test_products_with_a_crude_approximant_stay_within_their_error(build):
    """The second factor is vouched for at the very end of its error."""
    ideal = {2: np.diag([1.0, 2.0]), 1: np.diag([1.5, 0.75])}
    enc = build()
    matrix = ideal[2] if float(enc.alpha) > 1 else ideal[1]
    assert enc.norm_bound >= np.linalg.norm(matrix, 2) - 1e-12
    for place in range(2):
        column = np.eye(2)[place]
        q = np.c_[column, np.eye(2)[1 - place]]
        second = from_unitary(q, num_ancillas=0, alpha=0.9, eps=0.1, shape=(2, 2))
        found = enc @ second
        assert np.linalg.norm(np.asarray(block(found)) - matrix @ q, 2) <= found.eps * (1 + 1e-12)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.sample(7)
def test_products_of_transforms_with_adversarial_second_factors_stay_within_their_error(seed):
    rng = np.random.default_rng(seed)
    degree, gain = int(rng.integers(1, 4)), rng.uniform(0.5, 2.5)
    target = polynomials.minimax_fit(
        lambda x: gain * x, 2 * degree - 1, parity="odd", max_norm=rng.uniform(0.3, 0.99), lipschitz=gain
    )
    matrix = np.diag(rng.uniform(0, 1, 4))
    first = qsvt(block_encode(matrix, alpha=1.0), target)
    eps = rng.uniform(0, 0.4)
    q = orthogonal(4, seed)
    second = from_unitary(q, num_ancillas=0, alpha=1 - eps, eps=eps)
    for left, right, ideal in ((first, second, gain * matrix @ q), (second, first, q @ (gain * matrix))):
        found = left @ right
        assert np.linalg.norm(np.asarray(block(found)) - ideal, 2) <= found.eps * (1 + 1e-12)
