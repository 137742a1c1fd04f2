"""`qla-jax run`: the main job."""

from pathlib import Path
from typing import Annotated

import typer

from qla_jax.cli.session import Output, Resume, session
from qla_jax.cli.terminal import Bars, finish, print_table, tell_end


def run(
    context: typer.Context,
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
    seed: Annotated[int, typer.Option(min=0, help="Seed of the split, the weights, the shuffles and the samples.")] = 0,
    max_train: Annotated[int | None, typer.Option(min=1, help="Use at most so many training images.")] = None,
    max_test: Annotated[int | None, typer.Option(min=1, help="Use at most so many test images.")] = None,
    output: Output = None,
    resume: Resume = False,
) -> None:
    """Train coherent residual networks on real images and check every claim about them."""
    with session(context, output, resume) as (here, options):
        # Here rather than at the top: neither `qla-jax --help` nor another command should wait for flax and optax.
        from qla_jax.data import fingerprint, load
        from qla_jax.experiments.coherent.job import Job
        from qla_jax.experiments.coherent.job import run as run_job
        from qla_jax.experiments.report.page import write

        names = ("data_dir", "seed", "max_train", "max_test")
        images = load(options["dataset"], **{name: options[name] for name in names})
        here.pin("data", fingerprint(images))
        chosen = {name: options[name] for name in ("kind", "regime", "epochs", "seed")}
        job = Job(images, here.path, **chosen, resume=resume, items=here.items)
        with Bars() as bars:
            report = run_job(job, bars)
            bars.stage("writing the report")
            write(report, here.path)
    _show(report, here.path)
    finish(report)


def _show(report: dict, directory: Path) -> None:
    from qla_jax.experiments.report.table import block_rows, regime_rows, summary_rows, terminal_rows

    print_table("networks", summary_rows(report))
    for network in report["networks"]:
        print_table(network["description"], block_rows(network))
        if rows := terminal_rows(network):
            print_table("its terminal block", rows)
        if rows := regime_rows(network):
            print_table("its costs, each block amplified, error 0.01 in the end", rows)
    tell_end(report["seconds"]["total"], directory / "report.html")
