r"""Dense matrices by binary trees of rotations: $\alpha = \|A\|_F$ with as many rotations as there are entries.

The construction is that of `block_encode_frobenius`, with gates in place of a memory: column $j$ is loaded by the tree
of its norms, where each rotation has an angle for each $j$, and the norms of the columns are unloaded by one tree more.
A real matrix of $2^n$ rows and columns takes $4^n - 1$ rotations. FABLE takes as many, with an $\alpha$ that is never
smaller.

Example:
    >>> enc = block_encode_bitble(jnp.array([[3.0, 0.0], [0.0, 4.0]]))
    >>> float(enc.alpha), enc.num_ancillas, cost(enc).gates.rotations
    (5.0, 1, 3)

References:
    Li, Zhang, Yang, Zhang (2025), BITBLE. https://arxiv.org/abs/2504.05624
    Kerenidis, Prakash (2017), the trees. https://arxiv.org/abs/1603.08675
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from qla_jax._checks import as_numeric
from qla_jax._modes import default_promotion, reshaped
from qla_jax.accounting.gates import Gates, multiplexed
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.composites import DiagonalPhases, exchanged
from qla_jax.circuits.counting import gates_of
from qla_jax.circuits.operations import Operation
from qla_jax.encodings.base.encoding import State
from qla_jax.encodings.matrices.frobenius import ColumnOracle, Frobenius, stored_by_columns
from qla_jax.encodings.vectors.loading import TreePreparation, level_operations
from qla_jax.linalg.trees import load, tree_of, unload


class ColumnTrees(ColumnOracle, kw_only=True):
    r"""Column oracle $|j\rangle|0\rangle \mapsto |j\rangle|w_j\rangle/\|w_j\|$ by a tree of rotations for each $j$."""

    def apply(self, state: State) -> State:
        return reshaped(jax.vmap(load)(self.directions, reshaped(state, self.directions.shape)), state.shape)

    def apply_adjoint(self, state: State) -> State:
        return reshaped(jax.vmap(unload)(self.directions, reshaped(state, self.directions.shape)), state.shape)

    def gates(self) -> Gates:
        index, loaded = ((size - 1).bit_length() for size in self.directions.shape)
        levels = [multiplexed(index + level) for level in range(loaded)]
        # Complex entries take two more rotations of the last qubit.
        return sum(levels + 2 * levels[-1:] if jnp.iscomplexobj(self.directions) else levels, Gates())

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        index = (len(self.directions) - 1).bit_length()
        wires, address = self.system_wires[index:], self.system_wires[:index]
        root, levels = jax.vmap(tree_of)(self.directions)
        # Without a register to load, the entries of unit modulus are phases of the index.
        found: list[Operation] = [] if wires else [DiagonalPhases(np.angle(np.asarray(root)), address)]
        for level, pairs in enumerate(levels):
            found += level_operations(np.asarray(pairs), (*address, *wires[:level]), wires[level])
        return found


class FrobeniusTrees(Frobenius, kw_only=True):
    """Block encoding by trees of rotations for the columns and for their norms."""

    def gates(self) -> Gates:
        return gates_of(exchanged(self.ancilla_wires, self.system_wires))


@default_promotion
def block_encode_bitble(matrix: ArrayLike) -> FrobeniusTrees:
    r"""Encode any matrix exactly by trees of rotations: a $(\|A\|_F,\ n,\ 0)$-block-encoding without a memory.

    Args:
        matrix: matrix A, real or complex, of any shape; padded inside to $n$ qubits.

    Raises:
        ValueError: wrong rank, no entries, or an entry that is not finite.

    Example:
        >>> dense, trees = (encode(np.eye(8)) for encode in (block_encode, block_encode_bitble))
        >>> [cost(enc).gates.rotations for enc in (dense, trees)], round(float(trees.alpha**2), 6)
        ([256, 63], 8.0)

    References:
        Li, Zhang, Yang, Zhang (2025). https://arxiv.org/abs/2504.05624
    """
    return _by_trees(as_numeric("matrix", matrix, ndim=2))


@jax.jit
def _by_trees(matrix: Array) -> FrobeniusTrees:
    known = vars(stored_by_columns(matrix))
    trees = {"oracle": ColumnTrees(**vars(known["oracle"])), "norms": TreePreparation(**vars(known["norms"]))}
    return FrobeniusTrees(**known | trees)
