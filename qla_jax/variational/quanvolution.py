r"""Quanvolutional layer: a circuit on every patch of an image, whose expectation values are channels of the result.

A patch of k x k pixels and C channels has $C k^2$ values x, each the angle of a rotation of its own qubit. A depth unit
is a row of trainable rotations and entangling gates. The measurement gives <Z> of every qubit. With re-uploading the
encoding is repeated before every depth unit, as in equation (8) of the paper; without it the encoding is applied once.

`quanvolve_by_circuit` is the definition: it runs the circuit of each patch. `quanvolve` computes the same result, on
few qubits by a contraction. In the eigenbasis of its axis the encoding is a diagonal of phases,
$\bigotimes_j (e^{-ix_j/2}, e^{ix_j/2})$, one for each patch and the same in all depth units. All other gates form a
unitary that is the same for all patches. It is contracted once and applied to all patches as one matrix product. The
contraction takes $L\, 8^n$ multiplications once and $L\, 4^n$ for each patch, while the circuit takes about
$L\, n\, 2^n$ for each patch.

Example:
    >>> spec = quanvolution_spec(depth=2)
    >>> quanvolve(jnp.ones((1, 28, 28)), jnp.zeros(spec.angles_shape(1)), spec).shape
    (1, 14, 14)

References:
    Henderson, Shakya, Pradhan, Cook (2019), Quanvolutional neural networks. https://arxiv.org/abs/1904.04767
    Kashif, Shafique (2024), ResQuNNs, equations (1) to (9). https://arxiv.org/abs/2402.09146
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Num

from qla_jax._checks import as_inexact, as_integer, as_integers, require, require_callable, require_kind
from qla_jax._modes import common_dtype, promoted
from qla_jax.linalg.patches import windows
from qla_jax.linalg.products import matmul
from qla_jax.variational.ansatz import RX_CHAIN, Ansatz, Rotation
from qla_jax.variational.circuit import ParametrizedCircuit, circuit, matrix_of, repeated, run
from qla_jax.variational.gates import rx, ry, rz
from qla_jax.variational.observables import z_expectations
from qla_jax.variational.states import require_state_fits
from qla_jax.variational.unitaries import PAULIS

CONTRACTED_QUBITS = 6
"""Number of qubits up to which contraction is always used.

A contraction of so many qubits takes 0.25 ms for a depth unit, once for a batch of images.
"""
PER_UNIT, PER_GATE = 3.4, 75.0
"""Model of run times, in units of a row of a contraction: a contraction over $4^n$, and a qubit of a patch's circuit.

The numbers are fitted to 3 to 12 qubits, 4 to 3136 patches, depth 1 and 4, on 2 cores, jax 0.10.2, float32, warm. On 8
qubits 784 patches take 21 ms contracted and 19 ms by circuit, 4 patches 5.7 and 0.2 ms; on 9 qubits 9 patches take 42
and 0.4 ms; on 10 qubits 196 patches take 427 and 23 ms; on 12 qubits (RGB, 2 x 2) 4 patches take 14.8 s and 5 ms."""

_AXES: dict[Rotation, str] = {rx: "X", ry: "Y", rz: "Z"}

Image = Float[Array, "channel row column"]
Mixing = Callable[[int], np.ndarray]


def stacked(num_qubits: int) -> np.ndarray:
    """Return the mixing matrix with one channel for each qubit.

    Example:
        >>> stacked(2).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    return np.eye(as_integer("num_qubits", num_qubits, least=1))


def summed(num_qubits: int) -> np.ndarray:
    """Return the mixing matrix with one channel, the sum over the qubits.

    Example:
        >>> summed(2).tolist()
        [[1.0, 1.0]]
    """
    return np.ones((1, as_integer("num_qubits", num_qubits, least=1)))


def averaged(num_qubits: int) -> np.ndarray:
    """Return the mixing matrix with one channel, the mean over the qubits, which lies between -1 and 1.

    Example:
        >>> averaged(2).tolist()
        [[0.5, 0.5]]
    """
    num_qubits = as_integer("num_qubits", num_qubits, least=1)
    return np.full((1, num_qubits), 1 / num_qubits)


