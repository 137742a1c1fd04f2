"""What a trace of a trained coherent network says about its bounds, and what its circuit costs.

Violations are counted for every image and block; an unknown bound (`inf` or NaN) counts as violated.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from qla_jax.accounting.costs import cost
from qla_jax.experiments.coherent.results import (
    Accuracies,
    Accuracy,
    BlockCosts,
    Costs,
    Errors,
    Evaluated,
    Norms,
    OutputError,
    Terminal,
)
from qla_jax.networks.residual import NORM_RANGE, SCALE, chain
from qla_jax.nn.trace import Trace, Traced
from qla_jax.polynomials import chebyshev, erf

SHOTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def evaluated(traced: Traced, labels: np.ndarray, baseline: float, seed: int) -> Evaluated:
    """Return what every test image says about the network, beside the accuracy of its plain baseline."""
    found, terminal = traced.trace, traced.model.terminal
    return Evaluated(
        accuracies(found, labels, baseline, seed),
        norms(found.norm),
        norms(found.bare_norm),
        errors(found),
        output_error(found),
        None if terminal is None else terminal_norm(found, labels, terminal.tau),
        costs(traced),
    )


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


def costs(traced: Traced) -> Costs:
    """Return costs of the circuit up to each block, unamplified, and each block's own amplitude on an amplified input.

    The amplitude is that of the weights as they are, and that of weights amplified to twice their norm: of a
    convolution the former vanishes, since its alpha is the 1-norm of its kernel.
    """
    found, model = traced.trace, traced.model
    alone, norm = found.alone.mean(0), found.norm.mean(0)
    with jax.enable_x64(True):
        # The normalisation of the activation of a weight with alpha 2, as Lemma 5 leaves it.
        rescaled = chebyshev.rescale(erf(SCALE, degree=model.degree).coeffs, 2.0)
        activation = float(np.abs(chebyshev.quotient(rescaled)).sum())
        network = jax.eval_shape(model.encode, jnp.asarray(traced.images[0], jnp.float64))
    rows = []
    for number, block in enumerate(chain(network)):
        total, size = cost(block), -found.log_alpha[:, number] / math.log(10)
        rows.append(
            BlockCosts(
                block=number + 1,
                num_ancillas=total.num_ancillas,
                num_qubits=total.num_qubits,
                queries=sum(total.num_queries.values()),
                num_queries=dict(total.num_queries),
                amplitude_alone=float(alone[number]),
                amplitude_of_amplified_weight=float(norm[number]) / (1 + activation),
                log10_amplitude_unamplified=float(np.median(size)) if np.isfinite(size).all() else None,
            )
        )
    return Costs(rows)
