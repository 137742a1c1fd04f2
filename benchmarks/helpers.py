"""Compile time, run time and memory of a function, apart, and the least time that its machine could take.

The floor of a function is the larger of two times: its arguments and results moved once at the machine's bandwidth, and
its necessary arithmetic at the machine's rate of matrix products. Both rates are measured right before the function, so
that other work on the machine slows all of them. Two functions are compared by running them in turn.
"""

import os
import statistics
import time
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

MIB = 2**20

STREAM_BYTES = 64 * MIB
"""Of the array whose scaling measures the bandwidth: beyond the last level cache of usual machines."""

GEMM_SIZE = 1024

ROUNDS = (9, 300)
"""Least and most repetitions of a timing."""

SECONDS = 1.0
"""Time for the repetitions of a timing, within `ROUNDS`."""

TURN = 0.03
"""Time of a turn where two programs are compared."""


class Program(NamedTuple):
    """A function ready to run on its arguments.

    Attributes:
        run: one call, waited for.
        fresh: arguments for `run`; a donated one is a copy.
        seconds: of tracing and of compiling.
        bytes: arguments, outputs, temporaries, and the part of the outputs that lies in donated arguments.
        counted: floating point operations and bytes as the compiler counts them; the body of a loop counts once.
    """

    run: Callable[..., Any]
    fresh: Callable[[], tuple]
    seconds: dict[str, float]
    bytes: dict[str, int]
    counted: dict[str, float]

    @property
    def total_bytes(self) -> int:
        """Arguments, outputs and temporaries; an output in the place of an argument counts once."""
        return sum(self.bytes.values()) - 2 * self.bytes.get("aliased", 0)


def compiled(function: Callable, *args: Any, donate: int | None = None) -> Program:
    """Trace and compile from nothing. `donate` names an argument whose memory the result may take."""
    jax.clear_caches()
    start = time.perf_counter()
    jitted = jax.jit(function, donate_argnums=() if donate is None else donate)
    lowered = jitted.lower(*args)
    traced = time.perf_counter()
    program = lowered.compile()
    done = time.perf_counter()
    memory, cost = program.memory_analysis(), program.cost_analysis() or {}

    def fresh() -> tuple:
        if donate is None:
            return args
        copy = jax.tree.map(lambda leaf: jnp.array(leaf, copy=True), args[donate])
        return jax.block_until_ready((*args[:donate], copy, *args[donate + 1 :]))

    return Program(
        run=lambda *given: jax.block_until_ready(jitted(*given)),  # as users call it: faster than `program` itself
        fresh=fresh,
        seconds={"trace": traced - start, "compile": done - traced},
        bytes={
            "arguments": memory.argument_size_in_bytes,
            "outputs": memory.output_size_in_bytes,
            "temporaries": memory.temp_size_in_bytes,
            "aliased": memory.alias_size_in_bytes,
        },
        counted={"flops": cost.get("flops", 0.0), "bytes": cost.get("bytes accessed", 0.0)},
    )


def uncompiled(function: Callable, *args: Any) -> Program:
    """A NumPy function in the same dress, its memory unknown."""
    return Program(run=function, fresh=lambda: args, seconds={}, bytes={}, counted={})


def assert_same(got: ArrayLike, expected: ArrayLike) -> None:
    """The same function, as far as matrix products go on any device: TF32 keeps three digits."""
    expected = np.asarray(expected)
    np.testing.assert_allclose(np.asarray(got), expected, rtol=0, atol=5e-3 * np.abs(expected).max())


def timed(program: Program) -> float:
    """Seconds of one run."""
    args = program.fresh()
    start = time.perf_counter()
    program.run(*args)
    return time.perf_counter() - start


def rounds_of(program: Program) -> int:
    """How often to repeat, after a call to warm up."""
    timed(program)
    return max(ROUNDS[0], min(ROUNDS[1], int(SECONDS / timed(program))))


def compare(program: Program, reference: Program) -> dict[str, float]:
    """The two in turn: quotients of their medians and of their minima, and the seconds of the reference.

    A turn of the faster one is several calls, `TURN` seconds of them: warm ones are compared, not the first after the
    other has had the caches.
    """
    rounds = min(rounds_of(program), rounds_of(reference))
    calls = [max(1, min(100, int(TURN / timed(one)))) for one in (program, reference)]
    times: tuple[list[float], list[float]] = ([], [])
    for index in range(rounds):
        turns = list(zip((program, reference), calls, times, strict=True))
        for one, repeats, seconds in turns if index % 2 == 0 else turns[::-1]:
            seconds += [timed(one) for _ in range(repeats)]
    medians, minima = [statistics.median(seconds) for seconds in times], [min(seconds) for seconds in times]
    return {
        "ratio": medians[0] / medians[1],
        "ratio_of_minima": minima[0] / minima[1],
        "reference_median_s": medians[1],
        "reference_min_s": minima[1],
    }


def machine_rates() -> dict[str, float]:
    """Bytes per second of scaling an array in place; floating point operations per second of a float32 product."""
    scale, multiply = _probes()
    array = jnp.ones(STREAM_BYTES // 4, jnp.float32)
    matrix = jnp.ones((GEMM_SIZE, GEMM_SIZE), jnp.float32)
    moved = multiplied = float("inf")
    for _ in range(12):
        start = time.perf_counter()
        array = jax.block_until_ready(scale(array))
        moved = min(moved, time.perf_counter() - start)
        start = time.perf_counter()
        jax.block_until_ready(multiply(matrix))
        multiplied = min(multiplied, time.perf_counter() - start)
    return {"bytes_per_s": 2 * STREAM_BYTES / moved, "flops_per_s": 2 * GEMM_SIZE**3 / multiplied}


def load_average() -> float:
    """Processes that wanted to run in the last minute, this one included."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


@cache
def _probes() -> tuple[Callable, Callable]:
    array = jax.ShapeDtypeStruct((STREAM_BYTES // 4,), jnp.float32)
    matrix = jax.ShapeDtypeStruct((GEMM_SIZE, GEMM_SIZE), jnp.float32)
    scale = jax.jit(lambda x: 1.0001 * x, donate_argnums=0).lower(array).compile()
    return scale, jax.jit(lambda x: x @ x).lower(matrix).compile()
