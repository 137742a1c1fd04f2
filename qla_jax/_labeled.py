"""Checks of labeled images for training: finite floating-point images, and one integer label for each.

Example:
    >>> as_labels(np.array([0.0, 2.0])).tolist(), as_images(np.ones((1, 2), np.uint8)).dtype.kind
    ([0, 2], 'f')
"""

from typing import Any

import numpy as np

from qla_jax._checks import as_inexact


def as_images(images: Any) -> np.ndarray:
    """Return images as floats; integers, booleans and half precision are promoted.

    Raises:
        ValueError: a value that is not an array of numbers, or NaN or infinite entries; the message names the image.
    """
    floating = getattr(images, "dtype", None) in (np.float32, np.float64)
    found = np.asarray(images if floating else as_inexact("images", images))
    if not np.isfinite(found).all():
        place = int(np.argwhere(~np.isfinite(found.reshape(len(found), -1)))[0, 0])
        raise ValueError(f"`images` must be finite, but image {place} has NaN or infinite entries.")
    return found


def as_labels(labels: Any) -> np.ndarray:
    """Return labels as integers; floats with integer values are accepted.

    Raises:
        ValueError: more than one number for each image, such as one-hot vectors, or a label that is no integer.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise ValueError(f"`labels` must be one number for each image, but have shape {labels.shape}.")
    if labels.dtype.kind not in "iu":
        whole = labels.dtype.kind == "f" and bool(np.isfinite(labels).all() and (labels == np.floor(labels)).all())
        if not whole:
            raise ValueError(f"`labels` must be integers, but are of {labels.dtype}, the first of them {labels[0]}.")
        return labels.astype(np.int32)
    return labels
