"""The skip norm block and chains of it: circuit against encoded view against NumPy, norms, errors, calls."""

import functools
import math
from collections.abc import Callable
from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import Array
from numpy.polynomial import chebyshev as series

from qla_jax import polynomials
from qla_jax.accounting.costs import cost
from qla_jax.encodings.base.vector import VectorEncoding, run, run_projected
from qla_jax.encodings.combine.normalized import normalize
from qla_jax.encodings.matrices.convolution import block_encode_convolution
from qla_jax.encodings.matrices.dense import block_encode, from_unitary
from qla_jax.encodings.vectors.known import vector_encode, vector_from_unitary
from qla_jax.linalg.norms import spectral_norm_bound
from qla_jax.networks import schedule
from qla_jax.networks.residual import (
    LIPSCHITZ,
    NORM_RANGE,
    SCALE,
    chain,
    ideal_skip_norm,
    published_error,
    residual_network,
    skip_norm_block,
    worst_case_error,
)
from tests.cases import (
    derivative,
    dilation,
    erf_coeffs,
    nearby,
    norm2,
    orthogonal,
    real,
    slope,
    unitary_with_first_column,
)

LOW, HIGH = 1 - 8 / (5 * math.sqrt(math.pi)), 1 + 8 / (5 * math.sqrt(math.pi))  # 1 -+ L, by the paper


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x)


def uniform(size: int) -> np.ndarray:
    return np.full(size, 1 / math.sqrt(size))


def network(activation: Callable, weights: Any, x: np.ndarray) -> list[np.ndarray]:
    """The state after every block, in NumPy."""
    states = []
    for weight in weights:
        x = unit(x + activation(weight @ x))
        states.append(x)
    return states


def exact(x: np.ndarray) -> np.ndarray:
    return scipy.special.erf(4 * x / 5)


def polynomial(degree: int) -> Callable:
    return lambda x: series.chebval(x, erf_coeffs(degree, 0.8))


def contraction(size: int, seed: int, norm: float = 0.9) -> np.ndarray:
    return norm * orthogonal(size, seed) @ np.diag(np.linspace(1, 0.1, size)) @ orthogonal(size, seed + 100)


# Three views of one network.


@functools.partial(jax.jit, static_argnames="degree")
def views(weights: Any, alphas: Array, x: Array, degree: int) -> tuple:
    encodings = [block_encode(weight, alpha=alpha) for weight, alpha in zip(weights, alphas, strict=True)]
    net = residual_network(encodings, vector_encode(x), poly=polynomials.erf(0.8, degree=degree))
    return net, run(net), run_projected(net)


@pytest.mark.numerics
@pytest.mark.parametrize(
    ("blocks", "degree", "alpha", "qubits"),
    [(1, 5, 3.0, 7), pytest.param(2, 3, 1.5, 11, marks=pytest.mark.slow)],  # two of degree 5: test_circuit_check.py
)
def test_a_network_is_one_circuit_whatever_the_subnormalization_of_its_weights(blocks, degree, alpha, qubits, tol):
    """NumPy, the encoded view, every ancilla simulated, ancillas projected early; alpha is the circuit's matter."""
    weights, x = [contraction(2, seed) for seed in range(blocks)], unit(real(2))
    expected = network(polynomial(degree), weights, x)[-1]
    found = {}
    for size in (1.0, alpha):
        net, by_circuit, projected = views(weights, jnp.full(blocks, size), jnp.asarray(x), degree)
        found[size] = net
        assert net.num_qubits + net.num_ancillas == qubits
        np.testing.assert_allclose(net.encoded, expected, rtol=0, atol=tol())
        for flagged in (by_circuit, projected):
            np.testing.assert_allclose(flagged, expected, rtol=0, atol=tol("rounding", factor=float(net.alpha)))
    assert found[alpha].alpha > 1.5 * found[1.0].alpha
    np.testing.assert_allclose(found[alpha].eps, found[1.0].eps, rtol=1e-3)


def shapes_of(count: int, size: int, degree: int) -> tuple[list, list]:
    """The blocks of a network of dense weights and the circuits they stand for, known by their shapes alone."""

    def build(weights, x):
        poly = polynomials.erf(0.8, degree=degree)
        blocks = chain(residual_network([block_encode(w, alpha=1.0) for w in weights], vector_encode(x), poly=poly))
        return blocks, [block.circuit for block in blocks]

    return jax.eval_shape(build, [jnp.zeros((size, size))] * count, jnp.zeros(size))


