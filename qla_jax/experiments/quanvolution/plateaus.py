r"""Barren plateaus: the variance of a gradient component against qubits and depth, fitted: the study `plateaus`.

Components are those of random circuits (`variational.plateaus`) with the watched angle in the first layer. Variances
have a relative error of about $\sqrt{2/S}$ for S samples of a normal law, and a larger one for the heavy tails of
plateaus. The error of a fit is found by resampling seeds. Fits are $\mathrm{Var} = c\,2^{bn}$ over all sizes and over
the larger half, and a power of n: the straighter of the two distinguishes exponential from polynomial decay.

References:
    McClean et al. (2018), variance as $2^{-n}$ for deep circuits. https://arxiv.org/abs/1803.11173
    Cerezo et al. (2021), costs and depth. https://arxiv.org/abs/2001.00550
    Grant et al. (2019), starts at the identity. https://arxiv.org/abs/1903.05076
    Pesah et al. (2021), QCNN. https://arxiv.org/abs/2011.02966
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import jax
import numpy as np

from qla_jax.experiments.core.figures import Plot, Series
from qla_jax.experiments.core.study import Findings, Options, Study
from qla_jax.experiments.core.tables import Column, table
from qla_jax.variational.plateaus import (
    Cost,
    global_cost,
    gradient_samples,
    identity_blocks,
    local_cost,
    qubit_cost,
    random_circuit,
    random_qcnn,
)

SMALL_ANGLES = 0.1
RESAMPLES = 1000
LIMITS = (2.5, 97.5)
"""Ends of intervals, in percent."""
SHALLOW = 2


@dataclass(frozen=True)
class PlateauSetting:
    """Family of circuits and a cost.

    Attributes:
        build: function from a number of qubits and, except for a QCNN, a depth to a circuit.
        cost: function from the final state to a real number.
    """

    build: partial
    cost: Cost


FAMILIES = {
    "global, random": PlateauSetting(partial(random_circuit), global_cost),
    "local, random": PlateauSetting(partial(random_circuit), local_cost),
    "global, small angles": PlateauSetting(partial(random_circuit, spread=SMALL_ANGLES), global_cost),
    "global, identity blocks": PlateauSetting(partial(identity_blocks), global_cost),
    "QCNN": PlateauSetting(partial(random_qcnn), qubit_cost((0,))),
}
CURVES = (
    ("global, random", True),
    ("global, random", False),
    ("local, random", True),
    ("local, random", False),
    ("global, small angles", True),
    ("global, identity blocks", True),
    ("QCNN", True),
)
"""Family of each curve, and whether it is deep; the depth of a QCNN is fixed."""


@dataclass(frozen=True)
class Component:
    """Samples of a gradient component, from which all results follow."""

    family: str
    qubits: int
    depth: int | None
    samples: list[float]

    @property
    def label(self) -> str:
        """Name of the component's curve."""
        return self.family if self.depth is None else f"{self.family}, depth {self.depth}"


def measure(rows: object, family: str, qubits: int, depth: int | None, samples: int, seed: int) -> Component:
    """Draw samples of a gradient component.

    Args:
        rows: rows of earlier items, unused.
        family: family of circuits.
        qubits: number of qubits.
        depth: depth of the circuits, None for a QCNN.
        samples: number of samples.
        seed: seed of the draws.
    """
    setting = FAMILIES[family]
    sizes = {"num_qubits": qubits} if depth is None else {"num_qubits": qubits, "depth": depth}
    build, key = partial(setting.build, **sizes), jax.random.fold_in(jax.random.key(seed), qubits)
    found = jax.jit(lambda key: gradient_samples(build, setting.cost, samples, key=key))(key)
    return Component(family, qubits, depth, np.asarray(found, float).tolist())


def study(options: Options) -> Study:
    """Build the study of variances by qubits, then by depth."""
    sizes, deep, samples = ((2, 4, 6), 4, 32) if options.quick else ((4, 6, 8, 10, 12, 14, 16), 32, 200)
    depths, at = ((1, 2), 4) if options.quick else ((1, 2, 4, 8, 16, 32, 64), 8)
    curves = CURVES[:1] + CURVES[-1:] if options.quick else CURVES
    wanted = [
        (family, qubits, None if family == "QCNN" else deep if is_deep else SHALLOW)
        for family, is_deep in curves
        for qubits in sizes
    ]
    families = ("global, random", "local, random")[: 1 if options.quick else 2]
    wanted += [(family, at, depth) for family in families for depth in depths]
    items = {
        f"{family}, {qubits} qubits" + ("" if depth is None else f", depth {depth}"): partial(
            measure, family=family, qubits=qubits, depth=depth, samples=samples, seed=options.seed
        )
        for family, qubits, depth in wanted
    }
    settings = {"sizes": sizes, "deep": deep, "depths": depths, "at": at, "samples": samples, "seed": options.seed}
    fits = partial(summary, sizes=sizes, at=at)
    return Study("plateaus", "Variance of gradients", settings, items, fits, row=Component)


