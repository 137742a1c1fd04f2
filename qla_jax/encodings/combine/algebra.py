r"""Algebra of block encodings: product, linear combination, adjoint, scaling.

Each rule computes $(\alpha, a, \epsilon)$ by its lemma. Errors use a certified bound on the norm of the ideal factor
where one is known (`norm_bound`). Otherwise they use $\alpha + \epsilon$, and the product rule reads
$\alpha\epsilon_B + \beta\epsilon_A + \epsilon_A\epsilon_B$.

References:
    Gilyen, Su, Low, Wiebe (2018), Lemmas 52 and 53. https://arxiv.org/abs/1806.01838
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._bounds import times
from qla_jax._checks import ROUNDING, as_numeric, is_concrete, require, require_kind
from qla_jax._modes import default_promotion
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.operations import Operation, Phase
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import Link, State, flagged_in_row
from qla_jax.encodings.base.in_turn import in_turn_operations, marking, run_in_turn, run_in_turn_adjoint, together
from qla_jax.encodings.base.lcu import (
    apply_lcu,
    apply_lcu_adjoint,
    combine,
    flagged_lcu,
    lcu_gates,
    lcu_operations,
    lcu_parameters,
    lcu_row,
    stacked,
)
from qla_jax.encodings.base.operators import rule
from qla_jax.encodings.base.registers import same_place
from qla_jax.encodings.combine.several import require_parts, with_least_size

Vector = Num[Array, " n"]


class Product(BlockEncoding, kw_only=True):
    r"""Block encoding of $AB$: the circuit of $B$, then the circuit of $A$.

    Where both have two or more ancillas, they share them: a mark in front is flipped between the two circuits unless
    the shared ancillas are 0. Otherwise the ancillas of $A$ are in front.
    """

    left: BlockEncoding
    right: BlockEncoding

    def apply(self, state: State) -> State:
        return run_in_turn(self.left, self.right, state)

    def apply_adjoint(self, state: State) -> State:
        return run_in_turn_adjoint(self.left, self.right, state)

    def flagged(self, system: Vector) -> Vector:
        return flagged_in_row(self, system)

    def row(self) -> tuple[Link, ...]:
        return Link(self.right), Link(self.left)

    def uses(self) -> tuple[Use, ...]:
        return Use(self.left), Use(self.right)

    def gates(self) -> Gates:
        return marking(self.right.num_ancillas, self.left.num_ancillas)

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        return in_turn_operations(self, self.left, self.right, *parts)


@default_promotion
def product(*parts: BlockEncoding) -> BlockEncoding:
    r"""Return a block encoding of the matrix product of all parts, $A B \cdots$, the last part acting first.

    For two parts the result is that of `a @ b`: an
    $(\alpha\beta,\ \min(a + b, \max(a, b) + 1),\ \|A\|\epsilon_B + \beta\epsilon_A)$-block-encoding of $AB$. The error
    follows from $AB - \tilde A\tilde B = A(B - \tilde B) + (A - \tilde A)\tilde B$ and $\|\tilde B\| \le \beta$. The
    norm $\|A\|$ enters by `a.norm_bound`; the default $\alpha + \epsilon_A$ gives the rule of Lemma 53.

    More parts are nested for the least number of ancillas. K parts with ancillas take at most
    $\max_i a_i + \lceil\log_2K\rceil$ of them: they share those of the largest part, and marks of one qubit prove that
    the shared ones were 0 after each part. The operators of `a @ b @ c @ d` nest to the left, which takes one mark for
    each part.

    Args:
        parts: block encodings; the domain of each one is the codomain of the next. A single part is returned as it is.

    Raises:
        ValueError: no parts, or a part whose domain is not the codomain of the next.
        TypeError: a part that is not a block encoding.

    Example:
        >>> enc = product(block_encode(2.0 * jnp.eye(2)), block_encode_pauli({"X": 3.0}))
        >>> float(enc.alpha), enc.matvec(jnp.array([1.0, 0.0])).round(6).tolist()
        (6.0, [0.0, 6.0])

    References:
        Gilyen, Su, Low, Wiebe (2018), Lemma 53. https://arxiv.org/abs/1806.01838
        Vasconcelos, Gilyen (2025), the least number of ancillas. https://arxiv.org/abs/2507.07900
    """
    require_parts(parts, BlockEncoding)
    return with_least_size(_product, parts, [part.num_ancillas for part in parts])


@rule("@", BlockEncoding, BlockEncoding)
@default_promotion
def _product(left: BlockEncoding, right: BlockEncoding) -> Product:
    require(
        same_place(left.domain, right.codomain),
        f"`parts` must fit together, but one takes {left.domain} and the next one gives {right.codomain}.",
    )
    return Product(
        alpha=left.alpha * right.alpha,
        eps=times(left.norm_bound, right.eps) + times(encoded_norm(right), left.eps),
        num_ancillas=together(right.num_ancillas, left.num_ancillas),
        num_qubits=max(left.num_qubits, right.num_qubits),
        norm_bound=times(left.norm_bound, right.norm_bound),
        domain=right.domain,
        codomain=left.codomain,
        left=left,
        right=right,
    )


class LinearCombination(BlockEncoding, kw_only=True):
    r"""Block encoding of $\sum_i w_i A_i$ by PREPARE, SELECT, PREPARE-adjoint."""

    weights: Num[Array, " parts"]
    parts: tuple[BlockEncoding, ...]

    def apply(self, state: State) -> State:
        return apply_lcu(self.weights, self.parts, state)

    def apply_adjoint(self, state: State) -> State:
        return apply_lcu_adjoint(self.weights, self.parts, state)

    def flagged(self, system: Vector) -> Vector:
        return flagged_in_row(self, system) if self.row() else flagged_lcu(self.weights, self.parts, system)

    def row(self) -> tuple[Link, ...] | None:
        return lcu_row(self.weights, self.parts)

    def _matvec(self, x: Vector) -> Vector:
        return combine(self.weights, [part.matvec(x) for part in self.parts])

    def _rmatvec(self, y: Vector) -> Vector:
        return combine(self.weights.conj(), [part.rmatvec(y) for part in self.parts])

    def hermitian_defect(self) -> Array | None:
        """Return the sum of the parts' bounds where all weights are real and every part has one; None otherwise."""
        defects = [part.hermitian_defect() for part in self.parts]
        known = [defect for defect in defects if defect is not None]
        if len(known) < len(defects) or not jnp.isrealobj(self.weights):
            return None
        total = jnp.sum(jnp.abs(self.weights) * jnp.stack(known))
        small = is_concrete(total) and bool(total <= ROUNDING * jnp.finfo(total.dtype).eps * self.alpha)
        # Parts that are not Hermitian may add up to a Hermitian matrix, so that only a vanishing sum is conclusive.
        return total if small or not is_concrete(total) else None

    @property
    def is_self_inverse(self) -> bool:
        return jnp.isrealobj(self.weights) and all(part.is_self_inverse for part in self.parts)

    def uses(self) -> tuple[Use, ...]:
        return tuple(Use(part, controlled=len(self.parts) > 1) for part in self.parts)

    def gates(self) -> Gates:
        return lcu_gates(self.weights, self.parts)

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        return lcu_operations(self, self.weights, self.parts, parts)


