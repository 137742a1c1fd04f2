"""Functions of matrices over a grid of errors and scales: each is within what was asked, or names an argument given."""

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg

from qla_jax.encodings.base.block import block
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.networks.residual import skip_norm_block
from qla_jax.transforms.amplification import amplify, amplify_to_norm, uniform_amplification
from qla_jax.transforms.functions import eigenstate_filter, hamiltonian_simulation, pseudo_inverse
from qla_jax.transforms.requests import RoundingWarning
from tests.cases import norm2, orthogonal, real

pytestmark = pytest.mark.x64

EPS = [0.3, 0.1, 0.03, 0.02, 1e-2, 5e-3, 1e-3, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12]
MARGINS = [1e-3, 1e-2, 0.3]
Q = orthogonal(4)


def hermitian(*values: float) -> np.ndarray:
    return Q @ np.diag(values) @ Q.T


def simulation(time: float, eps: float, margin: float) -> tuple[Any, np.ndarray, float]:
    h = hermitian(1.0, -1.0, 0.3, 0.0)
    found = hamiltonian_simulation(block_encode(h), time, eps=eps, margin=margin)
    return found, scipy.linalg.expm(-1j * h * time), eps


def inverse(kappa: float, eps: float, margin: float) -> tuple[Any, np.ndarray, float]:
    a = 0.5 * Q @ np.diag([1.0, 1 / kappa, (1 + 1 / kappa) / 2, 0.0]) @ orthogonal(4, 1)
    found = pseudo_inverse(block_encode(a), kappa * (1 + 1e-9), relative_eps=eps, margin=margin)
    return found, np.linalg.pinv(a, rcond=1e-9), eps / float(block_encode(a).alpha)


def filtered(gap: float, eps: float, margin: float) -> tuple[Any, np.ndarray, float]:
    h = hermitian(0.0, 1.0, -gap, (1 + gap) / 2)
    found = eigenstate_filter(block_encode(h), gap * (1 - 1e-9), eps=eps, margin=margin)
    return found, hermitian(1.0, 0, 0, 0), eps


def uniform(gain: float, eps: float, margin: float) -> tuple[Any, np.ndarray, float]:
    a = hermitian(1.0, -0.5, 0.2, 0.0)
    found = uniform_amplification(block_encode(a, alpha=1.5 * gain), gain, gap=0.3, relative_eps=eps, margin=margin)
    return found, a, eps * 1.5


def to_norm(alpha: float, eps: float, margin: float) -> tuple[Any, np.ndarray, float]:
    a = hermitian(1.0, -0.5, 0.2, 0.0)
    return amplify_to_norm(block_encode(a, alpha=alpha), relative_eps=eps, margin=margin), a, eps


def amplified(bound: float, eps: float, margin: float) -> tuple[Any, np.ndarray, float]:
    x = real(4) / np.linalg.norm(real(4))
    vec = block_encode(np.eye(4), alpha=0.9 / bound) @ vector_encode(x)
    return amplify(vec, amplitude_bound=bound, relative_eps=eps, margin=margin), x, eps


def skip(scale: float, eps: float, margin: float) -> tuple[Any, np.ndarray, float]:
    del margin
    x, w = real(4) / np.linalg.norm(real(4)), scale * Q
    found = skip_norm_block(block_encode(w, alpha=1.0), vector_encode(x), eps=eps)
    total = x + scipy.special.erf(0.8 * w @ x)
    return found, total / np.linalg.norm(total), float(found.eps)


GRID: list[tuple[Callable, list[float]]] = [
    (simulation, [0.0, 1e-9, 0.01, 0.5, 2.0, -7.0, 40.0, 300.0]),
    (inverse, [1.001, 1.5, 3.0, 10.0, 50.0]),
    (filtered, [0.9, 0.4, 0.05]),
    (uniform, [1.01, 2.0, 8.0]),
    (to_norm, [1.0, 1.9, 3.0, 30.0]),
    (amplified, [0.9, 0.5, 0.05]),
    (skip, [1.0, 0.1]),
]
USUAL = {
    (simulation, 0.5),
    (inverse, 3.0),
    (filtered, 0.4),
    (uniform, 2.0),
    (to_norm, 3.0),
    (amplified, 0.5),
    (skip, 0.1),
}
CASES = [
    pytest.param(build, scale, marks=[] if (build, scale) in USUAL else [pytest.mark.slow])
    for build, scales in GRID
    for scale in scales
]


@pytest.mark.parametrize(("build", "scale"), CASES, ids=lambda case: getattr(case, "__name__", case))
@pytest.mark.sample(1)
def test_a_requested_error_is_reached_or_the_argument_is_named(build, scale):
    given = {*inspect.signature(build).parameters, "time", "kappa", "gap", "gain"}
    answered = 0
    for eps in EPS:
        for margin in MARGINS if eps in (0.3, 1e-2, 1e-6) else MARGINS[:1]:
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always")
                try:
                    found, ideal, allowed = build(scale, eps, margin)
                except ValueError as error:
                    assert eps <= 1e-8, f"refused at {eps}: {error}"
                    assert str(error).split("`")[1] in given
                    continue
            answered += 1
            view = np.asarray(block(found) if hasattr(found, "shape") else found.encoded)
            error = norm2(view - ideal) if view.ndim == 2 else np.linalg.norm(view - ideal)
            rounding = float(found.rounding)
            assert error <= float(found.eps) + rounding
            warned = [one for one in seen if issubclass(one.category, RoundingWarning)]
            assert float(found.eps) <= 1.5 * allowed + 1e-14 or warned, (eps, margin)
            assert error <= allowed + rounding
    assert answered >= 10


@pytest.mark.parametrize("number", [np.float32, np.float64, np.array, lambda value: np.asarray(value, np.float16)])
def test_scales_and_errors_of_numpy_are_numbers(number):
    enc = block_encode(hermitian(1.0, -1.0, 0.5, 0.25))
    for call in (
        lambda n: pseudo_inverse(enc, n(4.0), relative_eps=n(1e-3)),
        lambda n: hamiltonian_simulation(enc, n(0.5), eps=n(1e-3)),
        lambda n: uniform_amplification(block_encode(Q, alpha=4.0), n(2.0), gap=n(0.25), relative_eps=n(1e-3)),
    ):
        found, wanted = call(number), call(float)
        assert found.alpha.dtype == np.float64
        np.testing.assert_allclose(block(found), block(wanted), rtol=0, atol=2e-3)


@pytest.mark.parametrize("bad", [0.0, -1e-3, np.nan, np.inf, 1j, "1e-3", None, [1e-3, 1e-3]], ids=repr)
@pytest.mark.sample(3)
def test_an_eps_that_is_no_positive_number_is_named(bad):
    enc = block_encode(hermitian(1.0, -1.0, 0.5, 0.25))
    for call in (
        lambda: pseudo_inverse(enc, 4.0, relative_eps=bad),
        lambda: hamiltonian_simulation(enc, 1.0, eps=bad),
        lambda: eigenstate_filter(enc, 0.2, eps=bad),
        lambda: uniform_amplification(enc, 2.0, gap=0.5, relative_eps=bad),
        lambda: amplify(vector_encode(real(4)), amplitude_bound=0.5, relative_eps=bad),
    ):
        with pytest.raises(ValueError, match="`(relative_)?eps` must" if bad is not None else "`(relative_)?eps`"):
            call()
