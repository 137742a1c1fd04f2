"""What is refused, and with which words."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.arithmetic import circuits, elementwise
from qla_jax.arithmetic.adders import cuccaro, draper, gidney
from qla_jax.arithmetic.circuit import circuit
from qla_jax.arithmetic.conversion import amplitude_encode, digital_encode
from qla_jax.arithmetic.counts import counts
from qla_jax.arithmetic.formats import Format, encode, from_integers
from qla_jax.arithmetic.gates import Gate, wires
from qla_jax.arithmetic.layers import add_bias, batch_norm, convolve, dot, dot_circuit, max_pool, pixel_circuit
from qla_jax.arithmetic.lookahead import lookahead_sum
from qla_jax.arithmetic.piecewise import exponential, piecewise
from qla_jax.encodings.vector import vector_encode

F, G = Format(4, 2), Format(5, 2)
X = from_integers(np.array([1, 2]), F)
IMAGE = from_integers(np.zeros((2, 4, 4), int), F)
KERNEL = from_integers(np.zeros((1, 2, 3, 3), int), F)
A, B = wires(2), wires(3)
ADDER = circuits.adder(2)
VEC = vector_encode(jnp.array([0.6, 0.8]))


def steep(n, low, high):
    return 1e30


CASES = [
    (lambda: Format(0, 0), "`bits` must be between 1 and 32, but is 0"),
    (lambda: Format(33, 0), "`bits` must be between 1 and 32, but is 33"),
    (lambda: Format(4, 5), "`fraction` must be between 0 and `bits` = 4, but is 5"),
    (lambda: Format(4, 2, "clip"), "`overflow` must be 'wrap' or 'saturate', but is 'clip'"),
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
    (lambda: circuits.operation("power", F), "`name` must be one of add, .*, but is 'power'"),
    (lambda: circuits.adder(2, "ripple"), "`kind` must be one of cuccaro, .*, but is 'ripple'"),
    (lambda: circuits.adder(0), "`bits` must be at least 1, but is 0"),
    (lambda: gidney(A, B), "`a` and `b` must have as many bits, but have 2 and 3"),
    (lambda: cuccaro(A, B), "`a` and `b` must have as many bits"),
    (lambda: draper((), ()), "`a` and `b` must have as many bits, but have 0 and 0"),
    (lambda: lookahead_sum(A, A, B + B), "`total` must have 3 bits, but has 6"),
    (lambda: circuit([Gate("Y", A[:1])], a=A), "`gates` must be gates of X, .* but one is Gate"),
    (lambda: circuit([Gate("CX", (A[0], A[0]))], a=A), "on distinct wires"),
    (lambda: circuit([], a=A, b=A), "`registers` must share no wire"),
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
    (lambda: counts(ADDER).t_with_rotations(0.0), "`eps` must be between 0 and 1, but is 0.0"),
    (lambda: dot(X, from_integers(np.array([1, 2, 3]), F)), "`y` must have a first axis like the last one of `x`"),
    (lambda: convolve(X, KERNEL), r"`kernel` must be \(C_out, C, K, K\) for `x` \(C, H, W\)"),
    (lambda: convolve(IMAGE, KERNEL, padding="full"), "`padding` must be 'same' or 'valid', but is 'full'"),
    (lambda: convolve(IMAGE, KERNEL, stride=0), "`stride` must be at least 1, but is 0"),
    (lambda: max_pool(IMAGE, 0), "`window` must be at least 1, but is 0"),
    (lambda: max_pool(IMAGE, 5), "`kernel` must fit into the image"),
    (
        lambda: add_bias(IMAGE, from_integers(np.zeros(3, int), F)),
        r"`bias` must have shape \(2,\), but has shape \(3,\)",
    ),
    (lambda: batch_norm(IMAGE, 0.0, 1.0, jnp.ones(3), 0.0), r"`gamma` must have shape \(2,\)"),
    (lambda: dot_circuit(0, F), "`length` must be at least 1, but is 0"),
    (lambda: pixel_circuit(np.array([8]), F), "`weights` must be from -8 to 7"),
    (lambda: piecewise(np.sin, F, derivative=steep, degree=-1), "`degree` must not be negative, but is -1"),
    (lambda: piecewise(np.sin, F, derivative=steep, domain=(1, 0)), "`domain` must hold a number of the format"),
    (lambda: piecewise(np.sin, F, derivative=steep, eps=0.1), "`eps` must be within reach, but is 0.1"),
    (lambda: piecewise(lambda x: np.full(len(x), np.nan), F, derivative=lambda *a: 0.0), "`function` must be finite"),
    (lambda: exponential(F)(from_integers(np.array([1]), G)), "`x` must have the format"),
    (lambda: amplitude_encode(from_integers(np.array([0, 0]), F)), "`x` must not be the zero vector"),
    (lambda: amplitude_encode(encode(jnp.array([9.0]), F)), "`x` must fit its format, but 1 entries overflowed"),
    (lambda: amplitude_encode(X, scale=0.1), "`alpha` must be at least the largest"),
    (lambda: amplitude_encode(X, target=jnp.ones(3)), r"`target` must have shape \(2,\), but has shape \(3,\)"),
    (lambda: digital_encode(VEC, F, readout=lambda a: a[:1]), r"`readout` must give shape \(2,\), but gives \(1,\)"),
    (lambda: digital_encode(VEC, F, readout=lambda a: 1j * a), "`readout` must give real numbers"),
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
