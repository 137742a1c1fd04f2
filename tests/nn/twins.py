"""Comparison of a network with its twin, both trained alike on digits."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from flax import nnx

from qla_jax.data import load
from qla_jax.training import TrainingConfig, accuracy, fit

SEEDS = 4
"""Number of seeds. The accuracy of one network changes by more than a point with its seed, or with a rounding."""


def assert_within_a_point(build: Callable, kinds: tuple[type, type], config: TrainingConfig) -> None:
    """Assert that both networks learned and that the mean difference over seeds is above minus one point.

    Twice the standard error of the mean is allowed for.
    """
    digits = load("digits")

    def trained(kind: type, seed: int) -> float:
        fresh = build(kind, nnx.Rngs(seed))
        model, _ = fit(fresh, digits.train_images, digits.train_labels, replace(config, seed=seed))
        return accuracy(model, digits.test_images, digits.test_labels)

    found = np.array([[trained(kind, seed) for kind in kinds] for seed in range(SEEDS)])
    difference = found[:, 0] - found[:, 1]
    assert difference.mean() >= -0.01 - 2 * difference.std(ddof=1) / SEEDS**0.5, found
    assert found.mean(axis=0).min() > 0.95, found
