r"""QROM: a table of words that is read into a register, $|i\rangle|t\rangle \mapsto |i\rangle|t \oplus d_i\rangle$.

Without work qubits, unary iteration visits each of the N words. With them, the table is read in blocks of
$\lambda$ words at once (SELECT), the wanted word of the block is moved to the front (SWAP), copied, and all is undone.
The count of Toffoli gates falls from $N - 2$ to $2(\lceil N/\lambda\rceil - 2) + 2b(\lambda - 1)$ for words of b bits.

Example:
    >>> from qla_jax.circuits import Circuit, count
    >>> words = [1 + number % 3 for number in range(256)]
    >>> for spare in (0, 8, 16):
    ...     read = lookup_operations(words, range(8), (8, 9), ancillas=range(10, 10 + spare))
    ...     print(spare, count(Circuit(10 + spare, read)).toffoli)
    0 254
    8 136
    16 88

References:
    Babbush et al. (2018), unary iteration, section III C. https://arxiv.org/abs/1805.03662
    Low, Kliuchnikov, Schaeffer (2018), SELECT-SWAP, section 2. https://arxiv.org/abs/1812.00954
"""

from collections.abc import Sequence

from qla_jax._checks import as_integers, require
from qla_jax.circuits.composites import Within
from qla_jax.circuits.operations import Gate, Operation, require_disjoint
from qla_jax.circuits.select import Select, bits_of


def lookup_operations(
    words: Sequence[int], index: Sequence[int], on: Sequence[int], *, ancillas: Sequence[int] = ()
) -> tuple[Operation, ...]:
    r"""Return operations that add the word of an index to a register bit by bit, modulo 2.

    Each multiple $\lambda b$ of the word size b that is not more than the number of work qubits allows blocks of
    $\lambda$ words, a power of two. The block size with the fewest Toffoli gates is taken.

    Args:
        words: words of b bits, at most 2^k of them, the first one for index 0; later indices read 0.
        index: k wires of the index, the most significant first.
        on: b wires of the register, the most significant first.
        ancillas: work qubits, which are 0 before and after.

    Raises:
        ValueError: more words than values of the index, a word that does not fit, or wires that overlap.

    Example:
        >>> from qla_jax.circuits import Circuit, to_matrix
        >>> read = Circuit(3, lookup_operations([1, 0, 2], (0,), (1, 2)))
        Traceback (most recent call last):
            ...
        ValueError: `words` must be at most 2, one for each value of the index, but are 3.
        >>> read = Circuit(3, lookup_operations([1, 2], (0,), (1, 2)))
        >>> to_matrix(read).real.argmax(axis=0).tolist()
        [1, 0, 3, 2, 6, 7, 4, 5]

    References:
        Low, Kliuchnikov, Schaeffer (2018), section 2. https://arxiv.org/abs/1812.00954
    """
    words, index, on, work = as_integers("words", words), tuple(index), tuple(on), tuple(ancillas)
    require_disjoint((), (*index, *on, *work))
    told = f"`words` must be at most {1 << len(index)}, one for each value of the index, but are {len(words)}."
    require(len(words) <= 1 << len(index), told)
    outside = [word for word in words if not 0 <= word < 1 << len(on)]
    require(not outside, f"`words` must be numbers of {len(on)} bits, but one is {outside[:1]}.")
    swapped = min(range(_levels(len(index), len(on), len(work)) + 1), key=lambda level: _toffolis(words, on, level))
    if swapped == 0:
        return (_written(words, index, [on]),)
    size, high, low = 1 << swapped, index[:-swapped], index[-swapped:]
    blocks = [work[len(on) * place : len(on) * (place + 1)] for place in range(size)]
    moved = [gate for bit, wire in enumerate(reversed(low)) for gate in _halved(blocks, wire, 1 << bit)]
    copied = tuple(Gate("x", wire, controls=(source,)) for source, wire in zip(blocks[0], on, strict=True))
    return (Within((_written(words, high, blocks), *moved), copied),)


def _levels(index: int, bits: int, work: int) -> int:
    """Return the largest number of bits of the index that can be swapped on so many work qubits."""
    return max(level for level in range(index + 1) if level == 0 or bits << level <= work)


def _toffolis(words: Sequence[int], on: Sequence[int], swapped: int) -> int:
    rows = -(-len(words) >> swapped) or 1
    return max(rows - 2, 0) if swapped == 0 else 2 * (max(rows - 2, 0) + len(on) * ((1 << swapped) - 1))


def _written(words: Sequence[int], index: Sequence[int], blocks: Sequence[Sequence[int]]) -> Operation:
    """Return NOT gates that write a row of words, one word to each block, for each value of the index."""
    rows = [words[start : start + len(blocks)] for start in range(0, len(words), len(blocks))]
    branches = tuple(
        tuple(
            Gate("x", wire)
            for word, block in zip(row, blocks[: len(row)], strict=True)
            for wire, bit in zip(block, bits_of(word, len(block)), strict=True)
            if bit
        )
        for row in rows
    )
    used = [number for number, branch in enumerate(branches) if branch]
    return Select(tuple(index), tuple(used), tuple(branches[number] for number in used))


def _halved(blocks: Sequence[Sequence[int]], control: int, step: int) -> list[Operation]:
    """Return swaps, under a control, of blocks at this distance whose results are wanted further on."""
    found: list[Operation] = []
    for first in range(0, len(blocks), 2 * step):
        for here, there in zip(blocks[first], blocks[first + step], strict=True):
            flip = Gate("x", there, controls=(here,))
            found.append(Within((flip,), (Gate("x", here, controls=(control, there)),)))
    return found
