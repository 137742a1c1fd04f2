r"""Simulation of circuits, on many basis states at once and on superpositions.

On basis states every classical gate is $t \mapsto t \oplus (a \wedge b)$, with a wire that is always 1 for a missing
control. A whole batch runs as one word for each wire. NumPy arrays and numbers run in NumPy, without compilation; JAX
arrays run under one `scan` over the gates.

On superpositions a run of classical gates is one gather, and a run of phases is one product.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._checks import as_inexact, is_concrete, require
from qla_jax._modes import default_promotion, varying_like
from qla_jax.arithmetic.gates import CLASSICAL, ReversibleGate, inverse
from qla_jax.linalg.hadamard import hadamard


class Program(Protocol):
    """Interface of a simulated circuit: gates on numbered wires, some of which are registers by name."""

    @property
    def gates(self) -> tuple[ReversibleGate, ...]: ...
    @property
    def sizes(self) -> tuple[tuple[str, int], ...]: ...
    @property
    def num_ancillas(self) -> int: ...
    @property
    def width(self) -> int: ...
    def wires(self, name: str) -> tuple[int, ...]: ...


MAX_STATE_QUBITS = 24
"""Limit on the qubits of a state: 2^24 amplitudes take 256 MiB in complex128."""


class BasisRun(NamedTuple):
    """Result of a run on basis states.

    Attributes:
        registers: numbers in the registers, unsigned, by name.
        clean: whether every AND had its target at 0, every UNAND had the AND in it, and all ancillas ended at 0.
            Registers are not covered: one that an operation requires to be 0, and that is not, is XORed with the
            result, or spoils an AND.
    """

    registers: dict[str, Any]
    clean: Any


@default_promotion
def on_basis(circuit: Program, values: dict[str, ArrayLike]) -> BasisRun:
    """Run a circuit on basis states, vectorized over arrays of equal shape.

    Args:
        circuit: circuit of classical gates only.
        values: integers by register, taken modulo 2^bits, so that negative ones are two's complement; a register that
            is left out holds 0.

    Raises:
        ValueError: a gate that is not classical, an unknown register, or one of more bits than the integers have.
    """
    for gate in circuit.gates:
        require(gate.name in CLASSICAL, f"`circuit` must permute basis states, but has a gate {gate.name}.")
    traced = any(isinstance(value, Array) for value in values.values())
    most = 64 if not traced or _wide_words() else 32
    sizes = dict(circuit.sizes)
    for name, size in circuit.sizes:
        require(size <= most, f"`values` must be registers of at most {most} bits, but {name!r} has {size}.")
    for name in values:
        require(name in sizes, f"`values` must be registers among {', '.join(sizes)}, but one is {name!r}.")
    return _with_jax(circuit, values) if traced else _with_numpy(circuit, values)


def _with_numpy(circuit: Program, values: dict[str, ArrayLike]) -> BasisRun:
    shape = np.broadcast_shapes(*(np.shape(value) for value in values.values()))
    count = int(np.prod(shape))
    planes = [0] * circuit.width
    for name, value in values.items():
        words = np.broadcast_to(_unsigned(value), shape).reshape(-1)
        for i, wire in enumerate(circuit.wires(name)):
            planes[wire] = _as_word(words >> np.uint64(i) & np.uint64(1))
    planes, fault = permute(circuit.gates, planes, count)
    for plane in planes[: circuit.num_ancillas]:
        fault |= plane
    found = {}
    for name, _ in circuit.sizes:
        number = np.zeros(count, np.uint64)
        for i, wire in enumerate(circuit.wires(name)):
            number |= _from_word(planes[wire], count).astype(np.uint64) << np.uint64(i)
        found[name] = number.reshape(shape)
    return BasisRun(found, ~_from_word(fault, count).astype(bool).reshape(shape))


def _wide_words() -> bool:
    return jnp.result_type(int).itemsize == 8


def _unsigned(value: ArrayLike) -> np.ndarray:
    array = np.asarray(value)
    require(array.dtype.kind in "iu", f"`values` must be integers of at most 64 bits, but are {array.dtype}.")
    return array.astype(np.uint64)  # modulo 2^64


def _as_word(bits: np.ndarray) -> int:
    return int.from_bytes(np.packbits(bits.astype(bool), bitorder="little").tobytes(), "little")


def _from_word(word: int, count: int) -> np.ndarray:
    raw = np.frombuffer(word.to_bytes(-(-count // 8), "little"), np.uint8)
    return np.unpackbits(raw, count=count, bitorder="little")


def permute(gates: Sequence[ReversibleGate], planes: Sequence[int], count: int) -> tuple[list[int], int]:
    """Run gates on so many basis states at once, with one Python integer for each wire.

    Args:
        gates: classical gates.
        planes: bits of all basis states for each wire.
        count: number of basis states.

    Returns:
        Bits of each wire after the gates, and a mask of basis states in which an AND or its erasure was misused.
    """
    planes, ones, fault = list(planes), (1 << count) - 1, 0
    for name, on, _ in gates:
        target: Any = on[-1]
        if name == "SWAP":
            planes[on[0]], planes[target] = planes[target], planes[on[0]]
            continue
        if name == "AND":
            fault |= planes[target]
        product = ones
        for control in on[:-1]:
            product &= planes[control]
        planes[target] ^= product
        if name == "UNAND":
            fault |= planes[target]
    return planes, fault


def _with_jax(circuit: Program, values: dict[str, ArrayLike]) -> BasisRun:
    arrays = {name: jnp.asarray(value) for name, value in values.items()}
    shape = np.broadcast_shapes(*(array.shape for array in arrays.values()))
    one = circuit.width  # the wire that is always 1
    planes = jnp.zeros((one + 1, *shape), bool).at[one].set(True)
    for name, array in arrays.items():
        require(jnp.issubdtype(array.dtype, jnp.integer), f"`values` must be integers, but are {array.dtype}.")
        wires = np.array(circuit.wires(name), np.int32)
        # places above the top bit repeat the sign
        places = np.minimum(np.arange(len(wires)), 8 * array.dtype.itemsize - 1)
        bits = jnp.broadcast_to(array, shape)[None] >> _column(places, shape).astype(array.dtype) & 1
        planes = planes.at[wires].set(bits.astype(bool))

    def step(carry: tuple[Array, Array], row: Array) -> tuple[tuple[Array, Array], None]:
        planes, fault = carry
        first, second, target, before, after = row
        old = planes[target]
        new = old ^ (planes[first] & planes[second])
        fault = fault | (old & before.astype(bool)) | (new & after.astype(bool))
        return (planes.at[target].set(new), fault), None

    rows = jnp.asarray(np.array([row for gate in circuit.gates for row in _rows(gate, one)], np.int32).reshape(-1, 5))
    (planes, fault), _ = jax.lax.scan(step, varying_like((planes, jnp.zeros(shape, bool)), arrays), rows)
    fault = fault | planes[: circuit.num_ancillas].any(axis=0)
    word = jnp.uint64 if _wide_words() else jnp.uint32
    found = {}
    for name, size in circuit.sizes:
        bits = planes[np.array(circuit.wires(name), np.int32)].astype(word)
        found[name] = jnp.sum(bits << _column(np.arange(size), shape).astype(word), axis=0, dtype=word)
    return BasisRun(found, ~fault)


def _column(places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return places.reshape(-1, *(1,) * len(shape))


def _rows(gate: ReversibleGate, one: int) -> list[tuple[int, ...]]:
    on: Any = gate.wires
    if gate.name == "SWAP":
        return [(on[i], one, on[1 - i], 0, 0) for i in (0, 1, 0)]
    controls = (*on[:-1], one, one)[:2]
    return [(*controls, on[-1], int(gate.name == "AND"), int(gate.name == "UNAND"))]


@default_promotion
def on_state(
    circuit: Program, state: Num[Array, "..."], turns: ArrayLike | None, outcomes: ArrayLike | None
) -> Num[Array, "..."]:
    r"""Run a circuit on a superposition. The result is linear in the state, and differentiable in it and in `turns`.

    Args:
        circuit: circuit of at most 24 qubits.
        state: array of $2^{a+n}$ amplitudes of any shape, such as (2^a, 2^n).
        turns: angles of P and CP over $2\pi$ in the order of the gates, one each, in place of the circuit's own.
        outcomes: 0 or 1 for each UNAND, in order: its measurement then has this outcome, and the state is scaled to its
            conditional norm (each outcome of an erasure has probability 1/2). Without outcomes an UNAND is the
            permutation that it is on the states it is meant for. Inside jit other numbers than 0 and 1 give NaN.

    Raises:
        ValueError: too many qubits, a state of another size, turns or outcomes that are not as many as their gates, or,
            where it can be seen, turns that are not finite and outcomes besides 0 and 1.
    """
    qubits = circuit.width
    require(qubits <= MAX_STATE_QUBITS, f"`circuit` must have at most {MAX_STATE_QUBITS} qubits, but has {qubits}.")
    state = as_inexact("state", state)
    require(state.size == 1 << qubits, f"`state` must have 2^{qubits} amplitudes, but has shape {state.shape}.")
    turns = None if turns is None else _as_turns(circuit, turns)
    outcomes = None if outcomes is None else _as_outcomes(circuit, outcomes)
    flat, phase, erasure = state.reshape(-1), 0, 0
    for kind, run in _runs(circuit.gates, erasing=outcomes is not None):
        if kind == "classical":
            flat = flat[_preimages(run, qubits)]
        elif kind == "phases":
            own = np.array([gate.turns for gate in run])
            angles = own if turns is None else turns[phase : phase + len(run)]
            flat = _turn(run, angles, flat)
            phase += len(run)
        elif kind == "H":
            flat = _on_wire(run[0].wires[0], flat)
        else:
            assert outcomes is not None  # without them no run is an erasure
            flat = _erase(run[0], outcomes[erasure], flat)
            erasure += 1
    return flat.reshape(state.shape)


def _as_turns(circuit: Program, turns: ArrayLike) -> Array:
    turns = as_inexact("turns", turns)
    require(jnp.isrealobj(turns), f"`turns` must be real, but are {turns.dtype}.")
    count = sum(gate.name in ("P", "CP") for gate in circuit.gates)
    require(turns.shape == (count,), f"`turns` must have shape {(count,)}, but has shape {turns.shape}.")
    if is_concrete(turns):
        require(bool(np.isfinite(np.asarray(turns)).all()), f"`turns` must be finite, but are {turns}.")
    return turns


def _as_outcomes(circuit: Program, outcomes: ArrayLike) -> Array:
    outcomes = jnp.asarray(outcomes)
    count = sum(gate.name == "UNAND" for gate in circuit.gates)
    require(outcomes.shape == (count,), f"`outcomes` must have shape {(count,)}, but has shape {outcomes.shape}.")
    whole = jnp.issubdtype(outcomes.dtype, jnp.integer) or outcomes.dtype == bool or count == 0
    require(whole, f"`outcomes` must be integers, but are {outcomes.dtype}.")
    if is_concrete(outcomes):
        seen = np.asarray(outcomes)
        require(bool(np.isin(seen, (0, 1)).all()), f"`outcomes` must be 0 or 1, but are {seen.tolist()}.")
    return outcomes.astype(jnp.int32)


def _kind(gate: ReversibleGate, erasing: bool) -> str:
    if erasing and gate.name == "UNAND":
        return "erasure"
    return "classical" if gate.name in CLASSICAL else "H" if gate.name == "H" else "phases"


def _runs(gates: Sequence[ReversibleGate], erasing: bool) -> list[tuple[str, list[ReversibleGate]]]:
    """Return runs of consecutive gates of one kind; Hadamard gates and measurements are alone."""
    runs: list[tuple[str, list[ReversibleGate]]] = []
    for gate in gates:
        kind = _kind(gate, erasing)
        if runs and runs[-1][0] == kind and kind in ("classical", "phases"):
            runs[-1][1].append(gate)
        else:
            runs.append((kind, [gate]))
    return runs


def _preimages(gates: Sequence[ReversibleGate], qubits: int) -> np.ndarray:
    """Return, for each basis state, the one that the gates take to it."""
    basis = np.arange(1 << qubits, dtype=np.uint32)
    planes = [_as_word(basis >> np.uint32(qubits - 1 - wire) & np.uint32(1)) for wire in range(qubits)]
    planes, _ = permute(inverse(gates), planes, 1 << qubits)
    found = np.zeros(1 << qubits, np.int32)
    for plane in planes:
        found = 2 * found + _from_word(plane, 1 << qubits)
    return found


def _bits(wire: Any, qubits: int) -> np.ndarray:
    return (np.arange(1 << qubits) >> (qubits - 1 - wire) & 1).astype(np.float64)


def _turn(gates: Sequence[ReversibleGate], turns: Any, flat: Array) -> Array:
    qubits = flat.size.bit_length() - 1
    xp = np if isinstance(turns, np.ndarray) else jnp
    total: Any = xp.zeros(flat.size)
    for gate, turn in zip(gates, turns, strict=True):
        mask = np.prod([_bits(wire, qubits) for wire in gate.wires], axis=0)
        total = total + turn * mask
    total = total - xp.round(total)
    complex_dtype = jnp.result_type(flat.dtype, jnp.complex64)
    return flat * jnp.asarray(xp.exp(2j * np.pi * total), complex_dtype)


def _on_wire(wire: int, flat: Array) -> Array:
    return hadamard(flat.reshape(1 << wire, 2, -1), axis=1).reshape(-1)


def _erase(gate: ReversibleGate, outcome: Array, flat: Array) -> Array:
    """Apply H and a measurement to the target, CZ on outcome 1, and reset the target to |0>."""
    qubits = flat.size.bit_length() - 1
    first, second, target = gate.wires
    halves = _on_wire(target, flat).reshape(1 << target, 2, -1)
    found: Any = jnp.where((outcome == 0) | (outcome == 1), jnp.take(halves, outcome, axis=1, mode="clip"), jnp.nan)
    whole = jnp.stack([found, jnp.zeros_like(found)], axis=1).reshape(-1) * np.sqrt(2)
    both = jnp.asarray(_bits(first, qubits) * _bits(second, qubits), whole.real.dtype)
    return whole * (1 - 2 * outcome * both).astype(whole.dtype)