@default_promotion
def linear_combination(
    *parts: BlockEncoding, weights: ArrayLike | Sequence[ArrayLike] | None = None
) -> LinearCombination:
    r"""Return a block encoding of the weighted sum $\sum_i w_i A_i$ of m block encodings.

    The result is a $(\sum_i|w_i|\alpha_i,\ \lceil\log_2 m\rceil + \max_i a_i,\ \sum_i|w_i|\epsilon_i)$-block-encoding.
    `a + b` and `a - b` are the cases with weights 1 and -1.

    Args:
        parts: block encodings of matrices of one shape.
        weights: real or complex numbers, one for each part; all are 1 by default.

    Raises:
        ValueError: no parts, unequally many weights and parts, or parts of different shapes.
        TypeError: a part that is not a block encoding.

    Example:
        >>> x, z = block_encode_pauli({"X": 1.0}), block_encode_pauli({"Z": 1.0})
        >>> enc = linear_combination(x, z, weights=(3.0, -1.0))
        >>> float(enc.alpha), enc.matvec(jnp.array([1.0, 0.0])).round(6).tolist()
        (4.0, [-1.0, 3.0])

    References:
        Gilyen, Su, Low, Wiebe (2018), Lemma 52. https://arxiv.org/abs/1806.01838
    """
    require_parts(parts, BlockEncoding)
    weights = as_numeric("weights", (1.0,) * len(parts) if weights is None else weights, ndim=1, like=parts[0].alpha)
    require(len(weights) == len(parts), f"`weights` must match `parts`, but there are {len(weights)} for {len(parts)}.")
    for part in parts:
        fits = same_place(part.domain, parts[0].domain) and same_place(part.codomain, parts[0].codomain)
        require(
            fits,
            f"`parts` must all be {parts[0].codomain} x {parts[0].domain}, but one is {part.codomain} x {part.domain}.",
        )
    return LinearCombination(
        **lcu_parameters(weights, parts),
        norm_bound=jnp.sum(times(jnp.abs(weights), stacked([part.norm_bound for part in parts]))),
        domain=parts[0].domain,
        codomain=parts[0].codomain,
        weights=weights,
        parts=parts,
    )


