r"""Loading of a vector by the binary tree of its norms, from a quantum memory or gate by gate.

From the root of the tree down, the qubit of each level is rotated by the angle that splits the norm of the entries
below a node into those of its halves (`linalg.trees`).

The two functions differ in the place of the angles. `qram_encode` reads them from a memory in superposition, one word
for each level. `load_vector` has them in its gates, 2^n of them. Structured matrices such as that of
`block_encode_convolution` need neither.

Example:
    >>> by_memory, by_gates = qram_encode(jnp.ones(1024)), load_vector(jnp.ones(1024))
    >>> by_memory.gates().reads, by_memory.gates().depth, by_gates.gates().depth
    (20, 120, 2045)

References:
    Kerenidis, Prakash (2017), Theorem 5.1, the tree in a memory. https://arxiv.org/abs/1603.08675
    Mottonen, Vartiainen, Bergholm, Salomaa (2004), the tree by gates. https://arxiv.org/abs/quant-ph/0407010
    Rattew et al. (2025), Lemma D.1. https://arxiv.org/abs/2510.07195
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._modes import default_promotion
from qla_jax.accounting.gates import Gates, remembered_tree, tree
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.composites import MultiplexedRotation
from qla_jax.circuits.operations import Operation, Phase
from qla_jax.encodings.base.encoding import State
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.linalg.trees import is_divisible, load, tree_of, unload


class TreePreparation(VectorEncoding, kw_only=True):
    """Vector encoding of a known vector by one multiplexed rotation for each qubit, applied level by level."""

    direction: Num[Array, " system"]

    def apply(self, state: State) -> State:
        return load(self.direction, state.T, leading=True).T

    def apply_adjoint(self, state: State) -> State:
        return unload(self.direction, state.T, leading=True).T

    @property
    def stays_divided(self) -> bool:
        return is_divisible(self.direction.size)

    def gates(self) -> Gates | None:
        return tree(self.num_qubits, phases=jnp.iscomplexobj(self.direction))

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        root, levels = tree_of(self.direction)
        found: list[Operation] = [Phase(float(np.angle(np.asarray(root))))]
        for level, pairs in enumerate(levels):
            found += level_operations(np.asarray(pairs), self.system_wires[:level], self.system_wires[level])
        return found


def level_operations(pairs: np.ndarray, index: Sequence[int], wire: int) -> list[Operation]:
    """Return the operations of one level of a tree: a rotation about Y, between two about Z for complex entries.

    Args:
        pairs: pair (u, v) of `tree_of` for each value of the index.
        index: wires of the levels above.
        wire: wire of the level.
    """
    (u, v), index = pairs.reshape(-1, 2).T, tuple(index)
    if np.isrealobj(u):
        return [MultiplexedRotation("y", 2 * np.arctan2(v, u), index, wire)]
    before, after = -np.angle(u) - np.angle(v), np.angle(v) - np.angle(u)
    turn = MultiplexedRotation("y", 2 * np.arctan2(np.abs(v), np.abs(u)), index, wire)
    return [MultiplexedRotation("z", before, index, wire), turn, MultiplexedRotation("z", after, index, wire)]


class QRAMPreparation(TreePreparation, kw_only=True):
    """Vector encoding of a known vector by rotations whose angles are read from a quantum memory.

    The registers for address and angle are not simulated.
    """

    def gates(self) -> Gates | None:
        return remembered_tree(self.num_qubits, phases=jnp.iscomplexobj(self.direction))


@default_promotion
def qram_encode(x: ArrayLike, *, pad: bool = False) -> QRAMPreparation:
    r"""Load a vector from a quantum memory: a $(\|x\|, 0, 0)$-vector-encoding in a depth of $O(n^2)$.

    Each level reads its angle and uncomputes it, with $O(n)$ layers for each read. Two assumptions are made: the memory
    already holds the tree, which has as many words as x has entries, and a read costs its layers rather than its
    $O(2^n)$ routers.

    Args:
        x: array, real or complex, of any shape, as for `vector_encode`.
        pad: True to allow axes whose length is not a power of two; they are padded inside.

    Raises:
        ValueError: the conditions of `vector_encode`.

    Example:
        >>> vec = qram_encode(jnp.array([3.0, 4.0]))
        >>> run(vec).round(6).tolist(), vec.gates().reads
        ([3.0, 4.0], 2)

    References:
        Kerenidis, Prakash (2017), Theorem 5.1. https://arxiv.org/abs/1603.08675
        Rattew et al. (2025), Lemma D.1. https://arxiv.org/abs/2510.07195
    """
    return QRAMPreparation(**vars(vector_encode(x, pad=pad)))


@default_promotion
def load_vector(x: ArrayLike, *, pad: bool = False) -> TreePreparation:
    r"""Load a vector by $O(2^n)$ gates that contain its entries: a $(\|x\|, 0, 0)$-vector-encoding without a memory.

    The circuit has no ancillas and a depth of $O(2^n)$. A depth of $O(n)$ would need $O(2^n)$ ancillas.

    Args:
        x: array, real or complex, of any shape, as for `vector_encode`.
        pad: True to allow axes whose length is not a power of two; they are padded inside.

    Raises:
        ValueError: the conditions of `vector_encode`.

    Example:
        >>> run(load_vector(jnp.array([1.0, -2.0, 3.0, 0.0]))).round(6).tolist()
        [1.0, -2.0, 3.0, 0.0]

    References:
        Mottonen, Vartiainen, Bergholm, Salomaa (2004). https://arxiv.org/abs/quant-ph/0407010
    """
    return TreePreparation(**vars(vector_encode(x, pad=pad)))
