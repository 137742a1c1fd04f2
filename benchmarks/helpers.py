"""Compile time, run time and memory of one jitted function, apart, and the least time its machine could take.

The floor of a function is the larger of two times: its arguments and results moved once at the machine's bandwidth, and
its necessary arithmetic at the machine's matrix product rate. Both rates are measured right before the function, so that
whatever else the machine is doing slows both alike. Two functions are compared by running them in turn.
"""

import os
import statistics
import time
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

MIB = 2**20

STREAM_BYTES = 64 * MIB
"""Of the array whose scaling measures the bandwidth: twice the last level cache of a usual machine."""

GEMM_SIZE = 1024

ROUNDS = (7, 200)
"""Least and most repetitions of a timing."""

SECONDS = 1.0
"""Time spent on one timing, within `ROUNDS`."""


class Program(NamedTuple):
    """A compiled function with its arguments.

    Attributes:
        run: one call, waited for; the donated argument is copied beforehand by `fresh`.
        fresh: new arguments for `run`.
        seconds: of tracing and of compiling.
        bytes: arguments, outputs, temporaries, and the part of the outputs that lies in donated arguments.
        counted: floating point operations and bytes accessed as the compiler counts them; fused steps count once, the
            body of a loop too.
    """

    run: Callable[..., Any]
    fresh: Callable[[], tuple]
    seconds: dict[str, float]
    bytes: dict[str, int]
    counted: dict[str, float]

    @property
    def total_bytes(self) -> int:
        """Memory while it runs."""
        return sum(self.bytes.values()) - 2 * self.bytes["aliased"]


def compiled(function: Callable, *args: Any, donate: int | None = None) -> Program:
    """Trace and compile; nothing is taken from a cache of compiled functions, in memory or on disk."""
    jax.clear_caches()
    with jax.enable_compilation_cache(False) if hasattr(jax, "enable_compilation_cache") else _no_disk_cache():
        start = time.perf_counter()
        lowered = jax.jit(function, donate_argnums=() if donate is None else donate).lower(*args)
        traced = time.perf_counter()
        program = lowered.compile()
        done = time.perf_counter()
    memory, cost = program.memory_analysis(), program.cost_analysis() or {}
    sizes = {
        "arguments": memory.argument_size_in_bytes,
        "outputs": memory.output_size_in_bytes,
        "temporaries": memory.temp_size_in_bytes,
        "aliased": memory.alias_size_in_bytes,
    }

    def fresh() -> tuple:
        if donate is None:
            return args
        copies = jax.tree.map(lambda leaf: jnp.array(leaf, copy=True), args[donate])
        return jax.block_until_ready((*args[:donate], copies, *args[donate + 1 :]))

    return Program(
        run=lambda *given: jax.block_until_ready(program(*given)),
        fresh=fresh,
        seconds={"trace": traced - start, "compile": done - traced},
        bytes=sizes,
        counted={"flops": cost.get("flops", 0.0), "bytes": cost.get("bytes accessed", 0.0)},
    )


def rounds_of(program: Program) -> int:
    """How often to repeat, after two calls to warm up."""
    timed(program)
    return max(ROUNDS[0], min(ROUNDS[1], int(SECONDS / timed(program))))


def timed(program: Program) -> float:
    """Seconds of one run."""
    args = program.fresh()
    start = time.perf_counter()
    program.run(*args)
    return time.perf_counter() - start


def ratio(program: Program, reference: Program) -> dict[str, float]:
    """Medians and minima of two programs that run in turn, and the quotient of their medians."""
    times: tuple[list[float], list[float]] = ([], [])
    for index in range(max(rounds_of(program), rounds_of(reference))):
        pairs = ((program, times[0]), (reference, times[1]))
        for one, kept in pairs if index % 2 == 0 else pairs[::-1]:
            kept.append(timed(one))
    medians, minima = [statistics.median(kept) for kept in times], [min(kept) for kept in times]
    return {
        "ratio": medians[0] / medians[1],
        "ratio_of_minima": minima[0] / minima[1],
        "reference_median_s": medians[1],
        "reference_min_s": minima[1],
    }


def machine_rates() -> dict[str, float]:
    """Bytes per second of scaling an array in place, and floating point operations per second of a float32 product."""
    scale, multiply = _probes()
    array = jnp.ones(STREAM_BYTES // 4, jnp.float32)
    matrix = jnp.ones((GEMM_SIZE, GEMM_SIZE), jnp.float32)
    best = [float("inf"), float("inf")]
    for _ in range(12):
        start = time.perf_counter()
        array = jax.block_until_ready(scale(array))
        best[0] = min(best[0], time.perf_counter() - start)
        start = time.perf_counter()
        jax.block_until_ready(multiply(matrix))
        best[1] = min(best[1], time.perf_counter() - start)
    return {"bytes_per_s": 2 * STREAM_BYTES / best[0], "flops_per_s": 2 * GEMM_SIZE**3 / best[1]}


def load() -> float:
    """Processes that wanted to run in the last minute, this one included."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


@cache
def _probes() -> tuple[Callable, Callable]:
    array = jax.ShapeDtypeStruct((STREAM_BYTES // 4,), jnp.float32)
    matrix = jax.ShapeDtypeStruct((GEMM_SIZE, GEMM_SIZE), jnp.float32)
    scale = jax.jit(lambda x: 1.0001 * x, donate_argnums=0).lower(array).compile()
    return scale, jax.jit(lambda x: x @ x).lower(matrix).compile()
