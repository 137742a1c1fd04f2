r"""Generalized quantum eigenvalue transformation (GQET): complex polynomials of any parity of a Hermitian matrix.

The qubitized walk W of a Hermitian A has $\langle0|W^k|0\rangle = T_{|k|}(A/\alpha)$, so that the Laurent polynomial
$\sum_k c_kT_k = \sum_k \frac{c_k}2(z^k + z^{-k})$ of W is $f(A/\alpha)$. Generalized quantum signal processing encodes
this polynomial with one control qubit: d forward steps where it is 0, d backward steps where it is 1.

Calls without a control cannot replace the controlled ones for a polynomial without parity. The circuit of $-A/\alpha$
is -U, so that a circuit with n calls of U and no controlled one is multiplied by $(-1)^n$, and f has the parity of n.
Two controlled calls are enough for polynomials such as those of $e^{-ix}$ (`transforms.merged_walk`).

References:
    Motlagh, Wiebe (2024), Theorems 3 and 6. https://arxiv.org/abs/2308.01501
    Sunderhauf (2023), generalized quantum singular value transformation. https://arxiv.org/abs/2312.00723
"""

from collections.abc import Sequence
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Complex, Float, Num

from qla_jax._checks import has_numbers
from qla_jax._modes import default_promotion
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates, reflection
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.composites import Within, inverted
from qla_jax.circuits.counting import gates_of
from qla_jax.circuits.operations import Gate, Operation, Phase
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import State, apply_adjoint_of, apply_of
from qla_jax.linalg.products import einsum
from qla_jax.phases.gqsp import find
from qla_jax.phases.solve import TOLERANCE
from qla_jax.polynomials.foreign import as_chebyshev
from qla_jax.polynomials.polynomial import Polynomial, polynomial
from qla_jax.transforms.qubitization import (
    calls_in_step,
    closed,
    hermitian_series,
    mirror_operations,
    opened,
    require_square,
    steps_of,
    walk_operations,
)
from qla_jax.transforms.robustness import recurrence_rounding, steepest, target_bound, transformed_error
from qla_jax.transforms.spectrum import hermitian_error, in_domain_of

Vector = Num[Array, " n"]
Grid = Complex[Array, "control *mirror ancilla system"]


