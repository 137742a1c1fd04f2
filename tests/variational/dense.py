"""Circuits in NumPy, by Kronecker products and permutations of the whole space: the oracle."""

import math

import numpy as np
import scipy.linalg

PAULI = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}


def word(letters: str) -> np.ndarray:
    found = np.eye(1)
    for letter in letters:
        found = np.kron(found, PAULI[letter])
    return found


def turn(letters: str, angle: float) -> np.ndarray:
    return scipy.linalg.expm(-0.5j * angle * word(letters))


def controlled(matrix: np.ndarray) -> np.ndarray:
    return scipy.linalg.block_diag(np.eye(2), matrix)


def block(angles: np.ndarray) -> np.ndarray:
    def local(a: np.ndarray) -> np.ndarray:
        return turn("Z", a[2]) @ turn("Y", a[1]) @ turn("Z", a[0])

    a = np.reshape(angles, (5, 3))
    middle = scipy.linalg.expm(-0.5j * sum(x * word(2 * p) for x, p in zip(a[2], "XYZ", strict=True)))
    return np.kron(local(a[3]), local(a[4])) @ middle @ np.kron(local(a[0]), local(a[1]))


def on(matrix: np.ndarray, wires: tuple[int, ...], n: int) -> np.ndarray:
    """The matrix on some of n qubits: entry by entry, bits of the wires taken out by hand."""
    full = np.zeros((1 << n, 1 << n), complex)
    for column in range(1 << n):
        bits = [column >> (n - 1 - q) & 1 for q in range(n)]
        inner = int("".join(str(bits[w]) for w in wires), 2)
        for outer in range(len(matrix)):
            moved = list(bits)
            for place, w in enumerate(wires):
                moved[w] = outer >> (len(wires) - 1 - place) & 1
            full[int("".join(map(str, moved)), 2), column] += matrix[outer, inner]
    return full


CX = np.eye(4)[[0, 1, 3, 2]]
CZ = np.diag([1, 1, 1, -1])
H = np.array([[1, 1], [1, -1]]) / math.sqrt(2)
