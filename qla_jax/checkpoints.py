"""Checkpoints of a training: the last two epochs, each complete and with a checksum for each of its files.

An epoch is a directory named by its number. `state.npz` holds the arrays in order, `notes.json` the settings, the
fingerprints of the data and the history, and `sha256.json` the checksums of both. The directory is written under
another name and then renamed. Training waits for the end of writing, since a background writer could not report a full
disk.

Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as there:
    ...     save(Path(there), 1, [np.arange(3.0)], {"history": []})
    ...     number, arrays, notes = last_intact(Path(there))
    >>> number, arrays, notes
    (1, [array([0., 1., 2.])], {'history': []})
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import nnx

from qla_jax._files import digest, locked, make_writable, partial_of, remove_empty, synchronize
from qla_jax._fingerprint import checksum, fingerprint

KEPT = 2
STATE, NOTES, CHECKSUMS = "state.npz", "notes.json", "sha256.json"
Notice = Callable[[str], None]


class Damaged(Exception):
    """Error for a checkpoint that differs from what was written; the message names the file."""


def epochs_in(directory: Path) -> list[int]:
    """Return the numbers of the stored epochs in increasing order, intact or not."""
    if not directory.is_dir():
        return []
    return sorted(int(path.name) for path in directory.iterdir() if path.is_dir() and path.name.isdigit())


def save(directory: Path, number: int, arrays: Sequence[Any], notes: Mapping[str, Any]) -> None:
    """Write the checkpoint of an epoch, and remove the epochs before the last two.

    Args:
        directory: directory of the epochs.
        number: number of the epoch.
        arrays: arrays of the state.
        notes: settings and history, as JSON.

    Raises:
        OSError: a checkpoint that cannot be written, for example on a full disk; earlier epochs are not changed.
    """
    whole = directory / str(number)
    partial = partial_of(whole)
    shutil.rmtree(partial, ignore_errors=True)  # left over from a run that was killed while it wrote
    try:
        partial.mkdir(parents=True)
        with (partial / STATE).open("wb") as file:
            np.savez(file, *map(np.asarray, arrays))
        (partial / NOTES).write_text(json.dumps(dict(notes)) + "\n")
        sums = {name: digest(partial / name) for name in (STATE, NOTES)}
        (partial / CHECKSUMS).write_text(json.dumps(sums) + "\n")
        for path in partial.iterdir():
            _synchronize_file(path)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    shutil.rmtree(whole, ignore_errors=True)  # a damaged checkpoint whose epoch was trained again
    partial.rename(whole)
    synchronize(directory)
    for old in [epoch for epoch in epochs_in(directory) if epoch != number][: 1 - KEPT]:
        shutil.rmtree(directory / str(old), ignore_errors=True)


def last_intact(directory: Path, notice: Notice = lambda line: None) -> tuple[int, list[np.ndarray], dict]:
    """Return the last intact epoch: its number, its arrays and its notes.

    Args:
        directory: directory with at least one epoch.
        notice: function that is called with one line if damaged epochs are skipped.

    Raises:
        ValueError: no intact epoch; the message names the damaged files and says how to start again.
    """
    damages = []
    for number in reversed(epochs_in(directory)):
        try:
            arrays, notes = load(directory / str(number))
        except Damaged as damage:
            damages.append(str(damage))
            continue
        if damages:
            notice(f"{'; '.join(damages)}: going on from the intact epoch {number} before")
        return number, arrays, notes
    raise ValueError(
        f"`directory` must hold an intact checkpoint, but {'; '.join(damages)}: remove {directory} to train afresh."
    )


def load(epoch: Path) -> tuple[list[np.ndarray], dict]:
    """Return the arrays and the notes of one epoch.

    Raises:
        Damaged: a file that is missing, cut short or changed.
    """
    try:
        sums = json.loads((epoch / CHECKSUMS).read_bytes())
    except (OSError, ValueError) as error:
        raise Damaged(f"{epoch / CHECKSUMS} is damaged") from error
    for name in (STATE, NOTES):
        try:
            intact = isinstance(sums, dict) and digest(epoch / name) == sums.get(name)
        except OSError as error:
            raise Damaged(f"{epoch / name} cannot be read") from error
        if not intact:
            raise Damaged(f"{epoch / name} is damaged")
    with np.load(epoch / STATE) as kept:
        return [kept[name] for name in kept.files], json.loads((epoch / NOTES).read_bytes())


@contextmanager
def held(directory: Path, resume: bool) -> Iterator[None]:
    """Reserve a directory for one training, which can write to it and overwrites nothing.

    Args:
        directory: directory of the epochs.
        resume: True to continue from the epochs in the directory.

    Raises:
        ValueError: a directory that cannot be written or is used by another process, or epochs without `resume`.
    """
    found = epochs_in(directory)
    if found and not resume:
        raise ValueError(
            f"`directory` must hold no checkpoints unless resume=True, but has {found[-1]} epochs of a run."
        )
    created = make_writable(directory, "directory", least_free=0)
    try:
        with locked(directory, "directory"):
            yield
    finally:
        remove_empty(created)


def began_with(model: nnx.Module, **data: np.ndarray) -> dict[str, str]:
    """Return fingerprints of the data, of the untrained weights and of the module settings of a training, as text.

    Args:
        model: untrained model.
        data: arrays by name.
    """
    leaves = [_plain(leaf) for leaf in jax.tree.leaves(nnx.state(model))]
    settings = [
        f"{'.'.join(map(str, path))}.{name}={value!r}"
        for path, node in nnx.iter_graph(model)
        if isinstance(node, nnx.Module)
        for name, value in sorted(vars(node).items())
        if not name.startswith("_") and _is_setting(value)
    ]
    parts = [*(f"{leaf.dtype}{leaf.shape}".encode() + leaf.tobytes() for leaf in leaves), "\n".join(settings).encode()]
    told = f"{type(model).__name__} of {len(leaves)} arrays, sha256 {checksum(b'|'.join(parts))}"
    return fingerprint(**data) | {"model": told}


def _is_setting(value: Any) -> bool:
    """Return whether a module's attribute has the same text in every process."""
    if isinstance(value, tuple):
        return all(map(_is_setting, value))
    return value is None or isinstance(value, bool | int | float | str)


def _plain(leaf: Any) -> np.ndarray:
    """Return a leaf as a NumPy array, a random key by its data."""
    is_key = jax.dtypes.issubdtype(getattr(leaf, "dtype", np.float32), jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


def _synchronize_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