class GQET(BlockEncoding, kw_only=True):
    r"""Block encoding of $f(A/\alpha)$ for a Hermitian A, with one or two ancillas in front of the part's ancillas.

    The first is the control qubit. The second is the mirror, which makes the part's circuit its own inverse; a circuit
    that is its own inverse by its structure needs none.
    """

    coeffs: Num[Array, " d_plus_1"]
    theta: Float[Array, " two_d_plus_1"]
    phi: Float[Array, " two_d_plus_1"]
    lam: Float[Array, ""]
    steepest: Float[Array, ""]
    mirrored: bool = struct.field(pytree_node=False)
    part: BlockEncoding

    @jax.jit
    def apply(self, state: State) -> State:
        steps = steps_of(self.part, self.mirrored, apply_of)
        grid = _rotate(self._grid(state), _rotation(self.theta[0], self.phi[0], self.lam))

        # One forward step and one backward step make a pair; a scan over pairs is one program for every degree.
        @jax.checkpoint
        def pair(s: Grid, angles: Array) -> tuple[Grid, None]:
            s = _rotate(jnp.stack([steps.ahead(s[0]), s[1]]), _rotation(angles[0, 0], angles[0, 1]))
            return _rotate(jnp.stack([s[0], steps.back(s[1])]), _rotation(angles[1, 0], angles[1, 1])), None

        grid, _ = jax.lax.scan(pair, grid, self._pairs())
        return closed(grid, self.mirrored).reshape(state.shape)

    @jax.jit
    def apply_adjoint(self, state: State) -> State:
        steps = steps_of(self.part, self.mirrored, apply_adjoint_of)

        @jax.checkpoint
        def pair(s: Grid, angles: Array) -> tuple[Grid, None]:
            s = _rotate(s, _rotation(angles[1, 0], angles[1, 1]).conj().T)
            s = _rotate(jnp.stack([s[0], steps.ahead(s[1])]), _rotation(angles[0, 0], angles[0, 1]).conj().T)
            return jnp.stack([steps.back(s[0]), s[1]]), None

        grid, _ = jax.lax.scan(pair, self._grid(state), self._pairs(), reverse=True)
        grid = _rotate(grid, _rotation(self.theta[0], self.phi[0], self.lam).conj().T)
        return closed(grid, self.mirrored).reshape(state.shape)

    def _grid(self, state: State) -> Grid:
        return jax.vmap(lambda s: opened(s, self.mirrored, self.theta))(state.reshape(2, -1, state.shape[-1]))

    def _pairs(self) -> Float[Array, "d 2 2"]:
        return jnp.stack([self.theta[1:], self.phi[1:]], axis=1).reshape(-1, 2, 2)

    @jax.jit
    def _matvec(self, x: Vector) -> Vector:
        return hermitian_series(self.coeffs, self.part, x)

    @jax.jit
    def _rmatvec(self, y: Vector) -> Vector:
        return hermitian_series(self.coeffs.conj(), self.part, y)

    def relative_rounding(self, parts: Sequence[Array]) -> Array:
        return recurrence_rounding(self, calls_in_step(self.mirrored) * self._steps, self.steepest, parts[0])

    def hermitian_defect(self) -> Array:
        return 2 * jnp.abs(self.coeffs.imag).sum()

    def uses(self) -> tuple[Use, ...]:
        return (Use(self.part, self._steps, self._steps if self.mirrored else 0, controlled=True),)

    @property
    def _steps(self) -> int:
        return len(self.theta) - 1

    def gates(self) -> Gates:
        """Return the gates: a rotation and a phase for each unitary of the control qubit, and a reflection per step."""
        # A quarter turn is no rotation. Such are all phases of a real polynomial, and of the series of exp(-ix).
        known = has_numbers(self.phi, 1)
        phased = [_phase_gates(phi) for phi in np.asarray(self.phi).tolist()] if known else len(self.theta) * [_PHASE]
        turns = sum(phased, len(self.theta) * _TURN)
        # Calls and reflections have one control anyway, which joins the other.
        sign = reflection(self.num_ancillas)
        joined = replace(sign, under=sign.controlled + Gates(toffoli=calls_in_step(self.mirrored)))
        return turns + self._steps * joined

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        control, *others = self.ancilla_wires
        step = walk_operations(self.call(self.part, parts[0]), others, self.mirrored)
        back = inverted(step) if self.mirrored else step[::-1]  # one circuit is called where it is its own inverse
        theta, phi = np.asarray(self.theta), np.asarray(self.phi)
        turns = [_turn_operations(*angles, control) for angles in zip(theta.tolist(), phi.tolist(), strict=True)]
        mirror = mirror_operations(others, self.mirrored)
        found: list[Operation] = [Phase(float(self.lam), (control,), (0,)), *turns[0]]
        for place, turn in enumerate(turns[1:]):
            forward = place % 2 == 0
            run = step if forward else back
            found += [part.controlled((control,), (0 if forward else 1,)) for part in run]
            found += turn
        return [Within(tuple(mirror), tuple(found))]


