"""Image sets prepared by `tensorflow_datasets`, read through `tfds.data_source`, which needs no TensorFlow."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from typing import Any, NoReturn

import numpy as np
from jaxtyping import Float32, Int, Int32


class DatasetUnavailable(RuntimeError):
    """Error for a data set that is not available; the message says in one line why and what to do."""


def open_set(name: str, data_dir: str | PathLike[str] | None) -> Mapping[str, Any]:
    """Return the splits of a prepared set by name, each a sequence of examples with random access.

    Args:
        name: name of the set in tfds.
        data_dir: directory of prepared sets, or None for the default of tfds.

    Raises:
        DatasetUnavailable: the set is unknown, not prepared, or in another format than array_record.
    """
    try:
        # Imported here rather than at the top: it is slow to import, and the digits do not need it.
        import tensorflow_datasets as tfds
    except ImportError as error:
        _unavailable(name, _first_line(error), "Install it: pip install 'qla-jax[data]'.", error)

    prepare = f"Where TensorFlow and a network are available, `tfds build {name} --file_format=array_record "
    prepare += "--data_dir=DIR` prepares it; then pass DIR as `data_dir` (`--data-dir DIR`)."
    with _quiet_absl():
        try:
            builder = tfds.builder(name, data_dir=data_dir)
        # tfds has an error class for each thing that may be wrong with a name, a folder or its files.
        except Exception as error:
            check = "Check the name, and that `data_dir` (`--data-dir`) holds NAME/VERSION/dataset_info.json."
            _unavailable(name, _first_line(error), check, error)
        # Checked here because `data_source` returns no splits for an unprepared set, or raises an unrelated error.
        if not builder.is_prepared():
            _unavailable(name, f"nothing is prepared in {builder.data_dir}", prepare)
        try:
            return tfds.data_source(name, data_dir=data_dir, download=False)
        except (NotImplementedError, ValueError) as error:  # the first if `data_dir` is given, the second if not
            formats = ", ".join(sorted(format.value for format in builder.info.available_file_formats()))
            _unavailable(name, f"{builder.data_dir} is in format {formats}, not array_record", prepare, error)
        except ImportError as error:  # array_record is not built for every system
            _unavailable(name, _first_line(error), "Install array_record.", error)


def _unavailable(name: str, reason: str, remedy: str, cause: Exception | None = None) -> NoReturn:
    raise DatasetUnavailable(f"Dataset {name!r} is unavailable: {reason}. {remedy}") from cause


def _first_line(error: Exception) -> str:
    """Return the first line of an error: messages of tfds may list every known set, one on each line."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")


@contextmanager
def _quiet_absl() -> Iterator[None]:
    """Silence the warnings of tfds about the folders that it searches and the decoders that it prefers."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def feature_keys(name: str, features: Any) -> tuple[str, str]:
    """Return the keys of the one image and the one class label in each example.

    Args:
        name: name of the set, for error messages.
        features: description of the features of the set by tfds.

    Raises:
        ValueError: no image or label, or more than one.
    """
    import tensorflow_datasets as tfds

    keys = []
    for kind in (tfds.features.Image, tfds.features.ClassLabel):
        found = sorted(key for key, feature in getattr(features, "items", dict)() if isinstance(feature, kind))
        if len(found) != 1:
            raise ValueError(f"Dataset {name!r} must have exactly one {kind.__name__} feature, but has {found}.")
        keys += found
    return keys[0], keys[1]


def read(
    records: Sequence[Mapping[str, Any]],
    indices: Int[np.ndarray, " n"],
    keys: tuple[str, str],
    num_classes: int,
    where: str,
) -> tuple[Float32[np.ndarray, "n channels height width"], Int32[np.ndarray, " n"]]:
    """Return the images and labels at given positions of a split, in the given order.

    Args:
        records: split of a prepared set.
        indices: positions in the split.
        keys: keys of image and label in an example.
        num_classes: number of classes, above every label.
        where: name of the split, for error messages.

    Raises:
        DatasetUnavailable: an image that cannot be read.
        ValueError: no images, images of different shapes or with pixels out of range, or labels out of range.
    """
    if not len(indices):
        raise ValueError(f"There must be at least one image, but there is none in {where}.")
    image_key, label_key = keys
    images: list[np.ndarray] = []
    labels: list[int] = []
    with _quiet_absl():
        for index in indices:
            here = f"image {index} of {where}"
            try:
                example = records[int(index)]
            except (OSError, RuntimeError) as error:  # a shard or an image in it is missing or cut short
                raise DatasetUnavailable(f"Cannot read {here}: {_first_line(error)}. Prepare the set anew.") from error
            images.append(_pixels(example[image_key], here))
            labels.append(example[label_key])
            require_shape(images[-1].shape, images[0].shape, here)
            if not 0 <= labels[-1] < num_classes:  # -1 is how tfds marks a test image without a label
                raise ValueError(f"Labels must lie in 0..{num_classes - 1}, but that of {here} is {labels[-1]}.")
    return np.stack(images), np.array(labels, np.int32)


def _pixels(image: np.ndarray, here: str) -> Float32[np.ndarray, "channels height width"]:
    """Return an image of shape (row, column, channel) as floats in [0, 1] of shape (channel, row, column)."""
    if image.ndim != 3 or image.shape[2] not in (1, 3):
        raise ValueError(f"Images must be gray (H, W, 1) or RGB (H, W, 3), but {here} has shape {image.shape}.")
    pixels = image.transpose(2, 0, 1).astype(np.float32, order="C")
    if image.dtype == np.uint8:
        return pixels / 255
    if not np.isfinite(pixels).all():
        raise ValueError(f"Pixels must be finite, but {here} has NaN or infinite ones.")
    if not (np.issubdtype(image.dtype, np.floating) and 0 <= pixels.min() and pixels.max() <= 1):
        raise ValueError(
            "Pixels must be uint8, or floats in [0, 1], "
            f"but {here} is {image.dtype} in [{pixels.min()}, {pixels.max()}]."
        )
    return pixels


def require_shape(shape: tuple[int, ...], expected: tuple[int, ...], here: str) -> None:
    if shape != expected:
        raise ValueError(f"All images of a set must have one shape, here {expected}, but {here} has shape {shape}.")