class Adjoint(BlockEncoding, kw_only=True):
    r"""Block encoding of $A^\dagger$ by the inverse circuit."""

    part: BlockEncoding

    def apply(self, state: State) -> State:
        return self.part.apply_adjoint(state)

    def apply_adjoint(self, state: State) -> State:
        return self.part.apply(state)

    def row(self) -> tuple[Link, ...]:
        return (Link(self.part, adjoint=True),)

    def hermitian_defect(self) -> Array | None:
        return self.part.hermitian_defect()

    def singular_values(self) -> Num[Array, " values"] | None:
        return self.part.singular_values()

    @property
    def is_self_inverse(self) -> bool:
        return self.part.is_self_inverse

    def uses(self) -> tuple[Use, ...]:
        return (Use(self.part, 0, 1),)

    def gates(self) -> Gates:
        return Gates()

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        return [self.call(self.part, parts[0]).inverse()]


@rule("adjoint", BlockEncoding)
@default_promotion
def adjoint(enc: BlockEncoding) -> BlockEncoding:
    r"""Return an $(\alpha, a, \epsilon)$-block-encoding of $A^\dagger$, whose circuit is the inverse circuit.

    The adjoint of an adjoint is the original encoding.

    Raises:
        TypeError: `enc` is not a block encoding.

    Example:
        >>> block(adjoint(block_encode(jnp.array([[1.0, 2.0], [3.0, 4.0]])))).round(6).tolist()
        [[1.0, 3.0], [2.0, 4.0]]
    """
    require_kind("enc", enc, BlockEncoding)
    if isinstance(enc, Adjoint):
        return enc.part
    return Adjoint(**{**_parameters(enc), "domain": enc.codomain, "codomain": enc.domain}, part=enc)


class Scaled(BlockEncoding, kw_only=True):
    """Block encoding of a scalar times a matrix: the modulus enters alpha, the phase enters the circuit."""

    factor: Array
    phase: Array
    part: BlockEncoding

    def apply(self, state: State) -> State:
        return self.phase * self.part.apply(state)

    def apply_adjoint(self, state: State) -> State:
        return self.phase.conj() * self.part.apply_adjoint(state)

    def flagged(self, system: Vector) -> Vector:
        return flagged_in_row(self, system)

    def row(self) -> tuple[Link, ...]:
        return (Link(self.part, factor=self.factor, phase=self.phase),)

    def hermitian_defect(self) -> Array | None:
        defect = self.part.hermitian_defect() if jnp.isrealobj(self.factor) else None
        return None if defect is None else jnp.abs(self.factor) * defect

    def singular_values(self) -> Num[Array, " values"] | None:
        values = self.part.singular_values()
        return None if values is None else jnp.abs(self.factor) * values

    @property
    def is_self_inverse(self) -> bool:
        return jnp.isrealobj(self.phase) and self.part.is_self_inverse

    def uses(self) -> tuple[Use, ...]:
        return (Use(self.part),)

    def gates(self) -> Gates:
        return Gates()

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        return [self.call(self.part, parts[0]), Phase(float(np.angle(self.phase)))]


@default_promotion
def scale(enc: BlockEncoding, factor: ArrayLike) -> Scaled:
    r"""Return a $(|c|\alpha, a, |c|\epsilon)$-block-encoding of the multiple $cA$, the same as `c * enc`.

    Args:
        enc: block encoding of A.
        factor: real or complex number c.

    Raises:
        ValueError: `factor` is not a finite scalar.
        TypeError: `enc` is not a block encoding.

    Example:
        >>> enc = scale(block_encode(jnp.eye(2)), -2.0)
        >>> float(enc.alpha), enc.matvec(jnp.array([1.0, 3.0])).round(6).tolist()
        (2.0, [-2.0, -6.0])
    """
    require_kind("enc", enc, BlockEncoding)
    factor = as_numeric("factor", factor, ndim=0, like=enc.alpha)
    nonzero = jnp.where(factor == 0, 1, factor)  # the phase of zero is 1, with a finite derivative
    size = jnp.abs(factor)
    changed = {"alpha": size * enc.alpha, "eps": times(size, enc.eps), "norm_bound": times(size, enc.norm_bound)}
    return Scaled(**{**_parameters(enc), **changed}, factor=factor, phase=nonzero / jnp.abs(nonzero), part=enc)


def encoded_norm(enc: BlockEncoding) -> Array:
    r"""Return a bound on the norm of the actually encoded matrix: $\min(\alpha, \|A\| + \epsilon)$."""
    return jnp.minimum(enc.alpha, enc.norm_bound + enc.eps)


def _parameters(enc: BlockEncoding) -> dict:
    return {name: getattr(enc, name) for name in BlockEncoding.__dataclass_fields__}


@rule("+", BlockEncoding, BlockEncoding)
def _sum(left: BlockEncoding, right: BlockEncoding) -> LinearCombination:
    return linear_combination(left, right, weights=jnp.array([1.0, 1.0], left.alpha.dtype))


@rule("-", BlockEncoding, BlockEncoding)
def _difference(left: BlockEncoding, right: BlockEncoding) -> LinearCombination:
    return linear_combination(left, right, weights=jnp.array([1.0, -1.0], left.alpha.dtype))


@rule("*", BlockEncoding, object)
def _multiple(enc: BlockEncoding, factor: ArrayLike) -> Scaled:
    return scale(enc, factor)
