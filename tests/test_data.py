"""Image sets: the digits against scikit-learn, prepared sets against the pixels that were written."""

import logging
import sys
from collections import Counter

import numpy as np
import pytest
import tensorflow_datasets as tfds
from sklearn.datasets import load_digits

from qla_jax.data import DatasetUnavailable, ImageSet, load, resized
from tests.prepared_set import image_features, labeled, png, write_prepared_set


def random_images(num_images, height=5, width=7, channels=1, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (num_images, height, width, channels), dtype=np.uint8)


def cyclic(num_labels, num_classes=3):
    return np.arange(num_labels) % num_classes


def write_random_set(data_dir, num_train=12, num_test=5, channels=1, **kwargs):
    """The images that were written, by split."""
    images = {"train": random_images(num_train, channels=channels)}
    if num_test:
        images["test"] = random_images(num_test, channels=channels, seed=1)
    splits = {split: labeled(array, cyclic(len(array))) for split, array in images.items()}
    write_prepared_set(data_dir, splits, image_features((5, 7, channels)), **kwargs)
    return images


def as_loaded(images):
    """What `load` should make of uint8 images (n, H, W, C), in float64 and indexed one channel at a time."""
    return np.stack([images[..., c] / 255.0 for c in range(images.shape[-1])], axis=1)


def assert_equal_sets(left: ImageSet, right: ImageSet):
    for field in ("train_images", "train_labels", "test_images", "test_labels"):
        np.testing.assert_array_equal(getattr(left, field), getattr(right, field))
    assert (left.name, left.num_classes, left.source) == (right.name, right.num_classes, right.source)


def rows(images):
    """Each image as bytes, so that images can be counted."""
    return Counter(image.tobytes() for image in images)


# Digits


def test_digits_have_the_promised_shapes_types_and_range():
    digits = load()
    assert (digits.name, digits.num_classes) == ("digits", 10)
    assert digits.train_images.shape == (1437, 1, 8, 8) and digits.test_images.shape == (360, 1, 8, 8)
    assert digits.train_labels.shape == (1437,) and digits.test_labels.shape == (360,)
    for images, labels in ((digits.train_images, digits.train_labels), (digits.test_images, digits.test_labels)):
        assert images.dtype == np.float32 and labels.dtype == np.int32
        assert images.flags.c_contiguous
        assert images.min() == 0.0 and images.max() == 1.0


def test_digits_are_all_of_sklearns_each_in_one_part_with_its_label():
    digits, original = load(), load_digits()
    images = np.concatenate([digits.train_images, digits.test_images])
    labels = np.concatenate([digits.train_labels, digits.test_labels])
    # 16 times a multiple of 1/16 is exact, and the images are distinct: equal counts mean disjoint parts.
    written = Counter((image.tobytes(), label) for image, label in zip(original.images, original.target, strict=True))
    read = Counter(((16 * i[0].astype(float)).tobytes(), label) for i, label in zip(images, labels, strict=True))
    assert max(written.values()) == 1
    assert read == written


def test_the_split_of_the_digits_keeps_the_class_balance():
    digits, counts = load(), np.bincount(load_digits().target)
    expected = counts * 360 / 1797
    assert np.abs(np.bincount(digits.test_labels) - expected).max() < 1
    assert np.abs(np.bincount(digits.train_labels) - (counts - expected)).max() < 1


def test_the_split_of_the_digits_is_the_documented_one():
    """Pinned, because results are compared between runs: a new scikit-learn must not move it unseen."""
    digits = load()
    assert digits.train_labels[:12].tolist() == [3, 9, 1, 3, 1, 9, 4, 4, 2, 8, 3, 5]
    assert digits.test_labels[:12].tolist() == [7, 6, 3, 7, 7, 3, 2, 8, 9, 3, 2, 6]
    assert digits.source == "scikit-learn's digits, split 1437/360 stratified by label with seed 0"


def test_digits_depend_on_the_seed_and_on_nothing_else():
    assert_equal_sets(load(seed=1), load(seed=1))
    assert rows(load(seed=1).test_images) != rows(load().test_images)


def test_a_capped_set_of_digits_is_the_beginning_of_the_whole():
    whole, capped = load(), load(max_train=100, max_test=30)
    np.testing.assert_array_equal(capped.train_images, whole.train_images[:100])
    np.testing.assert_array_equal(capped.test_labels, whole.test_labels[:30])
    assert "100 of 1437 train" in capped.source and "30 of 360 test" in capped.source
    assert load(max_train=1437).source == whole.source


@pytest.mark.parametrize(
    ("argument", "value"), [("max_train", 0), ("max_test", -1), ("test_size", 0.0), ("test_size", 1.0)]
)
def test_an_impossible_size_is_named(argument, value):
    with pytest.raises(ValueError, match=rf"`{argument}` must .*, but is {value}\."):
        load(**{argument: value})


