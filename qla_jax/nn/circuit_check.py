r"""Two blocks as one circuit, every ancilla simulated, against the encoded view.

The second block's activation contains the first block's circuit, forwards and backwards. Circuits are small: they start
from the largest amplitudes of a real image as the network loads it, and their weights are slices of the trained ones at
the same places. A dense weight keeps these rows and columns; a convolution keeps the middle row of its kernel on one
channel. A compression of a contraction is a contraction. Larger instances project flagged ancillas early, which is
exact; the two simulations are compared where both fit.
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
"""What the circuit may differ by in float64: rounding, not approximation."""

AMPLITUDE_BOUND, AMPLIFICATION = 0.05, 1e-2
"""Amplitude of blocks with dense weights at alpha = 1, by `least_amplitude`; and the error of their amplification."""
PIXELS = 4
"""Length of the row of an image that convolutions work on."""

Start = Array | tuple[Array, ...]


class Instance(NamedTuple):
    """A small network.

    Attributes:
        name: what it is, and what it starts from.
        weights: weights of its blocks.
        x: its input; several make a tensor product.
        full: whether all ancillas are simulated, too, beside early projection.
        matrix: matrix of a terminal block after them. The blocks before it are then amplified.
    """

    name: str
    weights: list[BlockEncoding]
    x: Start
    full: bool
    matrix: Array | None = None


@dataclass(frozen=True)
class Checked:
    """A small network whose circuit was run.

    Attributes:
        name: what it is, and what it starts from.
        blocks: number of its blocks.
        system_qubits: qubits of its state.
        num_qubits: all qubits.
        every_ancilla: whether all ancillas were simulated, beside early projection.
        amplitude: flagged amplitude.
        projected_deviation: largest deviation of the projected circuit from the encoded view.
        output_deviation: the same of the circuit with every ancilla.
        norm_deviation: deviation of its total norm from 1.
        inverse_deviation: largest deviation from |0> after its inverse.
        max_deviation: the largest of these.
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
    """Circuits of a network: most qubits with every ancilla, most blocks, degree, largest deviation, its limit."""

    num_qubits: int
    blocks: int
    degree: int
    max_deviation: float
    tolerance: float
    instances: list[Checked]


def circuit_check(instances: Sequence[Instance], degree: int) -> CircuitCheck:
    """Run each instance in float64; the largest deviation of any of them is what counts."""
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
    """Return small networks from the trained weights and from the first image that is not black."""
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
    """Return two dense blocks: on one system qubit with every ancilla; on two with early projection."""
    found = []
    for size, full in ((2, True), (4, False)):
        places = _largest(image, size)
        weights = [_dense(kernel, places) for kernel in kernels[:2]]
        name = f"{size} x {size} dense weights at an image's {size} largest amplitudes"
        found.append(Instance(name, weights, _unit(image.reshape(-1)[places]), full))
    return found


def convolution_instances(kernels: Sequence[np.ndarray], image: np.ndarray) -> list[Instance]:
    """Return one convolution on a row of pixels with every ancilla; two with early projection."""
    channel, row = _brightest_row(image)
    x = _unit(image[channel, row, :PIXELS])
    return [
        Instance(f"{count} convolution(s) on an image's brightest row", _middle(kernels[:count], channel), x, full)
        for count, full in ((1, True), (2, False))
    ]


def bilinear_instances(kernels: Sequence[np.ndarray], paths: Sequence[np.ndarray]) -> list[Instance]:
    """Return convolutions on a row of pixels whose two qubits are loaded apart, from an image's two paths."""
    halves = tuple(_unit(path[_largest(path, 2)]) for path in paths)
    return [
        Instance(f"{count} convolution(s) on the product of two paths", _middle(kernels[:count], 0), halves, full)
        for count, full in ((1, True), (2, False))
    ]


def terminal_instances(
    kernels: Sequence[np.ndarray], matrix: np.ndarray, start: Sequence[np.ndarray]
) -> list[Instance]:
    """Return one dense block, amplified, and the terminal block after it, on one system qubit.

    A convolution is a dense weight on the channels of one pixel. Of two paths the product is what the image is.
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
    """Return the places of the largest entries, in their order."""
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
        max_deviation=float(np.max([*deviations.values()])),  # NaN where one of them is
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
    """Deviation of the flagged output from the encoded view, of the total norm from 1, of the inverse from |0>."""
    zero = jnp.zeros(1 << network.num_qubits).at[0].set(1)
    start = with_ancillas(zero, network.num_ancillas)
    state = network.apply(start)
    return {
        "output_deviation": jnp.abs(network.alpha * state[0] - network.encoded).max(),
        "norm_deviation": jnp.abs(jnp.linalg.norm(state) - 1),
        "inverse_deviation": jnp.abs(network.apply_adjoint(state) - start).max(),
    }
