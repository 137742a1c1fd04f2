"""`qla-jax study`, `claims`, `costs` and `comparison`: measurements of claims, costs and networks."""

from pathlib import Path
from typing import Annotated

import typer

from qla_jax._files import digest
from qla_jax._processes import on_first
from qla_jax.cli.session import (
    Coordinator,
    Devices,
    Output,
    Process,
    Processes,
    Resume,
    batches_divided,
    carry_out,
    ending,
    session,
)
from qla_jax.cli.terminal import console, fail, show


def claims(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Claims to run; all of them by default.")] = None,
    trials: Annotated[int, typer.Option(min=1, help="Random instances of each size.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the instances.")] = 0,
    attack: Annotated[bool, typer.Option("--attack", help="Search for the worst instance by gradient ascent.")] = False,
    module: Annotated[
        Path | None, typer.Option(help="Python file with further claims, which are run by name like the others.")
    ] = None,
    table: Annotated[bool, typer.Option("--table", help="Print the sharper constants, and run nothing.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Print names and sources, and run nothing.")] = False,
    output: Output = None,
    resume: Resume = False,
    devices: Devices = None,
    coordinator: Coordinator = None,
    processes: Processes = None,
    process: Process = None,
) -> None:
    """Compare the theorems' bounds with measurements."""
    if table or listed:
        with ending():
            _print_claims(table, module)
        return
    with session(context, output, resume, "claims") as (here, options):
        from qla_jax.claims.catalogue import select
        from qla_jax.claims.modules import register_module
        from qla_jax.experiments import claims as claims_job

        if options["module"]:
            file = Path(options["module"])
            register_module(file)
            here.pin("claims of your own", {"sha256": digest(file)})
        chosen = select(options["names"] or ())
        asked = {"trials": options["trials"], "seed": options["seed"], "attacks": options["attack"]}
        with batches_divided(devices):
            report = carry_out(lambda progress: claims_job.study(chosen, **asked), here)
        on_first(lambda: claims_job.save_worst(chosen, report, here.path))
    show(report, here.path)


def _print_claims(table: bool, module: Path | None) -> None:
    from qla_jax.claims.catalogue import every
    from qla_jax.claims.modules import register_module
    from qla_jax.claims.sharper import markdown

    if table:
        console.print(markdown(), soft_wrap=True, highlight=False, markup=False)
        return
    if module:
        register_module(module)
    for claim in every():
        console.print(f"{claim.name:<42} {claim.source}", soft_wrap=True, highlight=False, markup=False)


def costs(
    context: typer.Context,
    regime: Annotated[
        str, typer.Option(help="a (memory), b (loaded, terminal block) or c (loaded, no memory); needed to begin.")
    ] = "",
    output: Output = None,
    resume: Resume = False,
) -> None:
    """Count the costs of a regime's networks, and compare fitted exponents with the paper's."""
    if not regime and not resume:
        fail(ValueError("`--regime` must be one of a, b and c, but none is given."))
    with session(context, output, resume, f"costs-{regime}") as (here, options):
        from qla_jax.experiments.costs import job as costs_job

        chosen = costs_job.CostsJob(options["regime"])
        report = carry_out(lambda progress: costs_job.study(chosen), here, lines=True)
    show(report, here.path)


def study(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of a study; without one all studies are listed.")] = "",
    output: Output = None,
    resume: Resume = False,
    quick: Annotated[bool, typer.Option("--quick", help="Run the small form: seconds instead of minutes.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Run the whole grid, where there is one: up to hours.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random draws.")] = 0,
    dataset: Annotated[str | None, typer.Option(help="Name of an image set, for studies that use images.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Directory of prepared sets.")] = None,
    devices: Devices = None,
    coordinator: Coordinator = None,
    processes: Processes = None,
    process: Process = None,
) -> None:
    """Run a study, with tables, figures and JSON, item by item, so that an interruption loses at most one item."""
    from qla_jax.experiments.core import registry as study_registry

    if not name and not resume:
        for known, entry in study_registry.STUDIES.items():
            console.print(f"{known:<20} {entry.about}", soft_wrap=True, highlight=False)
        return
    with ending():
        if quick and full:
            raise ValueError("`--full` must stand without `--quick`, but both are given.")
    with session(context, output, resume, name) as (here, options):
        from qla_jax.compiling import compile_quickly
        from qla_jax.experiments.core.study import Options

        if options["quick"]:
            compile_quickly()
        asked = Options(*(options[one] for one in ("quick", "seed", "dataset", "data_dir", "full")))
        report = carry_out(lambda progress: study_registry.build(options["name"], asked), here)
    show(report, here.path)


def comparison(context: typer.Context, output: Output = None, resume: Resume = False) -> None:
    """Run the networks that came before coherent ones, and print which parts are coherent and what they cost."""
    with session(context, output, resume, "comparison") as (here, _):
        from qla_jax.experiments.comparison import job as comparison_job

        report = carry_out(lambda progress: comparison_job.study(), here, lines=True)
    show(report, here.path)