# Prepared sets


@pytest.mark.parametrize("channels", [1, 3], ids=["gray", "rgb"])
@pytest.mark.parametrize("num_shards", [1, 3])
def test_a_prepared_set_is_read_back_pixel_for_pixel(tmp_path, channels, num_shards):
    written = write_random_set(tmp_path, channels=channels, num_shards=num_shards)
    images = load("tiny_shapes", data_dir=tmp_path)
    assert images.train_images.shape == (12, channels, 5, 7) and images.test_images.shape == (5, channels, 5, 7)
    for read, original in ((images.train_images, written["train"]), (images.test_images, written["test"])):
        assert read.dtype == np.float32 and read.flags.c_contiguous
        np.testing.assert_array_equal(read, as_loaded(original).astype(np.float32))
    assert images.train_labels.dtype == np.int32
    np.testing.assert_array_equal(images.train_labels, cyclic(12))
    np.testing.assert_array_equal(images.test_labels, cyclic(5))
    assert images.num_classes == 3
    assert images.source == "tensorflow_datasets tiny_shapes/1.0.0, 12 train and 5 test images"


@pytest.mark.parametrize("name", ["mnist", "mnist:3.0.1"])
def test_a_set_that_tfds_has_code_for_is_read_from_its_files(tmp_path, name):
    original = random_images(20, 28, 28)
    examples = labeled(original, cyclic(20, 10))
    features = image_features((28, 28, 1), num_classes=10)
    write_prepared_set(tmp_path, {"train": examples, "test": examples[:10]}, features, name="mnist", version="3.0.1")
    images = load(name, data_dir=str(tmp_path))
    np.testing.assert_array_equal(images.train_images, as_loaded(original).astype(np.float32))
    np.testing.assert_array_equal(images.test_labels, np.arange(10))
    assert images.source == "tensorflow_datasets mnist/3.0.1, 20 train and 10 test images"


def test_float_images_are_read_as_they_are(tmp_path):
    original = np.random.default_rng(0).random((4, 5, 7, 1), dtype=np.float32)
    examples = labeled(original, cyclic(4))
    write_prepared_set(tmp_path, {"train": examples, "test": examples}, image_features((5, 7, 1), dtype=np.float32))
    np.testing.assert_array_equal(load("tiny_shapes", data_dir=tmp_path).train_images, original.transpose(0, 3, 1, 2))


@pytest.mark.parametrize(
    ("pixel", "message"),
    [(np.nan, "must be finite"), (np.inf, "must be finite"), (1.5, r"floats in \[0, 1\]"), (-0.5, r"in \[0, 1\]")],
)
def test_a_bad_pixel_is_named_with_its_image(tmp_path, pixel, message):
    original = np.zeros((4, 5, 7, 1), np.float32)
    original[2, 3, 1, 0] = pixel
    examples = labeled(original, cyclic(4))
    write_prepared_set(tmp_path, {"train": examples, "test": examples}, image_features((5, 7, 1), dtype=np.float32))
    with pytest.raises(ValueError, match=rf"{message}.* image 2 of split 'train'"):
        load("tiny_shapes", data_dir=tmp_path)


def test_a_set_without_a_test_split_is_divided_and_says_so(tmp_path):
    written = write_random_set(tmp_path, num_train=11, num_test=0)["train"]
    images = load("tiny_shapes", data_dir=tmp_path, test_size=0.25)
    assert len(images.test_images) == 3 and len(images.train_images) == 8
    assert rows(images.train_images) + rows(images.test_images) == rows(as_loaded(written).astype(np.float32))
    # The labels moved with their images.
    label_of = dict(zip(rows(as_loaded(written).astype(np.float32)), cyclic(11), strict=True))
    assert [label_of[image.tobytes()] for image in images.test_images] == images.test_labels.tolist()
    assert "divided at random with seed 0 because it has no test split, 8 train and 3 test images" in images.source
    assert_equal_sets(images, load("tiny_shapes", data_dir=tmp_path, test_size=0.25))
    other = load("tiny_shapes", data_dir=tmp_path, test_size=0.25, seed=1)
    assert rows(other.test_images) != rows(images.test_images)


@pytest.mark.parametrize("num_test", [5, 0], ids=["own-test", "divided"])
def test_a_cap_keeps_a_subset_drawn_from_all_and_says_so(tmp_path, num_test):
    write_random_set(tmp_path, num_train=40, num_test=num_test)
    whole, eight, four = (load("tiny_shapes", data_dir=tmp_path, max_train=cap) for cap in (None, 8, 4))
    assert len(eight.train_images) == 8 and rows(eight.train_images) <= rows(whole.train_images)
    np.testing.assert_array_equal(four.train_images, eight.train_images[:4])
    assert rows(eight.train_images) != rows(whole.train_images[:8])  # a sorted set must not lose its last classes
    np.testing.assert_array_equal(eight.test_images, whole.test_images)
    assert f"max_train keeps 8 of {len(whole.train_images)} train images" in eight.source
    assert "max_" not in whole.source


