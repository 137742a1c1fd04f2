"""Directory of a run that several processes share: the first one reads and writes it, and tells the others.

All processes carry out every item, since the arrays of an item may be divided among all of their devices. The row that
the first process has kept is the row of all of them.
"""

from collections.abc import Mapping
from typing import Any

from qla_jax._processes import is_first, on_first, same_everywhere
from qla_jax.experiments.core.directory import RunDirectory, code_version
from qla_jax.experiments.core.items import Items


class SharedRun(RunDirectory):
    """`RunDirectory` of several processes, which all call the same methods in the same order.

    Attributes:
        path: path of the directory.
        settings: options of the run, the stored ones if it is resumed.
        items: finished items, the same in all processes.
        resumed: whether the run goes on with an earlier one.
        notices: lines about damaged files.

    Raises:
        ValueError: what `RunDirectory` raises, in all processes, or processes with other options or other code.
    """

    def __enter__(self) -> "SharedRun":
        same_everywhere("code", code_version())
        same_everywhere("options", (self.command, self.settings, self.resumed))
        on_first(self._enter_alone)
        self.settings, self.notices = on_first(lambda: (self.settings, self.notices))
        self.items = SharedItems(self.items if is_first() else Items())
        return self

    def _enter_alone(self) -> None:
        super().__enter__()

    def __exit__(self, kind: type | None, *failure: object) -> None:
        if is_first():
            super().__exit__(kind, *failure)

    def pin(self, what: str, now: Mapping[str, Any]) -> None:
        pinned, alike = super().pin, same_everywhere(what, dict(now))
        on_first(lambda: pinned(what, alike))

    def about(self) -> dict[str, str]:
        return on_first(super().about)


class SharedItems(Items):
    """Items of the first process, and their rows in all of them."""

    def __init__(self, held: Items) -> None:
        super().__init__()
        self.held, self.path = held, held.path
        self.rows, self.seconds, self.damaged = on_first(lambda: (held.rows, held.seconds, held.damaged))

    def keep(self, key: str, row: Any, seconds: float) -> None:
        def kept() -> tuple[Any, float]:
            self.held.keep(key, row, seconds)
            return self.held.rows[key], self.held.seconds[key]

        self.rows[key], self.seconds[key] = on_first(kept)
