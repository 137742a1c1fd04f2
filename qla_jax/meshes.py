"""Meshes of devices: states, batches and parameters divided among devices by JAX's own partitioner.

Under `with jax.set_mesh(qla.mesh()):` every node keeps its state divided along the axis `SHARDS` of the mesh. Without a
mesh, or under a mesh that has no such axis, the functions of this module return their arguments as they are.

Example:
    >>> with jax.set_mesh(mesh()):
    ...     shards() == len(jax.devices())
    True
    >>> shards()
    1
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax import Array
from jax.sharding import AxisType, Mesh, PartitionSpec

from qla_jax._checks import as_integer, require

SHARDS = "shards"
"""Name of the mesh axis along which nodes divide their states."""
BATCH = "batch"
"""Name of the mesh axis of a training, along which images are divided; nodes leave their states whole there."""


def mesh(count: int | None = None, *, devices: Sequence[jax.Device] | None = None) -> Mesh:
    """Return a mesh of one axis, `SHARDS`, whose sharding XLA propagates (`AxisType.Auto`).

    Args:
        count: number of devices, a power of two; the default is all of them. The first `count` devices are taken.
        devices: devices to take; the default is `jax.devices()`, those of all processes.

    Raises:
        ValueError: a count that is no power of two, or larger than the number of devices.

    Example:
        >>> mesh(1).shape[SHARDS]
        1
    """
    devices = jax.devices() if devices is None else list(devices)
    count = len(devices) if count is None else as_integer("count", count)
    require(
        count >= 1 and count & (count - 1) == 0,
        f"the number of devices must be a power of two, since a shard holds the amplitudes of some values of the "
        f"leading qubits, but is {count}. `mesh({1 << max(0, count.bit_length() - 1)})` takes the first ones.",
    )
    require(count <= len(devices), f"`count` must be at most the number of devices, {len(devices)}, but is {count}.")
    return Mesh(np.array(devices[:count]), (SHARDS,), axis_types=(AxisType.Auto,))


def over_batch(mesh: Mesh) -> Mesh:
    """Return a mesh of one axis, `BATCH`, with the devices of another one.

    Args:
        mesh: mesh of any axes.
    """
    return Mesh(mesh.devices.reshape(-1), (BATCH,), axis_types=(AxisType.Auto,))


def shards(name: str = SHARDS) -> int:
    """Return the number of devices along an axis of the mesh in use, 1 where there is none.

    Args:
        name: name of the axis.

    Raises:
        ValueError: an axis whose shardings are explicit, or an axis `SHARDS` of a size that is no power of two.
    """
    in_use = jax.sharding.get_abstract_mesh()
    if in_use.empty or name not in in_use.axis_names:
        return 1
    kind = dict(zip(in_use.axis_names, in_use.axis_types, strict=True))[name]
    if kind == AxisType.Manual:  # inside `jax.shard_map`, where arrays are those of one device
        return 1
    require(
        kind == AxisType.Auto,
        f"the axis `{name}` of the mesh in use must be of type Auto, but is {kind.name}: `qla.mesh()` makes one.",
    )
    size = in_use.shape[name]
    fits = name != SHARDS or size & (size - 1) == 0
    require(fits, f"the axis `{name}` of the mesh must be a power of two, but is {size}.")
    return size


def whole(array: Array, name: str = SHARDS) -> Array:
    """Return an array constrained to be whole on every device of the mesh in use; unchanged without a mesh.

    Args:
        array: array.
        name: name of the mesh axis among whose devices it may be divided.
    """
    return array if shards(name) == 1 else jax.lax.with_sharding_constraint(array, PartitionSpec())


def divided(array: Array, axis: int = -1, name: str = SHARDS) -> Array:
    """Return an array constrained to be divided along one axis among the devices of the mesh in use.

    The array stays as it is without a mesh, and where the axis is too short or does not divide.

    Args:
        array: array with at least one axis.
        axis: axis that is divided; all others are on every device.
        name: name of the mesh axis.
    """
    count = shards(name)
    if count == 1 or array.shape[axis] % count:
        return array
    names: list[str | None] = [None] * array.ndim
    names[axis] = name
    return jax.lax.with_sharding_constraint(array, PartitionSpec(*names))


def local(function: Callable[..., Array], *axes: int | None, out: int | None) -> Callable[..., Array]:
    """Return a function that runs on each device alone, on the parts of its arguments that the device holds.

    Inside, `shards()` is 1, so that encodings run as on one device. `jax.lax` collectives over `SHARDS` exchange parts.
    Arrays that the function encloses are on every device.

    Args:
        function: function of as many arrays as there are `axes`.
        axes: axis along which each argument is divided, None for an argument that is whole on every device.
        out: axis along which the result is divided, None for a result that is whole on every device.
    """
    *ins, outs = (PartitionSpec() if axis is None else PartitionSpec(*(None,) * axis, SHARDS) for axis in (*axes, out))
    return jax.shard_map(function, in_specs=tuple(ins), out_specs=outs, axis_names={SHARDS})


def batched(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `jax.vmap(function)`, which under a mesh runs on each device alone, for a part of the batch.

    Nothing is exchanged between devices, whatever the function does. XLA by itself would gather the operands of Fourier
    transforms and of decompositions. Without a mesh, and for a batch that does not divide, this is `jax.vmap`.

    Args:
        function: function of arrays, or of pytrees of arrays, for one item of the batch.

    Returns:
        Function of the same arguments with one more axis in front.

    Example:
        >>> batched(jnp.sum)(jnp.ones((4, 3))).tolist()
        [3.0, 3.0, 3.0, 3.0]
    """
    return by_parts(jax.vmap(function))


def by_parts(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of batches that runs on each device alone, for its part of every batch.

    Args:
        function: function of pytrees of arrays with a common leading axis, the batch; so are its results.
    """

    def run(*batches: Any) -> Any:
        count = shards()
        if count == 1 or any(leaf.shape[0] % count for leaf in jax.tree.leaves(batches)):
            return function(*batches)
        part = PartitionSpec(SHARDS)
        return jax.shard_map(function, in_specs=part, out_specs=part, axis_names={SHARDS})(*batches)

    return run
