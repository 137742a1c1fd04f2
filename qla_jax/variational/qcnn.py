"""Quantum convolutional networks: one two-qubit unitary on all pairs of neighbors, then pooling to half of the qubits.

A convolution is one `block` (15 angles) on the pairs (0, 1), (2, 3), ... and then on (1, 2), (3, 4), .... Pooling
rotates each kept qubit under the control of its neighbor, by CRZ where the neighbor is 1 and by CRX where it is 0. No
later gate acts on the neighbor. All convolutions of a stage share their angles, and so do all poolings. Each stage
halves the qubits, so the number of stages is logarithmic in them.

Example:
    >>> len(qcnn_kept(8, stages=3)), qcnn_angles_shape(stages=3)
    (1, (3, 17))

References:
    Cong, Choi, Lukin (2019), Quantum convolutional neural networks. https://arxiv.org/abs/1810.03787
    Hur, Kim, Park (2022), the pooling gate. https://arxiv.org/abs/2108.00661
    Kwak, Yun, Jung, Kim (2021), Quantum deep learning, section II.B.1.
"""

import jax
from jax import Array
from jaxtyping import Float

from qla_jax._checks import as_inexact, as_integer, as_numeric, require
from qla_jax.variational.circuit import ParametrizedCircuit, circuit, run
from qla_jax.variational.gates import block, crx, crz, rx
from qla_jax.variational.observables import z_expectations
from qla_jax.variational.states import angle_state
from qla_jax.variational.unitaries import NUM_BLOCK_ANGLES, ParametrizedGate

POOLING_ANGLES = 2
_PI = 3.141592653589793


def qcnn_angles_shape(stages: int) -> tuple[int, int]:
    """Return the shape (stage, angle) of the parameters: the angles of a block and of the pooling for each stage.

    Example:
        >>> qcnn_angles_shape(3)
        (3, 17)
    """
    return as_integer("stages", stages, least=0), NUM_BLOCK_ANGLES + POOLING_ANGLES


def qcnn_kept(num_qubits: int, stages: int) -> tuple[int, ...]:
    """Return the qubits that are left after the last stage.

    The last one of an odd number of qubits is kept without a partner.

    Args:
        num_qubits: number of qubits before the first stage.
        stages: number of stages.

    Raises:
        ValueError: no stage, or a stage with one qubit left.

    Example:
        >>> qcnn_kept(8, 2)
        (0, 4)
    """
    stages = as_integer("stages", stages, least=1)
    kept = tuple(range(as_integer("num_qubits", num_qubits, least=1)))
    for _ in range(stages):
        require(len(kept) >= 2, f"`stages` must leave two qubits to the last one of {num_qubits}, but is {stages}.")
        kept = kept[::2]
    return kept


def qcnn_circuit(angles: Float[Array, "stage angle"], num_qubits: int) -> ParametrizedCircuit:
    """Build the circuit of convolutions and poolings, stage by stage.

    Args:
        angles: angles of all stages, of shape `qcnn_angles_shape(stages)`.
        num_qubits: number of qubits before the first stage.

    Raises:
        ValueError: angles of another shape, or what `qcnn_kept` raises.

    Example:
        >>> qcnn_circuit(jnp.zeros((1, 17)), 4).num_gates  # 3 blocks, and 4 gates for each of 2 poolings
        11
    """
    angles = as_inexact("angles", angles)
    num_qubits = as_integer("num_qubits", num_qubits, least=1)
    wanted = qcnn_angles_shape(len(angles) if angles.ndim else 0)
    require(angles.shape == wanted, f"`angles` must have shape {wanted}, but has {angles.shape}.")
    qcnn_kept(num_qubits, len(angles))
    kept, layers = tuple(range(num_qubits)), []
    for row in angles:
        layers.append(_convolution(kept, row[:NUM_BLOCK_ANGLES]) + _pooling(kept, row[NUM_BLOCK_ANGLES:]))
        kept = kept[::2]
    return circuit(num_qubits, *layers)


def qcnn(x: Float[Array, " n"], angles: Float[Array, "stage angle"]) -> Float[Array, " kept"]:
    """Return <Z> of the kept qubits for one input, loaded by RY(x_i) on qubit i.

    Args:
        x: input in radians, one entry for each qubit.
        angles: angles of all stages, of shape `qcnn_angles_shape(stages)`.

    Raises:
        ValueError: what `qcnn_circuit` raises.

    Example:
        >>> qcnn(jnp.array([0.0, jnp.pi]), jnp.zeros((1, 17))).round(3).tolist()
        [1.0]
    """
    x, angles = as_numeric("x", x, 1), as_inexact("angles", angles)
    wanted = qcnn_angles_shape(len(angles) if angles.ndim else 0)
    require(angles.shape == wanted, f"`angles` must have shape {wanted}, but has {angles.shape}.")
    qcnn_kept(len(x), len(angles))
    return _qcnn(x, angles)


@jax.jit  # eagerly the first call would compile operation by operation, for 3 s
def _qcnn(x: Array, angles: Array) -> Array:
    return z_expectations(run(qcnn_circuit(angles, len(x)), angle_state(x)), qcnn_kept(len(x), len(angles)))


def _convolution(kept: tuple[int, ...], angles: Array) -> list[ParametrizedGate]:
    pairs = [*zip(kept[::2], kept[1::2], strict=False), *zip(kept[1::2], kept[2::2], strict=False)]
    return [block(first, second, angles) for first, second in pairs]


def _pooling(kept: tuple[int, ...], angles: Array) -> list[ParametrizedGate]:
    """Return the gates of one pooling.

    The control on 0 is a control on 1 between two flips of the partner, which are X up to a phase.
    """
    gates: list[ParametrizedGate] = []
    for stays, goes in zip(kept[::2], kept[1::2], strict=False):
        gates += [crz(goes, stays, angles[0]), rx(goes, _PI), crx(goes, stays, angles[1]), rx(goes, -_PI)]
    return gates