@pytest.mark.parametrize(("degree", "index"), [(1, 0), (3, 1), (5, 2), (7, 2), (9, 3), (17, 4)])
@pytest.mark.sample(1)
def test_ancillas_follow_the_recursion_of_the_lemma_and_stay_below_the_papers(degree, index):
    """The larger one of a and b, n, the index of the combination, one for the sum, two marks.

    The first block has one ancilla fewer, as its input has none to share. The paper takes 2(a + b) + n + 9.
    """
    for qubits in (1, 3):
        have, dilation_ancilla = 0, 1
        for number, (block, circuit) in enumerate(zip(*shapes_of(4, 1 << qubits, degree), strict=True), 1):
            have = max(have, dilation_ancilla) + qubits + index + 3 - (have == 0)
            assert block.num_ancillas == circuit.num_ancillas == have
            assert have == dilation_ancilla + number * (qubits + index + 3) - 1  # the bound of `residual_network`
            assert have == schedule.ancillas(qubits, dilation_ancilla, number, degree, amplified=False)
            assert have <= (2**number - 1) * (2 * dilation_ancilla + qubits + 9)


@pytest.mark.parametrize(("blocks", "shared", "separate"), [(1, 11, 11), (2, 22, 33), (3, 33, 77)])
def test_networks_on_six_qubits_have_the_documented_numbers_of_ancillas(blocks, shared, separate):
    """Degree 7; separate ancillas follow 2(a + b) + n + 3, from block to block."""
    block, have = shapes_of(blocks, 64, 7)[0][-1], 0
    for _ in range(blocks):
        have = 2 * (have + 1) + 6 + 3
    assert (block.num_ancillas, have) == (shared, separate)


@pytest.mark.parametrize(("size", "qubits"), [(2, 13), (4, 16)])
def test_two_blocks_at_degree_five_have_the_documented_number_of_qubits(size, qubits):
    block = shapes_of(2, size, 5)[0][-1]
    assert block.num_ancillas + block.num_qubits == qubits


def test_a_convolutional_block_has_the_number_of_ancillas_of_its_lemma():
    """One channel, 3 x 3 taps, 2 x 2 pixels: four index and two flag qubits for the weight."""

    def build(kernel, x):
        poly = polynomials.erf(0.8, degree=5)
        return skip_norm_block(block_encode_convolution(kernel, (2, 2)), vector_encode(x), poly=poly)

    block = jax.eval_shape(build, jnp.zeros((1, 1, 3, 3)), jnp.zeros((1, 2, 2)))
    assert (block.num_qubits, block.num_ancillas) == (2, (4 + 2) + 2 + 2 + 1 + 1)
    assert block.sizes == (1, 2, 2)


@pytest.mark.numerics
def test_the_attribute_alone_is_the_success_amplitude_for_an_amplified_input(tol):
    """N / (1 + s), s the slope of the polynomial at zero times alpha of the weight; the paper allows 1/400."""
    weights, x, kappa, poly = [contraction(2, 0), -np.eye(2)], uniform(2), 2.0, polynomials.erf(0.8, degree=3)
    first = network(polynomial(3), weights[:1], x)[0]

    @jax.jit
    def look(weights, x, first):
        encodings = [block_encode(weight, alpha=kappa) for weight in weights]
        amplified = skip_norm_block(encodings[1], vector_encode(first), poly=poly)
        net = residual_network(encodings, vector_encode(x), poly=poly)
        return net.alone, net.amplitude, amplified.alone, amplified.amplitude

    alone, unamplified, *amplified = look(weights, x, first)
    slope_at_zero = series.chebval(0, series.chebder(erf_coeffs(3, 0.8)))
    by_hand = np.linalg.norm(first + polynomial(3)(weights[1] @ first)) / (1 + kappa * slope_at_zero)
    np.testing.assert_allclose([alone, *amplified], by_hand, rtol=tol("rounding", factor=10))
    assert alone >= (1 - LIPSCHITZ) / (1 + kappa * LIPSCHITZ) > 1 / 400
    assert unamplified < alone  # the first block's alpha is in it


# Norms.


