"""Classical twins of the measured networks: the same architectures from plain Flax layers, for comparison.

A twin shares no code with its measured network. With exact readouts in real arithmetic both compute the same function
of the same parameters. The twins draw their initial values by the rules of Flax.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Float

from qla_jax._checks import require
from qla_jax.linalg.products import FULL, PrecisionLike, as_precision, einsum
from qla_jax.nn._shapes import as_image_shape, as_images, as_sizes

Images = Float[Array, "batch channel row column"]
Outcomes = Float[Array, "batch outcomes"]


class _ConvNorm(nnx.Module):
    """Convolution without bias, followed by batch normalization."""

    def __init__(self, have: int, give: int, taps: int, stride: int, *, precision: jax.lax.Precision, rngs: nnx.Rngs):
        around = (((taps - 1) // 2, taps // 2),) * 2
        kernel_init = nnx.initializers.he_normal()
        self.conv = nnx.Conv(
            have,
            give,
            (taps, taps),
            strides=stride,
            padding=around,
            use_bias=False,
            precision=precision,
            kernel_init=kernel_init,
            rngs=rngs,
        )
        self.norm = nnx.BatchNorm(give, momentum=0.9, use_running_average=True, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.norm(self.conv(x))


class _Block(nnx.Module):
    """Residual block: two normalized convolutions and a shortcut."""

    def __init__(self, have: int, give: int, stride: int, *, precision: jax.lax.Precision, rngs: nnx.Rngs):
        self.first = _ConvNorm(have, give, 3, stride, precision=precision, rngs=rngs)
        self.second = _ConvNorm(give, give, 3, 1, precision=precision, rngs=rngs)
        fits = have == give and stride == 1
        self.shortcut = None if fits else _ConvNorm(have, give, 1, stride, precision=precision, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        y = self.second(jax.nn.relu(self.first(x)))
        return jax.nn.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class PlainResNet(nnx.Module):
    """Classical residual network, the twin of `QResNet`: by default ResNet-18 with the stem for small images.

    Args:
        channels: channels of an image.
        outcomes: number of classes.
        width: channels of the first stage; each stage has twice the channels of the one before it.
        stages: number of stages; each but the first halves the image.
        blocks: number of residual blocks of each stage.
        rngs: random streams of the parameters.
        precision: precision of the products, such as "tensorfloat32"; all bits of float32 unless given.

    Raises:
        ValueError: a size that is not an integer of at least 1, or a precision that is none of JAX.

    Example:
        >>> net = PlainResNet(1, 10, width=4, stages=1, blocks=1, rngs=nnx.Rngs(0))
        >>> net(jnp.ones((5, 1, 8, 8))).shape
        (5, 10)

    References:
        He, Zhang, Ren, Sun (2016), ResNet-18. https://arxiv.org/abs/1512.03385
    """

    def __init__(
        self,
        channels: int,
        outcomes: int,
        *,
        width: int = 64,
        stages: int = 4,
        blocks: int = 2,
        rngs: nnx.Rngs,
        precision: PrecisionLike = FULL,
    ):
        channels, outcomes, width = as_sizes(channels=channels, outcomes=outcomes, width=width)
        stages, blocks = as_sizes(stages=stages, blocks=blocks)
        self.channels, precision = channels, as_precision("precision", precision)
        self.stem = _ConvNorm(channels, width, 3, 1, precision=precision, rngs=rngs)
        parts, have = [], width
        for stage in range(stages):
            for block in range(blocks):
                parts.append(
                    _Block(have, width << stage, 2 if stage > 0 and block == 0 else 1, precision=precision, rngs=rngs)
                )
                have = width << stage
        self.blocks = nnx.List(parts)
        self.head = nnx.Linear(have, outcomes, precision=precision, rngs=rngs)

    def __call__(self, images: Images) -> Outcomes:
        """Return the class probabilities of each image, shape (batch, outcomes).

        Raises:
            ValueError: images of another number of channels; entries that are not finite, unless the images are traced.
        """
        x = jax.nn.relu(self.stem(jnp.moveaxis(as_images(images, (self.channels, None, None)), 1, -1)))
        for block in self.blocks:
            x = block(x)
        return jax.nn.softmax(self.head(x.mean(axis=(1, 2))))


def _attention(query: Array, key: Array, value: Array, *, precision: jax.lax.Precision, **_: Any) -> Array:
    """Return attention outputs of shape (batch, token, head, feature); the one of Flax ignores the precision."""
    scores = einsum("nqhd,nkhd->nhqk", query, key, precision=precision) / math.sqrt(query.shape[-1])
    return einsum("nhqk,nkhd->nqhd", jax.nn.softmax(scores), value, precision=precision)


class _EncoderBlock(nnx.Module):
    """Encoder block: attention and feed-forward network, each after a normalization and with a shortcut around it."""

    def __init__(
        self, width: int, heads: int, hidden: int, *, gelu: bool, precision: jax.lax.Precision, rngs: nnx.Rngs
    ):
        self.before_attention, self.before_hidden = (nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs) for _ in range(2))
        self.attention = nnx.MultiHeadAttention(
            heads, width, decode=False, attention_fn=_attention, precision=precision, rngs=rngs
        )
        self.into, self.out_of = (
            nnx.Linear(width, hidden, precision=precision, rngs=rngs),
            nnx.Linear(hidden, width, precision=precision, rngs=rngs),
        )
        self.gelu = gelu

    def __call__(self, x: Array) -> Array:
        x = x + self.attention(self.before_attention(x))
        hidden = self.into(self.before_hidden(x))
        return x + self.out_of(jax.nn.gelu(hidden, approximate=False) if self.gelu else jax.nn.relu(hidden))


class PlainTransformer(nnx.Module):
    """Classical vision transformer, the twin of `QTransformer`, with a class token and normalization before each layer.

    Args:
        shape: shape of an image, (channels, rows, columns).
        outcomes: number of classes.
        patch: side of a patch in pixels, which divides both sides of the image.
        width: d, the number of features of a token, a multiple of `heads`.
        heads: number of attention heads.
        depth: number of encoder blocks.
        hidden: width of the feed-forward network; 4d unless given.
        gelu: whether the feed-forward network has a GELU instead of a ReLU.
        rngs: random streams of the parameters.
        precision: precision of the products, such as "tensorfloat32"; all bits of float32 unless given.

    Raises:
        ValueError: a size that is not an integer of at least 1, patches that do not divide the image, heads that do
            not divide the width, or a precision that is none of JAX.

    Example:
        >>> net = PlainTransformer((1, 8, 8), 10, patch=4, width=8, heads=2, depth=1, rngs=nnx.Rngs(0))
        >>> jax.eval_shape(net, jnp.ones((5, 1, 8, 8))).shape
        (5, 10)

    References:
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
        gelu: bool = False,
        rngs: nnx.Rngs,
        precision: PrecisionLike = FULL,
    ):
        self.shape = shape = as_image_shape(shape)
        outcomes, patch, width = as_sizes(outcomes=outcomes, patch=patch, width=width)
        heads, depth = as_sizes(heads=heads, depth=depth)
        precision = as_precision("precision", precision)
        divides = shape[1] % patch == 0 and shape[2] % patch == 0
        require(divides, f"`patch` must divide the sides of the image, but is {patch} for {shape[1:]}.")
        require(width % heads == 0, f"`heads` must divide `width` = {width}, but is {heads}.")
        tokens = shape[1] * shape[2] // patch**2 + 1
        self.embed = nnx.Conv(
            shape[0], width, (patch, patch), strides=patch, padding="VALID", precision=precision, rngs=rngs
        )
        self.first = nnx.Param(0.02 * jax.random.normal(rngs.params(), (1, width), jnp.float32))
        self.positions = nnx.Param(0.02 * jax.random.normal(rngs.params(), (tokens, width), jnp.float32))
        (hidden,) = as_sizes(hidden=4 * width if hidden is None else hidden)
        self.blocks = nnx.List(
            [_EncoderBlock(width, heads, hidden, gelu=gelu, precision=precision, rngs=rngs) for _ in range(depth)]
        )
        self.norm = nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs)
        self.head = nnx.Linear(width, outcomes, precision=precision, rngs=rngs)

    def __call__(self, images: Images) -> Outcomes:
        """Return the class probabilities of each image, shape (batch, outcomes).

        Raises:
            ValueError: images of another shape; entries that are not finite, unless the images are traced.
        """
        x = self.embed(jnp.moveaxis(as_images(images, self.shape), 1, -1))
        x = x.reshape(len(x), -1, x.shape[-1])
        x = jnp.concatenate([jnp.broadcast_to(self.first[...][None], (len(x), *self.first[...].shape)), x], axis=1)
        x = x + self.positions[...][None]
        for block in self.blocks:
            x = block(x)
        return jax.nn.softmax(self.head(self.norm(x[:, 0])))
