"""Memory of a residual block with every ancilla simulated, on virtual devices of one machine, next to the encoded view.

`python -m benchmarks.many_devices` runs the circuit of 2^27 amplitudes on eight devices in double precision and prints
the peak of resident memory over that of the process before, in units of the state.
"""

import argparse
import os
import resource
import time

DEVICES = 8


def main() -> None:
    """Run one block and print its memory, its error and its time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--system", type=int, default=11, help="number of system qubits")
    options = parser.parse_args()
    os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={DEVICES}"
    os.environ["JAX_ENABLE_X64"] = "1"

    import jax
    import jax.numpy as jnp
    import numpy as np

    import qla_jax as qla

    rng = np.random.default_rng(0)
    values = rng.normal(size=1 << options.system)
    weight = qla.block_encode_diagonal(0.6 * values / np.abs(values).max(), alpha=1.0)
    vec = qla.normalize(qla.vector_encode(rng.normal(size=1 << options.system)))
    block = qla.skip_norm_block(weight, vec)
    qubits = block.num_ancillas + block.num_qubits
    size = jnp.result_type(block.encoded).itemsize << qubits
    with jax.set_mesh(qla.mesh()):
        start = time.perf_counter()
        compiled = jax.jit(qla.run).lower(block).compile()
        lowered = time.perf_counter() - start
        before = peak()
        start = time.perf_counter()
        found = np.asarray(compiled(block))
        took = time.perf_counter() - start
    error = np.abs(found - np.asarray(block.encoded)).max()
    print(f"{qubits} qubits, {block.num_ancillas} of them ancillas, a state of {size / 2**30:.3g} GiB")
    print(f"compiled in {lowered:.1f} s, ran in {took:.1f} s, error {error:.2g}")
    print(f"peak {peak() / size:.2f} states, {before / size:.2f} of them before the run")
    print(f"temporary memory of a device {compiled.memory_analysis().temp_size_in_bytes / size:.3f} states")


def peak() -> int:
    """Return the largest resident memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
