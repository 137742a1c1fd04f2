"""Coherent networks compared with plain NumPy: forward pass, batches, circuit, gradients, diagnostics."""

import functools
import itertools
import math
import warnings
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from flax import nnx
from jax import Array
from numpy.polynomial import chebyshev as series

from qla_jax.encodings.base.vector import run
from qla_jax.nn import CoherentResNet, ConvolutionWeight, DenseWeight, TerminalWeight
from tests.cases import convolution, erf_coeffs, norm2, real

LIPSCHITZ = 8 / (5 * math.sqrt(math.pi))
DEGREE = 5
PRECISION = jnp.zeros(()).dtype  # precision of the lane


def dense(dtype: Any = PRECISION) -> CoherentResNet:
    rngs = nnx.Rngs(0)
    weights = [DenseWeight(8, rngs=rngs, noise=0.5, dtype=dtype) for _ in range(2)]
    return CoherentResNet(weights, sizes=(8,), outcomes=4, degree=DEGREE)


def convolutional(dtype: Any = PRECISION) -> CoherentResNet:
    rngs = nnx.Rngs(0)
    weights = [ConvolutionWeight(4, (3, 3), rngs=rngs, noise=2.0, dtype=dtype) for _ in range(2)]
    return CoherentResNet(weights, sizes=(4, 3, 3), outcomes=4, degree=DEGREE)


def inputs_for(model: CoherentResNet) -> np.ndarray:
    """Return three inputs that are smaller than the registers, which leaves null channels and null pixels."""
    return np.abs(real(3, *{1: (5,), 3: (2, 3, 2)}[len(model.sizes)]))


def loaded(model: CoherentResNet, inputs: np.ndarray) -> np.ndarray:
    out = np.zeros((len(inputs), *model.sizes))
    out[(slice(None), *map(slice, inputs.shape[1:]))] = inputs
    return out


# The reference in NumPy: kernels as matrices, divided by a bound that NumPy computes, then the blocks in order.


def gram_bound(stack: np.ndarray) -> float:
    """Return the norm of order 128 of the singular values (the bound of five squarings), largest of a stack."""
    s = np.linalg.svd(stack, compute_uv=False)
    return (s[..., 0] * np.sum((s / s[..., :1]) ** 128, axis=-1) ** (1 / 128)).max()


