"""The fixture `report`, which times a program and keeps what it finds, and the table of all of it at the end of a run.

The same figures go into pytest-benchmark's JSON under `extra_info`.
"""

import os
from collections.abc import Callable, Iterable

import jax
import pytest

from benchmarks.helpers import MIB, Program, compare, load_average, machine_rates, rounds_of

# Where a directory of compiled functions is set, compile times would be reading times.
jax.config.update("jax_enable_compilation_cache", False)

ROWS = pytest.StashKey[list]()
TIMES = ("trace s", "compile s", "median ms", "min ms")
HEADER = ("benchmark", *TIMES, "MiB", "of which temp", "floor ms", "floor/median", "ratio", "bar")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ROWS] = []


def pytest_report_header() -> str:
    devices = jax.devices()
    return (
        f"jax {jax.__version__} on {len(devices)} x {devices[0].device_kind} ({devices[0].platform}), "
        f"{os.cpu_count()} cores, load {load_average():.1f}, float64 {'on' if jax.config.jax_enable_x64 else 'off'}"
    )


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict) -> None:
    devices = [device.device_kind for device in jax.devices()]
    machine_info["jax"] = {"version": jax.__version__, "devices": devices, "x64": bool(jax.config.jax_enable_x64)}


@pytest.fixture
def report(benchmark, request: pytest.FixtureRequest) -> Callable[..., dict]:
    """Time a program; the returned figures are also in the table and in `extra_info`."""

    def measure(
        program: Program,
        *,
        flops: float = 0.0,
        moved: int | None = None,
        against: Program | None = None,
        ratio_bar: float | None = None,
        state_bytes: int | None = None,
        states_bar: float | None = None,
        seconds_bar: float | None = None,
        **notes: object,
    ) -> dict:
        """Run it alone, then in turn with `against`; a bar that is missed fails once everything is kept.

        Args:
            program: what is timed.
            flops: what has to be calculated, for the floor.
            moved: bytes that have to be moved, for the floor; arguments and outputs unless given.
            against: what the ratio divides by.
            ratio_bar: the most that the ratio of medians may be.
            state_bytes: of one state, to give the memory in states.
            states_bar: the most states that may be in memory.
            seconds_bar: the longest that the median may be.
            notes: anything else to keep.
        """
        rates = machine_rates()
        benchmark.pedantic(program.run, setup=lambda: (program.fresh(), {}), rounds=rounds_of(program))
        if moved is None:
            moved = program.bytes["arguments"] + program.bytes["outputs"]
        least = {"bytes": moved, "flops": flops}
        floor = max(least[unit] / rates[f"{unit}_per_s"] for unit in least)
        figures = {
            "seconds": program.seconds,
            "bytes": program.bytes | ({"total": program.total_bytes} if program.bytes else {}),
            "counted_by_compiler": program.counted,
            "floor": {**least, "seconds": floor},
            "machine": rates,
            "load_average": load_average(),
            **notes,
        }
        if state_bytes:
            figures["states_in_memory"] = program.total_bytes / state_bytes
        if against:
            figures |= compare(program, against)
        stats = benchmark.stats.stats if benchmark.stats else None
        if stats:
            figures["floor"]["fraction"] = floor / stats.median
            figures["median_s"] = stats.median
        bars = {"ratio": ratio_bar, "states_in_memory": states_bar, "median_s": seconds_bar}
        figures["bars"] = {name: bar for name, bar in bars.items() if bar is not None and name in figures}
        benchmark.extra_info.update(figures)
        if stats:
            request.config.stash[ROWS].append(_row(request.node.name, stats, figures))
        missed = {name: (figures[name], bar) for name, bar in figures["bars"].items() if figures[name] > bar}
        assert not missed, f"(measured, bar): {missed}"
        return figures

    return measure


def _row(name: str, stats, figures: dict) -> tuple[str, ...]:
    memory, floor = figures["bytes"], figures["floor"]
    ratio = [f"{figures['ratio']:.2f} x" if "ratio" in figures else ""]
    states = [f"{figures['states_in_memory']:.2f} states" if "states_in_memory" in figures else ""]
    return (
        name.removeprefix("test_"),
        *(f"{figures['seconds'][step]:.2f}" if step in figures["seconds"] else "" for step in ("trace", "compile")),
        f"{1e3 * stats.median:.3f}",
        f"{1e3 * stats.min:.3f}",
        *(f"{memory[kind] / MIB:.1f}" if kind in memory else "" for kind in ("total", "temporaries")),
        f"{1e3 * floor['seconds']:.3f}",
        f"{floor['fraction']:.3f}",
        " ".join(filter(None, ratio + states)),
        " ".join(f"<= {bar:g}" for bar in figures["bars"].values()),
    )


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    rows = config.stash[ROWS]
    if not rows:
        return
    terminalreporter.section("compile time, run time and memory")
    for line in _aligned([HEADER, *rows]):
        terminalreporter.write_line(line)
    rates = machine_rates()
    terminalreporter.write_line(
        f"MiB: arguments + outputs + temporaries. Machine: {rates['bytes_per_s'] / 1e9:.1f} GB/s, "
        f"{rates['flops_per_s'] / 1e9:.0f} GFLOP/s, load {load_average():.1f}."
    )


def _aligned(rows: list[tuple[str, ...]]) -> Iterable[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join([row[0].ljust(widths[0]), *cells[1:]])
