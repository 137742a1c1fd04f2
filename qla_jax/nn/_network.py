"""What measured networks share: batches, keys, and readouts that are swapped without touching a parameter."""

from abc import abstractmethod
from typing import Self

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Float

from qla_jax._checks import as_numeric, require
from qla_jax.arithmetic import Format
from qla_jax.measurement import ReadoutMethod
from qla_jax.nn.estimated_gradients import WeightGradients
from qla_jax.nn.measured import BATCH, MeasuredRun, Pass, keys_for
from qla_jax.nn.qam import Arithmetic, FixedArithmetic

Image = Float[Array, "channel row column"]
Images = Float[Array, "batch channel row column"]


class MeasuredNetwork(nnx.Module):
    """A network whose layers are read out.

    Attributes:
        readout: of every transfer.
        format: of the registers; None for real arithmetic.
        gradients: how gradients of weights are found; None for exactly.
        use_running_average: whether normalisation uses the statistics of training rather than those of the batch.
            `train()` and `eval()` of NNX switch it.
    """

    def __init__(self, readout: ReadoutMethod, format: Format | None) -> None:
        self.readout = readout
        self.format = format
        self.gradients: WeightGradients | None = None
        self.use_running_average = True

    @abstractmethod
    def forward(self, image: Image, flow: Pass) -> Array:
        """Logits of one image."""

    @abstractmethod
    def takes(self) -> tuple[int | None, int | None, int | None]:
        """Channels, rows and columns of an image; None for any number."""

    def __call__(self, images: Images, key: Array | None = None) -> Float[Array, "batch outcomes"]:
        """Class probabilities, each image with a key of its own.

        While training, statistics of normalisation are those of the batch, and move the running ones.

        Args:
            images: at least one.
            key: of all that is drawn; may be left out where nothing is.

        Raises:
            ValueError: no key where one is needed, images of another shape or, where it can be seen, not finite, and
                what the readout raises: a rank above the length of its axis.
        """
        images = self._checked("images", images, jnp.shape(images)[1:])
        training = not self.use_running_average

        def one(image: Array, key: Array) -> tuple[Array, list]:
            flow = self._pass(key, training=training)
            return jax.nn.softmax(self.forward(image, flow)), flow.statistics

        keys = self._keys(key, len(images))
        outcomes, statistics = jax.vmap(one, axis_name=BATCH, out_axes=(0, None))(images, keys)
        if training:
            self.absorb(statistics)
        return outcomes

    def run(self, image: Image, key: Array | None = None) -> MeasuredRun:
        """One image, with a record of every transfer; raises what a call does."""
        image = self._checked("image", image, jnp.shape(image))
        (single,) = self._keys(key, 1)
        flow = self._pass(single)
        return flow.run(self.forward(image, flow))

    def absorb(self, statistics: list[tuple[Array, Array]]) -> None:
        """Move running statistics towards those of a batch; there are none unless a network says so."""

    def with_readout(self, readout: ReadoutMethod) -> Self:
        """The same network with another readout: parameters are shared, nothing else changes."""
        return self._with(readout=readout)

    def with_format(self, format: Format | None) -> Self:
        """The same network on registers of this format, or in real arithmetic for None."""
        return self._with(format=format)

    def with_gradients(self, gradients: WeightGradients | None) -> Self:
        """The same network whose weights get their gradients this way; it needs a key then."""
        return self._with(gradients=gradients)

    def _with(self, **changes: object) -> Self:
        other = nnx.merge(*nnx.split(self))
        for name, value in changes.items():
            setattr(other, name, value)
        return other

    def _checked(self, name: str, value: Array, shape: tuple[int, ...]) -> Array:
        wanted = self.takes()
        fits = len(shape) == 3 and all(size in (None, have) for size, have in zip(wanted, shape, strict=True))
        told = ", ".join("any" if size is None else str(size) for size in wanted)
        require(fits, f"`{name}` must be of (channels, rows, columns) = ({told}), but one has shape {shape}.")
        return as_numeric(name, value, ndim=jnp.ndim(value))

    def _keys(self, key: Array | None, count: int) -> Array:
        random = self.gradients is not None and not self.gradients.noise.exact
        return keys_for(self.readout, key, count, random=random)

    def _pass(self, key: Array, *, training: bool = False) -> Pass:
        reading, estimating = jax.random.split(key)
        if self.format is None:
            return Pass(self.readout, Arithmetic(self.gradients, estimating), reading, training=training)
        qam = FixedArithmetic(self.format, self.gradients, estimating)
        return Pass(self.readout, qam, reading, training=training)
