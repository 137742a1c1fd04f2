"""Writes a small image set as `tfds build --file_format=array_record` leaves one on disk, without TensorFlow.

    data_dir/NAME/VERSION/dataset_info.json                             name, version, format and sizes of the splits
    data_dir/NAME/VERSION/features.json                                 what an example holds
    data_dir/NAME/VERSION/NAME-SPLIT.array_record-00000-of-0000N        one tf.train.Example per record

Only the writing of the files is ours: the examples are serialized, and everything is read, by tfds itself.
"""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from array_record.python.array_record_module import ArrayRecordWriter
from PIL import Image
from tensorflow_datasets.core.example_serializer import ExampleSerializer

Example = Mapping[str, Any]


def png(image: np.ndarray) -> bytes:
    """A gray or RGB image (H, W, C) as PNG; float32 as the four bytes of each pixel, which is how tfds stores it."""
    pixels = image.view(np.uint8) if image.dtype == np.float32 else image
    buffer = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def image_features(
    shape: tuple[int | None, ...] = (None, None, 1), num_classes: int = 3, dtype: Any = np.uint8
) -> tfds.features.FeaturesDict:
    return tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=shape, dtype=dtype, encoding_format="png"),
            "label": tfds.features.ClassLabel(num_classes=num_classes),
        }
    )


def labeled(images: Sequence[np.ndarray], labels: Sequence[int]) -> list[Example]:
    return [{"image": png(image), "label": int(label)} for image, label in zip(images, labels, strict=True)]


def write_prepared_set(
    data_dir: Path,
    splits: Mapping[str, Sequence[Example]],
    features: tfds.features.FeaturesDict | None = None,
    *,
    name: str = "tiny_shapes",
    version: str = "1.0.0",
    file_format: str = "array_record",
    num_shards: int = 1,
) -> Path:
    """Writes the set and returns its folder. Another `file_format` is only claimed, to test what cannot be read."""
    features = features or image_features()
    folder = data_dir / name / version
    folder.mkdir(parents=True)
    features.save_config(str(folder))
    # Not `features.serialize_example`, which encodes arrays as PNG first, and that with TensorFlow.
    serializer = ExampleSerializer(features.get_serialized_info())
    infos = []
    for split, examples in splits.items():
        records = [serializer.serialize_example(example) for example in examples]
        shards = [list(shard) for shard in np.array_split(np.array(records, dtype=object), num_shards)]
        for i, shard in enumerate(shards):
            path = folder / f"{name}-{split}.{file_format}-{i:05d}-of-{num_shards:05d}"
            writer = ArrayRecordWriter(
                str(path), "group_size:1"
            )  # one record at a time is what random access reads best
            for record in shard:
                writer.write(record)
            writer.close()
        infos.append(
            {
                "name": split,
                "shardLengths": [str(len(shard)) for shard in shards],
                "numBytes": str(sum(map(len, records))),
                "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
            }
        )
    info = {"name": name, "version": version, "fileFormat": file_format, "splits": infos}
    (folder / "dataset_info.json").write_text(json.dumps(info))
    return folder
