r"""Block encodings of the identity, of projectors, and of the isometries that select rows and columns.

The isometry of places $p_0, p_1, \dots$ has the columns $e_{p_0}, e_{p_1}, \dots$ The circuit permutes basis states:
padding flips the ancilla, and then input i becomes $p_i$ whatever the ancilla is. The move is an exclusive or or an
addition where it can be, and a table of few cycles otherwise.

Example:
    >>> identity((3, 4)).shape, float(identity(5).alpha), identity(4).num_ancillas, identity(5).num_ancillas
    ((12, 12), 1.0, 0, 1)
    >>> projector([0, 2], 3).matvec(jnp.array([1.0, 2.0, 3.0])).tolist()
    [1.0, 0.0, 3.0]
"""

import math
from collections.abc import Iterable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jaxtyping import Num

from qla_jax._checks import as_integers, require
from qla_jax.accounting.gates import Gates
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.counting import gates_of
from qla_jax.circuits.integers import Add, Bound, Flip
from qla_jax.circuits.operations import Gate, Operation
from qla_jax.circuits.permutation import Permutation
from qla_jax.circuits.select import bits_of
from qla_jax.encodings.base import registers
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import State
from qla_jax.encodings.matrices.diagonal import Diagonal, block_encode_diagonal

Vector = Num[Array, " n"]
Places = range | tuple[int, ...]


class Selection(BlockEncoding, kw_only=True):
    """Block encoding of the isometry that puts entry i of its input at the place `places[i]` of its output."""

    places: Places = struct.field(pytree_node=False)

    def apply(self, state: State) -> State:
        return self._permuted(state, np.argsort(self._targets()))

    def apply_adjoint(self, state: State) -> State:
        return self._permuted(state, self._targets())

    def _permuted(self, state: State, source: np.ndarray) -> State:
        return state.reshape(-1)[source].reshape(state.shape)

    def _targets(self) -> np.ndarray:
        """Return the basis state, ancilla most significant, to which the circuit moves each basis state."""
        moved = self._moved()
        if not self.num_ancillas:
            return moved
        padding = ~np.isin(np.arange(moved.size), positions(self.domain))
        flags = np.arange(2)[:, None] ^ padding
        return (flags * moved.size + moved).reshape(-1)

    def _moved(self) -> np.ndarray:
        """Return the basis state of the system to which each one moves."""
        states, places = np.arange(1 << self.num_qubits), self._places
        if (turned := self._difference(np.bitwise_xor)) is not None:
            return states ^ turned
        if (added := self._difference(np.subtract)) is not None:
            return (states + added) % states.size
        # Chains of inputs and places are closed to cycles: the last place of a chain moves to the first input.
        inputs, back = positions(self.domain), states.copy()
        moved = states.copy()
        moved[inputs], back[places] = places, inputs
        for last in np.setdiff1d(places, inputs):
            start = last
            while back[start] != start:
                start = back[start]
            moved[last] = start
        return moved

    @property
    def _places(self) -> np.ndarray:
        return positions(self.codomain)[np.asarray(self.places, int)]

    def _difference(self, kind: np.ufunc) -> int | None:
        """Return the difference of each place and its input if all are equal."""
        found = kind(self._places, positions(self.domain)) % (1 << self.num_qubits)
        return int(found[0]) if np.all(found == found[0]) else None

    def _matvec(self, x: Vector) -> Vector:
        return jnp.zeros(self.shape[0], x.dtype).at[np.asarray(self.places, int)].set(x)

    def _rmatvec(self, y: Vector) -> Vector:
        return y[np.asarray(self.places, int)]

    def hermitian_defect(self) -> Array | None:
        return 0 * self.alpha if self._is_identity() else None

    def singular_values(self) -> Vector:
        return jnp.ones(self.shape[1], self.alpha.dtype)

    @property
    def is_self_inverse(self) -> bool:
        targets = self._targets()
        return bool(np.array_equal(targets[targets], np.arange(targets.size)))

    def gates(self) -> Gates:
        """Return the gates of a comparison with the number of inputs, and of no move, an addition, or a table."""
        return gates_of(self.operations(()))

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        return [*self._flag_padding(), *self._move()]

    def _flag_padding(self) -> list[Operation]:
        if not self.num_ancillas:
            return []
        (flag,), wires, bounds = self.ancilla_wires, self.system_wires, list[Bound]()
        for axis in reversed(range(len(self.domain))):
            # Qubits in front of the first register are 0 for all inputs.
            bits = (self.domain[axis] - 1).bit_length() if axis else len(wires)
            wires, own = wires[: len(wires) - bits], wires[len(wires) - bits :]
            bounds.append(Bound(own, self.domain[axis], below=True))
        bounds = [bound for bound in bounds if bound.depth]
        if len(bounds) == 1:
            return [Flip(flag, (bounds[0]._replace(below=False),))]
        return [Gate("x", flag), Flip(flag, tuple(bounds))]

    def _move(self) -> list[Operation]:
        if self._is_identity():
            return []
        # A table that moves anything takes at least n - 2 Toffoli gates, an addition at most n - 1.
        turned, added = self._difference(np.bitwise_xor), self._difference(np.subtract)
        if turned is not None:
            bits = bits_of(turned, self.num_qubits)
            return [Gate("x", wire) for wire, bit in zip(self.system_wires, bits, strict=True) if bit]
        if added is not None:
            return [Add(self.system_wires, (added,))]
        return [Permutation(self._moved(), self.system_wires)]

    def _is_identity(self) -> bool:
        return self.places == range(self.shape[0]) and registers.same_place(self.domain, self.codomain)


