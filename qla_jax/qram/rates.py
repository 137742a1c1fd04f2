r"""Noise on the elements of a memory: errors that may strike a held bit at each site.

An element is a qutrit with a state of rest (wait, vacuum) and two that hold a bit (left/right, 0/1). Errors at the
sites of the schedule are independent: with probability $p_x$, $p_y$, $p_z$ the held bit suffers X, Y or Z, and then it
is lost with probability $\gamma$. A Pauli error is $|{\rm rest}\rangle\langle{\rm rest}| \oplus \sigma$ with
$\sigma \in \{X, XZ, Z\}$ (XZ is Y without its phase i), and amplitude damping has the Kraus operators
$$K_0 = |{\rm rest}\rangle\langle{\rm rest}| \oplus \sqrt{1-\gamma}\,I,\qquad
K_b = \sqrt\gamma\,|{\rm rest}\rangle\langle b|,\quad b = 0, 1.$$
Elements at rest stay at rest: excitations are not modeled here. The bounds by killed branches (`good`) count every site
and hold for excitations, too.

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
"""Tolerance for the sum of three rounded probabilities."""
SMALL = 0.25
"""Rate up to which logarithms are used; XLA's log1p is off by 50 units of rounding at -0.4."""


class ErrorRates(NamedTuple):
    """Probabilities of errors at one site.

    Attributes:
        x: probability of a bit flip.
        y: probability of a bit flip after a phase flip.
        z: probability of a phase flip.
        loss: probability of losing the bit, after the Pauli error.
    """

    x: Array
    y: Array
    z: Array
    loss: Array

    @property
    def pauli(self) -> Array:
        """Probability of any Pauli error."""
        return self.x + self.y + self.z


def noise(*, x: ArrayLike = 0.0, y: ArrayLike = 0.0, z: ArrayLike = 0.0, loss: ArrayLike = 0.0) -> ErrorRates:
    """Return any mixture of Pauli errors, with damping.

    Inside jit, where nothing can be raised, a value that is no probability becomes NaN, and so do all results from it.

    Args:
        x: probability of a bit flip.
        y: probability of a bit flip after a phase flip.
        z: probability of a phase flip.
        loss: probability of losing the bit.

    Raises:
        ValueError: a probability outside of [0, 1], or Pauli errors with more than 1 together, where that can be seen.

    Example:
        >>> float(noise(x=0.01, z=0.02, loss=0.1).pauli)
        0.03
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
    """Return noise with X, Y or Z at a given rate, each equally likely; at 3/4 the bit is fully mixed.

    Raises:
        ValueError: a rate outside of [0, 1], where that can be seen.

    Example:
        >>> round(float(depolarizing(0.03).x), 6)
        0.01
    """
    third = as_rate("rate", rate) / 3
    return noise(x=third, y=third, z=third)


def bit_flip(rate: ArrayLike) -> ErrorRates:
    """Return noise with X at a given rate.

    Raises:
        ValueError: a rate outside of [0, 1], where that can be seen.

    Example:
        >>> float(bit_flip(0.01).x)
        0.01
    """
    return noise(x=as_rate("rate", rate))


def phase_flip(rate: ArrayLike) -> ErrorRates:
    """Return noise with Z at a given rate.

    Raises:
        ValueError: a rate outside of [0, 1], where that can be seen.

    Example:
        >>> float(phase_flip(0.01).z)
        0.01
    """
    return noise(z=as_rate("rate", rate))


def amplitude_damping(rate: ArrayLike) -> ErrorRates:
    r"""Return noise that loses the bit with probability $\gamma$, the rate.

    Raises:
        ValueError: a rate outside of [0, 1], where that can be seen.

    Example:
        >>> float(amplitude_damping(0.05).loss)
        0.05
    """
    return noise(loss=as_rate("rate", rate))


def missed(rate: ArrayLike, sites: ArrayLike) -> Array:
    """Return $1 - (1-p)^m$, the probability of an error at any of m sites, to its last digits for the smallest p.

    Near 0 logarithms are used, since 1 - p has lost the digits of p. Elsewhere the formula is used as it is, which also
    has its derivative at p = 1.

    Args:
        rate: probability p of an error at a site.
        sites: number m of sites.
    """
    rate = jnp.asarray(rate)
    sites = jnp.asarray(sites, rate.dtype)
    small = rate < SMALL
    by_logarithms = -jnp.expm1(sites * jnp.log1p(-jnp.where(small, rate, 0)))
    return jnp.where(small, by_logarithms, 1 - (1 - rate) ** sites)


def as_rate(name: str, rate: ArrayLike) -> Array:
    """Return a scalar probability; a traced value outside [0, 1] becomes NaN.

    Args:
        name: name of the argument, for the error.
        rate: value to check.

    Raises:
        ValueError: no real number, an array, or one outside of [0, 1] where that can be seen.
    """
    found = within(name, rate, 0, 1)
    require(found.ndim == 0, f"`{name}` must be a scalar, but has shape {found.shape}.")
    return found.astype(jnp.result_type(float))
