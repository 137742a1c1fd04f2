"""Numbers into registers: rounding, what does not fit, and who sees which number."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.arithmetic.formats import FixedPoint, Format, encode, from_integers
from tests.arithmetic.oracles import fit

traced_encode = jax.jit(encode, static_argnums=1)
traced_integers = jax.jit(from_integers, static_argnums=1)
FORMATS = [Format(4, 2), Format(6, 6, "saturate"), Format(32, 0), Format(32, 32, "saturate")]


def require_same(found: FixedPoint, exact: list[int], f: Format) -> None:
    """Against Python's integers, in full."""
    values, flags = zip(*(fit(value, f) for value in exact), strict=True)
    np.testing.assert_array_equal(found.integers, values)
    np.testing.assert_array_equal(found.overflow, flags)


@pytest.mark.numerics
@pytest.mark.parametrize("f", FORMATS, ids=str)
def test_integers_that_do_not_fit_wrap_or_saturate_and_are_flagged_inside_jit(f):
    """Outside they are refused."""
    numbers = [100, -9, 7, -8, 0, 2**31 - 1, -(2**31)]
    require_same(traced_integers(jnp.array(numbers, jnp.int32), f), numbers, f)
    require_same(traced_integers(jnp.array([2**32 - 1, 5], jnp.uint32), f), [2**32 - 1, 5], f)
    require_same(traced_integers(jnp.array([-128, 127], jnp.int8), f), [-128, 127], f)
    require_same(traced_integers(jnp.array([True, False]), f), [1, 0], f)


@pytest.mark.numerics
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint32, np.int64, np.uint64])
@pytest.mark.parametrize("f", FORMATS, ids=str)
def test_integers_are_encoded_without_a_float_on_the_way(f, dtype):
    held = np.iinfo(dtype)
    numbers = [int(held.max), int(held.min), 0, 1, 3, 100]
    require_same(encode(np.array(numbers, dtype), f), [number << f.fraction for number in numbers], f)
    if held.bits <= 32:
        found = traced_encode(jnp.array(numbers, dtype), f)
        require_same(found, [number << f.fraction for number in numbers], f)


@pytest.mark.numerics
@pytest.mark.parametrize("f", [Format(32, 30), Format(32, 24, "saturate"), Format(17, 3)], ids=str)
def test_numbers_that_can_be_seen_are_rounded_as_they_are_whatever_the_precision_of_jax(f):
    rng = np.random.default_rng(0)
    numbers = np.concatenate([rng.uniform(-3, 3, 50), rng.normal(size=20) * 2.0**20, (np.arange(-9, 10) / 2) * f.step])
    exact = [round(Fraction(float(x)) * 2**f.fraction) for x in numbers]  # ties to even
    require_same(encode(numbers, f), exact, f)
    require_same(encode(numbers.tolist(), f), exact, f)
    single = numbers.astype(np.float32)
    exact = [round(Fraction(float(x)) * 2**f.fraction) for x in single]
    for found in (encode(single, f), encode(jnp.asarray(single), f), traced_encode(jnp.asarray(single), f)):
        require_same(found, exact, f)


@pytest.mark.numerics
def test_a_traced_float_in_single_precision_is_that_float(x64):
    f = Format(32, 30)
    assert int(encode(1 / 3, f).integers) == 357913941
    assert int(traced_encode(1 / 3, f).integers) == (357913941 if x64 else 357913952)
    assert int(encode(16777217, Format(32, 0)).integers) == int(traced_encode(16777217, Format(32, 0)).integers)
    assert int(encode(16777217, Format(32, 0)).integers) == 16777217


def test_a_format_holds_integers_of_python():
    f = Format(np.int8(32), np.int64(4))
    assert f == Format(32, 4) and f.largest == 2**31 - 1 and type(f.bits) is int


ENDS = [
    Format(b, f, o)
    for b, f in ((1, 0), (5, 5), (8, 3), (16, 0), (31, 31), (32, 16), (32, 32))
    for o in ("wrap", "saturate")
]
FLOATS = ["float16", "bfloat16", "float32", "float64"]
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def extremes(dtype: str) -> np.ndarray:
    """Ends of the range, the least numbers, ties, and what stands next to the ends of some format."""
    if dtype in INTEGERS:
        held = jnp.iinfo(dtype)
        near = [
            0,
            1,
            2,
            3,
            7,
            8,
            15,
            16,
            127,
            128,
            200,
            255,
            2**15,
            2**16 - 1,
            2**31 - 1,
            2**31,
            2**32,
            2**63,
            2**64 - 1,
        ]
        both = [n for m in near for n in (m, -m, -m - 1) if held.min <= n <= held.max]
        return np.array([*both, int(held.min), int(held.max)], dtype)
    held = jnp.finfo(dtype)
    near = [0, 0.25, 0.5, 0.75, 1.5, 2.5, 15.5, 15.96875, 16, 127.5, 128, 2.0**15 - 1, 2.0**15, 2.0**31, 2.0**32 + 1]
    special = [float(held.tiny), float(held.smallest_subnormal), float(held.max), np.inf]
    return np.array([sign * n for n in near + special for sign in (1, -1)]).astype(jnp.dtype(dtype))


def nearest(number, format: Format) -> tuple[int, bool]:
    """The integer, and whether it did not fit, by Python's integers and fractions."""
    if number in (np.inf, -np.inf):
        return (0 if not format.saturates else format.largest if number > 0 else format.least), True
    return fit(round(Fraction(number) * 2**format.fraction), format)


@pytest.mark.x64
@pytest.mark.parametrize("dtype", FLOATS + INTEGERS)
@pytest.mark.sample(2)
def test_what_is_seen_and_what_is_traced_are_encoded_alike_to_the_ends_of_every_dtype(dtype):
    x = extremes(dtype)
    for format in ENDS:
        wanted = [nearest(int(n) if dtype in INTEGERS else float(n), format) for n in x]
        for found in (encode(x, format), encode(jnp.asarray(x), format), jax.jit(lambda x, f=format: encode(x, f))(x)):
            seen = list(zip(found.integers.tolist(), found.overflow.tolist(), strict=True))
            wrong = [(n, mine, theirs) for n, mine, theirs in zip(x, seen, wanted, strict=True) if mine != theirs]
            assert not wrong, format


@pytest.mark.x64
@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.sample(1)
def test_integers_that_are_traced_are_those_that_are_seen(dtype):
    for format in ENDS:
        x = extremes(dtype)
        inside = x[[format.least <= int(n) <= format.largest for n in x]]
        seen, traced = from_integers(inside, format), jax.jit(lambda n, f=format: from_integers(n, f))(inside)
        assert seen.integers.tolist() == traced.integers.tolist() == [int(n) for n in inside]
        outside = x[[not format.least <= int(n) <= format.largest for n in x]]
        assert bool(jax.jit(lambda n, f=format: from_integers(n, f))(outside).overflow.all())
