r"""What a measured network takes: queries times depth, layer by layer, and classical products beside it.

For a transfer, with the state prepared in a T-depth of D and read out by Q queries, the overhead is QD. D sums the
T-depth of the operations behind each other that one number takes, from circuits of `qla_jax.arithmetic` in a format: a
convolution $C_{in}K^2$ products and sums, and the arc cosine that turns numbers into amplitudes. Left out are loads
from memory, the rotations behind the arc cosine, and the block encoding of $A'$, which is memory, too. Flagged states
may be amplified first, by about $1/a$ preparations for an amplitude a: `amplified` charges for that.

The published tables are in a unit that is not told. What stands here is this definition, not theirs.

Example:
    >>> from flax import nnx
    >>> from qla_jax.measurement import tomography
    >>> from qla_jax.nn import QResNet
    >>> net = QResNet(1, 10, width=4, stages=1, blocks=1, readout=tomography(delta=0.1), rngs=nnx.Rngs(0))
    >>> found = overhead(net, (1, 8, 8), Format(bits=8, fraction=4))
    >>> [(layer.name, layer.queries, layer.macs) for layer in found.layers][:2]
    [('stem.conv', 39926, 2304), ('stem', 39926, 0)]
    >>> found.quantum == sum(layer.queries * layer.depth for layer in found.layers), found.macs
    (True, 20776)

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, Theorems III.1 and III.2, section IV.3.
    https://arxiv.org/abs/2402.18940
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from qla_jax._checks import require, require_kind
from qla_jax.arithmetic import Format
from qla_jax.measurement import ReadoutMethod
from qla_jax.nn._shapes import as_image_shape
from qla_jax.nn.measured import MeasuredRun, Transfer
from qla_jax.nn.network import MeasuredNetwork
from qla_jax.nn.tables import row_depth


class LayerOverhead(NamedTuple):
    """One transfer.

    Attributes:
        name: of the layer.
        shape: of the tensor.
        shots: copies measured.
        queries: preparations of the state and their inverses.
        depth: T-depth of one of them.
        macs: products that a classical computer takes for the same tensor.
    """

    name: str
    shape: tuple[int, ...]
    shots: int
    queries: int
    depth: int
    macs: int

    @property
    def quantum(self) -> int:
        """Queries times depth."""
        return self.queries * self.depth


class NetworkOverhead(NamedTuple):
    """All transfers of a network for one image.

    Attributes:
        layers: in order.
        rest: classical products behind the last one.
    """

    layers: tuple[LayerOverhead, ...]
    rest: int

    @property
    def queries(self) -> int:
        """Of all layers."""
        return sum(layer.queries for layer in self.layers)

    @property
    def quantum(self) -> int:
        """Queries times depth, summed."""
        return sum(layer.quantum for layer in self.layers)

    @property
    def macs(self) -> int:
        """Products of a classical computer."""
        return self.rest + sum(layer.macs for layer in self.layers)


def overhead(network: MeasuredNetwork, shape: tuple[int, int, int], format: Format) -> NetworkOverhead:
    """What one image of this shape takes, with the readout of the network; nothing is run.

    Args:
        network: any measured network.
        shape: of an image, (channels, rows, columns).
        format: of the registers whose circuits are counted.

    Raises:
        ValueError: what the readout raises for a tensor of the network.
    """
    require_kind("network", network, MeasuredNetwork)
    require_kind("format", format, Format)
    image = jax.ShapeDtypeStruct(as_image_shape(shape), jnp.float32)
    told = jax.eval_shape(network.run, image, key=jax.eval_shape(jax.random.key, 0))
    names = {name for transfer in told.transfers for name, _ in transfer.operations}
    depths = {name: row_depth({name: 1}, format) for name in sorted(names)}
    return NetworkOverhead(tuple(_layer(transfer, network.readout, depths) for transfer in told.transfers), told.rest)


def amplified(overhead: NetworkOverhead, run: MeasuredRun) -> float:
    """The sum of queries times depth over the flagged amplitude of each state: known behind a run only."""
    require_kind("overhead", overhead, NetworkOverhead)
    require_kind("run", run, MeasuredRun)
    require(len(overhead.layers) == len(run.transfers), "`run` must be of the network that `overhead` is of.")
    pairs = zip(overhead.layers, run.transfers, strict=True)
    return sum(layer.quantum / float(transfer.amplitude) for layer, transfer in pairs)


def _layer(transfer: Transfer, readout: ReadoutMethod, depths: dict[str, int]) -> LayerOverhead:
    shots, queries = (readout.capped() if transfer.capped else readout).price(transfer.shape)
    depth = sum(depths[name] * count for name, count in transfer.operations)
    return LayerOverhead(transfer.name, transfer.shape, shots, queries, depth, transfer.macs)
