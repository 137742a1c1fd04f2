r"""Elementary gates, and the gate counts of the circuits of which constructions are made.

The counted gates are rotations by an angle, CNOT, Toffoli, T, and reads of a quantum memory. Other Clifford gates are
free. The gates of one construction are consecutive in `depth`, since parallel gates would need qubits that are not
counted. The clean work qubits of ladders of Toffoli gates and of lookups, which are uncomputed by measurement, are not
counted either.

Counts of consecutive circuits are added, counts of parallel circuits are joined by `|`.

Example:
    >>> tree(3)
    Gates(rotations=7, cnot=6, toffoli=0, reads=0, read_layers=0, t=0)
    >>> read(9).depth, (2 * read(9) + adder(4)).depth, (read(9) | read(9)).depth, (read(9) | read(9)).reads
    (10, 38, 10, 2)
    >>> adder(4).t_count(), adder(4).t_depth(), tree(3).t_count(rotation_eps=1e-10)
    (12, 3, 332)

References:
    Mottonen, Vartiainen, Bergholm, Salomaa (2004), multiplexed rotations. https://arxiv.org/abs/quant-ph/0407010
    Mottonen, Vartiainen, Bergholm, Salomaa (2004), synthesis of any unitary. https://arxiv.org/abs/quant-ph/0404089
    Gidney (2018), adders and temporary ANDs. https://arxiv.org/abs/1709.06648
    Babbush et al. (2018), unary iteration and lookup, sections III A and C. https://arxiv.org/abs/1805.03662
    Giovannetti, Lloyd, Maccone (2008), quantum memory. https://arxiv.org/abs/0708.1879
    Jones (2013), a Toffoli gate of four T gates, in one layer of them. https://arxiv.org/abs/1212.5069
    Bocharov, Roetteler, Svore (2015), rotations of T gates. https://arxiv.org/abs/1404.5320
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from qla_jax._checks import as_real, require

T_PER_TOFFOLI = 4
COUNTED = ("rotations", "cnot", "toffoli", "reads", "read_layers", "t")


def t_per_rotation(rotation_eps: float) -> float:
    r"""Return the mean number of T gates of a rotation with error $\epsilon$, $1.15\log_2(1/\epsilon) + 9.2$.

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
    """Number of elementary gates of a circuit.

    Attributes:
        rotations: number of rotations of one qubit by any angle.
        cnot: number of CNOT and other Clifford gates of two qubits.
        toffoli: number of Toffoli gates.
        reads: number of reads of a quantum memory.
        read_layers: number of layers of routers of all reads, where parallel reads count once.
        t: number of T gates, without those of Toffoli gates and rotations.
        layers: number of layers of rotations, CNOT, Toffoli and T gates; by default one layer for each gate.
        under: gates of the controlled circuit where they are known to be fewer than with a control on each gate.
    """

    rotations: int = 0
    cnot: int = 0
    toffoli: int = 0
    reads: int = 0
    read_layers: int = 0
    t: int = 0
    layers: tuple[int, int, int, int] | None = field(default=None, repr=False)
    under: "Gates | None" = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.layers is None:
            object.__setattr__(self, "layers", (self.rotations, self.cnot, self.toffoli, self.t))

    @property
    def depth(self) -> int:
        """Number of layers of gates, where a read counts with the depth of its routers."""
        return sum(self._layers) + self.read_layers

    @property
    def _layers(self) -> tuple[int, int, int, int]:
        assert self.layers is not None  # since __post_init__
        return self.layers

    def t_count(self, rotation_eps: float | None = None, *, total_eps: float | None = None) -> int:
        r"""Return the number of T gates: four for each Toffoli gate, $1.15\log_2(1/\epsilon) + 9.2$ for a rotation.

        Circuits without rotations need neither error.

        Args:
            rotation_eps: error of each rotation in operator norm.
            total_eps: error of all rotations together in operator norm, in place of `rotation_eps`; each rotation gets
                an equal share, which takes the fewest T gates.

        Raises:
            ValueError: rotations with neither or both of the errors, or an error that is not between 0 and 1.

        Example:
            >>> Gates(rotations=100).t_count(total_eps=1e-6) == Gates(rotations=100).t_count(rotation_eps=1e-8)
            True
        """
        return self.t + T_PER_TOFFOLI * self.toffoli + self._of_rotations(self.rotations, rotation_eps, total_eps)

    def t_depth(self, rotation_eps: float | None = None, *, total_eps: float | None = None) -> int:
        """Return the number of layers of T gates: one for a Toffoli gate, one for each T gate of a rotation.

        Circuits without rotations need neither error.

        Args:
            rotation_eps: error of each rotation in operator norm.
            total_eps: error of all rotations together in operator norm, in place of `rotation_eps`; each rotation gets
                an equal share.

        Raises:
            ValueError: rotations with neither or both of the errors, or an error that is not between 0 and 1.
        """
        rotations, _, toffoli, t = self._layers
        return t + toffoli + self._of_rotations(rotations, rotation_eps, total_eps)

    def _of_rotations(self, layers: int, rotation_eps: float | None, total_eps: float | None) -> int:
        require(
            rotation_eps is None or total_eps is None, "`total_eps` must not be given together with `rotation_eps`."
        )
        if total_eps is not None:
            total = as_real("total_eps", total_eps)
            require(0 < total < 1, f"`total_eps` must lie between 0 and 1, but is {total}.")
            rotation_eps = total / max(self.rotations, 1)
        if rotation_eps is None:
            told = f"`rotation_eps` must be given for {layers} rotations, but is None; or give `total_eps`."
            require(layers == 0, told)
            return 0
        return math.ceil(layers * t_per_rotation(rotation_eps)) if layers else 0

    @property
    def controlled(self) -> "Gates":
        """Gates of the controlled circuit, which has a control on each gate unless `under` says otherwise.

        With a control on each gate, a rotation becomes two rotations by half of its angle and two CNOT, a CNOT becomes
        a Toffoli gate, a Toffoli gate becomes two, a T gate becomes two rotations and two CNOT, and a read has one
        layer more. Free gates occur in pairs around the controlled ones and need no control. All gates are consecutive,
        as they share the control.
        """
        if self.under is not None:
            return self.under
        return Gates(
            rotations=2 * (self.rotations + self.t),
            cnot=2 * (self.rotations + self.t),
            toffoli=self.cnot + 2 * self.toffoli,
            reads=self.reads,
            read_layers=self.read_layers + self.reads,
        )

    def __add__(self, other: "Gates") -> "Gates":
        """Return the gates of both circuits one after another."""
        return self._with(other, lambda mine, yours: mine + yours)

    def __or__(self, other: "Gates") -> "Gates":
        """Return the gates of both circuits in parallel, with the layers of the deeper one for each kind of gate."""
        return self._with(other, max)

    def _with(self, other: "Gates", depths: Callable[[int, int], int]) -> "Gates":
        return Gates(
            rotations=self.rotations + other.rotations,
            cnot=self.cnot + other.cnot,
            toffoli=self.toffoli + other.toffoli,
            reads=self.reads + other.reads,
            read_layers=depths(self.read_layers, other.read_layers),
            t=self.t + other.t,
            layers=tuple(map(depths, self._layers, other._layers)),  # type: ignore[arg-type] # four numbers each
            # All gates share the control: they are consecutive.
            under=None if self.under is other.under is None else self.controlled + other.controlled,
        )

    def __rmul__(self, times: int) -> "Gates":
        numbers = {name: times * getattr(self, name) for name in COUNTED}
        rotations, cnot, toffoli, t = self._layers
        under = None if self.under is None else times * self.under
        return Gates(**numbers, layers=(times * rotations, times * cnot, times * toffoli, times * t), under=under)

    @property
    def around(self) -> "Gates":
        """Gates that stand with their inverses around others: without these they cancel, so they need no control."""
        return replace(self, under=replace(self, under=None))