FITS = [
    Column("family", "{family}", "family of circuits and cost function"),
    Column("depth", "{depth}", "layers of the circuit"),
    Column("b", "{exponent:.2f}", "the variance falls as 2^(b n)"),
    Column("from", "{low:.2f}", "lower end of the interval of 95 percent of b"),
    Column("to", "{high:.2f}", "upper end of that interval"),
    Column("larger half", "{larger_half:.2f}", "b over the larger half of the sizes"),
    Column("power of n", "{power:.2f}", "exponent of n, if the variance is fitted as a power"),
]


def summary(rows: Mapping[str, Component], sizes: Sequence[int], at: int) -> Findings:
    """Fit exponents with their intervals, and draw both figures.

    Args:
        rows: samples of all components.
        sizes: numbers of qubits.
        at: number of qubits of the figure by depth.
    """
    by_curve: dict[str, list[Component]] = {}
    by_family: dict[str, list[Component]] = {}
    for row in rows.values():
        by_curve.setdefault(row.label, []).append(row)
        if row.depth is not None:
            by_family.setdefault(row.family, []).extend([row] if row.qubits == at else [])
    curves = {label: found for label, found in by_curve.items() if len(found) == len(sizes)}
    fits = {label: fitted(sizes, [row.samples for row in found]) for label, found in curves.items()}
    told = [{"family": found[0].family, "depth": found[0].depth or ""} | fits[name] for name, found in curves.items()]
    of_depth = {name: sorted(found, key=lambda row: row.depth or 0) for name, found in by_family.items()}
    by_qubits = [_series(label, sizes, found) for label, found in curves.items()]
    by_depth = [
        _series(name, [row.depth or 0 for row in found], found) for name, found in of_depth.items() if len(found) > 1
    ]
    remark = "b: the variance falls as 2^(b n) over all sizes, with an interval of 95 percent by resampling the seeds."
    return Findings(
        numbers={"fits": fits},
        remarks=[remark, "A depth of blocks at the identity is that of both halves together."],
        tables={"fits": table(FITS, told, caption="Fits of the variance against the number of qubits n.")},
        plots=[
            Plot(
                "qubits",
                "qubits",
                "variance",
                by_qubits,
                yscale="log",
                title="variance of a gradient component",
                caption="Variance over random circuits against the number of qubits, with intervals of 95 percent by "
                "resampling.",
            ),
            Plot(
                "depth",
                "depth",
                "variance",
                by_depth,
                "log",
                "log",
                title=f"{at} qubits",
                caption=f"Variance over random circuits of {at} qubits by depth, with intervals of 95 percent.",
            ),
        ],
    )


def fitted(sizes: Sequence[int], samples: Sequence[Sequence[float]]) -> dict[str, float]:
    """Return the exponent of 2^n with its interval, that of the larger half, and the exponent of a power of n.

    Args:
        sizes: numbers of qubits.
        samples: samples of a component for each size.
    """
    variances, logs = np.asarray(samples), np.log2(np.var(samples, axis=1))
    # The seed is fixed, so that intervals depend on the rows alone.
    drawn = np.random.default_rng(0).integers(0, variances.shape[1], (RESAMPLES, *variances.shape))
    resampled = np.take_along_axis(variances[None], drawn, axis=2).var(axis=2)
    low, high = np.percentile(np.polyfit(sizes, np.log2(resampled).T, 1)[0], LIMITS)
    half = len(sizes) // 2
    return {
        "exponent": float(np.polyfit(sizes, logs, 1)[0]),
        "low": float(low),
        "high": float(high),
        "larger_half": float(np.polyfit(sizes[half:], logs[half:], 1)[0]),
        "power": float(np.polyfit(np.log2(sizes), logs, 1)[0]),
    }


def _series(label: str, places: Sequence[int], rows: Sequence[Component]) -> Series:
    """Return variances with intervals of 95 percent by resampling."""
    rng, values, ends = np.random.default_rng(0), [], []
    for row in rows:
        samples = np.asarray(row.samples)
        values.append(float(samples.var()))
        spread = rng.choice(samples, (RESAMPLES, len(samples))).var(axis=1)
        ends.append(np.percentile(spread, LIMITS))
    low, high = np.transpose(ends).tolist()
    return Series(label, list(places), values, low, high)
