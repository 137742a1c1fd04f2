"""Examination of claims with a report of the trials: the work of the command `qla-jax claims`."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from qla_jax.claims import sharper
from qla_jax.claims.catalogue import tally
from qla_jax.claims.engine.claim import Claim, Instance
from qla_jax.claims.engine.corpus import FILE, save
from qla_jax.claims.engine.trial import Trial, examine
from qla_jax.experiments.core.figures import Line, Plot, Series
from qla_jax.experiments.core.study import Findings, Report, Section, Study
from qla_jax.experiments.core.tables import Column, table

BINS = 40
SMALLEST = 1e-8
"""Least ratio of a histogram; smaller ratios count as this one."""
MARGIN = 0.02
"""Margin of a histogram on both sides, in decades: ratios may all be the same."""
TABLE = [
    Column("claim, source", "{name}\n  {source}", "name of the claim, paper and theorem"),
    Column("trials", "{trials}", "number of random instances"),
    Column("worst", "{ratio:.4g}", "largest ratio of any instance; above 1 the claim is violated"),
    Column("verdict", "{verdict}", "tight: at least 0.9 of the bound is reached; loose: by which factor; or violated"),
]
RATIOS = {"<=": "measured / bound", ">=": "bound / measured", "==": "difference / rounding"}
"""Name of the ratio that is drawn for each relation; above 1 the claim is violated."""


class Array(NamedTuple):
    """Array as text without loss: its dtype, shape and bytes."""

    dtype: str
    shape: tuple[int, ...]
    text: str


@dataclass(frozen=True)
class OfSize:
    """Ratios of a claim at one size.

    Attributes:
        size: size of the instances.
        random: largest ratio of the random instances.
        known: ratio of the instance that is stored with the claim.
        attacked: largest ratio that the attack found.
        counts: histogram of the random instances.
        edges: edges of its bins, logarithms to base ten of ratios.
    """

    size: int
    random: float
    known: float | None
    attacked: float | None
    counts: list[int]
    edges: list[float]

    @property
    def ratio(self) -> float:
        """Largest ratio of all instances."""
        return max(self.random, self.known or 0.0, self.attacked or 0.0)


@dataclass(frozen=True)
class Tried:
    """Claim and its trial.

    Attributes:
        name: name of the claim.
        source: paper and theorem.
        statement: claim in words.
        formula: claim in LaTeX.
        relation: relation of both sides: "<=", ">=" or "==".
        expected_to_hold: whether the claim is meant to hold; a negative control is not.
        over: sizes for which the claim is made, in words.
        counted: whether instances are deterministic.
        loose: whether no instance comes near to the bound.
        not_attacked: whether an attack was asked for that the claim does not allow.
        remark: how the claim is measured and where its bound is attained.
        trials: number of random instances.
        ratio: largest ratio of all instances.
        verdict: verdict in words: whether the claim holds, and how loose it is.
        passed: whether the claim is as it is meant to be.
        measured: measured quantity of the worst instance.
        bound: bound of the worst instance.
        worst_size: size of the worst instance.
        sizes: ratios by size.
        seconds: time that the trial took.
    """

    name: str
    source: str
    statement: str
    formula: str
    relation: str
    expected_to_hold: bool
    over: str
    counted: bool
    loose: bool
    not_attacked: bool
    remark: str
    trials: int
    ratio: float
    verdict: str
    passed: bool
    measured: float
    bound: float
    worst_size: int
    sizes: list[OfSize]
    seconds: float | None = None

    @property
    def kind(self) -> str:
        """Kind of the claim, for its heading: a loose bound, a negative control, or an ordinary claim."""
        return "published, too loose to fail" if self.loose else "" if self.expected_to_hold else "negative control"


@dataclass(frozen=True)
class Row:
    """Finished item: the trial, a line if it failed, and the worst instances by size."""

    row: Tried
    failures: list[str]
    worst: dict[str, dict[str, Array]]


@dataclass(frozen=True)
class ClaimsReport:
    """Content of claims.json.

    Attributes:
        trials: number of random instances of each size.
        seed: seed of all random draws.
        attacks: whether claims were attacked.
        tally: numbers of claims that could fail, of loose ones and of negative controls.
        claims: claims and their trials.
        failures: a line for each true claim that is violated or not finite, and under attack for each negative control
            that is not violated; empty is good.
        seconds: time of all trials.
    """

    trials: int
    seed: int
    attacks: bool
    tally: dict[str, int]
    claims: list[Tried]
    failures: list[str]
    seconds: float


def study(claims: Sequence[Claim], *, trials: int = 1000, seed: int = 0, attacks: bool = False) -> Study:
    """Build the study that examines claims on random instances, and under attack if asked for, in float64.

    Args:
        claims: claims to examine.
        trials: number of random instances of each size.
        seed: seed of all random draws.
        attacks: whether to attack the claims that can be attacked.
    """
    asked: dict[str, Any] = {"trials": trials, "seed": seed, "attacks": attacks}

    def document(rows: Mapping[str, Row], seconds: Mapping[str, float]) -> ClaimsReport:
        tried = [replace(found.row, seconds=seconds[name]) for name, found in rows.items()]
        failures = [line for found in rows.values() for line in found.failures]
        return ClaimsReport(
            **asked, tally=tally(claims), claims=tried, failures=failures, seconds=sum(seconds.values())
        )

    items = {claim.name: partial(_tried, claim=claim, **asked) for claim in claims}
    return Study("claims", "Claims", asked, items, summary, row=Row, document=document, bounded=False)


def save_worst(claims: Sequence[Claim], report: Report, directory: Path) -> None:
    """Write the worst instances, `known.npz`, and after an attack the share of each sharper constant that it reached.

    Args:
        claims: claims that were examined.
        report: report of their trials.
        directory: directory of the files.
    """
    worst = [
        (claim, {int(size): _unpacked(one) for size, one in report.rows[claim.name].worst.items()}) for claim in claims
    ]
    save(worst, directory / FILE.name)
    if report.document.attacks:
        reached = {row.name: {entry.size: entry.ratio for entry in row.sizes} for row in report.document.claims}
        sharper.save(reached, directory / sharper.FILE.name)


def _tried(rows: object, claim: Claim, trials: int, seed: int, attacks: bool) -> Row:
    trial = examine(claim, trials=trials, seed=seed, attacks=attacks)
    worst = {str(size): _packed(found.instance) for size, found in trial.worst_of.items()}
    return Row(tried(trial), failed(trial, attacks), worst)


def _packed(instance: Instance) -> dict[str, Array]:
    arrays = {name: np.asarray(part) for name, part in instance.items()}
    return {name: Array(a.dtype.name, a.shape, base64.b64encode(a.tobytes()).decode()) for name, a in arrays.items()}


def _unpacked(packed: Mapping[str, Array]) -> dict[str, Any]:
    return {
        name: np.frombuffer(base64.b64decode(one.text), one.dtype).reshape(one.shape) for name, one in packed.items()
    }


def tried(trial: Trial) -> Tried:
    """Return a trial as plain data for the report."""
    claim = trial.claim
    of_claim = ("name", "source", "statement", "formula", "relation", "expected_to_hold", "counted", "loose", "remark")
    of_trial = ("not_attacked", "trials", "ratio", "verdict", "measured", "bound", "worst_size")
    return Tried(
        **{name: getattr(claim, name) for name in of_claim},
        **{name: getattr(trial, name) for name in of_trial},
        over=claim.range_told,
        passed=bool(trial.passed),
        sizes=[_of_size(trial, size) for size in trial.ratios],
    )


def _of_size(trial: Trial, size: int) -> OfSize:
    """Return ratios of one size, with a histogram of their logarithms to base ten."""
    ratios = trial.ratios[size]
    logs = np.log10(np.maximum(ratios[np.isfinite(ratios)], SMALLEST))
    low, high = (logs.min(), logs.max()) if logs.size else (0.0, 0.0)
    counts, edges = np.histogram(logs, bins=BINS, range=(low - MARGIN, high + MARGIN))
    known, attacked = trial.known.get(size), trial.attacked.get(size)
    return OfSize(size, trial.random[size], known, attacked, counts.tolist(), edges.round(6).tolist())


def failed(trial: Trial, attacks: bool) -> list[str]:
    """Return a line if the claim is not as it is meant to be.

    A negative control that was not attacked does not fail, since an attack may still violate it.

    Args:
        trial: trial of the claim.
        attacks: whether claims were attacked.
    """
    if trial.passed or not (trial.claim.expected_to_hold or attacks):
        return []
    if trial.claim.expected_to_hold:
        return [f"{trial.claim.name}: {trial.verdict}."]
    return [f"{trial.claim.name}: a negative control that is not violated, {trial.verdict}."]


def summary(report: ClaimsReport) -> Findings:
    """Return a table of all claims, and for each claim a section with its statement, its verdict and a figure."""
    how = " and by gradient ascent" if report.attacks else ""
    return Findings(
        remarks=[counted(report)],
        failures=report.failures,
        tables={"claims": table(TABLE, report.claims, caption=f"All claims, tried on random instances{how}.")},
        sections=[_card(row) for row in report.claims],
        text=[
            f"The claims are examined in float64 on {report.trials} random instances of each size{how}, with seed "
            f"{report.seed}. Deterministic instances are tried once. A figure shows ratios of random instances, the "
            "bound (dashed), the worst instance of earlier attacks (dot), and that of this attack (triangle).",
        ],
        passed="All are as they were meant to be.",
    )


def counted(report: ClaimsReport) -> str:
    """Return the numbers of claims that could fail and of others, as a sentence."""
    told = f"{_number(report.tally['could fail'], 'claim')} that could fail"
    for number, what, rest in (
        (report.tally["too loose to fail"], "published bound", " too loose to"),
        (report.tally["negative controls"], "negative control", ""),
    ):
        told += f", {_number(number, what)}{rest}" if number else ""
    left = sum(row.not_attacked for row in report.claims)
    return f"{told}; {left} of them cannot be attacked." if left else f"{told}."


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _card(row: Tried) -> Section:
    verdict = f"{row.verdict}; measured {row.measured:.6g} against {row.bound:.6g} at size {row.worst_size}."
    return Section(
        row.name,
        f"{row.name} ({row.kind})" if row.kind else row.name,
        text=[row.statement, row.source, row.remark, f"Claimed for {row.over}.", *([verdict] if row.passed else [])],
        failures=[] if row.passed else [verdict],
        formula=row.formula,
        plots=[ratios(row)],
    )


def ratios(row: Tried) -> Plot:
    """Return the figure of the ratios of random instances, the stored one (dot) and the attack (triangle), by size."""
    series = []
    for place, entry in enumerate(row.sizes):
        edges, counts = 10.0 ** np.array(entry.edges), np.array([*entry.counts, 0])
        heights = place + 0.8 * counts / max(counts.max(), 1)
        series.append(Series("", edges.tolist(), heights.tolist(), color="blue", base=place))
        if entry.known is not None:
            series.append(Series("", [entry.known], [place + 0.1], style="o", color="gray"))
        if entry.attacked is not None:
            series.append(Series("", [entry.attacked], [place + 0.1], style="v", color="orange"))
    return Plot(
        "ratios",
        RATIOS[row.relation],
        "",
        series,
        xscale="log",
        levels=[f"size {entry.size}" for entry in row.sizes],
        lines=[Line(1, upright=True)],
        limits=(0, len(row.sizes)),
        filed=False,
        caption="How near instances come to the bound (dashed line, at 1; violated to its right), by size: random "
        "instances as a histogram, the worst known one as a dot, the worst of the attack as a triangle.",
    )
