"""Backends of the solvers: NumPy for concrete numbers, without compilation, and JAX for traced ones, compiled.

The formulas of the solvers are written once, as functions of a backend that `backend_of` chooses.

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
    """Array module and transforms with which the solvers compute.

    Attributes:
        xp: module `numpy` or `jax.numpy`.
        outer: function that returns the complementary polynomial of a polynomial.
        inverse: function that returns the sequence of a pair of polynomials.
        forward: function that returns the pair of polynomials of a sequence.
        require_below_one: check of the largest value of a polynomial; a traced value is not checked.
    """

    xp: ModuleType
    outer: Callable[..., complementary.Outer]
    inverse: Callable[..., Any]
    forward: Callable[..., Any]
    require_below_one: Callable[[Any, str], None]


NUMPY = Backend(np, complementary.outer_numpy, nlft.inverse_numpy, nlft.forward_numpy, checks.require_below_one)
JAX = Backend(jnp, complementary.outer, nlft.inverse, nlft.forward, lambda size, where: None)


def backend_of(values: Any) -> Backend:
    """Return the backend for an array: JAX if the array is traced, NumPy otherwise.

    Args:
        values: any array.
    """
    return JAX if isinstance(values, jax.core.Tracer) else NUMPY
