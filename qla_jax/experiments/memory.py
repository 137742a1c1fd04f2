r"""Infidelity of a quantum memory by address size and word length, with the fits: the study `qram`.

Reads of all addresses in superposition are simulated under damping and under depolarising noise. Behind that come the
two fits of `qram.extrapolation`, a quadratic in n for each k and a line in k, and what they foretell at sizes that were
left out of them, where it can be held to a simulation: n = 19 with words of 32 bits is a matrix of 577 x 768 numbers.
Under damping alone the fidelity is $(1 - \gamma)^H$, which is the study's check of itself, and under Pauli errors the
infidelity has a bound; both are held to measurement by Bernstein's inequality, so that chance fails neither. Bands are
of 95 percent, by the standard errors of the points, if the laws of the fits hold; chi-squared says whether they may.

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, appendix F, figures 6 and 7. Strengths of noise and
    fidelities are not legible there. https://arxiv.org/abs/2402.18940
"""

import math
from collections.abc import Mapping, Sequence
from functools import partial

import jax
import numpy as np
from jax import Array

from qla_jax import qram
from qla_jax._checks import require
from qla_jax.experiments.core.study import Findings, Options, Plot, Row, Series, Study
from qla_jax.qram import amplitude_damping, depolarising, held_site_count, infidelity_bound, memory, read_fidelity
from qla_jax.qram.extrapolation import Extrapolated
from qla_jax.qram.fidelity import Estimate
from qla_jax.qram.rates import ErrorRates
from qla_jax.qram.sweeps import Point

Size = tuple[int, int]
"""Bits of addresses and of words."""

RATES = {"damping": 1e-5, "depolarising": 2e-5}
QUICK_RATES = {"damping": 1e-3, "depolarising": 1e-3}
"""Higher, so that few shots see errors in small memories."""
CHANCE = 1e-9
"""Probability that a check of one point fails though all is well."""
BATCH = 1000


def study(options: Options) -> Study:
    """The grid and what is held out of it.

    Raises:
        ValueError: images, of which there are none in it.
    """
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
    )


def noises(rates: Mapping[str, float]) -> dict[str, ErrorRates]:
    """By name."""
    return {"damping": amplitude_damping(rates["damping"]), "depolarising": depolarising(rates["depolarising"])}


def measure(rows: Mapping[str, Row], n: int, k: int, *, rates: Mapping[str, float], shots: int, seed: int) -> Row:
    """Both noises on one memory of random words, in float64 whatever the caller's precision."""
    with jax.enable_x64(True):
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), n), k)
        content, errors = jax.random.split(key)
        mem = memory(np.asarray(jax.random.bernoulli(content, shape=(1 << n, k))), word_bits=k)

        @jax.jit
        def read(noise: ErrorRates, key: Array) -> Estimate:
            return read_fidelity(mem, noise, shots=shots, batch=BATCH, key=key)

        row: Row = {"n": n, "k": k, "shots": shots, "held_sites": held_site_count(n, k), "noises": {}}
        for number, (name, noise) in enumerate(noises(rates).items()):
            found = read(noise, jax.random.fold_in(errors, number))
            row["noises"][name] = {
                "infidelity": 1 - float(found.value),
                "standard_error": float(found.standard_error),
                "bound": float(infidelity_bound(n, k, noise)),
            }
    return row


def summary(
    rows: Mapping[str, Row], rates: Mapping[str, float], held_out: Sequence[Size], wanted: Sequence[Size]
) -> Findings:
    """Fits over the grid, what they foretell, and whether what is proven holds."""
    left_out = {(row["n"], row["k"]): row for row in rows.values() if (row["n"], row["k"]) in held_out}
    grid = [row for row in rows.values() if (row["n"], row["k"]) not in held_out]
    fits: dict[str, dict] = {}
    foretold = [["noise", "n", "k", "foretold", "low", "high", "measured", "bound"]]
    for name, noise in noises(rates).items():
        points = [_point(row, name) for row in grid]
        for n, k in wanted:
            law = qram.extrapolate_points(points, address_bits=n, word_bits=k)
            measured = left_out[n, k]["noises"][name] if (n, k) in left_out else None
            fits[f"{name} n={n} k={k}"] = _told(law) | {"measured": measured}
            with jax.enable_x64(True):
                bound = float(infidelity_bound(n, k, noise))
            seen = "" if measured is None else "{infidelity:.2e} ({standard_error:.0e})".format(**measured)
            numbers = [_short(value) for value in (law.value, law.low, law.high)]
            foretold.append([name, str(n), str(k), *numbers, seen, _short(bound)])
    return Findings(
        numbers={"fits": fits},
        remarks=_remarks(fits, rates),
        failures=[line for row in rows.values() for line in failed(row, rates["damping"])],
        tables={f"infidelity, {name}": _table(grid, name) for name in rates} | {"foretold by the fits": foretold},
        plots=[_plot(grid, name, rate) for name, rate in rates.items()],
    )


