r"""Block encodings of the identity, of projectors, and of the isometries that select rows and columns.

The isometry of places $p_0, p_1, \dots$ has the columns $e_{p_0}, e_{p_1}, \dots$ The circuit permutes basis states: an
input i becomes $p_i$, and inputs that are padding set the ancilla.

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
from qla_jax.accounting.gates import Gates, adder, lookup
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.composites import Permutation
from qla_jax.circuits.operations import Operation
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
        size, places = 1 << self.num_qubits, positions(self.codomain)[np.asarray(self.places, int)]
        inputs = positions(self.domain)
        if not self.num_ancillas:
            forth = np.empty(size, int)
            forth[inputs] = places
            return forth
        padding = np.setdiff1d(np.arange(size), inputs)
        forth = np.arange(2 * size)
        forth[inputs], forth[padding] = places, size + padding
        # States with the ancilla set complete the permutation: (1, r) goes to (0, r), unless r is a place that an input
        # took; then it goes to that input, with the ancilla still set.
        raised = np.arange(size)
        forth[size + raised] = raised
        forth[size + places] = size + inputs
        return forth

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
        """Return the gates of a comparison with the number of inputs, and of no move, an adder, or two lookups."""
        flag = adder(max(self.num_qubits, 1)) if self.num_ancillas else Gates()
        single = len(self.codomain) == len(self.domain) == 1
        if self._is_identity() or (single and self.places == range(len(self.places))):
            return flag
        if single and isinstance(self.places, range) and self.places.step == 1:
            return flag + adder(self.num_qubits)
        # One lookup writes the place next to the input; a second one, of the input by its place, erases the input.
        return flag + 2 * lookup(self.num_qubits, self.num_qubits)

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        return [Permutation(np.asarray(self._targets()), (*self.ancilla_wires, *self.system_wires))]

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
