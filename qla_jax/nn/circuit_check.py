r"""Check of a trained coherent network: two of its blocks as one circuit, with every ancilla, against the encoded view.

The activation of the second block contains the circuit of the first block, forwards and backwards. The circuits are
small. They start from the largest amplitudes of a real image as the network loads it, and their weights are slices of
the trained weights at the same places: a dense weight keeps these rows and columns, a convolution keeps the middle row
of its kernel on one channel. A slice of a matrix of norm at most 1 has norm at most 1. Larger instances project flagged
ancillas early, which is exact; the two simulations are compared where both fit in memory.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import with_ancillas
from qla_jax.encodings.base.vector import VectorEncoding, run_projected
from qla_jax.encodings.combine.lemmas import vector_tensor
from qla_jax.encodings.matrices.convolution import Convolution, block_encode_convolution
from qla_jax.encodings.matrices.dense import Dense, block_encode
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.networks.amplified import amplified_network
from qla_jax.networks.residual import SCALE, residual_network
from qla_jax.networks.terminal import terminal_block
from qla_jax.nn.trace import Traced
from qla_jax.polynomials import erf

TOLERANCE = 1e-9
"""Largest deviation of circuit and encoded view that rounding in float64 explains; neither approximates the other."""

AMPLITUDE_BOUND, AMPLIFICATION = 0.05, 1e-2
"""Least amplitude of blocks with dense weights at alpha = 1, by `least_amplitude`, and error of their amplification."""
PIXELS = 4
"""Number of pixels of the image row that convolutions work on."""

Start = Array | tuple[Array, ...]


class Instance(NamedTuple):
    """Small network whose circuit is simulated.

    Attributes:
        name: description of the network and of its input.
        weights: block encodings of the weights, one per block.
        x: input vector, or several vectors, whose tensor product is the input.
        full: whether the circuit is simulated with every ancilla in addition to early projection.
        matrix: matrix of a terminal block after the other blocks, which are amplified then; None without one.
    """

    name: str
    weights: list[BlockEncoding]
    x: Start
    full: bool
    matrix: Array | None = None


@dataclass(frozen=True)
class Checked:
    """Deviations of the circuit of one small network from its encoded view.

    Attributes:
        name: description of the network and of its input.
        blocks: number of blocks.
        system_qubits: number of system qubits.
        num_qubits: number of system qubits and ancillas.
        every_ancilla: whether every ancilla was simulated in addition to early projection.
        amplitude: success amplitude of the circuit.
        projected_deviation: largest deviation of the circuit with early projection from the encoded view.
        output_deviation: largest deviation of the circuit with every ancilla from the encoded view.
        norm_deviation: deviation of the norm of the whole state from 1, with every ancilla.
        inverse_deviation: largest deviation from |0> after the circuit and its inverse.
        max_deviation: largest of these deviations.
    """

    name: str
    blocks: int
    system_qubits: int
    num_qubits: int
    every_ancilla: bool
    amplitude: float
    projected_deviation: float
    max_deviation: float
    output_deviation: float | None = None
    norm_deviation: float | None = None
    inverse_deviation: float | None = None


@dataclass(frozen=True)
class CircuitCheck:
    """Result of the circuit check of a network.

    Attributes:
        num_qubits: largest number of qubits that were simulated with every ancilla.
        blocks: largest number of blocks of an instance.
        degree: degree of the activation's polynomial.
        max_deviation: largest deviation of a circuit from its encoded view.
        tolerance: largest deviation that passes the check.
        instances: results of the small networks.
    """

    num_qubits: int
    blocks: int
    degree: int
    max_deviation: float
    tolerance: float
    instances: list[Checked]


def circuit_check(instances: Sequence[Instance], degree: int) -> CircuitCheck:
    """Run the circuit of each instance in float64 and return the largest deviation from the encoded view.

    Args:
        instances: small networks.
        degree: odd degree of the activation's polynomial.
    """
    with jax.enable_x64(True):
        rows = [_check(instance, degree) for instance in instances]
    return CircuitCheck(
        num_qubits=max(row.num_qubits for row in rows if row.every_ancilla),
        blocks=max(row.blocks for row in rows),
        degree=degree,
        max_deviation=float(np.max([row.max_deviation for row in rows])),
        tolerance=TOLERANCE,
        instances=rows,
    )


def instances_of(traced: Traced) -> list[Instance]:
    """Return small networks that are sliced from the trained weights and from the first image that is not black."""
    lit = next(i for i, image in enumerate(traced.images) if np.any(image))
    start = [np.asarray(part[lit], np.float64) for part in jax.tree.leaves(traced.starts)]
    weights, matrix = traced.built.weights, traced.built.matrix
    dense = [np.asarray(enc.matrix) for enc in weights if isinstance(enc, Dense)]
    kernels = [np.asarray(enc.kernel) for enc in weights if isinstance(enc, Convolution)]
    found = dense_instances(dense, start[0]) if len(dense) > 1 else []
    if kernels:
        found += bilinear_instances(kernels, start) if len(start) > 1 else convolution_instances(kernels, start[0])
    if matrix is not None:
        found += terminal_instances(dense or kernels, np.asarray(matrix), start)
    return found


def dense_instances(kernels: Sequence[np.ndarray], image: np.ndarray) -> list[Instance]:
    """Return two dense blocks on one system qubit, with every ancilla, and on two system qubits, by early projection.

    Args:
        kernels: normalized dense weights of the blocks.
        image: input as the network loads it.
    """
    found = []
    for size, full in ((2, True), (4, False)):
        places = _largest(image, size)
        weights = [_dense(kernel, places) for kernel in kernels[:2]]
        name = f"{size} x {size} dense weights at an image's {size} largest amplitudes"
        found.append(Instance(name, weights, _unit(image.reshape(-1)[places]), full))
    return found


def convolution_instances(kernels: Sequence[np.ndarray], image: np.ndarray) -> list[Instance]:
    """Return one convolutional block on a row of pixels, with every ancilla, and two blocks, by early projection.

    Args:
        kernels: normalized kernels of the blocks.
        image: input as the network loads it, shape (channels, rows, columns).
    """
    channel, row = _brightest_row(image)
    x = _unit(image[channel, row, :PIXELS])
    return [
        Instance(f"{count} convolution(s) on an image's brightest row", _middle(kernels[:count], channel), x, full)
        for count, full in ((1, True), (2, False))
    ]


def bilinear_instances(kernels: Sequence[np.ndarray], paths: Sequence[np.ndarray]) -> list[Instance]:
    """Return convolutional blocks on a row of pixels that is the tensor product of two qubits, one from each path.

    Args:
        kernels: normalized kernels of the blocks.
        paths: vectors of the two paths of an image.
    """
    halves = tuple(_unit(path[_largest(path, 2)]) for path in paths)
    return [
        Instance(f"{count} convolution(s) on the product of two paths", _middle(kernels[:count], 0), halves, full)
        for count, full in ((1, True), (2, False))
    ]


def terminal_instances(
    kernels: Sequence[np.ndarray], matrix: np.ndarray, start: Sequence[np.ndarray]
) -> list[Instance]:
    """Return an amplified dense block followed by the terminal block, on one system qubit.

    A convolution acts on the channels of one pixel as a dense weight: the middle entries of its kernel.

    Args:
        kernels: normalized weights of the blocks, dense matrices or kernels.
        matrix: normalized matrix of the terminal block.
        start: input as the network loads it, or vectors of the paths, whose Kronecker product is the input.
    """
    image = functools.reduce(np.kron, start)
    places = _largest(image, 2)
    block = places
    if kernels[0].ndim > 2:
        pixels = image.size // len(kernels[0])
        by_channel = image.reshape(-1, pixels)
        pixel = int(np.linalg.norm(by_channel, axis=0).argmax())
        block = _largest(by_channel[:, pixel], 2)
        places = block * pixels + pixel
    kernel = kernels[0] if kernels[0].ndim == 2 else kernels[0][:, :, 1, 1]
    name = "an amplified 2 x 2 block and a terminal one at an image's 2 largest amplitudes"
    with jax.enable_x64(True):
        x, last = _unit(image.reshape(-1)[places]), jnp.asarray(matrix[np.ix_(places, places)], jnp.float64)
        return [Instance(name, [_dense(kernel, block)], x, True, last)]


def _largest(x: np.ndarray, count: int) -> np.ndarray:
    """Return the places of the entries of largest modulus, in increasing order of places."""
    return np.sort(np.argsort(-np.abs(x.reshape(-1)), kind="stable")[:count])


def _brightest_row(image: np.ndarray) -> tuple[int, int]:
    lengths = np.linalg.norm(image[..., :PIXELS], axis=-1)
    channel, row = np.unravel_index(lengths.argmax(), lengths.shape)
    return int(channel), int(row)


def _unit(x: np.ndarray) -> Array:
    with jax.enable_x64(True):
        return jnp.asarray(x / np.linalg.norm(x), jnp.float64)


def _dense(kernel: np.ndarray, places: np.ndarray) -> BlockEncoding:
    with jax.enable_x64(True):
        return block_encode(jnp.asarray(kernel[np.ix_(places, places)], jnp.float64), alpha=1.0)


def _middle(kernels: Sequence[np.ndarray], channel: int) -> list[BlockEncoding]:
    rows = [kernel[channel, channel, (kernel.shape[2] - 1) // 2] for kernel in kernels]
    with jax.enable_x64(True):
        return [block_encode_convolution(np.asarray(row, np.float64).reshape(1, 1, 1, -1), (1, PIXELS)) for row in rows]


def _check(instance: Instance, degree: int) -> Checked:
    # Built and run in one compiled function: eager builders would compile many small ones.
    @jax.jit
    def measure(weights: list[BlockEncoding], x: Start, matrix: Array | None) -> tuple[VectorEncoding, dict]:
        network = _built(weights, x, matrix, degree)
        deviations = {"projected_deviation": jnp.abs(run_projected(network) - network.encoded).max()}
        if instance.full:
            deviations |= _with_every_ancilla(network)
        return network, deviations

    network, found = measure(instance.weights, instance.x, instance.matrix)
    deviations = {name: float(value) for name, value in found.items()}
    return Checked(
        name=instance.name,
        blocks=len(instance.weights),
        system_qubits=network.num_qubits,
        num_qubits=network.num_qubits + network.num_ancillas,
        every_ancilla=instance.full,
        amplitude=float(network.amplitude),
        **deviations,
        max_deviation=float(np.max([*deviations.values()])),  # `np.max` keeps a NaN, which fails the check
    )


def _built(weights: list[BlockEncoding], x: Start, matrix: Array | None, degree: int) -> VectorEncoding:
    loaded: list[VectorEncoding] = [vector_encode(part) for part in jax.tree.leaves(x)]
    start, poly = functools.reduce(vector_tensor, loaded), erf(SCALE, degree=degree)
    if matrix is None:
        return residual_network(weights, start, poly=poly)
    bounds = [AMPLITUDE_BOUND] * len(weights)
    blocks = amplified_network(weights, start, eps=AMPLIFICATION, poly=poly, amplitude_bounds=bounds)
    return terminal_block(matrix, blocks, norm_bound=1.0)


def _with_every_ancilla(network: VectorEncoding) -> dict[str, Array]:
    """Return deviations of the flagged output from the encoded view, of the norm from 1, of the inverse from |0>."""
    zero = jnp.zeros(1 << network.num_qubits).at[0].set(1)
    start = with_ancillas(zero, network.num_ancillas)
    state = network.apply(start)
    return {
        "output_deviation": jnp.abs(network.alpha * state[0] - network.encoded).max(),
        "norm_deviation": jnp.abs(jnp.linalg.norm(state) - 1),
        "inverse_deviation": jnp.abs(network.apply_adjoint(state) - start).max(),
    }