@functools.partial(jax.jit, static_argnames=("scale", "degree"))
def norms_of(weights: Array, states: Array, scale: float, degree: int) -> Array:
    poly = polynomials.erf(scale, degree=degree)

    def norm(weight: Array, x: Array) -> Array:
        return skip_norm_block(block_encode(weight, alpha=1.0), vector_encode(x), poly=poly).norm

    return jax.vmap(norm)(weights, states)


@pytest.mark.numerics
def test_the_norm_stays_in_the_proven_range_on_random_instances():
    weights = [sign * orthogonal(4, seed) for seed in range(100) for sign in (1, -1)]
    weights += [np.eye(4) - 2 * np.outer(p, p) for p in (unit(real(4, seed=seed)) for seed in range(100))]
    weights += [-np.eye(4)] * 100
    states = [unit(real(4, seed=seed + 1000)) for seed in range(len(weights))]
    found = np.asarray(norms_of(np.array(weights), np.array(states), 0.8, 9))
    expected = [np.linalg.norm(x + exact(w @ x)) for w, x in zip(weights, states, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)  # the polynomial's error, and float32
    assert LOW <= found.min() < found.max() <= HIGH
    np.testing.assert_allclose(NORM_RANGE, (LOW, HIGH), rtol=1e-15)


@pytest.mark.numerics
@pytest.mark.parametrize("size", [2, 16, 256])
def test_the_extreme_norms_are_those_of_the_uniform_state(size):
    """W = -1 and W = 1: from inside they approach 1 -+ L as the dimension grows."""
    signs = np.array([-np.eye(size), np.eye(size)])
    low, high = np.asarray(norms_of(signs, np.array([uniform(size)] * 2), 0.8, 9))
    pull = math.sqrt(size) * scipy.special.erf(0.8 / math.sqrt(size))
    np.testing.assert_allclose([low, high], [1 - pull, 1 + pull], rtol=0, atol=1e-5)
    assert LOW < low < high < HIGH
    assert max(low - LOW, HIGH - high) < 0.2 / size


@pytest.mark.slow
@pytest.mark.numerics
def test_a_search_for_small_norms_ends_at_the_conjectured_minimizer():
    """Descent on weight and state from eight starts, dimension 4: it finds 1 - 2 erf(0.4), and nothing below."""

    def norm(params):
        weight = params[0] / spectral_norm_bound(params[0], iterations=12)
        return skip_norm_block(block_encode(weight, alpha=1.0), vector_encode(unit_of(params[1]))).norm

    def unit_of(x):
        return x / jnp.linalg.norm(x)

    @jax.jit
    @jax.vmap
    def descend(params):
        def step(params, rate):
            value, slopes = jax.value_and_grad(norm)(params)
            return jax.tree.map(lambda p, g: p - rate * g / (1e-3 + jnp.linalg.norm(g)), params, slopes), value

        return jax.lax.scan(step, params, jnp.linspace(0.3, 0.0, 150))[1]

    found = np.asarray(descend((jnp.asarray(real(8, 4, 4)), jnp.asarray(real(8, 4)))))
    lowest = 1 - 2 * math.erf(0.4)
    assert LOW < lowest - 1e-4 <= found.min() < lowest + 0.02


@pytest.mark.x64
def test_with_plain_erf_the_skip_sum_can_vanish():
    """Negative control: plain erf has Lipschitz constant 1.128, and a contraction that cancels the uniform state."""
    size = 16
    c = scipy.optimize.brentq(lambda c: 1 - math.sqrt(size) * math.erf(c / math.sqrt(size)), 0.5, 1)
    weight, x = -c * np.eye(size)[None], uniform(size)[None]
    assert norms_of(weight, x, 1.0, 15) < 1e-10
    assert norms_of(weight, x, 0.8, 15) > LOW


# Errors.

BLOCKS, SIZE, BATCH = 4, 4, 16


@jax.jit
@jax.vmap
def tracked(circuits: Array, eps: Array, bounds: Array, preparation: Array, x_eps: Array) -> tuple:
    """Every block of four, on weights and a state known up to eps alone; with and without skip bounds."""
    poly = polynomials.erf(0.8, degree=5)
    weights = [from_unitary(circuits[i], num_ancillas=1, alpha=1.0, eps=eps[i], norm_bound=1.0) for i in range(BLOCKS)]
    vec = vector_from_unitary(preparation, num_ancillas=1, alpha=1.5, eps=x_eps)
    plain = chain(residual_network(weights, vec, poly=poly))
    sharp = chain(residual_network(weights, vec, poly=poly, skip_bounds=list(bounds)))
    stacked = [jnp.stack([getattr(block, name) for block in plain]) for name in ("encoded", "eps", "activation_eps")]
    return *stacked, jnp.stack([block.eps for block in sharp])


class Instance:
    """An ideal network, and one nearby of which alone the encodings know."""

    def __init__(self, rng: np.random.Generator, kind: str, off_x: float, off_w: float):
        make = {
            "orthogonal": lambda: np.linalg.qr(rng.normal(size=(SIZE, SIZE)))[0],
            "minus one": lambda: -np.eye(SIZE),
            "Householder": lambda: np.eye(SIZE) - 2 * np.outer(*[unit(rng.normal(size=SIZE))] * 2),
            "contraction": lambda: (lambda a: rng.uniform() * a / norm2(a))(rng.normal(size=(SIZE, SIZE))),
        }[kind]
        self.weights = [make() for _ in range(BLOCKS)]
        spread = 0.1 if kind == "minus one" else 10.0  # near the uniform state the norm is smallest
        self.x = unit(uniform(SIZE) + spread * rng.normal(size=SIZE))
        have = [w + off_w * (lambda d: d / norm2(d))(rng.normal(size=w.shape)) for w in self.weights]
        have = [w / max(1, norm2(w)) for w in have]
        self.weight_eps = np.array([norm2(w - v) for w, v in zip(self.weights, have, strict=True)])
        self.circuits = np.array([dilation(w) for w in have])
        x = self.x + off_x * unit(rng.normal(size=SIZE))
        self.x_eps = np.linalg.norm(x - self.x)
        rest = math.sqrt(1 - np.sum(np.square(x / 1.5)))
        self.preparation = unitary_with_first_column(np.r_[x / 1.5, rest, np.zeros(SIZE - 1)])
        self.skip_bounds = np.array([norm2(np.eye(SIZE) + LIPSCHITZ * w) for w in self.weights])
        self.ideal = np.array(network(exact, self.weights, self.x))


KINDS = ("orthogonal", "minus one", "Householder", "contraction")
logarithms = st.one_of(st.just(-np.inf), st.floats(-9, -1))


def measure(instances: list[Instance]) -> tuple[np.ndarray, ...]:
    """Actual errors, tracked ones without and with skip bounds, the activation's own; (instance, block)."""
    names = ("circuits", "weight_eps", "skip_bounds", "preparation", "x_eps")
    found = tracked(*(np.array([getattr(one, name) for one in instances]) for name in names))
    encoded, plain, own, sharp = map(np.asarray, found)
    return np.linalg.norm(encoded - np.array([one.ideal for one in instances]), axis=-1), plain, sharp, own


@pytest.mark.x64
@settings(max_examples=25)
@given(st.integers(0, 2**32), st.sampled_from(KINDS), logarithms, logarithms)
def test_the_tracked_error_bounds_the_distance_to_the_exact_erf_network(seed, kind, log_x, log_w):
    """After one to four blocks, whatever was wrong before; SciPy's erf on the ideal weights and state."""
    rng = np.random.default_rng(seed)
    actual, plain, sharp, _ = measure([Instance(rng, kind, 10.0**log_x, 10.0**log_w) for _ in range(BATCH)])
    assert np.all(actual <= sharp + 1e-14)
    assert np.all(sharp <= plain)


@pytest.mark.x64
def test_the_tracked_error_is_of_the_size_of_the_actual_one():
    """A bound of 2 would pass the test above. Where weights oppose the skip connection, its bound is what helps."""
    rng = np.random.default_rng(0)
    actual, plain, _, _ = measure([Instance(rng, "orthogonal", 1e-4, 1e-4) for _ in range(BATCH)])
    assert np.median(plain[:, 0] / actual[:, 0]) < 6
    _, plain, sharp, _ = measure([Instance(rng, "minus one", 1e-6, 0.0) for _ in range(BATCH)])
    assert np.median(plain[:, -1] / sharp[:, -1]) > 30


@pytest.mark.x64
def test_the_worst_case_is_attained():
    """Uniform state, W = 1 - 2pp^T: N is smallest along p, and errors across it grow the most; (1 + L)/(1 - L)."""
    size, off = 256, 1e-6
    p, across = uniform(size), unit(real(size) - uniform(size) * (uniform(size) @ real(size)))
    weight = np.eye(size) - 2 * np.outer(p, p)

    @jax.jit
    def look(weight, x, eps):
        vec, enc = vector_encode(x).replace(eps=eps), block_encode(weight, alpha=1.0).replace(norm_bound=jnp.ones(()))
        block = skip_norm_block(enc, vec, poly=polynomials.erf(0.8, degree=11), skip_bound=1 + LIPSCHITZ)
        return block.encoded, block.eps, block.activation_eps

    encoded, eps, own = look(weight, unit(p + off * across), jnp.asarray(off))
    actual = np.linalg.norm(encoded - network(exact, [weight], p)[0])
    assert 19.3 * off < actual <= eps < 1.02 * actual
    assert eps <= (1 + 1e-3) * worst_case_error(off, own)


@pytest.mark.x64
@pytest.mark.parametrize(
    ("poly", "target"),
    [
        (polynomials.erf(1.0, degree=15), scipy.special.erf),
        (polynomials.polynomial([0.0, 1.0], "odd"), lambda x: x),
    ],
    ids=["erf(x)", "x"],
)
def test_a_skip_bound_proves_nothing_for_another_activation(poly, target):
    """|1 + L W| knows the slope of erf(4x/5); a steeper activation moves further."""
    x, off = uniform(64), 1e-3
    moved = unit(x + off * unit(real(64) - x * (x @ real(64))))

    @jax.jit
    def look(x, eps):
        weight, vec = block_encode(jnp.eye(64), alpha=1.0), vector_encode(x).replace(eps=eps)
        return skip_norm_block(weight, vec, poly=poly, skip_bound=1 + LIPSCHITZ)

    block = look(moved, jnp.asarray(np.linalg.norm(moved - x)))
    assert np.linalg.norm(block.encoded - unit(x + target(x))) <= block.eps < 1.1 * off


@pytest.mark.x64
def test_small_errors_stay_below_the_worst_case_and_that_below_the_published_bound():
    """e0 is the error of the block's input, e1 the activation's own; 19.6 e0 + 10.3 e1 < 712(e0 + e1)."""
    sizes = 10.0 ** np.linspace(-9, -4, BATCH)
    for kind in KINDS:
        rng = np.random.default_rng(1)
        actual, _, _, own = measure([Instance(rng, kind, size, 0.0) for size in sizes])
        before = np.c_[sizes, actual[:, :-1]]
        worst, published = np.asarray(worst_case_error(before, own)), np.asarray(published_error(before, own))
        assert np.all(actual <= (1 + 1e-2) * worst + 1e-14)  # it is of first order
        assert np.all(worst <= 19.6 * before + 10.3 * own)
        np.testing.assert_allclose(published, 712 * (before + own), rtol=1e-12)
    np.testing.assert_allclose(worst_case_error(1.0, 0.0), (1 + LIPSCHITZ) / (1 - LIPSCHITZ), rtol=1e-12)


@pytest.mark.numerics
def test_the_ideal_block_is_that_of_scipy(tol):
    weight, x = contraction(4, 0), unit(real(4))
    state, norm = ideal_skip_norm(lambda v: jnp.asarray(weight) @ v, jnp.asarray(x))
    np.testing.assert_allclose(norm, np.linalg.norm(x + exact(weight @ x)), rtol=tol("exact", factor=10))
    np.testing.assert_allclose(state, network(exact, [weight], x)[0], rtol=0, atol=tol("exact", factor=10))


def test_a_weight_whose_norm_is_not_certified_has_no_bound():
    """Eagerly it raises; inside jit the error is unknown, and stays unknown in the blocks that follow."""
    vec = vector_encode(uniform(2))
    with pytest.raises(ValueError, match=r"`weight` must have a norm of at most 1, but its certified bound is 1\.1"):
        skip_norm_block(from_unitary(np.eye(2), num_ancillas=0, alpha=1.1, eps=0.0), vec)
    with pytest.raises(ValueError, match=r"`weight` must have a norm of at most 1, but its certified bound is 1\.1"):
        skip_norm_block(from_unitary(np.eye(2), num_ancillas=0, alpha=1.0, eps=0.1), vec)

    @jax.jit
    def eps(norms):
        weights = [from_unitary(jnp.eye(2), num_ancillas=0, alpha=norm, eps=0.0) for norm in norms]
        return [block.eps for block in chain(residual_network(weights, vec, skip_bounds=[2.0, 2.0]))]

    np.testing.assert_array_equal(np.isfinite(eps(jnp.array([1.0, 1.0]))), [True, True])
    np.testing.assert_array_equal(np.isfinite(eps(jnp.array([1.0, 1.1]))), [True, False])
    np.testing.assert_array_equal(np.isfinite(eps(jnp.array([1.1, 1.0]))), [False, False])


# Gradients.


@jax.jit
@jax.grad
def slopes(params: Any) -> Array:
    weights = [block_encode(weight, alpha=2.0) for weight in params[:-1]]
    net = residual_network(weights, vector_encode(params[-1]), poly=polynomials.erf(0.8, degree=5))
    return jnp.asarray(LEFT) @ net.encoded


LEFT = real(4, seed=3)
GRADIENTS = {
    "generic": (contraction(4, 0), contraction(4, 1), unit(real(4))),
    "identity, basis vector": (np.eye(4), np.eye(4), np.array([1.0, 0, 0, 0])),
    "minus identity, uniform": (-np.eye(4), -np.eye(4), uniform(4)),
    "zero weights": (np.zeros((4, 4)), np.zeros((4, 4)), unit(real(4))),
    "orthogonal and rank one": (orthogonal(4), np.outer(uniform(4), uniform(4)), unit(real(4))),
}


@pytest.mark.numerics
@pytest.mark.parametrize("params", GRADIENTS.values(), ids=GRADIENTS)
def test_gradients_of_two_blocks_agree_with_differences_at_degenerate_weights_too(params, tol):
    gradient = slopes(tuple(map(jnp.asarray, params)))
    chex.assert_tree_all_finite(gradient)

    def value(params):
        return LEFT @ network(polynomial(5), params[:-1], params[-1])[-1]

    for seed in range(2):
        direction = nearby(params, seed=seed, by=1.0, only_direction=True)
        reference = derivative(value, params, direction)
        assert abs(slope(gradient, direction) - reference) <= tol("gradient", factor=10 * max(1.0, abs(reference)))


# Calls: what a block's circuit does to the circuit of its input.

CALLS: list[str] = []


class Counted(VectorEncoding, kw_only=True):
    """Another encoding's circuit that reports each run, forwards or backwards."""

    part: VectorEncoding

    def apply(self, state):
        jax.debug.callback(lambda: CALLS.append("apply"))
        return self.part.apply(state)

    def apply_adjoint(self, state):
        jax.debug.callback(lambda: CALLS.append("apply_adjoint"))
        return self.part.apply_adjoint(state)


class Irreversible(Counted, kw_only=True):
    """The same, but its inverse does nothing: wrong, and seen only by a circuit that runs it."""

    def apply_adjoint(self, state):
        return state


def wrapped(kind: type[Counted], part: VectorEncoding) -> Counted:
    fields = {name: getattr(part, name) for name in VectorEncoding.__dataclass_fields__}
    return kind(**fields, part=part)


@functools.partial(jax.jit, static_argnames=("kind", "degrees"))
def on_wrapped(weights: Any, x: Array, kind: type[Counted], degrees: tuple[int, ...]) -> Array:
    """The circuit of a network whose last block sees its input through a wrapper."""
    vec: VectorEncoding = vector_encode(x)
    for number, (weight, degree) in enumerate(zip(weights, degrees, strict=True), 1):
        vec = wrapped(kind, vec) if number == len(degrees) else vec
        vec = skip_norm_block(block_encode(weight, alpha=1.0), vec, poly=polynomials.erf(0.8, degree=degree))
    return run(vec)


def test_the_second_block_runs_the_circuit_of_the_first_forward_and_backward():
    """Degree k calls it k + 1 times, (k - 1)/2 of them inverted."""
    weights, x, degree = (contraction(2, 0), contraction(2, 1)), unit(real(2)), 3
    CALLS.clear()
    found = on_wrapped(weights, x, Counted, (1, degree))
    jax.effects_barrier()
    inverted = (degree - 1) // 2
    assert (CALLS.count("apply"), CALLS.count("apply_adjoint")) == (degree + 1 - inverted, inverted)
    expected = network(polynomial(degree), weights[1:], network(polynomial(1), weights[:1], x)[0])[0]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_without_the_inverse_of_its_inputs_circuit_a_block_is_wrong():
    """Negative control: the encoded view cannot tell, the circuit does."""
    weight, x = contraction(2, 0), unit(real(2))
    right, wrong = (on_wrapped((weight,), x, kind, (3,)) for kind in (Counted, Irreversible))
    expected = network(polynomial(3), [weight], x)[0]
    np.testing.assert_allclose(right, expected, rtol=0, atol=1e-4)
    assert np.abs(wrong - expected).max() > 1e-2


def test_queries_multiply_from_block_to_block():
    """Degree 5: a block calls its weight 5 times and its input 6 times."""
    blocks, _ = shapes_of(3, 2, 5)
    for number, block in enumerate(blocks, 1):
        weights = {f"Dense[{back}]": 6**back * 5 for back in range(number)}  # the last weight first
        assert cost(block).num_queries == {**weights, "StatePreparation[0]": 6**number}
        assert cost(block).num_ancillas == block.num_ancillas


def test_chain_returns_the_blocks_of_a_network():
    blocks, _ = shapes_of(3, 2, 5)
    assert blocks[2].part.part.part.num_ancillas == 0
    assert [len(chain(block)) for block in blocks] == [1, 2, 3]
    assert chain(blocks[2])[2] is blocks[2]
    assert chain(blocks[2])[0] is blocks[2].part.part


# What is asked for.


def test_the_smallest_degree_that_reaches_eps_is_taken():
    @jax.jit
    def blocks():
        weight, vec = block_encode(jnp.eye(2), alpha=1.0), vector_encode(jnp.asarray(uniform(2)))
        return [skip_norm_block(weight, vec, eps=eps) for eps in (1e-3, 1e-6)] + [skip_norm_block(weight, vec)]

    found = blocks()
    assert [block.poly.degree for block in found] == [5, 9, 7]
    assert all(block.activation_eps <= math.sqrt(2) * eps for block, eps in zip(found, (1e-3, 1e-6), strict=False))


POLY, EVEN = polynomials.polynomial([0.0, 0.5], "odd"), polynomials.polynomial([1.0], "even")


@pytest.mark.parametrize(
    ("build", "rule"),
    [
        (lambda w, v: skip_norm_block(w(4, 4), v, poly=POLY, eps=0.1), r"takes `poly` or `eps`, but got both"),
        (lambda w, v: skip_norm_block(w(2, 4), v), r"`weight` must map the registers \(4,\) of `vec` to themselves"),
        (lambda w, v: skip_norm_block(w(4, 2), v), "`vec` must live on the domain"),
        (lambda w, v: skip_norm_block(w(4, 4), v, poly=EVEN), "`poly` must be odd"),
        (lambda w, v: residual_network([], v), "`weights` must hold at least one block encoding"),
        (lambda w, v: residual_network([w(4, 4)], v, skip_bounds=[1.0, 1.0]), "`skip_bounds` must match 1 weights"),
    ],
)
def test_arguments_that_give_no_skip_norm_block_raise(build, rule):
    with pytest.raises(ValueError, match=rule):
        jax.eval_shape(lambda: build(lambda *shape: block_encode(jnp.zeros(shape)), vector_encode(jnp.zeros(4))))


def test_the_scale_is_four_fifths_and_its_slope_below_one():
    assert (SCALE, LIPSCHITZ) == (0.8, pytest.approx(0.9027033336764101, rel=1e-15))


@pytest.mark.x64
def test_norms_and_lengths_above_one_by_rounding_are_accepted():
    """Products of rotations: what the package itself computes as 1 may be a few units above it."""
    rotations = [block_encode(np.array([[c, -s], [s, c]])) for c, s in ((np.cos(t), np.sin(t)) for t in range(30))]
    vec, turned = vector_encode([0.6, 0.8]), rotations[0]
    for enc in rotations:
        vec, turned = enc @ vec, turned @ enc
    lifted = turned.replace(norm_bound=jnp.asarray(1 + 30 * np.finfo(float).eps))
    assert skip_norm_block(lifted, normalize(vec)).eps < 1e-4
    assert skip_norm_block(turned, vec).eps < 1e-4
