r"""Amplitude estimation as a circuit, gate for gate: Grover operator, controlled powers, inverse Fourier transform.

A circuit U puts amplitude on good basis states, and $Q = U(2|0\rangle\langle0| - 1)U^\dagger(1 - 2\Pi)$ turns by
$2\theta$ in the plane of its good and bad parts. Controlled powers of Q give $M^{-1/2}\sum_y|y\rangle Q^yU|0\rangle$,
and an inverse Fourier transform on the first register, of any length M, turns y into an estimate of the angle. Tests
compare `amplitude_law` with this circuit, and the circuit shows the effect of an approximate U.

References:
    Brassard, Hoyer, Mosca, Tapp (2002), figure 1. https://arxiv.org/abs/quant-ph/0005055
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float

from qla_jax._checks import require, require_kind
from qla_jax._modes import varying_like
from qla_jax.encodings.base.encoding import Encoding, State, with_ancillas
from qla_jax.linalg.sampling import as_whole

Good = Bool[Array, "ancilla system"]


def flag_zero(circuit: Encoding) -> Good:
    """Return the good states of an encoding itself: all ancillas in 0."""
    shape = (1 << circuit.num_ancillas, 1 << circuit.num_qubits)
    return jnp.zeros(shape, bool).at[0].set(True)


def prepared(circuit: Encoding) -> State:
    """Return the state that the circuit prepares from all zeros."""
    start = jnp.zeros(1 << circuit.num_qubits, circuit.alpha.dtype).at[0].set(1)
    return circuit.apply(with_ancillas(start, circuit.num_ancillas))


def good_probability(circuit: Encoding, good: Good | None = None) -> Float[Array, ""]:
    """Return the probability of the good states, which amplitude estimation estimates.

    Args:
        circuit: encoding U whose unitary prepares the state.
        good: good basis states, shape (2^a, 2^n); by default those with all ancillas in 0.
    """
    return _probability(circuit, _as_good(circuit, good))


@jax.jit
def _probability(circuit: Encoding, good: Good) -> Array:
    state = prepared(circuit)
    return jnp.sum(jnp.where(good, jnp.square(state.real) + jnp.square(state.imag), 0))


def grover_operator(circuit: Encoding, good: Good, state: State) -> State:
    r"""Apply the Grover operator $Q = U(2|0\rangle\langle0| - 1)U^\dagger(1 - 2\Pi)$ to a state.

    Args:
        circuit: encoding U.
        good: good basis states, the projector $\Pi$.
        state: state of ancillas and system register.
    """
    state = circuit.apply_adjoint(jnp.where(good, -state, state))
    return circuit.apply((-state).at[0, 0].set(state[0, 0]))


def estimation_circuit(circuit: Encoding, *, points: int, good: Good | None = None) -> Float[Array, " points"]:
    """Return the distribution of the outcomes of amplitude estimation, simulated by its circuit gate for gate.

    Memory grows with M times the size of the state.

    Args:
        circuit: encoding U.
        points: number of points M, at least 1.
        good: good basis states, shape (2^a, 2^n); by default those with all ancillas in 0.

    Returns:
        Probabilities of the outcomes 0, ..., M - 1.

    Raises:
        TypeError: `circuit` is not an encoding.
        ValueError: no integer or no points, or `good` of another shape.

    Example:
        >>> estimation_circuit(qla.vector_encode(jnp.array([1.0, 1.0])), points=4).round(6).tolist()  # a = 1
        [0.0, 0.0, 1.0, 0.0]
    """
    good, points = _as_good(circuit, good), as_whole("points", points)
    require(points >= 1, f"`points` must be at least 1, but is {points}.")
    return _outcomes(circuit, good, points)


@partial(jax.jit, static_argnums=2)
def _outcomes(circuit: Encoding, good: Good, points: int) -> Array:
    def step(state: State, _: Any) -> tuple[State, State]:
        return grover_operator(circuit, good, state), state

    _, powers = jax.lax.scan(step, varying_like(prepared(circuit), circuit, good), length=points)
    outcomes = jnp.fft.fft(powers, axis=0) / points  # minus in the exponent: the inverse quantum Fourier transform
    return jnp.sum(jnp.square(outcomes.real) + jnp.square(outcomes.imag), axis=(1, 2))


def _as_good(circuit: Encoding, good: Good | None) -> Good:
    require_kind("circuit", circuit, Encoding)
    if good is None:
        return flag_zero(circuit)
    shape = (1 << circuit.num_ancillas, 1 << circuit.num_qubits)
    marked = jnp.asarray(good, bool)
    require(marked.shape == shape, f"`good` must have shape {shape}, but has shape {marked.shape}.")
    return marked
