"""Numbers in registers to amplitudes and back, and a dense layer through both."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.accounting.costs import cost
from qla_jax.arithmetic.conversion import amplitude_encode, dense_layer, digital_encode
from qla_jax.arithmetic.formats import Format, decode, encode, from_integers
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.base.vector import run
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.measurement import chebyshev_readout, exact_readout, tomography

F = Format(8, 4)
NUMBERS = np.array([40, -16, 3, 0, 127, -128])


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


@pytest.mark.parametrize("shape", [(6,), (2, 3)])
def test_numbers_to_amplitudes_and_back_are_the_same_numbers(shape, key):
    f = Format(8, 4, "saturate")
    x = from_integers(NUMBERS.reshape(shape), f)
    back, found = digital_encode(amplitude_encode(x), f, readout=exact_readout(), key=key)
    np.testing.assert_array_equal(back.integers, NUMBERS.reshape(shape))
    assert not bool(back.overflow.any())
    assert (int(found.queries), float(found.error_bound)) == (0, 0)


class Shifted:
    """A readout that is off by a known number."""

    def __call__(self, state, *, key):
        found = exact_readout()(state, key=key)
        return found.replace(values=found.values + 0.04)


def test_a_readout_that_errs_errs_by_as_much_and_half_a_bit(key):
    found, _ = digital_encode(amplitude_encode(from_integers(NUMBERS, F)), F, readout=Shifted(), key=key)
    assert np.abs(np.asarray(decode(found)) - NUMBERS / 16 - 0.04)[:4].max() <= F.step / 2 + 1e-6
    assert bool(found.overflow[4])  # 127 + 1 does not fit


READOUTS = {
    "tomography": tomography(delta=0.02),
    "amplitude estimation": chebyshev_readout(rank=4, relative_eps=0.01, noise="qae-median-15"),
}


@pytest.mark.slow
@pytest.mark.numerics
@pytest.mark.parametrize("name", READOUTS)
def test_a_transfer_is_the_readout_of_the_same_key_rounded_and_its_price_comes_along(name, key):
    f, readout, x = Format(20, 14), READOUTS[name], jnp.array([3.0, -1.5, 0.25, 2.0])
    vec = amplitude_encode(encode(x, f))
    numbers, found = digital_encode(vec, f, readout=readout, key=key)
    alone = readout(x, key=key)
    np.testing.assert_allclose(decode(numbers), alone.values, rtol=0, atol=0.51 * f.step + 1e-6)
    assert int(found.queries) == int(alone.queries) > 1000 and int(found.shots) == int(alone.shots) > 0
    errors = np.abs(np.asarray(decode(numbers)) - np.asarray(x))
    assert f.step < errors.max() <= float(found.entry_bound) + f.step / 2
    np.testing.assert_allclose(found.error_bound, alone.error_bound, rtol=1e-5)


SINGLE = {
    "tomography": READOUTS["tomography"],
    "single runs": chebyshev_readout(rank=4, relative_eps=0.01, noise="qae"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SINGLE)
def test_a_transfer_inside_jit_is_the_one_outside_and_another_key_another(name, key):
    f, readout = Format(20, 14), SINGLE[name]
    vec = amplitude_encode(encode(jnp.array([3.0, -1.5, 0.25, 2.0]), f))
    transfer = jax.jit(lambda key: digital_encode(vec, f, readout=readout, key=key))
    numbers, found = transfer(key)
    plain, price = digital_encode(vec, f, readout=readout, key=key)
    assert np.abs(np.asarray(numbers.integers) - np.asarray(plain.integers)).max() <= 1
    assert int(found.queries) == int(price.queries)
    others = [np.asarray(transfer(jax.random.fold_in(key, i))[0].integers) for i in range(20)]
    assert any((other != np.asarray(numbers.integers)).any() for other in others)


WEIGHT = np.array([[0.5, -0.25, 0.125, 0.0], [0.25, 0.5, -0.5, 0.25], [-0.5, 0.25, 0.25, 0.5], [0.0, 0.5, 0.5, -0.25]])
INPUT = np.array([1.0, -0.5, 2.0, 0.75])
BIAS = np.array([0.5, -0.25, 1.0, 0.125])


@pytest.mark.parametrize("name", ["exact", *READOUTS])
@pytest.mark.sample(1)
def test_a_dense_layer_is_matrix_transfer_bias_and_relu(name, key):
    """The transfer stands between product and bias: what it estimates is what comes out, and not the product."""
    f, readout = Format(20, 14, "saturate"), READOUTS.get(name, exact_readout())
    weight, vec, bias = block_encode(jnp.asarray(WEIGHT)), vector_encode(jnp.asarray(INPUT)), encode(BIAS, f)
    product, result, found = dense_layer(weight, vec, bias, readout=readout, key=key)
    np.testing.assert_allclose(product.encoded, WEIGHT @ INPUT, atol=1e-5)
    estimated = np.asarray(readout(product.encoded, key=key).values)
    np.testing.assert_array_equal(found.values, estimated)
    transferred = np.asarray(encode(estimated, f).integers)
    np.testing.assert_array_equal(result.integers, np.maximum(transferred + np.asarray(bias.integers), 0))
    ideal = np.maximum(WEIGHT @ INPUT + BIAS, 0)
    errors = np.abs(np.asarray(decode(result)) - ideal)
    assert errors.max() <= float(found.entry_bound) + f.step / 2 + 1e-6
    assert (errors.max() > f.step) == (name != "exact")
    following = amplitude_encode(result)  # the next layer's input
    np.testing.assert_allclose(jax.jit(run)(following), decode(result), atol=1e-5)


def test_the_scale_has_a_gradient_and_the_amplitude_falls_with_it():
    x = from_integers(NUMBERS, F)
    value, slope = jax.jit(jax.value_and_grad(lambda s: amplitude_encode(x, scale=s).amplitude))(10.0)
    np.testing.assert_allclose(slope, -value / 10, rtol=1e-5)
