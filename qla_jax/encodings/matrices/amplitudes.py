r"""Block encoding of the diagonal matrix of a vector's amplitudes, with one call of the vector's circuit.

The circuit is $V = \mathrm{CNOT}^{\otimes n}[\text{data} \to \text{copy}]\,(U_{\text{copy}} \otimes I_{\text{data}})$.
For data $|k\rangle$ the copy register ends in $|0\rangle$ exactly where U put $|k\rangle$. Hence
$\langle 0|V|0\rangle = \mathrm{diag}(\langle 0|U|0\rangle|0\rangle)$, also for complex amplitudes.

References:
    The Gram matrix lemma: Gilyen, Su, Low, Wiebe (2018), Lemma 47, with the identity as one of the two unitaries.
    Rattew, Rebentrost (2023) reach the same with six controlled calls. https://arxiv.org/abs/2309.09839
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Num

from qla_jax._checks import require_kind
from qla_jax._modes import default_promotion
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates
from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.operations import Gate, Operation
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.division import run_among
from qla_jax.encodings.base.encoding import State
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.meshes import shards


class DiagonalOfAmplitudes(BlockEncoding, kw_only=True):
    """Block encoding of diag(x) from a vector encoding of x. The ancillas are those of x, then the copy register."""

    part: VectorEncoding

    def apply(self, state: State) -> State:
        on_copy = self._on_copy(self.part.apply, self._grid(state))
        return _xor_data_into_copy(on_copy).reshape(state.shape)

    def apply_adjoint(self, state: State) -> State:
        compared = _xor_data_into_copy(self._grid(state))
        return self._on_copy(self.part.apply_adjoint, compared).reshape(state.shape)

    def _on_copy(self, run: Callable[[State], State], grid: Num[Array, "ancilla copy data"]) -> Array:
        if shards() > 1:  # the data are idle here, so that each device runs the part alone
            return run_among(run, self.part, grid, 0, 1, leading=2)
        return jax.vmap(run, in_axes=2, out_axes=2)(grid)

    @property
    def stays_divided(self) -> bool:
        return True

    def _matvec(self, x: Num[Array, " n"]) -> Num[Array, " n"]:
        return self.part.encoded * x

    def _rmatvec(self, y: Num[Array, " n"]) -> Num[Array, " n"]:
        return self.part.encoded.conj() * y

    def uses(self) -> tuple[Use, ...]:
        return (Use(self.part),)

    def gates(self) -> Gates:
        return Gates(cnot=self.part.num_qubits)

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        copy = self.ancilla_wires[self.part.num_ancillas :]
        pairs = zip(self.system_wires, copy, strict=True)
        return [Call(parts[0], self.ancilla_wires), *(Gate("x", to, controls=(data,)) for data, to in pairs)]

    def _grid(self, state: State) -> Num[Array, "ancilla copy data"]:
        return state.reshape(1 << self.part.num_ancillas, 1 << self.part.num_qubits, -1)


@default_promotion
def diagonal_of_amplitudes(vec: VectorEncoding) -> DiagonalOfAmplitudes:
    r"""Return a block encoding of $\mathrm{diag}(x)$ that calls the circuit of a vector encoding of x once.

    From an $(\alpha, a, \epsilon)$-vector-encoding on n qubits the result is an
    $(\alpha, a + n, \epsilon)$-block-encoding.

    Raises:
        TypeError: `vec` is not a vector encoding.

    Example:
        >>> enc = diagonal_of_amplitudes(vector_encode(jnp.array([3.0, 4.0])))
        >>> float(enc.alpha), enc.matvec(jnp.array([1.0, 10.0])).tolist()
        (5.0, [3.0, 40.0])

    References:
        Gilyen, Su, Low, Wiebe (2018), Lemma 47. https://arxiv.org/abs/1806.01838
    """
    require_kind("vec", vec, VectorEncoding)
    return DiagonalOfAmplitudes(
        alpha=vec.alpha,
        eps=vec.eps,
        num_ancillas=vec.num_ancillas + vec.num_qubits,
        num_qubits=vec.num_qubits,
        norm_bound=jnp.abs(vec.encoded).max() + vec.eps,
        domain=vec.sizes,
        codomain=vec.sizes,
        part=vec,
    )


def _xor_data_into_copy(grid: Num[Array, "ancilla copy data"]) -> Num[Array, "ancilla copy data"]:
    # n CNOTs are one permutation of basis states: a single gather in place of n passes over the state.
    copy, data = (jax.lax.broadcasted_iota(jnp.int32, grid.shape[1:], axis) for axis in (0, 1))
    return jnp.take_along_axis(grid, (copy ^ data)[None], axis=1)
