"""What a trace of a trained coherent network says, on labeled images: accuracies, and every bound against measurement.

Violations are counted for every image and block; an unknown bound (`inf` or NaN) counts as violated.
"""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from qla_jax.networks.residual import NORM_RANGE
from qla_jax.nn.trace import Trace

SHOTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True)
class Accuracy:
    """Accuracy of the most frequent outcome after so many samples."""

    samples: int
    accuracy: float


@dataclass(frozen=True)
class Accuracies:
    """Accuracies on the test images; outcomes beyond the classes are wrong.

    Attributes:
        argmax: accuracy of the most probable outcome.
        sampled: accuracy of one sample.
        sampled_expected: its expectation.
        ideal_argmax: accuracy of the ideal network's most probable outcome.
        ideal_sampled_expected: expected accuracy of one sample of the ideal network.
        by_samples: accuracies by number of samples.
        baseline: accuracy of the plain baseline.
    """

    argmax: float
    sampled: float
    sampled_expected: float
    ideal_argmax: float
    ideal_sampled_expected: float
    by_samples: list[Accuracy]
    baseline: float


@dataclass(frozen=True)
class Norms:
    """Norm before normalization of a block over all images, its proven range, and how many images are outside."""

    block: int
    min: float
    mean: float
    max: float
    low: float
    high: float
    violations: int


@dataclass(frozen=True)
class OutputError:
    """Largest measured error and largest bound, the median of their quotients, and on how many images it fails."""

    actual_max: float
    eps: float
    eps_over_actual: float
    violations: int


@dataclass(frozen=True)
class Errors(OutputError):
    """The error of a block, with the first-order bound at the smallest norm and the bound of Lemma 6 beside it."""

    block: int
    worst_case: float
    published: float


@dataclass(frozen=True)
class Terminal:
    """Norm of the terminal block, and what its matrix has to say.

    Attributes:
        min, mean, max: norm over all images.
        low: proven least norm.
        violations: number of images below it.
        contribution: mean length of the part of its matrix, relative to the skip connection's.
        argmax_before: accuracy of the most probable outcome in front of it.
        sampled_expected_before: expected accuracy of one sample in front of it.
        sampled_expected: expected accuracy of one sample.
    """

    min: float
    mean: float
    max: float
    low: float
    violations: int
    contribution: float
    argmax_before: float
    sampled_expected_before: float
    sampled_expected: float


def accuracies(trace: Trace, labels: np.ndarray, baseline: float, seed: int) -> Accuracies:
    """Return accuracies of the argmax, of one sample, of the most frequent of more."""
    with np.errstate(divide="ignore"):
        logits = jnp.asarray(np.log(trace.outcomes))
    draws = np.asarray(jax.random.categorical(jax.random.key(seed), logits, axis=-1, shape=(max(SHOTS), len(labels))))
    by_samples, right = [], (np.arange(len(labels)), labels)
    for shots in SHOTS:
        counts = np.stack([(draws[:shots] == outcome).sum(0) for outcome in range(trace.outcomes.shape[1])], axis=1)
        by_samples.append(Accuracy(shots, float((counts.argmax(1) == labels).mean())))
    return Accuracies(
        argmax=float((trace.outcomes.argmax(1) == labels).mean()),
        sampled=by_samples[0].accuracy,
        sampled_expected=float(trace.outcomes[right].mean()),
        ideal_argmax=float((trace.ideal_outcomes.argmax(1) == labels).mean()),
        ideal_sampled_expected=float(trace.ideal_outcomes[right].mean()),
        by_samples=by_samples,
        baseline=baseline,
    )


def norms(found: np.ndarray) -> list[Norms]:
    """Return N per block against the proven range."""
    low, high = NORM_RANGE
    rows = []
    for number, norm in enumerate(found.T, 1):
        outside = int((~((norm >= low) & (norm <= high))).sum())
        rows.append(Norms(number, float(norm.min()), float(norm.mean()), float(norm.max()), low, high, outside))
    return rows


def errors(trace: Trace) -> list[Errors]:
    """Return, per block, the largest measured error and the bounds beside it."""
    return [
        Errors(
            **vars(_against(trace.actual[:, block], trace.eps[:, block])),
            block=block + 1,
            worst_case=float(trace.worst_case[:, block].max()),
            published=float(trace.published[:, block].max()),
        )
        for block in range(trace.eps.shape[1])
    ]


def output_error(trace: Trace) -> OutputError:
    """Return the distance of the outcome distributions in 1-norm against twice the last block's eps."""
    return _against(np.abs(trace.outcomes - trace.ideal_outcomes).sum(1), trace.output_eps)


def _against(actual: np.ndarray, eps: np.ndarray) -> OutputError:
    """Return errors against their bounds; the median is over images with a measurable error."""
    some, kept = actual > 0, np.isfinite(eps) & (actual <= eps)
    ratio = float(np.median(eps[some] / actual[some])) if some.any() else math.nan
    return OutputError(float(actual.max()), float(eps.max()), ratio, int((~kept).sum()))


def terminal_norm(trace: Trace, labels: np.ndarray, tau: float) -> Terminal:
    """Return the terminal block's norm against its proven range, and what its matrix has to say."""
    norm, low, right = trace.terminal_norm, 2 * tau - 1, (np.arange(len(labels)), labels)
    return Terminal(
        float(norm.min()),
        float(norm.mean()),
        float(norm.max()),
        low,
        int((~(norm >= low)).sum()),
        float(trace.contribution.mean()),
        float((trace.outcomes_before.argmax(1) == labels).mean()),
        float(trace.outcomes_before[right].mean()),
        float(trace.outcomes[right].mean()),
    )
