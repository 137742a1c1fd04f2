"""What modules check of sizes, when they are built, and of batches, when they are called."""

import math
from typing import Any

from jax import Array

from qla_jax._checks import as_inexact, as_integer, as_integers, as_numeric, require, require_callable, require_kind
from qla_jax.arithmetic import Format


def as_sizes(**sizes: Any) -> tuple[int, ...]:
    """Return sizes as integers, in order.

    Raises:
        ValueError: one that is no integer of at least 1, by its name.
    """
    return tuple(as_integer(name, size, least=1) for name, size in sizes.items())


def require_parts(readout: Any, format: Any) -> None:
    """Raise TypeError unless a measured network is given a readout and a format, or None for its defaults."""
    if readout is not None:
        require_callable("readout", readout)
    if format is not None:
        require_kind("format", format, Format)


def as_image_shape(shape: Any) -> tuple[int, int, int]:
    """Return (channels, rows, columns) as integers.

    Raises:
        ValueError: not three integers of at least 1.
    """
    found = as_integers("shape", shape, least=1)
    require(len(found) == 3, f"`shape` must be (channels, rows, columns), but is {found}.")
    return found[0], found[1], found[2]


def as_images(images: Any, wanted: tuple[int | None, int | None, int | None]) -> Array:
    """Return a batch of images, whose channels, rows and columns are as wanted; None stands for any number.

    Raises:
        ValueError: no numbers, another rank or other sizes, or, where it can be seen, entries that are not finite.
    """
    told = ", ".join("any" if size is None else str(size) for size in wanted)
    array = as_inexact("images", images)
    have = array.shape
    fits = len(have) == 4 and all(size in (None, side) for size, side in zip(wanted, have[1:], strict=True))
    require(fits, f"`images` must have shape (batch, channels, rows, columns) = (any, {told}), but has {have}.")
    return as_numeric("images", array, ndim=4)


def as_rows(name: str, batch: Any, *, size: int | None = None, most: int | None = None) -> Array:
    """Return a batch of inputs of any shape, each flattened to a row.

    Args:
        name: the argument's name, for the error.
        batch: inputs along the first axis.
        size: entries of each; any number unless given.
        most: entries that each may have at most.

    Raises:
        ValueError: no numbers, no axis besides that of the batch, or inputs of another size.
    """
    array = as_inexact(name, batch)
    have = array.shape
    require(len(have) >= 2, f"`{name}` must have an axis of the batch and at least one more, but has shape {have}.")
    entries = math.prod(have[1:])
    require(size in (None, entries), f"`{name}` must have {size} entries each, but has shape {have}.")
    require(most is None or entries <= most, f"`{name}` must have at most {most} entries each, but has shape {have}.")
    return as_numeric(name, array, ndim=None).reshape(have[0], -1)
