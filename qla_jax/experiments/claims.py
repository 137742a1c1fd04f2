"""Claims put to the test, and a report of their trials: the work of the command `qla-jax claims`."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from qla_jax.claims.catalogue import tally
from qla_jax.claims.engine.claim import Claim, Instance
from qla_jax.claims.engine.corpus import FILE, save
from qla_jax.claims.engine.trial import Trial, examine
from qla_jax.experiments.core.items import Items

BINS = 40
SMALLEST = 1e-8
"""Ratio that smaller ones count as in a histogram."""
MARGIN = 0.02
"""Margin of a histogram on both sides, in decades: ratios may all be the same."""


@dataclass(frozen=True)
class ClaimsJob:
    """What to run, and where the worst instances go.

    Attributes:
        claims: claims to try.
        directory: directory for the worst instances, `known.npz`; they are not written without.
        trials: random instances of each size.
        seed: seed of all that is drawn.
        attacks: whether to attack what can be attacked.
    """

    claims: Sequence[Claim]
    directory: Path | None = None
    trials: int = 1000
    seed: int = 0
    attacks: bool = False


class Progress(Protocol):
    """Receiver of what a job says while it runs; the command line draws it."""

    def claim(self, name: str, total: int) -> None:
        """Take note of a claim that begins."""


class _Silent:
    def claim(self, name: str, total: int) -> None:
        pass


def run(job: ClaimsJob, progress: Progress | None = None, items: Items | None = None) -> dict:
    """Try each claim on random instances, and under attack if asked for, in float64 whatever the caller's precision.

    Args:
        job: what to run.
        progress: receiver of what the job says.
        items: finished claims, which are not run again.

    Returns:
        The report. `failures` names each true claim that is violated or not finite, and under attack each negative
        control that is not violated; empty is good.
    """
    progress, items = progress or _Silent(), items or Items()
    rows, failures, worst = [], [], []
    for claim in job.claims:
        progress.claim(claim.name, len(job.claims))
        found = items.result(claim.name, partial(_tried, claim, job))
        rows.append(found["row"] | {"seconds": items.seconds[claim.name]})
        failures += found["failures"]
        worst.append((claim, {int(size): _unpacked(one) for size, one in found["worst"].items()}))
    if job.directory is not None:
        save(worst, job.directory / FILE.name)
    return {
        "trials": job.trials,
        "seed": job.seed,
        "attacks": job.attacks,
        "tally": tally(job.claims),
        "claims": rows,
        "failures": failures,
        "seconds": sum(row["seconds"] for row in rows),
    }


def _tried(claim: Claim, job: ClaimsJob) -> dict:
    trial = examine(claim, trials=job.trials, seed=job.seed, attacks=job.attacks)
    worst = {str(size): _packed(found.instance) for size, found in trial.worst_of.items()}
    return {"row": row(trial), "failures": failed(trial, job.attacks), "worst": worst}


def _packed(instance: Instance) -> dict[str, list]:
    """Return the arrays of an instance as text, bit by bit."""
    arrays = {name: np.asarray(part) for name, part in instance.items()}
    return {name: [a.dtype.name, a.shape, base64.b64encode(a.tobytes()).decode()] for name, a in arrays.items()}


def _unpacked(packed: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: np.frombuffer(base64.b64decode(text), dtype).reshape(shape)
        for name, (dtype, shape, text) in packed.items()
    }


def row(trial: Trial) -> dict:
    """Return a trial as JSON has it, but for infinities."""
    claim = trial.claim
    return {
        "name": claim.name,
        "source": claim.source,
        "statement": claim.statement,
        "formula": claim.formula,
        "relation": claim.relation,
        "true": claim.expected_to_hold,
        "over": claim.range_told,
        "counted": claim.counted,
        "loose": claim.loose,
        "not_attacked": trial.not_attacked,
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
    """Return a line if the claim is not as it is meant to be; a control that was not attacked may still be violated."""
    if trial.passed or not (trial.claim.expected_to_hold or attacks):
        return []
    if trial.claim.expected_to_hold:
        return [f"{trial.claim.name}: {trial.verdict}."]
    return [f"{trial.claim.name}: a negative control that is not violated, {trial.verdict}."]


def _histogram(ratios: np.ndarray) -> dict:
    """Return a histogram of the logarithms to base ten."""
    logs = np.log10(np.maximum(ratios[np.isfinite(ratios)], SMALLEST))
    low, high = (logs.min(), logs.max()) if logs.size else (0.0, 0.0)
    counts, edges = np.histogram(logs, bins=BINS, range=(low - MARGIN, high + MARGIN))
    return {"counts": counts.tolist(), "edges": edges.round(6).tolist()}
