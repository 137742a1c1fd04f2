r"""How far rounding may move an encoding: an estimate beside $\epsilon$, which bounds approximation alone.

Estimates are relative to alpha, from the parts to the whole. A part that a circuit calls k times moves it by at most k
times what that part is moved by, for the circuit is a product of unitaries. Long recurrences with known polynomials
know better (`QSVT.relative_rounding`): their own rounding grows like the square root of the degree.

Example:
    >>> enc = block_encode(jnp.eye(2))
    >>> bool(enc.rounding < 1e-5), bool((enc @ enc).rounding > 2 * enc.rounding)
    (True, True)
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax.numpy as jnp
from jax import Array

from qla_jax.encodings.nesting import identity, parts_first

if TYPE_CHECKING:
    from qla_jax.encodings.encoding import Encoding, Use

UNITS = 4
"""Machine epsilons set aside for a node's own operations; the registry's need is below half in either precision."""


def unit(enc: "Encoding") -> float:
    """Return what a node's own operations may round off, relative to alpha."""
    return UNITS * float(jnp.finfo(enc.alpha.dtype).eps)


def by_calls(enc: "Encoding", uses: Sequence["Use"], parts: Sequence[Array]) -> Array:
    """Return the estimate of any circuit: its own operations, and each part as often as it is called."""
    moved = [(use.forward + use.adjoint) * part for use, part in zip(uses, parts, strict=True)]
    return sum(moved, unit(enc) * jnp.ones_like(enc.alpha))


def rounding_of(enc: "Encoding") -> Array:
    """Return the estimate for the whole tree, in the units of `eps`."""
    known: dict[int, Array] = {}
    for key, (node, uses) in parts_first(enc).items():
        known[key] = node.relative_rounding([known[identity(use.part)] for use in uses])
    return known[identity(enc)] * enc.alpha
