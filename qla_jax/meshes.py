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

import jax
import numpy as np
from jax import Array
from jax.sharding import AxisType, Mesh, PartitionSpec

from qla_jax._checks import as_integer, require

SHARDS = "shards"
"""Name of the mesh axis along which states and batches are divided."""


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


def shards() -> int:
    """Return the number of devices along the axis `SHARDS` of the mesh in use, 1 where there is none.

    Raises:
        ValueError: an axis `SHARDS` whose shardings are explicit, or a size that is no power of two.
    """
    in_use = jax.sharding.get_abstract_mesh()
    if in_use.empty or SHARDS not in in_use.axis_names:
        return 1
    kind = dict(zip(in_use.axis_names, in_use.axis_types, strict=True))[SHARDS]
    if kind == AxisType.Manual:  # inside `jax.shard_map`, where arrays are those of one device
        return 1
    require(
        kind == AxisType.Auto,
        f"the axis `{SHARDS}` of the mesh in use must be of type Auto, but is {kind.name}: `qla.mesh()` makes one.",
    )
    size = in_use.shape[SHARDS]
    require(size & (size - 1) == 0, f"the axis `{SHARDS}` of the mesh must be a power of two, but is {size}.")
    return size


def divided(array: Array, axis: int = -1) -> Array:
    """Return an array constrained to be divided along one axis among the devices of the mesh in use.

    The array stays as it is without a mesh, and where the axis is too short or does not divide.

    Args:
        array: array with at least one axis.
        axis: axis that is divided; all others are on every device.
    """
    count = shards()
    if count == 1 or array.shape[axis] % count:
        return array
    names: list[str | None] = [None] * array.ndim
    names[axis] = SHARDS
    return jax.lax.with_sharding_constraint(array, PartitionSpec(*names))


def local(function: Callable[..., Array], *axes: int | None, out: int) -> Callable[..., Array]:
    """Return a function that runs on each device alone, on the parts of its arguments that the device holds.

    Inside, `shards()` is 1, so that encodings run as on one device. `jax.lax` collectives over `SHARDS` exchange parts.
    Arrays that the function encloses are on every device.

    Args:
        function: function of as many arrays as there are `axes`.
        axes: axis along which each argument is divided, None for an argument that is whole on every device.
        out: axis along which the result is divided.
    """
    ins = tuple(PartitionSpec() if axis is None else PartitionSpec(*(None,) * axis, SHARDS) for axis in axes)
    return jax.shard_map(function, in_specs=ins, out_specs=PartitionSpec(*(None,) * out, SHARDS), axis_names={SHARDS})
