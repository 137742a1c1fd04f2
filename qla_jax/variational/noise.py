r"""Noise of near-term circuits: channels behind every gate, by trajectories or by the density matrix.

A trajectory draws one Kraus operator for every channel on its way and stays a state of $2^n$ entries; its mean is the
density matrix, which takes $4^n$ and is the oracle on few qubits. Gates are followed by the channels on each qubit that
they touch. Readout flips change measured bits, and with them $\langle Z\rangle$ linearly.

Gradients through trajectories are unbiased, for damping too, whose choices depend on the state: the chosen operator is
divided by the root of a probability held constant, so that the squared norm of the state has value one and the
derivative of the choice's log-probability. So expectation values of a trajectory must not be normalised.

Example:
    >>> from qla_jax.variational.circuit import circuit
    >>> from qla_jax.variational.gates import rx
    >>> noise = noise_model(depolarizing(0.1), amplitude_damping(0.2))
    >>> rho = density_matrix(circuit(1, [rx(0, jnp.pi)]), noise)
    >>> rho.diagonal().real.round(4)
    Array([0.2533, 0.7467], dtype=...)

References:
    Nielsen, Chuang (2010), section 8.3.
    Dalibard, Castin, Molmer (1992), trajectories. https://doi.org/10.1103/PhysRevLett.68.580
"""

import math

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float, Int, Num

from qla_jax._checks import as_integer, is_concrete, require
from qla_jax.variational.circuit import Circuit, start
from qla_jax.variational.contraction import apply_matrix
from qla_jax.variational.observables import sample_bits, z_expectations
from qla_jax.variational.states import qubits_of, require_state_fits
from qla_jax.variational.unitaries import PAULIS, Gate


class Channel(struct.PyTreeNode):
    """A channel on one qubit, by its Kraus operators."""

    kraus: Num[Array, "k 2 2"]


class NoiseModel(struct.PyTreeNode):
    """What happens behind every gate and at the measurement.

    Attributes:
        channels: on each qubit that a gate touches, one after the other.
        flips: probabilities of reading 1 for 0, and 0 for 1.
    """

    channels: tuple[Channel, ...]
    flips: Float[Array, "2"]


def depolarizing(p: ArrayLike) -> Channel:
    """X, Y or Z, each with probability p/3: complete depolarisation at p = 3/4.

    Raises:
        ValueError: a probability that is none. So do all builders here, where it can be seen.
    """
    p = _probability("p", p)
    words = jnp.stack([jnp.asarray(PAULIS[letter], jnp.result_type(p, jnp.complex64)) for letter in "IXYZ"])
    return Channel(jnp.sqrt(jnp.stack([1 - p, p / 3, p / 3, p / 3]))[:, None, None] * words)


def amplitude_damping(gamma: ArrayLike) -> Channel:
    """Decay of 1 to 0 with probability gamma."""
    gamma = _probability("gamma", gamma)
    zero, one = jnp.zeros_like(gamma), jnp.ones_like(gamma)
    entries = [one, zero, zero, jnp.sqrt(1 - gamma), zero, jnp.sqrt(gamma), zero, zero]
    return Channel(jnp.stack(entries).reshape(2, 2, 2).astype(jnp.result_type(gamma, jnp.complex64)))


def noise_model(*channels: Channel, flip_0: ArrayLike = 0.0, flip_1: ArrayLike = 0.0) -> NoiseModel:
    """Channels behind every gate, and the probabilities that a measured 0, or 1, is read wrongly."""
    return NoiseModel(channels, jnp.stack([_probability("flip_0", flip_0), _probability("flip_1", flip_1)]))


def trajectory(key: Array, circuit: Circuit, noise: NoiseModel, state: Array | None = None) -> Array:
    """One trajectory's state behind the circuit, in the shape of `state`; vmap over keys for many.

    Raises:
        ValueError: what `run` raises.
    """
    state = start(circuit, state)
    state = state.astype(jnp.result_type(state, jnp.complex64))
    for number, layer in enumerate(circuit.layers):
        keys = jax.random.split(jax.random.fold_in(key, number), layer.repeats)

        def step(state: Array, given: tuple[tuple[Gate, ...], Array]) -> tuple[Array, None]:
            gates, key = given
            for place, gate in enumerate(gates):
                state = _jump(jax.random.fold_in(key, place), gate, noise, gate.apply(state))
            return state, None

        state = jax.lax.scan(step, state, (layer.gates, keys), length=layer.repeats)[0]
    return state


