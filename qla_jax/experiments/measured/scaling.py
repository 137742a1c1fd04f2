"""What readouts cost for a share of the peak accuracy, against the size of the images: the study `scaling`.

Networks of one architecture are trained on images resized to each size. Each is judged over ranks of the decomposition
and over precisions of tomography; the cost of a level is that of the coarsest setting from which on accuracies stay at
the level times the peak of the curve (`curves.cost_of_level`). Costs are queries of all transfers of one image;
coefficients of the decomposition have a fixed precision, errors uniform within it, and the price of single runs. The
exponents against the number of pixels come with intervals of 95 percent from all networks (`slopes.log_slope`:
ordinary least squares of logarithms, quantiles of Student's t), and are reported as they are.

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, figures 2 and 3. https://arxiv.org/abs/2402.18940
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

import jax
import jax.numpy as jnp

from qla_jax.data import ImageSet, identity, load, resized
from qla_jax.experiments.core.curves import cost_of_level
from qla_jax.experiments.core.slopes import Slope, log_slope
from qla_jax.experiments.core.study import Findings, Options, Plot, Row, Series, Study
from qla_jax.experiments.measured.networks import NetworkSetting, residual_network, shapes_of, train
from qla_jax.experiments.measured.readout_accuracy import accuracies, restored
from qla_jax.measurement import ReadoutMethod, chebyshev_readout, tomography
from qla_jax.measurement.traced_readouts import poisson_tomography, ranked_chebyshev
from qla_jax.nn.overheads import price

LEVELS = (0.9, 0.95)
METHODS = ("decomposition", "tomography")
AXES = (-2, -1)


@dataclass(frozen=True)
class Sweep:
    """Networks and what they are judged by.

    Attributes:
        images: as they come.
        network: all but the side.
        sides: of the images.
        seeds: of the networks of each side.
        parts: ranks are the side times 1/parts, 2/parts, ..., 1.
        eps: precision of the coefficients.
        noise: model of their estimation.
        deltas: precisions of tomography, falling.
        judges: test images at most.
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
        """From low to all."""
        return sorted({max(1, round(side * part / self.parts)) for part in range(1, self.parts + 1)})

    def measure(self, rows: Mapping[str, Row], side: int, seed: int) -> Row:
        """Train one network; accuracies and queries over ranks and over precisions."""
        images, network = resized(self.images, side), replace(self.network, side=side)
        fresh = residual_network(images, network, seed)
        row = train(fresh, images, network.epochs, network.learning_rate, seed)
        model, ranks = restored(fresh, row.pop("weights")), self.ranks(side)
        stacks: list[ReadoutMethod] = [
            ranked_chebyshev(jnp.array(ranks), axes=AXES, eps=self.eps, noise=self.noise),
            poisson_tomography(self.deltas),
        ]
        singles: list[list[ReadoutMethod]] = [
            [chebyshev_readout(rank=(rank, rank), eps=self.eps, cap=True) for rank in ranks],
            [tomography(delta=delta) for delta in self.deltas],
        ]
        row |= {"side": side, "seed": seed, "methods": {}}
        tests = images.test_images[: self.judges], images.test_labels[: self.judges]
        shapes = shapes_of(fresh, images)
        for number, (method, stack, readouts) in enumerate(zip(METHODS, stacks, singles, strict=True)):
            found = accuracies(model, *tests, stack, jax.random.fold_in(jax.random.key(seed), number))
            queries = [sum(price(readout, shape)[1] for shape in shapes) for readout in readouts]
            settings = [*ranks] if method == METHODS[0] else [*self.deltas]
            row["methods"][method] = {"settings": settings, "accuracies": found, "queries": queries}
        return row

    def settings(self) -> dict:
        """As JSON has them."""
        rest = {name: value for name, value in vars(self).items() if name not in ("images", "network")}
        return {"images": identity(self.images), **asdict(self.network), **rest}


def study(options: Options) -> Study:
    """A network for each size and seed.

    Raises:
        DatasetUnavailable: images that are not there.
        ValueError: images that cannot be used.
    """
    images = load(options.dataset or "digits", data_dir=options.data_dir, seed=options.seed)
    seeds = [options.seed + number for number in range(3)]
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
    return Study("scaling", title, sweep.settings(), items, summary)


def summary(rows: Mapping[str, Row]) -> Findings:
    """Costs of the levels, and their exponents."""
    table = [["", "level", "exponent", "low", "high", "points", "verdict"]]
    fits, plots, remarks = {}, [], []
    for method in METHODS:
        series = []
        for level in LEVELS:
            x, y, bounds = _costs(rows, method, level)
            law = log_slope(x, y)
            verdict = law.verdict if bounds < law.points else "unmeasured"
            fits[f"{method}, {level:g}"] = law._asdict() | {"verdict": verdict, "upper_bounds": bounds}
            numbers = [f"{value:.2f}" for value in (law.exponent, law.low, law.high)]
            table.append([method, f"{level:g}", *numbers, str(law.points), verdict])
            series += _series(level, x, y, law)
            if bounds:
                remarks.append(
                    f"{method}, {level:g}: the cheapest setting is good enough already for {bounds} of {law.points} "
                    "networks, whose costs are upper bounds."
                )
        plots.append(Plot(method, "pixels", "queries of all transfers", series, "log", "log", method))
    exact = [row["exact"] for row in rows.values()]
    about = (
        "Exponents of queries against pixels, intervals of 95 percent by least squares of logarithms over all networks."
    )
    return Findings(
        numbers={"fits": fits},
        remarks=[about, f"Accuracy with exact readouts: {min(exact):.3f} to {max(exact):.3f}.", *remarks],
        tables={"exponents against pixels": table, "means over networks": _means(rows)},
        plots=plots,
    )


def _costs(rows: Mapping[str, Row], method: str, level: float) -> tuple[list[float], list[float], int]:
    found = []
    for row in rows.values():
        curve = row["methods"][method]
        found.append((row["side"] ** 2, *_cost(curve, level)))
    x, y, bounded = zip(*found, strict=True)
    return list(x), list(y), sum(bounded)


def _cost(curve: Mapping, level: float) -> tuple[float, bool]:
    """Up to the peak of the curve: beyond it more coefficients may bring more noise than signal."""
    end = max(range(len(curve["accuracies"])), key=curve["accuracies"].__getitem__) + 1
    return cost_of_level(curve["queries"][:end], curve["accuracies"][:end], level)


def _series(level: float, x: list[float], y: list[float], law: Slope) -> list[Series]:
    ends = [min(x), max(x)]
    fitted = [law.factor * end**law.exponent for end in ends]
    told = f"{level:g} of the peak: {law.exponent:.2f} [{law.low:.2f}, {law.high:.2f}]"
    return [Series(told, x, y, style="o"), Series("", ends, fitted, style="-")]


def _means(rows: Mapping[str, Row]) -> list[list[str]]:
    table = [["side", "exact", *(f"{method[:6]}. {level:g}" for method in METHODS for level in LEVELS)]]
    for side in sorted({row["side"] for row in rows.values()}):
        chosen = [row for row in rows.values() if row["side"] == side]
        cells = [
            sum(_cost(row["methods"][method], level)[0] for row in chosen) / len(chosen)
            for method in METHODS
            for level in LEVELS
        ]
        exact = sum(row["exact"] for row in chosen) / len(chosen)
        table.append([str(side), f"{exact:.3f}", *(f"{cell:.2e}" for cell in cells)])
    return table
