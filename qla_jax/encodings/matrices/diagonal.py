r"""Block encodings of diagonal matrices by one rotation of one ancilla for each entry.

Where the system is in the basis state of the entry $v$, the ancilla is transformed by
$$\begin{pmatrix} b & -c \\ c & \bar b \end{pmatrix}, \qquad b = v/\alpha, \quad c = \sqrt{1 - |b|^2}.$$
Sparse and circulant matrices use the same rotation. A real diagonal applies a Z to the ancilla first, which makes the
rotation a reflection and the circuit its own inverse.

Example:
    >>> enc = block_encode_diagonal(jnp.array([1.0, -2.0, 0.5]))
    >>> float(enc.alpha), enc.num_ancillas, enc.num_qubits, enc.matvec(jnp.ones(3)).tolist()
    (2.0, 1, 2, [1.0, -2.0, 0.5])

References:
    Gilyen, Su, Low, Wiebe (2018), the rotation of Lemma 48. https://arxiv.org/abs/1806.01838
"""

from collections.abc import Sequence
from typing import overload

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._bounds import as_alpha
from qla_jax._checks import as_inexact, as_numeric, require
from qla_jax._modes import default_promotion
from qla_jax.accounting.gates import Gates, multiplexed
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.composites import MultiplexedRotation
from qla_jax.circuits.operations import Gate, Operation
from qla_jax.encodings.base import registers
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import State
from qla_jax.encodings.base.vector import VectorEncoding
from qla_jax.encodings.matrices.amplitudes import DiagonalOfAmplitudes, diagonal_of_amplitudes


class Diagonal(BlockEncoding, kw_only=True):
    """Block encoding of a stored diagonal. On padding the ancilla is rotated to 1."""

    values: Num[Array, " size"]

    zero_without_alpha = True

    def apply(self, state: State) -> State:
        return rotate(self._ratios, _flipped(state) if self.is_self_inverse else state)

    def apply_adjoint(self, state: State) -> State:
        return self.apply(state) if self.is_self_inverse else rotate_back(self._ratios, state)

    @property
    def stays_divided(self) -> bool:
        return True

    def _matvec(self, x: Num[Array, " size"]) -> Num[Array, " size"]:
        return self.values * x

    def _rmatvec(self, y: Num[Array, " size"]) -> Num[Array, " size"]:
        return self.values.conj() * y

    def hermitian_defect(self) -> Array:
        return 2 * jnp.abs(self.values.imag).max()

    def singular_values(self) -> Num[Array, " size"]:
        return jnp.abs(self.values)

    @property
    def is_self_inverse(self) -> bool:
        return jnp.isrealobj(self.values)

    def gates(self) -> Gates:
        return (3 if jnp.iscomplexobj(self.values) else 1) * multiplexed(self.num_qubits)

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        flip = [Gate("z", self.ancilla_wires[0])] if self.is_self_inverse else []
        return [*flip, *rotations(np.asarray(self._ratios), self.ancilla_wires[0], self.system_wires)]

    @property
    def _ratios(self) -> Num[Array, " system"]:
        return registers.embed(ratio(self.values, self.alpha), self.domain, self.num_qubits)


