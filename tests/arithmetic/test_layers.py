"""Layers against Python's integers."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.arithmetic.elementwise import relu
from qla_jax.arithmetic.formats import Format, decode, from_integers
from qla_jax.arithmetic.formats import encode as into
from qla_jax.arithmetic.layers import (
    add_bias,
    batch_norm,
    convolve,
    dot,
    max_pool,
)
from tests.arithmetic.oracles import fitted

LARGE = Format(32, 24)
pool = jax.jit(max_pool, static_argnums=1)
norm = jax.jit(batch_norm, static_argnames="epsilon")


def draw(shape: tuple[int, ...], f: Format, seed: int, shift: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(f.least, f.largest + 1, shape) >> shift


def slow_convolution(x: np.ndarray, kernel: np.ndarray, padding: str, stride: int) -> np.ndarray:
    """In full, in Python's integers."""
    k = kernel.shape[-1]
    before, after = ((k - 1) // 2, k // 2) if padding == "same" else (0, 0)
    high, wide = (side + before + after for side in x.shape[1:])
    padded = np.zeros((len(x), high, wide), object)
    padded[:, before : before + x.shape[1], before : before + x.shape[2]] = x.astype(object)
    rows = [
        [
            [
                functools.reduce(lambda a, b: a + b, (padded[:, i : i + k, j : j + k] * part.astype(object)).ravel(), 0)
                for j in range(0, wide - k + 1, stride)
            ]
            for i in range(0, high - k + 1, stride)
        ]
        for part in kernel
    ]
    return np.array(rows, object)


@pytest.mark.numerics
@pytest.mark.parametrize("shift", [0, 9])
def test_a_convolution_of_sixteen_channels_is_exact_on_thirty_two_bits(shift):
    f = Format(32, 24, "saturate" if shift else "wrap")
    x, kernel = draw((16, 16, 16), f, 0, shift), draw((2, 16, 3, 3), f, 1)
    found = jax.jit(convolve)(from_integers(x, f), from_integers(kernel, f))
    values, flags = fitted(slow_convolution(x, kernel, "same", 1) >> f.fraction, f)
    np.testing.assert_array_equal(found.integers, values)
    np.testing.assert_array_equal(found.overflow, flags)
    assert flags.any() and (not shift or not flags.all())


@pytest.mark.parametrize(("padding", "stride", "taps"), [("valid", 1, 2), ("same", 2, 3), ("same", 1, 4)])
def test_convolutions_with_padding_stride_and_even_kernels_are_those_of_loops(padding, stride, taps):
    f = Format(8, 4, "saturate")
    x, kernel = draw((2, 6, 7), f, 2), draw((3, 2, taps, taps), f, 3, 2)
    layer = jax.jit(functools.partial(convolve, padding=padding, stride=stride))
    found = layer(from_integers(x, f), from_integers(kernel, f))
    values, _ = fitted(slow_convolution(x, kernel, padding, stride) >> f.fraction, f)
    np.testing.assert_array_equal(found.integers, values)


@pytest.mark.numerics
@pytest.mark.parametrize(
    ("length", "f"), [(1, LARGE), (9000, LARGE), pytest.param(4097, Format(17, 0), marks=pytest.mark.slow)]
)
def test_a_dot_is_exact_however_long(length, f):
    x, y = draw((2, length), f, 4), draw((length, 2), f, 5)
    y[:, 0] = f.least
    x[0] = f.least  # the largest sum there can be
    found = jax.jit(dot)(from_integers(x, f), from_integers(y, f))
    full = np.array(
        [[sum(int(a) * int(b) for a, b in zip(row, column, strict=True)) for column in y.T] for row in x], object
    )
    values, flags = fitted(full >> f.fraction, f)
    np.testing.assert_array_equal(found.integers, values)
    np.testing.assert_array_equal(found.overflow, flags)


def test_one_flagged_number_flags_all_sums_that_it_is_in():
    f = Format(8, 4)
    x = from_integers(np.ones((2, 3), int), f)
    x = x.replace(overflow=x.overflow.at[1, 2].set(True))
    np.testing.assert_array_equal(jax.jit(dot)(x, from_integers(np.ones(3, int), f)).overflow, [False, True])
    image = from_integers(np.zeros((1, 4, 4), int), f)
    image = image.replace(overflow=image.overflow.at[0, 0, 0].set(True))
    found = jax.jit(convolve)(image, from_integers(np.zeros((1, 1, 3, 3), int), f))
    assert int(found.overflow.sum()) == 4 and bool(found.overflow[0, 1, 1])
    assert int(pool(image, 2).overflow.sum()) == 1


def test_batch_norm_is_one_product_and_one_sum_with_classical_constants():
    f = Format(16, 8)
    x = draw((3, 4, 4), f, 6, 4)
    mean, variance, gamma, beta = (np.array(v) for v in ([0.5, -1, 2], [1, 4, 0.25], [1, -0.5, 2], [0, 1, -1]))
    found = norm(from_integers(x, f), mean, variance, gamma, beta, epsilon=0.0)
    factor = gamma / np.sqrt(variance)
    scale, offset = (np.round(v * 256).astype(int)[:, None, None] for v in (factor, beta - mean * factor))
    np.testing.assert_array_equal(found.integers, (x * scale >> 8) + offset)
    assert np.abs(np.asarray(decode(found)) - (x / 256 * factor[:, None, None] + offset / 256)).max() < f.step


@pytest.mark.numerics
@pytest.mark.parametrize("f", [Format(12, 8), Format(32, 28, "saturate")], ids=str)
def test_batch_norm_is_brought_into_the_format_once(f):
    """The product alone does not fit; only where the sum does not, either, there is a flag."""
    x = draw((2, 40), f, 10)
    factor, offset = np.array([1.75, -1.5]), np.array([-2.0, 3.5])
    found = norm(from_integers(x, f), np.zeros(2), np.ones(2), factor, offset, epsilon=0.0)
    scale, shift = ((v * 2**f.fraction).astype(int)[:, None].astype(object) for v in (factor, offset))
    product = x.astype(object) * scale >> f.fraction
    values, flags = fitted(product + shift, f)
    np.testing.assert_array_equal(found.integers, values)
    np.testing.assert_array_equal(found.overflow, flags)
    assert (fitted(product, f)[1] & ~flags).any() and flags.any()


def test_a_constant_of_batch_norm_that_does_not_fit_is_flagged():
    f = Format(6, 4)
    x = from_integers(np.zeros((2, 1, 1), int), f)
    found = norm(x, np.zeros(2), np.array([1.0, 1e-6]), np.ones(2), np.zeros(2))
    np.testing.assert_array_equal(found.overflow[:, 0, 0], [False, True])


def test_pooling_bias_and_relu_are_those_of_integers():
    f = Format(8, 0, "saturate")
    x = draw((2, 5, 4), f, 7)
    found = pool(from_integers(x, f), 2)
    np.testing.assert_array_equal(found.integers, x[:, :4].reshape(2, 2, 2, 2, 2).max(axis=(2, 4)))
    biased = relu(jax.jit(add_bias)(from_integers(x, f), from_integers(np.array([100, -100]), f)))
    np.testing.assert_array_equal(biased.integers, np.clip(x + np.array([100, -100])[:, None, None], 0, 127))


@pytest.mark.numerics
def test_rounding_is_to_even_and_what_does_not_fit_wraps_or_saturates_and_is_flagged():
    x = jnp.array([0.25, 0.75, -0.25, 3.5, 4.0, -4.0, -4.5, 1e30, -jnp.inf])
    encode = jax.jit(into, static_argnums=1)
    wrap, saturate = encode(x, Format(4, 1)), encode(x, Format(4, 1, "saturate"))
    np.testing.assert_array_equal(wrap.integers, [0, 2, 0, 7, -8, -8, 7, 0, 0])
    np.testing.assert_array_equal(saturate.integers, [0, 2, 0, 7, 7, -8, -8, 7, -8])
    for found in (wrap, saturate):
        np.testing.assert_array_equal(found.overflow, [0, 0, 0, 0, 1, 0, 1, 1, 1])
    np.testing.assert_array_equal(decode(saturate)[:4], [0, 1, 0, 3.5])
    ends = jnp.array([2.0**31, -(2.0**31), 2.0**31 - 128])
    np.testing.assert_array_equal(encode(ends, Format(32, 0, "saturate")).integers, [2**31 - 1, -(2**31), 2**31 - 128])
    np.testing.assert_array_equal(encode(ends, Format(32, 0)).overflow, [True, False, False])


def test_gradients_through_integers_are_zero_and_finite():
    gradient = jax.jit(jax.grad(lambda x: decode(into(x, Format(8, 4))).sum()))(jnp.array([0.3, 100.0]))
    np.testing.assert_array_equal(gradient, [0, 0])
