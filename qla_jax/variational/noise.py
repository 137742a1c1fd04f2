r"""Noise of near-term circuits: channels after every gate, simulated by trajectories or by the density matrix.

A trajectory draws one Kraus operator for every channel and remains a state of $2^n$ entries. The mean of
$|\psi\rangle\langle\psi|$ over trajectories is the density matrix, which takes $4^n$ entries and is the reference on
few qubits. After each gate the channels act on every qubit that the gate touches. Readout flips change measured bits,
and change $\langle Z\rangle$ linearly.

Gradients through trajectories are unbiased, even for damping, whose choices depend on the state. The chosen operator is
divided by the root of its probability, which is held constant in derivatives. So the squared norm of the state has the
value one, and its derivative is that of the log-probability of the choice. Hence expectation values of a trajectory
must not be normalized.

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
from qla_jax.linalg.products import einsum, tensordot
from qla_jax.linalg.qubits import apply_matrix, qubits_of
from qla_jax.mapping import map_in_batches
from qla_jax.variational.circuit import ParametrizedCircuit, start
from qla_jax.variational.observables import sample_bits, z_expectations
from qla_jax.variational.states import require_state_fits
from qla_jax.variational.unitaries import PAULIS, ParametrizedGate

AMPLITUDES = 1 << 22
"""Amplitudes of all shots that run at a time: 64 MiB in complex128."""


def _units(*entries: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return zeros with ones at these places.

    Constants in a stack could not be combined with batches over explicit mesh axes.
    """
    return np.isin(np.arange(math.prod(shape)), entries).astype(float).reshape(shape)


_DAMPING = (
    *(_units(*entries, shape=(3, 2, 2)) for entries in ((0, 5, 11), (3,))),
    *(_units(*entries, shape=(4, 4)) for entries in ((0,), (3,), (5, 10), (15,))),
)
"""Parts of amplitude damping, which is a sum of them: first of the operators, then of the map on density matrices."""


class Channel(Node):
    r"""Channel $\rho \mapsto \sum_k w_kA_k\rho A_k^\dagger$ on one qubit; its Kraus operators are $\sqrt{w_k}A_k$.

    Weights are kept apart from the operators, since their roots have no derivative at 0.

    Attributes:
        weights: weights $w_k$.
        operators: operators $A_k$.
        rare: mask of the operators that have probability 0 with a derivative in the rate that is not 0; no trajectory
            draws them.
        superoperator: matrix of the map on row-major density matrices, polynomial in the rate where the map is.
    """

    weights: Float[Array, " k"]
    operators: Num[Array, "k 2 2"]
    rare: Bool[Array, " k"]
    superoperator: Num[Array, "4 4"]


class NoiseModel(Node):
    """Channels after every gate and flips at the measurement.

    Attributes:
        channels: channels that act on each qubit that a gate touches, one after the other.
        flips: probabilities that a 0 is measured as 1, and a 1 as 0.
    """

    channels: tuple[Channel, ...]
    flips: Float[Array, "2"]


def depolarizing(p: ArrayLike) -> Channel:
    """Return the depolarizing channel: X, Y or Z, each with probability p/3.

    Depolarization is complete at p = 3/4.

    Raises:
        ValueError: a value outside [0, 1] where it can be seen; a traced one becomes NaN. All builders of channels do
            so.

    Example:
        >>> depolarizing(0.3).weights.round(3)
        Array([0.7, 0.1, 0.1, 0.1], dtype=...)
    """
    p = _probability("p", p)
    weights = jnp.stack([1 - p, p / 3, p / 3, p / 3])
    operators = jnp.asarray(np.stack([PAULIS[letter] for letter in "IXYZ"]), common_dtype(p, jnp.complex64))
    pairs = einsum("kij,kmn->kimjn", operators, operators.conj()).reshape(4, 4, 4)
    superoperator = tensordot(weights.astype(pairs.dtype), pairs, axes=1)
    return Channel(weights, operators, weights == 0, superoperator)


def amplitude_damping(gamma: ArrayLike) -> Channel:
    """Return the channel of the decay of 1 to 0 with probability gamma.

    At gamma = 1 the derivative of coherences is infinite, as that of a root. It is set to 0 there; the derivative of
    populations is exact.

    Example:
        >>> amplitude_damping(0.2).weights.tolist(), amplitude_damping(0.2).operators[0].diagonal().real.round(4)
        ([1.0, 0.2, 0.0], Array([1.    , 0.8944], dtype=...))
    """
    gamma = _probability("gamma", gamma)
    dtype, stays = common_dtype(gamma, jnp.complex64), 1 - gamma
    gone = stays == 0
    root = jnp.where(gone, 0, jnp.sqrt(jnp.where(gone, 1, stays)))
    decayed, stayed, fixed, fed, turned, left = (jnp.asarray(table, gamma.dtype) for table in _DAMPING)
    first, second, third = (jnp.arange(3) == place for place in range(3))
    return Channel(
        # The third operator is part of the first except at gamma = 1, where it supplies the derivative that the root
        # lacks.
        weights=jnp.where(first, 1, jnp.where(second, gamma, jnp.where(gone, stays, 0))),
        operators=(decayed + root * stayed).astype(dtype),
        rare=(second & (gamma == 0)) | (third & gone),
        superoperator=(fixed + gamma * fed + root * turned + stays * left).astype(dtype),
    )


