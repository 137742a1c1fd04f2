"""Amplitudes from the bits of angles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.accounting.costs import cost
from qla_jax.arithmetic import Format, angle_encode, arccos_circuit, arccos_error, counts, decode, encode, from_integers
from qla_jax.encodings.base.encoding import unitary
from qla_jax.encodings.base.vector import run

FORMATS = [Format(5, 3), Format(6, 4), Format(8, 6)]


def inside(format: Format) -> np.ndarray:
    """Numbers from [-1, 1], as many as a power of two."""
    one = 1 << format.fraction
    return np.arange(-one, one)


def rotated(bits: np.ndarray) -> np.ndarray:
    """The qubit behind a rotation by 2 pi / 2^k for each bit k, gate by gate."""
    state = np.array([1.0, 0.0])
    for k, bit in enumerate(bits, start=1):
        half = bit * np.pi / 2**k
        state = np.array([[np.cos(half), -np.sin(half)], [np.sin(half), np.cos(half)]]) @ state
    return state


@pytest.mark.parametrize("format", FORMATS[:2], ids=str)
def test_the_bits_that_the_circuit_writes_turn_the_qubit_to_what_is_encoded(format):
    numbers = inside(format)
    out = np.asarray(arccos_circuit(format).on_basis(x=numbers).registers["out"]).astype(int)
    places = np.arange(format.fraction - 1, -1, -1)
    states = np.array([rotated(number >> places & 1) for number in out])
    vec = angle_encode(from_integers(numbers, format))
    np.testing.assert_allclose(vec.encoded, states[:, 0], rtol=0, atol=1e-6)
    top = np.asarray(run(vec)) / float(vec.alpha) * np.sqrt(len(numbers))
    np.testing.assert_allclose(top, states[:, 0], rtol=0, atol=1e-6)
    u = np.asarray(unitary(vec))
    np.testing.assert_allclose(u @ u.T, np.eye(len(u)), rtol=0, atol=1e-5)
    np.testing.assert_allclose(u[len(numbers) :, 0] * np.sqrt(len(numbers)), states[:, 1], rtol=0, atol=1e-6)


@pytest.mark.numerics
@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_eps_is_the_distance_and_within_what_the_expansion_proves(format, tol):
    x = from_integers(inside(format), format)
    vec = jax.jit(angle_encode)(x)
    errors = np.abs(np.asarray(vec.encoded - decode(x)))
    assert abs(np.linalg.norm(errors) - float(vec.eps)) < tol("exact", factor=50)
    bound = np.pi * arccos_error(format)
    assert errors.max() <= bound < 10 * errors.max()


def test_a_target_takes_quantization_in_and_bad_numbers_are_seen(key):
    f = Format(8, 5)
    target = jax.random.uniform(key, (2, 4), minval=-1)
    vec = angle_encode(encode(target, f), target=target)
    np.testing.assert_allclose(jnp.linalg.norm(vec.encoded - target.ravel()), vec.eps, rtol=0, atol=1e-6)
    wide = from_integers(np.array([33, 0]), f)
    assert float(jax.jit(lambda x: angle_encode(x).eps)(wide)) == np.inf
    for call, kind, message in (
        (lambda: angle_encode(wide), ValueError, r"`x` must fit its format and lie in \[-1, 1\], but 1 of 2 do not"),
        (lambda: angle_encode(encode(jnp.zeros(3), f)), ValueError, "powers of two"),
        (lambda: angle_encode(encode(jnp.zeros(2), f), target=jnp.zeros(4)), ValueError, r"shape \(2,\), but has"),
        (lambda: angle_encode(jnp.zeros(2)), TypeError, "`x` must be of type FixedPoint"),
    ):
        with pytest.raises(kind, match=message):
            call()


def test_gates_are_two_arc_cosines_two_reads_and_a_controlled_rotation_for_each_bit():
    f = Format(6, 4)
    found, inner = cost(angle_encode(from_integers(inside(f), f))).gates, counts(arccos_circuit(f))
    assert found.toffoli == 2 * (inner.toffoli + inner.ands)
    assert (found.reads, found.rotations, found.cnot) == (2, 2 * f.fraction, 2 * inner.cnot + 2 * f.fraction)
