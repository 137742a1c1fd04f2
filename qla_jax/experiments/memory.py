r"""Infidelity of a quantum memory by address size and word length, with the fits: the study `qram`.

Reads of all addresses in superposition are simulated under damping and under depolarizing noise. The two fits of
`qram.extrapolation` follow, a quadratic in n for each k and a line in k. Predictions of the fits are compared with
simulations at sizes that were left out of them: n = 19 with words of 32 bits is a matrix of 577 x 768 numbers. Under
damping alone the fidelity is $(1 - \gamma)^H$, which is the study's own check. Under Pauli errors the infidelity has a
bound. Both are compared with measurements within Bernstein's inequality, so that chance fails neither. Bands have a
confidence of 95 percent, from the standard errors of the points, if the laws of the fits hold; chi-squared shows
whether the data contradict them.

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, appendix F, figures 6 and 7. Strengths of noise and
    fidelities are not legible there. https://arxiv.org/abs/2402.18940
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import Array

from qla_jax import qram
from qla_jax._checks import require
from qla_jax.experiments.core.figures import Plot, Series
from qla_jax.experiments.core.study import Findings, Options, Study
from qla_jax.experiments.core.tables import Column, Table, table, written
from qla_jax.qram import amplitude_damping, depolarizing, held_site_count, infidelity_bound, memory, read_fidelity
from qla_jax.qram.extrapolation import Extrapolated
from qla_jax.qram.fidelity import Estimate
from qla_jax.qram.rates import ErrorRates
from qla_jax.qram.sweeps import Point

Size = tuple[int, int]
"""Number of bits of addresses and of words."""

RATES = {"damping": 1e-5, "depolarizing": 2e-5}
QUICK_RATES = {"damping": 1e-3, "depolarizing": 1e-3}
"""Higher rates, so that few shots see errors in small memories."""
CHANCE = 1e-9
"""Probability that the check of one point fails by chance."""
BATCH = 1000


@dataclass(frozen=True)
class Infidelity:
    """Infidelity of a memory's read with its standard error, and the proven bound on it."""

    infidelity: float
    standard_error: float
    bound: float


@dataclass(frozen=True)
class MemoryStudy:
    """Infidelities of one memory.

    Attributes:
        n: number of bits of addresses.
        k: number of bits of words.
        shots: number of simulated reads.
        held_sites: number of sites whose damping is an error.
        noises: infidelity by noise.
    """

    n: int
    k: int
    shots: int
    held_sites: int
    noises: dict[str, Infidelity]


def study(options: Options) -> Study:
    """Build the study of a grid of sizes and of sizes that are left out of the fits."""
    require(
        options.dataset is None, f"`dataset` must not be given for a study without images, but is {options.dataset!r}."
    )
    sizes, lengths, shots = ((2, 3, 4), (1, 2), 1000) if options.quick else ((4, 6, 8, 10, 12), (1, 2, 4, 8), 30_000)
    held_out: tuple[Size, ...] = () if options.quick else ((16, 16), (19, 32))
    wanted: tuple[Size, ...] = ((5, 3),) if options.quick else (*held_out, (19, 64))
    rates = QUICK_RATES if options.quick else RATES
    grid = [(n, k) for k in lengths for n in sizes]
    return Study(
        name="qram",
        title="Infidelity of a quantum memory",
        settings={
            "quick": options.quick,
            "seed": options.seed,
            "sizes": [*sizes],
            "lengths": [*lengths],
            "held_out": [list(pair) for pair in held_out],
            "shots": shots,
            "rates": rates,
        },
        items={
            f"n={n} k={k}": partial(measure, n=n, k=k, rates=rates, shots=shots, seed=options.seed)
            for n, k in (*grid, *held_out)
        },
        summary=partial(summary, rates=rates, held_out=held_out, wanted=wanted),
        row=MemoryStudy,
    )


def noises(rates: Mapping[str, float]) -> dict[str, ErrorRates]:
    """Return both noises by name."""
    return {"damping": amplitude_damping(rates["damping"]), "depolarizing": depolarizing(rates["depolarizing"])}


def measure(rows: object, n: int, k: int, *, rates: Mapping[str, float], shots: int, seed: int) -> MemoryStudy:
    """Measure both noises on one memory of random words, in float64 for any precision of the caller.

    Args:
        rows: rows of earlier items, unused.
        n: number of bits of addresses.
        k: number of bits of words.
        rates: rate by noise.
        shots: number of simulated reads.
        seed: seed of words and errors.
    """
    with jax.enable_x64(True):
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), n), k)
        content, errors = jax.random.split(key)
        mem = memory(np.asarray(jax.random.bernoulli(content, shape=(1 << n, k))), word_bits=k)

        @jax.jit
        def read(noise: ErrorRates, key: Array) -> Estimate:
            return read_fidelity(mem, noise, shots=shots, batch=BATCH, key=key)

        seen = {}
        for number, (name, noise) in enumerate(noises(rates).items()):
            found = read(noise, jax.random.fold_in(errors, number))
            bound = float(infidelity_bound(n, k, noise))
            seen[name] = Infidelity(1 - float(found.value), float(found.standard_error), bound)
    return MemoryStudy(n, k, shots, held_site_count(n, k), seen)


PREDICTED = [
    Column("noise", "{0}", "kind of noise"),
    Column("n", "{1}", "address bits"),
    Column("k", "{2}", "bits of a word"),
    Column("predicted", "{3:.2e}", "infidelity that the fits predict"),
    Column("low", "{4:.2e}", "lower end of its interval"),
    Column("high", "{5:.2e}", "upper end of its interval"),
    Column("measured", "{6}", "measured infidelity with its standard error, where the size was left out of the fits"),
    Column("bound", "{7:.2e}", "proven bound"),
]