def noise_model(*channels: Channel, flip_0: ArrayLike = 0.0, flip_1: ArrayLike = 0.0) -> NoiseModel:
    """Build a noise model of channels after every gate and of flips at the measurement.

    Args:
        channels: channels that act on each qubit that a gate touches.
        flip_0: probability that a 0 is measured as 1.
        flip_1: probability that a 1 is measured as 0.

    Raises:
        TypeError: an argument that is not a channel.
        ValueError: a value outside [0, 1], where it can be seen.

    Example:
        >>> noise_model(depolarizing(0.01), flip_0=0.02, flip_1=0.05).flips.tolist()
        [0.02, 0.05]
    """
    for channel in channels:
        require_kind("channels", channel, Channel)
    flips = promoted(_probability("flip_0", flip_0), _probability("flip_1", flip_1))
    return NoiseModel(channels, jnp.stack(flips))


@default_promotion
def trajectory(circuit: ParametrizedCircuit, noise: NoiseModel, state: Array | None = None, *, key: Array) -> Array:
    """Return the state of one trajectory after the circuit, in the shape of `state`; use `jax.vmap` over keys for many.

    Args:
        circuit: circuit to run.
        noise: channels after its gates.
        state: initial state; |0...0> by default.
        key: random key of the trajectory.

    Raises:
        TypeError: `circuit` is no circuit, or `noise` no noise model.
        ValueError: what `run` raises.
    """
    require_key("key", key)
    return _path(key, circuit, noise, state, None)[0]


def _path(
    key: Array, circuit: ParametrizedCircuit, noise: NoiseModel, state: Array | None, detour: tuple[Array, Array] | None
) -> tuple[Array, Array]:
    """Return the state of a trajectory, and its weight.

    Without a detour the weight is 1. A detour (place, operator) forces that operator at that place; the weight then has
    the operator's weight, with its derivative. Places of channels are counted from 0 in the order in which they act,
    operators from 0 in each channel.
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
            # All random numbers of a row are drawn at once: a hash for each channel would take most of the compile
            # time.
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
    """Return <Z> of every qubit, readout flips included, as the mean of exact values over trajectories.

    The gradient is unbiased. An operator of probability 0 is never drawn but may have a derivative in the rate, such as
    those of p at p = 0. Then each trajectory takes a second path, which is forced into one such operator at one place.
    It adds nothing to the value but its derivative.

    Args:
        circuit: circuit to run from |0...0>.
        noise: channels after its gates and flips at the measurement.
        trajectories: number of trajectories.
        key: random key of all trajectories.

    Raises:
        TypeError: `circuit` is no circuit, or `noise` no noise model.
        ValueError: no trajectory, or more of them than fit in memory.

    Example:
        >>> from qla_jax.variational import circuit, rx
        >>> flipped = noise_model(flip_0=0.1, flip_1=0.2)
        >>> noisy_z(circuit(1, [rx(0, jnp.pi)]), flipped, 2, key=jax.random.key(0)).round(4).tolist()
        [-0.6]
    """
    require_key("key", key)
    trajectories = as_integer("trajectories", trajectories, least=1)
    require_kind("circuit", circuit, ParametrizedCircuit)
    require_kind("noise", noise, NoiseModel)
    require_state_fits(circuit.num_qubits, jnp.result_type(complex), count=trajectories)
    # Rates that are concrete are not differentiated, so the second paths are not compiled for them.
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

    # The second paths run only where some operator is rare.
    more = jax.lax.cond(rare, lambda: detours().astype(found.dtype), lambda: varying_like(jnp.zeros_like(found), noise))
    return found + more


def _detour(key: Array, circuit: ParametrizedCircuit, noise: NoiseModel) -> Float[Array, " n"]:
    """Return zeros whose derivative estimates, without bias, the contribution of rare operators.

    One operator is forced at one place, both drawn at random.
    """
    sites = len(noise.channels) * sum(
        layer.repeats * sum(len(gate.wires) for gate in layer.gates) for layer in circuit.layers
    )
    most = max(len(channel.weights) for channel in noise.channels)
    here, which, path = jax.random.split(key, 3)
    detour = jax.random.randint(here, (), 0, sites, jnp.int32), jax.random.randint(which, (), 0, most)
    state, weight = _path(path, circuit, noise, None, detour)
    zero, one = noise.flips.astype(weight.dtype)[0], noise.flips.astype(weight.dtype)[1]
    # the constant that flips add has no derivative here
    return sites * most * weight * (1 - zero - one) * z_expectations(state)


@default_promotion
def noisy_shots(circuit: ParametrizedCircuit, noise: NoiseModel, shots: int, *, key: Array) -> Int[Array, "shots n"]:
    """Return measured bits, readout flips included, each shot on a trajectory of its own. Bits have no derivative.

    Args:
        circuit: circuit to run from |0...0>.
        noise: channels after its gates and flips at the measurement.
        shots: number of shots.
        key: random key of all shots.

    Raises:
        ValueError: no shot.

    Example:
        >>> from qla_jax.variational import circuit, rx
        >>> noisy_shots(circuit(2, [rx(0, jnp.pi)]), noise_model(), 2, key=jax.random.key(0)).tolist()
        [[1, 0], [1, 0]]
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
    """Return <Z> after readout flips, (1 - p0 - p1) <Z> + p1 - p0.

    Args:
        z: expectation values before the flips.
        noise: noise model, whose flips are used.
    """
    zero, one = noise.flips.astype(z.dtype)[0], noise.flips.astype(z.dtype)[1]
    return (1 - zero - one) * z + (one - zero)