@overload
def block_encode_diagonal(values: VectorEncoding) -> DiagonalOfAmplitudes: ...
@overload
def block_encode_diagonal(values: ArrayLike, *, alpha: ArrayLike | None = None) -> Diagonal: ...
@default_promotion
def block_encode_diagonal(
    values: ArrayLike | VectorEncoding, *, alpha: ArrayLike | None = None
) -> Diagonal | DiagonalOfAmplitudes:
    r"""Encode $\mathrm{diag}(v)$ exactly: an $(\alpha, 1, 0)$-block-encoding, $\alpha = \max_i|v_i|$ unless given.

    Args:
        values: diagonal v, real or complex; a tensor of any rank in C order, each axis a register that is padded
            inside. For a vector encoding of $x$ the result is `diagonal_of_amplitudes`, which encodes
            $\mathrm{diag}(x)$ by one call of the circuit of x.
        alpha: subnormalization, at least $\max_i|v_i|$, which is the default. Inside jit a smaller one gives
            `eps = inf`.

    Raises:
        ValueError: an entry that is not finite, `alpha` below $\max_i|v_i|$, or `alpha` given with a vector encoding.

    Example:
        >>> enc = block_encode_diagonal(jnp.array([1.0, 2.0]))
        >>> float(enc.alpha), block(enc).tolist()
        (2.0, [[1.0, 0.0], [0.0, 2.0]])

    References:
        Gilyen, Su, Low, Wiebe (2018), Lemma 48. https://arxiv.org/abs/1806.01838
    """
    if isinstance(values, VectorEncoding):
        require(alpha is None, f"`alpha` must not be given with a vector encoding, which has its own, but is {alpha}.")
        return diagonal_of_amplitudes(values)
    values = as_inexact("values", values)
    values = as_numeric("values", values, ndim=max(values.ndim, 1))
    norm = jnp.abs(values).max()
    alpha, eps = as_alpha(alpha, norm, "the largest |value|")
    return Diagonal(
        alpha=alpha,
        eps=eps,
        num_ancillas=1,
        num_qubits=registers.num_qubits(values.shape),
        norm_bound=norm,
        domain=values.shape,
        codomain=values.shape,
        values=values.reshape(-1),
    )


def ratio(values: Array, alpha: Array) -> Array:
    """Return `values / alpha`, where zero over zero is zero.

    Args:
        values: numbers of modulus at most alpha.
        alpha: subnormalization.
    """
    return values / jnp.where(alpha == 0, 1, alpha)


def rotate(ratios: Num[Array, " n"], state: Num[Array, "2 n"]) -> Num[Array, "2 n"]:
    """Apply the rotation of each entry to the ancilla, which is the leading axis.

    Args:
        ratios: entries over alpha, one for each basis state of the system.
        state: amplitudes of ancilla and system.
    """
    c = complement(ratios)
    return jnp.stack([ratios * state[0] - c * state[1], c * state[0] + ratios.conj() * state[1]])


def rotations(ratios: np.ndarray, ancilla: int, system: Sequence[int]) -> list[Operation]:
    """Return the operations of `rotate`: a multiplexed rotation about Y, between two about Z for complex ratios.

    Args:
        ratios: entries over alpha, one for each basis state of the system.
        ancilla: wire that is rotated.
        system: wires of the system.
    """
    sines, real = np.asarray(complement(jnp.asarray(ratios))), np.isrealobj(ratios)
    turn = MultiplexedRotation("y", 2 * np.arctan2(sines, ratios if real else np.abs(ratios)), tuple(system), ancilla)
    if real:
        return [turn]
    phase = MultiplexedRotation("z", -np.angle(ratios), tuple(system), ancilla)
    return [phase, turn, phase]


def rotate_back(ratios: Num[Array, " n"], state: Num[Array, "2 n"]) -> Num[Array, "2 n"]:
    """Apply the adjoint of `rotate`.

    Args:
        ratios: entries over alpha, one for each basis state of the system.
        state: amplitudes of ancilla and system.
    """
    c = complement(ratios)
    return jnp.stack([ratios.conj() * state[0] + c * state[1], ratios * state[1] - c * state[0]])


def _flipped(state: Num[Array, "2 n"]) -> Num[Array, "2 n"]:
    return jnp.stack([state[0], -state[1]])


def complement(ratios: Array) -> Array:
    r"""Return $\sqrt{1 - |b|^2}$ for each ratio, without a derivative where a modulus is 1.

    Args:
        ratios: entries over alpha.
    """
    # (1 - |b|)(1 + |b|) keeps the digits that 1 - |b|^2 loses near 1. No derivative exists at 1; zero is returned.
    sizes = jnp.abs(ratios)
    squares = (1 - sizes) * (1 + sizes)
    # A ratio that rounding alone keeps from 1 counts as 1, since the root would make 1e-8 of an error of 1e-16.
    inside = squares > 16 * jnp.finfo(sizes.dtype).eps
    return jnp.where(inside, jnp.sqrt(jnp.where(inside, squares, 1)), 0)
