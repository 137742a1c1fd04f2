r"""Measured residual network: convolution, batch normalization and ReLU by quantum arithmetic, readouts in between.

With T a data transfer, a block is
$$x \to T\,\mathrm{conv} \to T\,\mathrm{ReLU}\,\mathrm{norm} \to T\,\mathrm{conv} \to T\,\mathrm{ReLU}(\mathrm{norm}
+ \text{shortcut}).$$
This is the data flow of appendix C, where one circuit computes normalization and ReLU of the measured convolution.
Section III.1 has a transfer after each layer: `EVERY_LAYER` adds the transfers after normalizations. `EVERY_BLOCK` has
only the transfer at the end of each block. The shortcut is the identity, or a measured and normalized 1 x 1 convolution
where shapes change. The mean over the image and the last dense layer are classical.

ResNet-18 has a stem and four stages of two blocks, with widths w, 2w, 4w, 8w and strides 1, 2, 2, 2. The stem is a
3 x 3 convolution without pooling, as is usual for small images.

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, section III.1 and appendix C.
    https://arxiv.org/abs/2402.18940
    He, Zhang, Ren, Sun (2016), ResNet-18. https://arxiv.org/abs/1512.03385
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array

from qla_jax._checks import require_kind
from qla_jax.arithmetic import Format
from qla_jax.linalg.products import FULL
from qla_jax.measurement import ReadoutMethod, exact_readout
from qla_jax.nn._shapes import as_sizes, require_parts
from qla_jax.nn.measured import BATCH, Pass
from qla_jax.nn.network import Image, MeasuredNetwork
from qla_jax.nn.steps import ArithmeticStep, Numbers

MOMENTUM = 0.9
"""Weight of the old running statistics in an update; the statistics of the batch have the rest."""


class BlockTransfers(NamedTuple):
    """Places in a residual block that are read out. The end of a block is always read out.

    The defaults are the data flow of appendix C of the paper. `EVERY_LAYER` reads out after each layer, `EVERY_BLOCK`
    only at the end of a block.

    Attributes:
        convolution: whether the output of each convolution is read out.
        normalization: whether the output of each normalization is read out.
        activation: whether the output of the first ReLU is read out.

    Example:
        >>> EVERY_BLOCK._replace(convolution=True)
        BlockTransfers(convolution=True, normalization=False, activation=False)

    References:
        Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, section III.1 and appendix C.
        https://arxiv.org/abs/2402.18940
    """

    convolution: bool = True
    normalization: bool = False
    activation: bool = True


EVERY_LAYER = BlockTransfers(convolution=True, normalization=True, activation=True)
"""Transfers of a `QResNet` after each layer, as section III.1 of arXiv:2402.18940 has them."""
EVERY_BLOCK = BlockTransfers(convolution=False, normalization=False, activation=False)
"""Transfers of a `QResNet` at the end of each block alone, the fewest for which depths do not multiply."""


class QConvNorm(nnx.Module):
    """Convolution without bias, followed by batch normalization.

    The statistics of the normalization are classical. They are taken from the values that were read out after the
    convolution if it is measured, otherwise from the exact values.
    """

    def __init__(self, in_channels: int, out_channels: int, taps: int, *, stride: int, rngs: nnx.Rngs):
        spread = (2 / (in_channels * taps**2)) ** 0.5
        self.kernel = nnx.Param(
            spread * jax.random.normal(rngs.params(), (out_channels, in_channels, taps, taps), jnp.float32)
        )
        self.gamma, self.beta = (
            nnx.Param(jnp.ones(out_channels, jnp.float32)),
            nnx.Param(jnp.zeros(out_channels, jnp.float32)),
        )
        self.mean, self.variance = (nnx.BatchStat(fill((out_channels,), jnp.float32)) for fill in (jnp.zeros, jnp.ones))
        self.stride = stride

    def __call__(self, x: Image | Numbers, flow: Pass, name: str, transfers: BlockTransfers) -> Numbers:
        y = flow.qam.convolve(x, self.kernel[...], self.stride)
        if transfers.convolution:
            y = flow.transfer(f"{name}.conv", y)
        mean, variance = self._statistics(y.values, flow)
        y = flow.qam.batch_norm(y, mean, variance, self.gamma[...], self.beta[...])
        return flow.transfer(f"{name}.norm", y) if transfers.normalization else y

    def _statistics(self, y: Image, flow: Pass) -> tuple[Array, Array]:
        if not flow.training:
            return self.mean[...], self.variance[...]
        mean = jax.lax.pmean(y.mean(axis=(1, 2)), BATCH)
        variance = jax.lax.pmean(jnp.square(y - mean[:, None, None]).mean(axis=(1, 2)), BATCH)
        flow.statistics.append((mean, variance))
        return mean, variance

    def absorb(self, mean: Array, variance: Array) -> None:
        """Move the running statistics of one normalization toward those of a batch.

        Args:
            mean: mean of each channel over the batch.
            variance: variance of each channel over the batch.
        """
        for mine, found in ((self.mean, mean), (self.variance, variance)):
            mine[...] = MOMENTUM * mine[...] + (1 - MOMENTUM) * jax.lax.stop_gradient(found)


class QResidualBlock(MeasuredNetwork):
    """Residual block of a measured network: two convolutions and a shortcut.

    A block alone is also a measured network, whose `run` returns the state after the block as the output.

    Args:
        in_channels: channels of an input image.
        out_channels: channels of the output.
        stride: stride of the first convolution, and of the shortcut.
        readout: readout of every transfer; exact unless given.
        format: fixed-point format of the registers; None for real arithmetic.
        transfers: places that are read out.
        rngs: random streams of the parameters.

    Raises:
        TypeError: a readout, a format or transfers of another kind.
        ValueError: a size that is not an integer of at least 1.

    Example:
        >>> block = QResidualBlock(2, 2, rngs=nnx.Rngs(0))
        >>> [transfer.name for transfer in jax.eval_shape(block.run, jnp.ones((2, 4, 4))).transfers]
        ['block.first.conv', 'block.first', 'block.second.conv', 'block']

    References:
        Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, appendix C. https://arxiv.org/abs/2402.18940
        He, Zhang, Ren, Sun (2016), residual blocks. https://arxiv.org/abs/1512.03385
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: int = 1,
        readout: ReadoutMethod | None = None,
        format: Format | None = None,
        transfers: BlockTransfers = BlockTransfers(),  # noqa: B008 a tuple of constants
        rngs: nnx.Rngs,
    ):
        in_channels, out_channels, stride = as_sizes(in_channels=in_channels, out_channels=out_channels, stride=stride)
        require_kind("transfers", transfers, BlockTransfers)
        require_parts(readout, format)
        super().__init__(exact_readout() if readout is None else readout, format)
        self.first = QConvNorm(in_channels, out_channels, 3, stride=stride, rngs=rngs)
        self.second = QConvNorm(out_channels, out_channels, 3, stride=1, rngs=rngs)
        fits = in_channels == out_channels and stride == 1
        self.shortcut = None if fits else QConvNorm(in_channels, out_channels, 1, stride=stride, rngs=rngs)
        self.transfers = transfers

    def forward(self, image: Image, flow: Pass) -> Numbers:
        """Return the state after the block.

        Args:
            image: image that enters the block.
            flow: pass that carries the image.
        """
        return self.inside(image, flow, "block")

    def inside(self, x: Image | Numbers, flow: Pass, name: str) -> Numbers:
        """Return the output of the block as a part of a network.

        Args:
            x: image that enters the block.
            flow: pass that carries the image.
            name: name of the block in the record of transfers.
        """
        y = flow.qam.relu(self.first(x, flow, f"{name}.first", self.transfers))
        if self.transfers.activation:
            y = flow.transfer(f"{name}.first", y)
        shortcut = x if self.shortcut is None else self.shortcut(x, flow, f"{name}.shortcut", self.transfers)
        y = self.second(y, flow, f"{name}.second", self.transfers)
        return flow.transfer(name, flow.qam.relu(flow.qam.add(y, shortcut)))

    def takes(self) -> tuple[int, None, None]:
        return self.first.kernel.shape[1], None, None

    def norms(self) -> list[QConvNorm]:
        """Return the normalized convolutions in the order of a pass."""
        return [part for part in (self.first, self.shortcut, self.second) if part is not None]


