"""Trajectories against the density matrix, and that against Kraus sums in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from qla_jax.variational.circuit import circuit, repeated, run
from qla_jax.variational.gates import cx, rx, ry
from qla_jax.variational.noise import (
    amplitude_damping,
    density_matrix,
    depolarizing,
    noise_model,
    noisy_shots,
    noisy_z,
    read_z,
    trajectory,
)
from qla_jax.variational.observables import z_expectations
from tests.cases import real
from tests.variational import dense

P, GAMMA, FLIPS = 0.15, 0.3, (0.05, 0.2)
ANGLES = real(2, 2) + 1.5
SIGMAS = 4.0  # of a mean; two-sided 6e-5 each


def build(angles):
    return circuit(2, repeated(lambda a: [rx(0, a[0]), ry(1, a[1]), cx(0, 1)], angles))


def model():
    return noise_model(depolarizing(P), amplitude_damping(GAMMA), flip_0=FLIPS[0], flip_1=FLIPS[1])


KRAUS = [
    [np.sqrt(1 - P) * np.eye(2)] + [np.sqrt(P / 3) * dense.PAULI[letter] for letter in "XYZ"],
    [np.diag([1, np.sqrt(1 - GAMMA)]), np.sqrt(GAMMA) * np.array([[0, 1], [0, 0]])],
]


def dense_rho(angles):
    rho = np.zeros((4, 4), complex)
    rho[0, 0] = 1
    for a in angles:
        for matrix, wires in [(dense.turn("X", a[0]), (0,)), (dense.turn("Y", a[1]), (1,)), (dense.CX, (0, 1))]:
            full = dense.on(matrix, wires, 2)
            rho = full @ rho @ full.conj().T
            for wire in wires:
                for channel in KRAUS:
                    whole = [dense.on(k, (wire,), 2) for k in channel]
                    rho = sum(k @ rho @ k.conj().T for k in whole)
    return rho


def z_of(rho):
    return np.array([np.trace(rho @ dense.word(w)).real for w in ("ZI", "IZ")])


@pytest.mark.numerics
def test_the_density_matrix_is_that_of_the_kraus_sums(tol):
    found = jax.jit(lambda a: density_matrix(build(a), model()))(jnp.asarray(ANGLES))
    np.testing.assert_allclose(found, dense_rho(ANGLES), rtol=0, atol=tol("exact", factor=10))


def z_at(channel, rate, angles):
    """<Z> by sums of w A rho A^+, which go on below 0 and above 1: the oracle of derivatives there."""
    pauli = [(1 - rate, np.eye(2)), *((rate / 3, dense.PAULI[letter]) for letter in "XYZ")]
    damped = [(1, np.diag([1, np.sqrt(max(1 - rate, 0))])), (rate, np.array([[0, 1], [0, 0]]))]
    rho = np.zeros((4, 4), complex)
    rho[0, 0] = 1
    for a in angles:
        for matrix, wires in [(dense.turn("X", a[0]), (0,)), (dense.turn("Y", a[1]), (1,)), (dense.CX, (0, 1))]:
            full = dense.on(matrix, wires, 2)
            rho = full @ rho @ full.conj().T
            for wire in wires:
                whole = [(w, dense.on(k, (wire,), 2)) for w, k in (pauli if channel is depolarizing else damped)]
                rho = sum(w * k @ rho @ k.conj().T for w, k in whole)
    return z_of(rho)


RATES = [
    pytest.param(depolarizing, 0.0, marks=pytest.mark.slow),
    (depolarizing, 0.3),
    pytest.param(depolarizing, 1.0, marks=pytest.mark.slow),
    (amplitude_damping, 0.0),
]


@pytest.mark.slow
@pytest.mark.numerics
@pytest.mark.parametrize(("channel", "rate"), RATES, ids=lambda value: getattr(value, "__name__", str(value)))
def test_derivatives_in_a_rate_are_those_of_the_sums_at_the_ends_of_its_range_too(channel, rate, tol):
    h, angles = 1e-5, jnp.asarray(ANGLES[:1] if rate == 1 else ANGLES)  # two layers of full noise leave nothing
    wanted = (z_at(channel, rate + h, angles) - z_at(channel, rate - h, angles)) / (2 * h)

    def exact(p):
        rho = density_matrix(build(angles), noise_model(channel(p)))
        return jnp.stack([jnp.trace(rho @ jnp.asarray(dense.word(w), rho.dtype)).real for w in ("ZI", "IZ")])

    np.testing.assert_allclose(jax.jit(jax.jacfwd(exact))(rate), wanted, rtol=0, atol=tol("gradient"))

    def drawn(p, key):
        return noisy_z(build(angles), noise_model(channel(p)), 1, key=key)

    keys = jax.random.split(jax.random.key(5), 4000)
    slope = jax.vmap(lambda key: jax.jvp(lambda p: drawn(p, key), (rate,), (1.0,))[1])
    slopes = np.asarray(jax.jit(slope)(keys))
    sigma = slopes.std(axis=0, ddof=1) / np.sqrt(len(slopes))
    assert np.all(np.abs(slopes.mean(axis=0) - wanted) <= SIGMAS * sigma + tol("gradient"))
    assert np.any(np.abs(wanted) > 5 * sigma)  # a derivative that were left out would be seen
    values = np.asarray(jax.jit(jax.vmap(drawn, in_axes=(None, 0)))(rate, keys[:20]))
    if rate == 0:
        np.testing.assert_allclose(values, np.tile(z_at(channel, 0.0, angles), (20, 1)), rtol=0, atol=tol("rounding"))


@pytest.mark.slow
def test_derivatives_at_full_damping_are_those_of_populations():
    turn = circuit(1, [rx(0, 0.3)])
    fed = 2 * np.sin(0.15) ** 2  # <Z> = 1 - 2 (1 - gamma) sin^2(0.15)
    slope = jax.grad(lambda g: 1 - 2 * density_matrix(turn, noise_model(amplitude_damping(g)))[1, 1].real)(1.0)
    np.testing.assert_allclose(slope, fed, rtol=1e-6)
    keys = jax.random.split(jax.random.key(1), 2000)
    slopes = jax.jit(
        jax.vmap(jax.grad(lambda g, k: noisy_z(turn, noise_model(amplitude_damping(g)), 1, key=k)[0]), (None, 0))
    )
    found = np.asarray(slopes(1.0, keys))
    assert abs(found.mean() - fed) <= SIGMAS * found.std() / np.sqrt(len(found))
    assert fed > 5 * found.std() / np.sqrt(len(found))


@pytest.fixture(scope="module")
def sampled():
    """Values and gradients of <Z> of the second qubit on many trajectories."""

    def value(a, key):
        psi = trajectory(build(a), model(), key=key)
        return z_expectations(psi)[1], z_expectations(psi)

    keys = jax.random.split(jax.random.key(1), 4000)
    run_all = jax.jit(jax.vmap(jax.grad(value, has_aux=True), in_axes=(None, 0)))
    gradient, values = run_all(jnp.asarray(ANGLES), keys)
    return np.asarray(values, float), np.asarray(gradient, float).reshape(len(keys), -1)


def assert_mean(samples, expected):
    error = samples.std(axis=0) / np.sqrt(len(samples))
    assert (np.abs(samples.mean(axis=0) - expected) < SIGMAS * error + 1e-6).all()


@pytest.mark.numerics
def test_trajectories_have_the_mean_of_the_density_matrix(sampled):
    values, _ = sampled
    assert_mean(values, z_of(dense_rho(ANGLES)))
    clean = z_expectations(run(build(jnp.asarray(ANGLES))))
    assert np.abs(values.mean(axis=0) - clean).max() > 0.1  # noise is there to be seen


@pytest.mark.x64
def test_gradients_of_trajectories_are_unbiased_though_damping_depends_on_the_state(sampled):
    h, expected = 1e-6, []
    for index in np.ndindex(2, 2):
        step = np.zeros((2, 2))
        step[index] = h
        expected.append((z_of(dense_rho(ANGLES + step)) - z_of(dense_rho(ANGLES - step)))[1] / (2 * h))
    assert_mean(sampled[1], np.array(expected))


@pytest.mark.numerics
def test_trajectories_are_states(sampled, tol):
    psi = trajectory(build(jnp.asarray(ANGLES)), model(), key=jax.random.key(3))
    assert abs(float(jnp.linalg.norm(psi)) - 1) < tol("exact", factor=50)
    np.testing.assert_allclose(np.abs(sampled[0]).max(), 1, atol=0.5)


@pytest.mark.numerics
def test_without_noise_a_trajectory_is_the_circuit(tol):
    made, silent = build(jnp.asarray(ANGLES)), noise_model(depolarizing(0.0), amplitude_damping(0.0))
    found = trajectory(made, silent, key=jax.random.key(0))
    np.testing.assert_allclose(found, run(made), rtol=0, atol=tol("exact", factor=20))


@pytest.mark.slow
@pytest.mark.numerics
def test_shots_follow_the_law_of_the_noisy_state_read_with_flips():
    shots = 4000
    bits = np.asarray(
        jax.jit(noisy_shots, static_argnums=2)(build(jnp.asarray(ANGLES)), model(), shots, key=jax.random.key(2))
    )
    read = np.array([[1 - FLIPS[0], FLIPS[1]], [FLIPS[0], 1 - FLIPS[1]]])
    law = np.kron(read, read) @ np.diag(dense_rho(ANGLES)).real
    counts = np.bincount(bits @ [2, 1], minlength=4)
    assert scipy.stats.chisquare(counts, shots * law).pvalue > 1e-3
    assert scipy.stats.chisquare(counts, shots * np.diag(dense_rho(ANGLES)).real).pvalue < 1e-6


@pytest.mark.numerics
def test_flips_shrink_and_shift_expectation_values(tol):
    z = np.array([0.3, -1.0])
    p = (1 + z) / 2
    expected = 2 * (p * (1 - FLIPS[0]) + (1 - p) * FLIPS[1]) - 1
    np.testing.assert_allclose(read_z(jnp.asarray(z), model()), expected, rtol=0, atol=tol("exact"))
    found = noisy_z(build(jnp.asarray(ANGLES)), noise_model(flip_0=FLIPS[0], flip_1=FLIPS[1]), 3, key=jax.random.key(0))
    exact = z_expectations(run(build(jnp.asarray(ANGLES))))
    np.testing.assert_allclose(found, read_z(exact, model()), rtol=0, atol=tol("exact", factor=20))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda c: depolarizing(1.5), "`p` must lie in [0, 1], but is 1.5"),
        (lambda c: amplitude_damping(-0.1), "`gamma` must lie in [0, 1]"),
        (lambda c: amplitude_damping(jnp.ones(2)), "`gamma` must be a scalar, but has shape (2,)"),
        (lambda c: noise_model(flip_0=2.0), "`flip_0` must lie in [0, 1], but is 2.0"),
        (lambda c: noisy_z(c, noise_model(), 0, key=jax.random.key(0)), "`trajectories` must be at least 1, but is 0"),
        (lambda c: noisy_shots(c, noise_model(), 0, key=jax.random.key(0)), "`shots` must be at least 1, but is 0"),
        (lambda c: density_matrix(circuit(25, [rx(0, 0.1)]), noise_model()), "but is 50: they take"),
    ],
)
def test_bad_input_raises(make, told):
    with pytest.raises(ValueError) as failure:
        make(build(jnp.asarray(ANGLES)))
    assert told in str(failure.value)
