"""Tables as data: a caption, and columns with a name and a meaning each.

Example:
    >>> columns = [Column("n", "{n}", "number"), Column("square", "{square:.1f}", "its square")]
    >>> found = table(columns, [{"n": 2, "square": 4}], caption="Squares of the first numbers.")
    >>> found.rows, found.columns[1].meaning
    ([['n', 'square'], ['2', '4.0']], 'its square')
"""

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qla_jax._checks import require


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: head of the column.
        cells: format of its cells, by fields of a dataclass or a mapping, or by places in a tuple; empty where cells
            are written by hand.
        meaning: description of the numbers with their unit, shown where a reader points at the head and in the legend.
    """

    name: str
    cells: str
    meaning: str


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
        rows: cells by row, the first row the head.
        caption: description of the table, in sentences.
        columns: columns in order, with their meanings.
    """

    rows: Sequence[Sequence[str]]
    caption: str
    columns: Sequence[Column]

    def __post_init__(self) -> None:
        require_caption("table", self.caption)
        require(
            len(self.columns) == len(self.rows[0]) and all(one.meaning for one in self.columns),
            f"`columns` must explain {self.rows[0]}, but explain {[one.name for one in self.columns if one.meaning]}.",
        )


def require_caption(name: str, caption: str) -> None:
    """Raise unless a figure or a table says what it shows.

    Args:
        name: name of the figure or the table.
        caption: caption of that figure or table.

    Raises:
        ValueError: an empty caption.
    """
    require(bool(caption.strip()), f"`caption` of {name!r} must say what it shows, but is empty.")


class _Cells(string.Formatter):
    """Format of a row by its names or places, with a dash for None."""

    def get_value(self, name: int | str, _: Any, row: Any) -> Any:
        return row[name] if isinstance(row, Mapping) or isinstance(name, int) else getattr(row, name)

    def format_field(self, value: Any, spec: str) -> str:
        return "-" if value is None else super().format_field(value, spec)


def table(columns: Sequence[Column], rows: Iterable[Any], *, caption: str) -> Table:
    """Return a table of results.

    Args:
        columns: columns in order.
        rows: results, one for each row: dataclasses, mappings or tuples.
        caption: description of the table, in sentences.
    """
    cells = [[_Cells().vformat(column.cells, (), row) for column in columns] for row in rows]
    return Table([[column.name for column in columns], *cells], caption, columns)


def written(columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]], *, caption: str) -> Table:
    """Return a table whose cells are text already.

    Args:
        columns: name and meaning of each column.
        rows: cells by row.
        caption: description of the table, in sentences.
    """
    explained = [Column(name, "", meaning) for name, meaning in columns]
    return Table([[name for name, _ in columns], *(list(row) for row in rows)], caption, explained)
