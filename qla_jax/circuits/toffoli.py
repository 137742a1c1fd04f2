r"""Gates under many controls as gates under few: NOT gates under at most two controls, and all others under one.

How many Toffoli gates a NOT gate under k controls takes depends on the wires that stand by. A clean wire is 0 before
and after, a borrowed wire has any state and gets it back.

| wires that stand by | Toffoli gates |
|---|---|
| k - 2 clean ones | 2k - 3 |
| k - 2 borrowed ones | 4k - 8 |
| one clean one | at most 6k - 18 for k > 4 |
| one borrowed one | at most 8k - 24 for k > 4 |
| none | of the order of k^2, and rotations |

Example:
    >>> gate = Gate("x", 4, controls=(0, 1, 2, 3))
    >>> [len(toffoli_operations(gate, **wires)) for wires in ({"clean": (5, 6)}, {"borrowed": (5, 6)})]
    [5, 8]
    >>> to_toffoli(Circuit(5, (gate,)), ancillas=2).registers
    (('qubits', 5), ('work', 2))

References:
    Barenco et al. (1995), Lemmas 7.2 to 7.5. https://arxiv.org/abs/quant-ph/9503016
    Vale, Azevedo, Araujo, Araujo, da Silva (2023), rotations under many controls. https://arxiv.org/abs/2302.06377
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from qla_jax._checks import as_integer, require_kind
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.composites import Within
from qla_jax.circuits.operations import Elementary, Gate, Operation, Phase, require_disjoint

DIAGONAL = {"z": math.pi, "s": math.pi / 2, "sdg": -math.pi / 2, "t": math.pi / 4, "tdg": -math.pi / 4}
"""Gates that are phases of the target, by their angles."""
AROUND = {"y": Gate("sdg", 0), "h": Gate("ry", 0, -math.pi / 4), "rx": Gate("h", 0)}
"""Gate before, and its inverse after, that make X of Y, Z of H, and RZ of RX."""
INSIDE = {"y": "x", "h": "z", "rx": "rz"}


def toffoli_operations(
    part: Elementary, *, clean: Sequence[int] = (), borrowed: Sequence[int] = ()
) -> tuple[Elementary, ...]:
    """Return gates under few controls that equal a gate under many: NOT under two, phases of two wires, others one.

    Args:
        part: gate or phase under any number of controls.
        clean: wires that are 0, and that are 0 again after the gates.
        borrowed: wires of any state, which is kept.

    Raises:
        TypeError: `part` is neither a gate nor a phase.
        ValueError: wires that overlap, or a traced angle where no wire is clean.

    Example:
        >>> gates = toffoli_operations(Phase(0.3, (0, 1, 2)), clean=(3,))
        >>> [getattr(gate, "name", "phase") for gate in gates], gates[1].controls
        (['x', 'phase', 'x'], (3, 2))

    References:
        Barenco et al. (1995), Lemmas 7.2 to 7.5. https://arxiv.org/abs/quant-ph/9503016
    """
    require_kind("part", part, Elementary)
    require_disjoint(part.wires, (*clean, *borrowed))
    return tuple(_flat(_split(part, tuple(clean), tuple(borrowed))))


def to_toffoli(circuit: Circuit, *, ancillas: int = 0) -> Circuit:
    """Return an equal circuit of gates under few controls, with clean work qubits after its wires.

    A gate borrows all wires that it does not touch, so that it needs rotations only where it touches all of them.

    Args:
        circuit: circuit with concrete angles.
        ancillas: number of work qubits, which are 0 before and after.

    Raises:
        TypeError: `circuit` is not a circuit.
        ValueError: a negative number of work qubits.

    Example:
        >>> from qla_jax.circuits import count
        >>> found = to_toffoli(Circuit(6, (Gate("x", 0, controls=(1, 2, 3, 4, 5)),)), ancillas=3)
        >>> count(found).toffoli
        7

    References:
        Barenco et al. (1995), Lemmas 7.2 to 7.5. https://arxiv.org/abs/quant-ph/9503016
    """
    require_kind("circuit", circuit, Circuit)
    size = circuit.num_wires
    total = size + as_integer("ancillas", ancillas, least=0)
    found: list[Operation] = []
    for part in circuit.elementary():
        idle = tuple(wire for wire in range(size) if wire not in part.wires)
        found += toffoli_operations(part, clean=tuple(range(size, total)), borrowed=idle)
    registers = (*(circuit.registers or (("qubits", size),)), *((("work", ancillas),) if ancillas else ()))
    return Circuit(total, tuple(found), circuit.name, registers)


def _flat(parts: Sequence[Operation]) -> Iterator[Elementary]:
    for part in parts:
        if isinstance(part, Elementary):
            yield part
        else:
            yield from _flat(part.parts() or ())


def _split(part: Elementary, clean: tuple[int, ...], borrowed: tuple[int, ...]) -> Sequence[Operation]:
    """Return gates and conjugations whose gates have few controls."""
    if isinstance(part, Gate) and (part.name in DIAGONAL or part.name == "p"):
        angle = part.angle if part.name == "p" else DIAGONAL[part.name]
        part = Phase(angle, (*part.controls, part.target), (*part.values, 1)) if part.controls else part
    few = 2 if isinstance(part, Phase) or (isinstance(part, Gate) and part.name == "x") else 1
    if len(part.controls) <= few:
        return [part]
    if not all(part.values):
        flips = [Gate("x", wire) for wire, value in zip(part.controls, part.values, strict=True) if not value]
        return [Within(tuple(flips), tuple(_split(replace(part, values=()), clean, borrowed)))]  # type: ignore[type-var]
    if isinstance(part, Gate) and part.name == "x":
        return _flip(part.controls, part.target, clean, borrowed)
    if isinstance(part, Gate) and part.name in AROUND:
        around, inside = replace(AROUND[part.name], target=part.target), replace(part, name=INSIDE[part.name])
        return [Within((around,), tuple(_split(inside, clean, borrowed)))]
    if clean:
        # The last wire of a phase stands by for the others, as the target of a gate does.
        front, rest = (part.controls, ()) if isinstance(part, Gate) else (part.controls[:-1], part.controls[-1:])
        joined = _flip(front, clean[0], clean[1:], (*borrowed, *(part.wires[-1:])))
        return [Within(tuple(joined), (replace(part, controls=(*clean[:1], *rest), values=()),))]  # type: ignore[type-var]
    return _turn(part, borrowed) if isinstance(part, Gate) else _phase(part, borrowed)


def _flip(
    controls: tuple[int, ...], target: int, clean: tuple[int, ...], borrowed: tuple[int, ...]
) -> Sequence[Operation]:
    """Return a NOT gate under controls that are 1, as Toffoli gates where any wire stands by."""
    count, spare = len(controls), (*clean, *borrowed)
    if count <= 2:
        return [Gate("x", target, controls=controls)]
    if len(clean) >= count - 2:
        ladder = _ladder(controls, clean[: count - 2], target)
        return [Within(tuple(ladder[:-1]), (ladder[-1],))]
    if len(spare) >= count - 2:
        down = _ladder(controls, spare[: count - 2], target)[::-1]
        middle = [*down[1:], *reversed(down[1:-1])]
        return [down[0], *middle, down[0], *middle]
    if not spare:  # a sign of all wires
        return [Within((Gate("h", target),), tuple(_phase(Phase(math.pi, (*controls, target)), ())))]
    # Two halves that borrow from each other, joined in one wire (Lemma 7.3).
    half, joint = (count + 1) // 2, spare[0]
    first, last = controls[:half], controls[half:]
    join = tuple(_flip(first, joint, clean[1:], (*last, target)))
    use = tuple(_flip((*last, joint), target, clean[1:], first))
    return [Within(join, use)] if clean else [*join, *use, *join, *use]


def _ladder(controls: Sequence[int], steps: Sequence[int], target: int) -> list[Gate]:
    """Return Toffoli gates that join controls one after another in further wires, the last one in the target."""
    joined, found = controls[0], []
    for control, wire in zip(controls[1:], (*steps, target), strict=True):
        found.append(Gate("x", wire, controls=(joined, control)))
        joined = wire
    return found


def _phase(part: Elementary, borrowed: tuple[int, ...]) -> Sequence[Operation]:
    """Return a phase of more than two wires that are 1, without a clean wire."""
    *front, last = part.controls
    if part.number() == math.pi and borrowed:
        return [Within((Gate("h", last),), tuple(_flip(tuple(front), last, (), borrowed)))]
    # diag(1, e^ia) is a rotation by a, and a phase of a/2 of the controls, which are one wire fewer.
    turn = _split(Gate("rz", last, part.number(), tuple(front)), (), borrowed)
    return [*turn, *_split(Phase(part.number() / 2, tuple(front)), (), (*borrowed, last))]


def _turn(part: Gate, borrowed: tuple[int, ...]) -> Sequence[Operation]:
    """Return RY or RZ under several controls that are 1: NOT gates under either half of them reverse its sign."""
    half, angle = (len(part.controls) + 1) // 2, part.number() / 4
    first, last = part.controls[:half], part.controls[half:]
    flips = [_flip(side, part.target, (), (*others, *borrowed)) for side, others in ((first, last), (last, first))]
    turns = [replace(part, angle=sign * angle, controls=(), values=()) for sign in (-1, 1)]
    return [*flips[0], turns[0], *flips[1], turns[1]] * 2
