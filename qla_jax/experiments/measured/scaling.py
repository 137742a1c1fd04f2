"""Costs of readouts for a share of the peak accuracy, against the size of the images: the study `scaling`.

Networks of one architecture are trained on images resized to each size. Each network is evaluated over ranks of the
decomposition and over precisions of tomography. The cost of a level is that of the coarsest setting from which on
accuracies stay at the level times the peak of the curve (`curves.cost_of_level`). Costs are queries of all transfers of
one image. Coefficients of the decomposition have a fixed precision, errors uniform within it, and the price of single
runs. The exponents against the number of pixels come with intervals of 95 percent from all networks (`fits.log_slope`:
ordinary least squares of logarithms, quantiles of Student's t), and are reported as they are.

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, figures 2 and 3. https://arxiv.org/abs/2402.18940
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from qla_jax.data import ImageSet, resized
from qla_jax.experiments.core.curves import cost_of_level
from qla_jax.experiments.core.figures import Plot, Series
from qla_jax.experiments.core.fits import log_slope
from qla_jax.experiments.core.study import Findings, Options, Study, settings_of
from qla_jax.experiments.core.tables import Column, Table, table, written
from qla_jax.experiments.measured.networks import NetworkSetting, residual_network, shapes_of, train
from qla_jax.experiments.measured.readout_accuracy import accuracies
from qla_jax.measurement import ReadoutMethod, chebyshev_readout, tomography
from qla_jax.measurement.traced_readouts import poisson_tomography, ranked_chebyshev

LEVELS = (0.9, 0.95)
METHODS = ("decomposition", "tomography")
AXES = (-2, -1)


@dataclass(frozen=True)
class AccuracyCurve:
    """Accuracies and queries of a readout by its settings."""

    settings: list[float]
    accuracies: list[float]
    queries: list[int]

    def cost(self, level: float) -> tuple[float, bool]:
        """Return the cost of a level, and whether it is only an upper bound.

        The curve counts up to its peak: beyond the peak further coefficients may bring more noise than signal.
        """
        end = max(range(len(self.accuracies)), key=self.accuracies.__getitem__) + 1
        return cost_of_level(self.queries[:end], self.accuracies[:end], level)


@dataclass(frozen=True)
class JudgedWidth:
    """Evaluated network: last loss, accuracy with exact readouts, side of its images, seed, and curves by readout."""

    loss: float
    exact: float
    side: int
    seed: int
    methods: dict[str, AccuracyCurve]


@dataclass(frozen=True)
class Sweep:
    """Networks and the settings of their evaluation.

    Attributes:
        images: images in their original size.
        network: settings of the networks except for the side.
        sides: sides of the images.
        seeds: seeds of the networks of each side.
        parts: number of ranks, which are the side times 1/parts, 2/parts, ..., 1.
        eps: precision of the coefficients, relative to the norm of the tensor.
        noise: model of their estimation.
        deltas: precisions of tomography, falling.
        judges: largest number of test images.
    """

    images: ImageSet
    network: NetworkSetting
    sides: Sequence[int]
    seeds: Sequence[int]
    parts: int = 12
    eps: float = 0.001
    noise: str = "uniform"
    deltas: Sequence[float] = (0.4, 0.28, 0.2, 0.14, 0.1, 0.07, 0.05, 0.035, 0.025, 0.018, 0.012)
    judges: int = 200

    def ranks(self, side: int) -> list[int]:
        """Return the ranks for a side, from low ones to all modes."""
        return sorted({max(1, round(side * part / self.parts)) for part in range(1, self.parts + 1)})

    def measure(self, rows: object, side: int, seed: int) -> JudgedWidth:
        """Train one network, and evaluate it over ranks and over precisions."""
        images, network, ranks = resized(self.images, side), self.network, self.ranks(side)
        fresh = residual_network(images, replace(network, side=side), seed)
        model, loss, exact = train(fresh, images, network.epochs, network.learning_rate, seed)
        settings: list[Sequence[float]] = [ranks, self.deltas]
        stacks: list[ReadoutMethod] = [
            ranked_chebyshev(jnp.array(ranks), axes=AXES, relative_eps=self.eps, noise=self.noise),
            poisson_tomography(self.deltas),
        ]
        singles: list[list[ReadoutMethod]] = [
            [chebyshev_readout(rank=(rank, rank), relative_eps=self.eps, cap=True) for rank in ranks],
            [tomography(delta=delta) for delta in self.deltas],
        ]
        tests = images.test_images[: self.judges], images.test_labels[: self.judges]
        shapes, curves = shapes_of(fresh, images), {}
        for number, method in enumerate(METHODS):
            key = jax.random.fold_in(jax.random.key(seed), number)
            queries = [sum(readout.price(shape)[1] for shape in shapes) for readout in singles[number]]
            curves[method] = AccuracyCurve(
                [*settings[number]], accuracies(model, *tests, stacks[number], key=key), queries
            )
        return JudgedWidth(loss, exact, side, seed, curves)


def study(options: Options) -> Study:
    """Build the study of a network for each size and seed."""
    images = options.images()
    seeds = options.seeds(3)
    sweep = Sweep(images, NetworkSetting(0, stages=3, epochs=10), (8, 12, 16, 20, 24, 32), seeds)
    if options.quick:
        network = NetworkSetting(0, stages=1, epochs=4)
        sweep = Sweep(images, network, (4, 6), seeds[:2], parts=2, deltas=(0.9, 0.3, 0.1), judges=24)
    items = {
        f"side {side}, network {seed}": partial(sweep.measure, side=side, seed=seed)
        for side in sweep.sides
        for seed in sweep.seeds
    }
    title = "Cost of a readout for a share of the peak accuracy, by size"
    return Study("scaling", title, settings_of(sweep), items, summary, row=JudgedWidth)


EXPONENTS = [
    Column("", "{0}", "readout"),
    Column("level", "{1:g}", "share of the peak accuracy"),
    Column("exponent", "{2.exponent:.2f}", "exponent of the queries in the number of pixels"),
    Column("low", "{2.low:.2f}", "lower end of its interval of 95 percent"),
    Column("high", "{2.high:.2f}", "upper end of that interval"),
    Column("points", "{2.points}", "number of networks in the fit"),
    Column("verdict", "{3}", "what the interval says of growth; unmeasured where all costs are upper bounds"),
]


def summary(rows: Mapping[str, JudgedWidth]) -> Findings:
    """Find the costs of the levels, and their exponents."""
    told, fits, plots, remarks = [], {}, [], []
    for method in METHODS:
        series = []
        for level in LEVELS:
            x = [row.side**2 for row in rows.values()]
            y, bounded = zip(*(row.methods[method].cost(level) for row in rows.values()), strict=True)
            law, bounds = log_slope(x, y), sum(bounded)
            verdict = law.verdict if bounds < law.points else "unmeasured"
            fits[f"{method}, {level:g}"] = law._asdict() | {"verdict": verdict, "upper_bounds": bounds}
            told.append((method, level, law, verdict))
            label = f"{level:g} of the peak: {law.exponent:.2f} [{law.low:.2f}, {law.high:.2f}]"
            ends = [min(x), max(x)]
            series.append(Series(label, x, y, style="o"))
            series.append(Series("", ends, [law.factor * end**law.exponent for end in ends], style="-"))
            if bounds:
                remarks.append(
                    f"{method}, {level:g}: the cheapest setting already reaches the level for {bounds} of {law.points} "
                    "networks, whose costs are upper bounds."
                )
        caption = "Queries that reach a share of the peak accuracy, against the number of pixels; lines are the fits."
        plots.append(Plot(method, "pixels", "queries of all transfers", series, "log", "log", method, caption=caption))
    exact = [row.exact for row in rows.values()]
    about = (
        "Exponents of queries against pixels, intervals of 95 percent by least squares of logarithms over all networks."
    )
    exponents = table(EXPONENTS, told, caption="Exponents of the queries against the number of pixels.")
    return Findings(
        numbers={"fits": fits},
        remarks=[about, f"Accuracy with exact readouts: {min(exact):.3f} to {max(exact):.3f}.", *remarks],
        tables={"exponents against pixels": exponents, "means over networks": _means(rows)},
        plots=plots,
    )


def _means(rows: Mapping[str, JudgedWidth]) -> Table:
    curves = [(method, level) for method in METHODS for level in LEVELS]
    columns = [
        ("side", "pixels along a side"),
        ("exact", "mean test accuracy with exact readouts"),
        *((f"{m[:6]}. {s:g}", f"mean queries of {m} for {s:g} of the peak accuracy") for m, s in curves),
    ]
    found = []
    for side in sorted({row.side for row in rows.values()}):
        chosen = [row for row in rows.values() if row.side == side]
        cells = [np.mean([row.methods[method].cost(level)[0] for row in chosen]) for method, level in curves]
        found.append([str(side), f"{np.mean([row.exact for row in chosen]):.3f}", *(f"{cell:.2e}" for cell in cells)])
    return written(columns, found, caption="Means over the networks of each size.")