def summary(
    rows: Mapping[str, MemoryStudy], rates: Mapping[str, float], held_out: Sequence[Size], wanted: Sequence[Size]
) -> Findings:
    """Fit over the grid, and return predictions of the fits and checks of the proven laws.

    Args:
        rows: infidelities of all memories.
        rates: rate by noise.
        held_out: sizes that are left out of the fits.
        wanted: sizes of the predictions.
    """
    left_out = {(row.n, row.k): row for row in rows.values() if (row.n, row.k) in held_out}
    grid = [row for row in rows.values() if (row.n, row.k) not in held_out]
    fits: dict[str, dict] = {}
    foretold, told = [], []
    for name, noise in noises(rates).items():
        points = [_point(row, name) for row in grid]
        for n, k in wanted:
            law = qram.extrapolate_points(points, address_bits=n, word_bits=k)
            measured = left_out[n, k].noises[name] if (n, k) in left_out else None
            fits[f"{name} n={n} k={k}"] = _law(law) | {"measured": measured}
            with jax.enable_x64(True):
                bound = float(infidelity_bound(n, k, noise))
            seen = "" if measured is None else f"{measured.infidelity:.2e} ({measured.standard_error:.0e})"
            foretold.append((name, n, k, law.value, law.low, law.high, seen, bound))
        quadratics = next(law for key, law in fits.items() if key.startswith(name))["quadratics"]
        left, freedom = (sum(fit[part] for fit in quadratics) for part in ("chi_squared", "freedom"))
        told.append(f"{name}: the quadratics leave a chi-squared of {left:.1f} at {freedom} degrees of freedom.")
    at = ", ".join(f"{name} {rate:g}" for name, rate in rates.items())
    return Findings(
        numbers={"fits": fits},
        remarks=[
            f"Rates at a site: {at}. Intervals of the figures and numbers in brackets are standard errors; a point "
            "without any observed error counts in the fits as one shot.",
            *told,
            "By the bounds longer words are worse. The reference has a higher fidelity for its second memory, "
            "which then must have the shorter words.",
        ],
        failures=[line for row in rows.values() for line in failed(row, rates["damping"])],
        tables={f"infidelity, {name}": _grid(grid, name) for name in rates}
        | {
            "predicted by the fits": table(
                PREDICTED, foretold, caption="Infidelities of larger memories, as the fits predict them."
            )
        },
        plots=[_plot(grid, name, rate) for name, rate in rates.items()],
    )


def failed(row: MemoryStudy, damping: float) -> list[str]:
    """Return a line for each noise whose infidelity contradicts what is proven, beyond chance.

    Args:
        row: infidelities of one memory.
        damping: rate of damping.
    """
    lines, where = [], f"at n = {row.n}, k = {row.k}"
    for name, found in row.noises.items():
        if found.infidelity > found.bound + reach(found.bound, row.shots):
            lines.append(f"{name}: infidelity {found.infidelity:.3g} above its bound {found.bound:.3g} {where}.")
    found, exact = row.noises["damping"], -math.expm1(row.held_sites * math.log1p(-damping))
    if found.infidelity < exact - reach(exact, row.shots):
        lines.append(f"damping: infidelity {found.infidelity:.3g} below the exact {exact:.3g} {where}.")
    return lines


def reach(infidelity: float, shots: int) -> float:
    r"""Return the largest deviation of a mean of shots from its expectation, by Bernstein's inequality.

    Shots f lie in [-1, 1], so $\mathrm{Var} f \le E(1 - f)^2 \le 2(1 - F)$, and no shot deviates from its mean by more
    than 2.

    Args:
        infidelity: expected infidelity 1 - F.
        shots: number of shots.
    """
    doubt = math.log(1 / CHANCE) / shots
    return math.sqrt(2 * 2 * infidelity * doubt) + 2 * 2 * doubt / 3


def _point(row: MemoryStudy, name: str) -> Point:
    sites = qram.site_count(row.n, row.k)
    return Point(row.n, row.k, sites, row.held_sites, **vars(row.noises[name]), shots=row.shots)


def _law(law: Extrapolated) -> dict[str, Any]:
    *quadratics, line = (
        {"coefficients": fit.coefficients, "chi_squared": fit.chi_squared, "freedom": fit.freedom}
        for fit in (*law.by_length, law.line)
    )
    return {"value": law.value, "low": law.low, "high": law.high, "quadratics": quadratics, "line": line}


def _grid(grid: Sequence[MemoryStudy], name: str) -> Table:
    sizes, lengths = sorted({row.n for row in grid}), sorted({row.k for row in grid})
    found = {(row.n, row.k): f"{row.noises[name].infidelity:.2e}" for row in grid}
    columns = [("", "bits of a word"), *((f"n = {n}", f"mean infidelity at {n} address bits") for n in sizes)]
    rows = [[f"k = {k}", *(found[n, k] for n in sizes)] for k in lengths]
    return written(columns, rows, caption=f"Mean infidelity of a read under {name} by address bits n and word bits k.")


def _plot(grid: Sequence[MemoryStudy], name: str, rate: float) -> Plot:
    series = []
    for k in sorted({row.k for row in grid}):
        places, found = zip(*((row.n, row.noises[name]) for row in grid if row.k == k), strict=True)
        low, high = ([one.infidelity + sign * one.standard_error for one in found] for sign in (-1, 1))
        series.append(Series(f"k = {k}", places, [one.infidelity for one in found], low, high))
    caption = f"Mean infidelity of a read under {name} against the address bits, with standard errors."
    return Plot(name, "address bits n", "infidelity", series, title=f"{name}, rate {rate:g}", caption=caption)
