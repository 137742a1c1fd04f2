"""Measurement in the basis of a random Clifford circuit, which is the basis of a random stabilizer group.

A uniformly random Clifford circuit before a measurement of all qubits measures n commuting, independent Pauli operators
that generate a uniformly random maximal stabilizer group. The generators are drawn one after another, each uniformly
among all operators that commute with the earlier ones and are not in their span. They are measured one after another,
and the state after all measurements is the snapshot. A draw lists all $4^n$ Pauli operators, so n must be small.

References:
    Aaronson, Gottesman (2004), on stabilizer states and their number. https://arxiv.org/abs/quant-ph/0406196
    Huang, Kueng, Preskill (2020), section 5 of the supplement. https://arxiv.org/abs/2002.08953
"""

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Complex, Int

from qla_jax.linalg.pauli import flip_and_sign, phase
from qla_jax.linalg.products import vdot

MOST_QUBITS = 6

State = Complex[Array, " states"]


def generators(qubits: int, *, key: Array) -> Int[Array, " qubits"]:
    """Draw generators of a uniformly random maximal stabilizer group.

    Args:
        qubits: number n of qubits.
        key: random key of the draw.

    Returns:
        Pauli operators as integers of 2n bits, x bits before z bits.
    """
    everything = jnp.arange(1 << 2 * qubits)
    commuting, spanned = jnp.ones(everything.shape, bool), everything == 0
    drawn = []
    for step in range(qubits):
        allowed = jnp.where(commuting & ~spanned, 0.0, -jnp.inf)
        chosen = jax.random.categorical(jax.random.fold_in(key, step), allowed)
        drawn.append(chosen)
        commuting &= _parity(symplectic(everything, chosen, qubits)) == 0
        spanned |= spanned[everything ^ chosen]
    return jnp.stack(drawn)


def symplectic(left: Array, right: Array, qubits: int) -> Array:
    """Return the bits whose parity says whether two Pauli operators anticommute.

    Args:
        left: Pauli operators as integers, x bits before z bits.
        right: Pauli operators as integers, x bits before z bits.
        qubits: number of qubits.
    """
    mask = (1 << qubits) - 1
    return ((left >> qubits) & right & mask) | (((left & mask) & (right >> qubits)) << qubits)


def measured(state: State, group: Int[Array, " qubits"], *, key: Array) -> State:
    """Measure the generators one after another, each outcome with its probability, and return the state afterwards.

    Args:
        state: unit vector before the measurement.
        group: generators, as `generators` returns them.
        key: random key of the outcomes.
    """
    qubits = group.size
    for step in range(qubits):
        turned = pauli(group[step], state, qubits)
        plus = (1 + vdot(state, turned).real) / 2
        u = jax.random.uniform(jax.random.fold_in(key, step), (), plus.dtype)
        state = (state + jnp.where(u < plus, 1, -1) * turned) / 2
        state = state / jnp.linalg.norm(state)
    return state


def pauli(number: Array, state: State, qubits: int) -> State:
    r"""Apply the Pauli operator $i^{x\cdot z}X^xZ^z$ to a state.

    Args:
        number: bits x before bits z, as one integer.
        state: state of the qubits.
        qubits: number of qubits.
    """
    x, z = number >> qubits, number & ((1 << qubits) - 1)
    return phase(x, z, state.dtype) * flip_and_sign(x.astype(jnp.uint32), z.astype(jnp.uint32), state)


def _parity(bits: Array) -> Array:
    return jax.lax.population_count(bits) % 2