def density_matrix(
    circuit: ParametrizedCircuit, noise: NoiseModel, state: Array | None = None
) -> Num[Array, "dim dim"]:
    """Return the exact density matrix after the circuit and its channels, without readout flips.

    It takes as much memory as a state of 2n qubits.

    Args:
        circuit: circuit to run.
        noise: channels after its gates.
        state: initial state; |0...0> by default.

    Raises:
        TypeError: `circuit` is no circuit, or `noise` no noise model.
        ValueError: more qubits than fit in memory.

    Example:
        >>> from qla_jax.variational import circuit, rx
        >>> rho = density_matrix(circuit(1, [rx(0, jnp.pi)]), noise_model(amplitude_damping(0.2)))
        >>> rho.diagonal().real.round(4).tolist()
        [0.2, 0.8]
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
    """Draw or force an operator of each channel after a gate; return also the weight of a forced operator."""
    for place, wire in enumerate(gate.wires):
        for number, channel in enumerate(noise.channels):
            norms = _norms(channel, wire, state)
            law = jax.lax.stop_gradient(channel.weights.astype(norms.dtype) * norms)
            heights = jnp.cumsum(law)
            total = heights[-1]
            drawn = jnp.minimum(total * dice[place * len(noise.channels) + number], jnp.nextafter(total, 0 * total))
            chosen = jnp.sum(heights[:-1] <= drawn, dtype=jnp.int32)  # never an operator of probability 0
            # A detour may leave a state of norm below 1, or zero. Norms are kept, since they are weights of the detour.
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
    """Return `table[index]` as a sum over the few rows, which can be traced over explicit mesh axes, too."""
    return tensordot((jnp.arange(len(table)) == index).astype(table.dtype), table, axes=1)


def _root(weight: Array) -> Array:
    """Return the square root, with the derivative 0 instead of infinity at 0, where no operator is drawn."""
    return jnp.where(weight > 0, jnp.sqrt(jnp.where(weight > 0, weight, 1)), 0)


def _norms(channel: Channel, wire: int, state: Array) -> Float[Array, " k"]:
    r"""Return $\mathrm{tr}(A \rho A^\dagger)$ of each operator A, where rho is the density matrix of the one qubit."""
    require(0 <= wire < qubits_of(state), f"`wires` must lie in the state, but one is {wire}.")
    grid = reshaped(jax.lax.stop_gradient(state), (1 << wire, 2, 1 << (qubits_of(state) - wire - 1)))
    rho = einsum("aib,ajb->ij", grid, grid.conj())
    operators = jax.lax.stop_gradient(channel.operators).astype(rho.dtype)
    squares = einsum("kij,kil->klj", operators, operators.conj())
    return jnp.maximum(tensordot(squares, rho.T, axes=2).real, 0)


def _probability(name: str, value: ArrayLike) -> Array:
    value = within(name, value, 0, 1)
    require(value.ndim == 0, f"`{name}` must be a scalar, but has shape {value.shape}.")
    # An explicit dtype: a weakly typed number would later take the precision of complex64.
    return jnp.asarray(value, value.dtype)
