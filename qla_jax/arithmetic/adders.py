r"""Adders in place, $|a\rangle|b\rangle \mapsto |a\rangle|a + b \bmod 2^n\rangle$, with an optional wire for the carry.

| adder | non-Clifford gates | ancillas | depth |
|---|---|---|---|
| `cuccaro` | 2n - 1 Toffoli with the carry, 2n - 2 without | 1 | O(n) |
| `gidney` | n AND with the carry, n - 1 without (4n - 4 T) | n - 1 | O(n) |
| `lookahead` | up to 10n Toffoli | 3n at most | O(log n) |
| `draper` | n(n + 1)/2 phases and two Fourier transforms | 0 | O(n) |

The inverse of each adder subtracts.

References:
    Cuccaro, Draper, Kutin, Moulton (2004), sections 2 and 3. https://arxiv.org/abs/quant-ph/0410184
    Gidney (2018), figure 1. https://arxiv.org/abs/1709.06648
    Draper (2000). https://arxiv.org/abs/quant-ph/0008033
"""

from collections.abc import Hashable

from qla_jax._checks import require
from qla_jax.arithmetic.gates import Gates, Register, ReversibleGate, ccx, conjugate, cx, flip, inverse, land, wires


def require_equal_bits(a: Register, b: Register) -> None:
    """Raise ValueError unless both registers have the same number of bits, at least one.

    Args:
        a: first register.
        b: second register.
    """
    require(len(a) == len(b) > 0, f"`a` and `b` must have as many bits, but have {len(a)} and {len(b)}.")


def gidney(a: Register, b: Register, carry: Hashable | None = None) -> Gates:
    """Return the gates of Gidney's adder, whose carries are computed by ANDs and erased by measurement.

    Args:
        a: summand, which is kept.
        b: summand, which becomes the sum.
        carry: clean wire for the carry; none by default.

    Raises:
        ValueError: registers of different length, or empty.
    """
    require_equal_bits(a, b)
    chain, carries = carry_chain(a[:-1], b[:-1])
    top = _top(a[-1], b[-1], carries[-1] if carries else None, carry)
    return [*chain, *top, *_unchain(a[:-1], b[:-1], carries)]


def carry_chain(a: Register, b: Register) -> tuple[Gates, tuple[Hashable, ...]]:
    """Return gates that leave the carry out of each bit in a new wire, and these wires; carries are XORed into a and b.

    Args:
        a: first summand.
        b: second summand.
    """
    gates: Gates = []
    carries = wires(len(a))
    for i, (ai, bi) in enumerate(zip(a, b, strict=True)):
        before = carries[i - 1 : i] if i else ()
        gates += [cx(c, wire) for c in before for wire in (ai, bi)]
        gates += [land(ai, bi, carries[i]), *(cx(c, carries[i]) for c in before)]
    return gates, carries


def _top(a: Hashable, b: Hashable, before: Hashable | None, carry: Hashable | None) -> Gates:
    if carry is None:
        return [cx(c, b) for c in (before, a) if c is not None]
    known = [] if before is None else [before]
    enter = [cx(c, wire) for c in known for wire in (a, b)]
    return [*enter, land(a, b, carry), *(cx(c, wire) for c in known for wire in (carry, a)), cx(a, b)]


def _unchain(a: Register, b: Register, carries: Register) -> Gates:
    gates: Gates = []
    for i in reversed(range(len(a))):
        before = carries[i - 1 : i] if i else ()
        gates += [*(cx(c, carries[i]) for c in before), ReversibleGate("UNAND", (a[i], b[i], carries[i]))]
        gates += [*(cx(c, a[i]) for c in before), cx(a[i], b[i])]
    return gates


def cuccaro(a: Register, b: Register, carry: Hashable | None = None) -> Gates:
    """Return the gates of the ripple-carry adder with one ancilla.

    From four bits on it is the optimized circuit of section 3: 2n - 1 Toffoli, 5n - 3 CNOT and 2n - 4 NOT gates with
    the carry. Below it is the plain circuit of section 2, with one MAJ and one UMA for each bit.

    Args:
        a: summand, which is kept.
        b: summand, which becomes the sum.
        carry: wire that is XORed with the carry; none by default.

    Raises:
        ValueError: registers of different length, or empty.
    """
    require_equal_bits(a, b)
    n = len(a)
    (x,) = wires(1)
    if n < 4:
        line = (x, *a)
        steps = [_majority(line[i], b[i], a[i]) for i in range(n)]
        out = [] if carry is None else [cx(a[-1], carry)]
        undo = [_unmajority(line[i], b[i], a[i]) for i in reversed(range(n))]
        return [gate for part in (*steps, out, *undo) for gate in part]
    ripple = [cx(a[1], x), ccx(a[0], b[0], x), cx(a[2], a[1]), ccx(x, b[1], a[1]), cx(a[3], a[2])]
    for i in range(2, n - 2):
        ripple += [ccx(a[i - 1], b[i], a[i]), cx(a[i + 2], a[i + 1])]
    ripple += [ccx(a[n - 3], b[n - 2], a[n - 2])]
    out = [] if carry is None else [cx(a[n - 1], carry), ccx(a[n - 2], b[n - 1], carry)]
    middle = [flip(b[i]) for i in range(1, n - 1)]
    sums = [cx(x, b[1]), *(cx(a[i - 1], b[i]) for i in range(2, n))]
    back: Gates = []
    for gate in inverse(ripple):
        back.append(gate)
        if gate.name == "CX" and gate.wires[1] != x:  # the bit above is restored, so its complement can be undone
            back.append(flip(b[a.index(gate.wires[1])]))
    gates = [cx(a[i], b[i]) for i in range(1, n)]
    return [*gates, *ripple, *out, *middle, *sums, *back, *(cx(a[i], b[i]) for i in range(n))]


def _majority(c: Hashable, b: Hashable, a: Hashable) -> Gates:
    return [cx(a, b), cx(a, c), ccx(c, b, a)]


def _unmajority(c: Hashable, b: Hashable, a: Hashable) -> Gates:
    return [ccx(c, b, a), cx(a, c), cx(c, b)]


def draper(a: Register, b: Register, carry: Hashable | None = None) -> Gates:
    """Return the gates of Draper's adder: phases between a Fourier transform of b and its inverse.

    Args:
        a: summand, which is kept.
        b: summand, which becomes the sum.
        carry: clean wire for the carry, the top bit of the sum; none by default.

    Raises:
        ValueError: registers of different length, or empty.
    """
    require_equal_bits(a, b)
    target = [*b] if carry is None else [*b, carry]
    phases = [
        ReversibleGate("CP", (ai, target[j]), 0.5 ** (j - i + 1))
        for j in range(len(target))
        for i, ai in enumerate(a)
        if i <= j
    ]
    return conjugate(fourier(target), phases)


def fourier(register: Register) -> Gates:
    """Return the gates of the quantum Fourier transform without its swaps: bit j ends with the phase $x/2^{j+1}$."""
    gates: Gates = []
    for j in reversed(range(len(register))):
        gates.append(ReversibleGate("H", (register[j],)))
        gates += [ReversibleGate("CP", (register[i], register[j]), 0.5 ** (j - i + 1)) for i in reversed(range(j))]
    return gates
