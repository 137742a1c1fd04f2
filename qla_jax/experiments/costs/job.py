"""Costs of the networks of a regime, measured on their circuits and compared with the paper: work of `qla-jax costs`.

The report has curves of depth, queries and ancillas against each size, and compares fitted exponents with the paper's,
the depth with the exact classical network, networks with and without skip connections, and Theorem 1 with a dense
encoding.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import jax

from qla_jax.experiments.core import fits
from qla_jax.experiments.core.study import Study
from qla_jax.experiments.costs.ablation import Ablated, ablation
from qla_jax.experiments.costs.results import (
    Ablation,
    AblationLaw,
    CostCurve,
    CostPoint,
    CostsReport,
    CountedNetwork,
    Crossing,
    Run,
    SquareLaw,
    Squares,
)
from qla_jax.experiments.costs.squares import squares
from qla_jax.experiments.costs.summary import summary
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
"""Size N of the curves against all other variables."""
DEPTHS = {
    "a": "log(sqrt(N)/eps)^(2k+1) (T_X + n^2), T_X = polylog(N)",
    "b": "N log(1/eps)^(2k), up to log(N)",
    "c": "N log(1/eps)^(2k), up to log(N)",
}
FEW = 3
"""Largest number of different k in one figure."""
FITTED = ("depth", "loading", "queries", "gain")

Law = Callable[[Sequence[float], Sequence[float]], fits.Power]


@dataclass(frozen=True)
class CostsJob:
    """Sizes for which costs are counted.

    Attributes:
        regime: regime a, b or c.
        entries: sizes N of the curve against N, by default the regime's own.
        blocks: numbers k of blocks.
        errors: errors eps.
        channels: numbers C of channels.
        taps: numbers D of taps, powers of two: other numbers cost what the next power does.
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

    def against(
        self, variable: str, law: str, field: str, x: Mapping[float, Any], paper: Mapping[int, str]
    ) -> CostCurve:
        """Count networks of a few k that differ in one size.

        Args:
            variable: name of the size.
            law: quantity whose power is fitted.
            field: field of the size in a `Setting`.
            x: values of the size by place on the axis.
            paper: exponents of the depth by the paper, by k; with a single k only sharp errors are counted.
        """
        fit, several = _polylog if law == "log2 N" else fits.power, len(paper) > 1
        runs = [
            _run(schedule, k, {place: replace(_base(self, schedule, k), **{field: x[place]}) for place in x}, fit)
            for schedule in (SCHEDULES if several else ["sharp"])
            for k in [*paper][:FEW]
        ]
        return CostCurve(variable, {str(k): told for k, told in paper.items()}, runs, law)

    def against_blocks(self) -> CostCurve:
        """Count networks of increasing numbers of blocks, and the ratios from one to the next."""
        runs = []
        for schedule in SCHEDULES:
            found = [_run(schedule, k, {k: _base(self, schedule, k)}, None) for k in self.blocks]
            points = [point for one in found for point in one.points]
            ratios = {
                name: [getattr(later, name) / getattr(before, name) for before, later in pairwise(points)]
                for name in ("depth", "num_ancillas")
            }
            runs.append(Run(schedule, None, points, [x for one in found for x in one.missing], {}, ratios))
        return CostCurve("k", {}, runs, "ratio from k to k + 1")

    def items(self) -> dict[str, Callable[[], CountedNetwork]]:
        """Return the functions that count each part."""
        memory = self.regime == "a"
        entries: dict[float, Any] = {n: n for n in self.entries or ENTRIES[self.regime]}
        errors = {math.log(1 / eps): eps for eps in self.errors}
        size = {k: f"<= {2 * k + 3}" if memory else "1" for k in self.blocks}
        error = {k: str(2 * k + memory) for k in self.blocks}
        found = {
            "entries": partial(self.against, "N", "log2 N" if memory else "N", "entries", entries, size),
            "errors": partial(self.against, "log 1/eps", "log 1/eps", "eps", errors, error),
            "blocks": self.against_blocks,
            "channels": partial(self.against, "C", "C", "channels", {c: c for c in self.channels}, {1: "3"}),
            "taps": partial(self.against, "D", "D", "taps", {d: d for d in self.taps}, {1: "4"}),
        }
        curves = {f"against {name}": lambda make=make: CountedNetwork(curve=make()) for name, make in found.items()}
        return curves | {
            "without skip connections": lambda: CountedNetwork(ablated=ablation(self.ablated, self.blocks[:FEW])),
            "squared amplitudes": lambda: CountedNetwork(squared=squares(self.squared)),
        }


