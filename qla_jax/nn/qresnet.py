r"""The quantum residual network: convolution, batch normalization and ReLU by arithmetic, read out in between.

A block is, with T a data transfer,
$$x \to T\,\mathrm{conv} \to T\,\mathrm{ReLU}\,\mathrm{norm} \to T\,\mathrm{conv} \to T\,\mathrm{ReLU}(\mathrm{norm}
+ \text{shortcut}).$$
That is the data flow of appendix C, where normalization and ReLU follow the measured convolution in one circuit;
section III.1 has a transfer after each layer: `EVERY_LAYER` adds those behind normalizations, and `EVERY_BLOCK` is the
least that keeps a block apart from the next. The shortcut is the identity, or a measured and normalized 1 x 1
convolution where shapes change. The mean over the image and the last dense layer are classical, on what was read out.

ResNet-18 has a stem, four stages of two blocks, widths w, 2w, 4w, 8w and strides 1, 2, 2, 2. The stem is the 3 x 3 one
without pooling that small images take.

Example:
    >>> from qla_jax.measurement import chebyshev_readout
    >>> net = QResNet(1, 10, width=4, stages=2, blocks=1, rngs=nnx.Rngs(0))
    >>> net(jnp.ones((5, 1, 8, 8))).shape
    (5, 10)
    >>> coarse = net.with_readout(chebyshev_readout(rank=(4, 4), relative_eps=0.01))
    >>> [(t.name, t.shape, t.rank) for t in coarse.run(jnp.ones((1, 8, 8)), key=jax.random.key(0)).transfers][:2]
    [('stem.conv', (4, 8, 8), (4, 4)), ('stem', (4, 8, 8), (4, 4))]

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
from qla_jax.measurement import ReadoutMethod, exact_readout
from qla_jax.nn._shapes import as_sizes, require_parts
from qla_jax.nn.measured import BATCH, Pass
from qla_jax.nn.network import Image, MeasuredNetwork
from qla_jax.nn.steps import ArithmeticStep, Numbers

MOMENTUM = 0.9
"""Share of the old running statistics in the new ones."""


class BlockTransfers(NamedTuple):
    """Where a block is read out, its end always; the defaults are those of appendix C."""

    convolution: bool = True
    normalization: bool = False
    activation: bool = True


EVERY_LAYER = BlockTransfers(convolution=True, normalization=True, activation=True)
EVERY_BLOCK = BlockTransfers(convolution=False, normalization=False, activation=False)


class QConvNorm(nnx.Module):
    """A convolution without bias and its batch normalization.

    Statistics are classical: of what was read out behind the convolution where that is measured.
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
        """Move the running statistics."""
        for mine, found in ((self.mean, mean), (self.variance, variance)):
            mine[...] = MOMENTUM * mine[...] + (1 - MOMENTUM) * jax.lax.stop_gradient(found)


class QResidualBlock(MeasuredNetwork):
    """Two convolutions and a shortcut; also a network of one block, whose `run` has its state for an output.

    Attributes:
        transfers: where it is read out.
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
        """Return the state that the block leaves."""
        return self.inside(image, flow, "block")

    def inside(self, x: Image | Numbers, flow: Pass, name: str) -> Numbers:
        """Return the output of the block as a part of a network.

        Args:
            x: what enters the block.
            flow: the pass that carries it.
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
        """Normalized convolutions in the order of a pass."""
        return [part for part in (self.first, self.shortcut, self.second) if part is not None]


class QResNet(MeasuredNetwork):
    """Stem, stages of blocks, mean over the image, dense layer."""

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
        self.head = nnx.Linear(have, outcomes, rngs=rngs)
        self.transfers = transfers

    def forward(self, image: Image, flow: Pass) -> Numbers:
        """Return the logits of one image."""
        x = self.stem(image, flow, "stem", self.transfers)
        x = flow.transfer("stem", flow.qam.relu(x))
        for number, block in enumerate(self.blocks):
            x = block.inside(x, flow, f"block{number}")
        logits = self.head(x.values.mean(axis=(1, 2)))  # on a classical computer
        return Numbers(logits, ArithmeticStep(held=(x.step,), products=self.head.kernel[...].size))

    def takes(self) -> tuple[int, None, None]:
        return self.stem.kernel.shape[1], None, None

    def absorb(self, statistics: list[tuple[Array, Array]]) -> None:
        """Move the running statistics of all normalizations."""
        parts = [self.stem, *(part for block in self.blocks for part in block.norms())]
        for part, found in zip(parts, statistics, strict=True):
            part.absorb(*found)
