"""Expectation values against dense matrices, and the exact laws of their samples."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from qla_jax.variational.observables import (
    expectation,
    pauli_sum,
    sample_bits,
    sampled_expectation,
    sampled_z,
    z_expectations,
)
from tests.cases import cplx
from tests.variational.dense import word

SHOTS = 20_000
SIGNIFICANCE = 1e-3


def state(n=3):
    return cplx(1 << n) / np.linalg.norm(cplx(1 << n))


@pytest.mark.numerics
@pytest.mark.parametrize("letters", ["XYZ", "IZI", "YIY", "III", "ZXX"])
@pytest.mark.sample(1)
def test_expectation_values_are_those_of_the_matrix(letters, tol):
    psi = state()
    found = expectation(jnp.asarray(psi), letters)
    np.testing.assert_allclose(found, (psi.conj() @ word(letters) @ psi).real, rtol=0, atol=tol("exact", factor=10))


@pytest.mark.numerics
def test_pauli_sums_and_z_of_chosen_qubits_are_those_of_matrices(tol):
    psi = state()
    found = pauli_sum(jnp.asarray(psi.reshape(2, 2, 2)), {"XII": 0.5, "ZZI": -2.0})
    expected = (psi.conj() @ (0.5 * word("XII") - 2 * word("ZZI")) @ psi).real
    np.testing.assert_allclose(found, expected, rtol=0, atol=tol("exact", factor=10))
    z = [(psi.conj() @ word(letters) @ psi).real for letters in ("IIZ", "ZII")]
    np.testing.assert_allclose(z_expectations(jnp.asarray(psi), (2, 0)), z, rtol=0, atol=tol("exact", factor=10))


@pytest.mark.numerics
def test_bits_follow_the_law_of_the_state(key):
    psi = state().copy()
    psi[[1, 7]] = 0
    psi /= np.linalg.norm(psi)
    bits = np.asarray(sample_bits(jnp.asarray(psi), SHOTS, key=key))
    counts = np.bincount(bits @ [4, 2, 1], minlength=8)
    law = np.abs(psi) ** 2
    assert counts[1] == counts[7] == 0
    kept = law > 0
    assert scipy.stats.chisquare(counts[kept], SHOTS * law[kept]).pvalue > SIGNIFICANCE
    turned = law.reshape(2, 2, 2).transpose(2, 1, 0).reshape(-1)  # the wrong end first
    assert np.abs(counts / SHOTS - turned).max() > 0.02


@pytest.mark.numerics
def test_sampled_words_are_binomial(key):
    psi = jnp.asarray(state())
    exact, shots = float(expectation(psi, "XYI")), 50
    values = jax.vmap(lambda k: sampled_expectation(psi, "XYI", shots, key=k))(jax.random.split(key, 2000))
    plus = np.rint((np.asarray(values) + 1) / 2 * shots).astype(int)
    law = scipy.stats.binom(shots, (1 + exact) / 2).pmf(np.arange(shots + 1))
    groups = np.minimum(np.cumsum(law) * 8, 7.999).astype(int)  # eight groups of about equal weight
    seen = np.bincount(groups[plus], minlength=8)
    expected = 2000 * np.bincount(groups, law, minlength=8)
    kept = expected > 0
    assert scipy.stats.chisquare(seen[kept], expected[kept]).pvalue > SIGNIFICANCE


@pytest.mark.numerics
def test_samples_have_the_derivative_of_the_exact_value(key, tol):
    psi = jnp.asarray(state().real / np.linalg.norm(state().real))
    for sampled, exact in [
        (lambda s: sampled_z(s, 7, key=key)[1], lambda s: z_expectations(s)[1]),
        (lambda s: sampled_expectation(s, "XXI", 7, key=key), lambda s: expectation(s, "XXI")),
    ]:
        np.testing.assert_allclose(jax.grad(sampled)(psi), jax.grad(exact)(psi), rtol=0, atol=tol("exact", factor=10))
        assert sampled(psi) * 7 == pytest.approx(round(float(sampled(psi)) * 7), abs=1e-5)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda s, k: expectation(s, "XX"), "`word` must have 3 letters, but is 'XX'"),
        (lambda s, k: expectation(s, "XXA"), "`word` must have letters I, X, Y, Z, but is 'XXA'"),
        (lambda s, k: pauli_sum(s, {}), "`terms` must not be empty"),
        (lambda s, k: z_expectations(s, (3,)), "`qubits` must lie between 0 and 2, but are (3,)"),
        (lambda s, k: z_expectations(s, ()), "`qubits` must lie between 0 and 2, but are ()"),
        (lambda s, k: sample_bits(s, 0, key=k), "`shots` must be at least 1, but is 0"),
        (lambda s, k: sampled_expectation(s, "XXX", 0, key=k), "`shots` must be at least 1, but is 0"),
        (lambda s, k: sample_bits(s, 2.5, key=k), "`shots` must be an integer, but is 2.5"),
        (
            lambda s, k: sample_bits(s, 1, key=k),
            "`state` must be a unit vector to be measured, but its squared norm is 8",
        ),
        (lambda s, k: sampled_z(0 * s, 1, key=k), "unit vector to be measured, but its squared norm is 0"),
        (lambda s, k: sampled_expectation(s * jnp.nan, "XXX", 1, key=k), "squared norm is nan"),
    ],
)
def test_bad_input_raises(make, told, key):
    with pytest.raises(ValueError) as failure:
        make(jnp.ones(8), key)
    assert told in str(failure.value)


@pytest.mark.parametrize("scale", [0.0, 1.001, jnp.nan])
def test_inside_jit_what_is_no_unit_vector_gives_no_sample(scale, key):
    psi = scale * jnp.asarray(state())
    assert (jax.jit(sample_bits, static_argnums=1)(psi, 4, key=key) == -1).all()
    assert jnp.isnan(jax.jit(sampled_z, static_argnums=1)(psi, 4, key=key)).all()
    assert jnp.isnan(jax.jit(sampled_expectation, static_argnums=(1, 2))(psi, "XYI", 4, key=key))


@pytest.mark.parametrize("call", [lambda s: expectation(s, "Z"), z_expectations], ids=["expectation", "z_expectations"])
def test_a_state_without_entries_is_refused_by_name(call):
    with pytest.raises(ValueError, match=r"`state` must have shape \(2\^n,\) or \(2,\)\*n, but has \(0,\)"):
        call(jnp.zeros(0))
