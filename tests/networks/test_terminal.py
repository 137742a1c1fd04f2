"""The terminal block: circuit against encoded view against NumPy, its norm, its error, what it refuses."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.accounting.costs import cost
from qla_jax.encodings.base.vector import run, run_projected
from qla_jax.encodings.combine.normalized import normalize
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.networks.terminal import TAU, terminal_block
from tests.cases import norm2, orthogonal, real

UNIT = real(4) / np.linalg.norm(real(4))
CONTRACTION = real(4, 4) / norm2(real(4, 4))


def ideal(matrix: np.ndarray, psi: np.ndarray, tau: float = 0.51) -> np.ndarray:
    gamma = tau * psi + (1 - tau) * matrix @ np.abs(psi) ** 2
    return gamma / np.linalg.norm(gamma)


@pytest.mark.numerics
@pytest.mark.parametrize("part", ["prepared", "through a matrix"])
@pytest.mark.sample(1)
def test_the_circuit_is_the_residual_of_the_squares(part, tol):
    """Every ancilla simulated, and flagged ones projected early; the part with an ancilla of its own, alpha above 1."""
    vec = vector_encode(UNIT)
    if part == "through a matrix":
        vec = normalize(block_encode(0.5 * orthogonal(4), alpha=1.0) @ vec)
    block = terminal_block(CONTRACTION, vec, tau=0.6)
    expected = ideal(CONTRACTION, np.asarray(vec.encoded), 0.6)
    for found in (jax.jit(run)(block), run_projected(block), block.encoded):
        np.testing.assert_allclose(found, expected, rtol=0, atol=tol())
    assert block.num_ancillas == 2 * vec.num_ancillas + 2 + 2
    assert list(cost(vec).num_queries) and max(cost(block).num_queries.values()) == 3  # the input stands in it thrice


@pytest.mark.numerics
def test_the_norm_falls_to_twice_tau_minus_one_and_not_below(tol):
    worst = terminal_block(-np.eye(4), vector_encode(np.eye(4)[0]))
    np.testing.assert_allclose(worst.norm, 0.02, rtol=0, atol=tol("exact"))
    np.testing.assert_allclose(worst.amplitude, worst.least_amplitude, rtol=0, atol=tol("exact"))
    usual = terminal_block(CONTRACTION, vector_encode(UNIT))
    assert usual.norm > 0.02 and usual.amplitude > usual.least_amplitude > 0


@pytest.mark.x64
@pytest.mark.parametrize("seed", range(4))
def test_an_error_of_the_input_is_never_more_than_tracked(seed):
    eps = 1e-3
    direction = real(4, seed=seed)
    moved = UNIT + eps * direction / np.linalg.norm(direction)
    block = terminal_block(CONTRACTION, vector_encode(moved).replace(eps=jnp.asarray(eps)))
    distance = np.linalg.norm(block.encoded - ideal(CONTRACTION, UNIT))
    assert 0 < distance <= block.eps <= 100 * eps


def test_the_contribution_of_the_matrix_is_smaller_for_spread_states():
    """The squares of a uniform vector of size N have the length 1/sqrt(N)."""
    said = [float(terminal_block(np.eye(n), vector_encode(np.full(n, n**-0.5))).contribution) for n in (2, 8, 32)]
    np.testing.assert_allclose(said, [0.49 / TAU * n**-0.5 for n in (2, 8, 32)], rtol=1e-5)


@pytest.mark.numerics
def test_gradients_are_finite_and_reach_matrix_and_input():
    def value(matrix, x):
        return terminal_block(matrix, vector_encode(x)).encoded[1]

    gradients = jax.jit(jax.grad(value, argnums=(0, 1)))(jnp.zeros((4, 4)).at[0, 0].set(1), jnp.asarray(UNIT))
    for gradient in gradients:
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0


FAULTS = [
    ({"tau": 0.5}, "`tau` must lie between 0.5 and 1, but is 0.5"),
    ({"tau": 1.0}, "`tau` must lie between 0.5 and 1, but is 1.0"),
    ({"matrix": np.full((4, 4), 0.5)}, "`matrix` must have a norm of at most 1, but its norm is 2.0"),
    ({"matrix": 2 * np.eye(4)}, "`matrix` must have columns of a norm of at most 1, but the longest has 2.0"),
    ({"matrix": 2 * np.eye(4), "norm_bound": 1.0}, "`norm_bound` must be at least 2.0, but is 1.0"),
    ({"matrix": np.eye(3)}, "`matrix` must have a column for each of 4 entries, but has 3"),
    ({"matrix": np.ones((2, 4)) / 3}, "`sizes` must hold the 2 rows of `matrix`, but is (4,)"),
    ({"bits": 0}, "`bits` must be at least 1, but is 0"),
]


@pytest.mark.parametrize(("given", "message"), FAULTS, ids=[message[:40] for _, message in FAULTS])
def test_arguments_that_give_no_terminal_block_raise(given, message):
    with pytest.raises(ValueError) as failure:
        terminal_block(**{"matrix": CONTRACTION, "vec": vector_encode(UNIT), **given})
    assert message in str(failure.value)


def test_inside_jit_a_norm_above_one_leaves_the_error_unknown():
    found = jax.jit(lambda matrix: terminal_block(matrix, vector_encode(UNIT)).eps)
    assert np.isfinite(found(CONTRACTION)) and found(1.5 * CONTRACTION) == np.inf
    vouched = jax.jit(lambda matrix: terminal_block(matrix, vector_encode(UNIT), norm_bound=1.0).eps)
    assert np.isfinite(vouched(np.full((4, 4), 0.5))) and vouched(2 * np.eye(4)) == np.inf


def test_inside_jit_a_tau_that_conserves_no_norm_leaves_the_error_unknown():
    found = jax.jit(lambda tau: terminal_block(CONTRACTION, vector_encode(UNIT), tau=tau).eps)
    assert np.isfinite(found(0.6)) and found(0.5) == found(1.0) == np.inf
