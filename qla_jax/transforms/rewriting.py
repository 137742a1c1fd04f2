r"""Rules that rewrite an expression to an equal one with no more subnormalization, ancillas or calls.

Each rule keeps the encoded matrix or vector, hence also the bound $\epsilon$ on its distance from the ideal one:

* $c\,(d\,A)$ is $(cd)\,A$, also within products and sums. The parameters of both sides are equal.
* $\sum_i w_i \sum_j v_{ij} A_{ij}$ is one sum, with the same alpha and an index that is not longer.
* Equal terms are added, and terms of weight 0 go: $|w + v| \le |w| + |v|$. Sums of Pauli words are one sum, with each
  word once.
* $U^\dagger U = 1$ for neighbors without ancillas, and $A\,1 = A$.
* $A^\dagger = A$ for circuits that are their own inverse.
* The direction of $x$ is that of its direction, and of $cx$ for $c > 0$.
* $P(A/\alpha)$ is the polynomial of $cA$, too, for $c > 0$.
* $P(Q(A/\alpha))$ is one polynomial of degree $\deg P\deg Q$, with as many calls and one ancilla less. It is taken if
  its error is not larger.

References:
    Gilyen, Su, Low, Wiebe (2018), Lemmas 52 and 53, whose parameters are compared. https://arxiv.org/abs/1806.01838
"""

import math
import operator
from typing import Any

import numpy as np

from qla_jax._checks import is_concrete
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.combine.algebra import (
    Adjoint,
    LinearCombination,
    Product,
    Scaled,
    adjoint,
    linear_combination,
    product,
    scale,
)
from qla_jax.encodings.combine.joint import Tensor, tensor
from qla_jax.encodings.combine.lemmas import MatrixVectorProduct, VectorSum, matrix_vector_product, vector_sum
from qla_jax.encodings.combine.normalized import Normalized, normalize
from qla_jax.encodings.matrices.pauli import PauliSum, block_encode_pauli
from qla_jax.encodings.matrices.selection import Selection, identity
from qla_jax.transforms.singular_values import QSVT, qsvt

Terms = list[tuple[Any, Any]]


def parts_of(node: Any) -> list[Any]:
    """Return the parts of a node that a rule knows, those of nested products or sums as one list; none of a leaf.

    Args:
        node: encoding.
    """
    match node:
        case Product():
            return _factors(node)
        case LinearCombination() | VectorSum() | Scaled():
            return [part for _, part in _terms(1, node)]
        case Tensor():
            return [node.left, node.right]
        case Adjoint() | Normalized() | QSVT():
            return [node.part]
        case MatrixVectorProduct():
            return [node.matrix, node.part]
    return []


def rewritten(node: Any, parts: list[Any]) -> Any:
    """Return a node with other parts that encode the same, after all rules; the node itself where none applies.

    Args:
        node: encoding.
        parts: encodings in place of `parts_of(node)`.
    """
    match node:
        case LinearCombination() | VectorSum() | Scaled():
            return _sum(node, parts)
        case Product():
            return _product(node, parts)
        case Tensor():
            bare, factor = _without_factors(parts)
            changed = factor is not None or bare[0] is not node.left or bare[1] is not node.right
            found = tensor(*bare) if changed else node
            return found if factor is None else scale(found, factor)
        case MatrixVectorProduct():
            return _applied(node, *parts)
        case Adjoint():
            return _adjoint(node, parts[0])
        case Normalized():
            return _direction(node, parts[0])
    return _polynomial(node, parts[0])


def _terms(weight: Any, node: Any) -> Terms:
    """Return the terms of nested sums and multiples, in order."""
    found, waiting = [], [(weight, node)]
    while waiting:
        factor, part = waiting.pop()
        if isinstance(part, Scaled):
            waiting.append((factor * part.factor, part.part))
        elif isinstance(part, LinearCombination | VectorSum):
            pairs = list(zip(part.weights, part.parts, strict=True))
            waiting += [(factor * inner, one) for inner, one in reversed(pairs)]
        else:
            found.append((factor, part))
    return found


def _sum(node: Any, parts: list[Any]) -> Any:
    given = _terms(1, node)
    expanded = [each for (weight, _), part in zip(given, parts, strict=True) for each in _terms(weight, part)]
    terms = _words_joined(_added(expanded))
    if len(terms) == 1:
        ((weight, part),) = terms
        if _is(weight, 1):
            return part
        own = isinstance(node, Scaled) and part is node.part
        multiple = scale if isinstance(part, BlockEncoding) else lambda part, weight: vector_sum(part, weights=[weight])
        return node if own else multiple(part, weight)
    own = not isinstance(node, Scaled) and len(terms) == len(node.parts)
    if own and all(part is mine for (_, part), mine in zip(terms, node.parts, strict=True)):
        return node
    weights, summands = zip(*terms, strict=True)
    return (vector_sum if isinstance(node, VectorEncoding) else linear_combination)(*summands, weights=weights)


def _added(terms: Terms) -> Terms:
    """Return terms with equal parts once and without those of weight 0, but at least one."""
    found: Terms = []
    for weight, part in terms:
        place = next((place for place, (_, other) in enumerate(found) if _equal(other, part)), None)
        if place is None:
            found.append((weight, part))
        else:
            found[place] = found[place][0] + weight, part
    return [term for term in found if not _is(term[0], 0)] or found[:1]


