"""Shards of a state: which states are divided, which amplitudes a device has, and the exchange of held qubits.

Each device has the amplitudes of one value of the held qubits, which is its number, as an array over the values of all
other qubits in order. The functions on shards run inside `jax.shard_map`.

Example:
    >>> from qla_jax.meshes import mesh
    >>> with jax.set_mesh(mesh(1)):
    ...     held_count(24)
    0
"""

import functools
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import PartitionSpec
from jax.typing import DTypeLike

from qla_jax._modes import varying_like
from qla_jax.meshes import SHARDS, shards
from qla_jax.variational.sharding.schedule import Exchange, Qubits

LEAST_LOCAL_QUBITS = 10
"""Least number of qubits of a shard: smaller states are not divided, since batches of them are better divided."""

DIVIDED, WHOLE = PartitionSpec(SHARDS), PartitionSpec()


def held_count(num_qubits: int, widest: int = 1) -> int:
    """Return the number g of qubits that the devices of the mesh in use hold of a state, 0 if it is not divided.

    A state is divided if a shard has at least 2^10 amplitudes, and enough qubits for an exchange that leaves those of a
    gate in place.

    Args:
        num_qubits: number n of qubits of the state.
        widest: largest number of qubits of a gate.
    """
    count = shards().bit_length() - 1
    return count if num_qubits - count >= max(LEAST_LOCAL_QUBITS, 2 * count, count + widest) else 0


def over_shards(body: Callable[..., Any], *inputs: PartitionSpec, output: PartitionSpec | Any) -> Callable[..., Any]:
    """Return a function of arrays whose body runs on each device of the mesh in use, on its shards of them.

    Args:
        body: function of shards.
        inputs: `DIVIDED` or `WHOLE` for each argument.
        output: `DIVIDED` or `WHOLE` for the result, or for each of several.
    """
    return jax.shard_map(body, in_specs=inputs, out_specs=output, axis_names={SHARDS})


@functools.partial(jax.jit, static_argnums=(0, 1))
def zero_state(num_qubits: int, dtype: DTypeLike) -> Array:
    """Return the state |0...0>, divided among the devices of the mesh in use.

    Args:
        num_qubits: number of qubits of a state that is divided.
        dtype: dtype of the state.
    """
    local = num_qubits - held_count(num_qubits)

    def body() -> Array:
        first = jax.lax.axis_index(SHARDS) == 0
        return ((jnp.arange(1 << local) == 0) & first).astype(dtype)

    return over_shards(body, output=DIVIDED)()


def exchanged(shard: Array, step: Exchange, num_qubits: int) -> Array:
    """Return the shard of a device after an exchange of the held qubits, by one all-to-all of the shard.

    Args:
        shard: amplitudes of the device while the qubits `step.before` are held.
        step: exchange.
        num_qubits: number of qubits of the whole state.
    """
    before, after = (_others(held, num_qubits) for held in step)
    staying = [qubit for qubit in before if qubit not in step.after]
    parts = reordered(shard, before, (*step.after, *staying)).reshape(1 << len(step.after), -1)
    parts = jax.lax.all_to_all(parts, SHARDS, split_axis=0, concat_axis=0, tiled=True)
    return reordered(parts.reshape(-1), (*step.before, *staying), after)


def reordered(shard: Array, before: Qubits, after: Qubits) -> Array:
    """Return amplitudes over the values of some qubits in another order of these.

    Args:
        shard: array of 2^m entries.
        before: m qubits, the first most significant, of the array.
        after: these qubits in the order of the result.
    """
    places = [before.index(qubit) for qubit in after]
    cuts = [0, *(at for at, (one, other) in enumerate(pairwise(places), 1) if other != one + 1), len(places)]
    runs = [(places[start], stop - start) for start, stop in pairwise(cuts)]  # qubits that stay side by side
    axes = np.argsort([first for first, _ in runs])
    grid = shard.reshape([1 << runs[axis][1] for axis in axes])
    return grid.transpose(np.argsort(axes)).reshape(-1)


def places(wires: Sequence[int], held: Qubits) -> tuple[int, ...]:
    """Return the places of the wires that are not held among the qubits of a shard.

    Args:
        wires: qubits of a gate.
        held: qubits that are held.
    """
    return tuple(wire - sum(qubit < wire for qubit in held) for wire in wires if wire not in held)


def device_bits(places: Sequence[int], count: int) -> Array:
    """Return values of held qubits on this device as the bits of one integer, the first most significant.

    Args:
        places: places of the qubits among the held ones.
        count: number of held qubits.
    """
    device, bits = jax.lax.axis_index(SHARDS), jnp.zeros((), jnp.int32)
    for place in places:
        bits = 2 * bits + (device >> (count - 1 - place) & 1)
    return bits


def varying(values: Any) -> Any:
    """Return arrays marked as varying between the devices, inside `jax.shard_map`."""
    return varying_like(values, jax.lax.axis_index(SHARDS))


def _others(held: Qubits, num_qubits: int) -> Qubits:
    return tuple(qubit for qubit in range(num_qubits) if qubit not in held)
