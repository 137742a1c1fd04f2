r"""Base class of block and vector encodings: a unitary on ancillas and system, given by its action on a state.

A node has two primitives, `apply` and `apply_adjoint`. Both act on a state of shape (2^a, 2^n), ancillas first and
system last, both big-endian. The explicit unitary, the flagged block $\langle 0|U|0\rangle$, and circuits that run a
part on some of the qubits and leave the others idle all follow from these two.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jaxtyping import Num

from qla_jax._checks import require, require_kind
from qla_jax._modes import default_promotion, reshaped
from qla_jax._nodes import Node
from qla_jax.accounting.costs import Cost, cost
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates
from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.operations import Operation
from qla_jax.circuits.synthesis import MatrixGate
from qla_jax.encodings.base.division import at_rest, resting, run_among
from qla_jax.encodings.base.nesting import after_parts, equal, is_encoding, nesting_of
from qla_jax.encodings.base.rounding import by_calls, rounding_of
from qla_jax.encodings.base.sharing import separate
from qla_jax.encodings.base.tree import DEPTH, EncodingTree, nested, tree_of
from qla_jax.linalg.memory import require_fit
from qla_jax.meshes import shards

MAX_UNITARY_QUBITS = 13
"""Largest number of qubits of an explicit unitary: 2^13 rows take 1 GiB in complex128."""

SYNTHESIS_QUBITS = 8
"""Largest number of qubits of an encoding without a circuit of its own: 8 take 65 000 rotations and two seconds."""

State = Num[Array, "ancilla system"]

CIRCUITS = ("apply", "apply_adjoint")
"""Methods that take a state and return one, which a mesh in use divides among its devices."""

VIEWS = (*CIRCUITS, "flagged", "_matvec", "_rmatvec")
"""Methods whose arguments may differ in precision from the node. They promote dtypes in every mode of the caller."""

RECURSIVE = ("log_alpha", "is_self_inverse", "stays_divided")
"""Properties that ask the parts for theirs, however deep the parts are nested."""


class Encoding(Node, ABC, kw_only=True):
    r"""Base class of encodings: a unitary $U$ on $a$ ancillas and $n$ qubits encodes $\alpha\langle 0|U|0\rangle$.

    Subclasses implement `apply` and `apply_adjoint`; `gates` and `uses` let costs be counted.

    Attributes:
        alpha: subnormalization, a real scalar.
        eps: absolute error bound in units of the encoded matrix or vector; 0.0 is exact, `inf` unknown. The bound
            covers approximation; the property `rounding` estimates rounding.
        num_ancillas: number $a$ of ancilla qubits.
        num_qubits: number $n$ of system qubits, ancillas not counted.
    """

    # Slots rather than fields, so that no JAX transformation sees what `sharing` remembers in them.
    __slots__ = ("_arrays", "_original")

    alpha: Array
    eps: Array
    num_ancillas: int = struct.field(pytree_node=False)
    num_qubits: int = struct.field(pytree_node=False)

    zero_without_alpha = False
    """True where alpha = 0 implies that the flagged block itself is zero, so that zero over zero counts as zero."""

    def __init_subclass__(cls, **options: Any) -> None:
        # The generated methods would print every array of every part, and `==` of arrays is no single boolean.
        super().__init_subclass__(**{"repr": False, "eq": False, **options})
        for name in VIEWS:
            if name in vars(cls):
                method = vars(cls)[name]
                setattr(cls, name, default_promotion(resting(method) if name in CIRCUITS else method))
        for name in RECURSIVE:
            if isinstance(vars(cls).get(name), property):
                setattr(cls, name, property(after_parts(name, vars(cls)[name].fget)))

    def __post_init__(self) -> None:
        super().__post_init__()
        separate(self)

    def __eq__(self, other: object) -> bool:
        """Return whether both nodes have one structure and equal arrays; a traced array equals itself only."""
        return equal(self, other) if isinstance(other, Encoding) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), self.num_ancillas, self.num_qubits))

    def __repr__(self) -> str:
        told = f"alpha={self.alpha}, eps={self.eps}, num_ancillas={self.num_ancillas}, num_qubits={self.num_qubits}"
        parts = nested(self, 2)
        return f"{parts[:-1]}; {told})" if parts.endswith(")") else f"{parts}({told})"

    def cost(self, *, rotation_eps: float | None = None) -> Cost:
        """Return the resources of one run of the circuit: qubits, queries, gates, T count, success probability.

        Args:
            rotation_eps: error of each rotation in operator norm, as in `qla.cost`; by default rotations are exact.

        Raises:
            ValueError: `rotation_eps` is not between 0 and 1.
        """
        return cost(self, rotation_eps=rotation_eps)

    def tree(self, depth: int = DEPTH) -> EncodingTree:
        """Return the tree of the parts, which prints as text, in color with rich and in notebooks with treescope.

        Args:
            depth: number of levels shown.

        Raises:
            ValueError: a negative depth.
        """
        return tree_of(self, depth)

    @abstractmethod
    def apply(self, state: State) -> State:
        """Return $U$ applied to a state."""

    @abstractmethod
    def apply_adjoint(self, state: State) -> State:
        r"""Return $U^\dagger$ applied to a state."""

    @default_promotion
    def flagged(self, system: Num[Array, " system"]) -> Num[Array, " system"]:
        r"""Return $\langle 0|U|0\rangle$ applied to a system state, with each ancilla projected as early as possible.

        An ancilla may be projected as soon as no later gate touches it. The base class projects at the end; composite
        nodes override the method. The result is exact, but a projection is not unitary: see `run_projected`.
        """
        return self.apply(with_ancillas(system, self.num_ancillas))[0]

    @property
    def log_alpha(self) -> Array:
        """Natural logarithm of alpha, finite also where alpha itself exceeds the largest float."""
        return jnp.log(self.alpha)

    @property
    def rounding(self) -> Array:
        r"""Estimate of the rounding error in either view, absolute and in the units of `eps`.

        The computed $\|A - \tilde A\|$ is at most `eps + rounding`. The estimate is proportional to alpha. It is hence
        far too large for the encoded view of a network without amplification, whose success amplitude is tiny.
        """
        return rounding_of(self)

    def relative_rounding(self, parts: Sequence[Array]) -> Array:
        """Return the rounding estimate relative to alpha from the estimates of the parts, in the order of `uses`."""
        return by_calls(self, self.uses(), parts)

    def uses(self) -> tuple[Use, ...]:
        """Return the parts that this circuit calls, how often and how; a leaf calls none.

        The inverse circuit calls the inverse of each part equally often.
        """
        return ()

    def row(self) -> tuple["Link", ...] | None:
        """Return the parts, first to last, of a circuit that only runs them one after another; otherwise None."""
        return None

    @property
    def is_self_inverse(self) -> bool:
        r"""True where the structure proves that the circuit is its own inverse, $U^2 = 1$, for all values of arrays.

        The answer follows from classes, static fields and dtypes alone, so that it is the same inside jit. A class of
        your own may define it as `is_self_inverse = True`; `verify` checks the claim. Walks call such a circuit once
        in each step (`qubitization_walk`).
        """
        return False

    @property
    def stays_divided(self) -> bool:
        """True where the circuit runs on a state that is divided among devices without gathering it on any of them.

        A node with parts asks them. A leaf that is not diagonal in the system answers False, unless it exchanges
        amplitudes between devices itself. Next to enough idle qubits such a leaf runs on each device alone.
        """
        parts = [use.part for use in self.uses()]
        return bool(parts) and all(part.stays_divided for part in parts)

    @property
    def nesting(self) -> int:
        """Number of nodes around the innermost leaf; 0 for a leaf."""
        return nesting_of(self)

    def gates(self) -> Gates | None:
        """Return the gates of this circuit without its parts; None where the construction defines none."""
        return None

    def operations(self, parts: Sequence[Circuit]) -> Sequence[Operation]:
        """Return the operations of the circuit; the base class synthesizes the explicit unitary of up to 8 qubits.

        Args:
            parts: circuits of the parts, in the order of `uses`.

        Raises:
            ValueError: more than 8 qubits.
        """
        size = self.num_ancillas + self.num_qubits
        require(
            size <= SYNTHESIS_QUBITS,
            f"`enc` must have at most {SYNTHESIS_QUBITS} qubits for the synthesis of its unitary, but "
            f"{type(self).__name__} has {size}; its class may define `operations`.",
        )
        return [MatrixGate(np.asarray(unitary(self)), tuple(range(size)))]

    @property
    def ancilla_wires(self) -> tuple[int, ...]:
        """Wires of the ancillas in the circuit."""
        return tuple(range(self.num_ancillas))

    @property
    def system_wires(self) -> tuple[int, ...]:
        """Wires of the system in the circuit."""
        return tuple(range(self.num_ancillas, self.num_ancillas + self.num_qubits))

    def call(self, part: "Encoding", circuit: Circuit, *, front: bool = False, after: int = 0) -> Call:
        """Return a call of a part on the last system wires and the last ancillas, the first ones if `front`.

        Args:
            part: the encoding that is called.
            circuit: circuit of the part.
            front: whether the part has the most significant ancillas.
            after: number of ancillas in front that the part does not use where `front` is True.
        """
        ancillas = self.ancilla_wires[after:] if front else self.ancilla_wires
        chosen = ancillas[: part.num_ancillas] if front else ancillas[len(ancillas) - part.num_ancillas :]
        return Call(circuit, (*chosen, *self.system_wires[self.num_qubits - part.num_qubits :]))


class Link(NamedTuple):
    """One part in a row of parts, with the scalars that multiply it.

    Attributes:
        part: encoding that runs.
        adjoint: True where the inverse circuit of the part runs.
        factor: scalar that multiplies the encoded matrix of the part, or None.
        phase: scalar of modulus 1 that multiplies the circuit of the part, or None.
    """

    part: Encoding
    adjoint: bool = False
    factor: Array | None = None
    phase: Array | None = None


def contraction(enc: Encoding) -> tuple[Array, Array]:
    r"""Return the divisor that turns $A$ into the flagged block $A/\alpha$, and the error of that quotient: 0 or `inf`.

    Where alpha is 0 the encoded matrix is 0 for any circuit: `0.0 * enc` still runs the circuit of `enc`. A polynomial
    or a control acts on the flagged block itself. The block is then unknown, unless `zero_without_alpha` says that it
    vanishes.
    """
    zero, finite = enc.alpha == 0, jnp.isfinite(enc.alpha)
    unknown = (zero & (not enc.zero_without_alpha)) | ~finite
    return jnp.where(zero | ~finite, 1, enc.alpha), jnp.where(unknown, jnp.inf, 0).astype(enc.alpha.dtype)


def with_ancillas(system: Num[Array, " system"], num_ancillas: int) -> State:
    """Return the state with a given system part and all ancillas in |0>.

    Args:
        system: amplitudes of the system.
        num_ancillas: number of ancilla qubits.

    Raises:
        ValueError: the state does not fit in memory.
    """
    require_fit(num_ancillas, (system.size - 1).bit_length(), system.dtype, system)
    return at_rest(jnp.zeros((1 << num_ancillas, system.size), system.dtype).at[0].set(system))


def run_on(apply: Callable[[State], State], part: Encoding, state: State) -> State:
    """Run a part on the least significant ancillas and system qubits and leave the others idle.

    Args:
        apply: method `apply` or `apply_adjoint` of the part.
        part: encoding that runs.
        state: state of at least as many ancillas and system qubits as the part has.
    """
    idle_ancillas = state.shape[0] >> part.num_ancillas
    idle_system = state.shape[1] >> part.num_qubits
    if idle_ancillas == idle_system == 1:
        return apply(state)
    shape = (idle_ancillas, 1 << part.num_ancillas, idle_system, 1 << part.num_qubits)
    if shards() > 1:
        return at_rest(run_among(apply, part, state.reshape(shape), 1, 3, leading=2).reshape(state.shape))
    on_all = jax.vmap(jax.vmap(apply, in_axes=1, out_axes=1))
    return reshaped(on_all(reshaped(state, shape)), state.shape)


def flagged_on(part: Encoding, system: Num[Array, " system"]) -> Num[Array, " system"]:
    """Apply `part.flagged` to the least significant system qubits and leave the others idle.

    Args:
        part: encoding whose flagged block acts.
        system: amplitudes of the system.
    """
    if system.size == 1 << part.num_qubits:
        return part.flagged(system)
    return jax.vmap(part.flagged)(system.reshape(-1, 1 << part.num_qubits)).reshape(-1)


def flagged_in_row(enc: Encoding, system: Num[Array, " system"]) -> Num[Array, " system"]:
    """Apply the flagged block of an encoding by applying those of the parts in its `row` one after another.

    Args:
        enc: encoding with a row of parts.
        system: amplitudes of the system.
    """
    # A loop with its own stack: rows within rows may be nested deeper than Python's recursion allows.
    waiting: list[Any] = [enc]
    while waiting:
        held = waiting.pop()
        if not is_encoding(held):
            system = held * system
            continue
        row = held.row()
        if row is None or any(step.adjoint for step in row):  # an inverse circuit leaves other ancillas in |0>
            system = flagged_on(held, system)
            continue
        for step in reversed(row):
            waiting += [step.part] if step.phase is None else [step.phase, step.part]
    return system


def on_front_ancillas(apply: Callable[[State], State], part: Encoding, state: State) -> State:
    """Run a part on the most significant ancillas and the least significant system qubits; leave the others idle.

    Args:
        apply: method `apply` or `apply_adjoint` of the part.
        part: encoding that runs.
        state: state of at least as many ancillas and system qubits as the part has.
    """
    if state.shape[0] == 1 << part.num_ancillas:
        return run_on(apply, part, state)
    grid = reshaped(state, (1 << part.num_ancillas, -1, state.shape[1]))
    if shards() > 1:
        grid = grid.reshape(*grid.shape[:2], -1, 1 << part.num_qubits)
        return at_rest(run_among(apply, part, grid, 0, 3, leading=2).reshape(state.shape))
    return reshaped(jax.vmap(lambda s: run_on(apply, part, s), in_axes=1, out_axes=1)(grid), state.shape)


def side_by_side(left: Encoding, right: Encoding, way: Callable, state: State) -> State:
    """Run two circuits on disjoint qubits, ordered as ancillas left, ancillas right, system left, system right.

    Args:
        left: encoding on the more significant qubits.
        right: encoding on the less significant qubits.
        way: function that returns one of the two circuits of an encoding, `apply_of` or `apply_adjoint_of`.
        state: joint state.
    """
    sizes = (left.num_ancillas, right.num_ancillas, left.num_qubits, right.num_qubits)
    grid = reshaped(state, tuple(1 << size for size in sizes))
    if shards() > 1:
        grid = run_among(way(left), left, grid, 0, 2, leading=None)
        return at_rest(run_among(way(right), right, grid, 1, 3, leading=2).reshape(state.shape))
    grid = jax.vmap(jax.vmap(way(left), in_axes=1, out_axes=1), in_axes=3, out_axes=3)(grid)
    return reshaped(jax.vmap(jax.vmap(way(right), in_axes=1, out_axes=1))(grid), state.shape)


def swap_qubits(array: Num[Array, "... system"], first: int, second: int, after: int) -> Num[Array, "... system"]:
    """Swap two adjacent groups of system qubits.

    Composite systems keep idle qubits (always |0>) in front, so that registers stay where `registers.embed` puts them.

    Args:
        array: amplitudes, the system on the last axis.
        first: number of qubits in the more significant group.
        second: number of qubits in the less significant group.
        after: number of the qubits that follow both groups.
    """
    if 0 in (first, second):
        return array
    grid = array.reshape(*array.shape[:-1], -1, 1 << first, 1 << second, 1 << after)
    return grid.swapaxes(-3, -2).reshape(array.shape)


@default_promotion
def unitary(enc: Encoding) -> Num[Array, "rows rows"]:
    r"""Return the circuit of an encoding as an explicit unitary matrix, for up to 13 qubits.

    The leading entries are the encoded block over alpha: `unitary(enc)[:rows, :columns] == A / alpha` where A is stored
    without padding between registers (`docs/conventions.md`).

    Returns:
        Array of shape (2^(a+n), 2^(a+n)), ancillas most significant.

    Raises:
        TypeError: `enc` is not an encoding.
        ValueError: more than 2^13 rows. Use `enc.apply`, which never forms the unitary.

    Example:
        >>> unitary(block_encode_pauli({"X": 1.0, "Z": 1.0}))[:2, :2].round(6).tolist()
        [[0.5, 0.5], [0.5, -0.5]]
    """
    require_kind("enc", enc, Encoding)
    qubits = enc.num_ancillas + enc.num_qubits
    require(
        qubits <= MAX_UNITARY_QUBITS,
        f"`enc` must have at most {MAX_UNITARY_QUBITS} qubits for an explicit unitary, but has {qubits} "
        f"(2^{qubits} = {1 << qubits} rows); `enc.apply(state)` is the matrix-free way.",
    )
    return _unitary(enc)


@jax.jit  # an eager call would compile each gate separately
def _unitary(enc: Encoding) -> Num[Array, "rows rows"]:
    rows = 1 << (enc.num_ancillas + enc.num_qubits)
    basis = jnp.eye(rows, dtype=enc.alpha.dtype).reshape(rows, 1 << enc.num_ancillas, 1 << enc.num_qubits)
    return jax.vmap(enc.apply)(basis).reshape(rows, -1).T


def apply_of(enc: Encoding) -> Callable[[State], State]:
    """Return `enc.apply`, as an argument of circuits that run their parts in either direction."""
    return enc.apply


def apply_adjoint_of(enc: Encoding) -> Callable[[State], State]:
    """Return `enc.apply_adjoint`, as an argument of circuits that run their parts in either direction."""
    return enc.apply_adjoint
