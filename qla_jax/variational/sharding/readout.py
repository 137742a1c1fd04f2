"""Expectation values and samples of divided states: sums over shards, so that no device needs the whole state.

A Pauli word that flips held qubits moves each shard to one other device. All other readouts exchange a few numbers.
"""

import functools

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from qla_jax._modes import common_dtype
from qla_jax.linalg import pauli
from qla_jax.meshes import SHARDS, shards
from qla_jax.variational.sharding.shards import DIVIDED, WHOLE, device_bits, held_count, over_shards

POWERS = (1, 1j, -1, -1j)


@functools.partial(jax.jit, static_argnums=1)
def z_expectations(law: Float[Array, " dim"], qubits: tuple[int, ...]) -> Float[Array, " measured"]:
    """Return <Z> of some qubits.

    Args:
        law: probability of each basis state, divided.
        qubits: qubits that are measured.
    """
    count = held_count(law.size.bit_length() - 1)

    def value(shard: Array, qubit: int) -> Array:
        if qubit < count:
            return (1 - 2 * device_bits([qubit], count)).astype(shard.dtype) * shard.sum()
        halves = shard.reshape(1 << (qubit - count), 2, -1).sum(axis=(0, 2))
        return halves[0] - halves[1]

    def body(shard: Array) -> Array:
        return jax.lax.psum(jnp.stack([value(shard, qubit) for qubit in qubits]), SHARDS)

    return over_shards(body, DIVIDED, output=WHOLE)(law)


@functools.partial(jax.jit, static_argnums=0)
def expectation(word: str, state: Array) -> Float[Array, ""]:
    """Return the expectation value of a Pauli word.

    Args:
        word: word of n letters.
        state: state of n qubits, divided.
    """
    count = held_count(len(word))
    held, local = word[:count], word[count:]
    flips, minus = (int("".join("01"[letter in kinds] for letter in held), 2) for kinds in ("XY", "YZ"))
    power = held.count("Y") % 4
    moves = [(device, device ^ flips) for device in range(shards())]

    def body(shard: Array) -> Array:
        moved = pauli.applied(local, jax.lax.ppermute(shard, SHARDS, moves) if flips else shard)
        if power:
            moved = moved.astype(common_dtype(moved, jnp.complex64))
            moved = moved * jnp.asarray(POWERS[power], moved.dtype)
        value = jnp.sum((shard.conj().astype(moved.dtype) * moved).real)
        # After the flip, Z changes the sign of a 1, and Y / i that of a 0.
        odd = jax.lax.population_count(jax.lax.axis_index(SHARDS) & minus) + held.count("Y")
        return jax.lax.psum(jnp.where(odd % 2 == 1, -value, value), SHARDS)

    return over_shards(body, DIVIDED, output=WHOLE)(state.reshape(-1))


@jax.jit
def sampled(law: Float[Array, " dim"], uniform: Float[Array, " shots"]) -> Int[Array, "shots n"]:
    """Return the bits of basis states drawn by their probabilities, from one uniform number for each shot.

    Args:
        law: probability of each basis state, divided; the sum may differ from 1.
        uniform: numbers in [0, 1).
    """
    n = law.size.bit_length() - 1
    count = held_count(n)

    def body(shard: Array, uniform: Array) -> Array:
        heights = jnp.cumsum(shard)
        below, top = _stacked(jax.lax.all_gather(heights[-1], SHARDS))
        drawn = jnp.minimum(top[-1] * uniform, jnp.nextafter(top[-1], 0 * top[-1]))
        device = jax.lax.axis_index(SHARDS)
        mine = jnp.searchsorted(top, drawn, side="right") == device
        index = jnp.searchsorted(below[device] + heights, drawn, side="right")
        bits = [_bits(jnp.broadcast_to(device, index.shape), count), _bits(index, n - count)]
        return jax.lax.psum(jnp.where(mine[:, None], jnp.concatenate(bits, axis=1), 0), SHARDS)

    return over_shards(body, DIVIDED, WHOLE, output=WHOLE)(law, uniform)


def _stacked(totals: Array) -> tuple[Array, Array]:
    """Return the height below and at the top of each shard; each top is exactly the sum of the two below it."""
    step = lambda below, total: (below + total, (below, below + total))  # noqa: E731
    return jax.lax.scan(step, jnp.zeros_like(totals[0]), totals)[1]


def _bits(index: Array, count: int) -> Array:
    return index[:, None] >> jnp.arange(count - 1, -1, -1, dtype=index.dtype)[None, :] & 1
