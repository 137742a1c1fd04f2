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
