"""What does not fit in memory is refused before anything is allocated, with its number of qubits and the way out."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.encodings.base.block import embed, postselect
from qla_jax.encodings.base.vector import run, run_projected
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.linalg import memory
from qla_jax.networks.residual import residual_network


def network(blocks: int, size: int):
    return residual_network([block_encode(np.eye(size) / 2, alpha=1.0)] * blocks, vector_encode(np.ones(size)))


def test_a_circuit_that_does_not_fit_says_how_many_qubits_it_has_and_what_to_use_instead():
    vec = jax.eval_shape(lambda: network(4, 1024))
    qubits = vec.num_ancillas + vec.num_qubits
    for way in (run, jax.jit(run)):
        with pytest.raises(ValueError, match=rf"has {qubits} qubits, {vec.num_ancillas} of them .* `vector`, has no"):
            jax.eval_shape(way, vec)


def test_a_circuit_too_large_even_for_early_projection_is_refused():
    vec = jax.eval_shape(lambda: network(4, 1024))
    with pytest.raises(ValueError, match="must fit in memory, but has"):
        jax.eval_shape(run_projected, vec)


@pytest.mark.slow
def test_early_projection_runs_where_the_whole_state_does_not_fit(monkeypatch):
    vec = network(2, 2)
    projected, whole = run_projected(vec), 1 << (vec.num_ancillas + vec.num_qubits)
    monkeypatch.setattr(memory, "available", lambda *arrays: whole * vec.encoded.dtype.itemsize)
    with pytest.raises(ValueError, match="must fit in memory"):
        run(vec)
    np.testing.assert_array_equal(run_projected(vec), projected)
    monkeypatch.setattr(memory, "available", lambda *arrays: 64)
    with pytest.raises(ValueError, match="must fit in memory"):
        run_projected(vec)


def test_a_block_encoding_that_does_not_fit_is_refused(monkeypatch):
    enc, x = block_encode(np.eye(4)), jnp.ones(4)
    need = memory.COPIES * 8 * x.dtype.itemsize
    for room, fits in ((need, True), (need - 1, False)):
        monkeypatch.setattr(memory, "available", lambda *arrays, room=room: room)
        for way in (embed, postselect):
            if fits:
                way(enc, x)
            else:
                with pytest.raises(ValueError, match="has 3 qubits, 1 of them ancillas: 3 states of 2\\^3 amplitudes"):
                    way(enc, x)


def test_the_largest_array_of_a_program_is_found_in_its_inner_programs_too():
    def program(x):
        def step(carry, _):
            return carry, jnp.outer(carry, carry).sum()

        return jax.lax.scan(step, x, None, length=3)[1]

    sizes = list(memory._sizes(jax.make_jaxpr(program)(jnp.ones(10)).jaxpr))
    assert max(sizes) == 100 * jnp.ones(1).dtype.itemsize


def test_the_available_memory_is_positive():
    assert memory.available() > 1 << 28
    assert memory.fits(10, 16) and not memory.fits(100, 16)
