"""Rounding: the estimate is never below the truth, long circuits stay within it, and what is below it warns."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from qla_jax import polynomials
from qla_jax.encodings.base.block import block, postselect
from qla_jax.encodings.base.vector import run
from qla_jax.encodings.matrices.circulant import block_encode_circulant
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.matrices.diagonal import block_encode_diagonal
from qla_jax.encodings.matrices.pauli import block_encode_pauli
from qla_jax.encodings.matrices.sparse import block_encode_sparse
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.transforms.amplification import amplify, uniform_amplification
from qla_jax.transforms.functions import eigenstate_filter, hamiltonian_simulation, pseudo_inverse
from qla_jax.transforms.qubitization import qubitization_walk
from qla_jax.transforms.requests import RoundingWarning
from qla_jax.transforms.singular_values import qsvt
from tests.cases import ENCODINGS, VECTORS, contraction, norm2, orthogonal, real

MOST_QUBITS = 12


@pytest.mark.numerics
@pytest.mark.parametrize("case", [case for case in ENCODINGS if case.single], ids=lambda case: case.name)
@pytest.mark.sample(5)
def test_both_views_of_a_matrix_are_within_eps_and_rounding(case):
    enc, matrix = case.build(jax.tree.map(jnp.asarray, case.params)), np.asarray(case.oracle(case.params))
    x = real(matrix.shape[1]) / np.linalg.norm(real(matrix.shape[1]))
    errors = [norm2(np.asarray(block(enc)) - matrix)]
    if enc.num_ancillas + enc.num_qubits <= MOST_QUBITS:
        errors.append(np.linalg.norm(np.asarray(postselect(enc, jnp.asarray(x))) - matrix @ x))
    assert max(errors) <= enc.eps + enc.rounding


@pytest.mark.numerics
@pytest.mark.parametrize("case", [case for case in VECTORS if case.single], ids=lambda case: case.name)
@pytest.mark.sample(4)
def test_both_views_of_a_vector_are_within_eps_and_rounding(case):
    vec, x = case.build(jax.tree.map(jnp.asarray, case.params)), np.asarray(case.oracle(case.params))
    views = [vec.encoded] + ([run(vec)] if vec.num_ancillas + vec.num_qubits <= MOST_QUBITS else [])
    assert max(np.linalg.norm(np.asarray(view) - x) for view in views) <= vec.eps + vec.rounding


# Degree 50 000: a systematic error of one epsilon per call would be 1e-11, the random one is 5e-14.

LONG = {
    "dense": (lambda: block_encode(orthogonal(4) @ np.diag([1, 1, 0.3, 0.01]) @ orthogonal(4, 1))),
    "dense unitary": lambda: block_encode(orthogonal(4)),
    "diagonal": lambda: block_encode_diagonal([1.0, -1.0, 0.3, 0.01]),
    "circulant": lambda: block_encode_circulant(real(4)),
    "Pauli": lambda: block_encode_pauli({"XZ": 0.5, "YY": -0.25, "II": 0.25}),
    "sparse": lambda: block_encode_sparse([0, 1, 2, 3], [1, 0, 3, 2], [1.0, 1.0, 0.5, 0.5], (4, 4)),
}


@pytest.mark.slow
@pytest.mark.x64
@pytest.mark.parametrize("name", LONG)
def test_after_fifty_thousand_calls_both_views_are_within_eps_and_rounding(name):
    """Against cosines of multiples of an angle in extended precision."""
    enc = LONG[name]()
    poly = polynomials.inverse(1500.0, degree=50_001)
    poly = poly.scaled(0.999 / poly.sup_bound)
    own = polynomials.polynomial(poly.coeffs, "odd").replace(domain=poly.domain)  # the target is P itself
    found = qsvt(enc, own)
    w, s, vh = np.linalg.svd(np.asarray(block(enc)) / float(enc.alpha))
    angles = np.arccos(np.clip(s.astype(np.longdouble), -1, 1))
    coeffs = np.asarray(poly.coeffs).astype(np.longdouble)
    values = [float(np.sum(coeffs * np.cos(np.arange(len(coeffs)) * angle))) for angle in angles]
    x = real(4) / np.linalg.norm(real(4))
    wanted, allowed = (w * values) @ (vh @ x), float(found.eps + found.rounding)
    for view in (found.matvec(x), postselect(found, jnp.asarray(x))):
        assert np.linalg.norm(np.asarray(view) - wanted) <= allowed < 1e-10


@pytest.mark.x64
@pytest.mark.slow
def test_a_poisson_problem_is_solved_within_the_bound_by_either_view():
    """N = 64, kappa 1712: 48 000 calls. The exact solution is known."""
    n = 64
    a, b = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1), np.ones(n)
    exact = np.arange(1, n + 1) * (n + 1 - np.arange(1, n + 1)) / 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RoundingWarning)
        enc = pseudo_inverse(block_encode(a), 1.0001 * np.linalg.cond(a), relative_eps=1e-9)
    found = enc @ vector_encode(b)
    for view in (found.encoded, run(found)):
        error = np.linalg.norm(np.asarray(view) - exact)
        assert error <= found.eps < 3e-9
        assert error <= found.eps + found.rounding < 1e-7


@pytest.mark.x64
@pytest.mark.parametrize("power", [100, 3000])
def test_a_long_walk_stays_within_its_rounding(power):
    """At eigenvalue 1 the slope of T_k is k^2, and so is what the last place of alpha becomes."""
    enc = block_encode(orthogonal(4) @ np.diag([1.0, 1.0 - 1e-9, -0.5, 0.1]) @ orthogonal(4).T)
    found = qubitization_walk(enc, power=power, hermitian=True)
    q = orthogonal(4)
    angles = np.arccos(np.array([1.0, 1.0 - 1e-9, -0.5, 0.1], np.longdouble) / float(enc.alpha))
    wanted = (q * np.cos(power * np.where(np.isnan(angles), 0, angles)).astype(float)) @ q.T
    assert norm2(np.asarray(block(found)) - wanted) <= found.rounding + 1e-12


@pytest.mark.x64
def test_simulation_for_a_long_time_stays_within_its_rounding():
    h = orthogonal(4) @ np.diag([1.0, 0.5, -0.5, -1.0]) @ orthogonal(4).T
    found = hamiltonian_simulation(block_encode(h), 2000.0, eps=1e-10)
    wanted = scipy.linalg.expm(-2000j * h)
    x = real(4) / np.linalg.norm(real(4))
    for view in (found.matvec(x), postselect(found, jnp.asarray(x))):
        assert np.linalg.norm(np.asarray(view) - wanted @ x) <= found.eps + found.rounding < 1e-9


# What is asked for and cannot be had.

DIAGONAL = np.diag([1.0, 0.3])
BELOW = {
    "inverse": lambda eps: pseudo_inverse(block_encode(DIAGONAL), 4.0, relative_eps=eps),
    "simulation": lambda eps: hamiltonian_simulation(block_encode(DIAGONAL), 40.0, eps=eps),
    "filter": lambda eps: eigenstate_filter(block_encode(np.diag([0.0, 1.0])), 0.5, eps=eps),
    "amplify": lambda eps: amplify(
        block_encode(contraction(4, 4), alpha=4.0) @ vector_encode(real(4)), amplitude_bound=0.01, relative_eps=eps
    ),
    "uniform": lambda eps: uniform_amplification(block_encode(DIAGONAL, alpha=8.0), 4.0, gap=0.4, relative_eps=eps),
}
TOO_SMALL = {"inverse": 1e-14, "simulation": 2e-14, "filter": 1e-15, "amplify": 1e-13, "uniform": 1e-14}


@pytest.mark.x64
@pytest.mark.parametrize("name", BELOW)
def test_an_error_below_rounding_warns_by_name_or_is_refused(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RoundingWarning)
        BELOW[name](1e-6)  # is nothing to warn of
    with pytest.raises((RoundingWarning, ValueError), match="`eps`"), warnings.catch_warnings():
        warnings.simplefilter("error", RoundingWarning)
        BELOW[name](TOO_SMALL[name])


@pytest.mark.x64
def test_a_rounding_warning_is_given_once_and_reports_the_rounding():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("default")
        for _ in range(3):
            found = pseudo_inverse(block_encode(DIAGONAL), 3.5, relative_eps=3e-14)
    told = [str(one.message) for one in seen if issubclass(one.category, RoundingWarning)]
    assert len(told) == 1 and told[0].startswith("`eps` of 3.0e-14 was asked for, but")
    assert found.rounding > 3e-14 or found.eps > 3e-14