def positions(sizes: tuple[int, ...]) -> np.ndarray:
    """Return the basis states of the entries of a vector on registers of these sizes."""
    padded = [1 << (size - 1).bit_length() for size in sizes]
    return np.arange(math.prod(padded)).reshape(padded)[tuple(slice(size) for size in sizes)].reshape(-1)


def selection(places: Places, sizes: tuple[int, ...], domain: tuple[int, ...]) -> Selection:
    """Return the isometry from registers `domain` to places of a vector on registers `sizes`.

    The result is a (1, 1, 0)-block-encoding, or a (1, 0, 0)-block-encoding where the places fill all basis states.

    Args:
        places: distinct places below the product of `sizes`, one for each input.
        sizes: sizes of the output registers.
        domain: sizes of the input registers.
    """
    qubits = max(registers.num_qubits(sizes), registers.num_qubits(domain))
    full = len(places) == 1 << qubits
    one = jnp.ones((), jax.dtypes.canonicalize_dtype(float))
    return Selection(
        alpha=one,
        eps=0 * one,
        num_ancillas=0 if full else 1,
        num_qubits=qubits,
        norm_bound=jnp.array(1, one.dtype),
        domain=domain,
        codomain=sizes,
        places=places,
    )


def identity(sizes: int | tuple[int, ...]) -> Selection:
    """Return a (1, a, 0)-block-encoding of the identity, with a = 0 for powers of two and a = 1 for other sizes.

    The ancilla flags padding.

    Args:
        sizes: number of rows, or the sizes of several registers such as (channels, rows, columns).

    Raises:
        ValueError: a size below 1.

    Example:
        >>> (identity(3) + 2.0 * identity(3)).matvec(jnp.array([1.0, 2.0, 3.0])).round(6).tolist()
        [3.0, 6.0, 9.0]
    """
    sizes = _as_sizes(sizes)
    return selection(range(math.prod(sizes)), sizes, sizes)


def projector(places: Iterable[int], sizes: int | tuple[int, ...]) -> Diagonal:
    """Return a (1, 1, 0)-block-encoding of the projector onto chosen basis vectors.

    Args:
        places: indices of the entries that are kept; all others become zero.
        sizes: length of the vectors, or the sizes of several registers.

    Raises:
        ValueError: a size below 1, or an index outside the vector or repeated.

    Example:
        >>> projector([0, -1], 4).matvec(jnp.ones(4)).tolist()
        [1.0, 0.0, 0.0, 1.0]
    """
    sizes = _as_sizes(sizes)
    chosen = as_places("places", places, math.prod(sizes))
    enc = block_encode_diagonal(jnp.zeros(math.prod(sizes)).at[np.asarray(chosen, int)].set(1), alpha=1.0)
    return enc.replace(domain=sizes, codomain=sizes, num_qubits=registers.num_qubits(sizes))


def as_places(name: str, places: Iterable[int], size: int) -> tuple[int, ...]:
    """Return distinct indices of a vector as non-negative integers; negative ones count from the end.

    Args:
        name: name of the argument, for error messages.
        places: integers.
        size: length of the vector.

    Raises:
        ValueError: an index outside the vector or repeated.
    """
    found = []
    for number in as_integers(name, places):
        require(-size <= number < size, f"`{name}` must lie in a vector of {size} entries, but one is {number}.")
        found.append(number % size)
    require(len(set(found)) == len(found), f"`{name}` must be different, but one is given twice.")
    return tuple(found)


def _as_sizes(sizes: int | tuple[int, ...]) -> tuple[int, ...]:
    return as_integers("sizes", sizes if np.ndim(sizes) == 1 else (sizes,), least=1)
