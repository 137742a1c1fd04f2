r"""Algebra of block encodings: product, linear combination, tensor product, adjoint, scaling, control.

Each rule keeps $(\alpha, a, \epsilon)$ by its lemma. Errors use a certified bound on the norm of the ideal factor where
one is known (`norm_bound`) and fall back to $\alpha + \epsilon$, with which the product rule reads
$\alpha\epsilon_B + \beta\epsilon_A + \epsilon_A\epsilon_B$.

References:
    Gilyen, Su, Low, Wiebe (2018), Lemmas 52 and 53. https://arxiv.org/abs/1806.01838
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax.encodings import registers
from qla_jax.encodings.block import BlockEncoding
from qla_jax.encodings.checks import as_numeric, require, require_kind, times
from qla_jax.encodings.encoding import (
    Encoding,
    State,
    apply_adjoint_of,
    apply_of,
    flagged_on,
    on_front_ancillas,
    run_on,
    side_by_side,
    swap_qubits,
)
from qla_jax.encodings.lcu import apply_lcu, apply_lcu_adjoint, combine, flagged_lcu, lcu_parameters
from qla_jax.encodings.vector import same_place

Vector = Num[Array, " n"]


class Product(BlockEncoding, kw_only=True):
    r"""$U_{AB} = (I \otimes U_A)(I \otimes U_B)$ on separate ancillas, those of $A$ in front."""

    left: BlockEncoding
    right: BlockEncoding

    def apply(self, state: State) -> State:
        state = run_on(self.right.apply, self.right, state)
        return on_front_ancillas(self.left.apply, self.left, state)

    def apply_adjoint(self, state: State) -> State:
        state = on_front_ancillas(self.left.apply_adjoint, self.left, state)
        return run_on(self.right.apply_adjoint, self.right, state)

    def flagged(self, system: Vector) -> Vector:
        return flagged_on(self.left, flagged_on(self.right, system))

    def _matvec(self, x: Vector) -> Vector:
        return self.left.matvec(self.right.matvec(x))

    def _rmatvec(self, y: Vector) -> Vector:
        return self.right.rmatvec(self.left.rmatvec(y))

    def uses(self) -> tuple[tuple[Encoding, int], ...]:
        return ((self.left, 1), (self.right, 1))


def product(left: BlockEncoding, right: BlockEncoding) -> Product:
    r"""`left @ right`: an $(\alpha\beta,\ a + b,\ \|A\|\epsilon_B + \beta\epsilon_A)$-block-encoding of $AB$.

    $AB - \tilde A\tilde B = A(B - \tilde B) + (A - \tilde A)\tilde B$ and $\|\tilde B\| \le \beta$. $\|A\|$ enters by
    `left.norm_bound`; without a better one that is $\alpha + \epsilon_A$, which gives the familiar rule.

    Raises:
        ValueError: the codomain of `right` is not the domain of `left`.
    """
    require_kind("left", left, BlockEncoding)
    require_kind("right", right, BlockEncoding)
    require(
        same_place(left.domain, right.codomain),
        f"`left` must take what `right` gives, but takes {left.domain} and `right` gives {right.codomain}.",
    )
    return Product(
        alpha=left.alpha * right.alpha,
        eps=times(left.norm_bound, right.eps) + times(encoded_norm(right), left.eps),
        num_ancillas=left.num_ancillas + right.num_ancillas,
        num_qubits=max(left.num_qubits, right.num_qubits),
        norm_bound=times(left.norm_bound, right.norm_bound),
        domain=right.domain,
        codomain=left.codomain,
        left=left,
        right=right,
    )


class LinearCombination(BlockEncoding, kw_only=True):
    r"""$\sum_i w_i A_i$ by PREPARE, SELECT, PREPARE-adjoint."""

    weights: Num[Array, " parts"]
    parts: tuple[BlockEncoding, ...]

    def apply(self, state: State) -> State:
        return apply_lcu(self.weights, self.parts, state)

    def apply_adjoint(self, state: State) -> State:
        return apply_lcu_adjoint(self.weights, self.parts, state)

    def flagged(self, system: Vector) -> Vector:
        return flagged_lcu(self.weights, self.parts, system)

    def _matvec(self, x: Vector) -> Vector:
        return combine(self.weights, [part.matvec(x) for part in self.parts])

    def _rmatvec(self, y: Vector) -> Vector:
        return combine(self.weights.conj(), [part.rmatvec(y) for part in self.parts])

    def uses(self) -> tuple[tuple[Encoding, int], ...]:
        return tuple((part, 1) for part in self.parts)


def linear_combination(weights: ArrayLike | Sequence[ArrayLike], parts: Sequence[BlockEncoding]) -> LinearCombination:
    r"""A weighted sum $\sum_i w_i A_i$ of m block encodings.

    A $(\sum_i|w_i|\alpha_i,\ \lceil\log_2 m\rceil + \max_i a_i,\ \sum_i|w_i|\epsilon_i)$-block-encoding.

    Raises:
        ValueError: no parts, a number of weights other than that of parts, or parts of different shapes.
    """
    parts = tuple(parts)
    for part in parts:
        require_kind("parts", part, BlockEncoding)
    require(len(parts) > 0, "`parts` must hold at least one block encoding, but is empty.")
    weights = as_numeric("weights", weights, ndim=1, like=parts[0].alpha)
    require(len(weights) == len(parts), f"`weights` must match `parts`, but there are {len(weights)} for {len(parts)}.")
    for part in parts:
        fits = same_place(part.domain, parts[0].domain) and same_place(part.codomain, parts[0].codomain)
        require(
            fits,
            f"`parts` must all be {parts[0].codomain} x {parts[0].domain}, but one is {part.codomain} x {part.domain}.",
        )
    return LinearCombination(
        **lcu_parameters(weights, parts),
        norm_bound=jnp.sum(times(jnp.abs(weights), jnp.stack([part.norm_bound for part in parts]))),
        domain=parts[0].domain,
        codomain=parts[0].codomain,
        weights=weights,
        parts=parts,
    )


class Tensor(BlockEncoding, kw_only=True):
    r"""$A \otimes B$: both circuits side by side, each on its own ancillas and system."""

    left: BlockEncoding
    right: BlockEncoding

    def apply(self, state: State) -> State:
        grid = side_by_side(self.left, self.right, apply_of, self._spread(state, "domain"))
        return self._gather(grid, "codomain")

    def apply_adjoint(self, state: State) -> State:
        grid = side_by_side(self.left, self.right, apply_adjoint_of, self._spread(state, "codomain"))
        return self._gather(grid, "domain")

    def flagged(self, system: Vector) -> Vector:
        grid = self._spread(system, "domain").reshape(1 << self.left.num_qubits, 1 << self.right.num_qubits)
        grid = jax.vmap(self.right.flagged)(jax.vmap(self.left.flagged, 1, 1)(grid))
        return self._gather(grid.reshape(-1), "codomain")

    # The parts' idle qubits stand in front of both registers outside, each in front of its own inside.
    def _spread(self, array: Array, side: str) -> Array:
        left, right = (registers.num_qubits(getattr(part, side)) for part in (self.left, self.right))
        return swap_qubits(array, self.right.num_qubits - right, left, right)

    def _gather(self, array: Array, side: str) -> Array:
        left, right = (registers.num_qubits(getattr(part, side)) for part in (self.left, self.right))
        return swap_qubits(array, left, self.right.num_qubits - right, right)

    def _matvec(self, x: Vector) -> Vector:
        grid = x.reshape(self.left.shape[1], self.right.shape[1])
        return jax.vmap(self.right.matvec)(jax.vmap(self.left.matvec, 1, 1)(grid)).reshape(-1)

    def _rmatvec(self, y: Vector) -> Vector:
        grid = y.reshape(self.left.shape[0], self.right.shape[0])
        return jax.vmap(self.right.rmatvec)(jax.vmap(self.left.rmatvec, 1, 1)(grid)).reshape(-1)

    def uses(self) -> tuple[tuple[Encoding, int], ...]:
        return ((self.left, 1), (self.right, 1))


def tensor(left: BlockEncoding, right: BlockEncoding) -> Tensor:
    r"""$A \otimes B$: an $(\alpha\beta,\ a + b,\ \|A\|\epsilon_B + \beta\epsilon_A)$-block-encoding of any two."""
    require_kind("left", left, BlockEncoding)
    require_kind("right", right, BlockEncoding)
    return Tensor(
        alpha=left.alpha * right.alpha,
        eps=times(left.norm_bound, right.eps) + times(encoded_norm(right), left.eps),
        num_ancillas=left.num_ancillas + right.num_ancillas,
        num_qubits=left.num_qubits + right.num_qubits,
        norm_bound=times(left.norm_bound, right.norm_bound),
        domain=(*left.domain, *right.domain),
        codomain=(*left.codomain, *right.codomain),
        left=left,
        right=right,
    )


class Adjoint(BlockEncoding, kw_only=True):
    r"""$A^\dagger$ by the inverse circuit."""

    part: BlockEncoding

    def apply(self, state: State) -> State:
        return self.part.apply_adjoint(state)

    def apply_adjoint(self, state: State) -> State:
        return self.part.apply(state)

    def _matvec(self, x: Vector) -> Vector:
        return self.part.rmatvec(x)

    def _rmatvec(self, y: Vector) -> Vector:
        return self.part.matvec(y)

    def uses(self) -> tuple[tuple[Encoding, int], ...]:
        return ((self.part, 1),)


def adjoint(enc: BlockEncoding) -> BlockEncoding:
    r"""An $(\alpha, a, \epsilon)$-block-encoding of $A^\dagger$. The adjoint of an adjoint is the encoding itself."""
    if isinstance(enc, Adjoint):
        return enc.part
    return Adjoint(**{**_parameters(enc), "domain": enc.codomain, "codomain": enc.domain}, part=enc)


class Scaled(BlockEncoding, kw_only=True):
    """A number times the matrix: its size goes into alpha, its phase into the circuit."""

    factor: Array
    phase: Array
    part: BlockEncoding

    def apply(self, state: State) -> State:
        return self.phase * self.part.apply(state)

    def apply_adjoint(self, state: State) -> State:
        return self.phase.conj() * self.part.apply_adjoint(state)

    def flagged(self, system: Vector) -> Vector:
        return self.phase * self.part.flagged(system)

    def _matvec(self, x: Vector) -> Vector:
        return self.factor * self.part.matvec(x)

    def _rmatvec(self, y: Vector) -> Vector:
        return self.factor.conj() * self.part.rmatvec(y)

    def uses(self) -> tuple[tuple[Encoding, int], ...]:
        return ((self.part, 1),)


def scale(factor: ArrayLike, enc: BlockEncoding) -> Scaled:
    r"""$cA$: a $(|c|\alpha, a, |c|\epsilon)$-block-encoding.

    Raises:
        ValueError: `factor` is not a finite scalar.
    """
    factor = as_numeric("factor", factor, ndim=0)
    nonzero = jnp.where(factor == 0, 1, factor)
    size = jnp.abs(factor)
    changed = {"alpha": size * enc.alpha, "eps": times(size, enc.eps), "norm_bound": times(size, enc.norm_bound)}
    return Scaled(**{**_parameters(enc), **changed}, factor=factor, phase=nonzero / jnp.abs(nonzero), part=enc)


class Controlled(BlockEncoding, kw_only=True):
    """The circuit where a control qubit, in front of the part's registers, is 1; nothing where it is 0."""

    part: BlockEncoding

    def apply(self, state: State) -> State:
        return self._where_set(self.part.apply, state)

    def apply_adjoint(self, state: State) -> State:
        return self._where_set(self.part.apply_adjoint, state)

    def _where_set(self, apply: Callable[[State], State], state: State) -> State:
        grid = state.reshape(state.shape[0], -1, 2, 1 << registers.num_qubits(self.part.domain))
        on = apply(grid[:, :, 1].reshape(state.shape[0], -1)).reshape(grid[:, :, 1].shape)
        return jnp.stack([grid[:, :, 0], on], axis=2).reshape(state.shape)

    def _matvec(self, x: Vector) -> Vector:
        return self._blocks(self.part.matvec, x)

    def _rmatvec(self, y: Vector) -> Vector:
        return self._blocks(self.part.rmatvec, y)

    def _blocks(self, act: Callable[[Vector], Vector], x: Vector) -> Vector:
        off, on = jnp.split(x, 2)
        return jnp.concatenate([off, act(on) / jnp.where(self.part.alpha == 0, 1, self.part.alpha)])

    def uses(self) -> tuple[tuple[Encoding, int], ...]:
        return ((self.part, 1),)


