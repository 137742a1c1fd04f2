"""Amplification: of vectors by a fixed point, of isometries by a Chebyshev polynomial."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from qla_jax.accounting.costs import cost
from qla_jax.encodings.base.block import block, postselect
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.base.vector import VectorEncoding, run
from qla_jax.encodings.combine.lemmas import vector_sum
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.vectors.known import vector_encode, vector_from_unitary
from qla_jax.transforms.amplification import (
    amplify,
    amplify_to_norm,
    oblivious_amplification,
    uniform_amplification,
)
from tests.cases import cplx, real, unitary_with_first_column

BOUND, EPS, MARGIN = 0.3, 1e-3, 1e-2


def subnormalized(amplitude: float) -> VectorEncoding:
    """A complex vector of the given amplitude: x plus a share of its opposite."""
    x = cplx(4)
    share = (1 - amplitude) / 2
    return vector_sum(vector_encode(x), vector_encode(-x), weights=(1 - share, share))


@pytest.mark.numerics
@pytest.mark.parametrize("amplitude", [0.3, 0.47, 0.9, 1.0])
def test_amplification_keeps_the_vector_with_its_phase_at_nearly_full_amplitude(amplitude, tol):
    vec = subnormalized(amplitude)
    found = amplify(vec, amplitude_bound=BOUND, relative_eps=EPS, margin=MARGIN)
    size = np.linalg.norm(vec.encoded)
    distance = np.linalg.norm(np.asarray(found.encoded) - np.asarray(vec.encoded))
    assert distance <= found.eps <= 1.01 * EPS * size + tol("exact", factor=float(size))
    assert found.amplitude >= (1 - MARGIN) * (1 - EPS) - tol("exact")
    np.testing.assert_allclose(found.alpha, size / (1 - MARGIN), rtol=tol("exact"))
    np.testing.assert_allclose(run(found), found.encoded, rtol=0, atol=tol(factor=float(size)))


@pytest.mark.x64
def test_the_circuit_is_unitary_and_its_adjoint_the_inverse():
    found = amplify(subnormalized(0.5), amplitude_bound=BOUND, relative_eps=EPS, margin=MARGIN)
    matrix = np.asarray(unitary(found))
    np.testing.assert_allclose(matrix @ matrix.conj().T, np.eye(len(matrix)), rtol=0, atol=1e-12)
    shape = (1 << found.num_ancillas, 1 << found.num_qubits)
    back = jax.vmap(found.apply_adjoint)(jnp.eye(len(matrix), dtype=complex).reshape(-1, *shape))
    np.testing.assert_allclose(back.reshape(len(matrix), -1).T, matrix.conj().T, rtol=0, atol=1e-12)


def test_an_amplitude_below_the_bound_makes_the_error_infinite():
    assert amplify(subnormalized(0.29), amplitude_bound=BOUND, relative_eps=EPS).eps == np.inf
    assert np.isfinite(amplify(subnormalized(0.31), amplitude_bound=BOUND, relative_eps=EPS).eps)


def test_the_length_of_the_circuit_follows_from_the_bound_alone():
    calls = [
        max(cost(amplify(subnormalized(a), amplitude_bound=BOUND, relative_eps=EPS)).num_queries.values())
        for a in (0.4, 0.9)
    ]
    assert calls[0] == calls[1]
    longer = cost(amplify(subnormalized(0.4), amplitude_bound=BOUND / 2, relative_eps=EPS)).num_queries
    assert 1.5 < max(longer.values()) / calls[0] < 2.5


@pytest.mark.slow
@pytest.mark.x64
@given(st.floats(0.35, 1.0), st.floats(0, 0.05), st.integers(0, 1000))
def test_an_error_of_the_part_is_carried_over(amplitude, eps, seed):
    """The part encodes a vector eps away from its ideal; what comes out is within the tracked error of that ideal."""
    ideal = cplx(2, seed=seed)
    ideal /= np.linalg.norm(ideal)
    error = cplx(2, seed=seed + 1)
    encoded = amplitude * ideal + eps * error / np.linalg.norm(error)
    size = np.linalg.norm(encoded)
    if size > 1:
        encoded, size = encoded / size, 1.0
    column = np.r_[encoded, math.sqrt(max(0.0, 1 - size**2)), 0]
    distance = np.linalg.norm(encoded - amplitude * ideal)
    vec = vector_from_unitary(unitary_with_first_column(column), num_ancillas=1, alpha=1.0, eps=distance)
    found = amplify(vec, amplitude_bound=0.3, relative_eps=1e-2, margin=MARGIN)
    assert np.linalg.norm(np.asarray(found.encoded) - amplitude * ideal) <= found.eps * (1 + 1e-12) + 1e-12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"amplitude_bound": 0.0}, "`amplitude_bound` must lie between 0 and 1, but is 0.0"),
        ({"amplitude_bound": 1.5}, "`amplitude_bound` must lie between 0 and 1, but is 1.5"),
        ({"eps": -1e-3}, "`eps` must be positive and finite, but is -0.001"),
        ({"margin": 1.0}, "`margin` must lie between 0 and 1, but is 1.0"),
    ],
)
def test_bounds_and_errors_that_allow_no_amplification_raise(changes, message):
    with pytest.raises(ValueError, match=message):
        amplify(subnormalized(0.5), **{"amplitude_bound": BOUND, "eps": EPS, "margin": MARGIN} | changes)


def rotation(angle: float) -> np.ndarray:
    return scipy.linalg.expm(1j * angle * (real(4, 4) + real(4, 4).T))


@pytest.mark.numerics
@pytest.mark.parametrize("order", [1, 3, 5])
@pytest.mark.sample(1)
def test_an_isometry_at_the_angle_of_its_order_is_amplified_to_itself(order, tol):
    isometry = rotation(0.4)[:, :3]
    part = block_encode(isometry, alpha=1 / math.sin(math.pi / (2 * order)))
    found = oblivious_amplification(part, order=order)
    assert (found.alpha, list(cost(found).num_queries.values())) == (1.0, [order])
    np.testing.assert_allclose(block(found), isometry, rtol=0, atol=tol())
    x = cplx(3)
    np.testing.assert_allclose(postselect(found, jnp.asarray(x)), isometry @ x, rtol=0, atol=tol(factor=10))


def test_an_alpha_that_fits_no_order_leaves_the_error_unknown_and_an_even_order_raises():
    assert oblivious_amplification(block_encode(rotation(0.4), alpha=2.1), order=3).eps == np.inf
    with pytest.raises(ValueError, match="`order` must be odd and positive, but is 2"):
        oblivious_amplification(block_encode(rotation(0.4), alpha=2.0), order=2)


@pytest.mark.x64
def test_a_matrix_is_encoded_with_a_smaller_alpha():
    a = cplx(3, 4)
    a *= 0.2 / np.linalg.norm(a, 2)
    found = uniform_amplification(block_encode(a, alpha=1.0), 4.0, gap=0.2, relative_eps=1e-3)
    assert 0.25 <= found.alpha <= 0.26
    assert np.linalg.norm(np.asarray(block(found)) - a, 2) <= found.eps <= 1e-3
    x = cplx(4)
    np.testing.assert_allclose(postselect(found, jnp.asarray(x)), found.matvec(jnp.asarray(x)), rtol=0, atol=1e-11)
    assert uniform_amplification(block_encode(a, alpha=1.0), 4.5, gap=0.2, relative_eps=1e-3).eps == np.inf


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"gain": 1.0}, "`gain` must be above 1 and finite, but is 1.0"),
        ({"gap": 0.0}, "`gap` must lie between 0 and 1, but is 0.0"),
    ],
)
def test_a_gain_not_above_one_raises(changes, message):
    given = {"gain": 2.0, "gap": 0.1, "eps": 1e-2} | changes
    with pytest.raises(ValueError, match=message):
        uniform_amplification(block_encode(np.eye(2), alpha=4.0), given.pop("gain"), **given)


@pytest.mark.x64
def test_a_matrix_is_brought_to_twice_its_norm():
    a = real(3, 4)
    a /= np.linalg.norm(a, 2)
    part = block_encode(a, alpha=7.0)
    found = amplify_to_norm(part, relative_eps=1e-4)
    np.testing.assert_allclose(found.alpha, 2 * part.norm_bound, rtol=2e-3)
    assert np.linalg.norm(np.asarray(block(found)) - a, 2) <= found.eps <= 1.01e-4 * part.norm_bound
    assert found.norm_bound == part.norm_bound  # it is the same matrix
    assert amplify_to_norm(found, relative_eps=1e-4) is not found  # the margin is left
    assert amplify_to_norm(block_encode(a, alpha=1.5), relative_eps=1e-4).alpha == 1.5
    assert amplify_to_norm(part, relative_eps=1e-4, gain=4.0).eps == np.inf


@pytest.mark.x64
def test_inside_jit_the_lengths_of_circuits_are_known_when_numbers_are_given():
    part, a = subnormalized(0.5), np.diag([0.3, 0.1])

    def both(x):
        weight = amplify_to_norm(block_encode(x, alpha=1.0), relative_eps=1e-3, gain=1.6)
        return amplify(part, amplitude_bound=BOUND, relative_eps=EPS), weight

    (vec, enc), (traced_vec, traced_enc) = both(a), jax.jit(both)(a)
    np.testing.assert_allclose(traced_vec.phases, vec.phases, rtol=0, atol=1e-13)
    np.testing.assert_allclose(block(traced_enc), block(enc), rtol=0, atol=1e-13)
    with pytest.raises(ValueError, match="`gain` must be given inside jit"):
        jax.jit(lambda x: amplify_to_norm(block_encode(x), relative_eps=1e-3).alpha)(a)
