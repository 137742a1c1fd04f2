"""Epochs of one training on disk: saved by the first process, restored in all of them."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import Array

from qla_jax import checkpoints
from qla_jax._fingerprint import require_same
from qla_jax._placement import Placement, on_host
from qla_jax._processes import entered_on_first, on_first
from qla_jax.checkpoints import Notice


class Epochs:
    """Checkpoints of one training; without a directory all methods do nothing."""

    def __init__(
        self, directory: Path | None, config: Any, about: dict[str, str], notice: Notice, placed: Placement
    ) -> None:
        """Touch no file.

        Args:
            directory: directory of the epochs, or None for none.
            config: settings of the training, a dataclass.
            about: fingerprints of data and model.
            notice: function that is called with one line if a damaged checkpoint is skipped.
            placed: where the arrays of the training lie.
        """
        self.config = json.loads(json.dumps(asdict(config)))
        self.directory = None if directory is None else Path(directory)
        self.about, self.notice, self.placed = about, notice, placed

    def save(self, state: dict, history: Sequence[Sequence[float]]) -> None:
        """Write the state after the last epoch of the history."""
        if self.directory is None:
            return
        directory, arrays = self.directory, [on_host(leaf) for leaf in jax.tree.leaves(state)]
        notes = {"config": self.config, "data": self.about, "history": [list(epoch) for epoch in history]}
        on_first(lambda: checkpoints.save(directory, len(history), arrays, notes))

    @contextmanager
    def held(self, resume: bool) -> Iterator[None]:
        """Reserve the directory for this training."""
        if self.directory is None:
            yield
            return
        with entered_on_first(checkpoints.held(self.directory, resume)):
            yield

    def restore(self, state: dict) -> tuple[dict, list[Any]]:
        """Return the state and the history of the last intact epoch, or those given and none without an epoch.

        Args:
            state: state before training, which says where each array lies.

        Raises:
            ValueError: a checkpoint of other settings, data or another model, or no intact one.
        """
        found = None if self.directory is None else on_first(self._last)
        if found is None:
            return state, []
        arrays, notes = found
        require_same("settings", "the checkpoint", self.config, notes["config"])
        require_same("data", "the checkpoint", self.about, notes["data"])
        leaves, structure = jax.tree.flatten(state)
        restored = [self._like(leaf, array) for leaf, array in zip(leaves, arrays, strict=True)]
        return jax.tree.unflatten(structure, restored), notes["history"]

    def _last(self) -> tuple[list[np.ndarray], dict] | None:
        assert self.directory is not None
        if not checkpoints.epochs_in(self.directory):
            return None
        return checkpoints.last_intact(self.directory, self.notice)[1:]

    def _like(self, leaf: Array, array: np.ndarray) -> Array:
        """Return a stored array with the dtype and the devices of the leaf that it replaces."""
        # A file stores extended dtypes such as bfloat16 as bytes without a name.
        whole = array.view(leaf.dtype) if array.dtype != leaf.dtype else array
        return jax.device_put(whole, leaf.sharding) if self.placed.mesh is None else self.placed.put(whole)
