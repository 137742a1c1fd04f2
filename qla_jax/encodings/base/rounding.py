r"""Estimates of the rounding error of an encoding, in addition to $\epsilon$, which bounds approximation alone.

Estimates are relative to alpha and are propagated from the parts to the whole. A part that is called k times
contributes at most k times its own rounding error, because the circuit is a product of unitaries. Long recurrences with
known polynomials have a sharper estimate (`QSVT.relative_rounding`): it grows like the square root of the degree.

Example:
    >>> enc = block_encode(jnp.eye(2))
    >>> bool(enc.rounding < 1e-5), bool((enc @ enc).rounding > 2 * enc.rounding)
    (True, True)
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array

from qla_jax.accounting.fold import Use, identity, parts_first

UNITS = 4
"""Machine epsilons allowed for a node's own operations; the nodes of the test registry need below half of these."""


def unit(enc: Any) -> float:
    """Return the rounding error allowed for a node's own operations, relative to alpha."""
    return UNITS * float(jnp.finfo(enc.alpha.dtype).eps)


def by_calls(enc: Any, uses: Sequence[Use], parts: Sequence[Array]) -> Array:
    """Return the rounding estimate of any circuit, relative to alpha: its own operations plus those of each call.

    Args:
        enc: encoding with these parts.
        uses: calls of the parts.
        parts: rounding estimates of the parts, relative to their alpha.
    """
    # Errors of unitary factors add: |U_k...U_1 - V_k...V_1| is at most the sum of |U_i - V_i|.
    moved = [(use.forward + use.adjoint) * part for use, part in zip(uses, parts, strict=True)]
    return sum(moved, unit(enc) * jnp.ones_like(enc.alpha))


def rounding_of(enc: Any) -> Array:
    """Return the rounding estimate of a whole encoding, absolute and in the units of `eps`."""
    known: dict[int, Array] = {}
    for key, (node, uses) in parts_first(enc).items():
        known[key] = node.relative_rounding([known[identity(use.part)] for use in uses])
    return known[identity(enc)] * enc.alpha
