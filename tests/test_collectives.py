"""The reader of collectives on programs whose exchanged bytes are known."""

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import PartitionSpec

import qla_jax as qla
from qla_jax.meshes import SHARDS
from tests.collectives import Collective, collectives, exchanged, largest, nbytes

COUNT = len(jax.devices())

WRITTEN = """
HloModule written

%body.1 (arg.1: (s32[], f32[4], /*index=2*/f32[2])) -> (s32[], f32[4], f32[2]) {
  %arg.1 = (s32[], f32[4]{0}, /*index=2*/f32[2]{0}) parameter(0)
  %read = f32[4]{0} get-tuple-element(%arg.1), index=1
  %moved = f32[4]{0} collective-permute(%read), channel_id=1, source_target_pairs={{0,1},{1,0}}
  ROOT %out = (s32[], f32[4]{0}, /*index=2*/f32[2]{0}) tuple(%arg.1, %moved)
}

%gather.2 (arg.2: f32[4]) -> f32[8] {
  %arg.2 = f32[4]{0} parameter(0)
  ROOT %all = f32[8]{0} all-gather(%arg.2), dimensions={0}
}

ENTRY %main.3 (p: f32[4]) -> f32[8] {
  %p = f32[4]{0} parameter(0)
  %loop = (s32[], f32[4]{0}, /*index=2*/f32[2]{0}) while(%p), condition=%none, body=%body.1, TOLD
  %begun = ((f32[4]{0}), f32[8]{0:T(128)}) async-start(%p), calls=%gather.2
  %ended = f32[8]{0} async-done(%begun), calls=%gather.2
  %sent = (f32[4]{0}, f32[4]{0}, u32[], u32[]) collective-permute-start(%p), channel_id=2
  ROOT %got = f32[4]{0} collective-permute-done(%sent)
}
"""
TOLD = 'backend_config={"known_trip_count":{"n":"5"}}'


def test_collectives_of_a_written_program_are_counted_with_their_loops():
    text = WRITTEN.replace("TOLD", TOLD)
    assert collectives(text) == [
        Collective("collective-permute", 16, 5),
        Collective("all-gather", 32, 1),
        Collective("collective-permute", 16, 1),
    ]
    assert exchanged(text) == 5 * 16 + 32 + 16 and largest(text) == 32


def test_a_loop_of_unknown_length_and_a_text_without_entry_are_refused():
    with pytest.raises(ValueError, match="known trip count"):
        collectives(WRITTEN.replace(", TOLD", ""))
    with pytest.raises(ValueError, match="must have an ENTRY"):
        collectives("HloModule nothing")


@pytest.mark.parametrize(
    ("shape", "size"),
    [("f32[8,4]{1,0}", 128), ("c128[]", 16), ("(pred[3], bf16[2]{0:T(256)}, token[])", 7), ("f8e4m3fn[5]", 5)],
)
def test_bytes_of_shapes(shape, size):
    assert nbytes(shape) == size


@pytest.mark.skipif(COUNT == 1, reason="needs several devices")
def test_collectives_of_a_compiled_program_are_those_that_it_was_written_with():
    size, trips = 64, 3

    def body(x):
        def step(x, _):
            return jax.lax.all_to_all(x.reshape(COUNT, -1), SHARDS, 0, 0, tiled=True).reshape(-1), None

        x = jax.lax.scan(step, x, None, length=trips)[0]
        return x + jax.lax.psum(x.sum(), SHARDS)

    one = PartitionSpec(SHARDS)
    with jax.set_mesh(qla.mesh()):
        spread = jax.jit(jax.shard_map(body, in_specs=one, out_specs=one))
        text = spread.lower(jnp.zeros(size * COUNT, jnp.float32)).compile().as_text()
        plain = jax.jit(lambda x: x + 1).lower(jnp.zeros(size)).compile().as_text()
    found = collectives(text)
    assert sum(one.bytes * one.times for one in found if one.kind == "all-to-all") == trips * size * 4
    assert sum(one.bytes * one.times for one in found if one.kind == "all-reduce") == 4
    assert {one.kind for one in found} == {"all-to-all", "all-reduce"}
    assert collectives(plain) == []
