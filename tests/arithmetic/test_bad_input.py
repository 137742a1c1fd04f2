"""What is refused, and with which words."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.arithmetic import circuits, elementwise, layer_circuits
from qla_jax.arithmetic.adders import cuccaro, draper, gidney
from qla_jax.arithmetic.arccos import arccos, arccos_circuit, arccos_error
from qla_jax.arithmetic.circuit import circuit
from qla_jax.arithmetic.conversion import amplitude_encode, dense_layer, digital_encode
from qla_jax.arithmetic.counts import counts
from qla_jax.arithmetic.formats import Format, decode, encode, from_integers
from qla_jax.arithmetic.gates import ReversibleGate, wires
from qla_jax.arithmetic.layers import add_bias, batch_norm, convolve, dot, max_pool
from qla_jax.arithmetic.lookahead import lookahead_sum
from qla_jax.arithmetic.newton import reciprocal, reciprocal_circuit
from qla_jax.arithmetic.piecewise import cauchy, exponential, piecewise
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.measurement import exact_readout, tomography

F, G = Format(4, 2), Format(5, 2)
X = from_integers(np.array([1, 2]), F)
EMPTY = from_integers(np.zeros(0, int), F)
IMAGE = from_integers(np.zeros((2, 4, 4), int), F)
KERNEL = from_integers(np.zeros((1, 2, 3, 3), int), F)
A, B = wires(2), wires(3)
ADDER = circuits.adder(2)
DRAPER = circuits.adder(1, "draper")
VEC = vector_encode(jnp.array([0.6, 0.8]))
KEY = jax.random.key(0)
dot_circuit, pixel_circuit = layer_circuits.dot_circuit, layer_circuits.pixel_circuit
batch_norm_circuit, max_pool_circuit = layer_circuits.batch_norm_circuit, layer_circuits.max_pool_circuit


def steep(n, low, high):
    return 1e30


def flat(n, low, high):
    return 0.0


def read(vec, change):
    """The exact readout with its values changed."""

    def readout(state, *, key):
        found = exact_readout()(state, key=key)
        return found.replace(values=change(found.values))

    return digital_encode(vec, F, readout=readout, key=KEY)


CASES = [
    (lambda: Format(0, 0), "`bits` must be between 1 and 32, but is 0"),
    (lambda: Format(33, 0), "`bits` must be between 1 and 32, but is 33"),
    (lambda: Format(4, 5), "`fraction` must be between 0 and `bits` = 4, but is 5"),
    (lambda: Format(4, 2, "clip"), "`overflow` must be 'wrap' or 'saturate', but is 'clip'"),
    (lambda: Format(8.5, 4), "`bits` must be an integer, but is 8.5"),
    (lambda: Format(True, 0), "`bits` must be an integer, but is True"),
    (lambda: Format(8, False), "`fraction` must be an integer, but is False"),
    (lambda: encode(1 + 2j, F), "`x` must be real numbers, but is of dtype complex128"),
    (lambda: jax.jit(encode, static_argnums=1)(jnp.ones(2, complex), F), "`x` must be real numbers, but is of dtype c"),
    (lambda: encode("one", F), "`x` must be real numbers, but is of dtype <U3"),
    (lambda: encode(np.array([np.nan, 1.0]), F), "`x` must not hold NaN, but 1 of its 2 entries are NaN"),
    (lambda: encode(jnp.array([jnp.nan, 1.0]), F), "`x` must not hold NaN, but 1 of its 2 entries are NaN"),
    (
        lambda: elementwise.add(X, from_integers(np.arange(3), F)),
        r"`y` must have a shape that fits \(2,\) of `x`, but has \(3,\)",
    ),
    (lambda: from_integers(np.array([8]), F), "`integers` must be from -8 to 7, but are from 8 to 8"),
    (lambda: from_integers(np.array([1.5]), F), "`integers` must be integers, but are float64"),
    (lambda: elementwise.add(X, from_integers(np.array([1, 2]), G)), "`y` must have the format"),
    (lambda: elementwise.multiply_constant(X, 8), "`factor` must be from -8 to 7, but is 8"),
    (lambda: circuits.operation("multiply_constant", F, factor=-9), "`factor` must be from -8 to 7, but is -9"),
    (lambda: elementwise.multiply_constant(X, 1.5), "`factor` must be an integer, but is 1.5"),
    (lambda: circuits.operation("multiply_constant", F), r"`options` of 'multiply_constant' must be \['factor'\], but"),
    (lambda: circuits.operation("add", F, factor=1), r"`options` of 'add' must be \[\], but are \['factor'\]"),
    (lambda: circuits.operation("power", F), "`name` must be one of add, .*, but is 'power'"),
    (lambda: circuits.adder(2, "ripple"), "`kind` must be one of cuccaro, .*, but is 'ripple'"),
    (lambda: circuits.adder(0), "`bits` must be at least 1, but is 0"),
    (lambda: circuits.adder(2.5), "`bits` must be an integer, but is 2.5"),
    (lambda: gidney(A, B), "`a` and `b` must have as many bits, but have 2 and 3"),
    (lambda: cuccaro(A, B), "`a` and `b` must have as many bits"),
    (lambda: draper((), ()), "`a` and `b` must have as many bits, but have 0 and 0"),
    (lambda: lookahead_sum(A, A, B + B), "`total` must have 3 bits, but has 6"),
    (lambda: circuit([ReversibleGate("Y", A[:1])], a=A), "`gates` must be gates of X, .* but one is ReversibleGate"),
    (lambda: circuit([ReversibleGate("CX", (A[0], A[0]))], a=A), "on distinct wires"),
    (lambda: circuit([], a=A, b=A), "`registers` must share no wire"),
    (lambda: circuit([], work=A), "`registers` must not be called 'work', but one is"),
    (lambda: ADDER.wires("z"), "`name` must be one of x, y, but is 'z'"),
    (lambda: ADDER + circuits.adder(3), "`other` must have the registers"),
    (lambda: ADDER.controlled("x"), "`name` must be new among the registers, but is 'x'"),
    (lambda: ADDER.on_basis(z=1), "`values` must be registers among x, y, but one is 'z'"),
    (lambda: ADDER.on_basis(x=0.5), "`values` must be integers"),
    (lambda: ADDER.on_basis(x=jnp.array(0.5)), "`values` must be integers, but are float"),
    (lambda: circuits.adder(2, "draper").on_basis(x=1), "`circuit` must permute basis states, but has a gate H"),
    (lambda: circuits.adder(65).on_basis(x=1), "`values` must be registers of at most 64 bits, but 'x' has 65"),
    (lambda: circuits.adder(20).on_state(jnp.ones(2)), "`circuit` must have at most 24 qubits, but has 59"),
    (lambda: ADDER.on_state(jnp.ones(2)), r"`state` must have 2\^5 amplitudes, but has shape \(2,\)"),
    (lambda: ADDER.on_state(jnp.ones(32), outcomes=[2]), r"`outcomes` must be 0 or 1, but are \[2\]"),
    (lambda: ADDER.on_state(jnp.ones(32), outcomes=[0.0]), "`outcomes` must be integers, but are float"),
    (lambda: ADDER.on_state(jnp.ones(32), outcomes=[0, 1]), r"`outcomes` must have shape \(1,\), but has shape \(2,\)"),
    (lambda: ADDER.on_state(jnp.ones(32), turns=[0.5]), r"`turns` must have shape \(0,\), but has shape \(1,\)"),
    (lambda: DRAPER.on_state(jnp.ones(4), turns=[np.inf]), "`turns` must be finite"),
    (lambda: counts(ADDER).t_with_rotations(0.0), "`eps` must be between 0 and 1, but is 0.0"),
    (lambda: dot(X, from_integers(np.array([1, 2, 3]), F)), "`y` must have a first axis like the last one of `x`"),
    (lambda: convolve(X, KERNEL), r"`kernel` must be \(C_out, C, K, K\) for `x` \(C, H, W\)"),
    (lambda: convolve(IMAGE, KERNEL, padding="full"), "`padding` must be 'same' or 'valid', but is 'full'"),
    (lambda: convolve(IMAGE, KERNEL, stride=0), "`stride` must be at least 1, but is 0"),
    (lambda: max_pool(IMAGE, 0), "`window` must be at least 1, but is 0"),
    (lambda: convolve(IMAGE, KERNEL, stride=1.5), "`stride` must be an integer, but is 1.5"),
    (lambda: dot(EMPTY, EMPTY), r"`x` must have a last axis of at least 1, but has shape \(0,\)"),
    (lambda: max_pool(IMAGE, 2.0), "`window` must be an integer, but is 2.0"),
    (lambda: max_pool(IMAGE, 5), r"`window` must fit into the image, but is 5 on \(4, 4\)"),
    (lambda: max_pool(X, 1), r"`x` must be an image \(C, H, W\), but has shape \(2,\)"),
    (
        lambda: add_bias(IMAGE, from_integers(np.zeros(3, int), F)),
        r"`bias` must have shape \(2,\), but has shape \(3,\)",
    ),
    (lambda: batch_norm(IMAGE, 0.0, 1.0, jnp.ones(3), 0.0), r"`gamma` must have shape \(2,\)"),
    (
        lambda: batch_norm(IMAGE, 0.0, -1.0, jnp.ones(2), 0.0),
        "`variance` .* must be positive, but its least is -0.99999",
    ),
    (lambda: batch_norm(IMAGE, 0.0, jnp.zeros(2), 1.0, 0.0, epsilon=0.0), "`variance` .*, but its least is 0"),
    (lambda: batch_norm(IMAGE, 0.0, 1.0, jnp.array([1, jnp.nan]), 0.0), "`gamma` must be finite, but entry"),
    (lambda: batch_norm(IMAGE, jnp.inf, 1.0, jnp.ones(2), 0.0), "`mean` must be finite"),
    (lambda: batch_norm_circuit(8, 0, F), "`factor` must be from -8 to 7, but is 8"),
    (lambda: batch_norm_circuit(1, 0.5, F), "`offset` must be an integer, but is 0.5"),
    (lambda: max_pool_circuit(0, F), "`window` must be at least 1, but is 0"),
    (lambda: dot_circuit(2.5, F), "`length` must be an integer, but is 2.5"),
    (lambda: pixel_circuit([1.9, -0.5], F), "`weights` must be integers, but are float64"),
    (lambda: pixel_circuit([], F), "`weights` must not be empty"),
    (lambda: arccos(X, working=0), "`working` must be at least 1, but is 0"),
    (lambda: arccos(X, working=-3), "`working` must be at least 1, but is -3"),
    (lambda: arccos_error(F, working=2.0), "`working` must be an integer, but is 2.0"),
    (lambda: cauchy(0, 1), "`radius` must be positive and finite, but is 0"),
    (lambda: cauchy(1, -1), "`bound` must be finite and not negative, but is -1"),
    (
        lambda: piecewise(np.sin, F, derivative=lambda *a: np.nan),
        "`derivative` must not be negative or NaN, but is nan",
    ),
    (lambda: piecewise(np.sin, F, derivative=lambda *a: -5), "must not be negative or NaN, but is -5.0 for n = 4 on"),
    (lambda: piecewise(np.sin, F, derivative=steep, degree=1.5), "`degree` must be an integer, but is 1.5"),
    (
        lambda: piecewise(np.sin, F, derivative=steep, domain=(np.nan, 1)),
        r"`domain` must be a low end .* but is \(nan, 1",
    ),
    (lambda: piecewise(np.sin, F, derivative=steep, domain=(np.inf, np.inf)), "`domain` must be a low end and a high"),
    (
        lambda: piecewise(lambda x: x + 0j, F, derivative=flat),
        "`function` must give real numbers, but gives complex128",
    ),
    (lambda: piecewise(lambda x: 1.0, F, derivative=flat), r"`function` must give as many values .* but gives \(\)"),
    (lambda: dot_circuit(0, F), "`length` must be at least 1, but is 0"),
    (lambda: pixel_circuit(np.array([8]), F), "`weights` must be from -8 to 7"),
    (lambda: piecewise(np.sin, F, derivative=steep, degree=-1), "`degree` must be at least 0, but is -1"),
    (lambda: piecewise(np.sin, F, derivative=steep, domain=(1, 0)), "`domain` must hold a number of the format"),
    (lambda: piecewise(np.sin, F, derivative=steep, eps=0.1), "`eps` must be within reach, but is 0.1"),
    (lambda: piecewise(lambda x: np.full(len(x), np.nan), F, derivative=lambda *a: 0.0), "`function` must be finite"),
    (lambda: exponential(F)(from_integers(np.array([1]), G)), "`x` must have the format"),
    (lambda: amplitude_encode(from_integers(np.array([0, 0]), F)), "`x` must not be the zero vector"),
    (lambda: amplitude_encode(encode(jnp.array([9.0]), F)), "`x` must fit its format, but 1 entries overflowed"),
    (lambda: amplitude_encode(X, scale=0.1), "`scale` must be at least the largest .*, but scale = 0.1 < 0.5"),
    (lambda: amplitude_encode(X, scale=-5), "`scale` must not be negative or NaN, but is -5"),
    (lambda: amplitude_encode(X, scale=np.inf), "`scale` must be finite, but is inf"),
    (lambda: amplitude_encode(X, target=jnp.ones(3)), r"`target` must have shape \(2,\), but has shape \(3,\)"),
    (lambda: read(VEC, lambda a: a[:1]), r"`readout` must give shape \(2,\), but gives \(1,\)"),
    (lambda: read(VEC, lambda a: 1j * a), "`readout` must give real numbers"),
    (
        lambda: digital_encode(vector_encode(jnp.array([0.6, 0.8j])), F, readout=tomography(delta=0.1), key=KEY),
        "`state` must be real for this protocol",
    ),
]


@pytest.mark.parametrize(("call", "message"), CASES, ids=[message[:40] for _, message in CASES])
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("name", ["add", "multiply", "divide", "less", "relu", "absolute", "negate", "square", "sqrt"])
def test_plain_arrays_are_refused(name):
    operation, array = getattr(elementwise, name), np.ones(2)
    numbers = (array,) if name in ("relu", "absolute", "negate", "square", "sqrt") else (array, X)
    with pytest.raises(TypeError, match="`x` must be of type FixedPoint, but is of type ndarray"):
        operation(*numbers)


KINDS = [
    (lambda: encode(1.0, None), "`format` must be of type Format, but is of type NoneType"),
    (lambda: from_integers(1, (4, 2)), "`format` must be of type Format, but is of type tuple"),
    (lambda: circuits.operation("add", 4), "`format` must be of type Format, but is of type int"),
    (lambda: reciprocal_circuit(4), "`format` must be of type Format, but is of type int"),
    (lambda: arccos_circuit(4), "`format` must be of type Format, but is of type int"),
    (lambda: exponential(4), "`format` must be of type Format, but is of type int"),
    (lambda: piecewise(np.sin, 4, derivative=flat), "`format` must be of type Format, but is of type int"),
    (lambda: dot_circuit(2, 4), "`format` must be of type Format, but is of type int"),
    (lambda: decode(np.ones(2)), "`x` must be of type FixedPoint, but is of type ndarray"),
    (lambda: reciprocal(np.ones(2)), "`a` must be of type FixedPoint, but is of type ndarray"),
    (lambda: arccos(np.ones(2)), "`x` must be of type FixedPoint, but is of type ndarray"),
    (lambda: exponential(F)(np.ones(2)), "`x` must be of type FixedPoint, but is of type ndarray"),
    (lambda: max_pool(np.ones((1, 2, 2)), 2), "`x` must be of type FixedPoint, but is of type ndarray"),
    (lambda: add_bias(X, np.ones(2)), "`bias` must be of type FixedPoint, but is of type ndarray"),
    (lambda: batch_norm(np.ones((2, 1, 1)), 0.0, 1.0, 1.0, 0.0), "`x` must be of type FixedPoint, but is of type nd"),
    (lambda: counts(3), "`circuit` must be of type ReversibleCircuit, but is of type int"),
    (
        lambda: digital_encode(VEC, F, readout=lambda a, *, key: a, key=KEY),
        "`readout` must give a Readout with its `values`",
    ),
    (
        lambda: dense_layer(block_encode(jnp.eye(2)), VEC, jnp.ones(2), readout=exact_readout(), key=KEY),
        "`bias` must be of type FixedPoint",
    ),
]


@pytest.mark.parametrize(("call", "message"), KINDS, ids=[message[:40] for _, message in KINDS])
def test_other_kinds_are_refused(call, message):
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.numerics
@pytest.mark.parametrize("overflow", ["wrap", "saturate"])
def test_division_by_zero_is_flagged_and_no_other_entry_is(overflow):
    f = Format(8, 3, overflow)
    x, y = from_integers(np.array([5, -5, 0, 5]), f), from_integers(np.array([0, 0, 0, 1]), f)
    found = jax.jit(elementwise.divide)(x, y)
    np.testing.assert_array_equal(found.overflow, [True, True, True, False])
    if overflow == "saturate":
        np.testing.assert_array_equal(found.integers, [127, -128, 127, 40])


@pytest.mark.numerics
def test_registers_of_more_bits_than_jax_has_are_refused(x64):
    most = 64 if x64 else 32
    with pytest.raises(ValueError, match=f"`values` must be registers of at most {most} bits, but 'x' has {most + 1}"):
        circuits.adder(most + 1).on_basis(x=jnp.int32(1))
