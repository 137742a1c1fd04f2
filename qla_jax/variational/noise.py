r"""Noise of near-term circuits: channels behind every gate, by trajectories or by the density matrix.

A trajectory draws one Kraus operator for every channel on its way and stays a state of $2^n$ entries; its mean is the
density matrix, which takes $4^n$ and is the oracle on few qubits. Gates are followed by the channels on each qubit that
they touch. Readout flips change measured bits, and with them $\langle Z\rangle$ linearly.

Gradients through trajectories are unbiased, for damping too, whose choices depend on the state: the chosen operator is
divided by the root of a probability held constant, so that the squared norm of the state has value one and the
derivative of the choice's log-probability. So expectation values of a trajectory must not be normalized.

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
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Bool, Float, Int, Num

from qla_jax._checks import as_integer, is_concrete, require, require_key, require_kind, within
from qla_jax._modes import common_dtype, default_promotion, promoted, reshaped, varying_like
from qla_jax._nodes import Node
from qla_jax.linalg.qubits import apply_matrix, qubits_of
from qla_jax.mapping import map_in_batches
from qla_jax.variational.circuit import ParametrizedCircuit, start
from qla_jax.variational.observables import sample_bits, z_expectations
from qla_jax.variational.states import require_state_fits
from qla_jax.variational.unitaries import PAULIS, ParametrizedGate

AMPLITUDES = 1 << 22
"""Of the shots that run at a time: 64 MiB in complex128."""


def _units(*entries: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return zeros with ones at these places: in a stack, constants could not meet batches over explicit mesh axes."""
    return np.isin(np.arange(math.prod(shape)), entries).astype(float).reshape(shape)


_DAMPING = (
    *(_units(*entries, shape=(3, 2, 2)) for entries in ((0, 5, 11), (3,))),
    *(_units(*entries, shape=(4, 4)) for entries in ((0,), (3,), (5, 10), (15,))),
)
"""Amplitude damping as sums: operators, then the map on density matrices."""


class Channel(Node):
    r"""Channel $\rho \mapsto \sum_k w_kA_k\rho A_k^\dagger$ on one qubit; its Kraus operators are $\sqrt{w_k}A_k$.

    Weights stand by themselves since their roots have no derivative at 0.

    Attributes:
        weights: w.
        operators: A.
        rare: the k whose probability is 0, but whose derivative in the rate is not: no trajectory draws them.
        superoperator: matrix of the map on row-major density matrices, polynomial in the rate where the map is.
    """

    weights: Float[Array, " k"]
    operators: Num[Array, "k 2 2"]
    rare: Bool[Array, " k"]
    superoperator: Num[Array, "4 4"]


class NoiseModel(Node):
    """What happens behind every gate and at the measurement.

    Attributes:
        channels: on each qubit that a gate touches, one after the other.
        flips: probabilities of reading 1 for 0, and 0 for 1.
    """

    channels: tuple[Channel, ...]
    flips: Float[Array, "2"]


def depolarizing(p: ArrayLike) -> Channel:
    """X, Y or Z, each with probability p/3: complete depolarization at p = 3/4.

    Raises:
        ValueError: a probability that is none. So do all builders here, where it can be seen; elsewhere it becomes NaN.
    """
    p = _probability("p", p)
    weights = jnp.stack([1 - p, p / 3, p / 3, p / 3])
    operators = jnp.asarray(np.stack([PAULIS[letter] for letter in "IXYZ"]), common_dtype(p, jnp.complex64))
    pairs = jnp.einsum("kij,kmn->kimjn", operators, operators.conj()).reshape(4, 4, 4)
    superoperator = jnp.tensordot(weights.astype(pairs.dtype), pairs, axes=1)
    return Channel(weights, operators, weights == 0, superoperator)


def amplitude_damping(gamma: ArrayLike) -> Channel:
    """Decay of 1 to 0 with probability gamma.

    At gamma = 1 the derivative of coherences is infinite, as that of a root; it is taken as 0 there, that of
    populations is right.
    """
    gamma = _probability("gamma", gamma)
    dtype, stays = common_dtype(gamma, jnp.complex64), 1 - gamma
    gone = stays == 0
    root = jnp.where(gone, 0, jnp.sqrt(jnp.where(gone, 1, stays)))
    decayed, stayed, fixed, fed, turned, left = (jnp.asarray(table, gamma.dtype) for table in _DAMPING)
    first, second, third = (jnp.arange(3) == place for place in range(3))
    return Channel(
        # The last one is part of the first, but for gamma = 1, where its derivative is the one that the root lacks.
        weights=jnp.where(first, 1, jnp.where(second, gamma, jnp.where(gone, stays, 0))),
        operators=(decayed + root * stayed).astype(dtype),
        rare=(second & (gamma == 0)) | (third & gone),
        superoperator=(fixed + gamma * fed + root * turned + stays * left).astype(dtype),
    )


