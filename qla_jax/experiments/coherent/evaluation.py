r"""A trained coherent network against the ideal one, image by image, in float64.

The tracked eps bounds approximation, not rounding: hence float64, whatever the training used. Violations are counted
for every image and block; an unknown bound (`inf` or NaN) counts as violated.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.networks.pooling import distribution_error, l2_pool
from qla_jax.networks.residual import (
    NORM_RANGE,
    chain,
    ideal_skip_norm,
    published_error,
    worst_case_error,
)
from qla_jax.networks.terminal import TerminalBlock
from qla_jax.nn import CoherentResNet
from qla_jax.nn.coherent_resnet import Start
from qla_jax.training import batches

Built = tuple[list[BlockEncoding], list[Array], Array | None]
"""Encodings and skip bounds of the blocks, and the matrix of the terminal block."""

CHUNK = 128
SHOTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Trace(NamedTuple):
    """Per image, and per block where there is a second axis.

    Attributes:
        norm: N of the polynomial network.
        bare_norm: the same without skip connections, with these weights.
        log_alpha: natural logarithm of the subnormalization of the unamplified circuit up to this block.
        alone: flagged amplitude of the block on an amplified input.
        actual: distance between the states of the polynomial and the ideal network.
        eps: tracked bound on `actual`.
        worst_case: first-order bound at the smallest norm, from the tracked e0 and e1.
        published: bound of Lemma 6 as published, from the same.
        outcomes: probabilities of the polynomial network.
        ideal_outcomes: those of the ideal network.
        output_eps: bound on their distance in 1-norm.
        terminal_norm: of the terminal block before normalisation; 1 without one.
        contribution: how long the part of its matrix is, relative to the skip connection's; 0 without one.
        outcomes_before: what measuring in front of it would give.
    """

    norm: np.ndarray
    bare_norm: np.ndarray
    log_alpha: np.ndarray
    alone: np.ndarray
    actual: np.ndarray
    eps: np.ndarray
    worst_case: np.ndarray
    published: np.ndarray
    outcomes: np.ndarray
    ideal_outcomes: np.ndarray
    output_eps: np.ndarray
    terminal_norm: np.ndarray
    contribution: np.ndarray
    outcomes_before: np.ndarray


def trace(model: CoherentResNet, images: np.ndarray) -> Trace:
    """Run both networks in float64 on all images."""
    with jax.enable_x64(True):
        double = in_double(model)
        run = jax.jit(lambda built, starts: jax.vmap(lambda start: _trace_one(model, built, start))(starts))
        built = jax.jit(lambda m: (m.encodings(), m.skip_bounds(), m.terminal_matrix()))(double)
        starts = double.load(jnp.asarray(images, jnp.float64))
        chunks = (jax.tree.map(lambda x, part=part: x[part], starts) for part in batches(len(images), CHUNK))
        parts = [run(built, chunk) for chunk in chunks]
        return Trace(*(np.concatenate([np.asarray(part[i]) for part in parts]) for i in range(len(Trace._fields))))


def accuracies(trace: Trace, labels: np.ndarray, seed: int) -> dict:
    """Accuracy of the argmax, of one sample, of the most frequent of more; outcomes beyond the classes are wrong."""
    key = jax.random.key(seed)
    with np.errstate(divide="ignore"):
        logits = np.log(trace.outcomes)
    draws = np.asarray(jax.random.categorical(key, jnp.asarray(logits), axis=-1, shape=(max(SHOTS), len(labels))))
    outcomes = trace.outcomes.shape[1]
    by_shots = []
    for shots in SHOTS:
        counts = np.stack([(draws[:shots] == outcome).sum(0) for outcome in range(outcomes)], axis=1)
        by_shots.append({"samples": shots, "accuracy": float((counts.argmax(1) == labels).mean())})
    return {
        "argmax": float((trace.outcomes.argmax(1) == labels).mean()),
        "sampled": by_shots[0]["accuracy"],
        "sampled_expected": float(trace.outcomes[np.arange(len(labels)), labels].mean()),
        "ideal_argmax": float((trace.ideal_outcomes.argmax(1) == labels).mean()),
        "ideal_sampled_expected": float(trace.ideal_outcomes[np.arange(len(labels)), labels].mean()),
        "by_samples": by_shots,
    }


def norm_rows(norms: np.ndarray) -> list[dict]:
    """Min, mean and max of N per block against the proven range."""
    low, high = NORM_RANGE
    rows = []
    for number, norm in enumerate(norms.T, 1):
        outside = ~((norm >= low) & (norm <= high))
        span = {"min": float(norm.min()), "mean": float(norm.mean()), "max": float(norm.max())}
        rows.append({"block": number, **span, "low": low, "high": high, "violations": int(outside.sum())})
    return rows


def error_rows(trace: Trace) -> list[dict]:
    """Per block: the largest measured error, the bounds beside it, and on how many images a bound fails."""
    rows = []
    for block in range(trace.eps.shape[1]):
        actual, eps = trace.actual[:, block], trace.eps[:, block]
        rows.append(
            {
                "block": block + 1,
                "actual_max": float(actual.max()),
                "eps": float(eps.max()),
                "eps_over_actual": _ratio(eps, actual),
                "worst_case": float(trace.worst_case[:, block].max()),
                "published": float(trace.published[:, block].max()),
                "violations": int((~(np.isfinite(eps) & (actual <= eps))).sum()),
            }
        )
    return rows


def output_error(trace: Trace) -> dict:
    """The distance of the outcome distributions in 1-norm against twice the last block's eps."""
    actual = np.abs(trace.outcomes - trace.ideal_outcomes).sum(1)
    eps = trace.output_eps
    return {
        "actual_max": float(actual.max()),
        "eps": float(eps.max()),
        "eps_over_actual": _ratio(eps, actual),
        "violations": int((~(np.isfinite(eps) & (actual <= eps))).sum()),
    }


