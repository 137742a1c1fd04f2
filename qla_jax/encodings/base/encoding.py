r"""What block and vector encodings have in common: a unitary on ancillas and system, known by what it does to a state.

A node has two primitives, `apply` and `apply_adjoint`, on a state of shape (2^a, 2^n): ancillas first, system last,
both big-endian. Everything else follows from them: the explicit unitary, the flagged block $\langle 0|U|0\rangle$, and
circuits that run a part on some of the qubits and leave the others idle.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array
from jaxtyping import Num

from qla_jax._checks import require, require_kind
from qla_jax._modes import default_promotion, reshaped
from qla_jax._nodes import Node
from qla_jax.accounting.costs import Cost, cost
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates
from qla_jax.encodings.base.nesting import after_parts, equal, is_encoding, nesting_of
from qla_jax.encodings.base.rounding import by_calls, rounding_of
from qla_jax.encodings.base.sharing import separate
from qla_jax.encodings.base.tree import DEPTH, EncodingTree, nested, tree_of
from qla_jax.linalg.memory import require_fit

MAX_UNITARY_QUBITS = 13
"""An explicit unitary has at most 2^13 rows: 1 GiB in complex128."""

State = Num[Array, "ancilla system"]

VIEWS = ("apply", "apply_adjoint", "flagged", "_matvec", "_rmatvec")
"""Methods whose arguments may be of another precision than the node: they promote in every mode of their caller."""


class Encoding(Node, ABC, kw_only=True):
    r"""A unitary $U$ on $a$ ancillas and $n$ system qubits; its block $\alpha\langle 0|U|0\rangle$ means something.

    Attributes:
        alpha: subnormalization, a real scalar.
        eps: absolute error bound in units of what is encoded; 0.0 is exact, `inf` unknown. Bounds approximation, not
            rounding, which `rounding` estimates.
        num_ancillas: $a$.
        num_qubits: $n$, the system alone.
    """

    __slots__ = ("_arrays", "_original")  # see `sharing`; no fields, so that no transformation sees them

    alpha: Array
    eps: Array
    num_ancillas: int = struct.field(pytree_node=False)
    num_qubits: int = struct.field(pytree_node=False)

    zero_without_alpha = False
    """Whether alpha = 0 implies that the flagged block itself is zero, so that zero over zero may count as zero."""

    def __init_subclass__(cls, **options: Any) -> None:
        # Not every array of every part is printed, and arrays have no single answer to ==.
        super().__init_subclass__(**{"repr": False, "eq": False, **options})
        for name in VIEWS:
            if name in vars(cls):
                setattr(cls, name, default_promotion(vars(cls)[name]))
        if "log_alpha" in vars(cls):
            cls.log_alpha = property(after_parts(vars(cls)["log_alpha"].fget))  # type: ignore[assignment]

    def __post_init__(self) -> None:
        super().__post_init__()
        separate(self)

    def __eq__(self, other: object) -> bool:
        """Whether both are the same node with equal arrays; arrays that are traced are equal to themselves only."""
        return equal(self, other) if isinstance(other, Encoding) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), self.num_ancillas, self.num_qubits))

    def __repr__(self) -> str:
        told = f"alpha={self.alpha}, eps={self.eps}, num_ancillas={self.num_ancillas}, num_qubits={self.num_qubits}"
        parts = nested(self, 2)
        return f"{parts[:-1]}; {told})" if parts.endswith(")") else f"{parts}({told})"

    def cost(self) -> Cost:
        """Return what one run of the circuit takes: qubits, queries, gates, T counts, probability of success."""
        return cost(self)

    def tree(self, depth: int = DEPTH) -> EncodingTree:
        """Return the tree of the parts, which prints as text, in color by rich and in notebooks by treescope.

        Args:
            depth: number of levels that are shown.

        Raises:
            ValueError: a negative depth.
        """
        return tree_of(self, depth)

    @abstractmethod
    def apply(self, state: State) -> State:
        """$U$ on a state."""

    @abstractmethod
    def apply_adjoint(self, state: State) -> State:
        r"""$U^\dagger$ on a state."""

    @default_promotion
    def flagged(self, system: Num[Array, " system"]) -> Num[Array, " system"]:
        r"""$\langle 0|U|0\rangle$ on a system state, each ancilla projected as soon as no later gate touches it.

        The plain derivation projects at the end; composites override it. Exact, but not unitary: see `run_projected`.
        """
        return self.apply(with_ancillas(system, self.num_ancillas))[0]

    @property
    def log_alpha(self) -> Array:
        """Natural logarithm of alpha, also where alpha itself is beyond the largest float."""
        return jnp.log(self.alpha)

    @property
    def rounding(self) -> Array:
        r"""Estimate of what rounding changes in either view, absolute, in the units of `eps`; see `encodings.rounding`.

        $\|A - \tilde A\|$ as computed is at most `eps + rounding`. It is relative to alpha, so that in the encoded view
        of a network that was never amplified it is far too large: its circuit has that little to show.
        """
        return rounding_of(self)

    def relative_rounding(self, parts: Sequence[Array]) -> Array:
        """Return the estimate relative to alpha from those of the parts, in the order of `uses`."""
        return by_calls(self, self.uses(), parts)

    def uses(self) -> tuple[Use, ...]:
        """The parts this circuit calls, how often and how; a leaf has none. The inverse circuit calls the inverses."""
        return ()

    def row(self) -> tuple["Link", ...] | None:
        """The parts that run in a row and are all that this circuit does, first to last; None for any other circuit."""
        return None

    @property
    def nesting(self) -> int:
        """How many nodes stand around the innermost leaf; 0 for a leaf."""
        return nesting_of(self)

    def gates(self) -> Gates | None:
        """The gates of this circuit besides its parts; None where the construction defines none."""
        return None


class Link(NamedTuple):
    """A part in a row of parts, and the numbers that it comes with.

    Attributes:
        part: what runs.
        adjoint: whether its inverse runs.
        factor: what the encoded matrix of the part is multiplied by, if by anything.
        phase: what the circuit of the part is multiplied by, if by anything.
    """

    part: Encoding
    adjoint: bool = False
    factor: Array | None = None
    phase: Array | None = None


def contraction(enc: Encoding) -> tuple[Array, Array]:
    r"""Return what to divide by for $A/\alpha$, and 0, or `inf` where that quotient is not the circuit's flagged block.

    Where alpha is 0 the encoded matrix is 0 whatever the circuit does: `0.0 * enc` still runs the circuit of `enc`.
    A polynomial or a control acts on the flagged block itself, which is then unknown unless the node says that it
    vanishes.
    """
    zero, finite = enc.alpha == 0, jnp.isfinite(enc.alpha)
    unknown = (zero & (not enc.zero_without_alpha)) | ~finite
    return jnp.where(zero | ~finite, 1, enc.alpha), jnp.where(unknown, jnp.inf, 0).astype(enc.alpha.dtype)


def with_ancillas(system: Num[Array, " system"], num_ancillas: int) -> State:
    """The state with all ancillas in |0>.

    Raises:
        ValueError: more qubits than fit in memory.
    """
    require_fit(num_ancillas, (system.size - 1).bit_length(), system.dtype)
    return jnp.zeros((1 << num_ancillas, system.size), system.dtype).at[0].set(system)


def run_on(apply: Callable[[State], State], part: Encoding, state: State) -> State:
    """Run `part` (`apply` is one of its two) on the least significant ancillas and system qubits; the rest idle."""
    idle_ancillas = state.shape[0] >> part.num_ancillas
    idle_system = state.shape[1] >> part.num_qubits
    if idle_ancillas == idle_system == 1:
        return apply(state)
    shape = (idle_ancillas, 1 << part.num_ancillas, idle_system, 1 << part.num_qubits)
    on_all = jax.vmap(jax.vmap(apply, in_axes=1, out_axes=1))
    return reshaped(on_all(reshaped(state, shape)), state.shape)


def flagged_on(part: Encoding, system: Num[Array, " system"]) -> Num[Array, " system"]:
    """`part.flagged` on the least significant system qubits; the rest idle."""
    if system.size == 1 << part.num_qubits:
        return part.flagged(system)
    return jax.vmap(part.flagged)(system.reshape(-1, 1 << part.num_qubits)).reshape(-1)


def flagged_in_row(enc: Encoding, system: Num[Array, " system"]) -> Num[Array, " system"]:
    """`enc.flagged` by that of the parts in its `row`, one after another, in a loop: rows within rows may be deep."""
    waiting: list[Any] = [enc]
    while waiting:
        held = waiting.pop()
        if not is_encoding(held):
            system = held * system
            continue
        row = held.row()
        if row is None or any(step.adjoint for step in row):  # an inverse circuit has its garbage elsewhere
            system = flagged_on(held, system)
            continue
        for step in reversed(row):
            waiting += [step.part] if step.phase is None else [step.phase, step.part]
    return system


def on_front_ancillas(apply: Callable[[State], State], part: Encoding, state: State) -> State:
    """Run `part` on the most significant ancillas and the least significant system qubits; the rest idle."""
    if state.shape[0] == 1 << part.num_ancillas:
        return run_on(apply, part, state)
    grid = reshaped(state, (1 << part.num_ancillas, -1, state.shape[1]))
    return reshaped(jax.vmap(lambda s: run_on(apply, part, s), in_axes=1, out_axes=1)(grid), state.shape)


def side_by_side(left: Encoding, right: Encoding, way: Callable, state: State) -> State:
    """Two circuits on disjoint qubits: ancillas left, ancillas right, system left, system right."""
    sizes = (left.num_ancillas, right.num_ancillas, left.num_qubits, right.num_qubits)
    grid = reshaped(state, tuple(1 << size for size in sizes))
    grid = jax.vmap(jax.vmap(way(left), in_axes=1, out_axes=1), in_axes=3, out_axes=3)(grid)
    return reshaped(jax.vmap(jax.vmap(way(right), in_axes=1, out_axes=1))(grid), state.shape)


def swap_qubits(array: Num[Array, "... system"], first: int, second: int, behind: int) -> Num[Array, "... system"]:
    """Swap two neighboring groups of `first` and `second` system qubits, with `behind` qubits after them.

    Composite systems keep idle qubits (always |0>) in front, so that registers stay where `registers.embed` puts them.
    """
    if 0 in (first, second):
        return array
    grid = array.reshape(*array.shape[:-1], -1, 1 << first, 1 << second, 1 << behind)
    return grid.swapaxes(-3, -2).reshape(array.shape)


@default_promotion
def unitary(enc: Encoding) -> Num[Array, "rows rows"]:
    r"""The explicit unitary, shape (2^(a+n), 2^(a+n)), ancillas most significant.

    Its leading entries are the block over alpha: `unitary(enc)[:rows, :columns] == A / alpha` when A is stored without
    padding between registers (`docs/conventions.md`).

    Raises:
        TypeError: `enc` is not an encoding.
        ValueError: above 2^13 rows. Use `enc.apply`, which never forms the unitary.
    """
    require_kind("enc", enc, Encoding)
    qubits = enc.num_ancillas + enc.num_qubits
    require(
        qubits <= MAX_UNITARY_QUBITS,
        f"`enc` must have at most {MAX_UNITARY_QUBITS} qubits for an explicit unitary, but has {qubits} "
        f"(2^{qubits} = {1 << qubits} rows); `enc.apply(state)` is the matrix-free way.",
    )
    return _unitary(enc)


@jax.jit  # an eager call would compile every gate apart
def _unitary(enc: Encoding) -> Num[Array, "rows rows"]:
    rows = 1 << (enc.num_ancillas + enc.num_qubits)
    basis = jnp.eye(rows, dtype=enc.alpha.dtype).reshape(rows, 1 << enc.num_ancillas, 1 << enc.num_qubits)
    return jax.vmap(enc.apply)(basis).reshape(rows, -1).T


def apply_of(enc: Encoding) -> Callable[[State], State]:
    """`enc.apply`, for circuits that run parts in either direction."""
    return enc.apply


def apply_adjoint_of(enc: Encoding) -> Callable[[State], State]:
    """`enc.apply_adjoint`."""
    return enc.apply_adjoint
