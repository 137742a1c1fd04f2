r"""Data transfer modules: a state is read out, what is found is kept classically, and the next layer starts from it.

Between arithmetic and readout numbers become amplitudes, flagged with the amplitude
$\|y\|_2/(\|y\|_\infty\sqrt{n})$ for n of them; behind linear algebra the flagged amplitude is that of its circuit.
Queries are charged for the flagged state: whoever amplifies it pays its inverse for each, see `qla_jax.nn.overhead`.

A `Pass` carries one input through a network, with a key of its own: batches are `jax.vmap` over passes.

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
from qla_jax.measurement import Readout, ReadoutMethod
from qla_jax.nn.qam import Arithmetic
from qla_jax.nn.steps import ArithmeticStep, Numbers, as_numbers, operations, steps_up_to

BATCH = "batch"
"""Name of the axis over which statistics of a batch are taken."""


class Transfer(Node):
    r"""What one transfer did; bounds are those of the readout.

    Attributes:
        shots: copies measured.
        queries: preparations of the state and their inverses.
        error_bound: on the Euclidean norm of the error of all values.
        failure_probability: that it fails.
        infidelity: one minus the squared overlap of what was read out with the state, which the simulator knows.
        amplitude: the flagged one, of the state that is read out.
        misfits: numbers that did not fit into their registers since the last transfer, this one included.
        operations: arithmetic behind each other that prepares the state from numbers in memory, by name.
        macs: products of numbers that a classical computer takes for it.
        name: of the layer.
        shape: of the tensor.
        rank: Chebyshev modes kept along each axis that is looked at; empty for other readouts.
        capped: whether the readout asks for more modes than an axis has, all of which were then kept.
        method: the readout and its noise, in words.
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
    """One input through a network.

    Attributes:
        output: the logits; of a block the state that it leaves.
        transfers: in order.
        rest: products of numbers behind the last transfer, which are classical.
    """

    output: Array
    transfers: tuple[Transfer, ...]
    rest: int = struct.field(pytree_node=False)

    @property
    def probabilities(self) -> Array:
        """Of the outcomes."""
        return jax.nn.softmax(self.output)


class Pass:
    """One input on its way through a network: the arithmetic of its layers, their readout, and a record of transfers.

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
        """Return the record of a pass.

        Args:
            output: what the network returned.
        """
        output = as_numbers(output)
        rest = sum(step.products for step in self._since_last_read(output.step))
        return MeasuredRun(output.values, tuple(self.transfers), rest)

    def transfer(
        self, name: str, state: Array | Numbers, amplitude: Array | None = None, *, whole: bool = False
    ) -> Numbers:
        """Read a state out, and return what was read out as numbers in memory.

        Args:
            name: name of the layer.
            state: a tensor whose entries are amplitudes times its norm.
            amplitude: success amplitude of its circuit; that of numbers from registers unless given.
            whole: whether an axis shorter than a rank may be kept whole even where the readout does not say so.

        Raises:
            ValueError: what the readout raises, a rank above the length of its axis among it.
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
    """Inside jit a state of zeros, which a ReLU may leave, is read as zeros without bounds."""
    return readout(state, key=jax.random.fold_in(key, index))


def keys_for(readout: ReadoutMethod, count: int, *, key: Array | None, random: bool = False) -> Array:
    """A key for each input; `random` says that something else than the readout draws, too.

    Raises:
        ValueError: no key, and something that draws.
    """
    if key is not None:
        require_key("key", key)
    needed = f"`key` must be given where values are drawn, but is None and the readout is {type(readout).__name__}."
    require(key is not None or not (random or readout.random), needed)
    return jax.random.split(jax.random.key(0) if key is None else key, count)


@jax.jit
def digital_amplitude(x: Float[Array, "..."]) -> Array:
    r"""$\|x\|_2/(\|x\|_\infty\sqrt n)$: the flagged amplitude of numbers from registers; 1 for zeros."""
    x = jax.lax.stop_gradient(x)
    peak = jnp.abs(x).max()
    return jnp.where(peak > 0, length(x.reshape(-1)) / (jnp.where(peak > 0, peak, 1) * math.sqrt(x.size)), 1)


def infidelity(found: Float[Array, "..."], state: Float[Array, "..."]) -> Array:
    r"""$1 - \langle\tilde x|x\rangle^2$ of the two directions; 1 where one of them is zero.

    As $\|\tilde x\rangle - x\langle x|\tilde x\rangle\|^2$ of unit vectors, which has no cancellation.

    Raises:
        ValueError: not arrays of numbers, or of different shapes.
    """
    a, b = promoted(as_inexact("found", found), as_inexact("state", state))
    require(a.shape == b.shape, f"`found` must have the shape {b.shape} of `state`, but has {a.shape}.")
    return _infidelity(a, b)


@jax.jit
def _infidelity(found: Array, state: Array) -> Array:
    (a, size), (b, other) = (unit_vector(jax.lax.stop_gradient(x).reshape(-1)) for x in (found, state))
    return jnp.where((size != 0) & (other != 0), jnp.sum(jnp.square(jnp.abs(a - b * jnp.vdot(b, a)))), 1)