def noisy_z(key: Array, circuit: Circuit, noise: NoiseModel, trajectories: int) -> Float[Array, " n"]:
    """<Z> of every qubit, readout flips included: the mean of exact values over trajectories. Its gradient is unbiased.

    Raises:
        ValueError: no trajectory.
    """
    as_integer("trajectories", trajectories, least=1)
    keys = jax.random.split(key, trajectories)
    values = jax.vmap(lambda key: read_z(z_expectations(trajectory(key, circuit, noise)), noise))(keys)
    return values.mean(axis=0)


def noisy_shots(key: Array, circuit: Circuit, noise: NoiseModel, shots: int) -> Int[Array, "shots n"]:
    """Bits as they are read, each shot on a trajectory of its own. No derivative.

    Raises:
        ValueError: no shot.
    """
    as_integer("shots", shots, least=1)

    def shot(key: Array) -> Array:
        path, measure, read = jax.random.split(key, 3)
        bits = sample_bits(measure, trajectory(path, circuit, noise), 1)[0]
        wrong = jax.random.uniform(read, bits.shape, noise.flips.dtype) < noise.flips[bits]
        return bits ^ wrong.astype(bits.dtype)

    return jax.vmap(shot)(jax.random.split(key, shots))


def read_z(z: Float[Array, " n"], noise: NoiseModel) -> Float[Array, " n"]:
    """<Z> behind readout flips: (1 - p0 - p1) <Z> + p1 - p0."""
    zero, one = noise.flips.astype(z.dtype)
    return (1 - zero - one) * z + (one - zero)


def density_matrix(circuit: Circuit, noise: NoiseModel, state: Array | None = None) -> Num[Array, "dim dim"]:
    """The density matrix behind the circuit and its channels, exactly, readout aside: as much memory as 2n qubits.

    Raises:
        ValueError: more qubits than fit in memory.
    """
    pure = start(circuit, state).reshape(-1)
    n, dtype = circuit.num_qubits, jnp.result_type(pure, jnp.complex64)
    require_state_fits(2 * n, dtype)
    rho = jnp.outer(pure, pure.conj()).astype(dtype).reshape(-1)

    def step(rho: Array, gates: tuple[Gate, ...]) -> tuple[Array, None]:
        for gate in gates:
            shifted = [wire + n for wire in gate.wires]
            rho = apply_matrix(gate.matrix().conj(), shifted, apply_matrix(gate.matrix(), gate.wires, rho))
            for wire in gate.wires:
                for channel in noise.channels:
                    both = jax.vmap(jnp.kron)(channel.kraus, channel.kraus.conj()).sum(axis=0)
                    rho = apply_matrix(both, (wire, wire + n), rho)
        return rho.astype(dtype), None

    for layer in circuit.layers:
        rho = jax.lax.scan(step, rho, layer.gates, length=layer.repeats)[0]
    return rho.reshape(1 << n, 1 << n)


def _jump(key: Array, gate: Gate, noise: NoiseModel, state: Array) -> Array:
    """The channels behind a gate, one operator drawn of each."""
    for place, wire in enumerate(gate.wires):
        for number, channel in enumerate(noise.channels):
            drawn = jax.random.fold_in(jax.random.fold_in(key, place), number)
            weights = jax.lax.stop_gradient(_weights(channel, wire, state))
            chosen = jax.random.categorical(drawn, jnp.log(weights))
            operator = channel.kraus[chosen] / jnp.sqrt(weights[chosen])
            state = apply_matrix(operator.astype(state.dtype), (wire,), state)
    return state


def _weights(channel: Channel, wire: int, state: Array) -> Float[Array, " k"]:
    r"""$\mathrm{tr}(K \rho K^\dagger)$ of each operator, rho of the one qubit."""
    require(0 <= wire < qubits_of(state), f"`wires` must lie in the state, but one is {wire}.")
    grid = state.reshape(1 << wire, 2, -1)
    rho = jnp.einsum("aib,ajb->ij", grid, grid.conj())
    return jnp.maximum(jnp.einsum("kij,jl,kil->k", channel.kraus, rho, channel.kraus.conj()).real, 0)


def _probability(name: str, value: ArrayLike) -> Array:
    value = jnp.asarray(value)
    # A dtype in so many words: a Python number would follow complex64 below.
    value = jnp.asarray(value, value.dtype if jnp.issubdtype(value.dtype, jnp.floating) else jnp.result_type(float))
    require(value.ndim == 0, f"`{name}` must be a scalar, but has shape {value.shape}.")
    if is_concrete(value):
        require(0 <= float(value) <= 1 and math.isfinite(value), f"`{name}` must lie between 0 and 1, but is {value}.")
    return value
