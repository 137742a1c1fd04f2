r"""Simulation of circuits of arithmetic on superpositions, with the outcomes of erasures where they are given.

A run of classical operations is one gather, and a run of phases is one product, so that a program of hundreds of gates
compiles fast. All other gates are simulated one by one.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num

from qla_jax._checks import as_inexact, is_concrete, require
from qla_jax._modes import default_promotion
from qla_jax.circuits.basis import as_word, from_word, permute
from qla_jax.circuits.circuit import Circuit
from qla_jax.circuits.operations import Elementary, Gate, Operation, Phase
from qla_jax.circuits.simulation import simulate
from qla_jax.circuits.temporary import And, BasisStep, step_of
from qla_jax.linalg.hadamard import hadamard

MAX_STATE_QUBITS = 24
"""Limit on the qubits of a state: 2^24 amplitudes take 256 MiB in complex128."""


@default_promotion
def on_state(
    circuit: Circuit, state: Num[Array, "..."], turns: ArrayLike | None, outcomes: ArrayLike | None
) -> Num[Array, "..."]:
    r"""Run a circuit on a superposition. The result is linear in the state, and differentiable in it and in `turns`.

    Args:
        circuit: circuit of at most 24 qubits.
        state: array of $2^{a+n}$ amplitudes of any shape, such as (2^a, 2^n).
        turns: angles of phases over $2\pi$ in the order of the gates, one each, in place of the circuit's own.
        outcomes: 0 or 1 for each erasure, in order: its measurement then has this outcome, and the state is scaled to
            its conditional norm (each outcome of an erasure has probability 1/2). Without outcomes an erasure is the
            permutation that it is on the states it is meant for. Inside jit other numbers than 0 and 1 give NaN.

    Raises:
        ValueError: too many qubits, a state of another size, turns or outcomes that are not as many as their gates, or,
            where it can be seen, turns that are not finite and outcomes besides 0 and 1.
    """
    qubits = circuit.num_wires
    require(qubits <= MAX_STATE_QUBITS, f"`circuit` must have at most {MAX_STATE_QUBITS} qubits, but has {qubits}.")
    state = as_inexact("state", state)
    require(state.size == 1 << qubits, f"`state` must have 2^{qubits} amplitudes, but has shape {state.shape}.")
    parts = [(_kind(part, outcomes is not None), part) for part in circuit.opened(And)]
    kinds = [kind for kind, _ in parts]
    angles: Any = [
        part.number() / (2 * np.pi) for kind, part in parts if kind == "phase" and isinstance(part, Elementary)
    ]
    angles = np.array(angles) if turns is None else _as_turns(turns, kinds.count("phase"))
    measured: Any = () if outcomes is None else _as_outcomes(outcomes, kinds.count("erasure"))
    flat = state.reshape(-1)
    for kind, group in groupby(parts, key=lambda pair: pair[0]):
        run: list[Any] = [part for _, part in group]
        if kind == "classical":
            flat = flat[_preimages([step for step in map(step_of, run) if step], qubits)]
        elif kind == "phase":
            flat, angles = _turn(run, angles[: len(run)], flat), angles[len(run) :]
        elif kind == "erasure":
            for part, outcome in zip(run, measured[: len(run)], strict=True):
                flat = _erase(part, outcome, flat)
            measured = measured[len(run) :]
        else:
            for part in run:
                flat = _alone(part, flat)
    return flat.reshape(state.shape)


def _as_turns(turns: ArrayLike, count: int) -> Array:
    turns = as_inexact("turns", turns)
    require(jnp.isrealobj(turns), f"`turns` must be real, but are {turns.dtype}.")
    require(turns.shape == (count,), f"`turns` must have shape {(count,)}, but has shape {turns.shape}.")
    if is_concrete(turns):
        require(bool(np.isfinite(np.asarray(turns)).all()), f"`turns` must be finite, but are {turns}.")
    return turns


def _as_outcomes(outcomes: ArrayLike, count: int) -> Array:
    outcomes = jnp.asarray(outcomes)
    require(outcomes.shape == (count,), f"`outcomes` must have shape {(count,)}, but has shape {outcomes.shape}.")
    whole = jnp.issubdtype(outcomes.dtype, jnp.integer) or outcomes.dtype == bool or count == 0
    require(whole, f"`outcomes` must be integers, but are {outcomes.dtype}.")
    if is_concrete(outcomes):
        seen = np.asarray(outcomes)
        require(bool(np.isin(seen, (0, 1)).all()), f"`outcomes` must be 0 or 1, but are {seen.tolist()}.")
    return outcomes.astype(jnp.int32)


def _kind(part: Operation, erasing: bool) -> str:
    step = step_of(part)
    if step:
        return "erasure" if erasing and step.erases else "classical"
    return "phase" if isinstance(part, Phase) or (isinstance(part, Gate) and part.name == "p") else "other"


def _preimages(steps: Sequence[BasisStep], qubits: int) -> np.ndarray:
    """Return, for each basis state, the one that the steps take to it: each step is its own inverse."""
    basis = np.arange(1 << qubits, dtype=np.uint32)
    planes = [as_word(basis >> np.uint32(qubits - 1 - wire) & np.uint32(1)) for wire in range(qubits)]
    planes, _ = permute(steps[::-1], planes, 1 << qubits)
    found = np.zeros(1 << qubits, np.int32)
    for plane in planes:
        found = 2 * found + from_word(plane, 1 << qubits)
    return found


def _held(on: Sequence[int], off: Sequence[int], qubits: int) -> np.ndarray:
    """Return 1 for the basis states whose wires have their values, and 0 for all others."""
    basis = np.arange(1 << qubits)
    one, zero = (sum(1 << (qubits - 1 - wire) for wire in wires) for wires in (on, off))
    return ((basis & one == one) & (basis & zero == 0)).astype(np.float64)


def _turn(parts: Sequence[Gate | Phase], turns: Any, flat: Array) -> Array:
    qubits = flat.size.bit_length() - 1
    xp = np if isinstance(turns, np.ndarray) else jnp
    total: Any = xp.zeros(flat.size)
    for part, turn in zip(parts, turns, strict=True):
        values = (*part.values, *((1,) if isinstance(part, Gate) else ()))
        on, off = ([wire for wire, value in zip(part.wires, values, strict=True) if value == v] for v in (1, 0))
        total = total + turn * _held(on, off, qubits)
    total = total - xp.round(total)
    complex_dtype = jnp.result_type(flat.dtype, jnp.complex64)
    return flat * jnp.asarray(xp.exp(2j * np.pi * total), complex_dtype)


def _alone(part: Operation, flat: Array) -> Array:
    if isinstance(part, Gate) and part.name == "h" and not part.controls:  # real states stay real
        return _hadamard(part.target, flat)
    return simulate(Circuit(flat.size.bit_length() - 1, (part,)), flat)


def _hadamard(wire: int, flat: Array) -> Array:
    return hadamard(flat.reshape(1 << wire, 2, -1), axis=1).reshape(-1)


def _erase(part: Operation, outcome: Array, flat: Array) -> Array:
    """Apply H and a measurement to the target, CZ on outcome 1, and reset the target to |0>."""
    step = step_of(part)
    assert step is not None
    halves = _hadamard(step.target, flat).reshape(1 << step.target, 2, -1)
    found: Any = jnp.where((outcome == 0) | (outcome == 1), jnp.take(halves, outcome, axis=1, mode="clip"), jnp.nan)
    whole = jnp.stack([found, jnp.zeros_like(found)], axis=1).reshape(-1) * np.sqrt(2)
    both = jnp.asarray(_held(step.on, step.off, flat.size.bit_length() - 1), whole.real.dtype)
    return whole * (1 - 2 * outcome * both).astype(whole.dtype)