def _words_joined(terms: Terms) -> Terms:
    """Return terms with all sums of Pauli words as one, in the place of the first."""
    places = [place for place, (_, part) in enumerate(terms) if type(part) is PauliSum]  # not by masks
    if len(places) < 2:
        return terms
    joined: dict[str, Any] = {}
    for weight, part in (terms[place] for place in places):
        for word, coeff in zip(part.words, part.coeffs, strict=True):
            joined[word] = joined[word] + weight * coeff if word in joined else weight * coeff
    kept = {word: coeff for word, coeff in joined.items() if not _is(coeff, 0)} or dict([*joined.items()][:1])
    found = 1, block_encode_pauli(kept)
    return [found if place == places[0] else term for place, term in enumerate(terms) if place not in places[1:]]


def _factors(node: Any) -> list[Any]:
    """Return the factors of nested products, in order."""
    found, waiting = [], [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Product):
            waiting += [part.right, part.left]
        else:
            found.append(part)
    return found


def _product(node: Product, parts: list[Any]) -> Any:
    given = _factors(node)
    bare, factor = _without_factors([each for part in parts for each in _factors(part)])
    kept, cancelled = _cancelled(bare)
    if factor is None and len(kept) == len(given) and all(map(operator.is_, kept, given)):
        return node
    found: Any = product(*kept) if kept else identity(node.domain)
    whole = [*cancelled, *([] if factor is None else [factor])]
    return scale(found, math.prod(whole)) if whole else found


def _without_factors(parts: list[Any]) -> tuple[list[Any], Any]:
    """Return parts without their scalar factors, and the product of these; None where there is none."""
    factors = [part.factor for part in parts if isinstance(part, Scaled)]
    return [part.part if isinstance(part, Scaled) else part for part in parts], math.prod(factors) if factors else None


def _cancelled(factors: list[Any]) -> tuple[list[Any], list[Any]]:
    """Return factors without identities and inverse neighbors, and the number alpha^2 for each pair of these."""
    found, numbers = list[Any](), list[Any]()
    for part in factors:
        if _is_identity(part):
            continue
        if found and _inverse(found[-1], part):
            numbers.append(part.alpha * found.pop().alpha)
        else:
            found.append(part)
    return found, numbers


def _is_identity(part: Any) -> bool:
    square = isinstance(part, Selection) and part.domain == part.codomain
    return square and list(part.places) == list(range(math.prod(part.domain)))


def _inverse(left: Any, right: Any) -> bool:
    """Return whether two neighbors have inverse circuits whose blocks are all of them."""
    size = 1 << right.num_qubits
    if left.num_ancillas or right.num_ancillas or not math.prod(right.domain) == size == math.prod(left.codomain):
        return False
    if isinstance(left, Adjoint):
        return _equal(left.part, right)
    if isinstance(right, Adjoint):
        return _equal(left, right.part)
    return left.is_self_inverse and _equal(left, right)


def _applied(node: MatrixVectorProduct, matrix: Any, vec: Any) -> Any:
    if _is_identity(matrix):
        return vec
    if isinstance(matrix, Scaled):
        return vector_sum(matrix_vector_product(matrix.part, vec), weights=[matrix.factor])
    return node if matrix is node.matrix and vec is node.part else matrix_vector_product(matrix, vec)


def _adjoint(node: Adjoint, part: Any) -> Any:
    if isinstance(part, Scaled):
        return scale(_own_adjoint(part.part), part.factor.conj())
    found = _own_adjoint(part)
    return node if isinstance(found, Adjoint) and part is node.part else found


def _own_adjoint(part: Any) -> Any:
    return part if part.is_self_inverse and part.domain == part.codomain else adjoint(part)


def _direction(node: Normalized, part: Any) -> Any:
    if isinstance(part, Normalized):
        return part
    if isinstance(part, VectorSum) and len(part.parts) == 1 and _is_positive(part.weights[0]):
        return normalize(part.parts[0])
    return node if part is node.part else normalize(part)


def _polynomial(node: QSVT, part: Any) -> Any:
    if isinstance(part, Scaled) and _is_positive(part.factor):
        return node.replace(part=part.part.replace(eps=part.eps / abs(part.factor)))
    if isinstance(part, QSVT) and is_concrete(node.coeffs, part.coeffs):
        outer, inner = (np.polynomial.Chebyshev(np.asarray(each.coeffs, float)) for each in (node, part))
        found = qsvt(part.part, outer(inner).coef)
        return found if (found.domain, found.codomain) == (node.domain, node.codomain) else node
    # A polynomial is one of A/alpha, so that alpha has to stay.
    same = part is not node.part and is_concrete(part.alpha, node.part.alpha) and part.alpha == node.part.alpha
    return node.replace(part=part, num_ancillas=part.num_ancillas + 1) if same else node


def _equal(mine: Any, yours: Any) -> bool:
    return mine is yours or (type(mine) is type(yours) and bool(mine == yours))


def _is(number: Any, value: float) -> bool:
    return is_concrete(number) and bool(np.all(np.asarray(number) == value))


def _is_positive(number: Any) -> bool:
    return is_concrete(number) and bool(np.isreal(number)) and bool(np.real(number) > 0)
