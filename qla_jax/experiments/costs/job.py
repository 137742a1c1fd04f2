"""What the networks of a regime cost, measured on their circuits, beside the paper: the work of `qla-jax costs`.

Curves of depth, queries and ancillas against each size by itself, fitted exponents beside the paper's, the exact
classical network beside the depth, the same without skip connections, and Theorem 1 beside a dense encoding.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import jax

from qla_jax.experiments.core import fits
from qla_jax.experiments.core.items import Items
from qla_jax.experiments.costs.ablation import ablation
from qla_jax.experiments.costs.squares import squares
from qla_jax.networks.regimes import REGIMES, SCHEDULES, Setting, count

TITLES = {
    "a": "N entries from a quantum memory, k blocks, a dense terminal block",
    "b": "two explicitly loaded paths of N entries, k blocks on their product, a dense terminal block from a memory",
    "c": "two explicitly loaded paths of N entries, k blocks on their product, no memory",
}
ENTRIES = {
    "a": tuple(1 << n for n in range(6, 31, 4)),
    "b": tuple(1 << n for n in range(4, 29, 4)),
    "c": tuple(1 << n for n in range(4, 29, 4)),
}
TYPICAL = {"a": 1 << 10, "b": 1 << 7, "c": 1 << 7}
"""N of the curves against everything else."""
DEPTHS = {
    "a": "log(sqrt(N)/eps)^(2k+1) (T_X + n^2), T_X = polylog(N)",
    "b": "N log(1/eps)^(2k), up to log(N)",
    "c": "N log(1/eps)^(2k), up to log(N)",
}


@dataclass(frozen=True)
class CostsJob:
    """What to count.

    Attributes:
        regime: a, b or c.
        entries: N of the curve against N; the regime's own unless given.
        blocks: k.
        errors: eps.
        channels: C.
        taps: D, powers of two: others cost what the next one does.
        ablated: sizes of the networks without skip connections.
        squared: sizes of the matrices that multiply squared amplitudes.
    """

    regime: str
    entries: Sequence[int] = ()
    blocks: Sequence[int] = (1, 2, 3, 4)
    errors: Sequence[float] = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
    channels: Sequence[int] = (2, 4, 8, 16)
    taps: Sequence[int] = (2, 4, 8)
    ablated: Sequence[int] = (4, 16, 64, 256, 1024)
    squared: Sequence[int] = (4, 8, 16, 32, 64, 128)

    def __post_init__(self) -> None:
        if self.regime not in REGIMES:
            raise ValueError(f"`regime` must be one of {', '.join(REGIMES)}, but is {self.regime!r}.")


def run(job: CostsJob, tell: Callable[[str], None] = lambda text: None, items: Items | None = None) -> dict:
    """Count, fit and compare, in float64 whatever the caller's precision.

    Args:
        job: what to count.
        tell: called with each stage that begins.
        items: finished parts, which are not counted again.

    Returns:
        The report, plain numbers. `failures` names each curve of depths that falls where it has to grow, and each
        network with skip connections whose queries depend on N; empty is good.
    """
    items = items or Items()

    def part(name: str, make: Callable[[], Any]) -> Any:
        if name not in items.rows:
            tell(f"counting {name}")
        return items.result(name, make)

    with jax.enable_x64(True):
        makers = (_entries, _errors, _blocks, _channels, _taps)
        curves = [part(f"against {make.__name__.removeprefix('_')}", partial(make, job)) for make in makers]
        rows = part("without skip connections", lambda: ablation(job.ablated, job.blocks[:3]))
        squared = part("squared amplitudes", lambda: squares(job.squared))
    report = {
        "regime": job.regime,
        "title": TITLES[job.regime],
        "depth_of_the_paper": DEPTHS[job.regime],
        "curves": curves,
        "crossings": _crossings(job, curves[0]),
        "ablation": {"rows": rows, "fits": _ablation_fits(rows)},
        "squares": squared,
        "uncounted": curves[0]["series"][0]["points"][0]["uncounted"],
    }
    return report | {"failures": failed(report), "seconds": sum(items.seconds.values())}


def failed(report: dict) -> list[str]:
    """A line for each curve that is not as it has to be."""
    lines = []
    for curve in report["curves"]:
        for series in curve["series"]:
            depths = [point["depth"] for point in series["points"]]
            if any(later < before for before, later in pairwise(depths)):
                lines.append(f"depth against {curve['variable']} falls, {series['schedule']}, k = {series['blocks']}.")
    bounded = {(row["blocks"], row["with"]) for row in report["ablation"]["rows"]}
    if len(bounded) > len({blocks for blocks, _ in bounded}):
        lines.append("queries of blocks with skip connections depend on N.")
    return lines


def _entries(job: CostsJob) -> dict:
    def settings(schedule: str, blocks: int) -> list[tuple[float, Setting]]:
        base = _base(job, schedule, blocks)
        return [(n, replace(base, entries=n)) for n in job.entries or ENTRIES[job.regime]]

    paper = {str(k): f"<= {2 * k + 3}" if job.regime == "a" else "1" for k in job.blocks}
    curve = _curve("N", settings, job.blocks[:3], _polylog if job.regime == "a" else fits.power, paper)
    return curve | {"law": "log2 N" if job.regime == "a" else "N"}


def _errors(job: CostsJob) -> dict:
    def settings(schedule: str, blocks: int) -> list[tuple[float, Setting]]:
        base = _base(job, schedule, blocks)
        return [(math.log(1 / eps), replace(base, eps=eps)) for eps in job.errors]

    paper = {str(k): str(2 * k + (job.regime == "a")) for k in job.blocks}
    return _curve("log 1/eps", settings, job.blocks[:3], fits.power, paper) | {"law": "log 1/eps"}


def _blocks(job: CostsJob) -> dict:
    series = []
    for schedule in SCHEDULES:
        found = [_series(schedule, k, [(k, _base(job, schedule, k))], None) for k in job.blocks]
        points = [point for one in found for point in one["points"]]
        missing = [x for one in found for x in one["missing"]]
        ratios = {
            name: [later[name] / before[name] for before, later in pairwise(points)]
            for name in ("depth", "num_ancillas")
        }
        series.append(
            {"schedule": schedule, "blocks": None, "points": points, "missing": missing, "fits": {}, "ratios": ratios}
        )
    return {"variable": "k", "law": "ratio from k to k + 1", "paper": {}, "series": series}


def _channels(job: CostsJob) -> dict:
    def settings(schedule: str, blocks: int) -> list[tuple[float, Setting]]:
        base = _base(job, schedule, blocks)
        return [(c, replace(base, channels=c)) for c in job.channels]

    return _curve("C", settings, (1,), fits.power, {"1": "3"}, ("sharp",)) | {"law": "C"}


def _taps(job: CostsJob) -> dict:
    def settings(schedule: str, blocks: int) -> list[tuple[float, Setting]]:
        base = _base(job, schedule, blocks)
        return [(d, replace(base, taps=d)) for d in job.taps]

    return _curve("D", settings, (1,), fits.power, {"1": "4"}, ("sharp",)) | {"law": "D"}


def _base(job: CostsJob, schedule: str, blocks: int) -> Setting:
    return Setting(job.regime, TYPICAL[job.regime], blocks, schedule=schedule)


def _curve(
    variable: str,
    settings: Callable[[str, int], list[tuple[float, Setting]]],
    blocks: Sequence[int],
    law: Callable,
    paper: dict[str, str],
    schedules: Sequence[str] = tuple(SCHEDULES),
) -> dict:
    series = [_series(name, k, settings(name, k), law) for name in schedules for k in blocks]
    return {"variable": variable, "paper": paper, "series": series}


def _series(schedule: str, blocks: int, settings: list[tuple[float, Setting]], law: Callable | None) -> dict:
    """Points of one curve; `missing` are those whose errors are beyond double precision."""
    points, missing = [], []
    for x, setting in settings:
        try:
            counted = count(setting)
        except ValueError:
            missing.append(x)
            continue
        beside = {"classical": setting.classical, "published_ancillas": setting.published_ancillas}
        points.append({"x": x} | beside | counted._asdict())
    fitted = {}
    if law is not None and len(points) > 1:
        for name in ("depth", "loading", "queries", "gain"):
            if all(point[name] > 0 for point in points):
                fitted[name] = law([point["x"] for point in points], [point[name] for point in points])._asdict()
    return {"schedule": schedule, "blocks": blocks, "points": points, "missing": missing, "fits": fitted}


def _polylog(x: Sequence[float], y: Sequence[float]) -> fits.Power:
    return fits.power([math.log2(value) for value in x], y)


def _crossings(job: CostsJob, curve: dict) -> list[dict]:
    """N from which on the depth is below the multiplications of the exact network, by the fitted law."""
    rows = []
    for series in curve["series"]:
        if len(series["points"]) < 2:
            continue
        x, depths = ([point[name] for point in series["points"]] for name in ("x", "depth"))
        law: Any = _polylog(x, depths) if job.regime == "a" else fits.affine(x, depths)
        depth = (lambda n, law=law: law(math.log2(n))) if job.regime == "a" else law
        exact = partial(_classical, _base(job, series["schedule"], series["blocks"]))
        found = fits.crossing(depth, exact)
        rows.append(
            {
                "schedule": series["schedule"],
                "blocks": series["blocks"],
                "entries": found,
                "depth": None if found is None else depth(found),
                "extrapolated": found is None or found > max(x),
                "law": "factor * log2(N)^p" if job.regime == "a" else "constant + slope * N",
                "spread": law.spread,
            }
        )
    return rows


def _classical(setting: Setting, entries: float) -> float:
    return replace(setting, entries=entries).classical  # type: ignore[arg-type] # between powers of two, too


def _ablation_fits(rows: list[dict]) -> list[dict]:
    fitted = []
    for blocks in sorted({row["blocks"] for row in rows}):
        chosen = [row for row in rows if row["blocks"] == blocks]
        laws = {
            name: fits.power([row["entries"] for row in chosen], [row[name] for row in chosen]).exponent
            for name in ("without", "with", "runs")
        }
        fitted.append({"blocks": blocks} | laws)
    return fitted