class QResNet(MeasuredNetwork):
    """Measured residual network: stem, stages of residual blocks, mean over the image, dense layer.

    Each stage has twice the channels of the one before it and half the rows and columns. The defaults are ResNet-18.

    Args:
        in_channels: channels of an image.
        outcomes: number of classes.
        width: channels of the first stage.
        stages: number of stages.
        blocks: number of residual blocks of each stage.
        readout: readout of every transfer; exact unless given.
        format: fixed-point format of the registers; None for real arithmetic.
        transfers: places in each block that are read out.
        rngs: random streams of the parameters.

    Raises:
        TypeError: a readout, a format or transfers of another kind.
        ValueError: a size that is not an integer of at least 1.

    Example:
        >>> from qla_jax.measurement import chebyshev_readout
        >>> net = QResNet(1, 10, width=4, stages=1, blocks=1, rngs=nnx.Rngs(0))
        >>> jax.eval_shape(net, jnp.ones((5, 1, 8, 8))).shape
        (5, 10)
        >>> coarse = net.with_readout(chebyshev_readout(rank=(4, 4), relative_eps=0.01))
        >>> run = jax.eval_shape(lambda image: coarse.run(image, key=jax.random.key(0)), jnp.ones((1, 8, 8)))
        >>> [(transfer.name, transfer.shape, transfer.rank) for transfer in run.transfers][:2]
        [('stem.conv', (4, 8, 8), (4, 4)), ('stem', (4, 8, 8), (4, 4))]

    References:
        Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, section III.1 and appendix C.
        https://arxiv.org/abs/2402.18940
        He, Zhang, Ren, Sun (2016), ResNet-18. https://arxiv.org/abs/1512.03385
    """

    def __init__(
        self,
        in_channels: int,
        outcomes: int,
        *,
        width: int = 64,
        stages: int = 4,
        blocks: int = 2,
        readout: ReadoutMethod | None = None,
        format: Format | None = None,
        transfers: BlockTransfers = BlockTransfers(),  # noqa: B008 a tuple of constants
        rngs: nnx.Rngs,
    ):
        in_channels, outcomes, width = as_sizes(in_channels=in_channels, outcomes=outcomes, width=width)
        stages, blocks = as_sizes(stages=stages, blocks=blocks)
        require_kind("transfers", transfers, BlockTransfers)
        require_parts(readout, format)
        super().__init__(exact_readout() if readout is None else readout, format)
        self.stem = QConvNorm(in_channels, width, 3, stride=1, rngs=rngs)
        parts, have = [], width
        for stage in range(stages):
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                parts.append(QResidualBlock(have, width << stage, stride=stride, transfers=transfers, rngs=rngs))
                have = width << stage
        self.blocks = nnx.List(parts)
        self.head = nnx.Linear(have, outcomes, precision=FULL, rngs=rngs)
        self.transfers = transfers

    def forward(self, image: Image, flow: Pass) -> Numbers:
        """Return the logits of one image.

        Args:
            image: one image.
            flow: pass that carries the image.
        """
        x = self.stem(image, flow, "stem", self.transfers)
        x = flow.transfer("stem", flow.qam.relu(x))
        for number, block in enumerate(self.blocks):
            x = block.inside(x, flow, f"block{number}")
        logits = self.head(x.values.mean(axis=(1, 2)))  # on a classical computer
        return Numbers(logits, ArithmeticStep(held=(x.step,), products=self.head.kernel[...].size))

    def takes(self) -> tuple[int, None, None]:
        return self.stem.kernel.shape[1], None, None

    def absorb(self, statistics: list[tuple[Array, Array]]) -> None:
        """Move the running statistics of all normalizations toward those of a batch.

        Args:
            statistics: means and variances of the channels, for each normalization in the order of a pass.
        """
        parts = [self.stem, *(part for block in self.blocks for part in block.norms())]
        for part, found in zip(parts, statistics, strict=True):
            part.absorb(*found)
