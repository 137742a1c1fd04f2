"""Checkpoints of a training: the last two epochs, each whole, with a checksum for each of its files.

An epoch is a directory named by its number: `state.npz` holds the arrays in order; `notes.json` the settings, the
fingerprints of the data and the history; `sha256.json` the checksums of both. It is written under another name and
renamed. Writing ends before training goes on: a writer in the background would report a full disk when nobody listens.

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
    """A checkpoint that is not as it was written; the message names the file."""


def epochs_in(directory: Path) -> list[int]:
    """Return the numbers of the epochs that are kept, rising, whether intact or not."""
    if not directory.is_dir():
        return []
    return sorted(int(path.name) for path in directory.iterdir() if path.is_dir() and path.name.isdigit())


def save(directory: Path, number: int, arrays: Sequence[Any], notes: Mapping[str, Any]) -> None:
    """Write an epoch, and remove those before the last two.

    Raises:
        OSError: a full disk, say; the epochs before are as they were.
    """
    whole = directory / str(number)
    partial = partial_of(whole)
    shutil.rmtree(partial, ignore_errors=True)  # of a kill
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
    shutil.rmtree(whole, ignore_errors=True)  # a damaged one that is done again
    partial.rename(whole)
    synchronize(directory)
    for old in [epoch for epoch in epochs_in(directory) if epoch != number][: 1 - KEPT]:
        shutil.rmtree(directory / str(old), ignore_errors=True)


def last_intact(directory: Path, notice: Notice = lambda line: None) -> tuple[int, list[np.ndarray], dict]:
    """Return the last epoch whose files are as they were written: its number, its arrays and its notes.

    Args:
        directory: the directory of epochs, at least one of them.
        notice: called with a line for each damaged epoch that is passed over.

    Raises:
        ValueError: no intact epoch; the message names the first damaged file and says how to start afresh.
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
    """Return arrays and notes of one epoch.

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
    """Keep a directory for one training, which can write to it and overwrites nothing.

    Raises:
        ValueError: a directory that cannot be written or that another process trains in, or epochs without `resume`.
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
    """Return what a training begins with, as text: its data, the untrained weights, and the settings of the modules."""
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
    """Return whether a module's attribute has a text that is the same in every process."""
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
