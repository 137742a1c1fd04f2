"""Layer by layer: each state against the exact layer on the one before it, counts against formulas, bad input."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal

from qla_jax.encodings.base.vector import run_projected
from qla_jax.measurement.vector_tomography import failure_probability
from qla_jax.polynomials import erf
from qla_jax.prior import (
    AttentionWeights,
    convolutional,
    exact_block,
    exact_convolution,
    exact_dense,
    feedforward,
    transformer,
)
from qla_jax.prior.convolutional import patches, rounds
from qla_jax.prior.layered import repetitions_for, tomography_for
from qla_jax.prior.transformer import gelu, softmax_polynomial, token_encoding
from tests.cases import real

pytestmark = pytest.mark.x64

KEY = jax.random.key(1)


def contraction(*shape: int, seed: int = 0) -> np.ndarray:
    matrix = real(*shape, seed=seed)
    return matrix / np.linalg.norm(matrix, 2)


def attention(width: int, hidden: int) -> AttentionWeights:
    shapes = [(width, width)] * 3 + [(hidden, width), (width, hidden)]
    return AttentionWeights(*(jnp.asarray(contraction(*shape, seed=i)) for i, shape in enumerate(shapes)))


DENSE = [contraction(6, 4), contraction(3, 6)]
KERNELS = [real(2, 1, 3, 3) / 4, real(1, 2, 3, 3, seed=1) / 4]
BLOCKS = [attention(4, 8)]
RUNS = {
    "dense": lambda key: (
        real(4),
        feedforward(DENSE, real(4), eps=0.05, key=key),
        [lambda x, w=w: exact_dense(w, x) for w in DENSE],
    ),
    "convolutional": lambda key: (
        real(1, 8, 8),
        convolutional(KERNELS, real(1, 8, 8), eps=0.02, eta=0.05, key=key),
        [lambda x, k=k: exact_convolution(k, x) for k in KERNELS],
    ),
    "attention": lambda key: (
        contraction(4, 4) / np.linalg.norm(contraction(4, 4), axis=1, keepdims=True),
        transformer(BLOCKS, contraction(4, 4), eps=1e-3, eta=0.05, key=key),
        [lambda x, w=w: exact_block(w, x) for w in BLOCKS],
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_each_state_is_within_its_bound_of_the_exact_layer_on_the_one_before(name):
    state, run, layers = RUNS[name](KEY)
    assert len(run.states) == len(layers) and run.failure_probability <= 0.011
    for layer, found, bound in zip(layers, run.states, run.bounds, strict=True):
        distance = np.linalg.norm(layer(state) - found)
        assert 0 < distance <= bound < math.inf
        state = found


def test_calls_of_a_dense_network_are_those_of_the_formula():
    run = feedforward(DENSE, real(4), eps=0.05, failure=0.01, key=KEY)
    repetitions = repetitions_for(0.01 / 9)
    lengths = [
        np.linalg.norm(w, axis=1).max() * np.linalg.norm(x)
        for w, x in zip(DENSE, (real(4), run.states[0]), strict=True)
    ]
    points = [math.ceil(2 * math.pi * length / 0.05) for length in lengths]
    assert run.calls == tuple(2 * n * repetitions * (2 * m - 1) for n, m in zip((6, 3), points, strict=True))
    assert run.words == (6, 3) and run.steps == sum(run.calls) + 9


@pytest.mark.slow
def test_a_finer_estimate_takes_more_calls_and_a_surer_one_too():
    rough, fine = (feedforward(DENSE, real(4), eps=eps, key=KEY) for eps in (0.1, 0.01))
    sure = feedforward(DENSE, real(4), eps=0.1, failure=1e-6, key=KEY)
    assert 9 < fine.steps / rough.steps < 11 and fine.bounds[0] < rough.bounds[0] / 5
    assert rough.steps < sure.steps and sure.failure_probability < 1e-6


def test_a_zero_row_and_a_zero_input_give_zero():
    run = feedforward([np.zeros((2, 4))], real(4), eps=0.1, key=KEY)
    assert np.array_equal(run.states[0], [0, 0]) and run.bounds == (0.0,)


def test_patches_make_a_cross_correlation():
    image, kernel = real(2, 4, 6), real(3, 2, 3, 3)
    found = np.asarray(patches(jnp.asarray(image), 3) @ kernel.reshape(3, -1).T).T.reshape(3, 4, 6)
    for i in range(3):
        expected = sum(scipy.signal.correlate2d(image[c], kernel[i, c], mode="same") for c in range(2))
        np.testing.assert_allclose(found[i], expected, atol=1e-12)


@pytest.mark.slow
def test_the_circuit_of_a_token_runs_and_is_that_of_the_exact_block():
    tokens = jnp.asarray(RUNS["attention"](KEY)[0])[:2, :2]
    tokens = tokens / jnp.linalg.norm(tokens, axis=1, keepdims=True)
    weights = attention(2, 2)
    polys = softmax_polynomial(1.0, 0.1), erf(math.sqrt(0.5), degree=1)
    vec = jax.jit(lambda token: token_encoding(weights, tokens, token, polys))(tokens[0])
    np.testing.assert_allclose(jax.jit(run_projected)(vec), vec.encoded, atol=1e-9)
    assert np.linalg.norm(vec.encoded - exact_block(weights, tokens)[0]) <= vec.eps < 0.5


def test_gelu_is_within_its_error():
    from qla_jax.encodings.vectors.known import vector_encode

    x = jnp.array([0.5, -0.7, 0.1, 0.2])
    found = gelu(vector_encode(x), erf(math.sqrt(0.5), eps=1e-3))
    exact = x * (1 + jax.scipy.special.erf(x / math.sqrt(2))) / 2
    assert 0 < np.linalg.norm(found.encoded - exact) <= found.eps < 5e-3


@pytest.mark.parametrize(("share", "expected"), [(1.0, 0), (0.25, 1), (0.01, 7)])
def test_rounds_of_amplification_reach_nearly_one(share, expected):
    assert rounds(share) == expected
    angle = math.asin(math.sqrt(share))
    assert math.sin((2 * expected + 1) * angle) ** 2 >= 1 - share


def test_tomography_is_made_sure_of_in_low_dimensions():
    for entries in (4, 64):
        readout, proven = tomography_for(entries, 0.05, 1e-3)
        assert proven <= 1e-3 and readout.constant >= 36
        assert failure_probability(entries, 0.05, readout.plan(entries)[0]) == pytest.approx(proven)
    assert repetitions_for(0.2) == 1 < repetitions_for(0.01)


WEIGHTS = BLOCKS[0]
FAULTS = {
    "no layers": (lambda: feedforward([], real(4), eps=0.1, key=KEY), "`weights` must hold at least one layer"),
    "shapes": (lambda: feedforward(DENSE, real(5), eps=0.1, key=KEY), "`weights` must take the 5 entries"),
    "eps": (lambda: feedforward(DENSE, real(4), eps=0, key=KEY), "`eps` must be positive, but is 0"),
    "failure": (lambda: feedforward(DENSE, real(4), eps=0.1, failure=0, key=KEY), "`failure` must lie between 0 and 1"),
    "kernel failure": (
        lambda: convolutional(KERNELS, real(1, 4, 4), eps=0.1, eta=0.1, failure=1, key=KEY),
        "`failure` must lie between 0 and 1, but is 1",
    ),
    "eta": (
        lambda: convolutional(KERNELS, real(1, 4, 4), eps=0.1, eta=2, key=KEY),
        "`eta` must lie between 0 and 1, but is 2",
    ),
    "token failure": (
        lambda: transformer(BLOCKS, real(4, 4), eps=0.1, eta=0.1, failure=0, key=KEY),
        "`failure` must lie between 0 and 1, but is 0",
    ),
    "no kernels": (lambda: convolutional([], real(1, 4, 4), eps=0.1, eta=0.1, key=KEY), "`kernels` must hold"),
    "odd sides": (
        lambda: convolutional(KERNELS[:1], real(1, 5, 4), eps=0.1, eta=0.1, key=KEY),
        r"`image` must have sides that are multiples of 2 at each layer, but has \(5, 4\)",
    ),
    "channels": (lambda: convolutional(KERNELS, real(2, 4, 4), eps=0.1, eta=0.1, key=KEY), "of 2 channels"),
    "nothing left": (
        lambda: convolutional([np.zeros((1, 1, 3, 3))], real(1, 4, 4), eps=0.1, eta=0.1, key=KEY),
        "all outputs of a layer are zero",
    ),
    "no blocks": (lambda: transformer([], real(4, 4), eps=0.1, eta=0.1, key=KEY), "`blocks` must hold"),
    "tokens": (
        lambda: transformer(BLOCKS, real(3, 4), eps=0.1, eta=0.1, key=KEY),
        "`tokens` must have power-of-two axes",
    ),
    "zero token": (
        lambda: transformer(BLOCKS, np.zeros((4, 4)), eps=0.1, eta=0.1, key=KEY),
        "`tokens` must not be zero, but token 0 is",
    ),
    "norm": (
        lambda: transformer([WEIGHTS._replace(value=2 * WEIGHTS.value)], real(4, 4), eps=0.1, eta=0.1, key=KEY),
        "`value` has 2.0",
    ),
    "weight shape": (
        lambda: transformer([WEIGHTS._replace(query=np.eye(2))], real(4, 4), eps=0.1, eta=0.1, key=KEY),
        r"`query` of shape \(4, 4\), but it has \(2, 2\)",
    ),
}


@pytest.mark.parametrize(("build", "message"), FAULTS.values(), ids=FAULTS)
def test_bad_input_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
