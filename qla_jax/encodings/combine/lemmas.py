r"""Sum, matrix-vector product, tensor product and concatenation of vector encodings: Lemmas 1 to 4.

Each lemma is stated here for vectors of any length. The paper's normalized form is `normalize` after the lemma. Error
rules use the norm of the encoded vector, which is known, in place of its upper bound $\alpha$.

References:
    Rattew et al. (2025), Lemmas 1 to 4. https://arxiv.org/abs/2510.07195
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._bounds import times
from qla_jax._checks import as_numeric, require, require_kind
from qla_jax._modes import default_promotion
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates, select, tree
from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.composites import rearranged
from qla_jax.circuits.operations import Operation
from qla_jax.circuits.preparation import tree_operations
from qla_jax.circuits.select import Select
from qla_jax.encodings.base import registers
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import (
    Link,
    State,
    apply_adjoint_of,
    apply_of,
    flagged_in_row,
    run_on,
    side_by_side,
    swap_qubits,
)
from qla_jax.encodings.base.in_turn import in_turn_operations, marking, run_in_turn, run_in_turn_adjoint, together
from qla_jax.encodings.base.lcu import (
    amplitudes,
    apply_lcu,
    apply_lcu_adjoint,
    combine,
    flagged_lcu,
    lcu_gates,
    lcu_operations,
    lcu_parameters,
    lcu_row,
    stacked,
)
from qla_jax.encodings.base.operators import rule
from qla_jax.encodings.base.registers import same_place
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.combine.several import balanced, require_parts
from qla_jax.linalg.preparation import length
from qla_jax.linalg.trees import load, unload

Vector = Num[Array, " n"]


class VectorSum(VectorEncoding, kw_only=True):
    """Vector encoding of a weighted sum, by the LCU circuit over the parts (Lemma 1)."""

    weights: Num[Array, " parts"]
    parts: tuple[VectorEncoding, ...]

    def apply(self, state: State) -> State:
        return apply_lcu(self.weights, self.parts, state)

    def apply_adjoint(self, state: State) -> State:
        return apply_lcu_adjoint(self.weights, self.parts, state)

    def flagged(self, system: Vector) -> Vector:
        return flagged_in_row(self, system) if self.row() else flagged_lcu(self.weights, self.parts, system)

    def row(self) -> tuple[Link, ...] | None:
        return lcu_row(self.weights, self.parts)

    @property
    def log_alpha(self) -> Array:
        logs = stacked([part.log_alpha for part in self.parts])
        return jax.nn.logsumexp(logs, b=jnp.abs(self.weights))  # alpha itself may overflow in deep networks

    def uses(self) -> tuple[Use, ...]:
        return tuple(Use(part, controlled=len(self.parts) > 1) for part in self.parts)

    def gates(self) -> Gates:
        return lcu_gates(self.weights, self.parts)

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        return lcu_operations(self, self.weights, self.parts, parts)


@default_promotion
def vector_sum(*parts: VectorEncoding, weights: ArrayLike | Sequence[ArrayLike] | None = None) -> VectorSum:
    r"""Return a vector encoding of the weighted sum $\sum_i w_i x_i$ of m vector encodings.

    The result is a $(\sum_i|w_i|\alpha_i,\ \lceil\log_2 m\rceil + \max_i a_i,\ \sum_i|w_i|\epsilon_i)$-vector-encoding.
    The paper states the sum of two unit vectors with $\tau = w_1\alpha/(w_1\alpha + w_2\beta)$; its result is
    `normalize` of this one.

    Args:
        parts: vector encodings on registers of the same sizes.
        weights: real or complex numbers, one for each part, which need not sum to one; all are 1 by default.

    Raises:
        ValueError: no parts, unequally many weights and parts, or parts on different registers.
        TypeError: a part that is not a vector encoding.

    Example:
        >>> x, y = vector_encode(jnp.array([1.0, 0.0])), vector_encode(jnp.array([3.0, 4.0]))
        >>> vec = vector_sum(x, y, weights=(1.0, -1.0))
        >>> vec.encoded.tolist(), float(vec.alpha)
        ([-2.0, -4.0], 6.0)

    References:
        Rattew et al. (2025), Lemma 1. https://arxiv.org/abs/2510.07195
    """
    require_parts(parts, VectorEncoding)
    weights = as_numeric("weights", (1.0,) * len(parts) if weights is None else weights, ndim=1, like=parts[0].alpha)
    require(
        len(weights) == len(parts), f"`weights` must match the parts, but there are {len(weights)} for {len(parts)}."
    )
    for part in parts:
        fits = same_place(part.sizes, parts[0].sizes)
        require(fits, f"`parts` must all live on registers {parts[0].sizes}, but one lives on {part.sizes}.")
    return VectorSum(
        **lcu_parameters(weights, parts),
        encoded=combine(weights, [part.encoded for part in parts]),
        sizes=parts[0].sizes,
        weights=weights,
        parts=parts,
    )


class MatrixVectorProduct(VectorEncoding, kw_only=True):
    """Vector encoding of Ax: the circuit of x, then the circuit of A, on shared ancillas as in `Product` (Lemma 2)."""

    matrix: BlockEncoding
    part: VectorEncoding

    def apply(self, state: State) -> State:
        return run_in_turn(self.matrix, self.part, state)

    def apply_adjoint(self, state: State) -> State:
        return run_in_turn_adjoint(self.matrix, self.part, state)

    def flagged(self, system: Vector) -> Vector:
        return flagged_in_row(self, system)

    def row(self) -> tuple[Link, ...]:
        return Link(self.part), Link(self.matrix)

    @property
    def log_alpha(self) -> Array:
        return self.matrix.log_alpha + self.part.log_alpha

    def uses(self) -> tuple[Use, ...]:
        return Use(self.matrix), Use(self.part)

    def gates(self) -> Gates:
        return marking(self.part.num_ancillas, self.matrix.num_ancillas)

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        return in_turn_operations(self, self.matrix, self.part, *parts)


@rule("@", BlockEncoding, VectorEncoding)
@default_promotion
def matrix_vector_product(matrix: BlockEncoding, vec: VectorEncoding) -> MatrixVectorProduct:
    r"""Return a vector encoding of the matrix-vector product $Ax$, the same as `matrix @ vec`.

    The result is an $(\alpha\beta,\ \min(a + b, \max(a, b) + 1),\ \|A\|\epsilon_x +
    \epsilon_A\|\tilde x\|)$-vector-encoding, since $Ax - \tilde A\tilde x = A(x - \tilde x) + (A - \tilde A)\tilde x$.
    $\|A\|$ enters by `matrix.norm_bound`. The lemma has a + b ancillas; circuits with two or more ancillas each share
    them as in `product`.

    Args:
        matrix: block encoding of A.
        vec: vector encoding of x on the domain of A.

    Raises:
        ValueError: the registers of the vector are not the domain of the matrix.
        TypeError: `matrix` is not a block encoding, or `vec` is not a vector encoding.

    Example:
        >>> vec = matrix_vector_product(block_encode_pauli({"X": 2.0}), vector_encode(jnp.array([3.0, 4.0])))
        >>> vec.encoded.tolist(), float(vec.alpha), round(float(vec.success_probability), 6)
        ([8.0, 6.0], 10.0, 1.0)

    References:
        Rattew et al. (2025), Lemma 2. https://arxiv.org/abs/2510.07195
    """
    require_kind("matrix", matrix, BlockEncoding)
    require_kind("vec", vec, VectorEncoding)
    require(
        same_place(matrix.domain, vec.sizes),
        f"`vec` must live on the domain {matrix.domain} of `matrix`, but lives on {vec.sizes}.",
    )
    return MatrixVectorProduct(
        alpha=matrix.alpha * vec.alpha,
        eps=times(matrix.norm_bound, vec.eps) + times(matrix.eps, length(vec.encoded)),
        num_ancillas=together(vec.num_ancillas, matrix.num_ancillas),
        num_qubits=max(matrix.num_qubits, vec.num_qubits),
        encoded=matrix.matvec(vec.encoded),
        sizes=matrix.codomain,
        matrix=matrix,
        part=vec,
    )


class VectorTensor(VectorEncoding, kw_only=True):
    """Vector encoding of a tensor product of two vectors: both circuits in parallel (Lemma 3)."""

    left: VectorEncoding
    right: VectorEncoding

    def apply(self, state: State) -> State:
        return self._gather(side_by_side(self.left, self.right, apply_of, state))

    def apply_adjoint(self, state: State) -> State:
        left, right = self._inner
        state = swap_qubits(state, self.right.num_qubits - right, left, right)
        return side_by_side(self.left, self.right, apply_adjoint_of, state)

    def flagged(self, system: Vector) -> Vector:
        grid = system.reshape(1 << self.left.num_qubits, 1 << self.right.num_qubits)
        return self._gather(jax.vmap(self.right.flagged)(jax.vmap(self.left.flagged, 1, 1)(grid)).reshape(-1))

    @property
    def log_alpha(self) -> Array:
        return self.left.log_alpha + self.right.log_alpha

    @property
    def _inner(self) -> tuple[int, int]:
        return registers.num_qubits(self.left.sizes), registers.num_qubits(self.right.sizes)

    def _gather(self, array: Array) -> Array:
        left, right = self._inner
        return swap_qubits(array, left, self.right.num_qubits - right, right)

    def uses(self) -> tuple[Use, ...]:
        return Use(self.left), Use(self.right)

    def gates(self) -> Gates:
        return Gates()

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        (left, right), split, middle = self._inner, self.left.num_ancillas, self.left.num_qubits
        idle, other = middle - left, self.right.num_qubits - right
        given = (
            *range(idle),
            *range(idle + other, idle + other + left),
            *range(idle, idle + other),
            *range(self.num_qubits - right, self.num_qubits),
        )
        return [
            Call(parts[0], (*self.ancilla_wires[:split], *self.system_wires[:middle])),
            Call(parts[1], (*self.ancilla_wires[split:], *self.system_wires[middle:])),
            *rearranged(self.system_wires, [self.system_wires[place] for place in given]),
        ]


@default_promotion
def vector_tensor(*parts: VectorEncoding) -> VectorEncoding:
    r"""Return a vector encoding of the tensor product of all parts, $x \otimes y \otimes \cdots$.

    For two parts the result is an $(\alpha\beta,\ a + b,\ \|\tilde x\|\epsilon_y + \|\tilde y\|\epsilon_x +
    \epsilon_x\epsilon_y)$-vector-encoding.

    Args:
        parts: vector encodings of any lengths; a single part is returned as it is.

    Raises:
        ValueError: no parts.
        TypeError: a part that is not a vector encoding.

    Example:
        >>> vector_tensor(vector_encode(jnp.array([1.0, 2.0])), vector_encode(jnp.array([3.0, 4.0]))).encoded.tolist()
        [3.0, 4.0, 6.0, 8.0]

    References:
        Rattew et al. (2025), Lemma 3. https://arxiv.org/abs/2510.07195
    """
    require_parts(parts, VectorEncoding)
    return balanced(_tensor, parts)


def _tensor(left: VectorEncoding, right: VectorEncoding) -> VectorTensor:
    norms = length(left.encoded), length(right.encoded)
    return VectorTensor(
        alpha=left.alpha * right.alpha,
        eps=times(norms[0], right.eps) + times(norms[1], left.eps) + times(left.eps, right.eps),
        num_ancillas=left.num_ancillas + right.num_ancillas,
        num_qubits=left.num_qubits + right.num_qubits,
        encoded=jnp.kron(left.encoded, right.encoded),
        sizes=(*left.sizes, *right.sizes),
        left=left,
        right=right,
    )


class Concatenation(VectorEncoding, kw_only=True):
    """Vector encoding of a concatenation: load the parts' alpha into an index of the system, then SELECT (Lemma 4)."""

    parts: tuple[VectorEncoding, ...]

    def apply(self, state: State) -> State:
        grid = load(self._loaded, self._index_first(state))
        return self._index_back(self._select(grid, apply_of), state.shape)

    def apply_adjoint(self, state: State) -> State:
        grid = self._select(self._index_first(state), apply_adjoint_of)
        return self._index_back(unload(self._loaded, grid), state.shape)

    def uses(self) -> tuple[Use, ...]:
        return tuple(Use(part, controlled=len(self.parts) > 1) for part in self.parts)

    def gates(self) -> Gates:
        return tree((len(self.parts) - 1).bit_length()) + select(len(self.parts))

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        inner, size = registers.num_qubits(self.parts[0].sizes), (len(self.parts) - 1).bit_length()
        front = self.num_qubits - inner - size
        index = self.system_wires[front : front + size]
        system = (*self.system_wires[:front], *self.system_wires[front + size :])
        calls = []
        for part, circuit in zip(self.parts, parts, strict=True):
            ancillas = self.ancilla_wires[self.num_ancillas - part.num_ancillas :]
            calls.append((Call(circuit, (*ancillas, *system[len(system) - part.num_qubits :])),))
        chosen = Select(index, tuple(range(len(calls))), tuple(calls))
        return [*tree_operations(np.asarray(self._loaded), index), chosen]

    @property
    def _loaded(self) -> Array:
        return amplitudes(jnp.square(stacked([part.alpha for part in self.parts])))

    def _select(self, grid: Array, way: Callable) -> Array:
        chosen = [run_on(way(part), part, grid[i]) for i, part in enumerate(self.parts)]
        return jnp.stack(chosen + [grid[i] for i in range(len(self.parts), len(grid))])

    # In the system the index is in front of the parts' registers, and the parts' idle qubits are in front of the index.
    def _index_first(self, state: State) -> Array:
        inner = registers.num_qubits(self.parts[0].sizes)
        grid = state.reshape(state.shape[0], -1, len(self._loaded), 1 << inner)
        return jnp.moveaxis(grid, 2, 0).reshape(len(self._loaded), state.shape[0], -1)

    def _index_back(self, grid: Array, shape: tuple[int, ...]) -> State:
        inner = registers.num_qubits(self.parts[0].sizes)
        return jnp.moveaxis(grid.reshape(len(grid), shape[0], -1, 1 << inner), 0, 2).reshape(shape)


