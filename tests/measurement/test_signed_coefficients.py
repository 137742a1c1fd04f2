"""Chebyshev coefficients put together from circuits: load, test against |t_k>, estimate, and prepare the next state."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.fft

from qla_jax.encodings.base.vector import run
from qla_jax.encodings.vectors.known import vector_encode, vector_from_unitary
from qla_jax.measurement import (
    amplitude_law,
    chebyshev_readout,
    chebyshev_state,
    estimation_circuit,
    hadamard_test,
    swap_test,
)
from qla_jax.measurement.amplitude_estimation import amplitude_of
from qla_jax.measurement.grover import good_probability
from qla_jax.measurement.readout import Readout
from tests.cases import cplx, real

N, RANK, POINTS = 8, 3, 41


def test_the_likeliest_outcome_of_algorithm_1_by_its_circuits_is_the_signed_coefficient(tol):
    """What a run of amplitude estimation on the Hadamard test with |t_k> finds most often is the signed coefficient."""
    x = real(N)
    coefficients = scipy.fft.dct(x / np.linalg.norm(x), norm="ortho")[:RANK]
    close = 2 * np.sin(np.pi / POINTS)
    assert coefficients.min() < -close and coefficients.max() > close, "both signs are to be told"

    @jax.jit
    @partial(jax.vmap, in_axes=(0, None))
    def views(mode, leaves):
        prepared = chebyshev_state(mode, N, axes=0)
        test, unclean = hadamard_test(vector_encode(jnp.asarray(x)), prepared), hadamard_test(leaves, prepared)
        a = good_probability(*test)
        law = estimation_circuit(test.circuit, points=POINTS, good=test.good)
        return a, law, amplitude_law(a, POINTS), test.circuit.eps, unclean.circuit.eps

    a, laws, expected, eps, unknown = map(np.asarray, views(jnp.eye(RANK, N), garbage(x)))
    assert np.abs(2 * a - 1 - coefficients).max() < tol("exact")
    assert np.abs(laws - expected).max() < tol("exact") and (eps == 0).all() and np.isposinf(unknown).all()
    found = 2 * np.asarray(amplitude_of(np.argmax(laws, axis=1), POINTS)) - 1
    assert (np.abs(found - coefficients) <= close).all()


def garbage(x):
    """The state x with half of its length, and the rest of it where an ancilla is 1."""
    turned = np.kron([[0.5, -math.sqrt(0.75)], [math.sqrt(0.75), 0.5]], np.eye(len(x)))
    return vector_from_unitary(turned, num_ancillas=1, alpha=1.0, eps=0.0)


@pytest.mark.slow
@pytest.mark.numerics
def test_the_swap_test_swaps_states_and_leaves_returned_ancillas_alone(tol):
    x, mode = cplx(N), 2
    wave, loaded = chebyshev_state(jnp.eye(3)[mode], N, axes=0), vector_encode(jnp.asarray(x))
    assert wave.num_ancillas > 0
    expected = (1 + abs(scipy.fft.dct(x / np.linalg.norm(x), norm="ortho")[mode]) ** 2) / 2
    circuits = [swap_test(wave, loaded), swap_test(loaded, wave)]
    state = jnp.asarray(cplx(1 << circuits[0].circuit.num_ancillas, 1 << 2 * loaded.num_qubits))

    @jax.jit
    def views(circuits, state):
        there = [one.circuit.apply(state) for one in circuits]
        back = [one.circuit.apply_adjoint(state) for one in circuits]
        again = [one.circuit.apply_adjoint(moved) for one, moved in zip(circuits, there, strict=True)]
        return there, back, again, [good_probability(*one) for one in circuits]

    for there, back, again, found in zip(*views(circuits, state), strict=True):
        assert abs(float(found) - expected) < tol("exact")
        assert np.abs(np.asarray(again - state)).max() < tol("exact", factor=10)
        assert abs(complex(jnp.vdot(state, there) - jnp.vdot(back, state))) < tol("exact", factor=100)
    assert all(one.circuit.eps == 0 for one in circuits)
    assert np.isposinf(jax.jit(lambda y: swap_test(wave, garbage(y)).circuit.eps)(real(N)))


@pytest.mark.parametrize("test", [hadamard_test, swap_test])
def test_circuits_that_leave_garbage_are_refused(test):
    x = vector_encode(real(4))
    for left, right, name in ((x, garbage(real(4)), "right"), (garbage(real(4)), x, "left")):
        with pytest.raises(
            ValueError, match=f"`{name}` must return its ancillas to 0, but does so with probability 0.25"
        ):
            test(left, right)


@pytest.mark.slow
@pytest.mark.numerics
def test_what_was_read_is_prepared_for_the_next_layer(tol):
    """From a readout to the state of the next layer, whose circuit holds what was estimated, within the bound."""
    readout = chebyshev_readout(rank=(2, RANK), relative_eps=0.02, noise="uniform")
    x = jnp.asarray(real(4, N))

    @jax.jit
    def views(x, key):
        found = readout(x, key=key)
        vec = readout.reprepared(found)
        test = hadamard_test(vector_encode(found.values), vec)
        return found, vec, run(vec), good_probability(*test)

    found, vec, ran, same = views(x, jax.random.key(2))
    assert isinstance(found, Readout) and vec.sizes == (4, N) and vec.num_ancillas == 2
    values = np.asarray(found.values).reshape(-1)
    assert np.abs(np.asarray(ran) - values).max() < tol("exact", factor=10)
    assert np.abs(np.asarray(vec.encoded) - values).max() < tol("exact", factor=10)
    assert abs(float(same) - 1) < tol("exact", factor=10)
    off = np.linalg.norm(np.asarray(vec.encoded - x.reshape(-1)))
    assert 0 < off <= float(vec.eps) * (1 + 1e-6)
    assert float(vec.eps) == pytest.approx(float(found.error_bound)) and np.isfinite(vec.eps)
    spectrum = scipy.fft.dctn(np.asarray(ran, float).reshape(4, N), norm="ortho")
    assert np.abs(np.delete(spectrum, np.s_[:RANK], axis=1)).max() < tol("exact", factor=10)
