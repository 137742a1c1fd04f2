"""Phase factors of merged steps, against products of 2 x 2 matrices."""

import itertools

import numpy as np
import pytest
import scipy.special

from qla_jax.phases import merging
from qla_jax.phases.integers import fixed, floating
from qla_jax.phases.merging import MergedFactors, find_merged, merges

pytestmark = pytest.mark.x64

HADAMARD = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
ANGLES = np.linspace(0.1, 3.0, 7)


def evolution(tau: float, degree: int, margin: float = 1e-3) -> np.ndarray:
    """The Jacobi-Anger series of exp(-i tau x), scaled to stay below 1."""
    k = np.arange(degree + 1)
    coeffs = 2 * scipy.special.jv(k, tau) * np.resize([1, -1j, -1, 1j], degree + 1)
    coeffs[0] /= 2
    return (1 - margin) * coeffs


def turning(degree: int, sup: float, seed: int) -> np.ndarray:
    coeffs = np.random.default_rng([degree, seed]).normal(size=degree + 1) * np.resize([1, 1j], degree + 1)
    return coeffs * sup / np.abs(values(coeffs, np.linspace(0, np.pi, 64 * degree))).max()


def values(coeffs: np.ndarray, angles: np.ndarray) -> np.ndarray:
    return np.polynomial.chebyshev.chebval(np.cos(angles), coeffs)


def response(found: MergedFactors, angle: float) -> complex:
    """The circuit on an eigenvector of the walk, in the order of time."""
    z = np.exp(1j * angle)
    u = np.diag([np.exp(1j * found.lam), 1]) * np.exp(1j * found.mu) @ HADAMARD
    u = np.diag([1, 1 / z] if len(found.theta) % 2 == 0 else [1 / z, 1]) @ u
    for place, (theta, phi) in enumerate(zip(found.theta, found.phi, strict=True)):
        if place:
            u = np.diag([z, 1 / z]) @ u
        u = np.array([[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]]) @ u
        u = np.diag([np.exp(1j * phi), 1]) @ u
    return (HADAMARD @ np.diag([z, 1]) @ u)[0, 0]


SERIES = {
    "three": evolution(0.3, 3),
    "four": evolution(1.0, 4),
    "five": evolution(-1.0, 5),
    "forty": evolution(20.0, 40),
    "sixty-one": evolution(35.0, 61),
    "any of degree six": turning(6, 0.9, 0),
    "any of degree nine": turning(9, 0.99, 1),
    "any of degree thirty": turning(30, 0.5, 2),
}


@pytest.mark.parametrize("name", SERIES)
def test_merged_steps_give_the_polynomial(name):
    coeffs = SERIES[name]
    degree = len(coeffs) - 1
    found = find_merged(coeffs)
    assert len(found.theta) == len(found.phi) == degree
    errors = np.abs([response(found, angle) for angle in ANGLES] - values(coeffs, ANGLES))
    assert errors.max() <= found.residual * (1 + 1e-9) + 1e-14
    assert found.residual <= 2e-15 * (degree + 5)


@pytest.mark.slow
@pytest.mark.parametrize("degree", [100, 200])
def test_hundreds_of_steps_keep_twelve_digits(degree):
    assert find_merged(evolution(0.75 * degree, degree)).residual <= 1e-12


def test_few_bits_have_no_angles_of_forty_steps(monkeypatch):
    """Negative control: with few bits the residual says that the sequence is wrong, or there is none."""
    monkeypatch.setattr(merging, "BITS", 0)
    monkeypatch.setattr(merging, "GUARD", 80)
    assert find_merged(evolution(20.0, 40)).residual > 1e-3
    monkeypatch.setattr(merging, "GUARD", 53)
    assert find_merged(evolution(20.0, 40)) is None


def test_a_polynomial_that_reaches_one_has_no_factors():
    assert find_merged(evolution(2.0, 8, margin=-0.1)) is None


def test_steps_merge_for_coefficients_that_are_real_and_imaginary_in_turn():
    assert merges(evolution(2.0, 8)) and merges(turning(3, 0.9, 0))
    few, many = evolution(0.1, 2), turning(merging.MOST + 1, 0.9, 0)
    real, padded = np.array([0.1, 0.2, 0.3, 0.1]), np.append(evolution(2.0, 8), 0)
    assert not any(map(merges, (few, many, real, padded)))


def test_integers_hold_floating_point_numbers():
    numbers = np.random.default_rng(0).normal(size=6) * 10.0 ** np.arange(-6, 6, 2) * (1 + 2j)
    for bits in (100, 400):
        kept = fixed(numbers, bits)
        assert np.array_equal(floating(kept, bits), numbers)
        product = floating(kept.convolved(kept.reflected()), 2 * bits)
        expected = np.convolve(numbers, numbers[::-1].conj())
        np.testing.assert_allclose(product, expected, rtol=1e-13, atol=1e-13 * np.abs(expected).max())
    for bits, power in itertools.product((3, 70), (-2, 2)):
        assert np.array_equal(floating(fixed(np.array([4.0 + 8j]), bits).shifted(power), bits), [(4 + 8j) * 2.0**power])
