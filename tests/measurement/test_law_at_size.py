"""The law of amplitude estimation where points are many, at the edges of probability, and beyond what floats tell."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import scipy.stats
from numpy.polynomial import chebyshev

from qla_jax.measurement import amplitude_law, estimate_amplitude, inner_product
from qla_jax.measurement.amplitude_estimation import most_points, points_for_signed, sample_outcomes

CIRCUIT = 6e-15
"""As of the small circuits in `test_amplitude_estimation.py`."""
REACH = 6


def householder(x: np.ndarray) -> np.ndarray:
    """The reflection that takes the first basis state to x, a unit vector."""
    u = x - np.eye(1, len(x), dtype=x.dtype)[0]
    return np.eye(len(x), dtype=x.dtype) - 2 * np.outer(u, u.conj()) / np.vdot(u, u)


def extended_circuit(x: np.ndarray, y: np.ndarray, points: int) -> np.ndarray:
    """Outcomes of estimation on a Hadamard test, every gate a matrix of 80-bit floats."""
    n, root = len(x), np.sqrt(np.clongdouble(0.5))
    hadamard = np.kron(np.array([[root, root], [root, -root]]), np.eye(n))
    select = np.block([[householder(x), np.zeros((n, n))], [np.zeros((n, n)), householder(y)]])
    circuit = hadamard @ select @ hadamard
    good = np.where(np.arange(2 * n) < n, -1, 1)
    zero = np.diag(np.where(np.arange(2 * n) == 0, 1, -1)).astype(np.clongdouble)
    grover = circuit @ zero @ circuit.conj().T @ np.diag(good)
    powers = [circuit[:, 0]]
    for _ in range(points - 1):
        powers.append(grover @ powers[-1])
    turn = 2 * np.arccos(np.longdouble(-1)) / points
    index = np.outer(np.arange(points), np.arange(points)) % points
    outcomes = np.exp(np.clongdouble(-1j) * turn * index) @ np.array(powers) / points
    return (np.abs(outcomes) ** 2).sum(axis=1)


@pytest.mark.x64
@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="long doubles are no longer than doubles here")
@pytest.mark.parametrize("points", [pytest.param(64, marks=pytest.mark.slow), 256])
def test_the_law_is_that_of_the_circuit_in_extended_precision(points):
    """Vectors of whole numbers and of lengths that are powers of two: the probability, 41/64, has no rounding."""
    x = np.array([7, 3, 2, 1, 1, 0, 0, 0], np.clongdouble) / 8
    y = np.array([1, -2, 3, 1, 1, 0, 0, 0], np.clongdouble) / 4
    found = extended_circuit(x, y, points)
    assert abs(float(found.sum()) - 1) < 1e-15
    assert np.abs(found - np.asarray(amplitude_law(41 / 64, points))).max() < CIRCUIT
    assert np.abs(found - np.asarray(amplitude_law(23 / 64, points))).max() > 1e-3


@pytest.mark.numerics
@pytest.mark.parametrize("points", [pytest.param(7, marks=pytest.mark.slow), 201])
def test_the_law_is_a_polynomial_and_has_its_derivatives_at_the_edges(points, x64):
    """Both derivatives against those of the Chebyshev series, relative to the largest."""
    y = 2
    series = (1 - np.arange(points) / points) * np.cos(2 * np.pi * np.arange(points) * y / points) * 2 / points
    series[0] /= 2

    def law(a):
        return amplitude_law(a, points)[y]

    views = jax.jit(jax.vmap(lambda a: (law(a), jax.grad(law)(a), jax.jacfwd(jax.jacfwd(law))(a))))
    at = np.array([0.0, 1.0, 0.25, 1e-9])
    for order, found in enumerate(views(jnp.asarray(at))):
        exact = (-2.0) ** order * chebyshev.chebval(1 - 2 * at, chebyshev.chebder(series, order))
        assert np.abs(np.asarray(found) - exact).max() < (1e-9 if x64 else 1e-3) * np.abs(exact).max()


def law_near(a: float, points: int) -> tuple[int, np.ndarray]:
    """The point nearest to the angle, and the law around it, by 40 digits; both halves of the circle together."""
    with mpmath.workdps(40):
        place = mpmath.asin(mpmath.sqrt(mpmath.mpf(a))) / mpmath.pi * points
        nearest = int(mpmath.nint(place))
        offsets = [nearest + step - place for step in range(-REACH, REACH + 1)]
        law = [float((mpmath.sin(mpmath.pi * x) / (points * mpmath.sin(mpmath.pi * x / points))) ** 2) for x in offsets]
    return nearest, np.array(law)


@pytest.mark.numerics
@pytest.mark.parametrize("share", [1.0, pytest.param(1e-4, marks=pytest.mark.slow)])
def test_samples_follow_the_law_of_as_many_points_as_floats_tell_apart(share, key):
    """Also beyond the integers of 32 bits, where there are longer ones."""
    points, runs = int(share * most_points()), 20_000
    if share < 1:
        points = max(points, 4097)
    a = float(jnp.asarray(0.3))
    nearest, law = law_near(a, points)
    seen = np.asarray(jax.jit(lambda key: sample_outcomes(jnp.full(runs, a), points, key=key))(key), np.int64)
    counts = np.bincount(np.clip(np.minimum(seen, points - seen) - nearest + REACH, -1, 2 * REACH + 1) + 1)
    expected = runs * np.concatenate([[(1 - law.sum()) / 2], law, [(1 - law.sum()) / 2]])
    assert scipy.stats.chisquare(counts, expected * runs / expected.sum()).pvalue > 1e-6


def test_more_points_than_floats_tell_apart_are_refused(key):
    most = most_points()
    for refused in (lambda: amplitude_law(0.3, most + 1), lambda: estimate_amplitude(0.3, points=most + 1, key=key)):
        with pytest.raises(ValueError, match=f"`points` must be at most {most} in this precision, but is {most + 1}"):
            refused()
    with pytest.raises(ValueError, match=r"`eps` must be at least 1.79e-13 in this precision, but is 1e-13"):
        points_for_signed(1e-13)
    x, y = jnp.array([3.0, -4.0]), jnp.array([1.5, 2.25])
    found = jax.jit(lambda x, y: inner_product(x, y, relative_eps=1e-9, repetitions=5, key=key))(x, y)
    assert abs(float(found.values) + 4.5) <= float(found.error_bound) < 2e-8
