"""The command `qla-jax`."""

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

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
console = Console()


@app.callback()
def root() -> None:
    """Differentiable quantum linear algebra in JAX."""


@app.command()
def run(
    dataset: Annotated[str, typer.Option(help="digits, or any prepared tensorflow-datasets image set.")] = "digits",
    data_dir: Annotated[Path | None, typer.Option(help="Where prepared sets lie.")] = None,
    regime: Annotated[
        str | None,
        typer.Option(help="a (terminal block), b (and bilinear) or c (bilinear); neither by default."),
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="Network at the top of report.json; the regime's first by default.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs of training; each kind's own by default.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the split, the weights, the shuffles and the samples.")] = 0,
    max_train: Annotated[int | None, typer.Option(min=1, help="Use at most so many training images.")] = None,
    max_test: Annotated[int | None, typer.Option(min=1, help="Use at most so many test images.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Directory of the results; a new one under runs/ by default.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an interrupted run (the last one, or --output).")
    ] = False,
) -> None:
    """Train coherent residual networks on real images and check every claim about them."""
    # Here rather than at the top: neither `qla-jax --help` nor another command should wait for flax, orbax and optax.
    from qla_jax.data import DatasetUnavailable, load
    from qla_jax.report.page import write
    from qla_jax.studies.main_job import Job
    from qla_jax.studies.main_job import run as run_job

    try:
        directory = _directory(output, resume)
        images = load(dataset, data_dir=data_dir, seed=seed, max_train=max_train, max_test=max_test)
        job = Job(images, directory, kind=kind, regime=regime, epochs=epochs, seed=seed, resume=resume)
        with _Bars() as bars:
            report = run_job(job, bars)
            bars.stage("writing the report")
            write(report, directory)
    except (DatasetUnavailable, ValueError, FileNotFoundError) as error:
        _fail(error)
    _show(report, directory)
    for line in report["failures"]:
        console.print(f"[red]failed:[/red] {escape(line)}", soft_wrap=True, highlight=False)
    if report["failures"]:
        raise typer.Exit(1)


@app.command()
def phases(
    expression: Annotated[
        str, typer.Argument(help="An even or odd formula in x, below 1 on [-1, 1]; after -- if it begins with a minus.")
    ],
    degree: Annotated[int, typer.Option(min=0, help="Degree of the polynomial that interpolates it.")],
    scale: Annotated[float, typer.Option(help="Factor of the expression; nothing is rescaled by itself.")] = 1.0,
    convention: Annotated[str, typer.Option(help="How the phases are to be read: wx, reflection, qsvt, ...")] = "wx",
    output: Annotated[Path, typer.Option(help="JSON file for phases, coefficients and errors.")] = Path("phases.json"),
    figure: Annotated[
        Path | None, typer.Option(help="Picture of response and error; .png, .pdf or .svg by its name.")
    ] = None,
) -> None:
    """Find the phase factors of a function and write them to a file."""
    from qla_jax.report.phase_figures import response
    from qla_jax.studies import phase_job

    try:
        job = phase_job.run(expression, degree, name=convention, scale=scale)
        phase_job.write(job, output)
        if figure is not None:
            response(job.phases, job.coeffs, job.target, job.title).savefig(figure)
    except (ValueError, OSError) as error:
        _fail(error)
    found = job.phases
    other = ("odd", "even")[job.degree % 2]
    rows = {
        "degree": f"{job.degree}, {job.parity}; {other} coefficients up to {job.dropped:.1e} left out",
        "sup bound": f"{float(found.sup_bound):.9g}",
        "approximation error": f"{job.error:.3e} on {job.points} points",
        "residual": f"{float(found.residual):.3e}",
        "converged": "yes" if found.converged else "no",
        "phases": f"{len(found.values)} in the convention {found.convention}, in {output}",
    }
    for name, told in rows.items():
        console.print(f"{name:<20} {escape(told)}", soft_wrap=True, highlight=False)
    if not found.converged:
        raise typer.Exit(1)


