"""All claims put to the test, and what became of them as a report: the work of the command `qla-jax claims`."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from qla_jax.claims.claim import Claim
from qla_jax.claims.corpus import FILE, save
from qla_jax.claims.trial import Trial, examine

BINS = 40
SMALLEST = 1e-8
"""Ratios below count as this in a histogram."""
MARGIN = 0.02
"""Of a histogram, in decades: ratios may all be the same."""


@dataclass(frozen=True)
class ClaimsJob:
    """What to run, and where the worst instances go.

    Attributes:
        claims: which.
        directory: for the worst instances, `known.npz`; they are not written without.
        trials: random instances of each size.
        seed: of all that is drawn.
        attacks: whether to attack what can be attacked.
    """

    claims: Sequence[Claim]
    directory: Path | None = None
    trials: int = 1000
    seed: int = 0
    attacks: bool = False


class Progress(Protocol):
    """What a job tells while it runs; the command line draws it."""

    def claim(self, name: str, total: int) -> None:
        """The next one begins."""


class _Silent:
    def claim(self, name: str, total: int) -> None:
        pass


def run(job: ClaimsJob, progress: Progress | None = None) -> dict:
    """Each claim on random instances, and under attack if asked for, in float64 whatever the caller's precision.

    Returns:
        The report. `failures` names each true claim that is violated or not finite, and under attack each negative
        control that is not violated; empty is good.
    """
    progress = progress or _Silent()
    started = time.perf_counter()
    rows, failures, worst = [], [], []
    for claim in job.claims:
        progress.claim(claim.name, len(job.claims))
        begun = time.perf_counter()
        trial = examine(claim, trials=job.trials, seed=job.seed, attacks=job.attacks)
        rows.append(row(trial) | {"seconds": time.perf_counter() - begun})
        failures += failed(trial, job.attacks)
        worst.append((claim, {size: found.instance for size, found in trial.worst_of.items()}))
    if job.directory is not None:
        save(worst, job.directory / FILE.name)
    return {
        "trials": job.trials,
        "seed": job.seed,
        "attacks": job.attacks,
        "claims": rows,
        "failures": failures,
        "seconds": time.perf_counter() - started,
    }


def row(trial: Trial) -> dict:
    """A trial as JSON has it, but for infinities."""
    claim = trial.claim
    return {
        "name": claim.name,
        "source": claim.source,
        "statement": claim.statement,
        "formula": claim.formula,
        "relation": claim.relation,
        "true": claim.true,
        "remark": claim.remark,
        "trials": trial.trials,
        "ratio": trial.ratio,
        "verdict": trial.verdict,
        "passed": bool(trial.passed),
        "measured": trial.measured,
        "bound": trial.bound,
        "worst_size": trial.worst_size,
        "sizes": [_of_size(trial, size) for size in trial.ratios],
    }


def _of_size(trial: Trial, size: int) -> dict:
    ratios = {"random": trial.random[size], "known": trial.known.get(size), "attacked": trial.attacked.get(size)}
    return {"size": size} | ratios | _histogram(trial.ratios[size])


def failed(trial: Trial, attacks: bool) -> list[str]:
    """A line if the claim is not as it was meant to be; a control that has not been attacked may still be violated."""
    if trial.passed or not (trial.claim.true or attacks):
        return []
    if trial.claim.true:
        return [f"{trial.claim.name}: {trial.verdict}."]
    return [f"{trial.claim.name}: a negative control that is not violated, {trial.verdict}."]


def _histogram(ratios: np.ndarray) -> dict:
    """Of the logarithms to base ten."""
    logs = np.log10(np.maximum(ratios[np.isfinite(ratios)], SMALLEST))
    low, high = (logs.min(), logs.max()) if logs.size else (0.0, 0.0)
    counts, edges = np.histogram(logs, bins=BINS, range=(low - MARGIN, high + MARGIN))
    return {"counts": counts.tolist(), "edges": edges.round(6).tolist()}
