"""Run a study item by item, so that a kill costs one item at most: the work of the command `qla-jax study`.

Finished rows go into NAME.jsonl, a line each behind one of settings. A line is written by one call and synchronised
before the next item begins; what a kill leaves of a line is cut off when the study is resumed.

Example:
    >>> import tempfile
    >>> from qla_jax.studies.study import Findings, Study
    >>> items = {"a": lambda rows: {"x": 1}}
    >>> study = Study("one", "One", {"seed": 0}, items, lambda rows: Findings({"x": rows["a"]["x"]}))
    >>> with tempfile.TemporaryDirectory() as there:
    ...     report = run(study, Path(there))
    >>> report["numbers"], report["failures"]
    ({'x': 1}, [])
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from qla_jax.studies.study import Study

Tell = Callable[[str, int, int], None]
"""Which item begins, how many are done, how many there are."""


def run(
    study: Study,
    directory: Path,
    *,
    resume: bool = False,
    tell: Tell = lambda key, done, total: None,
) -> dict[str, Any]:
    """Run what is not done yet, and sum up.

    Args:
        study: which.
        directory: of its rows.
        resume: go on with the rows that are there.
        tell: called before each item, and once in the end with an empty key.

    Returns:
        The report as JSON has it: study, title, settings, rows and seconds by key, and the fields of `Findings`.

    Raises:
        ValueError: rows in the directory without `resume`, rows of other settings, or an item whose row is not JSON.
    """
    log = _Log(study, directory / f"{study.name}.jsonl", resume)
    with log:
        for key, make in study.items.items():
            if key not in log.rows:
                tell(key, len(log.rows), len(study.items))
                started = time.perf_counter()
                log.append(key, make(log.rows), time.perf_counter() - started)
        tell("", len(log.rows), len(study.items))
    rows = {key: log.rows[key] for key in study.items}
    found = asdict(study.summary(rows))
    about = {"study": study.name, "title": study.title, "settings": dict(study.settings)}
    return about | {"rows": rows, "seconds": {key: log.seconds[key] for key in study.items}} | _plain("summary", found)


class _Log:
    """The file of finished rows."""

    def __init__(self, study: Study, path: Path, resume: bool) -> None:
        self.path = path
        self.rows: dict[str, dict] = {}
        self.seconds: dict[str, float] = {}
        self.head = _plain("settings", {"study": study.name, "settings": dict(study.settings)})
        whole = _whole_lines(path)
        if whole and not resume:
            raise ValueError(f"`output` must hold no rows of this study unless it is resumed, but {path} is there.")
        if whole:
            self._restore([json.loads(line) for line in whole])

    def __enter__(self) -> "_Log":
        self.path.parent.mkdir(parents=True, exist_ok=True)
        kept = sum(len(line) for line in _whole_lines(self.path))
        self.file = open(self.path, "ab", buffering=0)
        self.file.truncate(kept)
        if not kept:
            self._write(self.head)
        return self

    def __exit__(self, *failure: object) -> None:
        self.file.close()

    def append(self, key: str, row: dict, seconds: float) -> None:
        entry = _plain(key, {"key": key, "row": row, "seconds": seconds})
        self._write(entry)
        self.rows[key], self.seconds[key] = entry["row"], entry["seconds"]

    def _write(self, entry: dict) -> None:
        self.file.write(json.dumps(entry).encode() + b"\n")
        os.fsync(self.file.fileno())

    def _restore(self, entries: list[dict]) -> None:
        head, *entries = entries
        now, was = (found["settings"] | {"study": found["study"]} for found in (self.head, head))
        for name in {**was, **now}:
            if now.get(name) != was.get(name):
                told = f"{name} is {now.get(name)!r} and was {was.get(name)!r}"
                raise ValueError(f"`resume` must go on with the settings of {self.path}, but {told}.")
        for entry in entries:
            self.rows[entry["key"]], self.seconds[entry["key"]] = entry["row"], entry["seconds"]


def _whole_lines(path: Path) -> list[bytes]:
    if not path.exists():
        return []
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def _plain(key: str, value: dict) -> dict:
    """As it comes back from the file, so that a resumed study has the very same rows."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"`row` must be plain, finite JSON, but that of {key!r} is not: {error}.") from error
