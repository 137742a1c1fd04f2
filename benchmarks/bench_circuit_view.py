"""The circuit view simulates every ancilla without forming the unitary."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qla_jax as qla
from benchmarks.helpers import assert_same, compiled

QUBITS = 22


@pytest.mark.benchmark(group="circuit view")
@pytest.mark.parametrize("donated", [False, True], ids=["kept", "in place"])
@pytest.mark.parametrize("way", ["apply", "apply_adjoint"])
def test_convolution_of_22_qubits(report, way, donated):
    """Lemma 5 with 4 x 4 channels and 3 x 3 taps on an image of 32 x 16: 11 ancillas, 11 system qubits, complex64.

    Given away, the state's memory is used again; otherwise the result is new memory, which the system has to hand out.
    """
    enc = qla.block_encode_convolution(jax.random.normal(jax.random.key(0), (4, 4, 3, 3), jnp.float32), (32, 16))
    assert enc.num_ancillas + enc.num_qubits == QUBITS
    parts = jax.random.normal(jax.random.key(1), (2, 1 << enc.num_ancillas, 1 << enc.num_qubits), jnp.float32)
    state = jax.lax.complex(*(parts / jnp.linalg.norm(parts)))
    program = compiled(lambda enc, state: getattr(enc, way)(state), enc, state, donate=1 if donated else None)
    result = program.run(*program.fresh())
    assert result.dtype == jnp.complex64
    assert_same(jnp.linalg.norm(result), 1.0)
    report(program, state_bytes=state.nbytes, states_bar=4)


@pytest.mark.benchmark(group="circuit view")
@pytest.mark.parametrize("way", [qla.run, qla.run_projected], ids=["every ancilla", "projected"])
def test_three_blocks_on_19_qubits(report, way):
    """Three skip norm blocks of degree 5 on one system qubit, in float64, against the encoded view."""
    draws = np.random.default_rng(0).standard_normal((3, 2, 2))
    with jax.enable_x64(True):

        def network(weights, x):
            poly = qla.polynomials.erf(0.8, degree=5)
            return qla.residual_network(weights, qla.vector_encode(x), poly=poly)

        weights = [qla.block_encode(0.9 * draw / np.linalg.norm(draw, 2), alpha=1.0) for draw in draws]
        x = jnp.array([0.6, 0.8])
        built = network(weights, x)
        assert built.num_ancillas + built.num_qubits == 19
        program = compiled(lambda weights, x: way(network(weights, x)), weights, x)
        np.testing.assert_allclose(program.run(weights, x), built.encoded, rtol=0, atol=1e-12)
        # Every amplitude has to be written and read, where all of them are simulated.
        moved = 2 * (8 << 19) if way is qla.run else 0
        report(program, moved=moved, state_bytes=8 << 19, leaf_calls=qla.cost(built).num_queries)


@pytest.mark.benchmark(group="circuit view")
def test_a_skip_norm_block_of_24_qubits(report):
    """2^24 float64 amplitudes: a dense weight on nine system qubits, an activation of degree nine, every ancilla."""
    with jax.enable_x64(True):
        draw = np.random.default_rng(0).standard_normal((512, 512))
        weight = 0.9 * jnp.asarray(draw / np.linalg.norm(draw, 2))
        psi = jnp.full(512, 512**-0.5)

        def block(weight, psi):
            enc = qla.block_encode(weight, alpha=1.0)
            return qla.skip_norm_block(enc, qla.vector_encode(psi), poly=qla.polynomials.erf(0.8, degree=9))

        built = block(weight, psi)
        assert built.num_ancillas + built.num_qubits == 24
        program = compiled(qla.run, built)
        np.testing.assert_allclose(program.run(built), built.encoded, rtol=0, atol=1e-12)
        report(program, state_bytes=8 << 24, states_bar=4, leaf_calls=qla.cost(built).num_queries)