class QuanvolutionSpec(NamedTuple):
    """Static settings of a quanvolutional layer, made by `quanvolution_spec`.

    The settings are hashable, so that they may be a static argument.

    Attributes:
        kernel: side of a patch.
        stride: distance from one patch to the next.
        depth: number of depth units.
        ansatz: row of gates of one depth unit.
        encoding: rotation whose angle is a value.
        reupload: whether the encoding precedes every depth unit, or only the first.
        channels: mixing of the expectation values into channels: `stacked`, `summed` or `averaged`.
        num_qubits: number n of qubits, by default the number of values; the encoding does not rotate further qubits.
        pad: whether images are padded by zeros, after their last row and column, until the stride fits.
    """

    kernel: int
    stride: int
    depth: int
    ansatz: Ansatz
    encoding: Rotation
    reupload: bool
    channels: Mixing
    num_qubits: int | None
    pad: bool

    def qubits(self, image_channels: int) -> int:
        """Return the number of qubits for images of so many channels.

        Raises:
            ValueError: fewer qubits than values.
        """
        values = as_integer("image_channels", image_channels, least=1) * self.kernel**2
        n = values if self.num_qubits is None else self.num_qubits
        require(n >= values, f"`num_qubits` must be at least {values}, the values of a patch, but is {n}.")
        return n

    def angles_shape(self, image_channels: int) -> tuple[int, int, int]:
        """Return the shape (depth, rotation, qubit) of the parameters."""
        return self.depth, *self.ansatz.angles_shape(self.qubits(image_channels))

    def output_shape(self, shape: tuple[int, int, int]) -> tuple[int, int, int]:
        """Return the shape (channel, row, column) of the result for images of a given shape.

        Raises:
            ValueError: an image smaller than the kernel, or sides that the stride does not fit, unless padded.
        """
        count, *sides = as_integers("shape", shape, least=1)
        require(len(sides) == 2, f"`shape` must be (channel, row, column), but is {tuple(shape)}.")
        places = [self._places(name, side) for name, side in zip(("rows", "columns"), sides, strict=True)]
        return len(self.channels(self.qubits(count))), places[0], places[1]

    def padding(self, side: int) -> int:
        """Return the number of zeros after a side of the image."""
        return max(self.kernel, side + (self.kernel - side) % self.stride) - side if self.pad else 0

    def _places(self, name: str, side: int) -> int:
        side += self.padding(side)
        fits = side >= self.kernel and (side - self.kernel) % self.stride == 0
        require(
            fits,
            f"`image` must have {name} that kernel {self.kernel} and stride {self.stride} fit, but has {side}: crop "
            "it, or take pad=True.",
        )
        return (side - self.kernel) // self.stride + 1


def quanvolution_spec(
    *,
    kernel: int = 2,
    stride: int = 2,
    depth: int = 1,
    ansatz: Ansatz = RX_CHAIN,
    encoding: Rotation = ry,
    reupload: bool = True,
    channels: Mixing = averaged,
    num_qubits: int | None = None,
    pad: bool = False,
) -> QuanvolutionSpec:
    """Make the settings of a quanvolutional layer.

    Except for the depth, the defaults are the paper's: 2 x 2 patches, stride 2, RY(x), RX and CX, and one channel as in
    Table 2. The paper also mentions a channel for each qubit, `stacked`; the mean over the qubits as the one channel is
    a choice made here.

    Args:
        kernel: side of a patch.
        stride: distance from one patch to the next.
        depth: number of depth units.
        ansatz: row of gates of one depth unit.
        encoding: rotation whose angle is a value: `rx`, `ry` or `rz`.
        reupload: whether the encoding precedes every depth unit, or only the first.
        channels: mixing of the expectation values into channels: `stacked`, `summed` or `averaged`.
        num_qubits: number of qubits, by default the number of values of a patch.
        pad: whether images are padded by zeros, after their last row and column, until the stride fits.

    Raises:
        TypeError: an ansatz or channels of another kind.
        ValueError: a kernel, stride or depth that is no integer from 1 on, or an encoding other than `rx`, `ry`, `rz`.

    Example:
        >>> spec = quanvolution_spec(depth=2)
        >>> spec.angles_shape(1), spec.output_shape((1, 28, 28))
        ((2, 1, 4), (1, 14, 14))
    """
    kernel, stride, depth = (
        as_integer(name, value, least=1) for name, value in (("kernel", kernel), ("stride", stride), ("depth", depth))
    )
    num_qubits = None if num_qubits is None else as_integer("num_qubits", num_qubits, least=1)
    require_kind("ansatz", ansatz, Ansatz)
    require_callable("channels", channels)
    require(any(encoding is axis for axis in _AXES), f"`encoding` must be rx, ry or rz, but is {encoding}.")
    return QuanvolutionSpec(kernel, stride, depth, ansatz, encoding, reupload, channels, num_qubits, pad)


