"""Numbers in registers to amplitudes and back, and a dense layer through both."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.accounting import cost
from qla_jax.arithmetic.conversion import amplitude_encode, dense_layer, digital_encode
from qla_jax.arithmetic.formats import Format, decode, encode, from_integers
from qla_jax.encodings.dense import block_encode
from qla_jax.encodings.encoding import unitary
from qla_jax.encodings.vector import run, vector_encode

F = Format(8, 4)
NUMBERS = np.array([40, -16, 3, 0, 127, -128])


def exact(amplitudes):
    return amplitudes


@pytest.mark.numerics
@pytest.mark.parametrize(
    "shape",
    [
        (2, 3),
        *(pytest.param(s, marks=pytest.mark.slow) for s in ((4,), (6,))),
        pytest.param((1,), marks=pytest.mark.slow),
    ],
)
def test_the_circuit_encodes_the_numbers(shape, tol):
    x = from_integers(NUMBERS[: np.prod(shape)].reshape(shape), F)
    vec = amplitude_encode(x)
    np.testing.assert_allclose(jax.jit(run)(vec), decode(x).ravel(), rtol=0, atol=tol("exact", factor=20))
    u = np.asarray(jax.jit(unitary)(vec))
    np.testing.assert_allclose(u @ u.T, np.eye(len(u)), rtol=0, atol=tol("exact", factor=10))
    back = jax.jit(jax.vmap(vec.apply_adjoint))(jnp.asarray(u.T).reshape(-1, 2, u.shape[0] // 2)).reshape(u.shape)
    np.testing.assert_allclose(back, np.eye(len(u)), rtol=0, atol=tol("exact", factor=10))
    assert float(vec.eps) == 0


@pytest.mark.parametrize("scale", [None, 20.0])
def test_the_success_amplitude_is_the_norm_over_the_largest_entry_and_the_root_of_the_length(scale):
    x = from_integers(NUMBERS[:4], F)
    values = NUMBERS[:4] / 16
    vec = amplitude_encode(x, scale=scale)
    largest = np.abs(values).max() if scale is None else scale
    np.testing.assert_allclose(vec.amplitude, np.linalg.norm(values) / (largest * 2), rtol=1e-6)
    np.testing.assert_allclose(vec.alpha, 2 * largest, rtol=1e-6)
    assert cost(vec).gates.reads == 2


@pytest.mark.numerics
def test_eps_is_the_distance_to_the_vector_that_is_meant(key, tol):
    target = jax.random.normal(key, (5,))
    vec = amplitude_encode(encode(target, F), target=target)
    distance = jnp.linalg.norm(jax.jit(run)(vec) - target)
    assert abs(float(vec.eps - distance)) < tol("exact", factor=20)
    assert 0 < float(vec.eps) <= np.sqrt(5) / 32


def test_an_overflow_is_part_of_eps_or_unknown():
    target = jnp.array([9.0, 1.0])
    x = encode(target, F)
    assert float(amplitude_encode(x, target=target).eps) == pytest.approx(16.0)
    assert float(jax.jit(lambda x: amplitude_encode(x).eps)(x)) == np.inf
    low = jax.jit(lambda x: amplitude_encode(x, scale=1.0).eps)(from_integers(NUMBERS, F))
    assert float(low) == np.inf


def test_what_is_encoded_goes_on_as_any_vector(key):
    x = from_integers(NUMBERS[:4], F)
    weight = jax.random.normal(key, (4, 4))
    product = block_encode(weight) @ amplitude_encode(x)
    np.testing.assert_allclose(jax.jit(run)(product), weight @ decode(x), rtol=0, atol=1e-5)


def test_there_and_back_again():
    f = Format(8, 4, "saturate")
    x = from_integers(NUMBERS, f)
    back = digital_encode(amplitude_encode(x), f, readout=exact)
    np.testing.assert_array_equal(back.integers, NUMBERS)
    assert not bool(back.overflow.any())


def test_a_readout_that_errs_errs_by_alpha_times_as_much_and_half_a_bit():
    x = from_integers(NUMBERS, F)
    vec = amplitude_encode(x)
    found = digital_encode(vec, F, readout=lambda a: a + 0.003)
    assert np.abs(np.asarray(decode(found)) - NUMBERS / 16 - 0.003 * float(vec.alpha))[:4].max() <= F.step / 2 + 1e-6
    assert bool(found.overflow[4])  # 127 + 1 does not fit


def test_a_dense_layer_is_matrix_transfer_bias_and_relu(key):
    f = Format(12, 6, "saturate")
    weight = jax.random.normal(key, (4, 4)) / 2
    x = jax.random.normal(jax.random.fold_in(key, 1), (4,))
    bias = encode(jnp.array([0.5, -0.25, 1.0, 0.0]), f)
    product, found = dense_layer(block_encode(weight), vector_encode(x), bias, readout=exact)
    np.testing.assert_allclose(product.vector(), weight @ x, atol=1e-5)
    transferred = np.round(np.asarray(weight @ x) * 64)
    np.testing.assert_array_equal(found.integers, np.maximum(transferred + np.asarray(bias.integers), 0))
    assert np.abs(np.asarray(decode(found)) - np.maximum(weight @ x + decode(bias), 0)).max() <= f.step / 2 + 1e-6
    following = amplitude_encode(found)  # the next layer's input
    np.testing.assert_allclose(jax.jit(run)(following), decode(found), atol=1e-5)


def test_the_scale_has_a_gradient_and_the_amplitude_falls_with_it():
    x = from_integers(NUMBERS, F)
    value, slope = jax.jit(jax.value_and_grad(lambda s: amplitude_encode(x, scale=s).amplitude))(10.0)
    np.testing.assert_allclose(slope, -value / 10, rtol=1e-5)