def multiplexed(controls: int) -> Gates:
    """Return the gates of a rotation with an angle for each value of the controls (Mottonen et al., Theorem 1)."""
    # Under a control it is multiplexed by one more qubit, with angle 0 for the other value.
    under = Gates(rotations=2 << controls, cnot=2 << controls)
    return Gates(rotations=1 << controls, cnot=1 << controls if controls else 0, under=under)


def synthesized(qubits: int, *, index: int = 0) -> Gates:
    """Return the gates of any unitary, or of one unitary for each value of an index.

    The circuit has 2^(n+1) multiplexed rotations with an angle for each of the 4^n numbers of the unitary. Two of them
    are saved where a phase and a diagonal can be left out, and a real unitary takes about half; neither is counted.

    Args:
        qubits: number n of qubits of the unitary.
        index: number of qubits of the index.
    """
    return (2 << qubits) * multiplexed(max(qubits - 1, 0) + index)


def tree(qubits: int, *, phases: bool = False) -> Gates:
    """Return the gates of state preparation by the tree of norms: one multiplexed rotation for each qubit.

    Args:
        qubits: number of qubits of the state.
        phases: True where entries have phases, which take two more multiplexed rotations of the last qubit.
    """
    levels = [multiplexed(level) for level in range(qubits)]
    return sum(levels + 2 * levels[-1:] if phases else levels, Gates())


def diagonal(qubits: int) -> Gates:
    """Return the gates of a phase for each basis state: a multiplexed rotation for each qubit, and a global phase."""
    under = tree(qubits).controlled + Gates(rotations=1)  # the global phase becomes one of the control
    return replace(tree(qubits), under=under)