def noise_model(*channels: Channel, flip_0: ArrayLike = 0.0, flip_1: ArrayLike = 0.0) -> NoiseModel:
    """Channels behind every gate, and the probabilities that a measured 0, or 1, is read wrongly.

    Raises:
        TypeError: a channel that is none.
        ValueError: a probability that is none, where it can be seen.
    """
    for channel in channels:
        require_kind("channels", channel, Channel)
    flips = promoted(_probability("flip_0", flip_0), _probability("flip_1", flip_1))
    return NoiseModel(channels, jnp.stack(flips))


@default_promotion
def trajectory(circuit: ParametrizedCircuit, noise: NoiseModel, state: Array | None = None, *, key: Array) -> Array:
    """One trajectory's state behind the circuit, in the shape of `state`; vmap over keys for many.

    Raises:
        TypeError: `circuit` is no circuit, or `noise` no noise model.
        ValueError: what `run` raises.
    """
    require_key("key", key)
    return _path(key, circuit, noise, state, None)[0]


def _path(
    key: Array, circuit: ParametrizedCircuit, noise: NoiseModel, state: Array | None, detour: tuple[Array, Array] | None
) -> tuple[Array, Array]:
    """Return the state, and 1; on a detour, (place, operator), which is forced there, its weight and no value.

    Places of channels are counted from 0 in the order in which they act; operators from 0 in each channel.
    """
    require_kind("noise", noise, NoiseModel)
    psi = start(circuit, state)
    psi = psi.astype(common_dtype(psi, jnp.complex64))
    weight, first = jnp.ones((), psi.real.dtype), 0
    for number, layer in enumerate(circuit.layers):
        keys = jax.random.split(jax.random.fold_in(key, number), layer.repeats)
        count = len(noise.channels) * sum(len(gate.wires) for gate in layer.gates)
        begins = first + count * np.arange(layer.repeats)

        def step(
            carry: tuple[Array, Array], given: tuple[tuple[ParametrizedGate, ...], Array, Array]
        ) -> tuple[tuple[Array, Array], None]:
            (state, weight), (gates, key, site) = carry, given
            # All numbers of a row at once: a hash for each channel would take most of the time to compile.
            sites = len(noise.channels) * sum(len(gate.wires) for gate in gates)
            dice, used = jax.random.uniform(key, (sites,), weight.dtype), 0
            for gate in gates:
                state = gate.apply(state)
                number = len(noise.channels) * len(gate.wires)
                state, weight, site = _jump(dice[used : used + number], gate, noise, state, weight, site, detour)
                used += number
            return (state, weight), None

        begin = varying_like((psi, weight), psi, layer.gates, noise, keys, detour)
        given = (layer.gates, keys, jnp.asarray(begins, jnp.int32))
        (psi, weight), _ = jax.lax.scan(step, begin, given, length=layer.repeats)
        first += layer.repeats * count
    return psi, weight


@default_promotion
def noisy_z(circuit: ParametrizedCircuit, noise: NoiseModel, trajectories: int, *, key: Array) -> Float[Array, " n"]:
    """<Z> of every qubit, readout flips included: the mean of exact values over trajectories.

    Its gradient is unbiased. Operators of probability 0, which no trajectory draws, may have a derivative: those of p
    at p = 0. Then each trajectory takes a second way, forced into one of them at one place, which adds nothing but its
    derivative.

    Raises:
        TypeError: `circuit` is no circuit, or `noise` no noise model.
        ValueError: no trajectory, or more of them than fit in memory.
    """
    require_key("key", key)
    trajectories = as_integer("trajectories", trajectories, least=1)
    require_kind("circuit", circuit, ParametrizedCircuit)
    require_kind("noise", noise, NoiseModel)
    require_state_fits(circuit.num_qubits, jnp.result_type(complex), count=trajectories)
    # Rates that are known now have no derivative that anybody could ask for.
    moving = not is_concrete(*jax.tree.leaves(noise)) and len(noise.channels) > 0 and circuit.num_gates > 0
    return _noisy_z(key, circuit, noise, trajectories, moving)


