r"""One gate forward, and one gate back: the steps of the adjoint method, in place on large states.

Forward, the gate's matrix acts on the state. Backward, its adjoint acts on the state $\psi$ and its transpose on the
cotangent $\lambda$, and the cotangent of the matrix is $\lambda_i \psi_j$ summed over all other qubits.

Example:
    >>> flip = jnp.array([[0.0, 1.0], [1.0, 0.0]])
    >>> after = push(flip, (0,), False, jnp.array([1.0, 0.0]))
    >>> (before, cotangent), entries = pull(flip, (0,), False, (after, jnp.array([3.0, 4.0])), wanted=True)
    >>> before.tolist(), cotangent.tolist(), entries.tolist()
    ([1.0, 0.0], [4.0, 3.0], [[3.0, 0.0], [4.0, 0.0]])
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax.linalg.qubits import Matrix, overlaps
from qla_jax.variational.blocks import States, Wires, sweep
from qla_jax.variational.unitaries import ParametrizedGate


def has_parameters(gate: ParametrizedGate) -> bool:
    """Return whether a gate has arrays, which have a derivative."""
    return bool(jax.tree.leaves(gate))


def push(matrix: Matrix, wires: Wires, diagonal: bool, state: Array) -> Array:
    """Return the state after a matrix.

    Args:
        matrix: matrix of 2^k rows and columns.
        wires: k qubits, the most significant bit of the matrix first.
        diagonal: True where all entries off the diagonal are zero.
        state: state before the matrix.
    """

    def change(apply: Callable[..., Array], wires: Wires, states: States) -> tuple[States, None]:
        return (apply(matrix, wires, *states, diagonal=diagonal),), None

    return sweep(change, wires, (state,))[0][0]


def pull(matrix: Matrix, wires: Wires, diagonal: bool, pair: States, *, wanted: bool) -> tuple[States, Array | None]:
    """Return state and cotangent before a unitary, and the cotangent of its entries, in one sweep over both.

    Args:
        matrix: unitary of 2^k rows and columns.
        wires: k qubits, the most significant bit of the matrix first.
        diagonal: True where all entries off the diagonal are zero.
        pair: state and cotangent after the unitary.
        wanted: whether the cotangent of the entries is computed.
    """

    def change(apply: Callable[..., Array], wires: Wires, pair: States) -> tuple[States, Array | None]:
        state, cotangent = pair
        behind = overlaps(cotangent, state, wires) if wanted else None
        state = apply(matrix.conj().T, wires, state, diagonal=diagonal)
        return (state, apply(matrix.T, wires, cotangent, diagonal=diagonal)), behind

    pair, behind = sweep(change, wires, pair)
    if behind is None:
        return pair, None
    # The adjoint on the second index turns sums after the gate into sums before it. The product is written entry by
    # entry, since matrix products of this size are slow under vmap.
    return pair, (behind[:, :, None] * matrix.conj()[None]).sum(axis=1)


def cotangent_of(gate: ParametrizedGate, entries: Array | None) -> Any:
    """Return the cotangent of a gate, or the gate itself where it has no parameters.

    Args:
        gate: gate.
        entries: cotangent of the entries of its matrix; None where the gate has no parameters.
    """
    if entries is None:
        return gate
    matrix, back = jax.vjp(lambda gate: gate.matrix(), gate)
    return back(entries.real if jnp.isrealobj(matrix) else entries)[0]