def terminal_row(trace: Trace, labels: np.ndarray, tau: float) -> dict:
    """The terminal block's norm against its proven range, and what its matrix has to say."""
    norm, low = trace.terminal_norm, 2 * tau - 1
    right = np.arange(len(labels)), labels
    return {
        "min": float(norm.min()),
        "mean": float(norm.mean()),
        "max": float(norm.max()),
        "low": low,
        "violations": int((~(norm >= low)).sum()),
        "contribution": float(trace.contribution.mean()),
        "argmax_before": float((trace.outcomes_before.argmax(1) == labels).mean()),
        "sampled_expected_before": float(trace.outcomes_before[right].mean()),
        "sampled_expected": float(trace.outcomes[right].mean()),
    }


def _ratio(eps: np.ndarray, actual: np.ndarray) -> float:
    """The median over images with a measurable error."""
    some = actual > 0
    return float(np.median(eps[some] / actual[some])) if some.any() else float("nan")


def in_double(model: CoherentResNet) -> CoherentResNet:
    """The same network with its parameters in float64."""
    from flax import nnx

    graph, state = nnx.split(model)
    return nnx.merge(graph, jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), state))


def _trace_one(model: CoherentResNet, built: Built, start: Start) -> tuple[Array, ...]:
    weights, bounds, matrix = built
    blocks = chain(model.network(weights, start, bounds))
    poly = blocks[0].poly
    ideal = bare = blocks[0].part.encoded
    actual, bare_norms = [], []
    for block, weight in zip(blocks, weights, strict=True):
        ideal, _ = ideal_skip_norm(weight.matvec, ideal)
        activated = poly(weight.matvec(bare))
        bare_norms.append(jnp.linalg.norm(activated))
        bare = activated / bare_norms[-1]
        actual.append(jnp.linalg.norm(block.encoded - ideal))
    norm, log_alpha, alone, eps, input_eps, activation_eps = (
        jnp.stack(values)
        for values in zip(
            *((b.norm, b.log_alpha, b.alone, b.eps, b.part.eps, b.activation_eps) for b in blocks), strict=True
        )
    )
    worst_case, published = worst_case_error(input_eps, activation_eps), published_error(input_eps, activation_eps)
    last = model.head(matrix, blocks[-1])
    ends = last.encoded, model.ideal_head(matrix, ideal)
    outcomes, ideal_outcomes = (l2_pool(state, model.outcomes, sizes=model.sizes) for state in ends)
    states = norm, jnp.stack(bare_norms), log_alpha, alone, jnp.stack(actual), eps, worst_case, published
    before = l2_pool(blocks[-1], model.outcomes)
    said = (last.norm, last.contribution) if isinstance(last, TerminalBlock) else (jnp.ones(()), jnp.zeros(()))
    return *states, outcomes, ideal_outcomes, distribution_error(last.eps), *said, before
