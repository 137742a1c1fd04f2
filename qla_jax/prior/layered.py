"""Results and costs of networks that are read out layer by layer."""

import math
from typing import NamedTuple

from jax import Array

from qla_jax._checks import as_real, require
from qla_jax.measurement import Tomography, tomography
from qla_jax.measurement.amplitude_estimation import median_failure
from qla_jax.measurement.vector_tomography import CONSTANT, failure_probability

GROWTH = 1.25


class LayeredRun(NamedTuple):
    """States and costs of all layers, the last one included.

    Attributes:
        states: values that were read out of each layer, and written into a quantum memory for the next.
        bounds: bounds on the Euclidean distance of each state from the exact layer on the state before it.
        failure_probability: probability that any of the bounds fails.
        calls: number of uses of circuits that load a vector from a quantum memory, or of their inverses, for each
            layer.
        words: number of words that were read out and written, for each layer.
    """

    states: tuple[Array, ...]
    bounds: tuple[float, ...]
    failure_probability: float
    calls: tuple[int, ...]
    words: tuple[int, ...]

    @property
    def steps(self) -> int:
        """Calls and words of all layers: the cost of the network in units of the depth of a call."""
        return sum(self.calls) + sum(self.words)


class LayerResult(NamedTuple):
    """State and cost of one layer."""

    state: Array
    bound: float
    failure: float
    calls: int
    words: int


def in_a_row(layers: list[LayerResult]) -> LayeredRun:
    """Return the run of these layers."""
    states, bounds, failures, calls, words = zip(*layers, strict=True)
    return LayeredRun(states, bounds, min(1.0, sum(failures)), calls, words)


def require_tolerances(failure: float, eta: float = 0.5) -> tuple[float, float]:
    """Return a probability of failure and an error relative to a unit vector.

    Args:
        failure: probability of failure.
        eta: error relative to a unit vector.

    Raises:
        ValueError: a number that is not strictly between 0 and 1.
    """
    found = as_real("failure", failure), as_real("eta", eta)
    for name, value in zip(("failure", "eta"), found, strict=True):
        require(0 < value < 1, f"`{name}` must lie between 0 and 1, but is {value}.")
    return found


def repetitions_for(failure: float) -> int:
    """Return the smallest odd number of estimates whose median fails with at most this probability."""
    repetitions = 1
    while median_failure(repetitions) > failure:
        repetitions += 2
    return repetitions


def tomography_for(dimension: int, delta: float, failure: float) -> tuple[Tomography, float]:
    """Return tomography that is proven to fail with at most this probability, and the proven probability.

    The constant is the 36 of its authors where that is enough, and larger in low dimensions.

    Args:
        dimension: number of entries.
        delta: error of each entry relative to the norm.
        failure: largest probability of failure.
    """
    constant, entries = CONSTANT, max(dimension, 2)
    while (proven := failure_probability(entries, delta, math.ceil(constant * math.log(entries) / delta**2))) > failure:
        constant *= GROWTH
    return tomography(delta=delta, constant=constant), proven
