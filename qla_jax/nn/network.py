"""What measured networks share: batches, keys, and readouts that are swapped without touching a parameter."""

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
    """A network whose layers are read out.

    Attributes:
        readout: of every transfer.
        format: of the registers; None for real arithmetic.
        gradients: how gradients of weights are found; None for exactly.
        use_running_average: whether normalization uses the statistics of training rather than those of the batch.
            `train()` and `eval()` of NNX switch it.
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
            flow: the pass that carries it: its arithmetic, its readout, its transfers.
        """

    @abstractmethod
    def takes(self) -> tuple[int | None, int | None, int | None]:
        """Channels, rows and columns of an image; None for any number."""

    def __call__(self, images: Images, *, key: Array | None = None) -> Float[Array, "batch outcomes"]:
        """Class probabilities, each image with a key of its own.

        While training, statistics of normalization are those of the batch, and move the running ones.

        Args:
            images: at least one.
            key: of all that is drawn; may be left out where nothing is.

        Raises:
            ValueError: no key where one is needed, images of another shape or, where it can be seen, not finite, and
                what the readout raises: a rank above the length of its axis.
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
        """One image, with a record of every transfer; raises what a call does."""
        image = self._checked("image", image)
        (single,) = self._keys(key, 1)
        flow = self._pass(single)
        return flow.run(self.forward(image, flow))

    def absorb(self, statistics: list[tuple[Array, Array]]) -> None:
        """Move running statistics towards those of a batch; there are none unless a network says so."""

    def with_readout(self, readout: ReadoutMethod) -> Self:
        """The same network with another readout: parameters are shared, nothing else changes."""
        require_parts(readout, None)
        return self._with(readout=readout)

    def with_format(self, format: Format | None) -> Self:
        """The same network on registers of this format, or in real arithmetic for None."""
        require_parts(None, format)
        return self._with(format=format)

    def with_gradients(self, gradients: WeightGradients | None) -> Self:
        """The same network whose weights get their gradients this way; it needs a key then."""
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
    """Probabilities of a batch and its statistics.

    Outside jit its layers compile one by one, those of one shape once: by far the fastest where values are drawn.
    """

    def one(image: Array, key: Array) -> tuple[Array, list[tuple[Array, Array]]]:
        flow = network._pass(key, training=not network.use_running_average)
        return jax.nn.softmax(as_numbers(network.forward(image, flow)).values), flow.statistics

    return jax.vmap(one, axis_name=BATCH, out_axes=(0, None))(images, keys)


@partial(jax.jit, static_argnums=0)
def _compiled_outcomes(
    graph: nnx.GraphDef[MeasuredNetwork], state: nnx.State, images: Images, keys: Array
) -> tuple[Array, list[tuple[Array, Array]]]:
    """The same in one piece: nothing that transfers note is computed."""
    return _outcomes(nnx.merge(graph, state), images, keys)
