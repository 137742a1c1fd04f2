"""Encodings that save gates: trees of rotations, rotations that are left out, masks of Pauli words, and the choice."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.accounting.costs import cost
from qla_jax.circuits import Circuit, count, to_matrix
from qla_jax.circuits.composites import MultiplexedRotation, gray_angles
from qla_jax.circuits.compressed import CompressedRotation, compressed, kept_within
from qla_jax.encodings.base.block import block
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.emission import to_circuit
from qla_jax.encodings.matrices.bitble import block_encode_bitble
from qla_jax.encodings.matrices.comparison import compare_encodings
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.matrices.fable import block_encode_fable
from qla_jax.encodings.matrices.foqcs import MaskedPauliSum, block_encode_foqcs
from qla_jax.encodings.matrices.hamiltonians import words_of
from qla_jax.encodings.matrices.one_hot import splits_of
from qla_jax.encodings.matrices.pauli import block_encode_pauli
from tests.cases import PAULI, cplx, mostly_slow, real

pytestmark = pytest.mark.x64
ATOL = 1e-12
GRID = np.linspace(0, 1, 16)
SMOOTH = np.exp(-((GRID[:, None] - GRID) ** 2))


def sum_of(terms: dict[str, complex]) -> np.ndarray:
    return sum(c * functools.reduce(np.kron, [PAULI[letter] for letter in word]) for word, c in terms.items())


def heisenberg(sites: int, *, couplings=(1.0, 1.0, 1.0), field: float = 0.0) -> dict[str, float]:
    pairs = {
        "I" * site + 2 * letter + "I" * (sites - site - 2): coupling
        for letter, coupling in zip("XYZ", couplings, strict=True)
        for site in range(sites - 1)
    }
    fields = {"I" * site + "Z" + "I" * (sites - site - 1): field for site in range(sites)}
    return pairs | fields if field else pairs


ISING = heisenberg(8, couplings=(0.0, 0.0, 1.0)) | {"I" * site + "X" + "I" * (7 - site): 0.5 for site in range(8)}
ISING = {word: factor for word, factor in ISING.items() if factor}


@pytest.mark.parametrize("qubits", mostly_slow([1, 2, 3], 2))
def test_rotations_are_as_many_as_the_numbers_of_the_matrix(qubits):
    size = 1 << qubits
    for matrix, numbers in ((real(size, size), 4**qubits), (cplx(size, size), 2 * 4**qubits)):
        trees, entries, dense = block_encode_bitble(matrix), block_encode_fable(matrix), block_encode(matrix)
        assert (cost(trees).gates.rotations, cost(entries).gates.rotations) == (numbers - 1, numbers)
        assert 2 * numbers <= cost(dense).gates.rotations
        assert (trees.num_ancillas, entries.num_ancillas) == (qubits, qubits + 1)
        np.testing.assert_allclose(trees.alpha, np.linalg.norm(matrix), rtol=ATOL)
        np.testing.assert_allclose(entries.alpha, size * np.abs(matrix).max(), rtol=ATOL)
        assert dense.alpha <= trees.alpha <= entries.alpha


@pytest.mark.parametrize("qubits", [0, 1, 3])
def test_rotations_that_are_left_out_have_angle_zero(qubits):
    tables = real(2, 1 << qubits)
    index, target = tuple(range(qubits)), qubits
    for bound in (0.0, 0.5, 1.5, 100.0):
        kept = kept_within(tables, bound)
        turned = compressed(tables, kept)
        assert np.linalg.norm(turned - tables) <= bound + ATOL
        for table, marks in zip(turned, kept, strict=True):
            assert np.abs(gray_angles(table)[~marks]).max(initial=0) <= ATOL
            part = CompressedRotation("y", table, index, target, marks)
            for controls in ((), (target + 1,), (target + 1, target + 2)):
                whole = Circuit(target + 3, (MultiplexedRotation("y", table, index, target).controlled(controls),))
                short = Circuit(target + 3, (part.controlled(controls),))
                flat = Circuit(target + 3, tuple(short.elementary()))
                for found in (short, flat):
                    np.testing.assert_allclose(to_matrix(found), to_matrix(whole), rtol=0, atol=ATOL)
                assert count(short).rotations == count(flat).rotations == marks.sum() * (2 if controls else 1)
    assert not kept_within(tables, 100.0).any() and kept_within(tables, 0.0).all()


def test_a_bound_leaves_out_as_many_rotations_as_it_allows():
    tables = real(1, 8)
    parts = np.sort(np.abs(gray_angles(tables[0]))) * np.sqrt(8)
    assert kept_within(tables, 1.001 * np.linalg.norm(parts[:3])).sum() == 5
    assert kept_within(tables, 0.999 * np.linalg.norm(parts[:3])).sum() == 6


@pytest.mark.parametrize("matrix", [SMOOTH, real(4, 8), cplx(4, 4)], ids=["smooth", "real", "complex"])
def test_compressed_entries_keep_to_their_error_and_are_those_of_the_circuit(matrix):
    sizes = []
    for eps in (0.0, 0.03, 0.3, 3.0):
        enc = block_encode_fable(matrix, eps=eps)
        error = np.linalg.norm(block(enc) - matrix)
        assert error <= enc.eps + ATOL and enc.eps <= eps
        sizes.append(count(to_circuit(enc)).rotations)
        assert sizes[-1] == cost(enc).gates.rotations
        if eps == 0.3 and enc.num_qubits < 4:
            found = unitary(enc)
            np.testing.assert_allclose(to_matrix(to_circuit(enc)), found, rtol=0, atol=ATOL)
            leading = enc.alpha * found[: matrix.shape[0], : matrix.shape[1]]
            np.testing.assert_allclose(leading, block(enc), rtol=0, atol=1e-11)
            inverse = jax.jit(jax.vmap(enc.apply_adjoint))(found.T.reshape(len(found), -1, 1 << enc.num_qubits))
            np.testing.assert_allclose(inverse.reshape(found.shape), np.eye(len(found)), rtol=0, atol=ATOL)
    assert sizes[0] == (2 if np.iscomplexobj(matrix) else 1) * matrix.size
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] < sizes[0]
    assert 0.01 < error  # a negative control: the error is none of rounding


def test_smooth_matrices_take_few_rotations():
    assert cost(block_encode_fable(SMOOTH, eps=0.01)).gates.rotations < SMOOTH.size / 3


@pytest.mark.parametrize(
    ("weights", "unequal"),
    [
        ([1.0] * 8, 0),
        ([1.0] * 7, 2),
        ([0.5] * 4 + [1.0, 1.0], 0),
        ([0.5, 1.0, 0.5], 0),
        ([1.0, 2.0, 4.0], 2),
        ([None] * 4, 3),
        ([0.0, 0.0], 1),
    ],
    ids=str,
)
def test_groups_of_one_weight_are_joined_first(weights, unequal):
    splits = splits_of(weights)
    assert len(splits) == len(weights) - 1 and sum(not split.equal for split in splits) == unequal
    for split in splits:
        assert not {*split.kept} & {*split.moved}
        kept, moved = (sum(weights[term] or 0 for term in side) for side in (split.kept, split.moved))
        assert kept == moved or not split.equal
    leaves = [term for split in splits for side in (split.kept, split.moved) if len(side) == 1 for term in side]
    assert sorted(leaves) == list(range(len(weights)))


SPINS = {
    "one modulus": heisenberg(2),
    "two moduli": {**heisenberg(2, couplings=(1.0, -1.0, 0.5)), "ZI": 0.5, "XI": -1.0},
    "with the identity": {"II": 0.3, "XX": 1.0, "YY": 1.0, "ZZ": -1.0},
    "one word": {"XY": -2.0},
    "the identity": {"I": 2.0},
    "zeros": {"X": 0.0, "Z": 0.0},
    "some zeros": {"X": 0.0, "Z": 0.5, "Y": 0.0},
}


@pytest.mark.parametrize("name", mostly_slow(SPINS, "two moduli", "one word", "zeros"))
def test_masks_encode_the_sum_by_a_circuit_that_is_its_own_inverse(name):
    terms = SPINS[name]
    enc, expected = block_encode_foqcs(terms), sum_of(terms)
    found, size = np.asarray(unitary(enc)), len(expected)
    np.testing.assert_allclose(enc.alpha, sum(map(abs, terms.values())), rtol=0, atol=ATOL)
    np.testing.assert_allclose(enc.alpha * found[:size, :size], expected, rtol=0, atol=ATOL)
    np.testing.assert_allclose(block(enc), expected, rtol=0, atol=ATOL)
    np.testing.assert_allclose(found @ found, np.eye(len(found)), rtol=0, atol=ATOL)
    np.testing.assert_allclose(to_matrix(to_circuit(enc)), found, rtol=0, atol=ATOL)
    assert count(to_circuit(enc)) == cost(enc).gates


def test_equal_moduli_take_no_rotations_but_where_their_number_is_no_power_of_two():
    for number, rotations in ((1, 0), (2, 0), (3, 1), (4, 0), (5, 1), (6, 1), (7, 3), (21, 3)):
        words = ["".join(letters) for letters in np.array(list("IXYZ"))[np.array(list(np.ndindex(4, 4, 4)))[1:]]]
        enc = block_encode_foqcs(dict.fromkeys(words[:number], -0.5))
        assert cost(enc).gates.rotations == 2 * rotations  # PREPARE and its inverse
    traced = jax.eval_shape(lambda c: block_encode_foqcs({"X": c, "Y": c, "Z": c, "I": c}), 0.5)
    assert cost(traced).gates.rotations == 2 * (2 * 3 - 1)


def test_masks_have_fewer_t_gates_for_several_couplings_and_more_for_any_coefficients():
    spins = heisenberg(8, couplings=(1.0, 1.0, 0.5), field=0.25)
    any_ones = {word: 1 + 0.01 * place for place, word in enumerate(spins)}
    for terms, factor in ((ISING, 1.8), (spins, 2.3), (any_ones, 0.5)):
        unary, masks = (cost(encode(terms)).t_count(1e-10) for encode in (block_encode_pauli, block_encode_foqcs))
        assert factor < unary / masks < 1.3 * factor
    assert block_encode_foqcs(spins).num_ancillas <= 2 * 8 + len(spins)


def test_splits_of_unequal_halves_that_are_declared_equal_are_seen():
    """A negative control: halves that are declared equal are taken at their word."""
    enc = block_encode_foqcs({"X": 1.0, "Z": 0.5})
    wrong = enc.replace(splits=splits_of((1.0, 1.0)))
    assert np.abs(enc.alpha * np.asarray(unitary(wrong))[:2, :2] - sum_of({"X": 1.0, "Z": 0.5})).max() > 0.1


@pytest.mark.parametrize("make", [real, cplx])
def test_matrices_are_sums_of_their_pauli_words(make):
    matrix = make(8, 8)
    np.testing.assert_allclose(sum_of(words_of(matrix)), matrix, rtol=0, atol=ATOL)
    assert words_of(sum_of({"XZ": 0.5, "YI": -0.25})) == {"YI": -0.25, "XZ": 0.5}


MATRICES = {
    "path": np.diag(np.ones(7), 1) + np.diag(np.ones(7), -1),
    "circulant": np.array([[1.0, 2, 3, 4], [4, 1, 2, 3], [3, 4, 1, 2], [2, 3, 4, 1]]),
    "circulant of three": np.array([[1.0, 2, 3], [3, 1, 2], [2, 3, 1]]),
    "complex": cplx(4, 4),
    "complex diagonal": np.diag(cplx(4)),
    "one entry": np.array([[-2.0]]),
    "row": real(1, 4),
    "zero": np.zeros((2, 3)),
}


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.sample(3)
def test_all_candidates_encode_the_matrix_and_the_best_ones_are_least(name):
    matrix = MATRICES[name]
    found = compare_encodings(matrix)
    for each in found.candidates:
        np.testing.assert_allclose(block(each.encoding), matrix, rtol=0, atol=1e-11)
        assert each.t_gates == cost(each.encoding).t_count(1e-10) and each.constructor in str(found)
    by_gates, by_alpha = found.best("gates"), found.best("alpha")
    assert by_gates.t_gates == min(each.t_gates for each in found.candidates)
    np.testing.assert_allclose(by_alpha.alpha, np.linalg.norm(matrix, 2), rtol=1e-8)
    for optimize in ("gates", "alpha"):
        chosen, best = block_encode(matrix, optimize=optimize), found.best(optimize)
        assert type(chosen) is type(best.encoding) and cost(chosen) == cost(best.encoding)


def test_the_structure_of_a_matrix_decides():
    names = {name: [each.constructor for each in compare_encodings(MATRICES[name]).candidates] for name in MATRICES}
    assert "block_encode_foqcs" in names["path"] and "block_encode_foqcs" not in names["complex diagonal"]
    assert (
        "block_encode_circulant" in names["circulant"] and "block_encode_circulant" not in names["circulant of three"]
    )
    assert not {"block_encode_foqcs", "block_encode_sparse", "block_encode_toeplitz"} & {*names["complex"]}
    diagonal = block_encode(np.diag(real(8)), optimize="alpha")
    assert type(diagonal).__name__ == "Diagonal" and diagonal.num_ancillas == 1


def test_words_are_encoded_by_masks_where_that_saves_gates():
    chosen = block_encode_pauli(ISING, optimize="gates")
    assert type(chosen) is MaskedPauliSum
    few = block_encode_pauli({"XZ": 0.5, "ZI": 0.25 + 0.1j}, optimize="gates")
    assert type(few).__name__ == "PauliSum"
    np.testing.assert_allclose(block(few), sum_of({"XZ": 0.5, "ZI": 0.25 + 0.1j}), rtol=0, atol=ATOL)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: block_encode_fable(real(2, 2), eps=-1.0), "`eps` must not be negative, but is -1.0"),
        (lambda: block_encode_fable(real(3, 2), eps=0.1), r"powers of two .* `eps` is not 0, but has shape \(3, 2\)"),
        (lambda: block_encode_fable(real(4)), "`matrix`"),
        (lambda: jax.jit(lambda a: block_encode_fable(a, eps=0.1).alpha)(jnp.eye(2)), "`matrix` must be known outside"),
        (
            lambda: jax.jit(lambda e: block_encode_fable(jnp.eye(2), eps=e).alpha)(0.1),
            "`eps` must be known outside jit",
        ),
        (lambda: block_encode_bitble(np.full((2, 2), np.nan)), "`matrix`"),
        (lambda: block_encode_foqcs({"X": 1j}), "`terms` must have real coefficients, but they are complex128"),
        (lambda: block_encode_foqcs({"XQ": 1.0}), "`terms` must use the letters I, X, Y and Z"),
        (lambda: compare_encodings(np.eye(2)).best("speed"), '`optimize` must be "gates" or "alpha", but is \'speed\''),
        (lambda: block_encode(np.eye(2), optimize="speed"), '`optimize` must be "gates" or "alpha"'),
        (lambda: block_encode(np.eye(2), optimize=3), '`optimize` must be "gates" or "alpha", but is 3'),
        (lambda: block_encode_pauli({}, optimize="gates"), "`terms` must hold at least one Pauli word"),
        (lambda: compare_encodings("XZ"), "`matrix`"),
        (lambda: block_encode(np.eye(2), alpha=2.0, optimize="gates"), "`optimize` must be the only option"),
        (lambda: compare_encodings(np.eye(2), rotation_eps=0.0), "`rotation_eps` must lie between 0 and 1"),
        (
            lambda: jax.jit(lambda a: block_encode(a, optimize="gates").alpha)(jnp.eye(2)),
            "`matrix` must be known outside",
        ),
        (lambda: CompressedRotation("y", real(2), (0,), 1, np.ones(3, bool)), "`kept` must be 2 marks"),
    ],
)
def test_bad_input_is_named_with_rule_and_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()
