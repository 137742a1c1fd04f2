r"""How the coefficients of a readout come out: by amplitude estimation, or by a model in its place.

A model is not amplitude estimation: single runs have outliers whose mean square grows like $\epsilon$ rather than
$\epsilon^2$, which neither Gaussian nor uniform noise of the same precision knows, and which the median of a few runs
removes. So every result names its model, and models that simulate no protocol are charged what single runs would take.

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
    """A law for estimates of signed numbers c in [-1, 1], all independent, each within eps with some probability."""

    @property
    @abstractmethod
    def name(self) -> str:
        """As it is written in `noise_model`."""

    @abstractmethod
    def sample(self, c: Array, eps: float, *, key: Array) -> Array:
        """Estimates of c, with the derivative of c."""

    @property
    @abstractmethod
    def single_failure(self) -> float:
        """Bound on the probability that one estimate is off by more than eps."""

    @property
    def repetitions(self) -> int:
        """Runs of amplitude estimation for one estimate, or charged for it."""
        return 1

    @property
    def exact(self) -> bool:
        """Whether estimates have no error at all."""
        return False

    def failure(self, estimates: int) -> float:
        """Bound on the probability that any of so many is."""
        return min(1.0, estimates * self.single_failure)

    def queries(self, eps: float) -> int:
        """Uses of the circuit of the state for one estimate."""
        return self.repetitions * queries_of(points_for(eps / 2))


class NoNoise(EstimationModel):
    """The coefficients themselves, at no price: what is left is truncation."""

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
    r"""Amplitude estimation of $\frac12(1 + c)$ by Hadamard tests, from its exact law; the median of some runs."""

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
    """Normal errors of standard deviation eps, tails not cut: c may leave [-1, 1]."""

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
    """Errors uniform in [-eps, eps], so never larger."""

    @property
    def name(self) -> str:
        return "uniform"

    def sample(self, c: Array, eps: float, *, key: Array) -> Array:
        return c + jax.random.uniform(key, c.shape, c.dtype, -eps, eps)

    @property
    def single_failure(self) -> float:
        return 0.0


def noise_model(name: str | EstimationModel) -> EstimationModel:
    """The model of this name: "exact", "qae", "qae-median-K" for an odd K, "gaussian" or "uniform"; a model is itself.

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
