r"""Isometries: columns of a unitary, of which only those of the inputs |0...0>|j> matter.

One cosine-sine decomposition for each qubit that starts in |0> splits the isometry by the value of this qubit. Before
it a unitary of the $2^m$ inputs acts, and after it an isometry with one qubit fewer that starts in |0>. An isometry
from m to n qubits takes $2^{n+m+1} - 4^m - 1$ rotations, as many as it has parameters besides its phase: $4^n - 1$ for
a unitary, and $2^{n+1} - 2$ for a state.

Example:
    >>> from qla_jax.circuits import Circuit, count, to_matrix
    >>> columns = np.array([[0.6, 0.0], [0.8, 0.0], [0.0, 1j], [0.0, 0.0]])
    >>> circuit = Circuit(2, isometry_operations(columns, (0, 1)))
    >>> bool(np.abs(to_matrix(circuit)[:, :2] - columns).max() < 1e-14), count(circuit).rotations
    (True, 11)

References:
    Iten, Colbeck, Kukuljan, Home, Christandl (2016), Quantum circuits for isometries. https://arxiv.org/abs/1501.06911
    Mottonen, Vartiainen, Bergholm, Salomaa (2004). https://arxiv.org/abs/quant-ph/0404089
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import cossin

from qla_jax._checks import require
from qla_jax.circuits.composites import DiagonalPhases, MultiplexedRotation, Within, inverted
from qla_jax.circuits.operations import Operation, Phase, require_disjoint
from qla_jax.circuits.synthesis import Factor, factors
from qla_jax.linalg.products import matmul


def isometry_operations(columns: ArrayLike, wires: Sequence[int]) -> tuple[Operation, ...]:
    r"""Return operations that map |j> to column j, for each j below the number of columns.

    Args:
        columns: orthonormal columns of $2^n$ entries, real or complex. If their number is no power of two, columns are
            added.
        wires: n wires, the most significant first.

    Raises:
        ValueError: columns that are not orthonormal, or of another size.

    Example:
        >>> from qla_jax.circuits import Circuit, count
        >>> [count(Circuit(3, isometry_operations(np.eye(8)[:, :size], (0, 1, 2)))).rotations for size in (1, 2, 4, 8)]
        [14, 27, 47, 63]

    References:
        Iten, Colbeck, Kukuljan, Home, Christandl (2016). https://arxiv.org/abs/1501.06911
    """
    require_disjoint((), wires)
    found: list[Operation] = []
    isometry = _as_isometry(columns, len(wires))
    fresh = len(wires) - (isometry.shape[1].bit_length() - 1)
    pending = np.zeros((2,) * len(wires))
    started = 0  # the qubits before this one, and those that have no fresh start, are no longer |0>
    for turn in _factors(isometry[None], fresh):
        # A qubit that is still |0> is no index of anything, and its phase is that of either value.
        held = [place < started or place >= fresh for place in range(len(wires))]
        if turn.qubit is None:
            pending = pending + turn.angles.reshape([2 if each else 1 for each in held])
            continue
        on = tuple(wire for place, wire in enumerate(wires) if held[place] and place != turn.qubit)
        if turn.qubit == started < fresh:
            started += 1  # a phase of |0> is one of the others, and waits
        else:
            zero, one = np.moveaxis(pending, turn.qubit, 0)
            pending = np.stack([(zero + one) / 2] * 2, axis=turn.qubit)
            kept = tuple(slice(None) if each else 0 for place, each in enumerate(held) if place != turn.qubit)
            found.append(MultiplexedRotation("z", (one - zero)[kept].reshape(-1), on, wires[turn.qubit]))
        found.append(MultiplexedRotation("y", turn.angles.reshape(-1), on, wires[turn.qubit]))
    return (*found, DiagonalPhases(pending.reshape(-1), tuple(wires)))


def span_reflection_operations(columns: ArrayLike, wires: Sequence[int]) -> tuple[Operation, ...]:
    r"""Return operations of the reflection $2VV^\dagger - 1$ about the span of orthonormal columns V.

    Args:
        columns: orthonormal columns of $2^n$ entries, as many as a power of two.
        wires: n wires, the most significant first.

    Raises:
        ValueError: columns that are not orthonormal, of another size, or whose number is no power of two.

    Example:
        >>> from qla_jax.circuits import Circuit, to_matrix
        >>> plus = np.full((2, 1), 0.5**0.5)
        >>> to_matrix(Circuit(1, span_reflection_operations(plus, (0,)))).real.round().astype(int).tolist()
        [[0, 1], [1, 0]]

    References:
        Nielsen, Chuang (2010), Section 6.1.2.
    """
    number = np.shape(columns)[-1]
    require(number & (number - 1) == 0, f"`columns` must be as many as a power of two, but are {number}.")
    front = tuple(wires[: len(wires) - (number.bit_length() - 1)])
    made = isometry_operations(columns, wires)
    return Within(inverted(made), (Phase(math.pi, front, (0,) * len(front)),)), Phase(math.pi)


def _as_isometry(columns: ArrayLike, qubits: int) -> np.ndarray:
    """Return checked columns, completed to a power of two."""
    given = np.asarray(columns)
    size, shape = 1 << qubits, given.shape
    fits = given.ndim == 2 and shape[0] == size and 0 < shape[1] <= size
    require(fits, f"`columns` must have {size} rows and at most as many columns, but have shape {shape}.")
    defect = float(np.abs(matmul(given.conj().T, given) - np.eye(shape[1])).max())
    rounding = np.finfo(np.result_type(given.dtype, np.float32)).eps  # of the columns as they are given
    told = f"`columns` must be orthonormal, but V^H V - 1 has an entry of size {defect:.3g}."
    require(defect <= math.sqrt(rounding), told)
    wanted = 1 << (shape[1] - 1).bit_length()
    if wanted == shape[1]:
        return given.astype(complex)
    others = np.linalg.qr(given.astype(complex), mode="complete")[0][:, shape[1] : wanted]
    return np.hstack([given, others])


def _factors(blocks: np.ndarray, fresh: int) -> Iterator[Factor]:
    """Yield the factors of an isometry for each value of an index of the qubits above, the first one to act first.

    Args:
        blocks: stack of isometries.
        fresh: number of qubits that are |0> before, those of the index included.
    """
    count, rows, columns = blocks.shape
    if rows == columns:
        yield from _unitaries(blocks, fresh)
        return
    qubit, parts = count.bit_length() - 1, [_split(block) for block in blocks]
    yield from _unitaries(np.stack([part[2] for part in parts]), fresh)
    yield Factor(qubit, 2 * np.stack([part[1] for part in parts]))
    yield from _factors(np.stack([side for part in parts for side in part[0]]), fresh)


def _unitaries(blocks: np.ndarray, fresh: int) -> Iterator[Factor]:
    """Yield the factors of unitaries of the last qubits, which are numbered from `fresh` on."""
    further = fresh - (len(blocks).bit_length() - 1)
    for turn in factors(blocks):
        yield turn if turn.qubit is None else turn._replace(qubit=turn.qubit + further)


def _split(block: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    """Return isometries L and M, angles and a unitary R: the halves of the isometry are L cos R and M sin R."""
    rows, columns = block.shape
    completed = np.hstack([block, np.linalg.qr(block, mode="complete")[0][:, columns:]])
    (upper, lower), angles, (right, _) = cossin(completed, p=rows // 2, q=columns, separate=True)
    # SciPy has the sines in the last rows of the lower half.
    return (upper[:, :columns], lower[:, rows // 2 - columns :]), angles, right
