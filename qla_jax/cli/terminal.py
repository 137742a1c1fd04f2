"""What commands share: the terminal, bars, tables, directories of results, and how a command ends."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from qla_jax.training import Epoch

console = Console()
RUNS = Path("runs")
Output = Annotated[Path | None, typer.Option(help="Directory of the results; a new one under runs/ by default.")]


def fresh(name: str = "") -> Path:
    """A directory of results, named by the time."""
    return RUNS / f"{name}{'-' if name else ''}{datetime.now():%Y%m%d-%H%M%S}"


def fail(error: Exception) -> NoReturn:
    """One line, and status 2."""
    console.print(f"[red]error:[/red] {escape(str(error))}", soft_wrap=True, highlight=False)
    raise typer.Exit(2) from error


def finish(report: dict) -> None:
    """Status 1 where the report has failures, each of them told."""
    for line in report["failures"]:
        console.print(f"[red]failed:[/red] {escape(line)}", soft_wrap=True, highlight=False)
    if report["failures"]:
        raise typer.Exit(1)


def tell_end(seconds: float, page: Path) -> None:
    """How long it took, and where to look."""
    console.print(f"{seconds:.0f} s in all; {page}", highlight=False, soft_wrap=True)


def print_table(title: str, rows: list[list[str]], wrapped: int | None = None) -> None:
    """Rows, the first of them the head; the column `wrapped` may break lines."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False, padding=0)
    for number, name in enumerate(rows[0]):
        table.add_column(name, justify="right" if number else "left", no_wrap=number != wrapped)
    for row in rows[1:]:
        table.add_row(*row)
    console.print(table)


class Bars:
    """Stages as lines, epochs as a bar with loss and accuracy."""

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
        """A new stage begins."""
        if self.task is not None:
            self.progress.remove_task(self.task)
            self.task = None
        console.print(f"{datetime.now():%H:%M:%S}  {text}", highlight=False)

    def epoch(self, epoch: "Epoch", total: int) -> None:
        """An epoch of training is done."""
        if self.task is None:
            self.task = self.progress.add_task("", total=total)
        told = f"loss {epoch.loss:.3f}  accuracy {epoch.accuracy:.3f}"
        self.progress.update(self.task, completed=epoch.number + 1, description=told)
        if epoch.number + 1 == total:
            console.print(f"          {total} epochs: {told}", highlight=False)


class ItemBar:
    """A bar over claims or items, with the name of the one that is on."""

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
        """The next one begins."""
        self.progress.update(self.task, description=name, total=total, advance=1)

    def item(self, key: str, done: int, total: int) -> None:
        """An item begins behind so many that are done."""
        self.progress.update(self.task, description=key, total=total, completed=done)
