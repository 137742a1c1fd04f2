r"""State preparation: a tree of multiplexed rotations, and the reflection that has a state as its first column.

The tree rotates qubit by qubit into the norms of the halves, quarters, ... of the vector (Mottonen et al., section 5),
and a diagonal adds the phases of complex entries. Where the numbers are weights and not data, equal angles share their
rotation (`circuits.lean`), so that equal weights take Hadamard gates alone.

Example:
    >>> from qla_jax.circuits import Circuit, to_matrix
    >>> operations = tree_operations(np.array([0.6, 0.0, 0.0, 0.8j]), (0, 1))
    >>> to_matrix(Circuit(2, operations))[:, 0].round(3).tolist()
    [(0.6+0j), 0j, 0j, 0.8j]

References:
    Mottonen, Vartiainen, Bergholm, Salomaa (2004). https://arxiv.org/abs/quant-ph/0407010
"""

from collections.abc import Sequence

import numpy as np

from qla_jax.accounting.gates import Gates
from qla_jax.circuits.composites import DiagonalPhases, MultiplexedRotation, Within, inverted
from qla_jax.circuits.counting import gates_of
from qla_jax.circuits.lean import lean_rotation
from qla_jax.circuits.operations import Operation, Phase


def tree_operations(state: np.ndarray, wires: Sequence[int], index: Sequence[int] = ()) -> tuple[Operation, ...]:
    """Return operations that prepare a state from |0>, or one for each value of an index.

    Args:
        state: unit vector of 2^k entries, real or complex; rows of them where there is an index.
        wires: k wires, the most significant first.
        index: wires of the index.

    Example:
        >>> from qla_jax.circuits import Circuit, count
        >>> state = np.full(8, 8**-0.5)
        >>> [count(Circuit(3, tree_operations(state * phase, (0, 1, 2)))).rotations for phase in (1, 1j)]
        [7, 14]

    References:
        Mottonen, Vartiainen, Bergholm, Salomaa (2004). https://arxiv.org/abs/quant-ph/0407010
    """
    wires, index, state = tuple(wires), tuple(index), np.asarray(state).reshape(-1)
    signed = np.isrealobj(state)
    found: list[Operation] = [
        MultiplexedRotation("y", angles, (*index, *wires[:level]), wire)
        for level, (wire, angles) in enumerate(zip(wires, _angles(state, len(wires)), strict=True))
    ]
    angles = np.angle(state)
    if (not signed or not wires) and angles.any():
        found.append(DiagonalPhases(angles, (*index, *wires)))
    return tuple(found)


def lean_tree_operations(state: np.ndarray, wires: Sequence[int]) -> tuple[Operation, ...]:
    """Return operations of the same tree of a real state, where equal angles share their rotation.

    Args:
        state: unit vector of 2^k real entries.
        wires: k wires, the most significant first.
    """
    levels = enumerate(_angles(np.asarray(state, float), len(wires)))
    return tuple(part for at, angles in levels for part in lean_rotation(angles, wires[:at], wires[at]))


def lean_tree_gates(state: np.ndarray) -> Gates:
    """Return the gates of `lean_tree_operations`.

    Args:
        state: unit vector of 2^k real entries.
    """
    wires = range((len(state) - 1).bit_length())
    return gates_of(lean_tree_operations(state, wires))


def reflection_operations(state: np.ndarray, wires: Sequence[int], index: Sequence[int] = ()) -> tuple[Operation, ...]:
    r"""Return operations of the reflection whose first column is a state, as `qla_jax.linalg.preparation` defines it.

    With $b = e^{-i\theta}v$, $b_0 \ge 0$, and the unit vector w along $b + e_0$ it is $e^{i\theta}(2ww^\dagger - 1)$:
    two trees around a sign of |0>.

    Args:
        state: unit vector of 2^k entries, real or complex; rows of them where there is an index.
        wires: k wires, the most significant first.
        index: wires of the index.

    Example:
        >>> from qla_jax.circuits import Circuit, to_matrix
        >>> to_matrix(Circuit(1, reflection_operations(np.array([0.6, 0.8]), (0,)))).real.round(12).tolist()
        [[0.6, 0.8], [0.8, -0.6]]
    """
    wires, index = tuple(wires), tuple(index)
    rows = np.asarray(state).reshape(-1, 1 << len(wires))
    theta = np.where(rows[:, 0] == 0, 0, np.angle(rows[:, 0]))
    along = rows * (np.exp(-1j * theta) if np.iscomplexobj(rows) else np.cos(theta))[:, None]
    along[:, 0] += 1  # not b - e_0, which vanishes at b = e_0
    # Full trees, so that the gates of loaded data do not depend on the data.
    prepared = tree_operations(along / np.linalg.norm(along, axis=1, keepdims=True), wires, index)
    sign = Phase(np.pi, wires, (0,) * len(wires))
    return Within(inverted(prepared), (sign,)), DiagonalPhases(np.pi + theta, index)


def _angles(state: np.ndarray, levels: int) -> list[np.ndarray]:
    """Return the angles of each level of the tree, from the root down."""
    norms = [np.asarray(state, float) if np.isrealobj(state) else np.abs(state)]
    for _ in range(levels):
        norms.append(np.hypot(*norms[-1].reshape(-1, 2).T))
    # The last rotation of a real vector has its signs; all norms above are not negative.
    pairs = [each.reshape(-1, 2).T for each in norms[:levels]]
    return [2 * np.arctan2(one, zero) for zero, one in reversed(pairs)]
