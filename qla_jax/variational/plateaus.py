r"""Barren plateaus: samples of a gradient component over random circuits, whose variance decays with the qubits.

A builder makes a circuit from a key and from `shift`, which is added to one watched angle. The gradient component is
the derivative at shift 0. Forward mode carries it along with the state, so that memory does not grow with the depth.

Costs are 0 at $|0 \dots 0\rangle$. The global cost is a function of all qubits at once and has plateaus at any depth.
The local cost averages over single qubits and has no plateaus in shallow circuits.

Example:
    >>> import functools
    >>> build = functools.partial(random_circuit, num_qubits=4, depth=8)
    >>> gradient_samples(build, global_cost, 16, key=jax.random.key(0)).shape
    (16,)

References:
    McClean, Boixo, Smelyanskiy, Babbush, Neven (2018), random axes after RY(pi/4). https://arxiv.org/abs/1803.11173
    Cerezo, Sone, Volkoff, Cincio, Coles (2021), global and local costs. https://arxiv.org/abs/2001.00550
    Grant, Wossnig, Ostaszewski, Benedetti (2019), identity blocks. https://arxiv.org/abs/1903.05076
    Pesah et al. (2021), no plateaus in QCNN. https://arxiv.org/abs/2011.02966
"""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike
from jaxtyping import Float

from qla_jax._checks import as_inexact, as_integer, as_integers, require, require_callable, require_key
from qla_jax._modes import common_dtype
from qla_jax.mapping import map_in_batches
from qla_jax.variational.ansatz import cz_chain
from qla_jax.variational.circuit import ParametrizedCircuit, circuit, repeated, run
from qla_jax.variational.gates import axis_turn, ry
from qla_jax.variational.layers import GateLayer
from qla_jax.variational.observables import probabilities, z_expectations
from qla_jax.variational.qcnn import qcnn_angles_shape, qcnn_circuit, qcnn_kept
from qla_jax.variational.unitaries import ParametrizedGate

Builder = Callable[..., ParametrizedCircuit]
Cost = Callable[[Array], Array]


def gradient_samples(
    build: Builder, cost: Cost, samples: int, *, key: Array, batch: int = 32
) -> Float[Array, " samples"]:
    """Return the derivative of a cost in the watched angle, for so many random circuits.

    Args:
        build: function from a shift and a key to a circuit, such as
            `functools.partial(random_circuit, num_qubits=8, depth=20)`.
        cost: function from the final state to a real number.
        samples: number of samples.
        key: random key, split into one for each sample.
        batch: number of samples that run at a time, with a pair of states for each.

    Raises:
        ValueError: no sample or an empty batch.

    Example:
        >>> import functools
        >>> build = functools.partial(random_circuit, num_qubits=4, depth=8)
        >>> gradient_samples(build, global_cost, 16, key=jax.random.key(0)).shape
        (16,)
    """
    require_key("key", key)
    samples, batch = as_integer("samples", samples, least=1), as_integer("batch", batch, least=1)

    require_callable("build", build)
    require_callable("cost", cost)

    def component(key: Array) -> Array:
        zero = jnp.zeros(())
        # Forward mode carries one tangent state along; reverse mode would keep a state for every gate.
        return jax.jvp(lambda shift: cost(run(build(shift, key=key))), (zero,), (jnp.ones_like(zero),))[1]

    return map_in_batches(component, jax.random.split(key, samples), batch)


def global_cost(state: Array) -> Float[Array, ""]:
    """Return 1 minus the probability of all zeros.

    Example:
        >>> float(global_cost(jnp.array([1.0, 0.0, 0.0, 0.0])))
        0.0
    """
    return 1 - probabilities(state)[0]


def local_cost(state: Array) -> Float[Array, ""]:
    """Return 1 minus the probability of a zero on one qubit, averaged over all qubits.

    Example:
        >>> float(local_cost(jnp.array([0.0, 1.0, 0.0, 0.0])))  # |01>
        0.5
    """
    return (1 - z_expectations(state).mean()) / 2


def qubit_cost(qubits: tuple[int, ...]) -> Cost:
    """Return `local_cost` of some of the qubits, such as those that a QCNN keeps, as a function of the state.

    Example:
        >>> float(qubit_cost((1,))(jnp.array([0.0, 1.0, 0.0, 0.0])))  # |01>
        1.0
    """
    qubits = as_integers("qubits", qubits, least=0)
    return lambda state: (1 - z_expectations(state, qubits).mean()) / 2


def random_circuit(
    shift: Array,
    *,
    key: Array,
    num_qubits: int,
    depth: int,
    spread: float | None = None,
    watched: tuple[int, int] = (0, 0),
) -> ParametrizedCircuit:
    """Build a circuit of RY(pi/4) on all qubits and layers of rotations about random axes X, Y, Z with a chain of CZ.

    Args:
        shift: number added to the watched angle.
        key: random key of axes and angles.
        num_qubits: number n of qubits.
        depth: number of layers.
        spread: standard deviation of normal angles, for starts near the identity; by default angles are uniform in [0,
            2 pi).
        watched: layer and qubit of the watched angle.

    Raises:
        ValueError: no layer, or a watched angle that is not there.

    Example:
        >>> random_circuit(jnp.zeros(()), key=jax.random.key(0), num_qubits=3, depth=2).num_gates
        13
    """
    num_qubits, depth = as_integer("num_qubits", num_qubits, least=1), as_integer("depth", depth)
    watched = _as_watched(watched, depth, num_qubits)
    before = [ry(qubit, math.pi / 4) for qubit in range(num_qubits)]
    return circuit(num_qubits, before, _random_layers(key, shift, num_qubits, depth, spread, watched))


