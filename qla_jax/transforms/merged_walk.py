r"""Polynomials of a Hermitian matrix by merged steps of its walk: half of the calls of `gqet`, two of them controlled.

A merged step is $\mathrm{diag}(W, W^\dagger)$ for the two states of a control. With $W = (2\Pi - 1)U$ and a circuit U
that is its own inverse, a step is one call of U without control between two reflections, of which each state of the
control takes one. Products of merged steps and rotations have a parity. One controlled step on either side makes room
for both parities at once (`phases.merging`).

References:
    Berry, Motlagh, Pantaleoni, Wiebe (2024), steps in either direction. https://arxiv.org/abs/2401.10321
    Motlagh, Wiebe (2024), Theorem 3. https://arxiv.org/abs/2308.01501
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Complex, Float, Num

from qla_jax._checks import has_numbers
from qla_jax.accounting.fold import Use
from qla_jax.accounting.gates import Gates, reflection
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.composites import Within
from qla_jax.circuits.counting import gates_of
from qla_jax.circuits.operations import Gate, Operation, Phase
from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import State, apply_adjoint_of, apply_of
from qla_jax.linalg.hadamard import hadamard
from qla_jax.linalg.products import einsum
from qla_jax.phases.merging import find_merged, first, merges
from qla_jax.phases.solve import TOLERANCE
from qla_jax.polynomials.polynomial import Polynomial
from qla_jax.transforms.eigenvalues import gqet
from qla_jax.transforms.qubitization import Steps, hermitian_series, steps_of, walk_operations
from qla_jax.transforms.robustness import recurrence_rounding, steepest, target_bound, transformed_error
from qla_jax.transforms.spectrum import hermitian_error, in_domain_of

Vector = Num[Array, " n"]
Grid = Complex[Array, "2 ancilla system"]


class MergedWalk(BlockEncoding, kw_only=True):
    r"""Block encoding of $f(A/\alpha)$ for a Hermitian A, with the control in front of the part's ancillas.

    The circuit of the part is its own inverse. Even Chebyshev coefficients of f are real and odd ones imaginary.
    """

    coeffs: Num[Array, " d_plus_1"]
    theta: Float[Array, " d"]
    phi: Float[Array, " d"]
    lam: Float[Array, ""]
    mu: Float[Array, ""]
    steepest: Float[Array, ""]
    part: BlockEncoding

    @jax.jit
    def apply(self, state: State) -> State:
        steps = steps_of(self.part, False, apply_of)
        grid = _phased(hadamard(self._grid(state)), self.lam, self.mu)
        grid = _turned(_controlled(steps.back, grid, self._first), self.theta[0], self.phi[0])

        # A scan over steps is one program for every degree.
        @jax.checkpoint
        def step(s: Grid, angles: Array) -> tuple[Grid, None]:
            return _turned(_merged(steps, s), angles[0], angles[1]), None

        grid, _ = jax.lax.scan(step, grid, self._turns())
        return hadamard(_controlled(steps.ahead, grid, 0)).reshape(state.shape)

    @jax.jit
    def apply_adjoint(self, state: State) -> State:
        steps = steps_of(self.part, False, apply_adjoint_of)
        grid = _controlled(steps.back, hadamard(self._grid(state)), 0)

        @jax.checkpoint
        def step(s: Grid, angles: Array) -> tuple[Grid, None]:
            return _merged(steps, _turned_back(s, angles[0], angles[1])[::-1])[::-1], None

        grid, _ = jax.lax.scan(step, grid, self._turns(), reverse=True)
        grid = _turned_back(grid, self.theta[0], self.phi[0])
        grid = _phased(_controlled(steps.ahead, grid, self._first), -self.lam, -self.mu)
        return hadamard(grid).reshape(state.shape)

    def _grid(self, state: State) -> Grid:
        grid = state.reshape(2, -1, state.shape[-1])
        return grid.astype(jnp.result_type(grid, self.theta, jnp.complex64))

    def _turns(self) -> Float[Array, "steps 2"]:
        return jnp.stack([self.theta[1:], self.phi[1:]], axis=1)

    @jax.jit
    def _matvec(self, x: Vector) -> Vector:
        return hermitian_series(self.coeffs, self.part, x)

    @jax.jit
    def _rmatvec(self, y: Vector) -> Vector:
        return hermitian_series(self.coeffs.conj(), self.part, y)

    def relative_rounding(self, parts: Sequence[Array]) -> Array:
        return recurrence_rounding(self, self._steps + 2, self.steepest, parts[0])

    def hermitian_defect(self) -> Array:
        return 2 * jnp.abs(self.coeffs.imag).sum()

    def uses(self) -> tuple[Use, ...]:
        return Use(self.part, self._steps), Use(self.part, 2, controlled=True)

    @property
    def _steps(self) -> int:
        return len(self.theta) - 1

    @property
    def _first(self) -> int:
        return first(len(self.theta))

    @property
    def _whole(self) -> Float[Array, ""]:
        """Phase of all states: 2 Pi - 1 is a sign of the flagged states, and a sign of all in each merged step."""
        return self.mu + np.pi * (self._steps % 2)

    def gates(self) -> Gates:
        """Return the gates: a rotation and a phase for each merged step, and two reflections with a control."""
        turns = len(self.theta) * gates_of([Gate("ry", 0, 1.0), Phase(1.0, (0,), (0,))])
        lam, whole = map(float, (self.lam, self._whole)) if has_numbers(self.lam, 0) else (1.0, 1.0)
        around = gates_of([Phase(lam, (0,), (0,)), Phase(whole)])
        sign = reflection(self.num_ancillas)
        # The control of a controlled step joins those of its call and of its sign.
        joined = replace(sign, under=sign.controlled + Gates(toffoli=1, cnot=1))
        return turns + around + 2 * self._steps * sign + 2 * joined

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        control, *others = self.ancilla_wires
        call = self.call(self.part, parts[0])
        back, ahead = (
            [operation.controlled((control,), (value,)) for operation in walk_operations(call, others, False)]
            for value in (self._first, 0)
        )
        zeros = (0,) * len(others)
        signs = [Phase(np.pi, (control, *others), (value, *zeros)) for value in (0, 1)]
        turns = [
            (Gate("ry", control, 2 * theta), Phase(phi, (control,), (0,)))
            for theta, phi in zip(np.asarray(self.theta).tolist(), np.asarray(self.phi).tolist(), strict=True)
        ]
        found: list[Operation] = [Phase(float(self.lam), (control,), (0,)), *back[::-1], *turns[0]]
        for turn in turns[1:]:
            found += [signs[1], call, signs[0], *turn]
        found += [*ahead, Phase(float(self._whole))]
        return [Within((Gate("h", control),), tuple(found))]


def walked(enc: BlockEncoding, poly: Polynomial, *, hermitian: bool = False) -> BlockEncoding:
    r"""Encode a polynomial of a Hermitian matrix by merged steps where these have phase factors, else by `gqet`.

    Merged steps need a circuit that is its own inverse by its structure, a concrete polynomial of degree d from 3 to
    200 with real even and imaginary odd coefficients, and phase factors with a residual of at most `TOLERANCE`. They
    take d + 1 calls, two of them controlled.

    Args:
        enc: block encoding of a Hermitian A.
        poly: polynomial below 1.
        hermitian: True to assert that A is Hermitian where it is too large to be checked.
    """
    found = None
    if enc.is_self_inverse and not isinstance(poly.coeffs, jax.core.Tracer):
        coeffs = np.asarray(poly.coeffs)
        found = find_merged(coeffs) if merges(coeffs) else None
    if found is None or not found.residual <= TOLERANCE:
        return gqet(enc, poly, hermitian=hermitian)
    real = enc.alpha.dtype
    residual = jnp.asarray(found.residual, real)
    return MergedWalk(
        alpha=jnp.ones_like(enc.alpha),
        eps=transformed_error(enc, poly, residual, in_domain_of(enc, poly, vouched=False, signed=True))
        + hermitian_error(enc, vouched=hermitian),
        num_ancillas=enc.num_ancillas + 1,
        num_qubits=enc.num_qubits,
        norm_bound=target_bound(poly).astype(real),
        domain=enc.domain,
        codomain=enc.domain,
        coeffs=poly.coeffs.astype(jnp.result_type(real, jnp.complex64)),
        theta=jnp.asarray(found.theta, real),
        phi=jnp.asarray(found.phi, real),
        lam=jnp.asarray(found.lam, real),
        mu=jnp.asarray(found.mu, real),
        steepest=steepest(poly).astype(real),
        part=enc,
    )


def _controlled(step: Callable[[State], State], s: Grid, value: int) -> Grid:
    return jnp.stack([step(half) if place == value else half for place, half in enumerate((s[0], s[1]))])


def _merged(steps: Steps, s: Grid) -> Grid:
    return jnp.stack([steps.ahead(s[0]), steps.back(s[1])])


def _phased(s: Grid, lam: Array, mu: Array) -> Grid:
    factors = jnp.exp(1j * jnp.stack([mu + lam, mu]))
    return factors.astype(s.dtype)[:, None, None] * s


def _turned(s: Grid, theta: Array, phi: Array) -> Grid:
    return einsum("ij,j...->i...", _turn(theta, phi).astype(s.dtype), s)


def _turned_back(s: Grid, theta: Array, phi: Array) -> Grid:
    return einsum("ij,j...->i...", _turn(theta, phi).conj().T.astype(s.dtype), s)


def _turn(theta: Array, phi: Array) -> Complex[Array, "2 2"]:
    cos, sin, up = jnp.cos(theta), jnp.sin(theta), jnp.exp(1j * phi)
    return jnp.stack([jnp.stack([up * cos, -up * sin]), jnp.stack([sin + 0j, cos + 0j])])
