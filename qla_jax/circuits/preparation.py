r"""State preparation: a tree of multiplexed rotations, and the reflection that has a state as its first column.

The tree rotates qubit by qubit into the norms of the halves, quarters, ... of the vector (Mottonen et al., section 5),
and a diagonal adds the phases of complex entries.

Example:
    >>> operations = tree(np.array([0.6, 0.0, 0.0, 0.8j]), (0, 1))
    >>> Circuit(2, operations).unitary()[:, 0].round(3).tolist()
    [(0.6+0j), 0j, 0j, 0.8j]

References:
    Mottonen, Vartiainen, Bergholm, Salomaa (2004). https://arxiv.org/abs/quant-ph/0407010
"""

from collections.abc import Sequence

import numpy as np

from qla_jax.circuits.composites import Diagonal, Rotations, Within, inverted
from qla_jax.circuits.operations import Operation, Phase


def tree(state: np.ndarray, wires: Sequence[int]) -> tuple[Operation, ...]:
    """Return operations that prepare a state from |0>.

    Args:
        state: unit vector of 2^k entries, real or complex.
        wires: k wires, the most significant first.
    """
    signed = np.isrealobj(state)
    norms = [np.asarray(state, float) if signed else np.abs(state)]
    for _ in wires:
        norms.append(np.hypot(*norms[-1].reshape(-1, 2).T))
    found: list[Operation] = []
    for level, wire in enumerate(wires):
        # The last rotation of a real vector has its signs; all norms above are not negative.
        zero, one = norms[len(wires) - 1 - level].reshape(-1, 2).T
        found.append(Rotations("y", 2 * np.arctan2(one, zero), tuple(wires[:level]), wire))
    if (not signed and np.any(np.imag(state))) or (not signed and np.any(np.real(state) < 0)):
        found.append(Diagonal(np.angle(state), tuple(wires)))
    elif not wires and signed and state[0] < 0:
        found.append(Phase(np.pi))
    return tuple(found)


def reflection(state: np.ndarray, wires: Sequence[int]) -> tuple[Operation, ...]:
    r"""Return operations of the reflection whose first column is a state, as `qla_jax.linalg.preparation` defines it.

    With $b = e^{-i\theta}v$, $b_0 \ge 0$, and the unit vector w along $b + e_0$ it is $e^{i\theta}(2ww^\dagger - 1)$: two
    trees around a sign of |0>.

    Args:
        state: unit vector of 2^k entries, real or complex.
        wires: k wires, the most significant first.
    """
    state, wires = np.asarray(state), tuple(wires)
    theta = float(np.angle(state[0])) if state[0] != 0 else 0.0
    along = state * np.exp(-1j * theta) if theta else state.astype(state.dtype)
    if np.isrealobj(state) and theta:
        along = along.real
    along = along.copy()
    along[0] += 1
    prepared = tree(along / np.linalg.norm(along), wires)
    sign = Phase(np.pi, wires, (0,) * len(wires))
    return Within(inverted(prepared), (sign,)), Phase(np.pi + theta)
