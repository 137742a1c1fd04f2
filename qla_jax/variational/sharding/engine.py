"""Circuits on divided states: forward, and back with the cotangents of all gates, each in one `jax.shard_map`.

Both walk through the same schedule. A gate whose qubits are all in the shards acts on each shard as on a state of fewer
qubits. For a gate with held qubits, which it does not mix, each device takes the block of the matrix for its value of
them. Going back, each device sums cotangents over its own amplitudes, and one sum over devices ends the walk.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from qla_jax.linalg.qubits import Matrix, apply_matrix
from qla_jax.meshes import SHARDS
from qla_jax.variational.blocks import BLOCK_QUBITS, States, after
from qla_jax.variational.fusion import PlacedGate, apply_fused
from qla_jax.variational.layers import GateLayer
from qla_jax.variational.sharding.schedule import Act, Exchange, Leg, MixedRow, Qubits, schedule
from qla_jax.variational.sharding.shards import (
    DIVIDED,
    WHOLE,
    device_bits,
    exchanged,
    held_count,
    over_shards,
    places,
    varying,
)
from qla_jax.variational.uncomputing import cotangent_of, has_parameters, pull, push
from qla_jax.variational.unitaries import ParametrizedGate

Layers = tuple[GateLayer, ...]
Gates = tuple[ParametrizedGate, ...]
RowOnShard = Callable[[Sequence[ParametrizedGate], Qubits, Array], Array]


def is_divided(layers: Sequence[GateLayer], num_qubits: int) -> bool:
    """Return whether a circuit runs on a state divided among the devices of the mesh in use.

    Args:
        layers: layers of the circuit.
        num_qubits: number of qubits of the state.
    """
    widest = max((len(gate.wires) for layer in layers for gate in layer.gates), default=1)
    return held_count(num_qubits, widest) > 0


def one_by_one(gates: Sequence[ParametrizedGate], held: Qubits, shard: Array) -> Array:
    """Return a shard after some gates, as `ParametrizedGate.apply` acts on a whole state.

    Args:
        gates: gates that mix no held qubit.
        held: qubits that are held, none for a whole state.
        shard: shard before the gates.
    """
    for gate in gates:
        local = places(gate.wires, held)
        if len(local) == len(gate.wires):
            shard = gate.replace(wires=local).apply(shard)
        else:
            matrix = _block(gate.matrix_for(shard.dtype), gate.wires, held)
            shard = apply_matrix(matrix, local, shard, diagonal=gate.diagonal or not local)
    return shard


def in_place(gates: Sequence[ParametrizedGate], held: Qubits, shard: Array) -> Array:
    """Return a shard after some gates, as the adjoint method applies them: in place if it is large.

    Args:
        gates: gates that mix no held qubit.
        held: qubits that are held, none for a whole state.
        shard: shard before the gates.
    """
    if shard.size <= 1 << BLOCK_QUBITS:
        # With barriers between diagonal gates, XLA takes 20 times as long for a row of them before an exchange.
        return one_by_one(gates, held, shard)
    for gate in gates:
        shard = push(*_placed(gate, held, shard.dtype), shard)
    return shard


def in_blocks(gates: Sequence[ParametrizedGate], held: Qubits, shard: Array) -> Array:
    """Return a shard after some gates, fused to blocks.

    Args:
        gates: gates that mix no held qubit.
        held: qubits that are held, none for a whole state.
        shard: shard before the gates.
    """
    return apply_fused([_placed(gate, held, shard.dtype) for gate in gates], shard)


@partial(jax.jit, static_argnames=("act",))
def run(layers: Layers, state: Array, *, act: RowOnShard) -> Array:
    """Return the state after all layers, in the shape of the initial state.

    Args:
        layers: layers of the circuit.
        state: state of 2^n amplitudes.
        act: `one_by_one`, `in_place` or `in_blocks`, which applies the gates between two exchanges.
    """
    num_qubits = state.size.bit_length() - 1
    plan = _plan(layers, num_qubits)

    def body(layers: Layers, shard: Array) -> Array:
        layers = varying(layers)
        for leg in plan:
            shard = _forward(leg, layers, shard, act, num_qubits)
        return shard

    return over_shards(body, WHOLE, DIVIDED, output=DIVIDED)(layers, state.reshape(-1)).reshape(state.shape)


@jax.jit
def run_back(layers: Layers, state: Array, cotangent: Array) -> tuple[Layers, Array]:
    """Return the cotangents of layers and of the initial state, by un-computing the circuit.

    Args:
        layers: layers of the circuit.
        state: state after the circuit.
        cotangent: cotangent of that state.
    """
    num_qubits = state.size.bit_length() - 1
    plan = _plan(layers, num_qubits)

    def body(layers: Layers, state: Array, cotangent: Array) -> tuple[Layers, Array]:
        layers, found = varying(layers), list(layers)
        pair: States = (after(cotangent[0], state), cotangent)
        for leg in plan[::-1]:
            pair, gates = _backward(leg, layers, pair, num_qubits)
            if leg.layer is not None:
                found[leg.layer] = layers[leg.layer].replace(gates=gates)
        return jax.lax.psum(tuple(found), SHARDS), pair[1]

    walk = over_shards(body, WHOLE, DIVIDED, DIVIDED, output=(WHOLE, DIVIDED))
    of_layers, of_state = walk(layers, state.reshape(-1), cotangent.reshape(-1))
    return of_layers, of_state.reshape(state.shape)


def _plan(layers: Layers, num_qubits: int) -> tuple[Leg, ...]:
    rows = [MixedRow(layer.repeats, tuple(gate.mixed for gate in layer.gates)) for layer in layers]
    return schedule(rows, num_qubits, held_count(num_qubits))


def _forward(leg: Leg, layers: Layers, shard: Array, act: RowOnShard, num_qubits: int) -> Array:
    def once(shard: Array, gates: Gates) -> tuple[Array, None]:
        for _, group in groupby(leg.steps, key=type):
            steps = list(group)
            acts = [step for step in steps if isinstance(step, Act)]
            for step in steps:
                shard = exchanged(shard, step, num_qubits) if isinstance(step, Exchange) else shard
            if acts:  # no exchange between them, so that all have the same qubits held
                shard = act([gates[step.gate] for step in acts], acts[0].held, shard)
        return shard, None

    if leg.layer is None:
        return once(shard, ())[0]
    layer = layers[leg.layer]
    return jax.lax.scan(once, shard, layer.gates, length=layer.repeats)[0]


def _backward(leg: Leg, layers: Layers, pair: States, num_qubits: int) -> tuple[States, Gates]:
    """Return state and cotangent before a leg, and the cotangents of its gates from the amplitudes of this device."""

    def once(pair: States, gates: Gates) -> tuple[States, Gates]:
        found = list(gates)
        for step in leg.steps[::-1]:
            if isinstance(step, Exchange):
                back = Exchange(before=step.after, after=step.before)
                pair = tuple(exchanged(shard, back, num_qubits) for shard in pair)
            else:
                pair, found[step.gate] = _pulled(gates[step.gate], step, pair)
        return pair, tuple(found)

    if leg.layer is None:
        return once(pair, ())
    layer = layers[leg.layer]
    return jax.lax.scan(once, pair, layer.gates, length=layer.repeats, reverse=True)


def _pulled(gate: ParametrizedGate, step: Act, pair: States) -> tuple[States, Any]:
    """Return state and cotangent before a gate, and the cotangent of the gate from the amplitudes of this device."""
    pair, entries = pull(*_placed(gate, step.held, pair[0].dtype), pair, wanted=has_parameters(gate))
    return pair, cotangent_of(gate, None if entries is None else _spread(entries, gate.wires, step.held))


def _placed(gate: ParametrizedGate, held: Qubits, dtype: jnp.dtype) -> PlacedGate:
    """Return a gate as it acts on a shard of a dtype."""
    local = places(gate.wires, held)
    return PlacedGate(_block(gate.matrix_for(dtype), gate.wires, held), local, gate.diagonal or not local)


def _block(matrix: Matrix, wires: Sequence[int], held: Qubits) -> Matrix:
    """Return the block of a matrix for this device's values of the wires that are held."""
    known = [wire for wire in wires if wire in held]
    if not known:
        return matrix
    grid = _by_value(jnp.asarray(matrix), wires, held)
    value = device_bits([held.index(wire) for wire in known], len(held))
    sizes = (1, grid.shape[1], 1, grid.shape[3])
    return jax.lax.dynamic_slice(grid, _corner(value), sizes)[0, :, 0]


