r"""Noise on the elements of a memory: what may happen to a held bit at each site.

An element is a qutrit with a state of rest (wait, vacuum) and two that hold a bit (left/right, 0/1). At every site of
the schedule, independently: with probability $p_x$, $p_y$, $p_z$ the held bit suffers X, Y or Z, then with probability
$\gamma$ it is lost. A Pauli error is $|{\rm rest}\rangle\langle{\rm rest}| \oplus \sigma$ with
$\sigma \in \{X, XZ, Z\}$ (XZ is Y without its phase i), and amplitude damping has the Kraus operators
$$K_0 = |{\rm rest}\rangle\langle{\rm rest}| \oplus \sqrt{1-\gamma}\,I,\qquad
K_b = \sqrt\gamma\,|{\rm rest}\rangle\langle b|,\quad b = 0, 1.$$
Elements at rest stay at rest: what would excite them is not modelled here, though the bounds by killed branches
(`good`), which count every site, hold for that too.

Example:
    >>> depolarising(0.03)
    Noise(x=Array(0.01, ...), y=Array(0.01, ...), z=Array(0.01, ...), loss=Array(0., ...))

References:
    Hann, Lee, Girvin, Jiang (2021), section III. https://arxiv.org/abs/2012.05340
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from qla_jax.encodings.checks import is_concrete, require


class Noise(NamedTuple):
    """Probabilities at one site.

    Attributes:
        x: of a bit flip.
        y: of a bit flip after a phase flip.
        z: of a phase flip.
        loss: of losing the bit, once that has been decided.
    """

    x: Array
    y: Array
    z: Array
    loss: Array

    @property
    def pauli(self) -> Array:
        """The probability of any Pauli error."""
        return self.x + self.y + self.z


def noise(*, x: ArrayLike = 0.0, y: ArrayLike = 0.0, z: ArrayLike = 0.0, loss: ArrayLike = 0.0) -> Noise:
    """Any mixture of Pauli errors, and damping.

    Raises:
        ValueError: a probability outside of [0, 1], or Pauli errors with more than 1 together, where that can be seen.
    """
    rates = {"x": x, "y": y, "z": z, "loss": loss}
    for name, rate in rates.items():
        check_rate(name, rate)
    if is_concrete(x, y, z):
        total = float(np.asarray(x) + np.asarray(y) + np.asarray(z))
        require(total <= 1 + 1e-6, f"`x`, `y` and `z` must be at most 1 together, but are {total}.")
    return Noise(*(jnp.asarray(rate, jnp.result_type(float)) for rate in rates.values()))


def depolarising(rate: ArrayLike) -> Noise:
    """One of X, Y and Z with that probability, each as likely; at 3/4 the bit is fully mixed.

    Raises:
        ValueError: a rate outside of [0, 1], where that can be seen.
    """
    check_rate("rate", rate)
    third = jnp.asarray(rate, jnp.result_type(float)) / 3
    return noise(x=third, y=third, z=third)


def bit_flip(rate: ArrayLike) -> Noise:
    """X with that probability.

    Raises:
        ValueError: a rate outside of [0, 1], where that can be seen.
    """
    check_rate("rate", rate)
    return noise(x=rate)


def phase_flip(rate: ArrayLike) -> Noise:
    """Z with that probability.

    Raises:
        ValueError: a rate outside of [0, 1], where that can be seen.
    """
    check_rate("rate", rate)
    return noise(z=rate)


def amplitude_damping(rate: ArrayLike) -> Noise:
    r"""The bit is lost with that probability, $\gamma$.

    Raises:
        ValueError: a rate outside of [0, 1], where that can be seen.
    """
    check_rate("rate", rate)
    return noise(loss=rate)


def check_rate(name: str, rate: ArrayLike) -> None:
    if is_concrete(rate):
        require(jnp.ndim(rate) == 0, f"`{name}` must be a scalar, but has shape {jnp.shape(rate)}.")
        require(0 <= float(np.asarray(rate)) <= 1, f"`{name}` must lie in [0, 1], but is {rate}.")
