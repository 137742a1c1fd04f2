r"""Models of the errors of estimated coefficients: the law of amplitude estimation, or simple noise in its place.

Gaussian or uniform noise is not amplitude estimation. Single runs of amplitude estimation have outliers whose mean
square grows like $\epsilon$ rather than $\epsilon^2$. Gaussian or uniform noise of the same precision has no such
outliers, and the median of a few runs removes them. So every result names its model, and models that simulate no
protocol are charged the queries of single runs.

References:
    Brassard, Hoyer, Mosca, Tapp (2002), Theorem 12. https://arxiv.org/abs/quant-ph/0005055
"""

import math
import re
from abc import ABC, abstractmethod

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array

from qla_jax._nodes import Node
from qla_jax.linalg.derivatives import straight_through
from qla_jax.measurement.amplitude_estimation import (
    estimate_amplitude,
    median_failure,
    points_for,
    points_for_signed,
    queries_of,
    require_repetitions,
)


class EstimationModel(Node, ABC):
    """Base class of laws of independent estimates of numbers c in [-1, 1], each within eps with some probability."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the model, as `noise_model` takes it."""

    @abstractmethod
    def sample(self, c: Array, eps: float, *, key: Array) -> Array:
        """Draw estimates of c, which have the derivative of c.

        Args:
            c: coefficients in [-1, 1].
            eps: absolute precision of each estimate.
            key: random key of the draw.
        """

    @property
    @abstractmethod
    def single_failure(self) -> float:
        """Bound on the probability that one estimate is off by more than eps."""

    @property
    def repetitions(self) -> int:
        """Number of runs of amplitude estimation that one estimate takes, or is charged for."""
        return 1

    @property
    def exact(self) -> bool:
        """True for a model without any error."""
        return False

    def failure(self, estimates: int) -> float:
        """Return a bound on the probability that any of so many estimates is off by more than eps."""
        return min(1.0, estimates * self.single_failure)

    def queries(self, eps: float) -> int:
        """Return the uses of the circuit of the state and its inverse for one estimate."""
        return self.repetitions * queries_of(points_for(eps / 2))


class NoNoise(EstimationModel):
    """Model without noise, at no price. The only error left in a readout is truncation."""

    @property
    def name(self) -> str:
        return "exact"

    def sample(self, c: Array, eps: float, *, key: Array) -> Array:
        return c

    @property
    def single_failure(self) -> float:
        return 0.0

    @property
    def repetitions(self) -> int:
        return 0

    @property
    def exact(self) -> bool:
        return True

    def queries(self, eps: float) -> int:
        return 0


class EstimationNoise(EstimationModel):
    r"""Median of runs of amplitude estimation of $\frac12(1 + c)$ by Hadamard tests, drawn from the exact law."""

    runs: int = struct.field(pytree_node=False, default=1)

    @property
    def name(self) -> str:
        return "qae" if self.runs == 1 else f"qae-median-{self.runs}"

    def sample(self, c: Array, eps: float, *, key: Array) -> Array:
        success = (1 + jnp.clip(jax.lax.stop_gradient(c), -1, 1)) / 2  # rounding of a state that is a basis vector
        found = 2 * estimate_amplitude(success, points=points_for_signed(eps), repetitions=self.runs, key=key) - 1
        return straight_through(c, found)

    @property
    def single_failure(self) -> float:
        return median_failure(self.runs)

    @property
    def repetitions(self) -> int:
        return self.runs


class GaussianNoise(EstimationModel):
    """Model with normal errors of standard deviation eps. Tails are not cut, so estimates may leave [-1, 1]."""

    @property
    def name(self) -> str:
        return "gaussian"

    def sample(self, c: Array, eps: float, *, key: Array) -> Array:
        return c + eps * jax.random.normal(key, c.shape, c.dtype)

    @property
    def single_failure(self) -> float:
        return math.erfc(math.sqrt(0.5))

    def failure(self, estimates: int) -> float:
        return 1 - (1 - self.single_failure) ** estimates


class UniformNoise(EstimationModel):
    """Model with errors uniform in [-eps, eps]."""

    @property
    def name(self) -> str:
        return "uniform"

    def sample(self, c: Array, eps: float, *, key: Array) -> Array:
        return c + jax.random.uniform(key, c.shape, c.dtype, -eps, eps)

    @property
    def single_failure(self) -> float:
        return 0.0


def noise_model(name: str | EstimationModel) -> EstimationModel:
    """Return the model of a name; a model is returned as it is.

    Names are "exact", "qae", "qae-median-K" for an odd K, "gaussian" and "uniform".

    Raises:
        ValueError: another name, or an even K.

    Example:
        >>> noise_model("qae-median-5").repetitions
        5
    """
    if isinstance(name, EstimationModel):
        return name
    models: dict[str, EstimationModel] = {model.name: model for model in _MODELS}
    if isinstance(name, str) and name in models:
        return models[name]
    found = re.fullmatch(r"qae-median-(\d+)", name) if isinstance(name, str) else None
    if found is None:
        raise ValueError(f"`noise` must be one of {', '.join(models)} or qae-median-K for an odd K, but is {name!r}.")
    return EstimationNoise(runs=require_repetitions(int(found[1])))


_MODELS = (NoNoise(), EstimationNoise(), GaussianNoise(), UniformNoise())
