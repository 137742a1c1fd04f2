r"""Elementary gates, and how many of them the circuits take that constructions are made of.

Counted are rotations by an angle, CNOT, Toffoli, and reads of a quantum memory; other Clifford gates are free. Gates
stand one after another in `depth`: parallel ones would need qubits that are counted nowhere, as are the clean work
qubits of ladders of Toffoli gates and of lookups, which are undone by measurement.

Example:
    >>> tree(3)
    Gates(rotations=7, cnot=6, toffoli=0, reads=0, read_layers=0)
    >>> read(9).depth, (2 * read(9) + adder(4)).depth
    (10, 38)

References:
    Mottonen, Vartiainen, Bergholm, Salomaa (2004), multiplexed rotations. https://arxiv.org/abs/quant-ph/0407010
    The same (2004), any unitary from these. https://arxiv.org/abs/quant-ph/0404089
    Gidney (2018), adders and temporary ANDs. https://arxiv.org/abs/1709.06648
    Babbush et al. (2018), unary iteration and lookup, sections III A and C. https://arxiv.org/abs/1805.03662
    Giovannetti, Lloyd, Maccone (2008), quantum memory. https://arxiv.org/abs/0708.1879
"""

from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class Gates:
    """How many gates a circuit takes.

    Attributes:
        rotations: rotations of one qubit by any angle.
        cnot: CNOT and other Clifford gates of two qubits.
        toffoli: Toffoli gates.
        reads: reads of a quantum memory.
        read_layers: layers of routers of all reads.
    """

    rotations: int = 0
    cnot: int = 0
    toffoli: int = 0
    reads: int = 0
    read_layers: int = 0

    @property
    def depth(self) -> int:
        """All gates in a row, a read with the depth of its routers."""
        return self.rotations + self.cnot + self.toffoli + self.read_layers

    @property
    def controlled(self) -> "Gates":
        """The same with a control on each gate, an upper bound: often the control of a few is enough.

        A rotation becomes two halves around two CNOT, a CNOT a Toffoli, a Toffoli two, a read has a layer more. Free
        gates come in pairs around what is controlled, and need none.
        """
        return Gates(
            rotations=2 * self.rotations,
            cnot=2 * self.rotations,
            toffoli=self.cnot + 2 * self.toffoli,
            reads=self.reads,
            read_layers=self.read_layers + self.reads,
        )

    def __add__(self, other: "Gates") -> "Gates":
        return Gates(*(mine + yours for mine, yours in zip(astuple(self), astuple(other), strict=True)))

    def __rmul__(self, times: int) -> "Gates":
        return Gates(*(times * number for number in astuple(self)))


def multiplexed(controls: int) -> Gates:
    """A rotation with an angle for each value of the controls (Mottonen et al., theorem 1)."""
    return Gates(rotations=1 << controls, cnot=1 << controls if controls else 0)


def synthesized(qubits: int, *, index: int = 0) -> Gates:
    """Any unitary, for each value of an index one: 2^(n+1) multiplexed rotations, an angle for each of its 4^n numbers.

    Two fewer where a phase and a diagonal can be left out; a real unitary takes about half.
    """
    return (2 << qubits) * multiplexed(max(qubits - 1, 0) + index)


def tree(qubits: int, *, phases: bool = False) -> Gates:
    """A state from its norms: a multiplexed rotation per qubit, three on the last one where entries have phases."""
    levels = [multiplexed(level) for level in range(qubits)]
    return sum(levels + 2 * levels[-1:] if phases else levels, Gates())


def read(address: int) -> Gates:
    """A word of a memory of 2^address words: a layer of routers per qubit of the address, and the bus."""
    return Gates(reads=1, read_layers=address + 1)


def remembered(address: int, *, angles: int = 1) -> Gates:
    """Multiplexed rotations, their angles read from a memory as one word, and unread.

    A rotation by a register of b bits, which is b controlled rotations, counts as one: angles have no bits here.
    """
    return 2 * read(address) + Gates(rotations=angles)


def remembered_tree(qubits: int, *, index: int = 0, phases: bool = False) -> Gates:
    """`tree` from a memory, one for each value of an index: Kerenidis and Prakash."""
    levels = [remembered(index + level) for level in range(qubits)]
    return sum(levels, Gates(rotations=2) if phases and levels else Gates())


def select(count: int) -> Gates:
    """A control for each of `count` values of an index, by unary iteration (Babbush et al., figure 7)."""
    return Gates(toffoli=count - 1, cnot=count - 1)


def lookup(address: int, bits: int) -> Gates:
    """The word of a fixed table, without a memory: a control for each address, at most a CNOT for each bit."""
    return Gates(toffoli=max((1 << address) - 2, 0), cnot=bits << address)


def combination(count: int, *, phases: bool = False) -> Gates:
    """A linear combination of unitaries without these: PREPARE, the controls, a phase each, PREPARE-adjoint."""
    qubits = (count - 1).bit_length()
    return 2 * tree(qubits) + select(count) + Gates(rotations=count if phases else 0)


def reflection(qubits: int) -> Gates:
    """A sign for one basis state: a ladder of ANDs and a CZ."""
    return Gates(toffoli=max(qubits - 2, 0), cnot=1 if qubits > 1 else 0)


def flag_phase(qubits: int) -> Gates:
    """Opposite phases for one basis state and all others, turned around by one more qubit."""
    return Gates(rotations=1, cnot=2, toffoli=max(qubits - 1, 0))


def fourier(qubits: int) -> Gates:
    """The quantum Fourier transform: a controlled phase, three rotations and two CNOT, for each pair of qubits."""
    pairs = qubits * (qubits - 1) // 2
    return Gates(rotations=3 * pairs, cnot=2 * pairs)


def adder(bits: int) -> Gates:
    """Addition modulo 2^bits, of a register or of a number (Gidney, figure 1)."""
    return Gates(toffoli=bits - 1, cnot=6 * bits - 9 if bits > 1 else 1)
