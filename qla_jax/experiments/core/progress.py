"""What a run says while it goes on: one protocol for all of them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qla_jax.training import Epoch


class Progress:
    """Receiver of what a run says, which this one ignores; the command line draws it."""

    def item(self, key: str, done: int, total: int) -> None:
        """Take note of an item that begins after `done` others; the key is empty in the end."""

    def epoch(self, epoch: "Epoch", total: int) -> None:
        """Take note of an epoch of training that is done."""

    def note(self, text: str) -> None:
        """Take note of a line about the run."""