@app.command()
def claims(
    names: Annotated[list[str] | None, typer.Argument(help="Claims to run; all of them by default.")] = None,
    trials: Annotated[int, typer.Option(min=1, help="Random instances of each size.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed of the instances.")] = 0,
    attack: Annotated[bool, typer.Option("--attack", help="Look for the worst instance by gradient ascent.")] = False,
    table: Annotated[bool, typer.Option("--table", help="Print the sharper constants, and run nothing.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="Directory of the results; a new one under runs/ by default.")
    ] = None,
) -> None:
    """Hold the theorems' bounds to measurement."""
    from qla_jax.claims.catalogue import select
    from qla_jax.claims.sharper import markdown
    from qla_jax.report.claims_page import claim_rows, write
    from qla_jax.studies import claims_job

    if table:
        console.print(markdown(), soft_wrap=True, highlight=False, markup=False)
        return
    directory = output or Path("runs") / f"claims-{datetime.now():%Y%m%d-%H%M%S}"
    try:
        job = claims_job.ClaimsJob(select(names or ()), directory, trials, seed, attack)
        with _ItemBar() as bar:
            report = claims_job.run(job, bar)
        write(report, directory)
    except (ValueError, OSError) as error:
        _fail(error)
    rows = [[f"{name}\n  {source}", *told] for name, source, *told in claim_rows(report)]
    _print("claims", rows, wrapped=0)
    console.print(f"{report['seconds']:.0f} s in all; {directory / 'claims.html'}", highlight=False)
    for line in report["failures"]:
        console.print(f"[red]failed:[/red] {escape(line)}", soft_wrap=True, highlight=False)
    if report["failures"]:
        raise typer.Exit(1)


@app.command()
def costs(
    regime: Annotated[str, typer.Option(help="a (memory), b (loaded, terminal block) or c (loaded, no memory).")],
    output: Annotated[
        Path | None, typer.Option(help="Directory of the results; a new one under runs/ by default.")
    ] = None,
) -> None:
    """Count what the networks of a regime cost, and set fitted exponents beside the paper's."""
    from qla_jax.report import costs_page
    from qla_jax.studies import costs_job

    directory = output or Path("runs") / f"costs-{regime}-{datetime.now():%Y%m%d-%H%M%S}"
    try:
        job = costs_job.CostsJob(regime)
        with _Bars() as bars:
            report = costs_job.run(job, bars.stage)
        costs_page.write(report, directory)
    except (ValueError, OSError) as error:
        _fail(error)
    _print(f"exponents, regime ({regime})", costs_page.exponent_rows(report))
    _print("blocks", costs_page.block_rows(report))
    _print("N from which on the depth is below the exact classical network", costs_page.crossing_rows(report))
    _print("without skip connections, W = N^(-1/2)", costs_page.ablation_rows(report))
    _print("W|x|^2, calls of x over the amplitude", costs_page.square_rows(report))
    console.print(f"{report['seconds']:.0f} s in all; {directory / 'costs.html'}", highlight=False)
    for line in report["failures"]:
        console.print(f"[red]failed:[/red] {escape(line)}", soft_wrap=True, highlight=False)
    if report["failures"]:
        raise typer.Exit(1)


@app.command()
def study(
    name: Annotated[str, typer.Argument(help="One of the studies; without one they are listed.")] = "",
    output: Annotated[
        Path | None, typer.Option(help="Directory of the results; a new one under runs/ by default.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the rows in --output.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="The small form, of seconds instead of minutes.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all that is drawn.")] = 0,
    dataset: Annotated[str | None, typer.Option(help="Images, where the study uses any.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where prepared sets lie.")] = None,
) -> None:
    """Run a study: tables, figures and JSON, item by item, so that a kill costs one item at most."""
    from qla_jax.data import DatasetUnavailable
    from qla_jax.report import study_page
    from qla_jax.studies import study_registry, study_runner
    from qla_jax.studies.study import Options

    if not name:
        for known, entry in study_registry.STUDIES.items():
            console.print(f"{known:<20} {entry.about}", soft_wrap=True, highlight=False)
        return
    directory = output or Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"
    try:
        if resume and output is None:
            raise ValueError("`--resume` must come with the `--output` to go on with, but none is given.")
        found = study_registry.build(name, Options(quick, seed, dataset, data_dir))
        with _ItemBar() as bar:
            report = study_runner.run(found, directory, resume=resume, tell=bar.item)
        study_page.write(report, directory)
    except (DatasetUnavailable, ValueError, OSError) as error:
        _fail(error)
    for title, rows in report["tables"].items():
        _print(title, rows, wrapped=0)
    for line in report["remarks"]:
        console.print(escape(line), highlight=False)
    seconds = sum(report["seconds"].values())
    console.print(f"{seconds:.0f} s in all; {directory / f'{name}.html'}", highlight=False, soft_wrap=True)
    for line in report["failures"]:
        console.print(f"[red]failed:[/red] {escape(line)}", soft_wrap=True, highlight=False)
    if report["failures"]:
        raise typer.Exit(1)


@app.command()
def comparison(
    output: Annotated[
        Path | None, typer.Option(help="Directory of the results; a new one under runs/ by default.")
    ] = None,
) -> None:
    """Run the networks that came before coherent ones, and print what is coherent and what it takes."""
    from qla_jax.report import comparison_page
    from qla_jax.studies import comparison_job

    directory = output or Path("runs") / f"comparison-{datetime.now():%Y%m%d-%H%M%S}"
    try:
        with _Bars() as bars:
            report = comparison_job.run(tell=bars.stage)
        comparison_page.write(report, directory)
    except (ValueError, OSError) as error:
        _fail(error)
    _print("found", comparison_page.verdict_rows(report), wrapped=0)
    _print("steps", [row[:-1] for row in comparison_page.cost_rows(report)], wrapped=0)
    console.print(f"{report['seconds']:.0f} s in all; {directory / 'comparison.html'}", highlight=False)


def main() -> None:
    """Entry point of the `qla-jax` script."""
    app()


def _fail(error: Exception) -> NoReturn:
    """One line, and status 2."""
    console.print(f"[red]error:[/red] {escape(str(error))}", soft_wrap=True, highlight=False)
    raise typer.Exit(2) from error


class _Bars:
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

    def __enter__(self) -> "_Bars":
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


class _ItemBar:
    """A bar over claims or items, with the name of the one that is on."""

    def __init__(self) -> None:
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
        self.progress = Progress(*columns, console=console, transient=True)
        self.task = self.progress.add_task("", total=None, completed=-1)

    def __enter__(self) -> "_ItemBar":
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


def _directory(output: Path | None, resume: bool) -> Path:
    runs = Path("runs")
    if output is None and resume:
        known = sorted(path for path in runs.glob("*") if (path / "checkpoints").is_dir())
        if not known:
            raise FileNotFoundError("`--resume` needs a run to go on with, but there is none under runs/.")
        return known[-1]
    return output or runs / f"{datetime.now():%Y%m%d-%H%M%S}"


def _show(report: dict, directory: Path) -> None:
    from qla_jax.report.table import block_rows, regime_rows, summary_rows, terminal_rows

    _print("networks", summary_rows(report))
    for network in report["networks"]:
        _print(network["description"], block_rows(network))
        if rows := terminal_rows(network):
            _print("its terminal block", rows)
        if rows := regime_rows(network):
            _print("its costs, each block amplified, error 0.01 in the end", rows)
    console.print(f"{report['seconds']['total']:.0f} s in all; {directory / 'report.html'}", highlight=False)


def _print(title: str, rows: list[list[str]], wrapped: int | None = None) -> None:
    table = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False, padding=0)
    for number, name in enumerate(rows[0]):
        table.add_column(name, justify="right" if number else "left", no_wrap=number != wrapped)
    for row in rows[1:]:
        table.add_row(*row)
    console.print(table)