@partial(jax.jit, static_argnums=(3, 4))  # eagerly the first call would compile operation by operation, for 7 s
def _noisy_z(key: Array, circuit: ParametrizedCircuit, noise: NoiseModel, trajectories: int, moving: bool) -> Array:
    """Return the mean over trajectories; `moving` says whether rates may be differentiated."""
    keys = jax.random.split(key, trajectories)
    values = jax.vmap(lambda key: read_z(z_expectations(trajectory(circuit, noise, key=key)), noise))(keys)
    found = values.mean(axis=0)
    if not moving:
        return found
    rare = jnp.stack([channel.rare.any() for channel in noise.channels]).any()

    def detours() -> Array:
        return jax.vmap(lambda key: _detour(jax.random.fold_in(key, 1), circuit, noise))(keys).mean(axis=0)

    # Where no operator is rare, the second ways are not taken.
    more = jax.lax.cond(rare, lambda: detours().astype(found.dtype), lambda: varying_like(jnp.zeros_like(found), noise))
    return found + more


def _detour(key: Array, circuit: ParametrizedCircuit, noise: NoiseModel) -> Float[Array, " n"]:
    """Return zeros with the derivative that rare operators bring, without bias: one of them, at one place."""
    sites = len(noise.channels) * sum(
        layer.repeats * sum(len(gate.wires) for gate in layer.gates) for layer in circuit.layers
    )
    most = max(len(channel.weights) for channel in noise.channels)
    here, which, path = jax.random.split(key, 3)
    detour = jax.random.randint(here, (), 0, sites, jnp.int32), jax.random.randint(which, (), 0, most)
    state, weight = _path(path, circuit, noise, None, detour)
    zero, one = noise.flips.astype(weight.dtype)[0], noise.flips.astype(weight.dtype)[1]
    return sites * most * weight * (1 - zero - one) * z_expectations(state)  # what flips add has no derivative here


@default_promotion
def noisy_shots(circuit: ParametrizedCircuit, noise: NoiseModel, shots: int, *, key: Array) -> Int[Array, "shots n"]:
    """Bits as they are read, each shot on a trajectory of its own. No derivative.

    Raises:
        ValueError: no shot.
    """
    require_key("key", key)
    shots = as_integer("shots", shots, least=1)
    require_kind("circuit", circuit, ParametrizedCircuit)
    require_kind("noise", noise, NoiseModel)
    require_state_fits(circuit.num_qubits, jnp.result_type(complex))
    return _noisy_shots(key, circuit, noise, shots)


@partial(jax.jit, static_argnums=3)
def _noisy_shots(key: Array, circuit: ParametrizedCircuit, noise: NoiseModel, shots: int) -> Array:
    def shot(key: Array) -> Array:
        path, measure, read = jax.random.split(key, 3)
        bits = sample_bits(trajectory(circuit, noise, key=path), 1, key=measure)[0]
        zero, one = noise.flips[0], noise.flips[1]
        wrong = jax.random.uniform(read, bits.shape, noise.flips.dtype) < jnp.where(bits == 1, one, zero)
        return bits ^ wrong.astype(bits.dtype)

    return map_in_batches(shot, jax.random.split(key, shots), max(1, AMPLITUDES >> circuit.num_qubits))


def read_z(z: Float[Array, " n"], noise: NoiseModel) -> Float[Array, " n"]:
    """<Z> behind readout flips: (1 - p0 - p1) <Z> + p1 - p0."""
    zero, one = noise.flips.astype(z.dtype)[0], noise.flips.astype(z.dtype)[1]
    return (1 - zero - one) * z + (one - zero)


