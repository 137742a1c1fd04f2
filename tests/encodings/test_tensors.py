"""Products with tensors: the numbers of the flat product, in the shape of the registers, rows on their devices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

import qla_jax as qla
from qla_jax.meshes import SHARDS
from tests.cases import cplx, real
from tests.collectives import collectives

CASES = {
    "convolution": lambda: qla.block_encode_convolution(real(3, 2, 3, 3), (5, 6)),
    "diagonal of registers": lambda: qla.block_encode_diagonal(real(3, 2)),
    "product": lambda: (
        2.0
        * qla.block_encode_convolution(real(2, 3, 3, 3), (4, 5))
        @ qla.block_encode_convolution(cplx(3, 1, 1, 3), (4, 5))
    ),
    "sum": lambda: qla.identity((2, 3)) + qla.projector([1], (2, 3)),
}


@pytest.mark.parametrize("name", CASES)
def test_tensors_give_tensors(name):
    enc = CASES[name]()
    x, y = real(*enc.domain), real(*enc.codomain)
    ahead, back = enc.matvec(x), enc.rmatvec(y)
    assert (ahead.shape, back.shape) == (enc.codomain, enc.domain)
    np.testing.assert_allclose(ahead.reshape(-1), enc.matvec(x.reshape(-1)), rtol=1e-6)
    np.testing.assert_allclose(back.reshape(-1), enc.rmatvec(y.reshape(-1)), rtol=1e-6)


def test_postselected_and_embedded_tensors_are_those_of_the_flat_vector():
    enc, x = CASES["diagonal of registers"](), real(3, 2)
    np.testing.assert_array_equal(qla.postselect(enc, x), qla.postselect(enc, x.reshape(-1)).reshape(3, 2))
    np.testing.assert_array_equal(qla.embed(enc, x), qla.embed(enc, x.reshape(-1)))


def test_other_shapes_are_refused():
    enc = CASES["diagonal of registers"]()
    with pytest.raises(ValueError, match=r"`x` must have shape \(6,\) or \(3, 2\), but has shape \(2, 3\)"):
        enc.matvec(real(2, 3))


@pytest.mark.x64
@pytest.mark.skipif(len(jax.devices()) < 8, reason="needs eight devices")
def test_images_divided_by_rows_exchange_one_row_in_each_direction():
    layers = [qla.block_encode_convolution(real(4, 4, 3, 3, seed=seed) / 9, (64, 32)) for seed in range(2)]

    def blocks(image: jax.Array) -> jax.Array:
        for layer in layers:
            image = image + jax.scipy.special.erf(0.8 * layer.matvec(image))
        return image

    image = real(4, 64, 32)
    mesh = qla.mesh(8)
    with jax.set_mesh(mesh):
        rows = jax.device_put(image, NamedSharding(mesh, PartitionSpec(None, SHARDS)))
        compiled = jax.jit(blocks).lower(rows).compile()
        found = compiled(rows)
    np.testing.assert_allclose(found, blocks(jnp.asarray(image)), rtol=1e-12)
    row = image[:, :1].nbytes
    assert [(one.kind, one.bytes, one.times) for one in collectives(compiled.as_text())] == [
        ("collective-permute", row, 1)
    ] * 4
    assert found.sharding.shard_shape(image.shape) == (4, 8, 32)