def identity_blocks(
    shift: Array,
    *,
    key: Array,
    num_qubits: int,
    depth: int,
    blocks: int = 1,
    watched: tuple[int, int] = (0, 0),
) -> ParametrizedCircuit:
    """Build a circuit that is the identity at its random angles: random layers in blocks, each followed by its inverse.

    All angles are independent parameters. The watched angle, in the first half of the first block, is moved alone.

    Args:
        shift: number added to the watched angle.
        key: random key of axes and angles.
        num_qubits: number n of qubits.
        depth: number of layers in all, a multiple of 2 * blocks.
        blocks: number of blocks.
        watched: layer and qubit of the watched angle.

    Raises:
        ValueError: a depth that is no such multiple, or a watched angle that is not there.

    Example:
        >>> from qla_jax.variational import run
        >>> made = identity_blocks(jnp.zeros(()), key=jax.random.key(0), num_qubits=1, depth=2)
        >>> abs(run(made)).round(4)  # RY(pi/4) alone
        Array([0.9239, 0.3827], dtype=...)
    """
    num_qubits, depth = as_integer("num_qubits", num_qubits, least=1), as_integer("depth", depth)
    blocks, shift = as_integer("blocks", blocks, least=1), as_inexact("shift", shift)
    require(depth % (2 * blocks) == 0, f"`depth` must be a multiple of {2 * blocks}, but is {depth}.")
    half = depth // (2 * blocks)
    watched = _as_watched(watched, half, num_qubits)
    layers: list[GateLayer] = []
    for number, block_key in enumerate(jax.random.split(key, blocks)):
        moved = shift if number == 0 else jnp.zeros_like(shift)
        layers.append(_random_layers(block_key, moved, num_qubits, half, None, watched))
        layers.append(_random_layers(block_key, jnp.zeros_like(shift), num_qubits, half, None, watched).adjoint())
    before = [ry(qubit, math.pi / 4) for qubit in range(num_qubits)]
    return circuit(num_qubits, before, *layers)


def random_qcnn(
    shift: Array, *, key: Array, num_qubits: int, stages: int | None = None, watched: tuple[int, int] = (0, 0)
) -> ParametrizedCircuit:
    """Build a QCNN at random angles after RY(pi/4) on all qubits; `qubit_cost` is the matching cost.

    Args:
        shift: number added to the watched angle.
        key: random key of the angles.
        num_qubits: number n of qubits.
        stages: number of stages; by default so many that one qubit is kept.
        watched: stage and angle; all gates of a kind in a stage share the angle.

    Raises:
        ValueError: what `qcnn_circuit` raises, or a watched angle that is not there.

    Example:
        >>> random_qcnn(jnp.zeros(()), key=jax.random.key(0), num_qubits=4).num_qubits
        4
    """
    num_qubits = as_integer("num_qubits", num_qubits, least=1)
    stages = (num_qubits - 1).bit_length() if stages is None else as_integer("stages", stages)
    qcnn_kept(num_qubits, stages)
    shape = qcnn_angles_shape(stages)
    watched = _as_watched(watched, *shape)
    angles = _moved(jax.random.uniform(key, shape, maxval=2 * math.pi), watched, shift)
    return circuit(num_qubits, [ry(qubit, math.pi / 4) for qubit in range(num_qubits)]) + qcnn_circuit(
        angles, num_qubits
    )


def _random_layers(
    key: Array, shift: Array, num_qubits: int, depth: int, spread: float | None, watched: tuple[int, int]
) -> GateLayer:
    of_axes, of_angles = jax.random.split(key)
    shape = (depth, num_qubits)
    axes = jnp.eye(3)[jax.random.randint(of_axes, shape, 0, 3)]
    if spread is None:
        angles = jax.random.uniform(of_angles, shape, maxval=2 * math.pi)
    else:
        angles = spread * jax.random.normal(of_angles, shape)

    def row(given: tuple[Array, Array]) -> list[ParametrizedGate]:
        axis, angle = given
        return [axis_turn(q, axis[q], angle[q]) for q in range(num_qubits)] + cz_chain(num_qubits)

    return repeated(row, (axes, _moved(angles, watched, shift)))


def _moved(angles: Array, watched: tuple[int, int], shift: ArrayLike) -> Array:
    """Return the angles with the shift added to the watched one, in a dtype that holds both."""
    shift = as_inexact("shift", shift)
    require(shift.shape == (), f"`shift` must be a scalar, but has shape {shift.shape}.")
    dtype = common_dtype(angles, shift)
    return angles.astype(dtype).at[watched].add(shift.astype(dtype))


def _as_watched(watched: tuple[int, int], rows: int, columns: int) -> tuple[int, int]:
    require(rows >= 1, f"`depth` must be at least 1, but is {rows}.")
    found = as_integers("watched", watched)
    there = len(found) == 2 and 0 <= found[0] < rows and 0 <= found[1] < columns
    require(there, f"`watched` must lie in {(rows, columns)}, but is {found}.")
    return found[0], found[1]
