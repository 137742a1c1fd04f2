"""Run of a study item by item, so that an interruption loses at most one item: the work of every command.

Example:
    >>> from qla_jax.experiments.core.study import Findings, Study
    >>> items = {"a": lambda rows: {"x": 1}}
    >>> report = run(Study("one", "One", {"seed": 0}, items, lambda rows: Findings({"x": rows["a"]["x"]})))
    >>> report.findings.numbers, report.findings.failures
    ({'x': 1}, ())
"""

import json
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from qla_jax.experiments.core.directory import RunDirectory
from qla_jax.experiments.core.items import Items
from qla_jax.experiments.core.progress import Progress
from qla_jax.experiments.core.results import from_json, to_json
from qla_jax.experiments.core.study import Report, Study


def run(
    study: Study,
    directory: Path | RunDirectory | None = None,
    *,
    resume: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Run the items that are not finished yet, and summarize all.

    Args:
        study: study to run.
        directory: directory of its rows, or one that is open already; by default rows are only in memory.
        resume: whether to go on with the rows in the directory.
        progress: receiver of each item that begins.

    Raises:
        ValueError: rows in the directory without `resume`, rows of other settings, or an item whose row is not JSON.
    """
    opened: AbstractContextManager[RunDirectory | None] = nullcontext(None)
    if isinstance(directory, RunDirectory):
        opened = nullcontext(directory)
    elif directory is not None:
        opened = RunDirectory(directory, "study", {"name": study.name}, resume=resume)
    with opened as here:
        if here is not None:
            here.pin("settings of the study", plain("settings", study.settings))
        return _report(study, Items() if here is None else here.items, progress or Progress())


def _report(study: Study, items: Items, progress: Progress) -> Report:
    rows: dict[str, Any] = {}
    for key in study.items:
        if key not in items.rows:
            progress.item(key, len(items.rows), len(study.items))
        rows[key] = from_json(study.row, items.result(key, partial(_made, study, key, rows)))
    progress.item("", len(study.items), len(study.items))
    seconds = {key: items.seconds[key] for key in study.items}
    document = None if study.document is None else study.document(rows, seconds)
    return Report(study, rows, seconds, study.summary(rows if document is None else document), document)


def _made(study: Study, key: str, rows: dict[str, Any]) -> Any:
    return plain(key, study.items[key](rows), study.bounded)


def plain(key: str, value: Any, bounded: bool = True) -> Any:
    """Return a row as a file restores it, so that a resumed study has exactly the same rows.

    Args:
        key: key of the item, for the error.
        value: row of the item.
        bounded: whether all numbers have to be finite.

    Raises:
        ValueError: a row that is not plain JSON, or that has infinite numbers where they have to be finite.
    """
    try:
        return json.loads(json.dumps(to_json(value), allow_nan=not bounded))
    except (TypeError, ValueError) as error:
        raise ValueError(f"`row` must be plain, finite JSON, but that of {key!r} is not: {error}.") from error