def test_a_cap_limits_what_is_read(tmp_path, monkeypatch):
    write_random_set(tmp_path, num_train=40)
    decoded = []
    feature, decode = tfds.features.Image, tfds.features.Image.decode_example_np
    monkeypatch.setattr(feature, "decode_example_np", lambda *a, **k: decoded.append(a) or decode(*a, **k))
    load("tiny_shapes", data_dir=tmp_path, max_train=6, max_test=2)
    assert len(decoded) == 8


def test_reading_is_silent_and_leaves_logging_as_it_was(tmp_path, capfd, caplog):
    write_random_set(tmp_path)
    caplog.set_level(logging.WARNING, logger="absl")
    load("tiny_shapes", data_dir=tmp_path)
    with pytest.raises(DatasetUnavailable):
        load("mnist", data_dir=tmp_path)
    assert logging.getLogger("absl").level == logging.WARNING
    assert "".join(capfd.readouterr()) == "" and caplog.records == []


# Sets that cannot be had


def assert_unavailable(*parts, name, data_dir=None):
    with pytest.raises(DatasetUnavailable) as caught:
        load(name, data_dir=data_dir)
    message = str(caught.value)
    assert "\n" not in message and message.startswith(f"Dataset {name!r} is unavailable: ")
    for part in parts:
        assert part in message
    return caught.value


PREPARE = "`tfds build mnist --file_format=array_record --data_dir=DIR`"


def test_a_set_that_is_not_prepared_names_the_folder_and_the_command(tmp_path):
    nothing = f"nothing is prepared in {tmp_path / 'mnist' / '3.0.1'}."
    assert_unavailable(nothing, PREPARE, "`--data-dir DIR`", name="mnist", data_dir=tmp_path)
    assert_unavailable(PREPARE, name="mnist", data_dir=tmp_path / "no_such_folder")


def test_nothing_is_downloaded(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a connection was tried")

    monkeypatch.setattr("socket.getaddrinfo", refuse)
    monkeypatch.setattr("socket.socket.connect", refuse)
    assert_unavailable(PREPARE, name="mnist", data_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["no_such_set", "not a name", "a/b/c/d", "no_such_space:set", "mnist:9.9.9"])
def test_an_unknown_name_is_an_unavailable_set(tmp_path, name):
    error = assert_unavailable("Check the name", "`--data-dir`", name=name, data_dir=tmp_path)
    assert isinstance(error.__cause__, Exception)


def test_a_set_of_ours_in_another_folder_is_unavailable(tmp_path):
    write_random_set(tmp_path / "here")
    assert_unavailable("not found", "`--data-dir`", name="tiny_shapes", data_dir=tmp_path / "there")


def test_tfrecord_is_named_as_what_cannot_be_read(tmp_path):
    examples = labeled(random_images(2, 28, 28), [0, 1])
    features = image_features((28, 28, 1), num_classes=10)
    splits = {"train": examples, "test": examples}
    write_prepared_set(tmp_path, splits, features, name="mnist", version="3.0.1", file_format="tfrecord")
    error = assert_unavailable("is in format tfrecord, not array_record", PREPARE, name="mnist", data_dir=tmp_path)
    assert isinstance(error.__cause__, NotImplementedError)


def test_a_missing_package_is_an_unavailable_set(tmp_path, monkeypatch):
    write_random_set(tmp_path)
    monkeypatch.setattr(tfds, "data_source", lambda *a, **k: (_ for _ in ()).throw(ImportError("No array_record")))
    assert_unavailable("No array_record. Install array_record.", name="tiny_shapes", data_dir=tmp_path)
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    assert_unavailable("pip install 'qla-jax[data]'", name="tiny_shapes", data_dir=tmp_path)
    assert len(load("digits").test_images) == 360


def test_broken_files_are_an_unavailable_set(tmp_path):
    write_random_set(tmp_path)
    folder = tmp_path / "tiny_shapes" / "1.0.0"
    (folder / "tiny_shapes-test.array_record-00000-of-00001").unlink()
    with pytest.raises(
        DatasetUnavailable, match=r"^Cannot read image 0 of split 'test' of dataset 'tiny_shapes': .*\.$"
    ):
        load("tiny_shapes", data_dir=tmp_path)
    (folder / "dataset_info.json").write_text("{")
    assert_unavailable("JSON", name="tiny_shapes", data_dir=tmp_path)


# Sets that are not labeled images of one size


def write_and_load(data_dir, splits, features=None):
    write_prepared_set(data_dir, splits, features)
    return load("tiny_shapes", data_dir=data_dir)


IMAGE = tfds.features.Image(shape=(5, 7, 1), encoding_format="png")
LABEL = tfds.features.ClassLabel(num_classes=3)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"image": IMAGE}, r"exactly one ClassLabel feature, but has \[\]"),
        ({"label": LABEL}, r"exactly one Image feature, but has \[\]"),
        ({"image": IMAGE, "label": np.int64}, r"exactly one ClassLabel feature, but has \[\]"),
        ({"image": IMAGE, "coarse": LABEL, "fine": LABEL}, r"ClassLabel feature, but has \['coarse', 'fine'\]"),
        ({"image": IMAGE, "mask": IMAGE, "label": LABEL}, r"exactly one Image feature, but has \['image', 'mask'\]"),
    ],
    ids=["no-label", "no-image", "integer-label", "two-labels", "two-images"],
)
def test_a_set_without_exactly_one_image_and_one_label_is_refused(tmp_path, features, message):
    features = tfds.features.FeaturesDict(features)
    pixels = png(random_images(1)[0])
    example = {key: pixels if feature is IMAGE else 1 for key, feature in features.items()}
    with pytest.raises(ValueError, match=message):
        write_and_load(tmp_path, {"train": [example] * 3, "test": [example]}, features)


