r"""Loading a vector by the tree of its norms, from a quantum memory or gate by gate.

Each inner node of a binary tree over the entries holds the norm of those below it. From the root down, the qubit of
level $l$ turns by the angle that shares the norm of a prefix $p$ of $l$ bits out among $p0$ and $p1$:
$$|p\rangle|0\rangle \mapsto |p\rangle\,\frac{\|x_{p0}\|\,|0\rangle + \|x_{p1}\|\,|1\rangle}{\|x_p\|}, \qquad
\begin{pmatrix} u & -\bar v \\ v & \bar u \end{pmatrix}.$$
On the last level u and v are the entries themselves, with their signs and phases. Below a norm of zero nothing turns.

Loading differs in where the angles are: `qram_encode` reads them from a memory in superposition, one word for each
level; `load_vector` has them in its gates, 2^n of them. Structure, as of `block_encode_convolution`, needs neither.

Example:
    >>> by_memory, by_gates = qram_encode(jnp.ones(1024)), load_vector(jnp.ones(1024))
    >>> by_memory.gates().reads, by_memory.gates().depth, by_gates.gates().depth
    (20, 120, 2045)

References:
    Kerenidis, Prakash (2017), Theorem 5.1, the tree in a memory. https://arxiv.org/abs/1603.08675
    Mottonen, Vartiainen, Bergholm, Salomaa (2004), the same by gates. https://arxiv.org/abs/quant-ph/0407010
    Rattew et al. (2025), Lemma D.1. https://arxiv.org/abs/2510.07195
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._modes import default_promotion
from qla_jax.accounting.gates import Gates, remembered_tree, tree
from qla_jax.encodings.base.encoding import State
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.vectors.known import vector_encode


class TreePreparation(VectorEncoding, kw_only=True):
    """A known vector, a multiplexed rotation for each qubit. Runs level by level on the reshaped state."""

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


class QRAMPreparation(TreePreparation, kw_only=True):
    """The same circuit with its angles in a memory; its registers for address and angle are not simulated."""

    def gates(self) -> Gates | None:
        return remembered_tree(self.num_qubits, phases=jnp.iscomplexobj(self.direction))


@default_promotion
def qram_encode(x: ArrayLike, *, pad: bool = False) -> QRAMPreparation:
    r"""Load a vector from a quantum memory: a $(\|x\|, 0, 0)$-vector-encoding in a depth of $O(n^2)$.

    A level takes two reads, of the angle and back, of $O(n)$ layers each. That the memory holds the tree, of as many
    words as x has entries, is taken for granted, and so is that a read costs its layers and not its $O(2^n)$ routers.

    Args:
        x: real or complex, any shape, as for `vector_encode`.
        pad: allow axes whose length is not a power of two; they are padded inside.

    Raises:
        ValueError: what `vector_encode` raises.
    """
    return QRAMPreparation(**vars(vector_encode(x, pad=pad)))


@default_promotion
def load_vector(x: ArrayLike, *, pad: bool = False) -> TreePreparation:
    r"""Load a vector by gates that know it: a $(\|x\|, 0, 0)$-vector-encoding in $O(2^n)$ gates, one after another.

    A depth of $O(n)$ is possible with $O(2^n)$ ancillas; this circuit has none, and a depth of $O(2^n)$.

    Args:
        x: real or complex, any shape, as for `vector_encode`.
        pad: allow axes whose length is not a power of two; they are padded inside.

    Raises:
        ValueError: what `vector_encode` raises.
    """
    return TreePreparation(**vars(vector_encode(x, pad=pad)))


def tree_of(unit: Num[Array, " n"]) -> tuple[Num[Array, ""], list[Num[Array, "prefix 2"]]]:
    """The pair (u, v) for each prefix, level by level from the root, and what is left there: a phase where n = 1."""
    levels = []
    while unit.size > 1:
        pairs = unit.reshape(-1, 2)
        squares = jnp.square(pairs.real) + jnp.square(pairs.imag)
        empty = squares.sum(axis=1) == 0
        norms = jnp.sqrt(jnp.where(empty, 1, squares.sum(axis=1)))  # no derivative at 0, and none is asked for
        levels.append(jnp.where(empty[:, None], jnp.eye(1, 2, dtype=pairs.dtype), pairs / norms[:, None]))
        unit = jnp.where(empty, 0, norms)
    return (unit[0] if not levels else jnp.ones_like(unit[0])), levels[::-1]


def _turn(u: Num[Array, " prefix"], v: Num[Array, " prefix"], state: State) -> State:
    u, v = u[None, :, None], v[None, :, None]
    grid = state.reshape(state.shape[0], u.shape[1], 2, -1)
    up, down = grid[:, :, 0], grid[:, :, 1]
    return jnp.stack([u * up - v.conj() * down, v * up + u.conj() * down], axis=2).reshape(state.shape)
