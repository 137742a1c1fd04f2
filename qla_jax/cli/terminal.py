"""Output of commands to the terminal: stages, progress bars, tables, and the last line."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import rich.progress
import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from qla_jax._processes import is_known_to_all
from qla_jax.experiments.core.progress import Progress

if TYPE_CHECKING:
    from qla_jax.experiments.core import tables as results
    from qla_jax.experiments.core.study import Report
    from qla_jax.training import Epoch

console = Console()
QUICK = "This is the quick form: small sizes and few repetitions, to see that it runs. It supports no conclusions."


def fail(error: BaseException, text: str | None = None) -> NoReturn:
    """Print an error in one line, and end with status 2.

    Args:
        error: error that ends the command.
        text: text to print instead of the error's own.
    """
    line = " ".join((text or str(error)).split())
    console.quiet = console.quiet and is_known_to_all(error)
    console.print(f"[red]error:[/red] {escape(line)}", soft_wrap=True, highlight=False)
    raise typer.Exit(2) from error


def show(report: "Report", directory: Path) -> None:
    """Print tables and remarks, the total time, and the path of the page; with failures, end with status 1.

    Args:
        report: report of a finished study.
        directory: directory of its files.
    """
    found = report.findings
    for title, one in found.tables.items():
        print_table(title, one)
    for section in found.sections:
        if section.tables:
            console.print(escape(section.title), highlight=False, soft_wrap=True)
        for title, one in section.tables.items():
            print_table(title, one)
    for line in (*found.remarks, *found.conclusions, *([QUICK] if found.quick else [])):
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    page = directory / f"{report.stem}.html"
    console.print(f"{sum(report.seconds.values()):.0f} s in all; {page}", highlight=False, soft_wrap=True)
    for line in found.failures:
        console.print(f"[red]failed:[/red] {escape(line)}", soft_wrap=True, highlight=False)
    if found.failures:
        raise typer.Exit(1)


def print_table(title: str, found: "results.Table") -> None:
    """Print a table; its first column may break lines.

    Args:
        title: title above the table.
        found: the table.
    """
    rows = found.rows
    shown = Table(title=escape(title), title_justify="left", box=box.SIMPLE, pad_edge=False, padding=0)
    for number, name in enumerate(rows[0]):
        shown.add_column(escape(name), justify="right" if number else "left", no_wrap=bool(number))
    for row in rows[1:]:
        shown.add_row(*map(escape, row))
    console.print(shown)


class Bars(Progress):
    """Progress bar over items, and one over epochs with loss and accuracy.

    Attributes:
        lines: whether an item that begins is also printed as a line, for items of minutes.
    """

    def __init__(self, *, lines: bool = False) -> None:
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        self.lines = lines
        self.bars = rich.progress.Progress(*columns, console=console, transient=True)
        self.items = self.bars.add_task("", total=None)
        self.epochs: TaskID | None = None

    def __enter__(self) -> "Bars":
        self.bars.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.bars.stop()

    def item(self, key: str, done: int, total: int) -> None:
        if self.epochs is not None:
            self.bars.remove_task(self.epochs)
            self.epochs = None
        self.bars.update(self.items, description=escape(key), total=total, completed=done)
        if self.lines and key:
            self.note(key)

    def epoch(self, epoch: "Epoch", total: int) -> None:
        if self.epochs is None:
            self.epochs = self.bars.add_task("", total=total)
        told = f"loss {epoch.loss:.3f}  accuracy {epoch.accuracy:.3f}"
        self.bars.update(self.epochs, completed=epoch.number + 1, description=f"epoch, {told}")
        if epoch.number + 1 == total:
            console.print(f"          {total} epochs: {told}", highlight=False)

    def note(self, text: str) -> None:
        console.print(f"{datetime.now():%H:%M:%S}  {text}", highlight=False, markup=False)
