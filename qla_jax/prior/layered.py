"""What a network gives that is read out layer by layer, and what that takes."""

import math
from typing import NamedTuple

from jax import Array

from qla_jax._checks import as_real, require
from qla_jax.measurement import Tomography, tomography
from qla_jax.measurement.amplitude_estimation import median_failure
from qla_jax.measurement.vector_tomography import CONSTANT, failure_probability

GROWTH = 1.25


class LayeredRun(NamedTuple):
    """Layer by layer, the last one included.

    Attributes:
        states: what was read out, and written into a quantum memory for the next layer.
        bounds: on the Euclidean distance of each from the exact layer on the state before it.
        failure_probability: that any of the bounds fails.
        calls: of circuits that load a vector from a quantum memory, or of their inverses.
        words: numbers that were read out and written.
    """

    states: tuple[Array, ...]
    bounds: tuple[float, ...]
    failure_probability: float
    calls: tuple[int, ...]
    words: tuple[int, ...]

    @property
    def steps(self) -> int:
        """Calls and words of all layers: what the network takes, but for the depth of a call."""
        return sum(self.calls) + sum(self.words)


class LayerResult(NamedTuple):
    """One of them."""

    state: Array
    bound: float
    failure: float
    calls: int
    words: int


def in_a_row(layers: list[LayerResult]) -> LayeredRun:
    """The run of these layers."""
    states, bounds, failures, calls, words = zip(*layers, strict=True)
    return LayeredRun(states, bounds, min(1.0, sum(failures)), calls, words)


def require_tolerances(failure: float, eta: float = 0.5) -> tuple[float, float]:
    """Return a probability and an error against a unit vector; ValueError unless both are strictly between 0 and 1."""
    found = as_real("failure", failure), as_real("eta", eta)
    for name, value in zip(("failure", "eta"), found, strict=True):
        require(0 < value < 1, f"`{name}` must lie between 0 and 1, but is {value}.")
    return found


def repetitions_for(failure: float) -> int:
    """The smallest odd number of estimates whose median fails with at most this probability."""
    repetitions = 1
    while median_failure(repetitions) > failure:
        repetitions += 2
    return repetitions


def tomography_for(dimension: int, delta: float, failure: float) -> tuple[Tomography, float]:
    r"""Tomography that is proven to fail with at most this probability, and the probability.

    The constant is the 36 of its authors where that is enough, and larger in low dimensions.
    """
    constant, entries = CONSTANT, max(dimension, 2)
    while (proven := failure_probability(entries, delta, math.ceil(constant * math.log(entries) / delta**2))) > failure:
        constant *= GROWTH
    return tomography(delta=delta, constant=constant), proven
