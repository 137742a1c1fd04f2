r"""Measured vision transformer, encoder only: arithmetic along features, quantum linear algebra along tokens.

A block maps N tokens of d features by
$$x \to x + \text{MHSA}(\text{norm}(x)), \qquad x \to x + \text{FFN}(\text{norm}(x)).$$
Arithmetic computes Q, K, V and the scores $QK^T/\sqrt{d_h}$; $A'$ is the softmax of each row of scores; a block
encoding of $A'$ computes $A'V$; and arithmetic computes the rest. Normalizations stand where the authors' network has
them.

Where the paper has two versions, both are here:

* Softmax: appendix D reads the scores out (`ClassicalSoftmax`), section III.2 uses arithmetic (`ArithmeticSoftmax`).
* Heads: section III.2 merges them by a linear combination, appendix D by a head register and arithmetic for $W_O$
  (`merge_by_arithmetic`).
* Activation: the text has a ReLU in the feed-forward network, the authors' experiments have a GELU (`gelu`).

The factor $1/\sqrt{d_h}$ is not in the text of the paper; without it, softmax saturates.

`AUTHORS` has the transfers of the authors' experiments: the output of attention and the logits. Tensors between two
transfers then count as if they were in memory, the amplitudes of heads for `merge_by_arithmetic` included. `EVERYTHING`
has all transfers of the paper, and those of the sums after each half of a block.

References:
    Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, section III.2 and appendix D.
    https://arxiv.org/abs/2402.18940
    Dosovitskiy et al. (2021), the vision transformer. https://arxiv.org/abs/2010.11929
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Float

from qla_jax._checks import require, require_kind
from qla_jax._modes import reshaped
from qla_jax.arithmetic import Format
from qla_jax.linalg.patches import windows
from qla_jax.measurement import ReadoutMethod, exact_readout
from qla_jax.nn._shapes import as_image_shape, as_sizes, require_parts
from qla_jax.nn.measured import Pass
from qla_jax.nn.network import Image, MeasuredNetwork
from qla_jax.nn.qlam import combined_heads, concatenated_heads
from qla_jax.nn.softmax import ClassicalSoftmax, Softmax
from qla_jax.nn.steps import ArithmeticStep, Numbers, stacked

Tokens = Float[Array, "n d"]


class TransformerTransfers(NamedTuple):
    """Tensors of a `QTransformer` that are read out. The defaults are those of the authors' experiments.

    `AUTHORS` holds the defaults, `EVERYTHING` all transfers.

    Attributes:
        scores: whether the scores of all heads are read out before a classical softmax.
        heads: whether the outputs of all heads are read out before they are merged by arithmetic.
        attention: whether the merged output of attention is read out.
        residual: whether both residual sums of a block are read out.
        logits: whether the logits are read out.

    Example:
        >>> AUTHORS._replace(residual=True)
        TransformerTransfers(scores=False, heads=False, attention=True, residual=True, logits=True)

    References:
        Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, section III.2 and appendix D.
        https://arxiv.org/abs/2402.18940
    """

    scores: bool = False
    heads: bool = False
    attention: bool = True
    residual: bool = False
    logits: bool = True


AUTHORS = TransformerTransfers()
"""Transfers of a `QTransformer` in the experiments of arXiv:2402.18940: the output of attention and the logits."""
EVERYTHING = TransformerTransfers(scores=True, heads=True, attention=True, residual=True, logits=True)
"""Transfers of a `QTransformer` at every place of arXiv:2402.18940, appendix D, and after each residual sum."""


class Norm(nnx.Module):
    """Layer normalization of tokens by arithmetic, with a trained factor and offset of each feature."""

    def __init__(self, width: int):
        self.gamma, self.beta = nnx.Param(jnp.ones(width, jnp.float32)), nnx.Param(jnp.zeros(width, jnp.float32))

    def __call__(self, x: Tokens | Numbers, flow: Pass) -> Numbers:
        return flow.qam.layer_norm(x, self.gamma[...], self.beta[...])


class QDense(nnx.Module):
    """Dense layer on tokens by arithmetic, with bias; the weight has one row per output."""

    def __init__(self, in_features: int, out_features: int, *, rngs: nnx.Rngs):
        spread = 1 / math.sqrt(in_features)
        self.weight = nnx.Param(spread * jax.random.normal(rngs.params(), (out_features, in_features), jnp.float32))
        self.bias = nnx.Param(jnp.zeros(out_features, jnp.float32))

    def __call__(self, x: Tokens | Numbers, flow: Pass) -> Numbers:
        return flow.qam.dense(x, self.weight[...], self.bias[...])


class QAttention(nnx.Module):
    """Multi-head self-attention of a measured transformer.

    Attributes:
        softmax: softmax of the scores.
        by_arithmetic: whether heads are merged by arithmetic instead of a linear combination of unitaries.
    """

    def __init__(self, width: int, heads: int, softmax: Softmax, *, by_arithmetic: bool, rngs: nnx.Rngs):
        self.query, self.key, self.value, self.out = (QDense(width, width, rngs=rngs) for _ in range(4))
        self.heads, self.softmax, self.by_arithmetic = heads, softmax, by_arithmetic

    def __call__(self, x: Numbers, flow: Pass, name: str, transfers: TransformerTransfers) -> Numbers:
        scores = self._scores(self._heads(self.query(x, flow)), self._heads(self.key(x, flow)), flow)
        if transfers.scores and self.softmax.classical:
            scores = flow.transfer(f"{name}.scores", scores)
        weights, values = self.softmax(scores), self._heads(self.value(x, flow))
        attended = weights.values.size * values.shape[-1]
        if self.by_arithmetic:
            found, amplitude = _concatenated(weights.values, values.values)
            y = Numbers(found.reshape(values.shape), _by_linear_algebra(weights, values, attended))
            return self._merged_by_arithmetic(y, amplitude, flow, name, transfers)
        found, amplitude = _combined(weights.values, values.values, self.out.weight[...])
        merged = self.out.weight[...].size * x.shape[0]
        y = Numbers(found.reshape(x.shape), _by_linear_algebra(weights, values, attended + merged))
        if transfers.attention:
            y = flow.transfer(f"{name}.attention", y, amplitude)
        return flow.qam.add(y, flow.qam.rounded(jnp.broadcast_to(self.out.bias[...][None], y.shape)))

    def _merged_by_arithmetic(
        self, y: Numbers, amplitude: Array, flow: Pass, name: str, transfers: TransformerTransfers
    ) -> Numbers:
        if transfers.heads:
            y = flow.transfer(f"{name}.heads", y, amplitude)
        y = self.out(y.rearranged(lambda heads: jnp.moveaxis(heads, 0, 1).reshape(heads.shape[1], -1)), flow)
        return flow.transfer(f"{name}.attention", y) if transfers.attention else y

    def _heads(self, x: Numbers) -> Numbers:
        return x.rearranged(lambda rows: jnp.moveaxis(rows.reshape(len(rows), self.heads, -1), 1, 0))

    def _scores(self, query: Numbers, key: Numbers, flow: Pass) -> Numbers:
        # The head index is a register: scores of all heads are computed in superposition and count once, not in a row.
        scale = 1 / math.sqrt(query.shape[-1])
        scaled = flow.qam.rounded(query.rearranged(lambda x: scale * x))
        return stacked([flow.qam.product(q, k.rearranged(jnp.transpose)) for q, k in zip(scaled, key, strict=True)])


def _by_linear_algebra(weights: Numbers, values: Numbers, products: int) -> ArithmeticStep:
    """Return the step of A'V. A' lies in the memory of its block encoding; V is computed in each preparation."""
    return ArithmeticStep((values.step,), held=(weights.step,), products=products)


# With jit on these functions alone, each is traced once for all blocks, in training and in evaluation.
@jax.jit
def _combined(weights: Array, values: Array, merging: Array) -> tuple[Array, Array]:
    vec = combined_heads(weights, values, merging)
    return vec.encoded, vec.amplitude


@jax.jit
def _concatenated(weights: Array, values: Array) -> tuple[Array, Array]:
    vec = concatenated_heads(weights, values)
    return vec.encoded, vec.amplitude


class QEncoderBlock(nnx.Module):
    """Encoder block: attention and feed-forward network, each after a normalization and with a shortcut around it."""

    def __init__(
        self, width: int, heads: int, hidden: int, softmax: Softmax, *, by_arithmetic: bool, gelu: bool, rngs: nnx.Rngs
    ):
        self.before_attention, self.before_hidden = Norm(width), Norm(width)
        self.attention = QAttention(width, heads, softmax, by_arithmetic=by_arithmetic, rngs=rngs)
        self.into, self.out_of = QDense(width, hidden, rngs=rngs), QDense(hidden, width, rngs=rngs)
        self.gelu = gelu

    def __call__(self, x: Numbers, flow: Pass, name: str, transfers: TransformerTransfers) -> Numbers:
        attended = self.attention(self.before_attention(x, flow), flow, name, transfers)
        if transfers.attention or (transfers.heads and self.attention.by_arithmetic):
            x = x.in_memory()  # as the authors do: tensors between two transfers count as if they were read out
        x = flow.qam.add(x, attended)
        if transfers.residual:
            x = flow.transfer(f"{name}.middle", x)
        hidden = self.into(self.before_hidden(x, flow), flow)
        hidden = flow.qam.gelu(hidden) if self.gelu else flow.qam.relu(hidden)
        x = flow.qam.add(x, self.out_of(hidden, flow))
        return flow.transfer(name, x) if transfers.residual else x


class QTransformer(MeasuredNetwork):
    """Measured vision transformer: patches become tokens, encoder blocks follow, the class token becomes logits.

    A Chebyshev readout along the tokens has `axes=(-2,)`, which for scores are the rows. The logits are a single token:
    all modes of that axis are kept, which is one.

    Args:
        shape: shape of an image, (channels, rows, columns).
        outcomes: number of classes.
        patch: side of a patch in pixels, which divides both sides of the image.
        width: d, the number of features of a token, a multiple of `heads`.
        heads: number of attention heads.
        depth: number of encoder blocks.
        hidden: width of the feed-forward network; 4d unless given.
        softmax: softmax of the scores; classical unless given.
        merge_by_arithmetic: whether heads are merged by arithmetic instead of a linear combination of unitaries.
        gelu: whether the feed-forward network has a GELU instead of a ReLU.
        transfers: tensors that are read out.
        readout: readout of every transfer; exact unless given.
        format: fixed-point format of the registers; None for real arithmetic.
        rngs: random streams of the parameters.

    Raises:
        TypeError: a softmax, a readout, a format or transfers of another kind.
        ValueError: a size that is not an integer of at least 1, patches that do not divide the image, or heads that do
            not divide the width.

    Example:
        >>> from qla_jax.measurement import chebyshev_readout
        >>> net = QTransformer((1, 8, 8), 10, patch=2, width=8, heads=2, depth=1, rngs=nnx.Rngs(0))
        >>> coarse = net.with_readout(chebyshev_readout(rank=4, axes=(-2,), relative_eps=0.01))
        >>> run = jax.eval_shape(lambda image: coarse.run(image, key=jax.random.key(0)), jnp.ones((1, 8, 8)))
        >>> [(transfer.name, transfer.shape, transfer.rank) for transfer in run.transfers]
        [('block0.attention', (17, 8), (4,)), ('logits', (1, 10), (1,))]

    References:
        Towards Fault-Tolerant Quantum Deep Learning (2025), version 3, section III.2 and appendix D.
        https://arxiv.org/abs/2402.18940
        Dosovitskiy et al. (2021), the vision transformer. https://arxiv.org/abs/2010.11929
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        outcomes: int,
        *,
        patch: int,
        width: int,
        heads: int,
        depth: int,
        hidden: int | None = None,
        softmax: Softmax | None = None,
        merge_by_arithmetic: bool = False,
        gelu: bool = False,
        transfers: TransformerTransfers = AUTHORS,
        readout: ReadoutMethod | None = None,
        format: Format | None = None,
        rngs: nnx.Rngs,
    ):
        shape = as_image_shape(shape)
        outcomes, patch, width = as_sizes(outcomes=outcomes, patch=patch, width=width)
        heads, depth = as_sizes(heads=heads, depth=depth)
        require_kind("transfers", transfers, TransformerTransfers)
        require_parts(readout, format)
        divides = shape[1] % patch == 0 and shape[2] % patch == 0
        require(divides, f"`patch` must divide the sides of the image, but is {patch} for {shape[1:]}.")
        require(width % heads == 0, f"`heads` must divide `width` = {width}, but is {heads}.")
        super().__init__(exact_readout() if readout is None else readout, format)
        tokens = shape[1] * shape[2] // patch**2 + 1
        self.shape, self.patch, self.transfers = shape, patch, transfers
        self.embed = QDense(shape[0] * patch**2, width, rngs=rngs)
        self.first = nnx.Param(0.02 * jax.random.normal(rngs.params(), (1, width), jnp.float32))
        self.positions = nnx.Param(0.02 * jax.random.normal(rngs.params(), (tokens, width), jnp.float32))
        softmax = ClassicalSoftmax() if softmax is None else softmax
        require_kind("softmax", softmax, Softmax)
        (hidden,) = as_sizes(hidden=4 * width if hidden is None else hidden)
        self.blocks = nnx.List(
            [
                QEncoderBlock(width, heads, hidden, softmax, by_arithmetic=merge_by_arithmetic, gelu=gelu, rngs=rngs)
                for _ in range(depth)
            ]
        )
        self.norm, self.head = Norm(width), QDense(width, outcomes, rngs=rngs)

    def takes(self) -> tuple[int, int, int]:
        return self.shape

    def forward(self, image: Image, flow: Pass) -> Numbers:
        """Return the logits of one image.

        Args:
            image: one image.
            flow: pass that carries the image.
        """
        x = self.embed(flow.qam.rounded(patches(image, self.patch)), flow)
        first = flow.qam.rounded(self.first[...]).values
        x = x.rearranged(lambda rows: jnp.concatenate([first.astype(rows.dtype), rows]))
        x = flow.qam.add(x, flow.qam.rounded(self.positions[...]))
        for number, block in enumerate(self.blocks):
            x = block(x, flow, f"block{number}", self.transfers)
        logits = self.head(self.norm(x.rearranged(lambda rows: rows[:1]), flow), flow)
        if self.transfers.logits:
            logits = flow.transfer("logits", logits, whole=True)
        return logits.rearranged(lambda rows: rows[0])


def patches(image: Image, side: int) -> Float[Array, "patch pixel"]:
    """Return the square patches of an image in reading order, one per row, with the channels first in each row.

    Args:
        image: one image.
        side: side of a patch in pixels.
    """
    return reshaped(windows(image, (side, side), stride=side), (len(image) * side**2, -1)).T
