r"""Qubitization walk: a unitary whose powers encode the Chebyshev polynomials of a Hermitian matrix.

A circuit that is its own inverse, followed by a reflection about its flag, is a walk W. Each eigenvalue $\lambda$ of
$+A/\alpha$ becomes two eigenphases $e^{\pm i\arccos\lambda}$ of W, and $\langle0|W^k|0\rangle = T_k(A/\alpha)$. One
more ancilla, the mirror, makes any circuit U its own inverse: $M = |0\rangle\langle1|\otimes U +
|1\rangle\langle0|\otimes U^\dagger$, with the flag $|+\rangle|0\rangle$.

References:
    Low, Chuang (2019), qubitization. https://arxiv.org/abs/1610.06546
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jaxtyping import Complex, Num

from qla_jax._checks import as_integer, require, require_kind
from qla_jax._modes import default_promotion
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates, reflection
from qla_jax.circuits.circuit import Call, Circuit
from qla_jax.circuits.composites import Within
from qla_jax.circuits.operations import Gate, Operation, Phase
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import State, contraction
from qla_jax.encodings.base.registers import same_place
from qla_jax.transforms.recurrence import chebyshev_sum
from qla_jax.transforms.robustness import chebyshev_error, recurrence_rounding
from qla_jax.transforms.spectrum import hermitian_error

Vector = Num[Array, " n"]
Mirrored = Complex[Array, "mirror ancilla system"]


class QubitizationWalk(BlockEncoding, kw_only=True):
    r"""Block encoding of $T_k(A/\alpha)$ by k steps of the walk, for a Hermitian A.

    The mirror is in front of the part's ancillas. Hadamard gates turn its flag $|+\rangle$ to $|0\rangle$.
    """

    power: int = struct.field(pytree_node=False)
    part: BlockEncoding

    @jax.jit
    def apply(self, state: State) -> State:
        def step(s: Mirrored, _: None) -> tuple[Mirrored, None]:
            return walk(self.part, s), None

        return self._repeated(step, state)

    @jax.jit
    def apply_adjoint(self, state: State) -> State:
        def step(s: Mirrored, _: None) -> tuple[Mirrored, None]:
            return walk_back(self.part, s), None

        return self._repeated(step, state)

    def _repeated(self, step: Callable, state: State) -> State:
        grid = state.reshape(2, -1, state.shape[-1])
        grid = turned(grid.astype(jnp.result_type(grid, self.alpha, jnp.complex64)))
        grid, _ = jax.lax.scan(jax.checkpoint(step), grid, length=self.power)
        return turned(grid).reshape(state.shape)

    @jax.jit
    def _matvec(self, x: Vector) -> Vector:
        coeffs = jnp.zeros(self.power + 1, self.alpha.dtype).at[self.power].set(1)
        return hermitian_series(coeffs, self.part, x)

    _rmatvec = _matvec

    def relative_rounding(self, parts: Sequence[Array]) -> Array:
        return recurrence_rounding(self, 2 * self.power, jnp.full_like(self.alpha, self.power**2), parts[0])

    def hermitian_defect(self) -> Array:
        return jnp.zeros_like(self.alpha)

    def uses(self) -> tuple[Use, ...]:
        return (Use(self.part, self.power, self.power, controlled=True),)

    def gates(self) -> Gates:
        return self.power * reflection(self.part.num_ancillas + 1)

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        mirror, *ancillas = self.ancilla_wires
        step = walk_operations(self.call(self.part, parts[0]), mirror, ancillas)
        return [Gate("h", mirror), *(step * self.power), Gate("h", mirror)]


@default_promotion
def qubitization_walk(enc: BlockEncoding, *, power: int = 1, hermitian: bool = False) -> QubitizationWalk:
    r"""Encode the Chebyshev polynomial $T_k(A/\alpha)$ of a Hermitian A by k steps of the qubitization walk.

    The result is a $(1, a + 1, \min(k^2\epsilon/\alpha, 2))$-block-encoding with 2k calls. Where `norm_bound` does not
    prove $\|A\| \le \alpha$, `eps` is `inf`.

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

    References:
        Low, Chuang (2019). https://arxiv.org/abs/1610.06546
    """
    require_square(enc)
    power = as_integer("power", power, least=0)
    one = jnp.ones_like(enc.alpha)
    return QubitizationWalk(
        alpha=one,
        eps=chebyshev_error(enc, jnp.zeros(power + 1, one.dtype).at[power].set(1))
        + hermitian_error(enc, vouched=hermitian),
        num_ancillas=enc.num_ancillas + 1,
        num_qubits=enc.num_qubits,
        norm_bound=one,
        domain=enc.domain,
        codomain=enc.domain,
        power=power,
        part=enc,
    )


def require_square(enc: BlockEncoding) -> None:
    """Raise an error unless `enc` is a block encoding of a square matrix."""
    require_kind("enc", enc, BlockEncoding)
    require(same_place(enc.domain, enc.codomain), f"`enc` must be square, but is {enc.codomain} x {enc.domain}.")


def walk(part: BlockEncoding, s: Mirrored) -> Mirrored:
    """Apply one step of the walk: the mirrored part, then the reflection about its flag.

    Args:
        part: block encoding of a Hermitian matrix.
        s: state with the mirror in front.
    """
    return _reflected(_mirrored(part, s))


def walk_back(part: BlockEncoding, s: Mirrored) -> Mirrored:
    """Apply the inverse of one step of the walk.

    Args:
        part: block encoding of a Hermitian matrix.
        s: state with the mirror in front.
    """
    return _mirrored(part, _reflected(s))


def walk_operations(part: Call, mirror: int, ancillas: Sequence[int]) -> list[Operation]:
    """Return the operations of `walk`: the part in either direction with a flip of the mirror, and the reflection.

    Args:
        part: call of the circuit of the part.
        mirror: wire of the mirror.
        ancillas: wires of the part's ancillas.
    """
    zeros = (mirror, *ancillas)
    # 2 Pi - 1 is a sign of the flagged states, and a sign of all.
    about = Within((Gate("h", mirror),), (Phase(np.pi, zeros, (0,) * len(zeros)),))
    both = [part.controlled((mirror,)), part.inverse().controlled((mirror,), (0,))]
    return [*both, Gate("x", mirror), about, Phase(np.pi)]


def turned(grid: Complex[Array, "... mirror ancilla system"]) -> Array:
    """Apply a Hadamard gate to the mirror, which maps its flag |+> within the circuit to |0> outside and back."""
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

    # The mirrored circuit has the Hermitian part of its block, which differs where A is Hermitian only up to its error.
    def times(v: Vector) -> Vector:
        return (part.matvec(v) + part.rmatvec(v)) / (2 * safe)

    return chebyshev_sum(coeffs, times, x, times(x))


def _mirrored(part: BlockEncoding, s: Mirrored) -> Array:
    return jnp.stack([part.apply(s[1]), part.apply_adjoint(s[0])])


def _reflected(s: Mirrored) -> Array:
    r"""Apply $2|{+},0\rangle\langle{+},0| - 1$ to mirror and ancillas."""
    return (-s).at[:, 0].add((s[0, 0] + s[1, 0])[None])