def test_features_are_found_by_kind_whatever_their_names(tmp_path):
    features = tfds.features.FeaturesDict({"picture": IMAGE, "kind": LABEL, "id": np.int64})
    original = random_images(2)
    examples = [{"picture": png(image), "kind": i, "id": 7} for i, image in enumerate(original)]
    images = write_and_load(tmp_path, {"train": examples, "test": examples}, features)
    np.testing.assert_array_equal(images.train_images, as_loaded(original).astype(np.float32))
    np.testing.assert_array_equal(images.train_labels, [0, 1])


def test_images_of_unequal_sizes_are_refused(tmp_path):
    wide, tall = random_images(3), random_images(1, 7, 5)
    with pytest.raises(ValueError, match=r"one shape, here \(1, 5, 7\), but image 3 of split 'train' .*\(1, 7, 5\)"):
        write_and_load(tmp_path / "a", {"train": labeled([*wide, *tall], cyclic(4)), "test": labeled(wide, cyclic(3))})
    with pytest.raises(ValueError, match=r"one shape, here \(1, 5, 7\), but the test part .*\(1, 7, 5\)"):
        write_and_load(tmp_path / "b", {"train": labeled(wide, cyclic(3)), "test": labeled(tall, [0])})


def test_images_that_are_neither_gray_nor_rgb_are_refused(tmp_path):
    examples = labeled(random_images(2, channels=4), [0, 1])
    with pytest.raises(ValueError, match=r"gray \(H, W, 1\) or RGB \(H, W, 3\), but image 0 .* shape \(5, 7, 4\)"):
        write_and_load(tmp_path, {"train": examples, "test": examples}, image_features((5, 7, 4)))


def test_an_image_without_a_label_is_refused(tmp_path):
    original = random_images(3)
    splits = {"train": labeled(original, [0, 1, 2]), "test": labeled(original, [0, -1, 2])}
    with pytest.raises(ValueError, match=r"must lie in 0\.\.2, but that of image 1 of split 'test' .* is -1"):
        write_and_load(tmp_path, splits)


def test_a_set_without_training_images_is_refused(tmp_path):
    examples = labeled(random_images(1), [0])
    with pytest.raises(ValueError, match=r"must have a split 'train', but its splits are \['test'\]"):
        write_and_load(tmp_path / "a", {"test": examples})
    # One image goes to the test part, which leaves none.
    with pytest.raises(ValueError, match="at least one image, but there is none in split 'train'"):
        write_and_load(tmp_path / "b", {"train": examples})


def test_resized_images_keep_what_is_linear_and_say_so():
    rows = np.broadcast_to(np.arange(4.0)[:, None] / 4, (2, 1, 4, 4)).astype(np.float32)
    ramp = ImageSet("ramp", rows, np.zeros(2, np.int32), rows[:1], np.zeros(1, np.int32), 1, "here")
    large = resized(ramp, 8)
    assert large.train_images.shape == (2, 1, 8, 8)
    inside = (np.arange(8) + 0.5) / 2 - 0.5
    np.testing.assert_allclose(large.test_images[0, 0, 1:-1, 3], inside[1:-1] / 4, atol=1e-6)
    assert large.source == "here; resized from 4 x 4 to 8 x 8"
    np.testing.assert_allclose(resized(ramp, 4).train_images, rows, atol=1e-6)
    np.testing.assert_allclose(resized(ramp, 2).train_images.mean(), rows.mean(), atol=1e-6)
    with pytest.raises(ValueError, match="`side` must be at least 1, but is 0"):
        resized(ramp, 0)
