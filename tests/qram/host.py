"""The bucket brigade in NumPy, many trajectories and all addresses at once: gates node by node, errors as they come.

A branch is the basis state that an address has become: its elements (0 is rest, 1 bit 0, 2 bit 1), shape (elements,
trajectories, addresses), and its amplitude. Paulis move and sign branches; damping draws the Kraus operator by its
probability in the whole state, as quantum trajectories do.
"""

from collections.abc import Iterator

import numpy as np


class Host:
    def __init__(self, bits, plan, amplitudes, trajectories, *, erase=False):
        self.bits, self.plan = np.asarray(bits, int), plan
        self.n, self.k, size = plan.address_bits, plan.word_bits, len(self.bits)
        self.wanted = np.asarray(amplitudes)
        self.amplitudes = np.tile(self.wanted, (trajectories, 1))
        self.held = np.zeros((trajectories, size), int)
        self.ones = np.zeros((trajectories, size), int)
        address = [[i >> (self.n - 1 - m) & 1 for m in range(self.n)] for i in range(size)]
        whole, empty = np.hstack([address, self.bits]) + 1, np.hstack([address, 0 * self.bits]) + 1
        self.begin, self.end = (whole, empty) if erase else (empty, whole)
        rest = np.zeros((size, 2 * size), int)  # carriers at 0 to size - 1, routers behind; the first of each unused
        start = np.hstack([rest, self.begin]).T.astype(np.int8)
        self.elements = np.repeat(start[:, None], trajectories, axis=1)

    def place(self, element, node):
        return element * len(self.bits) + node

    def sites(self) -> Iterator[tuple[int, int, int]]:
        """Goes through the plan; at each site, after the gates of its step, gives step, element and node."""
        for step, (layer, active) in enumerate(zip(self.plan.layers, self.plan.active, strict=True), 1):
            for gate in layer:
                self.gate(gate.kind, gate.place)
            for element in (0, 1):
                for node in range(1, 1 << active):
                    bit = self.elements[self.place(element, node)]
                    self.held += bit > 0
                    self.ones += bit == 2
                    yield step, element, node

    def swap(self, one, other, where=True):
        a, b = self.elements[one], self.elements[other]
        changed = (a ^ b) * where
        a ^= changed
        b ^= changed

    def gate(self, kind, place):
        if kind == "exchange":
            self.swap(2 * len(self.bits) + place, self.place(0, 1))
        elif kind == "store":
            for node in range(1 << place, 2 << place):
                self.swap(self.place(0, node), self.place(1, node))
        elif kind == "route":
            for node in range(1 << place, 2 << place):
                points = self.elements[self.place(1, node)].copy()
                for side in (0, 1):
                    self.swap(self.place(0, node), self.place(0, 2 * node + side), points == 1 + side)
        else:
            for node in range(len(self.bits) // 2, len(self.bits)):
                points, carrier = (self.elements[self.place(element, node)] for element in (1, 0))
                for side in (0, 1):
                    if self.bits[2 * node + side - len(self.bits), place]:
                        carrier[(points == 1 + side) & (carrier > 0)] ^= 3

    def pauli(self, element, node, flips, phases):
        """X after Z where trajectories have them."""
        bit = self.elements[self.place(element, node)]
        self.amplitudes *= 1 - 2 * (phases[:, None] & (bit == 2))
        bit ^= np.int8(3) * (flips[:, None] & (bit > 0))

    def damp(self, element, node, loss, dice):
        bit = self.elements[self.place(element, node)]
        weight = np.abs(self.amplitudes) ** 2
        jumps = [loss * np.sum(weight, axis=1, where=bit == value) for value in (1, 2)]
        kind = np.where(dice < jumps[0], 1, np.where(dice < jumps[0] + jumps[1], 2, 0))[:, None]
        stays = np.where(bit > 0, (1 - loss) ** 0.5, 1.0)
        self.amplitudes *= np.where(kind == 0, stays, bit == kind)
        self.amplitudes /= np.linalg.norm(self.amplitudes, axis=1, keepdims=True)
        bit[(kind > 0) & (bit == kind)] = 0

    def fidelity(self):
        """Of each trajectory: overlaps add up where the same is left in the tree."""
        tree, slots = np.split(self.elements, [2 * len(self.bits)])
        fits = (slots[..., None] == self.end.T[:, None, None]).all(axis=0)  # trajectory, branch, address it arrives at
        overlaps = self.amplitudes * (fits @ self.wanted.conj())
        same = (tree[..., :, None] == tree[..., None, :]).all(axis=0)
        return np.einsum("ti,tij,tj->t", overlaps, same, overlaps.conj()).real

    def intact(self):
        """Branches as they would be without errors, with as many sites held."""
        ideal = np.hstack([np.zeros((len(self.bits), 2 * len(self.bits)), int), self.end])
        kept = (self.elements == ideal.T[:, None]).all(axis=0) & np.isclose(self.amplitudes, self.wanted)
        return kept & (self.held == self.still())

    def still(self):
        """Sites held without errors."""
        quiet = Host(self.bits, self.plan, self.wanted, 1)
        for _ in quiet.sites():
            pass
        return quiet.held
