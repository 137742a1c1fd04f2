r"""Simplification of expressions: equal encodings with no more subnormalization, error, ancillas or calls.

Example:
    >>> x, z = block_encode_pauli({"X": 1.0}), block_encode_pauli({"Z": 0.5})
    >>> enc = 2.0 * (x + z) - 0.5 * (x - 2.0 * z)
    >>> found = simplify(enc)
    >>> type(found).__name__, float(enc.alpha), float(found.alpha), enc.num_ancillas, found.num_ancillas
    ('PauliSum', 4.0, 3.0, 2, 1)
"""

from typing import Any

import numpy as np

from qla_jax._checks import is_concrete, require_kind
from qla_jax.accounting.costs import cost
from qla_jax.accounting.fold import identity
from qla_jax.encodings.base.encoding import Encoding
from qla_jax.transforms.rewriting import parts_of, rewritten
from qla_jax.transforms.singular_values import QSVT

ROUNDING = 1e-12
"""Relative difference of two parameters that counts as rounding."""


def simplify(enc: Encoding) -> Encoding:
    r"""Return an encoding of the same matrix or vector with at most as much alpha, eps, ancillas and calls.

    The rules of `qla_jax.transforms.rewriting` are applied to sums, products, multiples, adjoints, tensor products,
    directions and polynomials, from the inside out. Inside jit only those rules apply that hold for all numbers.
    Other nodes, such as activations and residual blocks, stay as they are.

    Args:
        enc: block or vector encoding.

    Returns:
        The simplified encoding, or `enc` itself where no rule applies.

    Raises:
        TypeError: `enc` is not an encoding.

    Example:
        >>> a = block_encode(jnp.array([[0.0, 0.5], [0.25, 0.0]]))
        >>> enc = a + 2.0 * a - 0.5 * a
        >>> found = simplify(enc)
        >>> cost(enc).depth, cost(found).depth, float(enc.alpha), float(found.alpha)
        (3, 1, 1.75, 1.25)
    """
    require_kind("enc", enc, Encoding)
    done: dict[int, Any] = {}
    waiting = [(enc, False)]
    while waiting:  # a loop, as chains of encodings may be longer than Python's recursion allows
        node, parts_done = waiting.pop()
        if identity(node) in done:
            continue
        parts = parts_of(node)
        if not parts_done:
            waiting.append((node, True))
            waiting += [(part, False) for part in parts]
            continue
        done[identity(node)] = _better(node, [done[identity(part)] for part in parts])
    return done[identity(enc)]


def _better(node: Any, parts: list[Any]) -> Any:
    """Return what the rules make of a node with simplified parts, unless a parameter that is known would grow."""
    if not parts:
        return node
    found = rewritten(node, parts)
    if found is node:
        return node
    same = is_concrete(found.eps, node.eps) and np.array_equal(found.eps, node.eps)
    if not isinstance(found, QSVT) and not same:
        # The encoded matrix is the same, and so is the bound on its distance from the ideal one.
        found = found.replace(eps=node.eps)
    return found if _no_worse(found, node) else node


def _no_worse(found: Any, node: Any) -> bool:
    for new, old in ((found.alpha, node.alpha), (found.eps, node.eps)):
        if is_concrete(new, old) and not np.all(np.asarray(new) <= np.asarray(old) * (1 + ROUNDING)):
            return False
    return found.num_ancillas <= node.num_ancillas and cost(found).depth <= cost(node).depth
