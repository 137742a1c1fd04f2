r"""Exact fidelity of the noisy channel by its density matrix under every Kraus operator, for n up to 2.

Only basis states that are reached have a row. The host finds them, element by element, from the gates of the plan. This
code shares nothing with `tree` and `branches`, which are tested against it. Quantities that depend on rates may be
traced: the fidelity is a polynomial in the Pauli rates and, except for square roots of $1 - \gamma$, in $\gamma$, and
can be differentiated.

Example:
    >>> from qla_jax.qram.memories import memory
    >>> from qla_jax.qram.rates import depolarizing
    >>> mem = memory([1, 0, 0, 1], word_bits=1)
    >>> slope = jax.jit(jax.grad(lambda rate: exact_fidelity(mem, depolarizing(rate))))(0.0)
    >>> bool(-4 * 18 <= slope < 0)  # S(2, 1) = 18
    True
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from qla_jax._checks import is_concrete, require, require_kind
from qla_jax.linalg.products import matmul
from qla_jax.qram._checks import as_amplitudes, nan_unless_finite
from qla_jax.qram.memories import Memory
from qla_jax.qram.rates import ErrorRates
from qla_jax.qram.scheduling import RouterGate

MAX_EXACT_BITS = 2
MAX_STATES = 4096
"""Largest number of basis states: their density matrix takes 256 MiB."""

State = dict[tuple[str, int], int]
Frozen = tuple[tuple[tuple[str, int], int], ...]


class _Map(NamedTuple):
    """Monomial operator, which takes each row to one row with a factor."""

    rows: np.ndarray
    factors: np.ndarray


def exact_fidelity(mem: Memory, noise: ErrorRates, amplitudes: Array | None = None) -> Array:
    r"""Return the exact fidelity $\langle\psi|\rho|\psi\rangle$ of the slots' state $\rho$ after a noisy read.

    A traced rate outside its range, or traced amplitudes of another norm, give NaN.

    Args:
        mem: memory with at most 2 address bits, not traced.
        noise: error rates at its sites; the result is differentiable in them, except at $\gamma = 1$.
        amplitudes: amplitudes of the addresses, a unit vector; all equal by default.

    Raises:
        TypeError: `mem` is no memory, or `noise` no `ErrorRates`.
        ValueError: too large or a traced memory, amplitudes of another shape or norm, or too many states.

    Example:
        >>> from qla_jax.qram import amplitude_damping, memory
        >>> mem = memory([1, 0, 0, 1], word_bits=1)
        >>> fidelity = jax.jit(lambda rate: exact_fidelity(mem, amplitude_damping(rate)))
        >>> round(float(fidelity(0.1)), 6)  # 0.9^13
        0.254187
    """
    require_kind("mem", mem, Memory)
    require_kind("noise", noise, ErrorRates)
    n = mem.address_bits
    require(n <= MAX_EXACT_BITS, f"`mem` must have at most {MAX_EXACT_BITS} address bits here, but has {n}.")
    require(is_concrete(mem.bits), "`mem` must be known, but is traced: its states are found on the host.")
    amplitudes = as_amplitudes(n, amplitudes, noise.x.dtype)
    bits = np.asarray(mem.bits)
    states = [_freeze(_start(mem, address)) for address in range(1 << n)]
    rho = amplitudes[:, None] * amplitudes.conj()[None, :]
    for gate, site in _program(mem):
        if gate is not None:
            states, maps = _reach(states, [lambda s, g=gate: (_gate(g, s, bits), 1)])
            rho = _conjugate(rho, maps[0], len(states))
        elif site is not None:
            rho, states = _strike(rho, states, site, noise)
        require(len(states) <= MAX_STATES, f"`mem` must reach at most {MAX_STATES} states, but reaches {len(states)}.")
    return nan_unless_finite(_overlap(rho, states, mem, amplitudes), noise, amplitudes)


def _program(mem: Memory) -> Iterator[tuple[RouterGate | None, tuple[str, int] | None]]:
    for layer, active in zip(mem.plan.layers, mem.plan.active, strict=True):
        yield from ((gate, None) for gate in layer)
        yield from ((None, (kind, node)) for node in range(1, 1 << active) for kind in ("carrier", "router"))


def _start(mem: Memory, address: int) -> State:
    """Return the state before a read as a dict of elements, 1 for bit 0 and 2 for bit 1.

    Elements at rest are not listed.
    """
    n, k = mem.address_bits, mem.word_bits
    slots = [1 + (address >> (n - 1 - bit) & 1) for bit in range(n)] + [1] * k
    return {("slot", slot): value for slot, value in enumerate(slots)}


def _gate(gate: RouterGate, state: State, bits: np.ndarray) -> State:
    state = dict(state)
    level = range(1 << gate.place, 2 << gate.place)
    if gate.kind == "exchange":
        _swap(state, ("slot", gate.place), ("carrier", 1))
    elif gate.kind == "store":
        for node in level:
            _swap(state, ("router", node), ("carrier", node))
    elif gate.kind == "route":
        for node in level:
            if side := state.get(("router", node), 0):
                _swap(state, ("carrier", node), ("carrier", 2 * node + side - 1))
    else:
        for node in range(len(bits) // 2, len(bits)):
            held, side = state.get(("carrier", node), 0), state.get(("router", node), 0)
            if held and side and bits[2 * node + side - 1 - len(bits), gate.place]:
                state[("carrier", node)] = 3 - held
    return state


def _strike(rho: Array, states: list[Frozen], site: tuple[str, int], noise: ErrorRates) -> tuple[Array, list[Frozen]]:
    # Kraus operators as functions of a basis state to its image and factor: 1, X, XZ and Z here, the loss of a 0 or a 1
    # below. They are monomial, so a density matrix moves by permutation and never needs a dense product.
    flip = lambda s: ({**s, site: 3 - s[site]} if site in s else s, 1)  # noqa: E731
    sign = lambda s: (s, -1 if s.get(site) == 2 else 1)  # noqa: E731
    both = lambda s: (flip(s)[0], sign(s)[1])  # noqa: E731
    reached, maps = _reach(states, [lambda s: (s, 1), flip, both, sign])
    rates = (1 - noise.pauli, noise.x, noise.y, noise.z)
    parts = [rate * _conjugate(rho, part, len(reached)) for rate, part in zip(rates, maps, strict=True)]
    rho = jnp.sum(jnp.stack(parts), axis=0)
    held = np.array([site in dict(state) for state in reached])
    gone = [lambda s, v=v: ({e: w for e, w in s.items() if e != site}, int(s.get(site) == v)) for v in (1, 2)]
    left, maps = _reach(reached, [lambda s: (s, 1), *gone])
    power = (held[:, None].astype(int) + held[None, :].astype(int)) / 2
    # The exponent is at least 1/2 in the branch that is not taken, since the derivative of 0^0 would be NaN.
    stays = jnp.where(power == 0, 1, (1 - noise.loss) ** jnp.maximum(power, 0.5))
    rho_stays = _conjugate(rho * stays, maps[0], len(left))
    return rho_stays + noise.loss * sum(_conjugate(rho, part, len(left)) for part in maps[1:]), left


def _reach(states: list[Frozen], operators: list[Callable]) -> tuple[list[Frozen], list[_Map]]:
    places: dict[Frozen, int] = {}
    maps = []
    for operator in operators:
        images = [operator(dict(state)) for state in states]
        kept = [(_freeze(image), factor) for image, factor in images]
        rows = [places.setdefault(image, len(places)) if factor else 0 for image, factor in kept]
        factors = np.array([factor for _, factor in kept])
        maps.append(_Map(np.array(rows), factors))
    return list(places), maps


def _conjugate(rho: Array, part: _Map, size: int) -> Array:
    factors = jnp.asarray(part.factors, rho.dtype)
    moved = rho * factors[:, None] * factors[None, :]
    return jnp.zeros((size, size), rho.dtype).at[part.rows[:, None], part.rows[None, :]].add(moved)


def _overlap(rho: Array, states: list[Frozen], mem: Memory, amplitudes: Array) -> Array:
    n, k, bits = mem.address_bits, mem.word_bits, np.asarray(mem.bits)
    by_tree: dict[Frozen, list[tuple[int, int]]] = {}
    for row, frozen in enumerate(states):
        state = dict(frozen)
        slots = [state.get(("slot", slot), 0) - 1 for slot in range(n + k)]
        address = sum(max(bit, 0) << (n - 1 - place) for place, bit in enumerate(slots[:n]))
        if min(slots) >= 0 and slots[n:] == bits[address].tolist():
            tree = _freeze({element: v for element, v in state.items() if element[0] != "slot"})
            by_tree.setdefault(tree, []).append((row, address))
    total = jnp.zeros((), rho.real.dtype)
    for members in by_tree.values():
        rows, addresses = (np.array(part) for part in zip(*members, strict=True))
        ideal = amplitudes[addresses]
        total += matmul(ideal.conj(), rho[rows[:, None], rows[None, :]], ideal).real
    return total


def _swap(state: State, one: tuple[str, int], other: tuple[str, int]) -> None:
    held = {place: state.pop(place, 0) for place in (one, other)}
    state.update({new: held[old] for new, old in ((one, other), (other, one)) if held[old]})


def _freeze(state: State) -> Frozen:
    return tuple(sorted(state.items()))
