"""Hamiltonians of other packages as Pauli words and coefficients; none of the packages is imported.

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
