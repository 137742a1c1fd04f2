"""Placement of the arrays of a training: on one device as the caller made them, or divided among those of a mesh.

Images are divided among the devices, and each process reads the images of its own devices only. Parameters, running
statistics and the optimizer's state are whole on every device, or divided along their first axis that divides.

Example:
    >>> placement(None, 8, shard_parameters=False).mesh is None
    True
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from qla_jax._checks import require
from qla_jax.meshes import BATCH, over_batch


@dataclass(frozen=True)
class Placement:
    """Mesh of a training, and whether parameters are divided as well.

    Attributes:
        mesh: mesh of one axis, `BATCH`; None for the caller's device.
        shard_parameters: whether parameters and the optimizer's state are divided.
    """

    mesh: Mesh | None
    shard_parameters: bool = False

    def in_use(self) -> AbstractContextManager:
        """Return the context in which steps are traced and run."""
        return nullcontext() if self.mesh is None else jax.set_mesh(self.mesh)

    def put(self, tree: Any) -> Any:
        """Return a state on the devices of the mesh."""
        return tree if self.mesh is None else jax.tree.map(self._put, tree)

    def kept(self, tree: Any) -> Any:
        """Return a state inside a compiled step, constrained to where `put` puts it."""
        if self.mesh is None:
            return tree
        return jax.tree.map(lambda leaf: jax.lax.with_sharding_constraint(leaf, self._of(leaf.shape)), tree)

    def batch(self, array: np.ndarray, chosen: np.ndarray) -> Array | np.ndarray:
        """Return the chosen entries of an array, each on the device that works on it."""
        if self.mesh is None:
            return array[chosen]
        shape = (len(chosen), *array.shape[1:])
        sharding = NamedSharding(self.mesh, PartitionSpec(BATCH))
        return jax.make_array_from_callback(shape, sharding, lambda index: array[chosen[index[0]]])  # type: ignore[index]

    def returned(self, tree: Any, given: Any) -> Any:
        """Return a trained state on the devices of the given one."""
        return tree if self.mesh is None else jax.tree.map(_returned, tree, given)

    def _put(self, leaf: Any) -> Array:
        if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            data = self._put(jax.random.key_data(leaf))
            return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
        whole = on_host(leaf)
        return jax.make_array_from_callback(whole.shape, self._of(whole.shape), lambda index: whole[index])

    def _of(self, shape: tuple[int, ...]) -> NamedSharding:
        assert self.mesh is not None
        count = self.mesh.size
        axis = next((i for i, size in enumerate(shape) if size % count == 0), None) if self.shard_parameters else None
        names = [] if axis is None else [*[None] * axis, BATCH]
        return NamedSharding(self.mesh, PartitionSpec(*names))


_trained_on: ContextVar[Mesh | None] = ContextVar("trained_on", default=None)


@contextmanager
def trains_on(mesh: Mesh) -> Iterator[None]:
    """Let trainings use a mesh inside the context, unless they are given one; nothing else is divided.

    Args:
        mesh: mesh of devices.
    """
    token = _trained_on.set(mesh)
    try:
        yield
    finally:
        _trained_on.reset(token)


def placement(mesh: Mesh | None, batch_size: int, *, shard_parameters: bool) -> Placement:
    """Return where the arrays of a training lie.

    Args:
        mesh: mesh whose devices take part; None for the mesh in use, and without one for the caller's device.
        batch_size: number of images per step.
        shard_parameters: whether parameters and the optimizer's state are divided.

    Raises:
        ValueError: a batch that does not divide among the devices.
    """
    found = mesh or _trained_on.get() or jax.sharding.get_mesh()
    if found.empty:
        require(not shard_parameters, "`shard_parameters` needs a `mesh`, but there is none.")
        return Placement(None)
    count = found.size
    require(
        batch_size % count == 0,
        f"`batch_size` must be a multiple of the number of devices of `mesh`, {count}, but is {batch_size}.",
    )
    return Placement(over_batch(found), shard_parameters)


def on_host(leaf: Any) -> np.ndarray:
    """Return an array as a NumPy array in every process, wherever its parts lie; all processes have to call."""
    if not isinstance(leaf, Array) or leaf.is_fully_addressable or leaf.is_fully_replicated:
        return np.asarray(leaf)
    from jax.experimental import multihost_utils

    return multihost_utils.process_allgather(leaf, tiled=True)


def _returned(leaf: Array, given: Array) -> Array:
    host = on_host(leaf)
    # An array of the default device stays free to be combined with those of others.
    return jnp.asarray(host) if given.devices() == jnp.zeros(()).devices() else jax.device_put(host, given.sharding)
