"""Summary of the study `table3`: its tables, its figure, and a comparison of accuracies with the printed ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from qla_jax.experiments.core.figures import Plot, Series
from qla_jax.experiments.core.study import Findings, Rows
from qla_jax.experiments.core.tables import Column, Table, table, written
from qla_jax.experiments.measured.networks import Layer
from qla_jax.experiments.measured.printed_overheads import BREAK_EVEN, DIGITS, PRECISIONS, PRINTED, Printed
from qla_jax.measurement import ReadoutMethod, chebyshev_readout, tomography

COLLAPSE = 0.2
"""Lost accuracy that counts as a collapse: in print tomography loses 0.51, and the decomposition at most 0.04."""
FINE, MIDDLE, ROUGH, COARSE = 0.001, 0.004, 0.02, 0.04
TOMOGRAPHY = "tomography"
FIDELITIES = {"0.99 to 1": 0.01, "0.9 to 0.99": 0.1, "0.5 to 0.9": 0.5, "below 0.5": 1.0}
"""Ranges of fidelity, and the largest infidelity in each."""

Cells = dict[str, dict[float, list[float]]]
"""Accuracies of each network, by readout and precision."""

BY_FIDELITY = [
    Column("fidelity", "{0}", "range of the mean fidelity of states"),
    Column("settings", "{1}", "number of readouts in that range"),
    Column("lowest", "{2}", "lowest mean accuracy among them"),
    Column("mean", "{3}", "mean of their accuracies"),
    Column("highest", "{4}", "highest mean accuracy among them"),
]


class Overhead(NamedTuple):
    """Printed cell with the overhead that the formula gives; a rank of None stands for tomography."""

    rank: int | None
    eps: float
    accuracy: float
    overhead: float
    formula: float


@dataclass(frozen=True)
class Overheads:
    """All printed cells."""

    entries: list[Overhead]


@dataclass(frozen=True)
class TrainedRow:
    """Trained network: weights, last loss, accuracy with exact readouts, and its transfers."""

    weights: list[list[float]]
    loss: float
    exact: float
    layers: list[Layer]


@dataclass(frozen=True)
class ByModel:
    """Accuracies of all ranks by model of noise."""

    accuracies: dict[str, list[float]]


def summary(rows: Rows, seeds: Sequence[int], ranks: Sequence[int], precisions: Sequence[float]) -> Findings:
    """Return tables, figure and verdicts; the check is that of all printed overheads.

    Args:
        rows: rows of the study.
        seeds: seed of each network.
        ranks: ranks of the decomposition.
        precisions: precisions of both readouts.
    """
    entries = rows["printed overheads"].entries
    right = sum(_rounded(entry.formula) == entry.overhead for entry in entries)
    found, infidelity = (measured(rows, seeds, ranks, precisions, what) for what in ("accuracies", "infidelities"))
    by_fidelity = accuracy_by_fidelity(found, infidelity)
    cost = costs(rows[f"network {seeds[0]}"].layers, ranks, precisions)
    exact = [rows[f"network {seed}"].exact for seed in seeds]
    shape = {"measured": shape_of(found), "printed": shape_of(printed_cells("accuracy", 100))}
    ranges = [(name, len(cells), *_low_mean_high(cells)) for name, cells in by_fidelity.items()]
    by_model = {
        f"accuracy by model of noise, {key.split(', ')[1]}": written(
            [
                ("model", "model of the noise of an estimation"),
                *((f"rank {r}", f"accuracy at rank {r}") for r in ranks),
            ],
            [[model, *(f"{value:.3f}" for value in values)] for model, values in row.accuracies.items()],
            caption="Mean accuracy under different models of the noise of amplitude estimation.",
        )
        for key, row in rows.items()
        if isinstance(row, ByModel)
    }
    tables = {
        "overhead, printed and by formula": _overheads(entries),
        "accuracy here, mean": _grid(
            "Mean test accuracy of the networks", found, precisions, lambda values: f"{np.mean(values):.3f}"
        ),
        "fidelity here, mean": _grid(
            "Mean fidelity of states", infidelity, precisions, lambda values: f"{1 - np.mean(values):.3f}"
        ),
        "accuracy by that fidelity": table(
            BY_FIDELITY, ranges, caption="Test accuracy of all readouts by the mean fidelity of the states they read."
        ),
        "accuracy in print": _grid(
            "Accuracy in the paper", printed_cells("accuracy", 100), PRECISIONS, lambda values: f"{values[0]:.3f}"
        ),
        "queries times T-depth here": _grid("Queries times T-depth", cost, precisions, lambda value: f"{value:.2e}"),
    }
    numbers = {"right": right, "of": len(entries), "break_even": BREAK_EVEN, "shape": shape, "exact": exact}
    return Findings(
        numbers=numbers | {"by_fidelity": by_fidelity},
        conclusions=_remarks(right, len(entries), exact, shape, by_fidelity),
        failures=[] if right == len(PRINTED) else [f"{right} of {len(PRINTED)} printed overheads are reproduced."],
        tables=tables | by_model,
        plots=[_plot(found, cost, precisions)],
    )


def measured(rows: Rows, seeds: Sequence[int], ranks: Sequence[int], precisions: Sequence[float], what: str) -> Cells:
    """Return accuracies or infidelities of all networks, by readout and precision.

    Args:
        rows: rows of the study.
        seeds: seed of each network.
        ranks: ranks of the decomposition.
        precisions: precisions of both readouts.
        what: "accuracies" or "infidelities".
    """
    cells: Cells = {name: {} for name in (*(f"rank {rank}" for rank in ranks), TOMOGRAPHY)}
    for place, eps in enumerate(precisions):
        for number, rank in enumerate(ranks):
            cells[f"rank {rank}"][eps] = [getattr(rows[f"network {s}, eps {eps:g}"], what)[number] for s in seeds]
        cells[TOMOGRAPHY][eps] = [getattr(rows[f"network {s}, tomography"], what)[place] for s in seeds]
    return cells


def accuracy_by_fidelity(found: Cells, infidelity: Cells) -> dict[str, list[float]]:
    """Return mean accuracies over networks of all readouts whose states have a mean fidelity in each range.

    Args:
        found: accuracies by readout and precision.
        infidelity: infidelities by readout and precision.
    """
    ranges: dict[str, list[float]] = {name: [] for name in FIDELITIES}
    for name, cells in found.items():
        for eps, values in cells.items():
            missing = float(np.mean(infidelity[name][eps]))
            place = next(place for place, most in FIDELITIES.items() if missing <= most)
            ranges[place].append(float(np.mean(values)))
    return ranges


def costs(layers: Sequence[Layer], ranks: Sequence[int], precisions: Sequence[float]) -> dict[str, dict[float, float]]:
    """Return queries times T-depth over all transfers, of single runs of estimation and of tomography.

    Args:
        layers: transfers of the network.
        ranks: ranks of the decomposition.
        precisions: precisions of both readouts.
    """

    def total(readout: ReadoutMethod) -> float:
        return float(sum(readout.price(layer.shape)[1] * layer.depth for layer in layers))

    by_rank = {
        f"rank {rank}": {
            eps: total(chebyshev_readout(rank=(rank, rank), relative_eps=eps, cap=True)) for eps in precisions
        }
        for rank in ranks
    }
    return by_rank | {TOMOGRAPHY: {eps: total(tomography(delta=eps)) for eps in precisions}}


def shape_of(cells: Cells) -> dict[str, float | None]:
    """Return the loss of accuracy between precisions, and the span of ranks at the coarsest precision.

    Values that were not measured are None.
    """

    def lost(name: str, fine: float, rough: float) -> float | None:
        found = cells[name]
        return float(np.mean(found[fine]) - np.mean(found[rough])) if fine in found and rough in found else None

    ranks = [name for name in cells if name != TOMOGRAPHY]
    losses = [loss for name in ranks if (loss := lost(name, FINE, ROUGH)) is not None]
    coarse = [np.mean(cells[name][COARSE]) for name in ranks if COARSE in cells[name]]
    return {
        "tomography_lost": lost(TOMOGRAPHY, MIDDLE, ROUGH),
        "most_lost_by_a_rank": max(losses, default=None),
        "span_at_the_coarsest": float(max(coarse) - min(coarse)) if coarse else None,
    }


def printed_cells(what: str, unit: float = 1) -> Cells:
    """Return the printed accuracies or overheads.

    Args:
        what: "accuracy" or "overhead".
        unit: number that all cells are divided by.
    """
    cells: Cells = {}
    for entry in PRINTED:
        cells.setdefault(_name(entry), {})[entry.eps] = [getattr(entry, what) / unit]
    return cells


def _remarks(
    right: int, of: int, exact: list[float], shape: Mapping[str, dict], by_fidelity: Mapping[str, list[float]]
) -> list[str]:
    here, there = shape["measured"], shape["printed"]
    lost, most, span = "tomography_lost", "most_lost_by_a_rank", "span_at_the_coarsest"
    near, less = (by_fidelity[name] for name in list(FIDELITIES)[:2])
    lines = [
        f"{right} of {of} printed overheads are those of r^2 a (round(2 pi/eps) + b) and K/eps^2, rounded to {DIGITS} "
        f"digits, with a, b and K fitted to them; both meet at r^2 eps = {BREAK_EVEN:.2f}. A description: the "
        "definition and the unit of the overhead are not legible in the reference.",
        f"Accuracy with exact readouts: {', '.join(f'{value:.3f}' for value in exact)}.",
    ]
    if here[lost] is not None:
        lines.append(
            f"Tomography {_verdict(here[lost])} between 0.004 and 0.02: it loses {here[lost]:.3f} here and "
            f"{there[lost]:.3f} in print."
        )
    if here[most] is not None:
        lines.append(
            f"The decomposition {_verdict(here[most])} between 0.001 and 0.02: a rank loses {here[most]:.3f} here at "
            f"most and {there[most]:.3f} in print."
        )
    if near and less:
        lines.append(
            f"The mean accuracy is {np.mean(near):.3f} where states keep a fidelity of 0.99, and {np.mean(less):.3f} "
            "between that and 0.9; a later version of the reference has it stable from 0.99 to 0.9."
        )
    if here[span] is not None:
        lines.append(f"At 0.04 ranks are {here[span]:.3f} apart here and {there[span]:.3f} in print.")
    return lines


def _verdict(lost: float) -> str:
    return "collapses" if lost > COLLAPSE else "does not collapse"


def _overheads(entries: Sequence[Overhead]) -> Table:
    precisions = list(dict.fromkeys(entry.eps for entry in entries))
    columns = [
        ("eps", "readout, and below it the formula"),
        *((f"{e:g}", f"overhead at precision {e:g}") for e in precisions),
    ]
    found = []
    for rank in dict.fromkeys(entry.rank for entry in entries):
        chosen = [entry for entry in entries if entry.rank == rank]
        found.append([_name(chosen[0]), *(f"{entry.overhead:g}" for entry in chosen)])
        found.append(["  formula", *(f"{_rounded(entry.formula):g}" for entry in chosen)])
    return written(columns, found, caption="Overheads in the paper, and those of a formula fitted to them.")


def _grid(what: str, cells: Mapping[str, Mapping], precisions: Sequence[float], told: Callable[[Any], str]) -> Table:
    columns = [("eps", "readout"), *((f"{eps:g}", f"{what} at precision {eps:g}") for eps in precisions)]
    rows = [[name, *(told(found[eps]) for eps in precisions)] for name, found in cells.items()]
    return written(columns, rows, caption=f"{what} by readout and precision eps.")


def _plot(found: Cells, cost: Mapping[str, Mapping[float, float]], precisions: Sequence[float]) -> Plot:
    series = []
    for name, cells in found.items():
        values = [cells[eps] for eps in precisions]
        x = [cost[name][eps] for eps in precisions]
        means, low, high = ([float(f(part)) for part in values] for f in (np.mean, min, max))
        series.append(Series(name, x, means, low, high, "s--" if name == TOMOGRAPHY else "o-"))
    title = "precisions from fine (right) to coarse; bars: range over the networks"
    caption = "Mean test accuracy of each readout against its cost, with the range over the networks."
    return Plot(
        "accuracy", "queries times T-depth", "test accuracy", series, xscale="log", title=title, caption=caption
    )


def _name(entry: Printed | Overhead) -> str:
    return TOMOGRAPHY if entry.rank is None else f"rank {entry.rank}"


def _low_mean_high(values: Sequence[float]) -> list[str]:
    return [f"{function(values):.3f}" if values else "" for function in (min, np.mean, max)]


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
