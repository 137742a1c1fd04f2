"""`qla-jax phases`: phase factors of a formula."""

import io
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from qla_jax._files import reserved
from qla_jax.cli.session import ending
from qla_jax.cli.terminal import console

if TYPE_CHECKING:
    from qla_jax.experiments.phases.job import PhaseJob


def phases(
    expression: Annotated[
        str, typer.Argument(help="An even or odd formula in x, below 1 on [-1, 1]; after -- if it begins with a minus.")
    ],
    degree: Annotated[int, typer.Option(min=0, help="Degree of the polynomial that interpolates it.")],
    scale: Annotated[float, typer.Option(help="Factor of the expression; nothing is rescaled by itself.")] = 1.0,
    convention: Annotated[str, typer.Option(help="How the phases are to be read: wx, reflection, qsvt, ...")] = "wx",
    output: Annotated[Path, typer.Option(help="New JSON file for phases, coefficients and errors.")] = Path(
        "phases.json"
    ),
    figure: Annotated[
        Path | None, typer.Option(help="Picture of response and error, a new file; .png, .pdf or .svg by its name.")
    ] = None,
) -> None:
    """Find the phase factors of a function and write them to a file."""
    with ending(), ExitStack() as stack:
        write = stack.enter_context(reserved(output, "--output"))
        draw = stack.enter_context(reserved(figure, "--figure")) if figure else None
        form = "" if figure is None else _form(figure)
        from qla_jax.experiments.phases import job as phase_job

        job = phase_job.run(expression, degree, name=convention, scale=scale)
        if draw is not None:
            draw(_picture(job, form))
        write(phase_job.text(job))
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


def _form(figure: Path) -> str:
    """Return the format of a figure by its name.

    Raises:
        ValueError: a name that no format goes with.
    """
    from matplotlib.backend_bases import FigureCanvasBase

    form, known = figure.suffix.lower().removeprefix("."), FigureCanvasBase.filetypes
    if form not in known:
        raise ValueError(f"`--figure` must end in one of .{', .'.join(sorted(known))}, but is {figure}.")
    return form


def _picture(job: "PhaseJob", form: str) -> bytes:
    from qla_jax.experiments.report.phase_figures import response

    content = io.BytesIO()
    response(job.phases, job.coeffs, job.target, job.title).savefig(content, format=form)
    return content.getvalue()
