r"""Adders of logarithmic depth: a tree over bits that generate a carry and stretches that propagate it.

The wire $G[j]$ ends as the carry into bit j, and $P_t[m]$ says whether bits $2^tm$ to $2^t(m+1) - 1$ propagate a carry.
With $w(n)$ ones in the binary expansion of n and logarithms rounded down, the numbers of Toffoli gates are

* out of place, for the sum with its carry: $5n - 3w(n) - 3\log n - 1$,
* in place, carry included: $10n - 3w(n) - 3w(n-1) - 3\log n - 3\log(n-1) - 7$.

References:
    Draper, Kutin, Rains, Svore (2004), sections 3 and 4. https://arxiv.org/abs/quant-ph/0406142
"""

from collections.abc import Hashable, Sequence

from qla_jax._checks import require
from qla_jax.arithmetic.adders import require_equal_bits
from qla_jax.arithmetic.gates import Gates, Register, ccx, conjugate, cx, flip, inverse, wires


def lookahead(a: Register, b: Register, carry: Hashable | None = None) -> Gates:
    """Return the gates of the carry-lookahead adder in place, b += a.

    Args:
        a: summand, which is kept.
        b: summand, which becomes the sum.
        carry: clean wire for the carry; none by default.

    Raises:
        ValueError: registers of different length, or empty.
    """
    require_equal_bits(a, b)
    n = len(a)
    carries = wires(n - 1)
    known = n if carry is not None else n - 1  # number of bits whose carry out is computed
    line = (None, *carries) if carry is None else (None, *carries, carry)
    compute = [ccx(a[i], b[i], line[i + 1]) for i in range(known)]
    compute += [cx(a[i], b[i]) for i in range(1, n)]
    compute += _carries(b[:known], line)
    sums = [cx(line[i], b[i]) for i in range(1, n)] + [cx(a[0], b[0])]
    low = range(n - 1)
    complement, propagate = [flip(b[i]) for i in low], [cx(a[i], b[i]) for i in low if i]
    # The carries of a plus the complement of the sum are those of a plus b, so that addition uncomputes them.
    again = [ccx(a[i], b[i], line[i + 1]) for i in low] + propagate + _carries(b[: n - 1], line[:n])
    return [*compute, *sums, *complement, *propagate, *inverse(again), *complement]


def lookahead_sum(a: Register, b: Register, total: Register) -> Gates:
    """Return the gates that write the sum of a and b into a clean register.

    Args:
        a: first summand.
        b: second summand.
        total: clean register of one more bit, for the sum.

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
    """Return gates that turn generating bits, in line[1:], into carries, and clean up the propagating stretches."""
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
