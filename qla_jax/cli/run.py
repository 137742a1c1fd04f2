"""`qla-jax run`: the main job."""

from pathlib import Path
from typing import Annotated

import typer

from qla_jax.cli.terminal import RUNS, Bars, Output, fail, finish, fresh, print_table, tell_end


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
    output: Output = None,
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
        with Bars() as bars:
            report = run_job(job, bars)
            bars.stage("writing the report")
            write(report, directory)
    except (DatasetUnavailable, ValueError, FileNotFoundError) as error:
        fail(error)
    _show(report, directory)
    finish(report)


def _directory(output: Path | None, resume: bool) -> Path:
    if output is None and resume:
        known = sorted(path for path in RUNS.glob("*") if (path / "checkpoints").is_dir())
        if not known:
            raise FileNotFoundError("`--resume` needs a run to go on with, but there is none under runs/.")
        return known[-1]
    return output or fresh()


def _show(report: dict, directory: Path) -> None:
    from qla_jax.report.table import block_rows, regime_rows, summary_rows, terminal_rows

    print_table("networks", summary_rows(report))
    for network in report["networks"]:
        print_table(network["description"], block_rows(network))
        if rows := terminal_rows(network):
            print_table("its terminal block", rows)
        if rows := regime_rows(network):
            print_table("its costs, each block amplified, error 0.01 in the end", rows)
    tell_end(report["seconds"]["total"], directory / "report.html")
