"""Edges of encodings: nothing is certified that is not so at alpha 0, at NaN inside jit, or by shared arrays."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax import polynomials
from qla_jax.encodings.base.block import BlockEncoding, block, embed, postselect
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.base.vector import run, run_projected
from qla_jax.encodings.combine.algebra import adjoint, linear_combination, product, scale
from qla_jax.encodings.combine.joint import controlled, tensor
from qla_jax.encodings.combine.lemmas import concatenate, matrix_vector_product, vector_sum, vector_tensor
from qla_jax.encodings.combine.normalized import normalize
from qla_jax.encodings.combine.squares import square_product
from qla_jax.encodings.matrices.amplitudes import diagonal_of_amplitudes
from qla_jax.encodings.matrices.circulant import block_encode_circulant, block_encode_toeplitz
from qla_jax.encodings.matrices.convolution import block_encode_convolution
from qla_jax.encodings.matrices.dense import block_encode, from_unitary
from qla_jax.encodings.matrices.diagonal import block_encode_diagonal
from qla_jax.encodings.matrices.frobenius import block_encode_frobenius
from qla_jax.encodings.matrices.pauli import block_encode_pauli
from qla_jax.encodings.matrices.periodic_convolution import block_encode_periodic_convolution
from qla_jax.encodings.matrices.sparse import block_encode_sparse
from qla_jax.encodings.vectors.known import vector_encode, vector_from_unitary
from qla_jax.encodings.vectors.loading import load_vector, qram_encode
from qla_jax.measurement import exact_readout
from qla_jax.networks.amplified import amplified_network
from qla_jax.networks.residual import chain, residual_network, skip_norm_block
from qla_jax.networks.terminal import terminal_block
from qla_jax.transforms.activation import activate
from qla_jax.transforms.chebyshev_lcu import chebyshev_lcu
from qla_jax.transforms.decomposed import decomposed
from qla_jax.transforms.eigenvalues import gqet
from qla_jax.transforms.qubitization import qubitization_walk
from qla_jax.transforms.singular_values import qsvt
from tests.cases import ENCODINGS, VECTORS, haar, in_default_lane, orthogonal, real

SYMMETRIC = np.array([[0.6, 0.2], [0.2, -0.5]])
ZERO_KERNEL = np.zeros((1, 1, 2, 2))


# alpha = 0: a circuit still runs, and its flagged block need not be zero.

NOTHING = {
    "0 * enc": lambda: 0.0 * block_encode(SYMMETRIC),
    "zero weights": lambda: linear_combination(block_encode(SYMMETRIC), block_encode(np.eye(2)), weights=[0.0, 0.0]),
    "product": lambda: (0.0 * block_encode(SYMMETRIC)) @ block_encode(SYMMETRIC),
    "tensor": lambda: tensor(0.0 * block_encode(SYMMETRIC), block_encode(SYMMETRIC)),
    "adjoint": lambda: (0.0 * block_encode(SYMMETRIC)).adjoint(),
    "decomposed": lambda: decomposed(0.0 * block_encode(SYMMETRIC)),
    "convolution": lambda: block_encode_convolution(ZERO_KERNEL, (2, 2)),
    "Pauli": lambda: block_encode_pauli({"XX": 0.0, "ZI": 0.0}),
    "Frobenius": lambda: block_encode_frobenius(np.zeros((2, 2))),
    "diagonal of amplitudes": lambda: block_encode_diagonal(0.0 * vector_encode([0.6, 0.8])),
    "dense": lambda: block_encode(np.zeros((2, 2))),
    "diagonal": lambda: block_encode_diagonal(np.zeros(2)),
    "sparse": lambda: block_encode_sparse([0, 1], [1, 0], np.zeros(2), (2, 2)),
    "circulant": lambda: block_encode_circulant(np.zeros(4)),
    "Toeplitz": lambda: block_encode_toeplitz(np.zeros(3), np.zeros(3)),
    "periodic convolution": lambda: block_encode_periodic_convolution(ZERO_KERNEL, (2, 2)),
}
ON_QUOTIENTS: dict[str, Callable[[BlockEncoding], BlockEncoding]] = {
    "controlled": controlled,
    "chebyshev_lcu": lambda enc: chebyshev_lcu(enc, [0.1, 0.8]),
    "qsvt, even": lambda enc: qsvt(enc, [0.1, 0.0, 0.8]),
    "qsvt, odd": lambda enc: qsvt(enc, [0.0, 0.1, 0.0, 0.8]),
    "walk": qubitization_walk,
    "gqet": lambda enc: gqet(enc, [0.1, 0.3, 0.4]),
}


# By default each zero meets one transformation, and each transformation two zeros or more.
PAIRS = [
    pytest.param(name, transform, marks=[] if (place - turn) % len(ON_QUOTIENTS) == 0 else [pytest.mark.slow])
    for turn, transform in enumerate(ON_QUOTIENTS)
    for place, name in enumerate(NOTHING)
]


@pytest.mark.parametrize(("name", "transform"), PAIRS)
@pytest.mark.sample(3)
def test_at_alpha_zero_the_circuit_equals_the_encoded_view_or_eps_is_infinite(name, transform):
    found = ON_QUOTIENTS[transform](NOTHING[name]())
    x = jnp.asarray(real(found.shape[1]))
    apart = float(jnp.abs(postselect(found, x) - found.matvec(x)).max())
    assert apart < 1e-6 or found.eps == np.inf


def test_a_zero_that_was_scaled_is_unknown_and_one_that_was_encoded_is_exact():
    assert chebyshev_lcu(NOTHING["0 * enc"](), [0.1, 0.8]).eps == np.inf
    assert chebyshev_lcu(NOTHING["dense"](), [0.1, 0.8]).eps == 0


# NaN and infinities inside jit, where nothing can be refused.

OF_ENTRIES: dict[str, Callable] = {
    "vector_encode": vector_encode,
    "load_vector": load_vector,
    "qram_encode": qram_encode,
    "block_encode": lambda x: block_encode(x.reshape(2, 2)),
    "block_encode alpha": lambda x: block_encode(x.reshape(2, 2), alpha=5.0),
    "from_unitary": lambda x: from_unitary(x.reshape(2, 2), num_ancillas=0, alpha=1.0, eps=0.0),
    "vector_from_unitary": lambda x: vector_from_unitary(x.reshape(2, 2), num_ancillas=0, alpha=1.0, eps=0.0),
    "frobenius": lambda x: block_encode_frobenius(x.reshape(2, 2)),
    "diagonal": block_encode_diagonal,
    "pauli": lambda x: block_encode_pauli({"XZ": x[0], "ZI": x[1], "II": x[2], "YY": x[3]}),
    "circulant": block_encode_circulant,
    "toeplitz": lambda x: block_encode_toeplitz(x, x),
    "convolution": lambda x: block_encode_convolution(x.reshape(1, 1, 2, 2), (2, 2)),
    "periodic": lambda x: block_encode_periodic_convolution(x.reshape(1, 1, 2, 2), (2, 2)),
    "sparse": lambda x: block_encode_sparse([0, 1, 2, 3], [1, 0, 3, 2], x, (4, 4)),
    "scale": lambda x: scale(block_encode(np.eye(2)), x[1]),
    "sum": lambda x: linear_combination(block_encode(np.eye(2)), block_encode(SYMMETRIC), weights=x[:2]),
    "vector_sum": lambda x: vector_sum(vector_encode([0.6, 0.8]), vector_encode([1.0, 0.0]), weights=x[:2]),
    "product": lambda x: block_encode(x.reshape(2, 2)) @ block_encode(np.eye(2)),
    "tensor": lambda x: tensor(block_encode(x.reshape(2, 2)), block_encode(np.eye(2))),
    "controlled": lambda x: controlled(block_encode(x.reshape(2, 2))),
    "matrix times vector": lambda x: block_encode(np.eye(4)) @ vector_encode(x),
    "vector_tensor": lambda x: vector_tensor(vector_encode(x), vector_encode([0.6, 0.8])),
    "concatenate": lambda x: concatenate(vector_encode(x), vector_encode(np.ones(4))),
    "normalize": lambda x: normalize(vector_encode(x)),
    "square_product": lambda x: square_product(np.eye(4), vector_encode(x)),
    "square_product matrix": lambda x: square_product(x.reshape(2, 2), vector_encode([0.6, 0.8])),
    "chebyshev_lcu": lambda x: chebyshev_lcu(block_encode(np.eye(2)), x),
    "skip_norm_block": lambda x: skip_norm_block(block_encode(0.5 * np.eye(4)), vector_encode(x)),
    "skip_norm_block weight": lambda x: skip_norm_block(
        block_encode(x.reshape(2, 2), alpha=1.0), vector_encode([0.6, 0.8])
    ),
    "terminal_block": lambda x: terminal_block(0.5 * np.eye(4), vector_encode(x)),
    "terminal_block matrix": lambda x: terminal_block(x.reshape(2, 2), vector_encode([0.6, 0.8])),
}


@pytest.mark.numerics
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("name", OF_ENTRIES)
@pytest.mark.sample(16)
def test_entries_that_are_not_finite_leave_eps_unknown_inside_jit(name, bad):
    x = jnp.array([0.3, bad, 0.1, 0.2])
    eps = jax.jit(jax.vmap(lambda x: OF_ENTRIES[name](x).eps))(jnp.stack([x, jnp.array([0.6, 0.0, 0.0, 0.8])]))
    assert np.isinf(eps[0]) and not np.isnan(eps[1])


@pytest.mark.parametrize("name", ["from_unitary", "vector_from_unitary"])
def test_a_matrix_that_is_not_unitary_leaves_eps_unknown_inside_jit(name):
    build = jax.jit(lambda x: OF_ENTRIES[name](x).eps)
    assert np.isinf(build(jnp.array([1.0, 0.1, 0.0, 1.0]))) and build(jnp.array([0.6, 0.8, -0.8, 0.6])) == 0


UNITARY = jnp.eye(2)
VOUCHED: dict[str, Callable] = {
    "alpha": lambda word: from_unitary(UNITARY, num_ancillas=0, alpha=word, eps=0.0),
    "eps": lambda word: from_unitary(UNITARY, num_ancillas=0, alpha=1.0, eps=word),
    "norm_bound": lambda word: (
        from_unitary(UNITARY, num_ancillas=0, alpha=1.0, eps=0.0, norm_bound=word)
        @ from_unitary(UNITARY, num_ancillas=0, alpha=1.0, eps=0.1)
    ),
    "alpha of a vector": lambda word: vector_from_unitary(UNITARY, num_ancillas=0, alpha=word, eps=0.0),
    "eps of a vector": lambda word: vector_from_unitary(UNITARY, num_ancillas=0, alpha=1.0, eps=word),
    "alpha of a matrix": lambda word: block_encode(jnp.eye(2), alpha=word),
}


@pytest.mark.parametrize("bad", [np.nan, -1.0, np.inf], ids=str)
@pytest.mark.parametrize("name", VOUCHED)
def test_a_traced_bound_that_may_be_negative_or_nan_leaves_eps_unknown(name, bad):
    assert np.isinf(jax.jit(lambda word: VOUCHED[name](word).eps)(bad))
    assert np.isfinite(jax.jit(lambda word: VOUCHED[name](word).eps)(2.0))


@pytest.mark.parametrize("name", ["alpha", "alpha of a vector", "alpha of a matrix"])
def test_a_concrete_alpha_that_is_not_finite_is_refused(name):
    with pytest.raises(ValueError, match="`alpha` must be finite, but is inf"):
        VOUCHED[name](np.inf)


@pytest.mark.x64
def test_values_beyond_the_range_of_floats_leave_eps_unknown():
    huge = vector_encode([1e200, 2e200])
    for found in (activate(huge, polynomials.polynomial([0, 0.5], "odd")), square_product(np.eye(2), huge)):
        assert np.isfinite(found.encoded).all() or np.isinf(found.eps)
    bad = jnp.array([[jnp.nan, 1.0], [0.0, 1.0]])
    assert np.isinf(jax.jit(lambda m: square_product(m, vector_encode(jnp.ones(2)), bits=8).eps)(bad))


@pytest.mark.x64
@pytest.mark.parametrize(
    "build",
    [
        vector_encode,
        load_vector,
        block_encode_diagonal,
        lambda x: block_encode(np.diag(x)),
        lambda x: exact_readout()(x, key=None),
    ],
)
def test_arrays_of_denormal_numbers_are_refused_since_xla_treats_them_as_zero(build):
    with pytest.raises(ValueError, match=r"must be zero or reach 2\.23e-308"):
        build(np.array([1e-310, 2e-310]))
    build(np.array([1e-310, 1.0]))


# No array stands in two leaves: JAX donates no buffer twice.


def shared(enc: object) -> int:
    leaves = [leaf for leaf in jax.tree.leaves(enc) if isinstance(leaf, jax.Array)]
    return len(leaves) - len({id(leaf) for leaf in leaves})


A, VEC = block_encode(SYMMETRIC), vector_encode([0.6, 0.8])
COMPOSITES = {
    "a @ a": lambda: A @ A,
    "a @ (a @ a)": lambda: A @ (A @ A),
    "a + a": lambda: A + A,
    "tensor": lambda: tensor(A, A),
    "matrix times vector": lambda: matrix_vector_product(block_encode_diagonal(VEC), VEC),
    "vec + vec": lambda: VEC + VEC,
    "vector_tensor": lambda: vector_tensor(VEC, VEC),
    "concatenate": lambda: concatenate(VEC, VEC),
    "skip norm block": lambda: skip_norm_block(block_encode(0.5 * np.eye(2)), VEC),
    "chain": lambda: skip_norm_block(
        enc := block_encode(0.5 * np.eye(2)),
        skip_norm_block(enc, VEC, poly=(poly := polynomials.erf(0.8, degree=3))),
        poly=poly,
    ),
    "terminal block": lambda: terminal_block(np.eye(2), VEC),
}


@pytest.mark.parametrize("build", [*(c for c in COMPOSITES.values())], ids=list(COMPOSITES))
def test_composites_of_one_part_can_be_donated(build):
    found = build()
    assert shared(found) == 0
    wanted = jax.tree.map(np.asarray, found)
    kept = jax.jit(lambda e: e, donate_argnums=0)(jax.tree.map(jnp.copy, found))
    jax.tree.map(np.testing.assert_array_equal, kept, wanted)


@pytest.mark.parametrize("case", in_default_lane([*ENCODINGS, *VECTORS]))
@pytest.mark.sample(17)
def test_no_array_is_shared_by_two_leaves_of_a_node(case):
    assert shared(case.build(jax.tree.map(jnp.asarray, case.params))) == 0


# Operators, and arguments of the wrong kind.


def test_both_kinds_of_encodings_have_the_operators_of_vectors():
    matrix = SYMMETRIC
    for enc, plain in ((A, matrix), (VEC, np.array([0.6, 0.8]))):
        view = block if isinstance(enc, BlockEncoding) else lambda vec: vec.encoded
        for made, wanted in (
            (-enc, -plain),
            (enc / 2, plain / 2),
            (enc / np.float32(2), plain / 2),
            (2 * enc, 2 * plain),
            (enc * np.int64(3), 3 * plain),
            (enc + enc, 2 * plain),
            (enc - 2 * enc, -plain),
            (sum([enc, enc, enc]), 3 * plain),
        ):
            np.testing.assert_allclose(view(made), wanted, rtol=0, atol=1e-12)
            assert made.eps == 0
        with pytest.raises(ValueError, match="`divisor` must not be zero"):
            enc / 0
        with pytest.raises(TypeError):
            enc + 1


def test_encodings_are_equal_where_structure_and_all_arrays_are_equal():
    one, other = block_encode(SYMMETRIC), block_encode(SYMMETRIC)
    assert one == other and one == one and hash(one) == hash(other)
    assert one != block_encode(2 * SYMMETRIC) and one != VEC and one != 1 and one != one.adjoint()
    assert (one == block_encode(SYMMETRIC.astype(np.float32) + 1e-3)) is False
    assert jax.jit(lambda e: (e == e, e == block_encode(e.matrix)))(one) == (True, False)


WRONG_KINDS: dict[str, tuple[Callable, str]] = {
    "adjoint": (lambda: adjoint(np.eye(2)), "enc"),
    "controlled": (lambda: controlled(np.eye(2)), "enc"),
    "scale": (lambda: scale(np.eye(2), 2.0), "enc"),
    "block": (lambda: block(VEC), "enc"),
    "postselect": (lambda: postselect(VEC, np.ones(2)), "enc"),
    "embed": (lambda: embed(VEC, np.ones(2)), "enc"),
    "unitary": (lambda: unitary(np.eye(2)), "enc"),
    "product": (lambda: product(A, VEC), "parts"),
    "tensor": (lambda: tensor(VEC, A), "parts"),
    "linear_combination": (lambda: linear_combination(VEC, weights=[1.0]), "parts"),
    "vector_sum": (lambda: vector_sum(A), "parts"),
    "concatenate": (lambda: concatenate(A), "parts"),
    "diagonal_of_amplitudes": (lambda: diagonal_of_amplitudes(A), "vec"),
    "chain": (lambda: chain(np.eye(2)), "network"),
    "normalize": (lambda: normalize(np.ones(2)), "vec"),
    "run": (lambda: run(A), "vec"),
    "run_projected": (lambda: run_projected(np.ones(2)), "vec"),
    "chebyshev_lcu": (lambda: chebyshev_lcu(np.eye(2), [1.0]), "enc"),
    "qsvt": (lambda: qsvt(VEC, [0.0, 0.5]), "enc"),
    "gqet": (lambda: gqet(np.eye(2), [0.0, 0.5]), "enc"),
    "walk": (lambda: qubitization_walk(np.eye(2)), "enc"),
    "decomposed": (lambda: decomposed(np.eye(2)), "enc"),
    "skip_norm_block": (lambda: skip_norm_block(A, np.ones(2)), "vec"),
    "skip_norm_block poly": (lambda: skip_norm_block(A, VEC, poly=[0.0, 0.5]), "poly"),
    "terminal_block": (lambda: terminal_block(np.eye(2), A), "vec"),
    "square_product": (lambda: square_product(np.eye(2), np.ones(2)), "vec"),
}


@pytest.mark.parametrize("name", WRONG_KINDS)
def test_an_argument_of_another_class_is_named_in_the_error(name):
    call, argument = WRONG_KINDS[name]
    with pytest.raises(TypeError, match=f"`{argument}` must be of type"):
        call()


SEQUENCES: dict[str, tuple[Callable, str]] = {
    "residual_network": (lambda: residual_network(A, VEC), "weights"),
    "amplified_network": (lambda: amplified_network(A, VEC, eps=0.1), "weights"),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_an_argument_that_is_no_sequence_is_named_in_the_error(name):
    call, argument = SEQUENCES[name]
    with pytest.raises(TypeError, match=f"`{argument}` must be a sequence of"):
        call()


ALTOGETHER: dict[str, tuple[Callable, object]] = {
    "product": (product, A),
    "tensor": (tensor, A),
    "linear_combination": (linear_combination, A),
    "concatenate": (concatenate, VEC),
    "vector_sum": (vector_sum, VEC),
    "vector_tensor": (vector_tensor, VEC),
}


@pytest.mark.parametrize("name", ALTOGETHER)
def test_parts_given_as_one_sequence_are_refused(name):
    call, part = ALTOGETHER[name]
    with pytest.raises(TypeError, match=r"`parts` must be given one by one, as `\*parts`, but is one list"):
        call([part, part])
    with pytest.raises(ValueError, match="`parts` must hold at least one"):
        call()
    call(part)


def test_many_parts_give_the_result_of_nested_pairs_at_logarithmic_depth(tol):
    rng = np.random.default_rng(0)
    matrices = [rng.normal(size=(2, 3)), rng.normal(size=(3, 3)), rng.normal(size=(3, 2)), rng.normal(size=(2, 1))]
    encs = [block_encode(matrix) for matrix in matrices]
    found, pairs = product(*encs), ((encs[0] @ encs[1]) @ encs[2]) @ encs[3]
    np.testing.assert_allclose(block(found), np.linalg.multi_dot(matrices), rtol=0, atol=tol(factor=20))
    np.testing.assert_allclose(found.alpha, pairs.alpha, rtol=1e-6)
    assert (found.num_ancillas, pairs.num_ancillas, found.nesting, pairs.nesting) == (3, 4, 2, 3)
    assert product(encs[0]) is encs[0]
    wanted = np.kron(np.kron(matrices[0], matrices[1]), matrices[3])
    np.testing.assert_allclose(block(tensor(encs[0], encs[1], encs[3])), wanted, rtol=0, atol=tol(factor=20))
    vecs = [vector_encode(x) for x in ([1.0, 2.0], [0.5, -1.0], [3.0, 0.0])]
    wanted = np.kron(np.kron([1.0, 2.0], [0.5, -1.0]), [3.0, 0.0])
    np.testing.assert_allclose(vector_tensor(*vecs).encoded, wanted, rtol=0, atol=tol(factor=20))
    assert product(*[block_encode(np.eye(2))] * 1000).nesting == 10


def test_generators_are_accepted_as_sequences():
    assert len(chain(residual_network((0.5 * A for _ in range(2)), normalize(VEC)))) == 2


# Mixed precision follows JAX's promotion, in either view.


@pytest.mark.x64
@pytest.mark.parametrize(
    "build",
    [
        block_encode,
        lambda a: block_encode_circulant(a[0]),
        lambda a: block_encode_toeplitz(a[0], np.r_[a[0, :1], a[1, 1:]]),
        lambda a: block_encode_convolution(a[:1, :4].reshape(1, 1, 2, 2), (2, 4)),
        lambda a: block_encode_periodic_convolution(a[:1, :4].reshape(1, 1, 2, 2), (2, 4)),
        lambda a: block_encode_diagonal(a[0]),
        lambda a: block_encode_pauli({"XZI": a[0, 0], "YYZ": a[0, 1]}),
        lambda a: block_encode_sparse(range(8), range(8), a[0], (8, 8)),
        lambda a: qsvt(block_encode(a), [0.0, 0.3, 0.0, 0.4]),
        lambda a: qubitization_walk(block_encode(a)),
        lambda a: gqet(block_encode(a), [0.1, 0.3, 0.0, 0.4]),
        lambda a: chebyshev_lcu(block_encode(a), [0.1, 0.3]),
        lambda a: controlled(block_encode(a[:4, :4])),
    ],
)
@pytest.mark.sample(2)
def test_a_float32_vector_loses_nothing_of_a_float64_encoding(build):
    a = orthogonal(8) @ np.diag(np.linspace(0.2, 1, 8)) @ orthogonal(8).T
    enc, x = build(a), jnp.asarray(real(8), jnp.float32)
    wide = np.asarray(x, float)
    for found in (enc.matvec(x), enc.rmatvec(x), postselect(enc, x)):
        assert found.dtype in (np.float64, np.complex128)
    np.testing.assert_allclose(enc.matvec(x), np.asarray(block(enc)) @ wide, rtol=0, atol=1e-12)
    np.testing.assert_allclose(postselect(enc, x), np.asarray(block(enc)) @ wide, rtol=0, atol=1e-12)


@pytest.mark.x64
def test_numbers_of_python_and_numpy_do_not_widen_single_precision():
    enc, vec = block_encode(SYMMETRIC.astype(np.float32)), vector_encode(np.ones(2, np.float32))
    for made in (2 * enc, 2.0 * enc, enc / 3, -enc, 2 * vec, vec / 3, -vec, enc @ vec, sum([enc, enc])):
        assert {leaf.dtype for leaf in jax.tree.leaves(made)} == {np.dtype(np.float32)}


@pytest.mark.x64
def test_haar_unitaries_pass_where_their_sizes_are_numbers_of_numpy():
    enc = from_unitary(haar(8), num_ancillas=np.int64(1), alpha=np.float32(1), eps=0, shape=tuple(np.array([4, 4])))
    assert (type(enc.num_ancillas), enc.shape) == (int, (4, 4))
    vec = vector_from_unitary(np.eye(8), num_ancillas=np.array(1), alpha=1, eps=0, sizes=tuple(np.array([2, 2])))
    assert vec.sizes == (2, 2) and vec.encoded.tolist() == [1, 0, 0, 0]
    conv = block_encode_convolution(np.ones((1, 1, 2, 2), np.int8), tuple(np.array([4, 4])))
    assert np.asarray(conv.matvec(np.arange(16, dtype=np.uint8))).sum() > 0