def matrix_of(kernel: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    if kernel.ndim == 2:
        return kernel / gram_bound(kernel)
    rows, columns = sizes[1] + kernel.shape[2] - 1, sizes[2] + kernel.shape[3] - 1  # the torus of the image
    bound = gram_bound(np.moveaxis(np.fft.fft2(kernel, s=(rows, columns)), (0, 1), (2, 3)))
    return convolution(kernel / bound, sizes[1:], lambda k, m: (k - 1, m - 1))


def forward(kernels: list[np.ndarray], sizes: tuple[int, ...], x: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Return the state of one loaded input after all blocks, and the norms before each normalization."""
    state, norms = x.reshape(-1) / np.linalg.norm(x), []
    for kernel in kernels:
        state = state + series.chebval(matrix_of(kernel, sizes) @ state, erf_coeffs(DEGREE, 0.8))
        norms.append(np.linalg.norm(state))
        state = state / norms[-1]
    return state, norms


class Seen(NamedTuple):
    """A model with one compiled function for all its tests: a scalar with gradient, states and outcomes."""

    model: CoherentResNet
    kernels: list[np.ndarray]
    pull: Any

    def look(self, inputs: np.ndarray, left: Any = 0.0, mask: Any = 0.0, kernels: Any = None) -> tuple:
        """Return ((scalar, (states, outcomes)), gradient); the scalar is <left, states> + <mask, log(outcomes)>."""
        left = np.broadcast_to(np.asarray(left, float), (len(inputs), math.prod(self.model.sizes)))
        mask = np.broadcast_to(np.asarray(mask, float), (len(inputs),))
        arguments = [jnp.asarray(a, PRECISION) for a in (inputs, left, mask)]
        return self.pull([jnp.asarray(k, PRECISION) for k in kernels or self.kernels], *arguments)

    def states(self, inputs: np.ndarray) -> np.ndarray:
        return np.asarray(self.look(inputs)[0][1][0])


@pytest.fixture(scope="module", params=[dense, convolutional], ids=lambda build: build.__name__)
def seen(request) -> Seen:
    model = request.param()
    graph, params = nnx.split(model)

    @jax.jit
    @functools.partial(jax.value_and_grad, has_aux=True)
    def pull(kernels: list[Array], inputs: Array, left: Array, mask: Array) -> tuple:
        model = nnx.merge(graph, jax.tree.unflatten(jax.tree.structure(params), kernels))
        states, outcomes = model.states(inputs), model(inputs)
        return jnp.vdot(left, states) + mask @ jnp.log(outcomes[:, 0] + 1e-6), (states, outcomes)

    return Seen(model, [np.asarray(leaf, float) for leaf in jax.tree.leaves(params)], pull)


@pytest.mark.numerics
@pytest.mark.sample(1)
def test_forward_pass_agrees_with_numpy(seen, tol):
    model, inputs = seen.model, inputs_for(seen.model)
    (_, (states, outcomes)), _ = seen.look(inputs)
    expected = np.array([forward(seen.kernels, model.sizes, x)[0] for x in loaded(model, inputs)])
    np.testing.assert_allclose(states, expected, rtol=0, atol=tol("rounding", factor=10))
    weights = (expected**2).reshape(len(inputs), model.outcomes, -1).sum(-1)
    np.testing.assert_allclose(outcomes, weights, rtol=0, atol=tol("rounding", factor=10))


@pytest.mark.numerics
@pytest.mark.sample(1)
def test_an_input_has_the_same_state_in_any_batch(seen, tol):
    inputs = inputs_for(seen.model)
    states = seen.states(inputs)
    for one, state in zip(inputs, states, strict=True):
        np.testing.assert_allclose(seen.states(np.array([one] * 3)), [state] * 3, rtol=0, atol=tol("exact", factor=100))


@pytest.mark.slow
@pytest.mark.numerics
def test_states_do_not_depend_on_the_scale_of_inputs_or_parameters(seen, tol):
    inputs = inputs_for(seen.model)
    states = seen.states(inputs)
    for scale in (1e-3, 1e3):
        (_, (other, _)), _ = seen.look(scale * inputs, kernels=[kernel / scale for kernel in seen.kernels])
        np.testing.assert_allclose(other, states, rtol=0, atol=tol("rounding", factor=10))


@pytest.mark.numerics
def test_a_zero_image_gives_zeros_and_adds_nothing_to_the_gradient(seen, tol):
    inputs = inputs_for(seen.model)
    poisoned = inputs * np.array([1, 0, 1]).reshape(-1, *[1] * (inputs.ndim - 1))
    (_, (states, outcomes)), gradient = seen.look(poisoned, mask=1.0)
    chex.assert_tree_all_finite(gradient)
    np.testing.assert_array_equal(states[1], np.zeros(states.shape[1]))
    np.testing.assert_array_equal(outcomes[1], np.zeros(seen.model.outcomes))
    _, without = seen.look(inputs, mask=[1.0, 0.0, 1.0])
    for found, expected in zip(gradient, without, strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=tol("rounding", factor=100))


@pytest.mark.x64
def test_gradients_of_parameters_agree_with_finite_differences_in_numpy(seen):
    model, inputs = seen.model, inputs_for(seen.model)
    left, step = real(3, math.prod(model.sizes)), [real(*kernel.shape, seed=7) for kernel in seen.kernels]

    def value(size):
        moved = [kernel + size * s for kernel, s in zip(seen.kernels, step, strict=True)]
        return sum(row @ forward(moved, model.sizes, x)[0] for row, x in zip(left, loaded(model, inputs), strict=True))

    _, gradient = seen.look(inputs, left)
    found = sum(np.vdot(g, s) for g, s in zip(gradient, step, strict=True))
    reference = (value(1e-5) - value(-1e-5)) / 2e-5
    assert abs(found - reference) <= 1e-6 * max(1, abs(reference))


@pytest.fixture(scope="module", params=[dense, convolutional], ids=lambda build: build.__name__)
def told(request) -> tuple:
    """A model in the precision of the lane, with its encodings, skip bounds and diagnostics, compiled once."""
    model = request.param()
    inputs = inputs_for(model)
    return (
        model,
        inputs,
        *jax.jit(lambda x: (model.encodings(), model.skip_bounds(), model.diagnose(x)))(jnp.asarray(inputs, PRECISION)),
    )


@pytest.mark.numerics
@pytest.mark.sample(1)
def test_weights_have_norm_at_most_one_and_skip_bounds_hold_in_numpy(told):
    model, _, encodings, skip_bounds, _ = told
    for enc, skip_bound in zip(encodings, skip_bounds, strict=True):
        matrix = np.asarray(enc.matrix if len(model.sizes) == 1 else enc.kernel, float)
        if matrix.ndim == 4:
            matrix = convolution(matrix, model.sizes[1:], lambda k, m: (k - 1, m - 1))
        assert 0.5 < norm2(matrix) <= 1
        assert enc.norm_bound <= 1 + 8 * jnp.finfo(PRECISION).eps
        skip = norm2(np.eye(len(matrix)) + LIPSCHITZ * matrix)
        assert skip <= skip_bound < 1.2 * skip


@pytest.mark.slow
@pytest.mark.numerics
def test_diagnostics_of_every_block_and_input_agree_with_numpy(told):
    model, inputs, _, _, blocks = told
    kernels = [np.asarray(weight.kernel[...], float) for weight in model.weights]
    norms = np.array([forward(kernels, model.sizes, x)[1] for x in loaded(model, inputs)])
    assert len(blocks) == len(kernels)
    for number, block in enumerate(blocks):
        assert block.queries == DEGREE + 1
        leaves = jax.tree.leaves(block)
        assert len(leaves) == 6
        assert all(leaf.shape == (len(inputs),) and np.isfinite(leaf).all() for leaf in leaves)
        np.testing.assert_allclose(block.norm, norms[:, number], rtol=0, atol=1e-5)
    for before, after in itertools.pairwise(blocks):
        assert np.all(after.alpha > before.alpha)
        assert np.all(after.eps > before.eps)
        assert np.all(after.alone > 1 / after.alpha)
    np.testing.assert_allclose(blocks[0].alone, 1 / blocks[0].alpha, rtol=1e-5)
    np.testing.assert_allclose(np.exp([b.log_alpha for b in blocks]), [b.alpha for b in blocks], rtol=1e-3)


@pytest.mark.numerics
def test_circuit_of_an_input_computes_its_state(tol):
    model = CoherentResNet(
        [DenseWeight(4, rngs=nnx.Rngs(1), noise=0.5, dtype=PRECISION)], sizes=(4,), outcomes=2, degree=3
    )

    @jax.jit
    def look(x):
        vec = model.encode(x)
        return vec, run(vec), model.states(x[None])[0]

    vec, by_circuit, state = look(jnp.array([0.6, 0.2, 0.1]))
    assert vec.num_qubits + vec.num_ancillas == 2 + 2 + 2 * 1 + 1 + 1
    np.testing.assert_allclose(by_circuit, state, rtol=0, atol=tol("rounding", factor=float(vec.alpha)))


@pytest.mark.parametrize("dtype", [jnp.float32, pytest.param(jnp.float64, marks=pytest.mark.x64)])
@pytest.mark.parametrize("build", [dense, convolutional])
@pytest.mark.sample(1)
def test_outcomes_have_the_dtype_of_parameters_and_inputs(build, dtype):
    model = build(dtype)
    inputs = jax.ShapeDtypeStruct((2, *model.sizes), dtype)
    states, outcomes = jax.eval_shape(lambda x: (model.states(x), model(x)), inputs)
    assert (states.dtype, outcomes.dtype) == (dtype, dtype)
    assert (states.shape, outcomes.shape) == ((2, math.prod(model.sizes)), (2, model.outcomes))
    assert all(leaf.dtype == dtype for leaf in jax.tree.leaves(jax.eval_shape(model.diagnose, inputs)))


@pytest.mark.parametrize(
    ("build", "shape"),
    [(dense, (9,)), (dense, (2, 4)), (convolutional, (5, 3, 3)), (convolutional, (4, 4, 3)), (convolutional, (3, 3))],
)
def test_inputs_that_do_not_fit_the_registers_raise(build, shape):
    model = build()
    with pytest.raises(ValueError) as failure:
        model.load(jnp.ones((2, *shape)))
    assert f"`inputs` must fit in registers {model.sizes}" in str(failure.value)
    assert str(shape) in str(failure.value)


def test_null_channels_follow_the_channels_of_the_image():
    found = np.asarray(convolutional().load(jnp.ones((1, 1, 2, 3))))
    expected = np.zeros((1, 4, 3, 3))
    expected[0, 0, :2, :] = 1
    np.testing.assert_array_equal(found, expected)


def test_weights_start_near_minus_the_identity():
    flat, layer = DenseWeight(8, rngs=nnx.Rngs(0)), ConvolutionWeight(2, (4, 4), rngs=nnx.Rngs(0))
    for weight, sizes in ((flat, (8,)), (layer, (2, 4, 4))):
        matrix = matrix_of(np.asarray(weight.kernel[...], float), sizes)
        assert norm2(matrix + np.eye(len(matrix))) < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(3, 2), (6,), (3, 4)], ids=str)
def test_outcomes_of_padded_registers_agree_with_the_circuit(sizes):
    rngs = nnx.Rngs(0)
    net = CoherentResNet(
        [DenseWeight(int(np.prod(sizes)), rngs=rngs, noise=0.5, dtype=PRECISION)], sizes=sizes, outcomes=4, degree=3
    )
    x = jnp.asarray(np.abs(real(*sizes)), PRECISION)
    vec = net.encode(x)
    start = jnp.zeros(1 << vec.num_qubits, PRECISION).at[0].set(1)
    weights = np.abs(np.asarray(jax.jit(lambda v, s: v.flagged(s))(vec, start))) ** 2
    expected = weights.reshape(4, -1).sum(1) / weights.sum()
    np.testing.assert_allclose(jax.jit(lambda x: net(x))(x[None])[0], expected, rtol=0, atol=1e-5)


WEIGHT = functools.partial(DenseWeight, rngs=nnx.Rngs(0))


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda: CoherentResNet([WEIGHT(8)], sizes=(8,), outcomes=3), "`outcomes` must be a power of two of at most 8"),
        (
            lambda: CoherentResNet([WEIGHT(6)], sizes=(6,), outcomes=16),
            "`outcomes` must be a power of two of at most 8",
        ),
        (lambda: CoherentResNet([WEIGHT(8)], sizes=(8,), outcomes=2, degree=6), "`degree` must be odd, but is 6"),
        (lambda: CoherentResNet([WEIGHT(8)], sizes=(8,), outcomes=2, degree=2.5), "`degree` must be an integer"),
        (lambda: CoherentResNet([WEIGHT(8)], sizes=(8,), outcomes=2, degree=-1), "`degree` must be at least 1"),
        (lambda: CoherentResNet([], sizes=(8,), outcomes=2), "`weights` must hold at least one module"),
        (
            lambda: CoherentResNet([WEIGHT(8), WEIGHT(4)], sizes=(8,), outcomes=2),
            r"`weights\[1\]` must map the registers",
        ),
        (lambda: CoherentResNet([WEIGHT(8)], sizes=(0,), outcomes=2), "`sizes` must be at least 1"),
        (lambda: CoherentResNet([WEIGHT(8)], sizes=8, outcomes=2), "`sizes` must be a sequence of integers"),
        (
            lambda: CoherentResNet([WEIGHT(8)], sizes=(8,), outcomes=2, terminal=TerminalWeight(4, rngs=nnx.Rngs(0))),
            "`terminal` must be a matrix on 8 entries",
        ),
        (lambda: ConvolutionWeight(2, (4,), rngs=nnx.Rngs(0)), r"`image` must be \(rows, columns\)"),
        (lambda: ConvolutionWeight(2, (4, 4), size=9, rngs=nnx.Rngs(0)), "`size` must not reach over the image"),
        (lambda: TerminalWeight(4, tau=0.5, rngs=nnx.Rngs(0)), "`tau` must lie between 0.5 and 1"),
        (lambda: DenseWeight(2.0, rngs=nnx.Rngs(0)), "`size` must be an integer"),
    ],
)
def test_constructors_refuse_arguments_that_calls_would_refuse(build, told):
    with pytest.raises(ValueError, match=told):
        build()


def test_sizes_may_be_numpy_integers():
    net = CoherentResNet(
        [ConvolutionWeight(np.int64(2), tuple(np.array([4, 4])), rngs=nnx.Rngs(0))],
        sizes=tuple(np.array([2, 4, 4])),
        outcomes=np.int64(2),
        degree=np.int32(3),
    )
    assert jax.eval_shape(lambda x: net(x), np.ones((1, 2, 4, 4), np.uint8)).shape == (1, 2)


@pytest.mark.slow
@pytest.mark.x64
def test_alpha_overflows_in_a_deep_network_while_its_logarithm_stays_finite():
    """Compare with the recursion alpha -> (alpha + S(alpha)) / N in extended precision."""
    rngs = nnx.Rngs(0)
    net = CoherentResNet(
        [DenseWeight(4, rngs=rngs, noise=0.5, dtype=PRECISION) for _ in range(8)], sizes=(4,), outcomes=2, degree=3
    )
    blocks = net.diagnose(jnp.asarray([[0.5, 0.4, 0.3, 0.2]]))
    assert np.isinf(blocks[-1].alpha[0]) and np.isfinite(blocks[-1].log_alpha[0])
    c1, c3 = erf_coeffs(3, 0.8)[1::2]
    with mpmath.workdps(30):
        alpha = mpmath.mpf(1)
        for block in blocks:
            # P(a y)/y = a (c1 - 3 c3) + 4 a^3 c3 y^2, in T_0 and T_2
            linear, cubic = alpha * (c1 - 3 * c3), 4 * alpha**3 * c3
            size = abs(linear + cubic / 2) + abs(cubic / 2)
            alpha = (alpha + size) / mpmath.mpf(float(block.norm[0]))
            np.testing.assert_allclose(float(block.log_alpha[0]), float(mpmath.log(alpha)), rtol=1e-9)


def test_outcomes_that_never_occur_between_others_are_warned_of():
    weights = [ConvolutionWeight(3, (12, 12), rngs=nnx.Rngs(0))]
    with pytest.warns(UserWarning, match=r"Outcomes \[3, 7, 11, 12, 13, 14, 15\] of 16 never occur"):
        CoherentResNet(weights, sizes=(3, 12, 12), outcomes=16)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CoherentResNet(weights, sizes=(3, 12, 12), outcomes=4)  # the last one is beyond the classes
