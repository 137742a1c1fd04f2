r"""Block encodings on joint registers: the tensor product, and control by a qubit.

The tensor product is $(A \otimes I)(I \otimes B)$, and its $(\alpha, a, \epsilon)$ follow from the product rule. The
two circuits act on disjoint qubits.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Num

from qla_jax._bounds import times
from qla_jax._checks import require, require_kind
from qla_jax._modes import default_promotion
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates
from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.composites import rearranged
from qla_jax.circuits.operations import Operation
from qla_jax.encodings.base import registers
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import State, apply_adjoint_of, apply_of, contraction, side_by_side, swap_qubits
from qla_jax.encodings.base.registers import same_place
from qla_jax.encodings.combine.algebra import encoded_norm
from qla_jax.encodings.combine.several import balanced, require_parts

Vector = Num[Array, " n"]


class Tensor(BlockEncoding, kw_only=True):
    r"""Block encoding of $A \otimes B$: both circuits in parallel, each on its own ancillas and system."""

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

    # A joint state keeps the idle qubits of both parts in front; each part expects its own in front of its registers.
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

    @property
    def is_self_inverse(self) -> bool:
        # The idle qubits of both parts are at one place before and at another after the circuit of a rectangle.
        square = same_place(self.domain, self.codomain) and self._places("domain") == self._places("codomain")
        return square and self.left.is_self_inverse and self.right.is_self_inverse

    def uses(self) -> tuple[Use, ...]:
        return Use(self.left), Use(self.right)

    def gates(self) -> Gates:
        return Gates()

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        taken, given = self._places("domain"), self._places("codomain")
        split = self.left.num_ancillas
        left = (*self.ancilla_wires[:split], *taken[: self.left.num_qubits])
        right = (*self.ancilla_wires[split:], *taken[self.left.num_qubits :])
        return [Call(parts[0], left), Call(parts[1], right), *rearranged(taken, given)]

    def _places(self, side: str) -> tuple[int, ...]:
        """Return the wires of the left part's system, then of the right part's, before or after both circuits."""
        left, right = (registers.num_qubits(getattr(part, side)) for part in (self.left, self.right))
        idle, other = self.left.num_qubits - left, self.right.num_qubits - right
        first = (*range(idle), *range(idle + other, idle + other + left))
        second = (*range(idle, idle + other), *range(self.num_qubits - right, self.num_qubits))
        return tuple(self.system_wires[place] for place in (*first, *second))


@default_promotion
def tensor(*parts: BlockEncoding) -> BlockEncoding:
    r"""Return a block encoding of the tensor product of all parts, $A \otimes B \otimes \cdots$.

    For two parts the result is an $(\alpha\beta,\ a + b,\ \|A\|\epsilon_B + \beta\epsilon_A)$-block-encoding.

    Args:
        parts: block encodings of any shapes; a single part is returned as it is.

    Raises:
        ValueError: no parts.
        TypeError: a part that is not a block encoding.

    Example:
        >>> enc = tensor(block_encode_pauli({"X": 1.0}), block_encode(jnp.array([[2.0]])))
        >>> enc.shape, block(enc).round(6).tolist()
        ((2, 2), [[0.0, 2.0], [2.0, 0.0]])
    """
    require_parts(parts, BlockEncoding)
    return balanced(_tensor, parts)


def _tensor(left: BlockEncoding, right: BlockEncoding) -> Tensor:
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


class Controlled(BlockEncoding, kw_only=True):
    """Block encoding that runs its part where a control qubit, in front of the part's registers, is 1."""

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
        return jnp.concatenate([off, act(on) / contraction(self.part)[0]])

    @property
    def is_self_inverse(self) -> bool:
        return self.part.is_self_inverse

    def uses(self) -> tuple[Use, ...]:
        return (Use(self.part, controlled=True),)

    def gates(self) -> Gates:
        # A further control joins this one before the part is called.
        return replace(Gates(), under=Gates(toffoli=1))

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        place = self.num_qubits - registers.num_qubits(self.part.domain) - 1
        control = self.system_wires[place]
        others = (*self.system_wires[:place], *self.system_wires[place + 1 :])
        return [Call(parts[0], (*self.ancilla_wires, *others)).controlled((control,))]


@default_promotion
def controlled(enc: BlockEncoding) -> Controlled:
    r"""Return an encoding of $|0\rangle\langle 0| \otimes I + |1\rangle\langle 1| \otimes A/\alpha$: the controlled U.

    The result is a $(1, a, \epsilon/\alpha)$-block-encoding. The control qubit is in front of the registers of A. Where
    alpha is 0, the flagged block $A/\alpha$ is unknown unless the part says that it vanishes, and `eps` is `inf`:
    `0.0 * enc` still runs the circuit of `enc`.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: A is not square, so that its control has no meaning.

    Example:
        >>> block(controlled(block_encode_pauli({"X": 1.0})))[2:, 2:].round(6).tolist()
        [[0.0, 1.0], [1.0, 0.0]]
    """
    require_kind("enc", enc, BlockEncoding)
    require(same_place(enc.domain, enc.codomain), f"`enc` must be square, but is {enc.codomain} x {enc.domain}.")
    safe, unknown = contraction(enc)
    sizes = (2, *enc.domain)
    return Controlled(
        alpha=jnp.ones_like(enc.alpha),
        eps=enc.eps / safe + unknown,
        num_ancillas=enc.num_ancillas,
        num_qubits=enc.num_qubits + 1,
        norm_bound=jnp.maximum(1, enc.norm_bound / safe),
        domain=sizes,
        codomain=sizes,
        part=enc,
    )
