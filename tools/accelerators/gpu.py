"""Programs of the registry on a GPU, compared with the CPU in both precisions, within a few minutes.

The process starts one of its kind for each precision, since JAX chooses the precision when it starts.
"""

import os
import subprocess
import sys
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.programs import Program, programs

SECONDS = 170.0
"""Seconds for each precision; programs that are left are counted."""
UNITS = 4096
"""Units in the last place, relative to the largest entry, by which circuits of some hundred steps may differ."""


def devices() -> tuple[Any, Any]:
    """Return the CPU and the first GPU; end the process with one line where there is no GPU."""
    try:
        return jax.local_devices(backend="cpu")[0], jax.local_devices(backend="gpu")[0]
    except RuntimeError:
        sys.exit("`make gpu` needs a GPU that JAX sees, but there is none: `make accelerators` compiles for one.")


def distance(program: Program, cpu: Any, gpu: Any) -> float:
    """Return the largest difference of all results in units of rounding, relative to the largest entry."""
    call, arguments = program.called()
    ours, theirs = (
        jax.tree.map(np.asarray, jax.jit(call)(*jax.device_put(arguments, device))) for device in (cpu, gpu)
    )
    worst = 0.0
    for one, other in zip(ours, theirs, strict=True):
        if not np.issubdtype(one.dtype, np.inexact) or program.random:
            assert one.shape == other.shape
            continue
        finite = np.isfinite(one)
        assert np.array_equal(finite, np.isfinite(other))
        if finite.any():
            scale = max(1.0, float(np.abs(one[finite]).max()))
            unit = float(jnp.finfo(one.dtype).eps)
            worst = max(worst, float(np.abs(one[finite] - other[finite]).max()) / scale / unit)
    return worst


def compare() -> int:
    """Compare programs until the time is over, the ones of different groups in turn; return the number of faults."""
    cpu, gpu = devices()
    everything, began, done, faults = list(programs()), time.time(), 0, 0
    for program in sorted(everything, key=lambda one: hash((one.name, one.group))):
        if time.time() - began > SECONDS:
            break
        try:
            apart = distance(program, cpu, gpu)
        except Exception as error:  # the report goes on
            apart = float("inf")
            print(f"{program.group}: {program.name}: {type(error).__name__}: {str(error)[:200]}", flush=True)
        done, faults = done + 1, faults + (apart > UNITS)
        if apart > UNITS:
            print(f"{program.group}: {program.name}: {apart:.3g} units of rounding apart", flush=True)
    width = 64 if jax.config.jax_enable_x64 else 32
    print(
        f"{gpu.device_kind}, {width} bits: {done} of {len(everything)} programs compared, {faults} faults", flush=True
    )
    return faults


def main() -> None:
    """Compare in both precisions, each in a process of its own."""
    if os.environ.get("QLA_GPU_COMPARES"):
        sys.exit(compare() > 0)
    devices()
    given = {**os.environ, "QLA_GPU_COMPARES": "1", "PYTHONHASHSEED": "0", "JAX_PLATFORMS": "cuda,cpu"}
    command = [sys.executable, "-m", "tools.accelerators", "gpu"]
    codes = [subprocess.run(command, env={**given, "JAX_ENABLE_X64": x64}).returncode for x64 in "10"]
    sys.exit(max(codes))
