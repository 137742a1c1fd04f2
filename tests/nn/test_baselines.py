"""Classical baselines, compared with NumPy and SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal
from flax import nnx

from qla_jax.nn import CoherentResNet, DenseWeight, PlainCNN, PlainMLP, PlainPatchCNN, count_parameters
from tests.cases import real


def softmax(x: np.ndarray) -> np.ndarray:
    return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


@pytest.mark.numerics
def test_perceptron_agrees_with_numpy():
    model, x = PlainMLP([6, 5, 4, 3], rngs=nnx.Rngs(0)), real(2, 1, 2, 3).astype(np.float32)
    layers = [(np.asarray(layer.kernel[...]), np.asarray(layer.bias[...])) for layer in model.layers]
    hidden = x.reshape(2, 6)
    for kernel, bias in layers[:-1]:
        hidden = relu(hidden @ kernel + bias)
    expected = softmax(hidden @ layers[-1][0] + layers[-1][1])
    np.testing.assert_allclose(jax.jit(model)(x), expected, rtol=0, atol=1e-5)
    assert count_parameters(model) == (6 + 1) * 5 + (5 + 1) * 4 + (4 + 1) * 3


@pytest.mark.numerics
def test_convolutional_network_agrees_with_scipy():
    """Channels first outside, correlation with zero padding, a skip connection around every layer but the first."""
    model, x = PlainCNN(3, 3, (2, 4, 5), 4, rngs=nnx.Rngs(0)), real(2, 2, 4, 5).astype(np.float32)

    def layer(module, image):
        kernel = np.asarray(module.kernel[...])  # (row, column, in, out)
        out = [
            sum(scipy.signal.correlate2d(image[j], kernel[:, :, j, i], mode="same") for j in range(len(image)))
            for i in range(kernel.shape[3])
        ]
        return relu(np.array(out) + np.asarray(module.bias[...])[:, None, None])

    expected = []
    for image in x:
        hidden = layer(model.first, image)
        for module in model.rest:
            hidden = hidden + layer(module, hidden)
        flat = np.moveaxis(hidden, 0, -1).reshape(-1)
        expected.append(softmax(flat @ np.asarray(model.last.kernel[...]) + np.asarray(model.last.bias[...])))
    np.testing.assert_allclose(jax.jit(model)(x), expected, rtol=0, atol=1e-5)
    first, rest, last = 9 * 2 * 3 + 3, 2 * (9 * 3 * 3 + 3), 3 * 20 * 4 + 4
    assert count_parameters(model) == first + rest + last


@pytest.mark.numerics
def test_patch_network_applies_matrices_to_patches():
    model, x = PlainPatchCNN(3, 2, (1, 8, 4), 5, rngs=nnx.Rngs(0)), real(2, 1, 8, 4).astype(np.float32)

    def layer(module, image):
        channels, rows, columns = image.shape
        cut = image.reshape(channels, rows // 2, 2, columns // 2, 2).transpose(1, 3, 2, 4, 0)
        kernel = np.asarray(module.kernel[...])  # (row, column, in, out)
        return np.moveaxis(relu(np.einsum("ijklc,klcd->ijd", cut, kernel) + np.asarray(module.bias[...])), -1, 0)

    expected = []
    for image in x:
        for module in model.layers:
            image = layer(module, image)
        flat = np.moveaxis(image, 0, -1).reshape(-1)
        expected.append(softmax(flat @ np.asarray(model.last.kernel[...]) + np.asarray(model.last.bias[...])))
    np.testing.assert_allclose(jax.jit(model)(x), expected, rtol=0, atol=1e-5)
    assert count_parameters(model) == (4 * 1 + 1) * 3 + (4 * 3 + 1) * 3 + (2 * 1 * 3 + 1) * 5


def test_count_parameters_counts_parameters_alone():
    weights = [DenseWeight(4, rngs=nnx.Rngs(seed)) for seed in range(3)]
    assert count_parameters(CoherentResNet(weights, sizes=(4,), outcomes=2)) == 3 * 16
    assert count_parameters(nnx.Dropout(0.5, rngs=nnx.Rngs(0))) == 0


def test_outcomes_of_baselines_are_probabilities():
    model = PlainMLP([4, 3], rngs=nnx.Rngs(0))
    found = model(jnp.asarray(real(5, 4)))
    assert found.min() > 0
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
