r"""Two blocks as one circuit, every ancilla simulated, against the encoded view.

The second block's activation contains the first block's circuit, forwards and backwards. Weights are slices of trained
ones: the leading entries of a dense weight, the first channel and middle row of a convolution; a compression of a
contraction is a contraction. Larger instances project flagged ancillas early, which is exact; the two simulations are
compared where both fit.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from qla_jax.encodings.base.block import BlockEncoding
from qla_jax.encodings.base.encoding import with_ancillas
from qla_jax.encodings.base.vector import VectorEncoding, run_projected
from qla_jax.encodings.combine.lemmas import vector_tensor
from qla_jax.encodings.matrices.convolution import block_encode_convolution
from qla_jax.encodings.matrices.dense import block_encode
from qla_jax.encodings.vectors.known import vector_encode
from qla_jax.networks.amplified import amplified_network
from qla_jax.networks.residual import SCALE, residual_network
from qla_jax.networks.terminal import terminal_block
from qla_jax.polynomials import erf

TOLERANCE = 1e-9
"""What the circuit may differ by in float64: rounding, not approximation."""

AMPLITUDE_BOUND, AMPLIFICATION = 0.05, 1e-2
"""Of blocks with dense weights at alpha = 1, by `least_amplitude`; and the error of their amplification."""


Start = Array | tuple[Array, ...]


class Instance(NamedTuple):
    """A small network.

    Attributes:
        name: what it is.
        weights: of its blocks.
        x: its input; several make a tensor product.
        full: whether all ancillas are simulated, too, beside early projection.
        matrix: of a terminal block behind them. The blocks before it are then amplified.
    """

    name: str
    weights: list[BlockEncoding]
    x: Start
    full: bool
    matrix: Array | None = None


def circuit_check(instances: Sequence[Instance], degree: int) -> dict:
    """Run each instance in float64; the largest deviation of any of them is what counts.

    Returns:
        num_qubits, blocks and max_deviation over all instances, and a row for each.
    """
    with jax.enable_x64(True):
        rows = [_check(instance, degree) for instance in instances]
    return {
        "num_qubits": max(row["num_qubits"] for row in rows if row["every_ancilla"]),
        "blocks": max(row["blocks"] for row in rows),
        "degree": degree,
        "max_deviation": max(row["max_deviation"] for row in rows),
        "tolerance": TOLERANCE,
        "instances": rows,
    }


def dense_instances(kernels: Sequence[np.ndarray]) -> list[Instance]:
    """Two dense blocks: on one system qubit with every ancilla; on two with early projection."""
    with jax.enable_x64(True):
        return [
            Instance(f"{size} x {size} dense weights", *_dense(kernels[:2], size), full)
            for size, full in ((2, True), (4, False))
        ]


def convolution_instances(kernels: Sequence[np.ndarray]) -> list[Instance]:
    """One convolution on a row of four pixels with every ancilla; two with early projection."""
    with jax.enable_x64(True):
        return [
            Instance(f"{count} convolution(s) on 1 x 4 pixels", *_convolutions(kernels[:count]), full)
            for count, full in ((1, True), (2, False))
        ]


def terminal_instances(kernels: Sequence[np.ndarray], matrix: np.ndarray) -> list[Instance]:
    """One dense block, amplified, and the terminal block behind it, on one system qubit."""
    with jax.enable_x64(True):
        weights, x = _dense(kernels[:1], 2)
        return [Instance("an amplified 2 x 2 block and a terminal one", weights, x, True, _slice(matrix, 2))]


def bilinear_instances(kernels: Sequence[np.ndarray]) -> list[Instance]:
    """Convolutions on a row of four pixels whose two qubits are loaded apart."""
    with jax.enable_x64(True):
        weights, _ = _convolutions(kernels[:2])
        halves = _input(2), _input(2)[::-1]
        return [
            Instance("one convolution on a product of two vectors", weights[:1], halves, True),
            Instance("two convolutions on a product of two vectors", weights, halves, False),
        ]


def _slice(matrix: np.ndarray, size: int) -> Array:
    return jnp.asarray(np.asarray(matrix, np.float64)[:size, :size])


def _dense(kernels: Sequence[np.ndarray], size: int) -> tuple[list[BlockEncoding], Array]:
    weights: list[BlockEncoding] = []
    weights += [block_encode(_slice(k, size), alpha=1.0) for k in kernels]
    return weights, _input(size)


def _convolutions(kernels: Sequence[np.ndarray]) -> tuple[list[BlockEncoding], Array]:
    middle = [np.asarray(k, np.float64)[:1, :1, (k.shape[2] - 1) // 2, None, :] for k in kernels]
    return [block_encode_convolution(kernel.reshape(1, 1, 1, -1), (1, 4)) for kernel in middle], _input(4)


def _input(size: int) -> Array:
    x = jnp.cos(1.0 + jnp.arange(size))
    return x / jnp.linalg.norm(x)


def _check(instance: Instance, degree: int) -> dict:
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
    return {
        "name": instance.name,
        "blocks": len(instance.weights),
        "system_qubits": network.num_qubits,
        "num_qubits": network.num_qubits + network.num_ancillas,
        "every_ancilla": instance.full,
        "amplitude": float(network.amplitude),
        **deviations,
        "max_deviation": max(deviations.values()),
    }


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