def patches(image: Image, spec: QuanvolutionSpec) -> Float[Array, "value row column"]:
    """Return the values of each patch, ordered by channel, row and column in the patch.

    Args:
        image: image to cut into patches.
        spec: settings of the layer.

    Raises:
        ValueError: another rank, or what `QuanvolutionSpec.output_shape` raises.
    """
    require(image.ndim == 3, f"`image` must have shape (channel, row, column), but has {image.shape}.")
    channels, height, width = image.shape
    _, rows, columns = spec.output_shape((channels, height, width))
    around = ((0, spec.padding(height)), (0, spec.padding(width)))
    return windows(image, (spec.kernel, spec.kernel), stride=spec.stride, around=around).reshape(-1, rows, columns)


def patch_circuit(
    x: Float[Array, " value"], angles: Float[Array, "depth rotation qubit"], spec: QuanvolutionSpec
) -> ParametrizedCircuit:
    """Build the circuit of one patch.

    Args:
        x: values of the patch in radians.
        angles: parameters of the layer.
        spec: settings of the layer.
    """
    n = angles.shape[2]

    def load() -> list:
        return [spec.encoding(qubit, x[qubit]) for qubit in range(len(x))]

    if spec.reupload:
        return circuit(n, repeated(lambda row: load() + spec.ansatz.gates(row), angles))
    return circuit(n, load(), repeated(spec.ansatz.gates, angles))


def quanvolve_by_circuit(image: Image, angles: Float[Array, "depth rotation qubit"], spec: QuanvolutionSpec) -> Image:
    """Apply the layer to one image by its definition, a circuit for each patch.

    Args:
        image: image in radians.
        angles: parameters, of shape `spec.angles_shape(channels)`.
        spec: settings of the layer.

    Raises:
        ValueError: what `quanvolve` raises.

    Example:
        >>> spec = quanvolution_spec()
        >>> quanvolve_by_circuit(jnp.ones((1, 2, 2)), jnp.zeros((1, 1, 4)), spec).round(4)
        Array([[[0.2688]]], dtype=...)
    """
    return _by_circuit(*_checked(image, angles, spec), spec)


@partial(jax.jit, static_argnums=2)  # eagerly the first call would compile operation by operation, for 3 s
def _by_circuit(values: Float[Array, "value row column"], angles: Array, spec: QuanvolutionSpec) -> Image:
    mix = jnp.asarray(spec.channels(angles.shape[2]), angles.dtype)

    def one(x: Array) -> Array:
        return matmul(mix, z_expectations(run(patch_circuit(x, angles, spec))))

    return jnp.moveaxis(jax.vmap(jax.vmap(one, in_axes=1), in_axes=1)(values), 2, 0)


def quanvolve(image: Image, angles: Float[Array, "depth rotation qubit"], spec: QuanvolutionSpec) -> Image:
    """Apply a quanvolutional layer to one image, by contraction or by circuits, whichever takes less time.

    Args:
        image: image in radians.
        angles: parameters, of shape `spec.angles_shape(channels)`.
        spec: settings of the layer.

    Raises:
        ValueError: sides that the stride does not fit, angles of another shape than `spec.angles_shape`, or more qubits
            than fit in memory.

    Example:
        >>> spec = quanvolution_spec()
        >>> quanvolve(jnp.ones((1, 2, 2)), jnp.zeros((1, 1, 4)), spec).round(4)
        Array([[[0.2688]]], dtype=...)
    """
    values, angles = _checked(image, angles, spec)
    contracted = _contraction_pays(angles.shape[2], values[0].size)
    return _by_contraction(values, angles, spec) if contracted else _by_circuit(values, angles, spec)


