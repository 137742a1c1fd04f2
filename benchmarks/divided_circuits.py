"""A layer on all qubits, on a state divided among eight virtual devices: compile time, memory, exchanged bytes, time.

    python -m benchmarks.divided_circuits 16 18 20 22

Each circuit has RX and RZ on all qubits and a chain of CX, complex64. It runs on one device, divided by XLA's own
partitioner, and divided under `jax.set_mesh`. Memory and bytes are those of one device, as multiples of S, the bytes of
the whole state. Compile time is that of all cores. Eight virtual devices share the cores of the machine, so that times
compare ways of dividing only.
"""

import os
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

if "host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8".strip()

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import NamedSharding, PartitionSpec

import qla_jax as qla
from qla_jax.meshes import SHARDS
from qla_jax.variational.adjoint import run_adjoint
from qla_jax.variational.circuit import ParametrizedCircuit, circuit, repeated, run
from qla_jax.variational.gates import cx, rx, rz
from qla_jax.variational.observables import z_expectations
from tests.collectives import exchanged, largest

DEVICES, LARGEST_BY_XLA = 8, 20
ROW = "{:>2} {:24} {:>9} {:>8} {:>11} {:>9} {:>8} {:>11}"


def made(num_qubits: int) -> ParametrizedCircuit:
    angles = jnp.asarray(np.random.default_rng(0).normal(size=(1, 2, num_qubits)), jnp.float32)
    chain = [cx(qubit, qubit + 1) for qubit in range(num_qubits - 1)]
    turns = lambda a: [turn(q, a[k, q]) for k, turn in enumerate((rx, rz)) for q in range(num_qubits)]  # noqa: E731
    return circuit(num_qubits, repeated(lambda a: [*turns(a), *chain], angles))


def value_and_gradient(circuit: ParametrizedCircuit, state: Array) -> tuple[Array, ParametrizedCircuit]:
    return jax.value_and_grad(lambda c: z_expectations(run_adjoint(c, state)).sum())(circuit)


def measured(name: str, function: Callable[..., Any], num_qubits: int, inputs: Any, mesh: Any, found: Any) -> Any:
    """Print one row of the table, and return the result of the function."""
    with jax.set_mesh(mesh) if mesh else nullcontext():
        begun = time.process_time()
        program = jax.jit(function).lower(*inputs).compile()
        compiling = time.process_time() - begun
        result = jax.block_until_ready(program(*inputs))
        begun = time.perf_counter()
        jax.block_until_ready(program(*inputs))
        running = time.perf_counter() - begun
    size, text = 8 << num_qubits, program.as_text()
    result = jax.device_get(result)
    off = max(np.abs(a - b).max() for a, b in zip(*map(jax.tree.leaves, (result, found or result)), strict=True))
    numbers = program.memory_analysis().temp_size_in_bytes, exchanged(text), largest(text)
    memory, moved, most = (f"{number / size:.3g} S" for number in numbers)
    line = ROW.format(num_qubits, name, f"{compiling:.2f} s", memory, moved, most, f"{running:.2f} s", f"{off:.2g}")
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    return result


def main(sizes: list[int]) -> None:
    mesh = qla.mesh(DEVICES)
    over, whole = (NamedSharding(mesh, PartitionSpec(*names)) for names in ((SHARDS,), ()))
    sys.stdout.write(ROW.format("n", "", "compile", "memory", "exchanged", "largest", "time", "difference") + "\n")
    for n in sizes:
        state = (jnp.arange(1 << n) == 0).astype(jnp.complex64)
        one, many = (made(n), state), (jax.device_put(made(n), whole), jax.device_put(state, over))
        for name, function in (("run", run), ("gradient", value_and_gradient)):
            found = measured(f"{name}, one device", function, n, one, None, None)
            if n <= LARGEST_BY_XLA and function is run:
                measured(f"{name}, by XLA", function, n, many, None, [found])
            measured(f"{name}, divided", function, n, many, mesh, [found])


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [16, 18, 20])