def read(address: int) -> Gates:
    """Return the gates of a read of a memory of 2^address words: a layer of routers per address qubit, and the bus."""
    return Gates(reads=1, read_layers=address + 1)


def remembered(address: int, *, angles: int = 1) -> Gates:
    """Return the gates of multiplexed rotations whose angles are read from a memory as one word and uncomputed.

    A rotation by a register of b bits, which is b controlled rotations, counts as one, since angles have no precision
    in this model.

    Args:
        address: number of qubits of the address.
        angles: number of angles in one word.
    """
    return 2 * read(address) + Gates(rotations=angles)


def remembered_tree(qubits: int, *, index: int = 0, phases: bool = False) -> Gates:
    """Return the gates of state preparation by a tree of norms in a memory (Kerenidis, Prakash).

    Args:
        qubits: number of qubits of the state.
        index: number of qubits of an index, which selects one of several trees.
        phases: True where entries have phases.
    """
    levels = [remembered(index + level) for level in range(qubits)]
    return sum(levels, Gates(rotations=2) if phases and levels else Gates())


def iteration(qubits: int, numbers: Sequence[int], controls: int = 0, depths: Sequence[int] = ()) -> Gates:
    """Return the gates that walk the tree of some values of an index, by unary iteration (Babbush et al., Fig. 7).

    The qubit of each inner node takes one Toffoli gate, with the qubit of the node above and a bit of the index. Where
    a node has two successors, the second one takes a CNOT gate.

    Args:
        qubits: number of qubits of the index.
        numbers: values of the index.
        controls: number of controls of the whole; all are joined to one first.
        depths: number of leading bits of each value that are looked at, all by default.
    """
    leaves = list(zip(numbers, depths or (qubits,) * len(numbers), strict=True))

    def nodes(level: int, below: int) -> int:
        """Return the number of nodes of a level that are at least so many levels above a leaf."""
        return len({number >> qubits - level for number, depth in leaves if depth >= level + below})

    # Without controls the root has no qubit, and its successors are controlled by the first bit alone.
    levels = range(0 if controls else 1, qubits)
    inner = [nodes(level, 1) for level in levels]
    forks = sum(nodes(level + 1, 0) for level in levels) - sum(inner)
    return Gates(toffoli=sum(inner) + max(controls - 1, 0), cnot=forks)


def select(count: int) -> Gates:
    """Return the gates of a control for each of the first values of an index."""
    qubits = (count - 1).bit_length()
    return replace(iteration(qubits, range(count)), under=iteration(qubits, range(count), 1))


def lookup(address: int, bits: int) -> Gates:
    """Return the gates that write the word of a fixed table, without a memory.

    The circuit has a control for each address and at most one CNOT for each bit.

    Args:
        address: number of qubits of the address.
        bits: number of bits of a word.
    """
    return Gates(toffoli=max((1 << address) - 2, 0), cnot=bits << address)


def combination(count: int, *, phases: bool = False, prepare: Gates | None = None) -> Gates:
    """Return the gates of a linear combination of unitaries, without the unitaries.

    The circuit is PREPARE, the controls, a phase for each unitary, and PREPARE-adjoint.

    Args:
        count: number of unitaries.
        phases: True where the weights are complex.
        prepare: gates of PREPARE, those of a tree of norms by default.
    """
    prepare = tree((count - 1).bit_length()) if prepare is None else prepare
    return 2 * prepare.around + select(count) + (Gates(rotations=count).around if phases else Gates())


def reflection(qubits: int) -> Gates:
    """Return the gates of a sign for one basis state: a ladder of ANDs and a CZ."""
    under = Gates(toffoli=max(qubits - 1, 0), cnot=1 if qubits else 0)
    return Gates(toffoli=max(qubits - 2, 0), cnot=1 if qubits > 1 else 0, under=under)


def flag_phase(qubits: int) -> Gates:
    """Return the gates of opposite phases for one basis state and all others, with the sign given by one more qubit."""
    around = Gates(cnot=2, toffoli=max(qubits - 1, 0)).around
    return around + multiplexed(0)


def fourier(qubits: int) -> Gates:
    """Return the gates of the quantum Fourier transform: one controlled phase for each pair of qubits.

    A controlled phase is a Toffoli gate and a phase of its target, which is a Clifford gate for neighbors and a T gate
    for qubits at distance 2.
    """
    far = max(qubits - 2, 0) * max(qubits - 3, 0) // 2 if qubits > 3 else 0
    return Gates(toffoli=qubits * (qubits - 1) // 2, t=max(qubits - 2, 0), rotations=far)


def adder(bits: int) -> Gates:
    """Return the gates of addition modulo 2^bits, of a register or of a constant (Gidney, Fig. 1)."""
    return Gates(toffoli=bits - 1, cnot=6 * bits - 9 if bits > 1 else 1)
