r"""Data transfers of measured networks: a state is read out, and the next layer starts from the classical values.

A transfer after arithmetic turns n numbers y into amplitudes, with success amplitude
$\|y\|_2/(\|y\|_\infty\sqrt{n})$. A transfer after linear algebra has the success amplitude of its circuit. Queries
are counted for the flagged state. Amplification multiplies each query by about the inverse of the success amplitude;
`qla_jax.nn.amplified` counts that.

A `Pass` carries one input through a network and has its own random key. Batches are `jax.vmap` over passes.

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, sections II.2 and II.4.
    https://arxiv.org/abs/2402.18940
"""

import math

import jax
import jax.numpy as jnp
from flax import struct
from jax import Array
from jaxtyping import Float

from qla_jax._checks import as_inexact, require, require_key
from qla_jax._modes import promoted
from qla_jax._nodes import Node
from qla_jax.linalg.preparation import length, unit_vector
from qla_jax.linalg.products import vdot
from qla_jax.measurement import Readout, ReadoutMethod
from qla_jax.nn.qam import Arithmetic
from qla_jax.nn.steps import ArithmeticStep, Numbers, as_numbers, operations, steps_up_to

BATCH = "batch"
"""Name of the `vmap` axis over which the statistics of a batch are computed."""


class Transfer(Node):
    """Record of one transfer of a measured network: the readout of the state that a layer computed.

    A `MeasuredRun` holds one for each transfer of a network.

    Attributes:
        shots: number of measured copies of the state.
        queries: number of preparations of the state and inverse preparations.
        error_bound: bound of the readout on the Euclidean norm of the error of all values.
        failure_probability: probability that the bound fails.
        infidelity: one minus the squared overlap of the values with the state, which the simulator knows.
        amplitude: success amplitude of the circuit that prepares the state.
        misfits: number of results since the last transfer, its own included, that did not fit into their registers.
        operations: operations in a row that prepare the state from numbers in memory: pairs of name and count.
        macs: products of numbers that a classical computer takes for the same tensor.
        name: name of the layer.
        shape: shape of the tensor.
        rank: number of Chebyshev modes kept along each axis of the readout; empty for other readouts.
        capped: whether the readout asks for more modes than an axis has, so that all modes were kept.
        method: name of the readout and of its noise.

    References:
        Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, sections II.2 and II.4.
        https://arxiv.org/abs/2402.18940
    """

    shots: Array
    queries: Array
    error_bound: Array
    failure_probability: Array
    infidelity: Array
    amplitude: Array
    misfits: Array
    operations: tuple[tuple[str, int], ...] = struct.field(pytree_node=False)
    macs: int = struct.field(pytree_node=False)
    name: str = struct.field(pytree_node=False)
    shape: tuple[int, ...] = struct.field(pytree_node=False)
    rank: tuple[int, ...] = struct.field(pytree_node=False)
    capped: bool = struct.field(pytree_node=False)
    method: str = struct.field(pytree_node=False)


class MeasuredRun(Node):
    """Record of one input through a measured network. `MeasuredNetwork.run` returns it.

    Attributes:
        output: logits of a classifier, or the state after a `QResidualBlock`.
        transfers: records of the transfers, in order.
        rest: products of numbers after the last transfer, on a classical computer.

    References:
        Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, sections II.2 and II.4.
        https://arxiv.org/abs/2402.18940
    """

    output: Array
    transfers: tuple[Transfer, ...]
    rest: int = struct.field(pytree_node=False)

    @property
    def probabilities(self) -> Array:
        """Class probabilities, the softmax of `output`."""
        return jax.nn.softmax(self.output)