@default_promotion
def concatenate(*parts: VectorEncoding) -> Concatenation:
    r"""Return a vector encoding of the concatenation $x_0 \oplus x_1 \oplus \dots$ of vector encodings.

    The result is a $(\sqrt{\sum_j\alpha_j^2},\ \max_j a_j,\ \sqrt{\sum_j\epsilon_j^2})$-vector-encoding. The paper
    loads a uniform index, which weights each piece by $1/\alpha_j$. Loading $\alpha_j$ instead gives the pieces their
    true lengths, by the same circuit where all alpha are equal. The number of parts is padded inside.

    Args:
        parts: vector encodings on registers of the same sizes.

    Raises:
        ValueError: no parts, or parts on different registers.
        TypeError: a part that is not a vector encoding.

    Example:
        >>> vec = concatenate(vector_encode(jnp.array([0.0, 3.0])), vector_encode(jnp.array([4.0, 0.0])))
        >>> vec.encoded.tolist(), float(vec.alpha), vec.sizes
        ([0.0, 3.0, 4.0, 0.0], 5.0, (2, 2))

    References:
        Rattew et al. (2025), Lemma 4. https://arxiv.org/abs/2510.07195
    """
    require_parts(parts, VectorEncoding)
    for part in parts:
        fits = same_place(part.sizes, parts[0].sizes)
        require(fits, f"`parts` must all live on registers {parts[0].sizes}, but one lives on {part.sizes}.")
    alphas, errors = stacked([part.alpha for part in parts]), stacked([part.eps for part in parts])
    unknown = jnp.isinf(errors)
    return Concatenation(
        alpha=length(alphas),
        eps=jnp.where(unknown.any(), jnp.inf, length(jnp.where(unknown, 0, errors))),
        num_ancillas=max(part.num_ancillas for part in parts),
        num_qubits=(len(parts) - 1).bit_length() + max(part.num_qubits for part in parts),
        encoded=jnp.concatenate([part.encoded for part in parts]),
        sizes=(len(parts), *parts[0].sizes),
        parts=parts,
    )


@rule("+", VectorEncoding, VectorEncoding)
def _sum(left: VectorEncoding, right: VectorEncoding) -> VectorSum:
    return vector_sum(left, right)


@rule("-", VectorEncoding, VectorEncoding)
def _difference(left: VectorEncoding, right: VectorEncoding) -> VectorSum:
    return vector_sum(left, right, weights=(1.0, -1.0))


@rule("*", VectorEncoding, object)
def _multiple(vec: VectorEncoding, factor: ArrayLike) -> VectorSum:
    return vector_sum(vec, weights=as_numeric("factor", factor, ndim=0, like=vec.alpha)[None])
