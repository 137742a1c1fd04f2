"""Reciprocal, arc cosine and piecewise polynomials: circuit and integers agree, and the proven errors hold."""

import math

import jax
import numpy as np
import pytest

from qla_jax.arithmetic.arccos import arccos, arccos_circuit, arccos_error
from qla_jax.arithmetic.formats import Format, from_integers
from qla_jax.arithmetic.newton import newton_error, newton_steps, reciprocal, reciprocal_circuit
from qla_jax.arithmetic.piecewise import cauchy, exponential, piecewise
from tests.arithmetic.oracles import random_pairs, signed

EVERY = [Format(b, f, o) for b in range(1, 7) for f in range(b + 1) for o in ("wrap", "saturate")]
FEW = [Format(5, 3), Format(4, 2, "saturate")]


def numbers(f: Format) -> np.ndarray:
    return np.arange(f.least, f.largest + 1)


def same(built, function, f: Format, x: np.ndarray | None = None) -> None:
    """Both views of a function on every number, unless some are given; ancillas and inverse."""
    x = numbers(f) if x is None else x
    run = built.on_basis(x=x)
    found = jax.jit(function)(from_integers(x, f))
    np.testing.assert_array_equal(signed(run.registers["out"], f.bits), found.integers)
    np.testing.assert_array_equal(run.registers["overflow"], found.overflow)
    np.testing.assert_array_equal(signed(run.registers["x"], f.bits), x)
    assert run.clean.all()
    back = built.inverse().on_basis(**run.registers)
    assert back.clean.all() and not back.registers["out"].any() and not back.registers["overflow"].any()


def exponential_views(f: Format) -> None:
    try:
        table = exponential(f, degree=2)
    except ValueError as error:  # one bit before the point: e^0 = 1 does not fit, and nothing below does
        assert "must hold the exponential" in str(error)
        return
    same(table.circuit(), table, f)


VIEWS = {
    "reciprocal": lambda f: same(reciprocal_circuit(f), reciprocal, f),
    "arccos": lambda f: same(arccos_circuit(f), arccos, f),
    "exponential": exponential_views,
}


@pytest.mark.parametrize("format", FEW, ids=str)
@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.sample(3)
def test_the_circuit_of_a_function_computes_its_integers(name, format):
    VIEWS[name](format)


