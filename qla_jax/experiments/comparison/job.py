"""Comparison of coherent networks with earlier ones, each as it runs: the work of `qla-jax comparison`.

All entries of the table are measured. All networks have two layers and the same error in Euclidean norm, so a precision
per entry has to shrink with the number of entries. Steps are those that `LayeredRun` counts, and for coherent networks
the depth of the circuit.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

import jax

from qla_jax.experiments.comparison.methods import LAYERS, METHODS, About, Method
from qla_jax.experiments.core.figures import Plot, Series
from qla_jax.experiments.core.results import named
from qla_jax.experiments.core.study import Findings, Study
from qla_jax.experiments.core.tables import Column, table, written

COLORS = ("gray", "orange", "#f4a582", "blue", "#4393c3", "#92c5de")
STEPS = [
    Column("", "{0}", "method"),
    Column("read out", "{1}", "what is read out between layers"),
    Column("N", "{2}", "number of entries"),
    Column("steps", "{3:.1e}", "steps at that N: calls that load a vector and numbers read, or layers of gates"),
    Column("N^", "{4:.2f}", "exponent of the steps in N between the last two sizes"),
    Column("(1/eps)^", "{5:.2f}", "exponent of the steps in 1/eps between the last two errors"),
]
VERDICTS = [
    ("", "method"),
    ("layers", "nothing is read out between layers"),
    ("activation", "the activation acts on amplitudes, not on numbers in registers"),
    ("no QRAM", "no circuit reads a quantum memory"),
    ("norm kept", "the sum before a layer's normalization has a least norm for all weights of norm 1"),
    ("log 1/eps", "steps are polynomial in the logarithm of the inverse error"),
    ("log N", "steps are polynomial in the logarithm of the size"),
]
FORMULAS = [Column("", "{name}", "method"), Column("formula", "{formula}", "steps by the publication")]
POLYLOG = 1 / 2
"""Exponent between the last two sizes below which steps count as polylogarithmic.

The exponent of a logarithm keeps falling with the size, that of a power does not.
"""


@dataclass(frozen=True)
class Verdicts:
    """Verdicts on a method's circuits and its steps."""

    coherent_layers: bool = field(metadata=named("coherent layers"))
    coherent_activation: bool = field(metadata=named("coherent activation"))
    no_qram: bool = field(metadata=named("no QRAM"))
    norm_kept: bool = field(metadata=named("norm kept"))
    polylog_in_error: bool = field(metadata=named("polylog 1/eps"))
    polylog_in_size: bool = field(metadata=named("polylog N"))


@dataclass(frozen=True)
class Compared(About):
    """Results of a method as it ran.

    Attributes:
        points: runs against "N" and "1/eps": the size, steps, and numbers read out between the layers.
        exponents: exponents of both between the last two sizes.
        reads: number of reads of a memory in its largest coherent piece.
        least_norm: least norm between layers.
        verdicts: verdicts on circuits and steps.
    """

    points: dict[str, list[tuple[float, float, int]]]
    exponents: dict[str, float]
    reads: int
    least_norm: float
    verdicts: Verdicts


@dataclass(frozen=True)
class ComparisonReport:
    """Content of comparison.json: a row for each method, the number of layers of all networks, and the total time."""

    rows: list[Compared]
    layers: int
    seconds: float


def study(methods: Sequence[Method] | None = None) -> Study:
    """Build the study that runs every method over its sizes and errors, in float64 for any precision of the caller."""

    def document(rows: Mapping[str, Compared], seconds: Mapping[str, float]) -> ComparisonReport:
        return ComparisonReport([*rows.values()], LAYERS, sum(seconds.values()))

    items = {one.name: partial(_compared, method=one) for one in (METHODS if methods is None else methods)}
    title = "Coherent networks and those before them"
    return Study("comparison", title, {}, items, summary, row=Compared, document=document)


def _compared(rows: object, method: Method) -> Compared:
    size, error = method.entries[0], method.errors[0]
    with jax.enable_x64(True):
        by_size = [(n, *method.run(n, error)) for n in method.entries]
        by_error = [(1 / eps, *method.run(size, eps)) for eps in method.errors]
        circuit = method.circuit()
    ends = {"N": _end(by_size), "1/eps": _end(by_error)}
    verdicts = Verdicts(
        coherent_layers=all(between == 0 for *_, between in by_size),
        coherent_activation=circuit.activated,
        no_qram=circuit.reads == 0,
        norm_kept=circuit.least_norm > 0,
        polylog_in_error=ends["1/eps"] < POLYLOG,
        polylog_in_size=ends["N"] < POLYLOG,
    )
    about: dict[str, Any] = {one.name: getattr(method, one.name) for one in fields(About)}
    about |= {"reads": circuit.reads, "least_norm": circuit.least_norm}
    points: dict = {"N": by_size, "1/eps": by_error}
    return Compared(**about, points=points, exponents=ends, verdicts=verdicts)


def summary(report: ComparisonReport) -> Findings:
    """Return the tables of verdicts and of steps, and the meaning of their columns."""
    found, plots = report.rows, []
    verdicts = [[row.name, *("yes" if one else "no" for one in vars(row.verdicts).values())] for row in found]
    steps = [(row.name, row.read, *row.points["N"][0][:2], *row.exponents.values()) for row in found]
    for axis, name in (("N", "N"), ("1/eps", "errors")):
        series = []
        for row, color in zip(found, COLORS, strict=False):
            x, y, _ = zip(*row.points[axis], strict=True)
            series.append(Series(row.name, x, y, color=color))
        caption = f"Steps of each method against {axis}, the other one fixed."
        plots.append(Plot(name, axis, "steps", series, "log", "log", caption=caption))
    return Findings(
        text=[
            f"Each network has {LAYERS} layers and ran, or was built, at several sizes and errors. The error is "
            "Euclidean, of the whole state: with a fixed error of each entry instead, the powers of N of the first "
            "three are lower by those of 1/eps times a half.",
            "Layers: they are coherent, nothing is read out between them. Activation: it is, amplitudes are "
            "transformed, not numbers. No QRAM: no circuit reads a memory. Norm kept: the sum before a layer's "
            "normalization has a least norm for all weights of norm 1; instances without are a zero weight, and a "
            "value that cancels its token. Log 1/eps, log N: steps are polynomial in the logarithm, their exponent at "
            "the last two sizes is below a half.",
            "Steps are calls of circuits that load a vector plus numbers read and written, and for coherent networks, "
            "whose constants are far larger, layers of gates.",
        ],
        tables={
            "found": written(VERDICTS, verdicts, caption="Properties of each method, read off its circuits and steps."),
            "steps": table(STEPS, steps, caption="Steps of each method at its first size, and how they grow."),
            "steps by formula": table(FORMULAS, found, caption="Steps as the publication of each method states them."),
        },
        plots=plots,
        passed="",
    )


def _end(points: Sequence[tuple]) -> float:
    """Return the exponent between the last two points."""
    (x, steps, _), (y, more, _) = points[-2:]
    return math.log(more / steps) / math.log(y / x)
