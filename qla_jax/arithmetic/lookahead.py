r"""Adders of logarithmic depth: carries by a tree of the bits that generate one and the stretches that propagate it.

$G[j]$ ends as the carry into bit j, $P_t[m]$ says that bits $2^tm$ to $2^t(m+1) - 1$ propagate. With $w(n)$ ones in the
binary expansion of n and logarithms rounded down the Toffoli gates are

* out of place, of the sum with its carry: $5n - 3w(n) - 3\log n - 1$,
* in place, carry included: $10n - 3w(n) - 3w(n-1) - 3\log n - 3\log(n-1) - 7$.

References:
    Draper, Kutin, Rains, Svore (2004), sections 3 and 4. https://arxiv.org/abs/quant-ph/0406142
"""

from collections.abc import Hashable, Sequence

from qla_jax._checks import require
from qla_jax.arithmetic.adders import require_equal_bits
from qla_jax.arithmetic.gates import Gates, Register, ccx, conjugate, cx, flip, inverse, wires


def lookahead(a: Register, b: Register, carry: Hashable | None = None) -> Gates:
    """The carry-lookahead adder in place, b += a; `carry` has to be clean.

    Raises:
        ValueError: registers of different length, or empty.
    """
    require_equal_bits(a, b)
    n = len(a)
    carries = wires(n - 1)
    known = n if carry is not None else n - 1  # bits whose carry out is wanted
    line = (None, *carries) if carry is None else (None, *carries, carry)
    compute = [ccx(a[i], b[i], line[i + 1]) for i in range(known)]
    compute += [cx(a[i], b[i]) for i in range(1, n)]
    compute += _carries(b[:known], line)
    sums = [cx(line[i], b[i]) for i in range(1, n)] + [cx(a[0], b[0])]
    low = range(n - 1)
    complement, propagate = [flip(b[i]) for i in low], [cx(a[i], b[i]) for i in low if i]
    # The carries of a and the complement of the sum are the same ones.
    again = [ccx(a[i], b[i], line[i + 1]) for i in low] + propagate + _carries(b[: n - 1], line[:n])
    return [*compute, *sums, *complement, *propagate, *inverse(again), *complement]


def lookahead_sum(a: Register, b: Register, total: Register) -> Gates:
    """The sum of a and b into a clean register of one more bit.

    Raises:
        ValueError: registers of different length, or empty, or `total` not one bit longer.
    """
    require_equal_bits(a, b)
    n = len(a)
    require(len(total) == n + 1, f"`total` must have {n + 1} bits, but has {len(total)}.")
    gates = [ccx(a[i], b[i], total[i + 1]) for i in range(n)]
    propagate = [cx(a[i], b[i]) for i in range(1, n)]
    line = (None, *total[1:])
    sums = [cx(b[i], total[i]) for i in range(n)] + [cx(a[0], total[0])]
    return [*gates, *conjugate(propagate, [*_carries(b, line), *sums])]


def _carries(propagate: Register, line: Sequence[Hashable | None]) -> Gates:
    """From bits that generate, in line[1:], to carries, by the stretches that propagate; these are cleaned up."""
    n = len(propagate)
    levels: list[dict[int, Hashable]] = [dict(enumerate(propagate))]
    tree: Gates = []
    for t in range(1, _log(n)):
        level: dict[int, Hashable] = dict(zip(range(1, n >> t), wires((n >> t) - 1), strict=True))
        tree += [ccx(levels[-1][2 * m], levels[-1][2 * m + 1], level[m]) for m in level]
        levels.append(level)
    gates: Gates = []
    for t in range(1, _log(n) + 1):
        for m in range(n >> t):
            half = (m << t) + (1 << (t - 1))
            gates.append(ccx(line[half], levels[t - 1][2 * m + 1], line[(m << t) + (1 << t)]))
    for t in range(_log(2 * n // 3), 0, -1):
        for m in range(1, ((n - (1 << (t - 1))) >> t) + 1):
            gates.append(ccx(line[m << t], levels[t - 1][2 * m], line[(m << t) + (1 << (t - 1))]))
    return conjugate(tree, gates)


def _log(n: int) -> int:
    return max(n.bit_length() - 1, 0)
