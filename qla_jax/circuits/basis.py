r"""Circuits of classical gates on basis states, bit for bit and on many states at once.

Every step is $t \mapsto t \oplus (a \wedge b \wedge \dots)$. A whole batch runs as one word for each wire: in NumPy
and Python's integers without compilation, and for JAX arrays in one `scan` over the steps.

Example:
    >>> from qla_jax.circuits import Add, And, Gate
    >>> adder = Circuit(4, (Add((0, 1, 2), (1, 3), (3,)),), registers=(("number", 3), ("index", 1)))
    >>> on_basis(adder, number=np.array([5, 6]), index=np.array([0, 1])).registers["number"].tolist()
    [6, 1]
    >>> left = Circuit(3, (And(1, 2, 0),), registers=(("work", 1), ("x", 2)))
    >>> on_basis(left, x=np.array([1, 3])).clean.tolist()  # the AND of 3 stays in the work qubit
    [True, False]
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from qla_jax._checks import require, require_kind
from qla_jax._modes import default_promotion, varying_like
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.temporary import BasisStep

WORK = "work"
"""Name of the register of clean work qubits, which are 0 before and after."""


class BasisRun(NamedTuple):
    """Result of a run on basis states.

    Attributes:
        registers: numbers in the registers, unsigned, by name.
        clean: whether every AND had its target at 0, every erasure had the AND in it, and the register `work` ended at
            0. Other registers are not covered: one that an operation requires to be 0, and that is not, is XORed with
            the result, or spoils an AND.
    """

    registers: dict[str, Any]
    clean: Any


@default_promotion
def on_basis(circuit: Circuit, /, **values: ArrayLike) -> BasisRun:
    """Run a circuit on basis states, vectorized over arrays of equal shape.

    Args:
        circuit: circuit of classical gates only. Without named registers all wires are one register `q`.
        values: integers by register, taken modulo 2^bits, so that negative ones are two's complement; a register that
            is left out holds 0. JAX arrays may be traced.

    Raises:
        TypeError: `circuit` is not a circuit.
        ValueError: a gate that is not classical, an unknown register, or one of more bits than the integers have.

    Example:
        >>> from qla_jax.circuits import Circuit, Gate
        >>> flip = Circuit(2, (Gate("x", 1, controls=(0,), values=(0,)),), registers=(("x", 1), ("y", 1)))
        >>> on_basis(flip, x=[0, 1]).registers["y"].tolist()
        [1, 0]
    """
    require_kind("circuit", circuit, Circuit)
    steps = circuit.steps
    traced = any(isinstance(value, Array) for value in values.values())
    most = 64 if not traced or _wide_words() else 32
    wires = _wires(circuit)
    work = wires.pop(WORK, range(0))
    for name, on in wires.items():
        require(len(on) <= most, f"`values` must be registers of at most {most} bits, but {name!r} has {len(on)}.")
    for name in values:
        require(name in wires, f"`values` must be registers among {', '.join(wires)}, but one is {name!r}.")
    run = _with_jax if traced else _with_numpy
    return run(steps, circuit.num_wires, wires, work, values)


def _wires(circuit: Circuit) -> dict[str, range]:
    """Return the wires of each register, the least significant bit first."""
    end, found = 0, {}
    for name, size in circuit.registers or (("q", circuit.num_wires),):
        end += size
        found[name] = range(end - 1, end - size - 1, -1)
    return found


def _with_numpy(
    steps: Sequence[BasisStep], width: int, wires: Mapping[str, range], work: range, values: Mapping[str, ArrayLike]
) -> BasisRun:
    shape = np.broadcast_shapes(*(np.shape(value) for value in values.values()))
    count = int(np.prod(shape))
    planes = [0] * width
    for name, value in values.items():
        words = np.broadcast_to(_unsigned(value), shape).reshape(-1)
        for i, wire in enumerate(wires[name]):
            planes[wire] = as_word(words >> np.uint64(i) & np.uint64(1))
    planes, fault = permute(steps, planes, count)
    for wire in work:
        fault |= planes[wire]
    found = {}
    for name, on in wires.items():
        number = np.zeros(count, np.uint64)
        for i, wire in enumerate(on):
            number |= from_word(planes[wire], count).astype(np.uint64) << np.uint64(i)
        found[name] = number.reshape(shape)
    return BasisRun(found, ~from_word(fault, count).astype(bool).reshape(shape))


def _wide_words() -> bool:
    return jnp.result_type(int).itemsize == 8


def _unsigned(value: ArrayLike) -> np.ndarray:
    array = np.asarray(value)
    require(array.dtype.kind in "iu", f"`values` must be integers of at most 64 bits, but are {array.dtype}.")
    return array.astype(np.uint64)  # modulo 2^64


def as_word(bits: np.ndarray) -> int:
    """Return bits as one Python integer, the first bit the least significant one."""
    return int.from_bytes(np.packbits(bits.astype(bool), bitorder="little").tobytes(), "little")


def from_word(word: int, count: int) -> np.ndarray:
    """Return the bits of a Python integer.

    Args:
        word: the integer.
        count: number of bits.
    """
    raw = np.frombuffer(word.to_bytes(-(-count // 8), "little"), np.uint8)
    return np.unpackbits(raw, count=count, bitorder="little")


def permute(steps: Iterable[BasisStep], planes: Sequence[int], count: int) -> tuple[list[int], int]:
    """Run steps on so many basis states at once, with one Python integer for each wire.

    Args:
        steps: steps, first to last.
        planes: bits of all basis states for each wire.
        count: number of basis states.

    Returns:
        Bits of each wire after the steps, and a mask of basis states in which an AND or its erasure was misused.
    """
    planes, ones, fault = list(planes), (1 << count) - 1, 0
    for target, on, off, computes, erases in steps:
        if computes:
            fault |= planes[target]
        product = ones
        for wire in on:
            product &= planes[wire]
        for wire in off:
            product &= ~planes[wire]
        planes[target] ^= product
        if erases:
            fault |= planes[target]
    return planes, fault


def _with_jax(
    steps: Sequence[BasisStep], width: int, wires: Mapping[str, range], work: range, values: Mapping[str, ArrayLike]
) -> BasisRun:
    arrays = {name: jnp.asarray(value) for name, value in values.items()}
    shape = np.broadcast_shapes(*(array.shape for array in arrays.values()))
    # The last wire is always 1.
    planes = jnp.zeros((width + 1, *shape), bool).at[width].set(True)
    for name, array in arrays.items():
        require(jnp.issubdtype(array.dtype, jnp.integer), f"`values` must be integers, but are {array.dtype}.")
        at = np.array(wires[name], np.int32)
        # places above the top bit repeat the sign
        places = np.minimum(np.arange(len(at)), 8 * array.dtype.itemsize - 1)
        bits = jnp.broadcast_to(array, shape)[None] >> _column(places, shape).astype(array.dtype) & 1
        planes = planes.at[at].set(bits.astype(bool))

    def step(carry: tuple[Array, Array], row: Any) -> tuple[tuple[Array, Array], None]:
        planes, fault = carry
        target, controls, flipped, computes, erases = row
        old, product = planes[target], True
        for wire, flip in zip(controls, flipped, strict=True):
            product = product & (planes[wire] ^ flip)
        new = old ^ product
        return (planes.at[target].set(new), fault | (old & computes) | (new & erases)), None

    start = varying_like((planes, jnp.zeros(shape, bool)), arrays)
    (planes, fault), _ = jax.lax.scan(step, start, _rows(steps, width))
    fault = fault | planes[np.array(work, np.int32)].any(axis=0)
    word = jnp.uint64 if _wide_words() else jnp.uint32
    found = {}
    for name, on in wires.items():
        bits = planes[np.array(on, np.int32)].astype(word)
        found[name] = jnp.sum(bits << _column(np.arange(len(on)), shape).astype(word), axis=0, dtype=word)
    return BasisRun(found, ~fault)


def _column(places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return places.reshape(-1, *(1,) * len(shape))


def _rows(steps: Sequence[BasisStep], one: int) -> tuple[np.ndarray, ...]:
    """Return targets, controls, whether each control is inverted, and both conditions, a row for each step."""
    most = max((len(step.on) + len(step.off) for step in steps), default=0)
    controls = np.full((len(steps), most), one, np.int32)
    inverted = np.zeros((len(steps), most), bool)
    for row, step in enumerate(steps):
        used = len(step.on) + len(step.off)
        controls[row, :used] = *step.on, *step.off
        inverted[row, len(step.on) : used] = True
    targets = np.array([step.target for step in steps], np.int32)
    computes, erases = (np.array([getattr(step, name) for step in steps], bool) for name in ("computes", "erases"))
    return targets, controls, inverted, computes, erases
