"""Meshes of devices: what they divide, where they change nothing, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, Mesh

import qla_jax as qla
from qla_jax.meshes import SHARDS, divided, shards

COUNT = len(jax.devices())


def test_without_a_mesh_arrays_stay_as_they_are():
    array = jnp.arange(8.0)
    assert shards() == 1
    assert divided(array) is array


def test_arrays_are_divided_along_the_axis_that_is_named():
    array = jnp.zeros((2 * COUNT, COUNT))
    with jax.set_mesh(qla.mesh()):
        first, last = (jax.jit(divided, static_argnums=1)(array, axis) for axis in (0, 1))
    assert first.sharding.shard_shape(array.shape) == (2, COUNT)
    assert last.sharding.shard_shape(array.shape) == (2 * COUNT, 1)


def test_a_mesh_without_the_axis_changes_nothing():
    array = jnp.arange(8.0)
    with jax.set_mesh(Mesh(np.array(jax.devices()[:1]), ("data",), axis_types=(AxisType.Auto,))):
        assert shards() == 1
        assert divided(array) is array


def test_explicit_shardings_are_refused_by_name():
    with jax.set_mesh(Mesh(np.array(jax.devices()[:1]), (SHARDS,), axis_types=(AxisType.Explicit,))):
        with pytest.raises(ValueError, match="type Auto, but is Explicit"):
            shards()


def test_counts_that_are_no_power_of_two_or_too_large_are_refused():
    with pytest.raises(ValueError, match=r"power of two.*but is 3"):
        qla.mesh(3)
    with pytest.raises(ValueError, match=r"power of two.*but is 0"):
        qla.mesh(0)
    with pytest.raises(ValueError, match=rf"at most the number of devices, {COUNT}, but is 1024"):
        qla.mesh(1024)
