r"""Matrices stored column by column in a QRAM: the column oracle, and the block encoding of $A/\|A\|_F$.

The oracle prepares column $j$ of $A = (w_0, w_1, \dots)$ next to the index, and a second structure prepares the norms:
$$U_R|0\rangle|j\rangle = \frac{|w_j\rangle}{\|w_j\|}|j\rangle, \qquad
U_L|0\rangle|i\rangle = |i\rangle\sum_j\frac{\|w_j\|}{\|A\|_F}|j\rangle.$$
By the Gram matrix lemma $U_L^\dagger U_R$ has the block $A/\|A\|_F$. The Frobenius norm is up to $\sqrt{\text{rank}}$
times the spectral norm; `square_product` avoids this factor.

Example:
    >>> enc = block_encode_frobenius(jnp.eye(4))
    >>> float(enc.alpha), enc.num_ancillas, enc.matvec(jnp.array([1.0, 2.0, 0.0, 0.0])).tolist()
    (2.0, 2, [1.0, 2.0, 0.0, 0.0])

References:
    Kerenidis, Prakash (2017), the data structure. https://arxiv.org/abs/1603.08675
    Gilyen, Su, Low, Wiebe (2018), Lemma 47, the Gram matrix lemma. https://arxiv.org/abs/1806.01838
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._bounds import exact
from qla_jax._checks import as_numeric
from qla_jax._modes import default_promotion, reshaped
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates, remembered_tree
from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.composites import exchanged
from qla_jax.circuits.operations import Operation
from qla_jax.circuits.preparation import reflection_operations
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import Encoding, State
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.matrices.dense import stored_defect, stored_values
from qla_jax.encodings.vectors.known import StatePreparation
from qla_jax.linalg.norms import spectral_norm_bound
from qla_jax.linalg.preparation import prepare, unit_vector, unprepare
from qla_jax.linalg.products import matmul


class ColumnOracle(Encoding, kw_only=True):
    r"""Column oracle $|j\rangle|0\rangle \mapsto |j\rangle|w_j\rangle/\|w_j\|$ by one reflection for each $j$.

    The index register is in front of the loaded register. A zero column loads $|0\rangle$.
    """

    directions: Num[Array, "index loaded"]

    def apply(self, state: State) -> State:
        return reshaped(jax.vmap(prepare)(self.directions, reshaped(state, self.directions.shape)), state.shape)

    def apply_adjoint(self, state: State) -> State:
        return reshaped(jax.vmap(unprepare)(self.directions, reshaped(state, self.directions.shape)), state.shape)

    def gates(self) -> Gates:
        """Return the gates of one tree of norms for each column, read level by level with the index in the address."""
        index, loaded = ((size - 1).bit_length() for size in self.directions.shape)
        return remembered_tree(loaded, index=index, phases=jnp.iscomplexobj(self.directions))

    def operations(self, parts: Sequence[Circuit]) -> Sequence[Operation]:
        index = (len(self.directions) - 1).bit_length()
        return reflection_operations(np.asarray(self.directions), self.system_wires[index:], self.system_wires[:index])


def column_oracle(columns: Num[Array, "index loaded"]) -> tuple[ColumnOracle, Num[Array, " index"]]:
    """Return the oracle of the columns of a matrix, and the norms of the columns.

    Each row of `columns` is one column; number and length of the columns are powers of two.
    """
    directions, norms = jax.vmap(unit_vector)(columns)
    one = jnp.ones((), norms.dtype)
    qubits = (columns.size - 1).bit_length()
    return ColumnOracle(alpha=one, eps=0 * one, num_ancillas=0, num_qubits=qubits, directions=directions), norms


class Frobenius(BlockEncoding, kw_only=True):
    """Block encoding by the column oracle at alpha = |A|_F. The ancillas are the register that the oracle loads.

    After loading, this register and the index exchange their roles, and the norms are unloaded from the index.
    """

    matrix: Num[Array, "rows columns"]
    oracle: ColumnOracle
    norms: VectorEncoding

    def apply(self, state: State) -> State:
        # The transpose puts the index in front for the oracle; the result is read back with the registers exchanged.
        loaded = reshaped(self.oracle.apply(reshaped(state.T, (1, -1))), state.shape)
        return self.norms.apply_adjoint(loaded.T).T

    def apply_adjoint(self, state: State) -> State:
        loaded = reshaped(self.norms.apply(state.T).T, (1, -1))
        return reshaped(self.oracle.apply_adjoint(loaded), state.shape).T

    def _matvec(self, x: Num[Array, " columns"]) -> Num[Array, " rows"]:
        return matmul(self.matrix, x)

    def _rmatvec(self, y: Num[Array, " rows"]) -> Num[Array, " columns"]:
        return matmul(y, self.matrix.conj())

    def hermitian_defect(self) -> Array | None:
        return stored_defect(self.matrix)

    def singular_values(self) -> Num[Array, " values"] | None:
        return stored_values(self.matrix)

    def uses(self) -> tuple[Use, ...]:
        return Use(self.oracle), Use(self.norms, 0, 1)

    def gates(self) -> Gates:
        return Gates()

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        front, back = self.ancilla_wires, self.system_wires
        return [Call(parts[0], (*back, *front)), *exchanged(front, back), Call(parts[1], front).inverse()]


@default_promotion
def block_encode_frobenius(matrix: ArrayLike) -> Frobenius:
    r"""Encode any matrix exactly by its columns: a $(\|A\|_F,\ n,\ 0)$-block-encoding, $A$ padded to $n$ qubits.

    The circuit loads columns and column norms from a QRAM and needs no dilation of the matrix.

    Args:
        matrix: matrix A, real or complex, of any shape.

    Raises:
        ValueError: wrong rank, no entries, or an entry that is not finite.

    Example:
        >>> enc = block_encode_frobenius(jnp.array([[3.0, 0.0], [0.0, 4.0]]))
        >>> float(enc.alpha), enc.matvec(jnp.array([1.0, 1.0])).tolist()
        (5.0, [3.0, 4.0])

    References:
        Kerenidis, Prakash (2017). https://arxiv.org/abs/1603.08675
        Gilyen, Su, Low, Wiebe (2018), Lemma 47. https://arxiv.org/abs/1806.01838
    """
    return stored_by_columns(as_numeric("matrix", matrix, ndim=2))


@jax.jit
def stored_by_columns(matrix: Array) -> Frobenius:
    """Return the encoding of a checked matrix by the reflections of its columns.

    Args:
        matrix: matrix of floating or complex numbers.
    """
    rows, columns = matrix.shape
    size = 1 << (max(matrix.shape) - 1).bit_length()
    oracle, norms = column_oracle(jnp.zeros((size, size), matrix.dtype).at[:columns, :rows].set(matrix.T))
    direction, alpha = unit_vector(norms)
    qubits, zero = oracle.num_qubits // 2, exact(alpha)
    loader = StatePreparation(
        alpha=alpha,
        eps=zero,
        num_ancillas=0,
        num_qubits=qubits,
        encoded=norms,
        sizes=norms.shape,
        direction=direction,
    )
    return Frobenius(
        alpha=alpha,
        eps=zero,
        num_ancillas=qubits,
        num_qubits=qubits,
        norm_bound=spectral_norm_bound(matrix),
        domain=(columns,),
        codomain=(rows,),
        matrix=matrix,
        oracle=oracle,
        norms=loader,
    )
