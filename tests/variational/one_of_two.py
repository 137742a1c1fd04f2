"""One of two processes, of four devices each, that run a circuit together.

The command is `python -m tests.variational.one_of_two PORT RANK`. It prints values of the final state as JSON.
"""

import json
import os
import sys

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import qla_jax as qla
from qla_jax.variational.circuit import ParametrizedCircuit, circuit, repeated, run
from qla_jax.variational.gates import cx, rx, rz
from qla_jax.variational.observables import expectation, sample_bits, z_expectations

N = 13


def made() -> ParametrizedCircuit:
    angles = jnp.asarray(np.random.default_rng(0).normal(size=(2, N)))
    turns = repeated(lambda a: [g(q, a[q]) for g in (rx, rz) for q in range(N)], angles)
    return circuit(N, turns, [cx(q, (q + 1) % N) for q in range(N)])


def start() -> Array:
    parts = np.random.default_rng(1).normal(size=(2, 1 << N))
    state = parts[0] + 1j * parts[1]
    return jnp.asarray(state / np.linalg.norm(state))


@jax.jit
def values(state: Array) -> dict[str, Array]:
    """Numbers that tell states apart: sums with random weights, and readouts."""
    weights = jnp.asarray(np.random.default_rng(2).normal(size=(5, 1 << N)))
    return {
        "sums": weights @ state.real + weights[::-1] @ state.imag,
        "z": z_expectations(state),
        "word": expectation(state, "XYZ" + "X" * (N - 3)),
        "bits": sample_bits(state, 20, key=jax.random.key(0)),
    }


if __name__ == "__main__":
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    address, rank = f"127.0.0.1:{sys.argv[1]}", int(sys.argv[2])
    jax.distributed.initialize(address, num_processes=2, process_id=rank, initialization_timeout=60)
    with jax.set_mesh(qla.mesh()):
        state = jax.jit(run)(made(), start())
        found = values(state)
    assert state.sharding.shard_shape(state.shape) == (1 << N - 3,) and not state.is_fully_addressable
    sys.stdout.write(json.dumps(jax.tree.map(lambda leaf: np.asarray(leaf).tolist(), found)) + "\n")