def controlled(enc: BlockEncoding) -> Controlled:
    r"""$|0\rangle\langle 0| \otimes I + |1\rangle\langle 1| \otimes A/\alpha$, a $(1, a, \epsilon/\alpha)$-encoding.

    The control stands in front of A's registers.

    Raises:
        ValueError: rectangular A, whose control has no meaning.
    """
    require(same_place(enc.domain, enc.codomain), f"`enc` must be square, but is {enc.codomain} x {enc.domain}.")
    safe = jnp.where(enc.alpha == 0, 1, enc.alpha)
    sizes = (2, *enc.domain)
    return Controlled(
        alpha=jnp.ones_like(enc.alpha),
        eps=enc.eps / safe,
        num_ancillas=enc.num_ancillas,
        num_qubits=enc.num_qubits + 1,
        norm_bound=jnp.maximum(1, enc.norm_bound / safe),
        domain=sizes,
        codomain=sizes,
        part=enc,
    )


def encoded_norm(enc: BlockEncoding) -> Array:
    r"""A bound on the norm of the block that is really there: $\min(\alpha, \|A\| + \epsilon)$."""
    return jnp.minimum(enc.alpha, enc.norm_bound + enc.eps)


def _parameters(enc: BlockEncoding) -> dict:
    return {name: getattr(enc, name) for name in BlockEncoding.__dataclass_fields__}
