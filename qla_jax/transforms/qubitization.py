r"""Qubitization walk: a unitary whose powers encode the Chebyshev polynomials of a Hermitian matrix.

A circuit that is its own inverse, followed by a reflection about its flag, is a walk W. Each eigenvalue $\lambda$ of
$+A/\alpha$ becomes two eigenphases $e^{\pm i\arccos\lambda}$ of W, and $\langle0|W^k|0\rangle = T_k(A/\alpha)$. A step
is one call of a circuit whose structure proves that it is its own inverse (`is_self_inverse`). For any other circuit U
one more ancilla, the mirror, makes one: $M = |0\rangle\langle1|\otimes U + |1\rangle\langle0|\otimes U^\dagger$, with
the flag $|+\rangle|0\rangle$ and two controlled calls.

References:
    Low, Chuang (2019), qubitization. https://arxiv.org/abs/1610.06546
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jaxtyping import Num

from qla_jax._checks import as_integer, require, require_kind
from qla_jax._modes import default_promotion
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates, reflection
from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.composites import Within
from qla_jax.circuits.operations import Gate, Operation, Phase
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import State, apply_adjoint_of, apply_of, contraction
from qla_jax.encodings.base.registers import same_place
from qla_jax.transforms.recurrence import chebyshev_sum
from qla_jax.transforms.robustness import chebyshev_error, recurrence_rounding
from qla_jax.transforms.spectrum import hermitian_error

Vector = Num[Array, " n"]
Walking = Num[Array, "... ancilla system"]


class QubitizationWalk(BlockEncoding, kw_only=True):
    r"""Block encoding of $T_k(A/\alpha)$ by k steps of the walk, for a Hermitian A.

    A mirror is in front of the part's ancillas, if there is one. Hadamard gates turn its flag $|+\rangle$ to
    $|0\rangle$.
    """

    power: int = struct.field(pytree_node=False)
    mirrored: bool = struct.field(pytree_node=False)
    part: BlockEncoding

    @jax.jit
    def apply(self, state: State) -> State:
        return self._repeated(steps_of(self.part, self.mirrored, apply_of).ahead, state)

    @jax.jit
    def apply_adjoint(self, state: State) -> State:
        return self._repeated(steps_of(self.part, self.mirrored, apply_adjoint_of).back, state)

    def _repeated(self, walked: Callable[[Walking], Walking], state: State) -> State:
        @jax.checkpoint
        def step(s: Walking, _: None) -> tuple[Walking, None]:
            return walked(s), None

        grid, _ = jax.lax.scan(step, opened(state, self.mirrored, self.alpha), length=self.power)
        return closed(grid, self.mirrored).reshape(state.shape)

    @jax.jit
    def _matvec(self, x: Vector) -> Vector:
        coeffs = jnp.zeros(self.power + 1, self.alpha.dtype).at[self.power].set(1)
        return hermitian_series(coeffs, self.part, x)

    _rmatvec = _matvec

    def relative_rounding(self, parts: Sequence[Array]) -> Array:
        calls = calls_in_step(self.mirrored) * self.power
        return recurrence_rounding(self, calls, jnp.full_like(self.alpha, self.power**2), parts[0])

    def hermitian_defect(self) -> Array:
        return jnp.zeros_like(self.alpha)

    def uses(self) -> tuple[Use, ...]:
        if self.mirrored:
            return (Use(self.part, self.power, self.power, controlled=True),)
        return (Use(self.part, self.power),)

    def gates(self) -> Gates:
        return self.power * reflection(self.num_ancillas)

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        step = walk_operations(self.call(self.part, parts[0]), self.ancilla_wires, self.mirrored)
        turn = mirror_operations(self.ancilla_wires, self.mirrored)
        return [*turn, *(step * self.power), *turn]


@default_promotion
def qubitization_walk(enc: BlockEncoding, *, power: int = 1, hermitian: bool = False) -> QubitizationWalk:
    r"""Encode the Chebyshev polynomial $T_k(A/\alpha)$ of a Hermitian A by k steps of the qubitization walk.

    The result is a $(1, a, \min(k^2\epsilon/\alpha, 2))$-block-encoding with k calls where the circuit of `enc` is its
    own inverse by its structure (`is_self_inverse`), as for Pauli words with real coefficients. For all others it has
    2k controlled calls and one ancilla more. Where `norm_bound` does not prove $\|A\| \le \alpha$, `eps` is `inf`.

    Args:
        enc: block encoding of a Hermitian A. Small matrices are checked (`transforms.spectrum`); inside jit a matrix
            that is not Hermitian gives `eps = inf`.
        power: number of steps k, at least 0.
        hermitian: True to assert that A is Hermitian where it is too large to be checked; without the assertion `eps`
            is `inf` there.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: a matrix that is not square or not Hermitian, or a negative power.

    Example:
        >>> walked = qubitization_walk(block_encode_diagonal(jnp.array([1.0, 0.5])), power=3)
        >>> walked.matvec(jnp.ones(2)).round(6).tolist()  # T_3(x) = 4 x^3 - 3 x
        [1.0, -1.0]
        >>> cost(walked).num_queries, walked.num_ancillas
        ({'Diagonal[0]': 3}, 1)

    References:
        Low, Chuang (2019). https://arxiv.org/abs/1610.06546
    """
    require_square(enc)
    power = as_integer("power", power, least=0)
    one, mirrored = jnp.ones_like(enc.alpha), not enc.is_self_inverse
    return QubitizationWalk(
        alpha=one,
        eps=chebyshev_error(enc, jnp.zeros(power + 1, one.dtype).at[power].set(1))
        + hermitian_error(enc, vouched=hermitian),
        num_ancillas=enc.num_ancillas + mirrored,
        num_qubits=enc.num_qubits,
        norm_bound=one,
        domain=enc.domain,
        codomain=enc.domain,
        power=power,
        mirrored=mirrored,
        part=enc,
    )


def require_square(enc: BlockEncoding) -> None:
    """Raise an error unless `enc` is a block encoding of a square matrix."""
    require_kind("enc", enc, BlockEncoding)
    require(same_place(enc.domain, enc.codomain), f"`enc` must be square, but is {enc.codomain} x {enc.domain}.")


class Steps(NamedTuple):
    """One step of a walk and its inverse, as functions of a state of the ancillas and the system."""

    ahead: Callable[[Walking], Walking]
    back: Callable[[Walking], Walking]


def steps_of(part: BlockEncoding, mirrored: bool, way: Callable) -> Steps:
    """Return the steps of the walk of a block encoding: its circuit, and the reflection about the flag.

    Args:
        part: block encoding of a Hermitian matrix.
        mirrored: True where a mirror, in front of the part's ancillas, makes the circuit its own inverse.
        way: function that returns the circuit of the part that runs without a mirror, `apply_of` or `apply_adjoint_of`.
    """

    def through(s: Walking) -> Walking:
        return jnp.stack([part.apply(s[1]), part.apply_adjoint(s[0])]) if mirrored else way(part)(s)

    return Steps(lambda s: _reflected(through(s), mirrored), lambda s: through(_reflected(s, mirrored)))


def calls_in_step(mirrored: bool) -> int:
    """Return the number of calls of the part in one step of the walk."""
    return 2 if mirrored else 1


def walk_operations(part: Call, ancillas: Sequence[int], mirrored: bool) -> list[Operation]:
    """Return the operations of one step of the walk.

    A step calls the part, or calls it in either direction and flips the mirror, and then reflects.

    Args:
        part: call of the circuit of the part.
        ancillas: wires of the ancillas, the mirror first if there is one.
        mirrored: True where there is a mirror.
    """
    # 2 Pi - 1 is a sign of the flagged states, and a sign of all.
    sign = Phase(np.pi, tuple(ancillas), (0,) * len(ancillas))
    if not mirrored:
        return [part, sign, Phase(np.pi)]
    mirror = ancillas[0]
    both = [part.controlled((mirror,)), part.inverse().controlled((mirror,), (0,))]
    return [*both, Gate("x", mirror), Within((Gate("h", mirror),), (sign,)), Phase(np.pi)]


def mirror_operations(ancillas: Sequence[int], mirrored: bool) -> list[Operation]:
    """Return the Hadamard gate before and after all steps, or no operations without a mirror.

    Args:
        ancillas: wires of the ancillas, the mirror first if there is one.
        mirrored: True where there is a mirror.
    """
    return [Gate("h", ancillas[0])] if mirrored else []


def opened(state: State, mirrored: bool, *like: Array) -> Walking:
    """Return a state with an axis for the mirror, if there is one, and the mirror's flag turned from |0> to |+>.

    Args:
        state: state of all ancillas and the system.
        mirrored: True where there is a mirror.
        like: arrays whose precision the result takes, too.
    """
    grid = state.reshape(*(2,) * mirrored, -1, state.shape[-1])
    return closed(grid.astype(jnp.result_type(grid, *like, jnp.complex64)), mirrored)


def closed(grid: Walking, mirrored: bool) -> Walking:
    """Return a state with the mirror's flag turned back to |0>.

    Args:
        grid: state with an axis for the mirror, if there is one.
        mirrored: True where there is a mirror.
    """
    if not mirrored:
        return grid
    up, down = grid[..., 0, :, :], grid[..., 1, :, :]
    return jnp.stack([up + down, up - down], axis=-3) * float(np.sqrt(0.5))


def hermitian_series(coeffs: Num[Array, " terms"], part: BlockEncoding, x: Vector) -> Vector:
    r"""Return $\sum_kc_kT_k(A/\alpha)x$ for a Hermitian A, without a circuit.

    Args:
        coeffs: Chebyshev coefficients $c_k$.
        part: block encoding of A.
        x: vector.
    """
    safe, _ = contraction(part)

    def times(v: Vector) -> Vector:
        if part.is_self_inverse:
            return part.matvec(v) / safe
        # The mirrored circuit has the Hermitian part of its block, which differs where A is Hermitian up to its error.
        return (part.matvec(v) + part.rmatvec(v)) / (2 * safe)

    return chebyshev_sum(coeffs, times, x, times(x))


def _reflected(s: Walking, mirrored: bool) -> Walking:
    r"""Apply $2\Pi - 1$ for the projector on the flag, $|0\rangle$ of the ancillas and $|+\rangle$ of the mirror."""
    flagged = (s[0, 0] + s[1, 0])[None] if mirrored else 2 * s[0]
    return (-s).at[:, 0].add(flagged) if mirrored else (-s).at[0].add(flagged)
