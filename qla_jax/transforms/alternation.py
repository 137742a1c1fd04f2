r"""Circuit of singular value transformations: U and its inverse in alternation, with phases on flags in between.

The circuit, read from the right, is
$$e^{i\phi_0 Z_{out}}\,U\,e^{i\phi_1Z_{in}}\,U^\dagger\,e^{i\phi_2Z_{out}}\,U \cdots e^{i\phi_dZ_{in}}$$
where $Z = 2\Pi - 1$ of a projector $\Pi$ on basis states, the flag. One more qubit in front reverses the sign of the
phases in half of the state. A Hadamard gate on either side of the circuit leaves the real part of the flagged block.

References:
    Gilyen, Su, Low, Wiebe (2018), Definition 15, Theorem 17, Corollary 18. https://arxiv.org/abs/1806.01838
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Complex, Float

from qla_jax.accounting.fold import Use
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.composites import Within
from qla_jax.circuits.operations import Gate, Operation
from qla_jax.encodings.base.encoding import Encoding, State
from qla_jax.linalg.hadamard import hadamard

Branches = Complex[Array, "2 ancilla system"]
Flag = Bool[np.ndarray, "ancilla #system"]


class Flags(NamedTuple):
    """Flags of the basis states after U (`out`) and before U (`into`)."""

    out: Flag
    into: Flag


def ancilla_flag(part: Encoding) -> Flag:
    """Return the flag of the states with all ancillas in |0> and any system state."""
    return (np.arange(1 << part.num_ancillas) == 0)[:, None]


def origin_flag(part: Encoding) -> Flag:
    """Return the flag of the state with all ancillas and the whole system in |0>."""
    return ancilla_flag(part) & (np.arange(1 << part.num_qubits) == 0)


class Alternation(Encoding, kw_only=True):
    """Base class of singular value transformations of matrices and of vectors, which differ in their flags."""

    phases: Float[Array, " d_plus_1"]
    part: Encoding

    @property
    @abstractmethod
    def flags(self) -> Flags:
        """Flags of the basis states after the part and before the part."""

    @jax.jit
    def apply(self, state: State) -> State:
        return alternate(self.part, self.phases, self.flags, state)

    @jax.jit
    def apply_adjoint(self, state: State) -> State:
        return alternate_adjoint(self.part, self.phases, self.flags, state)

    def uses(self) -> tuple[Use, ...]:
        degree = len(self.phases) - 1
        return Use(self.part, degree // 2, degree // 2, paired=True), Use(self.part, degree % 2)

    def operations(self, parts: Sequence[Circuit]) -> list[Operation]:
        angles = np.asarray(self.phases)[::-1]
        forward = self.call(self.part, parts[0])
        flags = [self._flagged(flag) for flag in self.flags]
        found: list[Operation] = [*self._turned(flags[1], angles[0])]
        # In pairs of calls, so that a control reaches what is between them alone.
        for out, into in zip(angles[1::2], angles[2::2], strict=False):
            found += [Within((forward,), tuple(self._turned(flags[0], out))), *self._turned(flags[1], into)]
        if len(angles) % 2 == 0:
            found += [forward, *self._turned(flags[0], angles[-1])]
        return [Within((Gate("h", 0),), tuple(found))]

    def _flagged(self, flag: Flag) -> tuple[int, ...]:
        """Return the wires that are all 0 in the flagged states: those of the ancillas, or of the system too."""
        return tuple(range(1, 1 + self.part.num_ancillas + (self.part.num_qubits if flag.shape[1] > 1 else 0)))

    def _turned(self, zeros: tuple[int, ...], angle: float) -> list[Operation]:
        # With C a NOT of the qubit in front on flagged states, C Z C = -Z (2 Pi - 1), so that the phases of
        # exp(i phi Z (2 Pi - 1)) are one rotation between two C.
        flip = Gate("x", 0, controls=zeros, values=(0,) * len(zeros))
        return [Within((flip,), (Gate("rz", 0, float(2 * angle)),))]


def alternate(part: Encoding, phases: Float[Array, " d_plus_1"], flags: Flags, state: State) -> State:
    """Run the alternating circuit on a state of shape (2^(1 + a), 2^n).

    Args:
        part: encoding that is called d times.
        phases: phase factors in the reflection convention.
        flags: flags after and before the part.
        state: state with the qubit of the real part in front of the part's ancillas.
    """
    steps, odd = phases[:-1][::-1], len(phases) % 2 == 0
    branches = _turn(hadamard(_branches(state, phases)), phases[-1], flags.into)

    # A scan over pairs of calls is one program for every degree. The checkpoint recomputes states in the reverse pass,
    # so that its memory holds one state per pair.
    @jax.checkpoint
    def pair(s: Branches, angles: Array) -> tuple[Branches, None]:
        s = _turn(jax.vmap(part.apply)(s), angles[0], flags.out)
        return _turn(jax.vmap(part.apply_adjoint)(s), angles[1], flags.into), None

    branches, _ = jax.lax.scan(pair, branches, steps[: len(steps) - odd].reshape(-1, 2))
    if odd:
        branches = _turn(jax.vmap(part.apply)(branches), steps[-1], flags.out)
    return hadamard(branches).reshape(state.shape)


def alternate_adjoint(part: Encoding, phases: Float[Array, " d_plus_1"], flags: Flags, state: State) -> State:
    """Run the inverse of the alternating circuit on a state of shape (2^(1 + a), 2^n).

    Args:
        part: encoding that is called d times.
        phases: phase factors in the reflection convention.
        flags: flags after and before the part.
        state: state with the qubit of the real part in front of the part's ancillas.
    """
    branches, steps, odd = hadamard(_branches(state, phases)), phases[:-1], len(phases) % 2 == 0
    if odd:
        branches = jax.vmap(part.apply_adjoint)(_turn(branches, -steps[0], flags.out))

    @jax.checkpoint
    def pair(s: Branches, angles: Array) -> tuple[Branches, None]:
        s = jax.vmap(part.apply)(_turn(s, -angles[0], flags.into))
        return jax.vmap(part.apply_adjoint)(_turn(s, -angles[1], flags.out)), None

    branches, _ = jax.lax.scan(pair, branches, steps[int(odd) :].reshape(-1, 2))
    return hadamard(_turn(branches, -phases[-1], flags.into)).reshape(state.shape)


def _branches(state: State, phases: Array) -> Branches:
    grid = state.reshape(2, -1, state.shape[-1])
    return grid.astype(jnp.result_type(grid, phases, jnp.complex64))


def _turn(branches: Branches, angle: Array, flag: Flag) -> Branches:
    up = _turned_by(angle)
    down = up.conj()
    return jnp.stack([jnp.where(flag, up, down), jnp.where(flag, down, up)]).astype(branches.dtype) * branches


def _turned_by(angle: Array) -> Array:
    r"""Return $e^{i\phi}$ with the quarter turns in it computed exactly."""
    # Phases of the reflection convention are near +-pi/2, where all of them are wrong by the 6e-17 that the floating
    # point number next to pi/2 lacks. At singular value 1 these errors add up, and were most of a circuit's rounding.
    quarters = jax.lax.stop_gradient(jnp.round(angle / (np.pi / 2)))
    rest = jnp.exp(1j * (angle - quarters * (np.pi / 2)))
    exact = jnp.asarray(np.array([1, 1j, -1, -1j]), rest.dtype)[quarters.astype(jnp.int32) % 4]
    return rest * exact
