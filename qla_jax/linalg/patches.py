"""Windows of an image, as the taps of a convolution see them.

Example:
    >>> windows(jnp.arange(16.0).reshape(1, 4, 4), (2, 2), stride=2).shape
    (1, 2, 2, 2, 2)
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import Array
from jaxtyping import Num

NOTHING = ((0, 0), (0, 0))


def windows(
    image: Num[Array, "channel row column"],
    taps: Sequence[int],
    *,
    stride: int = 1,
    around: Sequence[tuple[int, int]] = NOTHING,
) -> Num[Array, "channel tap other across down"]:
    """Return the pixels of each window, by channel and position in the window.

    Args:
        image: image of real or complex numbers.
        taps: rows and columns of a window.
        stride: distance of adjacent windows along rows and columns.
        around: number of zeros before and after the rows, and before and after the columns.
    """
    padded = jnp.pad(image, [(0, 0), *around])
    down, across = ((size - tap) // stride + 1 for size, tap in zip(padded.shape[1:], taps, strict=True))

    def cut(i: int, j: int) -> Array:
        return padded[:, i : i + stride * (down - 1) + 1 : stride, j : j + stride * (across - 1) + 1 : stride]

    return jnp.stack([jnp.stack([cut(i, j) for j in range(taps[1])], axis=1) for i in range(taps[0])], axis=1)
