"""The two ways to compute: NumPy for concrete numbers, at once, and JAX for traced ones, compiled.

The formulas of the solvers are written once, over a backend that is chosen once, by `backend_of`.

Example:
    >>> backend_of(np.ones(2)).xp.__name__, jax.make_jaxpr(lambda x: backend_of(x).xp.zeros(1))(1.0).out_avals[0].shape
    ('numpy', (1,))
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from qla_jax.phases import checks, complementary, nlft


class Backend(NamedTuple):
    """What the solvers compute with.

    Attributes:
        xp: `numpy` or `jax.numpy`.
        outer: the complementary polynomial of a polynomial.
        inverse: the sequence of a pair of polynomials.
        forward: the pair of polynomials of a sequence.
        require_below_one: check of the largest value of a polynomial; a traced one is not looked at.
    """

    xp: ModuleType
    outer: Callable[..., complementary.Outer]
    inverse: Callable[..., Any]
    forward: Callable[..., Any]
    require_below_one: Callable[[Any, str], None]


NUMPY = Backend(np, complementary.outer_numpy, nlft.inverse_numpy, nlft.forward_numpy, checks.require_below_one)
JAX = Backend(jnp, complementary.outer, nlft.inverse, nlft.forward, lambda size, where: None)


def backend_of(values: Any) -> Backend:
    """Return the backend for an array: JAX where it is traced, else NumPy.

    Args:
        values: any array.
    """
    return JAX if isinstance(values, jax.core.Tracer) else NUMPY
