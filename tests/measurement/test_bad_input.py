"""What is refused by name, rule and value; what is a number by any other type is not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.measurement import (
    amplitude_law,
    chebyshev_coefficients,
    chebyshev_readout,
    chebyshev_state,
    estimate_amplitude,
    estimation_circuit,
    from_chebyshev,
    inner_product,
    iterative_amplitude_estimation,
    quantum_dct,
    shadow_readout,
    squared_overlap,
    state_tomography,
    tomography,
)
from qla_jax.measurement.amplitude_estimation import require_points
from qla_jax.measurement.noise import noise_model

KEY = jax.random.key(0)
X = np.array([3.0, -4.0, 0.0, 0.5])
READ = chebyshev_readout(rank=2, axes=(0,), relative_eps=0.1, noise="exact")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: chebyshev_readout(rank=2.5, relative_eps=0.1), "`rank` must be an integer, but is 2.5"),
        (lambda: chebyshev_readout(rank=(2.5,), relative_eps=0.1), "`rank` must be an integer, but is 2.5"),
        (lambda: chebyshev_readout(rank=True, relative_eps=0.1), "`rank` must be an integer, but is True"),
        (lambda: chebyshev_readout(rank=2, relative_eps=0.1, axes="0"), "`axes` must be an integer, but is '0'"),
        (lambda: chebyshev_readout(rank=2, relative_eps=None), "`relative_eps` must be a real number, but is None"),
        (lambda: chebyshev_readout(rank=2, relative_eps="0.1"), "`relative_eps` must be a real number, but is '0.1'"),
        (lambda: tomography(delta=np.array([0.1, 0.2])), r"`delta` must be a real number, but is array"),
        (lambda: chebyshev_readout(rank=2, relative_eps=0.1, noise=None), "`noise` must be one of .*, but is None"),
        (lambda: tomography(copies=10.5), "`copies` must be an integer, but is 10.5"),
        (lambda: tomography(copies=1e4), "`copies` must be an integer, but is 10000.0"),
        (lambda: state_tomography(copies=2.5), "`copies` must be an integer, but is 2.5"),
        (
            lambda: state_tomography(copies=2**62).plan(2),
            "Copies in all bases must be at most 9223372036854775807, but",
        ),
        (lambda: shadow_readout("ZI", copies=100.5), "`copies` must be an integer, but is 100.5"),
        (
            lambda: inner_product(X, X, relative_eps=3, key=KEY),
            "`relative_eps` must lie strictly between 0 and 2, but is 3",
        ),
        (
            lambda: squared_overlap(X, X, relative_eps=3, key=KEY),
            "`relative_eps` must lie strictly between 0 and 2, but is 3",
        ),
        (
            lambda: jax.jit(lambda eps: inner_product(X, X, relative_eps=eps, key=KEY).values)(0.1),
            "`relative_eps` must .* be known before tracing, but is traced",
        ),
        (lambda: estimate_amplitude(0.3, points=4.5, key=KEY), "`points` must be an integer, but is 4.5"),
        (
            lambda: estimate_amplitude(0.3, points=4, repetitions=2.5, key=KEY),
            "`repetitions` must be an integer, but is 2.5",
        ),
        (lambda: estimate_amplitude(0.3j, points=4, key=KEY), "`probability` must be real, but has dtype complex"),
        (
            lambda: jax.jit(lambda m: estimate_amplitude(0.3, points=m, key=KEY))(16),
            "`points` must be an integer known before tracing, but is traced",
        ),
        (lambda: estimation_circuit(vector_encode(X), points=4.5), "`points` must be an integer, but is 4.5"),
        (lambda: amplitude_law([0.3, 0.4], 4), r"`probability` must be a scalar, but has shape \(2,\)"),
        (
            lambda: iterative_amplitude_estimation(jnp.array([0.3, 0.4]), eps=0.1, key=KEY),
            r"`probability` must be a scalar, but has shape \(2,\)",
        ),
        (
            lambda: iterative_amplitude_estimation(0.3, eps=0.1, shots=10.5, key=KEY),
            "`shots` must be an integer, but is 10.5",
        ),
        (lambda: quantum_dct(4.0), "`sizes` must be an integer, but is 4.0"),
        (lambda: quantum_dct(4, dtype=complex), "`dtype` must be real, but is complex"),
        (lambda: from_chebyshev(np.ones(5), (4,), (0,)), "`c` must have at most 4 entries on axis 0, but has 5"),
        (lambda: from_chebyshev(np.ones((2, 3)), (4, 4), 0), "`c` must have all 4 entries on axis 1, but has 3"),
        (
            lambda: from_chebyshev(np.ones((5, 1)), (8,), (0,)),
            r"`c` must have an axis for each of \(8,\), but has shape",
        ),
        (lambda: chebyshev_state(np.ones(2), (4,), axes=(3,)), r"`axes` must be axes of a tensor of shape \(4,\)"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_numbers_of_any_type_are_numbers():
    """NumPy's integers, one axis without a tuple, a model in place of its name, a precision that nobody looks at."""
    same = (
        chebyshev_readout(rank=np.int64(2), axes=0, relative_eps=0.1, noise="exact"),
        chebyshev_readout(rank=[2], axes=[np.int32(0)], relative_eps=0.0, noise=noise_model("exact")),
        chebyshev_readout(rank=2, axes=(0,), relative_eps=None, noise="exact"),
    )
    assert all(readout == READ for readout in same)
    found = jax.jit(READ)(X, key=KEY)
    assert int(found.queries) == 0 and float(found.error_bound) == pytest.approx(np.linalg.norm(found.values - X))
    assert quantum_dct(np.int64(4), axes=0).axes == (0,)
    assert chebyshev_coefficients([1, 2], np.int64(1), 0).tolist() == pytest.approx([3 / np.sqrt(2)])
    assert require_points(np.int64(4)) == require_points(jnp.asarray(4)) == 4


def test_observables_that_are_no_words_are_of_another_kind():
    with pytest.raises(TypeError, match="`observables` must be of type str, but is of type int"):
        shadow_readout([1], copies=100)
