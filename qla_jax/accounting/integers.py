r"""Gate counts of arithmetic on registers: additions of looked-up numbers, comparisons, tables of basis states.

The circuits have clean work qubits, which measurements undo. Where a number has several circuits, the one with the
fewest Toffoli gates is counted.

Example:
    >>> addition(5, [3]).toffoli, addition(5, [4]).toffoli  # the two lowest bits have no carry
    (4, 2)
    >>> comparison([3], 0).toffoli, comparison([3], 1).toffoli
    (2, 3)
    >>> permutation([0, 2, 1, 3])  # a swap
    Gates(rotations=0, cnot=3, toffoli=0, reads=0, read_layers=0, t=0)

References:
    Gidney (2018), adders and temporary ANDs. https://arxiv.org/abs/1709.06648
    Babbush et al. (2018), lookup, section III C. https://arxiv.org/abs/1805.03662
"""

from collections.abc import Sequence

import numpy as np

from qla_jax.accounting.gates import Gates, adder, iteration


def addition(bits: int, amounts: Sequence[int], controls: int = 0) -> Gates:
    """Return the gates that add a number to a register modulo 2^bits, one number for each value of an index.

    The number is written into work qubits and added. Where its bits are exclusive ors of those of the index, this takes
    CNOT gates alone; a constant is added or subtracted by itself if that helps. Else the number is looked up.

    Args:
        bits: number of bits of the register.
        amounts: number that is added for each of the 2^k values of the index, the first alone without an index.
        controls: number of controls of the whole; all are joined to one first.
    """
    numbers = [amount % (1 << bits) for amount in amounts]
    if not any(numbers):
        return Gates()
    joined = Gates(toffoli=max(controls - 1, 0))
    first, index = numbers[0], (len(numbers) - 1).bit_length()
    ways = [_looked_up(bits, numbers, min(controls, 1))]
    for sign in (1, -1):
        for constant in (0, first):
            words = [sign * (number - constant) % (1 << bits) for number in numbers]
            if _is_linear(words):
                copied = [each for bit in range(index) if (each := words[1 << bit] ^ words[0])]
                # Under a control, each bit of the index that is copied takes an AND with it.
                copies = Gates(toffoli=len(copied) if controls else 0, cnot=2 * _ones(copied))
                ways.append(_added(bits, words) + _added(bits, [constant]) + copies)
    return joined + min(ways, key=_weight)


def comparison(depths: Sequence[int], controls: int = 0) -> Gates:
    """Return the gates of a NOT gate where several registers lie on one side of a bound each.

    Each further bit takes a temporary AND, which is the carry of a subtraction, and so does each further register.

    Args:
        depths: number of bits of each register down to the lowest 1 of its bound.
        controls: number of controls.
    """
    total = sum(depths) + controls
    return Gates(toffoli=total - 1) if total > 1 else Gates(cnot=total)


def staircase(qubits: int, first: int, bound: int, controls: int = 0) -> Gates:
    """Return the gates of a work qubit that is set where an index lies between a rising number and a bound.

    Two comparisons set the qubit. Unary iteration over the values then toggles it at one value after another, at any
    times, until it is 0.

    Args:
        qubits: number of qubits of the index.
        first: first value of the number.
        bound: number that the values of the index are below, at most 2^qubits.
        controls: number of controls of the whole; all are joined to one first.
    """
    if first >= bound:
        return Gates()
    depths = [qubits + 1 - (edge & -edge).bit_length() for edge in (first, bound) if 0 < edge < 1 << qubits]
    start = sum((comparison([depth], min(controls, 1)) for depth in depths), Gates())
    return start + iteration(qubits, range(first, bound), controls) + Gates(cnot=bound - first)


def permutation(targets: Sequence[int], controls: int = 0) -> Gates:
    """Return the gates of a permutation of basis states: those of its transpositions, or of two lookups if fewer.

    The first lookup writes the difference of a state and its target, which is added to the state. The second one erases
    the difference by the target.

    Args:
        targets: basis state to which each of the 2^n basis states moves.
        controls: number of controls.
    """
    table = np.asarray(targets, int)
    qubits, states = (len(table) - 1).bit_length(), np.arange(len(table))
    moved = states[table != states]
    if not len(moved):
        return Gates()
    start = _smallest_of_cycles(table)
    others = moved[start[moved] != moved]
    differing = int(np.bitwise_count(others ^ start[others]).sum())
    held = qubits - 1 + controls
    swap = Gates(toffoli=held - 1) if held > 1 else Gates(cnot=held)
    transposed = len(others) * swap + Gates(cnot=2 * (differing - len(others)))
    ones = int(np.bitwise_count(moved ^ table[moved]).sum())
    lookup = iteration(qubits, moved.tolist(), min(controls, 1)) + Gates(cnot=ones)
    looked_up = 2 * lookup + Gates(toffoli=max(controls - 1, 0), cnot=qubits)
    return min(transposed, looked_up, key=_weight)


def _looked_up(bits: int, numbers: Sequence[int], controls: int) -> Gates:
    used = [value for value, number in enumerate(numbers) if number]
    lookup = iteration((len(numbers) - 1).bit_length(), used, controls) + Gates(cnot=_ones(numbers))
    return 2 * lookup + _added(bits, numbers)


def _added(bits: int, numbers: Sequence[int]) -> Gates:
    """Return the gates of an adder of the bits from the lowest one on that any of the numbers has."""
    lowest = min(((number & -number).bit_length() - 1 for number in numbers if number), default=bits)
    return adder(bits - lowest) if bits > lowest else Gates()


def _is_linear(words: Sequence[int]) -> bool:
    """Return whether each bit of the words is an exclusive or of bits of the index, and of 1."""
    turned = [word ^ words[0] for word in words]
    return all(turned[value] == turned[value & (value - 1)] ^ turned[value & -value] for value in range(1, len(words)))


def _ones(numbers: Sequence[int]) -> int:
    return sum(number.bit_count() for number in numbers)


def _weight(gates: Gates) -> tuple[int, int]:
    return gates.toffoli, gates.cnot


def _smallest_of_cycles(table: np.ndarray) -> np.ndarray:
    """Return the smallest state of the cycle of each state."""
    found, step = np.arange(len(table)), table
    for _ in range(len(table).bit_length()):  # after k rounds, the smallest of the next 2^k states of the cycle
        found, step = np.minimum(found, found[step]), step[step]
    return found
