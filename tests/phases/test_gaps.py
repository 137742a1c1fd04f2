"""Targets with gaps in their spectrum, tiny targets, and polynomials that other libraries made."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.polynomial import chebyshev as series

from qla_jax import polynomials
from qla_jax.encodings.base.block import block
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.phases.gqsp import gqsp_phase_factors, gqsp_response
from qla_jax.phases.response import qsp_response
from qla_jax.phases.solve import phase_factors
from qla_jax.polynomials.polynomial import polynomial
from qla_jax.transforms.chebyshev_lcu import chebyshev_lcu
from qla_jax.transforms.eigenvalues import gqet
from qla_jax.transforms.singular_values import qsvt
from tests.cases import mostly_slow

pytestmark = pytest.mark.x64

SIZES = (0.5, 0.9, 0.999)
X = np.cos(np.linspace(0, np.pi, 41))


def single_term(degree: int, size: float) -> np.ndarray:
    coeffs = np.zeros(degree + 1)
    coeffs[degree] = size
    return coeffs


@pytest.mark.parametrize("size", mostly_slow(SIZES, 0.999))
def test_phases_of_a_single_chebyshev_polynomial_of_any_degree_to_512_are_found(size):
    degrees = range(513) if size < 0.99 else [*range(0, 60), *range(60, 513, 7), *(6 * 2**k for k in range(4, 7))]
    worst = max((float(phase_factors(single_term(d, size)).residual), d) for d in degrees)
    assert worst[0] < 1e-11, worst


@pytest.mark.parametrize("degree", [6, 24, 96])
def test_phases_of_a_chebyshev_polynomial_close_to_one_are_found(degree):
    assert phase_factors(single_term(degree, 1 - 1e-6)).converged


@pytest.mark.parametrize("degree", [3, 6, 12, 48, 96, 100, 192, 384])
@pytest.mark.sample(3)
def test_angles_of_a_single_chebyshev_polynomial_are_found(degree):
    for size in SIZES:
        laurent = np.zeros(2 * degree + 1)
        laurent[[0, -1]] = size / 2
        assert float(gqsp_phase_factors(laurent).residual) < 1e-11
        monomial = single_term(degree, size)  # z^d
        found = gqsp_phase_factors(monomial)
        z = np.exp(1j * np.linspace(0, 6, 7))
        np.testing.assert_allclose(gqsp_response(found, z), size * z**degree, rtol=0, atol=1e-11)


@pytest.mark.parametrize("degree", mostly_slow([6, 12, 24, 48], 12))
def test_compiled_phases_of_a_single_chebyshev_polynomial_are_found(degree):
    found = jax.jit(jax.vmap(lambda c: phase_factors(c, parity="even")))(
        np.stack([single_term(degree, size) for size in (0.5, 0.9, 0.999)])
    )
    assert found.converged.all()


@pytest.mark.parametrize("seed", mostly_slow(range(40), *range(8)))
def test_phases_of_sparse_spectra_are_found_and_respond(seed):
    """A few terms of one parity anywhere up to degree 400, brought to just below 1."""
    rng = np.random.default_rng(seed)
    top, odd = int(rng.integers(1, 200)), int(rng.integers(0, 2))
    coeffs = np.zeros(2 * top + 1 + odd)
    places = 2 * rng.choice(top + 1, size=min(top + 1, int(rng.integers(1, 4))), replace=False) + odd
    coeffs[places[places < len(coeffs)]] = rng.normal(size=np.sum(places < len(coeffs)))
    if not coeffs.any():
        coeffs[-1] = 1
    grid = np.cos(np.linspace(0, np.pi, 400 * len(coeffs) + 1))
    coeffs *= (1 - 10.0 ** -rng.uniform(1, 4)) / np.abs(series.chebval(grid, coeffs)).max()
    found = phase_factors(coeffs, parity="odd" if odd else "even")
    assert float(found.residual) < 1e-11 and bool(found.converged)
    np.testing.assert_allclose(qsp_response(found, X).real, series.chebval(X, coeffs), rtol=0, atol=1e-11)


def test_a_transformation_by_a_single_chebyshev_polynomial_is_exact():
    enc = block_encode(np.diag([0.9, -0.4]), alpha=1.0)
    wanted = 0.99 * series.chebval([0.9, -0.4], [0, 0, 0, 1])
    found = gqet(enc, single_term(3, 0.99))
    assert found.eps < 1e-12
    np.testing.assert_allclose(np.diag(np.asarray(block(found))), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [1e-100, 1e-153, 1e-154, 1e-155, 1e-160, 1e-200, 1e-300])
@pytest.mark.parametrize("degree", [0, 1, 5])
@pytest.mark.sample(1)
def test_the_bound_on_a_tiny_target_is_not_below_it(size, degree):
    for find in (phase_factors, jax.jit(phase_factors)):
        assert float(find(single_term(degree, size)).sup_bound) >= size
    laurent = gqsp_phase_factors(single_term(degree, size))
    assert float(laurent.sup_bound) >= size


# Polynomials of NumPy.

CUBIC = [0.0, 0.5, 0.0, -0.3]  # in powers of x


def foreign() -> dict:
    power = np.polynomial.Polynomial(CUBIC)
    kinds = np.polynomial
    return {
        "poly1d": np.poly1d(CUBIC[::-1]),
        "Polynomial": power,
        "Polynomial, another domain": power.convert(domain=[-2, 3]),
        "Chebyshev": power.convert(kind=kinds.Chebyshev),
        "Chebyshev, another window": power.convert(kind=kinds.Chebyshev, domain=[-2, 2], window=[-3, 3]),
        "Legendre": power.convert(kind=kinds.Legendre),
        "Hermite": power.convert(kind=kinds.Hermite),
        "HermiteE": power.convert(kind=kinds.HermiteE),
        "function": lambda x: 0.5 * x - 0.3 * x**3,
        "function of JAX": lambda x: 0.5 * jnp.asarray(x) - 0.3 * jnp.asarray(x) ** 3,
    }


@pytest.mark.parametrize("name", foreign())
def test_polynomials_of_other_libraries_are_read_as_the_same_polynomials(name):
    poly = foreign()[name]
    wanted = np.polynomial.polynomial.polyval(X, CUBIC)
    try:
        response = qsp_response(phase_factors(poly), X).real
    except ValueError as error:
        assert "`poly` must have definite parity" in str(error) and "another" in name
    else:
        np.testing.assert_allclose(response, wanted, rtol=0, atol=1e-12)
    enc = block_encode(np.diag([0.4, -0.2]), alpha=1.0)
    values = np.polynomial.polynomial.polyval(np.array([0.4, -0.2]), CUBIC)
    np.testing.assert_allclose(np.diag(np.asarray(block(gqet(enc, poly)))), values, rtol=0, atol=1e-12)
    if "another" not in name:
        np.testing.assert_allclose(np.diag(np.asarray(block(qsvt(enc, poly)))), values, rtol=0, atol=1e-12)
    if "function" in name:
        assert np.isinf(qsvt(enc, poly).eps)  # samples prove nothing
        with pytest.raises(ValueError, match="`coeffs` must be a vector of coefficients"):
            polynomial(poly, "odd")
    elif "another" not in name:
        assert qsvt(enc, poly).eps < 1e-12
        np.testing.assert_allclose(polynomial(poly, "odd")(X), wanted, rtol=0, atol=1e-12)


def test_the_linear_polynomial_of_numpy_is_not_the_constant_one_half():
    """Negative control with its figures: as an array it would be 0.5 T_0."""
    found = np.diag(np.asarray(block(qsvt(block_encode(np.diag([0.4, 0.2]), alpha=1.0), np.poly1d([0.5, 0.0])))))
    np.testing.assert_allclose(found, [0.2, 0.1], rtol=0, atol=1e-13)


def test_even_polynomials_of_numpy_give_even_coefficients_and_others_are_refused():
    enc, even = block_encode(np.diag([0.4, 0.2]), alpha=1.0), np.poly1d([1.0, 0.0, -0.5])
    found = chebyshev_lcu(enc, even)
    np.testing.assert_allclose(np.diag(np.asarray(block(found))), [0.4**2 - 0.5, 0.2**2 - 0.5], rtol=0, atol=1e-13)
    for wrong in (np.poly1d([0.5, 0.0]), polynomial([0.0, 0.5], "odd"), np.poly1d([1.0, 1.0, 0.0])):
        with pytest.raises(ValueError, match="`even_coeffs` must be those of an even polynomial"):
            chebyshev_lcu(enc, wrong)
    for wrong in (np.cos, polynomials.cos(1.0, degree=4)):
        with pytest.raises(ValueError, match="`even_coeffs` must be"):
            chebyshev_lcu(enc, wrong)


def test_polynomials_of_numpy_are_polynomials_in_z_on_the_circle():
    z = np.exp(1j * np.linspace(0, 6, 7))
    for poly in (np.poly1d([0.3, 0.0, 0.2]), np.polynomial.Polynomial([0.2, 0.0, 0.3])):
        np.testing.assert_allclose(gqsp_response(gqsp_phase_factors(poly), z), 0.2 + 0.3 * z**2, rtol=0, atol=1e-12)


@pytest.mark.parametrize("wrong", ["0.5*x", None, {1}, [np.cos], {"a": 1}, [[0.5, 0.1]], [1j, 0.5]], ids=str)
def test_objects_that_are_no_polynomials_are_refused_by_name(wrong):
    for call in (phase_factors, lambda p: qsvt(block_encode(np.eye(2) / 2, alpha=1.0), p)):
        with pytest.raises(ValueError, match="`poly` must"):
            call(wrong)
