"""Interface through which a run reports its progress."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qla_jax.training import Epoch


class Progress:
    """Receiver of the progress of a run. This one ignores it; the command line draws it."""

    def item(self, key: str, done: int, total: int) -> None:
        """Report an item that begins after `done` others; the key is empty at the end."""

    def epoch(self, epoch: "Epoch", total: int) -> None:
        """Report a finished epoch of training."""

    def note(self, text: str) -> None:
        """Report a line about the run."""