def density_matrix(
    circuit: ParametrizedCircuit, noise: NoiseModel, state: Array | None = None
) -> Num[Array, "dim dim"]:
    """The density matrix behind the circuit and its channels, exactly, readout aside: as much memory as 2n qubits.

    Raises:
        TypeError: `circuit` is no circuit, or `noise` no noise model.
        ValueError: more qubits than fit in memory.
    """
    require_kind("noise", noise, NoiseModel)
    pure = start(circuit, state).reshape(-1)
    n, dtype = circuit.num_qubits, common_dtype(pure, jnp.complex64, *(c.superoperator for c in noise.channels))
    require_state_fits(2 * n, dtype)
    rho = jnp.outer(pure, pure.conj()).astype(dtype).reshape(-1)

    def step(rho: Array, gates: tuple[ParametrizedGate, ...]) -> tuple[Array, None]:
        for gate in gates:
            shifted = [wire + n for wire in gate.wires]
            rho = apply_matrix(gate.matrix().conj(), shifted, apply_matrix(gate.matrix(), gate.wires, rho))
            for wire in gate.wires:
                for channel in noise.channels:
                    rho = apply_matrix(channel.superoperator, (wire, wire + n), rho)
        return rho.astype(dtype), None

    for layer in circuit.layers:
        rho = jax.lax.scan(step, varying_like(rho, layer.gates, noise), layer.gates, length=layer.repeats)[0]
    return reshaped(rho, (1 << n, 1 << n))


def _jump(
    dice: Array,
    gate: ParametrizedGate,
    noise: NoiseModel,
    state: Array,
    weight: Array,
    site: Array,
    detour: tuple[Array, Array] | None,
) -> tuple[Array, Array, Array]:
    """Draw or force an operator of each channel behind a gate; return the weight of what was forced, too."""
    for place, wire in enumerate(gate.wires):
        for number, channel in enumerate(noise.channels):
            norms = _norms(channel, wire, state)
            law = jax.lax.stop_gradient(channel.weights.astype(norms.dtype) * norms)
            heights = jnp.cumsum(law)
            total = heights[-1]
            drawn = jnp.minimum(total * dice[place * len(noise.channels) + number], jnp.nextafter(total, 0 * total))
            chosen = jnp.sum(heights[:-1] <= drawn, dtype=jnp.int32)  # never one of probability 0
            # A detour may leave a shorter state, or none: lengths stay, which are weights.
            share = _taken(law, chosen) / jnp.where(total > 0, total, 1)
            ratio = _taken(channel.weights, chosen).astype(share.dtype) / jnp.where(share > 0, share, 1)
            scale = jnp.where(share > 0, _root(ratio), 0)
            if detour is not None:
                forced = site == detour[0]
                which = jnp.minimum(detour[1], len(channel.weights) - 1)
                rare = _taken(jnp.where(channel.rare, channel.weights, 0), which)
                own = jnp.where(detour[1] == which, rare, 0).astype(weight.dtype)
                weight = jnp.where(forced, own, weight)
                chosen, scale = jnp.where(forced, which, chosen), jnp.where(forced, 1, scale)
            operator = scale.astype(state.dtype) * _taken(channel.operators, chosen).astype(state.dtype)
            state, site = apply_matrix(operator, (wire,), state), site + 1
    return state, weight, site


def _taken(table: Array, index: Array) -> Array:
    """Return `table[index]` of few rows as a sum, which is traced over explicit mesh axes, too."""
    return jnp.tensordot((jnp.arange(len(table)) == index).astype(table.dtype), table, axes=1)


def _root(weight: Array) -> Array:
    """Return the square root, whose derivative at 0 is 0 instead of infinite: there it is the root of nothing drawn."""
    return jnp.where(weight > 0, jnp.sqrt(jnp.where(weight > 0, weight, 1)), 0)


def _norms(channel: Channel, wire: int, state: Array) -> Float[Array, " k"]:
    r"""$\mathrm{tr}(A \rho A^\dagger)$ of each operator, rho of the one qubit."""
    require(0 <= wire < qubits_of(state), f"`wires` must lie in the state, but one is {wire}.")
    grid = reshaped(jax.lax.stop_gradient(state), (1 << wire, 2, 1 << (qubits_of(state) - wire - 1)))
    rho = jnp.einsum("aib,ajb->ij", grid, grid.conj())
    operators = jax.lax.stop_gradient(channel.operators).astype(rho.dtype)
    squares = jnp.einsum("kij,kil->klj", operators, operators.conj())
    return jnp.maximum(jnp.tensordot(squares, rho.T, axes=2).real, 0)


def _probability(name: str, value: ArrayLike) -> Array:
    value = within(name, value, 0, 1)
    require(value.ndim == 0, f"`{name}` must be a scalar, but has shape {value.shape}.")
    # A dtype in so many words: a Python number would follow complex64 later on.
    return jnp.asarray(value, value.dtype)
