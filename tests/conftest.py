"""What all tests share: the precision lane, tolerances, a key.

The environment variable JAX_ENABLE_X64 alone chooses the lane: double precision (the default here) or single. Nothing
in the package touches `jax.config`, so what a test sees is what a user with that variable sees.
"""

import collections
import functools
import gc
import itertools
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("JAX_ENABLE_X64", "1")  # before jax is imported: it reads its environment only then
os.environ.setdefault("MPLBACKEND", "Agg")

# Programs for several devices run on virtual ones; programs for one device are the same, and compile as fast.
os.environ["XLA_FLAGS"] = " ".join(["--xla_force_host_platform_device_count=8", os.environ.get("XLA_FLAGS", "")])

import hypothesis
import jax
import pytest

from qla_jax.compiling import compile_quickly

X64 = bool(jax.config.jax_enable_x64)
if X64 != (os.environ["JAX_ENABLE_X64"].lower() in ("1", "true", "yes", "on", "y", "t")):
    raise RuntimeError(
        "jax was imported before tests/conftest.py could choose the precision; set JAX_ENABLE_X64 outside."
    )


def _share_lowering_contexts(programs: int = 100) -> None:
    """Lower this many programs in one MLIR context: making a context takes a quarter of the time of a small compile.

    A context keeps the constants of all programs that were lowered in it, so that none is kept for long. JAX has no
    public name for this; where the private one is gone, compiles are slower and nothing else changes.
    """
    try:
        from jax._src.interpreters import mlir

        make, numbers = mlir.make_ir_context, itertools.count()
    except (ImportError, AttributeError):
        return
    context = functools.lru_cache(maxsize=1)(lambda turn: make())
    mlir.make_ir_context = lambda: context(next(numbers) // programs)


# Nearly all the time of the tests is compiling; XLA reads its flags when it first does.
if os.environ.get("QLA_TEST_QUICK_COMPILES"):
    compile_quickly()
    _share_lowering_contexts()

# Tracing makes many small objects that stay: looking through all of them again and again takes a tenth of the time.
# Instead, they are looked through when memory has grown; see `_collect_garbage`.
gc.disable()

# An accidental (n,) + (m, n) is a wrong register far more often than an intended broadcast.
jax.config.update("jax_numpy_rank_promotion", "raise")

# The first example of a jitted law compiles, which no deadline survives. Derandomized: one commit, one verdict.
hypothesis.settings.register_profile("qla_jax", deadline=None, derandomize=True)
hypothesis.settings.load_profile("qla_jax")

# name: (float64, float32). Each is a power-of-ten bound on the relative rounding of quantities of order one.
TOLERANCES = {
    "exact": (1e-13, 2e-6),  # a few operations: a gather, one product, one FFT
    "rounding": (1e-10, 2e-5),  # a circuit or recurrence of some hundred steps
    "gradient": (1e-6, 5e-3),  # against central differences, whose own error dominates
}


def pytest_report_header() -> str:
    return f"jax {jax.__version__} on {jax.default_backend()}, {'double' if X64 else 'single'} precision"


class _Samples:
    """Marks as slow what `sample` leaves out, before markers are selected by."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        laws: dict[str, list[pytest.Item]] = collections.defaultdict(list)
        for item in items:
            if item.get_closest_marker("sample") and not item.get_closest_marker("slow"):
                laws[item.nodeid.partition("[")[0]].append(item)
        for law, cases in laws.items():
            stride = max(1, round(len(cases) / cases[0].get_closest_marker("sample").args[0]))
            in_lane = [case for case in cases if X64 or case.get_closest_marker("numerics")]
            first = len(law) % min(stride, len(in_lane) or 1)  # laws over one registry begin at different cases
            for place, item in enumerate(in_lane):
                if place % stride != first:
                    item.add_marker(pytest.mark.slow)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Samples())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects, rather than skips, what needs float64 in the lane that has none: a skip there would be no news."""
    if X64:
        return
    needs_x64 = [item for item in items if item.get_closest_marker("x64")]
    config.hook.pytest_deselected(items=needs_x64)
    items[:] = [item for item in items if not item.get_closest_marker("x64")]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave files without a numerical law alone in the lane of numerical laws: importing all takes a while."""
    if collection_path.suffix != ".py" or not config.option.markexpr.startswith("numerics"):
        return None
    text = collection_path.read_text()
    return None if "mark.numerics" in text or "as_params" in text else True


GARBAGE, COMPILED = 1 << 29, 1 << 30  # bytes that a worker grows by until it lets go of either


def _resident_bytes() -> int:
    """Memory that this process holds; where the system does not say, the most that it has held."""
    status = Path("/proc/self/statm")
    if status.is_file():
        return int(status.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def pytest_collection_finish() -> None:
    gc.freeze()


class _Released:
    """Resident memory when garbage was last collected, and when compiled functions were last let go of."""

    garbage = compiled = 0


@pytest.fixture(autouse=True, scope="module")
def _release_compiled_functions() -> Iterator[None]:
    """Compiled functions are kept for ever otherwise; modules share them until memory has grown."""
    _Released.compiled = _Released.compiled or _resident_bytes()
    yield
    if _resident_bytes() - _Released.compiled > COMPILED:
        jax.clear_caches()
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        _Released.garbage = _Released.compiled = _resident_bytes()


@pytest.fixture(autouse=True)
def _collect_garbage() -> Iterator[None]:
    yield
    if _resident_bytes() - _Released.garbage > GARBAGE:
        gc.collect()
        gc.freeze()  # what stays is not looked through again
        _Released.garbage = _resident_bytes()


@pytest.fixture
def key() -> jax.Array:
    return jax.random.key(0)


@pytest.fixture(scope="session")
def x64() -> bool:
    return X64


@pytest.fixture(scope="session")
def tol() -> Callable[..., float]:
    """The tolerance of the lane: `tol()`, `tol("gradient")`, `tol("exact", factor=degree)`."""

    def tolerance(name: str = "rounding", factor: float = 1.0) -> float:
        double, single = TOLERANCES[name]
        return factor * (double if X64 else single)

    return tolerance
