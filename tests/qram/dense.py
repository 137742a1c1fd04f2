"""The bucket brigade as a dense state of qutrits in NumPy, of up to nine of them: for trajectories with n = 2, k = 1.

Axes: carriers and routers of the nodes 1 to 2^n - 1, then the slots. 0 is rest, 1 bit 0, 2 bit 1.
"""

import numpy as np


class Dense:
    def __init__(self, bits: np.ndarray, amplitudes: np.ndarray):
        self.bits, self.n, self.k = bits, len(bits).bit_length() - 1, bits.shape[1]
        self.nodes = len(bits) - 1
        self.state = np.zeros((3,) * (2 * self.nodes + self.n + self.k))
        for address, amplitude in enumerate(amplitudes):
            self.state[self.place(address, [0] * self.k)] = amplitude

    def place(self, address: int, word: list[int]) -> tuple[int, ...]:
        bits = [address >> (self.n - 1 - bit) & 1 for bit in range(self.n)]
        return (0,) * (2 * self.nodes) + tuple(1 + bit for bit in [*bits, *word])

    def axis(self, element: int, node: int) -> int:
        return element * self.nodes + node - 1

    def matrix(self, axes: list[int], matrix: np.ndarray) -> None:
        """A matrix on some axes."""
        size = len(axes)
        moved = np.tensordot(matrix.reshape((3,) * (2 * size)), self.state, (range(size, 2 * size), axes))
        self.state = np.moveaxis(moved, range(size), axes)

    def gate(self, kind: str, place: int) -> None:
        swap = np.eye(9).reshape(3, 3, 9).swapaxes(0, 1).reshape(9, 9)
        rest, left, right = (np.diag(row) for row in np.eye(3))
        level = range(1 << place, 2 << place)
        if kind == "exchange":
            self.matrix([2 * self.nodes + place, self.axis(0, 1)], swap)
        elif kind == "store":
            for node in level:
                self.matrix([self.axis(0, node), self.axis(1, node)], swap)
        elif kind == "route":
            for node in level:
                for side, points in ((0, left), (1, right)):
                    axes = [self.axis(1, node), self.axis(0, node), self.axis(0, 2 * node + side)]
                    self.matrix(axes, np.kron(points, swap) + np.kron(np.eye(3) - points, np.eye(9)))
        else:
            flip = np.eye(3)[[0, 2, 1]]
            for node in range(len(self.bits) // 2, len(self.bits)):
                cells = [self.bits[2 * node + side - len(self.bits), place] for side in (0, 1)]
                turns = [flip if cell else np.eye(3) for cell in cells]
                whole = np.kron(rest, np.eye(3)) + np.kron(left, turns[0]) + np.kron(right, turns[1])
                self.matrix([self.axis(1, node), self.axis(0, node)], whole)

    def error(self, element: int, node: int, flips: bool, phase: bool) -> None:
        """X after Z on what is held."""
        matrix = (np.eye(3)[[0, 2, 1]] if flips else np.eye(3)) @ (np.diag([1, 1, -1]) if phase else np.eye(3))
        self.matrix([self.axis(element, node)], matrix)

    def fidelity(self, amplitudes: np.ndarray) -> float:
        """Of the slots, the tree traced out."""
        slots = [self.place(address, list(word))[2 * self.nodes :] for address, word in enumerate(self.bits)]
        rows = self.state.reshape(3 ** (2 * self.nodes), *(3,) * (self.n + self.k))
        total = sum(np.conj(a) * rows[(slice(None), *slot)] for a, slot in zip(amplitudes, slots, strict=True))
        return float(np.sum(np.abs(total) ** 2))