class Pass:
    """Pass of one input through a network. It holds arithmetic, readout and random key, and records the transfers.

    Args:
        readout: readout of every state that is measured.
        qam: arithmetic of the layers.
        key: random key of the readouts.
        training: whether normalization uses the statistics of the batch, over the axis named `BATCH` of a vmap.
    """

    def __init__(self, readout: ReadoutMethod, qam: Arithmetic, *, key: Array, training: bool = False) -> None:
        self.readout, self.qam, self.key, self.training = readout, qam, key, training
        self.transfers: list[Transfer] = []
        self.statistics: list[tuple[Array, Array]] = []
        self._read: list[ArithmeticStep] = []

    def run(self, output: Array | Numbers) -> MeasuredRun:
        """Return the record of this pass.

        Args:
            output: output of the network.
        """
        output = as_numbers(output)
        rest = sum(step.products for step in self._since_last_read(output.step))
        return MeasuredRun(output.values, tuple(self.transfers), rest)

    def transfer(
        self, name: str, state: Array | Numbers, amplitude: Array | None = None, *, whole: bool = False
    ) -> Numbers:
        """Read a state out, record the transfer, and return the values as numbers in memory.

        Args:
            name: name of the layer.
            state: tensor whose entries are the amplitudes of the state times its norm.
            amplitude: success amplitude of the circuit that prepares the state; `digital_amplitude` of the numbers
                unless given.
            whole: whether a rank above the length of its axis keeps the whole axis, even if the readout refuses it.

        Raises:
            ValueError: a rank above the length of its axis unless `whole`, and other errors of the readout.
        """
        readout = self.readout.capped() if whole else self.readout
        given = as_numbers(state)
        state = given.values
        rank, below = readout.kept_modes(state.shape)
        # Numbers from registers become amplitudes by an arc cosine; a circuit's output is a state already.
        last = given.step if amplitude is not None else ArithmeticStep((given.step,), once={"arccos": 1})
        found = _read(readout, state, self.key, len(self.transfers))
        rounded = self.qam.rounded(found.values)
        values, taken = rounded.values, self._since_last_read(last)
        told = Transfer(
            shots=found.shots,
            queries=found.queries,
            error_bound=found.error_bound,
            failure_probability=found.failure_probability,
            infidelity=infidelity(values, state),
            amplitude=digital_amplitude(state) if amplitude is None else amplitude,
            misfits=jnp.asarray(sum(step.misfits for step in [*taken, rounded.step]), jnp.int32),
            operations=tuple(sorted(operations(last).items())),
            macs=sum(step.products for step in taken),
            name=name,
            shape=state.shape,
            rank=rank,
            capped=below,
            method=found.method,
        )
        self.transfers.append(jax.tree.map(jax.lax.stop_gradient, told))
        self._read.append(last)
        return Numbers(values)

    def _since_last_read(self, last: ArithmeticStep) -> list[ArithmeticStep]:
        """Return the steps that lead to this one and to no state that was read out before."""
        before = set(steps_up_to(*self._read))
        return [step for step in steps_up_to(last) if step not in before]


@jax.jit
def _read(readout: ReadoutMethod, state: Array, key: Array, index: int) -> Readout:
    """Return the readout of a state. Inside jit a state of zeros, possible after a ReLU, gives zeros without bounds."""
    return readout(state, key=jax.random.fold_in(key, index))


def keys_for(readout: ReadoutMethod, count: int, *, key: Array | None, random: bool = False) -> Array:
    """Return a random key for each input, split from one key.

    Args:
        readout: readout of the network.
        count: number of inputs.
        key: random key; may be None if nothing is drawn.
        random: whether anything besides the readout draws values.

    Raises:
        ValueError: no key although values are drawn.
    """
    if key is not None:
        require_key("key", key)
    needed = f"`key` must be given where values are drawn, but is None and the readout is {type(readout).__name__}."
    require(key is not None or not (random or readout.random), needed)
    return jax.random.split(jax.random.key(0) if key is None else key, count)


@jax.jit
def digital_amplitude(x: Float[Array, "..."]) -> Array:
    r"""Return the success amplitude of numbers in registers, $\|x\|_2/(\|x\|_\infty\sqrt n)$; 1 if all are zero."""
    x = jax.lax.stop_gradient(x)
    peak = jnp.abs(x).max()
    return jnp.where(peak > 0, length(x.reshape(-1)) / (jnp.where(peak > 0, peak, 1) * math.sqrt(x.size)), 1)


def infidelity(found: Float[Array, "..."], state: Float[Array, "..."]) -> Array:
    r"""Return the infidelity $1 - |\langle\tilde x|x\rangle|^2$ of the directions of two tensors.

    The formula $\||\tilde x\rangle - |x\rangle\langle x|\tilde x\rangle\|^2$ is used, which has no cancellation for
    close states. The infidelity is 1 if one of the tensors is zero. No gradient passes through it.

    Args:
        found: one tensor, of any norm.
        state: other tensor of the same shape, of any norm.

    Returns:
        The infidelity, between 0 and 1.

    Raises:
        ValueError: tensors that are not arrays of numbers, or have different shapes.

    Example:
        >>> round(float(infidelity(jnp.array([1.0, 0.0]), jnp.array([3.0, 4.0]))), 6)
        0.64

    References:
        Nielsen, Chuang (2010), Quantum Computation and Quantum Information, section 9.2.2.
    """
    a, b = promoted(as_inexact("found", found), as_inexact("state", state))
    require(a.shape == b.shape, f"`found` must have the shape {b.shape} of `state`, but has {a.shape}.")
    return _infidelity(a, b)


@jax.jit
def _infidelity(found: Array, state: Array) -> Array:
    (a, size), (b, other) = (unit_vector(jax.lax.stop_gradient(x).reshape(-1)) for x in (found, state))
    return jnp.where((size != 0) & (other != 0), jnp.sum(jnp.square(jnp.abs(a - b * vdot(b, a)))), 1)
