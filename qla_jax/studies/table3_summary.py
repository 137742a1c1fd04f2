"""What the rows of the study `table3` say: its tables, its figure, and what accuracies do beside the printed ones."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from qla_jax.measurement import ReadoutMethod, chebyshev_readout, tomography
from qla_jax.nn._overhead import price
from qla_jax.studies.printed_overheads import BREAK_EVEN, DIGITS, PRINTED
from qla_jax.studies.study import Findings, Plot, Row, Series, Table

COLLAPSE = 0.2
"""Lost accuracy that counts as a collapse: in print tomography loses 0.51, the decomposition 0.04 at most."""
FINE, MIDDLE, ROUGH, COARSE = 0.001, 0.004, 0.02, 0.04
TOMOGRAPHY = "tomography"


def summary(
    rows: Mapping[str, Row], seeds: Sequence[int], ranks: Sequence[int], precisions: Sequence[float]
) -> Findings:
    """Tables, figure, verdicts; the check is that of all printed overheads."""
    entries = rows["printed overheads"]["entries"]
    right = sum(_rounded(entry["formula"]) == entry["overhead"] for entry in entries)
    found = measured(rows, seeds, ranks, precisions)
    cost = costs(rows[f"network {seeds[0]}"]["layers"], ranks, precisions)
    exact = [rows[f"network {seed}"]["exact"] for seed in seeds]
    shape = {"measured": shape_of(found), "printed": shape_of(_printed_accuracies())}
    tables = {
        "overhead, printed and by formula": _overheads(entries),
        "accuracy here, mean": _grid(found, precisions, lambda values: f"{np.mean(values):.3f}"),
        "accuracy in print": _grid(_printed_accuracies(), _printed_precisions(), lambda values: f"{values[0]:.3f}"),
        "queries times T-depth here": _grid(cost, precisions, lambda value: f"{value:.2e}"),
    }
    for key, row in rows.items():
        if key.startswith("models"):
            tables[f"accuracy by model of noise, {key.split(', ')[1]}"] = [
                ["model", *(f"rank {rank}" for rank in ranks)],
                *([model, *(f"{value:.3f}" for value in values)] for model, values in row["accuracies"].items()),
            ]
    return Findings(
        numbers={"right": right, "of": len(entries), "break_even": BREAK_EVEN, "shape": shape, "exact": exact},
        remarks=_remarks(right, len(entries), exact, shape, cost),
        failures=[] if right == len(PRINTED) else [f"{right} of {len(PRINTED)} printed overheads are reproduced."],
        tables=tables,
        plots=[_plot(found, cost, precisions)],
    )


Cells = dict[str, dict[float, list[float]]]
"""By readout and precision, an accuracy for each network."""


def measured(rows: Mapping[str, Row], seeds: Sequence[int], ranks: Sequence[int], precisions: Sequence[float]) -> Cells:
    """Accuracies of all networks."""
    cells: Cells = {name: {} for name in (*(f"rank {rank}" for rank in ranks), TOMOGRAPHY)}
    for place, eps in enumerate(precisions):
        for number, rank in enumerate(ranks):
            cells[f"rank {rank}"][eps] = [rows[f"network {s}, eps {eps:g}"]["accuracies"][number] for s in seeds]
        cells[TOMOGRAPHY][eps] = [rows[f"network {s}, tomography"]["accuracies"][place] for s in seeds]
    return cells


def costs(
    layers: Sequence[Mapping], ranks: Sequence[int], precisions: Sequence[float]
) -> dict[str, dict[float, float]]:
    """Queries times T-depth over all transfers, of single runs of estimation and of tomography."""

    def total(readout: ReadoutMethod) -> float:
        return float(sum(price(readout, tuple(layer["shape"]))[1] * layer["depth"] for layer in layers))

    by_rank = {
        f"rank {rank}": {eps: total(chebyshev_readout(rank=(rank, rank), eps=eps, cap=True)) for eps in precisions}
        for rank in ranks
    }
    return by_rank | {TOMOGRAPHY: {eps: total(tomography(delta=eps)) for eps in precisions}}


def shape_of(cells: Cells) -> dict[str, float | None]:
    """What accuracies lose between precisions, and how far ranks are apart at the coarsest; None: not measured."""

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


def _remarks(right: int, of: int, exact: list[float], shape: Mapping[str, dict], cost: dict) -> list[str]:
    here, there = shape["measured"], shape["printed"]
    lines = [
        f"{right} of {of} printed overheads are those of r^2 a (round(2 pi/eps) + b) and K/eps^2, rounded to {DIGITS} "
        f"digits, with a, b and K fitted to them; both meet at r^2 eps = {BREAK_EVEN:.2f}. A description: the "
        "definition and the unit of the overhead are not legible in the reference.",
        f"Accuracy with exact readouts: {', '.join(f'{value:.3f}' for value in exact)}.",
    ]
    if here["tomography_lost"] is not None:
        lines.append(
            f"Tomography {_verdict(here['tomography_lost'])} between 0.004 and 0.02: it loses "
            f"{here['tomography_lost']:.3f} here and {there['tomography_lost']:.3f} in print."
        )
    if here["most_lost_by_a_rank"] is not None:
        lines.append(
            f"The decomposition {_verdict(here['most_lost_by_a_rank'])} between 0.001 and 0.02: a rank loses "
            f"{here['most_lost_by_a_rank']:.3f} here at most and {there['most_lost_by_a_rank']:.3f} in print."
        )
    if here["span_at_the_coarsest"] is not None:
        lines.append(
            f"At 0.04 ranks are {here['span_at_the_coarsest']:.3f} apart here and "
            f"{there['span_at_the_coarsest']:.3f} in print."
        )
    return lines


def _verdict(lost: float) -> str:
    return "collapses" if lost > COLLAPSE else "does not collapse"


def _overheads(entries: Sequence[Mapping]) -> Table:
    precisions = list(dict.fromkeys(entry["eps"] for entry in entries))
    table = [["eps", *(f"{eps:g}" for eps in precisions)]]
    for rank in dict.fromkeys(entry["rank"] for entry in entries):
        chosen = [entry for entry in entries if entry["rank"] == rank]
        name = TOMOGRAPHY if rank is None else f"rank {rank}"
        table.append([name, *(f"{entry['overhead']:g}" for entry in chosen)])
        table.append(["  formula", *(f"{_rounded(entry['formula']):g}" for entry in chosen)])
    return table


def _grid(cells: Mapping[str, Mapping], precisions: Sequence[float], told: Callable[[Any], str]) -> Table:
    head = ["eps", *(f"{eps:g}" for eps in precisions)]
    return [head, *([name, *(told(found[eps]) for eps in precisions)] for name, found in cells.items())]


def _printed_accuracies() -> Cells:
    cells: Cells = {}
    for entry in PRINTED:
        name = TOMOGRAPHY if entry.rank is None else f"rank {entry.rank}"
        cells.setdefault(name, {})[entry.eps] = [entry.accuracy / 100]
    return cells


def _printed_precisions() -> list[float]:
    return list(dict.fromkeys(entry.eps for entry in PRINTED))


def _plot(found: Cells, cost: Mapping[str, Mapping[float, float]], precisions: Sequence[float]) -> Plot:
    series = []
    for name, cells in found.items():
        values = [cells[eps] for eps in precisions]
        x = [cost[name][eps] for eps in precisions]
        means, low, high = ([float(f(part)) for part in values] for f in (np.mean, min, max))
        series.append(Series(name, x, means, low, high, "s--" if name == TOMOGRAPHY else "o-"))
    title = "precisions from fine (right) to coarse; bars: range over the networks"
    return Plot("accuracy", "queries times T-depth", "test accuracy", series, xscale="log", title=title)


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