def failed(row: Row, damping: float) -> list[str]:
    """A line for each noise whose infidelity is not what is proven, and not by chance."""
    lines, where = [], f"at n = {row['n']}, k = {row['k']}"
    for name, found in row["noises"].items():
        if found["infidelity"] > found["bound"] + reach(found["bound"], row["shots"]):
            lines.append(f"{name}: infidelity {found['infidelity']:.3g} above its bound {found['bound']:.3g} {where}.")
    found, exact = row["noises"]["damping"], -math.expm1(row["held_sites"] * math.log1p(-damping))
    if found["infidelity"] < exact - reach(exact, row["shots"]):
        lines.append(f"damping: infidelity {found['infidelity']:.3g} below the exact {exact:.3g} {where}.")
    return lines


def reach(infidelity: float, shots: int) -> float:
    r"""How far a mean of shots may be off, by Bernstein's inequality.

    Shots f lie in [-1, 1], so $\mathrm{Var} f \le E(1 - f)^2 \le 2(1 - F)$, and no shot is off its mean by more than 2.
    """
    doubt = math.log(1 / CHANCE) / shots
    return math.sqrt(2 * 2 * infidelity * doubt) + 2 * 2 * doubt / 3


def _point(row: Row, name: str) -> Point:
    n, k = row["n"], row["k"]
    return Point(n, k, qram.site_count(n, k), row["held_sites"], **row["noises"][name], shots=row["shots"])


def _told(law: Extrapolated) -> dict:
    fits = [
        {"coefficients": fit.coefficients.tolist(), "chi_squared": fit.chi_squared, "freedom": fit.freedom}
        for fit in (*law.by_length, law.line)
    ]
    return {"value": law.value, "low": law.low, "high": law.high, "quadratics": fits[:-1], "line": fits[-1]}


def _remarks(fits: Mapping[str, dict], rates: Mapping[str, float]) -> list[str]:
    told = []
    for name in rates:
        law = next(law for key, law in fits.items() if key.startswith(name))
        left, freedom = (sum(fit[part] for fit in law["quadratics"]) for part in ("chi_squared", "freedom"))
        told.append(f"{name}: the quadratics leave a chi-squared of {left:.1f} at {freedom} degrees of freedom.")
    return [
        "Rates at a site: "
        + ", ".join(f"{name} {rate:g}" for name, rate in rates.items())
        + ". Intervals of the figures "
        "and numbers in brackets are standard errors; a point without any error seen counts in the fits as one shot.",
        *told,
        "By the bounds longer words are worse. The reference has fidelity increase towards its second memory, which "
        "then must have the shorter words.",
    ]


def _table(grid: list[Row], name: str) -> list[list[str]]:
    sizes, lengths = (sorted({row[axis] for row in grid}) for axis in ("n", "k"))
    found = {(row["n"], row["k"]): row["noises"][name]["infidelity"] for row in grid}
    return [["", *(f"n = {n}" for n in sizes)], *([f"k = {k}", *(_short(found[n, k]) for n in sizes)] for k in lengths)]


def _plot(grid: list[Row], name: str, rate: float) -> Plot:
    series = []
    for k in sorted({row["k"] for row in grid}):
        chosen = [row for row in grid if row["k"] == k]
        found = [row["noises"][name] for row in chosen]
        values, errors = ([part[field] for part in found] for field in ("infidelity", "standard_error"))
        low, high = zip(*((v - e, v + e) for v, e in zip(values, errors, strict=True)), strict=True)
        series.append(Series(f"k = {k}", [row["n"] for row in chosen], values, low, high))
    return Plot(name, "address bits n", "infidelity", series, title=f"{name}, rate {rate:g}")


def _short(value: float) -> str:
    return f"{value:.2e}"
