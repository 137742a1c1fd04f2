from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.encodings.base.block import block, postselect
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.matrices.pauli import block_encode_pauli

pytestmark = pytest.mark.numerics

LETTERS = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}


def dense(terms):
    return sum(c * reduce(np.kron, [LETTERS[letter] for letter in word]) for word, c in terms.items())


@pytest.mark.parametrize(
    ("terms", "ancillas"),
    [
        ({"XZ": 0.5, "ZI": -0.3}, 1),
        ({"Y": 2.0}, 0),
        ({"XYZ": 0.3j, "YYI": 1, "IIZ": -0.2 + 0.1j, "ZZX": 0.0, "YIY": 0.7}, 3),
        ({"XX": 1.0, "YY": 1.0, "ZZ": 1.0}, 2),
    ],
    ids=str,
)
@pytest.mark.sample(2)
def test_python_numbers_as_coefficients_keep_full_precision(terms, ancillas, tol):
    enc, matrix = block_encode_pauli(terms), dense(terms)
    size = 1 << enc.num_qubits
    u, encoded = jax.jit(lambda enc: (unitary(enc), block(enc)))(enc)
    np.testing.assert_allclose(enc.alpha * u[:size, :size], matrix, atol=tol("exact", factor=10))
    np.testing.assert_allclose(u @ u.conj().T, np.eye(len(u)), atol=tol("exact", factor=10))
    np.testing.assert_allclose(encoded, matrix, atol=tol("exact"))
    assert float(enc.alpha) == pytest.approx(sum(abs(c) for c in terms.values()), rel=tol("exact"))
    assert (enc.num_ancillas, enc.shape) == (ancillas, matrix.shape)


def test_the_first_letter_acts_on_the_most_significant_qubit():
    x_on_first, x_on_last = (np.asarray(block(block_encode_pauli({word: 1.0}))) for word in ("XI", "IX"))
    np.testing.assert_array_equal(x_on_first @ np.eye(4)[0], np.eye(4)[2])
    np.testing.assert_array_equal(x_on_last @ np.eye(4)[0], np.eye(4)[1])
    assert not np.allclose(block(block_encode_pauli({"XZ": 1.0})), dense({"ZX": 1.0}))


def test_the_matrix_is_real_where_every_word_has_an_even_number_of_y():
    assert jnp.isrealobj(block_encode_pauli({"YY": 1.0, "XZ": 2.0}).matvec(jnp.ones(4)))
    assert jnp.iscomplexobj(block_encode_pauli({"YX": 1.0}).matvec(jnp.ones(4)))


def test_the_precision_of_a_sum_is_that_of_its_coefficients():
    enc = block_encode_pauli({"Y": jnp.float32(0.5), "Z": 0.25})
    assert (enc.alpha.dtype, enc.matvec(jnp.ones(2, jnp.float32)).dtype) == (jnp.float32, jnp.complex64)


def test_gradient_in_each_coefficient_is_the_expectation_of_its_word(tol):
    words, x = ("XYZ", "ZZI", "IXX"), np.array([1, 2, 0, -1j, 3, 1, 1j, 0.5]) / 4

    @jax.jit
    @jax.grad
    def energy(coeffs):
        enc = block_encode_pauli(dict(zip(words, coeffs, strict=True)))
        return jnp.vdot(x, enc.matvec(x) + 2 * postselect(enc, jnp.asarray(x))).real

    expected = [3 * np.vdot(x, dense({word: 1.0}) @ x).real for word in words]
    for coeffs in (jnp.array([0.3, -2.0, 1.0]), jnp.zeros(3)):
        np.testing.assert_allclose(energy(coeffs), expected, atol=tol())


@pytest.mark.parametrize(
    ("terms", "rule"),
    [
        ({}, "at least one Pauli word"),
        ({"": 1.0}, "words of one length"),
        ({"XX": 1.0, "X": 1.0}, "words of one length, but has 'XX' and 'X'"),
        ({"XQ": 1.0}, "letters I, X, Y and Z, but has 'XQ'"),
        ({"X": np.ones(2)}, "scalars, but 'X' maps to shape"),
        ({"X": 1.0, "Z": np.nan}, "finite"),
    ],
)
def test_arguments_that_give_no_sum_of_pauli_words_raise(terms, rule):
    with pytest.raises(ValueError, match=f"`terms` must .*{rule}"):
        block_encode_pauli(terms)
