r"""Loading of a vector by the binary tree of its norms, from a quantum memory or gate by gate.

Each inner node of a binary tree over the entries holds the norm of the entries below it. From the root down, the qubit
of level $l$ is rotated by the angle that splits the norm of a prefix $p$ of $l$ bits into those of $p0$ and $p1$:
$$|p\rangle|0\rangle \mapsto |p\rangle\,\frac{\|x_{p0}\|\,|0\rangle + \|x_{p1}\|\,|1\rangle}{\|x_p\|}, \qquad
\begin{pmatrix} u & -\bar v \\ v & \bar u \end{pmatrix}.$$
On the last level u and v are the entries themselves, with their signs and phases. Below a norm of zero no qubit is
rotated.

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


class TreePreparation(VectorEncoding, kw_only=True):
    """Vector encoding of a known vector by one multiplexed rotation for each qubit, applied level by level."""

    direction: Num[Array, " system"]

    def apply(self, state: State) -> State:
        root, levels = tree_of(self.direction)
        for pairs in levels:
            state = _turn(pairs[:, 0], pairs[:, 1], state)
        return root * state

    def apply_adjoint(self, state: State) -> State:
        root, levels = tree_of(self.direction)
        for pairs in reversed(levels):
            state = _turn(pairs[:, 0].conj(), -pairs[:, 1], state)
        return root.conj() * state

    def gates(self) -> Gates | None:
        return tree(self.num_qubits, phases=jnp.iscomplexobj(self.direction))

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        root, levels = tree_of(self.direction)
        found: list[Operation] = [Phase(float(np.angle(np.asarray(root))))]
        for level, pairs in enumerate(levels):
            (u, v), index, wire = np.asarray(pairs).T, self.system_wires[:level], self.system_wires[level]
            if np.isrealobj(u):
                found.append(MultiplexedRotation("y", 2 * np.arctan2(v, u), index, wire))
                continue
            before, after = -np.angle(u) - np.angle(v), np.angle(v) - np.angle(u)
            turn = MultiplexedRotation("y", 2 * np.arctan2(np.abs(v), np.abs(u)), index, wire)
            found += [MultiplexedRotation("z", before, index, wire), turn, MultiplexedRotation("z", after, index, wire)]
        return found


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


def tree_of(unit: Num[Array, " n"]) -> tuple[Num[Array, ""], list[Num[Array, "prefix 2"]]]:
    """Return the factor at the root, 1 unless the vector has one entry, and the pairs (u, v) of each level.

    Levels are ordered from the root down, with one pair for each prefix.
    """
    levels = []
    while unit.size > 1:
        pairs = unit.reshape(-1, 2)
        squares = jnp.square(pairs.real) + jnp.square(pairs.imag)
        empty = squares.sum(axis=1) == 0
        norms = jnp.sqrt(jnp.where(empty, 1, squares.sum(axis=1)))  # sqrt has no derivative at 0, so 0 never enters it
        levels.append(jnp.where(empty[:, None], jnp.eye(1, 2, dtype=pairs.dtype), pairs / norms[:, None]))
        unit = jnp.where(empty, 0, norms)
    return (unit[0] if not levels else jnp.ones_like(unit[0])), levels[::-1]


def _turn(u: Num[Array, " prefix"], v: Num[Array, " prefix"], state: State) -> State:
    u, v = u[None, :, None], v[None, :, None]
    grid = state.reshape(state.shape[0], u.shape[1], 2, -1)
    up, down = grid[:, :, 0], grid[:, :, 1]
    return jnp.stack([u * up - v.conj() * down, v * up + u.conj() * down], axis=2).reshape(state.shape)
