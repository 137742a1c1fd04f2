"""Evaluation of a trained coherent network on labeled images: accuracies, and every bound against the measured value.

Violations are counted over all images and blocks. An unknown bound (`inf` or NaN) counts as violated.

References:
    Rattew et al. (2025), Lemmas 6, B.20 and C.1. https://arxiv.org/abs/2510.07195
"""

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from qla_jax.networks.residual import NORM_RANGE
from qla_jax.nn.trace import Trace

SHOTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""Numbers of samples of which the most frequent outcome is the class."""


@dataclass(frozen=True)
class Accuracy:
    """Accuracy when the class is the most frequent outcome of several samples.

    Attributes:
        samples: number of samples per image.
        accuracy: share of images with the right class.
    """

    samples: int
    accuracy: float


@dataclass(frozen=True)
class Accuracies:
    """Accuracies on the test images. Outcomes beyond the classes count as wrong.

    Attributes:
        argmax: accuracy of the most probable outcome.
        sampled: accuracy of one sample.
        sampled_expected: expected accuracy of one sample.
        ideal_argmax: accuracy of the ideal network's most probable outcome.
        ideal_sampled_expected: expected accuracy of one sample of the ideal network.
        by_samples: accuracies of the most frequent outcome, by number of samples.
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
    """Norm of a block before normalization, over all images, and its proven range.

    Attributes:
        block: number of the block, from 1.
        min, mean, max: norm over all images.
        low, high: proven range of the norm.
        violations: number of images whose norm is outside the range.
    """

    block: int
    min: float
    mean: float
    max: float
    low: float
    high: float
    violations: int


@dataclass(frozen=True)
class OutputError:
    """Measured errors over all images, compared with their bounds.

    Attributes:
        actual_max: largest measured error.
        eps: largest bound.
        eps_over_actual: median of the quotient of bound and measured error; NaN where no error is measurable.
        violations: number of images whose error exceeds its bound.
    """

    actual_max: float
    eps: float
    eps_over_actual: float
    violations: int


@dataclass(frozen=True)
class Errors(OutputError):
    """Measured errors of a block over all images, compared with three bounds.

    Attributes:
        block: number of the block, from 1.
        worst_case: largest first-order bound at the smallest norm.
        published: largest bound of Lemma 6 as published.
    """

    block: int
    worst_case: float
    published: float


@dataclass(frozen=True)
class Terminal:
    """Norm of the terminal block before normalization, and the effect of its matrix.

    Attributes:
        min, mean, max: norm over all images.
        low: proven least norm.
        violations: number of images whose norm is below `low`.
        contribution: mean length of the matrix part of the sum, relative to the part of the skip connection.
        argmax_before: accuracy of the most probable outcome before the terminal block.
        sampled_expected_before: expected accuracy of one sample before the terminal block.
        sampled_expected: expected accuracy of one sample after the terminal block.
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
    """Return the accuracies of the most probable outcome, of one sample and of the most frequent of several samples.

    Args:
        trace: results of the network on the images.
        labels: class of each image.
        baseline: accuracy of the plain baseline.
        seed: seed of the samples.
    """
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
    """Return the norm of each block before normalization, compared with its proven range.

    Args:
        found: norm of each image (rows) and block (columns).
    """
    low, high = NORM_RANGE
    rows = []
    for number, norm in enumerate(found.T, 1):
        outside = int((~((norm >= low) & (norm <= high))).sum())
        rows.append(Norms(number, float(norm.min()), float(norm.mean()), float(norm.max()), low, high, outside))
    return rows


def errors(trace: Trace) -> list[Errors]:
    """Return the largest measured error of each block with its bounds.

    Args:
        trace: results of the network on the images.
    """
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
    """Return the 1-norm distance of the outcome distributions, compared with twice the error bound of the last block.

    Args:
        trace: results of the network on the images.
    """
    return _against(np.abs(trace.outcomes - trace.ideal_outcomes).sum(1), trace.output_eps)


def _against(actual: np.ndarray, eps: np.ndarray) -> OutputError:
    """Return errors compared with their bounds. The median of the quotient is over images with a measurable error."""
    some, kept = actual > 0, np.isfinite(eps) & (actual <= eps)
    ratio = float(np.median(eps[some] / actual[some])) if some.any() else math.nan
    return OutputError(float(actual.max()), float(eps.max()), ratio, int((~kept).sum()))


def terminal_norm(trace: Trace, labels: np.ndarray, tau: float) -> Terminal:
    """Return the norm of the terminal block, compared with its proven least value, and the effect of its matrix.

    Args:
        trace: results of the network on the images.
        labels: class of each image.
        tau: weight of the skip connection.
    """
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
