r"""Overhead of a measured network: queries times T-depth, layer by layer, next to the products of a classical computer.

The overhead of a transfer is QD, where Q is the number of queries of the readout and D the T-depth of one preparation
of the state. D is the sum over the operations in a row that one number takes, with circuits of `qla_jax.arithmetic` in
a format: a convolution takes $C_{in}K^2$ products and sums, and an arc cosine turns numbers into amplitudes. D omits
loads from memory, the rotations after the arc cosine, and the block encoding of $A'$, which is also a memory. A flagged
state may be amplified first, with about $1/a$ preparations for a success amplitude a; `amplified` counts these.

The tables of the paper are in a unit that the paper does not define, so the figures are not comparable with its tables.

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
    """Overhead of one transfer of a measured network.

    Attributes:
        name: name of the layer.
        shape: shape of the tensor.
        shots: number of measured copies of the state.
        queries: number of preparations of the state and inverse preparations.
        depth: T-depth of one preparation.
        macs: products of numbers that a classical computer takes for the same tensor.

    References:
        Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, Theorems III.1 and III.2.
        https://arxiv.org/abs/2402.18940
    """

    name: str
    shape: tuple[int, ...]
    shots: int
    queries: int
    depth: int
    macs: int

    @property
    def quantum(self) -> int:
        """Number of queries times T-depth."""
        return self.queries * self.depth


class NetworkOverhead(NamedTuple):
    """Overhead of a measured network for one image. `overhead` returns it.

    Attributes:
        layers: overheads of the transfers, in order.
        rest: products of numbers after the last transfer, on a classical computer.

    References:
        Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, Theorems III.1 and III.2.
        https://arxiv.org/abs/2402.18940
    """

    layers: tuple[LayerOverhead, ...]
    rest: int

    @property
    def queries(self) -> int:
        """Number of queries of all layers."""
        return sum(layer.queries for layer in self.layers)

    @property
    def quantum(self) -> int:
        """Number of queries times T-depth, summed over the layers."""
        return sum(layer.quantum for layer in self.layers)

    @property
    def macs(self) -> int:
        """Products of numbers that a classical computer takes for the whole network."""
        return self.rest + sum(layer.macs for layer in self.layers)


def overhead(network: MeasuredNetwork, shape: tuple[int, int, int], format: Format) -> NetworkOverhead:
    """Return the overhead of a measured network for one image, with the network's own readout. The network is not run.

    Args:
        network: any measured network.
        shape: shape of an image, (channels, rows, columns).
        format: fixed-point format of the registers whose circuits are counted.

    Raises:
        TypeError: a network or a format of another kind.
        ValueError: an image that the network does not take, or a tensor that the readout refuses.

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
    require_kind("network", network, MeasuredNetwork)
    require_kind("format", format, Format)
    image = jax.ShapeDtypeStruct(as_image_shape(shape), jnp.float32)
    told = jax.eval_shape(network.run, image, key=jax.eval_shape(jax.random.key, 0))
    names = {name for transfer in told.transfers for name, _ in transfer.operations}
    depths = {name: row_depth({name: 1}, format) for name in sorted(names)}
    return NetworkOverhead(tuple(_layer(transfer, network.readout, depths) for transfer in told.transfers), told.rest)


def amplified(overhead: NetworkOverhead, run: MeasuredRun) -> float:
    r"""Return the overhead with amplification, $\sum QD/a$ over the transfers, where a is the success amplitude.

    The success amplitudes depend on the image, so they are taken from a run.

    Args:
        overhead: overhead of the network.
        run: record of one image through the same network.

    Returns:
        Number of queries times T-depth, with about 1/a preparations for each query.

    Raises:
        TypeError: an overhead or a run of another kind.
        ValueError: a run with another number of transfers.

    Example:
        >>> from qla_jax.measurement import exact_readout
        >>> from qla_jax.nn.measured import Pass
        >>> from qla_jax.nn.qam import Arithmetic
        >>> flow = Pass(exact_readout(), Arithmetic(), key=jax.random.key(0))
        >>> run = flow.run(flow.transfer("logits", jnp.array([3.0, 4.0])))  # success amplitude 5 / (4 sqrt 2)
        >>> layer = LayerOverhead("logits", (2,), shots=10, queries=20, depth=3, macs=0)
        >>> round(amplified(NetworkOverhead((layer,), rest=0), run), 3)
        67.882

    References:
        Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, sections II.4 and IV.3.
        https://arxiv.org/abs/2402.18940
    """
    require_kind("overhead", overhead, NetworkOverhead)
    require_kind("run", run, MeasuredRun)
    require(len(overhead.layers) == len(run.transfers), "`run` must be of the network that `overhead` is of.")
    pairs = zip(overhead.layers, run.transfers, strict=True)
    return sum(layer.quantum / float(transfer.amplitude) for layer, transfer in pairs)


def _layer(transfer: Transfer, readout: ReadoutMethod, depths: dict[str, int]) -> LayerOverhead:
    shots, queries = (readout.capped() if transfer.capped else readout).price(transfer.shape)
    depth = sum(depths[name] * count for name, count in transfer.operations)
    return LayerOverhead(transfer.name, transfer.shape, shots, queries, depth, transfer.macs)
