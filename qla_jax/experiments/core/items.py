"""Results of finished items by key, in memory and in a file of lines: an interruption loses at most the running item.

A line is written by one call and synchronized before the next item begins. It carries a checksum: an incomplete line,
or one with a changed byte, is dropped, and its item is run again.

Example:
    >>> items = Items()
    >>> items.result("a", lambda: {"x": 1}), items.result("a", lambda: 1 / 0)
    ({'x': 1}, {'x': 1})
"""

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qla_jax._files import append, write


class Items:
    """Results by key, in the order in which they were finished.

    Attributes:
        path: file of the lines; with None the results are only in memory.
        rows: results as JSON restores them, so that a resumed run has exactly the same ones.
        seconds: time that each item took.
        damaged: number of lines of the file that were dropped.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.rows: dict[str, Any] = {}
        self.seconds: dict[str, float] = {}
        self.damaged = 0
        if path is not None and path.exists():
            self._restore(path)

    def result(self, key: str, make: Callable[[], Any]) -> Any:
        """Return the item's result, after making and keeping it if it is missing."""
        if key not in self.rows:
            started = time.perf_counter()
            self.keep(key, make(), time.perf_counter() - started)
        return self.rows[key]

    def keep(self, key: str, row: Any, seconds: float) -> None:
        """Keep a finished item.

        Raises:
            OSError: a line that cannot be written.
            TypeError: a result that is not plain JSON.
        """
        text = json.dumps([key, row, seconds])
        if self.path is not None:
            with self.path.open("ab", buffering=0) as file:
                append(file, _line(text))
        _, self.rows[key], self.seconds[key] = json.loads(text)

    def _restore(self, path: Path) -> None:
        lines = path.read_bytes().splitlines(keepends=True)
        intact = [line for line in lines if _text(line) is not None]
        self.damaged = len(lines) - len(intact)
        if self.damaged:
            write(path, b"".join(intact))
        for line in intact:
            key, row, seconds = json.loads(_text(line) or "")
            self.rows[key], self.seconds[key] = row, seconds


def _line(text: str) -> bytes:
    """Return the line of an item: its checksum, and key, row and seconds as JSON."""
    return f"{hashlib.sha256(text.encode()).hexdigest()[:16]} {text}\n".encode()


def _text(line: bytes) -> str | None:
    """Return the JSON of a line, or None for a damaged one."""
    text = line[17:-1].decode(errors="replace")
    return text if line == _line(text) else None
