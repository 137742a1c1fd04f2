"""`qla-jax phases`: phase factors of a formula."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from qla_jax._files import reserved
from qla_jax.cli.session import as_path, ending
from qla_jax.cli.terminal import console


def phases(
    expression: Annotated[
        str, typer.Argument(help="Even or odd formula in x, below 1 on [-1, 1]; after -- if it begins with a minus.")
    ],
    degree: Annotated[int, typer.Option(min=0, help="Degree of the polynomial that interpolates the formula.")],
    scale: Annotated[float, typer.Option(help="Factor of the formula, which is not rescaled otherwise.")] = 1.0,
    convention: Annotated[str, typer.Option(help="Convention of the phases: wx, reflection, qsvt, ...")] = "wx",
    output: Annotated[
        Path, typer.Option(parser=as_path, metavar="PATH", help="New JSON file for phases, coefficients and errors.")
    ] = Path("phases.json"),
    figure: Annotated[
        Path | None,
        typer.Option(
            parser=as_path,
            metavar="PATH",
            help="Picture of response and error, a new file; .png, .pdf or .svg by its name.",
        ),
    ] = None,
) -> None:
    """Find the phase factors of a function and write them to a file."""
    with ending(), ExitStack() as stack:
        write = stack.enter_context(reserved(output, "--output"))
        draw_to = stack.enter_context(reserved(figure, "--figure")) if figure else None
        form = "" if figure is None else _form(figure)
        from qla_jax.experiments.core import runner
        from qla_jax.experiments.core.figures import Plot
        from qla_jax.experiments.phases import job as phase_job
        from qla_jax.experiments.report.draw import draw_below_each_other, picture
        from qla_jax.experiments.report.render import as_json

        report = runner.run(phase_job.study(expression, degree, name=convention, scale=scale))
        if draw_to is not None:
            shown = [plot for plot in report.findings.plots if isinstance(plot, Plot)]
            draw_to(picture(draw_below_each_other(*shown), form))
        write(as_json(report.rows["phases"].report) + "\n")
    *told, last = report.findings.remarks
    for line in (*told, f"{last}, in {output}"):
        console.print(escape(line), soft_wrap=True, highlight=False)
    if report.findings.failures:
        raise typer.Exit(1)


def _form(figure: Path) -> str:
    """Return the format that a figure's name implies.

    Raises:
        ValueError: a name with an unknown ending.
    """
    from matplotlib.backend_bases import FigureCanvasBase

    form, known = figure.suffix.lower().removeprefix("."), FigureCanvasBase.filetypes
    if form not in known:
        raise ValueError(f"`--figure` must end in one of .{', .'.join(sorted(known))}, but is {figure}.")
    return form