def _spread(block: Array, wires: Sequence[int], held: Qubits) -> Array:
    """Return a matrix that is zero but for the block of this device's values of the wires that are held."""
    known = [wire for wire in wires if wire in held]
    if not known:
        return block
    sizes = (1 << len(known), len(block))
    value = device_bits([held.index(wire) for wire in known], len(held))
    grid = varying(jnp.zeros(2 * sizes, block.dtype))
    grid = jax.lax.dynamic_update_slice(grid, block[None, :, None], _corner(value))
    order = [wires.index(wire) for wire in (*known, *(wire for wire in wires if wire not in held))]
    back = [order.index(place) for place in range(len(wires))]
    count = len(wires)
    bits = grid.reshape((2,) * (2 * count)).transpose(*back, *(count + place for place in back))
    return bits.reshape(1 << count, 1 << count)


def _corner(value: Array) -> tuple[Array, ...]:
    none = jnp.zeros_like(value)
    return value, none, value, none


def _by_value(matrix: Array, wires: Sequence[int], held: Qubits) -> Array:
    """Return a matrix with one axis for the values of the wires that are held and one for the others, on each side."""
    order = sorted(range(len(wires)), key=lambda place: wires[place] not in held)
    count, known = len(wires), sum(wire in held for wire in wires)
    bits = matrix.reshape((2,) * (2 * count)).transpose(*order, *(count + place for place in order))
    return bits.reshape(2 * (1 << known, 1 << (count - known)))
