"""Words that are seen and words that are traced, to the ends of every dtype of integers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qla_jax.qram import memory, word

DTYPES = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def ends(dtype):
    """Numbers from 0 to the largest, those next to powers of two among them."""
    largest = 1 if dtype == "bool" else int(jnp.iinfo(dtype).max)
    near = {n + d for n in (1 << np.arange(63, dtype=object)) for d in (-1, 0)} | {0, 200, largest, largest - 1}
    fitting = sorted(n for n in near if 0 <= n <= largest)
    return np.array((fitting * 8)[: 1 << (len(fitting) - 1).bit_length()], dtype)


@pytest.mark.x64
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.sample(1)
def test_traced_words_are_those_that_are_seen(dtype):
    words = ends(dtype)
    least = max(int(words.max()).bit_length(), 1)
    for word_bits in sorted({least, 8, 16, 31, 33, 63, 64} & set(range(least, 65))):
        wanted = [[int(n) >> place & 1 for place in reversed(range(word_bits))] for n in words]
        seen = memory(words, word_bits=word_bits)
        traced = jax.jit(lambda w, k=word_bits: memory(w, word_bits=k))(jnp.asarray(words))
        np.testing.assert_array_equal(seen.bits, wanted)
        np.testing.assert_array_equal(traced.bits, wanted)
        if word_bits < 64:
            addresses = jnp.arange(len(words))
            assert word(traced, addresses).tolist() == word(seen, addresses).tolist() == [int(n) for n in words]


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint8", "uint32"])
def test_traced_bits_are_those_that_are_seen(dtype):
    bits = np.array([[0, 1, 1], [1, 0, 0]], dtype)
    traced = jax.jit(lambda b: memory(b, word_bits=3))(jnp.asarray(bits))
    np.testing.assert_array_equal(traced.bits, memory(bits, word_bits=3).bits)
    np.testing.assert_array_equal(traced.bits, bits)
