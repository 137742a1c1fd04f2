"""`qla-jax run`: the main job, which trains and checks coherent residual networks."""

from pathlib import Path
from typing import Annotated

import typer

from qla_jax.cli.export import Form
from qla_jax.cli.session import Coordinator, Devices, Output, Process, Processes, Resume, carry_out, session
from qla_jax.cli.terminal import show


def run(
    context: typer.Context,
    dataset: Annotated[
        str, typer.Option(help="Image set: digits, or any prepared tensorflow-datasets set.")
    ] = "digits",
    data_dir: Annotated[Path | None, typer.Option(help="Directory of prepared sets.")] = None,
    regime: Annotated[
        str | None,
        typer.Option(help="Regime: a (terminal block), b (and bilinear) or c (bilinear); none by default."),
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="Network at the top of report.json; the regime's first by default.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Epochs of training; each kind's own by default.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the split, the weights, the shuffles and the samples.")] = 0,
    max_train: Annotated[int | None, typer.Option(min=1, help="Largest number of training images.")] = None,
    max_test: Annotated[int | None, typer.Option(min=1, help="Largest number of test images.")] = None,
    export: Annotated[
        Form | None,
        typer.Option(
            help="Write the circuit of each network's first block as a file of this format; large weights make large "
            "files, except with qref, which holds counts."
        ),
    ] = None,
    output: Output = None,
    resume: Resume = False,
    devices: Devices = None,
    coordinator: Coordinator = None,
    processes: Processes = None,
    process: Process = None,
) -> None:
    """Train coherent residual networks on real images and check every claim about them."""
    with session(context, output, resume) as (here, options):
        # Imported here: neither `qla-jax --help` nor another command should wait for flax and optax.
        from qla_jax.data import fingerprint, load
        from qla_jax.experiments.coherent import job as main_job

        names = ("data_dir", "seed", "max_train", "max_test")
        images = load(options["dataset"], **{name: options[name] for name in names})
        here.pin("data", fingerprint(images))
        chosen = {name: options[name] for name in ("kind", "regime", "epochs", "seed", "export")}
        job = main_job.Job(images, here.path, **chosen, resume=resume)
        report = carry_out(lambda progress: main_job.study(job, progress), here, lines=True)
    show(report, here.path)