def study(job: CostsJob) -> Study:
    """Build the study that counts, fits and compares, in float64 for any precision of the caller."""

    def document(rows: Mapping[str, CountedNetwork], seconds: Mapping[str, float]) -> CostsReport:
        return _report(job, list(rows.values()), sum(seconds.values()))

    def item(rows: object, make: Callable[[], CountedNetwork]) -> CountedNetwork:
        with jax.enable_x64(True):
            return make()

    items = {name: partial(item, make=make) for name, make in job.items().items()}
    title, settings = f"Costs of regime ({job.regime})", vars(job)
    return Study("costs", title, settings, items, summary, row=CountedNetwork, document=document)


def _report(job: CostsJob, rows: Sequence[CountedNetwork], seconds: float) -> CostsReport:
    curves = [row.curve for row in rows if row.curve is not None]
    ablated = next(row.ablated for row in rows if row.ablated is not None)
    squared = next(row.squared for row in rows if row.squared is not None)
    return CostsReport(
        job.regime,
        TITLES[job.regime],
        DEPTHS[job.regime],
        curves,
        [_crossing(job, run) for run in curves[0].series if len(run.points) > 1],
        Ablation(ablated, [AblationLaw(*law) for law in _laws(ablated, "blocks", ("without", "with_", "runs"))]),
        Squares(squared, [SquareLaw(*law) for law in _laws(squared, "kind", ("theorem", "frobenius"))]),
        list(curves[0].series[0].points[0].uncounted),
        failed(curves, ablated),
        seconds,
    )


def failed(curves: Sequence[CostCurve], ablated: Sequence[Ablated]) -> list[str]:
    """Return a line for each curve that violates a known property.

    Args:
        curves: curves of depths, which have to grow.
        ablated: networks with skip connections, whose queries must not depend on N.
    """
    lines = [
        f"depth against {curve.variable} falls, {run.label}."
        for curve in curves
        for run in curve.series
        if any(later.depth < before.depth for before, later in pairwise(run.points))
    ]
    bounded = {(row.blocks, row.with_) for row in ablated}
    if len(bounded) > len({blocks for blocks, _ in bounded}):
        lines.append("queries of blocks with skip connections depend on N.")
    return lines


def _base(job: CostsJob, schedule: str, blocks: int) -> Setting:
    return Setting(job.regime, TYPICAL[job.regime], blocks, schedule=schedule)


def _run(schedule: str, blocks: int, settings: Mapping[float, Setting], law: Law | None) -> Run:
    points, missing = [], []
    for x, setting in settings.items():
        try:
            counted = count(setting)
        except ValueError:
            missing.append(x)
            continue
        points.append(
            CostPoint(x=x, classical=setting.classical, published_ancillas=setting.published_ancillas, **vars(counted))
        )
    fitted = {}
    if law is not None and len(points) > 1:
        for name in FITTED:
            values = [getattr(point, name) for point in points]
            if min(values) > 0:
                fitted[name] = law([point.x for point in points], values)
    return Run(schedule, blocks, points, missing, fitted)


def _polylog(x: Sequence[float], y: Sequence[float]) -> fits.Power:
    return fits.power([math.log2(value) for value in x], y)


def _crossing(job: CostsJob, run: Run) -> Crossing:
    """Return the N from which on the fitted depth is below the multiplications of the exact network."""
    x, depths = [point.x for point in run.points], [point.depth for point in run.points]
    law: Any = _polylog(x, depths) if job.regime == "a" else fits.affine(x, depths)
    depth = (lambda n: law(math.log2(n))) if job.regime == "a" else law
    base = _base(job, run.schedule, run.blocks or 0)
    found = fits.crossing(depth, lambda n: replace(base, entries=n).classical)  # type: ignore[arg-type] # between, too
    formula = "factor * log2(N)^p" if job.regime == "a" else "constant + slope * N"
    there = None if found is None else depth(found)
    return Crossing(base.schedule, base.blocks, found, there, found is None or found > max(x), formula, law.spread)


def _laws(rows: Sequence[Any], group: str, names: Sequence[str]) -> list[tuple]:
    """Return each value of the field `group`, with the exponents of N of some fields at this value."""
    found = []
    for value in dict.fromkeys(getattr(row, group) for row in rows):
        chosen = [row for row in rows if getattr(row, group) == value]
        sizes = [row.entries for row in chosen]
        found.append((value, *(fits.power(sizes, [getattr(row, name) for row in chosen]).exponent for name in names)))
    return found
