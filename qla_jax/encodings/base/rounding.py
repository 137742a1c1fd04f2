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

from qla_jax.encodings.base.sharing import original

if TYPE_CHECKING:
    from qla_jax.encodings.base.encoding import Encoding, Use

UNITS = 4
"""Machine epsilons set aside for a node's own operations; the registry's need is below half in either precision."""


def parts_first(enc: "Encoding") -> dict[int, tuple["Encoding", tuple["Use", ...]]]:
    """Return every node once, by identity, after its parts, with what it uses; leaves in order of first use.

    A loop, not a recursion: chains of nodes may be long.
    """
    found: dict[int, tuple[Encoding, tuple[Use, ...]]] = {}
    waiting = [(enc, enc.uses(), False)]
    while waiting:
        node, uses, parts_done = waiting.pop()
        if identity(node) in found:
            continue
        if parts_done:
            found[identity(node)] = node, uses
            continue
        waiting.append((node, uses, True))
        waiting += [(use.part, use.part.uses(), False) for use in reversed(uses) if identity(use.part) not in found]
    return found


def identity(node: "Encoding") -> int:
    """Return what tells a node from others; a copy has that of its original."""
    return id(original(node))


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
