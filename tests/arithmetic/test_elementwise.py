"""Each operation, as integers and as a circuit, against Python's integers: every pair of numbers up to six bits."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.arithmetic import circuits, elementwise
from qla_jax.arithmetic.formats import Format, from_integers
from tests.arithmetic.oracles import (
    FACTOR,
    FULL,
    NEVER_FLAGGED,
    TWO,
    all_pairs,
    random_pairs,
    result,
    signed,
)

SMALL = [Format(6, 3), Format(6, 2, "saturate"), Format(4, 4), Format(1, 0)]
EVERY = [
    Format(bits, fraction, overflow)
    for bits in range(1, 7)
    for fraction in range(bits + 1)
    for overflow in ("wrap", "saturate")
]
LARGE = [Format(32, 16), Format(32, 30, "saturate")]

every_operation = pytest.mark.parametrize("name", FULL)


def options(name: str, f: Format) -> dict[str, int]:
    return {"factor": FACTOR[f.overflow]} if name == "multiply_constant" else {}


def fits(name: str, f: Format) -> bool:
    return name != "multiply_constant" or f.least <= FACTOR[f.overflow] <= f.largest


def run_circuit(name: str, f: Format, x: np.ndarray, y: np.ndarray) -> None:
    built = circuits.operation(name, f, **options(name, f))
    run = built.on_basis(x=x, **({"y": y} if name in TWO else {}))
    values, flags = result(name, x, y, f)
    np.testing.assert_array_equal(signed(run.registers["out"], f.bits), values)
    if name in NEVER_FLAGGED:
        assert "overflow" not in run.registers
    else:
        np.testing.assert_array_equal(run.registers["overflow"], flags)
    np.testing.assert_array_equal(signed(run.registers["x"], f.bits), x)
    if name in TWO:
        np.testing.assert_array_equal(signed(run.registers["y"], f.bits), y)
    assert run.clean.all()
    back = built.inverse().on_basis(**run.registers)
    assert back.clean.all() and not back.registers["out"].any()
    np.testing.assert_array_equal(signed(back.registers["x"], f.bits), x)


@every_operation
@pytest.mark.parametrize("format", SMALL, ids=str)
def test_the_circuit_computes_the_operation_cleans_up_and_has_an_inverse(name, format):
    if fits(name, format):
        run_circuit(name, format, *all_pairs(format))


@pytest.mark.slow
@every_operation
def test_both_views_agree_in_every_format_up_to_six_bits(name):
    for format in EVERY:
        if fits(name, format):
            run_circuit(name, format, *all_pairs(format))
            run_view(name, format, *all_pairs(format))


SHORT = [pytest.param(name, marks=pytest.mark.slow) if name == "divide" else name for name in FULL]


@pytest.mark.parametrize("name", SHORT)
@pytest.mark.parametrize("format", [LARGE[0], pytest.param(LARGE[1], marks=pytest.mark.slow)], ids=str)
def test_the_circuit_computes_the_operation_on_thirty_two_bits(name, format):
    x, y = random_pairs(format, count=40)
    run_circuit(name, format, x, y)


def view(name: str, f: Format):
    def of(x, y):
        function = functools.partial(getattr(elementwise, name), **options(name, f))
        return function(x, y) if name in TWO else function(x)

    return of


def run_view(name: str, f: Format, x: np.ndarray, y: np.ndarray) -> None:
    found = jax.jit(view(name, f))(from_integers(x, f), from_integers(y, f))
    values, flags = result(name, x, y, f)
    np.testing.assert_array_equal(found.integers, values)
    np.testing.assert_array_equal(found.overflow, flags & (name not in NEVER_FLAGGED))


@pytest.mark.numerics
@every_operation
def test_the_integers_are_those_of_the_operation(name):
    run_view(name, SMALL[1], *all_pairs(SMALL[1]))


LARGE_AT_ONCE = ("add", "multiply", "divide", "sqrt")  # the others do nothing else


@pytest.mark.numerics
@pytest.mark.parametrize(
    ("name", "format"),
    [
        pytest.param(name, f, marks=[] if f == LARGE[0] and name in LARGE_AT_ONCE else pytest.mark.slow)
        for name in FULL
        for f in LARGE
    ],
    ids=str,
)
def test_the_integers_are_those_of_the_operation_on_thirty_two_bits(name, format):
    run_view(name, format, *random_pairs(format, count=200))


@pytest.mark.parametrize("format", SMALL, ids=str)
def test_less_agrees_in_both_views(format):
    x, y = all_pairs(format)
    run = circuits.operation("less", format).on_basis(x=x, y=y)
    np.testing.assert_array_equal(run.registers["out"], x < y)
    assert run.clean.all()
    np.testing.assert_array_equal(elementwise.less(from_integers(x, format), from_integers(y, format)), x < y)


@pytest.mark.numerics
def test_flags_stay_with_what_is_computed_from_them():
    f = Format(4, 1)
    x, y = from_integers(np.array([7, 1]), f), from_integers(np.array([7, 1]), f)
    total = elementwise.add(x, y)
    np.testing.assert_array_equal(total.overflow, [True, False])
    for later in (elementwise.relu(total), elementwise.subtract(total, y), elementwise.maximum(x, total)):
        np.testing.assert_array_equal(later.overflow, [True, False])


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "maximum", "divide", "less"])
@pytest.mark.sample(3)
def test_shapes_broadcast_as_numpy_has_them(name):
    """Also where an axis is as long as a number has digits."""
    f, operation = Format(8, 0), getattr(elementwise, name)
    x = from_integers(np.arange(1, 4), f)
    for rows in range(1, 6):
        y = from_integers(np.arange(1, 1 + 3 * rows).reshape(rows, 3), f)
        full = jax.tree.map(lambda part: jnp.broadcast_to(part, (rows, 3)), x)  # noqa: B023 used at once
        jax.tree.map(np.testing.assert_array_equal, operation(x, y), operation(full, y))


def test_jit_and_vmap_are_the_plain_call():
    f = Format(8, 4)
    x, y = (from_integers(part.reshape(5, 5), f) for part in (a[-25:] for a in random_pairs(f, 0)))
    with jax.disable_jit():  # it is compiled otherwise
        plain = elementwise.multiply(x, y)
    called = elementwise.multiply(x, y)
    for other in (called, jax.jit(elementwise.multiply)(x, y), jax.jit(jax.vmap(elementwise.multiply))(x, y)):
        np.testing.assert_array_equal(plain.integers, other.integers)
        np.testing.assert_array_equal(plain.overflow, other.overflow)


def test_a_quotient_by_zero_is_flagged_in_the_one_format_where_it_fits():
    """In Format(1, 0) a single digit of 1 with its sign is -1, a number of the format."""
    format = Format(1, 0)
    x, y = (np.array(n) for n in ([-1, -1, 0, 0], [0, -1, 0, -1]))
    found = elementwise.divide(from_integers(x, format), from_integers(y, format))
    assert found.overflow.tolist() == [True, True, True, False]  # -1/-1 = 1 does not fit
    run = circuits.operation("divide", format).on_basis(x=x, y=y)
    assert run.registers["overflow"].tolist() == [1, 1, 1, 0]
    assert (run.registers["out"] % 2).tolist() == (found.integers % 2).tolist()
    assert bool(run.clean.all())