MANY = {
    "reciprocal": (
        reciprocal_circuit,
        lambda f: reciprocal,
        [Format(16, 8), Format(20, 12, "saturate"), Format(32, 16)],
    ),
    "arccos": (arccos_circuit, lambda f: arccos, [Format(16, 14), Format(18, 12), Format(20, 16, "saturate")]),
    "exponential": (
        lambda f: exponential(f).circuit(),
        lambda f: exponential(f),
        [Format(16, 10), Format(24, 18, "saturate"), Format(32, 28)],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "format"), [(name, f) for name, (_, _, formats) in MANY.items() for f in formats], ids=str
)
def test_the_circuit_of_a_function_computes_its_integers_on_many_bits(name, format):
    built, function, _ = MANY[name]
    same(built(format), function(format), format, random_pairs(format, count=100)[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", VIEWS)
def test_the_circuit_of_a_function_computes_its_integers_in_every_format_up_to_six_bits(name):
    for format in EVERY:
        VIEWS[name](format)


@pytest.mark.numerics
@pytest.mark.parametrize(
    ("bits", "fraction"), [(9, 6), *(pytest.param(*p, marks=pytest.mark.slow) for p in ((12, 8), (16, 13)))]
)
def test_newtons_iteration_is_within_its_bound_on_every_number(bits, fraction):
    f = Format(bits, fraction)
    found = jax.jit(reciprocal)(from_integers(numbers(f), f))
    kept = ~np.asarray(found.overflow)
    a = numbers(f)[kept] * f.step
    error = np.abs(np.asarray(found.integers)[kept] * f.step - 1 / a)
    assert (error < newton_error(f) / np.abs(a) + f.step).all()
    inside = (np.abs(1 / numbers(f)[numbers(f) != 0]) / f.step**2 < f.largest + 0.5).sum()
    assert abs(kept.sum() - inside) <= 2  # 1/a at the very end of the range may go either way


@pytest.mark.parametrize(("bits", "steps"), [(2, 1), (8, 3), (9, 4), (16, 4), (32, 5)])
def test_newtons_iteration_needs_the_logarithm_of_the_bits(bits, steps):
    f = Format(bits, 0)
    assert newton_steps(f) == steps
    assert newton_error(f) < 1.4 * 2.0**-bits
    fewer = 0.5 ** (2 ** (steps - 1))  # the largest error one step before, attained by powers of two
    assert fewer > 2.0**-bits


@pytest.mark.slow
@pytest.mark.numerics
def test_the_reciprocal_of_thirty_two_bits_against_exact_fractions():
    f = Format(32, 16)
    a = np.concatenate([np.random.default_rng(0).integers(3, 2**31, 300) >> np.arange(300) % 30, 2 ** np.arange(2, 31)])
    a = np.concatenate([a[a > 2], -a[a > 2]])
    found = jax.jit(reciprocal)(from_integers(a, f))
    assert not np.asarray(found.overflow).any()
    for integer, number in zip(np.asarray(found.integers).tolist(), a.tolist(), strict=True):
        exact = 2**32 / number
        assert abs(integer - exact) <= newton_error(f) * abs(exact) + 1


@pytest.mark.parametrize("n", [6, 10])
def test_arccos_is_within_its_bound_on_every_number(n):
    f = Format(n + 2, n)
    x = np.arange(-(2**n), 2**n + 1)
    found = jax.jit(arccos)(from_integers(x, f))
    error = np.abs(np.asarray(found.integers) * f.step - np.arccos(x * f.step) / np.pi)
    assert error.max() <= arccos_error(f) < 1.23 * f.step
    assert not np.asarray(found.overflow).any()


def test_arccos_with_as_many_working_bits_as_output_bits_is_far_from_its_last_bit():
    f = Format(12, 10)
    x = np.arange(-(2**10), 2**10 + 1)
    found = jax.jit(lambda x: arccos(x, working=10))(from_integers(x, f))
    error = np.abs(np.asarray(found.integers) * f.step - np.arccos(x * f.step) / np.pi)
    assert error.max() > 4 * f.step
    assert error.max() <= arccos_error(f, working=10)


@pytest.mark.slow
@pytest.mark.numerics
def test_arccos_of_thirty_bits_is_within_its_bound():
    f = Format(32, 30)
    x = np.concatenate(
        [[-(2**30), 2**30, 0, 2**29, 2**30 + 1], np.random.default_rng(0).integers(-(2**30), 2**30, 100)]
    )
    found = jax.jit(arccos)(from_integers(x, f))
    np.testing.assert_array_equal(found.overflow, np.abs(x) > 2**30)
    exact = np.where(np.abs(x) > 2**30, 0.5, np.arccos(np.clip(x * f.step, -1, 1)) / np.pi)
    assert np.abs(np.asarray(found.integers) * f.step - exact).max() <= arccos_error(f) + 1e-15


TARGETS = {
    "exp": (np.exp, lambda n, low, high: math.exp(high), (-8.0, 2.0)),
    "sin": (np.sin, lambda n, low, high: 1.0, None),
    "tanh": (np.tanh, cauchy(1.0, math.tan(1.0)), None),
    "cube": (lambda x: x**3 / 64, lambda n, low, high: {1: 3.0, 2: 0.75, 3: 6 / 64}.get(n, 0.0), None),
}


@pytest.mark.numerics
@pytest.mark.parametrize("degree", [pytest.param(1, marks=pytest.mark.slow), 3])
@pytest.mark.parametrize("name", TARGETS)
def test_a_piecewise_polynomial_is_within_its_bound_on_every_number(name, degree):
    function, derivative, domain = TARGETS[name]
    f = Format(12, 8)
    table = piecewise(function, f, derivative=derivative, degree=degree, domain=domain)
    assert table.error_bound <= f.step
    x = numbers(f)
    found = jax.jit(table)(from_integers(x, f))
    low, high = domain or (-np.inf, np.inf)
    inside = (x * f.step >= low) & (x * f.step <= high)
    exact = function(x * f.step)
    fitting = (exact < f.largest * f.step) & (exact > f.least * f.step)
    np.testing.assert_array_equal(np.asarray(found.overflow)[~inside], True)
    assert not np.asarray(found.overflow)[inside & fitting].any()
    error = np.abs(np.asarray(found.integers) * f.step - exact)[inside & fitting]
    assert f.step / 4 < error.max() <= table.error_bound


def test_a_function_of_a_lower_degree_has_a_table():
    """Its leading coefficients are exactly zero."""
    f = Format(8, 4)
    table = piecewise(lambda x: np.full_like(x, 0.5), f, derivative=lambda n, low, high: 0.0, degree=3)
    np.testing.assert_array_equal(table(from_integers(numbers(f), f)).integers, 8)


@pytest.mark.numerics
@pytest.mark.parametrize(("bits", "width"), [(16, 2), (16, 20), pytest.param(20, 20, marks=pytest.mark.slow)])
def test_the_bound_covers_what_double_precision_does_to_coefficients(bits, width):
    """A domain far smaller than its segment: coefficients in t are huge, and cancel."""
    f = Format(bits, bits - 4)
    end = f.largest * f.step
    table = piecewise(np.sin, f, derivative=lambda n, low, high: 1.0, degree=7, domain=(end - width * f.step, end))
    x = np.arange(f.largest - width, f.largest + 1)
    found = table.circuit().on_basis(x=x).registers["out"]
    error = np.abs(signed(found, f.bits) * f.step - np.sin(x * f.step))
    assert error.max() <= table.error_bound <= f.step


def test_a_domain_may_be_without_end():
    f = Format(8, 4)
    whole, half = (
        piecewise(np.sin, f, derivative=lambda n, low, high: 1.0, domain=d) for d in ((-np.inf, np.inf), (0.0, np.inf))
    )
    assert (whole.domain, half.domain) == ((-128, 127), (0, 127))


def test_a_lower_degree_takes_more_segments_and_a_coarser_error_fewer():
    f = Format(16, 12)
    sizes = [piecewise(np.sin, f, derivative=lambda n, low, high: 1.0, degree=d).index for d in (1, 2, 3, 5)]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] > sizes[-1]
    assert exponential(Format(10, 5), eps=0.25).index < exponential(Format(10, 5)).index


def test_a_bound_that_is_vouched_for_wrongly_is_violated():
    f = Format(10, 7)
    table = piecewise(lambda x: np.sin(6 * x), f, derivative=lambda n, low, high: 0.01, degree=1)
    found = jax.jit(table)(from_integers(numbers(f), f))
    assert np.abs(np.asarray(found.integers) * f.step - np.sin(6 * numbers(f) * f.step)).max() > 2 * table.error_bound
