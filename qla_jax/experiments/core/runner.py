"""Run a study item by item, so that a kill costs one item at most: the work of the command `qla-jax study`.

Example:
    >>> from qla_jax.experiments.core.study import Findings, Study
    >>> items = {"a": lambda rows: {"x": 1}}
    >>> study = Study("one", "One", {"seed": 0}, items, lambda rows: Findings({"x": rows["a"]["x"]}))
    >>> report = run(study)
    >>> report["numbers"], report["failures"]
    ({'x': 1}, [])
"""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from qla_jax.experiments.core.directory import RunDirectory
from qla_jax.experiments.core.items import Items
from qla_jax.experiments.core.study import Study

Tell = Callable[[str, int, int], None]
"""Receiver of the item that begins, how many are done, and how many there are."""


def run(
    study: Study,
    directory: Path | RunDirectory | None = None,
    *,
    resume: bool = False,
    tell: Tell = lambda key, done, total: None,
) -> dict[str, Any]:
    """Run what is not done yet, and sum up.

    Args:
        study: study to run.
        directory: directory of its rows, or one that is open already; rows stay in memory without.
        resume: whether to go on with the rows in the directory.
        tell: called before each item, and once in the end with an empty key.

    Returns:
        The report as JSON has it: study, title, settings, rows and seconds by key, and the fields of `Findings`.

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
            here.pin("settings of the study", plain("settings", dict(study.settings)))
        return _report(study, Items() if here is None else here.items, tell)


def _report(study: Study, items: Items, tell: Tell) -> dict[str, Any]:
    for key, make in study.items.items():
        if key not in items.rows:
            tell(key, len(items.rows), len(study.items))
        items.result(key, partial(_row, key, make, items.rows))
    tell("", len(items.rows), len(study.items))
    rows = {key: items.rows[key] for key in study.items}
    found = plain("summary", asdict(study.summary(rows)))
    about = {"study": study.name, "title": study.title, "settings": plain("settings", dict(study.settings))}
    return about | {"rows": rows, "seconds": {key: items.seconds[key] for key in study.items}} | found


def _row(key: str, make: Callable[[dict[str, Any]], dict], rows: dict[str, Any]) -> dict:
    return plain(key, make(rows))


def plain(key: str, value: dict) -> dict:
    """Return a row as it comes back from a file, so that a resumed study has the very same rows.

    Raises:
        ValueError: a row that JSON does not have, or that has infinite numbers.
    """
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"`row` must be plain, finite JSON, but that of {key!r} is not: {error}.") from error