@default_promotion
def gqet(enc: BlockEncoding, poly: Polynomial | ArrayLike, *, in_domain: bool = False, hermitian: bool = False) -> GQET:
    r"""Encode any polynomial of a Hermitian matrix: a $(1, a + 1, \epsilon')$-block-encoding of $f(A/\alpha)$.

    A polynomial of degree d takes 2d steps of the walk. Each step is one controlled call of a circuit that is its own
    inverse by its structure (`is_self_inverse`), as for Pauli words with real coefficients. A step calls any other
    circuit and its inverse, 4d calls in all, and takes one ancilla more. The error is the sum of the polynomial's error
    bound, the residual of the phase factors, and the effect of the part's error, at most
    $\sum_k|c_k|\min(k^2\delta, 2)$ with $\delta = \epsilon/\alpha$ as for `qsvt`.

    Args:
        enc: block encoding of a Hermitian A. Small matrices are checked (`transforms.spectrum`); inside jit a matrix
            that is not Hermitian gives `eps = inf`.
        poly: `Polynomial` below 1 of any parity, or Chebyshev coefficients, real or complex. A polynomial of NumPy is
            converted. A function is interpolated, with `eps = inf`, since samples prove nothing.
        in_domain: True to assert that the spectrum of $A/\alpha$ lies in the polynomial's domain, needed where that
            domain is not all of [-1, 1] and A is too large to be checked; otherwise `eps` is `inf` there.
        hermitian: True to assert that A is Hermitian where it is too large to be checked; otherwise `eps` is `inf`.

    Raises:
        TypeError: `enc` is not a block encoding.
        ValueError: a matrix that is not square or not Hermitian, or coefficients that `gqsp_phase_factors` rejects: not
            finite, or of size 1 or more on [-1, 1].

    Example:
        >>> enc = block_encode_pauli({"Z": 0.6, "X": 0.8})  # alpha = 1.4
        >>> found = gqet(enc, [0.1, 0.5, 0.2j])
        >>> a = block(enc) / enc.alpha
        >>> bool(jnp.allclose(block(found), 0.1 * jnp.eye(2) + 0.5 * a + 0.2j * (2 * a @ a - jnp.eye(2))))
        True

    References:
        Motlagh, Wiebe (2024), Theorems 3 and 6. https://arxiv.org/abs/2308.01501
    """
    require_square(enc)
    poly = as_chebyshev(poly)
    if not isinstance(poly, Polynomial):
        poly = polynomial(poly, "none")
    # Concrete coefficients stay NumPy arrays also inside jit: their angles are then computed once, in double precision.
    xp, coeffs = (jnp, poly.coeffs) if isinstance(poly.coeffs, jax.core.Tracer) else (np, np.asarray(poly.coeffs))
    laurent = xp.concatenate([coeffs[:0:-1] / 2, coeffs[:1], coeffs[1:] / 2])
    found = find(laurent, TOLERANCE)
    real = enc.alpha.dtype
    dtype = real if jnp.isrealobj(poly.coeffs) else jnp.result_type(real, jnp.complex64)
    mirrored = not enc.is_self_inverse
    return GQET(
        alpha=jnp.ones_like(enc.alpha),
        eps=transformed_error(enc, poly, found.residual, in_domain_of(enc, poly, vouched=in_domain, signed=True))
        + hermitian_error(enc, vouched=hermitian),
        num_ancillas=enc.num_ancillas + 1 + mirrored,
        num_qubits=enc.num_qubits,
        norm_bound=target_bound(poly).astype(real),
        domain=enc.domain,
        codomain=enc.domain,
        coeffs=poly.coeffs.astype(dtype),
        theta=found.theta.astype(real),
        phi=found.phi.astype(real),
        lam=found.lam.astype(real),
        steepest=steepest(poly).astype(real),
        mirrored=mirrored,
        part=enc,
    )


def _rotation(theta: Array, phi: Array, lam: ArrayLike = 0.0) -> Complex[Array, "2 2"]:
    up, down = jnp.exp(1j * phi), jnp.exp(1j * jnp.asarray(lam))
    cos, sin = jnp.cos(theta), jnp.sin(theta)
    return jnp.stack([jnp.stack([up * down * cos, up * sin]), jnp.stack([down * sin, -cos + 0j])])


def _rotate(grid: Grid, matrix: Complex[Array, "2 2"]) -> Grid:
    return einsum("ij,j...->i...", matrix.astype(grid.dtype), grid)


def _turn_operations(theta: float, phi: float, control: int) -> tuple[Operation, ...]:
    return Gate("z", control), Gate("ry", control, 2 * theta), Phase(phi, (control,), (0,))


def _phase_gates(phi: float) -> Gates:
    return gates_of([Phase(phi, (0,), (0,))])


_TURN, _PHASE = gates_of([Gate("z", 0), Gate("ry", 0, 1.0)]), _phase_gates(1.0)
