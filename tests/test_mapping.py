"""Batches of one size, against the function on all inputs at once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.mapping import map_in_batches


@pytest.mark.parametrize("count", [1, 4, 5, 8])
@pytest.mark.parametrize("batch", [1, 3, 4, 9])
@pytest.mark.sample(3)
def test_every_input_has_its_result_whatever_the_batch(count, batch):
    inputs = {"x": jnp.arange(2.0 * count).reshape(count, 2), "n": jnp.arange(count)}
    found = map_in_batches(lambda one: (one["x"].sum(), one["n"] ** 2), inputs, batch)
    np.testing.assert_array_equal(found[0], 4.0 * np.arange(count) + 1)
    np.testing.assert_array_equal(found[1], np.arange(count) ** 2)


def test_there_is_one_program_for_all_batches():
    traced = []
    jax.jit(lambda x: map_in_batches(lambda one: traced.append(one) or one, x, 2))(jnp.arange(5.0))
    assert len(traced) == 1
    jax.jit(lambda x: jax.lax.map(lambda one: traced.append(one) or one, x, batch_size=2))(jnp.arange(5.0))
    assert len(traced) == 3, "negative control: `lax.map` traces the rest by itself"
