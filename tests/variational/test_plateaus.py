"""Gradient components of random circuits: against differences, and their variances against what is known."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.variational.circuit import matrix_of, run
from qla_jax.variational.plateaus import (
    global_cost,
    gradient_samples,
    identity_blocks,
    local_cost,
    qubit_cost,
    random_circuit,
    random_qcnn,
)
from tests.cases import mostly_slow

BUILDERS = {
    "random": functools.partial(random_circuit, num_qubits=3, depth=3, watched=(1, 2)),
    "small angles": functools.partial(random_circuit, num_qubits=3, depth=3, spread=0.1, watched=(1, 0)),
    "identity blocks": functools.partial(identity_blocks, num_qubits=3, depth=4, blocks=2),
    "qcnn": functools.partial(random_qcnn, num_qubits=4, watched=(0, 7)),
}


@pytest.mark.x64
@pytest.mark.parametrize("name", mostly_slow(BUILDERS, "qcnn"))
def test_samples_are_derivatives_of_the_cost_seed_by_seed(name, key):
    build, cost = BUILDERS[name], qubit_cost((0,)) if name == "qcnn" else local_cost
    found = jax.jit(lambda key: gradient_samples(build, cost, 3, batch=2, key=key))(key)
    value = jax.jit(lambda key, shift: cost(run(build(shift, key=key))))
    h = 1e-5
    for sample, seed in zip(found, jax.random.split(key, 3), strict=True):
        assert abs(sample - (value(seed, h) - value(seed, -h)) / (2 * h)) < 1e-8
    assert np.abs(found).max() > 1e-6


@pytest.mark.numerics
def test_identity_blocks_are_the_identity_after_the_first_row(key, tol):
    built = identity_blocks(jnp.zeros(()), num_qubits=3, depth=4, blocks=2, key=key)
    rest = built.replace(layers=built.layers[1:])
    np.testing.assert_allclose(matrix_of(rest), np.eye(8), rtol=0, atol=tol("exact", factor=50))
    moved = identity_blocks(jnp.asarray(0.3), num_qubits=3, depth=4, blocks=2, key=key)
    assert not np.allclose(matrix_of(moved.replace(layers=moved.layers[1:])), np.eye(8), atol=1e-2)


@pytest.mark.numerics
def test_costs_are_those_of_probabilities(tol):
    state = jnp.asarray([0.6, 0, 0.8, 0.0])
    found = [global_cost(state), local_cost(state), qubit_cost((0,))(state)]
    np.testing.assert_allclose(found, [0.64, 0.32, 0.64], rtol=0, atol=tol("exact", factor=10))


@pytest.mark.slow
@pytest.mark.x64
def test_deep_random_circuits_have_a_plateau_that_a_start_at_the_identity_has_not(key):
    """Var falls about as 2^-n or faster for deep random circuits, and not for identity blocks."""

    @functools.partial(jax.jit, static_argnums=0)
    def variance(n):
        random, blocks = (
            gradient_samples(functools.partial(make, num_qubits=n, depth=24), local_cost, 160, batch=160, key=key)
            for make in (random_circuit, identity_blocks)
        )
        return random.var(), blocks.var()

    (small, _), (large, large_blocks) = variance(2), variance(6)
    assert large / small < 1 / 8
    assert large_blocks > 2 * large


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda k: random_circuit(0.0, num_qubits=2, depth=0, key=k), "`depth` must be at least 1, but is 0"),
        (lambda k: random_circuit(0.0, num_qubits=2, depth=1, watched=(0, 2), key=k), "`watched` must lie in (1, 2)"),
        (lambda k: identity_blocks(0.0, num_qubits=2, depth=3, key=k), "`depth` must be a multiple of 2, but is 3"),
        (
            lambda k: identity_blocks(0.0, num_qubits=2, depth=2, blocks=0, key=k),
            "`blocks` must be at least 1, but is 0",
        ),
        (lambda k: random_qcnn(0.0, num_qubits=4, stages=3, key=k), "`stages` must leave two qubits"),
        (lambda k: gradient_samples(random_circuit, local_cost, 0, key=k), "`samples` must be at least 1, but is 0"),
        (
            lambda k: gradient_samples(random_circuit, local_cost, 1, batch=0, key=k),
            "`batch` must be at least 1, but is 0",
        ),
    ],
)
def test_bad_input_raises(make, told, key):
    with pytest.raises(ValueError) as failure:
        make(key)
    assert told in str(failure.value)