def _contraction_pays(num_qubits: int, patches: int) -> bool:
    """Return whether contraction takes less time than a circuit for each patch, by the model of `PER_UNIT`."""
    # A patch takes PER_GATE for each qubit by its circuit and 2^n by contraction, which also takes PER_UNIT 4^n once.
    saved = PER_GATE * num_qubits - (1 << num_qubits)
    return num_qubits <= CONTRACTED_QUBITS or patches * saved > PER_UNIT * 4**num_qubits


@partial(jax.jit, static_argnums=2)
def _by_contraction(values: Float[Array, "value row column"], angles: Array, spec: QuanvolutionSpec) -> Image:
    flat = values.reshape(len(values), -1)
    state = _behind(flat, angles, spec)
    law = jnp.square(state.real) + jnp.square(state.imag)
    signs = spec.channels(angles.shape[2]) @ _z_signs(angles.shape[2])
    return matmul(jnp.asarray(signs, law.dtype), law).reshape(-1, *values.shape[1:])


def _behind(values: Float[Array, "value patch"], angles: Array, spec: QuanvolutionSpec) -> Num[Array, "dim patch"]:
    """Return the states of all patches before the measurement."""
    n = angles.shape[2]
    rows = jax.vmap(lambda row: matrix_of(circuit(n, spec.ansatz.gates(row))))(angles)
    dtype = common_dtype(rows, jnp.complex64)
    basis = _eigenbasis(spec.encoding, len(values), n).astype(dtype)
    phases = _phases(values, n)
    units = list(rows.astype(dtype))
    if not spec.reupload:
        units = [_product(units)]
    # Changes of basis between the encodings belong to the unitaries, so they run once for all patches.
    turned = [matmul(basis.conj().T, unit, basis) for unit in units[:-1]] + [matmul(units[-1], basis)]
    state = matmul(turned[0] * basis[0].conj()[None, :], phases)
    for unit in turned[1:]:
        state = matmul(unit, phases * state)
    return state


def _phases(values: Float[Array, "value patch"], num_qubits: int) -> Num[Array, "dim patch"]:
    """Return the diagonal of the encoding; qubits without a value have ones."""
    half = jax.lax.complex(jnp.cos(values / 2), -jnp.sin(values / 2))
    found = jnp.ones((1, values.shape[1]), half.dtype)
    for row in half:
        pair = jnp.stack([row, row.conj()])
        found = (found[:, None] * pair[None]).reshape(-1, values.shape[1])
    return jnp.repeat(found, 1 << (num_qubits - len(values)), axis=0)


def _eigenbasis(encoding: Rotation, values: int, num_qubits: int) -> Array:
    """Return the eigenvectors that the encoding multiplies by e^{-ix/2} and e^{ix/2}, qubit by qubit, as columns."""
    one = np.linalg.eigh(PAULIS[_AXES[encoding]])[1][:, ::-1]
    found = np.ones((1, 1), complex)
    for _ in range(values):
        found = np.kron(found, one)
    return jnp.asarray(np.kron(found, np.eye(1 << (num_qubits - values))))


def _product(units: list[Array]) -> Array:
    total = units[0]
    for unit in units[1:]:
        total = matmul(unit, total)
    return total


def _z_signs(num_qubits: int) -> np.ndarray:
    """Return the eigenvalue of Z on each qubit (row) in each basis state (column)."""
    return 1.0 - 2 * (np.arange(1 << num_qubits)[None, :] >> np.arange(num_qubits)[::-1, None] & 1)


def _checked(image: Any, angles: Any, spec: QuanvolutionSpec) -> tuple[Array, Array]:
    require_kind("spec", spec, QuanvolutionSpec)
    image, angles = as_inexact("image", image), as_inexact("angles", angles)
    for name, array in (("image", image), ("angles", angles)):
        require(jnp.isrealobj(array), f"`{name}` must be real, but is {array.dtype}.")
    image, angles = promoted(image, angles)
    values = patches(image, spec)
    wanted = spec.angles_shape(len(image))
    require(angles.shape == wanted, f"`angles` must have shape {wanted}, but has {angles.shape}.")
    require_state_fits(wanted[2], common_dtype(angles, jnp.complex64), count=values[0].size)
    return values, angles
