r"""Elementary gates, and how many of them the circuits take that constructions are made of.

Counted are rotations by an angle, CNOT, Toffoli, T, and reads of a quantum memory; other Clifford gates are free.
Gates of one construction stand one after another in `depth`: parallel ones would need qubits that are counted nowhere,
as are the clean work qubits of ladders of Toffoli gates and of lookups, which are undone by measurement.

Circuits in a row are added, circuits side by side are joined by `|`:

Example:
    >>> tree(3)
    Gates(rotations=7, cnot=6, toffoli=0, reads=0, read_layers=0, t=0)
    >>> read(9).depth, (2 * read(9) + adder(4)).depth, (read(9) | read(9)).depth, (read(9) | read(9)).reads
    (10, 38, 10, 2)
    >>> adder(4).t_count(), adder(4).t_depth(), tree(3).t_count(rotation_eps=1e-10)
    (12, 3, 332)

References:
    Mottonen, Vartiainen, Bergholm, Salomaa (2004), multiplexed rotations. https://arxiv.org/abs/quant-ph/0407010
    The same (2004), any unitary from these. https://arxiv.org/abs/quant-ph/0404089
    Gidney (2018), adders and temporary ANDs. https://arxiv.org/abs/1709.06648
    Babbush et al. (2018), unary iteration and lookup, sections III A and C. https://arxiv.org/abs/1805.03662
    Giovannetti, Lloyd, Maccone (2008), quantum memory. https://arxiv.org/abs/0708.1879
    Jones (2013), a Toffoli gate of four T gates, in one layer of them. https://arxiv.org/abs/1212.5069
    Bocharov, Roetteler, Svore (2015), rotations of T gates. https://arxiv.org/abs/1404.5320
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from qla_jax._checks import as_real, require

T_PER_TOFFOLI = 4
COUNTED = ("rotations", "cnot", "toffoli", "reads", "read_layers", "t")


def t_per_rotation(rotation_eps: float) -> float:
    r"""Return the mean number of T gates of a rotation to an error of $\epsilon$: $1.15\log_2(1/\epsilon) + 9.2$.

    Args:
        rotation_eps: error of the rotation in operator norm, between 0 and 1.

    Raises:
        ValueError: an error that is not between 0 and 1.
    """
    eps = as_real("rotation_eps", rotation_eps)
    require(0 < eps < 1, f"`rotation_eps` must lie between 0 and 1, but is {eps}.")
    return 1.15 * math.log2(1 / eps) + 9.2


@dataclass(frozen=True)
class Gates:
    """How many gates a circuit takes.

    Attributes:
        rotations: rotations of one qubit by any angle.
        cnot: CNOT and other Clifford gates of two qubits.
        toffoli: Toffoli gates.
        reads: reads of a quantum memory.
        read_layers: layers of routers of all reads, those of parallel reads once.
        t: T gates, besides those that Toffoli gates and rotations are made of.
        layers: layers of rotations, of CNOT, of Toffoli and of T gates; as many as gates, which stand in a row, unless
            given.
    """

    rotations: int = 0
    cnot: int = 0
    toffoli: int = 0
    reads: int = 0
    read_layers: int = 0
    t: int = 0
    layers: tuple[int, int, int, int] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.layers is None:
            object.__setattr__(self, "layers", (self.rotations, self.cnot, self.toffoli, self.t))

    @property
    def depth(self) -> int:
        """Number of layers of gates, a read with the depth of its routers."""
        return sum(self._layers) + self.read_layers

    @property
    def _layers(self) -> tuple[int, int, int, int]:
        assert self.layers is not None  # since __post_init__
        return self.layers

    def t_count(self, rotation_eps: float | None = None) -> int:
        r"""Return the number of T gates: four for each Toffoli gate, $1.15\log_2(1/\epsilon) + 9.2$ for a rotation.

        Args:
            rotation_eps: error of each rotation in operator norm; may be left out where there are no rotations.

        Raises:
            ValueError: rotations without `rotation_eps`, or one that is not between 0 and 1.
        """
        return self.t + T_PER_TOFFOLI * self.toffoli + self._of_rotations(self.rotations, rotation_eps)

    def t_depth(self, rotation_eps: float | None = None) -> int:
        """Return the number of layers of T gates: one for a Toffoli gate, all those of a rotation in a row.

        Args:
            rotation_eps: error of each rotation in operator norm; may be left out where there are no rotations.

        Raises:
            ValueError: rotations without `rotation_eps`, or one that is not between 0 and 1.
        """
        rotations, _, toffoli, t = self._layers
        return t + toffoli + self._of_rotations(rotations, rotation_eps)

    def _of_rotations(self, count: int, rotation_eps: float | None) -> int:
        if rotation_eps is None:
            require(count == 0, f"`rotation_eps` must be given for {count} rotations, but is None.")
            return 0
        return math.ceil(count * t_per_rotation(rotation_eps)) if count else 0

    @property
    def controlled(self) -> "Gates":
        """The same with a control on each gate, an upper bound: often the control of a few is enough.

        A rotation becomes two halves around two CNOT, a CNOT a Toffoli, a Toffoli two, a T gate two rotations by halves
        of its angle around CNOT, a read has a layer more. Gates that are free come in pairs around what is controlled,
        and need no control. All stand in a row: they share the control.
        """
        return Gates(
            rotations=2 * (self.rotations + self.t),
            cnot=2 * (self.rotations + self.t),
            toffoli=self.cnot + 2 * self.toffoli,
            reads=self.reads,
            read_layers=self.read_layers + self.reads,
        )

    def __add__(self, other: "Gates") -> "Gates":
        """Return both circuits in a row."""
        return self._with(other, lambda mine, yours: mine + yours)

    def __or__(self, other: "Gates") -> "Gates":
        """Return both circuits side by side: all gates, and the layers of the deeper one for each kind of gate."""
        return self._with(other, max)

    def _with(self, other: "Gates", depths: Callable[[int, int], int]) -> "Gates":
        return Gates(
            rotations=self.rotations + other.rotations,
            cnot=self.cnot + other.cnot,
            toffoli=self.toffoli + other.toffoli,
            reads=self.reads + other.reads,
            read_layers=depths(self.read_layers, other.read_layers),
            t=self.t + other.t,
            layers=tuple(map(depths, self._layers, other._layers)),  # type: ignore[arg-type] # of four each
        )

    def __rmul__(self, times: int) -> "Gates":
        numbers = {name: times * getattr(self, name) for name in COUNTED}
        rotations, cnot, toffoli, t = self._layers
        return Gates(**numbers, layers=(times * rotations, times * cnot, times * toffoli, times * t))


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
