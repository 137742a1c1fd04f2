"""Matrices and Hamiltonians of other packages as Pauli words and coefficients; none of the packages is imported.

Example:
    >>> class Operator:  # what Qiskit's SparsePauliOp offers
    ...     num_qubits = 2
    ...
    ...     def to_list(self):
    ...         return [("XZ", 0.5), ("ZI", -0.25), ("XZ", 0.25)]
    >>> pauli_terms(Operator())
    {'XZ': 0.75, 'ZI': -0.25}
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

ROUNDING = 64
"""Machine epsilons, relative to the largest coefficient, that count as rounding."""


def pauli_terms(hamiltonian: Any) -> Any:
    """Return the words and coefficients of a Hamiltonian, and any other value unchanged.

    The first letter of a word belongs to the most significant qubit: the leftmost letter of Qiskit's labels, the first
    wire of PennyLane, and the first qubit of Cirq in sorted order. Coefficients of equal words are added.

    Args:
        hamiltonian: a `SparsePauliOp` of Qiskit, an operator of PennyLane with a Pauli representation, a `PauliSum` of
            Cirq, or a mapping of words.
    """
    if isinstance(hamiltonian, Mapping):
        return hamiltonian
    if hasattr(hamiltonian, "to_list") and hasattr(hamiltonian, "num_qubits"):
        return _added(hamiltonian.to_list())
    sentence = getattr(hamiltonian, "pauli_rep", None)
    if isinstance(sentence, Mapping):
        wires = list(hamiltonian.wires)
        return _added(("".join(word.get(w, "I") for w in wires), factor) for word, factor in sentence.items())
    if hasattr(hamiltonian, "with_qubits") and hasattr(hamiltonian, "__iter__"):
        qubits = sorted(hamiltonian.qubits)
        return _added(("".join(str(word.get(q) or "I") for q in qubits), word.coefficient) for word in hamiltonian)
    return hamiltonian


def _added(terms: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for word, factor in terms:
        # A coefficient without an imaginary part is real, so that the encoding of a real sum stays real.
        number = factor.real if getattr(factor, "imag", 1) == 0 else factor
        found[word] = found[word] + number if word in found else number
    return found


def words_of(matrix: np.ndarray) -> dict[str, Any]:
    r"""Return a matrix as a sum of Pauli words; coefficients of the size of rounding are left out.

    With the masks f and g of a word, $2^nc_{fg} = (-i)^{|f \wedge g|}\sum_s(-1)^{|s \wedge g|}A_{s \oplus f, s}$.

    Args:
        matrix: square matrix of $2^n$ rows, real or complex.
    """
    size = len(matrix)
    qubits, states = size.bit_length() - 1, np.arange(size)
    table = matrix[states ^ states[:, None], states].astype(complex)  # row f, column s
    for level in range(qubits):
        pairs = table.reshape(size, -1, 2, 1 << level)
        table = np.stack([pairs[:, :, 0] + pairs[:, :, 1], pairs[:, :, 0] - pairs[:, :, 1]], axis=2).reshape(size, size)
    both = np.bitwise_count(states[:, None] & states)
    table = table * np.array([1, -1j, -1, 1j])[both % 4] / size
    if np.array_equal(matrix, matrix.conj().T):
        table = table.real
    rounding = ROUNDING * np.finfo(matrix.dtype).eps * np.abs(table).max()
    letters = np.array([["I", "Z"], ["X", "Y"]])
    return {
        "".join(letters[f >> place & 1, g >> place & 1] for place in reversed(range(qubits))): table[f, g].item()
        for f, g in np.argwhere(np.abs(table) > rounding).tolist()
    }
