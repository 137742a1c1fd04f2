r"""The quantum vision transformer, encoder only: arithmetic along features, linear algebra along tokens.

A block takes N tokens of d features,
$$x \to x + \text{MHSA}(\text{norm}(x)), \qquad x \to x + \text{FFN}(\text{norm}(x)),$$
with Q, K, V and the scores $QK^T/\sqrt{d_h}$ by arithmetic, $A' = \text{softmax}$ of each row, $A'V$ by a block
encoding of $A'$, and the rest by arithmetic. The order of normalization is that of the authors' network.

Where the reference says two things, both are here. Softmax is read and classical in appendix D, `ClassicalSoftmax`, and
arithmetic in section III.2, `ArithmeticSoftmax`. Heads are merged by a linear combination in section III.2, and by a
head register with $W_O$ by arithmetic in the appendix: `merge_by_arithmetic`. Its feed-forward network has a ReLU, that
of the authors' experiments a GELU: `gelu`. The factor $1/\sqrt{d_h}$ does not appear in its text; without it, softmax
saturates.

`AUTHORS` reads out what their experiments do, the output of attention and the logits; what stands between is taken as
if it were there, the amplitudes of heads in registers with `merge_by_arithmetic` among it. `EVERYTHING` reads out
whatever the reference measures, and the sums behind either half of a block.

Example:
    >>> from qla_jax.measurement import chebyshev_readout
    >>> net = QTransformer((1, 8, 8), 10, patch=2, width=8, heads=2, depth=1, rngs=nnx.Rngs(0))
    >>> coarse = net.with_readout(chebyshev_readout(rank=4, axes=(-2,), relative_eps=0.01))
    >>> [(t.name, t.shape, t.rank) for t in coarse.run(jnp.ones((1, 8, 8)), key=jax.random.key(0)).transfers]
    [('block0.attention', (17, 8), (4,)), ('logits', (1, 10), (1,))]

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
    """What is read out; the defaults are those of the authors' experiments.

    Attributes:
        scores: of all heads, in front of a classical softmax.
        heads: of all heads, where they are merged by arithmetic.
        attention: behind the merge.
        residual: either sum of a block.
        logits: of the class token, all of them.
    """

    scores: bool = False
    heads: bool = False
    attention: bool = True
    residual: bool = False
    logits: bool = True


AUTHORS = TransformerTransfers()
EVERYTHING = TransformerTransfers(scores=True, heads=True, attention=True, residual=True, logits=True)


class Norm(nnx.Module):
    """Factor and offset of a layer normalization."""

    def __init__(self, width: int):
        self.gamma, self.beta = nnx.Param(jnp.ones(width, jnp.float32)), nnx.Param(jnp.zeros(width, jnp.float32))

    def __call__(self, x: Tokens | Numbers, flow: Pass) -> Numbers:
        return flow.qam.layer_norm(x, self.gamma[...], self.beta[...])


class QDense(nnx.Module):
    """Weight, one row for each output, and bias."""

    def __init__(self, in_features: int, out_features: int, *, rngs: nnx.Rngs):
        spread = 1 / math.sqrt(in_features)
        self.weight = nnx.Param(spread * jax.random.normal(rngs.params(), (out_features, in_features), jnp.float32))
        self.bias = nnx.Param(jnp.zeros(out_features, jnp.float32))

    def __call__(self, x: Tokens | Numbers, flow: Pass) -> Numbers:
        return flow.qam.dense(x, self.weight[...], self.bias[...])


class QAttention(nnx.Module):
    """Multi-head self-attention.

    Attributes:
        softmax: of scores.
        by_arithmetic: whether heads are merged by arithmetic.
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
        # The head is a register: scores of all heads are computed in superposition, not one after another.
        scale = 1 / math.sqrt(query.shape[-1])
        scaled = flow.qam.rounded(query.rearranged(lambda x: scale * x))
        return stacked([flow.qam.product(q, k.rearranged(jnp.transpose)) for q, k in zip(scaled, key, strict=True)])


def _by_linear_algebra(weights: Numbers, values: Numbers, products: int) -> ArithmeticStep:
    """Return the step of A'V: A' lies in the memory of its block encoding, V is computed for each preparation."""
    return ArithmeticStep((values.step,), held=(weights.step,), products=products)


# Compiled functions are traced once for all blocks, in training and out of it.
@jax.jit
def _combined(weights: Array, values: Array, merging: Array) -> tuple[Array, Array]:
    vec = combined_heads(weights, values, merging)
    return vec.encoded, vec.amplitude


@jax.jit
def _concatenated(weights: Array, values: Array) -> tuple[Array, Array]:
    vec = concatenated_heads(weights, values)
    return vec.encoded, vec.amplitude


class QEncoderBlock(nnx.Module):
    """Attention and feed-forward network, each behind a normalization and beside a shortcut."""

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
            x = x.in_memory()  # what stands between two transfers is taken as if it were read out, too
        x = flow.qam.add(x, attended)
        if transfers.residual:
            x = flow.transfer(f"{name}.middle", x)
        hidden = self.into(self.before_hidden(x, flow), flow)
        hidden = flow.qam.gelu(hidden) if self.gelu else flow.qam.relu(hidden)
        x = flow.qam.add(x, self.out_of(hidden, flow))
        return flow.transfer(name, x) if transfers.residual else x


class QTransformer(MeasuredNetwork):
    """Patches to tokens, a class token in front, encoder blocks, the class token to logits.

    A readout of tokens has `axes=(-2,)`: of scores these are the rows. Logits, a single token, always have all modes of
    that axis, which is one.

    Args:
        shape: of an image, (channels, rows, columns).
        outcomes: classes.
        patch: side of a patch, which divides both sides of the image.
        width: d, a multiple of `heads`.
        heads: at least 1.
        depth: blocks.
        hidden: width of the feed-forward network; 4d unless given.
        softmax: classical unless given.
        merge_by_arithmetic: rather than by a linear combination.
        gelu: rather than ReLU.
        transfers: what is read out.
        readout: exact unless given.
        format: of registers; None for real arithmetic.
        rngs: of the parameters.

    Raises:
        ValueError: sizes below 1, patches that do not divide the image, heads that do not divide the width.
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
        """Return the logits of one image."""
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
    """Squares of pixels in reading order, a row each, channels first in it."""
    return reshaped(windows(image, (side, side), stride=side), (len(image) * side**2, -1)).T
