"""Checks of sizes, made when a module is built, and checks of batches, made when a module is called."""

import math
from typing import Any

from jax import Array

from qla_jax._checks import as_inexact, as_integer, as_integers, as_numeric, require, require_callable, require_kind
from qla_jax.arithmetic import Format


def as_sizes(**sizes: Any) -> tuple[int, ...]:
    """Return sizes as integers, in the order given.

    Raises:
        ValueError: a size that is not an integer of at least 1; the message has its name.
    """
    return tuple(as_integer(name, size, least=1) for name, size in sizes.items())


def require_parts(readout: Any, format: Any) -> None:
    """Raise a TypeError for parts of a network that are of another kind.

    Args:
        readout: a callable, or None.
        format: a `Format`, or None.
    """
    if readout is not None:
        require_callable("readout", readout)
    if format is not None:
        require_kind("format", format, Format)


def as_image_shape(shape: Any) -> tuple[int, int, int]:
    """Return the shape of an image, (channels, rows, columns), as integers.

    Raises:
        ValueError: a shape that is not three integers of at least 1.
    """
    found = as_integers("shape", shape, least=1)
    require(len(found) == 3, f"`shape` must be (channels, rows, columns), but is {found}.")
    return found[0], found[1], found[2]


def as_images(images: Any, wanted: tuple[int | None, int | None, int | None]) -> Array:
    """Return a batch of images after a check of its channels, rows and columns.

    Args:
        images: batch of images.
        wanted: channels, rows and columns that each image must have; None stands for any number.

    Raises:
        ValueError: images that are not numbers, of another rank or of other sizes; entries that are not finite, unless
            the images are traced.
    """
    told = ", ".join("any" if size is None else str(size) for size in wanted)
    array = as_inexact("images", images)
    have = array.shape
    fits = len(have) == 4 and all(size in (None, side) for size, side in zip(wanted, have[1:], strict=True))
    require(fits, f"`images` must have shape (batch, channels, rows, columns) = (any, {told}), but has {have}.")
    return as_numeric("images", array, ndim=4)


def as_rows(name: str, batch: Any, *, size: int | None = None, most: int | None = None) -> Array:
    """Return a batch of inputs with each input flattened to a row.

    Args:
        name: name of the argument in error messages.
        batch: inputs of any shape, along the first axis.
        size: number of entries that each input must have; any number unless given.
        most: largest number of entries that an input may have.

    Raises:
        ValueError: a batch that is not numbers or has no axis besides the first, or inputs of another size.
    """
    array = as_inexact(name, batch)
    have = array.shape
    require(len(have) >= 2, f"`{name}` must have an axis of the batch and at least one more, but has shape {have}.")
    entries = math.prod(have[1:])
    require(size in (None, entries), f"`{name}` must have {size} entries each, but has shape {have}.")
    require(most is None or entries <= most, f"`{name}` must have at most {most} entries each, but has shape {have}.")
    return as_numeric(name, array, ndim=None).reshape(have[0], -1)
