r"""The qubitization walk: a step whose powers encode the Chebyshev polynomials of a Hermitian matrix.

A circuit that is its own inverse, followed by a reflection about its flag, turns each eigenvalue $\lambda$ of
$+A/\alpha$ into the eigenphases $e^{\pm i\arccos\lambda}$ of a walk W, and $\langle0|W^k|0\rangle = T_k(A/\alpha)$. Any
circuit becomes its own inverse by one more ancilla, the mirror: $M = |0\rangle\langle1|\otimes U +
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
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import State, contraction
from qla_jax.encodings.base.registers import same_place
from qla_jax.transforms.recurrence import chebyshev_sum
from qla_jax.transforms.robustness import chebyshev_error, recurrence_rounding
from qla_jax.transforms.spectrum import hermitian_error

Vector = Num[Array, " n"]
Mirrored = Complex[Array, "mirror ancilla system"]


class QubitizationWalk(BlockEncoding, kw_only=True):
    r"""$T_k(A/\alpha)$ by k steps; the mirror stands in front of the part's ancillas, turned so that its flag is 0."""

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


@default_promotion
def qubitization_walk(enc: BlockEncoding, *, power: int = 1, hermitian: bool = False) -> QubitizationWalk:
    r"""$T_k(A/\alpha)$ by k steps, 2k calls, A Hermitian: a $(1, a + 1, \min(k^2\epsilon/\alpha, 2))$-block-encoding.

    Where `norm_bound` does not show $\|A\| \le \alpha$, `eps` is `inf`.

    Args:
        enc: square, A Hermitian. It is looked at (`transforms.spectrum`); inside jit what is not gives `eps = inf`.
        power: k, at least 0.
        hermitian: whether you vouch for A to be Hermitian where it is too large to be looked at. Without your word
            `eps` is `inf` there.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: not square, not Hermitian, or a negative power.
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
    """Raises unless `enc` is a block encoding of a square matrix."""
    require_kind("enc", enc, BlockEncoding)
    require(same_place(enc.domain, enc.codomain), f"`enc` must be square, but is {enc.codomain} x {enc.domain}.")


def walk(part: BlockEncoding, s: Mirrored) -> Mirrored:
    """One step."""
    return _reflected(_mirrored(part, s))


def walk_back(part: BlockEncoding, s: Mirrored) -> Mirrored:
    """Its inverse."""
    return _mirrored(part, _reflected(s))


def turned(grid: Complex[Array, "... mirror ancilla system"]) -> Array:
    """A Hadamard on the mirror: between its flag $|+>$ within the circuit and 0 outside."""
    up, down = grid[..., 0, :, :], grid[..., 1, :, :]
    return jnp.stack([up + down, up - down], axis=-3) * float(np.sqrt(0.5))


def hermitian_series(coeffs: Num[Array, " terms"], part: BlockEncoding, x: Vector) -> Vector:
    r"""$\sum_kc_kT_k(A/\alpha)x$ in the encoded view."""
    safe, _ = contraction(part)

    def times(v: Vector) -> Vector:  # what the mirror makes of a part that is Hermitian up to its error only
        return (part.matvec(v) + part.rmatvec(v)) / (2 * safe)

    return chebyshev_sum(coeffs, times, x, times(x))


def _mirrored(part: BlockEncoding, s: Mirrored) -> Array:
    return jnp.stack([part.apply(s[1]), part.apply_adjoint(s[0])])


def _reflected(s: Mirrored) -> Array:
    r"""$2|{+},0\rangle\langle{+},0| - 1$ on mirror and ancillas."""
    return (-s).at[:, 0].add((s[0, 0] + s[1, 0])[None])
