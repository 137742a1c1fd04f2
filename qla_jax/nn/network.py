"""Base class of measured networks: batches, random keys, and readouts that can be replaced without a new network.

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, sections II.2 and II.4.
    https://arxiv.org/abs/2402.18940
"""

from abc import abstractmethod
from functools import partial
from typing import Self

import jax
from flax import nnx
from jax import Array
from jaxtyping import Float

from qla_jax._checks import as_inexact, as_numeric, require, require_kind
from qla_jax.arithmetic import Format
from qla_jax.measurement import ReadoutMethod
from qla_jax.nn._shapes import require_parts
from qla_jax.nn.estimated_gradients import WeightGradients
from qla_jax.nn.fixed_qam import FixedArithmetic
from qla_jax.nn.measured import BATCH, MeasuredRun, Pass, keys_for
from qla_jax.nn.qam import Arithmetic
from qla_jax.nn.steps import Numbers, as_numbers

Image = Float[Array, "channel row column"]
Images = Float[Array, "batch channel row column"]


class MeasuredNetwork(nnx.Module):
    """Base class of measured networks, whose layers are read out and start again from classical values.

    Subclasses implement `forward` and `takes`. A call returns class probabilities; `run` also records every transfer.

    Args:
        readout: readout of every transfer.
        format: fixed-point format of the registers; None for real arithmetic.

    Attributes:
        readout: readout of every transfer.
        format: fixed-point format of the registers; None for real arithmetic.
        gradients: settings by which gradients of weights are estimated; None for exact gradients.
        use_running_average: whether normalization uses the statistics of training instead of those of the batch. The
            methods `train()` and `eval()` of NNX switch it.

    Example:
        >>> from qla_jax.measurement import exact_readout
        >>> class Linear(MeasuredNetwork):
        ...     def __init__(self):
        ...         super().__init__(exact_readout(), None)
        ...         self.weight = nnx.Param(jnp.ones((2, 4)))
        ...
        ...     def forward(self, image, flow):
        ...         logits = flow.transfer("logits", flow.qam.dense(image.reshape(1, -1), self.weight[...]))
        ...         return logits.rearranged(lambda rows: rows[0])
        ...
        ...     def takes(self):
        ...         return 1, 2, 2
        >>> run = Linear().run(jnp.ones((1, 2, 2)))
        >>> run.output.tolist(), [(transfer.name, transfer.macs) for transfer in run.transfers]
        ([4.0, 4.0], [('logits', 8)])

    References:
        Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, sections II.2 and II.4.
        https://arxiv.org/abs/2402.18940
    """

    def __init__(self, readout: ReadoutMethod, format: Format | None) -> None:
        self.readout = readout
        self.format = format
        self.gradients: WeightGradients | None = None
        self.use_running_average = True

    @abstractmethod
    def forward(self, image: Image, flow: Pass) -> Numbers:
        """Return the logits of one image with the steps that computed them.

        Args:
            image: one image.
            flow: pass that carries the image: arithmetic of the layers, readout, record of transfers.
        """

    @abstractmethod
    def takes(self) -> tuple[int | None, int | None, int | None]:
        """Return the channels, rows and columns that an image must have; None stands for any number."""

    def __call__(self, images: Images, *, key: Array | None = None) -> Float[Array, "batch outcomes"]:
        """Return the class probabilities of each image, shape (batch, outcomes).

        Each image has its own random key. While training, normalizations use the statistics of the batch and update the
        running statistics.

        Args:
            images: batch of one image or more.
            key: random key of everything that is drawn; may be left out if nothing is drawn.

        Raises:
            ValueError: no key although values are drawn, images of another shape, or a rank of the readout above the
                length of its axis; entries that are not finite, unless the images are traced.
        """
        images = self._checked("images", images, batch=True)
        keys = self._keys(key, len(images))
        if self._draws():
            outcomes, statistics = _outcomes(self, images, keys)
        else:
            outcomes, statistics = _compiled_outcomes(*nnx.split(self), images, keys)
        if not self.use_running_average:
            self.absorb(statistics)
        return outcomes

    def run(self, image: Image, *, key: Array | None = None) -> MeasuredRun:
        """Return the record of one image: logits and every transfer.

        Args:
            image: one image.
            key: random key of everything that is drawn; may be left out if nothing is drawn.

        Raises:
            ValueError: no key although values are drawn, an image of another shape, or a rank of the readout above the
                length of its axis; entries that are not finite, unless the image is traced.
        """
        image = self._checked("image", image)
        (single,) = self._keys(key, 1)
        flow = self._pass(single)
        return flow.run(self.forward(image, flow))

    def absorb(self, statistics: list[tuple[Array, Array]]) -> None:
        """Move the running statistics of normalizations toward those of a batch. The base class has no statistics.

        Args:
            statistics: means and variances of the channels, for each normalization in the order of a pass.
        """

    def with_readout(self, readout: ReadoutMethod) -> Self:
        """Return this network with another readout. Parameters are shared, and nothing else changes."""
        require_parts(readout, None)
        return self._with(readout=readout)

    def with_format(self, format: Format | None) -> Self:
        """Return this network with registers of another format, or real arithmetic for None. Parameters are shared."""
        require_parts(None, format)
        return self._with(format=format)

    def with_gradients(self, gradients: WeightGradients | None) -> Self:
        """Return this network with gradients of weights that are estimated, or exact for None. Parameters are shared.

        A network with random estimates needs a random key in each call.
        """
        if gradients is not None:
            require_kind("gradients", gradients, WeightGradients)
        return self._with(gradients=gradients)

    def _with(self, **changes: object) -> Self:
        other = nnx.merge(*nnx.split(self))
        for name, value in changes.items():
            setattr(other, name, value)
        return other

    def _checked(self, name: str, value: Array, *, batch: bool = False) -> Array:
        wanted = self.takes()
        array = as_inexact(name, value)
        shape = array.shape[batch:]
        fits = len(shape) == 3 and all(size in (None, have) for size, have in zip(wanted, shape, strict=True))
        told = ", ".join("any" if size is None else str(size) for size in wanted)
        require(fits, f"`{name}` must be of (channels, rows, columns) = ({told}), but one has shape {shape}.")
        return as_numeric(name, array, ndim=None)

    def _draws(self) -> bool:
        return self.readout.random or (self.gradients is not None and not self.gradients.noise.exact)

    def _keys(self, key: Array | None, count: int) -> Array:
        return keys_for(self.readout, count, random=self._draws(), key=key)

    def _pass(self, key: Array, *, training: bool = False) -> Pass:
        reading, estimating = jax.random.split(key)
        if self.format is None:
            return Pass(self.readout, Arithmetic(self.gradients, key=estimating), key=reading, training=training)
        qam = FixedArithmetic(self.format, self.gradients, key=estimating)
        return Pass(self.readout, qam, key=reading, training=training)


def _outcomes(network: MeasuredNetwork, images: Images, keys: Array) -> tuple[Array, list[tuple[Array, Array]]]:
    """Return the class probabilities of a batch and the statistics of its normalizations.

    Outside jit, layers compile one by one, and layers of equal shapes compile once. For readouts that draw values this
    compiles by far the fastest.
    """

    def one(image: Array, key: Array) -> tuple[Array, list[tuple[Array, Array]]]:
        flow = network._pass(key, training=not network.use_running_average)
        return jax.nn.softmax(as_numbers(network.forward(image, flow)).values), flow.statistics

    return jax.vmap(one, axis_name=BATCH, out_axes=(0, None))(images, keys)


@partial(jax.jit, static_argnums=0)
def _compiled_outcomes(
    graph: nnx.GraphDef[MeasuredNetwork], state: nnx.State, images: Images, keys: Array
) -> tuple[Array, list[tuple[Array, Array]]]:
    """Return `_outcomes` from one compiled function, in which XLA removes the unused records of transfers."""
    return _outcomes(nnx.merge(graph, state), images, keys)
