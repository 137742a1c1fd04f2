r"""Noise on the elements of a memory: what may happen to a held bit at each site.

An element is a qutrit with a state of rest (wait, vacuum) and two that hold a bit (left/right, 0/1). At every site of
the schedule, independently: with probability $p_x$, $p_y$, $p_z$ the held bit suffers X, Y or Z, then with probability
$\gamma$ it is lost. A Pauli error is $|{\rm rest}\rangle\langle{\rm rest}| \oplus \sigma$ with
$\sigma \in \{X, XZ, Z\}$ (XZ is Y without its phase i), and amplitude damping has the Kraus operators
$$K_0 = |{\rm rest}\rangle\langle{\rm rest}| \oplus \sqrt{1-\gamma}\,I,\qquad
K_b = \sqrt\gamma\,|{\rm rest}\rangle\langle b|,\quad b = 0, 1.$$
Elements at rest stay at rest: what would excite them is not modeled here, though the bounds by killed branches
(`good`), which count every site, hold for that too.

Example:
    >>> depolarizing(0.03)
    ErrorRates(x=Array(0.01, ...), y=Array(0.01, ...), z=Array(0.01, ...), loss=Array(0., ...))

References:
    Hann, Lee, Girvin, Jiang (2021), section III. https://arxiv.org/abs/2012.05340
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from qla_jax._checks import is_concrete, require, within

SLACK = 1e-6
"""Of a sum of three probabilities that were rounded."""
SMALL = 0.25
"""Up to here by logarithms; log1p of XLA is 50 units of rounding off at -0.4."""


class ErrorRates(NamedTuple):
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


def noise(*, x: ArrayLike = 0.0, y: ArrayLike = 0.0, z: ArrayLike = 0.0, loss: ArrayLike = 0.0) -> ErrorRates:
    """Any mixture of Pauli errors, and damping.

    Inside jit, where nothing can be raised, what is no probability is NaN, and so is all that is found with it.

    Raises:
        ValueError: a probability outside of [0, 1], or Pauli errors with more than 1 together, where that can be seen.
    """
    errors = {name: as_rate(name, rate) for name, rate in (("x", x), ("y", y), ("z", z))}
    if is_concrete(x, y, z):
        total = float(np.asarray(x) + np.asarray(y) + np.asarray(z))
        require(total <= 1 + SLACK, f"`x`, `y` and `z` must be at most 1 together, but are {total}.")
    possible = sum(errors.values()) <= 1 + SLACK
    return ErrorRates(
        loss=as_rate("loss", loss), **{n: jnp.where(possible, rate, jnp.nan) for n, rate in errors.items()}
    )


def depolarizing(rate: ArrayLike) -> ErrorRates:
    """One of X, Y and Z with that probability, each as likely; at 3/4 the bit is fully mixed.

    Raises:
        ValueError: a rate outside of [0, 1], where that can be seen.
    """
    third = as_rate("rate", rate) / 3
    return noise(x=third, y=third, z=third)


def bit_flip(rate: ArrayLike) -> ErrorRates:
    """X with that probability.

    Raises:
        ValueError: a rate outside of [0, 1], where that can be seen.
    """
    return noise(x=as_rate("rate", rate))


def phase_flip(rate: ArrayLike) -> ErrorRates:
    """Z with that probability.

    Raises:
        ValueError: a rate outside of [0, 1], where that can be seen.
    """
    return noise(z=as_rate("rate", rate))


def amplitude_damping(rate: ArrayLike) -> ErrorRates:
    r"""The bit is lost with that probability, $\gamma$.

    Raises:
        ValueError: a rate outside of [0, 1], where that can be seen.
    """
    return noise(loss=as_rate("rate", rate))


def missed(rate: ArrayLike, sites: ArrayLike) -> Array:
    r"""$1 - (1-p)^m$, the probability of an error at any of m sites, to its last digits for the smallest p.

    Near 0 from logarithms, as 1 - p has lost the digits of p; elsewhere as it stands, with its derivative at 1.
    """
    rate = jnp.asarray(rate)
    sites = jnp.asarray(sites, rate.dtype)
    small = rate < SMALL
    by_logarithms = -jnp.expm1(sites * jnp.log1p(-jnp.where(small, rate, 0)))
    return jnp.where(small, by_logarithms, 1 - (1 - rate) ** sites)


def as_rate(name: str, rate: ArrayLike) -> Array:
    """A probability, a scalar; NaN where it is traced and none.

    Raises:
        ValueError: no real number, an array, or one outside of [0, 1] where that can be seen.
    """
    found = within(name, rate, 0, 1)
    require(found.ndim == 0, f"`{name}` must be a scalar, but has shape {found.shape}.")
    return found.astype(jnp.result_type(float))
