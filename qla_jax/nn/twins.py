"""Classical twins of the measured networks: the same architectures from plain Flax layers, for comparison.

They share no code with the measured ones. With exact readouts in real arithmetic both compute the same function of the
same parameters; initial values are Flax's own.
"""

import jax
import jax.numpy as jnp
from flax import nnx
from jax import Array
from jaxtyping import Float

Images = Float[Array, "batch channel row column"]
Outcomes = Float[Array, "batch outcomes"]


class _ConvNorm(nnx.Module):
    def __init__(self, have: int, give: int, taps: int, stride: int, *, rngs: nnx.Rngs):
        around = (((taps - 1) // 2, taps // 2),) * 2
        kernel_init = nnx.initializers.he_normal()
        self.conv = nnx.Conv(
            have,
            give,
            (taps, taps),
            strides=stride,
            padding=around,
            use_bias=False,
            kernel_init=kernel_init,
            rngs=rngs,
        )
        self.norm = nnx.BatchNorm(give, momentum=0.9, use_running_average=True, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.norm(self.conv(x))


class _Block(nnx.Module):
    def __init__(self, have: int, give: int, stride: int, *, rngs: nnx.Rngs):
        self.first = _ConvNorm(have, give, 3, stride, rngs=rngs)
        self.second = _ConvNorm(give, give, 3, 1, rngs=rngs)
        fits = have == give and stride == 1
        self.shortcut = None if fits else _ConvNorm(have, give, 1, stride, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        y = self.second(jax.nn.relu(self.first(x)))
        return jax.nn.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class PlainResNet(nnx.Module):
    """The twin of `QResNet`: ResNet-18 with the stem for small images, in `width`, `stages` and `blocks`."""

    def __init__(
        self, channels: int, outcomes: int, *, width: int = 64, stages: int = 4, blocks: int = 2, rngs: nnx.Rngs
    ):
        self.stem = _ConvNorm(channels, width, 3, 1, rngs=rngs)
        parts, have = [], width
        for stage in range(stages):
            for block in range(blocks):
                parts.append(_Block(have, width << stage, 2 if stage > 0 and block == 0 else 1, rngs=rngs))
                have = width << stage
        self.blocks = nnx.List(parts)
        self.head = nnx.Linear(have, outcomes, rngs=rngs)

    def __call__(self, images: Images) -> Outcomes:
        """Class probabilities."""
        x = jax.nn.relu(self.stem(jnp.moveaxis(images, 1, -1)))
        for block in self.blocks:
            x = block(x)
        return jax.nn.softmax(self.head(x.mean(axis=(1, 2))))


class _EncoderBlock(nnx.Module):
    def __init__(self, width: int, heads: int, hidden: int, *, gelu: bool, rngs: nnx.Rngs):
        self.before_attention, self.before_hidden = (nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs) for _ in range(2))
        self.attention = nnx.MultiHeadAttention(heads, width, decode=False, rngs=rngs)
        self.into, self.out_of = nnx.Linear(width, hidden, rngs=rngs), nnx.Linear(hidden, width, rngs=rngs)
        self.gelu = gelu

    def __call__(self, x: Array) -> Array:
        x = x + self.attention(self.before_attention(x))
        hidden = self.into(self.before_hidden(x))
        return x + self.out_of(jax.nn.gelu(hidden, approximate=False) if self.gelu else jax.nn.relu(hidden))


class PlainTransformer(nnx.Module):
    """The twin of `QTransformer`: a vision transformer with a class token and normalisation in front."""

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
    ):
        tokens = shape[1] * shape[2] // patch**2 + 1
        self.embed = nnx.Conv(shape[0], width, (patch, patch), strides=patch, padding="VALID", rngs=rngs)
        self.first = nnx.Param(0.02 * jax.random.normal(rngs.params(), (1, width), jnp.float32))
        self.positions = nnx.Param(0.02 * jax.random.normal(rngs.params(), (tokens, width), jnp.float32))
        hidden = 4 * width if hidden is None else hidden
        self.blocks = nnx.List([_EncoderBlock(width, heads, hidden, gelu=gelu, rngs=rngs) for _ in range(depth)])
        self.norm = nnx.LayerNorm(width, epsilon=1e-5, rngs=rngs)
        self.head = nnx.Linear(width, outcomes, rngs=rngs)

    def __call__(self, images: Images) -> Outcomes:
        """Class probabilities."""
        x = self.embed(jnp.moveaxis(images, 1, -1))
        x = x.reshape(len(x), -1, x.shape[-1])
        x = jnp.concatenate([jnp.broadcast_to(self.first[...][None], (len(x), *self.first[...].shape)), x], axis=1)
        x = x + self.positions[...][None]
        for block in self.blocks:
            x = block(x)
        return jax.nn.softmax(self.head(self.norm(x[:, 0])))
