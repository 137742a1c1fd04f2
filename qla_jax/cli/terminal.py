"""What commands print: stages, bars, tables, and the last line."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from qla_jax.training import Epoch

console = Console()


def fail(error: BaseException, told: str | None = None) -> NoReturn:
    """Print an error in one line, and end with status 2."""
    line = " ".join((told or str(error)).split())
    console.print(f"[red]error:[/red] {escape(line)}", soft_wrap=True, highlight=False)
    raise typer.Exit(2) from error


def finish(report: dict) -> None:
    """Print the failures of a report, if there are any, and end with status 1."""
    for line in report["failures"]:
        console.print(f"[red]failed:[/red] {escape(line)}", soft_wrap=True, highlight=False)
    if report["failures"]:
        raise typer.Exit(1)


def tell_end(seconds: float, page: Path) -> None:
    """Print how long a command took and where its page is."""
    console.print(f"{seconds:.0f} s in all; {page}", highlight=False, soft_wrap=True)


def print_table(title: str, rows: list[list[str]], wrapped: int | None = None) -> None:
    """Print rows as a table, the first of them as its head; the column `wrapped` may break lines."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False, padding=0)
    for number, name in enumerate(rows[0]):
        table.add_column(name, justify="right" if number else "left", no_wrap=number != wrapped)
    for row in rows[1:]:
        table.add_row(*row)
    console.print(table)


class Bars:
    """Stages as lines, and epochs as a bar with loss and accuracy."""

    def __init__(self) -> None:
        columns = (
            TextColumn("  epoch"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
        )
        self.progress = Progress(*columns, console=console, transient=True)
        self.task: TaskID | None = None

    def __enter__(self) -> "Bars":
        self.progress.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.progress.stop()

    def stage(self, text: str) -> None:
        """Print the time and the name of a stage that begins."""
        if self.task is not None:
            self.progress.remove_task(self.task)
            self.task = None
        console.print(f"{datetime.now():%H:%M:%S}  {text}", highlight=False)

    def epoch(self, epoch: "Epoch", total: int) -> None:
        """Move the bar to an epoch that is done."""
        if self.task is None:
            self.task = self.progress.add_task("", total=total)
        told = f"loss {epoch.loss:.3f}  accuracy {epoch.accuracy:.3f}"
        self.progress.update(self.task, completed=epoch.number + 1, description=told)
        if epoch.number + 1 == total:
            console.print(f"          {total} epochs: {told}", highlight=False)


class ItemBar:
    """A bar over claims or items, with the name of the one that is running."""

    def __init__(self) -> None:
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        self.progress = Progress(*columns, console=console, transient=True)
        self.task = self.progress.add_task("", total=None, completed=-1)

    def __enter__(self) -> "ItemBar":
        self.progress.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.progress.stop()

    def claim(self, name: str, total: int) -> None:
        """Move the bar to a claim that begins."""
        self.progress.update(self.task, description=name, total=total, advance=1)

    def item(self, key: str, done: int, total: int) -> None:
        """Move the bar to an item that begins, after `done` others."""
        self.progress.update(self.task, description=key, total=total, completed=done)
