r"""Cells of a memory, and the ideal read $|i\rangle|b\rangle \mapsto |i\rangle|b \oplus x_i\rangle$.

Example:
    >>> mem = memory([3, 0, 2, 1], word_bits=2)
    >>> mem.address_bits, mem.word_bits, int(word(mem, 2))
    (2, 2, 2)
    >>> state = jnp.zeros((4, 4)).at[:, 0].set(0.5)
    >>> load(mem, state).argmax(axis=1)
    Array([3, 0, 2, 1], dtype=...)
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Num, UInt8

from qla_jax._checks import as_inexact, require, require_kind
from qla_jax._modes import default_promotion, known_stays_known, varying_like
from qla_jax._nodes import Node
from qla_jax.qram._checks import as_whole_numbers
from qla_jax.qram.scheduling import Schedule, check_sizes, schedule

MAX_INTEGER_BITS = 64


class Memory(Node, kw_only=True):
    """Memory of 2^n words of k bits.

    Attributes:
        bits: bits of each word, the most significant first.
        plan: circuit that reads the memory.
    """

    bits: UInt8[Array, "words bits"]
    plan: Schedule = struct.field(pytree_node=False)

    @property
    def address_bits(self) -> int:
        """Number n of bits of an address."""
        return self.plan.address_bits

    @property
    def word_bits(self) -> int:
        """Number k of bits of a word."""
        return self.plan.word_bits


def memory(words: ArrayLike, *, word_bits: int, all_levels: bool = False) -> Memory:
    """Make a memory and the bucket brigade that reads it.

    Args:
        words: 2^n integers from 0 to 2^k - 1, or their bits, most significant first, shape (2^n, k).
        word_bits: number k of bits of a word; above 64 only bits are accepted.
        all_levels: whether errors may strike all levels after every step; see `schedule`.

    Raises:
        ValueError: a number of words other than 2^n with n from 1 to 28, words that are no integers or do not fit, bits
            other than 0 and 1 or not k of them. Values cannot be checked inside jit: there words lose the bits that do
            not fit.

    Example:
        >>> mem = memory([3, 0, 2, 1], word_bits=2)
        >>> mem.address_bits, mem.word_bits
        (2, 2)
    """
    array = as_whole_numbers("words", words, bits=True)
    require(array.ndim in (1, 2), f"`words` must have 1 or 2 axes, but has shape {array.shape}.")
    size = array.shape[0]
    require(
        size >= 2 and size & (size - 1) == 0, f"`words` must be 2^n in number for an n of at least 1, but are {size}."
    )
    address_bits, word_bits = check_sizes(size.bit_length() - 1, word_bits)
    if array.ndim == 1:
        fits = word_bits <= MAX_INTEGER_BITS
        require(fits, f"`word_bits` must be at most 64 for words given as integers, but is {word_bits}.")
    else:
        require(array.shape[1] == word_bits, f"`word_bits` must be {array.shape[1]} as in `words`, but is {word_bits}.")
    if isinstance(array, np.ndarray):
        least, most, limit = int(array.min()), int(array.max()), 1 << (word_bits if array.ndim == 1 else 1)
        wrong = least if least < 0 else most
        require(0 <= least and most < limit, f"`words` must be from 0 to {limit - 1}, but one is {wrong}.")
    plan = schedule(address_bits, word_bits, all_levels=all_levels)
    bits: Any = array if array.ndim == 2 else _bits_of(array, word_bits)
    if isinstance(bits, np.ndarray):
        with known_stays_known():
            return Memory(bits=jnp.asarray(bits.astype(np.uint8)), plan=plan)
    return Memory(bits=bits.astype(jnp.uint8), plan=plan)


@default_promotion
def word(mem: Memory, address: ArrayLike) -> Array:
    """Return the word of an address as an integer, of at most 31 bits, or 63 in double precision.

    Args:
        mem: memory to look up.
        address: address, or array of addresses.

    Raises:
        TypeError: `mem` is no memory.
        ValueError: an address out of range, where that can be seen, or words too long for an integer.

    Example:
        >>> int(word(memory([3, 0, 2, 1], word_bits=2), 2))
        2
    """
    require_kind("mem", mem, Memory)
    address = check_addresses(mem, address)
    kind = jnp.result_type(int)
    longest = jnp.iinfo(kind).bits - 1
    require(mem.word_bits <= longest, f"`mem` must have words of at most {longest} bits, but has {mem.word_bits}.")
    powers = jnp.left_shift(jnp.ones((), kind), jnp.arange(mem.word_bits - 1, -1, -1, dtype=kind))
    # A sum, not a matrix product: a TPU has none of 64-bit integers.
    bits = varying_like(mem.bits, address)[address].astype(kind)
    return jnp.sum(bits * powers.reshape((1,) * (bits.ndim - 1) + (-1,)), axis=-1)


@default_promotion
def load(mem: Memory, state: Num[ArrayLike, "words values"]) -> Num[Array, "words values"]:
    """Apply the ideal read to a state, which is its own inverse.

    Args:
        mem: memory that is read.
        state: state of shape (2^n, 2^k), address first, then the register of the word.

    Raises:
        TypeError: `mem` is no memory.
        ValueError: a state of another shape.

    Example:
        >>> state = jnp.zeros((4, 4)).at[:, 0].set(0.5)
        >>> load(memory([3, 0, 2, 1], word_bits=2), state).argmax(axis=1).tolist()
        [3, 0, 2, 1]
    """
    require_kind("mem", mem, Memory)
    state = as_inexact("state", state)
    shape = (1 << mem.address_bits, 1 << mem.word_bits)
    require(state.shape == shape, f"`state` must have shape {shape}, but has {state.shape}.")
    words = word(mem, jnp.arange(shape[0]))
    places = jnp.arange(shape[1], dtype=words.dtype)[None] ^ words[:, None]
    return jnp.take_along_axis(state, places, axis=1)


def check_addresses(mem: Memory, addresses: ArrayLike) -> Array:
    """Return addresses as integers, checked to be in range where that can be seen.

    Args:
        mem: memory that the addresses are for.
        addresses: address, or array of addresses.

    Raises:
        ValueError: no integers, or one out of range.
    """
    array = as_whole_numbers("address", addresses)
    if isinstance(array, np.ndarray):
        size = 1 << mem.address_bits
        wrong = array[(array < 0) | (array >= size)]
        if wrong.size:
            raise ValueError(f"`address` must be from 0 to {size - 1}, but is {wrong.reshape(-1)[0]}.")
    return jnp.asarray(array, jnp.int32)


def _bits_of(words: ArrayLike, word_bits: int) -> ArrayLike:
    if isinstance(words, np.ndarray):
        wide = words.astype(np.uint64)[:, None]
        return (wide >> np.arange(word_bits - 1, -1, -1, dtype=np.uint64)[None]) & np.uint64(1)
    words = jnp.asarray(words)
    words = words.astype(jnp.uint8) if words.dtype == bool else words
    places, held = np.arange(word_bits - 1, -1, -1), jnp.iinfo(words.dtype).bits
    within = jnp.asarray(np.minimum(places, held - 1), words.dtype)
    bits = jnp.right_shift(words[:, None], within[None]) & 1
    # Beyond its own bits a signed word has copies of its sign, and an unsigned one zeros.
    return bits if jnp.issubdtype(words.dtype, jnp.signedinteger) else jnp.where((places < held)[None], bits, 0)
